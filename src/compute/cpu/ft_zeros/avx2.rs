//! AVX2: a half of a slice is four registers.

use std::arch::x86_64::*;
use std::ops::Range;

use super::row_sums::row_sums;
use super::{
    LANES, Lists, Masks, NarrowRow, Slice, WideRow, WordLists, ZeroTest, narrow_excess, prefetch,
};

/// Registers of a half.
const HALF: usize = 4;

/// As [`masks`], for lists that are chained and have 8-bit rows, or not.
///
/// # Safety
/// As for [`masks`].
#[target_feature(enable = "avx2")]
unsafe fn masks_of<const CHAINED: bool, const NARROW: bool>(
    slice: Slice<'_>,
    lists: WordLists<'_>,
    test: ZeroTest,
    sums: &mut WideRow,
    masks: &mut Masks,
) {
    let last = sums;
    for sample in lists.numbers() {
        let fresh = !CHAINED || lists.is_fresh(sample);
        // Chained sums are added at the end: rows need not wait for the sample before.
        let mut sums = [_mm256_setzero_si256(); 2 * HALF];
        if NARROW && let Some(places) = lists.narrow.places(sample) {
            // SAFETY: ends and rows are in range by the contract of this function.
            unsafe {
                add_narrow::<CHAINED>(&mut sums, slice.narrow, lists.narrow, places, fresh);
            }
        }
        if !CHAINED {
            add_start(&mut sums, slice.bias);
        }
        if let Some(places) = lists.wide.places(sample) {
            // SAFETY: as above.
            unsafe {
                add_wide::<CHAINED, NARROW>(&mut sums, slice.wide, lists.wide, places, fresh);
            }
        }
        if CHAINED {
            add_start(&mut sums, if fresh { slice.bias } else { &*last });
            for (i, &sums) in sums.iter().enumerate() {
                store_wide(last, i, sums);
            }
        }
        match test {
            ZeroTest::Clipped => {
                let positive = |i: usize| _mm256_cmpgt_epi16(sums[i], _mm256_setzero_si256());
                for (half, masks) in masks.iter_mut().enumerate() {
                    let i = half * HALF;
                    let low = bits(positive(i), positive(i + 1));
                    let high = bits(positive(i + 2), positive(i + 3));
                    masks[sample] = !(u64::from(low) | u64::from(high) << 32);
                }
            }
            ZeroTest::Pairwise { clamp, limit } => {
                let clamp = _mm256_set1_epi16(clamp);
                let limit = _mm256_set1_epi16(limit as i16);
                let small = |i: usize| {
                    let [a, b] = [sums[i], sums[HALF + i]].map(|value| {
                        _mm256_min_epi16(_mm256_max_epi16(value, _mm256_setzero_si256()), clamp)
                    });
                    let product = _mm256_mullo_epi16(a, b);
                    _mm256_cmpeq_epi16(_mm256_min_epu16(product, limit), product)
                };
                let low = bits(small(0), small(1));
                let high = bits(small(2), small(3));
                masks[0][sample] = u64::from(low) | u64::from(high) << 32;
            }
        }
    }
}

/// Adds what a sample starts from.
#[inline]
#[target_feature(enable = "avx2")]
fn add_start(sums: &mut [__m256i; 2 * HALF], start: &WideRow) {
    for (i, sums) in sums.iter_mut().enumerate() {
        *sums = _mm256_add_epi16(*sums, load_wide(start, i));
    }
}

/// Bit i is set where lane i of all 32 lanes (0 or -1) is.
#[inline]
#[target_feature(enable = "avx2")]
fn bits(low: __m256i, high: __m256i) -> u32 {
    // Packing works within 128 bits: put the quarters back in order.
    let bytes = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi16(low, high));
    _mm256_movemask_epi8(bytes) as u32
}

row_sums! {
    features: "avx2",
    register: __m256i,
    add: _mm256_add_epi16,
    subtract: _mm256_sub_epi16,
    broadcast: _mm256_set1_epi16,
    shift_left: _mm256_slli_epi16,
    shift_right: _mm256_srai_epi16,
    load: _mm256_loadu_si256,
    store: _mm256_storeu_si256,
}
