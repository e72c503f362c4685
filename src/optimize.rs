//! The main job in one call: planes, search, rates.

use std::time::{Duration, Instant};

use thiserror::Error;

use crate::board::Board;
use crate::compute::{Backend, ComputeError};
use crate::gather::gather;
use crate::nnue::Network;
use crate::permutation::Permutation;
use crate::samples::SampleOrder;
use crate::search::{Control, SearchError, SearchOptions, SearchResult, search};
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
    /// The same on positions that the search did not see; `None` without any.
    pub holdout: Option<(Share, Share)>,
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
    /// Positions that the search does not see.
    pub holdout: &'a [Board],
    pub search: SearchOptions,
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
    let mut planes_of = |boards: &[Board]| {
        gather(
            it,
            evaluator.as_mut(),
            boards,
            SampleOrder::KingPlaces,
            &mut ft_progress,
        )
    };
    let training = [planes_of(training)?];
    let holdout = planes_of(holdout)?;
    drop(evaluator);
    let ft_time = started.elapsed();

    let started = Instant::now();
    control.deadline = job.time_limit.map(|limit| started + limit);
    let found = search(backend, &training, &job.search, control)?;
    let search_time = started.elapsed();

    let [training] = training;
    let identity = Permutation::identity(it.neurons());
    let zero: u64 = training.zero_counts().iter().sum();
    let cells = (training.neurons() * training.samples()) as u64;
    let rate = |planes: &ZeroPlanes, order: &Permutation| zero_blocks(planes, order);
    let held = (holdout.samples() > 0).then(|| {
        (
            rate(&holdout, &identity),
            rate(&holdout, &found.permutation),
        )
    });
    Ok(Plan {
        samples: training.samples(),
        zero_bytes: Share { zero, all: cells },
        before: rate(&training, &identity),
        after: rate(&training, &found.permutation),
        holdout: held,
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
