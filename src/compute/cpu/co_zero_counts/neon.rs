//! NEON: AND, population counts by byte and addition are one instruction each for 128 samples.

use std::arch::aarch64::*;

use super::{Rows, TILE, TileCounts};

/// Words of a register.
const WORDS: usize = 2;

/// Registers whose counts, at most 8 a byte, are summed in bytes.
const RUN: usize = 31;

const _: () = assert!(8 * RUN <= 255);

#[target_feature(enable = "neon")]
pub(super) fn count_tile(left_groups: usize, left: &Rows<'_>, right: &Rows<'_>) -> TileCounts {
    match left_groups {
        1 => count::<1>(left, right),
        2 => count::<2>(left, right),
        _ => count::<TILE>(left, right),
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn count<const LEFT: usize>(left: &Rows<'_>, right: &Rows<'_>) -> TileCounts {
    let words = left[0].len();
    assert!(left.iter().chain(right).all(|row| row.len() == words));
    let mut counts = TileCounts::default();
    let registers = words / WORDS;
    for begin in (0..registers).step_by(RUN) {
        let mut sums = [[vdupq_n_u8(0); TILE]; LEFT];
        for register in begin..registers.min(begin + RUN) {
            // SAFETY: every row has at least `(register + 1) * WORDS` words.
            let load = |row: &[u64]| unsafe { vld1q_u8(row.as_ptr().add(register * WORDS).cast()) };
            let right = right.map(load);
            for (sums, left) in sums.iter_mut().zip(left) {
                let left = load(left);
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = vaddq_u8(*sum, vcntq_u8(vandq_u8(left, right)));
                }
            }
        }
        for (counts, sums) in counts.iter_mut().zip(sums) {
            for (count, sum) in counts.iter_mut().zip(sums) {
                *count += u32::from(vaddlvq_u8(sum));
            }
        }
    }
    counts
}
