//! The main job under a layout: planes, search, rates.

use std::time::{Duration, Instant};

use super::lanes::{LaneOrder, first_layer_sizes, lane_order_suspicion};
use super::net::RawNet;
use super::planes::{Sorting, planes};
use crate::board::Board;
use crate::compute::Backend;
use crate::holdout::{HoldoutRates, Measured};
use crate::optimize::{OptimizeError, Plan, Share, zero_blocks};
use crate::permutation::Permutation;
use crate::positions::Positions;
use crate::search::{CertifyOptions, Control, SearchOptions, certify, search};
use crate::zeros::ZeroPlanes;

/// What [`plan`] works on.
#[derive(Clone, Debug)]
pub struct LayoutJob<'a> {
    pub net: &'a RawNet,
    /// Positions to search on.
    pub training: &'a [Board],
    /// Positions that the search does not see, and the game of each.
    pub holdout: &'a Positions,
    /// Other positions that the search does not see, each set to be measured on by itself.
    pub compared: &'a [Positions],
    pub search: SearchOptions,
    /// Check the result for local optimality and bound it from above.
    pub certify: bool,
    /// Ends the search after this time; the outcome then depends on the machine's speed.
    pub time_limit: Option<Duration>,
}

/// What [`plan`] found.
#[derive(Clone, Debug)]
pub struct LayoutPlan {
    pub plan: Plan,
    /// The lane order in which the feature transformer seems to be stored; see [`lane_order_suspicion`].
    pub suspicion: Option<LaneOrder>,
}

/// As [`optimize`](crate::optimize::optimize), for a network of another engine.
///
/// `ft_progress` is told how many positions more were evaluated.
///
/// # Errors
/// The backend failed, or there are no training positions.
pub fn plan(
    job: &LayoutJob,
    backend: &dyn Backend,
    control: &mut Control,
    mut ft_progress: impl FnMut(usize),
) -> Result<LayoutPlan, OptimizeError> {
    let started = Instant::now();
    let mut planes_of =
        |boards: &[Board], sorting| planes(job.net, boards, sorting, backend, &mut ft_progress);
    let training = [planes_of(job.training, Sorting::KingPlaces)?];
    // Games are runs of positions, so these keep their order.
    let mut in_order = |set: &Positions| planes_of(&set.boards, Sorting::Positions);
    let held = in_order(job.holdout)?;
    let compared: Vec<ZeroPlanes> = job
        .compared
        .iter()
        .map(in_order)
        .collect::<Result<_, _>>()?;
    let ft_time = started.elapsed();

    let started = Instant::now();
    control.deadline = job.time_limit.map(|limit| started + limit);
    let found = search(backend, &training, &job.search, control)?;
    let search_time = started.elapsed();

    let certificate = if job.certify {
        let options = CertifyOptions {
            seed: job.search.seed,
            ..CertifyOptions::default()
        };
        certify(backend, &training, &found.permutation, options, control)?
    } else {
        None
    };

    let [training] = training;
    let identity = Permutation::identity(training.neurons());
    let zeros = training.zero_counts();
    let shares: Vec<f64> = zeros.iter().map(|&zero| zero as f64).collect();
    let suspicion = lane_order_suspicion(&shares, &first_layer_sizes(job.net));
    let order = &found.permutation;
    let rates = |measured: &Measured, set: &Positions| -> Option<HoldoutRates> {
        measured.rates(&set.games, |_| 1, job.search.seed)
    };
    let held = Measured::new(&held, order);
    let plan = Plan {
        samples: training.samples(),
        zero_bytes: Share {
            zero: zeros.iter().sum(),
            all: (training.neurons() * training.samples()) as u64,
        },
        before: zero_blocks(&training, &identity),
        after: zero_blocks(&training, order),
        holdout: rates(&held, job.holdout),
        compared: compared
            .iter()
            .zip(job.compared)
            .map(|(planes, set)| rates(&Measured::new(planes, order), set))
            .collect(),
        weighted: None,
        buckets: Vec::new(),
        holdout_buckets: held.by_bucket(&job.holdout.boards),
        certificate,
        search: found,
        ft_time,
        search_time,
    };
    Ok(LayoutPlan { plan, suspicion })
}
