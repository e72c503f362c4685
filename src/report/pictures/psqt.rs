//! What pieces on squares are worth in each bucket.

use serde::Serialize;

use super::boards::BoardSet;
use super::inputs::{SetNumbers, WhichKing, by_board};
use crate::nets::stockfish::Network;

/// PSQT values of the file that are one unit of the engine's evaluation (`docs/notes/eras.md`, section 8).
pub const ENGINE_UNIT: f64 = 16.0;

/// PSQT by bucket.
#[derive(Clone, Debug, Serialize)]
pub struct PsqtNumbers {
    /// The own king's square; `null` for the mean over all.
    pub king: Option<String>,
    pub sets: Vec<SetNumbers>,
    pub buckets: Vec<PsqtBucket>,
}

/// PSQT of a bucket.
#[derive(Clone, Debug, Serialize)]
pub struct PsqtBucket {
    pub bucket: usize,
    /// In engine units, by set, board and square from a1; `null` where no legal position has a feature.
    pub values: Vec<Vec<Vec<Option<f64>>>>,
}

impl PsqtNumbers {
    /// Of one bucket, or of all. `None` if no set has the own king on that square.
    pub fn new(network: &Network, bucket: Option<usize>, king: WhichKing) -> Option<PsqtNumbers> {
        let sets = BoardSet::of(network);
        let kings = king.places(&sets)?;
        let means: Vec<_> = sets
            .iter()
            .zip(kings)
            .map(|(set, king)| set.psqt(network, king))
            .collect();
        let buckets = 0..network.architecture.psqt_buckets;
        Some(PsqtNumbers {
            king: king.name(),
            buckets: buckets
                .filter(|&number| bucket.is_none_or(|bucket| bucket == number))
                .map(|number| PsqtBucket {
                    bucket: number,
                    values: means
                        .iter()
                        .map(|means| {
                            let values = means.column(number);
                            by_board(values.map(|value| value.map(|value| value / ENGINE_UNIT)))
                        })
                        .collect(),
                })
                .collect(),
            sets: sets.iter().map(SetNumbers::from).collect(),
        })
    }
}
