//! Feature transformer weights in the order that `ft_zeros.wgsl` reads them.

use rayon::prelude::*;

use super::device::Context;
use crate::compute::ComputeError;
use crate::nets::model::{Activation, FtWeights};

/// Columns of half "a" of a slice, and of half "b".
const HALF: usize = 64;

/// Bytes of a row in a slice: 16-bit and 8-bit weights.
pub(super) const WIDE_ROW_BYTES: u64 = 4 * HALF as u64;
pub(super) const NARROW_ROW_BYTES: u64 = 2 * HALF as u64;

/// Some slices of columns, as many as fit in a buffer.
#[derive(Debug)]
pub(super) struct ColumnGroup {
    pub first_slice: usize,
    pub slices: usize,
    pub bias: wgpu::Buffer,
    pub wide: wgpu::Buffer,
    pub narrow: wgpu::Buffer,
}

/// Checks that weights have the shape they say.
pub(super) fn check(weights: &FtWeights) -> Result<(), ComputeError> {
    let l1 = weights.l1;
    let wrong = if l1 == 0 || !l1.is_multiple_of(8) {
        Some(format!("{l1} accumulator columns are not a multiple of 8"))
    } else if weights.bias.len() != l1 {
        Some(format!("{} biases for {l1} columns", weights.bias.len()))
    } else if !weights.wide.len().is_multiple_of(l1) || !weights.narrow.len().is_multiple_of(l1) {
        Some(format!("weights are not whole rows of {l1} columns"))
    } else {
        let (Activation::Clipped { clamp } | Activation::Pairwise { clamp, .. }) =
            weights.activation;
        (clamp < 0).then(|| format!("accumulators cannot be clamped to 0..={clamp}"))
    };
    wrong.map_or(Ok(()), |it| Err(ComputeError::Unsupported(it)))
}

/// The columns of both halves of a slice. Ranges past the last column are cut.
fn halves(weights: &FtWeights, slice: usize) -> [std::ops::Range<usize>; 2] {
    let l1 = weights.l1;
    match weights.activation {
        Activation::Clipped { .. } => {
            let a = 2 * HALF * slice;
            let middle = (a + HALF).min(l1);
            [a..middle, middle..(a + 2 * HALF).min(l1)]
        }
        Activation::Pairwise { .. } => {
            let a = HALF * slice..(HALF * (slice + 1)).min(l1 / 2);
            let b = l1 / 2 + a.start..l1 / 2 + a.end;
            [a, b]
        }
    }
}

fn wide_row(row: &[i16], halves: &[std::ops::Range<usize>; 2], out: &mut [u8]) {
    out.fill(0);
    for (half, out) in halves.iter().zip(out.chunks_exact_mut(2 * HALF)) {
        let bytes: &[u8] = bytemuck::cast_slice(&row[half.clone()]);
        out[..bytes.len()].copy_from_slice(bytes);
    }
}

fn narrow_row(row: &[i8], halves: &[std::ops::Range<usize>; 2], out: &mut [u8]) {
    // Vector i of a row holds eight columns of half a, then eight of half b.
    out.fill(0x80);
    for (place, half) in halves.iter().enumerate() {
        for (i, four) in row[half.clone()].chunks_exact(4).enumerate() {
            let [a, b, c, d] = [0, 1, 2, 3].map(|k| four[k] as u8 ^ 0x80);
            let at = i / 2 * 16 + place * 8 + i % 2 * 4;
            // Byte 2 of a word becomes the high half of the even places, which is the second column.
            out[at..at + 4].copy_from_slice(&[a, c, b, d]);
        }
    }
}

pub(super) fn upload(
    context: &Context,
    weights: &FtWeights,
) -> Result<Vec<ColumnGroup>, ComputeError> {
    let slices = match weights.activation {
        Activation::Clipped { .. } => weights.l1.div_ceil(2 * HALF),
        Activation::Pairwise { .. } => (weights.l1 / 2).div_ceil(HALF),
    };
    let wide_rows = weights.wide.len() / weights.l1;
    let narrow_rows = weights.narrow.len() / weights.l1;
    let slice_bytes =
        (wide_rows as u64 * WIDE_ROW_BYTES).max(narrow_rows as u64 * NARROW_ROW_BYTES);
    let per_group = context
        .limits
        .buffer_bytes
        .checked_div(slice_bytes)
        .map_or(slices, |it| (it as usize).min(slices));
    if per_group == 0 {
        return Err(ComputeError::Unsupported(format!(
            "{}: {wide_rows} + {narrow_rows} feature rows do not fit in buffers of {} bytes",
            context.adapter(),
            context.limits.buffer_bytes
        )));
    }

    let mut groups = Vec::new();
    for first_slice in (0..slices).step_by(per_group) {
        let slices = per_group.min(slices - first_slice);
        let bias = context.storage("bias", slices as u64 * WIDE_ROW_BYTES)?;
        context.upload(&bias, WIDE_ROW_BYTES, slices as u64, |first, rows| {
            for (i, out) in rows.chunks_exact_mut(WIDE_ROW_BYTES as usize).enumerate() {
                let slice = first_slice + first as usize + i;
                wide_row(weights.bias, &halves(weights, slice), out);
            }
        })?;

        // Row i of a buffer is feature i % features of slice i / features.
        let count = (slices * wide_rows) as u64;
        let wide = context.storage("wide weights", count * WIDE_ROW_BYTES)?;
        context.upload(&wide, WIDE_ROW_BYTES, count, |first, rows| {
            rows.par_chunks_exact_mut(WIDE_ROW_BYTES as usize)
                .enumerate()
                .for_each(|(i, out)| {
                    let i = first as usize + i;
                    let row = &weights.wide[i % wide_rows * weights.l1..][..weights.l1];
                    wide_row(row, &halves(weights, first_slice + i / wide_rows), out);
                });
        })?;

        let count = (slices * narrow_rows) as u64;
        let narrow = context.storage("narrow weights", count * NARROW_ROW_BYTES)?;
        context.upload(&narrow, NARROW_ROW_BYTES, count, |first, rows| {
            rows.par_chunks_exact_mut(NARROW_ROW_BYTES as usize)
                .enumerate()
                .for_each(|(i, out)| {
                    let i = first as usize + i;
                    let row = &weights.narrow[i % narrow_rows * weights.l1..][..weights.l1];
                    narrow_row(row, &halves(weights, first_slice + i / narrow_rows), out);
                });
        })?;
        groups.push(ColumnGroup {
            first_slice,
            slices,
            bias,
            wide,
            narrow,
        });
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(l1: usize, activation: Activation) -> FtWeights<'static> {
        FtWeights {
            l1,
            activation,
            bias: &[],
            wide: &[],
            narrow: &[],
        }
    }

    #[test]
    fn slices_cover_every_column_once() {
        let clipped = Activation::Clipped { clamp: 127 };
        let pairwise = Activation::Pairwise {
            clamp: 127,
            shift: 7,
        };
        for l1 in [64, 128, 192, 1024, 3072] {
            for activation in [clipped, pairwise] {
                let weights = weights(l1, activation);
                let slices = match activation {
                    Activation::Clipped { .. } => l1.div_ceil(128),
                    Activation::Pairwise { .. } => (l1 / 2).div_ceil(64),
                };
                let mut columns: Vec<usize> = (0..slices)
                    .flat_map(|slice| halves(&weights, slice))
                    .flatten()
                    .collect();
                columns.sort_unstable();
                assert!(columns.into_iter().eq(0..l1));
            }
        }
    }

    #[test]
    fn narrow_bytes_are_biased_and_swapped() {
        let row: Vec<i8> = (0..128).map(|i| i as i8).collect();
        let mut out = [0; NARROW_ROW_BYTES as usize];
        narrow_row(&row, &[0..64, 64..128], &mut out);
        // Columns 0 to 7 of half a, then columns 64 to 71.
        let expected = [0, 2, 1, 3, 4, 6, 5, 7, 64, 66, 65, 67, 68, 70, 69, 71];
        assert_eq!(out[..16], expected.map(|it| it + 128));
        assert_eq!(out[16], 8 + 128);
    }
}
