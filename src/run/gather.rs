//! Positions to zero planes, batch by batch, for any model.
//!
//! ```
//! use ftperm::chess::random_games::random_positions;
//! use ftperm::compute::cpu::CpuBackend;
//! use ftperm::nets::model::SampleOrder;
//! use ftperm::nets::stockfish::inference::evaluate;
//! use ftperm::nets::stockfish::{Network, ReadOptions};
//! use ftperm::run::gather::gather;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let network = Network::read("datasets/demo.nnue".as_ref(), &ReadOptions::default())?;
//! let boards = random_positions(1, 100);
//! let backend = CpuBackend::new(None)?;
//! let planes = gather(&network, &backend, &boards, SampleOrder::Positions, |_| {})?;
//! // Two samples a position, and as many zeros as the plain forward pass finds.
//! assert_eq!((planes.neurons(), planes.samples()), (64, 200));
//! let zeros: u64 = planes.zero_counts().iter().sum();
//! let plain = boards.iter().map(|board| evaluate(&network, board).zero_bytes() as u64);
//! assert_eq!(zeros, plain.sum::<u64>());
//! # Ok(())
//! # }
//! ```

use rayon::prelude::*;

use crate::chess::board::Board;
use crate::compute::{
    Backend, ComputeError, FtEvaluator, HostPlanes, PlaneSet, SampleSource, evaluate_all,
};
use crate::nets::model::{FtSource, Model, PlainZeros, SampleBatch, SampleOrder, Shape};
use crate::planes::ZeroPlanes;

/// Positions of one batch: its row lists take some ten megabytes.
pub(super) const BATCH: usize = 1 << 15;

/// Samples of a word of planes.
const WORD: usize = 64;

/// The samples of positions, as many each as the model has perspectives, in batches.
#[derive(Clone, Copy)]
pub struct PositionSamples<'a> {
    source: &'a dyn FtSource,
    perspectives: usize,
    boards: &'a [Board],
    order: SampleOrder,
}

impl SampleSource for PositionSamples<'_> {
    fn samples(&self) -> usize {
        self.perspectives * self.boards.len()
    }

    fn batches(&self) -> usize {
        self.boards.len().div_ceil(BATCH)
    }

    fn first_sample(&self, number: usize) -> usize {
        self.perspectives * BATCH * number
    }

    fn batch(&self, number: usize) -> SampleBatch {
        let first = BATCH * number;
        let boards = &self.boards[first..(first + BATCH).min(self.boards.len())];
        self.source.samples(boards, self.order)
    }
}

/// Evaluates a model's feature transformer: by the kernels of a backend, or by plain code on all threads where no
/// kernel computes as the model's engines do.
pub struct Evaluator<'a> {
    source: &'a dyn FtSource,
    shape: Shape,
    backend: &'a dyn Backend,
    evaluator: Box<dyn FtEvaluator + 'a>,
}

impl<'a> Evaluator<'a> {
    /// `source` is the model's [`ft_source`](Model::ft_source).
    ///
    /// # Errors
    /// The backend failed, or lacks something and there is no plain code.
    pub fn new(
        shape: Shape,
        source: &'a dyn FtSource,
        backend: &'a dyn Backend,
    ) -> Result<Evaluator<'a>, ComputeError> {
        let none = || ComputeError::Unsupported("the model has no weights for kernels".to_owned());
        let kernels = source
            .weights()
            .map(|weights| backend.ft_evaluator(weights));
        let evaluator = match (kernels.unwrap_or_else(|| Err(none())), source.plain()) {
            // A device that lacks something, not one that failed.
            (Err(ComputeError::Unsupported(_)), Some(plain)) => Box::new(PlainEvaluator(plain)),
            (kernels, _) => kernels?,
        };
        Ok(Evaluator {
            source,
            shape,
            backend,
            evaluator,
        })
    }

    /// The samples of positions.
    pub fn samples(&self, boards: &'a [Board], order: SampleOrder) -> PositionSamples<'a> {
        PositionSamples {
            source: self.source,
            perspectives: self.shape.perspectives,
            boards,
            order,
        }
    }

    /// Planes of all positions, in the host's memory. `progress` is told how many positions more were evaluated.
    ///
    /// # Errors
    /// The backend failed.
    pub fn planes(
        &mut self,
        boards: &[Board],
        order: SampleOrder,
        mut progress: impl FnMut(usize),
    ) -> Result<ZeroPlanes, ComputeError> {
        let perspectives = self.shape.perspectives;
        let samples = PositionSamples {
            source: self.source,
            perspectives,
            boards,
            order,
        };
        let mut progress = |samples| progress(samples / perspectives);
        let evaluator = self.evaluator.as_mut();
        evaluate_all(self.shape.neurons, evaluator, &samples, &mut progress)
    }

    /// As [`planes`](Self::planes), but the planes stay where the backend counts them.
    ///
    /// # Errors
    /// The backend failed.
    pub fn planes_where_counted<'p>(
        &mut self,
        samples: &'p PositionSamples<'p>,
        mut progress: impl FnMut(usize),
    ) -> Result<Box<dyn PlaneSet + 'p>, ComputeError>
    where
        'a: 'p,
    {
        let perspectives = self.shape.perspectives;
        let mut in_samples = |samples| progress(samples / perspectives);
        if let Some(planes) = self.evaluator.planes_that_stay(samples, &mut in_samples)? {
            return Ok(planes);
        }
        let planes = self.planes(samples.boards, samples.order, progress)?;
        Ok(Box::new(HostPlanes::new(self.backend, vec![planes])))
    }
}

/// The planes of some positions: [`Evaluator`] for one call.
///
/// # Errors
/// The backend failed.
pub fn gather(
    model: &dyn Model,
    backend: &dyn Backend,
    boards: &[Board],
    order: SampleOrder,
    progress: impl FnMut(usize),
) -> Result<ZeroPlanes, ComputeError> {
    let source = model.ft_source();
    let mut evaluator = Evaluator::new(model.shape(), source.as_ref(), backend)?;
    evaluator.planes(boards, order, progress)
}

/// Plain code on all threads, in the place of kernels.
struct PlainEvaluator<'a>(&'a dyn PlainZeros);

impl FtEvaluator for PlainEvaluator<'_> {
    fn ft_zeros(
        &mut self,
        batch: &SampleBatch,
        planes: &mut ZeroPlanes,
        first_sample: usize,
    ) -> Result<(), ComputeError> {
        let neurons = planes.neurons();
        let words: Vec<Vec<u64>> = (0..batch.samples.div_ceil(WORD))
            .into_par_iter()
            .map(|word| {
                let mut bits = vec![0u64; neurons];
                for sample in word * WORD..batch.samples.min((word + 1) * WORD) {
                    let mut zero = |neuron: usize| bits[neuron] |= 1 << (sample % WORD);
                    self.0.zeros(batch, sample, &mut zero);
                }
                bits
            })
            .collect();
        let (first, stride) = (first_sample / WORD, planes.stride());
        let all = planes.words_mut().par_chunks_exact_mut(stride);
        all.enumerate().for_each(|(neuron, plane)| {
            for (word, bits) in plane[first..].iter_mut().zip(&words) {
                *word = bits[neuron];
            }
        });
        Ok(())
    }
}
