// SPDX-License-Identifier: Apache-2.0
//! Arrays and buffers that both processes see. A packed value contains a description of the array. The block of
//! memory that it names is sent beside the message, as a descriptor. The Java half is `Blocks.java`.
//!
//! A description begins with a form, the letter of the element type, whether the elements are read-only, the number
//! of dimensions (a byte each), and the shape. For an array in a block (form 0), the strides, the number of the block
//! and the position of the first element in it follow (64 bits each). For a small array (form 1), its bytes follow.
//!
//! Large bytes (form 2) and, to Java only, ASCII texts (form 3) are the number of a block, a position in it and a length (64 bits
//! each). They stand in a block that is used again by the next call, [`room`], and are copied from there.
//!
//! A table (forms 4 and 5) is an array of bytes in Arrow's IPC format, which `table.py` reads and writes.

use crate::heap;
use crate::room::{self, LARGE};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use python4j_core::buffer::{self, Layout, Memory};
use python4j_core::pack::{Reader, Sharing};
use python4j_core::{Error, Result, array, capi, script};
use python4j_shared::Block;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::{ptr, slice};

const IN_BLOCK: u8 = 0;
const HERE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
/// Set in a form whose bytes are a table, for which Python code gets a table.
const TABLE: u8 = 4;

/// The blocks that the other process sent, until it says that it has them no more.
static KNOWN: Mutex<BTreeMap<u64, Arc<Block>>> = Mutex::new(BTreeMap::new());

/// Bytes that the other process put into a block.
fn bytes_in<'py>(py: Python<'py>, reader: &mut Reader<'_>) -> Result<Bound<'py, PyAny>> {
    let (number, at, length) = (reader.u64()?, reader.u64()? as usize, reader.u64()? as usize);
    let block = known(number).filter(|block| at.checked_add(length).is_some_and(|end| end <= block.length()));
    let block =
        block.ok_or_else(|| Error::refused("The shared memory of large bytes could not be mapped."))?;
    // SAFETY: the block has that part. The other process waits for the answer.
    let bytes = unsafe { slice::from_raw_parts((block.address() + at) as *const u8, length) };
    Ok(PyBytes::new(py, bytes).into_any())
}

/// A block came. One that cannot be mapped is unknown to whoever reads its number.
pub(crate) fn learn(number: u64, length: u64, descriptor: OwnedFd) {
    let block = usize::try_from(length).map_err(std::io::Error::other);
    if let Ok(block) = block.and_then(|length| Block::open(descriptor, length)) {
        KNOWN.lock().insert(number, Arc::new(block));
    }
}

/// A block that came before.
pub(crate) fn known(number: u64) -> Option<Arc<Block>> {
    KNOWN.lock().get(&number).cloned()
}

/// The other process has a block no more.
pub(crate) fn forget(number: u64) {
    let gone = KNOWN.lock().remove(&number);
    drop(gone); // unmapped without the lock
}

/// What `pack.rs` is given.
pub(crate) struct Arrays;

impl Sharing for Arrays {
    fn describe(&self, object: &Bound<'_, PyAny>) -> Result<Option<Vec<u8>>> {
        let (keeper, layout) = match view(object)? {
            Some(viewed) => viewed,
            None => return Ok(None),
        };
        let Some(element) = layout.element.filter(|_| !layout.swapped) else {
            return Ok(None);
        };
        let memory = Memory {
            address: layout.address,
            element,
            shape: layout.shape,
            strides: layout.strides,
            read_only: layout.read_only,
        };
        let length = memory.shape.iter().product::<isize>() as usize * element.size();
        if length < LARGE || !room::has_space() {
            let mut packed = head(HERE, &memory);
            packed.extend_from_slice(bytes_of(&keeper)?.as_bytes());
            return Ok(Some(packed));
        }
        let (block, memory) = in_block(&keeper, memory, length)?;
        let number = room::new_number();
        let mut packed = head(IN_BLOCK, &memory);
        add(&mut packed, &memory.strides);
        packed.extend_from_slice(&number.to_le_bytes());
        packed.extend_from_slice(&((memory.address - block.address()) as u64).to_le_bytes());
        room::add((number, block));
        Ok(Some(packed))
    }

    fn put(&self, bytes: &[u8], is_text: bool) -> Option<Vec<u8>> {
        let [number, at] = room::put(bytes)?;
        let mut description = vec![if is_text { TEXT } else { BYTES }];
        description.extend(
            [number, at, bytes.len() as u64]
                .iter()
                .flat_map(|number| number.to_le_bytes()),
        );
        Some(description)
    }

    fn packed<'py>(&self, table: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        let py = table.py();
        has_numpy(py); // whose arrays are made in shared memory from then on
        Ok(script::tool(py, "table", "as_stream")?.call1((table,))?)
    }

    fn made<'py>(&self, py: Python<'py>, description: &[u8]) -> Result<Bound<'py, PyAny>> {
        if let Some((form, rest)) = description.split_first().filter(|(form, _)| *form & TABLE != 0) {
            let bytes = self.made(py, &[&[form - TABLE], rest].concat())?;
            return Ok(script::tool(py, "table", "of_stream")?.call1((bytes,))?);
        }
        let mut reader = Reader::new(description);
        let form = reader.u8()?;
        if form == BYTES {
            return bytes_in(py, &mut reader);
        }
        let letter = reader.u8()?;
        let (read_only, rank) = (reader.u8()? != 0, reader.u8()? as usize);
        let mut numbers = |count| (0..count).map(|_| reader.i64()).collect::<Result<Vec<_>>>();
        let shape = numbers(rank)?;
        if form == HERE {
            let bytes = reader.rest();
            let (memory, layout) = buffer::allocate(py, letter, &shape)?;
            let room = layout.shape.iter().product::<isize>() as usize * layout.size;
            if bytes.len() != room {
                return Err(Error::refused(
                    "The bytes of an array are not as many as its shape says.",
                ));
            }
            // SAFETY: the memory was made for that many bytes, and nobody else has it yet.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), layout.address as *mut u8, room) };
            let memory = match read_only {
                true => memory.call_method0("toreadonly")?,
                false => memory,
            };
            return match has_numpy(py) {
                true => Ok(py.import("numpy")?.call_method1("asarray", (memory,))?),
                false => Ok(memory),
            };
        }
        let strides = numbers(rank)?;
        let (number, offset) = (reader.u64()?, reader.u64()? as usize);
        let block = KNOWN.lock().get(&number).cloned();
        let block =
            block.ok_or_else(|| Error::refused("The shared memory of an array could not be mapped."))?;
        let layout = [shape, strides].concat();
        let address = block.address().checked_add(offset).unwrap_or_default();
        let memory = Memory::new(address, letter, &layout, read_only)?;
        let inside = memory.extent().is_some_and(|(low, length)| {
            length == 0 || low >= block.address() && low - block.address() + length <= block.length()
        });
        if !inside {
            return Err(Error::refused("The elements of an array are not in its memory."));
        }
        match has_numpy(py) {
            true => array::make(py, memory, block, false),
            false => buffer::make(py, memory, block),
        }
    }
}

/// Arrays of numpy, whose import it is not worth, and whatever else shows its memory.
fn view<'py>(object: &Bound<'py, PyAny>) -> Result<Option<(Bound<'py, PyAny>, Layout)>> {
    let py = object.py();
    if let Some(numpy) = capi::modules(py).get_item("numpy")? {
        let ndarray = numpy.getattr("ndarray")?;
        let kind = object.get_type();
        if kind.is(&ndarray) {
            return array::view(object).map(Some);
        }
        if object.is_instance(&ndarray)? {
            // Those of numpy itself (memmap, matrix) are their elements. Others have more, such as a mask or a unit.
            return match kind.getattr("__module__")?.eq("numpy")? {
                true => array::view(object).map(Some),
                false => Ok(None),
            };
        }
        if object.is_instance(&numpy.getattr("generic")?)? {
            return Ok(None);
        }
    }
    Ok(buffer::view(object).ok())
}

fn has_numpy(py: Python<'_>) -> bool {
    array::import(py).inspect(|()| heap::install(py)).is_ok()
}

fn bytes_of<'py>(keeper: &Bound<'py, PyAny>) -> Result<Bound<'py, PyBytes>> {
    Ok(keeper.call_method0("tobytes")?.cast_into().map_err(PyErr::from)?)
}

/// The memory as it is, if it is in a block, or a copy of it.
fn in_block(keeper: &Bound<'_, PyAny>, mut memory: Memory, length: usize) -> Result<(Arc<Block>, Memory)> {
    let (low, extent) = memory.extent().unwrap_or((memory.address, 0));
    if let Some(block) = heap::find(low, extent) {
        return Ok((block, memory));
    }
    let refused = |e| {
        Error::refused(format!(
            "The system gives no shared memory of {length} bytes: {e}"
        ))
    };
    let block = Block::new(length).map_err(refused)?;
    let room = block.address() as *mut u8;
    if extent == length {
        // SAFETY: the elements lie there without gaps, in whatever order, and the keeper keeps them. The block is new and as long.
        unsafe { ptr::copy_nonoverlapping(low as *const u8, room, length) };
        memory.address = block.address() + (memory.address - low);
    } else {
        // SAFETY: as above; these are the same elements next to each other.
        unsafe { ptr::copy_nonoverlapping(bytes_of(keeper)?.as_bytes().as_ptr(), room, length) };
        memory.address = block.address();
        let mut stride = memory.element.size() as isize;
        for (place, count) in memory.strides.iter_mut().zip(&memory.shape).rev() {
            *place = stride;
            stride *= count;
        }
    }
    Ok((Arc::new(block), memory))
}

fn head(form: u8, memory: &Memory) -> Vec<u8> {
    let mut packed = vec![
        form,
        memory.element as u8,
        memory.read_only.into(),
        memory.shape.len() as u8,
    ];
    add(&mut packed, &memory.shape);
    packed
}

fn add(packed: &mut Vec<u8>, numbers: &[isize]) {
    packed.extend(numbers.iter().flat_map(|number| (*number as i64).to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyo3::types::PyDict;
    use python4j_core::gil;
    use python4j_core::interpreter::{self, Config};
    use std::ffi::CString;
    use std::fs;

    /// Runs Python code with numpy as `np`, on one thread at a time, and then looks at its variable `a`.
    fn with_array(code: &str, look: impl FnOnce(&Bound<'_, PyAny>)) {
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock();
        let config = Config {
            initialize: true,
            release: true,
            alone: true,
            ..Config::default()
        };
        interpreter::start(&config).expect("Python");
        gil::with(|py| {
            let globals = PyDict::new(py);
            let run = |code: &str| py.run(&CString::new(code).expect("text"), Some(&globals), None);
            run("import numpy as np, os").expect("numpy");
            // The handler is the thread's, and each test has a thread of its own.
            set(py);
            run(code).expect(code);
            look(&globals.get_item("a").expect("globals").expect("a"));
            drop(room::pending());
        });
    }

    fn set(py: Python<'_>) {
        let numpy = py.import("numpy").expect("numpy");
        let version = numpy.getattr("__version__").expect("a version").to_string();
        heap::set_handler(py, &version).expect("a handler");
    }

    fn check(array: &Bound<'_, PyAny>, condition: &str) {
        let locals = PyDict::new(array.py());
        locals.set_item("a", array).expect("set");
        let code = CString::new(condition).expect("text");
        let value = array.py().eval(&code, None, Some(&locals)).expect(condition);
        assert!(value.is_truthy().expect("a truth"), "{condition}: {array}");
    }

    fn described(array: &Bound<'_, PyAny>) -> Vec<u8> {
        Arrays.describe(array).expect("described").expect("an array")
    }

    /// The object as the other end makes it of a description.
    fn there<'py>(py: Python<'py>, description: &[u8]) -> Bound<'py, PyAny> {
        for (number, block) in room::pending() {
            let descriptor = block.descriptor().try_clone_to_owned().expect("a descriptor");
            learn(number, block.length() as u64, descriptor);
        }
        Arrays.made(py, description).expect("made")
    }

    fn mapped() -> usize {
        let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        maps.matches("memfd:python4j").count()
    }

    #[test]
    fn a_large_array_of_numpy_is_sent_as_it_lies_and_both_ends_have_the_same_memory() {
        for expression in ["a", "a.T", "a[100:, 3:]", "a[10:900, ::7]"] {
            with_array("a = np.zeros((1000, 500)); a[999, 499] = 4", |array| {
                let locals = PyDict::new(array.py());
                locals.set_item("a", array).expect("set");
                let code = CString::new(expression).expect("text");
                let view = array.py().eval(&code, None, Some(&locals)).expect(expression);
                let other = there(view.py(), &described(&view));
                check(&other, "a.dtype == 'float64'");
                assert_eq!(
                    other.getattr("shape").expect("shape").to_string(),
                    view.getattr("shape").expect("shape").to_string()
                );
                other.call_method1("fill", (7.5,)).expect("filled");
                check(&view, "(a == 7.5).all()");
            });
        }
    }

    #[test]
    fn what_is_elsewhere_is_copied_and_what_is_small_stands_in_the_description() {
        let elsewhere = "b = bytearray(range(256)) * 1000; a = np.frombuffer(b, 'int32').reshape(64, 1000)";
        for (code, small) in [
            (elsewhere, false),
            (
                "a = np.frombuffer(bytes(1 << 17), 'int16').reshape(256, 256)[:, ::-2]; b = a",
                false,
            ),
            ("a = np.arange(6, dtype='>i2').reshape(2, 3)", true),
            ("a = np.asfortranarray(np.arange(6.0).reshape(2, 3))", true),
            ("a = np.array(2.5, 'float32')", true),
            ("a = np.zeros((3, 0, 2), bool)", true),
            ("import array; a = array.array('h', [1, -2])", true),
            ("a = memoryview(bytes(100000))[::2]", true),
        ] {
            with_array(code, |array| {
                let description = described(array);
                assert_eq!(description[0], if small { HERE } else { IN_BLOCK }, "{code}");
                let other = there(array.py(), &description);
                let numpy = array.py().import("numpy").expect("numpy");
                let equal = numpy
                    .call_method1("array_equal", (array, other))
                    .expect("compared");
                assert!(equal.is_truthy().expect("a truth"), "{code}");
            });
        }
    }

    #[test]
    fn what_has_no_memory_to_show_is_not_described() {
        for code in ["a = object()", "a = np.float64(1)", "a = {1: 2}", "a = (1, 2)"] {
            with_array(code, |object| {
                assert!(Arrays.describe(object).expect(code).is_none(), "{code}")
            });
        }
        with_array("a = np.array([1j])", |array| {
            assert!(Arrays.describe(array).is_err())
        });
    }

    #[test]
    fn a_block_goes_when_neither_python_nor_the_other_process_has_it() {
        with_array("a = None", |none| {
            let before = mapped();
            let block = Block::new(1 << 20).expect("a block");
            let descriptor = block.descriptor().try_clone_to_owned().expect("a descriptor");
            learn(u64::MAX, 1 << 20, descriptor);
            let memory = Memory::new(block.address(), b'd', &[1 << 17, 8], false).expect("memory");
            let mut description = head(IN_BLOCK, &memory);
            add(&mut description, &memory.strides);
            description.extend_from_slice(&u64::MAX.to_le_bytes());
            description.extend_from_slice(&0u64.to_le_bytes());
            let array = Arrays.made(none.py(), &description).expect("made");
            let half = array.get_item(5).expect("an element");
            check(&half, "a == 0");
            drop(block);
            forget(u64::MAX);
            assert_eq!(mapped(), before + 1, "the array has it");
            drop(array);
            assert_eq!(mapped(), before);
            assert!(
                Arrays.made(none.py(), &description).is_err(),
                "it is known no more"
            );
        });
    }

    #[test]
    fn a_description_that_leaves_its_block_is_refused() {
        with_array("a = np.zeros(20000)", |array| {
            let good = described(array);
            drop(there(array.py(), &good));
            for place in 0..good.len() {
                for change in [0x01, 0x40, 0x80] {
                    let mut bad = good.clone();
                    bad[place] ^= change;
                    if let Ok(made) = Arrays.made(array.py(), &bad) {
                        made.call_method0("tobytes")
                            .expect("its elements are in memory that is there");
                    }
                }
                let _ = Arrays.made(array.py(), &good[..place]);
            }
        });
    }

    #[test]
    fn arrays_in_blocks_are_used_again_and_behave_as_any() {
        with_array(
            "
for size in [10, 8191, 8192, 20000, 300000, 9000000]:
    a = np.arange(size, dtype='float64')
    assert (a + a == 2 * np.arange(size)).all()
    assert not np.zeros(size).any() and not np.zeros(size).any()
    b = np.ones(size)
    for larger in [size + 1, size * 3, size // 2, 5, 40000]:
        b.resize(larger, refcheck=False)
        assert b.shape == (larger,) and b[:min(5, size)].all() and np.isfinite(b).all()
held = [np.ones(10000) for _ in range(400)]
assert sum(h.sum() for h in held) == 4000000
del held
for _ in range(3000):
    b = np.empty(100000)
",
            |_| assert!(mapped() < 40, "{} blocks are mapped", mapped()),
        );
    }

    #[test]
    fn a_forked_child_has_a_copy() {
        with_array(
            "
a = np.zeros(100000)
a[0] = 1
child = os.fork()
if child == 0:
    a[:] = 2
    b = np.ones(100000)
    os._exit(3 if a[0] + b[5] == 3 else 4)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
assert status == 3, status
",
            |array| check(array, "a[0] == 1 and not a[1:].any()"),
        );
    }
}
