// SPDX-License-Identifier: Apache-2.0
//! Values to bytes and back.

mod support;

use pyo3::prelude::*;
use python4j_core::pack::{self, MAX_DEPTH, Reader, Rest, Wanted, Writer};
use python4j_core::{Result, context, gil, handle};
use support::{Request, int, python, repr, run};

fn eval<'py>(py: Python<'py>, expression: &str) -> Bound<'py, PyAny> {
    run(py, &format!("v = {expression}")).expect(expression);
    context::globals(py).unwrap().get_item("v").unwrap().unwrap()
}

fn packed(py: Python<'_>, expression: &str) -> Result<Vec<u8>> {
    let mut writer = Writer::new(py, 0);
    writer.value(&eval(py, expression))?;
    Ok(writer.finish())
}

fn wanted(py: Python<'_>, expression: &str, wanted: Wanted) -> Result<Vec<u8>> {
    let mut writer = Writer::new(py, 0);
    writer.wanted(&eval(py, expression), wanted)?;
    Ok(writer.finish())
}

fn unpacked<'py>(py: Python<'py>, bytes: &[u8]) -> Result<Bound<'py, PyAny>> {
    let mut reader = Reader::new(bytes);
    let value = reader.value(py)?;
    reader.end()?;
    Ok(value)
}

/// Every line of tests/pack/values.txt is `name: hex # repr`; the Java half reads the same file.
#[test]
fn golden_buffers_read_and_write_alike() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/pack/values.txt");
    let text = std::fs::read_to_string(file).expect(file);
    let mut read = 0;
    python(|py| {
        run(py, "from decimal import Decimal").unwrap();
        for line in text
            .lines()
            .filter(|l| !l.trim().is_empty() && !l.starts_with('#'))
        {
            let (name, rest) = line.split_once(": ").expect(line);
            let (hex, expected) = rest.split_once(" # ").expect(line);
            let bytes: Vec<u8> = hex
                .split_whitespace()
                .collect::<String>()
                .as_bytes()
                .chunks(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                .collect();
            read += 1;
            if matches!(bytes[0], 15..=17) {
                continue; // a handle, or what only Java reads
            }
            let value = unpacked(py, &bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
            let globals = context::globals(py).unwrap();
            globals.set_item("value", &value).unwrap();
            assert_eq!(
                repr(py, "repr(value)"),
                repr(py, &format!("repr({expected})")),
                "{name}"
            );
            if bytes[0] == 19 {
                continue; // only Java writes it
            }
            let mut writer = Writer::new(py, 0);
            writer.value(&value).unwrap();
            assert_eq!(writer.finish(), bytes, "{name} written again");
        }
    });
    assert!(read >= 15, "{read} buffers");
}

#[test]
fn long_text_is_exact() {
    python(|py| {
        for text in [
            "'x' * 257",
            "'caf\\xe9 ' * 100",
            "'x' * 300 + '\\u0100'",
            "'\\u4e2d' * 20000",
            "'twelve \\U0001f600' * 100",
            "'\\ud800' + 'x' * 300",
            "'\\udc00\\ud800x' * 200",
            "'\\0' * 300",
            "'x' * 5000000",
        ] {
            run(py, &format!("text = {text}")).unwrap();
            let before = context::globals(py).unwrap().get_item("text").unwrap().unwrap();
            let mut writer = Writer::new(py, 0);
            writer.value(&before).unwrap();
            let after = unpacked(py, &writer.finish()).unwrap();
            assert!(before.eq(after).unwrap(), "{text}");
        }
        let half = unpacked(py, &[20, 3, 0, 0, 0, 1, 2, 3]);
        assert!(half.unwrap_err().to_string().contains("half a character"));
    });
}

/// Lists of one simple kind take a shorter way, up to the item that is of another kind.
#[test]
fn a_list_of_one_kind_but_for_an_item_is_exact() {
    python(|py| {
        run(py, "class Text(str): pass\nclass Number(int): pass").unwrap();
        for alike in [
            "7, -(2**63), 2**63 - 1",
            "0.5, float('-inf'), -0.0",
            "'', 'caf\\xe9', '\\U0001f600', 'x' * 256",
        ] {
            for odd in [
                "3",
                "0.25",
                "'t'",
                "True",
                "None",
                "2**63",
                "-(2**63) - 1",
                "'x' * 257",
                "'\\xe9' * 257",
                "b'b'",
                "[]",
                "[1, 'two']",
                "Text('t')",
                "Number(1)",
            ] {
                for list in [
                    format!("[{odd}, {alike}]"),
                    format!("[{alike}, {odd}, {alike}]"),
                    format!("[{alike}, {odd}]"),
                ] {
                    let bytes = packed(py, &list).unwrap();
                    let after = unpacked(py, &bytes).unwrap();
                    context::globals(py).unwrap().set_item("after", after).unwrap();
                    let kinds = "[(type(x), repr(x)) for x in %]";
                    let (is, should) = (kinds.replace('%', "after"), kinds.replace('%', "v"));
                    assert_eq!(repr(py, &is), repr(py, &should), "{list}");
                }
            }
        }
        let lone = packed(py, "['t', '\\ud800']").unwrap(); // only Java reads it
        assert_eq!(lone[..11], [8, 2, 0, 0, 0, 6, 1, 0, 0, 0, b't']);
        assert_eq!(lone[11..], [16, 3, 0, 0, 0, 0xED, 0xA0, 0x80]);
    });
}

#[test]
fn values_of_every_type_come_back_equal() {
    python(|py| {
        for expression in [
            "None",
            "True",
            "0",
            "-1",
            "2**63-1",
            "-2**63",
            "2**63",
            "-2**63-1",
            "10**40",
            "-10**40",
            "1.5",
            "-0.0",
            "float('inf')",
            "''",
            "'a\\x00b'",
            "'\\U0001F600'",
            "'\\ud800'",
            "'\\udc80x'",
            "b''",
            "bytes(range(256))",
            "[]",
            "[1, 2]",
            "[1, 2**70]",
            "[1.5, 2.5]",
            "[1, 2.5]",
            "[1.5, 2]",
            "[True, False]",
            "[None]",
            "(1, 'x')",
            "()",
            "{1, 2}",
            "{}",
            "{'a': [1, {'b': (2, None)}]}",
            "{None: 1, (1, 2): 3}",
            "[[1], [2.0], ['x']]",
            "['a'] * 1000",
        ] {
            let bytes = packed(py, expression).expect(expression);
            // What only Java reads is a str for Python.
            let bytes = if bytes[0] == 16 {
                [&[6], &bytes[1..]].concat()
            } else {
                bytes
            };
            context::globals(py)
                .unwrap()
                .set_item("back", unpacked(py, &bytes).expect(expression))
                .unwrap();
            assert_eq!(
                repr(py, "(back, type(back))"),
                repr(py, "(v, type(v))"),
                "{expression}"
            );
        }
    });
}

#[test]
fn types_without_a_place_of_their_own_come_as_the_nearest() {
    python(|py| {
        run(py, "import decimal").unwrap();
        assert_eq!(
            packed(py, "range(2)").unwrap(),
            Request::default().u8(8).u32(2).raw(&int(0)).raw(&int(1)).0
        );
        assert_eq!(
            packed(py, "frozenset([7])").unwrap(),
            Request::default().u8(10).u32(1).raw(&int(7)).0
        );
        assert_eq!(
            packed(py, "{'k': 1}.values()").unwrap(),
            Request::default().u8(8).u32(1).raw(&int(1)).0
        );
        assert_eq!(
            packed(py, "decimal.Decimal('1.50')").unwrap(),
            Request::default().u8(14).text("1.50").0
        );
    });
}

#[test]
fn an_object_of_another_type_goes_as_a_handle() {
    python(|py| {
        let before = handle::count();
        run(py, "import decimal").unwrap();
        for other in ["object()", "decimal.Decimal('nan')", "1j"] {
            let bytes = packed(py, &format!("[1, {other}]")).unwrap();
            assert_eq!(handle::count(), before + 1);
            let handle = u64::from_le_bytes(bytes[bytes.len() - 8..].try_into().unwrap());
            handle::take_back(py, handle);
            assert_eq!(handle::count(), before);
        }
    });
}

#[test]
fn a_reply_that_fails_half_way_takes_back_what_it_gave() {
    python(|py| {
        run(py, "own = [object(), object()]\nown.append(own)").unwrap();
        let before = handle::count();
        assert!(packed(py, "own").is_err());
        assert_eq!(handle::count(), before);
    });
}

#[test]
fn what_is_equal_in_python_alone_is_refused() {
    python(|py| {
        let (one, real) = (int(1), Request::default().u8(5).raw(&1f64.to_le_bytes()).0);
        for (tag, values) in [
            (10, vec![&one, &real]),
            (11, vec![&one, &one, &real, &one]),
            (10, vec![&one, &one]),
        ] {
            let mut bytes = Request::default().u8(tag).u32(2);
            for value in values {
                bytes = bytes.raw(value);
            }
            let error = unpacked(py, &bytes.0).expect_err("one is lost");
            assert!(error.to_string().contains("equal in Python"), "{error}");
        }
    });
}

/// What the tag 24 at the end of a part says.
fn rest(bytes: &[u8]) -> (u64, Rest) {
    let end = bytes
        .strip_suffix(&[0])
        .filter(|_| bytes[0] == 11)
        .unwrap_or(bytes);
    let (head, fields) = end.split_at(end.len() - 24);
    assert_eq!(head.last(), Some(&24));
    let mut fields = Reader::new(fields);
    let (handle, position) = (fields.u64().unwrap(), fields.i64().unwrap() as isize);
    let (done, total) = (fields.u32().unwrap(), fields.u32().unwrap());
    (
        handle,
        Rest {
            position,
            done,
            total,
        },
    )
}

fn first_part(py: Python<'_>, expression: &str) -> Vec<u8> {
    let mut writer = Writer::new(py, 0).in_parts();
    writer.value(&eval(py, expression)).unwrap();
    writer.finish()
}

fn next_part(py: Python<'_>, bytes: &[u8]) -> Result<Vec<u8>> {
    let (handle, rest) = rest(bytes);
    pack::more(py, handle, rest, false, 0)
}

#[test]
fn large_containers_go_in_parts_where_nobody_comes_between() {
    python(|py| {
        let before = handle::count();
        gil::acquire();
        for expression in [
            "list(range(400_000))",
            "[i * 0.5 for i in range(400_000)]",
            "['text %d' % i for i in range(400_000)]",
            "[(i, 'text') for i in range(400_000)]",
            "tuple((i, None) for i in range(400_000))",
            "{i: 'text %d' % i for i in range(400_000)}",
            "set(range(400_000))",
            "frozenset('text %d' % i for i in range(400_000))",
            "range(400_000)",
            "dict.fromkeys(range(400_000)).items()",
        ] {
            let (mut part, mut count) = (first_part(py, expression), 0);
            while rest(&part).0 != 0 {
                assert!(part.len() < pack::PART + 1000, "{expression}");
                let done = rest(&part).1.done;
                part = next_part(py, &part).unwrap();
                assert!(done > count || count == 0, "{expression}");
                count = done;
                if part[part.len() - 25] != 24 && !(part[0] == 11 && part[part.len() - 26] == 24) {
                    break; // the last one
                }
            }
            assert!(count > 240_000, "{expression}");
        }
        assert_eq!(handle::count(), before);
        gil::release();
    });
}

#[test]
fn where_others_come_between_a_large_container_is_taken_by_itself() {
    python(|py| {
        let before = handle::count();
        for (expression, length) in [
            ("list(range(400_000))", 9),
            ("['text %d' % i for i in range(400_000)]", 9),
            ("{i: 'text' for i in range(400_000)}", 9),
            ("set(range(400_000))", 9),
            ("[1, (set(range(400_000)), {2: tuple(range(400_000))})]", 51),
            ("type('D', (dict,), {})(enumerate(range(400_000)))", 9),
        ] {
            let mut writer = Writer::new(py, 0).in_parts();
            let is_dict = expression.contains("dict");
            let wanted = if is_dict { Wanted::Dict } else { Wanted::Any };
            writer.wanted(&eval(py, expression), wanted).unwrap();
            let reply = writer.finish();
            assert_eq!(reply.len(), length, "{expression}");
            if length == 9 {
                assert_eq!(reply[0], 21);
                let container = handle::lend(py, Reader::new(&reply[1..]).u64().unwrap()).unwrap();
                let first = gil::with(|_| pack::first(&container, 0)).unwrap();
                assert!(rest(&first).1.done < 400_000, "it goes in parts");
                pack::forget(&first);
            }
            pack::forget(&reply);
            handle::free_late(py);
        }
        // What fails after that gives it back.
        let mut writer = Writer::new(py, 0).in_parts().at_most(10_000);
        let refused = writer.value(&eval(py, "[list(range(400_000))] + ['x' * 200] * 100"));
        assert!(refused.is_err());
        drop(writer);
        assert_eq!(handle::count(), before);
    });
}

#[test]
fn sets_change_between_their_parts_by_an_error() {
    python(|py| {
        gil::acquire();
        let part = first_part(py, "set(range(400_000))");
        run(py, "v.add('one more')").unwrap();
        let refused = next_part(py, &part).expect_err("another size").to_string();
        assert!(refused.contains("changed size during iteration"), "{refused}");
        handle::take_back(py, rest(&part).0);
        gil::release();
    });
}

#[test]
fn between_its_parts_a_container_may_change_as_in_a_loop() {
    python(|py| {
        gil::acquire();
        let part = first_part(py, "['text %d' % i for i in range(100_000)]");
        run(py, "del v[:99_990]").unwrap();
        assert_eq!(next_part(py, &part).unwrap(), [8, 0, 0, 0, 0]);
        let part = first_part(py, "{i: i for i in range(100_000)}");
        run(py, "v[-1] = 0").unwrap();
        let refused = next_part(py, &part).expect_err("another size").to_string();
        assert!(refused.contains("changed size during iteration"), "{refused}");
        handle::take_back(py, rest(&part).0);
        gil::release();
    });
}

#[test]
fn what_comes_in_parts_is_a_list_or_dict_in_the_end() {
    python(|py| {
        let words: Vec<u8> = [1i64, 2].iter().flat_map(|word| word.to_le_bytes()).collect();
        let list = pack::add(py, 0, 12, &words, None).unwrap();
        assert_eq!(
            pack::add(py, list, 13, &1.5f64.to_le_bytes(), None).unwrap(),
            list
        );
        pack::add(py, list, 8, &[&int(3)[..], &[0]].concat(), Some(5)).unwrap();
        let bytes = Request::default().u8(8).u32(1).u8(21).raw(&list.to_le_bytes()).0;
        let list_of_it = unpacked(py, &bytes).unwrap();
        assert_eq!(list_of_it.to_string(), "[[1, 2, 1.5, 3, None]]");
        assert!(handle::lend(py, list).is_err());

        let entry = |key: i64| [int(key), int(0)].concat();
        let dict = pack::add(py, 0, 11, &entry(1), None).unwrap();
        pack::add(py, dict, 11, &entry(2), Some(2)).unwrap();
        let lost = pack::add(py, dict, 11, &entry(1), Some(3)).expect_err("one is lost");
        assert!(lost.to_string().contains("and 1 would be lost"), "{lost}");
        assert!(pack::add(py, dict, 11, &int(1), None).is_err(), "a key alone");
        let unhashable = pack::add(py, dict, 11, &[&[8, 0, 0, 0, 0][..], &[0]].concat(), None);
        assert!(unhashable.is_err());
        let frozen = pack::add(py, dict, 11, &[&[10, 0, 0, 0, 0][..], &[0]].concat(), None);
        assert!(frozen.is_ok(), "a set is frozen as a key");
        handle::take_back(py, dict);
    });
}

#[test]
fn cyclic_and_very_deep_values_are_refused() {
    python(|py| {
        run(
            py,
            "l = []\nl.append(l)\nd = {}\nd['d'] = d\ndeep = []\nfor _ in range(5000): deep = [deep]",
        )
        .unwrap();
        for name in ["l", "d", "deep"] {
            let error = packed(py, name).expect_err(name).to_string();
            assert!(error.contains("deeper than 1000"), "{error}");
        }
        run(py, "fine = []\nfor _ in range(999): fine = [fine]").unwrap();
        let bytes = packed(py, "fine").unwrap();
        assert_eq!(unpacked(py, &bytes).unwrap().len().unwrap(), 1);
        let mut too_deep = [8u8, 1, 0, 0, 0].repeat(MAX_DEPTH + 2);
        too_deep.push(0);
        assert!(unpacked(py, &too_deep).is_err());
    });
}

#[test]
fn conversions_follow_the_wanted_type() {
    python(|py| {
        let ok = |expression: &str, kind: Wanted, bytes: Vec<u8>| {
            assert_eq!(
                wanted(py, expression, kind).expect(expression),
                bytes,
                "{expression}"
            );
        };
        let fails = |expression: &str, kind: Wanted, message: &str| {
            let error = wanted(py, expression, kind).expect_err(expression);
            assert_eq!(error.to_string(), message, "{expression}");
            assert!(PyErr::take(py).is_none());
        };
        ok("True", Wanted::Int, int(1));
        ok("type('I', (int,), {})(7)", Wanted::Int, int(7));
        fails("1.5", Wanted::Int, "Could not convert value to int: 1.5");
        fails(
            "2**63",
            Wanted::Int,
            "Could not convert value to int: 9223372036854775808",
        );
        fails("{1, 2}", Wanted::Int, "Could not convert value to int: {1, 2}");
        fails("'1.5'", Wanted::Float, "Could not convert value to float: 1.5");
        ok(
            "__import__('fractions').Fraction(1, 2)",
            Wanted::Float,
            Request::default().u8(5).raw(&0.5f64.to_le_bytes()).0,
        );
        ok("12", Wanted::Str, support::str("12"));
        ok("[]", Wanted::Bool, vec![1]);
        ok(
            "'ab'",
            Wanted::List,
            Request::default()
                .u8(8)
                .u32(2)
                .raw(&support::str("a"))
                .raw(&support::str("b"))
                .0,
        );
        ok(
            "b'ab'",
            Wanted::List,
            Request::default()
                .u8(12)
                .u32(2)
                .raw(&97i64.to_le_bytes())
                .raw(&98i64.to_le_bytes())
                .0,
        );
        ok("{}", Wanted::List, vec![8, 0, 0, 0, 0]);
        for own in ["1", "1.5", "'a'", "None"] {
            ok(
                &format!("type('L', (list,), {{'__iter__': lambda self: iter('b')}})([{own}])"),
                Wanted::List,
                Request::default().u8(8).u32(1).raw(&support::str("b")).0,
            );
        }
        for not_a_list in ["{'a': 1}", "{1}", "5", "None", "(i for i in [1])", "{}.keys()"] {
            fails(not_a_list, Wanted::List, "Object cannot be interpreted as a List");
        }
        fails("[1]", Wanted::Dict, "Expected dict, received: [1]");
        fails(
            "bytearray(b'x')",
            Wanted::Bytes,
            "Expected bytes. Received: bytearray(b'x')",
        );
        ok("ValueError('x')", Wanted::Message, support::str("ValueError: x"));
    });
}

#[test]
fn no_buffer_makes_the_reader_crash_or_overread() {
    python(|py| {
        // Every prefix and every one-byte change of a buffer that has all tags.
        let sample = packed(
            py,
            "[1, 2**70, 1.5, 'x', b'y', [1, 2], [1.5], (1,), {1}, {'k': None}, True]",
        )
        .unwrap();
        for end in 0..sample.len() {
            assert!(unpacked(py, &sample[..end]).is_err());
        }
        for at in 0..sample.len() {
            for value in [0, 1, 7, 12, 15, 16, 127, 255] {
                let mut changed = sample.clone();
                changed[at] = value;
                let _ = unpacked(py, &changed);
                assert!(PyErr::take(py).is_none());
            }
        }
        for huge in [8u8, 9, 10, 11, 12, 13] {
            assert!(unpacked(py, &[huge, 255, 255, 255, 255]).is_err());
        }
    });
}

/// What packing asks of `sys.modules["numpy"]` runs the program's code, which changes what is packed.
#[test]
fn a_dict_that_changes_while_it_is_packed_is_an_error() {
    python(|py| {
        for change in [
            "x[len(x) + 100] = 1j",
            "n = next(iter(x)); del x[n]; x[n + 100] = 1j",
        ] {
            let code = format!(
                "import sys\nclass Evil:\n    def __getattr__(self, name):\n        {change}\n        \
                 raise AttributeError(name)\nx = {{i: 1j for i in range(5)}}\nsys.modules['numpy'] = Evil()"
            );
            run(py, &code).unwrap();
            let x = context::globals(py).unwrap().get_item("x").unwrap().unwrap();
            let error = Writer::new(py, 0).wanted(&x, Wanted::Dict).expect_err(change);
            run(py, "del sys.modules['numpy']").unwrap();
            let text = error.to_string();
            assert_eq!(text, "RuntimeError: dictionary changed size during iteration");
        }
    });
}

#[test]
fn what_the_reader_cannot_take_is_refused() {
    python(|py| {
        for (expression, fits) in [
            ("'a' * 40_000", true),
            ("'a' * 40_001", false),
            ("'\\xe9' * 40_000", true),
            ("'\\u4e00' * 20_000", true),
            ("'\\u4e00' * 20_001", false),
            ("'\\U0001F600' * 17_000", false),
            ("b'b' * 40_001", false),
            ("[1] * 4_000", true),
            ("[1] * 6_000", false),
            ("[1, None] * 6_000", false),
            ("['a' * 100] * 300", true),
            ("['a' * 100] * 400", false),
            ("['a' * 300] * 150", false),
            ("[None] * 41_000", false),
            ("[b'b' * 40_001]", false),
        ] {
            let mut writer = Writer::new(py, 0).at_most(40_000);
            let written = writer.value(&eval(py, expression));
            assert_eq!(written.is_ok(), fits, "{expression}");
            if let Err(refused) = written {
                let refused = refused.to_string();
                assert!(
                    refused.starts_with("Neither an array nor a String of Java takes "),
                    "{refused}"
                );
            }
        }
        let mut writer = Writer::whole(py, 0).at_most(40_000);
        assert!(writer.value(&eval(py, "b'b' * 39_000")).is_ok());
        assert!(writer.value(&eval(py, "b'b' * 39_000")).is_err());
    });
}

#[test]
fn long_text_of_any_characters_is_that_of_pythons_own_codec() {
    python(|py| {
        let units: [&[u16]; 6] = [
            &[0x61],
            &[0xE9],
            &[0x20AC],
            &[0xD83D, 0xDE00],
            &[0xD83D],
            &[0xDE00],
        ];
        let mut seed = 1_u32;
        for round in 0..400 {
            let kinds = 1 + round % units.len();
            let mut text = Vec::new();
            while text.len() < 1200 + round % 7 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let plain = seed >> 28 != 0; // most of it, so that runs of any length are there
                let kind = if plain {
                    round % 3
                } else {
                    (seed >> 8) as usize % kinds
                };
                text.extend(units[kind].iter().flat_map(|unit| unit.to_le_bytes()));
            }
            let utf16 = Request::default().u8(20).u32(text.len()).raw(&text).0;
            let string = unpacked(py, &utf16).unwrap();
            let bytes = pyo3::types::PyBytes::new(py, &text);
            let expected = bytes
                .call_method1("decode", ("utf-16-le", "surrogatepass"))
                .unwrap();
            assert!(string.eq(&expected).unwrap(), "{text:?}");
            let mut writer = Writer::new(py, 0);
            writer.value(&expected).unwrap();
            let ascii = text.chunks(2).all(|unit| unit[1] == 0 && unit[0] < 0x80);
            if !ascii {
                assert_eq!(writer.finish(), utf16);
            } else {
                let letters: Vec<u8> = text.chunks(2).map(|unit| unit[0]).collect();
                assert_eq!(
                    writer.finish(),
                    Request::default().u8(19).u32(letters.len()).raw(&letters).0
                );
            }
        }
    });
}

#[test]
fn a_reply_that_nobody_reads_gives_its_objects_back() {
    python(|py| {
        let before = handle::count();
        let values = py
            .eval(
                c"[1, 1.5, 2**80, None, True, 'a', b'b', '\\ud800', object(), (object(), {'k': [object()]}), [1, 2], [1.5, 2.5], 'x' * 100000, {1, object()}]",
                None,
                None,
            )
            .unwrap();
        let mut writer = Writer::new(py, handle::NO_FRAME);
        writer.value(&values).unwrap();
        writer.object(&values).unwrap();
        let reply = writer.finish();
        assert_eq!(handle::count(), before + 6);
        python4j_core::pack::forget(&reply);
        handle::free_late(py);
        assert_eq!(handle::count(), before);
        for end in 0..reply.len() {
            python4j_core::pack::forget(&reply[..end]); // ends, whatever is missing
        }
    });
}
