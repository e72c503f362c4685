//! AVX-512 F and BW: a half of a slice is two registers.

use std::arch::x86_64::*;
use std::ops::Range;

use super::row_sums::row_sums;
use super::{
    LANES, Lists, Masks, NarrowRow, Slice, WideRow, WordLists, ZeroTest, narrow_excess, prefetch,
};

/// Registers of a half.
const HALF: usize = 2;

/// As [`masks`], for lists that are chained and have 8-bit rows, or not.
///
/// # Safety
/// As for [`masks`].
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn masks_of<const CHAINED: bool, const NARROW: bool>(
    slice: Slice<'_>,
    lists: WordLists<'_>,
    test: ZeroTest,
    sums: &mut WideRow,
    masks: &mut Masks,
) {
    let all = sums;
    let bias = [0, 1, 2, 3].map(|i| load_wide(slice.bias, i));
    let mut last = [0, 1, 2, 3].map(|i| load_wide(all, i));
    for sample in lists.numbers() {
        let fresh = !CHAINED || lists.is_fresh(sample);
        // Chained sums are added at the end: rows need not wait for the sample before.
        let mut sums = [_mm512_setzero_si512(); 2 * HALF];
        if NARROW && let Some(places) = lists.narrow.places(sample) {
            // SAFETY: ends and rows are in range by the contract of this function.
            unsafe {
                add_narrow::<CHAINED>(&mut sums, slice.narrow, lists.narrow, places, fresh);
            }
        }
        if !CHAINED {
            add_start(&mut sums, bias);
        }
        if let Some(places) = lists.wide.places(sample) {
            // SAFETY: as above.
            unsafe {
                add_wide::<CHAINED, NARROW>(&mut sums, slice.wide, lists.wide, places, fresh);
            }
        }
        if CHAINED {
            add_start(&mut sums, if fresh { bias } else { last });
            last = sums;
        }
        match test {
            ZeroTest::Clipped => {
                let zero = _mm512_setzero_si512();
                let bits = sums.map(|sums| u64::from(_mm512_cmple_epi16_mask(sums, zero)));
                masks[0][sample] = bits[0] | bits[1] << 32;
                masks[1][sample] = bits[2] | bits[3] << 32;
            }
            ZeroTest::Pairwise { clamp, limit } => {
                let clamp = _mm512_set1_epi16(clamp);
                let limit = _mm512_set1_epi16(limit as i16);
                let zero = _mm512_setzero_si512();
                for sums in &mut sums {
                    *sums = _mm512_min_epi16(_mm512_max_epi16(*sums, zero), clamp);
                }
                let bits = [0, 1].map(|i| {
                    let product = _mm512_mullo_epi16(sums[i], sums[HALF + i]);
                    u64::from(_mm512_cmple_epu16_mask(product, limit))
                });
                masks[0][sample] = bits[0] | bits[1] << 32;
            }
        }
    }
    for (i, sums) in last.into_iter().enumerate() {
        store_wide(all, i, sums);
    }
}

/// Adds what a sample starts from.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_start(sums: &mut [__m512i; 2 * HALF], start: [__m512i; 2 * HALF]) {
    for (sums, start) in sums.iter_mut().zip(start) {
        *sums = _mm512_add_epi16(*sums, start);
    }
}

row_sums! {
    features: "avx512f,avx512bw",
    register: __m512i,
    add: _mm512_add_epi16,
    subtract: _mm512_sub_epi16,
    broadcast: _mm512_set1_epi16,
    shift_left: _mm512_slli_epi16,
    shift_right: _mm512_srai_epi16,
    load: _mm512_loadu_si512,
    store: _mm512_storeu_si512,
}
