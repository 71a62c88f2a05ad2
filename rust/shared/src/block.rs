// SPDX-License-Identifier: Apache-2.0
//! A block of memory behind a file descriptor: a process that has the descriptor can map the same pages. The
//! block has no name and no file, so nothing has to be cleaned up. The pages are freed with the last descriptor
//! and the last mapping, in whatever way a process ends.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};

/// Memory that is mapped in this process, and its descriptor. Between two processes it is ordered by the message that names
/// it: the system call that sends it comes after what was written, and the one that receives it before what is read.
#[derive(Debug)]
pub struct Block {
    start: NonNull<u8>,
    length: usize,
    descriptor: OwnedFd,
}

// SAFETY: the mapping belongs to this block alone, and any thread may unmap it. What is in the memory is reached through its
// address only, by code that answers for it.
unsafe impl Send for Block {}
// SAFETY: as above; no method changes a block.
unsafe impl Sync for Block {}

impl Block {
    /// New memory, zeroed. Pages are taken when they are written.
    pub fn new(length: usize) -> Result<Block> {
        let file = File::from(nameless()?);
        file.set_len(length.max(1) as u64)?;
        seal(&file)?;
        Block::map(file.into(), length, false)
    }

    /// The memory behind a descriptor of another process.
    ///
    /// # Errors
    ///
    /// If it is shorter than that, or could become shorter: to read what is not there any more would end the process.
    pub fn open(descriptor: OwnedFd, length: usize) -> Result<Block> {
        let file = File::from(descriptor);
        if file.metadata()?.len() < length as u64 || !is_sealed(&file)? {
            return Err(Error::new(
                ErrorKind::InvalidData,
                format!("The descriptor is no shared memory of {length} bytes that keeps its size."),
            ));
        }
        Block::map(file.into(), length, true)
    }

    /// `filled`: all pages are there, and are mapped at once, where a page fault for each would cost more.
    fn map(descriptor: OwnedFd, length: usize, filled: bool) -> Result<Block> {
        const FEW: usize = 1 << 20;
        let flags = match filled && length <= FEW {
            true => libc::MAP_SHARED | POPULATE,
            false => libc::MAP_SHARED,
        };
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address that the system chooses, of a descriptor that is open.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                length.max(1),
                rights,
                flags,
                descriptor.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(ErrorKind::AddrNotAvailable)?;
        Ok(Block {
            start,
            length,
            descriptor,
        })
    }

    /// What this process writes is seen by no other one from now on: for a child of `fork`, which has the mappings of its parent.
    pub fn part(&self) -> Result<()> {
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED;
        let (start, length) = (self.start.as_ptr().cast(), self.length.max(1));
        // SAFETY: it takes the place of the mapping that this block has, with the same content.
        let again = unsafe { libc::mmap(start, length, rights, flags, self.descriptor.as_raw_fd(), 0) };
        match again {
            libc::MAP_FAILED => Err(Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Where the memory is mapped in this process.
    pub fn address(&self) -> usize {
        self.start.as_ptr() as usize
    }

    /// Bytes that were asked for.
    pub fn length(&self) -> usize {
        self.length
    }

    /// How many bytes of it there really are: of what nobody has written, there is no memory.
    pub fn filled(&self) -> Result<u64> {
        use std::os::unix::fs::MetadataExt;
        const UNIT: u64 = 512;
        Ok(File::from(self.descriptor.try_clone()?).metadata()?.blocks() * UNIT)
    }

    /// What the other process needs.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: `map` made this mapping, and nobody else unmaps it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length.max(1)) };
    }
}

#[cfg(target_os = "linux")]
const POPULATE: i32 = libc::MAP_POPULATE;
#[cfg(not(target_os = "linux"))]
const POPULATE: i32 = 0;

/// A file in memory without a name. It is no file of /dev/shm, which is small in a container.
#[cfg(target_os = "linux")]
fn nameless() -> Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    // The function of that name came with glibc 2.27.
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name ends with a zero; the system call makes a descriptor, or none.
    let made = unsafe { libc::syscall(libc::SYS_memfd_create, c"python4j".as_ptr(), flags) };
    if made < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: the system made it just now for nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(made as i32) })
}

/// It has a name until it is open.
#[cfg(not(target_os = "linux"))]
fn nameless() -> Result<OwnedFd> {
    use std::ffi::CString;
    use std::os::fd::FromRawFd;
    use std::sync::atomic::{AtomicU32, Ordering};
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed); // another one each time
    let name = CString::new(format!("/p4j-{}-{number}", std::process::id()))?;
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
    // SAFETY: the name ends with a zero; the calls make a descriptor, or none, and take the name away.
    let made = unsafe {
        let made = libc::shm_open(name.as_ptr(), flags, 0o600 as libc::c_uint);
        if made < 0 {
            return Err(Error::last_os_error());
        }
        libc::shm_unlink(name.as_ptr());
        OwnedFd::from_raw_fd(made)
    };
    // SAFETY: the descriptor is open.
    match unsafe { libc::fcntl(made.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) } {
        0 => Ok(made),
        _ => Err(Error::last_os_error()),
    }
}

/// Has the memory keep its size, for good.
#[cfg(target_os = "linux")]
fn seal(file: &File) -> Result<()> {
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: the descriptor is open, and the call takes a number.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

#[cfg(target_os = "linux")]
fn is_sealed(file: &File) -> Result<bool> {
    // SAFETY: the descriptor is open. What is no memory has no seals, which is an error here.
    let seals = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
    Ok(seals >= 0 && seals & libc::F_SEAL_SHRINK != 0)
}

/// Memory of `shm_open` gets its size once (macOS), and has no seals.
#[cfg(not(target_os = "linux"))]
fn seal(_: &File) -> Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn is_sealed(_: &File) -> Result<bool> {
    Ok(true)
}
