// SPDX-License-Identifier: Apache-2.0
//! The memory of numpy's large arrays: each array has a block of shared memory, so that a returned array need
//! not be copied. numpy allows memory handlers since 1.22 (NEP 49). Without them, or when blocks run out,
//! arrays use ordinary memory.

use crate::room::{self, LARGE};
use parking_lot::{Mutex, MutexGuard};
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyCapsule, PyDict, PyTuple};
use python4j_shared::Block;
use std::collections::BTreeMap;
use std::ffi::{c_char, c_void};
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// A block has a descriptor, of which a process usually may have 1,024.
const MOST_BLOCKS: usize = 256;

/// What is kept for the next array: new pages cost more than all the rest.
const MOST_SPARE: usize = 16;
const MOST_SPARE_BYTES: usize = 64 << 20;

const PAGE: usize = 4096;

static HEAP: Mutex<Heap> = Mutex::new(Heap {
    used: BTreeMap::new(),
    copies: BTreeMap::new(),
    spare: Vec::new(),
});

/// Whether this is a forked child, which takes no blocks. Written by the only thread that a child has.
static FORKED: AtomicBool = AtomicBool::new(false);

/// The heap; nothing in a forked child whose parent used it just then.
fn heap() -> Option<MutexGuard<'static, Heap>> {
    match FORKED.load(Ordering::Relaxed) {
        false => Some(HEAP.lock()),
        true => HEAP.try_lock(),
    }
}

struct Heap {
    /// By their addresses.
    used: BTreeMap<usize, Arc<Block>>,
    /// Those that a forked worker has a copy of, which the other process cannot be sent.
    copies: BTreeMap<usize, Arc<Block>>,
    spare: Vec<Arc<Block>>,
}

impl Heap {
    fn take(&mut self, length: usize, zeroed: bool) -> Option<usize> {
        if self.used.len() >= MOST_BLOCKS {
            return None;
        }
        let fits = |block: &Arc<Block>| (length..=length + length / 4).contains(&block.length());
        let block = match self.spare.iter().position(fits) {
            Some(place) => {
                let block = self.spare.swap_remove(place);
                if zeroed {
                    // SAFETY: the block is nobody's, and as long as it says.
                    unsafe { ptr::write_bytes(block.address() as *mut u8, 0, block.length()) };
                }
                block
            }
            None => Arc::new(Block::new(length.checked_next_multiple_of(PAGE)?).ok()?),
        };
        let address = block.address();
        self.used.insert(address, block);
        Some(address)
    }

    /// What is left of a block to be dropped, without the lock; nothing if the address is no block's.
    fn give_back(&mut self, address: usize) -> Option<Option<Arc<Block>>> {
        if let Some(copy) = self.copies.remove(&address) {
            return Some(Some(copy));
        }
        let block = self.used.remove(&address)?;
        let spare: usize = self.spare.iter().map(|block| block.length()).sum();
        // What the other process has is not used again.
        let keep = Arc::strong_count(&block) == 1
            && !FORKED.load(Ordering::Relaxed)
            && self.spare.len() < MOST_SPARE
            && spare + block.length() <= MOST_SPARE_BYTES;
        Some(match keep {
            true => {
                self.spare.push(block);
                None
            }
            false => Some(block),
        })
    }
}

/// The block in which so many bytes from an address on are, if they are in one.
pub(crate) fn find(address: usize, length: usize) -> Option<Arc<Block>> {
    let heap = heap()?;
    let (_, block) = heap.used.range(..=address).next_back()?;
    let end = address.checked_add(length)?;
    (end <= block.address() + block.length()).then(|| Arc::clone(block))
}

// ---- what numpy calls ----

/// numpy's `PyDataMemAllocator`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Allocator {
    context: *mut c_void,
    malloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    calloc: unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void,
    realloc: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void, usize),
}

/// numpy's `PyDataMem_Handler`, version 1.
#[repr(C)]
struct Handler {
    name: [c_char; 127],
    version: u8,
    allocator: Allocator,
}

// SAFETY: numpy only reads it, and its functions may be called by any thread.
unsafe impl Send for Handler {}
// SAFETY: as above.
unsafe impl Sync for Handler {}

/// The handler that numpy had before, for everything that is not large.
static BEFORE: OnceLock<Handler> = OnceLock::new();
static OURS: OnceLock<Handler> = OnceLock::new();

fn before() -> Option<&'static Allocator> {
    BEFORE.get().map(|handler| &handler.allocator)
}

fn take(length: usize, zeroed: bool) -> Option<*mut c_void> {
    if length < LARGE || FORKED.load(Ordering::Relaxed) {
        return None;
    }
    Some(heap()?.take(length, zeroed)? as *mut c_void)
}

unsafe extern "C" fn malloc(_: *mut c_void, length: usize) -> *mut c_void {
    match (take(length, false), before()) {
        (Some(start), _) => start,
        // SAFETY: what numpy asks us, we ask the handler that it had.
        (None, Some(before)) => unsafe { (before.malloc)(before.context, length) },
        (None, None) => ptr::null_mut(),
    }
}

unsafe extern "C" fn calloc(_: *mut c_void, count: usize, size: usize) -> *mut c_void {
    match (
        count.checked_mul(size).and_then(|length| take(length, true)),
        before(),
    ) {
        (Some(start), _) => start,
        // SAFETY: as in `malloc`.
        (None, Some(before)) => unsafe { (before.calloc)(before.context, count, size) },
        (None, None) => ptr::null_mut(),
    }
}

unsafe extern "C" fn realloc(context: *mut c_void, start: *mut c_void, length: usize) -> *mut c_void {
    let Some(before) = before() else {
        return ptr::null_mut();
    };
    let block = heap().and_then(|heap| {
        let block = heap.used.get(&(start as usize));
        block.or_else(|| heap.copies.get(&(start as usize))).cloned()
    });
    let Some(block) = block else {
        // SAFETY: as in `malloc`; the memory came from there.
        return unsafe { (before.realloc)(before.context, start, length) };
    };
    if (block.length() / 2..=block.length()).contains(&length) {
        return start;
    }
    // SAFETY: both have as many bytes as are copied; the old one is given back once.
    unsafe {
        let new = malloc(context, length);
        if !new.is_null() {
            ptr::copy_nonoverlapping(start.cast::<u8>(), new.cast::<u8>(), length.min(block.length()));
            mem::drop(block);
            free(context, start, length);
        }
        new
    }
}

unsafe extern "C" fn free(_: *mut c_void, start: *mut c_void, length: usize) {
    // Blocks begin with a page, and nearly nothing else does.
    if start as usize % PAGE == 0 {
        let Some(mut heap) = heap() else {
            return; // not known whose it is
        };
        let gone = heap.give_back(start as usize);
        drop(heap);
        if gone.is_some() {
            return; // and unmapped here, without the lock
        }
    }
    if let Some(before) = before() {
        // SAFETY: as in `malloc`; the memory came from there.
        unsafe { (before.free)(before.context, start, length) };
    }
}

const HANDLER: &std::ffi::CStr = c"mem_handler";

/// Places in the table of numpy's C API.
const FEATURES: usize = 211;
const SET_HANDLER: usize = 304;
const GET_HANDLER: usize = 305;
const FEATURES_WITH_HANDLERS: u32 = 0xf; // 1.22

/// Has numpy use blocks from now on, on this thread, if it is imported and knows handlers. Asking again costs little.
pub(crate) fn install(py: Python<'_>) {
    static DONE: OnceLock<()> = OnceLock::new();
    if DONE.get().is_some() {
        return;
    }
    let numpy = python4j_core::capi::modules(py).get_item("numpy").ok().flatten();
    // One that is only half imported has no version yet.
    let Some(version) = numpy.and_then(|numpy| numpy.getattr("__version__").ok()) else {
        return;
    };
    DONE.get_or_init(|| ());
    // Without blocks arrays are copied when they are returned: nothing else is different.
    let _ = set_handler(py, &version.to_string());
}

pub(crate) fn set_handler(py: Python<'_>, version: &str) -> PyResult<()> {
    let module = match version.starts_with("1.") {
        true => "numpy.core.multiarray",
        false => "numpy._core.multiarray",
    };
    let table = py
        .import(module)?
        .getattr("_ARRAY_API")?
        .cast_into::<PyCapsule>()?;
    let table = table.pointer_checked(None)?.as_ptr().cast::<*const c_void>();
    // SAFETY: the table of numpy's C API has these functions at these places, the later ones if its number of features says so.
    // The capsule of the handler that was set is one of numpy's, whose layout its version tells. Ours lives for ever.
    unsafe {
        let features: unsafe extern "C" fn() -> u32 = mem::transmute(*table.add(FEATURES));
        if features() < FEATURES_WITH_HANDLERS {
            return Ok(());
        }
        let get: unsafe extern "C" fn() -> *mut pyo3::ffi::PyObject = mem::transmute(*table.add(GET_HANDLER));
        let set: unsafe extern "C" fn(*mut pyo3::ffi::PyObject) -> *mut pyo3::ffi::PyObject =
            mem::transmute(*table.add(SET_HANDLER));
        let had = Bound::from_owned_ptr_or_err(py, get())?.cast_into::<PyCapsule>()?;
        let had = had.pointer_checked(Some(HANDLER))?.cast::<Handler>().as_ref();
        if had.version != 1 {
            return Ok(());
        }
        BEFORE.get_or_init(|| Handler {
            name: had.name,
            version: 1,
            allocator: had.allocator,
        });
        let mut name = [0; 127];
        for (place, letter) in name.iter_mut().zip(c"python4j".to_bytes()) {
            *place = *letter as c_char;
        }
        let ours = OURS.get_or_init(|| Handler {
            name,
            version: 1,
            allocator: Allocator {
                context: ptr::null_mut(),
                malloc,
                calloc,
                realloc,
                free,
            },
        });
        let capsule = pyo3::ffi::PyCapsule_New(ptr::from_ref(ours).cast_mut().cast(), HANDLER.as_ptr(), None);
        let capsule = Bound::from_owned_ptr_or_err(py, capsule)?;
        drop(Bound::from_owned_ptr_or_err(py, set(capsule.as_ptr()))?);
    }
    watch_forks(py)
}

/// Has numpy use blocks as soon as it is imported, so that what is made by then can be sent, too.
pub(crate) fn install_after_import(py: Python<'_>) -> PyResult<()> {
    const FINDER: &std::ffi::CStr = c"
import sys
class NumpyFinder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != 'numpy' or NumpyFinder not in sys.meta_path:
            return None
        sys.meta_path.remove(NumpyFinder)
        for finder in list(sys.meta_path):
            find = getattr(finder, 'find_spec', None)
            spec = find and find(name, path, target)
            if spec is not None:
                follow(spec.loader)
                return spec
def follow(loader):
    execute = loader.exec_module
    def exec_module(module):
        del loader.exec_module
        execute(module)
        install()
    loader.exec_module = exec_module
sys.meta_path.insert(0, NumpyFinder)
";
    let globals = PyDict::new(py);
    let install = |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
        if room::serves() {
            install(arguments.py()); // the handler is one thread's
        }
    };
    globals.set_item("install", PyCFunction::new_closure(py, None, None, install)?)?;
    py.run(FINDER, Some(&globals), None)
}

/// This forked child is a worker: its arrays from before are copies, and new ones are in blocks again.
pub(crate) fn adopt() {
    if let Some(mut heap) = HEAP.try_lock() {
        let before = mem::take(&mut heap.used);
        heap.copies.extend(before);
        heap.spare.clear();
        FORKED.store(false, Ordering::Relaxed);
    }
}

/// A forked child must not write into the arrays of its parent: it gets copies, as it would have without blocks.
fn watch_forks(py: Python<'_>) -> PyResult<()> {
    let part = |_: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| part();
    let arguments = PyDict::new(py);
    arguments.set_item("after_in_child", PyCFunction::new_closure(py, None, None, part)?)?;
    py.import("os")?
        .call_method("register_at_fork", (), Some(&arguments))?;
    Ok(())
}

fn part() {
    FORKED.store(true, Ordering::Relaxed);
    // A thread that is not in this process may have had the lock.
    if let Some(heap) = HEAP.try_lock() {
        for block in heap.used.values().chain(&heap.spare) {
            let _ = block.part();
        }
    }
}
