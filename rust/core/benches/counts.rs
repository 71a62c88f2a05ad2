// SPDX-License-Identifier: Apache-2.0
//! How many instructions the core and CPython need for one call, counted by valgrind and compared with
//! tests/rust/counts.txt: unlike times they are the same at each run, so that a call cannot become slower unnoticed. Run
//! by `./gradlew cargoCounts`.
//!
//! The program runs itself under callgrind, which writes what it counted each time that [`end`] is left. What is
//! counted of an object file is what its own code executed. The C library's share is not compared: it is another one on
//! each system.

use pyo3::prelude::*;
use python4j_core::callback::{self, Answer, Few, Upcall};
use python4j_core::interpreter::{self, Config};
use python4j_core::object::Made;
use python4j_core::stop::{quick_or_stoppable, stoppable, stoppable_briefly, stoppable_request};
use python4j_core::{Result, context, exec, gil, handle, object, pack, raised, script};
use std::collections::HashMap;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/rust/counts.txt");

/// How often each step runs before it is counted, and while it is. CPython adapts its code to what it does.
const BEFORE: u64 = 2_000;
const COUNTED: u64 = 1_000;

/// What may be counted more or less, in percent. Another compiler makes other instructions.
const SLACK: u64 = 2;
const SLACK_OF_OTHERS: u64 = 15;

const DEFINITIONS: &str = "
import gc
gc.disable()
class O:
    x = 1234567
    def m(self):
        return 1234567
o = O()
l = [1000000, 2000000, 3000000]
texts = ['0123456789'] * 3
def f(a, b):
    return a + b
point = {'x': 7, 'y': 0.5, 's': '0123456789'}
longs = list(range(1000, 2000))
strings = ['%08d' % i for i in range(1000)]
";

type Step = Box<dyn FnMut()>;

/// Counting begins here. Another body than that of [`end`], or the compiler makes one function of both.
#[inline(never)]
fn begin(step: &str) {
    black_box(step);
}

/// And it ends here.
#[inline(never)]
fn end(step: &str) {
    black_box(step.len());
}

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--run") {
        for (name, mut step) in steps() {
            println!("{name}");
            (0..BEFORE).for_each(|_| step());
            begin(name);
            (0..COUNTED).for_each(|_| step());
            end(name);
        }
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("Skipped: valgrind is not installed, which counts instructions.");
        return ExitCode::SUCCESS;
    }
    compare(&count())
}

// ---- what is counted ----

/// Answers each call with the int 1.
struct One;

impl Upcall for One {
    fn call(&self, _function: u64, _arguments: &[u8]) -> Result<Vec<u8>> {
        Ok(Request::default().u8(0).int(1).u32(0).0)
    }
    fn takes_few(&self) -> bool {
        true
    }
    fn call_few(&self, _function: u64, _arguments: Few<'_>, answer: &mut Answer) -> Result<()> {
        *answer = Answer::Long(1);
        Ok(())
    }
    fn release(&self, _key: u64) {}
    fn root(&self) -> handle::Frame {
        handle::root(1)
    }
    fn is_open(&self) -> bool {
        true
    }
}

/// Takes each text.
struct Receiver;

impl Upcall for Receiver {
    fn call(&self, _function: u64, _arguments: &[u8]) -> Result<Vec<u8>> {
        unreachable!("a line is a short text")
    }
    fn takes_few(&self) -> bool {
        true
    }
    fn call_few(&self, _function: u64, _arguments: Few<'_>, answer: &mut Answer) -> Result<()> {
        *answer = Answer::Text([0; callback::SHORT_TEXT], 0);
        Ok(())
    }
    fn release(&self, _key: u64) {}
    fn root(&self) -> handle::Frame {
        handle::root(1)
    }
    fn is_open(&self) -> bool {
        true
    }
}

#[derive(Default)]
struct Request(Vec<u8>);

impl Request {
    fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }
    fn u32(mut self, value: usize) -> Self {
        self.0.extend((value as u32).to_le_bytes());
        self
    }
    fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    fn int(self, value: i64) -> Self {
        self.u8(3).u64(value as u64)
    }
    fn text(self, text: &str) -> Self {
        let mut request = self.u32(text.len());
        request.0.extend(text.as_bytes());
        request
    }
}

/// A call's number, as Java gives them.
fn number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(1 << 40);
    LAST.fetch_add(1, Ordering::Relaxed)
}

fn run(request: Vec<u8>) -> Step {
    Box::new(move || {
        let reply = stoppable(number(), |py| exec::run(py, &request, 0, 0)).expect("runs");
        if let Some(reply) = reply {
            pack::give_back(reply);
        }
    })
}

/// A small request, which is written anew each time as Java does.
fn few(request: Vec<u64>) -> Step {
    Box::new(move || {
        gil::with(|py| pack::ask(py, &request));
        stoppable_request(number(), exec::run_few).expect("runs");
    })
}

/// The handle of a program's code.
fn code(text: &str) -> u64 {
    let request = Request::default().u8(5).text(text).u32(0).u32(0).0;
    let reply = gil::with(|py| exec::run(py, &request, handle::root(1), 0)).expect("compiles");
    let reply = reply.expect("a handle");
    u64::from_le_bytes(reply[1..9].try_into().expect("eight bytes"))
}

/// From here on what is printed goes to functions.
fn capture(py: Python<'_>) {
    let receiver = || callback::function(py, Arc::new(Receiver), 8, "receiver", false).expect("a function");
    let redirect = script::tool(py, "output", "redirect").expect("there");
    redirect.call1(((receiver(), receiver()),)).expect("redirected");
}

const MADE: Made = Made {
    frame: handle::root(1),
    told: true,
};

/// A step that makes an object of Java's, and leaves it for the next call to give back.
fn value(mut make: impl FnMut(Option<u64>) -> u64 + 'static) -> Step {
    let mut left = None;
    Box::new(move || left = Some(make(left)))
}

fn steps() -> Vec<(&'static str, Step)> {
    let config = Config {
        program: python(),
        initialize: true,
        release: true,
        huge_pages: Some(true),
        ..Config::default()
    };
    interpreter::start(&config).expect("CPython starts");
    let turn: Step = Box::new(|| {
        gil::release();
        gil::acquire();
    });
    gil::acquire();
    run(Request::default().u8(0).text(DEFINITIONS).u32(0).u32(0).0)();
    let held = |name: &'static str| {
        gil::with(|py| {
            let globals = context::globals(py).expect("started");
            handle::give(
                globals.get_item(name).expect("a dict").expect("defined"),
                handle::root(1),
            )
        })
    };
    let (f, o, l, texts) = (held("f"), held("o"), held("l"), held("texts"));
    gil::with(|py| {
        let j = callback::function(py, Arc::new(One), 7, "j", false).expect("a function");
        context::globals(py)
            .expect("started")
            .set_item("j", j)
            .expect("set");
        for (name, class) in [("q", "JavaObject"), ("i", "JavaIterator")] {
            let reference = callback::reference(py, Arc::new(One), 9, class).expect("a reference");
            let globals = context::globals(py).expect("started");
            globals.set_item(name, reference).expect("set");
        }
    });
    let name = |name: &str| {
        let name = Request::default().text(name).0;
        gil::with(|py| object::name(py, &name, handle::root(1))).expect("a name")
    };
    let (x, y, z, s, t) = (name("x"), name("y"), name("z"), name("s"), name("t"));
    let (int, str, of_int, of_str) = (3, 6, 2, 1);
    let text_of_ten = [
        str,
        10,
        u64::from_le_bytes(*b"01234567"),
        u64::from_le_bytes(*b"89\0\0\0\0\0\0"),
    ];
    let one_each = 1 | 1 << 32;
    let attribute = |object: u64, of: &'static str| {
        let name = name(of);
        move |left| {
            stoppable_briefly(number(), left, |py| object::attribute(py, object, name, MADE)).expect("there")
        }
    };
    let item = |list: u64| {
        move |left| {
            let quick = |py: Python<'_>| object::list_item(py, list, 2, MADE);
            quick_or_stoppable(number(), left, quick, |py| object::item(py, list, 2, MADE)).expect("there")
        }
    };
    let call = move |callable: u64, arguments: &[i64], left: Option<u64>| {
        stoppable_briefly(number(), left, |py| {
            object::call_object_few(py, callable, arguments, MADE)
        })
        .expect("called")
    };
    let text = |text: &str| Request::default().u8(0).text(text);
    let output = |name: &str, wanted: u8| {
        Request::default()
            .u8(2)
            .text("")
            .u32(0)
            .u32(1)
            .text(name)
            .u8(wanted)
            .0
    };
    let input = |tag: u8| {
        Request::default()
            .u8(2)
            .text("")
            .u32(1)
            .text("l")
            .u8(tag)
            .u32(1000)
    };
    let eight = |request: Request, i: u64| request.u8(6).text(&format!("{i:08}"));
    let method = attribute(o, "m");
    let fails = text("1 / 0").u32(0).u32(0).0;
    vec![
        ("lock", turn),
        ("exec", run(text("x = 1").u32(0).u32(0).0)),
        (
            "ints",
            run(text("z = x + y")
                .u32(2)
                .text("x")
                .int(1)
                .text("y")
                .int(2)
                .u32(1)
                .text("z")
                .u8(2)
                .0),
        ),
        (
            "str",
            run(text("t = s")
                .u32(1)
                .text("s")
                .u8(6)
                .text("0123456789")
                .u32(1)
                .text("t")
                .u8(1)
                .0),
        ),
        ("held", {
            let code = code("x = 1");
            Box::new(move || {
                stoppable_briefly(number(), None, |py| exec::run_held(py, code, 0)).expect("runs")
            })
        }),
        (
            "ints.few",
            few(vec![
                code("z = x + y"),
                2 | 1 << 32,
                x,
                int,
                1,
                y,
                int,
                2,
                z,
                of_int,
            ]),
        ),
        (
            "str.few",
            few([&[code("t = s"), one_each, s][..], &text_of_ten, &[t, of_str]].concat()),
        ),
        ("set.few", few([&[0, 1, s][..], &text_of_ten].concat())),
        ("get.few", few(vec![0, 1 << 32, s, of_str])),
        (
            "callable",
            Box::new(move || {
                stoppable_briefly(number(), None, |py| object::call_few(py, f, &[1, 2], 2)).expect("called");
            }),
        ),
        ("call", value(move |left| call(f, &[1, 2], left))),
        ("attribute", value(attribute(o, "x"))),
        ("item", value(item(l))),
        ("item.str", value(item(texts))),
        (
            "method",
            value(move |left| {
                let bound = method(left);
                let result = call(bound, &[], None);
                gil::with(|py| handle::take_back(py, bound));
                result
            }),
        ),
        ("callback", run(text("x = j(1)").u32(0).u32(0).0)),
        ("member", run(text("x = q.value").u32(0).u32(0).0)),
        ("next", run(text("x = next(i)").u32(0).u32(0).0)),
        ("record", {
            let request = [held("point"), 3, 1, x, 1, y, 1, s];
            Box::new(move || {
                gil::with(|py| pack::ask(py, &request));
                assert!(stoppable_request(number(), object::values_of).expect("a dict"));
            })
        }),
        (
            "error",
            Box::new(move || {
                let error = stoppable(number(), |py| exec::run(py, &fails, 0, 0)).expect_err("it raises");
                gil::with(|py| drop(raised::report(py, &error, handle::root(1))));
            }),
        ),
        ("longs", run(output("longs", 5))),
        ("strings", run(output("strings", 5))),
        (
            "longs.in",
            run((1000..2000).fold(input(12), Request::u64).u32(0).0),
        ),
        ("strings.in", run((0..1000).fold(input(8), eight).u32(0).0)),
        ("print", {
            let code = code("print('0123456789')");
            let mut captured = false;
            Box::new(move || {
                if !std::mem::replace(&mut captured, true) {
                    gil::with(capture);
                }
                stoppable(number(), |py| exec::run_held(py, code, 0)).expect("prints");
            })
        }),
    ]
}

// ---- the count ----

/// Instructions of one step: this program's own, and CPython's.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Count {
    ours: u64,
    python: u64,
}

/// The names and counts of all steps, in their order.
fn count() -> Vec<(String, Count)> {
    let folder = std::env::temp_dir().join(format!("python4j-counts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let this = std::env::current_exe().expect("it runs");
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--zero-before=counts::begin*",
            "--dump-after=counts::end*",
        ])
        .arg(format!("--callgrind-out-file={}", folder.join("out").display()))
        .arg(&this)
        .arg("--run")
        .env("PYTHONHASHSEED", "0")
        .output()
        .expect("valgrind runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names = String::from_utf8_lossy(&output.stdout);
    let read = |(number, name): (usize, &str)| {
        let file = folder.join(format!("out.{}", number + 1));
        let text = std::fs::read_to_string(file).expect("callgrind wrote it");
        (name.to_owned(), instructions(&text, &this))
    };
    let counts = names.lines().enumerate().map(read).collect();
    let _ = std::fs::remove_dir_all(folder);
    counts
}

/// Sums up what a file of callgrind's says of each object file.
fn instructions(text: &str, this: &Path) -> Count {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut of: HashMap<&str, u64> = HashMap::new();
    let mut object = "";
    let mut is_of_call = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("ob=").or_else(|| line.strip_prefix("cob=")) {
            let (number, path) = name.split_once(' ').unwrap_or((name, ""));
            if !path.is_empty() {
                names.insert(number, path);
            }
            if line.starts_with("ob=") {
                object = number;
            }
        } else if line.starts_with("calls=") {
            is_of_call = true; // the next line is what was executed there
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok());
            if !std::mem::take(&mut is_of_call) {
                *of.entry(object).or_default() += cost.unwrap_or(0);
            }
        }
    }
    let mut count = Count { ours: 0, python: 0 };
    for (number, cost) in of {
        let path = Path::new(names.get(number).copied().unwrap_or_default());
        if path == this {
            count.ours += cost;
        } else if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("libpython"))
        {
            count.python += cost;
        }
    }
    Count {
        ours: count.ours / COUNTED,
        python: count.python / COUNTED,
    }
}

/// The table as it would be now; which steps are out of it is printed.
fn compare(counts: &[(String, Count)]) -> ExitCode {
    let table = std::fs::read_to_string(TABLE).expect("tests/rust/counts.txt is there");
    let (header, lines): (Vec<_>, Vec<_>) = table.lines().partition(|line| line.starts_with('#'));
    let tools = format!("# {}, {}", version("rustc"), version(&python()));
    let of_python = |header: &str| header.rsplit(", ").next().map(str::to_owned);
    if header.last().and_then(|last| of_python(last)) != of_python(&tools) {
        println!(
            "Skipped: tests/rust/counts.txt has {}, this is {tools}.",
            header.last().unwrap_or(&"")
        );
        return ExitCode::SUCCESS;
    }
    let slack = if header.last() == Some(&tools.as_str()) {
        SLACK
    } else {
        SLACK_OF_OTHERS
    };
    let known: HashMap<_, _> = lines.iter().filter_map(|line| line.split_once(' ')).collect();
    let mut failed = known.len().saturating_sub(counts.len());
    let mut now = String::new();
    for (name, count) in counts {
        let _ = writeln!(now, "{name} {} {}", count.ours, count.python);
        let numbers = known.get(name.as_str()).and_then(|known| known.split_once(' '));
        let known = numbers.and_then(|(ours, python)| Some((ours.parse().ok()?, python.parse().ok()?)));
        if !known.is_some_and(|(ours, python)| {
            is_near(count.ours, ours, slack) && is_near(count.python, python, slack)
        }) {
            failed += 1;
            println!(
                "{name}: {} and {} instructions, not {known:?}",
                count.ours, count.python
            );
        }
    }
    if failed > 0 {
        println!(
            "If that is meant, tests/rust/counts.txt is to be:\n{}\n{tools}\n{now}",
            header[..header.len() - 1].join("\n")
        );
    }
    println!(
        "counts: {} passed, {failed} failed",
        counts.len().saturating_sub(failed)
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Fewer than that is wrong, too: what was gained could be lost again unnoticed.
fn is_near(count: u64, known: u64, slack: u64) -> bool {
    count.abs_diff(known) * 100 <= known * slack
}

fn python() -> String {
    std::env::var("PYTHON4J_TEST_PYTHON").expect("set by `./gradlew cargoCounts`")
}

/// The name and version of a program.
fn version(program: &str) -> String {
    let output = Command::new(program).arg("-V").output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}
