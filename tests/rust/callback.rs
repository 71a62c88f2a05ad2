// SPDX-License-Identifier: Apache-2.0
//! Python calls out, and what it calls comes back in. The other side here is Rust.

mod support;

use parking_lot::Mutex;
use pyo3::prelude::*;
use python4j_core::callback::{self, Answer, Few, Place, SHORT_TEXT, Scalar, Upcall};
use python4j_core::object::{self, Made};
use python4j_core::{Result, capi, context, gil, handle};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::{Request, repr, run, turn};

/// Function 1 answers its packed arguments' length, 2 throws, 3 raises a Python exception,
/// 4 enters Python again and 5 calls itself through Python until it is 50 deep. 6 has an IndexError
/// raised, 7 answers the tag of its first argument, 8 is an object with the operations of a list, 10 answers
/// with an object that it made.
struct Other;

static RELEASED: Mutex<Vec<u64>> = Mutex::new(Vec::new());
static THROWN: AtomicU64 = AtomicU64::new(98);
static DEPTH: Mutex<u32> = Mutex::new(0);

impl Upcall for Other {
    fn call(&self, function: u64, arguments: &[u8]) -> Result<Vec<u8>> {
        assert!(!capi::gil_held(), "others may enter meanwhile");
        Ok(match function {
            1 => {
                Request::default()
                    .u8(0)
                    .raw(&support::int(arguments.len() as i64))
                    .u32(0)
                    .0
            }
            2 => {
                Request::default()
                    .u8(1)
                    .raw(&THROWN.fetch_add(1, Ordering::Relaxed).to_le_bytes())
                    .text("java.lang.Error")
                    .text("no")
                    .0
            }
            3 => gil::with(|py| {
                let error = run(py, "raise KeyError('inner')").expect_err("raises");
                let python4j_core::Error::Python { raised } = error else {
                    panic!("{error}")
                };
                let handle = handle::give(raised.value(py).clone().into_any(), 0);
                Request::default().u8(2).raw(&support::handle(handle)).0
            }),
            4 => gil::with(|py| {
                run(py, "inside = 'was here'")?;
                Ok::<_, python4j_core::Error>(vec![0, 0, 0, 0, 0, 0])
            })?,
            6 => Request::default().u8(3).text("IndexError").text("too far").0,
            7 => {
                Request::default()
                    .u8(0)
                    .raw(&support::int(arguments[5].into()))
                    .u32(0)
                    .0
            }
            8 => {
                let asked = |name: &str| arguments.windows(name.len()).any(|part| part == name.as_bytes());
                let answer = if asked("length") {
                    support::int(3)
                } else if asked("get") {
                    support::str("element")
                } else {
                    return Ok(Request::default().u8(3).text("AttributeError").text("no").0);
                };
                Request::default().u8(0).raw(&answer).u32(0).0
            }
            10 => gil::with(|py| {
                let made = handle::give(py.get_type::<pyo3::types::PyDict>().call0().unwrap(), 0);
                let answer = Request::default().u8(0).raw(&support::handle(made));
                answer.raw(&made.to_le_bytes()).u32(1).0
            }),
            _ => {
                let depth = {
                    let mut depth = DEPTH.lock();
                    *depth += 1;
                    *depth
                };
                if depth < 50 {
                    gil::with(|py| run(py, "f5()"))?;
                }
                vec![0, 0, 0, 0, 0, 0]
            }
        })
    }

    fn release(&self, key: u64) {
        RELEASED.lock().push(key);
    }

    fn root(&self) -> handle::Frame {
        handle::NO_FRAME
    }

    fn is_open(&self) -> bool {
        true
    }
}

#[test]
fn python_calls_out_and_comes_back() {
    let _turn = turn();
    let other: Arc<dyn Upcall> = Arc::new(Other);
    gil::with(|py| {
        let globals = context::globals(py).unwrap();
        for number in 1..=5 {
            globals
                .set_item(
                    format!("f{number}"),
                    callback::function(py, Arc::clone(&other), number, "java", false).unwrap(),
                )
                .unwrap();
        }
        run(py, "a, b = f1(), f1(1, x=2)").unwrap();
        assert_eq!(repr(py, "a < b"), "True");
        // Large values are in the arguments: to fetch them the reader would have to wait for the GIL.
        run(py, "c = f1('x' * 20000, b'b' * 20000)").unwrap();
        assert_eq!(repr(py, "c > 40000"), "True");

        // A foreign exception can be caught in Python, and leaves it with its key.
        run(
            py,
            "try:\n    f2()\nexcept Exception as e:\n    said = type(e).__name__, str(e)\ndel e",
        )
        .err();
        assert_eq!(repr(py, "said"), "('JavaException', 'java.lang.Error: no')");
        let error = run(py, "f2()").expect_err("throws");
        let python4j_core::Error::Python { raised } = &error else {
            panic!("{error}")
        };
        assert_eq!(callback::foreign_key(raised.value(py).as_any()), Some(99));
        assert!(!RELEASED.lock().contains(&99), "held as long as the exception");
        drop(error);

        run(
            py,
            "from python4j import JavaException\nimport copy\n\
             def by(name):\n    try:\n        f2()\n    except JavaException[name] as e:\n        return copy.copy(e) is e\n\
             try:\n    by('java.lang.Exception')\nexcept JavaException as e:\n    other = e.java_class\n\
             f = copy.deepcopy({'f': f1})['f'] is f1",
        )
        .unwrap();
        assert_eq!(
            repr(py, "by('java.lang.Error'), other, f"),
            "(True, 'java.lang.Error', True)"
        );

        assert_eq!(
            run(py, "f3()").expect_err("raises").to_string(),
            "KeyError: 'inner'"
        );
        run(py, "f4()").unwrap();
        assert_eq!(repr(py, "inside"), "'was here'");
        run(py, "f5()").unwrap();
        assert_eq!(*DEPTH.lock(), 50);

        // From a thread that Python made, while this one waits for it in Python.
        let threads = "import threading\nanswers = []\nt = threading.Thread(target=lambda: (f4(), answers.append(f1())))\nt.start()\nt.join()";
        run(py, threads).unwrap();
        assert_eq!(repr(py, "len(answers)"), "1");

        run(
            py,
            "del f1, f2, f3, f4, f5, t\nimport gc, sys\nsys.last_exc = None\ngc.collect()",
        )
        .unwrap();
    });
    let released = RELEASED.lock();
    for key in [1, 2, 3, 4, 5, 99] {
        assert!(released.contains(&key), "{key} of {released:?}");
    }
}

/// Sets a variable of the current context.
fn set(name: &str, value: &Bound<'_, PyAny>) {
    context::globals(value.py())
        .unwrap()
        .set_item(name, value)
        .unwrap();
}

#[test]
fn functions_as_python_sees_them() {
    let _turn = turn();
    let other: Arc<dyn Upcall> = Arc::new(Other);
    gil::with(|py| {
        set(
            "f",
            &callback::function(py, Arc::clone(&other), 6, "far", false).unwrap(),
        );
        set(
            "values",
            &callback::function(py, Arc::clone(&other), 7, "v", false).unwrap(),
        );
        set(
            "objects",
            &callback::function(py, Arc::clone(&other), 7, "o", true).unwrap(),
        );
        assert_eq!(
            repr(py, "(f, f.__name__, callable(f), hash(f) == hash(f))"),
            "(<java function far>, 'far', True, True)"
        );
        assert_eq!(
            run(py, "f()").expect_err("raises").to_string(),
            "IndexError: too far"
        );
        assert_eq!(repr(py, "values('text'), objects('text')"), "(6, 15)");
        assert_eq!(repr(py, "objects('text', named=[])"), "15");
        run(
            py,
            "import weakref\nw = weakref.ref(f)\nassert w() is f\ndel f\nassert w() is None",
        )
        .unwrap();
        assert!(run(py, "type(values)()").is_err(), "nobody else makes them");
        let before = handle::count();
        set(
            "make",
            &callback::function(py, Arc::clone(&other), 10, "make", false).unwrap(),
        );
        assert_eq!(repr(py, "[make() for _ in range(3)]"), "[{}, {}, {}]");
        assert_eq!(
            handle::count(),
            before,
            "what was made for an answer is given back"
        );
        run(py, "del values, objects, make").unwrap();
    });
}

/// Takes few arguments as they are, of which it tells; all others are packed, and it answers with None.
struct Frugal;

impl Upcall for Frugal {
    fn call(&self, _function: u64, _arguments: &[u8]) -> Result<Vec<u8>> {
        Ok(vec![0, 0, 0, 0, 0, 0])
    }
    fn takes_few(&self) -> bool {
        true
    }
    fn call_few(&self, _function: u64, arguments: Few<'_>, answer: &mut Answer) -> Result<()> {
        assert!(!capi::gil_held(), "others may enter meanwhile");
        *answer = match arguments {
            Few::Longs([0]) => Answer::Packed(Request::default().u8(3).text("IndexError").text("zero").0),
            Few::Longs(longs) => Answer::Long(longs.iter().sum()),
            Few::Operation(number, name) => Answer::Long((100 * number + name.len()) as i64),
            Few::Text(text) => {
                let mut ascii = [b'x'; SHORT_TEXT];
                ascii[..text.len()].copy_from_slice(text.as_bytes());
                Answer::Text(ascii, text.len().max(1))
            }
        };
        Ok(())
    }
    fn release(&self, _key: u64) {}
    fn root(&self) -> handle::Frame {
        handle::NO_FRAME
    }
    fn is_open(&self) -> bool {
        true
    }
}

/// Has one member, whose place it tells. What is there is the number of the look; every fourth one is in vain.
struct Placed(AtomicU64);

impl Upcall for Placed {
    fn call(&self, _function: u64, _arguments: &[u8]) -> Result<Vec<u8>> {
        Ok(Request::default().u8(0).raw(&support::str("packed")).u32(0).0)
    }
    fn takes_few(&self) -> bool {
        true
    }
    fn call_few(&self, _function: u64, _arguments: Few<'_>, answer: &mut Answer) -> Result<()> {
        *answer = Answer::Place(Place(Box::new("the place")));
        Ok(())
    }
    fn read(&self, place: &Place) -> Option<Scalar> {
        assert!(capi::gil_held(), "nobody enters meanwhile");
        assert_eq!(place.0.downcast_ref(), Some(&"the place"));
        match self.0.fetch_add(1, Ordering::Relaxed) {
            4 => Some(Scalar::Float(0.5)),
            5 => Some(Scalar::Bool(true)),
            number if number % 4 == 3 => None,
            number => Some(Scalar::Int(number as i64)),
        }
    }
    fn release(&self, _key: u64) {}
    fn root(&self) -> handle::Frame {
        handle::NO_FRAME
    }
    fn is_open(&self) -> bool {
        true
    }
}

#[test]
fn a_member_is_read_at_its_place() {
    let _turn = turn();
    let other: Arc<dyn Upcall> = Arc::new(Placed(AtomicU64::new(0)));
    gil::with(|py| {
        let object = callback::reference(py, Arc::clone(&other), 3, "JavaObject").unwrap();
        set("q", &object);
        // The fourth look is in vain, so its place is asked for again, and looked at by number 4.
        assert_eq!(
            repr(py, "q.x, q.x, q.x, q.x, q.x, q.x"),
            "(0, 1, 2, 0.5, True, 6)"
        );
        // Number 7 in vain, and so is 8 + 3 after it: a place in which nothing is found at once is none.
        assert_eq!(repr(py, "q.x, q.x, q.x, q.y, q.y"), "(8, 9, 10, 'packed', 12)");
        run(py, "del q").unwrap();
    });
}

#[test]
fn few_arguments_need_no_packing() {
    let _turn = turn();
    let other: Arc<dyn Upcall> = Arc::new(Frugal);
    gil::with(|py| {
        set(
            "few",
            &callback::function(py, Arc::clone(&other), 1, "few", false).unwrap(),
        );
        set(
            "objects",
            &callback::function(py, Arc::clone(&other), 1, "objects", true).unwrap(),
        );
        assert_eq!(
            repr(py, "few(1), few(-1, 2), few(2**63 - 1), few('a b'), few('')"),
            "(1, 1, 9223372036854775807, 'a b', 'x')"
        );
        assert_eq!(repr(py, "len(few('a' * 64))"), "64");
        let packed = "few(), few(1, 2, 3), few(2**63), few(True), few(1, '2'), few('a', 'b'), few('a' * 65), few('\\0'), \
                      few('\\xe9'), few('\\ud800'), few(1, x=2), few(None), objects(1)";
        assert_eq!(repr(py, &format!("{{*({packed},)}}")), "{None}");
        let raised = run(py, "few(0)").expect_err("raises");
        assert!(raised.to_string().contains("zero"), "{raised}");
        run(py, "del few, objects").unwrap();
        let list = callback::reference(py, Arc::clone(&other), 2, "JavaList").unwrap();
        set("l", &list);
        assert_eq!(
            repr(
                py,
                "len(l), l.name, l._java('next'), l._java('next', 1), l._java('member')"
            ),
            "(100, 304, 0, None, 'member')"
        );
        run(py, "del l").unwrap();
    });
}

/// CPython passes the arguments as they are, which nobody sees: the class is like any other that nobody can make objects of.
#[test]
fn functions_are_called_without_a_tuple() {
    let _turn = turn();
    let other: Arc<dyn Upcall> = Arc::new(Frugal);
    gil::with(|py| {
        set(
            "few",
            &callback::function(py, Arc::clone(&other), 1, "few", false).unwrap(),
        );
        assert_eq!(repr(py, "bool(type(few).__flags__ & 1 << 11)"), "True", "PEP 590");
        run(
            py,
            "import functools, gc, inspect, pickle, sys, weakref\nkind = type(few)\n\
             def refused(action):\n    try:\n        action()\n    except TypeError:\n        return True\n\
             class C:\n    m = few",
        )
        .unwrap();
        assert_eq!(
            repr(
                py,
                "(kind.__name__, kind.__qualname__, kind.__module__, kind.__doc__)"
            ),
            "('function', 'function', 'python4j', 'A foreign function as Python calls it.')"
        );
        let refused = "kind, lambda: kind(few), lambda: type('K', (kind,), {}), lambda: pickle.dumps(few), lambda: kind.__call__(1)";
        assert_eq!(
            repr(py, &format!("[refused(action) for action in ({refused})]")),
            "[True, True, True, True, True]"
        );
        assert_eq!(
            repr(py, "hasattr(few, '__dict__'), '__vectorcalloffset__' in dir(few)"),
            "(False, False)"
        );
        assert_eq!(repr(py, "str(inspect.signature(few))"), "'(*args, **kwargs)'");
        let calls = "few(*[1, 2]), few(*(1,), **{}), few.__call__(1, 2), kind.__call__(few, 1), functools.partial(few, 1)(2), \
                     list(map(few, [1, 2], [3, 4])), C().m(5), C.m is few";
        assert_eq!(repr(py, calls), "(3, 1, 3, 1, 3, [4, 6], 5, True)");
        assert_eq!(
            repr(py, "few(1, 2, 3), few(x=1), few(1, **{'x': 2}), few(*range(9))"),
            "(None, None, None, None)"
        );
        // What is passed is neither kept nor lost, nor is the class.
        run(
            py,
            "big, text = 2**80, 'x' * 80\nfor n in range(100):\n    few(big); few(text, big); few(x=big); few(1, x=text)\n\
             before = sys.getrefcount(big), sys.getrefcount(text), sys.getrefcount(kind)\n\
             for n in range(100):\n    few(big); few(text, big); few(x=big); few(1, x=text)\n\
             after = sys.getrefcount(big), sys.getrefcount(text), sys.getrefcount(kind)\nassert before == after, (before, after)",
        )
        .unwrap();
        let before: usize = repr(py, "sys.getrefcount(kind)").parse().unwrap();
        for number in 0..100 {
            drop(callback::function(py, Arc::clone(&other), number, "gone", false).unwrap());
        }
        assert_eq!(
            repr(py, "sys.getrefcount(kind)"),
            before.to_string(),
            "objects give their class back"
        );
        run(py, "del few, kind, C").unwrap();
    });
}

#[test]
fn references_as_python_sees_them() {
    let _turn = turn();
    let other: Arc<dyn Upcall> = Arc::new(Other);
    gil::with(|py| {
        let list = callback::reference(py, Arc::clone(&other), 8, "JavaList").unwrap();
        assert_eq!(callback::key(&list), Some(8));
        set("l", &list);
        assert_eq!(
            repr(py, "len(l), l[-1], bool(l), callable(l)"),
            "(3, 'element', True, False)"
        );
        assert!(run(py, "l.member").is_err());
        run(
            py,
            "import collections.abc\nassert isinstance(l, collections.abc.MutableSequence)",
        )
        .unwrap();
        assert!(callback::reference(py, Arc::clone(&other), 9, "NoSuchClass").is_err());
        assert!(RELEASED.lock().contains(&9), "given up with the attempt");

        // It goes back by its key, with a handle that keeps it until it has arrived.
        let before = handle::count();
        let mut writer = python4j_core::pack::Writer::new(py, 0);
        let pair = pyo3::types::PyTuple::new(py, [&list]).unwrap();
        writer.value(&pair).unwrap();
        let packed = writer.finish();
        assert_eq!(packed[5..14], [&[18u8][..], &8u64.to_le_bytes()].concat());
        assert_eq!(handle::count(), before + 1);
        let held = u64::from_le_bytes(packed[14..22].try_into().unwrap());
        drop((list, pair));
        run(py, "del l").unwrap();
        assert!(!RELEASED.lock().contains(&8), "the handle keeps it");
        handle::take_back(py, held);
        assert!(RELEASED.lock().contains(&8));
    });
}

/// Lets go of an iterator when it is called.
struct LetsGo(AtomicU64);

impl Upcall for LetsGo {
    fn call(&self, _function: u64, _arguments: &[u8]) -> Result<Vec<u8>> {
        gil::with(|py| handle::take_back(py, self.0.load(Ordering::Relaxed)));
        Ok(vec![0, 0, 0, 0, 0, 0])
    }
    fn release(&self, _key: u64) {}
    fn root(&self) -> handle::Frame {
        handle::NO_FRAME
    }
    fn is_open(&self) -> bool {
        true
    }
}

/// At its end it gives its list back, whose elements may have finalizers, and it has no reference for the step but the table's.
#[test]
fn an_iterator_can_go_in_its_last_step() {
    let _turn = turn();
    let lets_go = Arc::new(LetsGo(AtomicU64::new(0)));
    gil::with(|py| {
        let globals = context::globals(py).unwrap();
        let function = callback::function(py, lets_go.clone(), 1, "go", false).unwrap();
        globals.set_item("go", function).unwrap();
        run(py, "class D:\n    def __del__(self): go()\nsteps = iter([D()])").unwrap();
        let steps = handle::give(globals.get_item("steps").unwrap().unwrap(), handle::NO_FRAME);
        run(py, "del steps").unwrap();
        lets_go.0.store(steps, Ordering::Relaxed);
        let made = Made {
            frame: handle::NO_FRAME,
            told: false,
        };
        let element = object::list_next(py, steps, made).expect("an iterator over a list");
        handle::take_back(py, element);
        assert!(handle::lend(py, steps).is_ok(), "the list has the element");
        assert_eq!(object::list_next(py, steps, made), Some(0));
        assert!(handle::lend(py, steps).is_err(), "it is gone");
        run(py, "del go, D").unwrap();
    });
}
