//! AVX-512 VPOPCNTDQ: AND, population count and addition are one instruction each for 512 samples.

use std::arch::x86_64::*;

use super::{Rows, TILE, TileCounts, VECTOR};

#[target_feature(enable = "avx512f,avx512vpopcntdq")]
pub(super) fn count_tile(left_groups: usize, left: &Rows<'_>, right: &Rows<'_>) -> TileCounts {
    match left_groups {
        1 => count::<1>(left, right),
        2 => count::<2>(left, right),
        _ => count::<TILE>(left, right),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn count<const LEFT: usize>(left: &Rows<'_>, right: &Rows<'_>) -> TileCounts {
    let words = left[0].len();
    assert!(left.iter().chain(right).all(|row| row.len() == words));
    let mut sums = [[_mm512_setzero_si512(); TILE]; LEFT];
    for first in (0..words / VECTOR * VECTOR).step_by(VECTOR) {
        // SAFETY: every row has at least `first + VECTOR` words.
        let load = |row: &[u64]| unsafe { _mm512_loadu_si512(row.as_ptr().add(first).cast()) };
        let right = right.map(load);
        for (sums, left) in sums.iter_mut().zip(left) {
            let left = load(left);
            for (sum, right) in sums.iter_mut().zip(right) {
                let ones = _mm512_popcnt_epi64(_mm512_and_si512(left, right));
                *sum = _mm512_add_epi64(*sum, ones);
            }
        }
    }
    let mut counts = TileCounts::default();
    for (counts, sums) in counts.iter_mut().zip(sums) {
        *counts = add_lanes(sums);
    }
    counts
}

/// The sums of the lanes of four registers; they fit in 32 bits.
#[inline]
#[target_feature(enable = "avx512f")]
fn add_lanes([a, b, c, d]: [__m512i; TILE]) -> [u32; TILE] {
    // Lanes (a, b) and (c, d) in 64 bits, then (a, c, b, d) in 32 bits.
    let ab = _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let cd = _mm512_add_epi64(_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
    let acbd = _mm512_or_si512(ab, _mm512_slli_epi64::<32>(cd));
    let halves = _mm256_add_epi32(
        _mm512_castsi512_si256(acbd),
        _mm512_extracti64x4_epi64::<1>(acbd),
    );
    let quarters = _mm_add_epi32(
        _mm256_castsi256_si128(halves),
        _mm256_extracti128_si256::<1>(halves),
    );
    let mut lanes = [0; TILE];
    // SAFETY: four lanes are 16 bytes.
    unsafe { _mm_storeu_si128(lanes.as_mut_ptr().cast(), quarters) };
    let [a, c, b, d] = lanes;
    [a, b, c, d]
}
