//! Which neuron of one network is which of another.
//!
//! Every neuron's weights are summed up in digests of parts: biases, runs of features, layer stacks. Neurons with equal
//! digests belong together; what is left is paired by how many parts are equal, so that a neuron with a changed weight
//! is found too. Digests only propose: whoever uses the outcome compares the weights themselves.

use std::collections::HashMap;

use rayon::prelude::*;

use super::differences::ColumnMap;
use crate::nets::stockfish::{Network, TensorRole};

/// Runs of features that have digests of their own, per tensor.
const RUNS: usize = 32;

/// Most neurons left that are paired by equal parts; the pairs of more would take long.
const MOST_LEFT: usize = 4096;

/// Finds the neurons of `a` in `b`: where the columns of `b` are in `a`. Both have one architecture. Where several fit,
/// a neuron is the one at its own place. Neurons that share nothing are paired anyhow.
pub(super) fn match_neurons(a: &Network, b: &Network) -> ColumnMap {
    let architecture = &a.architecture;
    let neurons = architecture.neurons();
    let (of_a, of_b) = (Digests::of(a), Digests::of(b));
    let mut order = vec![u32::MAX; neurons];
    let mut taken = vec![false; neurons];
    let mut take = |order: &mut Vec<u32>, new: usize, old: usize| {
        if order[new] == u32::MAX && !taken[old] {
            order[new] = old as u32;
            taken[old] = true;
        }
    };
    let totals_a: Vec<u64> = (0..neurons).map(|neuron| of_a.total(neuron)).collect();
    let totals_b: Vec<u64> = (0..neurons).map(|neuron| of_b.total(neuron)).collect();
    for neuron in 0..neurons {
        if totals_a[neuron] == totals_b[neuron] {
            take(&mut order, neuron, neuron);
        }
    }
    let mut by_total: HashMap<u64, Vec<usize>> = HashMap::new();
    let used: Vec<bool> = {
        let mut used = vec![false; neurons];
        order
            .iter()
            .filter(|&&old| old != u32::MAX)
            .for_each(|&old| used[old as usize] = true);
        used
    };
    for old in (0..neurons).rev().filter(|&old| !used[old]) {
        by_total.entry(totals_a[old]).or_default().push(old);
    }
    for new in 0..neurons {
        if order[new] == u32::MAX
            && let Some(old) = by_total.get_mut(&totals_b[new]).and_then(Vec::pop)
        {
            take(&mut order, new, old);
        }
    }
    pair_rest(&of_a, &of_b, &mut order);
    column_map(architecture.l1, &of_a, &of_b, &order)
}

/// Pairs what has no partner yet: those with the most equal parts first.
fn pair_rest(of_a: &Digests, of_b: &Digests, order: &mut [u32]) {
    let mut taken = vec![false; order.len()];
    for &old in order.iter().filter(|&&old| old != u32::MAX) {
        taken[old as usize] = true;
    }
    let new: Vec<usize> = (0..order.len())
        .filter(|&new| order[new] == u32::MAX)
        .collect();
    let old: Vec<usize> = (0..order.len()).filter(|&old| !taken[old]).collect();
    if new.len() <= MOST_LEFT {
        let mut pairs: Vec<(u16, bool, u32, u32)> = new
            .par_iter()
            .flat_map_iter(|&new| {
                old.iter().map(move |&old| {
                    let equal = of_a.equal_parts(old, of_b, new) as u16;
                    (u16::MAX - equal, new != old, new as u32, old as u32)
                })
            })
            .collect();
        pairs.par_sort_unstable();
        for (_, _, new, old) in pairs {
            if order[new as usize] == u32::MAX && !taken[old as usize] {
                order[new as usize] = old;
                taken[old as usize] = true;
            }
        }
        return;
    }
    for &place in &new {
        if !taken[place] {
            order[place] = place as u32;
            taken[place] = true;
        }
    }
    let mut rest = (0..order.len()).filter(|&old| !taken[old]);
    for place in new {
        if order[place] == u32::MAX
            && let Some(old) = rest.next()
        {
            order[place] = old as u32;
        }
    }
}

/// The columns of neurons in this order. Two columns whose product is the output have no order: they may have changed
/// places too.
fn column_map(l1: usize, of_a: &Digests, of_b: &Digests, order: &[u32]) -> ColumnMap {
    let neurons = order.len();
    let mut ft = order.to_vec();
    if l1 > neurons {
        let high = |old: u32| old + neurons as u32;
        ft.extend(order.iter().map(|&old| high(old)));
        for (new, &old) in order.iter().enumerate() {
            let equal = |old: u32, new: usize| of_a.equal_columns(old as usize, of_b, new);
            let straight = equal(old, new) + equal(high(old), new + neurons);
            let crossed = equal(high(old), new) + equal(old, new + neurons);
            if crossed > straight {
                ft.swap(new, new + neurons);
            }
        }
    }
    let second = order.iter().map(|&old| old + neurons as u32);
    ColumnMap {
        ft,
        first_layer: order.iter().copied().chain(second).collect(),
    }
}

/// Digests of parts of the columns that belong to neurons.
struct Digests {
    /// Per run, per column of the feature transformer.
    ft: Vec<Vec<u64>>,
    /// Per layer stack, per neuron.
    stacks: Vec<Vec<u64>>,
    neurons: usize,
}

impl Digests {
    fn of(network: &Network) -> Digests {
        let architecture = &network.architecture;
        let (l1, neurons) = (architecture.l1, architecture.neurons());
        let (mut wide, mut narrow) = (network.ft.wide.as_slice(), network.ft.narrow.as_slice());
        let mut ft = vec![sums(&network.ft.bias, l1, 0)];
        for spec in architecture.layout {
            let len = architecture.tensor_len(spec.role);
            let runs = (len / l1).div_ceil(RUNS).max(1) * l1;
            let seed = ft.len() as u64;
            match spec.role {
                TensorRole::Wide(first, end) => {
                    let narrowed = architecture.features_in(first..end - 1) * l1;
                    let (tensor, rest) = wide.split_at(len);
                    wide = rest;
                    // Engines read eight bits of these.
                    let (narrowed, tensor) = tensor.split_at(narrowed);
                    let narrowed: Vec<i8> = narrowed.iter().map(|&value| value as i8).collect();
                    ft.par_extend(narrowed.par_chunks(runs).map(|run| sums(run, l1, seed)));
                    ft.par_extend(tensor.par_chunks(runs).map(|run| sums(run, l1, seed)));
                }
                TensorRole::Narrow(..) => {
                    let (tensor, rest) = narrow.split_at(len);
                    narrow = rest;
                    ft.par_extend(tensor.par_chunks(runs).map(|run| sums(run, l1, seed)));
                }
                TensorRole::Bias | TensorRole::Psqt(..) => {}
            }
        }
        let stacks = network.stacks.iter().map(|stack| {
            let layer = &stack.layers[0];
            let sums = sums(&layer.weights, layer.padded_inputs, 0);
            // The weights of both perspectives.
            (0..neurons)
                .map(|neuron| mixed(sums[neuron]).wrapping_sub(mixed(!sums[neuron + neurons])))
                .collect()
        });
        Digests {
            ft,
            stacks: stacks.collect(),
            neurons,
        }
    }

    /// Columns of the feature transformer that a neuron has.
    fn columns(&self, neuron: usize) -> impl Iterator<Item = usize> {
        (neuron..self.ft[0].len()).step_by(self.neurons)
    }

    fn column(&self, column: usize) -> u64 {
        self.ft
            .iter()
            .fold(0, |digest, run| mixed(digest ^ run[column]))
    }

    /// Of all that belongs to a neuron; the same if its two columns change places.
    fn total(&self, neuron: usize) -> u64 {
        let columns = self.columns(neuron).fold(0u64, |sum, column| {
            sum.wrapping_add(mixed(self.column(column)))
        });
        self.stacks
            .iter()
            .fold(columns, |digest, stack| mixed(digest ^ stack[neuron]))
    }

    /// Parts of a neuron that are those of one of another network.
    fn equal_parts(&self, neuron: usize, other: &Digests, its: usize) -> usize {
        let part = |digests: &Digests, run: usize, neuron: usize| {
            digests.columns(neuron).fold(0u64, |sum, column| {
                sum.wrapping_add(mixed(digests.ft[run][column]))
            })
        };
        let runs =
            (0..self.ft.len()).filter(|&run| part(self, run, neuron) == part(other, run, its));
        let stacks = self.stacks.iter().zip(&other.stacks);
        runs.count() + stacks.filter(|(a, b)| a[neuron] == b[its]).count()
    }

    /// Runs of a column that are those of one of another network.
    fn equal_columns(&self, column: usize, other: &Digests, its: usize) -> usize {
        let runs = self.ft.iter().zip(&other.ft);
        runs.filter(|(a, b)| a[column] == b[its]).count()
    }
}

/// For each column the sum of its values, each times a number of its row.
fn sums<T: Copy + Into<i64>>(rows: &[T], row_len: usize, seed: u64) -> Vec<u64> {
    let mut sums = vec![0u64; row_len];
    for (number, row) in rows.chunks_exact(row_len).enumerate() {
        let factor = mixed(seed << 32 | number as u64) | 1;
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum = sum.wrapping_add(factor.wrapping_mul(value.into() as u64));
        }
    }
    sums
}

/// A number that looks like chance (the finaliser of SplitMix64).
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}
