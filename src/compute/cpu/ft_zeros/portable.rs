//! Plain Rust in loops of fixed length, which compilers vectorise for any target.

use super::{LANES, Masks, Slice, WideRow, WordLists, ZeroTest, narrow_excess};

/// The zero bits of 1 to 64 samples. `sums` are those of the sample before, and then of the last one.
///
/// Nothing is unchecked here: wrong rows would panic.
pub(super) fn masks(
    slice: Slice<'_>,
    lists: WordLists<'_>,
    test: ZeroTest,
    sums: &mut WideRow,
    masks: &mut Masks,
) {
    let [mut a, mut b] = sums.0;
    let samples = lists.wide.ends.windows(3).step_by(2).take(lists.samples);
    for (sample, wide_ends) in samples.enumerate() {
        if lists.is_fresh(sample) {
            [a, b] = slice.bias.0;
        }
        if let Some(ends) = lists.narrow.ends.get(2 * sample..2 * sample + 3) {
            let [mut lanes, mut upper] = [[0i16; LANES]; 2];
            for &row in &lists.narrow.rows[ends[0]..ends[1]] {
                let row = &slice.narrow[row as usize].0;
                for ((lanes, upper), &lane) in lanes.iter_mut().zip(&mut upper).zip(row) {
                    *lanes = lanes.wrapping_add(lane);
                    *upper = upper.wrapping_add(lane >> 8);
                }
            }
            for &row in &lists.narrow.rows[ends[1]..ends[2]] {
                let row = &slice.narrow[row as usize].0;
                for ((lanes, upper), &lane) in lanes.iter_mut().zip(&mut upper).zip(row) {
                    *lanes = lanes.wrapping_sub(lane);
                    *upper = upper.wrapping_sub(lane >> 8);
                }
            }
            let excess = narrow_excess(ends);
            for ((a, b), (lanes, upper)) in a.iter_mut().zip(&mut b).zip(lanes.iter().zip(&upper)) {
                *a = a.wrapping_add(lanes.wrapping_sub(upper << 8).wrapping_sub(excess));
                *b = b.wrapping_add(*upper);
            }
        }
        for &row in &lists.wide.rows[wide_ends[0]..wide_ends[1]] {
            let row = &slice.wide[row as usize].0;
            add(&mut a, &row[0]);
            add(&mut b, &row[1]);
        }
        for &row in &lists.wide.rows[wide_ends[1]..wide_ends[2]] {
            let row = &slice.wide[row as usize].0;
            subtract(&mut a, &row[0]);
            subtract(&mut b, &row[1]);
        }
        match test {
            ZeroTest::Clipped => {
                masks[0][sample] = bits(a.map(|a| a <= 0));
                masks[1][sample] = bits(b.map(|b| b <= 0));
            }
            ZeroTest::Pairwise { clamp, limit } => {
                let mut zero = [false; LANES];
                for ((zero, a), b) in zero.iter_mut().zip(a).zip(b) {
                    let [a, b] = [a, b].map(|value| value.max(0).min(clamp) as u16);
                    *zero = a.wrapping_mul(b) <= limit;
                }
                masks[0][sample] = bits(zero);
            }
        }
    }
    sums.0 = [a, b];
}

#[inline(always)]
fn add(sums: &mut [i16; LANES], row: &[i16; LANES]) {
    for (sum, weight) in sums.iter_mut().zip(row) {
        *sum = sum.wrapping_add(*weight);
    }
}

#[inline(always)]
fn subtract(sums: &mut [i16; LANES], row: &[i16; LANES]) {
    for (sum, weight) in sums.iter_mut().zip(row) {
        *sum = sum.wrapping_sub(*weight);
    }
}

/// Element i becomes bit i.
#[inline(always)]
fn bits(flags: [bool; LANES]) -> u64 {
    let mut word = 0;
    for (byte, flags) in flags.as_chunks::<8>().0.iter().enumerate() {
        // The product moves the lowest bits of the eight bytes, in order, into the top byte.
        let spread = u64::from_le_bytes(flags.map(u8::from));
        word |= (spread.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * byte);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_bits_in_order() {
        for bit in 0..LANES {
            let mut flags = [false; LANES];
            flags[bit] = true;
            assert_eq!(bits(flags), 1 << bit);
            assert_eq!(bits(flags.map(|flag| !flag)), !(1 << bit));
        }
    }
}
