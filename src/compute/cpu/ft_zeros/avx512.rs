//! AVX-512 F and BW: a half of a slice is two registers.

use std::arch::x86_64::*;

use super::{Masks, NarrowRow, Slice, WideRow, WordLists, ZeroTest, narrow_excess};

/// Registers of a half.
const HALF: usize = 2;

/// The zero bits of 1 to 64 samples. `sums` are those of the sample before, and then of the last one.
///
/// # Safety
/// Ends in `lists` are ascending and within their rows; rows are below the rows of the slice. The machine has AVX-512 F
/// and BW.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn masks(
    slice: Slice<'_>,
    lists: WordLists<'_>,
    test: ZeroTest,
    sums: &mut WideRow,
    masks: &mut Masks,
) {
    let bias = load_wide(slice.bias);
    let mut all = load_wide(sums);
    let samples = lists.wide.ends.windows(3).step_by(2).take(lists.samples);
    for (sample, wide_ends) in samples.enumerate() {
        slice.prefetch(lists, sample);
        if lists.is_fresh(sample) {
            all = bias;
        }
        if let Some(ends) = lists.narrow.ends.get(2 * sample..2 * sample + 3) {
            let mut sums = [_mm512_setzero_si512(); 2 * HALF];
            // SAFETY: ends and rows are in range by the contract of this function.
            let rows = unsafe { lists.narrow.rows.get_unchecked(ends[0]..ends[1]) };
            for &row in rows {
                // SAFETY: as above.
                let row = load_narrow(unsafe { slice.narrow.get_unchecked(row as usize) });
                for i in 0..HALF {
                    sums[i] = _mm512_add_epi16(sums[i], row[i]);
                    let b = _mm512_srai_epi16::<8>(row[i]);
                    sums[HALF + i] = _mm512_add_epi16(sums[HALF + i], b);
                }
            }
            // SAFETY: as above.
            let rows = unsafe { lists.narrow.rows.get_unchecked(ends[1]..ends[2]) };
            for &row in rows {
                // SAFETY: as above.
                let row = load_narrow(unsafe { slice.narrow.get_unchecked(row as usize) });
                for i in 0..HALF {
                    sums[i] = _mm512_sub_epi16(sums[i], row[i]);
                    let b = _mm512_srai_epi16::<8>(row[i]);
                    sums[HALF + i] = _mm512_sub_epi16(sums[HALF + i], b);
                }
            }
            let excess = _mm512_set1_epi16(narrow_excess(ends));
            for i in 0..HALF {
                let b = _mm512_slli_epi16::<8>(sums[HALF + i]);
                let a = _mm512_sub_epi16(_mm512_sub_epi16(sums[i], b), excess);
                all[i] = _mm512_add_epi16(all[i], a);
                all[HALF + i] = _mm512_add_epi16(all[HALF + i], sums[HALF + i]);
            }
        }
        // SAFETY: ends and rows are in range by the contract of this function.
        let rows = unsafe { lists.wide.rows.get_unchecked(wide_ends[0]..wide_ends[1]) };
        for &row in rows {
            // SAFETY: as above.
            let row = load_wide(unsafe { slice.wide.get_unchecked(row as usize) });
            for i in 0..2 * HALF {
                all[i] = _mm512_add_epi16(all[i], row[i]);
            }
        }
        // SAFETY: as above.
        let rows = unsafe { lists.wide.rows.get_unchecked(wide_ends[1]..wide_ends[2]) };
        for &row in rows {
            // SAFETY: as above.
            let row = load_wide(unsafe { slice.wide.get_unchecked(row as usize) });
            for i in 0..2 * HALF {
                all[i] = _mm512_sub_epi16(all[i], row[i]);
            }
        }
        let mut sums = all;
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
    store_wide(sums, all);
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load_wide(row: &WideRow) -> [__m512i; 2 * HALF] {
    let lanes: *const __m512i = std::ptr::from_ref(row).cast();
    // SAFETY: a row is 256 bytes, aligned to 64.
    [0, 1, 2, 3].map(|i| unsafe { _mm512_load_si512(lanes.add(i)) })
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn store_wide(row: &mut WideRow, lanes: [__m512i; 2 * HALF]) {
    let row: *mut __m512i = std::ptr::from_mut(row).cast();
    for (i, lanes) in lanes.into_iter().enumerate() {
        // SAFETY: a row is 256 bytes, aligned to 64.
        unsafe { _mm512_store_si512(row.add(i), lanes) };
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load_narrow(row: &NarrowRow) -> [__m512i; HALF] {
    let lanes: *const __m512i = std::ptr::from_ref(row).cast();
    // SAFETY: a row is 128 bytes, aligned to 64.
    [0, 1].map(|i| unsafe { _mm512_load_si512(lanes.add(i)) })
}
