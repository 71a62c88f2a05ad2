// SPDX-License-Identifier: Apache-2.0
//! Asks Linux for huge pages where Python's memory is large. A value of ten million elements takes hundreds of
//! megabytes, and with pages of 4 KB the kernel takes as long to hand them out as Python to fill them.
//!
//! CPython has its memory from two places, and lets a program stand before both. Its small objects lie in arenas of
//! 1 MB: those that come after the first ones are cut from chunks that can be one huge page. Its large blocks, the tables of
//! lists and dicts, are the C library's, and only get the advice.

use crate::capi::symbol;
use parking_lot::Mutex;
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::{fs, mem, ptr};

/// The size of a huge page. A kernel whose huge pages have another one is not asked for any.
const HUGE: usize = 2 << 20;
/// How much is in arenas before huge pages are used, so that a small program does not get larger by one.
const SMALL: isize = 16 << 20;
/// From which size on a block is advised, as in numpy.
const LARGE: usize = 4 << 20;

/// CPython's `PyObjectArenaAllocator`.
#[repr(C)]
struct Arenas {
    context: *mut c_void,
    functions: ArenaFunctions,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct ArenaFunctions {
    alloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void, usize),
}

/// CPython's `PyMemAllocatorEx`.
#[repr(C)]
struct Blocks {
    context: *mut c_void,
    functions: BlockFunctions,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct BlockFunctions {
    malloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    calloc: unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void,
    realloc: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void),
}

/// CPython's own functions, which ours call. They get the context that they had.
static ARENAS: OnceLock<ArenaFunctions> = OnceLock::new();
static BLOCKS: OnceLock<BlockFunctions> = OnceLock::new();

/// To be called once, by the thread that has just initialized CPython. Who wants neither gets what is right for most machines.
pub(crate) fn use_huge(wanted: Option<bool>) {
    let size = || fs::read_to_string("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size").ok();
    let order = || fs::read_to_string("/sys/module/page_reporting/parameters/page_reporting_order").ok();
    if wanted.unwrap_or_else(|| keeps_free_pages(order()))
        && size().is_some_and(|size| size.trim() == HUGE.to_string())
    {
        use_for_arenas();
        use_for_blocks();
    }
}

/// Whether this is no virtual machine whose host takes free memory back: it takes what huge pages are made of, and to get it again
/// lasts longer than all faults of small pages. The kernel's order of the blocks that it reports, from the file that has it, is that of no
/// memory until a device asks for them.
fn keeps_free_pages(order: Option<String>) -> bool {
    let order = order.and_then(|order| order.trim().parse().ok());
    !order.is_some_and(|order: i64| (0..=99).contains(&order))
}

// ---- arenas ----

fn use_for_arenas() {
    type Access = unsafe extern "C" fn(*mut Arenas);
    let names = [c"PyObject_GetArenaAllocator", c"PyObject_SetArenaAllocator"];
    let [Some(get), Some(set)] = names.map(symbol) else {
        return;
    };
    // SAFETY: the functions of these names have this type and copy the struct, which is CPython's. No other thread runs
    // Python yet. The arenas that are there already are freed by the function that has made them.
    unsafe {
        let mut arenas = mem::MaybeUninit::<Arenas>::uninit();
        mem::transmute::<*mut c_void, Access>(get)(arenas.as_mut_ptr());
        let mut arenas = arenas.assume_init();
        // CPython's own function gives every part of a mapping back, another one might not.
        if library(arenas.functions.free as *const c_void) == library(set)
            && ARENAS.set(arenas.functions).is_ok()
        {
            arenas.functions = ArenaFunctions {
                alloc: alloc_arena,
                free: free_arena,
            };
            mem::transmute::<*mut c_void, Access>(set)(&mut arenas);
        }
    }
}

/// Where the library begins that a function is in.
fn library(function: *const c_void) -> Option<*mut c_void> {
    // SAFETY: dladdr takes any address, and fills in plain data.
    unsafe {
        let mut info = mem::zeroed::<libc::Dl_info>();
        (libc::dladdr(function, &mut info) != 0).then_some(info.dli_fbase)
    }
}

/// How many bytes are in arenas. Without those of the start, so it can be less than none.
static USED: AtomicIsize = AtomicIsize::new(0);

/// What is left of the chunk that was mapped last.
struct Rest {
    next: usize,
    end: usize,
}

/// Interpreters with a GIL of their own may come at once. Whoever finds it locked takes a plain arena, and so does a child
/// that was forked meanwhile.
static REST: Mutex<Rest> = Mutex::new(Rest { next: 0, end: 0 });

unsafe extern "C" fn alloc_arena(context: *mut c_void, size: usize) -> *mut c_void {
    let before = USED.fetch_add(size as isize, Ordering::Relaxed);
    let huge = before >= SMALL && size < HUGE && HUGE % size == 0;
    if let Some(arena) = huge.then(|| REST.try_lock()?.cut(size)).flatten() {
        return arena as *mut c_void;
    }
    // SAFETY: this is CPython's function with its context.
    let arena = ARENAS
        .get()
        .map_or(ptr::null_mut(), |own| unsafe { (own.alloc)(context, size) });
    if arena.is_null() {
        USED.fetch_sub(size as isize, Ordering::Relaxed);
    }
    arena
}

unsafe extern "C" fn free_arena(context: *mut c_void, arena: *mut c_void, size: usize) {
    USED.fetch_sub(size as isize, Ordering::Relaxed);
    if let Some(own) = ARENAS.get() {
        // SAFETY: this is CPython's function with its context, which unmaps these pages. They are an arena that it has mapped
        // or one of ours, whose neighbours in the same chunk stay mapped.
        unsafe { (own.free)(context, arena, size) }
    }
}

impl Rest {
    /// The address of an arena of a size by which a chunk can be divided; none if there is no memory.
    fn cut(&mut self, size: usize) -> Option<usize> {
        if self.end - self.next < size {
            self.next = chunk()?;
            self.end = self.next + HUGE;
        }
        let arena = self.next;
        self.next += size;
        Some(arena)
    }
}

/// Maps memory that can be one huge page: twice as much, of which the highest part that is aligned stays. Then it lies
/// next to the chunk before, and the kernel keeps them as one mapping.
fn chunk() -> Option<usize> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: what is unmapped and advised lies within what was just mapped, which nobody else knows. A length of zero is
    // refused without harm, and memory without huge pages serves as well.
    unsafe {
        let mapped = libc::mmap(ptr::null_mut(), 2 * HUGE, access, kind, -1, 0);
        if mapped == libc::MAP_FAILED {
            return None;
        }
        let start = mapped as usize;
        let chunk = (start + HUGE) & !(HUGE - 1);
        let above = chunk + HUGE;
        libc::munmap(mapped, chunk - start);
        libc::munmap(above as *mut c_void, start + 2 * HUGE - above);
        libc::madvise(chunk as *mut c_void, HUGE, libc::MADV_HUGEPAGE);
        Some(chunk)
    }
}

// ---- blocks ----

fn use_for_blocks() {
    type Access = unsafe extern "C" fn(c_int, *mut Blocks);
    const RAW: c_int = 0;
    let names = [c"PyMem_GetAllocator", c"PyMem_SetAllocator"];
    let [Some(get), Some(set)] = names.map(symbol) else {
        return;
    };
    // SAFETY: the functions of these names have this type and copy the struct, which is CPython's. Ours call those that were
    // there, with the same context, so a block may be freed by either.
    unsafe {
        let mut blocks = mem::MaybeUninit::<Blocks>::uninit();
        mem::transmute::<*mut c_void, Access>(get)(RAW, blocks.as_mut_ptr());
        let mut blocks = blocks.assume_init();
        if BLOCKS.set(blocks.functions).is_ok() {
            blocks.functions = BlockFunctions {
                malloc,
                calloc,
                realloc,
                free: blocks.functions.free,
            };
            mem::transmute::<*mut c_void, Access>(set)(RAW, &mut blocks);
        }
    }
}

unsafe extern "C" fn malloc(context: *mut c_void, size: usize) -> *mut c_void {
    let Some(own) = BLOCKS.get() else {
        return ptr::null_mut();
    };
    // SAFETY: this is CPython's function with its context.
    advised(unsafe { (own.malloc)(context, size) }, size)
}

unsafe extern "C" fn calloc(context: *mut c_void, count: usize, size: usize) -> *mut c_void {
    let Some(own) = BLOCKS.get() else {
        return ptr::null_mut();
    };
    // SAFETY: as above.
    advised(
        unsafe { (own.calloc)(context, count, size) },
        count.wrapping_mul(size),
    )
}

unsafe extern "C" fn realloc(context: *mut c_void, block: *mut c_void, size: usize) -> *mut c_void {
    let Some(own) = BLOCKS.get() else {
        return ptr::null_mut();
    };
    // SAFETY: as above; the block is one of that function's or of the two before.
    advised(unsafe { (own.realloc)(context, block, size) }, size)
}

/// A new block of so many bytes, or null.
#[inline]
fn advised(block: *mut c_void, size: usize) -> *mut c_void {
    if size >= LARGE && !block.is_null() {
        advise(block as usize, size);
    }
    block
}

/// Advises all pages of a block, with the word of the C library's before and behind it. So what it has mapped for a block
/// stays one mapping, which `realloc` can move; of two with different advice it would copy the content.
#[cold]
fn advise(block: usize, size: usize) {
    const PAGE: usize = 4096;
    const WORD: usize = size_of::<usize>();
    let start = (block - WORD) & !(PAGE - 1);
    let end = (block + size + WORD).next_multiple_of(PAGE);
    // SAFETY: the advice changes no content, so it does not matter who else has a part of the first or last page; a refused
    // one does no harm.
    unsafe { libc::madvise(start as *mut c_void, end - start, libc::MADV_HUGEPAGE) };
}

#[cfg(test)]
mod tests {
    use super::keeps_free_pages;

    #[test]
    fn free_pages_are_kept_unless_a_device_reports_them() {
        let keeps = |order: &str| keeps_free_pages(Some(order.to_owned()));
        assert!(keeps_free_pages(None)); // a kernel that cannot report any
        assert!(keeps("-1\n") && keeps("4294967295\n")); // no device has asked, as either type of number
        assert!(!keeps("9\n") && !keeps("0\n") && !keeps("13"));
        assert!(keeps("") && keeps("Y\n"));
    }
}
