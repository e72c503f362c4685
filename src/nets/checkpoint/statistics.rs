//! Ranges and histograms of a network's tensors, as the reference tool prints while it writes.

use std::fmt;

use crate::nets::stockfish::{Network, TensorRole};

/// Bars of a histogram, as many as the reference's.
const BINS: usize = 6;

/// Parts of a bar's interval in the finer histogram.
const PARTS: usize = 8;

/// Characters of the longest bar.
const BAR: usize = 50;

/// The values of one tensor of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorStatistics {
    pub tensor: String,
    pub values: usize,
    pub zeros: usize,
    pub min: i32,
    pub max: i32,
    /// Counts of equally wide intervals from the smallest to the largest value.
    pub histogram: [usize; BINS],
    /// The same for intervals of an eighth of the width.
    pub fine_histogram: [usize; BINS * PARTS],
}

impl TensorStatistics {
    fn of<T: Copy + Into<i32>>(tensor: String, values: &[T]) -> TensorStatistics {
        let (mut min, mut max, mut zeros) = (i32::MAX, i32::MIN, 0);
        for &value in values {
            let value = value.into();
            (min, max) = (min.min(value), max.max(value));
            zeros += usize::from(value == 0);
        }
        let mut fine_histogram = [0; BINS * PARTS];
        if values.is_empty() {
            (min, max) = (0, 0);
        }
        let (low, span) = (i64::from(min), (i64::from(max) - i64::from(min)).max(1));
        for &value in values {
            // The last interval holds its upper end too.
            let bin = (i64::from(value.into()) - low) * fine_histogram.len() as i64 / span;
            fine_histogram[(bin as usize).min(BINS * PARTS - 1)] += 1;
        }
        let bars = fine_histogram.as_chunks::<PARTS>().0;
        let mut histogram = [0; BINS];
        for (count, parts) in histogram.iter_mut().zip(bars) {
            *count = parts.iter().sum();
        }
        TensorStatistics {
            tensor,
            values: values.len(),
            zeros,
            min,
            max,
            histogram,
            fine_histogram,
        }
    }

    /// Lower end of an interval.
    pub fn lower_end(&self, bin: usize) -> f64 {
        let span = f64::from(self.max) - f64::from(self.min);
        f64::from(self.min) + span * bin as f64 / BINS as f64
    }
}

impl fmt::Display for TensorStatistics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{}: {} values from {} to {}, {} zero",
            self.tensor, self.values, self.min, self.max, self.zeros
        )?;
        let most = self.histogram.iter().copied().max().unwrap_or(0).max(1);
        for (bin, &count) in self.histogram.iter().enumerate() {
            let bar = "#".repeat(count * BAR / most);
            writeln!(out, "{:>12.1} | {bar:<BAR$} {count}", self.lower_end(bin))?;
        }
        Ok(())
    }
}

/// Statistics of all tensors in file order; the layers of all buckets count together.
pub fn statistics(network: &Network) -> Vec<TensorStatistics> {
    let architecture = &network.architecture;
    let (mut wide, mut narrow, mut psqt) = (
        network.ft.wide.as_slice(),
        network.ft.narrow.as_slice(),
        network.ft.psqt.as_slice(),
    );
    let mut all = Vec::new();
    for spec in architecture.layout {
        let (name, len) = (spec.name.to_string(), architecture.tensor_len(spec.role));
        all.push(match spec.role {
            TensorRole::Bias => TensorStatistics::of(name, &network.ft.bias),
            TensorRole::Wide(..) => TensorStatistics::of(name, cut(&mut wide, len)),
            TensorRole::Narrow(..) => TensorStatistics::of(name, cut(&mut narrow, len)),
            TensorRole::Psqt(..) => TensorStatistics::of(name, cut(&mut psqt, len)),
        });
    }
    for (number, name) in ["first layer", "second layer", "output layer"]
        .iter()
        .enumerate()
    {
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for stack in &network.stacks {
            let layer = &stack.layers[number];
            biases.extend_from_slice(&layer.bias);
            for row in layer.weights.chunks_exact(layer.padded_inputs) {
                weights.extend_from_slice(&row[..layer.inputs]);
            }
        }
        all.push(TensorStatistics::of(format!("{name} biases"), &biases));
        all.push(TensorStatistics::of(format!("{name} weights"), &weights));
    }
    all
}

fn cut<'a, T>(store: &mut &'a [T], len: usize) -> &'a [T] {
    let (tensor, rest) = store.split_at(len);
    *store = rest;
    tensor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_by_hand() {
        let tensor = TensorStatistics::of("t".to_string(), &[-6i16, -5, 0, 0, 1, 6]);
        assert_eq!(
            (tensor.min, tensor.max, tensor.zeros, tensor.values),
            (-6, 6, 2, 6)
        );
        // Intervals of two from -6: [-6, -4), [-4, -2), [-2, 0), [0, 2), [2, 4), [4, 6].
        assert_eq!(tensor.histogram, [2, 0, 0, 3, 0, 1]);
        assert_eq!(tensor.lower_end(3), 0.0);
        let text = tensor.to_string();
        assert!(
            text.starts_with("t: 6 values from -6 to 6, 2 zero\n        -6.0 | ####"),
            "{text}"
        );
        let extremes = TensorStatistics::of("t".to_string(), &[i32::MIN, i32::MAX]);
        assert_eq!(extremes.histogram, [1, 0, 0, 0, 0, 1]);
        assert_eq!(
            TensorStatistics::of::<i32>("t".to_string(), &[]).histogram,
            [0; 6]
        );
    }
}
