// SPDX-License-Identifier: Apache-2.0
//! Foreign memory seen by Python, and Python's memory seen from outside.

mod support;

use pyo3::prelude::*;
use python4j_core::buffer::{self, Element, Memory};
use python4j_core::{Error, array, context, handle};
use std::sync::Arc;
use support::{python, repr, run};

/// Memory on the heap, and whether somebody still keeps it.
fn heap<T>(values: Vec<T>) -> (usize, Arc<Vec<T>>) {
    (values.as_ptr() as usize, Arc::new(values))
}

fn set(py: Python<'_>, name: &str, value: Bound<'_, PyAny>) {
    context::globals(py).unwrap().set_item(name, value).unwrap();
}

fn get<'py>(py: Python<'py>, name: &str) -> Bound<'py, PyAny> {
    context::globals(py).unwrap().get_item(name).unwrap().unwrap()
}

#[test]
fn both_sides_see_each_others_writes() {
    python(|py| {
        let mut values = vec![1i32, 2, 3, 4, 5, 6];
        let address = values.as_mut_ptr();
        let memory = Memory::new(address as usize, b'i', &[2, 3, 12, 4], false).unwrap();
        set(py, "m", buffer::make(py, memory, ()).unwrap());
        assert_eq!(repr(py, "m.tolist()"), "[[1, 2, 3], [4, 5, 6]]");
        assert_eq!(
            repr(
                py,
                "(m.format, m.itemsize, m.ndim, m.shape, m.strides, m.readonly, m.c_contiguous)"
            ),
            "('i', 4, 2, (2, 3), (12, 4), False, True)"
        );
        run(py, "m[1, 2] = 60").unwrap();
        values[0] = 10;
        assert_eq!(values[5], 60);
        assert_eq!(repr(py, "m[0, 0]"), "10");
    });
}

#[test]
fn every_element_type_is_what_struct_says() {
    python(|py| {
        let (address, owner) = heap(vec![0u64; 2]);
        for element in Element::ALL {
            let size = element.size() as i64;
            let memory = Memory::new(address, element as u8, &[2, size], false).unwrap();
            set(py, "m", buffer::make(py, memory, owner.clone()).unwrap());
            let same = format!(
                "m.itemsize == __import__('struct').calcsize('={}') and m.nbytes",
                element as u8 as char
            );
            assert_eq!(repr(py, &same), (2 * size).to_string(), "{element:?}");
            let (_, layout) = buffer::view(&get(py, "m")).unwrap();
            assert_eq!(layout.element, Some(element));
        }
        run(py, "del m").unwrap();
        assert_eq!(Arc::strong_count(&owner), 1);
    });
}

#[test]
fn any_strides_and_ranks_are_read_in_their_order() {
    python(|py| {
        let (address, owner) = heap((0..24i16).collect());
        let see = |offset: usize, layout: &[i64]| {
            let memory = Memory::new(address + offset, b'h', layout, true).unwrap();
            set(py, "m", buffer::make(py, memory, owner.clone()).unwrap());
            repr(py, "m.tolist()")
        };
        assert_eq!(see(6, &[]), "3");
        assert_eq!(see(0, &[3, 4]), "[0, 2, 4]");
        assert_eq!(see(6, &[4, -2]), "[3, 2, 1, 0]");
        assert_eq!(see(2, &[3, 0]), "[1, 1, 1]");
        assert_eq!(see(0, &[2, 3, 2, 4]), "[[0, 2, 4], [1, 3, 5]]");
        assert_eq!(see(0, &[0, 2]), "[]");
        assert_eq!(
            see(0, &[2, 2, 2, 12, 4, 2]),
            "[[[0, 1], [2, 3]], [[6, 7], [8, 9]]]"
        );
        run(py, "del m").unwrap();
        assert_eq!(Arc::strong_count(&owner), 1);
    });
}

#[test]
fn the_owner_lives_as_long_as_a_view_of_a_view() {
    python(|py| {
        let (address, owner) = heap(vec![7u8; 100]);
        let memory = Memory::new(address, b'B', &[100, 1], false).unwrap();
        set(py, "m", buffer::make(py, memory, owner.clone()).unwrap());
        run(py, "tail = m[50:].cast('H')[5:]\ndel m").unwrap();
        assert_eq!(Arc::strong_count(&owner), 2);
        assert_eq!(repr(py, "tail[0]"), "1799");
        run(py, "del tail").unwrap();
        assert_eq!(Arc::strong_count(&owner), 1);
    });
}

#[test]
fn the_owner_of_memory_in_a_cycle_goes_with_the_cycle() {
    python(|py| {
        let (address, owner) = heap(vec![7u8; 100]);
        let memory = Memory::new(address, b'B', &[100, 1], false).unwrap();
        set(py, "m", buffer::make(py, memory, owner.clone()).unwrap());
        run(py, "loop = [m]\nloop.append(loop)\ndel m, loop").unwrap();
        assert_eq!(Arc::strong_count(&owner), 2);
        run(py, "import gc\ngc.collect()").unwrap();
        assert_eq!(Arc::strong_count(&owner), 1);
    });
}

#[test]
fn read_only_memory_stays_read_only() {
    python(|py| {
        let (address, owner) = heap(vec![7u8; 4]);
        let memory = Memory::new(address, b'B', &[4, 1], true).unwrap();
        set(py, "m", buffer::make(py, memory, owner.clone()).unwrap());
        let refused = run(py, "m[0] = 1").unwrap_err().to_string();
        assert_eq!(refused, "TypeError: cannot modify read-only memory");
        let refused = run(py, "import io\nio.BytesIO(b'abcd').readinto(m)")
            .unwrap_err()
            .to_string();
        assert!(refused.contains("read-write"), "{refused}");
        assert_eq!(owner[0], 7);
    });
}

#[test]
fn who_cannot_take_strides_is_refused() {
    python(|py| {
        let (address, owner) = heap(vec![1u8, 2, 3, 4]);
        let memory = Memory::new(address, b'B', &[2, 2], false).unwrap();
        set(py, "m", buffer::share(py, memory, owner.clone()).unwrap());
        let refused = run(py, "import binascii\nbinascii.hexlify(m)")
            .unwrap_err()
            .to_string();
        assert_eq!(refused, "BufferError: the memory has strides");
        assert_eq!(repr(py, "bytes(memoryview(m))"), "b'\\x01\\x03'");
        let memory = Memory::new(address, b'B', &[4, 1], false).unwrap();
        set(py, "m", buffer::share(py, memory, owner.clone()).unwrap());
        assert_eq!(repr(py, "__import__('binascii').hexlify(m)"), "b'01020304'");
    });
}

#[test]
fn an_exporter_that_python_made_has_no_memory() {
    python(|py| {
        let memory = Memory::new(0, b'B', &[0, 1], false).unwrap();
        set(py, "m", buffer::share(py, memory, ()).unwrap());
        let refused = run(py, "memoryview(type(m)())").unwrap_err().to_string();
        assert_eq!(refused, "BufferError: this object has no memory");
        assert_eq!(repr(py, "memoryview(m).tolist()"), "[]");
        assert_eq!(
            repr(py, "type(m).__module__, type(m).__name__"),
            "('python4j', 'Memory')"
        );
    });
}

#[test]
fn what_is_no_memory_is_refused() {
    for (address, code, layout) in [
        (16, b'x', &[1, 1][..]),
        (16, b'B', &[-1, 1][..]),
        (16, b'B', &[1, 1, 1][..]),
        (0, b'B', &[1, 1][..]),
        (16, b'd', &[i64::MAX, 8][..]),
        (16, b'd', &[2, i64::MIN][..]),
        (16, b'd', &[1 << 40, 1 << 40, 1 << 40, 8][..]),
        // One element that stands for all of them: they are still as many.
        (16, b'd', &[768_614_336_404_564_651, 3, 0, 0][..]),
        (16, b'B', &[1 << 62, 4, 0, 0][..]),
        (16, b'd', &[i64::MAX, 0][..]),
    ] {
        let refused = Memory::new(address, code, layout, false);
        assert!(
            matches!(refused, Err(Error::Refused(_))),
            "{address} {code} {layout:?}: {refused:?}"
        );
    }
    assert!(Memory::new(0, b'B', &[3, 0, 0, 1], false).is_ok());
    assert!(Memory::new(0, b'd', &[1 << 62, 4, 0, 0, 0, 8], false).is_ok());
}

#[test]
fn elements_without_size_are_still_counted() {
    python(|py| {
        run(
            py,
            "import ctypes\nclass Empty(ctypes.Structure): pass\n\
             few, many = (Empty * 3)(), (Empty * 2**62 * 4)()",
        )
        .unwrap();
        let view = |name| buffer::view(&get(py, name)).map(|(_, layout)| (layout.shape, layout.size));
        assert_eq!(view("few").unwrap(), (vec![3], 0));
        let refused = view("many").unwrap_err().to_string();
        assert!(refused.ends_with("is larger than memory."), "{refused}");
    });
}

#[test]
fn the_extent_covers_every_element_and_nothing_else() {
    let extent = |layout: &[i64]| Memory::new(1000, b'h', layout, false).unwrap().extent();
    assert_eq!(extent(&[]), Some((1000, 2)));
    assert_eq!(extent(&[5, 2]), Some((1000, 10)));
    assert_eq!(extent(&[5, -2]), Some((992, 10)));
    assert_eq!(extent(&[3, 4, 10, -4]), Some((988, 34)));
    assert_eq!(extent(&[3, 0]), Some((1000, 2)));
    assert_eq!(extent(&[3, 0, 2, 2]), Some((1000, 0)));
}

#[test]
fn anything_with_the_buffer_protocol_can_be_viewed() {
    python(|py| {
        run(
            py,
            "import array, mmap, ctypes\n\
             objects = [b'abc', bytearray(b'abc'), array.array('d', [1, 2]), mmap.mmap(-1, 4096),\n\
             memoryview(array.array('i', range(6))).cast('B').cast('i', [2, 3]), (ctypes.c_int16 * 3)(1, 2, 3)]",
        )
        .unwrap();
        let objects = get(py, "objects");
        let layout = |i: usize| buffer::view(&objects.get_item(i).unwrap()).unwrap().1;
        let seen = |i: usize| {
            let l = layout(i);
            (l.element.unwrap(), l.shape, l.strides, l.read_only, l.swapped)
        };
        assert_eq!(seen(0), (Element::UInt8, vec![3], vec![1], true, false));
        assert_eq!(seen(1), (Element::UInt8, vec![3], vec![1], false, false));
        assert_eq!(seen(2), (Element::Float64, vec![2], vec![8], false, false));
        assert_eq!(seen(3), (Element::UInt8, vec![4096], vec![1], false, false));
        assert_eq!(seen(4), (Element::Int32, vec![2, 3], vec![12, 4], false, false));
        assert_eq!(seen(5), (Element::Int16, vec![3], vec![2], false, false));
        let address =
            ["ctypes.addressof(objects[5])", "objects[2].buffer_info()[0]"].map(|text| repr(py, text));
        assert_eq!([5, 2].map(|i| layout(i).address.to_string()), address);
    });
}

#[test]
fn a_viewed_bytearray_keeps_its_place_until_the_view_goes() {
    python(|py| {
        run(py, "b = bytearray(b'abc')").unwrap();
        let held = handle::give(get(py, "b"), handle::NO_FRAME);
        let packed = buffer::lend(py, held).unwrap();
        assert_eq!(packed[2..], [i64::from(b'B'), 1, 0, 3, 1]);
        let refused = run(py, "b.append(1)").unwrap_err().to_string();
        assert!(refused.starts_with("BufferError: Existing exports"), "{refused}");
        handle::take_back(py, packed[0] as u64);
        run(py, "b.append(1)").unwrap();
        handle::take_back(py, held);
    });
}

#[test]
fn what_has_no_buffer_is_an_error_of_python() {
    python(|py| {
        run(py, "x = [1]").unwrap();
        let error = buffer::view(&get(py, "x")).unwrap_err().to_string();
        assert_eq!(
            error,
            "TypeError: memoryview: a bytes-like object is required, not 'list'"
        );
    });
}

#[test]
fn formats_are_read_by_kind_size_and_order() {
    for (format, size, expected) in [
        ("B", 1, Some((Element::UInt8, false))),
        ("c", 1, Some((Element::UInt8, false))),
        ("l", 8, Some((Element::Int64, false))),
        ("=l", 4, Some((Element::Int32, false))),
        ("<q", 8, Some((Element::Int64, cfg!(target_endian = "big")))),
        (">q", 8, Some((Element::Int64, cfg!(target_endian = "little")))),
        ("!H", 2, Some((Element::UInt16, cfg!(target_endian = "little")))),
        (">b", 1, Some((Element::Int8, false))),
        ("@N", 8, Some((Element::UInt64, false))),
        ("e", 2, Some((Element::Float16, false))),
        ("g", 16, None),
        ("Zd", 16, None),
        ("3s", 3, None),
        ("T{i:x:d:y:}", 12, None),
        ("", 1, None),
    ] {
        assert_eq!(Element::of_format(format.as_bytes(), size), expected, "{format}");
    }
}

#[test]
fn new_memory_is_zeroed_and_goes_with_its_last_view() {
    python(|py| {
        let (keeper, layout) = buffer::allocate(py, b'h', &[3, 2]).unwrap();
        assert_eq!((layout.shape, layout.strides), (vec![3, 2], vec![4, 2]));
        set(py, "m", keeper);
        assert_eq!(repr(py, "m.tolist()"), "[[0, 0], [0, 0], [0, 0]]");
        run(py, "m[2, 1] = 7\nb = m.cast('B')\ndel m").unwrap();
        assert_eq!(repr(py, "bytes(b[10:])"), "b'\\x07\\x00'");
        let (empty, _) = buffer::allocate(py, b'd', &[4, 0]).unwrap();
        set(py, "m", empty);
        assert_eq!(repr(py, "m.tolist(), m.shape"), "([[], [], [], []], (4, 0))");
        let too_large = buffer::allocate(py, b'd', &[1 << 59]).unwrap_err().to_string();
        assert!(too_large.contains("no memory"), "{too_large}");
        assert!(buffer::allocate(py, b'd', &[-1]).is_err());
        assert!(buffer::allocate(py, b'd', &[i64::MAX, i64::MAX]).is_err());
    });
}

/// Here and not with the other tests of arrays, because nothing else in this process imports numpy.
#[test]
fn without_numpy_the_error_names_the_interpreter() {
    python(|py| {
        run(py, "import sys\nsys.modules['numpy'] = None").unwrap();
        let error = array::import(py).unwrap_err();
        run(py, "del sys.modules['numpy']").unwrap();
        let text = error.to_string();
        let executable = repr(py, "sys.executable").replace('\'', "");
        assert!(
            text.starts_with(&format!("numpy cannot be imported by {executable} ")),
            "{text}"
        );
        assert!(text.contains("PythonProcess.pipInstall(\"numpy\")"), "{text}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.starts_with("ModuleNotFoundError: "), "{cause}");
        run(py, "x = [1]").unwrap();
        assert!(
            array::view(&get(py, "x"))
                .unwrap_err()
                .to_string()
                .starts_with("Object is not a numpy array!")
        );
        assert_eq!(repr(py, "'numpy' in sys.modules"), "False");
    });
}
