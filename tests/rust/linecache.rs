// SPDX-License-Identifier: Apache-2.0
//! The module linecache is loaded when somebody uses it, with the lines of the texts that ran before.

mod support;

use support::{python, repr, run};

#[test]
fn linecache_waits_for_its_first_use_by_any_thread() {
    python(|py| {
        run(
            py,
            "import sys\nlinecache = sys.modules['linecache']\ndel linecache.cache",
        )
        .unwrap(); // a program may; ours go on
        run(py, "def f():\n    return 'of the text'").unwrap();
        assert_eq!(repr(py, "type(linecache).__name__"), "'LineCache'");
        run(
            py,
            "from threading import Barrier, Thread\n\
             start, lines = Barrier(8), []\n\
             def read():\n\
             \x20   start.wait()\n\
             \x20   lines.append(linecache.getline(f.__code__.co_filename, 2))\n\
             threads = [Thread(target=read) for _ in range(8)]\n\
             for t in threads: t.start()\n\
             for t in threads: t.join()",
        )
        .unwrap();
        assert_eq!(repr(py, "lines == ['    return \\'of the text\\''] * 8"), "True");
        assert_eq!(repr(py, "type(linecache).__name__"), "'module'");
        run(py, "def g():\n    return 'of a later text'").unwrap();
        let later = repr(py, "linecache.getline(g.__code__.co_filename, 2)");
        assert_eq!(later, "\"    return 'of a later text'\"");
        assert_eq!(
            repr(py, "linecache.__spec__.name, linecache.__file__[-12:]"),
            "('linecache', 'linecache.py')"
        );
        assert_eq!(repr(py, "hasattr(linecache, 'nothing')"), "False");
    });
}
