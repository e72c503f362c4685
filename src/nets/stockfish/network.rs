//! A network in memory.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::architecture::{Architecture, Store, TensorRole};
use super::recognise::Recognition;
use crate::nets::model::{Activation, FtWeights};

/// How a tensor is stored in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Little-endian values.
    Raw,
    /// A `COMPRESSED_LEB128` block.
    Leb128,
}

/// A network: everything its file says.
#[derive(Clone, Debug)]
pub struct Network {
    pub architecture: Architecture,
    /// What the architecture was recognised from.
    pub recognition: Recognition,
    /// Any bytes; usually a sentence about the trainer.
    pub description: Vec<u8>,
    pub ft: FeatureTransformer,
    /// One per bucket (a single one in networks without buckets).
    pub stacks: Vec<LayerStack>,
    /// Tensors of the file whose LEB128 values were not all in their shortest form. They are written in the shortest
    /// one, so that the file comes out shorter than it was.
    pub longer_leb128: Vec<&'static str>,
}

/// The first layer. Rows stand feature-major: the `l1` weights of one feature follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureTransformer {
    /// `[l1]`.
    pub bias: Vec<i16>,
    /// 16-bit rows of all sets that have them, `[features][l1]`, in file order.
    pub wide: Vec<i16>,
    /// 8-bit rows of all sets that have them, `[features][l1]`, in file order.
    pub narrow: Vec<i8>,
    /// `[features of all sets][psqt_buckets]`, in file order.
    pub psqt: Vec<i32>,
    /// Per tensor of the architecture's layout.
    pub encodings: Vec<Encoding>,
}

/// The fully connected layers of one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerStack {
    pub layers: [DenseLayer; 3],
}

/// A fully connected layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseLayer {
    /// Values that enter.
    pub inputs: usize,
    /// Columns in the file: inputs rounded up to a multiple of 32.
    pub padded_inputs: usize,
    /// `[outputs]`.
    pub bias: Vec<i32>,
    /// `[outputs][padded_inputs]`. Columns past the inputs meet zeros only and are kept as they are.
    pub weights: Vec<i8>,
}

impl DenseLayer {
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }
}

impl Network {
    /// The feature transformer as kernels read it.
    ///
    /// 16-bit threat rows are narrowed to 8 bits as their engine does (`docs/notes/eras.md`, section 2.2); only if that
    /// changes a value are the rows copied.
    pub fn ft_rows(&self) -> FtRows<'_> {
        let threats = self.wide_threat_values();
        let fits = self.ft.wide[..threats]
            .iter()
            .all(|&value| i16::from(value as i8) == value);
        let wide = if fits {
            Cow::Borrowed(self.ft.wide.as_slice())
        } else {
            let mut wide = self.ft.wide.clone();
            for value in &mut wide[..threats] {
                *value = i16::from(*value as i8);
            }
            Cow::Owned(wide)
        };
        FtRows {
            l1: self.architecture.l1,
            activation: self.architecture.activation,
            bias: &self.ft.bias,
            wide,
            narrow: &self.ft.narrow,
        }
    }

    /// Values at the start of the 16-bit store that belong to sets whose rows are 8-bit in every later layout.
    fn wide_threat_values(&self) -> usize {
        let combined = self
            .architecture
            .layout
            .iter()
            .find_map(|spec| match spec.role {
                TensorRole::Wide(first, end) if end - first > 1 => Some(first..end - 1),
                _ => None,
            });
        combined.map_or(0, |sets| {
            self.architecture.features_in(sets) * self.architecture.l1
        })
    }

    /// Memory that the weights take, in bytes.
    pub fn bytes(&self) -> u64 {
        let ft = &self.ft;
        let layers = self.stacks.iter().flat_map(|stack| &stack.layers);
        let layers: usize = layers.map(|layer| layer.weights.len()).sum();
        (2 * ft.wide.len() + ft.narrow.len() + 4 * ft.psqt.len() + layers) as u64
    }

    /// One 16-bit row or one 8-bit row of set number `set`.
    pub fn row(&self, set: usize, feature: usize) -> Row<'_> {
        let l1 = self.architecture.l1;
        let (store, first) = self.architecture.rows_of(set);
        let at = (first + feature) * l1;
        match store {
            Store::Wide => Row::Wide(&self.ft.wide[at..at + l1]),
            Store::Narrow => Row::Narrow(&self.ft.narrow[at..at + l1]),
        }
    }

    /// SHA-256 of all that a permutation leaves unchanged: PSQT, and the layers without the first layer's weights.
    /// It recognises a network after its neurons were put into another order.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for value in &self.ft.psqt {
            hasher.update(value.to_le_bytes());
        }
        for stack in &self.stacks {
            for (number, layer) in stack.layers.iter().enumerate() {
                for value in &layer.bias {
                    hasher.update(value.to_le_bytes());
                }
                if number > 0 {
                    hasher.update(bytemuck::cast_slice(&layer.weights));
                }
            }
        }
        hasher.finalize().into()
    }

    /// Padding bytes of the fully connected layers that are not zero: they are kept, but mean nothing. Layer stack,
    /// layer, place among the layer's weights, value.
    pub fn nonzero_padding(&self) -> impl Iterator<Item = (usize, usize, usize, i8)> {
        let stacks = self.stacks.iter().enumerate();
        let layers = stacks.flat_map(|(stack, found)| {
            let layers = found.layers.iter().enumerate();
            layers.map(move |(number, layer)| (stack, number, layer))
        });
        layers.flat_map(|(stack, number, layer)| {
            let weights = layer.weights.iter().enumerate();
            let padding = weights.filter(|&(place, &value)| {
                value != 0 && place % layer.padded_inputs >= layer.inputs
            });
            padding.map(move |(place, &value)| (stack, number, place, value))
        })
    }
}

/// A weight row as the file holds it.
#[derive(Clone, Copy, Debug)]
pub enum Row<'a> {
    Wide(&'a [i16]),
    Narrow(&'a [i8]),
}

/// Owner of what [`FtWeights`] borrows.
#[derive(Clone, Debug)]
pub struct FtRows<'a> {
    l1: usize,
    activation: Activation,
    bias: &'a [i16],
    wide: Cow<'a, [i16]>,
    narrow: &'a [i8],
}

impl FtRows<'_> {
    pub fn weights(&self) -> FtWeights<'_> {
        FtWeights {
            l1: self.l1,
            activation: self.activation,
            bias: self.bias,
            wide: &self.wide,
            narrow: self.narrow,
        }
    }
}
