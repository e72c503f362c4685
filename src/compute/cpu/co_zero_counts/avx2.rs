//! AVX2: carry-save adders (Harley and Seal) leave one population count for eight registers, which is done by table
//! look-up (Muła, Kurz and Lemire, "Faster population counts using AVX2 instructions", 2016).

use std::arch::x86_64::*;

use super::{BLOCK, Rows, TILE, TileCounts};

/// Words of a register.
const WORDS: usize = 4;

/// Registers that are added before one population count.
const RUN: usize = 8;

/// A register for each right row. One chain of adders alone would wait for its own results.
type Chains = [__m256i; TILE];

// The counts of a block's runs, at most 8 a byte, are summed in bytes.
const _: () = assert!(BLOCK / (RUN * WORDS) * 8 <= 255);

#[target_feature(enable = "avx2")]
pub(super) fn count_tile(left_groups: usize, left: &Rows<'_>, right: &Rows<'_>) -> TileCounts {
    let mut counts = TileCounts::default();
    for (counts, left) in counts.iter_mut().zip(left).take(left_groups) {
        *counts = count_rows(left, right);
    }
    counts
}

#[inline]
#[target_feature(enable = "avx2")]
fn count_rows(left: &[u64], right: &Rows<'_>) -> [u32; TILE] {
    assert!(left.len() <= BLOCK && right.iter().all(|right| right.len() == left.len()));
    let registers = left.len() / WORDS;
    let both = |i: usize| -> Chains {
        // SAFETY: below, `i` is less than `registers`.
        let load = |row: &[u64]| unsafe { _mm256_loadu_si256(row.as_ptr().add(i * WORDS).cast()) };
        let left = load(left);
        right.map(|right| _mm256_and_si256(left, load(right)))
    };
    let zero = [_mm256_setzero_si256(); TILE];
    let [mut ones, mut twos, mut fours, mut eights] = [zero; 4];
    let runs = registers / RUN;
    for run in 0..runs {
        let i = run * RUN;
        let two_a = add(&mut ones, both(i), both(i + 1));
        let two_b = add(&mut ones, both(i + 2), both(i + 3));
        let four_a = add(&mut twos, two_a, two_b);
        let two_a = add(&mut ones, both(i + 4), both(i + 5));
        let two_b = add(&mut ones, both(i + 6), both(i + 7));
        let four_b = add(&mut twos, two_a, two_b);
        let eight = add(&mut fours, four_a, four_b);
        for (eights, eight) in eights.iter_mut().zip(eight) {
            *eights = _mm256_add_epi8(*eights, count_bytes(eight));
        }
    }
    let mut rest = zero;
    for i in runs * RUN..registers {
        for (rest, both) in rest.iter_mut().zip(both(i)) {
            *rest = _mm256_add_epi8(*rest, count_bytes(both));
        }
    }
    let mut counts = [0; TILE];
    for (chain, count) in counts.iter_mut().enumerate() {
        // At most 8 * 7 + 8 + 16 + 32 in a byte.
        let [ones, twos, fours] = [ones, twos, fours].map(|sums| count_bytes(sums[chain]));
        let twos = _mm256_add_epi8(twos, _mm256_add_epi8(fours, fours));
        let ones = _mm256_add_epi8(ones, _mm256_add_epi8(twos, twos));
        let bytes = _mm256_add_epi8(rest[chain], ones);
        *count = add_bytes(bytes) + 8 * add_bytes(eights[chain]);
    }
    counts
}

/// Adds two bits to each bit of `sum`; returns the carries.
#[inline]
#[target_feature(enable = "avx2")]
fn add(sum: &mut Chains, a: Chains, b: Chains) -> Chains {
    let mut carry = a;
    for ((sum, carry), b) in sum.iter_mut().zip(&mut carry).zip(b) {
        let a = *carry;
        let half = _mm256_xor_si256(*sum, a);
        *carry = _mm256_or_si256(_mm256_and_si256(*sum, a), _mm256_and_si256(half, b));
        *sum = _mm256_xor_si256(half, b);
    }
    carry
}

/// Population counts by byte.
#[inline]
#[target_feature(enable = "avx2")]
fn count_bytes(bits: __m256i) -> __m256i {
    let low = _mm256_set1_epi8(0x0f);
    let table = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, //
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    );
    let halves = [bits, _mm256_srli_epi16::<4>(bits)];
    let [a, b] = halves.map(|half| _mm256_shuffle_epi8(table, _mm256_and_si256(half, low)));
    _mm256_add_epi8(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_bytes(bytes: __m256i) -> u32 {
    let words = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
    let halves = _mm_add_epi64(
        _mm256_castsi256_si128(words),
        _mm256_extracti128_si256::<1>(words),
    );
    (_mm_cvtsi128_si64(halves) + _mm_extract_epi64::<1>(halves)) as u32
}
