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
    /// A program or library of macOS or a library of Windows: the processors that it was built for, as [`HERE`] spells
    /// them. One file of macOS may serve several.
    Image(Vec<&'static str>),
    /// A script, or a name that the Microsoft Store has put on PATH, which can be run and not opened: it may stand for
    /// another program tomorrow.
    Script,
    /// Anything else: running it will tell. A program of Windows may be one that only starts another program.
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
        if size < head.len() {
            return Ok(Binary::Other);
        }
        if !head.starts_with(b"\x7fELF") {
            let machines = if head.starts_with(b"MZ") {
                dll(&mut file, &head)?
            } else {
                mach_o(&mut file, &head)?
            };
            return Ok(machines.map_or(Binary::Other, Binary::Image));
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
            Binary::Image(machines) if !machines.contains(&HERE) => Some(format!(
                "it was built for {}, this JVM runs on {HERE}",
                machines.join(" and ")
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

/// The processors of a file of macOS; `None` for a file of another kind.
fn mach_o(file: &mut File, head: &[u8; 64]) -> io::Result<Option<Vec<&'static str>>> {
    let big = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().expect("4 bytes"));
    let machine = |number: u32| match number {
        0x0100_0007 => "x86_64",
        0x0100_000c => "aarch64",
        7 => "x86",
        _ => "another processor",
    };
    match big(0) {
        0xcffa_edfe | 0xcefa_edfe => Ok(Some(vec![machine(big(4).swap_bytes())])),
        // Several files in one. The classes of Java begin with the same number, and then have one of at least 45.
        0xcafe_babe if big(4) < 20 => {
            let mut parts = vec![0u8; 20 * big(4) as usize];
            file.seek(SeekFrom::Start(8))?;
            if file.read_exact(&mut parts).is_err() {
                return Ok(None); // cut short: running it will tell
            }
            let numbers = parts
                .chunks_exact(20)
                .map(|part| part[..4].try_into().expect("4 bytes"));
            Ok(Some(
                numbers
                    .map(|number| machine(u32::from_be_bytes(number)))
                    .collect(),
            ))
        }
        _ => Ok(None),
    }
}

/// The processor of a library of Windows; `None` for a program and a file of another kind.
fn dll(file: &mut File, head: &[u8; 64]) -> io::Result<Option<Vec<&'static str>>> {
    const IS_LIBRARY: u16 = 0x2000;
    let mut header = [0u8; 24];
    file.seek(SeekFrom::Start(
        u32::from_le_bytes(head[0x3c..].try_into().expect("4 bytes")).into(),
    ))?;
    if file.read_exact(&mut header).is_err() || !header.starts_with(b"PE\0\0") {
        return Ok(None);
    }
    let number = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let machine = match number(4) {
        0x8664 => "x86_64",
        0xaa64 => "aarch64",
        0x14c => "x86",
        _ => "another processor",
    };
    Ok((number(22) & IS_LIBRARY != 0).then(|| vec![machine]))
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

    /// A library or program of macOS for each of these processors.
    fn mach_o(machines: &[u32]) -> Vec<u8> {
        let mut file = match machines {
            [one] => [0xfeed_facf_u32.to_le_bytes(), one.to_le_bytes()].concat(),
            all => [0xcafe_babe_u32, all.len() as u32]
                .iter()
                .chain(all.iter().flat_map(|machine| [machine, &0, &0, &0, &0]))
                .flat_map(|number| number.to_be_bytes())
                .collect(),
        };
        file.resize(64.max(file.len()), 0);
        file
    }

    #[test]
    fn the_processors_of_a_file_of_macos_are_read() {
        let (intel, apple) = (0x0100_0007, 0x0100_000c);
        let (here, other, name) = if HERE == "x86_64" {
            (intel, apple, "aarch64")
        } else {
            (apple, intel, "x86_64")
        };
        for good in [&[here][..], &[other, here], &[here, other]] {
            assert_eq!(refusal(&mach_o(good)), None);
        }
        let expected = format!("it was built for {name}, this JVM runs on {HERE}");
        assert_eq!(refusal(&mach_o(&[other])).as_deref(), Some(&*expected));
        let several = refusal(&mach_o(&[other, 7])).unwrap();
        assert!(several.contains(&format!("{name} and x86,")), "{several}");
        // A class of Java 11, and a file that ends before its parts are told.
        assert_eq!(
            refusal(&[&b"\xca\xfe\xba\xbe\0\0\0\x37"[..], &[0; 64]].concat()),
            None
        );
        assert_eq!(refusal(&mach_o(&[other; 5])[..80]), None);
    }

    /// The head of a file of Windows.
    fn pe(machine: u16, flags: u16) -> Vec<u8> {
        let mut file = b"MZ".to_vec();
        file.resize(64, 0);
        file[0x3c] = 64;
        file.extend(b"PE\0\0");
        file.extend(machine.to_le_bytes());
        file.resize(64 + 22, 0);
        file.extend(flags.to_le_bytes());
        file
    }

    #[test]
    fn a_library_of_windows_for_another_processor_is_named() {
        let (here, other, name) = if HERE == "x86_64" {
            (0x8664, 0xaa64, "aarch64")
        } else {
            (0xaa64, 0x8664, "x86_64")
        };
        assert_eq!(refusal(&pe(here, 0x2022)), None);
        let expected = format!("it was built for {name}, this JVM runs on {HERE}");
        assert_eq!(refusal(&pe(other, 0x2022)).as_deref(), Some(&*expected));
        assert!(refusal(&pe(0x14c, 0x2102)).unwrap().contains("built for x86,"));
        assert_eq!(refusal(&pe(other, 0x22)), None, "a program may start another one");
        assert_eq!(refusal(&pe(other, 0x2022)[..80]), None, "cut short");
        let mut far = pe(other, 0x2022);
        far[0x3c..0x40].fill(0xff);
        assert_eq!(refusal(&far), None, "the header lies beyond the file");
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
