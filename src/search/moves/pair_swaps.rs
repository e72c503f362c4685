//! Exchanges of two neurons.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Cycle, Move, Round, apply_disjoint};
use crate::search::Halt;
use crate::search::state::State;

/// For every neuron the best exchange with a later neuron; of these the best that do not disturb one another.
///
/// The gain of exchanging i and j is `fit[j][i] + fit[i][j] - score(block of i) - score(block of j)`.
pub(crate) struct PairSwaps;

impl Move for PairSwaps {
    fn name(&self) -> &'static str {
        "pair swaps"
    }

    fn is_exhaustive(&self) -> bool {
        true
    }

    fn round(&mut self, state: &mut State, _: &mut ChaCha8Rng) -> Result<Round, Halt> {
        state.know_everything()?;
        let table = state.table();
        let (scores, neurons) = (table.scores_by_neuron(), table.neurons());
        let cycles = (0..neurons)
            .into_par_iter()
            .filter_map(|i| {
                let (column, row) = (table.column(i as u32), table.row(i as u32));
                let (mut best, mut partner) = (0, i);
                for j in i + 1..neurons {
                    let gain = column[j] + row[j] - scores[i] - scores[j];
                    if gain > best {
                        (best, partner) = (gain, j);
                    }
                }
                (best > 0).then(|| Cycle {
                    gain: i64::from(best),
                    neurons: vec![i as u32, partner as u32],
                })
            })
            .collect();
        Ok(apply_disjoint(state, cycles))
    }
}
