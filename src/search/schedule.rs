//! Which move when: the plan of a search.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::control::{Control, MoveCount, Progress, is_over};
use super::moves::{Move, PairSwaps, ReassignSingles, ThreeCycles};
use super::partition::Partition;
use super::state::State;
use super::{Halt, SearchOptions};
use crate::compute::{CoZeroCounter, ComputeError};
use crate::permutation::Permutation;

/// Random reassignments in a row that find nothing before the systematic moves take over.
const FRUITLESS_ROUNDS: u64 = 64;

pub(super) struct Found {
    pub permutation: Permutation,
    pub complete: bool,
    pub moves: Vec<MoveCount>,
}

/// Runs the schedule from a start to a local optimum of all moves.
pub(super) fn run(
    counter: &mut dyn CoZeroCounter,
    options: &SearchOptions,
    start: &Permutation,
    control: &mut Control,
) -> Result<Found, ComputeError> {
    let (stop, deadline) = (control.stop, control.deadline);
    let stop = move || is_over(stop, deadline);
    let mut moves = Vec::new();
    let state = State::new(counter, Partition::new(start.indices()), &stop);
    let mut state = match state {
        Ok(state) => state,
        Err(Halt::Compute(error)) => return Err(error),
        Err(Halt::Stopped) => {
            return Ok(Found {
                permutation: start.clone(),
                complete: false,
                moves,
            });
        }
    };
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    let outcome = climb(&mut state, &mut random, &mut moves, control);
    let complete = match outcome {
        Ok(()) => true,
        Err(Halt::Stopped) => false,
        Err(Halt::Compute(error)) => return Err(error),
    };
    Ok(Found {
        permutation: state.table().partition().permutation(),
        complete,
        moves,
    })
}

/// Random reassignments until they find no more, then exchanges of two and three until there are none.
fn climb(
    state: &mut State,
    random: &mut ChaCha8Rng,
    moves: &mut Vec<MoveCount>,
    control: &mut Control,
) -> Result<(), Halt> {
    let mut one_round = |state: &mut State, kind: &mut dyn Move, phase| {
        if control.is_over() {
            return Err(Halt::Stopped);
        }
        let round = kind.round(state, random)?;
        let at = moves.iter().position(|count| count.name == kind.name());
        let at = at.unwrap_or_else(|| {
            moves.push(MoveCount {
                name: kind.name(),
                rounds: 0,
                applied: 0,
            });
            moves.len() - 1
        });
        moves[at].rounds += 1;
        moves[at].applied += round.applied;
        if let Some(report) = control.progress.as_mut() {
            report(&Progress {
                phase,
                rounds: moves.iter().map(|count| count.rounds).sum(),
                samples: state.samples(),
                score: state.table().score(),
                moves: moves.clone(),
            });
        }
        Ok(round.gain)
    };
    let mut fruitless = 0;
    while fruitless < FRUITLESS_ROUNDS {
        let gain = one_round(state, &mut ReassignSingles, "reassign")?;
        fruitless = if gain == 0 { fruitless + 1 } else { 0 };
    }
    loop {
        while one_round(state, &mut PairSwaps, "finish")? > 0 {}
        if one_round(state, &mut ThreeCycles, "finish")? == 0 {
            return Ok(());
        }
    }
}
