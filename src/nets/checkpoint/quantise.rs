//! Single precision to integers, with an account of what does not fit.

use super::ranges::Ranges;

/// `x + MAGIC` has units of one, so that the addition itself rounds half to even, for `|x| < 2^22`.
const MAGIC: f32 = 12_582_912.0;

/// Integer types of network files.
pub(super) trait Integer: Copy + Default + Send + Sync {
    const BITS: u32;
    /// Keeps the low bits.
    fn wrap(value: i32) -> Self;
}

impl Integer for i8 {
    const BITS: u32 = 8;

    fn wrap(value: i32) -> i8 {
        value as i8
    }
}

impl Integer for i16 {
    const BITS: u32 = 16;

    fn wrap(value: i32) -> i16 {
        value as i16
    }
}

impl Integer for i32 {
    const BITS: u32 = 32;

    fn wrap(value: i32) -> i32 {
        value
    }
}

/// Scales and rounds a row. Values outside of the limits are counted in `ranges`, whose next row this is; they wrap.
pub(super) fn quantise_row<T: Integer>(
    row: &[f32],
    scale: f32,
    limits: (i64, i64),
    out: &mut [T],
    ranges: &mut Ranges,
    index: &[usize],
) {
    debug_assert_eq!(row.len(), out.len());
    if T::BITS < 32 && fast(row, scale, (limits.0 as i32, limits.1 as i32), out) {
        return;
    }
    for (column, (&value, out)) in row.iter().zip(out).enumerate() {
        let rounded = (value * scale).round_ties_even();
        // A comparison that is false for what is no number.
        let fits = f64::from(rounded) >= limits.0 as f64 && f64::from(rounded) <= limits.1 as f64;
        if !fits {
            ranges.out_of_range(index, column, value, rounded);
        }
        *out = T::wrap(to_i32(rounded));
    }
}

/// Does it without looking at single values. False if one does not fit.
fn fast<T: Integer>(row: &[f32], scale: f32, (min, max): (i32, i32), out: &mut [T]) -> bool {
    let mut all_fit = true;
    for (&value, out) in row.iter().zip(out) {
        let scaled = value * scale;
        let rounded = ((scaled + MAGIC).to_bits() as i32).wrapping_sub(MAGIC.to_bits() as i32);
        all_fit &= (scaled.abs() < 4_000_000.0) & (rounded >= min) & (rounded <= max);
        *out = T::wrap(rounded);
    }
    all_fit
}

/// As x86-64 converts: everything that does not fit 32 bits, and what is no number, becomes the smallest integer.
fn to_i32(rounded: f32) -> i32 {
    if (-2_147_483_648.0..2_147_483_648.0).contains(&rounded) {
        rounded as i32
    } else {
        i32::MIN
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quantise<T: Integer>(row: &[f32], scale: f32, limits: (i64, i64)) -> (Vec<T>, Ranges) {
        let mut out = vec![T::default(); row.len()];
        let mut ranges = Ranges::new("t");
        quantise_row(row, scale, limits, &mut out, &mut ranges, &[7]);
        (out, ranges)
    }

    #[test]
    fn ties_go_to_even() {
        let row = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.499_999_97, 32766.5];
        let (out, ranges) = quantise::<i16>(&row, 1.0, (-32768, 32767));
        assert_eq!(out, [0, 2, 2, 0, -2, -2, 0, 32766]);
        assert_eq!(ranges.out_of_range, 0);
    }

    /// The reference's own examples of what its older version does.
    #[test]
    fn what_does_not_fit_wraps_and_is_counted() {
        let (out, ranges) = quantise::<i16>(
            &[40000.0, 1.0, 1e12, f32::NAN, -32768.0, 32767.5],
            1.0,
            (-32768, 32767),
        );
        assert_eq!(out, [-25536, 1, 0, 0, -32768, -32768]);
        assert_eq!((ranges.out_of_range, ranges.not_finite), (3, 1));
        assert_eq!(ranges.examples[0].index, [7, 0]);
        let (out, ranges) = quantise::<i8>(&[0.6], 255.0, (-128, 127));
        assert_eq!(out, [-103]);
        assert_eq!(ranges.examples[0].scaled, 153.0);
        let (out, ranges) = quantise::<i32>(
            &[2_147_483_648.0, -2_147_483_648.0],
            1.0,
            (i64::from(i32::MIN), i64::from(i32::MAX)),
        );
        assert_eq!(out, [i32::MIN, i32::MIN]);
        assert_eq!(ranges.out_of_range, 1);
    }

    proptest! {
        #[test]
        fn the_fast_way_is_the_slow_way(
            row in prop::collection::vec(-40_000.0f32..40_000.0, 1..40),
            half in any::<bool>(),
        ) {
            // Halves meet all ties.
            let row: Vec<f32> = row.iter().map(|x| if half { x.trunc() + 0.5 } else { *x }).collect();
            let slow: Vec<i16> = row.iter().map(|x| i16::wrap(to_i32((x * 1.0).round_ties_even()))).collect();
            let (out, ranges) = quantise::<i16>(&row, 1.0, (-32767, 32767));
            prop_assert_eq!(out, slow);
            let outside = row.iter().filter(|x| x.round_ties_even().abs() > 32767.0).count();
            prop_assert_eq!(ranges.out_of_range, outside);
        }
    }
}
