//! Exchanges of two neurons.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Cycle, Move, OF_A_DIFFERENCE, Round, apply_disjoint, make_exact};
use crate::search::Halt;
use crate::search::fit_table::FitTable;
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
        if state.is_screened() {
            let margin = state.margin(2.0 * OF_A_DIFFERENCE);
            let near = near(state.table(), margin);
            state.count_exactly(near)?;
        }
        let table = state.table();
        let (scores, neurons) = (table.scores_by_neuron(), table.neurons());
        let mut cycles: Vec<Cycle> = (0..neurons)
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
        make_exact(state, &mut cycles)?;
        Ok(apply_disjoint(state, cycles))
    }
}

/// What is not exact of exchanges that lose less than `margin` by the estimates.
fn near(table: &FitTable, margin: i32) -> Vec<(u32, Vec<u32>)> {
    let (scores, neurons) = (table.scores_by_neuron(), table.neurons() as u32);
    let lists = (0..neurons).into_par_iter().map(|i| {
        let (column, row) = (table.column(i), table.row(i));
        let near = |&j: &u32| {
            let (i, j) = (i as usize, j as usize);
            column[j] + row[j] - scores[i] - scores[j] > -margin
        };
        // Each exchange is met from both its neurons, with one of its two fits in the row.
        let is_estimate = |&j: &u32| !table.is_exact(i, j);
        (i, (0..neurons).filter(near).filter(is_estimate).collect())
    });
    lists
        .filter(|(_, near): &(u32, Vec<u32>)| !near.is_empty())
        .collect()
}
