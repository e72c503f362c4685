//! Plain Rust in loops of fixed length, which compilers vectorise for any target.

use super::{LANES, Masks, Slice, WordLists, ZeroTest};

/// The zero bits of 1 to 64 samples. Nothing is unchecked here: wrong rows would panic.
pub(super) fn masks(slice: Slice<'_>, lists: WordLists<'_>, test: ZeroTest, masks: &mut Masks) {
    for (sample, ends) in lists.wide_offsets.windows(2).enumerate() {
        let [mut a, mut b] = [[0i16; LANES]; 2];
        if let Some(&[first, last]) = lists.narrow_offsets.get(sample..sample + 2) {
            for &row in &lists.narrow_rows[first as usize..last as usize] {
                let lanes = &slice.narrow[row as usize].0;
                for ((a, b), &lane) in a.iter_mut().zip(&mut b).zip(lanes) {
                    *a = a.wrapping_add(lane);
                    *b = b.wrapping_add(lane >> 8);
                }
            }
            let excess = (last - first).wrapping_mul(128) as i16;
            for (a, b) in a.iter_mut().zip(&b) {
                *a = a.wrapping_sub(b << 8).wrapping_sub(excess);
            }
        }
        add(&mut a, &slice.bias.0[0]);
        add(&mut b, &slice.bias.0[1]);
        for &row in &lists.wide_rows[ends[0] as usize..ends[1] as usize] {
            let row = &slice.wide[row as usize].0;
            add(&mut a, &row[0]);
            add(&mut b, &row[1]);
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
}

#[inline(always)]
fn add(sums: &mut [i16; LANES], row: &[i16; LANES]) {
    for (sum, weight) in sums.iter_mut().zip(row) {
        *sum = sum.wrapping_add(*weight);
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
