// SPDX-License-Identifier: Apache-2.0
//! UTF-16 to code points and back. Lone surrogates stay what they are in both.
//!
//! Each way has two forms: a loop that any processor runs, and for AVX2 one that takes eight at a time, with no
//! branch that a mix of characters could mislead. The second one leaves the end to the first one.

use std::mem::MaybeUninit;

/// So many that their number fits into the 16 bits that processors add quickly.
pub const MANY: usize = 1 << 15;

/// What there is in at most [`MANY`] units that come after another one, 0 for none: the bits of all together, and how many
/// pairs end in them.
pub fn look(before: u16, units: &[u16]) -> (u16, usize) {
    let bits = units.iter().fold(0, |all, unit| all | unit);
    let first = units.first().is_some_and(|first| is_pair(before, *first));
    let couples = units.iter().zip(units.iter().skip(1));
    let pairs: u16 = couples.map(|(high, low)| u16::from(is_pair(*high, *low))).sum();
    (bits, usize::from(first) + usize::from(pairs))
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
pub fn points(units: &[u16]) -> Vec<u32> {
    let mut points = Vec::with_capacity(units.len());
    let count = decode(units, points.spare_capacity_mut());
    // SAFETY: so many are written.
    unsafe { points.set_len(count) };
    points
}

/// How many units some code points are.
pub fn length(points: &[u32]) -> usize {
    let pairs = |few: &[u32]| few.iter().map(|point| u32::from(*point > 0xFFFF)).sum::<u32>();
    // So many that their number fits into 32 bits, which is what processors add quickly.
    points.len()
        + points
            .chunks(1 << 16)
            .map(|few| pairs(few) as usize)
            .sum::<usize>()
}

/// The units of some code points, to the front of `units`, which has room for two each: how many they are.
pub fn encode(points: &[u32], units: &mut [u16]) -> usize {
    assert!(units.len() / 2 >= points.len(), "no room for the units");
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
    pub fn decode(_: &[u16], _: &mut [std::mem::MaybeUninit<u32>]) -> (usize, usize) {
        (0, 0)
    }

    pub fn encode(_: &[u32], _: &mut [u16]) -> (usize, usize) {
        (0, 0)
    }
}

/// The beginning of a text: how much of it was read, and how much written.
#[cfg(target_arch = "x86_64")]
mod by_eight {
    use std::arch::x86_64::*;
    use std::mem::MaybeUninit;

    const EIGHT: usize = 8;

    /// For each set of eight that is to go: which ones stay, in their order.
    static STAY: [[u8; EIGHT]; 256] = {
        let mut table = [[0; EIGHT]; 256];
        let mut gone = 0;
        while gone < 256 {
            let (mut i, mut count) = (0, 0);
            while i < EIGHT {
                if gone >> i & 1 == 0 {
                    table[gone][count] = i as u8;
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

    #[target_feature(enable = "avx2,popcnt")]
    unsafe fn decode_avx2(units: &[u16], points: &mut [MaybeUninit<u32>]) -> (usize, usize) {
        let (mut at, mut count, mut half) = (0, 0, 0);
        // SAFETY: the caller saw to AVX2. Nine units are read and eight points written where the conditions of
        // the loop say that there are as many.
        unsafe {
            let kind = _mm_set1_epi16(0xFC00_u16 as i16);
            let (high, low) = (
                _mm_set1_epi16(0xD800_u16 as i16),
                _mm_set1_epi16(0xDC00_u16 as i16),
            );
            let sum = _mm256_set1_epi32(super::PAIR as i32);
            while at + EIGHT < units.len() && count + EIGHT <= points.len() {
                let these = _mm_loadu_si128(units.as_ptr().add(at).cast());
                let next = _mm_loadu_si128(units.as_ptr().add(at + 1).cast());
                let highs = _mm_cmpeq_epi16(_mm_and_si128(these, kind), high);
                let lows = _mm_cmpeq_epi16(_mm_and_si128(next, kind), low);
                let pairs = _mm_and_si128(highs, lows);
                let (these, next) = (_mm256_cvtepu16_epi32(these), _mm256_cvtepu16_epi32(next));
                let whole = _mm256_add_epi32(_mm256_add_epi32(_mm256_slli_epi32::<10>(these), next), sum);
                let all = _mm256_blendv_epi8(these, whole, _mm256_cvtepi16_epi32(pairs));
                // The unit behind the first half of a pair goes, also where that was the last of the eight before.
                let begun = _mm_movemask_epi8(_mm_packs_epi16(pairs, _mm_setzero_si128())) as usize;
                let gone = (begun << 1 | half) & 0xFF;
                half = begun >> 7;
                let stay = _mm256_cvtepu8_epi32(_mm_loadl_epi64(STAY[gone].as_ptr().cast()));
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
            let (halves, ten) = (
                _mm256_set1_epi32(0xDC00_D800_u32 as i32),
                _mm256_set1_epi32(0x3FF),
            );
            while at + EIGHT <= points.len() && count + 2 * EIGHT <= units.len() {
                let these = _mm256_loadu_si256(points.as_ptr().add(at).cast());
                let pairs = _mm256_cmpgt_epi32(these, one);
                let rest = _mm256_sub_epi32(these, _mm256_set1_epi32(0x10000));
                let low = _mm256_slli_epi32::<16>(_mm256_and_si256(rest, ten));
                let both = _mm256_or_si256(halves, _mm256_or_si256(_mm256_srli_epi32::<10>(rest), low));
                let all = _mm256_blendv_epi8(these, both, pairs);
                let pairs = _mm256_movemask_ps(_mm256_castsi256_ps(pairs)) as usize;
                let four = [_mm256_castsi256_si128(all), _mm256_extracti128_si256::<1>(all)];
                for (four, pairs) in four.into_iter().zip([pairs & 15, pairs >> 4]) {
                    let which = _mm_loadu_si128(UNITS[pairs].as_ptr().cast());
                    let room = units.as_mut_ptr().add(count).cast();
                    _mm_storeu_si128(room, _mm_shuffle_epi8(four, which));
                    count += EIGHT / 2 + pairs.count_ones() as usize;
                }
                at += EIGHT;
            }
        }
        (at, count)
    }
}
