//! The main job in one call: planes, search, rates.

use std::time::{Duration, Instant};

use thiserror::Error;

use crate::chess::board::Board;
use crate::compute::{Backend, ComputeError, PlaneSet};
use crate::nets::stockfish::Network;
use crate::nets::stockfish::samples::SampleOrder;
use crate::planes::{LoadError, PlanesFileError, SpillError};
use crate::positions::bucket_weights::{BUCKETS, BucketWeights, Fitted};
use crate::run::gather::{PositionSamples, gather, gather_where_counted};
use crate::run::holdout::{BucketCounts, HoldoutRates};
use crate::search::{Certificate, Control, MAX_SAMPLES, SearchError, SearchResult};

pub mod described;
mod footprint;
pub mod gather;
pub mod holdout;
mod plan;
mod spill;
mod task;

pub use footprint::Footprint;
pub use spill::PlanesRoom;
pub use task::Task;

pub(crate) use plan::{Evaluated, Held, Making, Training, make};
pub(crate) use spill::spill;

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
    /// Samples of the training positions that weigh something. The search counted on all of them, or on the part that
    /// [`spilled`](Plan::spilled) tells.
    pub samples: usize,
    /// Zero bytes in these samples; no permutation changes it.
    pub zero_bytes: Share,
    /// All-zero blocks before and after.
    pub before: Share,
    pub after: Share,
    /// On positions that the search did not see; `None` without any.
    pub holdout: Option<HoldoutRates>,
    /// On each of [`Task::compared`].
    pub compared: Vec<Option<HoldoutRates>>,
    /// The rates with every sample counted as often as it weighs, where there are weights.
    pub weighted: Option<WeightedRates>,
    /// Counts by bucket on the training positions, of all buckets that have some; known only where there are weights.
    pub buckets: Vec<BucketCounts>,
    /// The same on the held-out positions, always.
    pub holdout_buckets: Vec<BucketCounts>,
    /// What is known of how good the order is, if it was asked for.
    pub certificate: Option<Certificate>,
    /// Whether the planes were too large for memory.
    pub spilled: Option<SpilledSearch>,
    /// Time of the evaluation, the search and the certificate.
    pub ft_time: Duration,
    pub search_time: Duration,
    pub certify_time: Duration,
}

impl Plan {
    /// Does the order have more zero blocks, weighted as the search weighs them: on positions that the search did not
    /// see, or, where there are none, on those that it saw?
    pub fn is_improvement(&self) -> bool {
        let (before, after, holdout) = match &self.weighted {
            Some(weighted) => (weighted.before, weighted.after, weighted.holdout),
            None => (self.before, self.after, self.holdout),
        };
        match holdout {
            Some(rates) => rates.after > rates.before,
            None => after.fraction() > before.fraction(),
        }
    }
}

/// Shares of all-zero blocks with every sample counted as often as it weighs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightedRates {
    pub before: Share,
    pub after: Share,
    /// `None` if no held-out position weighs anything.
    pub holdout: Option<HoldoutRates>,
}

/// A search on planes in a temporary file, of which as much as fits was brought into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpilledSearch {
    /// Memory that the planes of all training samples would take.
    pub bytes: u64,
    /// Samples in memory, which the search counted on. All rates are those of all samples.
    pub samples_searched: u64,
    /// The order to begin with is kept, because it is better on all samples.
    pub start_is_better: bool,
}

/// Why no plan was made.
#[derive(Debug, Error)]
pub enum OptimizeError {
    #[error(transparent)]
    Compute(#[from] ComputeError),
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error(transparent)]
    Spill(#[from] SpillError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Planes(#[from] PlanesFileError),
}

/// What [`optimize`] works on.
#[derive(Clone, Debug)]
pub struct Job<'a> {
    pub network: &'a Network,
    pub task: Task<'a>,
    /// How much positions of each bucket count in the search; all alike if `None`.
    pub weights: Option<BucketWeights>,
}

impl Job<'_> {
    /// Memory that the planes of all positions take, if they go to a temporary file: because it is more than
    /// [`room`](Task::room) has, or because the search [can only count a part](Fitted::Part) of the samples.
    pub fn spilled_bytes(&self) -> Option<u64> {
        let footprint = self.footprint();
        let in_part = self.task.room.is_some() && self.fitted_weights() == Fitted::Part;
        let planes = in_part.then(|| footprint.planes(&self.task.sets()));
        planes.or_else(|| footprint.excess(&self.task))
    }

    /// How the weights are used on so many samples.
    #[must_use]
    pub fn fitted_weights(&self) -> Fitted {
        let Some(weights) = self.weights else {
            return Fitted::Same;
        };
        let mut samples = [0; BUCKETS];
        for board in self.task.training {
            samples[board.bucket()] += 2;
        }
        weights.fitted(&samples, MAX_SAMPLES)
    }

    fn footprint(&self) -> Footprint {
        Footprint {
            copies_positions: self.weights.is_some(),
            ..Footprint::of(self.network)
        }
    }
}

/// Evaluates the feature transformer on all positions and searches the best order on the training positions.
///
/// `ft_progress` is told how many positions more were evaluated.
///
/// # Errors
/// The backend failed, there are no training positions, or planes that do not fit in memory could not be put into a
/// temporary file.
pub fn optimize(
    job: &Job,
    backend: &dyn Backend,
    control: &mut Control,
    mut ft_progress: impl FnMut(usize),
) -> Result<Plan, OptimizeError> {
    let started = Instant::now();
    let it = &job.network.architecture;
    let footprint = job.footprint();
    let making = Making {
        task: &job.task,
        footprint,
        weights: job.weights.map(|it| job.fitted_weights().or(it)),
    };
    let rows = job.network.ft_rows();
    let mut evaluator = backend.ft_evaluator(rows.weights())?;
    let progress = &mut ft_progress;
    let sets = job.task.sets();
    let (training, held) = (sets[0], &sets[1..]);
    if let Some(room) = job.task.room.filter(|_| job.spilled_bytes().is_some()) {
        let spilled = spill(footprint, training, held, room, |boards, order| {
            gather(it, evaluator.as_mut(), boards, order, &mut *progress)
        })?;
        drop(evaluator);
        let plan = make(&making, spilled.into(), backend, control, started.elapsed());
        return Ok(plan?.0);
    }
    let sorted = job.weights.map(|_| {
        let mut boards = training.to_vec();
        boards.sort_by_key(Board::bucket);
        boards
    });
    let parts: Vec<(Option<usize>, &[Board])> = match &sorted {
        Some(boards) => boards
            .chunk_by(|a, b| a.bucket() == b.bucket())
            .map(|boards| (Some(boards[0].bucket()), boards))
            .collect(),
        None => vec![(None, training)],
    };
    let sources: Vec<PositionSamples> = parts
        .iter()
        .map(|&(_, boards)| PositionSamples {
            architecture: it,
            boards,
            order: SampleOrder::KingPlaces,
        })
        .collect();
    let mut sets: Vec<(Option<usize>, Box<dyn PlaneSet>)> = Vec::new();
    for (&(bucket, _), source) in parts.iter().zip(&sources) {
        let planes = gather_where_counted(backend, evaluator.as_mut(), source, &mut *progress)?;
        sets.push((bucket, planes));
    }
    // Games are runs of positions, so these keep their order; the bootstrap wants them in the host's memory.
    let order = SampleOrder::Positions;
    let held = held
        .iter()
        .map(|boards| {
            let planes = gather(it, evaluator.as_mut(), boards, order, &mut *progress)?;
            Ok(Held::InMemory(planes))
        })
        .collect::<Result<_, ComputeError>>()?;
    drop(evaluator);
    let evaluated = Evaluated {
        training: Training::InMemory(sets),
        held,
    };
    Ok(make(&making, evaluated, backend, control, started.elapsed())?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::random_games::random_positions;
    use crate::compute::cpu::CpuBackend;
    use crate::nets::stockfish::ReadOptions;
    use crate::order::Permutation;
    use crate::planes::{PlaneGroups, SampleGroup, Spill, ZeroPlanes};
    use crate::positions::Positions;
    use crate::search::{Effort, SearchOptions, room, search_and_rate, table_bytes};

    /// Positions of so many games, a position each.
    fn positions(seed: u64, count: usize) -> Positions {
        Positions {
            boards: random_positions(seed, count),
            games: (0..count as u32).collect(),
            ..Positions::default()
        }
    }

    #[test]
    fn weights_are_rounded_before_samples_are_left_out() {
        let network = Network::read("datasets/demo.nnue".as_ref(), &ReadOptions::default());
        let network = network.unwrap();
        let backend = CpuBackend::new(Some(1)).unwrap();
        let (training, holdout) = (positions(4, 400).boards, Positions::default());
        let folder = tempfile::tempdir().unwrap();
        let room = PlanesRoom {
            bytes: 1 << 30,
            folder: folder.path(),
        };
        let with = |first: &str| {
            // Thousands of thousandths: 800 samples weigh more than 2^28.
            let rest: Vec<String> = (1..8).map(|it| format!("{it}=1000")).collect();
            let text = format!("0={first},{}", rest.join(","));
            let job = Job {
                network: &network,
                task: Task {
                    room: Some(room),
                    ..Task::new(&training, &holdout)
                },
                weights: Some(BucketWeights::parse(&text).unwrap()),
            };
            let plan = optimize(&job, &backend, &mut Control::default(), |_| {}).unwrap();
            (job.fitted_weights(), job.spilled_bytes(), plan)
        };
        let (fitted, spilled, plan) = with("333.333");
        let Fitted::Rounded(rounded) = fitted else {
            panic!("{fitted:?}");
        };
        let [third, rest, ..] = rounded.integers().map(u64::from);
        assert!(third.abs_diff(rest / 3) <= 1, "{third} {rest}");
        assert_eq!((spilled, plan.spilled), (None, None));
        assert!(plan.samples == 800 && plan.search.samples <= MAX_SAMPLES);
        assert!(plan.search.samples > MAX_SAMPLES / 100 * 99);
        // Here rounding would change what the first bucket weighs, so a part is taken.
        let (fitted, spilled, plan) = with("0.001");
        assert_eq!(fitted, Fitted::Part);
        assert!(spilled.is_some());
        let searched = plan.spilled.unwrap().samples_searched;
        assert!(plan.samples == 800 && (1..700).contains(&searched));
    }

    #[test]
    fn planes_in_a_temporary_file_give_the_same_plan() {
        let network = Network::read("datasets/demo.nnue".as_ref(), &ReadOptions::default());
        let network = network.unwrap();
        let backend = CpuBackend::new(Some(1)).unwrap();
        let (training, holdout) = (positions(1, 1500).boards, positions(2, 300));
        let compared = [positions(3, 200)];
        let folder = tempfile::tempdir().unwrap();
        let search = SearchOptions {
            effort: Effort::Quick,
            ..SearchOptions::default()
        };
        let task = Task {
            compared: &compared,
            search: search.clone(),
            certify: true,
            ..Task::new(&training, &holdout)
        };
        let job = Job {
            network: &network,
            task: task.clone(),
            weights: None,
        };
        let with = |bytes: u64, weights: Option<&str>| {
            let room = PlanesRoom {
                bytes,
                folder: folder.path(),
            };
            let job = Job {
                weights: weights.map(|it| BucketWeights::parse(it).unwrap()),
                task: Task {
                    room: Some(room),
                    ..task.clone()
                },
                ..job
            };
            let mut evaluated = 0;
            let plan = optimize(&job, &backend, &mut Control::default(), |it| {
                evaluated += it
            });
            assert_eq!(evaluated, 2000);
            (job.spilled_bytes().is_some(), plan.unwrap())
        };
        let planes = |samples| ZeroPlanes::bytes_for(64, samples);
        let all = planes(3000) + planes(600) + planes(400);
        for weights in [None, Some("0=0,1=0,4=2.5")] {
            // The positions are copied to be weighed.
            let copied = weights.map_or(0, |_| 32 * 1500);
            let needed = job.footprint().evaluating(all) + copied;
            let (spills, plain) = with(needed, weights);
            assert!(!spills && plain.spilled.is_none());
            let (spills, spilled) = with(needed - 1, weights);
            assert!(spills);
            let told = spilled.spilled.unwrap();
            assert_eq!(told.samples_searched, spilled.samples as u64);
            let same = |plan: &Plan| {
                let known = (plan.zero_bytes, plan.before, plan.after, plan.samples);
                let held = (
                    plan.holdout,
                    plan.compared.clone(),
                    plan.holdout_buckets.clone(),
                );
                let searched = (plan.search.permutation.clone(), plan.search.score);
                (known, held, searched, plan.weighted, plan.buckets.clone())
            };
            assert_eq!(same(&spilled), same(&plain));
            let bound = |plan: &Plan| plan.certificate.as_ref().unwrap().upper_bound;
            assert_eq!(bound(&spilled), bound(&plain));
        }

        // With less memory the order is what `find` finds with as much on what `gather` gathers.
        let bytes = table_bytes(64) + planes(3000) / 3;
        let (_, part) = with(bytes, None);
        let told = part.spilled.unwrap();
        assert!(told.samples_searched < 1200 && told.bytes == planes(3000));
        let rows = network.ft_rows();
        let mut evaluator = backend.ft_evaluator(rows.weights()).unwrap();
        let order = SampleOrder::KingPlaces;
        let gathered = gather(
            &network.architecture,
            evaluator.as_mut(),
            &training,
            order,
            |_| {},
        );
        let gathered = gathered.unwrap();
        let before = gathered.zero_blocks(Permutation::identity(64).indices());
        let after = gathered.zero_blocks(part.search.permutation.indices());
        assert_eq!((part.before.zero, part.after.zero), (before, after));
        let mut file = Spill::create(folder.path(), 64, 0).unwrap();
        file.add(None, &gathered).unwrap();
        let groups = file.finish().unwrap().into_iter().map(SampleGroup::Stored);
        let groups = PlaneGroups::new(64, groups.collect());
        let loaded = groups.load(room(bytes, 64), None).unwrap();
        assert_eq!(loaded.samples_searched(), told.samples_searched);
        let control = &mut Control::default();
        let found = search_and_rate(&loaded, None, &backend, &search, control).unwrap();
        assert_eq!(found.search.permutation, part.search.permutation);
    }
}
