//! Matrices of one byte a truth value to planes of one bit, read where they lie.

use anyhow::bail;
use ftperm::planes::ZeroPlanes;
use ftperm::planes::matrix::MatrixProblem;
use numpy::ndarray::ArrayView2;
use rayon::prelude::*;

/// Samples of a word of planes.
const WORD: usize = 64;

/// More neurons than any network has.
const MAX_NEURONS: usize = 1 << 16;

/// The planes of a matrix, 1 where an output is zero: `[samples][neurons]` for one perspective, or, for two,
/// `[positions][2 * neurons]`, the side to move's outputs before its opponent's. Then sample 2n is the first half of
/// row n, and sample 2n + 1 the second. Any strides will do; rows or columns without gaps are fastest.
///
/// # Errors
/// A value is neither 0 nor 1, or the shape is none of a matrix.
pub fn planes_of(matrix: ArrayView2<u8>, perspectives: usize) -> anyhow::Result<ZeroPlanes> {
    let (rows, columns) = matrix.dim();
    if !(1..=2).contains(&perspectives) {
        bail!("{perspectives} perspectives: a position is seen by one side or by two");
    }
    let neurons = columns / perspectives;
    if columns == 0 || !columns.is_multiple_of(perspectives) || neurons > MAX_NEURONS {
        return Err(MatrixProblem::Outputs(columns as u64).into());
    }
    let mut planes = ZeroPlanes::new(neurons, perspectives * rows);
    let seen = if matrix.is_standard_layout() {
        of_rows(matrix, perspectives, &mut planes)
    } else {
        of_columns(matrix, perspectives, &mut planes)
    };
    if seen > 1 {
        return Err(first_wrong(matrix).into());
    }
    Ok(planes)
}

/// Reads rows that have no gaps. Returns all values together, by or.
fn of_rows(matrix: ArrayView2<u8>, perspectives: usize, planes: &mut ZeroPlanes) -> u8 {
    let (rows, neurons) = (matrix.nrows(), planes.neurons());
    let (samples, stride) = (planes.samples(), planes.stride());
    let values = matrix.as_slice().unwrap_or_default();
    let words: Vec<(Vec<u64>, u8)> = (0..samples.div_ceil(WORD))
        .into_par_iter()
        .map(|word| {
            let mut bits = vec![0u64; neurons];
            let mut seen = vec![0u8; neurons];
            let first = word * WORD / perspectives;
            let last = rows.min(first + WORD / perspectives);
            let samples = values[first * perspectives * neurons..last * perspectives * neurons]
                .chunks_exact(neurons);
            for (shift, sample) in samples.enumerate() {
                for ((bits, seen), &value) in bits.iter_mut().zip(&mut seen).zip(sample) {
                    *bits |= u64::from(value) << shift;
                    *seen |= value;
                }
            }
            (bits, seen.iter().fold(0, |all, value| all | value))
        })
        .collect();
    let seen = words.iter().fold(0, |all, (_, seen)| all | seen);
    if seen <= 1 {
        let planes = planes.words_mut().par_chunks_exact_mut(stride);
        planes.enumerate().for_each(|(neuron, plane)| {
            for (word, (bits, _)) in plane.iter_mut().zip(&words) {
                *word = bits[neuron];
            }
        });
    }
    seen
}

/// Reads column by column, whatever the strides. Returns all values together, by or.
fn of_columns(matrix: ArrayView2<u8>, perspectives: usize, planes: &mut ZeroPlanes) -> u8 {
    let (neurons, stride) = (planes.neurons(), planes.stride());
    let planes = planes.words_mut().par_chunks_exact_mut(stride);
    let seen = planes.enumerate().map(|(neuron, plane)| {
        let mut seen = 0;
        for side in 0..perspectives {
            let column = matrix.column(side * neurons + neuron);
            for (row, &value) in column.iter().enumerate() {
                let sample = perspectives * row + side;
                plane[sample / WORD] |= u64::from(value & 1) << (sample % WORD);
                seen |= value;
            }
        }
        seen
    });
    seen.reduce(|| 0, |all, seen| all | seen)
}

/// The first value that is none.
fn first_wrong(matrix: ArrayView2<u8>) -> MatrixProblem {
    let found = matrix.indexed_iter().find(|(_, value)| **value > 1);
    let ((position, output), &value) = found.unwrap_or(((0, 0), &0));
    MatrixProblem::Value {
        position,
        output,
        value,
    }
}
