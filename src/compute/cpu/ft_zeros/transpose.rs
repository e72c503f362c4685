//! 64 x 64 bits, rows to columns.

/// Bit j of word i becomes bit i of word j.
///
/// Swaps the off-diagonal quarters of ever smaller squares (Hacker's Delight, section 7-3).
#[inline]
pub(super) fn transpose(bits: &mut [u64; 64]) {
    step::<32>(bits, 0x0000_0000_ffff_ffff);
    step::<16>(bits, 0x0000_ffff_0000_ffff);
    step::<8>(bits, 0x00ff_00ff_00ff_00ff);
    step::<4>(bits, 0x0f0f_0f0f_0f0f_0f0f);
    step::<2>(bits, 0x3333_3333_3333_3333);
    step::<1>(bits, 0x5555_5555_5555_5555);
}

#[inline(always)]
fn step<const SIDE: usize>(bits: &mut [u64; 64], low: u64) {
    for square in bits.chunks_exact_mut(2 * SIDE) {
        let (upper, lower) = square.split_at_mut(SIDE);
        for (a, b) in upper.iter_mut().zip(lower) {
            let swapped = (*a >> SIDE ^ *b) & low;
            *a ^= swapped << SIDE;
            *b ^= swapped;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::transpose;

    #[test]
    fn every_bit_moves_to_its_place() {
        for row in 0..64 {
            for column in 0..64 {
                let mut bits = [0; 64];
                bits[row] = 1 << column;
                transpose(&mut bits);
                let mut expected = [0; 64];
                expected[column] = 1 << row;
                assert_eq!(bits, expected);
            }
        }
    }
}
