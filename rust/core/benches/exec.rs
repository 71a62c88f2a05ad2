// SPDX-License-Identifier: Apache-2.0
//! What one call costs without a JVM, beside the same work inside plain CPython.
//! Run by `./gradlew rustBench`, which names the interpreter.
#![allow(missing_docs)] // criterion's macros write a public function

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use python4j_core::interpreter::{self, Config};
use python4j_core::pack::{Reader, Writer};
use python4j_core::{context, exec, gil, object};
use std::ffi::CString;
use std::hint::black_box;

fn start() {
    let program = std::env::var("PYTHON4J_TEST_PYTHON").expect("set by `./gradlew rustBench`");
    interpreter::start(&Config {
        program,
        initialize: true,
        release: true,
        ..Config::default()
    })
    .expect("CPython starts");
}

fn push_text(request: &mut Vec<u8>, text: &str) {
    request.extend((text.len() as u32).to_le_bytes());
    request.extend(text.as_bytes());
}

/// A packed request with int inputs and int outputs.
fn request(code: &str, inputs: &[(&str, i64)], outputs: &[&str]) -> Vec<u8> {
    let mut request = vec![0];
    push_text(&mut request, code);
    request.extend((inputs.len() as u32).to_le_bytes());
    for (name, value) in inputs {
        push_text(&mut request, name);
        request.push(3);
        request.extend(value.to_le_bytes());
    }
    request.extend((outputs.len() as u32).to_le_bytes());
    for name in outputs {
        push_text(&mut request, name);
        request.push(2);
    }
    request
}

/// Seconds per run of a statement, measured by CPython's own loop.
fn inside_python(py: Python<'_>, set_up: &str, statement: &str, loops: u64) -> std::time::Duration {
    let scope = PyDict::new(py);
    let code = format!(
        "import time\n{set_up}\ndef measure(n):\n    start = time.perf_counter()\n    for _ in range(n):\n        {statement}\n    return time.perf_counter() - start\n"
    );
    py.run(&CString::new(code).expect("no NUL"), Some(&scope), None)
        .expect("runs");
    let measure = scope.get_item("measure").expect("a dict").expect("defined");
    let seconds: f64 = measure
        .call1((loops,))
        .and_then(|s| s.extract())
        .expect("a number");
    std::time::Duration::from_secs_f64(seconds)
}

fn gil_turn(c: &mut Criterion) {
    start();
    c.bench_function("gil: acquire and release", |b| {
        b.iter(|| {
            gil::acquire();
            gil::release();
        });
    });
    gil::acquire();
    c.bench_function("gil: enter while held", |b| {
        b.iter(|| gil::with(|py| black_box(py.version_info().minor)))
    });
    gil::release();
}

fn run(c: &mut Criterion) {
    start();
    gil::acquire();
    let long = (0..200).map(|i| format!("v{i} = {i} + 1\n")).collect::<String>();
    for (name, code) in [("x = 1", "x = 1"), ("200 lines", long.as_str())] {
        let request = request(code, &[], &[]);
        c.bench_function(&format!("exec {name}: ours"), |b| {
            b.iter(|| gil::with(|py| exec::run(py, &request, 0, 0).expect("runs")));
        });
        c.bench_function(&format!("exec {name}: CPython's exec(code, g)"), |b| {
            let set_up = format!("code = compile({code:?}, 'x', 'exec')\ng = {{}}");
            b.iter_custom(|loops| gil::with(|py| inside_python(py, &set_up, "exec(code, g)", loops)));
        });
    }
    let two_ints = request("z = x + y", &[("x", 1), ("y", 2)], &["z"]);
    c.bench_function("exec two ints in, one out: ours", |b| {
        b.iter(|| gil::with(|py| exec::run(py, &two_ints, 0, 0).expect("runs")));
    });
    let mut n = 0;
    c.bench_function("exec text that changes: ours", |b| {
        b.iter(|| {
            n += 1;
            let request = request(&format!("x = {n}"), &[], &[]);
            gil::with(|py| exec::run(py, &request, 0, 0).expect("runs"))
        });
    });
    c.bench_function("exec text that changes: CPython's exec(text, g)", |b| {
        b.iter_custom(|loops| gil::with(|py| inside_python(py, "g = {}", "exec(f'x = {_}', g)", loops)));
    });
    gil::release();
}

fn values(c: &mut Criterion) {
    start();
    gil::acquire();
    let mut group = c.benchmark_group("pack");
    for (name, expression) in [
        ("1,000,000 ints", "list(range(1000000))"),
        ("1,000,000 floats", "[float(i) for i in range(1000000)]"),
        ("1,000,000 strings of 8", "['%08d' % i for i in range(1000000)]"),
        ("dict of 100,000", "{str(i): float(i) for i in range(100000)}"),
    ] {
        let (object, bytes) = gil::with(|py| {
            let expression = CString::new(expression).expect("no NUL");
            let object = py.eval(&expression, None, None).expect("a value");
            let mut writer = Writer::new(py, 0);
            writer.value(&object).expect("packs");
            (object.unbind(), writer.finish())
        });
        group
            .throughput(Throughput::Bytes(bytes.len() as u64))
            .sample_size(10);
        group.bench_function(format!("{name}: out"), |b| {
            b.iter(|| {
                gil::with(|py| {
                    let mut writer = Writer::new(py, 0);
                    writer.value(object.bind(py)).expect("packs");
                    writer.finish()
                })
            });
        });
        group.bench_function(format!("{name}: in"), |b| {
            b.iter(|| gil::with(|py| Reader::new(&bytes).value(py).expect("reads").unbind()));
        });
        gil::with(|py| object.drop_ref(py));
    }
    group.finish();
    gil::release();
}

fn contexts_and_calls(c: &mut Criterion) {
    start();
    gil::acquire();
    for names in [10, 10_000] {
        gil::with(|py| {
            for name in ["a", "b"] {
                context::switch(py, name).expect("a context");
                let code = request(
                    &format!("globals().update({{'v%d' % i: i for i in range({names})}})"),
                    &[],
                    &[],
                );
                exec::run(py, &code, 0, 0).expect("runs");
            }
        });
        c.bench_function(&format!("context: there and back, {names} names"), |b| {
            b.iter(|| {
                gil::with(|py| {
                    context::switch(py, "a").expect("there");
                    context::switch(py, "b").expect("back");
                })
            });
        });
    }
    let handle =
        gil::with(|py| python4j_core::handle::give(py.get_type::<pyo3::types::PyInt>().into_any(), 0));
    let mut call = vec![3, 0, 0, 0, 15];
    call.extend(handle.to_le_bytes());
    call.extend([8, 1, 0, 0, 0, 3, 7, 0, 0, 0, 0, 0, 0, 0, 0]);
    c.bench_function("object: call with one int", |b| {
        b.iter(|| {
            gil::with(|py| {
                let result =
                    object::operate(py, 4, &call, object::Made { frame: 0, told: true }).expect("calls");
                python4j_core::handle::take_back(py, result);
            })
        });
    });
    gil::release();
}

criterion_group!(benches, gil_turn, run, values, contexts_and_calls);
criterion_main!(benches);
