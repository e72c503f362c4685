//! Features as squares of boards.

use crate::nets::stockfish::features::{FeatureSet, Meaning, PP_3WIDE, words};
use crate::nets::stockfish::{Network, Row};

/// Squares of a board.
pub const CELLS: usize = 64;

/// The boards of a feature set: one for each piece; for threats one for each attacker; for pairs of pawns one for each
/// pawn and the colour of the other.
#[derive(Clone, Debug)]
pub struct BoardSet {
    /// Number of the set in its network.
    pub set: usize,
    pub name: &'static str,
    pub boards: Vec<Board>,
    /// Squares on which the own king may stand, where features tell it; from a1 on.
    pub kings: Vec<u32>,
    places: Vec<Place>,
}

/// What one board shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Board {
    /// `2 * kind + (0 own, 1 opponent)` of the piece that stands on its squares.
    pub code: u32,
    /// The same of the other pawn of a pair.
    pub beside: Option<u32>,
    attacks: bool,
}

/// A feature on a board.
#[derive(Clone, Copy, Debug)]
struct Place {
    feature: u32,
    /// Board times 64, and the square.
    cell: u32,
    /// Number of the own king's square, where features tell it.
    king: Option<u8>,
}

impl Board {
    /// "own pawn", "own pawn attacks", "own pawn beside an opponent's".
    pub fn label(&self) -> String {
        let piece = words::piece(self.code);
        match self.beside {
            Some(other) => {
                let other = ["an own one", "an opponent's"][other as usize % 2];
                format!("{piece} beside {other}")
            }
            None if self.attacks => format!("{piece} attacks"),
            None => piece,
        }
    }
}

impl BoardSet {
    /// Those of all sets of a network.
    pub fn of(network: &Network) -> Vec<BoardSet> {
        let sets = network.architecture.sets.iter().enumerate();
        sets.map(|(number, set)| BoardSet::new(number, *set))
            .collect()
    }

    fn new(number: usize, set: &'static dyn FeatureSet) -> BoardSet {
        let is_pair = set.name() == PP_3WIDE.name();
        let meanings: Vec<(u32, Meaning)> = (0..set.count() as u32)
            .filter(|&feature| set.impossible(feature).is_none())
            .filter_map(|feature| Some((feature, set.meaning(feature).ok()?)))
            .collect();
        let shown = |meaning: &Meaning| -> Vec<(Board, u32)> {
            let board = |code, beside, attacks| Board {
                code,
                beside,
                attacks,
            };
            let first = meaning.first;
            match meaning.second {
                Some(second) if is_pair => vec![
                    (board(first.code, Some(second.code), false), first.square),
                    (board(second.code, Some(first.code), false), second.square),
                ],
                second => vec![(board(first.code, None, second.is_some()), first.square)],
            }
        };
        let mut boards: Vec<Board> = meanings
            .iter()
            .flat_map(|(_, meaning)| shown(meaning))
            .map(|(board, _)| board)
            .collect();
        boards.sort_unstable();
        boards.dedup();
        let mut kings: Vec<u32> = meanings
            .iter()
            .filter_map(|(_, meaning)| meaning.own_king)
            .collect();
        kings.sort_unstable();
        kings.dedup();
        let mut places = Vec::new();
        for (feature, meaning) in &meanings {
            let king = meaning
                .own_king
                .and_then(|king| kings.binary_search(&king).ok())
                .map(|king| king as u8);
            for (board, square) in shown(meaning) {
                let board = boards.binary_search(&board).unwrap_or_default();
                places.push(Place {
                    feature: *feature,
                    cell: (CELLS * board) as u32 + square,
                    king,
                });
            }
        }
        BoardSet {
            set: number,
            name: set.name(),
            boards,
            kings,
            places,
        }
    }

    /// Squares of all boards.
    pub fn cells(&self) -> usize {
        CELLS * self.boards.len()
    }

    /// Mean weights by square and column: over all own king's squares, or of one of [`BoardSet::kings`].
    pub fn weights(&self, network: &Network, king: Option<usize>) -> CellMeans {
        let mut means = CellMeans::new(self.cells(), network.architecture.l1);
        for place in self.places_of(king) {
            match network.row(self.set, place.feature as usize) {
                Row::Wide(row) => means.add(place.cell as usize, row),
                Row::Narrow(row) => means.add(place.cell as usize, row),
            }
        }
        means
    }

    /// The same of the PSQT columns.
    pub fn psqt(&self, network: &Network, king: Option<usize>) -> CellMeans {
        let mut means = CellMeans::new(self.cells(), network.architecture.psqt_buckets);
        for place in self.places_of(king) {
            let row = network.psqt_row(self.set, place.feature as usize);
            means.add(place.cell as usize, row);
        }
        means
    }

    /// The only feature of a square of a board for one of [`BoardSet::kings`], if there is one; by king, then cell.
    pub fn features_by_king(&self) -> Vec<Vec<Option<u32>>> {
        let mut features = vec![vec![None; self.cells()]; self.kings.len()];
        for place in &self.places {
            if let Some(king) = place.king {
                features[usize::from(king)][place.cell as usize] = Some(place.feature);
            }
        }
        features
    }

    fn places_of(&self, king: Option<usize>) -> impl Iterator<Item = &Place> {
        // Sets whose features tell no king are the same for all.
        let king = king.filter(|_| !self.kings.is_empty());
        self.places
            .iter()
            .filter(move |place| king.is_none_or(|king| place.king.map(usize::from) == Some(king)))
    }
}

/// Means of rows by cell, as exact sums.
#[derive(Clone, Debug)]
pub struct CellMeans {
    columns: usize,
    /// `[cells][columns]`.
    sums: Vec<i64>,
    /// Rows that were added, `[cells]`.
    counts: Vec<u32>,
}

impl CellMeans {
    fn new(cells: usize, columns: usize) -> CellMeans {
        CellMeans {
            columns,
            sums: vec![0; cells * columns],
            counts: vec![0; cells],
        }
    }

    fn add<T: Copy + Into<i64>>(&mut self, cell: usize, row: &[T]) {
        let sums = &mut self.sums[cell * self.columns..][..self.columns];
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += value.into();
        }
        self.counts[cell] += 1;
    }

    /// Takes the sums of another network's rows of the same features away.
    pub fn subtract(&mut self, other: &CellMeans) {
        for (sum, other) in self.sums.iter_mut().zip(&other.sums) {
            *sum -= other;
        }
    }

    /// The mean of a column; `None` where no legal position has a feature.
    pub fn get(&self, cell: usize, column: usize) -> Option<f64> {
        let count = self.counts[cell];
        let sum = self.sums[cell * self.columns + column];
        (count > 0).then(|| sum as f64 / f64::from(count))
    }

    /// All cells of a column.
    pub fn column(&self, column: usize) -> impl Iterator<Item = Option<f64>> {
        (0..self.counts.len()).map(move |cell| self.get(cell, column))
    }
}
