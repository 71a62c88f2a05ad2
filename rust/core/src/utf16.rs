// SPDX-License-Identifier: Apache-2.0
//! Converts UTF-16 to code points and back. Lone surrogates are kept in both directions. The check whether
//! bytes are ASCII is here too, because it counts in the same way.
//!
//! Each direction has two forms: a loop for every processor, and one for AVX2 that converts eight characters at a
//! time, without branches that depend on the characters. The AVX2 form leaves the end of the text to the loop.
//! Functions that only count are one loop, which is compiled for both.

use crate::alloc;
use pyo3::PyResult;
use std::mem::MaybeUninit;

/// So many that their number fits into the 16 bits that processors add quickly.
pub const MANY: usize = 1 << 15;

/// What there is in at most [`MANY`] units that come after another one, 0 for none: the bits of all together, and how many
/// pairs end in them.
pub fn look(before: u16, units: &[u16]) -> (u16, usize) {
    let (bits, pairs) = by_eight::look(units);
    let first = units.first().is_some_and(|first| is_pair(before, *first));
    (bits, usize::from(first) + usize::from(pairs))
}

#[inline(always)] // to be compiled for each processor
fn look_at(units: &[u16]) -> (u16, u16) {
    let bits = units.iter().fold(0, |all, unit| all | unit);
    let couples = units.iter().zip(units.iter().skip(1));
    let pairs = couples.map(|(high, low)| u16::from(is_pair(*high, *low))).sum();
    (bits, pairs)
}

/// Whether all of some bytes are ASCII. Looks at all of them, which for many is faster than to stop at the first that is not.
pub fn is_ascii(bytes: &[u8]) -> bool {
    by_eight::bits(bytes) <= 0x7F
}

#[inline(always)] // to be compiled for each processor
fn bits_of(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |all, byte| all | byte)
}

/// The code points of some units, to the front of `points`: how many they are, and all of these are written. Panics
/// where there are more than there is room for, which there are never for one each.
pub fn decode(units: &[u16], points: &mut [MaybeUninit<u32>]) -> usize {
    let (at, count) = by_eight::decode(units, points);
    let (units, points) = (&units[at..], &mut points[count..]);
    let (mut before, mut more) = (0, 0);
    for &unit in units {
        if is_pair(before, unit) {
            points[more - 1].write(pair(before, unit));
        } else {
            points[more].write(u32::from(unit));
            more += 1;
        }
        before = unit;
    }
    count + more
}

/// The code points of some units.
pub fn points(units: &[u16]) -> PyResult<Vec<u32>> {
    let mut points = alloc::with_capacity(units.len())?;
    let count = decode(units, points.spare_capacity_mut());
    // SAFETY: so many are written.
    unsafe { points.set_len(count) };
    Ok(points)
}

/// How many units some code points are.
pub fn length(points: &[u32]) -> usize {
    // So many that their number fits into 32 bits, which is what processors add quickly.
    let pairs = points.chunks(1 << 16).map(|few| by_eight::pairs(few) as usize);
    points.len() + pairs.sum::<usize>()
}

#[inline(always)] // to be compiled for each processor
fn pairs_of(points: &[u32]) -> u32 {
    points.iter().map(|point| u32::from(*point > 0xFFFF)).sum()
}

/// The units of some code points.
pub fn units(points: &[u32]) -> PyResult<Vec<u16>> {
    let mut units = alloc::zeros(length(points))?;
    encode(points, &mut units);
    Ok(units)
}

/// The units of some code points, to the front of `units`: how many they are. Panics where there are more than there is
/// room for.
pub fn encode(points: &[u32], units: &mut [u16]) -> usize {
    let (at, mut count) = by_eight::encode(points, units);
    for &point in &points[at..] {
        if point > 0xFFFF {
            let pair = point - 0x10000;
            units[count] = 0xD800 | (pair >> 10) as u16;
            units[count + 1] = 0xDC00 | (pair & 0x3FF) as u16;
            count += 2;
        } else {
            units[count] = point as u16;
            count += 1;
        }
    }
    count
}

/// Whether the unit is a high surrogate, the first half of a pair.
pub fn is_high(unit: u16) -> bool {
    unit & 0xFC00 == 0xD800
}

fn is_pair(high: u16, low: u16) -> bool {
    is_high(high) & (low & 0xFC00 == 0xDC00)
}

/// The code point of a pair, which is a sum.
fn pair(high: u16, low: u16) -> u32 {
    (u32::from(high) << 10)
        .wrapping_add(u32::from(low))
        .wrapping_add(PAIR)
}

const PAIR: u32 = 0x10000_u32.wrapping_sub((0xD800 << 10) + 0xDC00);

#[cfg(not(target_arch = "x86_64"))]
mod by_eight {
    pub(super) use super::{bits_of as bits, look_at as look, pairs_of as pairs};

    pub fn decode(_: &[u16], _: &mut [std::mem::MaybeUninit<u32>]) -> (usize, usize) {
        (0, 0)
    }

    pub fn encode(_: &[u32], _: &mut [u16]) -> (usize, usize) {
        (0, 0)
    }
}

/// `decode` and `encode` do the beginning of a text, and say how much of it they read and how much they wrote.
#[cfg(target_arch = "x86_64")]
mod by_eight {
    use std::arch::x86_64::*;
    use std::mem::MaybeUninit;

    const EIGHT: usize = 8;

    /// For each set of eight that is to go: which ones stay, in their order.
    static STAY: [[u32; EIGHT]; 256] = {
        let mut table = [[0; EIGHT]; 256];
        let mut gone = 0;
        while gone < 256 {
            let (mut i, mut count) = (0, 0);
            while i < EIGHT {
                if gone >> i & 1 == 0 {
                    table[gone][count] = i as u32;
                    count += 1;
                }
                i += 1;
            }
            gone += 1;
        }
        table
    };

    /// For each set of four that are pairs: which of their bytes are units, two of a pair and one of others.
    static UNITS: [[u8; 16]; 16] = {
        let mut table = [[0; 16]; 16];
        let mut pairs = 0;
        while pairs < 16 {
            let (mut i, mut count) = (0, 0);
            while i < 16 {
                if i & 2 == 0 || pairs >> (i / 4) & 1 == 1 {
                    table[pairs][count] = i as u8;
                    count += 1;
                }
                i += 1;
            }
            pairs += 1;
        }
        table
    };

    fn can() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt")
    }

    pub fn decode(units: &[u16], points: &mut [MaybeUninit<u32>]) -> (usize, usize) {
        if !can() {
            return (0, 0);
        }
        // SAFETY: the processor can do it.
        unsafe { decode_avx2(units, points) }
    }

    pub fn encode(points: &[u32], units: &mut [u16]) -> (usize, usize) {
        if !can() {
            return (0, 0);
        }
        // SAFETY: the processor can do it.
        unsafe { encode_avx2(points, units) }
    }

    pub fn look(units: &[u16]) -> (u16, u16) {
        if !can() {
            return super::look_at(units);
        }
        // SAFETY: the processor can do it.
        unsafe { look_avx2(units) }
    }

    pub fn bits(bytes: &[u8]) -> u8 {
        if !can() {
            return super::bits_of(bytes);
        }
        // SAFETY: the processor can do it.
        unsafe { bits_avx2(bytes) }
    }

    pub fn pairs(points: &[u32]) -> u32 {
        if !can() {
            return super::pairs_of(points);
        }
        // SAFETY: the processor can do it.
        unsafe { pairs_avx2(points) }
    }

    #[target_feature(enable = "avx2,popcnt")]
    unsafe fn look_avx2(units: &[u16]) -> (u16, u16) {
        super::look_at(units)
    }

    #[target_feature(enable = "avx2,popcnt")]
    unsafe fn bits_avx2(bytes: &[u8]) -> u8 {
        super::bits_of(bytes)
    }

    #[target_feature(enable = "avx2,popcnt")]
    unsafe fn pairs_avx2(points: &[u32]) -> u32 {
        super::pairs_of(points)
    }

    #[target_feature(enable = "avx2,popcnt")]
    unsafe fn decode_avx2(units: &[u16], points: &mut [MaybeUninit<u32>]) -> (usize, usize) {
        let (mut at, mut count, mut half) = (0, 0, 0);
        // SAFETY: the caller saw to AVX2. Twelve units are read and eight points written where the conditions of
        // the loop say that there are as many.
        unsafe {
            // Each unit with the next one above it: the first half of a pair is above the second one's place.
            let couples =
                _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8, 9));
            let kind = _mm256_set1_epi32(0xFC00_FC00_u32 as i32);
            let pair = _mm256_set1_epi32(0xDC00_D800_u32 as i32);
            let times = _mm256_set1_epi32(1 << 16 | 1 << 10);
            // What `times` multiplies has a sign: both halves are less by 0x10000.
            let sum = _mm256_set1_epi32(super::PAIR.wrapping_add((1 << 26) + (1 << 16)) as i32);
            let one = _mm256_set1_epi32(0xFFFF);
            while at + EIGHT + 4 <= units.len() && count + EIGHT <= points.len() {
                let four = _mm256_castsi128_si256(_mm_loadu_si128(units.as_ptr().add(at).cast()));
                let more = _mm_loadu_si128(units.as_ptr().add(at + 4).cast());
                let these = _mm256_shuffle_epi8(_mm256_inserti128_si256::<1>(four, more), couples);
                let pairs = _mm256_cmpeq_epi32(_mm256_and_si256(these, kind), pair);
                let whole = _mm256_add_epi32(_mm256_madd_epi16(these, times), sum);
                let all = _mm256_blendv_epi8(_mm256_and_si256(these, one), whole, pairs);
                // The unit behind the first half of a pair goes, also where that was the last of the eight before.
                let begun = _mm256_movemask_ps(_mm256_castsi256_ps(pairs)) as usize;
                let gone = (begun << 1 | half) & 0xFF;
                half = begun >> 7;
                let stay = _mm256_loadu_si256(STAY[gone].as_ptr().cast());
                let all = _mm256_permutevar8x32_epi32(all, stay);
                _mm256_storeu_si256(points.as_mut_ptr().add(count).cast(), all);
                at += EIGHT;
                count += EIGHT - gone.count_ones() as usize;
            }
        }
        (at + half, count)
    }

    #[target_feature(enable = "avx2,popcnt")]
    unsafe fn encode_avx2(points: &[u32], units: &mut [u16]) -> (usize, usize) {
        let (mut at, mut count) = (0, 0);
        // SAFETY: the caller saw to AVX2. Eight points are read and up to sixteen units written where the
        // conditions of the loop say that there are as many, and room for as many.
        unsafe {
            let one = _mm256_set1_epi32(0xFFFF);
            // Both halves, less the 0x10000 that a pair is without.
            let halves = _mm256_set1_epi32((0xDC00_D800_u32 - (0x10000 >> 10)) as i32);
            let ten = _mm256_set1_epi32(0x3FF << 16);
            while at + EIGHT <= points.len() && count + 2 * EIGHT <= units.len() {
                let these = _mm256_loadu_si256(points.as_ptr().add(at).cast());
                let pairs = _mm256_cmpgt_epi32(these, one);
                let low = _mm256_and_si256(_mm256_slli_epi32::<16>(these), ten);
                let high = _mm256_add_epi32(_mm256_srli_epi32::<10>(these), halves);
                let all = _mm256_blendv_epi8(these, _mm256_add_epi32(high, low), pairs);
                let pairs = _mm256_movemask_ps(_mm256_castsi256_ps(pairs)) as usize;
                let which = |pairs: usize| _mm_loadu_si128(UNITS[pairs].as_ptr().cast());
                let first = _mm256_castsi128_si256(which(pairs & 15));
                let which = _mm256_inserti128_si256::<1>(first, which(pairs >> 4));
                let all = _mm256_shuffle_epi8(all, which);
                let room = units.as_mut_ptr().add(count);
                _mm_storeu_si128(room.cast(), _mm256_castsi256_si128(all));
                let room = room.add(EIGHT / 2 + (pairs & 15).count_ones() as usize);
                _mm_storeu_si128(room.cast(), _mm256_extracti128_si256::<1>(all));
                at += EIGHT;
                count += EIGHT + pairs.count_ones() as usize;
            }
        }
        (at, count)
    }
}
