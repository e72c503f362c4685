//! The exact integer forward pass of every era (`docs/notes/eras.md`, sections 6 and 7).
//!
//! This is the slow, plain twin of what engines do, used to verify and to explain. It works on the rows as the file
//! holds them, so it shares no code with the kernels of [`compute`](crate::compute).
//!
//! ```
//! use ftperm::nets::stockfish::inference::evaluate;
//! use ftperm::nets::stockfish::{Network, ReadOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let network = Network::read("datasets/demo.nnue".as_ref(), &ReadOptions::default())?;
//! let board = "8/8/8/4k3/8/8/4P3/4K3 w - - 0 1".parse()?;
//! let evaluation = evaluate(&network, &board);
//! // What Stockfish computes before it scales: PSQT and positional output of the bucket for three men.
//! assert_eq!(evaluation.selected(), (2706, 5420));
//! # Ok(())
//! # }
//! ```

use crate::chess::board::{Board, Color};
use crate::nets::model::Activation;
use crate::nets::stockfish::features::ActiveFeatures;
use crate::nets::stockfish::{DenseLayer, LayerStack, Network, StackVariant, Store, TensorRole};

/// All that a network computes for a position, before any scaling by an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The bucket of the position: which layer stack and PSQT column an engine takes.
    pub bucket: usize,
    /// PSQT term of every bucket, for the side to move; empty in networks without PSQT.
    pub psqt: Vec<i32>,
    /// Output of every layer stack, for the side to move.
    pub positional: Vec<i32>,
    /// First-layer sums of the stack of `bucket`, before any activation.
    pub first_layer: Vec<i32>,
    /// Output bytes of the feature transformer: the side to move's half, then the opponent's.
    pub ft_bytes: Vec<u8>,
    /// Active features of every set, in the architecture's order, each `[White's, Black's]` and sorted.
    pub features: Vec<ActiveFeatures>,
}

impl Evaluation {
    /// PSQT term and positional output of the bucket that an engine takes.
    pub fn selected(&self) -> (i32, i32) {
        (
            self.psqt.get(self.bucket).copied().unwrap_or(0),
            self.positional[self.bucket],
        )
    }

    /// Output bytes that are zero.
    pub fn zero_bytes(&self) -> usize {
        self.ft_bytes.iter().filter(|&&byte| byte == 0).count()
    }

    /// Blocks of four output bytes, in file order, that are all zero: what an engine skips.
    pub fn zero_blocks(&self) -> usize {
        self.ft_bytes
            .as_chunks::<4>()
            .0
            .iter()
            .filter(|&&block| block == [0; 4])
            .count()
    }
}

/// Evaluates a position in all buckets.
pub fn evaluate(network: &Network, board: &Board) -> Evaluation {
    let architecture = &network.architecture;
    let features = active_features(network, board);
    let us = board.side_to_move();
    let mut ft_bytes = Vec::with_capacity(architecture.ft_outputs());
    for perspective in [us, us.opponent()] {
        let accumulator = accumulate(network, &features, perspective);
        activate(&accumulator, architecture.activation, &mut ft_bytes);
    }
    let psqt = psqt(network, &features, us);
    let outputs: Vec<StackOutput> = network
        .stacks
        .iter()
        .map(|stack| forward(architecture.stack, stack, &ft_bytes))
        .collect();
    let bucket = bucket(board, network.stacks.len());
    Evaluation {
        bucket,
        psqt,
        positional: outputs.iter().map(|output| output.positional).collect(),
        first_layer: outputs
            .into_iter()
            .nth(bucket)
            .map_or_else(Vec::new, |it| it.first_layer),
        ft_bytes,
        features,
    }
}

/// The stack for a position: equal steps of the number of pieces. Eight of them are what every engine has.
fn bucket(board: &Board, stacks: usize) -> usize {
    ((board.piece_count() as usize - 1) * stacks / 32).min(stacks - 1)
}

fn active_features(network: &Network, board: &Board) -> Vec<ActiveFeatures> {
    let sets = network.architecture.sets.iter();
    sets.map(|set| {
        let mut lists = ActiveFeatures::default();
        set.append_active(board, &mut lists);
        lists.iter_mut().for_each(|list| list.sort_unstable());
        lists
    })
    .collect()
}

/// Bias plus the rows of all active features, modulo 2^16 as in the engines.
fn accumulate(network: &Network, features: &[ActiveFeatures], perspective: Color) -> Vec<i16> {
    let architecture = &network.architecture;
    let l1 = architecture.l1;
    let mut accumulator = network.ft.bias.clone();
    for (set, lists) in features.iter().enumerate() {
        let (store, first) = architecture.rows_of(set);
        // 16-bit threat rows are narrowed by their engine when it loads them.
        let narrowed = is_narrowed(network, set);
        for &feature in &lists[perspective as usize] {
            let at = (first + feature as usize) * l1;
            match store {
                Store::Wide => {
                    for (sum, &weight) in accumulator.iter_mut().zip(&network.ft.wide[at..at + l1])
                    {
                        let weight = if narrowed {
                            i16::from(weight as i8)
                        } else {
                            weight
                        };
                        *sum = sum.wrapping_add(weight);
                    }
                }
                Store::Narrow => {
                    let row = &network.ft.narrow[at..at + l1];
                    for (sum, &weight) in accumulator.iter_mut().zip(row) {
                        *sum = sum.wrapping_add(i16::from(weight));
                    }
                }
            }
        }
    }
    accumulator
}

/// Do the rows of this set share a 16-bit tensor with the piece-square rows that close it?
fn is_narrowed(network: &Network, set: usize) -> bool {
    network
        .architecture
        .layout
        .iter()
        .any(|spec| match spec.role {
            TensorRole::Wide(first, end) => (first..end - 1).contains(&set),
            _ => false,
        })
}

fn activate(accumulator: &[i16], activation: Activation, out: &mut Vec<u8>) {
    match activation {
        Activation::Clipped { clamp } => {
            out.extend(accumulator.iter().map(|&sum| sum.clamp(0, clamp) as u8));
        }
        Activation::Pairwise { clamp, shift } => {
            let (low, high) = accumulator.split_at(accumulator.len() / 2);
            out.extend(low.iter().zip(high).map(|(&a, &b)| {
                let product = i32::from(a.clamp(0, clamp)) * i32::from(b.clamp(0, clamp));
                (product >> shift) as u8
            }));
        }
    }
}

/// `(own - opponent) / 2` of every bucket, rounded toward zero.
fn psqt(network: &Network, features: &[ActiveFeatures], us: Color) -> Vec<i32> {
    let buckets = network.architecture.psqt_buckets;
    let mut sums = [vec![0i32; buckets], vec![0i32; buckets]];
    let mut first = 0;
    for (set, lists) in network.architecture.sets.iter().zip(features) {
        for (sum, list) in sums.iter_mut().zip(lists) {
            for &feature in list {
                let at = (first + feature as usize) * buckets;
                for (sum, value) in sum.iter_mut().zip(&network.ft.psqt[at..at + buckets]) {
                    *sum = sum.wrapping_add(*value);
                }
            }
        }
        first += set.count();
    }
    let (own, opponent) = (&sums[us as usize], &sums[us.opponent() as usize]);
    own.iter()
        .zip(opponent)
        .map(|(own, opponent)| own.wrapping_sub(*opponent) / 2)
        .collect()
}

struct StackOutput {
    first_layer: Vec<i32>,
    positional: i32,
}

fn forward(variant: StackVariant, stack: &LayerStack, ft_bytes: &[u8]) -> StackOutput {
    let [first, second, third] = &stack.layers;
    let y0 = affine(first, ft_bytes);
    let rows = y0.len();
    let positional = match variant {
        StackVariant::Plain => {
            let y1 = affine(second, &clipped(&y0, 6));
            affine(third, &clipped(&y1, 6))[0]
        }
        StackVariant::Skip => {
            let y1 = affine(second, &clipped(&y0[..rows - 1], 6));
            let output = affine(third, &clipped(&y1, 6))[0];
            output.wrapping_add(scaled_skip(y0[rows - 1]))
        }
        StackVariant::SquaredSkip => {
            let y1 = affine(second, &squared_and_clipped(&y0[..rows - 1], 6));
            let output = affine(third, &clipped(&y1, 6))[0];
            output.wrapping_add(scaled_skip(y0[rows - 1]))
        }
        StackVariant::SquaredSkipScaled => {
            let y1 = affine(second, &squared_and_clipped(&y0[..rows - 1], 7));
            let output = affine(third, &clipped(&y1, 6))[0];
            scaled_output(output.wrapping_add(y0[rows - 1]))
        }
        StackVariant::DenseSkip => {
            let mut hidden = squared_and_clipped(&y0, 7);
            let y1 = affine(second, &hidden);
            hidden.extend(squared_and_clipped(&y1, 6));
            let skip = y0[rows - 2].wrapping_sub(y0[rows - 1]);
            scaled_output(affine(third, &hidden)[0].wrapping_add(skip))
        }
    };
    StackOutput {
        first_layer: y0,
        positional,
    }
}

/// The skip term until SFNNv14: the product wraps in 32 bits, as the engines' builds do.
fn scaled_skip(skip: i32) -> i32 {
    skip.wrapping_mul(9600) / 8128
}

/// The output scale from SFNNv14.1 on, in 64 bits.
fn scaled_output(output: i32) -> i32 {
    (i64::from(output) * 9600 / 16384) as i32
}

/// `bias + weights x input` in wrapping 32-bit integers. Padding columns meet zeros and are left out.
fn affine(layer: &DenseLayer, input: &[u8]) -> Vec<i32> {
    debug_assert_eq!(layer.inputs, input.len());
    let rows = layer.weights.chunks_exact(layer.padded_inputs);
    rows.zip(&layer.bias)
        .map(|(row, &bias)| {
            let products = row
                .iter()
                .zip(input)
                .map(|(&w, &x)| i32::from(w) * i32::from(x));
            products.fold(bias, i32::wrapping_add)
        })
        .collect()
}

/// `clamp(x >> shift, 0, 127)`.
fn clipped(values: &[i32], shift: u32) -> Vec<u8> {
    values
        .iter()
        .map(|&x| (x >> shift).clamp(0, 127) as u8)
        .collect()
}

/// All squares `min(127, x^2 >> (2 shift + 7))`, then all clipped values.
fn squared_and_clipped(values: &[i32], shift: u32) -> Vec<u8> {
    let squared = values.iter().map(|&x| {
        let square = (i64::from(x) * i64::from(x)) >> (2 * shift + 7);
        square.min(127) as u8
    });
    let mut out: Vec<u8> = squared.collect();
    out.extend(clipped(values, shift));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skip_term_wraps_in_32_bits() {
        // 230,976 * 9600 overflows; the engines' builds print the wrapped value.
        assert_eq!(scaled_skip(1000), 1181);
        assert_eq!(scaled_skip(-1000), -1181);
        let product = (230_976i64 * 9600) as i32;
        assert!(product < 0);
        assert_eq!(scaled_skip(230_976), product / 8128);
    }

    #[test]
    fn divisions_truncate_and_shifts_floor() {
        assert_eq!(scaled_output(-2), -1);
        assert_eq!(clipped(&[-1, 63, 64, 1 << 20], 6), [0, 0, 1, 127]);
        // 128 * 64 = 8192 is 1.0; its square shifted by 19 is 128, saturated to 127.
        assert_eq!(squared_and_clipped(&[-8192, 8192], 6), [127, 127, 0, 127]);
    }
}
