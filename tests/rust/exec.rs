// SPDX-License-Identifier: Apache-2.0
//! Text, its code, its inputs and outputs, and how it fails.

mod support;

use pyo3::prelude::*;
use pyo3::types::PyString;
use python4j_core::pack::Reader;
use python4j_core::{Error, Result, exec, handle, pack};
use support::{Request, int, python, repr, run, run_with, str};

fn message(result: python4j_core::Result<()>) -> String {
    result.expect_err("fails").to_string()
}

#[test]
fn inputs_are_set_and_outputs_read() {
    python(|py| {
        let inputs = [("x", int(3)), ("y", int(4))];
        let reply = run_with(py, 0, "z = x * y", &inputs, &[("z", 2)]).unwrap();
        assert_eq!(reply, Some(int(12)));
    });
}

#[test]
fn a_run_without_outputs_answers_nothing() {
    python(|py| assert_eq!(run_with(py, 0, "z = 1", &[], &[]).unwrap(), None));
}

#[test]
fn an_exception_gives_its_class_and_text() {
    python(|py| {
        assert_eq!(message(run(py, "1 / 0")), "ZeroDivisionError: division by zero");
        assert_eq!(message(run(py, "raise ValueError")), "ValueError: ");
        assert_eq!(message(run(py, "raise SystemExit(3)")), "SystemExit: 3");
        assert_eq!(message(run(py, "raise KeyboardInterrupt")), "KeyboardInterrupt: ");
        assert_eq!(message(run(py, "{}['k']")), "KeyError: 'k'");
        assert_eq!(
            message(run(py, "raise ValueError('\\ud800')")),
            "ValueError: \\ud800"
        );
    });
}

#[test]
fn an_exception_whose_str_fails_is_reported_all_the_same() {
    python(|py| {
        let code = "class E(Exception):\n    def __str__(self): raise RuntimeError\nraise E";
        assert_eq!(message(run(py, code)), "E: <exception str() failed>");
        run(py, "x = 1").unwrap();
    });
}

/// Runs a request that has packed code where others have text.
fn run_code(py: Python<'_>, code: &[u8]) -> Result<Option<Vec<u8>>> {
    exec::run(py, &Request::default().u8(4).raw(code).u32(0).u32(0).0, 0, 0)
}

#[test]
fn compiled_code_runs_as_often_as_wanted() {
    python(|py| {
        let code = run_with(py, 5, "n += 1", &[], &[]).unwrap().unwrap();
        assert_eq!(code[0], 15, "a handle");
        run(py, "n = 0").unwrap();
        assert_eq!(run_code(py, &code).unwrap(), None);
        run_code(py, &code).unwrap();
        assert_eq!(repr(py, "n"), "2");
        handle::take_back(py, Reader::new(&code[1..]).u64().unwrap());
        assert!(matches!(run_code(py, &code), Err(Error::StaleHandle)));
    });
}

#[test]
fn what_is_no_code_does_not_run_as_code() {
    python(|py| {
        assert!(run_code(py, &int(3)).is_err());
        assert!(run_code(py, &str("n = 1")).is_err());
        assert!(run_with(py, 5, "1 +", &[], &[]).is_err());
    });
}

#[test]
fn what_ran_before_an_exception_stays() {
    python(|py| {
        assert!(run(py, "a = 1\n1 / 0\na = 2").is_err());
        assert_eq!(repr(py, "a"), "1");
    });
}

#[test]
fn text_that_does_not_compile_never_runs() {
    python(|py| {
        for code in [
            "x = (",
            "return 5",
            "await x",
            "\tx = 1",
            "x = 1\0",
            "\u{feff}x = 1",
        ] {
            let error = run(py, code).expect_err(code);
            assert!(matches!(error, Error::NotRun(_)), "{code:?}: {error}");
            let said = "Execution failed, unable to retrieve python exception.";
            assert_eq!(error.to_string(), said);
        }
        assert_eq!(repr(py, "'x' in globals()"), "False");
    });
}

#[test]
fn a_simple_run_hides_its_error_behind_the_generic_one_and_keeps_it_as_the_cause() {
    python(|py| {
        let error = run_with(py, 1, "1 / 0", &[], &[]).expect_err("fails");
        match error {
            Error::NotRun(cause) => {
                assert_eq!(cause.to_string(), "ZeroDivisionError: division by zero");
            }
            other => panic!("{other}"),
        }
        run_with(py, 1, "y = 2", &[], &[]).unwrap();
        assert_eq!(repr(py, "y"), "2");
    });
}

#[test]
fn text_is_compiled_as_it_is() {
    python(|py| {
        run(py, "from __future__ import annotations\ns = '''a\nb\n  c'''").unwrap();
        assert_eq!(repr(py, "s"), r"'a\nb\n  c'");
        run(py, "s = '''\r\n'''").unwrap();
        assert_eq!(repr(py, "s"), r"'\n'");
        run(py, "# -*- coding: latin-1 -*-\ns = 'é'").unwrap();
        assert_eq!(repr(py, "s"), "'é'");
    });
}

#[test]
fn names_are_those_of_a_main_program() {
    python(|py| {
        run(
            py,
            "n = (__name__, locals() is globals(), '__file__' in globals())",
        )
        .unwrap();
        assert_eq!(repr(py, "n"), "('__main__', True, False)");
        run(
            py,
            "import sys\nm = sys.modules['__main__'].__dict__ is globals()",
        )
        .unwrap();
        assert_eq!(repr(py, "m"), "True");
    });
}

#[test]
fn tracebacks_show_the_source_of_each_text() {
    python(|py| {
        run(py, "def f():\n    return 1 / 0").unwrap();
        let code =
            "import traceback\ntry:\n    f()\nexcept ZeroDivisionError:\n    t = traceback.format_exc()";
        run(py, code).unwrap();
        let traceback = repr(py, "t");
        assert!(traceback.contains("    return 1 / 0"), "{traceback}");
        assert!(traceback.contains("line 2, in f"), "{traceback}");
        assert!(traceback.contains("    f()"), "{traceback}");
    });
}

#[test]
fn a_missing_output_is_named() {
    python(|py| {
        let error = run_with(py, 0, "x = 1", &[], &[("nope", 2)]).expect_err("missing");
        assert_eq!(error.to_string(), "No variable named 'nope' in context 'test'.");
        // Untyped, it is a missing value instead.
        let reply = run_with(py, 2, "", &[], &[("nope", 9)]).unwrap();
        assert_eq!(reply, Some(vec![17]));
    });
}

#[test]
fn nothing_is_set_when_one_input_cannot_be() {
    python(|py| {
        let unhashable = support::Request::default().u8(11).u32(1).u8(8).u32(0).u8(0).0;
        let inputs = [("a", int(1)), ("b", unhashable)];
        let error = run_with(py, 2, "", &inputs, &[]).expect_err("unhashable");
        let said = "Unable to create python dictionary. Unhashable key: []";
        assert_eq!(error.to_string(), said);
        assert_eq!(repr(py, "'a' in globals()"), "False");
    });
}

#[test]
fn a_program_that_breaks_its_builtins_does_not_break_the_next() {
    python(|py| {
        for code in ["del __builtins__", "__builtins__ = 5"] {
            run(py, code).unwrap();
            run(py, "n = len([1, 2])").unwrap();
            assert_eq!(repr(py, "n"), "2");
        }
        let error = run_with(py, 2, "", &[("__builtins__", int(1))], &[]).expect_err("refused");
        assert!(error.to_string().contains("__builtins__"), "{error}");
    });
}

#[test]
fn replaced_builtins_do_not_reach_our_own_calls() {
    python(|py| {
        run(
            py,
            "import builtins\nkeep = builtins.compile, builtins.len\nbuiltins.compile = builtins.len = None",
        )
        .unwrap();
        let result = run(py, "w = 'ran'");
        run(py, "builtins.compile, builtins.len = keep").unwrap();
        result.unwrap();
        assert_eq!(repr(py, "w"), "'ran'");
    });
}

#[test]
fn a_replaced_stdout_is_flushed_and_survives() {
    python(|py| {
        let code = "import sys\nclass Out:\n    flushed = 0\n    def write(self, s): pass\n    def flush(self): Out.flushed += 1\nkeep, sys.stdout = sys.stdout, Out()";
        run(py, code).unwrap();
        run(py, "print('hello')").unwrap();
        run(py, "sys.stdout = keep").unwrap();
        assert_eq!(repr(py, "Out.flushed"), "2");
        run(py, "sys.stdout = None").unwrap();
        run(py, "print('into the void')\nsys.stdout = keep").unwrap();
    });
}

#[test]
fn an_expression_gives_an_object() {
    python(|py| {
        let reply = run_with(py, 3, " 1 + 1", &[], &[]).unwrap().unwrap();
        assert_eq!(reply[0], 15);
        let handle = u64::from_le_bytes(reply[1..].try_into().unwrap());
        let object = python4j_core::handle::lend(py, handle).unwrap();
        assert_eq!(object.to_string(), "2");
        python4j_core::handle::take_back(py, handle);
        assert!(matches!(
            run_with(py, 3, "x = 1", &[], &[]),
            Err(Error::NotRun(_))
        ));
        let error = run_with(py, 3, "1 / 0", &[], &[]).expect_err("raises");
        assert_eq!(error.to_string(), "ZeroDivisionError: division by zero");
    });
}

#[test]
fn variables_lists_what_has_a_converter_in_order() {
    python(|py| {
        run(
            py,
            "import sys\ndef f(): pass\nclass C: pass\nb = 1\na = 'x'\n_hidden = 1\nl = [1.5]\n",
        )
        .unwrap();
        let reply = exec::variables(py, 0, 0).unwrap();
        let mut expected = support::Request::default().u32(3);
        expected = expected.text("b").text("int").raw(&int(1));
        expected = expected.text("a").text("str").raw(&str("x"));
        expected = expected
            .text("l")
            .text("list")
            .u8(13)
            .u32(1)
            .raw(&1.5f64.to_le_bytes());
        assert_eq!(reply, expected.0);
    });
}

#[test]
fn more_names_than_are_kept_and_odd_ones_work() {
    python(|py| {
        let long = "n".repeat(1000);
        let mut names: Vec<String> = (0..2000).map(|i| format!("name{i}")).collect();
        names.extend([
            long,
            "größe".into(),
            "名前".into(),
            "not a name".into(),
            String::new(),
        ]);
        for _ in 0..2 {
            for (i, name) in names.iter().enumerate() {
                let input = [(name.as_str(), int(i as i64))];
                let reply = run_with(py, 2, "", &input, &[(name, 2)]).unwrap();
                assert_eq!(reply, Some(int(i as i64)), "{name}");
            }
        }
        assert_eq!(repr(py, "[name0, name1999, größe]"), "[0, 1999, 2001]");
    });
}

#[test]
fn nothing_is_set_when_one_name_is_refused() {
    python(|py| {
        let inputs = [("before", int(1)), ("__builtins__", int(2)), ("after", int(3))];
        assert!(run_with(py, 0, "ran = 1", &inputs, &[]).is_err());
        assert_eq!(repr(py, "{'before', 'after', 'ran'} & set(globals())"), "set()");
    });
}

#[test]
fn a_malformed_request_is_refused() {
    python(|py| {
        for request in [
            &[][..],
            &[0],
            &[9, 0, 0, 0, 0],
            &[0, 255, 255, 255, 255],
            &[0, 0, 0, 0, 0, 9, 0, 0, 0],
        ] {
            assert!(exec::run(py, request, 0, 0).is_err(), "{request:?}");
        }
    });
}

#[test]
fn a_small_request_is_read_and_answered_in_its_memory() {
    python(|py| {
        let held = |object: Bound<'_, PyAny>| handle::give(object, handle::NO_FRAME);
        let name = |name: &str| held(PyString::new(py, name).into_any());
        let code = py.import("builtins").unwrap().getattr("compile").unwrap();
        let code = held(code.call1(("z = x + y", "small", "exec")).unwrap());
        let (x, y, z) = (name("x"), name("y"), name("z"));
        let (int, missing, of_int, of_str) = (3, 17, 2, 1);
        for (sum, wanted, told) in [(42, of_int, true), (-1, of_str, false)] {
            pack::ask(
                py,
                &[code, 2 | 1 << 32, x, int, (sum - 1) as u64, y, int, 1, z, wanted],
            );
            exec::run_few(py).unwrap();
            assert_eq!(pack::asked(py)[0] != missing, told);
            assert_eq!(repr(py, "z"), sum.to_string());
        }
        let text = [
            u64::from_le_bytes(*b"01234567"),
            u64::from_le_bytes(*b"89\0\0\0\0\0\0"),
        ];
        pack::ask(py, &[0, 1, x, 6, 10, text[0], text[1]]);
        exec::run_few(py).unwrap();
        assert_eq!(repr(py, "x"), "'0123456789'");
        for malformed in [
            &[u64::MAX, 0][..],       // no code
            &[x, 0],                  // a name is no code
            &[0, 9],                  // too many inputs
            &[0, 9 << 32],            // too many outputs
            &[0, 1, 0, int, 1],       // no name
            &[0, 1, x, 8, 0],         // a list
            &[0, 1, x, 1 << 40, 0],   // no tag
            &[0, 1 << 32, z, 1 << 7], // no kind of value
        ] {
            pack::ask(py, malformed);
            assert!(exec::run_few(py).is_err(), "{malformed:?}");
        }
    });
}

#[test]
fn a_stream_of_the_programs_own_is_flushed_whenever_it_was_put_there() {
    python(|py| {
        run(py, "import sys\nclass Own:\n  flushed = 0\n  def write(self, text): pass\n  def flush(self): Own.flushed += 1").unwrap();
        for round in 1..4 {
            run(py, "x = 1").unwrap(); // Python's own streams are known to be there
            run(py, "sys.stderr = Own()").unwrap();
            run(py, "x = 1").unwrap();
            run(py, "vars(sys)['stderr'] = sys.__stderr__").unwrap();
            run(py, "x = 1").unwrap();
            assert_eq!(repr(py, "Own.flushed"), (2 * round).to_string());
        }
    });
}
