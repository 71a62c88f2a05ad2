// SPDX-License-Identifier: Apache-2.0
//! The signals that the JVM lives by.

mod support;

use support::{python, repr, run};

#[test]
fn programs_cannot_take_the_jvms_handlers() {
    python(|py| {
        run(py, "import signal, _signal").unwrap();
        for code in [
            "signal.signal(signal.SIGSEGV, signal.SIG_DFL)",
            "signal.signal(signal.SIGBUS, lambda *args: None)",
            "_signal.signal(_signal.SIGFPE, _signal.SIG_IGN)",
            "signal.signal(signal.SIGPIPE, signal.SIG_DFL)",
        ] {
            let said = run(py, code).expect_err(code).to_string();
            assert!(
                said.starts_with("ValueError: signal ") && said.contains("the JVM's"),
                "{said}"
            );
        }
        let block = "before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n\
                     blocked = signal.pthread_sigmask(signal.SIG_SETMASK, before)";
        run(py, block).unwrap();
        assert_eq!(repr(py, "signal.SIGTERM in blocked"), "True");
        assert_eq!(
            repr(
                py,
                "blocked & {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}"
            ),
            "set()"
        );
    });
}
