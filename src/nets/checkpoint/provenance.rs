//! What is noted beside a state dictionary's tensors, because they do not say it: which network they make.
//!
//! The note is JSON: in safetensors files an entry of the header's metadata, in PyTorch's archives a member that
//! `torch.load` passes over. Trainers neither read nor keep it.

use serde::{Deserialize, Serialize};

use super::archive::Member;
use super::bytes::FileBytes;
use super::error::CheckpointError;
use crate::files::quote::message;
use crate::nets::model::Activation;
use crate::nets::stockfish::{
    Architecture, Encoding, FileNumbers, LayerStack, Network, Recognition,
};

/// Key of the metadata of safetensors files.
pub(super) const KEY: &str = "ftperm";

/// Name of the member of PyTorch's archives, in their folder.
pub(super) const MEMBER: &str = "ftperm.json";

/// Longest note that is read.
const MAX_NOTE: usize = 1 << 20;

/// The bytes of the member that holds the note.
///
/// # Errors
/// It is damaged, or too long.
pub(super) fn read(member: &Member, bytes: &mut FileBytes) -> Result<Vec<u8>, CheckpointError> {
    let len = member.data.len();
    if len > MAX_NOTE {
        let problem = format!("{len} bytes, at most {MAX_NOTE} are read");
        return Err(CheckpointError::Provenance(problem));
    }
    member.prepare(bytes, MAX_NOTE as u64)?;
    Ok(bytes.read(member.data.clone())?.into_owned())
}

/// Longest description of a network that is noted.
const MAX_DESCRIPTION: usize = 1 << 16;

/// Most bytes of padding that are noted: more than the networks have that were shipped.
const MAX_PADDING: usize = 1 << 14;

/// The network that a state dictionary makes, as ftperm noted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The era's id.
    pub era: String,
    /// The clamp of the activations, which is one in the feature transformer's unit before 2026.
    pub clamp: i16,
    /// Was the clamp assumed?
    pub clamp_assumed: bool,
    /// Description of the network's file, if there was one and it is text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// The same in hexadecimal digits, if it is no text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description_hex: Option<String>,
    /// Encodings of the network's file, if there was one: those of the layout's tensors.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub encodings: Vec<Encoding>,
    /// Version and hashes of the file, if they are not the era's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub numbers: Option<FileNumbers>,
    /// Padding of the layers in the network's file that is not zero, which the tensors have no place for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub padding: Vec<PaddingByte>,
}

/// A byte of padding: layer stack, layer, place among the layer's weights as the file has them, value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaddingByte(usize, usize, usize, i8);

impl Provenance {
    /// Of tensors that are recognised so.
    pub(super) fn new(architecture: &Architecture, recognition: &Recognition) -> Provenance {
        let (Activation::Clipped { clamp } | Activation::Pairwise { clamp, .. }) =
            architecture.activation;
        Provenance {
            era: recognition.era.id.to_string(),
            clamp,
            clamp_assumed: recognition.clamp_assumed,
            description: None,
            description_hex: None,
            encodings: Vec::new(),
            numbers: recognition.numbers.clone(),
            padding: Vec::new(),
        }
    }

    /// Of a network's file.
    pub(super) fn of(network: &Network) -> Provenance {
        let mut provenance = Provenance::new(&network.architecture, &network.recognition);
        provenance.encodings.clone_from(&network.ft.encodings);
        let padding = network.nonzero_padding().take(MAX_PADDING + 1);
        let padding: Vec<PaddingByte> = padding
            .map(|(stack, layer, place, value)| PaddingByte(stack, layer, place, value))
            .collect();
        if padding.len() <= MAX_PADDING {
            provenance.padding = padding;
        }
        if network.description.len() <= MAX_DESCRIPTION {
            match std::str::from_utf8(&network.description) {
                Ok(text) => provenance.description = Some(text.to_string()),
                Err(_) => provenance.description_hex = Some(hex_digits(&network.description)),
            }
        }
        provenance
    }

    /// Reads a note.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(json: &[u8]) -> Result<Provenance, String> {
        if json.len() > MAX_NOTE {
            return Err(format!("{} bytes, at most {MAX_NOTE} are read", json.len()));
        }
        serde_json::from_slice(json).map_err(|error| message(&error))
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("a note is text and numbers")
    }

    /// Puts the noted padding into layers; what has no place in them is left out.
    pub(super) fn pad(&self, stacks: &mut [LayerStack]) {
        for &PaddingByte(stack, layer, place, value) in &self.padding {
            let layer = stacks
                .get_mut(stack)
                .and_then(|stack| stack.layers.get_mut(layer));
            if let Some(layer) = layer
                && place % layer.padded_inputs >= layer.inputs
                && let Some(weight) = layer.weights.get_mut(place)
            {
                *weight = value;
            }
        }
    }

    /// The description of the network's file.
    pub(super) fn description(&self) -> Option<Vec<u8>> {
        match (&self.description, &self.description_hex) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(digits)) => bytes_of(digits),
            (None, None) => None,
        }
    }
}

fn hex_digits(bytes: &[u8]) -> String {
    crate::files::digest::hex(bytes)
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().as_chunks::<2>();
    let pair = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.0.iter().map(pair).collect()
}
