//! The two heavy computations behind traits: feature transformer evaluation to zero planes, and co-zero counts.
//!
//! [`cpu`] and [`gpu`] implement both with stages of the same names that give the same integers. A [`PlaneSet`] is what
//! a search counts on; it need not know whether the planes are in the host's memory ([`HostPlanes`]), on adapters or in
//! files ([`DiskPlanes`]).
//!
//! ```
//! use ftperm::compute::cpu::CpuBackend;
//! use ftperm::compute::{Backend as _, NeuronGroup};
//! use ftperm::planes::ZeroPlanes;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Neuron n is zero in every sample that n + 1 divides.
//! let mut planes = ZeroPlanes::new(4, 60);
//! for neuron in 0..4 {
//!     (0..60).filter(|sample| sample % (neuron + 1) == 0).for_each(|sample| planes.set(neuron, sample));
//! }
//! let backend = CpuBackend::new(None)?;
//! let chunks = [planes];
//! let mut counter = backend.co_zero_counter(&chunks)?;
//! // In how many samples are neurons 1 and 2 zero together with 0, and with 3?
//! let left = [NeuronGroup::new(&[1, 2])];
//! let right = [NeuronGroup::new(&[0]), NeuronGroup::new(&[3])];
//! let mut counts = Vec::new();
//! counter.co_zero_counts(&left, &right, &mut counts)?;
//! assert_eq!(counts, [10, 5]);
//! # Ok(())
//! # }
//! ```

use thiserror::Error;

use crate::nets::model::{FtWeights, SampleBatch};
use crate::planes::{PlaneSource, PlanesFileError, ZeroPlanes};
use subsample::Share;

/// Up to four neurons whose planes are combined by AND.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeuronGroup {
    neurons: [u32; 4],
    len: u8,
}

impl NeuronGroup {
    /// # Panics
    /// If there are no neurons or more than four.
    pub fn new(neurons: &[u32]) -> NeuronGroup {
        assert!(
            (1..=4).contains(&neurons.len()),
            "a group has 1 to 4 neurons"
        );
        let mut group = NeuronGroup {
            // Repeating a neuron does not change an AND, so kernels may always take all four.
            neurons: [neurons[0]; 4],
            len: neurons.len() as u8,
        };
        group.neurons[..neurons.len()].copy_from_slice(neurons);
        group
    }

    /// A group for each of so many neurons.
    pub fn singles(neurons: usize) -> Vec<NeuronGroup> {
        let neurons = 0..neurons as u32;
        neurons.map(|neuron| NeuronGroup::new(&[neuron])).collect()
    }

    pub fn neurons(&self) -> &[u32] {
        &self.neurons[..usize::from(self.len)]
    }

    /// Four neurons, the first one repeated where the group is smaller: the same AND.
    pub fn padded(&self) -> [u32; 4] {
        self.neurons
    }
}

/// Samples in batches that can be asked for in any order and more than once, always with the same answer.
pub trait SampleSource: Sync {
    /// Samples of all batches.
    fn samples(&self) -> usize;

    /// How many batches there are.
    fn batches(&self) -> usize;

    /// Samples before a batch, a multiple of 64.
    fn first_sample(&self, number: usize) -> usize;

    /// Batch `number`, counted from 0.
    fn batch(&self, number: usize) -> SampleBatch;
}

/// Evaluates one network's feature transformer on batches of samples.
pub trait FtEvaluator {
    /// Writes the zero bits of a batch into samples `first_sample..` of the planes.
    ///
    /// `first_sample` is a multiple of 64. Only words that hold samples of this batch are written.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    fn ft_zeros(
        &mut self,
        batch: &SampleBatch,
        planes: &mut ZeroPlanes,
        first_sample: usize,
    ) -> Result<(), ComputeError>;

    /// Evaluates all batches into planes that stay where the evaluator computes; `None` where that is the host's
    /// memory, which [`ft_zeros`](Self::ft_zeros) writes to.
    ///
    /// `progress` is told how many samples more were evaluated.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    fn planes_that_stay<'p>(
        &mut self,
        source: &'p dyn SampleSource,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Option<Box<dyn PlaneSet + 'p>>, ComputeError>
    where
        Self: 'p,
    {
        let _ = (source, progress);
        Ok(None)
    }
}

/// Zero planes, wherever they are.
///
/// All numbers are sums over samples and all choices are made by what a sample is, so the samples may be in any order
/// and spread over any number of places.
pub trait PlaneSet {
    fn neurons(&self) -> usize;

    fn samples(&self) -> u64;

    /// Something that counts on these planes.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    fn counter(&self) -> Result<Box<dyn CoZeroCounter + '_>, ComputeError>;

    /// The part of the samples that [`Subsample`](subsample::Subsample) chooses for a share.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    fn part(&self, share: Share) -> Result<Box<dyn PlaneSet + '_>, ComputeError>;

    /// For every group the number of samples in which all its neurons are zero.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    fn group_counts(&self, groups: &[NeuronGroup]) -> Result<Vec<u64>, ComputeError>;

    /// In how many samples each neuron is zero.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    fn zero_counts(&self) -> Result<Vec<u64>, ComputeError> {
        self.group_counts(&NeuronGroup::singles(self.neurons()))
    }

    /// The planes as words that the host can read; `None` where they are on an adapter.
    fn sources(&self) -> Option<Vec<&dyn PlaneSource>> {
        None
    }

    /// Would a search first have to bring the planes into memory?
    fn is_on_disk(&self) -> bool {
        false
    }

    /// Number of (sample, block) cells whose four outputs are all zero, for neurons placed in this order: the score of
    /// `docs/notes/eras.md`, section 10.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    fn zero_blocks(&self, order: &[u32]) -> Result<u64, ComputeError> {
        let blocks: Vec<NeuronGroup> = order.chunks_exact(4).map(NeuronGroup::new).collect();
        Ok(self.group_counts(&blocks)?.iter().sum())
    }
}

/// Pairs of 64-bit words that one core counts in a fraction of a second.
const WORDS_AT_ONCE: u64 = 1 << 31;

/// Counts that are wanted, as [`CoZeroCounter::co_zero_counts`] takes and gives them.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub left: Vec<NeuronGroup>,
    pub right: Vec<NeuronGroup>,
    pub counts: Vec<u32>,
}

/// Counts over planes that were handed to a backend once.
pub trait CoZeroCounter {
    fn neurons(&self) -> usize;

    /// All samples of all chunks.
    fn samples(&self) -> u64;

    /// How many left groups a call should have that counts them against `columns` right ones: as many as are counted in
    /// a fraction of a second without much waste, from 1 to `most`. Results do not depend on it.
    fn rows_at_once(&self, columns: usize, most: usize) -> usize {
        let words_per_row = self.samples().div_ceil(64).saturating_mul(columns as u64);
        let rows = WORDS_AT_ONCE / words_per_row.max(1);
        usize::try_from(rows)
            .unwrap_or(most)
            .max(8)
            .min(most)
            .max(1)
    }

    /// `counts[l * right.len() + r]` = number of samples in which every neuron of `left[l]` and every neuron of
    /// `right[r]` is zero. `counts` is resized and overwritten.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    fn co_zero_counts(
        &mut self,
        left: &[NeuronGroup],
        right: &[NeuronGroup],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError>;

    /// Stage `listed_counts`: for every left group, of three neurons at most, its counts with the neurons of its own
    /// list, one list after the other. `counts` is resized and overwritten.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    #[doc(hidden)]
    fn listed_counts(
        &mut self,
        left: &[NeuronGroup],
        lists: &[Vec<u32>],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        let mut of_group = Vec::new();
        counts.clear();
        for (group, list) in left.iter().zip(lists) {
            let list: Vec<NeuronGroup> = list.iter().map(|&n| NeuronGroup::new(&[n])).collect();
            self.co_zero_counts(std::slice::from_ref(group), &list, &mut of_group)?;
            counts.append(&mut of_group);
        }
        Ok(())
    }

    /// As [`co_zero_counts`](Self::co_zero_counts), for several that are wanted at once: adapters do them in one go.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    #[doc(hidden)]
    fn all_co_zero_counts(&mut self, wanted: &mut [Wanted]) -> Result<(), ComputeError> {
        for one in wanted {
            self.co_zero_counts(&one.left, &one.right, &mut one.counts)?;
        }
        Ok(())
    }
}

/// Something that computes: the processor, or a graphics adapter.
pub trait Backend {
    /// `cpu` or `gpu`.
    fn name(&self) -> &'static str;

    /// The instruction set or the adapter, for people.
    fn adapter(&self) -> String;

    /// Prepares a network.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    fn ft_evaluator<'a>(
        &'a self,
        weights: FtWeights<'a>,
    ) -> Result<Box<dyn FtEvaluator + 'a>, ComputeError>;

    /// Prepares planes for counting. Several chunks of samples of the same neurons count as one set.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    fn co_zero_counter<'a>(
        &'a self,
        chunks: &'a [ZeroPlanes],
    ) -> Result<Box<dyn CoZeroCounter + 'a>, ComputeError>;
}

/// Why a computation could not be done.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ComputeError {
    #[error("no graphics adapter: {0}")]
    NoAdapter(String),
    #[error("{adapter}: out of memory: {message}")]
    OutOfMemory { adapter: String, message: String },
    #[error("{adapter}: {message}")]
    Device { adapter: String, message: String },
    #[error("{0}")]
    Unsupported(String),
    #[error(transparent)]
    Planes(#[from] PlanesFileError),
}

#[doc(hidden)]
pub mod choice;
pub mod cpu;
mod disk;
mod fallback;
#[cfg(feature = "gpu")]
pub mod gpu;
mod host;
pub mod subsample;
mod weighted;

pub use disk::DiskPlanes;
pub use fallback::FallbackBackend;
pub use host::HostPlanes;
pub(crate) use host::evaluate_all;
pub use weighted::WeightedPlanes;
