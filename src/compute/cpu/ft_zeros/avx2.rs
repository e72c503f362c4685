//! AVX2: a half of a slice is four registers.

use std::arch::x86_64::*;

use super::{Masks, NarrowRow, Slice, WideRow, WordLists, ZeroTest, narrow_excess};

/// Registers of a half.
const HALF: usize = 4;

/// The zero bits of 1 to 64 samples. `sums` are those of the sample before, and then of the last one.
///
/// # Safety
/// Ends in `lists` are ascending and within their rows; rows are below the rows of the slice. The machine has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn masks(
    slice: Slice<'_>,
    lists: WordLists<'_>,
    test: ZeroTest,
    sums: &mut WideRow,
    masks: &mut Masks,
) {
    let last = sums;
    let samples = lists.wide.ends.windows(3).step_by(2).take(lists.samples);
    for (sample, wide_ends) in samples.enumerate() {
        slice.prefetch(lists, sample);
        let start = if lists.is_fresh(sample) {
            slice.bias
        } else {
            &*last
        };
        let mut sums = [_mm256_setzero_si256(); 2 * HALF];
        if let Some(ends) = lists.narrow.ends.get(2 * sample..2 * sample + 3) {
            // SAFETY: ends and rows are in range by the contract of this function.
            let rows = unsafe { lists.narrow.rows.get_unchecked(ends[0]..ends[1]) };
            for &row in rows {
                // SAFETY: as above.
                let row = unsafe { slice.narrow.get_unchecked(row as usize) };
                for i in 0..HALF {
                    let lanes = load_narrow(row, i);
                    sums[i] = _mm256_add_epi16(sums[i], lanes);
                    let b = _mm256_srai_epi16::<8>(lanes);
                    sums[HALF + i] = _mm256_add_epi16(sums[HALF + i], b);
                }
            }
            // SAFETY: as above.
            let rows = unsafe { lists.narrow.rows.get_unchecked(ends[1]..ends[2]) };
            for &row in rows {
                // SAFETY: as above.
                let row = unsafe { slice.narrow.get_unchecked(row as usize) };
                for i in 0..HALF {
                    let lanes = load_narrow(row, i);
                    sums[i] = _mm256_sub_epi16(sums[i], lanes);
                    let b = _mm256_srai_epi16::<8>(lanes);
                    sums[HALF + i] = _mm256_sub_epi16(sums[HALF + i], b);
                }
            }
            let excess = _mm256_set1_epi16(narrow_excess(ends));
            for i in 0..HALF {
                let b = _mm256_slli_epi16::<8>(sums[HALF + i]);
                sums[i] = _mm256_sub_epi16(_mm256_sub_epi16(sums[i], b), excess);
            }
        }
        for (i, sums) in sums.iter_mut().enumerate() {
            *sums = _mm256_add_epi16(*sums, load_wide(start, i));
        }
        // SAFETY: ends and rows are in range by the contract of this function.
        let rows = unsafe { lists.wide.rows.get_unchecked(wide_ends[0]..wide_ends[1]) };
        for &row in rows {
            // SAFETY: as above.
            let row = unsafe { slice.wide.get_unchecked(row as usize) };
            for (i, sums) in sums.iter_mut().enumerate() {
                *sums = _mm256_add_epi16(*sums, load_wide(row, i));
            }
        }
        // SAFETY: as above.
        let rows = unsafe { lists.wide.rows.get_unchecked(wide_ends[1]..wide_ends[2]) };
        for &row in rows {
            // SAFETY: as above.
            let row = unsafe { slice.wide.get_unchecked(row as usize) };
            for (i, sums) in sums.iter_mut().enumerate() {
                *sums = _mm256_sub_epi16(*sums, load_wide(row, i));
            }
        }
        for (i, &sums) in sums.iter().enumerate() {
            store_wide(last, i, sums);
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

/// Bit i is set where lane i of all 32 lanes (0 or -1) is.
#[inline]
#[target_feature(enable = "avx2")]
fn bits(low: __m256i, high: __m256i) -> u32 {
    // Packing works within 128 bits: put the quarters back in order.
    let bytes = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi16(low, high));
    _mm256_movemask_epi8(bytes) as u32
}

/// Sixteen lanes of half A (i below 4) or B.
#[inline]
#[target_feature(enable = "avx2")]
fn load_wide(row: &WideRow, i: usize) -> __m256i {
    let lanes = bytemuck::cast_ref::<WideRow, [[i16; 16]; 2 * HALF]>(row);
    // SAFETY: sixteen lanes are 32 bytes.
    unsafe { _mm256_loadu_si256(lanes[i].as_ptr().cast()) }
}

/// Stores sixteen lanes of half A (i below 4) or B.
#[inline]
#[target_feature(enable = "avx2")]
fn store_wide(row: &mut WideRow, i: usize, sums: __m256i) {
    let lanes = bytemuck::cast_mut::<WideRow, [[i16; 16]; 2 * HALF]>(row);
    // SAFETY: sixteen lanes are 32 bytes.
    unsafe { _mm256_storeu_si256(lanes[i].as_mut_ptr().cast(), sums) }
}

/// Sixteen lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn load_narrow(row: &NarrowRow, i: usize) -> __m256i {
    let lanes = bytemuck::cast_ref::<NarrowRow, [[i16; 16]; HALF]>(row);
    // SAFETY: sixteen lanes are 32 bytes.
    unsafe { _mm256_loadu_si256(lanes[i].as_ptr().cast()) }
}
