//! Rotations of three neurons.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Cycle, Move, Round, apply_disjoint, make_exact};
use crate::search::Halt;
use crate::search::fit_table::FitTable;
use crate::search::state::State;

/// How often a round looks for rotations, at most.
const LOOKS: usize = 8;

/// For every neuron the best rotation of three that begins with it; of these the best that do not disturb one another.
///
/// With `gain(i -> j) = fit[j][i] - score(block of j)` the rotation i -> j -> k -> i gains
/// `gain(i -> j) + gain(j -> k) + gain(k -> i)`. At least one of its three rotated forms begins with a positive
/// gain, so only those are looked at. Nothing larger than a row is stored.
///
/// A price of each neuron, paid where it comes and got back where it leaves, changes no sum of a rotation. With the
/// prices of good assignments hardly any gain is positive: a neuron that is nearly always zero would be welcome
/// everywhere, and is dear.
#[derive(Default)]
pub(crate) struct ThreeCycles {
    /// Of each neuron; any prices find the same rotations. None are all alike.
    pub prices: Vec<i32>,
}

impl Move for ThreeCycles {
    fn name(&self) -> &'static str {
        "three-cycles"
    }

    fn is_exhaustive(&self) -> bool {
        true
    }

    fn round(&mut self, state: &mut State, _: &mut ChaCha8Rng) -> Result<Round, Halt> {
        state.know_everything()?;
        self.prices.resize(state.table().neurons(), 0);
        // Rotations that seemed to gain in estimates do not come back when they are counted.
        for _ in 0..LOOKS {
            let table = state.table();
            let scores = table.scores_by_neuron();
            let mut cycles = (0..table.neurons() as u32)
                .into_par_iter()
                .filter_map(|j| best_through(table, &scores, &self.prices, j))
                .collect();
            let learned = make_exact(state, &mut cycles)?;
            if !cycles.is_empty() || !learned {
                return Ok(apply_disjoint(state, cycles));
            }
        }
        Ok(Round::default())
    }
}

/// The best i -> j -> k -> i over all k and all i whose gain is positive after prices.
fn best_through(table: &FitTable, scores: &[i32], prices: &[i32], j: u32) -> Option<Cycle> {
    // leave[k] = gain(j -> k)
    let leave: Vec<i32> = table
        .column(j)
        .iter()
        .zip(scores)
        .map(|(fit, score)| fit - score)
        .collect();
    let enter = table.row(j);
    let price_of_j = i64::from(prices[j as usize]) + i64::from(scores[j as usize]);
    let (mut best, mut ends) = (0, None);
    for i in 0..table.neurons() as u32 {
        // Prices are those of costs: dear neurons have low ones.
        let after_prices =
            i64::from(enter[i as usize]) + i64::from(prices[i as usize]) - price_of_j;
        if after_prices <= 0 || i == j {
            continue;
        }
        let first = enter[i as usize] - scores[j as usize];
        // gain(k -> i) = row[k] - scores[i]
        let row = table.row(i);
        let needed = best - first + scores[i as usize];
        let sums = || leave.iter().zip(row).map(|(leave, back)| leave + back);
        let most = sums().fold(i32::MIN, i32::max);
        if most > needed {
            best += most - needed;
            ends = sums().position(|sum| sum == most).map(|k| (i, k as u32));
        }
    }
    let (i, k) = ends?;
    // A neuron that stays where it is closes a shorter rotation.
    let neurons = if k == i || k == j {
        vec![i, j]
    } else {
        vec![i, j, k]
    };
    Some(Cycle {
        gain: i64::from(best),
        neurons,
    })
}
