//! Positions to zero planes, batch by batch.
//!
//! ```
//! use ftperm::compute::Backend as _;
//! use ftperm::compute::cpu::CpuBackend;
//! use ftperm::run::gather::gather;
//! use ftperm::nets::stockfish::inference::evaluate;
//! use ftperm::nets::stockfish::{Network, ReadOptions};
//! use ftperm::chess::random_games::random_positions;
//! use ftperm::nets::stockfish::samples::SampleOrder;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let network = Network::read("datasets/demo.nnue".as_ref(), &ReadOptions::default())?;
//! let boards = random_positions(1, 100);
//! let backend = CpuBackend::new(None)?;
//! let rows = network.ft_rows();
//! let mut evaluator = backend.ft_evaluator(rows.weights())?;
//! let it = &network.architecture;
//! let planes = gather(it, evaluator.as_mut(), &boards, SampleOrder::Positions, |_| {})?;
//! // Two samples a position, and as many zeros as the plain forward pass finds.
//! assert_eq!((planes.neurons(), planes.samples()), (64, 200));
//! let zeros: u64 = planes.zero_counts().iter().sum();
//! let plain = boards.iter().map(|board| evaluate(&network, board).zero_bytes() as u64);
//! assert_eq!(zeros, plain.sum::<u64>());
//! # Ok(())
//! # }
//! ```

use crate::chess::board::Board;
use crate::compute::{
    Backend, ComputeError, FtEvaluator, HostPlanes, PlaneSet, SampleSource, evaluate_all,
};
use crate::nets::model::SampleBatch;
use crate::nets::stockfish::Architecture;
use crate::nets::stockfish::samples::{SampleOrder, sample_batch};
use crate::planes::ZeroPlanes;

/// Positions of one batch: its row lists take some ten megabytes.
const BATCH: usize = 1 << 15;

/// The samples of positions, two each, in batches.
///
/// Inside each batch samples are sorted by the king's place ([`SampleOrder::KingPlaces`]), which no count depends on.
#[derive(Clone, Copy, Debug)]
pub struct PositionSamples<'a> {
    pub architecture: &'a Architecture,
    pub boards: &'a [Board],
    pub order: SampleOrder,
}

impl SampleSource for PositionSamples<'_> {
    fn samples(&self) -> usize {
        2 * self.boards.len()
    }

    fn batches(&self) -> usize {
        self.boards.len().div_ceil(BATCH)
    }

    fn first_sample(&self, number: usize) -> usize {
        2 * BATCH * number
    }

    fn batch(&self, number: usize) -> SampleBatch {
        let first = BATCH * number;
        let boards = &self.boards[first..(first + BATCH).min(self.boards.len())];
        sample_batch(self.architecture, boards, self.order)
    }
}

/// Evaluates the feature transformer on all positions: two samples a position.
///
/// `progress` is told how many positions more were evaluated.
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
    let source = PositionSamples {
        architecture,
        boards,
        order,
    };
    evaluate_all(architecture.neurons(), evaluator, &source, &mut |samples| {
        progress(samples / 2);
    })
}

/// As [`gather`], but the planes stay where `backend`, whose evaluator this is, counts them.
///
/// # Errors
/// Those of the evaluator.
pub fn gather_where_counted<'a>(
    backend: &'a dyn Backend,
    evaluator: &mut (dyn FtEvaluator + 'a),
    source: &'a PositionSamples<'a>,
    mut progress: impl FnMut(usize),
) -> Result<Box<dyn PlaneSet + 'a>, ComputeError> {
    let mut progress = |samples| progress(samples / 2);
    if let Some(planes) = evaluator.planes_that_stay(source, &mut progress)? {
        return Ok(planes);
    }
    let neurons = source.architecture.neurons();
    let planes = evaluate_all(neurons, evaluator, source, &mut progress)?;
    Ok(Box::new(HostPlanes::new(backend, vec![planes])))
}
