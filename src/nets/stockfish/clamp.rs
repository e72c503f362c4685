//! The clamp of the activations, which no file says (`facts/eras.md`, section 11).
//!
//! Networks of piece-square inputs were written with one at 127 until December 2025, at 255 since then, under the same
//! version and hashes. What is assumed is what a checkpoint of the same sizes is written with, except for sizes of
//! engines, which all clamp at 127.

use super::architecture::StackVariant;
use super::error::NetError;
use super::known;
use super::network::Network;
use super::read::ReadOptions;
use super::recognise::Candidate;
use super::registry::{ERAS, Era};
use super::{VERSION_2021, architecture::Architecture};
use crate::files::digest::sha256;
use crate::nets::model::Activation;
use crate::nets::stockfish::features::{FeatureSet as _, HALF_KA_V2_HM};

/// Where the trainer lived until 2023, as its networks' descriptions say.
const FIRST_HOME: &[u8] = b"glinscott/nnue-pytorch";

/// Settles the clamp of a parsed network.
pub(super) fn settle_clamp(
    network: &mut Network,
    bytes: &[u8],
    others: &[Candidate],
    options: &ReadOptions,
) -> Result<(), NetError> {
    let Activation::Pairwise { .. } = network.architecture.activation else {
        return match options.clamp {
            Some(_) => Err(NetError::ClampWithoutPairs(network.recognition.era.id)),
            None => Ok(()),
        };
    };
    if let Some(clamp) = options.clamp {
        network.set_clamp(clamp)?;
        let evidence = format!("clamp {clamp} was asked for");
        network.recognition.evidence.push(evidence);
        return Ok(());
    }
    if options.era.is_some() || !clamp_is_unsaid(&network.architecture) {
        return Ok(());
    }
    if let Some((name, clamp)) = known::clamp(network, &sha256(bytes)) {
        network.set_clamp(clamp)?;
        let evidence = format!("clamp {clamp}: this is {name}");
        network.recognition.evidence.push(evidence);
        return Ok(());
    }
    let of_first_home = network
        .description
        .windows(FIRST_HOME.len())
        .any(|part| part == FIRST_HOME);
    if of_first_home {
        network.set_clamp(127)?;
        network.recognition.evidence.push(
            "clamp 127: the description is that of trainers of before 2024, in all of which one is 127"
                .to_string(),
        );
        return Ok(());
    }
    let ambiguous = others
        .iter()
        .any(|other| other.architecture.activation != network.architecture.activation);
    if ambiguous && network.recognition.exact {
        return Err(NetError::ClampUnknown {
            l1: network.architecture.l1,
        });
    }
    let exact = network.recognition.exact;
    network.set_clamp(if exact { 127 } else { 255 })?;
    network.recognition.clamp_assumed = true;
    network.recognition.assumptions.push(if exact {
        "activations are clamped to 127, as in every such network that Stockfish shipped; the file does not say it (a \
         trainer of December 2025 or later writes 255: --clamp 255)"
            .to_string()
    } else {
        "activations are clamped to 255, as trainers write such networks since December 2025; the file does not say \
         it (before, it was 127: --clamp 127)"
            .to_string()
    });
    Ok(())
}

/// Were networks of this kind written with both clamps under one version and hash?
pub(crate) fn clamp_is_unsaid(architecture: &Architecture) -> bool {
    architecture.version == VERSION_2021
        && architecture.stack == StackVariant::SquaredSkip
        && architecture.sets.len() == 1
        && architecture.sets[0].hash() == HALF_KA_V2_HM.hash()
}

pub(crate) fn pairwise(clamp: i16) -> Result<Activation, NetError> {
    match clamp {
        127 => Ok(Activation::Pairwise { clamp, shift: 7 }),
        255 => Ok(Activation::Pairwise { clamp, shift: 9 }),
        _ => Err(NetError::Clamp(clamp)),
    }
}

/// Eras of this very architecture at its sizes. One of them whose engines have these sizes stands last, if there is
/// one; else the youngest with these layers.
pub(crate) fn eras_of(architecture: &Architecture) -> Vec<&'static Era> {
    let same = |era: &&Era| {
        architecture
            .sizes_of(&era.architecture)
            .same_as(architecture)
    };
    let mut eras: Vec<&'static Era> = ERAS.iter().filter(same).collect();
    eras.sort_by_key(|era| {
        let other = &era.architecture;
        (
            architecture.same_sizes(other),
            architecture.same_layers(other),
        )
    });
    eras
}

impl Network {
    /// Sets the clamp of pairwise activations, 127 or 255, and the era that is named after it.
    ///
    /// # Errors
    /// The clamp is another number, or the network has no pairwise activation.
    pub fn set_clamp(&mut self, clamp: i16) -> Result<(), NetError> {
        let Activation::Pairwise { clamp: current, .. } = self.architecture.activation else {
            return Err(NetError::ClampWithoutPairs(self.recognition.era.id));
        };
        let activation = pairwise(clamp)?;
        if clamp == current {
            return Ok(());
        }
        self.architecture.activation = activation;
        let mut eras = eras_of(&self.architecture);
        if let Some(era) = eras.pop() {
            let recognition = &mut self.recognition;
            recognition.exact = self.architecture.same_sizes(&era.architecture);
            recognition.alike = if recognition.exact { Vec::new() } else { eras };
            recognition.era = era;
        }
        Ok(())
    }

    /// Takes the clamp of another file of the same network, if this one's is only assumed. Says whether that changes
    /// how it is read.
    pub fn adopt_clamp(&mut self, other: &Network) -> bool {
        let (Activation::Pairwise { clamp, .. }, true) = (
            other.architecture.activation,
            self.recognition.clamp_assumed
                && self.architecture.same_sizes(&other.architecture)
                && self.architecture.stack == other.architecture.stack,
        ) else {
            return false;
        };
        let before = self.architecture.activation;
        self.set_clamp(clamp).is_ok() && self.architecture.activation != before
    }
}
