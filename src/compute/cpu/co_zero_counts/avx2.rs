//! AVX2: population counts of half bytes by table look-up, summed in bytes (Mula, Kurz and Lemire, "Faster population
//! counts using AVX2 instructions", 2016).

use std::arch::x86_64::*;

use super::{Rows, TILE, TileCounts};

/// Words of a register.
const WORDS: usize = 4;

/// Registers that are counted before sums of bytes, 8 bits a register, could pass 255.
const RUN: usize = 31;

/// Right rows whose sums fit in the registers.
const RIGHT: usize = 2;

#[target_feature(enable = "avx2")]
pub(super) fn count_tile(left_groups: usize, left: &Rows<'_>, right: &Rows<'_>) -> TileCounts {
    match left_groups {
        1 => count::<1>(left, right),
        2 => count::<2>(left, right),
        _ => count::<TILE>(left, right),
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn count<const LEFT: usize>(left: &Rows<'_>, right: &Rows<'_>) -> TileCounts {
    let words = left[0].len();
    assert!(left.iter().chain(right).all(|row| row.len() == words));
    let mut counts = TileCounts::default();
    for (pair, right) in right.as_chunks::<RIGHT>().0.iter().enumerate() {
        let mut sums = [[_mm256_setzero_si256(); RIGHT]; LEFT];
        for first in (0..words).step_by(RUN * WORDS) {
            let last = words.min(first + RUN * WORDS);
            // SAFETY: every row has at least `last` words.
            let bytes = unsafe { sum_bytes::<LEFT>(left, right, first, last) };
            for (sums, bytes) in sums.iter_mut().zip(bytes) {
                for (sum, bytes) in sums.iter_mut().zip(bytes) {
                    let words = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
                    *sum = _mm256_add_epi64(*sum, words);
                }
            }
        }
        for (counts, sums) in counts.iter_mut().zip(sums) {
            for (count, sum) in counts[pair * RIGHT..].iter_mut().zip(sums) {
                *count = add_lanes(sum);
            }
        }
    }
    counts
}

/// Population counts by byte of words `first..last`, at most [`RUN`] registers.
///
/// # Safety
/// Every row has at least `last` words; `last - first` is a multiple of [`WORDS`].
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn sum_bytes<const LEFT: usize>(
    left: &Rows<'_>,
    right: &[&[u64]; RIGHT],
    first: usize,
    last: usize,
) -> [[__m256i; RIGHT]; LEFT] {
    let low = _mm256_set1_epi8(0x0f);
    let table = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, //
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    );
    let mut bytes = [[_mm256_setzero_si256(); RIGHT]; LEFT];
    for word in (first..last).step_by(WORDS) {
        // SAFETY: the contract of this function.
        let load = |row: &[u64]| unsafe { _mm256_loadu_si256(row.as_ptr().add(word).cast()) };
        let right = right.map(load);
        for (bytes, left) in bytes.iter_mut().zip(left) {
            let left = load(left);
            for (bytes, right) in bytes.iter_mut().zip(right) {
                let both = _mm256_and_si256(left, right);
                let halves = [both, _mm256_srli_epi16::<4>(both)];
                for half in halves {
                    let ones = _mm256_shuffle_epi8(table, _mm256_and_si256(half, low));
                    *bytes = _mm256_add_epi8(*bytes, ones);
                }
            }
        }
    }
    bytes
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_lanes(sums: __m256i) -> u32 {
    let mut lanes = [0u64; WORDS];
    // SAFETY: four lanes are 32 bytes.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sums) };
    lanes.iter().sum::<u64>() as u32
}
