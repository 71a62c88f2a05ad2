// SPDX-License-Identifier: Apache-2.0
//! Buffers that no writer of ours made, by the million: the reader refuses them or reads them, and takes
//! no more memory than a small multiple of their size. The Java half is in tests/torture.
//!
//! `PYTHON4J_SEED` and `PYTHON4J_SECONDS` say which buffers and for how long.
//! tests/fuzz does the same with libFuzzer.
#![allow(unsafe_code)]

mod support;
#[path = "support/unpacked.rs"]
mod unpacked;

use python4j_core::pack::Reader;
use python4j_core::{Error, handle};
use std::time::{Duration, Instant};
use support::{python, run};
use unpacked::{allowed, taken_by};

/// Marsaglia's xorshift64*: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }
}

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().expect(name))
}

const TAGS: usize = 23; // one more than there are

/// A buffer that looks like one of ours: mostly whole values, now and then a lie.
fn build(random: &mut Random, depth: usize, out: &mut Vec<u8>) {
    let lie = random.below(24) == 0;
    let tag = random.below(TAGS) as u8;
    out.push(tag);
    let mut count = random.below(if depth > 6 { 2 } else { 6 });
    let head = |count: usize, random: &mut Random, out: &mut Vec<u8>| {
        let said = if lie {
            random.next() as u32 >> random.below(32)
        } else {
            count as u32
        };
        out.extend(said.to_le_bytes());
    };
    match tag {
        3 | 5 | 15 | 21 => out.extend(random.next().to_le_bytes()),
        4 | 6 | 7 | 14 | 16 | 19 | 20 => {
            count *= random.below(80);
            head(count, random, out);
            for _ in 0..count {
                out.push(if tag == 14 || random.below(3) > 0 {
                    48 + random.below(10) as u8
                } else {
                    random.next() as u8
                });
            }
        }
        8..=10 => {
            head(count, random, out);
            (0..count).for_each(|_| build(random, depth + 1, out));
        }
        11 => {
            head(count, random, out);
            (0..count * 2).for_each(|_| build(random, depth + 1, out));
        }
        12 | 13 => {
            head(count, random, out);
            (0..count).for_each(|_| out.extend(random.next().to_le_bytes()));
        }
        _ => {}
    }
}

/// A buffer with something wrong somewhere.
fn spoil(random: &mut Random, buffer: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=random.below(4) {
        let at = random.below(buffer.len() + 1);
        match random.below(7) {
            0 if at < buffer.len() => buffer[at] ^= 1 << random.below(8),
            1 if at < buffer.len() => buffer[at] = random.below(TAGS) as u8,
            2 => buffer.truncate(at),
            3 => buffer.insert(at, random.next() as u8),
            4 if at + 4 <= buffer.len() => {
                let wild = random.next() as u32 >> random.below(32);
                buffer[at..at + 4].copy_from_slice(&wild.to_le_bytes());
            }
            5 => {
                let from = random.below(other.len() + 1);
                buffer.splice(at.., other[from..].iter().copied());
            }
            6 => buffer.extend_from_within(at..),
            _ => {}
        }
        buffer.truncate(4096);
    }
}

#[test]
fn no_buffer_crashes_the_reader_or_takes_more_memory_than_it_is_worth() {
    let seed = setting("PYTHON4J_SEED", 1);
    let time = Duration::from_secs(setting("PYTHON4J_SECONDS", 2));
    let start = Instant::now();
    python(|py| {
        run(py, "import decimal").unwrap();
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let (mut buffers, mut whole, mut previous) = (0u64, 0u64, Vec::new());
        while start.elapsed() < time {
            for _ in 0..200 {
                let mut buffer = Vec::new();
                build(&mut random, 0, &mut buffer);
                if random.below(3) > 0 {
                    spoil(&mut random, &mut buffer, &previous);
                }
                buffers += 1;
                let (outcome, taken) = taken_by(|| unpacked::read(py, &buffer));
                whole += u64::from(outcome.is_ok());
                assert!(
                    taken <= allowed(&buffer),
                    "seed {seed}, buffer {buffers}: {taken} bytes for {buffer:?}"
                );
                previous = buffer;
            }
            assert_eq!(
                handle::count(),
                0,
                "seed {seed}, buffer {buffers}: handles are left"
            );
        }
        println!("{buffers} buffers, {whole} of them whole, seed {seed}");
        assert!(whole * 50 > buffers, "too few of them are read to their end");
    });
}

#[test]
fn nested_counts_reserve_no_more_than_the_buffer_has() {
    python(|py| {
        // A thousand lists, one in the other, each of which claims all the rest.
        let mut buffer = Vec::new();
        for level in 0..1000u32 {
            buffer.push(8);
            buffer.extend((100_000 - level * 5).to_le_bytes());
        }
        buffer.resize(106_000, 0);
        let (outcome, taken) = taken_by(|| Reader::new(&buffer).value(py));
        assert!(matches!(outcome, Err(Error::Malformed { .. })));
        assert!(taken < 64 * buffer.len() as isize, "{taken} bytes");
    });
}
