// SPDX-License-Identifier: Apache-2.0
//! Reads from the first bytes of a program or library file what it was built for. This suffices to say why the
//! file cannot run in this process. Whether it does run is decided by running it (`ask.rs`).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

const PT_INTERP: u32 = 3;

/// The error of Windows for those names of the Store.
const CANT_ACCESS_FILE: i32 = 1920;

/// What the first bytes of a file say.
#[derive(Debug, PartialEq, Eq)]
pub enum Binary {
    /// A program or library of Linux and its relatives.
    Elf {
        /// 32 or 64.
        bits: u8,
        /// Its processor, as [`HERE`] spells it where it is ours.
        machine: &'static str,
        /// The program interpreter: the C library's `ld.so`. Libraries and static programs have none.
        interpreter: Option<String>,
    },
    /// A script, or a name that the Microsoft Store has put on PATH, which can be run and not opened: it may stand for
    /// another program tomorrow.
    Script,
    /// Anything else, another system's program: running it will tell.
    Other,
}

/// The processor of this process.
pub const HERE: &str = std::env::consts::ARCH;

impl Binary {
    /// Reads the head of a file.
    pub fn read(path: &Path) -> io::Result<Binary> {
        let mut file = match File::open(path) {
            Err(e) if cfg!(windows) && e.raw_os_error() == Some(CANT_ACCESS_FILE) => {
                return Ok(Binary::Script);
            }
            other => other?,
        };
        let mut head = [0u8; 64];
        let size = file.by_ref().take(64).read(&mut head)?;
        if head.starts_with(b"#!") {
            return Ok(Binary::Script);
        }
        if size < head.len() || !head.starts_with(b"\x7fELF") {
            return Ok(Binary::Other);
        }
        let bits = if head[4] == 2 { 64 } else { 32 };
        let machine = match (u16::from_le_bytes([head[18], head[19]]), head[5]) {
            (62, 1) => "x86_64",
            (183, 1) => "aarch64",
            (3, 1) => "x86",
            (40, 1) => "arm",
            (243, 1) => "riscv64",
            (21, 1) => "powerpc64le",
            (_, 2) => "a big-endian processor",
            _ => "another processor",
        };
        let interpreter = if bits == 64 && head[5] == 1 {
            interpreter(&mut file, &head)?
        } else {
            None
        };
        Ok(Binary::Elf {
            bits,
            machine,
            interpreter,
        })
    }

    /// Why code of this file cannot be in this process, if that can be seen.
    pub fn refusal(&self) -> Option<String> {
        match self {
            Binary::Elf { bits, machine, .. } if *machine != HERE || *bits != 64 => Some(format!(
                "it was built for {machine} ({bits} bit), this JVM runs on {HERE} (64 bit)"
            )),
            Binary::Elf {
                interpreter: Some(ld),
                ..
            } if is_musl(ld) != cfg!(target_env = "musl") => {
                let (its, ours) = if is_musl(ld) {
                    ("musl", "glibc")
                } else {
                    ("glibc", "musl")
                };
                Some(format!(
                    "it was built for the C library {its} ({ld}), this JVM runs on {ours}"
                ))
            }
            _ => None,
        }
    }
}

fn is_musl(ld: &str) -> bool {
    ld.contains("ld-musl")
}

fn interpreter(file: &mut File, head: &[u8; 64]) -> io::Result<Option<String>> {
    let offset = u64::from_le_bytes(head[32..40].try_into().expect("8 bytes"));
    let size = u16::from_le_bytes([head[54], head[55]]);
    let count = u16::from_le_bytes([head[56], head[57]]);
    if size != 56 {
        return Ok(None);
    }
    let mut header = [0u8; 56];
    for i in 0..u64::from(count) {
        file.seek(SeekFrom::Start(offset.saturating_add(i * 56)))?;
        if file.read_exact(&mut header).is_err() {
            return Ok(None); // cut short: running it will tell
        }
        if u32::from_le_bytes(header[..4].try_into().expect("4 bytes")) == PT_INTERP {
            let at = u64::from_le_bytes(header[8..16].try_into().expect("8 bytes"));
            let mut text = Vec::new();
            file.seek(SeekFrom::Start(at))?;
            file.by_ref().take(255).read_to_end(&mut text)?;
            text.truncate(text.iter().position(|b| *b == 0).unwrap_or(text.len()));
            return Ok(Some(String::from_utf8_lossy(&text).into_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn elf(bits: u8, machine: u16, interpreter: &str) -> Vec<u8> {
        let mut file = vec![0u8; 64];
        file[..4].copy_from_slice(b"\x7fELF");
        file[4] = if bits == 64 { 2 } else { 1 };
        file[5] = 1;
        file[18..20].copy_from_slice(&machine.to_le_bytes());
        file[32..40].copy_from_slice(&64u64.to_le_bytes());
        file[54..56].copy_from_slice(&56u16.to_le_bytes());
        file[56..58].copy_from_slice(&1u16.to_le_bytes());
        let mut header = vec![0u8; 56];
        header[..4].copy_from_slice(&PT_INTERP.to_le_bytes());
        header[8..16].copy_from_slice(&120u64.to_le_bytes());
        file.extend(header);
        file.extend(interpreter.as_bytes());
        file.push(0);
        file
    }

    fn refusal(content: &[u8]) -> Option<String> {
        let scratch = Scratch::new();
        Binary::read(&scratch.file("python", content)).unwrap().refusal()
    }

    #[test]
    fn a_script_is_left_to_be_run() {
        assert_eq!(refusal(b"#!/bin/sh\nexec python3 \"$@\"\n"), None);
    }

    #[test]
    fn our_own_program_is_accepted() {
        let me = std::env::current_exe().unwrap();
        assert_eq!(Binary::read(&me).unwrap().refusal(), None);
    }

    #[test]
    fn another_processor_is_named() {
        let arm = refusal(&elf(32, 40, "/lib/ld-linux-armhf.so.3")).unwrap();
        assert!(
            arm.contains("built for arm (32 bit)") && arm.contains(HERE),
            "{arm}"
        );
    }

    #[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
    #[test]
    fn another_c_library_is_named() {
        let musl = refusal(&elf(64, 62, "/lib/ld-musl-x86_64.so.1")).unwrap();
        assert!(musl.contains("musl (/lib/ld-musl-x86_64.so.1)"), "{musl}");
        assert_eq!(refusal(&elf(64, 62, "/lib64/ld-linux-x86-64.so.2")), None);
    }

    #[test]
    fn a_file_cut_short_is_no_error() {
        assert_eq!(refusal(&elf(64, 62, "")[..70]), None);
    }
}
