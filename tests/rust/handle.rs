// SPDX-License-Identifier: Apache-2.0
//! Objects that the caller holds: handles, frames, late frees.

mod support;

use pyo3::prelude::*;
use pyo3::types::PyList;
use python4j_core::{Error, gil, handle};
use support::{python, turn};

/// An object and its reference count as Python sees it, less the one of asking.
fn references(object: &Bound<'_, PyAny>) -> usize {
    let count: usize = object
        .py()
        .import("sys")
        .and_then(|sys| sys.getattr("getrefcount"))
        .and_then(|count| count.call1((object,)))
        .and_then(|n| n.extract())
        .unwrap();
    count
}

#[test]
fn a_handle_keeps_its_object_until_it_is_taken_back() {
    python(|py| {
        let list = PyList::empty(py).into_any();
        let before = references(&list);
        let held = handle::give(list.clone(), handle::NO_FRAME);
        assert_eq!(references(&list), before + 1);
        assert!(handle::lend(py, held).unwrap().is(&list));
        handle::take_back(py, held);
        assert_eq!(references(&list), before);
    });
}

#[test]
fn stale_and_made_up_handles_are_errors() {
    python(|py| {
        let held = handle::give(py.None().into_bound(py), handle::NO_FRAME);
        handle::take_back(py, held);
        handle::take_back(py, held);
        for wrong in [held, 0, 1, u64::MAX, held ^ 1 << 40] {
            assert!(matches!(handle::lend(py, wrong), Err(Error::StaleHandle)));
        }
        // The place is used again, the old key stays stale.
        let next = handle::give(py.None().into_bound(py), handle::NO_FRAME);
        assert!(handle::lend(py, held).is_err());
        handle::take_back(py, next);
    });
}

#[test]
fn closing_a_frame_frees_its_objects_and_no_others() {
    python(|py| {
        let (inside, outside) = (PyList::empty(py).into_any(), PyList::empty(py).into_any());
        let (inside_before, outside_before) = (references(&inside), references(&outside));
        let frame = handle::open_frame(handle::NO_FRAME);
        let held = handle::give(inside.clone(), frame);
        let other = handle::give(outside.clone(), handle::NO_FRAME);
        handle::close_frame(py, frame);
        assert_eq!(references(&inside), inside_before);
        assert_eq!(references(&outside), outside_before + 1);
        assert!(handle::lend(py, held).is_err());
        handle::take_back(py, other);
        handle::close_frame(py, frame);
    });
}

#[test]
fn a_frame_that_is_closed_already_keeps_nothing() {
    python(|py| {
        let list = PyList::empty(py).into_any();
        let before = references(&list);
        let frame = handle::open_frame(handle::NO_FRAME);
        handle::close_frame(py, frame);
        let count = handle::count();
        assert!(handle::lend(py, handle::give(list.clone(), frame)).is_err());
        let held = handle::give(list.clone(), handle::NO_FRAME);
        handle::move_to(py, held, frame).unwrap();
        assert!(handle::lend(py, held).is_err());
        handle::free_late(py);
        assert_eq!((handle::count(), references(&list)), (count, before));
        // What belongs to a host and to no frame is kept, although no such frame was ever opened.
        let held = handle::give(list.clone(), handle::root(7));
        assert!(handle::lend(py, held).is_ok());
        handle::take_back(py, held);
    });
}

#[test]
fn an_object_moves_between_frames_and_back() {
    python(|py| {
        let (outer, inner) = (
            handle::open_frame(handle::NO_FRAME),
            handle::open_frame(handle::NO_FRAME),
        );
        let held = handle::give(py.None().into_bound(py), inner);
        handle::move_to(py, held, outer).unwrap();
        handle::move_to(py, held, inner).unwrap();
        handle::move_to(py, held, outer).unwrap();
        handle::close_frame(py, inner);
        assert!(handle::lend(py, held).is_ok());
        handle::move_to(py, held, handle::NO_FRAME).unwrap();
        handle::close_frame(py, outer);
        assert!(handle::lend(py, held).is_ok());
        handle::take_back(py, held);
        assert!(handle::move_to(py, held, outer).is_err());
    });
}

#[test]
fn late_frees_wait_for_a_thread_inside() {
    let (frame, single) = python(|py| {
        let frame = handle::open_frame(handle::NO_FRAME);
        let single = handle::give(py.None().into_bound(py), handle::NO_FRAME);
        (handle::give(py.None().into_bound(py), frame), (frame, single))
    });
    let (inside, (frame, single)) = (frame, single);
    std::thread::spawn(move || {
        handle::take_back_late(single);
        handle::close_frame_late(frame);
    })
    .join()
    .unwrap();
    python(|py| {
        assert!(handle::lend(py, single).is_err());
        assert!(handle::lend(py, inside).is_err());
    });
}

/// pyo3 is not told of such an operation, and keeps what is dropped then.
#[test]
fn what_a_brief_operation_frees_is_gone_when_it_ends() {
    let _turn = turn();
    let list = gil::with(|py| PyList::empty(py).into_any().unbind());
    let now = || gil::briefly(|py| references(list.bind(py)));
    let before = now();
    let frame = handle::open_frame(handle::NO_FRAME);
    let give = |frame| gil::briefly(|py| handle::give(list.bind(py).clone(), frame));
    let single = give(handle::NO_FRAME);
    give(frame);
    assert_eq!(now(), before + 2);
    gil::briefly(|py| handle::take_back(py, single));
    assert_eq!(now(), before + 1);
    handle::close_frame_late(frame);
    gil::briefly(handle::free_late);
    assert_eq!(now(), before);
    give(frame); // which is closed
    assert_eq!(now(), before);
    gil::with(|py| list.drop_ref(py));
}

#[test]
fn what_is_late_is_done_in_its_order() {
    let (frame, [moved, left]) = python(|py| {
        let frame = handle::open_frame(handle::NO_FRAME);
        (
            frame,
            [(); 2].map(|()| handle::give(py.None().into_bound(py), frame)),
        )
    });
    std::thread::spawn(move || {
        handle::move_late(moved, handle::NO_FRAME);
        handle::close_frame_late(frame);
        handle::move_late(left, handle::NO_FRAME);
    })
    .join()
    .unwrap();
    python(|py| {
        assert!(handle::lend(py, moved).is_ok());
        assert!(handle::lend(py, left).is_err());
        handle::take_back(py, moved);
    });
}

#[test]
fn a_destructor_may_use_handles() {
    python(|py| {
        support::run(
            py,
            "class D:\n    def __del__(self): gone.append(1)\ngone = []\nd = D()",
        )
        .unwrap();
        let frame = handle::open_frame(handle::NO_FRAME);
        let globals = python4j_core::context::globals(py).unwrap();
        handle::give(globals.get_item("d").unwrap().unwrap(), frame);
        support::run(py, "del d").unwrap();
        assert_eq!(support::repr(py, "gone"), "[]");
        handle::close_frame(py, frame);
        assert_eq!(support::repr(py, "gone"), "[1]");
    });
}

#[test]
fn making_an_error_of_an_exception_runs_nobodys_finalizers() {
    python(|py| {
        support::run(
            py,
            "class F:\n    def __del__(self): ran.append(1)\nran = []\nf = F()",
        )
        .unwrap();
        let globals = python4j_core::context::globals(py).unwrap();
        let held = handle::give(globals.get_item("f").unwrap().unwrap(), handle::NO_FRAME);
        support::run(py, "del f").unwrap();
        handle::take_back_late(held);
        let error = Error::from(pyo3::exceptions::PyValueError::new_err("x"));
        assert_eq!(error.to_string(), "ValueError: x");
        assert_eq!(support::repr(py, "ran"), "[]");
        handle::free_late(py);
        assert_eq!(support::repr(py, "ran"), "[1]");
    });
}
