// SPDX-License-Identifier: Apache-2.0
//! The validity of columns without nulls, which all share.

#[cfg(target_os = "linux")]
use parking_lot::Mutex;
#[cfg(target_os = "linux")]
use std::ffi::c_int;
use std::ffi::c_void;
#[cfg(target_os = "linux")]
use std::ptr;

/// Bits that are all set, for a column without nulls: Arrow Java needs them, and would write them at each import. All columns
/// see the same memory, until somebody writes there, who then has his own.
pub(super) struct Ones {
    pub(super) start: *const c_void,
    length: usize,
}

// SAFETY: a mapping belongs to no thread.
unsafe impl Send for Ones {}
// SAFETY: whoever writes into an array answers for it.
unsafe impl Sync for Ones {}

impl Ones {
    /// With fewer rows each column has its own.
    pub(super) const FEW: i64 = 1 << 17;

    #[cfg(not(target_os = "linux"))]
    pub(super) fn of(_rows: i64) -> Option<Ones> {
        None
    }

    /// None also where there is no such memory.
    #[cfg(target_os = "linux")]
    pub(super) fn of(rows: i64) -> Option<Ones> {
        use std::fs::File;
        use std::io::Write;
        use std::os::fd::{AsRawFd, FromRawFd};
        static SOURCE: Mutex<Option<(File, usize)>> = Mutex::new(None);
        static BLOCK: [u8; 1 << 16] = [0xff; 1 << 16];
        let length = (rows as usize).div_ceil(8).next_multiple_of(BLOCK.len());
        let mut spare = SPARE.lock();
        if let Some(at) = spare.iter().position(|ones| ones.length == length) {
            return Some(spare.swap_remove(at));
        }
        drop(spare);
        let mut source = SOURCE.lock();
        if source.is_none() {
            // SAFETY: the system's call for a file without a name, which the C library does not have everywhere.
            let file = unsafe { libc::syscall(libc::SYS_memfd_create, c"ones".as_ptr(), libc::MFD_CLOEXEC) };
            // SAFETY: it is this file's own descriptor.
            *source = (file >= 0).then(|| (unsafe { File::from_raw_fd(file as c_int) }, 0));
        }
        let (file, written) = source.as_mut()?;
        while *written < length {
            file.write_all(&BLOCK).ok()?;
            *written += BLOCK.len();
        }
        let (access, private) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE);
        // SAFETY: a new mapping of a file that has so many bytes.
        let start = unsafe { libc::mmap(ptr::null_mut(), length, access, private, file.as_raw_fd(), 0) };
        (start != libc::MAP_FAILED).then_some(Ones { start, length })
    }
}

/// Mappings for the next columns of the same length, since it takes longer to make one.
#[cfg(target_os = "linux")]
static SPARE: Mutex<Vec<Ones>> = Mutex::new(Vec::new());

impl Drop for Ones {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        {
            const MOST: usize = 64;
            let (start, length) = (self.start.cast_mut(), self.length);
            // SAFETY: the mapping that `of` made, which nobody uses any more. What was written there is forgotten.
            let clean = unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) } == 0;
            let mut spare = SPARE.lock();
            if clean && spare.len() < MOST {
                spare.push(Ones {
                    start: self.start,
                    length,
                });
            } else {
                // SAFETY: as above.
                unsafe { libc::munmap(start, length) };
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = self.length;
    }
}
