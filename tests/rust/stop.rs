// SPDX-License-Identifier: Apache-2.0
//! Ending a call from another thread.

mod support;

use pyo3::prelude::*;
use python4j_core::stop::{Reason, quick_or_stoppable, stop, stoppable};
use python4j_core::{Result, context, gil, handle};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{repr, run, turn};

const CALL: u64 = 77;
const INTERRUPTED: &str = "Interrupted: the Java thread that runs this program was interrupted";
const TIMEOUT: &str = "Timeout: the time that the Java program gave to this call is over";

/// Runs a program that is stopped as soon as it has set `started`; how it ended and how long that took.
fn stopped(code: &str, reason: Reason) -> (Result<()>, Duration) {
    let code = code.to_string();
    stopped_within(move || stoppable(CALL, |py| run(py, &code)), reason)
}

/// The same of a call that comes to run such a program.
fn stopped_within(
    call: impl FnOnce() -> Result<()> + Send + 'static,
    reason: Reason,
) -> (Result<()>, Duration) {
    let runner = std::thread::spawn(move || (call(), Instant::now()));
    loop {
        let ready = gil::inside(|py| repr(py, "'started' in globals()") == "True");
        if ready {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let asked = Instant::now();
    assert!(gil::inside(|py| stop(py, CALL, reason)).unwrap());
    let (result, ended) = runner.join().expect("no panic");
    gil::with(|py| run(py, "del started").unwrap());
    (result, ended.saturating_duration_since(asked))
}

#[test]
fn loops_and_sleeps_end_and_the_next_call_is_not_hit() {
    let _turn = turn();
    for (reason, name) in [(Reason::Interrupted, INTERRUPTED), (Reason::Timeout, TIMEOUT)] {
        for code in [
            "started = 1\nwhile True: pass",
            "import time\nstarted = 1\ntime.sleep(60)",
            "import threading\nstarted = 1\nthreading.Event().wait()",
            "import threading\nc = threading.Condition()\nwith c:\n    started = 1\n    c.wait(60)",
            "import queue\nstarted = 1\nqueue.Queue().get(timeout=60)",
            "from concurrent.futures import Future\nstarted = 1\nFuture().result()",
            "import asyncio\nasync def f():\n    global started\n    started = 1\n    await asyncio.sleep(60)\nasyncio.run(f())",
            "import time\nstarted = 1\nlist(map(time.sleep, [60]))",
            "import sys\nbefore = sys.getswitchinterval()\nsys.setswitchinterval(1000)\nstarted = 1\ntry:\n    while True: pass\nfinally:\n    sys.setswitchinterval(before)",
            "try:\n    started = 1\n    while True:\n        try: 1 / 0\n        except Exception: pass\nfinally:\n    cleaned = 1",
        ] {
            let (result, took) = stopped(code, reason);
            assert_eq!(result.expect_err(code).to_string(), name);
            assert!(took < Duration::from_secs(5), "{took:?}");
            gil::with(|py| run(py, "n = sum(range(100000))").unwrap());
        }
    }
    gil::with(|py| assert_eq!(repr(py, "cleaned"), "1"));
}

#[test]
fn what_was_not_delivered_is_withdrawn() {
    let _turn = turn();
    gil::with(|py| {
        // Nobody's call: nothing is raised.
        assert!(!stop(py, CALL, Reason::Timeout).unwrap());
        // A call that runs no Python code any more when it is stopped.
        stoppable(CALL, |py| assert!(stop(py, CALL, Reason::Timeout).unwrap()));
        run(py, "for i in range(1000): pass").unwrap();
        // An inner call that ends takes its own exception along, and leaves the outer one's alone.
        stoppable(CALL, |py| {
            stoppable(CALL + 1, |py| {
                assert!(stop(py, CALL + 1, Reason::Timeout).unwrap())
            });
            run(py, "for i in range(1000): pass").unwrap();
        });
        let outer = stoppable(CALL, |py| {
            assert!(stop(py, CALL, Reason::Timeout).unwrap());
            stoppable(CALL + 1, |_| ());
            run(py, "for i in range(1000): pass")
        });
        assert_eq!(outer.expect_err("stopped").to_string(), TIMEOUT);
    });
}

/// To look whether a call imports something runs Python code, in which another thread may come to run: the call may end meanwhile.
#[test]
fn a_call_that_ends_while_it_is_looked_at_takes_the_exception_along() {
    let _turn = turn();
    static CURRENT: AtomicU64 = AtomicU64::new(0);
    const CALLS: u64 = 5_000;
    gil::with(|py| {
        run(
            py,
            "import sys\nbefore = sys.getswitchinterval()\nsys.setswitchinterval(1e-6)\n\
             def deep(n):\n    if n: deep(n - 1)",
        )
        .unwrap()
    });
    let runner = std::thread::spawn(|| {
        for number in 1..=CALLS {
            CURRENT.store(number, Ordering::Relaxed);
            let result = stoppable(number, |py| run(py, "deep(800)"));
            assert!(number % 2 == 0 || result.is_ok(), "{number}: {result:?}");
        }
    });
    while !runner.is_finished() {
        let number = CURRENT.load(Ordering::Relaxed);
        if number % 2 == 0 {
            gil::inside(|py| stop(py, number, Reason::Timeout)).unwrap();
        }
    }
    gil::with(|py| run(py, "sys.setswitchinterval(before)").unwrap());
    runner.join().expect("no call is hit that was not asked to end");
}

/// A class loader knows its own calls only: its deadline ends what its call has called of another one, too.
#[test]
fn a_call_ends_within_a_call_of_another_class_loader() {
    let _turn = turn();
    let other = CALL + (1 << 40);
    gil::with(|py| {
        stoppable(CALL, |py| {
            let inner = stoppable(other, |py| {
                stoppable(0, |py| assert!(!stop(py, CALL, Reason::Timeout).unwrap()));
                assert!(stop(py, CALL, Reason::Timeout).unwrap());
                run(py, "for i in range(1000): pass")
            });
            assert_eq!(inner.expect_err("stopped").to_string(), TIMEOUT);
            // What the inner call has not seen by its end hits the outer one, and nothing after that.
            stoppable(other, |py| assert!(stop(py, CALL, Reason::Timeout).unwrap()));
            assert!(run(py, "for i in range(1000): pass").is_err());
            stoppable(other, |py| assert!(stop(py, CALL, Reason::Timeout).unwrap()));
        });
        assert!(!stop(py, CALL, Reason::Timeout).unwrap());
        run(py, "for i in range(1000): pass").unwrap();
    });
}

/// Objects that Java forgot: their finalizers run in somebody's call, never in what stops one, nor in what looks on.
#[test]
fn finalizers_can_be_stopped() {
    let _turn = turn();
    let last = |code: &str| {
        gil::with(|py| {
            run(py, &format!("class D:\n    def __del__(self): {code}\nd = D()")).unwrap();
            let object = context::globals(py).unwrap().get_item("d").unwrap().unwrap();
            let object = handle::give(object, handle::NO_FRAME);
            run(py, "del d").unwrap();
            object
        })
    };
    let forget = |code: &str| handle::take_back_late(last(code));
    forget("globals().update(gone=True)");
    gil::inside(|py| assert_eq!(repr(py, "'gone' in globals()"), "False"));
    gil::with(|py| assert_eq!(repr(py, "gone"), "True"));
    forget("globals().update(started=True); exec('while True: pass')");
    let (result, took) = stopped("x = 1", Reason::Timeout);
    result.unwrap(); // what a finalizer raises, Python reports
    assert!(took < Duration::from_secs(5), "{took:?}");
    // What is left for a step that is not noted as a call.
    let left = last("globals().update(started=True); exec('while True: pass')");
    let step = move || quick_or_stoppable(CALL, Some(left), |_| Some(()), |_| Ok(()));
    let (result, took) = stopped_within(step, Reason::Timeout);
    result.unwrap();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

/// CPython keeps the complete submodules of a package whose import is ended, which would spoil the next import of it.
#[test]
fn an_import_is_finished_first() {
    let _turn = turn();
    let package = "import os, sys, tempfile\nfolder = tempfile.TemporaryDirectory()\nsys.path.insert(0, folder.name)\n\
                   for name, text in {'cut/__init__': 'from .first import *\\nfrom .slow import *\\nvalue = first.value + slow.value',\n\
                       'cut/first': 'value = 1', 'cut/slow': 'import time\\ntime.sleep(0.5)\\nvalue = 1',\n\
                       'endless/__init__': 'from .inner import value', 'endless/first': 'value = 1',\n\
                       'endless/inner/__init__': 'import sys\\nfrom ..first import *\\nfrom .first import *\\n'\n\
                           'while not hasattr(sys, \"may_end\"): pass\\nvalue = first.value',\n\
                       'endless/inner/first': 'value = 2'}.items():\n\
                   \x20   os.makedirs(os.path.dirname(f'{folder.name}/{name}'), exist_ok=True)\n\
                   \x20   with open(f'{folder.name}/{name}.py', 'w') as file: file.write(text)";
    gil::with(|py| run(py, package).unwrap());
    let import = |name: &'static str| {
        let runner = std::thread::spawn(move || {
            stoppable(CALL, |py| run(py, &format!("import {name}\nwhile True: pass")))
        });
        let asked = Instant::now();
        while !gil::inside(|py| repr(py, &format!("'{name}' in __import__('sys').modules")) == "True") {
            std::thread::sleep(Duration::from_millis(1));
        }
        while !gil::inside(|py| stop(py, CALL, Reason::Timeout)).unwrap() {
            assert!(asked.elapsed() < Duration::from_secs(60), "it is not stopped");
            std::thread::sleep(Duration::from_millis(5));
        }
        let result = runner.join().expect("no panic");
        assert_eq!(result.expect_err("it is ended").to_string(), TIMEOUT);
        asked.elapsed()
    };
    let took = import("cut");
    assert!(took < Duration::from_secs(5), "{took:?}");
    gil::with(|py| {
        run(py, "import cut").unwrap();
        assert_eq!(repr(py, "cut.value"), "2");
    });
    assert!(import("endless") >= Duration::from_secs(5), "it may finish");
    gil::with(|py| {
        run(py, "sys.may_end = True\nimport endless").unwrap();
        assert_eq!(repr(py, "endless.value"), "2");
        run(
            py,
            "del sys.may_end\nsys.path.remove(folder.name)\nfolder.cleanup()",
        )
        .unwrap();
    });
}

#[test]
fn a_sliced_sleep_behaves_like_the_original() {
    let _turn = turn();
    gil::with(|py| {
        run(
            py,
            "import time\nstart = time.monotonic()\ntime.sleep(0.1)\ntook = time.monotonic() - start",
        )
        .unwrap();
        assert_eq!(repr(py, "0.1 <= took < 5"), "True");
        for (code, class) in [
            ("time.sleep(-1)", "ValueError"),
            ("time.sleep('x')", "TypeError"),
            ("time.sleep()", "TypeError"),
        ] {
            let said = run(py, code).expect_err(code).to_string();
            assert!(said.starts_with(class), "{said}");
        }
        for (code, class) in [
            ("time.sleep(float('inf'))", "OverflowError"),
            ("time.sleep(1e20)", "OverflowError"),
            ("time.sleep(10**400)", "OverflowError"),
            ("time.sleep(float('nan'))", "ValueError"),
        ] {
            let said = run(py, code).expect_err(code).to_string();
            assert!(said.starts_with(class), "{said}");
        }
        run(py, "time.sleep(0)\ntime.sleep(True)").unwrap();
    });
}

#[test]
fn a_wait_that_is_ended_leaves_what_it_waited_for_usable() {
    let _turn = turn();
    gil::with(|py| {
        run(
            py,
            "import threading, queue\nc, q = threading.Condition(), queue.Queue()",
        )
        .unwrap()
    });
    for code in ["with c:\n    started = 1\n    c.wait()", "started = 1\nq.get()"] {
        stopped(code, Reason::Timeout).0.expect_err(code);
    }
    gil::with(|py| {
        run(
            py,
            "with c:\n    waiting = len(c._waiters), len(q.not_empty._waiters)\n    c.notify()\nq.put(5)\ngot = q.get()",
        )
        .unwrap();
        assert_eq!(repr(py, "waiting, got"), "((0, 0), 5)");
    });
}
