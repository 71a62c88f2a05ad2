// SPDX-License-Identifier: Apache-2.0
//! Where Python's threads stand, seen from another thread.

mod support;

use python4j_core::{gil, stacks};
use std::sync::mpsc;

#[test]
fn a_thread_is_seen_from_outside_with_the_line_it_is_at() {
    let _turn = support::turn();
    let (inside, entered) = mpsc::channel();
    let sleeper = std::thread::spawn(move || {
        gil::acquire();
        inside.send(gil::holder()).unwrap();
        let code = "import time\ndef nap():\n    for _ in range(50): time.sleep(0.02)\nnap()";
        gil::with(|py| support::run(py, code).unwrap());
        gil::release();
    });
    let sleeper_is = entered.recv().unwrap();
    let dump = |turn| String::from_utf8(gil::with(|py| stacks::dump(py, turn)).unwrap()).unwrap();
    let mut text = dump(true);
    while !text.contains("in nap") && !sleeper.is_finished() {
        text = dump(true);
    }
    let head = format!("Thread that has the turn ({sleeper_is:#x}), most recent call last:\n");
    assert!(text.starts_with(&head), "{text}");
    assert!(
        text.contains(", line 3, in nap\n    for _ in range(50): time.sleep(0.02)"),
        "{text}"
    );
    assert!(!text.contains("dump"), "its own frames are no news: {text}");
    assert!(!dump(false).contains("has the turn"));
    sleeper.join().unwrap();
    assert_eq!(dump(true), "", "nobody runs Python code");
}
