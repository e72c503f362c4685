//! What shapes a network file and its arithmetic, as data.

use std::ops::Range;

use super::hash::{self, FeatureHash};
use crate::nets::model::Activation;
use crate::nets::stockfish::features::FeatureSet;

/// The parameters from which a file's layout, its hashes and its arithmetic follow.
#[derive(Clone, Copy, Debug)]
pub struct Architecture {
    pub version: u32,
    /// Feature sets in file order.
    pub sets: &'static [&'static dyn FeatureSet],
    pub feature_hash: FeatureHash,
    /// Feature transformer tensors in file order.
    pub layout: &'static [TensorSpec],
    /// Accumulator width per perspective.
    pub l1: usize,
    pub activation: Activation,
    pub stack: StackVariant,
    /// Rows of each stack's first layer, the skip row included.
    pub outputs0: usize,
    /// Rows of each stack's second layer.
    pub outputs1: usize,
    /// Layer stacks, selected by the bucket.
    pub stacks: usize,
    /// PSQT columns: 8, or 0 in networks without PSQT.
    pub psqt_buckets: usize,
}

/// Where the weight rows of a feature set are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// 16-bit rows.
    Wide,
    /// 8-bit rows.
    Narrow,
}

/// One tensor of the feature transformer; the numbers are the range of feature sets it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorRole {
    /// `i16[l1]`.
    Bias,
    /// `i16[features][l1]`.
    Wide(usize, usize),
    /// `i8[features][l1]`, never compressed.
    Narrow(usize, usize),
    /// `i32[features][psqt_buckets]`.
    Psqt(usize, usize),
}

/// A tensor in file order and what to call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    pub role: TensorRole,
    pub name: &'static str,
}

/// The arithmetic of the fully connected layers (`docs/notes/eras.md`, section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StackVariant {
    /// FC-1: clipped ReLU only, no skip connection.
    Plain,
    /// FC-4: the last row of the first layer skips to the output.
    Skip,
    /// FC-5: as FC-4, and squared activations beside the clipped ones.
    SquaredSkip,
    /// FC-141: as FC-5 with finer weights and one common output scale.
    SquaredSkipScaled,
    /// FC-15: all rows activated, the last two skip as a difference, the output layer sees both hidden layers.
    DenseSkip,
}

impl StackVariant {
    /// Fewest rows of the first layer with which the arithmetic makes sense.
    pub fn least_outputs0(self) -> usize {
        match self {
            StackVariant::Plain => 1,
            StackVariant::Skip
            | StackVariant::SquaredSkip
            | StackVariant::SquaredSkipScaled
            | StackVariant::DenseSkip => 2,
        }
    }
}

/// Inputs and outputs of the three layers of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerSizes {
    /// `(inputs, outputs)` per layer.
    pub layers: [(usize, usize); 3],
}

/// Row length in the file: inputs rounded up to a multiple of 32.
pub(super) const fn padded(inputs: usize) -> usize {
    inputs.div_ceil(32) * 32
}

impl LayerSizes {
    /// Bytes of a stack in the file, its hash included.
    pub fn stack_bytes(&self) -> usize {
        4 + self
            .layers
            .iter()
            .map(|&(inputs, outputs)| 4 * outputs + outputs * padded(inputs))
            .sum::<usize>()
    }
}

impl Architecture {
    /// Outputs of the feature transformer per perspective: what a permutation orders.
    pub fn neurons(&self) -> usize {
        match self.activation {
            Activation::Clipped { .. } => self.l1,
            Activation::Pairwise { .. } => self.l1 / 2,
        }
    }

    /// The clamp of pairwise activations, which files do not say.
    pub fn clamp(&self) -> Option<i16> {
        match self.activation {
            Activation::Pairwise { clamp, .. } => Some(clamp),
            Activation::Clipped { .. } => None,
        }
    }

    /// Output bytes of the feature transformer, both perspectives together.
    pub fn ft_outputs(&self) -> usize {
        2 * self.neurons()
    }

    /// Sizes of a stack's layers.
    pub fn layer_sizes(&self) -> LayerSizes {
        let (o0, o1) = (self.outputs0, self.outputs1);
        let (inputs1, inputs2) = match self.stack {
            StackVariant::Plain => (o0, o1),
            StackVariant::Skip => (o0 - 1, o1),
            StackVariant::SquaredSkip | StackVariant::SquaredSkipScaled => (2 * (o0 - 1), o1),
            StackVariant::DenseSkip => (2 * o0, 2 * o0 + 2 * o1),
        };
        LayerSizes {
            layers: [(self.ft_outputs(), o0), (inputs1, o1), (inputs2, 1)],
        }
    }

    /// What trainers call L2: rows of the first layer, without one that only skips to the output.
    pub fn l2(&self) -> usize {
        match self.stack {
            StackVariant::Plain | StackVariant::DenseSkip => self.outputs0,
            StackVariant::Skip | StackVariant::SquaredSkip | StackVariant::SquaredSkipScaled => {
                self.outputs0 - 1
            }
        }
    }

    /// What trainers call L3: rows of the second layer.
    pub fn l3(&self) -> usize {
        self.outputs1
    }

    /// Another architecture of the same sizes as this one.
    pub(crate) fn sizes_of(&self, kind: &Architecture) -> Architecture {
        Architecture {
            l1: self.l1,
            outputs0: self.outputs0,
            outputs1: self.outputs1,
            stacks: self.stacks,
            psqt_buckets: self.psqt_buckets,
            ..*kind
        }
    }

    /// Have both as many rows in their layers?
    pub(crate) fn same_layers(&self, other: &Architecture) -> bool {
        (self.outputs0, self.outputs1) == (other.outputs0, other.outputs1)
    }

    /// Have both the same width, layers and buckets?
    pub(crate) fn same_sizes(&self, other: &Architecture) -> bool {
        let sizes = |architecture: &Architecture| {
            (
                architecture.l1,
                architecture.outputs0,
                architecture.outputs1,
                architecture.stacks,
                architecture.psqt_buckets,
            )
        };
        sizes(self) == sizes(other)
    }

    /// Hash in front of the feature transformer.
    pub fn ft_hash(&self) -> u32 {
        hash::ft_hash(hash::feature_hash(self.sets, self.feature_hash), self.l1)
    }

    /// Hash in front of every layer stack.
    pub fn stack_hash(&self) -> u32 {
        hash::stack_hash(self.l1, self.outputs0, self.outputs1)
    }

    /// Hash in the header.
    pub fn header_hash(&self) -> u32 {
        self.ft_hash() ^ self.stack_hash()
    }

    /// Features of the sets in a range.
    pub fn features_in(&self, sets: Range<usize>) -> usize {
        self.sets[sets].iter().map(|set| set.count()).sum()
    }

    /// Values of a tensor of this layout.
    pub fn tensor_len(&self, role: TensorRole) -> usize {
        match role {
            TensorRole::Bias => self.l1,
            TensorRole::Wide(first, end) | TensorRole::Narrow(first, end) => {
                self.features_in(first..end) * self.l1
            }
            TensorRole::Psqt(first, end) => self.features_in(first..end) * self.psqt_buckets,
        }
    }

    /// Where the rows of set number `set` are kept: the store and the number of rows in front of them.
    pub fn rows_of(&self, set: usize) -> (Store, usize) {
        let mut rows = [0; 2];
        for spec in self.layout {
            let (store, first, end) = match spec.role {
                TensorRole::Wide(first, end) => (Store::Wide, first, end),
                TensorRole::Narrow(first, end) => (Store::Narrow, first, end),
                TensorRole::Bias | TensorRole::Psqt(..) => continue,
            };
            if (first..end).contains(&set) {
                return (store, rows[store as usize] + self.features_in(first..set));
            }
            rows[store as usize] += self.features_in(first..end);
        }
        unreachable!("every set of an architecture has a weight tensor in its layout")
    }

    /// Names of the feature sets, joined by `+` as the reference trainer writes them.
    pub fn feature_names(&self) -> String {
        self.sets
            .iter()
            .map(|set| set.name())
            .collect::<Vec<_>>()
            .join("+")
    }

    /// Do both describe the same file layout and the same arithmetic?
    pub fn same_as(&self, other: &Architecture) -> bool {
        self.version == other.version
            && self.header_hash() == other.header_hash()
            && self.layout == other.layout
            && (self.l1, self.outputs0, self.outputs1) == (other.l1, other.outputs0, other.outputs1)
            && self.activation == other.activation
            && self.stack == other.stack
            && (self.stacks, self.psqt_buckets) == (other.stacks, other.psqt_buckets)
            && self
                .sets
                .iter()
                .map(|set| set.count())
                .eq(other.sets.iter().map(|set| set.count()))
    }
}
