//! Which architecture a file has, from its bytes alone (`docs/notes/eras.md`, section 11).

use super::architecture::{Architecture, StackVariant, padded};
use super::error::NetError;
use super::known;
use super::network::{LayerStack, Network};
use super::read::ReadOptions;
use super::registry::{ERAS, Era};
use super::walk::{Header, Places, WalkFailure, walk, walk_prefix};
use super::{VERSION_2021, hash};
use crate::compute::Activation;
use crate::digest::sha256;
use crate::features::{FeatureSet as _, HALF_KA_V2_HM};

/// What was recognised, and why.
#[derive(Clone, Debug)]
pub struct Recognition {
    pub era: &'static Era,
    /// Are the sizes those that the era's engines have compiled in?
    pub exact: bool,
    /// What spoke for this era.
    pub evidence: Vec<String>,
    /// What the file does not say and was assumed; people should see this.
    pub assumptions: Vec<String>,
    /// Every era with this version, and what became of it.
    pub readings: Vec<Reading>,
}

/// One era that was considered.
#[derive(Clone, Debug)]
pub struct Reading {
    pub era: &'static str,
    /// Could the file also be of this era?
    pub possible: bool,
    pub reason: String,
}

/// An era whose tensors fill the file exactly.
#[derive(Debug)]
pub(super) struct Candidate {
    pub era: &'static Era,
    pub architecture: Architecture,
    pub exact: bool,
    pub places: Places,
}

/// Largest size of a layer that is tried when a hash is resolved into layer sizes.
const MAX_OUTPUTS: usize = 256;

/// Widest accumulator that is considered; it keeps sizes far from overflowing.
const MAX_L1: usize = 1 << 16;

/// Candidates by size, and what became of all others.
pub(super) fn candidates(
    bytes: &[u8],
    header: &Header,
    options: &ReadOptions,
) -> Result<(Vec<Candidate>, Vec<Reading>), NetError> {
    let mut found = Vec::new();
    let mut readings = Vec::new();
    let mut failures: Vec<Failure> = Vec::new();
    let mut features_match = false;
    for era in ERAS {
        if options.era.is_some_and(|wanted| wanted.id != era.id) {
            continue;
        }
        let reject = |reason: String| Reading {
            era: era.id,
            possible: false,
            reason,
        };
        if era.architecture.version != header.version {
            if options.era.is_some() {
                readings.push(reject(format!(
                    "its version is {:#010X}",
                    era.architecture.version
                )));
            }
            continue;
        }
        let Some(l1) = width(era, header.ft_hash) else {
            readings.push(reject(format!(
                "the feature transformer hash {:#010X} is not that of {}",
                header.ft_hash,
                era.architecture.feature_names()
            )));
            continue;
        };
        features_match = true;
        let stack_hash = header.hash ^ header.ft_hash;
        let Some((outputs0, outputs1)) = layer_outputs(era, l1, stack_hash) else {
            readings.push(reject(format!(
                "no layer sizes give the stack hash {stack_hash:#010X}"
            )));
            continue;
        };
        let shipped = era.architecture;
        let exact = (l1, outputs0, outputs1) == (shipped.l1, shipped.outputs0, shipped.outputs1);
        let architecture = Architecture {
            l1,
            outputs0,
            outputs1,
            ..shipped
        };
        match walk(bytes, header, &architecture, era.id) {
            Ok(places) => found.push(Candidate {
                era,
                architecture,
                exact,
                places,
            }),
            Err(mut failure) => {
                // Sizes of no engine that end at stacks of a shipped one: it is the header that is damaged.
                let shipped_stack = hash::stack_hash(l1, shipped.outputs0, shipped.outputs1);
                if let NetError::StackHash {
                    stack: 0, found, ..
                } = failure.error
                    && !exact
                    && found == shipped_stack
                {
                    failure.error = NetError::HeaderMismatch {
                        header: header.hash,
                        expected: header.ft_hash ^ shipped_stack,
                        era: era.id,
                    };
                }
                readings.push(reject(failure.error.to_string()));
                failures.push(Failure {
                    exact,
                    architecture,
                    failure,
                });
            }
        }
    }
    if !found.is_empty() {
        return Ok((found, readings));
    }
    if let Some(era) = options.era {
        let reason = readings
            .pop()
            .map_or_else(String::new, |reading| reading.reason);
        return Err(NetError::NotOfEra {
            era: era.id,
            reason,
        });
    }
    if let Some(failure) = likeliest(failures) {
        return Err(failure.error);
    }
    Err(hash_error(header, features_match))
}

/// An era whose tensors do not fill the file.
struct Failure {
    exact: bool,
    architecture: Architecture,
    failure: WalkFailure,
}

/// The reading that got furthest explains best what is wrong; shipped sizes are likelier than derived ones.
fn likeliest(failures: Vec<Failure>) -> Option<WalkFailure> {
    let rank = |it: &Failure| (it.exact, it.failure.reached);
    let best = failures.iter().map(rank).max()?;
    let mut kept: Vec<Failure> = Vec::new();
    for failure in failures {
        // Among eras with the same tensors a whole file is read as the oldest one: so is what is left of one.
        let it = failure.architecture;
        let is_twin = |other: &Failure| {
            let activation = other.architecture.activation;
            other
                .architecture
                .same_as(&Architecture { activation, ..it })
        };
        if rank(&failure) == best && !kept.iter().any(is_twin) {
            kept.push(failure);
        }
    }
    kept.pop().map(|it| it.failure)
}

/// Accumulator width that makes the era's feature hash into the file's, if any does.
fn width(era: &Era, ft_hash: u32) -> Option<usize> {
    let feature_hash = hash::feature_hash(era.architecture.sets, era.architecture.feature_hash);
    let both = ft_hash ^ feature_hash;
    let l1 = (both / 2) as usize;
    (both.is_multiple_of(16) && (8..=MAX_L1).contains(&l1)).then_some(l1)
}

/// Rows of the first two layers that give this stack hash: the era's own if they do.
fn layer_outputs(era: &Era, l1: usize, stack_hash: u32) -> Option<(usize, usize)> {
    // The usual second layer is tried before all others.
    let second = std::iter::once(era.architecture.outputs1).chain(1..=MAX_OUTPUTS);
    second
        .map(|o1| (hash::outputs0(l1, stack_hash, o1) as usize, o1))
        .find(|(o0, _)| (2..=MAX_OUTPUTS).contains(o0))
}

/// Sizes by which this era would read a file with this header; the flag says whether they are the era's own.
fn sized(era: &Era, header: &Header) -> Option<(Architecture, bool)> {
    let shipped = era.architecture;
    if shipped.version != header.version {
        return None;
    }
    let l1 = width(era, header.ft_hash)?;
    let (outputs0, outputs1) = layer_outputs(era, l1, header.hash ^ header.ft_hash)?;
    let exact = (l1, outputs0, outputs1) == (shipped.l1, shipped.outputs0, shipped.outputs1);
    let architecture = Architecture {
        l1,
        outputs0,
        outputs1,
        ..shipped
    };
    Some((architecture, exact))
}

impl Network {
    /// Do these bytes begin with a network's header whose three hashes belong together?
    ///
    /// Reads the header alone: a file's first bytes suffice, as far as the description (any length) and the four
    /// bytes after it are among them.
    pub fn has_header(bytes: &[u8]) -> bool {
        Header::parse(bytes)
            .is_ok_and(|header| ERAS.iter().any(|era| sized(era, &header).is_some()))
    }

    /// Length of the network that these bytes begin with, whatever follows it; `None` if no whole network stands there.
    ///
    /// Hashes, block lengths and sizes are followed from the header to the last layer stack; weights are neither read
    /// nor decoded, so the cost does not depend on the length. Where eras disagree, shipped sizes go before derived
    /// ones.
    pub fn extent(bytes: &[u8]) -> Option<usize> {
        let header = Header::parse(bytes).ok()?;
        let mut derived = None;
        for era in ERAS {
            let Some((architecture, exact)) = sized(era, &header) else {
                continue;
            };
            if let Ok((_, end)) = walk_prefix(bytes, &header, &architecture, era.id) {
                if exact {
                    return Some(end);
                }
                derived = derived.or(Some(end));
            }
        }
        derived
    }
}

fn hash_error(header: &Header, features_match: bool) -> NetError {
    let offset = header.ft_hash_at();
    let same_header = ERAS.iter().find(|era| {
        era.architecture.version == header.version && era.architecture.header_hash() == header.hash
    });
    if let Some(era) = same_header {
        return NetError::FtHash {
            found: header.ft_hash,
            offset,
            header: header.hash,
            expected: era.architecture.ft_hash(),
            era: era.id,
        };
    }
    if features_match {
        return NetError::HeaderHash {
            header: header.hash,
            ft: header.ft_hash,
        };
    }
    NetError::UnknownFeatures {
        found: header.ft_hash,
        offset,
        header: header.hash,
        version: header.version,
    }
}

/// Keeps candidates of shipped sizes if there are any, one of each architecture, and says why the others went.
pub(super) fn prefer_shipped(candidates: &mut Vec<Candidate>, readings: &mut Vec<Reading>) {
    let any_exact = candidates.iter().any(|candidate| candidate.exact);
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates.drain(..) {
        let twin = kept
            .iter()
            .find(|other| other.architecture.same_as(&candidate.architecture));
        let reason = if any_exact && !candidate.exact {
            let it = candidate.era.architecture;
            format!(
                "its engines have L1 = {}, {} first-layer rows",
                it.l1, it.outputs0
            )
        } else if let Some(twin) = twin {
            format!("at these sizes the same as {}", twin.era.id)
        } else {
            kept.push(candidate);
            continue;
        };
        readings.push(Reading {
            era: candidate.era.id,
            possible: false,
            reason,
        });
    }
    *candidates = kept;
}

/// SFNNv4 and SFNNv5 differ in nothing but what the second layer reads: v4 nets have zeros in the columns that v5
/// feeds with clipped activations.
pub(super) fn separate_squared(
    candidates: &mut Vec<Candidate>,
    stacks: &[LayerStack],
    readings: &mut Vec<Reading>,
    evidence: &mut Vec<String>,
) {
    let has = |candidates: &[Candidate], variant| {
        candidates
            .iter()
            .any(|candidate| candidate.architecture.stack == variant)
    };
    if !has(candidates, StackVariant::Skip) || !has(candidates, StackVariant::SquaredSkip) {
        return;
    }
    let outputs0 = candidates[0].architecture.outputs0;
    let (first, end) = (outputs0 - 1, (2 * (outputs0 - 1)).min(padded(outputs0 - 1)));
    let nonzero = stacks
        .iter()
        .flat_map(|stack| {
            let layer = &stack.layers[1];
            layer
                .weights
                .chunks_exact(layer.padded_inputs)
                .flat_map(|row| &row[first..end])
        })
        .filter(|&&weight| weight != 0)
        .count();
    let (keep, drop, said) = if nonzero == 0 {
        (
            StackVariant::Skip,
            StackVariant::SquaredSkip,
            "all zero".to_string(),
        )
    } else {
        (
            StackVariant::SquaredSkip,
            StackVariant::Skip,
            format!("{nonzero} of them non-zero"),
        )
    };
    let sentence = format!(
        "second-layer weights of columns {first} to {}: {said}",
        end - 1
    );
    evidence.push(sentence.clone());
    candidates.retain(|candidate| {
        let stays = candidate.architecture.stack != drop || !has_variant(candidate, keep, drop);
        if !stays {
            readings.push(Reading {
                era: candidate.era.id,
                possible: false,
                reason: sentence.clone(),
            });
        }
        stays
    });
}

fn has_variant(candidate: &Candidate, keep: StackVariant, drop: StackVariant) -> bool {
    keep != drop && candidate.architecture.stack == drop
}

/// Settles the clamp of a parsed network, which no file says.
pub(super) fn settle_clamp(
    network: &mut Network,
    bytes: &[u8],
    others: &[Candidate],
    options: &ReadOptions,
) -> Result<(), NetError> {
    let Activation::Pairwise { clamp: assumed, .. } = network.architecture.activation else {
        return match options.clamp {
            Some(_) => Err(NetError::ClampWithoutPairs(network.recognition.era.id)),
            None => Ok(()),
        };
    };
    if let Some(clamp) = options.clamp {
        set_clamp(network, pairwise(clamp)?, others);
        network
            .recognition
            .evidence
            .push(format!("clamp {clamp} was asked for"));
        return Ok(());
    }
    // Only networks of piece-square inputs were ever written with both clamps under one version and hash.
    let it = &network.architecture;
    let ambiguous = options.era.is_none()
        && it.version == VERSION_2021
        && it.sets.len() == 1
        && it.sets[0].hash() == HALF_KA_V2_HM.hash();
    if !ambiguous {
        return Ok(());
    }
    if let Some((name, clamp)) = known::clamp(network, &sha256(bytes)) {
        set_clamp(network, pairwise(clamp)?, others);
        network
            .recognition
            .evidence
            .push(format!("clamp {clamp}: this is {name}"));
        return Ok(());
    }
    if others
        .iter()
        .any(|other| other.architecture.activation != network.architecture.activation)
        && network.recognition.exact
    {
        return Err(NetError::ClampUnknown {
            l1: network.architecture.l1,
        });
    }
    network.recognition.assumptions.push(format!(
        "activations are clamped to {assumed}, as in every such network that Stockfish shipped; the file does \
         not say it (a trainer of December 2025 or later writes 255: --clamp 255)"
    ));
    Ok(())
}

fn pairwise(clamp: i16) -> Result<Activation, NetError> {
    match clamp {
        127 => Ok(Activation::Pairwise { clamp, shift: 7 }),
        255 => Ok(Activation::Pairwise { clamp, shift: 9 }),
        _ => Err(NetError::Clamp(clamp)),
    }
}

/// Sets the activation, and the era with it if another candidate is named after that activation.
fn set_clamp(network: &mut Network, activation: Activation, others: &[Candidate]) {
    network.architecture.activation = activation;
    let twin = others
        .iter()
        .find(|other| other.architecture.same_as(&network.architecture));
    if let Some(twin) = twin {
        network.recognition.era = twin.era;
    }
}
