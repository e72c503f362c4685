//! One neuron out of every block, put back in the best possible way.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Cycle, Move, OF_A_DIFFERENCE, Round, apply_disjoint, make_exact};
use crate::search::Halt;
use crate::search::assignment::best_assignment;
use crate::search::fit_table::FitTable;
use crate::search::partition::BLOCK;
use crate::search::state::State;

/// Takes a random neuron out of every block and assigns them to the gaps so that the score is the largest possible;
/// does the same with the other three, each with those of the other blocks that were drawn with them.
///
/// That is a linear assignment problem over `fit[t][i]`. Every cycle of the solution has a gain of its own, because
/// it touches each block once, and none loses, because the whole is optimal. Four problems at once keep more than one
/// thread busy, and what they change is counted in one go; cycles of two that touch the same block are rare where few
/// are left to be found.
#[derive(Default)]
pub(crate) struct ReassignSingles {
    /// Of each neuron in the last assignments; empty before the first.
    pub prices: Vec<i32>,
}

impl Move for ReassignSingles {
    fn name(&self) -> &'static str {
        "reassignment"
    }

    fn is_exhaustive(&self) -> bool {
        false
    }

    fn round(&mut self, state: &mut State, random: &mut ChaCha8Rng) -> Result<Round, Halt> {
        let drawn = draw_all_of_each_block(state, random);
        for taken in &drawn {
            state.know(taken, taken)?;
        }
        self.prices.resize(state.table().neurons(), 0);
        let margin = state.margin(OF_A_DIFFERENCE);
        let mut assigned = self.assign_all(state.table(), &drawn, margin);
        if state.is_screened() {
            // What comes near the best assignment of the estimates is counted before anything is exchanged.
            let near = assigned
                .iter_mut()
                .flat_map(|of_drawn| std::mem::take(&mut of_drawn.near));
            if state.count_exactly(near.collect())? {
                assigned = self.assign_all(state.table(), &drawn, margin);
            }
        }
        let cycles = assigned.into_iter().flat_map(|of_drawn| of_drawn.cycles);
        let mut cycles = cycles.filter(|cycle| cycle.gain > 0).collect();
        make_exact(state, &mut cycles)?;
        Ok(apply_disjoint(state, cycles))
    }
}

impl ReassignSingles {
    /// Solves the assignments of neurons that are drawn together.
    fn assign_all(
        &mut self,
        table: &FitTable,
        drawn: &[Vec<u32>; BLOCK],
        margin: i32,
    ) -> Vec<Assigned> {
        let prices = &self.prices;
        let assigned: Vec<Assigned> = drawn
            .par_iter()
            .map(|taken| assign(table, taken, prices, margin, |_| ()))
            .collect();
        for (taken, assigned) in drawn.iter().zip(&assigned) {
            enter_prices(taken, &assigned.prices, &mut self.prices);
        }
        assigned
    }
}

/// As [`ReassignSingles`], but random noise is added to every fit before the best assignment is sought: annealing.
///
/// The noise is the difference of two uniform numbers, and `temperature` its standard deviation in samples. The
/// score may fall. High temperatures forget the start, low ones settle into a good optimum; because all blocks take
/// part in every round, a schedule of some hundred rounds does what single exchanges need millions of steps for.
#[derive(Default)]
pub(crate) struct ShakenReassignment {
    pub temperature: f64,
    /// Of each neuron in the last assignments; empty before the first.
    pub prices: Vec<i32>,
    noise: Vec<u8>,
}

/// Of noise, in samples.
const LEAST_AMPLITUDE: i64 = 2;

impl Move for ShakenReassignment {
    fn name(&self) -> &'static str {
        "shaken reassignment"
    }

    fn is_exhaustive(&self) -> bool {
        false
    }

    fn round(&mut self, state: &mut State, random: &mut ChaCha8Rng) -> Result<Round, Halt> {
        debug_assert!(!state.is_screened(), "estimates are exchanged by");
        let taken = take_one_of_each_block(state, random);
        self.noise.resize(4 * taken.len() * taken.len(), 0);
        random.fill_bytes(&mut self.noise);
        // The difference of two numbers below 2^16 has standard deviation 2^16 / sqrt(6). Of few samples a share is
        // less than one. Noise of one still decides between equally good assignments, or the same would always come.
        let amplitude = ((self.temperature * 6f64.sqrt()) as i64).max(LEAST_AMPLITUDE);
        let before = state.table().score();
        state.know(&taken, &taken)?;
        let table = state.table();
        self.prices.resize(table.neurons(), 0);
        let Assigned { cycles, prices, .. } = assign(table, &taken, &self.prices, 0, |values| {
            for (value, noise) in values.iter_mut().zip(self.noise.chunks_exact(4)) {
                let [a, b] = [[noise[0], noise[1]], [noise[2], noise[3]]].map(u16::from_le_bytes);
                *value += (((i64::from(a) - i64::from(b)) * amplitude) >> 16) as i32;
            }
        });
        enter_prices(&taken, &prices, &mut self.prices);
        for cycle in &cycles {
            state.rotate(&cycle.neurons);
        }
        Ok(Round {
            gain: state.table().score().saturating_sub(before),
            applied: cycles.len() as u64,
        })
    }
}

fn take_one_of_each_block(state: &State, random: &mut ChaCha8Rng) -> Vec<u32> {
    let partition = state.table().partition();
    let mut one_of = |block| partition.block(block)[random.next_u32() as usize % BLOCK];
    (0..partition.blocks()).map(&mut one_of).collect()
}

/// The neurons of every block in random order: the first ones of all blocks, the second ones, and so on.
fn draw_all_of_each_block(state: &State, random: &mut ChaCha8Rng) -> [Vec<u32>; BLOCK] {
    let partition = state.table().partition();
    let mut drawn = [const { Vec::new() }; BLOCK];
    for block in 0..partition.blocks() {
        let mut neurons = partition.block(block);
        for (left, drawn) in (1..=BLOCK).rev().zip(&mut drawn) {
            let at = random.next_u32() as usize % left;
            drawn.push(neurons[at]);
            neurons.swap(at, left - 1);
        }
    }
    drawn
}

/// A solved assignment of one neuron of each block to the gaps.
struct Assigned {
    cycles: Vec<Cycle>,
    /// One a neuron that was taken.
    prices: Vec<i32>,
    /// For gaps the neurons whose fit is not exact and comes near enough to matter.
    near: Vec<(u32, Vec<u32>)>,
}

/// The best assignment of one neuron of each block to the gaps, after `adjust` changed the values. `prices` are those
/// of all neurons. Fits of less than `margin` below what the gap needs are near.
fn assign(
    table: &FitTable,
    taken: &[u32],
    prices: &[i32],
    margin: i32,
    adjust: impl FnOnce(&mut [i32]),
) -> Assigned {
    let mut values = Vec::with_capacity(taken.len() * taken.len());
    for &place_of in taken {
        debug_assert!(taken.iter().all(|&neuron| table.is_known(place_of, neuron)));
        let row = table.row(place_of);
        values.extend(taken.iter().map(|&neuron| row[neuron as usize]));
    }
    adjust(&mut values);
    // Row: the gap; column: the neuron that goes there.
    let mut prices: Vec<i32> = taken.iter().map(|&n| prices[n as usize]).collect();
    let comes = best_assignment(&values, &mut prices);
    let mut seen = vec![false; taken.len()];
    let mut cycles = Vec::new();
    for first in 0..taken.len() {
        let mut cycle = Cycle {
            gain: 0,
            neurons: Vec::new(),
        };
        let mut gap = first;
        while !std::mem::replace(&mut seen[gap], true) {
            let neuron = taken[comes[gap] as usize];
            cycle.gain += i64::from(table.fit(taken[gap], neuron) - table.block_score(gap));
            cycle.neurons.push(taken[gap]);
            gap = comes[gap] as usize;
        }
        if cycle.neurons.len() > 1 {
            // Followed from gap to the neuron that fills it; a cycle lists neurons in the direction they move.
            cycle.neurons.reverse();
            cycles.push(cycle);
        }
    }
    let near = match margin {
        0 => Vec::new(),
        _ => near(table, taken, &values, &prices, margin),
    };
    Assigned {
        cycles,
        prices,
        near,
    }
}

/// An assignment that has a fit loses at least what that fit plus its neuron's price lies below the best of the gap.
fn near(
    table: &FitTable,
    taken: &[u32],
    values: &[i32],
    prices: &[i32],
    margin: i32,
) -> Vec<(u32, Vec<u32>)> {
    let rows = taken.iter().zip(values.chunks_exact(taken.len()));
    let lists = rows.map(|(&place_of, row)| {
        let with_prices = || {
            row.iter()
                .zip(prices)
                .map(|(&fit, &price)| i64::from(fit) + i64::from(price))
        };
        let least = with_prices().max().unwrap_or(0) - i64::from(margin);
        let near = taken
            .iter()
            .zip(with_prices())
            .filter(|&(&neuron, here)| here > least && !table.is_exact(place_of, neuron));
        (place_of, near.map(|(&neuron, _)| neuron).collect())
    });
    lists
        .filter(|(_, near): &(u32, Vec<u32>)| !near.is_empty())
        .collect()
}

/// Enters the prices of the neurons that were taken into those of all.
fn enter_prices(taken: &[u32], of_taken: &[i32], prices: &mut [i32]) {
    for (&neuron, &price) in taken.iter().zip(of_taken) {
        prices[neuron as usize] = price;
    }
}
