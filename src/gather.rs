//! Positions to zero planes, batch by batch.

use crate::board::Board;
use crate::compute::{ComputeError, FtEvaluator};
use crate::nnue::Architecture;
use crate::samples::{SampleOrder, sample_batch};
use crate::zeros::ZeroPlanes;

/// Positions of one batch: its row lists take some ten megabytes.
const BATCH: usize = 1 << 15;

/// Evaluates the feature transformer on all positions: two samples a position.
///
/// Inside each batch samples are sorted by the king's place ([`SampleOrder::KingPlaces`]), which no count depends on.
///
/// # Errors
/// Those of the evaluator.
pub fn gather(
    architecture: &Architecture,
    evaluator: &mut dyn FtEvaluator,
    boards: &[Board],
    order: SampleOrder,
    mut progress: impl FnMut(usize),
) -> Result<ZeroPlanes, ComputeError> {
    let mut planes = ZeroPlanes::new(architecture.neurons(), 2 * boards.len());
    for (number, boards) in boards.chunks(BATCH).enumerate() {
        let batch = sample_batch(architecture, boards, order);
        evaluator.ft_zeros(&batch, &mut planes, 2 * BATCH * number)?;
        progress(boards.len());
    }
    Ok(planes)
}
