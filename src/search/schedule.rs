//! Which move when: the plan of a search.
//!
//! A search is a row of *tries*. Each try anneals with shaken reassignments, first on a small part of the samples while
//! the temperature is high, then on one that is larger unless memory forbids. It ends with a *descent* on all samples
//! until no move finds an improvement; moves look for them in the small part first where there is one. Later tries are
//! longer, and the best end of all tries wins, so a search that is ended early has lost only the try at hand.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::bit_rows::BitRows;
use super::control::{Control, MoveCount, Progress, is_over};
use super::moves::{
    HalfSwaps, Move, PairSwaps, ReassignSingles, Round, ShakenReassignment, ThreeCycles,
};
use super::partition::{BLOCK, Partition};
use super::saved::{Identity, Place, SavedSearch, SavedSearchError, Stage, Turn};
use super::state::State;
use super::thinning::{Part, thin};
use super::{Effort, Halt, SearchError, SearchOptions};
use crate::compute::{CoZeroCounter, PlaneSet};
use crate::order::Permutation;

/// Temperatures as shares of the samples: at the start, where the larger part takes over, and at the end. Found by
/// trial on real networks with 512 and 1,536 neurons; half or double the values cost little.
const HOT: f64 = 2e-3;
const COARSE_END: f64 = 3e-4;
const FINE_START: f64 = 4e-4;
const FINE_END: f64 = 1e-4;

/// Rounds of a warm annealing, in those of the fine annealing of a try from hot to cold.
const WARM: u64 = 2;

/// Rounds of annealing that take as long as a descent, about; only used to estimate what is left. Measured on networks
/// with 512 and 1,536 neurons.
const fn descent_rounds(effort: Effort) -> u64 {
    match effort {
        Effort::Quick => 600,
        Effort::Normal | Effort::Max => 800,
    }
}

/// One annealing from hot to cold, and a descent.
#[derive(Clone, Copy, Debug)]
struct Try {
    /// Rounds on a small part of the samples. Without any, the annealing is a warm one that keeps most of what it began
    /// with.
    coarse: u64,
    /// Rounds on a larger part.
    fine: u64,
}

impl Try {
    const fn of(coarse: u64) -> Try {
        Try {
            coarse,
            fine: coarse / 5,
        }
    }

    /// Rounds of annealing.
    const fn annealing(&self) -> u64 {
        self.coarse + self.fine
    }

    /// All rounds, about, with so many of the descent.
    const fn planned(&self, descent: u64) -> u64 {
        self.annealing() + descent
    }
}

/// The tries of an effort. Work is set in rounds, never in seconds, so that results repeat.
///
/// An order to begin with that somebody gave is worth more than a random one: it is improved first as it is, then by
/// warm annealing.
fn tries(effort: Effort, is_given: bool) -> Vec<Try> {
    let coarse: &[u64] = match effort {
        Effort::Quick => &[400],
        Effort::Normal => &[1000],
        Effort::Max => &[500, 1600, 5000, 16_000, 64_000],
    };
    let warm = [0, coarse[0] / 5 * WARM].map(|fine| Try { coarse: 0, fine });
    let warm = warm.into_iter().filter(|_| is_given);
    warm.chain(coarse.iter().copied().map(Try::of)).collect()
}

pub(super) struct Found {
    pub permutation: Permutation,
    pub score: u64,
    pub complete: bool,
    pub moves: Vec<MoveCount>,
}

/// Runs the schedule of `options.effort` with the random numbers of one of several that run at once.
pub(super) fn run(
    planes: &dyn PlaneSet,
    options: &SearchOptions,
    start: &Permutation,
    control: &mut Control,
    member: usize,
) -> Result<Found, SearchError> {
    let tries = tries(options.effort, options.start.is_some());
    let patience = match options.effort {
        Effort::Quick => 2,
        Effort::Normal | Effort::Max => 16,
    };
    let descent = descent_rounds(options.effort);
    let start_score = planes.zero_blocks(start.indices())?;
    let mut run = Run {
        planes,
        member: member as u64,
        patience,
        planned: tries.iter().map(|tried| tried.planned(descent)).sum(),
        descent,
        passed: 0.0,
        best: Partition::new(start.indices()),
        best_score: start_score,
        moves: Vec::new(),
        identity: Identity::new(options, planes.samples(), start_score),
        start: Partition::new(start.indices()),
        resume: None,
        control,
    };
    if let Some(saved) = run.control.resume.take() {
        run.go_on_from(saved, tries.len())?;
    }
    let outcome = run.all(options, &tries);
    let complete = match outcome {
        Ok(()) => true,
        Err(Halt::Stopped) => false,
        Err(Halt::Compute(error)) => return Err(error.into()),
    };
    for count in &run.moves {
        tracing::debug!(
            name = count.name,
            rounds = count.rounds,
            applied = count.applied,
            "moves"
        );
    }
    tracing::info!(
        effort = ?options.effort,
        complete,
        samples = planes.samples(),
        zero_blocks_before = start_score,
        zero_blocks_after = run.best_score,
        "searched"
    );
    Ok(Found {
        permutation: run.best.permutation(),
        score: run.best_score,
        complete,
        moves: run.moves,
    })
}

/// A search from its first to its last try.
struct Run<'r, 'c> {
    planes: &'r dyn PlaneSet,
    /// Its number among those that run at once.
    member: u64,
    /// Reassignments in a row that find nothing before the systematic moves take over.
    patience: u64,
    planned: u64,
    /// Those of a descent.
    descent: u64,
    /// How many of the planned rounds are done, about.
    passed: f64,
    best: Partition,
    best_score: u64,
    moves: Vec<MoveCount>,
    identity: Identity,
    start: Partition,
    /// Where to go on, if not at the start.
    resume: Option<Place>,
    control: &'r mut Control<'c>,
}

impl Run<'_, '_> {
    fn all(&mut self, options: &SearchOptions, tries: &[Try]) -> Result<(), Halt> {
        let planes = self.planes;
        let mut all = planes.counter()?;
        let start = self.start.clone();
        let resumed = self.resume.take();
        if resumed.is_none() {
            // For a search that is stopped before it began.
            let random = ChaCha8Rng::seed_from_u64(options.seed);
            let at = Cursor::start_of(0);
            self.save(|| at.place(start.order(), &random));
        }
        let first = resumed.as_ref().map_or(0, |place| place.attempt);
        for (index, tried) in tries.iter().enumerate().skip(first) {
            let planned = tries[..index].iter().map(|it| it.planned(self.descent));
            let before: u64 = planned.sum();
            let mut random = ChaCha8Rng::seed_from_u64(options.seed);
            random.set_stream((self.member << 32) + 1 + index as u64);
            let mut at = Cursor::start_of(index);
            let mut partition = start.clone();
            if let Some(place) = resumed.as_ref().filter(|place| place.attempt == index) {
                random.set_word_pos(place.random.into());
                at = Cursor::at(place);
                partition = Partition::new(&place.order);
            }
            let annealings = [
                (Part::Coarse, Stage::Coarse, HOT..COARSE_END, tried.coarse),
                (Part::Fine, Stage::Fine, FINE_START..FINE_END, tried.fine),
            ];
            let mut before = before;
            for (part, stage, temperatures, rounds) in annealings {
                if at.stage == stage && rounds > 0 {
                    let part = thin(planes, part)?;
                    let mut of_part = part.as_ref().map(|part| part.counter()).transpose()?;
                    let counter: &mut dyn CoZeroCounter = match &mut of_part {
                        Some(counter) => counter.as_mut(),
                        None => all.as_mut(),
                    };
                    let phase = stage.phase();
                    let plan = Annealing {
                        temperatures,
                        rounds,
                        phase,
                    };
                    partition = self.on(counter, None, partition, |run, state| {
                        run.anneal(state, &mut random, &plan, before, &mut at)
                    })?;
                }
                at.pass(stage);
                before += rounds;
            }
            let part = thin(planes, Part::Coarse)?;
            let mut screen = part.as_ref().map(|part| part.counter()).transpose()?;
            let screen = screen
                .as_mut()
                .map(|screen| screen.as_mut() as &mut dyn CoZeroCounter);
            self.on(all.as_mut(), screen, partition, |run, state| {
                run.descend(state, &mut random, before, &mut at)
            })?;
        }
        Ok(())
    }

    /// Takes over what was saved.
    fn go_on_from(&mut self, saved: SavedSearch, attempts: usize) -> Result<(), SearchError> {
        saved.check(&self.identity, attempts)?;
        if saved.best.len() != self.start.neurons() {
            let damage = SavedSearchError::Damaged("it has another number of neurons");
            return Err(damage.into());
        }
        // A recount, so that other planes than those of the saved search are noticed.
        if self.planes.zero_blocks(&saved.best)? != saved.best_score {
            return Err(SavedSearchError::OtherSearch("other samples".into()).into());
        }
        self.best = Partition::new(&saved.best);
        self.best_score = saved.best_score;
        self.moves = saved.moves()?;
        self.resume = Some(saved.place);
        Ok(())
    }

    /// Saves the search if it is time for one, or the search is about to end.
    fn save(&mut self, place: impl FnOnce() -> Place) {
        let over = self.control.is_over();
        let Some(saver) = &mut self.control.saver else {
            return;
        };
        if !over && !saver.is_due() {
            return;
        }
        let saved = SavedSearch::new(
            &self.identity,
            place(),
            self.best.order(),
            self.best_score,
            &self.moves,
        );
        saver.write(&saved);
    }

    /// Does something with a partition and keeps what comes of it if that is the best so far, stopped or not.
    fn on(
        &mut self,
        counter: &mut dyn CoZeroCounter,
        screen: Option<&mut dyn CoZeroCounter>,
        partition: Partition,
        work: impl FnOnce(&mut Self, &mut State) -> Result<(), Halt>,
    ) -> Result<Partition, Halt> {
        let (stop, deadline) = (self.control.stop, self.control.deadline);
        let stop = move || is_over(stop, deadline);
        let screen = screen.map(|screen| screen as &mut dyn CoZeroCounter);
        let mut state = State::screened(counter, screen, partition, &stop)?;
        let outcome = work(self, &mut state);
        let partition = state.table().partition();
        // Counted on all samples by other code than the search's own.
        let score = self.planes.zero_blocks(partition.order())?;
        debug_assert!(state.samples() != self.planes.samples() || state.table().score() == score);
        if score > self.best_score {
            self.best = partition.clone();
            self.best_score = score;
        }
        tracing::debug!(
            samples = state.samples(),
            rounds = self.rounds(),
            zero_blocks = score,
            best = self.best_score,
            "end of a part of the search"
        );
        outcome.map(|()| partition.clone())
    }

    /// Shaken reassignments with falling temperature, from where `at` is to the end of its stage. `before` rounds were
    /// planned before it.
    fn anneal(
        &mut self,
        state: &mut State,
        random: &mut ChaCha8Rng,
        plan: &Annealing,
        before: u64,
        at: &mut Cursor,
    ) -> Result<(), Halt> {
        let mut shaken = ShakenReassignment::default();
        shaken.prices = std::mem::take(&mut at.prices);
        let range = &plan.temperatures;
        while at.round < plan.rounds {
            let share = at.round as f64 / plan.rounds as f64;
            shaken.temperature = state.samples() as f64 * between(range.start, range.end, share);
            self.save(|| at.annealing(state, random, &shaken));
            let undrawn = random.clone();
            self.passed = (before + at.round + 1) as f64;
            let round = self.round(&mut shaken, state, random, plan.phase);
            if matches!(round, Err(Halt::Stopped)) {
                // Nothing was changed yet but the random numbers.
                self.save(|| at.annealing(state, &undrawn, &shaken));
            }
            round?;
            at.round += 1;
        }
        tracing::debug!(
            attempt = at.attempt,
            phase = plan.phase,
            rounds = plan.rounds,
            samples = state.samples(),
            zero_blocks = state.table().score(),
            "annealed"
        );
        Ok(())
    }

    /// Goes uphill until no move finds an improvement, from where `at` is. `before` rounds were planned before it.
    fn descend(
        &mut self,
        state: &mut State,
        random: &mut ChaCha8Rng,
        before: u64,
        at: &mut Cursor,
    ) -> Result<(), Halt> {
        state.count_whole_rows();
        let exact = BitRows::listed(&std::mem::take(&mut at.exact), state.table().neurons());
        state.count_exactly(exact)?;
        let mut rounds = 0;
        let mut reassign = ReassignSingles {
            prices: std::mem::take(&mut at.prices),
        };
        let mut half_swaps = HalfSwaps {
            settled: at.settled.drain(..).collect(),
        };
        loop {
            // A round that is stopped has learned something already, and must find again what it began with.
            let before_round = self.control.saver.is_some();
            let before_round =
                before_round.then(|| at.descent(state, random, &reassign, &half_swaps));
            if let Some(place) = &before_round {
                self.save(|| place.clone());
            }
            rounds += 1;
            self.passed = before as f64 + of_descent(rounds, self.descent);
            let mut three_cycles;
            let kind: &mut dyn Move = match at.turn.number {
                0 => &mut reassign,
                1 => &mut PairSwaps,
                2 => &mut half_swaps,
                _ => {
                    let prices = reassign.prices.clone();
                    three_cycles = ThreeCycles { prices };
                    &mut three_cycles
                }
            };
            let round = self.round(kind, state, random, Stage::Descent.phase());
            if let (Err(Halt::Stopped), Some(place)) = (&round, before_round) {
                self.save(|| place);
            }
            if at.turn.is_last(round?.gain, self.patience) {
                return Ok(());
            }
        }
    }

    fn rounds(&self) -> u64 {
        rounds_of(&self.moves)
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
            let rounds = rounds_of(&self.moves);
            report(&Progress {
                certifying: false,
                phase,
                rounds,
                done: (self.passed / self.planned as f64).min(1.0),
                samples: state.samples(),
                all_samples: self.planes.samples(),
                score: state.table().score(),
                best: self.best_score,
                moves: self.moves.clone(),
            });
        }
        Ok(round)
    }
}

/// How many of the planned rounds of a descent so many count as: nobody knows how many it takes, and where it takes
/// more, as for wide networks, it must not seem to be done.
fn of_descent(rounds: u64, planned: u64) -> f64 {
    let (rounds, planned) = (rounds as f64, planned as f64);
    planned * rounds / (rounds + planned)
}

fn rounds_of(moves: &[MoveCount]) -> u64 {
    moves.iter().map(|count| count.rounds).sum()
}

fn order_of<'s>(state: &'s State) -> &'s [u32] {
    state.table().partition().order()
}

/// An annealing: temperatures as shares of the samples.
struct Annealing {
    temperatures: std::ops::Range<f64>,
    rounds: u64,
    phase: &'static str,
}

/// Where a try stands.
struct Cursor {
    attempt: usize,
    stage: Stage,
    /// Rounds of the annealing that are done.
    round: u64,
    turn: Turn,
    /// Of the assignments so far in this stage.
    prices: Vec<i32>,
    /// Blocks that half swaps need not look at again.
    settled: Vec<[u32; BLOCK]>,
    /// Fits that are exact among estimates, as in [`Place`].
    exact: Vec<u64>,
}

impl Cursor {
    fn start_of(attempt: usize) -> Cursor {
        Cursor {
            attempt,
            stage: Stage::Coarse,
            round: 0,
            turn: Turn::default(),
            prices: Vec::new(),
            settled: Vec::new(),
            exact: Vec::new(),
        }
    }

    fn at(place: &Place) -> Cursor {
        Cursor {
            attempt: place.attempt,
            stage: place.stage,
            round: place.round,
            turn: place.turn,
            prices: place.prices.clone(),
            settled: place.settled.clone(),
            exact: place.exact.clone(),
        }
    }

    fn place(&self, order: &[u32], random: &ChaCha8Rng) -> Place {
        Place {
            attempt: self.attempt,
            stage: self.stage,
            round: self.round,
            turn: self.turn,
            order: order.to_vec(),
            prices: Vec::new(),
            settled: Vec::new(),
            exact: Vec::new(),
            // Streams are longer than any search; one of 2^64 words has never been read.
            random: random.get_word_pos() as u64,
        }
    }

    fn annealing(&self, state: &State, random: &ChaCha8Rng, kind: &ShakenReassignment) -> Place {
        Place {
            prices: kind.prices.clone(),
            ..self.place(order_of(state), random)
        }
    }

    fn descent(
        &self,
        state: &State,
        random: &ChaCha8Rng,
        reassign: &ReassignSingles,
        half_swaps: &HalfSwaps,
    ) -> Place {
        let mut settled: Vec<_> = half_swaps.settled.iter().copied().collect();
        settled.sort_unstable();
        let exact = match state.is_screened() {
            true => state.table().exact().words().to_vec(),
            false => Vec::new(),
        };
        Place {
            prices: reassign.prices.clone(),
            settled,
            exact,
            ..self.place(order_of(state), random)
        }
    }

    /// Goes to the start of the next stage if this is the one at hand.
    fn pass(&mut self, stage: Stage) {
        if self.stage == stage {
            self.stage = match stage {
                Stage::Coarse => Stage::Fine,
                Stage::Fine | Stage::Descent => Stage::Descent,
            };
            self.round = 0;
            self.prices.clear();
        }
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

    /// In a search on 1,536 neurons a round of annealing took 7.3 milliseconds, and the descent 7 seconds for 1,060
    /// rounds, 3.3 of them for the first 400.
    #[test]
    fn a_descent_does_not_seem_to_be_done() {
        let [tried] = tries(Effort::Normal, false)[..] else {
            panic!("one try");
        };
        let descent = descent_rounds(Effort::Normal);
        let annealing = 7.3e-3 * tried.annealing() as f64;
        let left = |seconds: f64, rounds: u64| {
            let done = tried.annealing() as f64 + of_descent(rounds, descent);
            (annealing + seconds) * (tried.planned(descent) as f64 / done - 1.0)
        };
        assert!((5.0..10.0).contains(&left(0.0, 0)), "7 were left");
        assert!((2.0..6.0).contains(&left(3.3, 400)), "3.7 were left");
        assert!((0.5..5.0).contains(&left(7.0, 1060)));
    }

    #[test]
    fn geometric_means() {
        assert_eq!(between(8.0, 2.0, 0.0), 8.0);
        assert_eq!(between(8.0, 2.0, 0.5), 4.0);
        assert!((between(1.0, 16.0, 0.75) - 8.0).abs() < 1e-6);
        assert!((between(3e-3, 3e-4, 0.3) - 3e-3 * 0.1f64.powf(0.3)).abs() < 1e-9);
    }
}
