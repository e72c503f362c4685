//! Rows of features that no legal position activates, and networks without them.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::architecture::Store;
use super::features::{FeatureSet, Impossible, impossible_features};
use super::network::{Network, Row};

/// Rows of a feature set that no legal position activates.
#[derive(Clone, Debug)]
pub struct UnreachableRows {
    pub set: &'static dyn FeatureSet,
    /// How many, by the rule that they break.
    pub rows: BTreeMap<Impossible, usize>,
    /// How many of them hold anything but zeros, PSQT included.
    pub not_zero: usize,
}

impl UnreachableRows {
    /// All of the set.
    pub fn count(&self) -> usize {
        self.rows.values().sum()
    }
}

impl Network {
    /// Of each feature set the rows that no legal position activates: [`FeatureSet::impossible`] says which.
    pub fn unreachable_rows(&self) -> Vec<UnreachableRows> {
        let sets = self.architecture.sets.iter().enumerate();
        sets.map(|(number, &set)| {
            let mut found = UnreachableRows {
                set,
                rows: BTreeMap::new(),
                not_zero: 0,
            };
            for (feature, reason) in impossible_features(set) {
                *found.rows.entry(reason).or_insert(0) += 1;
                found.not_zero += usize::from(!self.is_zero(number, feature as usize));
            }
            found
        })
        .collect()
    }

    /// Sets those rows to zero, PSQT included. Returns how many were not.
    ///
    /// The network computes the same on every legal position. [`Network::reachable_digest`] is what stays.
    pub fn zero_unreachable(&mut self) -> usize {
        let architecture = self.architecture;
        let mut changed = 0;
        for (number, set) in architecture.sets.iter().enumerate() {
            let (store, first) = architecture.rows_of(number);
            let first_psqt = architecture.features_in(0..number);
            for (feature, _) in impossible_features(*set) {
                let feature = feature as usize;
                if self.is_zero(number, feature) {
                    continue;
                }
                let weights =
                    (first + feature) * architecture.l1..(first + feature + 1) * architecture.l1;
                match store {
                    Store::Wide => self.ft.wide[weights].fill(0),
                    Store::Narrow => self.ft.narrow[weights].fill(0),
                }
                let row = first_psqt + feature;
                self.ft.psqt
                    [row * architecture.psqt_buckets..(row + 1) * architecture.psqt_buckets]
                    .fill(0);
                changed += 1;
            }
        }
        changed
    }

    /// SHA-256 of all weights that a legal position can bring into play: biases, the rows of all other features with
    /// their PSQT, the layers. Networks of one architecture in which it is equal compute the same on every legal
    /// position.
    pub fn reachable_digest(&self) -> [u8; 32] {
        let architecture = &self.architecture;
        let mut hasher = Sha256::new();
        let wide = |hasher: &mut Sha256, values: &[i16]| {
            values
                .iter()
                .for_each(|value| hasher.update(value.to_le_bytes()));
        };
        wide(&mut hasher, &self.ft.bias);
        for (number, set) in architecture.sets.iter().enumerate() {
            for feature in 0..set.count() {
                if set.impossible(feature as u32).is_some() {
                    continue;
                }
                match self.row(number, feature) {
                    Row::Wide(row) => wide(&mut hasher, row),
                    Row::Narrow(row) => hasher.update(bytemuck::cast_slice::<i8, u8>(row)),
                }
                for value in self.psqt_row(number, feature) {
                    hasher.update(value.to_le_bytes());
                }
            }
        }
        for layer in self.stacks.iter().flat_map(|stack| &stack.layers) {
            for value in &layer.bias {
                hasher.update(value.to_le_bytes());
            }
            hasher.update(bytemuck::cast_slice::<i8, u8>(&layer.weights));
        }
        hasher.finalize().into()
    }

    /// The PSQT columns of a feature of set number `set`.
    #[doc(hidden)]
    pub fn psqt_row(&self, set: usize, feature: usize) -> &[i32] {
        let architecture = &self.architecture;
        let row = architecture.features_in(0..set) + feature;
        &self.ft.psqt[row * architecture.psqt_buckets..(row + 1) * architecture.psqt_buckets]
    }

    fn is_zero(&self, set: usize, feature: usize) -> bool {
        let weights = match self.row(set, feature) {
            Row::Wide(row) => row.iter().all(|&value| value == 0),
            Row::Narrow(row) => row.iter().all(|&value| value == 0),
        };
        weights && self.psqt_row(set, feature).iter().all(|&value| value == 0)
    }
}

#[cfg(test)]
mod tests {
    use crate::chess::random_games::{random_positions, random_positions_960};
    use crate::nets::stockfish::inference::evaluate;
    use crate::nets::stockfish::sample;

    #[test]
    fn only_what_no_legal_position_activates_is_zeroed() {
        for id in ["v1", "v5", "v10a", "v14", "v16", "halfka"] {
            let network = sample(id, 16);
            let mut zeroed = network.clone();
            let rows = network.unreachable_rows();
            let not_zero: usize = rows.iter().map(|rows| rows.not_zero).sum();
            assert!(not_zero > 0, "{id}");
            assert_eq!(zeroed.zero_unreachable(), not_zero);
            assert_eq!(zeroed.zero_unreachable(), 0);
            assert!(
                zeroed
                    .unreachable_rows()
                    .iter()
                    .all(|rows| rows.not_zero == 0)
            );
            assert_eq!(zeroed.reachable_digest(), network.reachable_digest());
            let mut boards = random_positions(3, 100);
            boards.extend(random_positions_960(4, 100));
            for board in &boards {
                let [a, b] = [&network, &zeroed].map(|network| evaluate(network, board));
                assert_eq!(
                    (a.psqt, a.positional),
                    (b.psqt, b.positional),
                    "{id} {}",
                    board.fen()
                );
            }
            // A weight that counts is in the digest.
            let mut other = zeroed.clone();
            let last = other.ft.psqt.len();
            match last.checked_sub(1) {
                Some(last) => other.ft.psqt[last - 8 * 64] ^= 1,
                None => other.ft.bias[0] ^= 1,
            }
            assert_ne!(other.reachable_digest(), network.reachable_digest(), "{id}");
        }
    }
}
