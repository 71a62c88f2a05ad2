// SPDX-License-Identifier: Apache-2.0
//! On Windows the native library imports CPython's functions from `python4j_capi.dll`, because it cannot know
//! which release's DLL it will meet. This file writes that DLL: it has no code, only names, and for each name
//! where the system finds it.

use std::fs;
use std::path::{Path, PathBuf};

/// What the native library asks for, a definition file as linkers read it.
const DEFINITION: &str = include_str!("capi.def");

const FILE_ALIGNMENT: usize = 0x200;
const SECTION_ALIGNMENT: usize = 0x1000;
const HEADERS: usize = FILE_ALIGNMENT;

/// The names in a definition file, sorted as an export table has to be.
fn names(definition: &str) -> Vec<&str> {
    let mut names: Vec<&str> = definition
        .lines()
        .skip_while(|line| *line != "EXPORTS")
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    names.sort_unstable();
    names
}

/// Writes `python4j_capi.dll` for a CPython's DLL, say `python314.dll`, below a folder, and gives its path. Every process
/// writes the same, so a file that is there is left.
pub fn write(python: &Path, folder: &Path) -> Result<PathBuf, String> {
    let stem = python.file_stem().and_then(|stem| stem.to_str());
    let stem = stem.ok_or_else(|| format!("{} is no name of a DLL", python.display()))?;
    let folder = folder.join(stem);
    let file = folder.join("python4j_capi.dll");
    let content = library(stem, &names(DEFINITION));
    if fs::read(&file).is_ok_and(|there| there == content) {
        return Ok(file);
    }
    let aside = folder.join(format!("{}.tmp", std::process::id()));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&aside, &content))
        .and_then(|()| fs::rename(&aside, &file))
        .or_else(|why| match fs::read(&file) {
            Ok(there) if there == content => Ok(()), // another process was first, and Windows locks what is in use
            _ => Err(format!("{} cannot be written: {why}", file.display())),
        })?;
    Ok(file)
}

/// A DLL for x86-64 that forwards each of these names, which are sorted, to the DLL `target`.
fn library(target: &str, names: &[&str]) -> Vec<u8> {
    let section = exports(target, names, SECTION_ALIGNMENT as u32);
    let raw = section.len().next_multiple_of(FILE_ALIGNMENT);
    let image = SECTION_ALIGNMENT + section.len().next_multiple_of(SECTION_ALIGNMENT);

    let mut file = Vec::with_capacity(HEADERS + raw);
    file.extend(b"MZ");
    file.resize(0x3c, 0);
    put32(&mut file, 0x40); // where the real header is
    file.extend(b"PE\0\0");
    put16(&mut file, 0x8664); // x86-64
    put16(&mut file, 1); // sections
    file.extend([0; 12]); // no time, no symbols
    put16(&mut file, 240); // the size of the next part
    put16(&mut file, 0x2022); // a DLL for 64 bits that may lie anywhere
    let optional = file.len();
    put16(&mut file, 0x20b);
    file.extend([0; 2 + 4]); // no linker, no code
    put32(&mut file, raw as u32);
    file.extend([0; 4 + 4 + 4]); // nothing uninitialized, no entry, no code
    file.extend(0x1_8000_0000_u64.to_le_bytes()); // where it would like to lie
    put32(&mut file, SECTION_ALIGNMENT as u32);
    put32(&mut file, FILE_ALIGNMENT as u32);
    put32(&mut file, 6); // of Windows, at least
    put32(&mut file, 0);
    put32(&mut file, 6);
    put32(&mut file, 0);
    put32(&mut file, image as u32);
    put32(&mut file, HEADERS as u32);
    put32(&mut file, 0); // no checksum
    put16(&mut file, 2); // what every DLL says it is
    put16(&mut file, 0x0160); // may be moved, has no code
    file.extend([0; 4 * 8 + 4]); // stacks and heaps are the program's
    put32(&mut file, 16);
    put32(&mut file, SECTION_ALIGNMENT as u32); // the exports, all of the section
    put32(&mut file, section.len() as u32);
    file.resize(optional + 240, 0); // and none of the other tables
    file.extend(b".edata\0\0");
    put32(&mut file, section.len() as u32);
    put32(&mut file, SECTION_ALIGNMENT as u32);
    put32(&mut file, raw as u32);
    put32(&mut file, HEADERS as u32);
    file.extend([0; 12]);
    put32(&mut file, 0x4000_0040); // data, to be read

    file.resize(HEADERS, 0);
    file.extend(section);
    file.resize(HEADERS + raw, 0);
    file
}

/// The export table, for a place in memory. The system looks a name up by halving the list.
fn exports(target: &str, names: &[&str], at: u32) -> Vec<u8> {
    let count = names.len() as u32;
    let tables = at + 40;
    let text = tables + count * (4 + 4 + 2);
    let mut texts = b"python4j_capi.dll\0".to_vec();
    let (mut forwards, mut spelled) = (Vec::new(), Vec::new());
    for name in names {
        put32(&mut spelled, text + texts.len() as u32);
        texts.extend(name.bytes().chain([0]));
        put32(&mut forwards, text + texts.len() as u32);
        texts.extend(target.bytes().chain([b'.']).chain(name.bytes()).chain([0]));
    }
    let mut section = vec![0; 12];
    put32(&mut section, text); // its own name is the first text
    put32(&mut section, 1); // the first number
    put32(&mut section, count);
    put32(&mut section, count);
    put32(&mut section, tables);
    put32(&mut section, tables + count * 4);
    put32(&mut section, tables + count * 8);
    section.extend(forwards);
    section.extend(spelled);
    (0..count as u16).for_each(|number| put16(&mut section, number));
    section.extend(texts);
    section
}

fn put16(into: &mut Vec<u8>, number: u16) {
    into.extend(number.to_le_bytes());
}

fn put32(into: &mut Vec<u8>, number: u32) {
    into.extend(number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(file: &[u8], at: usize) -> usize {
        u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize
    }

    fn text(file: &[u8], at: usize) -> &str {
        let end = file[at..].iter().position(|byte| *byte == 0).unwrap();
        std::str::from_utf8(&file[at..at + end]).unwrap()
    }

    #[test]
    fn every_name_is_forwarded() {
        let names = names(DEFINITION);
        assert!(names.len() > 100 && names.contains(&"PyType_Type") && names.is_sorted());
        let file = library("python314", &names);
        assert_eq!((&file[..2], text(&file, 0x40)), (b"MZ".as_slice(), "PE"));
        let place = |rva: usize| rva - SECTION_ALIGNMENT + HEADERS; // in the file
        let table = place(number(&file, 0x40 + 24 + 112));
        assert_eq!(text(&file, place(number(&file, table + 12))), "python4j_capi.dll");
        assert_eq!(number(&file, table + 24), names.len());
        let (forwards, spelled) = (place(number(&file, table + 28)), place(number(&file, table + 32)));
        for (i, name) in names.iter().enumerate() {
            assert_eq!(text(&file, place(number(&file, spelled + 4 * i))), *name);
            assert_eq!(
                text(&file, place(number(&file, forwards + 4 * i))),
                format!("python314.{name}")
            );
        }
        assert_eq!(file.len() % FILE_ALIGNMENT, 0);
    }

    #[test]
    fn it_is_written_once() {
        let scratch = crate::scratch::Scratch::new();
        let python = Path::new("/somewhere/python39.dll");
        let first = write(python, scratch.path()).unwrap();
        assert!(first.ends_with("python39/python4j_capi.dll"));
        let time = fs::metadata(&first).unwrap().modified().unwrap();
        assert_eq!(write(python, scratch.path()).unwrap(), first);
        assert_eq!(fs::metadata(&first).unwrap().modified().unwrap(), time);
        assert_eq!(fs::read_dir(first.parent().unwrap()).unwrap().count(), 1);
    }
}
