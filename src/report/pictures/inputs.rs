//! Input weights of neurons, as boards.

use serde::Serialize;

use super::boards::{BoardSet, CELLS, CellMeans};
use crate::nets::stockfish::{Network, Row};

/// Which own king's square boards are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhichKing {
    /// The mean over all.
    #[default]
    Mean,
    /// On a square from 0, a1, to 63, h8, as the network's sets mirror it.
    On(u32),
}

/// Which neurons, and in which order.
#[derive(Clone, Debug)]
pub struct Choice {
    pub neurons: Vec<u32>,
    pub king: WhichKing,
}

/// Input weights of some neurons.
#[derive(Clone, Debug, Serialize)]
pub struct InputNumbers {
    pub l1: usize,
    /// Of one perspective. In pairwise networks a neuron is the product of two columns.
    pub neurons: usize,
    /// The own king's square; `null` for the mean over all.
    pub king: Option<String>,
    pub sets: Vec<SetNumbers>,
    /// Neuron by neuron, in the order that was asked for.
    pub columns: Vec<ColumnNumbers>,
}

/// The boards of a feature set.
#[derive(Clone, Debug, Serialize)]
pub struct SetNumbers {
    pub name: &'static str,
    /// What stands on the squares.
    pub boards: Vec<String>,
    #[serde(skip)]
    pub codes: Vec<u32>,
}

/// A column of the accumulator.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnNumbers {
    pub column: usize,
    pub neuron: usize,
    pub bias: i32,
    /// Root of the sum of the squares of all its neuron's input weights.
    pub norm: f64,
    /// By set, board and square from a1; `null` where no legal position has a feature.
    pub weights: Vec<Vec<Vec<Option<f64>>>>,
}

impl InputNumbers {
    /// Of a network, or with `minus` of the difference of two. `None` if no set has the own king on that square.
    pub fn new(
        network: &Network,
        minus: Option<&Network>,
        choice: &Choice,
    ) -> Option<InputNumbers> {
        let sets = BoardSet::of(network);
        let king_of = |set: &BoardSet| match choice.king {
            WhichKing::Mean => None,
            WhichKing::On(square) => set.kings.binary_search(&square).ok(),
        };
        if choice.king != WhichKing::Mean && sets.iter().all(|set| king_of(set).is_none()) {
            return None;
        }
        let means: Vec<CellMeans> = sets
            .iter()
            .map(|set| {
                let mut means = set.weights(network, king_of(set));
                if let Some(other) = minus {
                    means.subtract(&set.weights(other, king_of(set)));
                }
                means
            })
            .collect();
        let norms = norms(network, minus);
        let (l1, neurons) = (network.architecture.l1, network.architecture.neurons());
        let column = |neuron: usize, column: usize| ColumnNumbers {
            column,
            neuron,
            bias: i32::from(network.ft.bias[column])
                - minus.map_or(0, |other| i32::from(other.ft.bias[column])),
            norm: norms[neuron],
            weights: means
                .iter()
                .map(|means| {
                    let cells: Vec<Option<f64>> = means.column(column).collect();
                    cells.chunks_exact(CELLS).map(<[_]>::to_vec).collect()
                })
                .collect(),
        };
        let columns = choice.neurons.iter().flat_map(|&neuron| {
            let neuron = neuron as usize;
            (neuron..l1).step_by(neurons).map(move |at| (neuron, at))
        });
        Some(InputNumbers {
            l1,
            neurons,
            king: match choice.king {
                WhichKing::Mean => None,
                WhichKing::On(square) => Some(square_name(square)),
            },
            columns: columns.map(|(neuron, at)| column(neuron, at)).collect(),
            sets: sets
                .iter()
                .map(|set| SetNumbers {
                    name: set.name,
                    boards: set.boards.iter().map(|board| board.label()).collect(),
                    codes: set.boards.iter().map(|board| board.code).collect(),
                })
                .collect(),
        })
    }
}

/// The name of a square.
pub(crate) fn square_name(square: u32) -> String {
    let file = char::from(b'a' + (square % 8) as u8);
    format!("{file}{}", square / 8 % 8 + 1)
}

/// Of each neuron the root of the sum of the squares of all its input weights, or of their differences.
pub fn norms(network: &Network, minus: Option<&Network>) -> Vec<f64> {
    let (l1, neurons) = (network.architecture.l1, network.architecture.neurons());
    let mut sums = vec![0u64; l1];
    for (number, set) in network.architecture.sets.iter().enumerate() {
        for feature in 0..set.count() {
            let row = network.row(number, feature);
            match (row, minus.map(|other| other.row(number, feature))) {
                (Row::Wide(row), Some(Row::Wide(other))) => add_squares(&mut sums, row, other),
                (Row::Narrow(row), Some(Row::Narrow(other))) => add_squares(&mut sums, row, other),
                (Row::Wide(row), _) => add_squares(&mut sums, row, &vec![0; l1]),
                (Row::Narrow(row), _) => add_squares(&mut sums, row, &vec![0; l1]),
            }
        }
    }
    let of_neuron = |neuron: usize| -> f64 {
        let columns = sums[neuron..].iter().step_by(neurons);
        (columns.sum::<u64>() as f64).sqrt()
    };
    (0..neurons).map(of_neuron).collect()
}

fn add_squares<T: Copy + Into<i64>>(sums: &mut [u64], row: &[T], other: &[T]) {
    for ((sum, &a), &b) in sums.iter_mut().zip(row).zip(other) {
        let difference = a.into() - b.into();
        *sum += (difference * difference) as u64;
    }
}
