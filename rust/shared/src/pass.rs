// SPDX-License-Identifier: Apache-2.0
//! Sends bytes and descriptors through a Unix domain socket, with one system call for a message that fits. No
//! socket listens: sockets are created in pairs and inherited.

use std::cell::Cell;
use std::io::{Error, ErrorKind, Result};
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{ptr, thread};

/// Descriptors that one message may bring; the system's own bound is 253.
pub const MOST: usize = 200;

const SPACE: usize = 24 + MOST * size_of::<RawFd>(); // a head, at most 16 bytes, and its padding

/// Room for control messages, aligned as their heads are.
#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; SPACE]);

/// Sends some of the bytes, at least one, and all descriptors with the first of them. Returns how many bytes went. Where it is not to
/// wait, and there is no room, that is an error.
pub fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
    wait: bool,
) -> Result<usize> {
    if descriptors.len() > MOST {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("More than {MOST} descriptors."),
        ));
    }
    let flags = if wait {
        NO_SIGNAL
    } else {
        NO_SIGNAL | libc::MSG_DONTWAIT
    };
    let mut control = Control([MaybeUninit::uninit(); SPACE]);
    // SAFETY: zeros are a message without anything; the bytes are only read. The head of the control message is written into room
    // that is aligned and large enough (`SPACE`), and the numbers of the descriptors after it.
    unsafe {
        let mut bytes = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        let mut message: libc::msghdr = mem::zeroed();
        message.msg_iov = &mut bytes;
        message.msg_iovlen = 1;
        if !descriptors.is_empty() {
            let length = mem::size_of_val(descriptors); // a BorrowedFd is the number, and nothing else
            message.msg_control = control.0.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(length as u32) as _;
            let head = libc::CMSG_FIRSTHDR(&message);
            (*head).cmsg_level = libc::SOL_SOCKET;
            (*head).cmsg_type = libc::SCM_RIGHTS;
            (*head).cmsg_len = libc::CMSG_LEN(length as u32) as _;
            ptr::copy_nonoverlapping(descriptors.as_ptr().cast(), libc::CMSG_DATA(head), length);
        }
        again(|| libc::sendmsg(socket.as_raw_fd(), &message, flags))
    }
}

/// Receives some bytes, which have a value then, and the descriptors that came with them. 0 if the other end has closed its socket.
pub fn receive(
    socket: BorrowedFd<'_>,
    room: &mut [MaybeUninit<u8>],
    descriptors: &mut Vec<OwnedFd>,
) -> Result<usize> {
    let mut control = Control([MaybeUninit::uninit(); SPACE]);
    // SAFETY: zeros are a message without anything; both rooms are ours and as long as is said. The system wrote the control messages
    // that are read. Each descriptor in them is new in this process and has no owner yet.
    unsafe {
        let mut bytes = libc::iovec {
            iov_base: room.as_mut_ptr().cast(),
            iov_len: room.len(),
        };
        let mut message: libc::msghdr = mem::zeroed();
        message.msg_iov = &mut bytes;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = SPACE as _;
        let mut receive =
            |flags| again(|| libc::recvmsg(socket.as_raw_fd(), &mut message, CLOSE_ON_EXEC | flags));
        let received = match trying(|| receive(libc::MSG_DONTWAIT)) {
            Some(received) => received?,
            None => receive(0)?,
        };
        let mut head = libc::CMSG_FIRSTHDR(&message);
        while let Some(control) = head.as_ref() {
            if control.cmsg_level == libc::SOL_SOCKET && control.cmsg_type == libc::SCM_RIGHTS {
                let numbers = libc::CMSG_DATA(head).cast::<RawFd>();
                #[allow(clippy::unnecessary_cast)] // the length has another type elsewhere
                let length = control.cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                for place in 0..length / size_of::<RawFd>() {
                    let number = ptr::read_unaligned(numbers.add(place));
                    descriptors.push(OwnedFd::from_raw_fd(number));
                }
            }
            head = libc::CMSG_NXTHDR(&message, head);
        }
        if message.msg_flags & libc::MSG_CTRUNC != 0 {
            return Err(Error::new(
                ErrorKind::InvalidData,
                format!("A message brought more than {MOST} descriptors, or this process can open no more."),
            ));
        }
        Ok(received)
    }
}

#[cfg(target_os = "linux")]
const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: i32 = 0; // SO_NOSIGPIPE is set where the socket is made

#[cfg(target_os = "linux")]
const CLOSE_ON_EXEC: i32 = libc::MSG_CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const CLOSE_ON_EXEC: i32 = 0;

/// How long a receiver tries before it sleeps: to be woken takes about as long, and a short call is over sooner.
const TRIED: Duration = Duration::from_micros(20);

/// How often a thread then sleeps at once that has tried in vain. Calls are long, or there are more threads than processors,
/// where trying keeps others from working and makes this one wait behind them.
const NOT_TRIED: u32 = 50;

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(0) };
}

/// What comes within a short time. Nothing if nothing comes, or this is not worth trying.
fn trying(mut receive: impl FnMut() -> Result<usize>) -> Option<Result<usize>> {
    static ALONE: OnceLock<bool> = OnceLock::new();
    let left = LEFT.get();
    if left > 0 || *ALONE.get_or_init(|| thread::available_parallelism().is_ok_and(|count| count.get() == 1))
    {
        LEFT.set(left.saturating_sub(1));
        return None;
    }
    let began = Instant::now();
    while began.elapsed() < TRIED {
        match receive() {
            Err(none) if none.kind() == ErrorKind::WouldBlock => thread::yield_now(), // the sender may be on this processor
            received => return Some(received),
        }
    }
    LEFT.set(NOT_TRIED);
    None
}

fn again(mut call: impl FnMut() -> isize) -> Result<usize> {
    loop {
        match usize::try_from(call()) {
            Ok(done) => return Ok(done),
            Err(_) => match Error::last_os_error() {
                interrupted if interrupted.kind() == ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
}
