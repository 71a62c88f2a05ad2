// SPDX-License-Identifier: Apache-2.0
//! Threads and the GIL. One test, because it counts threads of the whole process.

mod support;

use pyo3::prelude::*;
use pyo3::types::PyCFunction;
use python4j_core::gil::Place;
use python4j_core::{capi, context, gil, stop};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use support::{repr, run};

#[test]
fn a_thread_keeps_its_python_state_between_visits_and_takes_it_along_at_its_end() {
    let _turn = support::turn();
    let count = "import sys, gc\ngc.collect()\nn = len(freed)";
    let prepare = "import threading\nlocal = threading.local()\nfreed = []\nclass F:\n    def __del__(self): freed.append(1)";
    gil::with(|py| run(py, prepare).unwrap());
    assert!(!capi::gil_held());

    std::thread::spawn(|| {
        gil::acquire();
        gil::acquire();
        gil::with(|py| run(py, "local.f = F()").unwrap());
        gil::release();
        assert!(capi::gil_held(), "the inner release keeps the outer hold");
        gil::release();
        assert!(!capi::gil_held());
        gil::release(); // one too many does nothing
        gil::with(|py| {
            assert_eq!(repr(py, "type(local.f).__name__"), "'F'");
            assert_eq!(repr(py, "len(freed)"), "0");
        });
    })
    .join()
    .unwrap();
    gil::with(|py| {
        run(py, count).unwrap();
        assert_eq!(repr(py, "n"), "1", "freed with the thread");
    });

    // A thread that ends inside gives the GIL back.
    std::thread::spawn(|| {
        gil::acquire();
        gil::with(|py| run(py, "local.f = F()").unwrap());
    })
    .join()
    .unwrap();
    gil::with(|py| {
        run(py, count).unwrap();
        assert_eq!(repr(py, "n"), "2");
    });

    // On Windows a thread must not wait at its end: the one that has the GIL may wait for it, and another thread frees its state.
    for inside in [false, true, false] {
        let (entered, enters) = std::sync::mpsc::channel();
        let (go, goes) = std::sync::mpsc::channel();
        let leaving = std::thread::spawn(move || {
            gil::with(|py| run(py, "local.f = F()\nn = len(freed)").unwrap());
            entered.send(()).unwrap();
            goes.recv().unwrap();
            if inside {
                gil::acquire();
            }
            gil::leave();
        });
        enters.recv().unwrap();
        if inside {
            go.send(()).unwrap();
            leaving.join().unwrap();
        } else {
            gil::acquire();
            go.send(()).unwrap();
            leaving.join().unwrap();
            gil::release();
        }
        while gil::with(|py| repr(py, "len(freed) == n + 1")) == "False" {
            std::thread::yield_now();
        }
        gil::with(|py| run(py, "freed.pop()").unwrap());
    }

    // One that has it for Java's thread, and lives on after that has ended: nobody waits for ever.
    let (inside, entered) = std::sync::mpsc::channel();
    let (end, ending) = std::sync::mpsc::channel();
    let holder = std::thread::spawn(move || {
        gil::acquire();
        gil::acquire();
        gil::with(|py| gil::outside(py, || gil::with(|_| ()))); // a callback, and a call in it
        inside.send(()).unwrap();
        ending.recv().unwrap();
        gil::abandon();
        inside.send(()).unwrap();
        ending.recv().unwrap();
        assert!(!capi::gil_held());
    });
    entered.recv().unwrap();
    let refused = gil::await_holder().unwrap_err().to_string();
    assert!(
        refused.contains("ended without closing its PythonGIL"),
        "{refused}"
    );
    end.send(()).unwrap();
    entered.recv().unwrap();
    gil::await_holder().unwrap();
    gil::acquire();
    gil::release();
    end.send(()).unwrap();
    holder.join().unwrap();

    // What a thread leaves behind may call Java at the thread's end, and that Python.
    let called = Arc::new(AtomicBool::new(false));
    let call = {
        let called = called.clone();
        move || {
            gil::with(|py| {
                called.store(repr(py, "1 + 1") == "2", Ordering::Relaxed);
                stop::stoppable(1, |py| run(py, "x = 1").unwrap());
            })
        }
    };
    gil::with(|py| {
        let call = PyCFunction::new_closure(py, None, None, move |arguments, _| {
            gil::outside(arguments.py(), &call)
        });
        context::globals(py)
            .unwrap()
            .set_item("call", call.unwrap())
            .unwrap();
        run(py, "class G:\n    def __del__(self): call()").unwrap();
    });
    std::thread::spawn(|| stop::stoppable(1, |py| run(py, "local.g = G()").unwrap()))
        .join()
        .unwrap();
    assert!(called.load(Ordering::Relaxed));

    // A second interpreter, after which PyGILState_Check always says yes.
    gil::with(|py| {
        run(
            py,
            "try: import _interpreters as i\nexcept ImportError: import _xxsubinterpreters as i\ni.destroy(i.create())",
        )
        .unwrap();
        assert!(capi::gil_held());
    });
    assert!(!capi::gil_held());
    assert_eq!(gil::acquire(), Place::Outside);
    assert!(capi::gil_held());
    gil::release();

    places();
    limited_waits();

    // Many short-lived threads.
    for _ in 0..500 {
        std::thread::spawn(|| gil::with(|py| run(py, "x = 1").unwrap()))
            .join()
            .unwrap();
    }
}

/// A callback finds its thread outside, and leaves it as it was whatever it did.
fn places() {
    assert_eq!(gil::place(), Place::Outside);
    gil::acquire();
    assert_eq!(gil::place(), Place::Turn);
    gil::with(|py| {
        assert_eq!(gil::place(), Place::Turn);
        gil::outside(py, || {
            assert_eq!(gil::place(), Place::Visiting);
            assert!(!capi::gil_held());
            assert_eq!(gil::acquire(), Place::Visiting);
            assert!(!capi::gil_held(), "a visitor takes no turn");
            gil::release();
            gil::with(|py| {
                assert_eq!(gil::place(), Place::Call);
                gil::outside(py, || assert_eq!(gil::place(), Place::Visiting));
            });
            gil::lend(true);
            assert_eq!((gil::place(), gil::acquire()), (Place::Lent, Place::Lent));
            gil::abandon();
        });
        assert_eq!(gil::place(), Place::Turn);
        assert!(capi::gil_held());
    });
    gil::release();
    assert_eq!(gil::place(), Place::Outside);
    gil::with(|py| {
        assert_eq!(gil::place(), Place::Call);
        gil::outside(py, || ());
        assert_eq!(gil::place(), Place::Call);
        assert!(
            !std::thread::spawn(|| gil::try_acquire(true).is_some())
                .join()
                .unwrap()
        );
    });
    gil::with(|_| assert_eq!(gil::place(), Place::Call));
}

/// Whoever waits for so long only is not stuck behind threads that are in Python, of ours or of Python's.
fn limited_waits() {
    gil::offer(); // has a look at who there is
    gil::offer_taken();
    gil::offer_ends();
    assert_eq!(gil::try_acquire(true), Some(Place::Outside));
    assert!(capi::gil_held());
    gil::release();
    assert_eq!(gil::try_acquire(false), Some(Place::Outside));
    assert!(!capi::gil_held());
    gil::with(|py| {
        let sleep = "import threading, time\nt = threading.Thread(target=lambda: time.sleep(0.3))\nt.start()";
        run(py, sleep).unwrap();
    });
    assert_eq!(gil::try_acquire(true), None, "Python has a thread");
    gil::with(|py| run(py, "t.join()").unwrap());
    gil::offer();
    let (inside, entered) = std::sync::mpsc::channel();
    let other = std::thread::spawn(move || {
        gil::acquire();
        inside.send(()).unwrap();
        gil::release();
    });
    let entering = std::thread::spawn(|| gil::with(|_| ()));
    std::thread::sleep(std::time::Duration::from_millis(20));
    gil::offer_taken();
    entered.recv().unwrap();
    assert!(!entering.is_finished(), "it waits at the gate");
    gil::offer_ends();
    entering.join().unwrap();
    other.join().unwrap();
    assert_eq!(gil::try_acquire(true), Some(Place::Outside), "the thread is gone");
    gil::release();
}
