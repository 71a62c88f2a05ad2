// SPDX-License-Identifier: Apache-2.0
//! Which texts are kept compiled, and for how long their lines are known.

mod support;

use pyo3::prelude::*;
use pyo3::types::PyCFunction;
use python4j_core::{context, exec};
use support::{python, repr, run, run_with};

fn run_many_others(py: Python<'_>, count: usize, what: &str) {
    for i in 0..count {
        run(py, &format!("{what} = {i}")).unwrap();
    }
}

/// How many texts `linecache` knows.
fn known(py: Python<'_>) -> usize {
    run(py, "import linecache").unwrap();
    let all = "sum(f'<exec-{n}>' in linecache.cache for n in range(20000))";
    repr(py, all).parse().unwrap()
}

#[test]
fn code_is_kept_from_the_second_time_on() {
    python(|py| {
        let before = exec::kept();
        let text = "def g():\n    return 'g' # of code_is_kept";
        let mut files = Vec::new();
        for _ in 0..4 {
            run(py, text).unwrap();
            files.push(repr(py, "g.__code__.co_filename"));
        }
        assert_eq!(exec::kept(), before + 1);
        assert_ne!(files[0], files[1]);
        assert_eq!([&files[1], &files[1]], [&files[2], &files[3]]);
    });
}

#[test]
fn new_texts_leave_nothing() {
    python(|py| {
        run_many_others(py, 100, "nothing");
        let (kept, known_before) = (exec::kept(), known(py));
        run(py, "def first(): pass # of new_texts_leave_nothing").unwrap();
        run_many_others(py, 3000, "leaves");
        run(py, "def last(): pass # of new_texts_leave_nothing").unwrap();
        assert_eq!(exec::kept(), kept);
        assert!(known(py) <= known_before + 4, "{}", known(py));
        let number = |name: &str| -> usize {
            let file = repr(py, &format!("{name}.__code__.co_filename[6:-1]"));
            file.trim_matches('\'').parse().unwrap()
        };
        assert!(number("last") < number("first") + 5, "names are used again");
    });
}

#[test]
fn what_is_kept_is_bounded() {
    python(|py| {
        for i in 0..3000 {
            run(py, &format!("def f{i}(): pass")).unwrap();
            let again = format!("again = {i}");
            run(py, &again).unwrap();
            run(py, &again).unwrap();
        }
        assert!(exec::kept() <= 2 * 512, "as many programs, as many expressions");
        assert!(known(py) <= 3 * 512, "{}: and as many that ran once", known(py));
    });
}

#[test]
fn functions_keep_their_lines_and_share_no_name() {
    python(|py| {
        for i in 0..20 {
            run(py, &format!("def f{i}():\n    return {i} / 0")).unwrap();
            run_many_others(py, 10, "between");
        }
        run(py, "import traceback").unwrap();
        let call = "def lines(f):\n    try: f()\n    except ZeroDivisionError: return traceback.format_exc()";
        run(py, call).unwrap();
        for i in 0..20 {
            let lines = repr(py, &format!("lines(f{i})"));
            assert!(lines.contains(&format!("    return {i} / 0")), "{lines}");
        }
        let names = "len({f.__code__.co_filename for n, f in globals().items() if n[0] == 'f'})";
        assert_eq!(repr(py, names), "20");
        assert_eq!(
            repr(py, "__import__('inspect').getsource(f7)"),
            r"'def f7():\n    return 7 / 0'"
        );
    });
}

#[test]
fn lines_stay_while_a_frame_does() {
    python(|py| {
        let text = "try:\n    1 / 0 # this line\nexcept ZeroDivisionError as e:\n    kept = e";
        run(py, text).unwrap();
        run(
            py,
            "def many(): raise KeyError\nhere = __import__('sys')._getframe() # another",
        )
        .unwrap();
        assert!(run(py, "broken = 1 / 0 # a third").is_err());
        run_many_others(py, 600, "def_ = lambda: 0; other");
        let lines = repr(
            py,
            "''.join(__import__('traceback').format_exception(None, kept, kept.__traceback__))",
        );
        assert!(lines.contains("# this line"), "{lines}");
        let line = repr(py, "__import__('linecache').getline(here.f_code.co_filename, 2)");
        assert!(line.contains("# another"), "{line}");
    });
}

#[test]
fn lines_stay_while_a_text_runs_that_runs_others() {
    python(|py| {
        let others = PyCFunction::new_closure(py, None, None, |arguments, _| {
            let py = arguments.py();
            run_many_others(py, 600, "x = lambda: 0; inner");
            for i in 0..600 {
                let again = format!("inner_again = {i}");
                run(py, &again).and_then(|()| run(py, &again)).unwrap();
            }
        });
        context::globals(py)
            .unwrap()
            .set_item("others", others.unwrap())
            .unwrap();
        let text = "others()\nimport traceback\ntry:\n    1 / 0 # the outer one\nexcept ZeroDivisionError:\n    lines = traceback.format_exc()";
        for _ in 0..3 {
            run(py, text).unwrap(); // the first time, the second, and from the cache
            let lines = repr(py, "lines");
            assert!(lines.contains("# the outer one"), "{lines}");
        }
    });
}

#[test]
fn linecache_is_asked_in_every_way() {
    python(|py| {
        run(py, "def f():\n    return 1").unwrap();
        run(
            py,
            "import linecache\nfile, cache = f.__code__.co_filename, linecache.cache",
        )
        .unwrap();
        assert_eq!(
            repr(py, "file in cache, '<exec-0>' in cache, 5 in cache"),
            "(True, False, False)"
        );
        assert_eq!(
            repr(py, "cache[file][2], cache[file][1]"),
            r"(['def f():\n', '    return 1'], None)"
        );
        assert_eq!(
            repr(py, "cache.get(file) == cache[file], cache.get('<exec-0>', 7)"),
            "(True, 7)"
        );
        run(
            py,
            "try: cache['<exec-0>']\nexcept KeyError as e: missing = e.args",
        )
        .unwrap();
        assert_eq!(repr(py, "missing"), "('<exec-0>',)");
        run(
            py,
            "linecache.checkcache(file); linecache.checkcache(); linecache.clearcache()",
        )
        .unwrap();
        assert_eq!(repr(py, "linecache.getline(file, 2)"), "'    return 1'");
    });
}

#[test]
fn audit_hooks_see_what_is_compiled() {
    python(|py| {
        let hook = "import sys\nseen = []\nsys.addaudithook(lambda event, args, seen=seen: seen.append(args) if event == 'compile' and len(seen) < 9 else None)";
        run(py, hook).unwrap();
        run(py, "audited = 'ä'").unwrap();
        assert_eq!(
            repr(py, "[s for s, f in seen if f.startswith('<exec-')][:1]"),
            "[\"audited = 'ä'\"]"
        );
        run_with(py, 3, "len(seen)", &[], &[]).unwrap();
    });
}

#[test]
fn classes_have_their_source() {
    python(|py| {
        run(py, "import inspect").unwrap();
        run(py, "class Plain:\n    x = 1\nclass Other: pass").unwrap();
        run(py, "class Plain2: pass").unwrap();
        run_many_others(py, 3, "classes");
        assert_eq!(
            repr(py, "inspect.getsource(Plain)"),
            "'class Plain:\\n    x = 1\\n'"
        );
        assert_eq!(repr(py, "inspect.getsource(Other)"), "'class Other: pass'");
        // Within its own text, in one that comes again, with decorators, nested and local.
        let text = "def same(c): return c\n@same\nclass Deco:\n    class Inner:\n        y = 2\n\
                    def make():\n    class Local: z = 3\n    return Local\n\
                    if True:\n    class Branch: pass\n\
                    here = inspect.getsource(Deco)";
        for _ in 0..3 {
            run(py, text).unwrap();
        }
        let decorated = "'@same\\nclass Deco:\\n    class Inner:\\n        y = 2\\n'";
        assert_eq!(repr(py, "here"), decorated);
        assert_eq!(repr(py, "inspect.getsource(Deco)"), decorated);
        assert_eq!(
            repr(py, "inspect.getsource(Deco.Inner)"),
            "'    class Inner:\\n        y = 2\\n'"
        );
        assert_eq!(
            repr(py, "inspect.getsource(make())"),
            "'    class Local: z = 3\\n'"
        );
        assert_eq!(
            repr(py, "inspect.getsource(Branch)"),
            "'    class Branch: pass\\n'"
        );
        // The last text that has it wins; a method tells which it is.
        run(py, "class Twice:\n    def m(self): return 'first'\nfirst = Twice").unwrap();
        run(py, "class Twice:\n    def m(self): return 'second'").unwrap();
        assert!(repr(py, "inspect.getsource(Twice)").contains("second"));
        assert!(repr(py, "inspect.getsource(first)").contains("first"));
        // What comes from elsewhere is as it was.
        assert!(repr(py, "inspect.getsource(inspect.Signature)").contains("class Signature"));
        run(py, "import queue\nMade = type('Made', (), {})").unwrap();
        assert!(run(py, "inspect.getsource(Made)").is_err());
        assert!(run(py, "inspect.getsource(int)").is_err());
        assert_eq!(repr(py, "inspect.getfile.__name__"), "'getfile'");
    });
}

#[test]
fn imports_are_watched_until_nothing_is_waited_for() {
    python(|py| {
        run(py, "import sys, threading, inspect").unwrap();
        let left = repr(
            py,
            "[f for f in sys.meta_path if getattr(f, '__name__', '') == 'Imports']",
        );
        assert_eq!(left, "[]");
        run(
            py,
            "import importlib\nimportlib.reload(inspect)\nimport threading",
        )
        .unwrap();
    });
}
