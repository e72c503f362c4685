//! The main job under a layout: planes, search, rates.

use std::time::Instant;

use super::{Evaluated, Footprint, Held, Making, OptimizeError, Plan, Task, Training, make, spill};
use crate::chess::board::Board;
use crate::compute::{Backend, ComputeError, HostPlanes};
use crate::nets::described::{LaneOrder, Layout, RawNet, first_layer_sizes, lane_order_suspicion};

mod planes;

use crate::nets::stockfish::samples::SampleOrder;
use crate::search::Control;
pub use planes::planes;

/// What [`plan`] works on.
#[derive(Clone, Debug)]
pub struct LayoutJob<'a> {
    pub net: &'a RawNet,
    pub task: Task<'a>,
}

/// What [`plan`] found.
#[derive(Clone, Debug)]
pub struct LayoutPlan {
    pub plan: Plan,
    /// The lane order in which the feature transformer seems to be stored; see [`lane_order_suspicion`].
    pub suspicion: Option<LaneOrder>,
}

/// As [`optimize`](crate::run::optimize), for a network of another engine.
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
        task: &job.task,
        footprint: job.footprint(),
        weights: None,
    };
    let mut planes_of =
        |boards: &[Board], order| planes(job.net, boards, order, backend, &mut ft_progress);
    let sets = job.task.sets();
    let (training, held) = (sets[0], &sets[1..]);
    let evaluated = match job.task.room.filter(|_| job.spilled_bytes().is_some()) {
        Some(room) => spill(making.footprint, training, held, room, &mut planes_of)?.into(),
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
    /// As [`Job::spilled_bytes`](crate::run::Job::spilled_bytes).
    pub fn spilled_bytes(&self) -> Option<u64> {
        self.footprint().excess(&self.task)
    }

    fn footprint(&self) -> Footprint {
        Footprint::of_layout(self.net.layout())
    }
}

impl Footprint {
    /// That of a network that has this layout.
    #[must_use]
    pub fn of_layout(layout: &Layout) -> Footprint {
        Footprint {
            neurons: layout.neurons(),
            perspectives: layout.input().perspectives(),
            // The weights as numbers, and the kernels' copy of them.
            evaluator_bytes: 2 * layout.len as u64,
            rows: layout.input().max_active(),
            copies_positions: false,
        }
    }
}
