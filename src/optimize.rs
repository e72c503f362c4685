//! The main job in one call: planes, search, rates.

use std::time::{Duration, Instant};

use thiserror::Error;

use crate::board::Board;
use crate::bucket_weights::{BUCKETS, BucketWeights};
use crate::compute::{Backend, ComputeError, NeuronGroup, PlaneSet, WeightedPlanes};
use crate::gather::{PositionSamples, gather, gather_where_counted};
use crate::holdout::{BucketCounts, HoldoutRates, Measured};
use crate::nnue::Network;
use crate::permutation::Permutation;
use crate::positions::Positions;
use crate::samples::SampleOrder;
use crate::search::{
    Certificate, CertifyOptions, Control, SearchError, SearchOptions, SearchResult, certify_planes,
    search_planes,
};
use crate::zeros::ZeroPlanes;

/// A number of cells that are zero, of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub zero: u64,
    pub all: u64,
}

impl Share {
    /// As a fraction; 0 of nothing.
    pub fn fraction(self) -> f64 {
        if self.all == 0 {
            0.0
        } else {
            self.zero as f64 / self.all as f64
        }
    }
}

/// What [`optimize`] found.
#[derive(Clone, Debug)]
pub struct Plan {
    pub search: SearchResult,
    /// Samples searched on, whatever they weigh.
    pub samples: usize,
    /// Zero bytes in these samples; no permutation changes it.
    pub zero_bytes: Share,
    /// All-zero blocks before and after.
    pub before: Share,
    pub after: Share,
    /// On positions that the search did not see; `None` without any.
    pub holdout: Option<HoldoutRates>,
    /// On each of [`Job::compared`].
    pub compared: Vec<Option<HoldoutRates>>,
    /// The rates with every sample counted as often as it weighs, where there are weights.
    pub weighted: Option<WeightedRates>,
    /// Counts by bucket on the training positions, of all buckets that have some; known only where there are weights.
    pub buckets: Vec<BucketCounts>,
    /// The same on the held-out positions, always.
    pub holdout_buckets: Vec<BucketCounts>,
    /// What is known of how good the order is, if it was asked for.
    pub certificate: Option<Certificate>,
    /// Time of the evaluation and of the search.
    pub ft_time: Duration,
    pub search_time: Duration,
}

/// Shares of all-zero blocks with every sample counted as often as it weighs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightedRates {
    pub before: Share,
    pub after: Share,
    /// `None` if no held-out position weighs anything.
    pub holdout: Option<HoldoutRates>,
}

/// Why no plan was made.
#[derive(Debug, Error)]
pub enum OptimizeError {
    #[error(transparent)]
    Compute(#[from] ComputeError),
    #[error(transparent)]
    Search(#[from] SearchError),
}

/// What [`optimize`] works on.
#[derive(Clone, Debug)]
pub struct Job<'a> {
    pub network: &'a Network,
    /// Positions to search on.
    pub training: &'a [Board],
    /// Positions that the search does not see, and the game of each.
    pub holdout: &'a Positions,
    /// Other positions that the search does not see, each set to be measured on by itself.
    pub compared: &'a [Positions],
    /// How much positions of each bucket count in the search; all alike if `None`.
    pub weights: Option<BucketWeights>,
    pub search: SearchOptions,
    /// Check the result for local optimality and bound it from above.
    pub certify: bool,
    /// Ends the search after this time; the outcome then depends on the machine's speed.
    pub time_limit: Option<Duration>,
}

/// Evaluates the feature transformer on all positions and searches the best order on the training positions.
///
/// `ft_progress` is told how many positions more were evaluated.
///
/// # Errors
/// The backend failed, or there are no training positions.
pub fn optimize(
    job: &Job,
    backend: &dyn Backend,
    control: &mut Control,
    mut ft_progress: impl FnMut(usize),
) -> Result<Plan, OptimizeError> {
    let Job {
        network,
        training,
        holdout,
        ..
    } = *job;
    let started = Instant::now();
    let it = &network.architecture;
    let rows = network.ft_rows();
    let mut evaluator = backend.ft_evaluator(rows.weights())?;
    let by_bucket = job.weights.map(|_| boards_by_bucket(training));
    let parts: Vec<(u32, &[Board])> = match (&by_bucket, job.weights) {
        (Some(boards), Some(weights)) => {
            let boards = boards.iter().map(Vec::as_slice);
            weights.integers().into_iter().zip(boards).collect()
        }
        _ => vec![(1, training)],
    };
    let sources: Vec<PositionSamples> = parts
        .iter()
        .map(|&(_, boards)| PositionSamples {
            architecture: it,
            boards,
            order: SampleOrder::KingPlaces,
        })
        .collect();
    let progress = &mut ft_progress;
    let mut sets: Vec<(u32, Box<dyn PlaneSet>)> = Vec::new();
    for (&(weight, _), source) in parts.iter().zip(&sources) {
        let planes = gather_where_counted(backend, evaluator.as_mut(), source, &mut *progress)?;
        sets.push((weight, planes));
    }
    // Games are runs of positions, so these keep their order; the bootstrap wants them in the host's memory.
    let order = SampleOrder::Positions;
    let held: Vec<ZeroPlanes> = std::iter::once(holdout)
        .chain(job.compared)
        .map(|set| gather(it, evaluator.as_mut(), &set.boards, order, &mut *progress))
        .collect::<Result<_, _>>()?;
    drop(evaluator);
    let join = |weight: fn(u32) -> u32| {
        let sets = sets
            .iter()
            .map(|(of, planes)| (weight(*of), planes.as_ref()));
        WeightedPlanes::new(sets)
    };
    let weighted = join(|weight| weight)?;
    let planes = join(|weight| weight.min(1))?;
    let ft_time = started.elapsed();

    let started = Instant::now();
    control.deadline = job.time_limit.map(|limit| started + limit);
    let found = search_planes(&weighted, &job.search, control)?;
    let search_time = started.elapsed();

    let certificate = if job.certify {
        let options = CertifyOptions {
            seed: job.search.seed,
            ..CertifyOptions::default()
        };
        certify_planes(&weighted, &found.permutation, options, control)?
    } else {
        None
    };

    let neurons = it.neurons();
    let samples = planes.samples();
    let singles: Vec<NeuronGroup> = (0..neurons as u32)
        .map(|neuron| NeuronGroup::new(&[neuron]))
        .collect();
    let after = &found.permutation;
    let before = &Permutation::identity(neurons);
    let seed = job.search.seed;
    let measured: Vec<Measured> = held.iter().map(|held| Measured::new(held, after)).collect();
    let compared = job.compared.iter().zip(&measured[1..]);
    let weighted = match job.weights {
        Some(weights) => Some(WeightedRates {
            before: zero_blocks_of(&weighted, before)?,
            after: zero_blocks_of(&weighted, after)?,
            holdout: {
                let weight = |k: usize| weights.of(holdout.boards[k].bucket());
                measured[0].rates(&holdout.games, weight, seed)
            },
        }),
        None => None,
    };
    let mut buckets = Vec::new();
    if job.weights.is_some() {
        for (bucket, (_, planes)) in sets.iter().enumerate() {
            if planes.samples() > 0 {
                buckets.push(BucketCounts {
                    bucket,
                    samples: planes.samples(),
                    before: planes.zero_blocks(before.indices())?,
                    after: planes.zero_blocks(after.indices())?,
                });
            }
        }
    }
    Ok(Plan {
        samples: samples as usize,
        zero_bytes: Share {
            zero: planes.group_counts(&singles)?.iter().sum(),
            all: neurons as u64 * samples,
        },
        before: zero_blocks_of(&planes, before)?,
        after: zero_blocks_of(&planes, after)?,
        holdout: measured[0].rates(&holdout.games, |_| 1, seed),
        compared: compared
            .map(|(set, measured)| measured.rates(&set.games, |_| 1, seed))
            .collect(),
        weighted,
        buckets,
        holdout_buckets: measured[0].by_bucket(&holdout.boards),
        certificate,
        search: found,
        ft_time,
        search_time,
    })
}

fn boards_by_bucket(boards: &[Board]) -> [Vec<Board>; BUCKETS] {
    let mut parts: [Vec<Board>; BUCKETS] = Default::default();
    for board in boards {
        parts[board.bucket().min(BUCKETS - 1)].push(*board);
    }
    parts
}

fn zero_blocks_of(planes: &dyn PlaneSet, order: &Permutation) -> Result<Share, ComputeError> {
    Ok(Share {
        zero: planes.zero_blocks(order.indices())?,
        all: planes.neurons() as u64 / 4 * planes.samples(),
    })
}

/// All-zero blocks of planes in an order.
pub fn zero_blocks(planes: &ZeroPlanes, order: &Permutation) -> Share {
    Share {
        zero: planes.zero_blocks(order.indices()),
        all: (planes.neurons() / 4 * planes.samples()) as u64,
    }
}
