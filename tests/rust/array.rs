// SPDX-License-Identifier: Apache-2.0
//! numpy arrays over foreign memory, and numpy's memory seen from outside. What is right is computed
//! in Python by numpy itself.

mod support;

use pyo3::prelude::*;
use python4j_core::array::{self, TEXT};
use python4j_core::buffer::{Element, Layout, Memory};
use python4j_core::{context, handle};
use std::sync::Arc;
use support::{python, repr, run};

fn set(py: Python<'_>, name: &str, value: Bound<'_, PyAny>) {
    context::globals(py).unwrap().set_item(name, value).unwrap();
}

fn eval<'py>(py: Python<'py>, expression: &str) -> Bound<'py, PyAny> {
    run(py, &format!("import numpy as np\n_value = {expression}")).unwrap();
    context::globals(py).unwrap().get_item("_value").unwrap().unwrap()
}

fn view(py: Python<'_>, expression: &str) -> Layout {
    array::view(&eval(py, expression)).unwrap().1
}

fn refused(py: Python<'_>, expression: &str) -> String {
    array::view(&eval(py, expression)).unwrap_err().to_string()
}

#[test]
fn both_sides_see_each_others_writes() {
    python(|py| {
        for ctypes in [false, true] {
            let mut values = vec![1f64, 2.0, 3.0, 4.0, 5.0, 6.0];
            let address = values.as_mut_ptr() as usize;
            let memory = Memory::new(address, b'd', &[2, 3, 24, 8], false).unwrap();
            set(py, "a", array::make(py, memory, (), ctypes).unwrap());
            run(py, "a[1] *= 10").unwrap();
            values[0] = -1.0;
            assert_eq!(values, [-1.0, 2.0, 3.0, 40.0, 50.0, 60.0]);
            assert_eq!(repr(py, "a.tolist()"), "[[-1.0, 2.0, 3.0], [40.0, 50.0, 60.0]]");
            assert_eq!(
                repr(
                    py,
                    "(a.flags.owndata, a.flags.writeable, a.flags.aligned, a.flags.c_contiguous)"
                ),
                "(False, True, True, True)"
            );
            assert_eq!(repr(py, "a.ctypes.data"), address.to_string());
        }
    });
}

/// Every element type, order and stride pattern, through either way of making arrays: the elements
/// have to be what numpy itself sees in an array of its own with that dtype and those strides.
#[test]
fn every_type_order_and_stride_pattern_arrives() {
    python(|py| {
        let patterns = [
            "b",
            "b[2]",
            "b[:, 1]",
            "b[::2]",
            "b[1:3, 2:4]",
            "b.T",
            "b[::-1]",
            "b[::-1, ::-2]",
            "b.T[1:, ::3]",
            "b.reshape(2, 2, 5).transpose(2, 0, 1)",
            "np.asfortranarray(b)",
            "b[1, 2:3].reshape(())",
            "b[:0]",
            "np.broadcast_to(b[0], (3, 5))",
            "b[None, :, None, :]",
            "b[1:2, 1:2]",
        ];
        run(py, "import numpy as np").unwrap();
        for element in Element::ALL {
            let dtype = format!("{}{}", element.kind() as char, element.size());
            for pattern in patterns {
                run(
                    py,
                    &format!(
                        "b = (np.arange(20) % 7 - 2).astype('{dtype}').reshape(4, 5)\n\
                         want = {pattern}\n\
                         where = want.ctypes.data\n\
                         layout = list(want.shape + want.strides)"
                    ),
                )
                .unwrap();
                let layout: Vec<i64> = eval(py, "layout").extract().unwrap();
                let address = eval(py, "where").extract().unwrap();
                for ctypes in [false, true] {
                    let memory = Memory::new(address, element as u8, &layout, false).unwrap();
                    set(py, "got", array::make(py, memory, (), ctypes).unwrap());
                    let same = "got.dtype is np.dtype(want.dtype) and got.strides == want.strides \
                                and np.array_equal(got, want) and got.shape == want.shape \
                                and all(got.flags[f] == want.flags[f] for f in 'CA')";
                    assert_eq!(repr(py, same), "True", "{dtype} {pattern} {ctypes}");
                }

                let seen = view(py, "want");
                let (shape, strides) = layout.split_at(layout.len() / 2);
                let crooked = shape
                    .iter()
                    .zip(strides)
                    .any(|(n, stride)| *n > 1 && *stride <= 0);
                let copied = crooked && !shape.contains(&0);
                assert_eq!(seen.element, Some(element));
                assert_eq!(seen.address != address, copied, "{dtype} {pattern}");
                let wide = |numbers: &[isize]| numbers.iter().map(|n| *n as i64).collect::<Vec<_>>();
                assert_eq!(wide(&seen.shape), shape);
                assert_eq!(wide(&seen.strides) == strides, !copied, "{dtype} {pattern}");
            }
        }
    });
}

#[test]
fn what_cannot_be_read_as_it_is_is_copied() {
    python(|py| {
        run(
            py,
            "import numpy as np\nr = np.zeros(4, dtype=[('x', 'i1'), ('y', 'f8'), ('z', 'i4')])",
        )
        .unwrap();
        for (expression, why) in [
            ("np.arange(3, dtype='>f8')", "byte order"),
            ("np.arange(4.0)[::-1]", "negative strides"),
            ("np.broadcast_to(np.arange(3.0), (2, 3))", "stride 0"),
            ("r['y']", "unaligned"),
            (
                "np.frombuffer(bytes(17), 'u1')[1:].view('f8')",
                "unaligned address",
            ),
        ] {
            set(py, "a", eval(py, expression));
            let (keeper, seen) = array::view(&eval(py, "a")).unwrap();
            assert!(!seen.swapped && seen.strides.iter().all(|s| *s > 0), "{why}");
            assert_eq!(seen.address % seen.size, 0, "{why}");
            set(py, "copy", keeper);
            assert_eq!(
                repr(py, "np.array_equal(a, copy), a is copy"),
                "(True, False)",
                "{why}"
            );
        }
        let (keeper, _) = array::view(&eval(py, "np.arange(3.0)[1:]")).unwrap();
        set(py, "kept", keeper);
        assert_eq!(repr(py, "kept is _value"), "True");
    });
}

#[test]
fn a_read_only_array_is_shared_unless_it_is_a_mapped_file() {
    python(|py| {
        run(
            py,
            "import numpy as np, tempfile, mmap\n\
             a = np.arange(3.0)\n\
             a.flags.writeable = False\n\
             file = tempfile.NamedTemporaryFile()\n\
             file.write(bytes(64))\n\
             file.flush()\n\
             mapped = np.memmap(file.name, mode='r', dtype='f8')[2:]\n\
             same = np.frombuffer(mmap.mmap(file.fileno(), 64, access=mmap.ACCESS_READ), 'f8')\n\
             written = np.memmap(file.name, mode='r+', dtype='f8')",
        )
        .unwrap();
        let shared = |name: &str| {
            let seen = view(py, name);
            let address: usize = eval(py, &format!("{name}.ctypes.data")).extract().unwrap();
            (seen.address == address, seen.read_only)
        };
        assert_eq!(shared("a"), (true, true));
        assert_eq!(shared("mapped"), (false, false));
        assert_eq!(shared("same"), (false, false));
        assert_eq!(shared("written"), (true, false));
    });
}

#[test]
fn what_is_no_array_or_holds_no_numbers_is_refused() {
    python(|py| {
        for expression in [
            "[1.0]",
            "5",
            "None",
            "np.float64(5)",
            "memoryview(np.arange(3.0))",
            "np",
        ] {
            assert_eq!(
                refused(py, expression),
                "Object is not a numpy array! Use Python.ndarray() to convert object to a numpy array."
            );
        }
        for (dtype, number) in [
            ("longdouble", 13),
            ("complex64", 14),
            ("object", 17),
            ("S3", 18),
            ("datetime64[s]", 21),
        ] {
            let error = array::view(&eval(py, &format!("np.zeros(2, dtype='{dtype}')"))).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("Unsupported array data type: {number}")
            );
            let why = std::error::Error::source(&error).expect("a cause").to_string();
            assert!(
                why.starts_with("TypeError: No type of ours has elements like numpy's "),
                "{why}"
            );
        }
        let structured = refused(py, "np.zeros(2, dtype=[('x', 'i4'), ('y', 'f4')])");
        assert_eq!(structured, "Unsupported array data type: 20");
        // A field of it is a view with a stride.
        let field = view(py, "np.zeros(2, dtype=[('x', 'i4'), ('y', 'f4')])['y']");
        assert_eq!((field.element, field.strides), (Some(Element::Float32), vec![8]));
    });
}

#[test]
fn subclasses_are_arrays() {
    python(|py| {
        assert_eq!(view(py, "np.ma.array([1.0, 2.0])").shape, [2]);
        run(py, "import warnings\nwarnings.simplefilter('ignore')").unwrap();
        assert_eq!(view(py, "np.matrix([[1.0, 2.0]])[::-1]").shape, [1, 2]);
    });
}

#[test]
fn what_a_subclass_says_of_itself_is_not_believed() {
    python(|py| {
        run(
            py,
            "import numpy as np\n\
             class A(np.ndarray):\n    \
                 def astype(self, *a, **k): return self\n    \
                 def newbyteorder(self, *a): return self\n\
             class B(np.ndarray):\n    \
                 def astype(self, *a, **k): return np.zeros(0)\n\
             plain = [np.arange(4.0)[::-1], np.arange(4, dtype='>f8'), np.broadcast_to(3.0, (2, 3))]",
        )
        .unwrap();
        for class in ["A", "B"] {
            for i in 0..3 {
                let (keeper, seen) = array::view(&eval(py, &format!("plain[{i}].view({class})"))).unwrap();
                assert!(
                    !seen.swapped && seen.strides.iter().all(|s| *s > 0),
                    "{class} {i}"
                );
                set(py, "copy", keeper);
                let same = format!("np.array_equal(plain[{i}], copy)");
                assert_eq!(repr(py, &same), "True", "{class} {i}");
            }
        }
    });
}

#[test]
fn text_comes_with_its_shape_only() {
    python(|py| {
        for expression in [
            "np.array([['a', 'bc']])",
            // numpy 2's own strings, where there are any
            "np.array([['a']], dtype=getattr(getattr(np, 'dtypes', None), 'StringDType', lambda: 'U')())",
        ] {
            let held = handle::give(eval(py, expression), handle::NO_FRAME);
            let packed = array::lend(py, held).unwrap();
            assert_eq!(packed[2], TEXT);
            assert_eq!(packed[5], 1);
            handle::take_back(py, packed[0] as u64);
            handle::take_back(py, held);
        }
        let no_size = refused(py, "np.zeros((2**62, 4), dtype=[('t', 'U0')])['t']");
        assert!(no_size.ends_with("is larger than memory."), "{no_size}");
    });
}

#[test]
fn the_owner_lives_as_long_as_a_view_of_a_view() {
    python(|py| {
        for ctypes in [false, true] {
            let owner = Arc::new(vec![1f32; 100]);
            let address = owner.as_ptr() as usize;
            let memory = Memory::new(address, b'f', &[10, 10, 40, 4], true).unwrap();
            set(py, "a", array::make(py, memory, owner.clone(), ctypes).unwrap());
            run(
                py,
                "import weakref\nw = weakref.ref(a)\nv = a[2:].T[3:].reshape(7, 8, 1)[::2]\ndel a",
            )
            .unwrap();
            assert_eq!(Arc::strong_count(&owner), 2);
            assert_eq!(repr(py, "v.flags.writeable, float(v.sum())"), "(False, 32.0)");
            run(py, "del v").unwrap();
            assert_eq!(repr(py, "w()"), "None");
            assert_eq!(Arc::strong_count(&owner), 1);
        }
    });
}

#[test]
fn an_owner_whose_array_cannot_be_made_goes_at_once() {
    python(|py| {
        let owner = Arc::new(0u8);
        let layout = [vec![1i64; 100], vec![1; 100]].concat();
        let memory = Memory::new(Arc::as_ptr(&owner) as usize, b'B', &layout, false).unwrap();
        let error = array::make(py, memory, owner.clone(), false)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("ValueError: "), "{error}");
        assert_eq!(Arc::strong_count(&owner), 1);
    });
}

#[test]
fn an_array_that_the_caller_holds_outlives_its_name() {
    python(|py| {
        run(
            py,
            "import numpy as np, weakref\na = np.arange(1000.0)\nw = weakref.ref(a)",
        )
        .unwrap();
        let held = handle::give(eval(py, "a"), handle::NO_FRAME);
        let packed = array::lend(py, held).unwrap();
        assert_eq!(packed[2..], [i64::from(b'd'), 8, 0, 1000, 8]);
        handle::take_back(py, held);
        run(py, "del a, _value").unwrap();
        assert_eq!(repr(py, "float(w().sum())"), "499500.0");
        handle::take_back(py, packed[0] as u64);
        assert_eq!(repr(py, "w()"), "None");
    });
}
