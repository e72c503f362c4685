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
    for sample in lists.numbers() {
        let fresh = lists.is_fresh(sample);
        if fresh {
            [a, b] = slice.bias.0;
        }
        if let Some(places) = lists.narrow.places(sample) {
            let rows = &lists.narrow.rows[places];
            let [mut lanes, mut upper] = [[0i16; LANES]; 2];
            if fresh {
                for &row in rows {
                    let row = &slice.narrow[row as usize].0;
                    for ((lanes, upper), &lane) in lanes.iter_mut().zip(&mut upper).zip(row) {
                        *lanes = lanes.wrapping_add(lane);
                        *upper = upper.wrapping_add(lane >> 8);
                    }
                }
                let excess = narrow_excess(rows.len());
                for lanes in &mut lanes {
                    *lanes = lanes.wrapping_sub(excess);
                }
            } else {
                for rows in rows.as_chunks::<2>().0 {
                    let [added, gone] = rows.map(|row| &slice.narrow[row as usize].0);
                    let sums = lanes.iter_mut().zip(&mut upper);
                    for ((lanes, upper), (&added, &gone)) in sums.zip(added.iter().zip(gone)) {
                        *lanes = lanes.wrapping_add(added).wrapping_sub(gone);
                        *upper = upper.wrapping_add((added >> 8) - (gone >> 8));
                    }
                }
            }
            for ((a, b), (lanes, upper)) in a.iter_mut().zip(&mut b).zip(lanes.iter().zip(&upper)) {
                *a = a.wrapping_add(lanes.wrapping_sub(upper << 8));
                *b = b.wrapping_add(*upper);
            }
        }
        let rows = &lists.wide.rows[lists.wide.places(sample).unwrap_or_default()];
        if fresh {
            for &row in rows {
                let row = &slice.wide[row as usize].0;
                add(&mut a, &row[0]);
                add(&mut b, &row[1]);
            }
        } else {
            for rows in rows.as_chunks::<2>().0 {
                let [added, gone] = rows.map(|row| &slice.wide[row as usize].0);
                change(&mut a, &added[0], &gone[0]);
                change(&mut b, &added[1], &gone[1]);
            }
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
fn change(sums: &mut [i16; LANES], added: &[i16; LANES], gone: &[i16; LANES]) {
    for (sum, (added, gone)) in sums.iter_mut().zip(added.iter().zip(gone)) {
        *sum = sum.wrapping_add(*added).wrapping_sub(*gone);
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
