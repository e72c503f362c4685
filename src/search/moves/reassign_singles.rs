//! One neuron out of every block, put back in the best possible way.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{Cycle, Move, Round, apply_disjoint};
use crate::search::Halt;
use crate::search::assignment::best_assignment;
use crate::search::partition::BLOCK;
use crate::search::state::State;

/// Takes a random neuron out of every block and assigns them to the gaps so that the score is the largest possible.
///
/// That is a linear assignment problem over `fit[t][i]`. Every cycle of the solution has a gain of its own, because
/// it touches each block once, and none loses, because the whole is optimal.
pub(crate) struct ReassignSingles;

impl Move for ReassignSingles {
    fn name(&self) -> &'static str {
        "reassign singles"
    }

    fn round(&mut self, state: &mut State, random: &mut ChaCha8Rng) -> Result<Round, Halt> {
        let partition = state.table().partition();
        let taken: Vec<u32> = (0..partition.blocks())
            .map(|block| partition.block(block)[random.next_u32() as usize % BLOCK])
            .collect();
        state.know(&taken, &taken)?;
        let table = state.table();
        let mut values = Vec::with_capacity(taken.len() * taken.len());
        for &neuron in &taken {
            values.extend(taken.iter().map(|&t| i64::from(table.fit(t, neuron))));
        }
        let gaps = best_assignment(&values, taken.len());
        let gain = |row: usize| {
            let gap = gaps[row] as usize;
            i64::from(table.fit(taken[gap], taken[row]) - table.block_score(gap))
        };
        let mut seen = vec![false; taken.len()];
        let mut cycles = Vec::new();
        for first in 0..taken.len() {
            let mut cycle = Cycle {
                gain: 0,
                neurons: Vec::new(),
            };
            let mut row = first;
            while !std::mem::replace(&mut seen[row], true) {
                cycle.gain += gain(row);
                cycle.neurons.push(taken[row]);
                row = gaps[row] as usize;
            }
            if cycle.gain > 0 {
                cycles.push(cycle);
            }
        }
        Ok(apply_disjoint(state, cycles))
    }
}
