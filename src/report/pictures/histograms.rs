//! Histograms of tensors, of several networks over common axes.

use serde::Serialize;

use super::layers::LAYERS;
use crate::nets::stockfish::{Network, TensorRole};

/// Bars of a histogram, at most.
const BINS: i64 = 64;

/// Histograms of all tensors.
#[derive(Clone, Debug, Serialize)]
pub struct HistogramNumbers {
    pub tensors: Vec<TensorHistogram>,
}

/// How many values of a tensor are in each of equal intervals.
#[derive(Clone, Debug, Serialize)]
pub struct TensorHistogram {
    pub tensor: String,
    /// First value of the first interval: the smallest of all networks.
    pub low: i64,
    /// The largest of all networks.
    pub high: i64,
    /// Values in an interval.
    pub width: i64,
    /// By network; `null` for one without the tensor.
    pub counts: Vec<Option<Vec<u64>>>,
}

/// The values of a tensor: in pieces where the file has them so.
pub(super) enum Values<'a> {
    I8(Vec<&'a [i8]>),
    I16(Vec<&'a [i16]>),
    I32(Vec<&'a [i32]>),
}

impl Values<'_> {
    pub(super) fn for_each(&self, mut take: impl FnMut(i64)) {
        match self {
            Values::I8(parts) => parts
                .iter()
                .copied()
                .flatten()
                .for_each(|&value| take(i64::from(value))),
            Values::I16(parts) => parts
                .iter()
                .copied()
                .flatten()
                .for_each(|&value| take(i64::from(value))),
            Values::I32(parts) => parts
                .iter()
                .copied()
                .flatten()
                .for_each(|&value| take(i64::from(value))),
        }
    }
}

/// All tensors of a network in file order; the layers of all buckets together.
pub(super) fn tensors(network: &Network) -> Vec<(String, Values<'_>)> {
    let architecture = &network.architecture;
    let (mut wide, mut narrow, mut psqt) = (0, 0, 0);
    let mut all = Vec::new();
    for spec in architecture.layout {
        let len = architecture.tensor_len(spec.role);
        let next = |at: &mut usize| {
            *at += len;
            *at - len..*at
        };
        let values = match spec.role {
            TensorRole::Bias => Values::I16(vec![&network.ft.bias]),
            TensorRole::Wide(..) => Values::I16(vec![&network.ft.wide[next(&mut wide)]]),
            TensorRole::Narrow(..) => Values::I8(vec![&network.ft.narrow[next(&mut narrow)]]),
            TensorRole::Psqt(..) => Values::I32(vec![&network.ft.psqt[next(&mut psqt)]]),
        };
        all.push((spec.name.to_string(), values));
    }
    all.extend(of_layers(network, None));
    all
}

/// The layers of one bucket, or of all together.
fn of_layers(network: &Network, bucket: Option<usize>) -> Vec<(String, Values<'_>)> {
    let mut all = Vec::new();
    for (number, name) in LAYERS.iter().enumerate() {
        let stacks = network.stacks.iter().enumerate();
        let layers = stacks
            .filter(|(stack, _)| bucket.is_none_or(|bucket| bucket == *stack))
            .map(|(_, stack)| &stack.layers[number]);
        let biases = layers.clone().map(|layer| layer.bias.as_slice());
        let weights = layers.flat_map(|layer| {
            let rows = layer.weights.chunks_exact(layer.padded_inputs);
            rows.map(|row| &row[..layer.inputs])
        });
        let weights = Values::I8(weights.collect());
        all.push((format!("{name} biases"), Values::I32(biases.collect())));
        all.push((format!("{name} weights"), weights));
    }
    all
}

/// Histograms of all tensors of the networks, over common axes.
pub fn histograms(networks: &[&Network]) -> HistogramNumbers {
    over_common_axes(networks.iter().map(|network| tensors(network)).collect())
}

/// The same of the layers of one bucket.
pub fn layer_histograms(networks: &[&Network], bucket: usize) -> HistogramNumbers {
    let layers = networks
        .iter()
        .map(|network| of_layers(network, Some(bucket)));
    over_common_axes(layers.collect())
}

fn over_common_axes(networks: Vec<Vec<(String, Values)>>) -> HistogramNumbers {
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in networks.iter().flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let tensors = names.iter().map(|&name| {
        let values: Vec<Option<&Values>> = networks
            .iter()
            .map(|tensors| {
                let found = tensors.iter().find(|(other, _)| other == name);
                found.map(|(_, values)| values)
            })
            .collect();
        tensor(name.clone(), &values)
    });
    HistogramNumbers {
        tensors: tensors.collect(),
    }
}

fn tensor(name: String, networks: &[Option<&Values>]) -> TensorHistogram {
    let (mut low, mut high) = (i64::MAX, i64::MIN);
    for values in networks.iter().flatten() {
        values.for_each(|value| (low, high) = (low.min(value), high.max(value)));
    }
    if low > high {
        (low, high) = (0, 0);
    }
    let span = high - low + 1;
    let width = (span + BINS - 1) / BINS;
    let bins = ((span + width - 1) / width) as usize;
    let count = |values: &Values| {
        let mut counts = vec![0; bins];
        values.for_each(|value| counts[((value - low) / width) as usize] += 1);
        counts
    };
    TensorHistogram {
        tensor: name,
        low,
        high,
        width,
        counts: networks.iter().map(|values| values.map(count)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_axes_by_hand() {
        let (a, b) = ([-3i16, 0, 0, 1], [2i16, 124]);
        let (a, b) = (Values::I16(vec![&a]), Values::I16(vec![&b[..1], &b[1..]]));
        let found = tensor("t".to_string(), &[Some(&a), None, Some(&b)]);
        // 128 values from -3: two in an interval.
        assert_eq!((found.low, found.high, found.width), (-3, 124, 2));
        let [Some(a), None, Some(b)] = &found.counts[..] else {
            panic!("{found:?}");
        };
        assert_eq!((a.len(), b.len()), (64, 64));
        assert_eq!(a[..3], [1, 2, 1]);
        assert_eq!((b[2], b[63], b.iter().sum::<u64>()), (1, 1, 2));
        let none = tensor("t".to_string(), &[Some(&Values::I8(Vec::new()))]);
        assert_eq!(
            (none.low, none.width, &none.counts[0]),
            (0, 1, &Some(vec![0]))
        );
    }
}
