//! AVX2: a half of a slice is four registers.

use std::arch::x86_64::*;
use std::ops::Range;

use super::{
    Lists, Masks, NarrowRow, Slice, WideRow, WordLists, ZeroTest, narrow_excess, prefetch,
};

/// Registers of a half.
const HALF: usize = 4;

/// The zero bits of 1 to 64 samples. `sums` are those of the sample before, and then of the last one, where the lists
/// are chained.
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
    let narrow = !lists.narrow.ends.is_empty();
    let masks_of = match (lists.chained, narrow) {
        (false, false) => masks_of::<false, false>,
        (false, true) => masks_of::<false, true>,
        (true, false) => masks_of::<true, false>,
        (true, true) => masks_of::<true, true>,
    };
    // SAFETY: by the contract of this function.
    unsafe { masks_of(slice, lists, test, sums, masks) }
}

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

/// Adds up the 8-bit rows of a sample: half A, then half B. `sums` are 0.
///
/// # Safety
/// As for [`masks`]; `places` are within the lists.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn add_narrow<const CHAINED: bool>(
    sums: &mut [__m256i; 2 * HALF],
    all: &[NarrowRow],
    lists: Lists<'_>,
    places: Range<usize>,
    fresh: bool,
) {
    // SAFETY: by the contract of this function.
    let rows = unsafe { lists.rows.get_unchecked(places.clone()) };
    let ahead = lists.ahead(places).unwrap_or(rows);
    if fresh {
        for (&row, &ahead) in rows.iter().zip(ahead) {
            prefetch(all, ahead);
            // SAFETY: by the contract of this function.
            let row = unsafe { all.get_unchecked(row as usize) };
            for i in 0..HALF {
                let lanes = load_narrow(row, i);
                sums[i] = _mm256_add_epi16(sums[i], lanes);
                let b = _mm256_srai_epi16::<8>(lanes);
                sums[HALF + i] = _mm256_add_epi16(sums[HALF + i], b);
            }
        }
        let excess = _mm256_set1_epi16(narrow_excess(rows.len()));
        for sums in &mut sums[..HALF] {
            *sums = _mm256_sub_epi16(*sums, excess);
        }
    } else {
        let ahead = ahead.as_chunks::<2>().0;
        for (rows, ahead) in rows.as_chunks::<2>().0.iter().zip(ahead) {
            prefetch(all, ahead[0]);
            // SAFETY: by the contract of this function.
            let [added, gone] = rows.map(|row| unsafe { all.get_unchecked(row as usize) });
            for i in 0..HALF {
                let [added, gone] = [added, gone].map(|row| load_narrow(row, i));
                sums[i] = _mm256_add_epi16(sums[i], _mm256_sub_epi16(added, gone));
                let [added, gone] = [added, gone].map(|lanes| _mm256_srai_epi16::<8>(lanes));
                sums[HALF + i] = _mm256_add_epi16(sums[HALF + i], _mm256_sub_epi16(added, gone));
            }
        }
    }
    for i in 0..HALF {
        let b = _mm256_slli_epi16::<8>(sums[HALF + i]);
        sums[i] = _mm256_sub_epi16(sums[i], b);
    }
}

/// Adds the 16-bit rows of a sample.
///
/// # Safety
/// As for [`masks`]; `places` are within the lists.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn add_wide<const CHAINED: bool, const NARROW: bool>(
    sums: &mut [__m256i; 2 * HALF],
    all: &[WideRow],
    lists: Lists<'_>,
    places: Range<usize>,
    fresh: bool,
) {
    // SAFETY: by the contract of this function.
    let rows = unsafe { lists.rows.get_unchecked(places.clone()) };
    // What 8-bit rows and chains need displaces 16-bit rows, which else stay near.
    let ahead = match CHAINED || NARROW {
        true => lists.ahead(places),
        false => None,
    };
    if fresh {
        let mut add = |row: u32| {
            // SAFETY: by the contract of this function.
            let row = unsafe { all.get_unchecked(row as usize) };
            for (i, sums) in sums.iter_mut().enumerate() {
                *sums = _mm256_add_epi16(*sums, load_wide(row, i));
            }
        };
        match ahead {
            Some(ahead) => {
                for (&row, &ahead) in rows.iter().zip(ahead) {
                    prefetch(all, ahead);
                    add(row);
                }
            }
            None => rows.iter().for_each(|&row| add(row)),
        }
    } else {
        let ahead = ahead.unwrap_or(rows).as_chunks::<2>().0;
        for (rows, ahead) in rows.as_chunks::<2>().0.iter().zip(ahead) {
            prefetch(all, ahead[0]);
            // SAFETY: by the contract of this function.
            let [added, gone] = rows.map(|row| unsafe { all.get_unchecked(row as usize) });
            for (i, sums) in sums.iter_mut().enumerate() {
                *sums = _mm256_add_epi16(*sums, load_wide(added, i));
                *sums = _mm256_sub_epi16(*sums, load_wide(gone, i));
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
