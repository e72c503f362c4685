//! How often neurons and blocks are zero, by bucket, on some positions.

use serde::Serialize;

use crate::chess::board::Board;
use crate::compute::{Backend, ComputeError};
use crate::nets::model::{Model, SampleOrder};
use crate::nets::stockfish::Network;
use crate::order::Permutation;
use crate::planes::ZeroPlanes;
use crate::report::measures::{BlockRates, CoZeroMap, NeuronMeasures, co_zero_map};
use crate::run::gather::Evaluator;

/// Zeros of neurons and blocks of four.
#[derive(Clone, Debug, Serialize)]
pub struct ZeroNumbers {
    pub positions: usize,
    /// One a perspective.
    pub samples: usize,
    /// Neurons that are zero in every sample, and in none.
    pub dead: Vec<u32>,
    pub never_zero: Vec<u32>,
    /// Number of neurons by their share of zeros: equal intervals from 0 to 1.
    pub histogram: Vec<u64>,
    /// Buckets without positions are left out.
    pub buckets: Vec<BucketZeros>,
    /// Of the network's order, and of the one that was given, else the same again.
    pub co_zero_map: CoZeroMap,
}

/// Zeros in the samples of a bucket.
#[derive(Clone, Debug, Serialize)]
pub struct BucketZeros {
    pub bucket: usize,
    pub positions: usize,
    pub samples: usize,
    /// Samples in which each neuron is zero.
    pub neurons: Vec<u64>,
    /// Samples in which each block is zero, in the network's order.
    pub blocks: Vec<u64>,
    /// The same in the order that was given.
    pub blocks_after: Option<Vec<u64>>,
}

impl ZeroNumbers {
    /// Evaluates positions. `order` is another order of the neurons, one entry each.
    ///
    /// # Errors
    /// The backend failed.
    pub fn measure(
        network: &Network,
        backend: &dyn Backend,
        boards: &[Board],
        order: Option<&Permutation>,
    ) -> Result<ZeroNumbers, ComputeError> {
        let stacks = network.stacks.len();
        let mut by_bucket = vec![Vec::new(); stacks];
        for board in boards {
            by_bucket[Model::bucket(network, board).min(stacks - 1)].push(*board);
        }
        let source = network.ft_source();
        let mut evaluator = Evaluator::new(network.shape(), source.as_ref(), backend)?;
        let mut buckets = Vec::new();
        let mut planes = Vec::new();
        let filled = by_bucket.iter().enumerate();
        for (bucket, boards) in filled.filter(|(_, boards)| !boards.is_empty()) {
            let found = evaluator.planes(boards, SampleOrder::Positions, |_| {})?;
            buckets.push(BucketZeros {
                bucket,
                positions: boards.len(),
                samples: found.samples(),
                neurons: found.zero_counts(),
                blocks: blocks(&found, &Permutation::identity(found.neurons())),
                blocks_after: order.map(|order| blocks(&found, order)),
            });
            planes.push(found);
        }
        drop(evaluator);
        if planes.is_empty() {
            planes.push(ZeroPlanes::new(network.architecture.neurons(), 0));
        }
        let neurons = NeuronMeasures::new(&planes);
        let identity = Permutation::identity(network.architecture.neurons());
        let order = order.unwrap_or(&identity);
        let rates = BlockRates::new(&planes, order);
        Ok(ZeroNumbers {
            positions: boards.len(),
            samples: neurons.samples,
            dead: neurons.dead,
            never_zero: neurons.never_zero,
            histogram: neurons.histogram,
            co_zero_map: co_zero_map(backend, &planes, order, &rates)?,
            buckets,
        })
    }

    /// Samples in which each neuron is zero, in all buckets.
    pub fn neurons(&self) -> Vec<u64> {
        let mut all = Vec::new();
        for bucket in &self.buckets {
            all.resize(bucket.neurons.len(), 0);
            for (sum, count) in all.iter_mut().zip(&bucket.neurons) {
                *sum += count;
            }
        }
        all
    }
}

/// Samples in which each block of an order is zero.
fn blocks(planes: &ZeroPlanes, order: &Permutation) -> Vec<u64> {
    let blocks = order.indices().chunks_exact(4);
    blocks.map(|block| planes.zero_blocks(block)).collect()
}
