// SPDX-License-Identifier: Apache-2.0
//! What a report says of an exception.

mod support;

use pyo3::prelude::*;
use python4j_core::pack::Reader;
use python4j_core::raised::{self, Field};
use python4j_core::{Error, context, handle};
use support::{python, run};

/// The report of a program's failure, as the Python list that Java reads.
fn report<'py>(py: Python<'py>, code: &str) -> Bound<'py, PyAny> {
    let error = run(py, code).expect_err("fails");
    read(py, &error)
}

fn read<'py>(py: Python<'py>, error: &Error) -> Bound<'py, PyAny> {
    let bytes = raised::report(py, error, 0).unwrap();
    let mut reader = Reader::new(&bytes);
    let list = reader.value(py).unwrap();
    reader.end().unwrap();
    assert_eq!(list.len().unwrap(), Field::COUNT);
    list
}

fn part(report: &Bound<'_, PyAny>, index: usize) -> String {
    report.get_item(index).unwrap().repr().unwrap().to_string()
}

#[test]
fn class_module_text_and_frames() {
    python(|py| {
        let code = "import json\nclass E(ValueError): pass\ndef f():\n    raise E('no')\nf()";
        let report = report(py, code);
        let parts: Vec<_> = (0..5).map(|i| part(&report, i)).collect();
        assert_eq!(parts, ["'E: no'", "'E'", "'__main__'", "'no'", "''"]);
        let frames = part(&report, 5);
        assert!(
            frames.contains("'f', 4, ") && frames.ends_with("'<module>', 5]"),
            "{frames}"
        );
        assert_eq!(part(&report, 6), "E('no')");
    });
}

#[test]
fn causes_contexts_groups_and_notes() {
    python(|py| {
        let code =
            "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('v') from KeyError('k')";
        let cause = report(py, code).get_item(8).unwrap();
        assert_eq!(part(&cause, 0), "\"KeyError: 'k'\"");
        assert_eq!(part(&cause, 8), "None");

        let code = "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError('v')";
        let context = report(py, code).get_item(8).unwrap();
        assert_eq!(part(&context, 0), "'ZeroDivisionError: division by zero'");

        let code = "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError('v') from None";
        assert_eq!(part(&report(py, code), 8), "None");

        if py.version_info() >= (3, 11) {
            let code = "e = ExceptionGroup('g', [ValueError(1), KeyError(2)])\ne.add_note('a note')\nraise e";
            let group = report(py, code);
            let members = group.get_item(9).unwrap();
            assert_eq!(part(&members.get_item(1).unwrap(), 0), "'KeyError: 2'");
            assert_eq!(part(&group, 10), "['a note']");
        }
    });
}

#[test]
fn kinds_and_their_details() {
    python(|py| {
        let exit = report(py, "raise SystemExit(3)");
        assert_eq!((part(&exit, 4), part(&exit, 7)), ("'exit'".into(), "3".into()));
        let import = report(py, "import nosuchmodule");
        assert_eq!(part(&import, 4), "'import'");

        let error = run(py, "x = 1\ny = (").expect_err("does not compile");
        let never_ran = read(py, &error);
        assert_eq!(
            part(&never_ran, 0),
            "'Execution failed, unable to retrieve python exception.'"
        );
        let syntax = never_ran.get_item(8).unwrap();
        assert_eq!(part(&syntax, 4), "'syntax'");
        let detail = part(&syntax, 7);
        assert!(detail.contains("2, 5, 'y = ("), "{detail}");
    });
}

#[test]
fn hostile_exceptions_are_reported_as_far_as_they_go() {
    python(|py| {
        let code = "class E(Exception):\n    __cause__ = property(lambda s: 1 / 0)\n    __notes__ = 5\n    def __str__(self): raise RuntimeError\nraise E";
        assert_eq!(part(&report(py, code), 0), "'E: <exception str() failed>'");
        let code = "a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a";
        assert_eq!(part(&report(py, code), 0), "'ValueError: a'");
        let deep = report(py, "def f(): f()\nf()");
        assert_eq!(part(&deep, 1), "'RecursionError'");
        assert_eq!(deep.get_item(5).unwrap().len().unwrap(), 128 * 3);
    });
}

#[test]
fn the_variables_of_finished_calls_go() {
    python(|py| {
        let code = "import weakref\nclass C: pass\nrefs = []\ndef f():\n    c = C()\n    refs.append(weakref.ref(c))\n    1 / 0\nf()";
        let report = report(py, code);
        assert_eq!(support::repr(py, "refs[0]()"), "None");
        drop(report);
    });
}

#[test]
fn hostile_notes_groups_and_tracebacks_have_an_end() {
    python(|py| {
        let notes = "class N:\n    def __getitem__(self, i): raise KeyError(i)\n";
        let code = format!("{notes}e = ValueError('v')\ne.__notes__ = N()\nraise e");
        assert_eq!(part(&report(py, &code), 10), "[]");

        let code = "def g():\n    while True: yield 'n'\ne = ValueError('v')\ne.__notes__ = g()\nraise e";
        assert_eq!(report(py, code).get_item(10).unwrap().len().unwrap(), 64);

        let code = "class E(ValueError):\n    tb_next = __traceback__ = property(lambda self: self)\nraise E('ring')";
        let frames = report(py, code).get_item(5).unwrap(); // the real one's, whatever the class says
        assert_eq!(frames.len().unwrap(), 3);

        if py.version_info() >= (3, 11) {
            let code =
                "e = ValueError('leaf')\nfor i in range(12): e = ExceptionGroup('g', [e] * 10)\nraise e";
            let mut left = vec![report(py, code)];
            let mut count = 0;
            while let Some(one) = left.pop() {
                count += 1;
                left.extend(one.get_item(9).unwrap().try_iter().unwrap().map(Result::unwrap));
            }
            assert_eq!(count, 256);
        }
    });
}

#[test]
fn very_long_texts_are_shortened() {
    python(|py| {
        let long = "a".repeat(1_000_000);
        let shortened = format!("{long}... (7 more characters)'");
        let code = "s = 'a' * 1_000_007\nE = type(s, (ValueError,), {'__module__': s})\nraise E(s)";
        let parts: Vec<_> = (1..4).map(|i| part(&report(py, code), i)).collect();
        assert!(parts.iter().all(|part| part.ends_with(&shortened)));
        let import = report(py, "raise ImportError('no', name=s)");
        assert!(part(&import, 7).ends_with(&shortened));
        let wide = report(py, "raise ValueError('\\ud800' * 1_000_001)");
        assert!(part(&wide, 3).ends_with("... (1 more characters)'"));
        let notes = "e = ValueError('v')\ne.__notes__ = ['\\U0001F600' * 2_000_000] * 60\nraise e";
        let notes = report(py, notes).get_item(10).unwrap().len().unwrap();
        assert!((16..60).contains(&notes), "{notes}");
        let members = "e = ValueError('\\U0001F600' * 1_000_000)\n\
                       for i in range(16):\n    c, e = e, ValueError('\\U0001F600' * 1_000_000)\n    e.__cause__ = c\n\
                       raise e";
        let mut one = report(py, members);
        let mut count = 0;
        while !one.is_none() {
            (one, count) = (one.get_item(8).unwrap(), count + 1);
        }
        assert!((5..16).contains(&count), "{count}");
    });
}

#[test]
fn a_report_ends_no_generator_that_waits() {
    python(|py| {
        let code = "def g():\n    try: 1 / 0\n    except ZeroDivisionError as e: saved = e\n    yield saved\n    yield 2\n\
                    waits = g()\nraise next(waits)";
        assert_eq!(
            part(&report(py, code), 0),
            "'ZeroDivisionError: division by zero'"
        );
        assert_eq!(support::repr(py, "next(waits)"), "2");
    });
}

#[test]
fn an_error_is_made_without_running_finalizers() {
    python(|py| {
        run(
            py,
            "ended = []\nclass C:\n    def __del__(self): ended.append(1)\nkept = [C()]",
        )
        .unwrap();
        let kept = context::globals(py).unwrap().get_item("kept").unwrap().unwrap();
        let object = handle::give(kept.call_method0("pop").unwrap(), handle::NO_FRAME);
        handle::take_back_late(object);
        let error = Error::from(pyo3::exceptions::PyValueError::new_err("no"));
        assert_eq!(error.to_string(), "ValueError: no");
        assert_eq!(support::repr(py, "ended"), "[]");
        handle::free_late(py);
        assert_eq!(support::repr(py, "ended"), "[1]");
    });
}
