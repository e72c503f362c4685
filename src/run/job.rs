//! A model, positions, and how to search.

use std::time::{Duration, Instant};

use super::gather::Evaluator;
use super::searched::{HeldOut, PlanesJob, found};
use super::spill::{Spilled, spill};
use super::{Footprint, Found, PlanesRoom, RunError, SpilledSearch};
use crate::chess::board::Board;
use crate::compute::{Backend, ComputeError, PlaneSet};
use crate::nets::model::{Model, SampleOrder};
use crate::nets::stockfish::verify::spread;
use crate::positions::Positions;
use crate::positions::bucket_weights::{BUCKETS, BucketWeights, Fitted};
use crate::search::{Control, MAX_SAMPLES, SampleSets, SearchOptions, room};

/// Share of the positions that [`Job::new`] holds out.
const HOLDOUT: f64 = 0.1;

/// Positions that a result is compared on.
const VERIFIED: usize = 1000;

/// Planes by bucket.
type Sets<'a> = Vec<(Option<usize>, Box<dyn PlaneSet + 'a>)>;

/// What is to be done: an order for this model, searched on these positions.
#[derive(Clone)]
#[non_exhaustive]
pub struct Job<'a> {
    pub model: &'a dyn Model,
    /// Positions to search on.
    pub training: Vec<Board>,
    /// Positions that the search does not see, and the game of each.
    pub holdout: Positions,
    /// Other positions that the search does not see, each set to be measured on by itself.
    pub compared: Vec<Positions>,
    /// How much positions of each bucket count in the search; all alike if `None`.
    pub weights: Option<BucketWeights>,
    pub search: SearchOptions,
    /// Of the random choices when held-out games are drawn again for the intervals: apart from the search's, so that
    /// searches of different seeds can be compared.
    pub holdout_seed: u64,
    /// Check the result for local optimality and bound it from above.
    pub certify: bool,
    /// Ends the search after this time; the outcome then depends on the machine's speed.
    pub time_limit: Option<Duration>,
    /// Memory for planes, and where they go if that is too little; `None` for as much as it takes.
    pub room: Option<PlanesRoom<'a>>,
}

/// How a run is watched and ended. The default neither tells anything nor ends early.
#[derive(Default)]
pub struct Watch<'a> {
    pub search: Control<'a>,
    /// Is told how many positions more were evaluated.
    pub evaluated: Option<&'a dyn Fn(usize)>,
}

impl<'a> Job<'a> {
    /// A search with default options, in as much time and memory as it takes. A tenth of the positions, by whole games,
    /// is held out.
    pub fn new(model: &'a dyn Model, positions: Positions) -> Job<'a> {
        let (training, holdout) = positions.split_holdout(HOLDOUT, 0);
        Job::of_parts(model, training.boards, holdout)
    }

    /// As [`new`](Self::new), of positions that were parted already.
    pub fn of_parts(model: &'a dyn Model, training: Vec<Board>, holdout: Positions) -> Job<'a> {
        Job {
            model,
            training,
            holdout,
            compared: Vec::new(),
            weights: None,
            search: SearchOptions::default(),
            holdout_seed: 0,
            certify: false,
            time_limit: None,
            room: None,
        }
    }

    /// Evaluates the feature transformer on all positions, searches the best order on the training positions, and rates
    /// it on the others. Writes nothing.
    ///
    /// # Errors
    /// The backend failed, there are no training positions, or planes that do not fit in memory could not be put into a
    /// temporary file.
    pub fn run(&self, backend: &dyn Backend, watch: &mut Watch) -> Result<Found, RunError> {
        let started = Instant::now();
        let evaluated = watch.evaluated;
        let progress = |positions| {
            if let Some(evaluated) = evaluated {
                evaluated(positions);
            }
        };
        let source = self.model.ft_source();
        let mut evaluator = Evaluator::new(self.model.shape(), source.as_ref(), backend)?;
        if let Some(room) = self.room.filter(|_| self.spilled_bytes().is_some()) {
            let Spilled { training, held } = spill(self, room, backend, |boards, order| {
                evaluator.planes(boards, order, progress)
            })?;
            drop(evaluator);
            return self.search_on(training, held, backend, watch, started);
        }
        let sorted = self.weights.map(|_| {
            let mut boards = self.training.clone();
            boards.sort_by_key(|board| self.model.bucket(board));
            boards
        });
        let parts: Vec<(Option<usize>, &[Board])> = match &sorted {
            Some(boards) => boards
                .chunk_by(|a, b| self.model.bucket(a) == self.model.bucket(b))
                .map(|boards| (Some(self.model.bucket(&boards[0])), boards))
                .collect(),
            None => vec![(None, &self.training)],
        };
        let samples: Vec<_> = parts
            .iter()
            .map(|&(_, boards)| evaluator.samples(boards, SampleOrder::KingPlaces))
            .collect();
        let mut sets: Sets = Vec::new();
        for (&(bucket, _), samples) in parts.iter().zip(&samples) {
            sets.push((bucket, evaluator.planes_where_counted(samples, progress)?));
        }
        // Games are runs of positions, so these keep their order; the bootstrap wants them in the host's memory.
        let held = self.sets().into_iter().skip(1).map(|boards| {
            let planes = evaluator.planes(boards, SampleOrder::Positions, progress)?;
            Ok(vec![Box::new(planes) as _])
        });
        let held: Vec<HeldOut> = held.collect::<Result<_, ComputeError>>()?;
        drop(evaluator);
        self.search_on(sets, held, backend, watch, started)
    }

    /// Searches on planes, and rates the outcome.
    fn search_on(
        &self,
        training: Sets,
        held: Vec<HeldOut>,
        backend: &dyn Backend,
        watch: &mut Watch,
        started: Instant,
    ) -> Result<Found, RunError> {
        let footprint = self.footprint();
        let weights = self.used_weights();
        let limit = self.room.map_or(u64::MAX, |room| room.bytes);
        let limit = limit.saturating_sub(footprint.copied(&self.training));
        let is_spilled = training.iter().any(|(_, planes)| planes.is_on_disk());
        let mut sets = SampleSets::new(backend, footprint.neurons, training);
        let zeros = sets.zero_counts(weights.as_ref())?;
        let bytes = sets.bytes();
        if is_spilled {
            sets = sets.fit(
                room(limit, footprint.neurons, self.search.tries),
                weights.as_ref(),
            )?;
        }
        let ft_time = started.elapsed();
        // Held-out planes are in memory, too, unless all are in a file.
        let held_bytes = if is_spilled {
            0
        } else {
            footprint.planes(&self.sets()[1..])
        };
        let job = PlanesJob {
            sets,
            weights,
            search: self.search.clone(),
            time_limit: self.time_limit,
            certify: self.certify,
            memory: limit.saturating_sub(held_bytes),
        };
        let searched = job.run(&mut watch.search)?;
        let spilled = is_spilled.then(|| SpilledSearch::of(bytes, &searched));
        let weights = weights.as_ref();
        Ok(found(
            self, weights, searched, &held, zeros, spilled, ft_time,
        )?)
    }

    /// How many positions are evaluated.
    pub fn positions(&self) -> usize {
        self.sets().iter().map(|boards| boards.len()).sum()
    }

    /// Memory that the planes of all positions take, if they go to a temporary file: because it is more than
    /// [`room`](Self::room) has, or because the search can only count a part of the samples.
    pub fn spilled_bytes(&self) -> Option<u64> {
        let footprint = self.footprint();
        let in_part = self.room.is_some() && self.fitted_weights() == Fitted::Part;
        let planes = in_part.then(|| footprint.planes(&self.sets()));
        planes.or_else(|| footprint.excess(self))
    }

    /// How the weights are used on so many samples.
    #[must_use]
    pub fn fitted_weights(&self) -> Fitted {
        let Some(weights) = self.weights else {
            return Fitted::Same;
        };
        let perspectives = self.model.shape().perspectives as u64;
        let mut samples = [0; BUCKETS];
        for board in &self.training {
            samples[self.model.bucket(board)] += perspectives;
        }
        weights.fitted(&samples, MAX_SAMPLES)
    }

    /// The weights that the search counts with.
    pub(super) fn used_weights(&self) -> Option<BucketWeights> {
        self.weights
            .map(|weights| self.fitted_weights().or(weights))
    }

    pub(super) fn footprint(&self) -> Footprint {
        Footprint::of(self.model, self.weights.is_some(), self.search.tries)
    }

    /// The training positions, the held-out ones, and the other sets.
    pub(super) fn sets(&self) -> Vec<&[Board]> {
        let held = std::iter::once(&self.holdout).chain(&self.compared);
        let held = held.map(|set| set.boards.as_slice());
        std::iter::once(self.training.as_slice())
            .chain(held)
            .collect()
    }

    /// Positions of both parts, spread over all.
    pub(super) fn verified_on(&self) -> Vec<Board> {
        let some = VERIFIED / 10;
        let mut boards = spread(&self.training, VERIFIED - some);
        boards.extend(spread(&self.holdout.boards, some));
        boards
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::chess::random_games::random_positions;
    use crate::compute::DiskPlanes;
    use crate::compute::cpu::CpuBackend;
    use crate::nets::stockfish::Network;
    use crate::nets::stockfish::ReadOptions;
    use crate::order::Permutation;
    use crate::planes::{Spill, ZeroPlanes};
    use crate::run::gather::gather;
    use crate::search::{Effort, search_and_rate, table_bytes};

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
        let training = positions(4, 400).boards;
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
                room: Some(room),
                weights: Some(BucketWeights::parse(&text).unwrap()),
                ..Job::of_parts(&network, training.clone(), Positions::default())
            };
            let found = job.run(&backend, &mut Watch::default()).unwrap();
            (job.fitted_weights(), job.spilled_bytes(), found)
        };
        let (fitted, spilled, found) = with("333.333");
        let Fitted::Rounded(rounded) = fitted else {
            panic!("{fitted:?}");
        };
        let [third, rest, ..] = rounded.integers().map(u64::from);
        assert!(third.abs_diff(rest / 3) <= 1, "{third} {rest}");
        assert_eq!((spilled, found.spilled), (None, None));
        assert!(found.samples == 800 && found.search.samples <= MAX_SAMPLES);
        assert!(found.search.samples > MAX_SAMPLES / 100 * 99);
        // Here rounding would change what the first bucket weighs, so a part is taken.
        let (fitted, spilled, found) = with("0.001");
        assert_eq!(fitted, Fitted::Part);
        assert!(spilled.is_some());
        let searched = found.spilled.unwrap().samples_searched;
        assert!(found.samples == 800 && (1..700).contains(&searched));
    }

    #[test]
    fn planes_in_a_temporary_file_give_the_same_plan() {
        let network = Network::read("datasets/demo.nnue".as_ref(), &ReadOptions::default());
        let network = network.unwrap();
        let backend = CpuBackend::new(Some(1)).unwrap();
        let (training, holdout) = (positions(1, 1500).boards, positions(2, 300));
        let folder = tempfile::tempdir().unwrap();
        let search = SearchOptions {
            effort: Effort::Quick,
            ..SearchOptions::default()
        };
        let job = Job {
            compared: vec![positions(3, 200)],
            search: search.clone(),
            certify: true,
            ..Job::of_parts(&network, training.clone(), holdout)
        };
        let with = |bytes: u64, weights: Option<&str>| {
            let room = PlanesRoom {
                bytes,
                folder: folder.path(),
            };
            let job = Job {
                weights: weights.map(|text| BucketWeights::parse(text).unwrap()),
                room: Some(room),
                ..job.clone()
            };
            let evaluated = Cell::new(0);
            let count = |positions| evaluated.set(evaluated.get() + positions);
            let mut watch = Watch {
                evaluated: Some(&count),
                ..Watch::default()
            };
            let found = job.run(&backend, &mut watch);
            assert_eq!(evaluated.get(), 2000);
            (job.spilled_bytes().is_some(), found.unwrap())
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
            let same = |found: &Found| {
                let known = (found.zero_bytes, found.before, found.after, found.samples);
                let held = (
                    found.holdout,
                    found.compared.clone(),
                    found.holdout_buckets.clone(),
                );
                let searched = (found.search.permutation.clone(), found.search.score);
                (known, held, searched, found.weighted, found.buckets.clone())
            };
            assert_eq!(same(&spilled), same(&plain));
            let bound = |found: &Found| found.certificate.as_ref().unwrap().upper_bound;
            assert_eq!(bound(&spilled), bound(&plain));
        }

        // With less memory the order is what `find` finds with as much on what `gather` gathers.
        let bytes = table_bytes(64) + planes(3000) / 3;
        let (_, part) = with(bytes, None);
        let told = part.spilled.unwrap();
        assert!(told.samples_searched < 1200 && told.bytes == planes(3000));
        let order = SampleOrder::KingPlaces;
        let gathered = gather(&network, &backend, &training, order, |_| {});
        let gathered = gathered.unwrap();
        let before = gathered.zero_blocks(Permutation::identity(64).indices());
        let after = gathered.zero_blocks(part.search.permutation.indices());
        assert_eq!((part.before.zero, part.after.zero), (before, after));
        let mut file = Spill::create(folder.path(), 64, 0).unwrap();
        file.add(None, &gathered).unwrap();
        let planes = DiskPlanes::new(&backend, 64, file.finish().unwrap());
        let sets = SampleSets::new(&backend, 64, vec![(None, Box::new(planes))]);
        let sets = sets.fit(room(bytes, 64, 1), None).unwrap();
        assert_eq!(sets.samples_searched(None), told.samples_searched);
        let control = &mut Control::default();
        let found = search_and_rate(&sets, None, &search, control).unwrap();
        assert_eq!(found.search.permutation, part.search.permutation);
    }
}
