//! Positions to zero planes under a layout.

use rayon::prelude::*;

use crate::chess::board::Board;
use crate::compute::{Backend, ComputeError};
use crate::nets::described::{Ft, Outputs, RawNet, row_lists};
use crate::nets::model::RowLists;
use crate::nets::stockfish::samples::SampleOrder;
use crate::planes::ZeroPlanes;

/// Positions of a batch.
const BATCH: usize = 1 << 15;

/// Samples of a word of planes.
const WORD: usize = 64;

/// Evaluates the feature transformer on all positions: as many samples a position as the layout has perspectives.
///
/// The backend computes where its arithmetic fits the layout, plain code on all threads otherwise. `progress` is told
/// how many positions more were evaluated.
///
/// # Errors
/// The backend failed.
pub fn planes(
    net: &RawNet,
    boards: &[Board],
    order: SampleOrder,
    backend: &dyn Backend,
    mut progress: impl FnMut(usize),
) -> Result<ZeroPlanes, ComputeError> {
    let ft = Ft::new(net);
    let input = net.layout().input();
    let mut planes = ZeroPlanes::new(net.layout().neurons(), input.perspectives() * boards.len());
    let rows = ft.kernel_rows();
    let mut evaluator = match rows
        .as_ref()
        .map(|rows| backend.ft_evaluator(rows.weights()))
    {
        Some(Ok(evaluator)) => Some(evaluator),
        // A device that lacks something, not one that failed.
        None | Some(Err(ComputeError::Unsupported(_))) => None,
        Some(Err(error)) => return Err(error),
    };
    for (number, boards) in boards.chunks(BATCH).enumerate() {
        let lists = row_lists(input, boards, order);
        let first = input.perspectives() * BATCH * number;
        match (&mut evaluator, &rows) {
            (Some(evaluator), Some(rows)) => {
                evaluator.ft_zeros(&rows.batch(lists), &mut planes, first)?;
            }
            _ => plain(&ft, &lists, &mut planes, first),
        }
        progress(boards.len());
    }
    Ok(planes)
}

fn plain(ft: &Ft, lists: &RowLists, planes: &mut ZeroPlanes, first: usize) {
    let samples = lists.offsets.len() - 1;
    let words: Vec<Vec<u64>> = (0..samples.div_ceil(WORD))
        .into_par_iter()
        .map(|word| {
            let mut bits = vec![0u64; planes.neurons()];
            for sample in word * WORD..samples.min((word + 1) * WORD) {
                let shift = sample % WORD;
                match ft.outputs(lists.list(sample)) {
                    Outputs::Integers(outputs) => set(&mut bits, &outputs, shift, |&it| it == 0),
                    Outputs::Floats(outputs) => set(&mut bits, &outputs, shift, |&it| it == 0.0),
                }
            }
            bits
        })
        .collect();
    let stride = planes.stride();
    let neurons = planes.words_mut().par_chunks_exact_mut(stride);
    neurons.enumerate().for_each(|(neuron, plane)| {
        let plane = &mut plane[first / WORD..];
        for (word, bits) in plane.iter_mut().zip(&words) {
            *word = bits[neuron];
        }
    });
}

fn set<T>(bits: &mut [u64], outputs: &[T], shift: usize, is_zero: impl Fn(&T) -> bool) {
    for (bits, output) in bits.iter_mut().zip(outputs) {
        *bits |= u64::from(is_zero(output)) << shift;
    }
}
