//! The main job in one call: planes, search, rates.

use std::time::{Duration, Instant};

use thiserror::Error;

use crate::board::Board;
use crate::compute::{Backend, ComputeError, NeuronGroup};
use crate::gather::{PositionSamples, gather, gather_where_counted};
use crate::holdout::{HoldoutRates, measure};
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
    /// Samples searched on.
    pub samples: usize,
    /// Zero bytes in these samples; no permutation changes it.
    pub zero_bytes: Share,
    /// All-zero blocks before and after.
    pub before: Share,
    pub after: Share,
    /// On positions that the search did not see; `None` without any.
    pub holdout: Option<HoldoutRates>,
    /// What is known of how good the order is, if it was asked for.
    pub certificate: Option<Certificate>,
    /// Time of the evaluation and of the search.
    pub ft_time: Duration,
    pub search_time: Duration,
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
    let source = PositionSamples {
        architecture: it,
        boards: training,
        order: SampleOrder::KingPlaces,
    };
    let progress = &mut ft_progress;
    let planes = gather_where_counted(backend, evaluator.as_mut(), &source, &mut *progress)?;
    // Games are runs of positions, so these keep their order; the bootstrap wants them in the host's memory.
    let order = SampleOrder::Positions;
    let held = gather(it, evaluator.as_mut(), &holdout.boards, order, progress)?;
    drop(evaluator);
    let ft_time = started.elapsed();

    let started = Instant::now();
    control.deadline = job.time_limit.map(|limit| started + limit);
    let found = search_planes(planes.as_ref(), &job.search, control)?;
    let search_time = started.elapsed();

    let certificate = if job.certify {
        let options = CertifyOptions {
            seed: job.search.seed,
            ..CertifyOptions::default()
        };
        certify_planes(planes.as_ref(), &found.permutation, options, control)?
    } else {
        None
    };

    let neurons = it.neurons();
    let samples = planes.samples();
    let singles: Vec<NeuronGroup> = (0..neurons as u32)
        .map(|neuron| NeuronGroup::new(&[neuron]))
        .collect();
    let zero_blocks = |order: &Permutation| -> Result<Share, ComputeError> {
        Ok(Share {
            zero: planes.zero_blocks(order.indices())?,
            all: neurons as u64 / 4 * samples,
        })
    };
    Ok(Plan {
        samples: samples as usize,
        zero_bytes: Share {
            zero: planes.group_counts(&singles)?.iter().sum(),
            all: neurons as u64 * samples,
        },
        before: zero_blocks(&Permutation::identity(neurons))?,
        after: zero_blocks(&found.permutation)?,
        holdout: measure(&held, &holdout.games, &found.permutation, job.search.seed),
        certificate,
        search: found,
        ft_time,
        search_time,
    })
}

/// All-zero blocks of planes in an order.
pub fn zero_blocks(planes: &ZeroPlanes, order: &Permutation) -> Share {
    Share {
        zero: planes.zero_blocks(order.indices()),
        all: (planes.neurons() / 4 * planes.samples()) as u64,
    }
}
