//! Input weights of neurons, as boards.

use serde::Serialize;

use super::boards::{BoardSet, CELLS, CellMeans};
use crate::nets::stockfish::features::words;
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

impl WhichKing {
    /// The name of the square.
    pub(super) fn name(self) -> Option<String> {
        match self {
            WhichKing::Mean => None,
            WhichKing::On(square) => Some(words::square(square)),
        }
    }

    /// Its number among the king's squares of each set. `None` if no set has the own king there.
    pub(super) fn places(self, sets: &[BoardSet]) -> Option<Vec<Option<usize>>> {
        let WhichKing::On(square) = self else {
            return Some(vec![None; sets.len()]);
        };
        let place = |set: &BoardSet| set.kings.binary_search(&square).ok();
        let places: Vec<Option<usize>> = sets.iter().map(place).collect();
        places.iter().any(Option::is_some).then_some(places)
    }
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

impl From<&BoardSet> for SetNumbers {
    fn from(set: &BoardSet) -> SetNumbers {
        SetNumbers {
            name: set.name,
            boards: set.boards.iter().map(|board| board.label()).collect(),
            codes: set.boards.iter().map(|board| board.code).collect(),
        }
    }
}

/// Cells board by board.
pub(super) fn by_board(cells: impl Iterator<Item = Option<f64>>) -> Vec<Vec<Option<f64>>> {
    let cells: Vec<Option<f64>> = cells.collect();
    cells.chunks_exact(CELLS).map(<[_]>::to_vec).collect()
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
        let kings = choice.king.places(&sets)?;
        let means: Vec<CellMeans> = sets
            .iter()
            .zip(kings)
            .map(|(set, king)| {
                let mut means = set.weights(network, king);
                if let Some(other) = minus {
                    means.subtract(&set.weights(other, king));
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
                .map(|means| by_board(means.column(column)))
                .collect(),
        };
        let columns = choice.neurons.iter().flat_map(|&neuron| {
            let neuron = neuron as usize;
            (neuron..l1).step_by(neurons).map(move |at| (neuron, at))
        });
        Some(InputNumbers {
            l1,
            neurons,
            king: choice.king.name(),
            columns: columns.map(|(neuron, at)| column(neuron, at)).collect(),
            sets: sets.iter().map(SetNumbers::from).collect(),
        })
    }
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
