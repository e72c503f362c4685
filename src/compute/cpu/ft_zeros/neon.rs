//! NEON: a half of a slice is eight registers, so that both halves take half of all registers.

use std::arch::aarch64::*;
use std::ops::Range;

use super::row_sums::row_sums;
use super::{
    LANES, Lists, Masks, NarrowRow, Slice, WideRow, WordLists, ZeroTest, narrow_excess, prefetch,
};

/// Registers of a half.
const HALF: usize = 8;

/// As [`masks`], for lists that are chained and have 8-bit rows, or not.
///
/// # Safety
/// As for [`masks`].
#[target_feature(enable = "neon")]
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
        let mut sums = [vdupq_n_s16(0); 2 * HALF];
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
        let halves = sums.as_chunks::<HALF>().0;
        match test {
            ZeroTest::Clipped => {
                for (half, masks) in halves.iter().zip(masks.iter_mut()) {
                    masks[sample] = bits(half.map(|lanes| vclezq_s16(lanes)));
                }
            }
            ZeroTest::Pairwise { clamp, limit } => {
                let clamp = vdupq_n_s16(clamp);
                let limit = vdupq_n_u16(limit);
                let small = |i: usize| {
                    let [a, b] = [sums[i], sums[HALF + i]]
                        .map(|lanes| vminq_s16(vmaxq_s16(lanes, vdupq_n_s16(0)), clamp));
                    vcleq_u16(vreinterpretq_u16_s16(vmulq_s16(a, b)), limit)
                };
                masks[0][sample] = bits(std::array::from_fn(small));
            }
        }
    }
}

/// Adds what a sample starts from.
#[inline]
#[target_feature(enable = "neon")]
fn add_start(sums: &mut [int16x8_t; 2 * HALF], start: &WideRow) {
    for (i, sums) in sums.iter_mut().enumerate() {
        *sums = vaddq_s16(*sums, load_wide(start, i));
    }
}

/// Bit i is set where lane i of all 64 lanes (0 or -1) is.
#[inline]
#[target_feature(enable = "neon")]
fn bits(lanes: [uint16x8_t; HALF]) -> u64 {
    let byte = vreinterpretq_u8_u64(vdupq_n_u64(0x8040_2010_0804_0201));
    // Sixteen lanes as bytes, of which each keeps its own bit.
    let weighted = |i: usize| {
        let [low, high] = [lanes[i], lanes[i + 1]].map(|lanes| vreinterpretq_u8_u16(lanes));
        vandq_u8(vuzp1q_u8(low, high), byte)
    };
    // Three sums of neighbours leave eight lanes a byte, in order.
    let low = vpaddq_u8(weighted(0), weighted(2));
    let high = vpaddq_u8(weighted(4), weighted(6));
    let all = vpaddq_u8(low, high);
    vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(all, all)))
}

row_sums! {
    features: "neon",
    register: int16x8_t,
    add: vaddq_s16,
    subtract: vsubq_s16,
    broadcast: vdupq_n_s16,
    shift_left: vshlq_n_s16,
    shift_right: vshrq_n_s16,
    load: vld1q_s16,
    store: vst1q_s16,
}
