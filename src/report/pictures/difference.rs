//! What two networks of one kind differ in, neuron by neuron.

use serde::Serialize;

use super::histograms::{Values, tensors};
use super::inputs::norms;
use crate::nets::stockfish::verify::{OtherFunction, compare_weights};
use crate::nets::stockfish::{Network, Row};

/// Two networks in one order.
#[derive(Debug)]
pub struct Matched {
    /// The second network with its neurons in the order of the first.
    pub second: Network,
    /// What they differ in.
    pub difference: DifferenceNumbers,
}

/// The difference of two networks, the second less the first.
#[derive(Clone, Debug, Serialize)]
pub struct DifferenceNumbers {
    /// Do both compute the same for every position?
    pub same: bool,
    /// Neurons that are at another place in the second network.
    pub moved: usize,
    /// Pairs of columns whose product is a neuron, and which are the other way round.
    pub crossed_pairs: usize,
    pub tensors: Vec<TensorDifference>,
    /// In the order of the first network.
    pub neurons: Vec<NeuronDifference>,
}

/// How much a tensor differs.
#[derive(Clone, Debug, Serialize)]
pub struct TensorDifference {
    pub tensor: String,
    pub values: u64,
    pub different: u64,
    pub greatest: u64,
    pub mean_absolute: f64,
    pub root_mean_square: f64,
}

/// How much a neuron's input weights differ.
#[derive(Clone, Debug, Serialize)]
pub struct NeuronDifference {
    pub neuron: usize,
    /// Its place in the second network.
    pub second: u32,
    /// Root of the sum of the squares of the differences.
    pub norm: f64,
}

impl Matched {
    /// Puts the neurons of the second network into the order of the first, if one is made of the other: if that at
    /// least halves the squares of the differences. Else they stay at their places.
    ///
    /// # Errors
    /// The networks are of different kinds.
    pub fn new(first: &Network, mut second: Network) -> Result<Matched, OtherFunction> {
        let compared = compare_weights(first, &mut second)?;
        let inverse = compared.permutation.inverse();
        let same = compared.is_proved();
        let at_place = |second: Network, norms: &[f64]| {
            let places: Vec<u32> = (0..inverse.len() as u32).collect();
            let difference = DifferenceNumbers::new(first, &second, norms, &places, 0, same);
            Matched { second, difference }
        };
        let norms_there = norms(&second, Some(first));
        if inverse.is_identity() && compared.crossed_pairs == 0 {
            return Ok(at_place(second, &norms_there));
        }
        let mut moved = second.clone();
        let permuted = moved.permute(&inverse);
        debug_assert!(permuted.is_ok(), "it is of the network's length");
        let crossed = match compared.crossed_pairs {
            0 => 0,
            _ => uncross(first, &mut moved),
        };
        let norms_moved = norms(&moved, Some(first));
        // Neurons of networks that have nothing in common share a bias by chance.
        let squares = |norms: &[f64]| -> f64 { norms.iter().map(|norm| norm * norm).sum() };
        if !same && squares(&norms_moved) > squares(&norms_there) / 2.0 {
            return Ok(at_place(second, &norms_there));
        }
        let places = inverse.indices();
        Ok(Matched {
            difference: DifferenceNumbers::new(first, &moved, &norms_moved, places, crossed, same),
            second: moved,
        })
    }
}

impl DifferenceNumbers {
    /// Of networks in one order, with the norms of their neurons' differences: neuron i is neuron `places[i]` of the
    /// second as it was.
    fn new(
        first: &Network,
        second: &Network,
        norms: &[f64],
        places: &[u32],
        crossed_pairs: usize,
        same: bool,
    ) -> DifferenceNumbers {
        let pairs = tensors(second).into_iter().zip(tensors(first));
        let moved = places.iter().zip(0..);
        DifferenceNumbers {
            same,
            moved: moved.filter(|&(&place, neuron)| place != neuron).count(),
            crossed_pairs,
            tensors: pairs
                .map(|((name, second), (_, first))| tensor(name, &second, &first))
                .collect(),
            neurons: norms
                .iter()
                .zip(places)
                .enumerate()
                .map(|(neuron, (&norm, &second))| NeuronDifference {
                    neuron,
                    second,
                    norm,
                })
                .collect(),
        }
    }
}

fn tensor(name: String, a: &Values, b: &Values) -> TensorDifference {
    let mut values = Vec::new();
    a.for_each(|value| values.push(value));
    let (mut at, mut different, mut greatest) = (0, 0, 0);
    let (mut sum, mut squares) = (0u128, 0u128);
    b.for_each(|value| {
        let distance = values[at].abs_diff(value);
        at += 1;
        different += u64::from(distance > 0);
        greatest = greatest.max(distance);
        sum += u128::from(distance);
        squares += u128::from(distance) * u128::from(distance);
    });
    let count = values.len().max(1) as f64;
    TensorDifference {
        tensor: name,
        values: values.len() as u64,
        different,
        greatest,
        mean_absolute: sum as f64 / count,
        root_mean_square: (squares as f64 / count).sqrt(),
    }
}

/// Exchanges the columns of pairs that are nearer to the first network's the other way round, and returns how many.
fn uncross(first: &Network, second: &mut Network) -> usize {
    let neurons = first.architecture.neurons();
    let l1 = first.architecture.l1;
    let (mut straight, mut crossed) = (vec![0u64; l1], vec![0u64; l1]);
    for (number, set) in first.architecture.sets.iter().enumerate() {
        for feature in 0..set.count() {
            match (first.row(number, feature), second.row(number, feature)) {
                (Row::Wide(a), Row::Wide(b)) => {
                    add_distances(a, b, &mut straight, &mut crossed);
                }
                (Row::Narrow(a), Row::Narrow(b)) => {
                    add_distances(a, b, &mut straight, &mut crossed);
                }
                _ => {}
            }
        }
    }
    add_distances(&first.ft.bias, &second.ft.bias, &mut straight, &mut crossed);
    let mut exchanged = 0;
    for neuron in 0..neurons {
        let both = |sums: &[u64]| sums[neuron] + sums[neuron + neurons];
        if both(&crossed) < both(&straight) {
            exchanged += 1;
            second.ft.bias.swap(neuron, neuron + neurons);
            for row in second.ft.wide.chunks_exact_mut(l1) {
                row.swap(neuron, neuron + neurons);
            }
            for row in second.ft.narrow.chunks_exact_mut(l1) {
                row.swap(neuron, neuron + neurons);
            }
        }
    }
    exchanged
}

/// Adds the distances of values at their own places, and at those of the other column of the pair.
fn add_distances<T: Copy + Into<i64>>(a: &[T], b: &[T], straight: &mut [u64], crossed: &mut [u64]) {
    let half = a.len() / 2;
    for (column, &value) in a.iter().enumerate() {
        let value = value.into();
        straight[column] += value.abs_diff(b[column].into());
        crossed[column] += value.abs_diff(b[(column + half) % a.len()].into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::stockfish::sample;
    use crate::order::Permutation;

    #[test]
    fn neurons_are_matched_before_they_are_compared() {
        for id in ["v1", "v5", "v16"] {
            let first = sample(id, 64);
            let neurons = first.architecture.neurons();
            let order = Permutation::new((0..neurons as u32).rev().collect()).unwrap();
            let mut second = first.clone();
            second.permute(&order).unwrap();
            let found = Matched::new(&first, second.clone()).unwrap().difference;
            assert!(found.same && found.moved == neurons, "{id}");
            assert!(found.tensors.iter().all(|tensor| tensor.different == 0));
            assert!(found.neurons.iter().all(|neuron| neuron.norm == 0.0));
            assert_eq!(found.neurons[0].second, neurons as u32 - 1);
            // One weight of the last neuron's first column, and its columns the other way round where it has two.
            let l1 = first.architecture.l1;
            second.ft.bias[0] += 5;
            second.ft.wide[7 * l1] += 3;
            if l1 > neurons {
                second.ft.bias.swap(0, neurons);
                for row in second.ft.wide.chunks_exact_mut(l1) {
                    row.swap(0, neurons);
                }
                for row in second.ft.narrow.chunks_exact_mut(l1) {
                    row.swap(0, neurons);
                }
            }
            let found = Matched::new(&first, second).unwrap().difference;
            assert!(!found.same, "{id}");
            assert_eq!(found.crossed_pairs, usize::from(l1 > neurons), "{id}");
            let different: u64 = found.tensors.iter().map(|tensor| tensor.different).sum();
            assert_eq!(different, 2, "{id}");
            assert_eq!(found.tensors[0].greatest, 5);
            let norms: Vec<f64> = found.neurons.iter().map(|neuron| neuron.norm).collect();
            assert_eq!(norms[neurons - 1], 3.0, "{id}");
            assert!(norms[..neurons - 1].iter().all(|&norm| norm == 0.0));
        }
    }
}
