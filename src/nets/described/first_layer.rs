//! Sums of the first layer, each over a group of its inputs in one row.

use super::ft::Outputs;
use super::net::Unpacked;
use super::tensor::{ElementType, Role, Tensor};

/// The weights of the first layer, ready to be multiplied.
pub(super) struct FirstLayer<'a> {
    net: Unpacked<'a>,
    tensors: Vec<FirstTensor<'a>>,
}

struct FirstTensor<'a> {
    tensor: &'a Tensor,
    /// For each place along the neuron axes its distance from place 0.
    places: Vec<usize>,
    /// Those of one or two bytes, row by row and group by group, each as long as there are neurons; empty for others.
    small: Vec<i16>,
    /// The largest absolute value of these, or more.
    largest: u64,
}

impl<'a> FirstLayer<'a> {
    pub fn of(net: Unpacked<'a>) -> FirstLayer<'a> {
        let tensors = net.layout.of_role(Role::L1Weights);
        FirstLayer {
            net,
            tensors: tensors.map(|tensor| FirstTensor::of(net, tensor)).collect(),
        }
    }

    /// Appends the sums of a perspective with these outputs: of each tensor, of each row of it, of each group.
    pub fn append_sums(&self, outputs: &Outputs, sums: &mut Vec<Sum>) {
        let neurons = self.net.layout.neurons();
        let small = Small::of(outputs);
        for tensor in &self.tensors {
            if let Some(small) = &small
                && let Some(run) = small.run(tensor.largest)
                && !tensor.small.is_empty()
            {
                let groups = tensor.small.chunks_exact(neurons);
                sums.extend(groups.map(|weights| Sum::Integer(small.sum(weights, run))));
                continue;
            }
            for row in 0..tensor.tensor.rest() {
                let base = tensor.tensor.rest_offset(row);
                let groups = tensor.places.chunks_exact(neurons);
                sums.extend(
                    groups.map(|places| sum(outputs, tensor.tensor, self.net.bytes, base, places)),
                );
            }
        }
    }
}

impl<'a> FirstTensor<'a> {
    fn of(net: Unpacked, tensor: &'a Tensor) -> FirstTensor<'a> {
        let places = tensor.neuron_offsets();
        let is_small = matches!(tensor.element, ElementType::I8 | ElementType::I16);
        let rows = if is_small { 0..tensor.rest() } else { 0..0 };
        let small = rows.flat_map(|row| {
            let base = tensor.rest_offset(row);
            let places = places.iter();
            places.map(move |place| tensor.integer(net.bytes, base + place) as i16)
        });
        FirstTensor {
            tensor,
            small: small.collect(),
            places,
            largest: if tensor.element == ElementType::I8 {
                1 << 7
            } else {
                1 << 15
            },
        }
    }
}

/// Outputs of 16 bits, not below 0.
struct Small {
    outputs: Vec<i16>,
    largest: u64,
}

impl Small {
    fn of(outputs: &Outputs) -> Option<Small> {
        let Outputs::Integers(outputs) = outputs else {
            return None;
        };
        let all = outputs.iter().fold(0, |all, output| all | output);
        // Negative ones have the highest bit.
        (0..1 << 15).contains(&all).then(|| Small {
            outputs: outputs.iter().map(|&output| output as i16).collect(),
            largest: all as u64,
        })
    }

    /// How many products of weights with at most this absolute value can be added in 32 bits, if that is worth it.
    fn run(&self, weight: u64) -> Option<usize> {
        /// Shorter runs gain little.
        const LEAST: usize = 64;
        let run = (i32::MAX as u64 / (self.largest * weight).max(1)).min(1 << 12) as usize;
        (run >= LEAST).then_some(run)
    }

    /// The sum of all products, in runs of so many.
    fn sum(&self, weights: &[i16], run: usize) -> i64 {
        let runs = self.outputs.chunks(run).zip(weights.chunks(run));
        let sums = runs.map(|(outputs, weights)| {
            let pairs = outputs.iter().zip(weights);
            let products = pairs.map(|(&output, &weight)| i32::from(output) * i32::from(weight));
            i64::from(products.sum::<i32>())
        });
        sums.sum()
    }
}

/// A sum of products that can be compared for equality.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sum {
    /// Modulo 2^64.
    Integer(i64),
    Float(f64),
}

impl PartialEq for Sum {
    fn eq(&self, other: &Sum) -> bool {
        match (self, other) {
            (Sum::Integer(a), Sum::Integer(b)) => a == b,
            (Sum::Float(a), Sum::Float(b)) => a.to_bits() == b.to_bits(),
            _ => false,
        }
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Sum::Integer(sum) => sum.fmt(f),
            Sum::Float(sum) => sum.fmt(f),
        }
    }
}

fn sum(outputs: &Outputs, tensor: &Tensor, bytes: &[u8], base: usize, places: &[usize]) -> Sum {
    let float = tensor.element == ElementType::F32;
    match outputs {
        Outputs::Integers(outputs) if !float => {
            let terms = outputs
                .iter()
                .zip(places)
                .filter(|(output, _)| **output != 0);
            Sum::Integer(terms.fold(0i64, |sum, (&output, place)| {
                let weight = i64::from(tensor.integer(bytes, base + place));
                sum.wrapping_add(output.wrapping_mul(weight))
            }))
        }
        Outputs::Integers(outputs) => float_sum(
            outputs.iter().map(|&output| output as f64),
            tensor,
            bytes,
            base,
            places,
        ),
        Outputs::Floats(outputs) => float_sum(outputs.iter().copied(), tensor, bytes, base, places),
    }
}

/// Terms are sorted, so equal sets of terms give equal sums, to the last bit.
fn float_sum(
    outputs: impl Iterator<Item = f64>,
    tensor: &Tensor,
    bytes: &[u8],
    base: usize,
    places: &[usize],
) -> Sum {
    let products = outputs
        .zip(places)
        .map(|(output, place)| output * tensor.number(bytes, base + place));
    // Zeros of both signs add nothing.
    let mut terms: Vec<f64> = products.filter(|&term| term != 0.0).collect();
    terms.sort_unstable_by(f64::total_cmp);
    Sum::Float(terms.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_small_products_sum_to_the_same() {
        // The largest outputs and weights that there are, and more of them than 32 bits hold at a time.
        for (output, weight) in [
            (127i64, -128i16),
            (255, 127),
            (32_767, -128),
            (255, i16::MIN),
        ] {
            let outputs = vec![output; 10_000];
            let weights = vec![weight; outputs.len()];
            let small = Small::of(&Outputs::Integers(outputs)).unwrap();
            let run = small.run(if weight < -128 { 1 << 15 } else { 1 << 7 });
            let sum = small.sum(&weights, run.unwrap());
            assert_eq!(sum, 10_000 * output * i64::from(weight));
        }
        let small = |outputs: Vec<i64>| Small::of(&Outputs::Integers(outputs));
        assert!(small(vec![1, 32_768]).is_none());
        assert!(small(vec![1, -1]).is_none());
        assert!(small(vec![32_767]).unwrap().run(1 << 15).is_none());
        assert!(small(vec![0]).unwrap().run(1 << 15).is_some());
    }
}
