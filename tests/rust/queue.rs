// SPDX-License-Identifier: Apache-2.0
//! What is sent to an event loop: order, batches, the end, and objects that are gone.

mod support;

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use python4j_core::pack::Writer;
use python4j_core::queue::{self, Queue};
use python4j_core::{Error, handle};
use support::python;

fn message(py: Python<'_>, values: &Bound<'_, PyList>) -> Vec<u8> {
    let mut writer = Writer::whole(py, handle::NO_FRAME);
    writer.value(values).unwrap();
    let mut bytes = writer.written().to_vec();
    bytes.extend_from_slice(&[0; 4]); // no handles were made for it
    drop(writer.finish());
    bytes
}

fn made(py: Python<'_>) -> (Bound<'_, PyAny>, u64) {
    let queue = py.get_type::<Queue>().call1((0,)).unwrap();
    let number = queue.getattr("number").unwrap().extract().unwrap();
    (queue, number)
}

/// The messages alone, without contexts.
fn taken(queue: &Bound<'_, PyAny>) -> Vec<String> {
    let list: Vec<Bound<'_, PyAny>> = queue.call_method0("take").unwrap().extract().unwrap();
    list.iter()
        .step_by(2)
        .map(|message| message.to_string())
        .collect()
}

fn readable(queue: &Bound<'_, PyAny>) -> bool {
    let select = queue.py().import("select").unwrap();
    let none = PyTuple::empty(queue.py());
    let ready = select
        .call_method1("select", ((queue,), &none, &none, 0))
        .unwrap();
    !ready.get_item(0).unwrap().is_empty().unwrap()
}

#[test]
fn messages_come_in_order_and_wake_once() {
    python(|py| {
        let (queue, number) = made(py);
        assert!(!readable(&queue));
        for i in 0..3 {
            let values = PyList::new(py, [i, 7]).unwrap();
            queue::send(number, &message(py, &values), false, false).unwrap();
        }
        assert_eq!(queue::waiting(number), Some(3));
        assert!(readable(&queue));
        assert_eq!(taken(&queue), ["[0, 7]", "[1, 7]", "[2, 7]"]);
        assert!(!readable(&queue), "nothing is left to be told");
        assert!(taken(&queue).is_empty());
    });
}

#[test]
fn many_are_taken_in_parts() {
    python(|py| {
        let (queue, number) = made(py);
        let bytes = message(py, &PyList::new(py, [1]).unwrap());
        for _ in 0..3000 {
            queue::send(number, &bytes, false, false).unwrap();
        }
        let mut got = 0;
        while readable(&queue) {
            got += taken(&queue).len();
        }
        assert_eq!(got, 3000);
    });
}

#[test]
fn a_context_goes_with_its_message() {
    python(|py| {
        let scope = pyo3::types::PyDict::new(py);
        let exec = py
            .import("builtins")
            .and_then(|builtins| builtins.getattr("exec"))
            .unwrap();
        let run = |code: &str| exec.call1((code, &scope)).unwrap();
        run("import contextvars\nv = contextvars.ContextVar('v')\nv.set('here')");
        let (queue, number) = made(py);
        queue::send(number, &message(py, &PyList::new(py, [1]).unwrap()), false, true).unwrap();
        scope
            .set_item("messages", queue.call_method0("take").unwrap())
            .unwrap();
        run("v.set('later')\nassert messages[1].run(v.get) == 'here'\nassert messages[0] == [1]");
    });
}

#[test]
fn a_closed_queue_refuses() {
    python(|py| {
        let (queue, number) = made(py);
        let bytes = message(py, &PyList::new(py, [1]).unwrap());
        queue::send(number, &bytes, false, false).unwrap();
        queue.call_method0("close").unwrap();
        assert!(queue.call_method0("take").unwrap().is_none());
        assert_eq!(queue::waiting(number), None);
        let refused = queue::send(number, &bytes, false, false);
        assert!(
            matches!(&refused, Err(error) if error.to_string().contains("closed")),
            "{refused:?}"
        );
        let (other, number) = made(py);
        drop(other);
        assert_eq!(queue::waiting(number), None, "it goes with its object");
    });
}

#[test]
fn an_object_that_is_gone_is_an_error_of_its_message() {
    let (queue, number, held) = python(|py| {
        let (queue, number) = made(py);
        let held = handle::give(PyList::empty(py).into_any(), handle::NO_FRAME);
        (queue.unbind(), number, held)
    });
    // As Java packs it: a list of the kind, the number and an object.
    let mut bytes = vec![8, 3, 0, 0, 0];
    for value in [0_u64, 42] {
        bytes.push(3);
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.push(15);
    bytes.extend_from_slice(&held.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    queue::send(number, &bytes, false, false).unwrap();
    python(|py| {
        handle::take_back(py, held);
        let got = taken(queue.bind(py));
        assert!(got[0].starts_with("[-1, 42, "), "{got:?}");
        assert!(matches!(
            queue::send(number, &bytes, true, false),
            Err(Error::StaleHandle)
        ));
    });
}
