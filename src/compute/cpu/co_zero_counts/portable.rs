//! Plain Rust in loops of fixed length, which compilers vectorise for any target.

use super::{Rows, TileCounts, VECTOR};

type Words = [u64; VECTOR];

pub(super) fn count_tile(left_groups: usize, left: &Rows<'_>, right: &Rows<'_>) -> TileCounts {
    let mut counts = TileCounts::default();
    for (counts, left) in counts.iter_mut().zip(left).take(left_groups) {
        for (count, right) in counts.iter_mut().zip(right) {
            *count = count_pair(left, right);
        }
    }
    counts
}

/// Carry-save adders (Harley and Seal) leave one population count for eight words; baseline targets have no
/// instruction for it.
fn count_pair(left: &[u64], right: &[u64]) -> u32 {
    let mut left = left.as_chunks::<VECTOR>().0.iter();
    let mut right = right.as_chunks::<VECTOR>().0.iter();
    let [mut ones, mut twos, mut fours] = [[0; VECTOR]; 3];
    let mut eights = 0;
    while let (Some(a), Some(b)) = (
        left.as_slice().first_chunk::<8>(),
        right.as_slice().first_chunk::<8>(),
    ) {
        let word = |i: usize| -> Words { std::array::from_fn(|lane| a[i][lane] & b[i][lane]) };
        let two_a = add(&mut ones, &word(0), &word(1));
        let two_b = add(&mut ones, &word(2), &word(3));
        let four_a = add(&mut twos, &two_a, &two_b);
        let two_a = add(&mut ones, &word(4), &word(5));
        let two_b = add(&mut ones, &word(6), &word(7));
        let four_b = add(&mut twos, &two_a, &two_b);
        eights += population(&add(&mut fours, &four_a, &four_b));
        left = left.as_slice()[8..].iter();
        right = right.as_slice()[8..].iter();
    }
    let rest = left
        .zip(right)
        .map(|(a, b)| -> u32 { a.iter().zip(b).map(|(a, b)| (a & b).count_ones()).sum() });
    rest.sum::<u32>()
        + population(&ones)
        + 2 * population(&twos)
        + 4 * population(&fours)
        + 8 * eights
}

/// Adds two bits to each bit of `sum`; returns the carries.
#[inline(always)]
fn add(sum: &mut Words, a: &Words, b: &Words) -> Words {
    std::array::from_fn(|lane| {
        let half = sum[lane] ^ a[lane];
        let carry = (sum[lane] & a[lane]) | (half & b[lane]);
        sum[lane] = half ^ b[lane];
        carry
    })
}

#[inline(always)]
fn population(words: &Words) -> u32 {
    words.iter().map(|word| word.count_ones()).sum()
}
