//! Moves: ways to change the partition for the better, one file each.

use rand_chacha::ChaCha8Rng;

use super::Halt;
use super::state::State;

mod half_swaps;
mod pair_swaps;
mod reassign_singles;
mod three_cycles;

pub(crate) use half_swaps::HalfSwaps;
pub(crate) use pair_swaps::PairSwaps;
pub(crate) use reassign_singles::{ReassignSingles, ShakenReassignment};
pub(crate) use three_cycles::ThreeCycles;

/// What a round of a move did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Round {
    /// By how much the score grew; 0 if it fell.
    pub gain: u64,
    /// Exchanges applied.
    pub applied: u64,
}

/// A neighbourhood of partitions and a way to go to better ones in it.
pub(crate) trait Move {
    fn name(&self) -> &'static str;

    /// Looks through the neighbourhood (or a random part of it) once and applies improvements that touch different
    /// blocks, so that their gains add up exactly. All moves but the shaken one never make the partition worse.
    fn round(&mut self, state: &mut State, random: &mut ChaCha8Rng) -> Result<Round, Halt>;
}

/// An exact improvement: every listed neuron goes to the place of the next one, the last to that of the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    pub gain: i64,
    pub neurons: Vec<u32>,
}

/// Applies the best cycles first, skipping those that touch a block changed before.
///
/// Ties are broken by neuron numbers, so the outcome depends on nothing but the counts.
pub(crate) fn apply_disjoint(state: &mut State, mut cycles: Vec<Cycle>) -> Round {
    cycles.sort_unstable_by(|a, b| (b.gain, &a.neurons).cmp(&(a.gain, &b.neurons)));
    let mut touched = vec![false; state.table().partition().blocks()];
    let mut round = Round::default();
    for cycle in cycles {
        debug_assert!(cycle.gain > 0);
        let blocks = || {
            cycle
                .neurons
                .iter()
                .map(|&n| state.table().partition().block_of(n))
        };
        if blocks().any(|block| touched[block]) {
            continue;
        }
        blocks().for_each(|block| touched[block] = true);
        state.rotate(&cycle.neurons);
        round.gain += cycle.gain as u64;
        round.applied += 1;
    }
    round
}
