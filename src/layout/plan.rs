//! The main job under a layout: planes, search, rates.

use std::time::{Duration, Instant};

use super::lanes::{LaneOrder, first_layer_sizes, lane_order_suspicion};
use super::net::RawNet;
use super::planes::planes;
use crate::board::Board;
use crate::compute::{Backend, ComputeError, HostPlanes};
use crate::optimize::{
    Evaluated, Held, Making, OptimizeError, Plan, PlanesRoom, Shape, Training, make, sets, spill,
};
use crate::positions::Positions;
use crate::samples::SampleOrder;
use crate::search::{Control, SearchOptions};

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
    /// Memory for planes, and where they go if that is too little; `None` for as much as it takes.
    pub room: Option<PlanesRoom<'a>>,
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
    let making = Making {
        neurons: job.net.layout().neurons(),
        holdout: job.holdout,
        compared: job.compared,
        weights: None,
        search: &job.search,
        certify: job.certify,
        time_limit: job.time_limit,
        room: job.room,
    };
    let mut planes_of =
        |boards: &[Board], order| planes(job.net, boards, order, backend, &mut ft_progress);
    let sets = job.sets();
    let (training, held) = (sets[0], &sets[1..]);
    let evaluated = match job.room.filter(|_| job.spilled_bytes().is_some()) {
        Some(room) => spill(job.shape(), training, held, room, &mut planes_of)?.into(),
        None => {
            let training = planes_of(training, SampleOrder::KingPlaces)?;
            // Games are runs of positions, so these keep their order.
            let held = held.iter().map(|boards| {
                let planes = planes_of(boards, SampleOrder::Positions)?;
                Ok(Held::InMemory(planes))
            });
            let held = held.collect::<Result<_, ComputeError>>()?;
            let planes = HostPlanes::new(backend, vec![training]);
            Evaluated {
                training: Training::InMemory(vec![(None, Box::new(planes))]),
                held,
            }
        }
    };
    let (plan, zeros) = make(&making, evaluated, backend, control, started.elapsed())?;
    let shares: Vec<f64> = zeros.iter().map(|&zero| zero as f64).collect();
    let suspicion = lane_order_suspicion(&shares, &first_layer_sizes(job.net));
    Ok(LayoutPlan { plan, suspicion })
}

impl LayoutJob<'_> {
    /// As [`Job::spilled_bytes`](crate::optimize::Job::spilled_bytes).
    pub fn spilled_bytes(&self) -> Option<u64> {
        self.shape().excess(&self.sets(), self.room)
    }

    /// The training positions, the held-out ones, and the other sets.
    fn sets(&self) -> Vec<&[Board]> {
        sets(self.training, self.holdout, self.compared)
    }

    fn shape(&self) -> Shape {
        let layout = self.net.layout();
        Shape {
            neurons: layout.neurons(),
            perspectives: layout.input().perspectives(),
            // The weights as numbers, and the kernels' copy of them.
            evaluator_bytes: 2 * self.net.bytes().len() as u64,
        }
    }
}
