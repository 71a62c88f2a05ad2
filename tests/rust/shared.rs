// SPDX-License-Identifier: Apache-2.0
//! Memory of two processes. The other process is this program once more, with one end of a socket as its standard input.
#![cfg(unix)]
#![allow(unsafe_code)]

use python4j_shared::{Block, pass};
use std::fs;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

const OTHER: &str = "PYTHON4J_TEST_OTHER";
const LENGTH: usize = 3 << 20;

#[allow(clippy::mut_from_ref)]
fn slice(block: &Block) -> &mut [u8] {
    // SAFETY: the block has that many bytes, and the tests take turns with them.
    unsafe { std::slice::from_raw_parts_mut(block.address() as *mut u8, block.length()) }
}

fn send(socket: &impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) {
    let sent = pass::send(socket.as_fd(), bytes, descriptors, true);
    assert_eq!(sent.expect("sent"), bytes.len());
}

/// The next message, which is short and so comes whole.
fn receive(socket: &impl AsFd) -> (Vec<u8>, Vec<OwnedFd>) {
    let (mut room, mut descriptors) = (Vec::with_capacity(100), Vec::new());
    let length =
        pass::receive(socket.as_fd(), room.spare_capacity_mut(), &mut descriptors).expect("received");
    // SAFETY: so many have a value.
    unsafe { room.set_len(length) };
    (room, descriptors)
}

fn one(mut descriptors: Vec<OwnedFd>) -> OwnedFd {
    assert_eq!(descriptors.len(), 1);
    descriptors.remove(0)
}

/// This program once more, with only the test of that name.
fn other(test: &str, wrapper: &[&str]) -> (Child, UnixStream) {
    let (mine, theirs) = UnixStream::pair().expect("a pair");
    let program = std::env::current_exe().expect("this program");
    let mut line = wrapper.to_vec();
    line.extend([program.to_str().expect("a path"), test, "--exact", "--quiet"]);
    let mut command = Command::new(line[0]);
    command.args(&line[1..]).env(OTHER, "1");
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
    (command.spawn().expect("the other process"), mine)
}

fn is_other() -> bool {
    std::env::var_os(OTHER).is_some()
}

/// What the other process does: adds one to each byte of each block that comes, and answers with a block of its own.
#[test]
fn the_other_end() {
    if !is_other() {
        return;
    }
    let socket = std::io::stdin();
    loop {
        let (message, descriptors) = receive(&socket);
        if message.is_empty() {
            return;
        }
        let block = Block::open(one(descriptors), LENGTH).expect("a block");
        slice(&block).iter_mut().for_each(|byte| *byte += 1);
        let answer = Block::new(LENGTH).expect("an answer");
        slice(&answer).fill(slice(&block)[0] + 1);
        send(&socket, b"done", &[answer.descriptor()]);
    }
}

fn ours(folder: &str) -> usize {
    let of_python4j = |link: &std::path::PathBuf| link.to_string_lossy().contains("python4j");
    let entries = fs::read_dir(folder).expect(folder).flatten();
    entries
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(of_python4j)
        .count()
}

#[test]
fn what_one_process_writes_the_other_reads_without_a_copy_and_nothing_grows() {
    let (mut child, socket) = other("the_other_end", &[]);
    let block = Block::new(LENGTH).expect("a block");
    let mut last = None;
    for turn in 0..50u8 {
        slice(&block).fill(2 * turn);
        send(&socket, b"add", &[block.descriptor()]);
        let (message, descriptors) = receive(&socket);
        assert_eq!(message, b"done");
        assert!(slice(&block).iter().all(|byte| *byte == 2 * turn + 1));
        let answer = Block::open(one(descriptors), LENGTH).expect("an answer");
        assert!(slice(&answer).iter().all(|byte| *byte == 2 * turn + 2));
        last = Some(answer);
    }
    #[cfg(target_os = "linux")]
    {
        let held = ours(&format!("/proc/{}/fd", child.id()));
        assert!(held <= 2, "the other process still has {held} blocks of 50");
        let maps = fs::read_to_string(format!("/proc/{}/maps", child.id())).expect("maps");
        assert!(maps.matches("memfd:python4j").count() <= 2, "{maps}");
    }
    // The memory outlives the process that made it.
    child.kill().expect("killed");
    child.wait().expect("ended");
    let last = last.expect("an answer");
    assert_eq!(slice(&last)[LENGTH - 1], 100);
    slice(&last).fill(7);
    assert_eq!(slice(&last)[0], 7);
    assert!(
        receive(&socket).0.is_empty(),
        "the end of the other process is the end of the socket"
    );
}

/// Memory in a container has nothing to do with its /dev/shm, which has 64 MB by default and here 1 MB.
#[test]
#[cfg(target_os = "linux")]
fn a_small_dev_shm_does_not_matter() {
    let small = "mount -t tmpfs -o size=1m none /dev/shm && exec \"$0\" \"$@\"";
    let wrapper = ["unshare", "-rm", "sh", "-c", small];
    let mut trial = Command::new("unshare");
    trial.args(["-rm", "mount", "-t", "tmpfs", "none", "/dev/shm"]);
    if !trial.status().is_ok_and(|status| status.success()) {
        eprintln!("This system lets nobody mount: not tested.");
        return;
    }
    let (mut child, socket) = other("the_other_end", &wrapper);
    let blocks: Vec<_> = (0..4).map(|_| Block::new(LENGTH).expect("a block")).collect();
    let mut kept = Vec::new();
    for block in &blocks {
        slice(block).fill(1);
        send(&socket, b"add", &[block.descriptor()]);
        let (_, descriptors) = receive(&socket);
        kept.push(Block::open(one(descriptors), LENGTH).expect("an answer"));
    }
    assert!(kept.iter().all(|answer| slice(answer)[LENGTH - 1] == 3));
    drop(socket);
    assert!(child.wait().expect("ended").success());
}

#[test]
fn what_could_end_the_process_that_reads_it_is_refused() {
    let short = Block::new(1000).expect("a block");
    #[cfg(target_os = "linux")]
    {
        assert_eq!(short.filled().expect("a number"), 0);
        slice(&short)[5] = 1;
        assert!(short.filled().expect("a number") >= 1000);
    }
    let again = short.descriptor().try_clone_to_owned().expect("a descriptor");
    let error = Block::open(again, 1001).expect_err("too short");
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    #[cfg(target_os = "linux")]
    {
        // A file can be made shorter while it is mapped.
        let file = fs::File::open(std::env::current_exe().expect("this program")).expect("a file");
        assert_eq!(
            Block::open(file.into(), 1000).expect_err("a file").kind(),
            ErrorKind::InvalidData
        );
        let (socket, _other) = UnixStream::pair().expect("a pair");
        assert!(Block::open(socket.into(), 0).is_err());
        let ours = fs::File::from(short.descriptor().try_clone_to_owned().expect("a descriptor"));
        assert!(ours.set_len(10).is_err(), "a block keeps its size");
    }
    assert!(Block::new(usize::MAX / 2).is_err());
}

#[test]
fn descriptors_come_with_the_first_byte_and_too_many_are_refused() {
    let (mine, theirs) = UnixStream::pair().expect("a pair");
    let blocks: Vec<_> = (0..pass::MOST + 1)
        .map(|_| Block::new(1).expect("a block"))
        .collect();
    let all: Vec<_> = blocks.iter().map(Block::descriptor).collect();
    assert!(pass::send(mine.as_fd(), b"many", &all, true).is_err());
    send(&mine, b"many", &all[1..]);
    let (message, mut descriptors) = receive(&theirs);
    assert_eq!(message, b"many");
    assert_eq!(descriptors.len(), pass::MOST);
    slice(&blocks[1])[0] = 5;
    assert_eq!(
        slice(&Block::open(descriptors.remove(0), 1).expect("a block"))[0],
        5
    );
    send(&mine, b"none", &[]);
    let (message, none) = receive(&theirs);
    assert_eq!((&message[..], none.len()), (&b"none"[..], 0));
    let full = loop {
        if let Err(full) = pass::send(mine.as_fd(), &[0; 5000], &[], false) {
            break full;
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    drop(mine);
    while !receive(&theirs).0.is_empty() {}
}
