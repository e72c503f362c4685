//! A layout as it is written: TOML, not checked yet.

use serde::Deserialize;

use super::activation::{Accumulator, ActivationKind};
use super::build_array::BuildArray;
use super::input::{Block, Mirror};
use super::storage::{Encoding, FileCompression};
use super::tensor::{ElementType, Role};
use super::threats::{ThreatOrder, ThreatPairs};
use super::trained::{RawPart, RawTrained};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLayout {
    pub format: u32,
    pub name: String,
    pub note: Option<String>,
    #[serde(default)]
    pub file: RawFile,
    pub input: RawInput,
    pub activation: RawActivation,
    pub first_layer: Option<FirstLayer>,
    pub output_buckets: Option<RawOutputBuckets>,
    pub build_order: Option<BuildArray>,
    pub trained: Option<RawTrained>,
    pub tensor: Vec<RawTensor>,
}

/// How the engine computes its first layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstLayer {
    /// Products that are added in 16 bits.
    pub added: Option<usize>,
    /// Does the engine read all blocks, zero or not?
    #[serde(default)]
    pub dense: bool,
}

/// How the engine chooses an output bucket.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOutputBuckets {
    pub by_pieces: Vec<u8>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    #[serde(default)]
    pub compression: FileCompression,
    #[serde(default)]
    pub plain: usize,
    #[serde(default)]
    pub encoding: Encoding,
    #[serde(default)]
    pub header: usize,
    pub magic: Option<String>,
    #[serde(default)]
    pub footer: usize,
    pub pad_to: Option<usize>,
    #[serde(default)]
    pub padding: Padding,
}

/// Must a file be padded?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Padding {
    #[default]
    Required,
    Optional,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInput {
    #[serde(default = "two")]
    pub perspectives: usize,
    #[serde(default = "own_first")]
    pub planes: String,
    #[serde(default)]
    pub first_square: FirstSquare,
    #[serde(default)]
    pub mirror: Mirror,
    pub king_buckets: Option<Vec<u8>>,
    pub threats: Option<RawThreats>,
    #[serde(default)]
    pub threat_order: ThreatOrder,
    #[serde(default)]
    pub threat_pairs: ThreatPairs,
    #[serde(default)]
    pub pawn_pairs: bool,
}

/// For each kind of attacker the kinds that it attacks, in the order of their numbers.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "UPPERCASE", default)]
pub(super) struct RawThreats {
    pub p: String,
    pub n: String,
    pub b: String,
    pub r: String,
    pub q: String,
    pub k: String,
}

fn two() -> usize {
    2
}

fn own_first() -> String {
    "PNBRQKpnbrqk".to_string()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FirstSquare {
    #[default]
    A1,
    A8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawActivation {
    pub kind: ActivationKind,
    pub clamp: Option<f64>,
    #[serde(default)]
    pub shift: u32,
    #[serde(default)]
    pub rounded: bool,
    pub pairs: Option<RawPairing>,
    pub accumulator: Option<Accumulator>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawPairing {
    Halves,
    Adjacent,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTensor {
    pub name: String,
    pub role: Option<Role>,
    #[serde(rename = "type")]
    pub element: ElementType,
    pub shape: Vec<usize>,
    pub neuron: Option<OneOrMore<usize>>,
    pub becomes: Option<ElementType>,
    pub inputs: Option<OneOrMore<Block>>,
    pub expect: Option<OneOrMore<i64>>,
    pub set: Option<i64>,
    pub trained: Option<RawPart>,
}

/// A value, or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T: Clone> OneOrMore<T> {
    pub fn list(&self) -> Vec<T> {
        match self {
            OneOrMore::One(value) => vec![value.clone()],
            OneOrMore::More(values) => values.clone(),
        }
    }
}
