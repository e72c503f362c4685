//! The same network in another era's file layout.

use std::ops::Range;

use thiserror::Error;

use super::architecture::{Architecture, Store, TensorRole};
use super::features::FeatureSet;
use super::network::{Encoding, Network};
use super::registry::{ERAS, Era};

/// Why a network is not one of the other era.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a network of era {from} cannot be written as era {to}: {reason}{others}")]
pub struct RelayoutError {
    from: &'static str,
    to: &'static str,
    reason: &'static str,
    others: String,
}

impl Network {
    /// Eras whose networks compute the same from the same weights, but are stored in another layout or under other
    /// hashes (`docs/notes/eras.md`, section 15: the two layouts of SFNNv10, the two hashes of SFNNv13).
    pub fn other_layouts(&self) -> Vec<&'static Era> {
        let architecture = &self.architecture;
        let sized = |era: &Era| architecture.sizes_of(&era.architecture);
        let mut eras: Vec<&'static Era> = ERAS
            .iter()
            .filter(|era| {
                !architecture.same_as(&sized(era))
                    && difference(architecture, &era.architecture).is_none()
            })
            .collect();
        // Eras that differ in their layers' sizes alone are one here; the one with the network's sizes names it.
        eras.sort_by_key(|era| {
            let other = &era.architecture;
            (architecture.outputs0, architecture.outputs1) != (other.outputs0, other.outputs1)
        });
        eras.dedup_by(|later, kept| sized(later).same_as(&sized(kept)));
        eras
    }

    /// Makes the network one of another era that computes the same from the same weights.
    ///
    /// Threat weights of 16 bits become those 8 bits that the engine uses of them (section 2.2); says how many lose
    /// anything by that.
    ///
    /// # Errors
    /// The other era computes something else. The network is unchanged.
    pub fn relayout(&mut self, era: &'static Era) -> Result<usize, RelayoutError> {
        if let Some(reason) = difference(&self.architecture, &era.architecture) {
            let others: Vec<&str> = self.other_layouts().iter().map(|era| era.id).collect();
            return Err(RelayoutError {
                from: self.recognition.era.id,
                to: era.id,
                reason,
                others: match others.as_slice() {
                    [] => String::new(),
                    all => format!("; it can be written as {}", all.join(", ")),
                },
            });
        }
        let before = self.architecture;
        let after = before.sizes_of(&era.architecture);
        let changed = self.lay_out(after);
        let recognition = &mut self.recognition;
        recognition.era = era;
        recognition.exact = after.same_sizes(&era.architecture);
        recognition.alike = Vec::new();
        recognition.numbers = None;
        Ok(changed)
    }

    /// Brings the tensors into the layout of another architecture that computes the same from the same weights, also
    /// one with the same feature sets in another order. Says how many threat weights lose anything by that.
    ///
    /// # Errors
    /// What the other one computes otherwise. The network is unchanged.
    pub(crate) fn lay_out_as(&mut self, other: &Architecture) -> Result<usize, &'static str> {
        match difference(&self.architecture, other) {
            Some(reason) => Err(reason),
            None => Ok(self.lay_out(self.architecture.sizes_of(other))),
        }
    }

    /// Both have the same sets.
    fn lay_out(&mut self, after: Architecture) -> usize {
        let before = self.architecture;
        let numbers = sets_of(&before, &after).expect("both have the same sets");
        let compressed = self.ft.encodings.contains(&Encoding::Leb128);
        let mut changed = 0;
        let (mut wide, mut narrow, mut psqt) = (Vec::new(), Vec::new(), Vec::new());
        for spec in after.layout {
            match spec.role {
                TensorRole::Bias => {}
                TensorRole::Wide(first, end) => {
                    for &set in &numbers[first..end] {
                        match self.rows(set) {
                            (Store::Wide, rows) => wide.extend_from_slice(&self.ft.wide[rows]),
                            (Store::Narrow, rows) => {
                                wide.extend(self.ft.narrow[rows].iter().copied().map(i16::from));
                            }
                        }
                    }
                }
                TensorRole::Narrow(first, end) => {
                    for &set in &numbers[first..end] {
                        match self.rows(set) {
                            (Store::Narrow, rows) => {
                                narrow.extend_from_slice(&self.ft.narrow[rows]);
                            }
                            (Store::Wide, rows) => {
                                let rows = &self.ft.wide[rows];
                                changed += rows
                                    .iter()
                                    .filter(|&&value| i16::from(value as i8) != value)
                                    .count();
                                narrow.extend(rows.iter().map(|&value| value as i8));
                            }
                        }
                    }
                }
                TensorRole::Psqt(first, end) => {
                    for &set in &numbers[first..end] {
                        psqt.extend_from_slice(&self.ft.psqt[psqt_of(&before, set)]);
                    }
                }
            }
        }
        self.ft.wide = wide;
        self.ft.narrow = narrow;
        self.ft.psqt = psqt;
        let encoding = |role| match role {
            TensorRole::Narrow(..) => Encoding::Raw,
            _ if compressed => Encoding::Leb128,
            _ => Encoding::Raw,
        };
        self.ft.encodings = after
            .layout
            .iter()
            .map(|spec| encoding(spec.role))
            .collect();
        self.architecture = after;
        changed
    }

    /// The weights of one set.
    pub(super) fn rows(&self, set: usize) -> (Store, Range<usize>) {
        let architecture = &self.architecture;
        let (store, first) = architecture.rows_of(set);
        let rows = first..first + architecture.sets[set].count();
        (
            store,
            rows.start * architecture.l1..rows.end * architecture.l1,
        )
    }

    /// The PSQT of one set.
    pub(super) fn psqt_rows(&self, set: usize) -> Range<usize> {
        psqt_of(&self.architecture, set)
    }
}

/// Where the PSQT of one set is.
fn psqt_of(architecture: &Architecture, set: usize) -> Range<usize> {
    let mut start = 0;
    for spec in architecture.layout {
        if let TensorRole::Psqt(first, end) = spec.role {
            if (first..end).contains(&set) {
                start += architecture.features_in(first..set) * architecture.psqt_buckets;
                break;
            }
            start += architecture.features_in(first..end) * architecture.psqt_buckets;
        }
    }
    start..start + architecture.sets[set].count() * architecture.psqt_buckets
}

/// For each feature set of the second its number in the first: outputs are sums over all sets, whatever their order.
/// `None` if these are not the same sets.
fn sets_of(architecture: &Architecture, other: &Architecture) -> Option<Vec<usize>> {
    if architecture.sets.len() != other.sets.len() {
        return None;
    }
    let number = |wanted: &&dyn FeatureSet| {
        let same =
            |set: &&dyn FeatureSet| (set.name(), set.count()) == (wanted.name(), wanted.count());
        architecture.sets.iter().position(same)
    };
    let numbers: Vec<usize> = other.sets.iter().map(number).collect::<Option<_>>()?;
    let mut seen = vec![false; numbers.len()];
    numbers
        .iter()
        .all(|&number| !std::mem::replace(&mut seen[number], true))
        .then_some(numbers)
}

/// What the second computes otherwise than the first, at the sizes of the first.
fn difference(architecture: &Architecture, other: &Architecture) -> Option<&'static str> {
    if sets_of(architecture, other).is_none() {
        return Some("its features are others");
    }
    if architecture.activation != other.activation {
        return Some("its feature transformer has another activation");
    }
    if architecture.stack != other.stack {
        return Some("its layers compute something else");
    }
    if (architecture.psqt_buckets == 0) != (other.psqt_buckets == 0) {
        return Some("only one of them has PSQT");
    }
    None
}
