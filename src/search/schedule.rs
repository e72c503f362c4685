//! Which move when: the plan of a search.
//!
//! A search is a row of *tries*. Each try anneals with shaken reassignments, first on a part of the samples while the
//! temperature is high, then on all, and ends with a *descent* to a partition that no move improves. Later tries are
//! longer, and the best end of all tries wins, so a search that is ended early has lost only the try at hand.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::control::{Control, MoveCount, Progress, is_over};
use super::moves::{
    HalfSwaps, Move, PairSwaps, ReassignSingles, Round, ShakenReassignment, ThreeCycles,
};
use super::partition::Partition;
use super::state::State;
use super::thinning::thin;
use super::{Effort, Halt, SearchOptions};
use crate::compute::{CoZeroCounter, ComputeError, PlaneSet};
use crate::permutation::Permutation;

/// Temperatures as shares of the samples: at the start, where all samples take over, and at the end. Found by trial
/// on real networks with 512 and 1,536 neurons; half or double the values cost little.
const HOT: f64 = 3e-3;
const COARSE_END: f64 = 3e-4;
const FINE_START: f64 = 5e-4;
const FINE_END: f64 = 2e-4;

/// Rounds that a descent takes, about; only used to estimate what is left.
const DESCENT_ROUNDS: u64 = 200;

/// One annealing from hot to cold.
#[derive(Clone, Copy, Debug)]
struct Try {
    /// Rounds on a part of the samples.
    coarse: u64,
    /// Rounds on all samples.
    fine: u64,
}

impl Try {
    const fn of(coarse: u64) -> Try {
        Try {
            coarse,
            fine: coarse / 5,
        }
    }
}

/// The tries of an effort. Work is set in rounds, never in seconds, so that results repeat.
fn tries(effort: Effort) -> Vec<Try> {
    match effort {
        Effort::Quick => vec![Try::of(200)],
        Effort::Normal => vec![Try::of(600)],
        Effort::Max => [300, 1000, 3000, 10_000, 40_000].map(Try::of).to_vec(),
    }
}

pub(super) struct Found {
    pub permutation: Permutation,
    pub complete: bool,
    pub moves: Vec<MoveCount>,
}

/// Runs the schedule of `options.effort`.
pub(super) fn run(
    planes: &dyn PlaneSet,
    options: &SearchOptions,
    start: &Permutation,
    control: &mut Control,
) -> Result<Found, ComputeError> {
    let tries = tries(options.effort);
    let patience = match options.effort {
        Effort::Quick => 8,
        Effort::Normal | Effort::Max => 64,
    };
    let count = |tried: &Try| tried.coarse + tried.fine + DESCENT_ROUNDS;
    let mut run = Run {
        planes,
        patience,
        planned: tries.iter().map(count).sum(),
        best: Partition::new(start.indices()),
        best_score: planes.zero_blocks(start.indices())?,
        moves: Vec::new(),
        control,
    };
    let outcome = run.all(options, &tries);
    let complete = match outcome {
        Ok(()) => true,
        Err(Halt::Stopped) => false,
        Err(Halt::Compute(error)) => return Err(error),
    };
    Ok(Found {
        permutation: run.best.permutation(),
        complete,
        moves: run.moves,
    })
}

/// A search from its first to its last try.
struct Run<'r, 'c> {
    planes: &'r dyn PlaneSet,
    /// Reassignments in a row that find nothing before the systematic moves take over.
    patience: u64,
    planned: u64,
    best: Partition,
    best_score: u64,
    moves: Vec<MoveCount>,
    control: &'r mut Control<'c>,
}

impl Run<'_, '_> {
    fn all(&mut self, options: &SearchOptions, tries: &[Try]) -> Result<(), Halt> {
        let planes = self.planes;
        let mut all = planes.counter()?;
        let start = self.best.clone();
        if options.start.is_some() {
            let mut random = ChaCha8Rng::seed_from_u64(options.seed);
            self.on(all.as_mut(), start.clone(), |run, state| {
                run.descend(state, &mut random)
            })?;
        }
        let thinned = thin(planes)?;
        for (index, tried) in tries.iter().enumerate() {
            let mut random = ChaCha8Rng::seed_from_u64(options.seed);
            random.set_stream(1 + index as u64);
            let mut partition = start.clone();
            let mut fine = (FINE_START, tried.fine);
            if let Some(thinned) = &thinned {
                let mut part = thinned.counter()?;
                partition = self.on(part.as_mut(), partition, |run, state| {
                    let range = HOT..COARSE_END;
                    run.anneal(state, &mut random, range, tried.coarse, "coarse annealing")
                })?;
            } else {
                fine = (HOT, tried.coarse + tried.fine);
            }
            self.on(all.as_mut(), partition, |run, state| {
                let (hot, rounds) = fine;
                run.anneal(state, &mut random, hot..FINE_END, rounds, "fine annealing")?;
                run.descend(state, &mut random)
            })?;
        }
        Ok(())
    }

    /// Does something with a partition and keeps what comes of it if that is the best so far, stopped or not.
    fn on(
        &mut self,
        counter: &mut dyn CoZeroCounter,
        partition: Partition,
        work: impl FnOnce(&mut Self, &mut State) -> Result<(), Halt>,
    ) -> Result<Partition, Halt> {
        let (stop, deadline) = (self.control.stop, self.control.deadline);
        let stop = move || is_over(stop, deadline);
        let mut state = State::new(counter, partition, &stop)?;
        let outcome = work(self, &mut state);
        let partition = state.table().partition();
        // Counted on all samples by other code than the search's own.
        let score = self.planes.zero_blocks(partition.order())?;
        debug_assert!(state.samples() != self.planes.samples() || state.table().score() == score);
        if score > self.best_score {
            self.best = partition.clone();
            self.best_score = score;
        }
        outcome.map(|()| partition.clone())
    }

    /// Shaken reassignments with falling temperature.
    fn anneal(
        &mut self,
        state: &mut State,
        random: &mut ChaCha8Rng,
        range: std::ops::Range<f64>,
        rounds: u64,
        phase: &'static str,
    ) -> Result<(), Halt> {
        let mut shaken = ShakenReassignment::default();
        for round in 0..rounds {
            let share = round as f64 / rounds as f64;
            shaken.temperature = state.samples() as f64 * between(range.start, range.end, share);
            self.round(&mut shaken, state, random, phase)?;
        }
        Ok(())
    }

    /// Goes uphill until no move finds an improvement.
    fn descend(&mut self, state: &mut State, random: &mut ChaCha8Rng) -> Result<(), Halt> {
        let phase = "descent";
        let mut reassign = ReassignSingles::default();
        let mut half_swaps = HalfSwaps::default();
        loop {
            let mut fruitless = 0;
            while fruitless < self.patience {
                let round = self.round(&mut reassign, state, random, phase)?;
                fruitless = if round.gain == 0 { fruitless + 1 } else { 0 };
            }
            let systematic: [&mut dyn Move; 3] =
                [&mut PairSwaps, &mut half_swaps, &mut ThreeCycles];
            let mut gain = 0;
            for kind in systematic {
                gain += self.round(kind, state, random, phase)?.gain;
            }
            if gain == 0 {
                return Ok(());
            }
        }
    }

    /// One round of a move, counted and reported.
    fn round(
        &mut self,
        kind: &mut dyn Move,
        state: &mut State,
        random: &mut ChaCha8Rng,
        phase: &'static str,
    ) -> Result<Round, Halt> {
        if self.control.is_over() {
            return Err(Halt::Stopped);
        }
        let round = kind.round(state, random)?;
        let known = self
            .moves
            .iter()
            .position(|count| count.name == kind.name());
        let at = known.unwrap_or(self.moves.len());
        if known.is_none() {
            self.moves.push(MoveCount::of(kind.name()));
        }
        self.moves[at].rounds += 1;
        self.moves[at].applied += round.applied;
        if let Some(report) = self.control.progress.as_mut() {
            let rounds = self.moves.iter().map(|count| count.rounds).sum();
            report(&Progress {
                phase,
                rounds,
                done: (rounds as f64 / self.planned as f64).min(1.0),
                samples: state.samples(),
                score: state.table().score(),
                best: self.best_score,
                moves: self.moves.clone(),
            });
        }
        Ok(round)
    }
}

/// The geometric mean of `from` and `to` with weights `1 - share` and `share`.
///
/// Built from square roots, which IEEE 754 rounds exactly, because powers differ between mathematical libraries.
fn between(from: f64, to: f64, share: f64) -> f64 {
    let (mut value, mut root, mut share) = (from, to / from, share);
    for _ in 0..30 {
        root = root.sqrt();
        share *= 2.0;
        if share >= 1.0 {
            share -= 1.0;
            value *= root;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geometric_means() {
        assert_eq!(between(8.0, 2.0, 0.0), 8.0);
        assert_eq!(between(8.0, 2.0, 0.5), 4.0);
        assert!((between(1.0, 16.0, 0.75) - 8.0).abs() < 1e-6);
        assert!((between(3e-3, 3e-4, 0.3) - 3e-3 * 0.1f64.powf(0.3)).abs() < 1e-9);
    }
}
