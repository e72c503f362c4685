//! Which architecture a file has, from its bytes alone (`docs/notes/eras.md`, section 11).

use super::architecture::{Architecture, StackVariant, padded};
use super::error::NetError;
use super::hash;
use super::network::{LayerStack, Network};
use super::numbers::FileNumbers;
use super::overridden::overridden;
use super::read::ReadOptions;
use super::registry::{ERAS, Era};
use super::sections::{Header, Places, WalkFailure, walk};
use super::sizes::{self, MAX_L1, filling, layer_pairs};

/// What was recognised, and why.
#[derive(Clone, Debug)]
pub struct Recognition {
    pub era: &'static Era,
    /// Are the sizes those that the era's engines have compiled in?
    pub exact: bool,
    /// Other eras that are the same at these sizes: nothing tells them apart.
    pub alike: Vec<&'static Era>,
    /// Is the clamp of the activations an assumption, one of the [`assumptions`](Self::assumptions)?
    pub clamp_assumed: bool,
    /// The numbers of the file where they are not the era's, which it was read as all the same.
    pub numbers: Option<FileNumbers>,
    /// What spoke for this era.
    pub evidence: Vec<String>,
    /// What the file does not say and was assumed; people should see this.
    pub assumptions: Vec<String>,
    /// Every era with this version, and what became of it.
    pub readings: Vec<Reading>,
}

impl Recognition {
    /// Do engines skip all-zero blocks of such networks? Without that a permutation brings nothing.
    pub fn sparse(&self) -> bool {
        self.era.sparse || self.alike.iter().any(|era| era.sparse)
    }

    /// What the network is, in words: an era and its engines, or eras that cannot be told apart.
    pub fn title(&self) -> String {
        if self.exact {
            return format!("{} ({})", self.era.id, self.era.engines);
        }
        let mut ids: Vec<&str> = self.alike.iter().map(|era| era.id).collect();
        ids.push(self.era.id);
        match ids.as_slice() {
            [one] => format!("as {one}, in sizes of no release"),
            [first @ .., last] => format!(
                "as {} and {last}, which are the same but for their sizes; these are those of no release",
                first.join(", ")
            ),
            [] => String::new(),
        }
    }
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
    /// Eras of the same architecture at these sizes.
    pub alike: Vec<&'static Era>,
    pub numbers: Option<FileNumbers>,
    /// What was taken although it might be otherwise.
    pub assumptions: Vec<String>,
}

impl Candidate {
    pub(super) fn new(era: &'static Era, architecture: Architecture, places: Places) -> Candidate {
        Candidate {
            era,
            architecture,
            exact: architecture.same_sizes(&era.architecture),
            places,
            alike: Vec::new(),
            numbers: None,
            assumptions: Vec::new(),
        }
    }

    fn has_layers_of_era(&self) -> bool {
        self.architecture.same_layers(&self.era.architecture)
    }
}

/// What became of an era when a file was read as one of it.
enum Attempt {
    Fills(Candidate),
    /// Its hashes are not the file's.
    Rejected(String),
    /// Its hashes are, and then the file stops to fit.
    Fails(Failure),
    /// Nothing is to be said of it.
    Silent,
}

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
        let reason = if era.architecture.version != header.version {
            if options.era.is_none() {
                continue;
            }
            format!("its version is {:#010X}", era.architecture.version)
        } else if let Some(l1) = width(era, header.ft_hash) {
            features_match = true;
            match attempt(bytes, header, era, l1) {
                Attempt::Fills(candidate) => {
                    found.push(candidate);
                    continue;
                }
                Attempt::Rejected(reason) => reason,
                Attempt::Fails(failure) => {
                    let reason = failure.failure.error.to_string();
                    failures.push(failure);
                    reason
                }
                Attempt::Silent => continue,
            }
        } else {
            format!(
                "the feature transformer hash {:#010X} is not that of {}",
                header.ft_hash,
                era.architecture.feature_names()
            )
        };
        readings.push(Reading {
            era: era.id,
            possible: false,
            reason,
        });
    }
    if !found.is_empty() {
        return Ok((found, readings));
    }
    if let Some(era) = options.era {
        if let Some(candidate) = overridden(bytes, header, era) {
            return Ok((vec![candidate], readings));
        }
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

/// Reads the file as one of an era, whose feature hash is the file's at width `l1`.
fn attempt(bytes: &[u8], header: &Header, era: &'static Era, l1: usize) -> Attempt {
    let stack_hash = header.hash ^ header.ft_hash;
    let shipped = era.architecture;
    let base = Architecture { l1, ..shipped };
    let pairs = layer_pairs(&base, stack_hash);
    let Some(&(outputs0, outputs1)) = pairs.first() else {
        let reason = format!("no layer sizes give the stack hash {stack_hash:#010X}");
        return Attempt::Rejected(reason);
    };
    let filled = filling(bytes, header, &base, &pairs, Some(stack_hash));
    if let Some(candidate) = first_of(era, filled) {
        return Attempt::Fills(candidate);
    }
    // Where the likeliest sizes stop to fit says what is wrong.
    let architecture = Architecture {
        outputs0,
        outputs1,
        ..base
    };
    let exact = architecture.same_sizes(&shipped);
    let Err(mut failure) = walk(bytes, header, &architecture, era.id) else {
        return Attempt::Silent;
    };
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
    Attempt::Fails(Failure {
        exact,
        architecture,
        failure,
    })
}

/// The first way to fill the file; what else there is becomes an assumption.
pub(super) fn first_of(
    era: &'static Era,
    mut filled: Vec<(Architecture, Places)>,
) -> Option<Candidate> {
    if filled.is_empty() {
        return None;
    }
    let (architecture, places) = filled.swap_remove(0);
    let mut candidate = Candidate::new(era, architecture, places);
    let sizes = |architecture: &Architecture| {
        format!("{} and {}", architecture.outputs0, architecture.outputs1)
    };
    if !filled.is_empty() {
        let others: Vec<String> = filled
            .iter()
            .map(|(architecture, _)| sizes(architecture))
            .collect();
        candidate.assumptions.push(format!(
            "layers of {} rows; others have the same hash and the same size: {}",
            sizes(&architecture),
            others.join("; ")
        ));
    }
    if architecture.stacks != era.architecture.stacks {
        candidate.assumptions.push(format!(
            "the {0} layer stacks are for {0} equal steps of the number of pieces; the file does not say it",
            architecture.stacks
        ));
    }
    Some(candidate)
}

/// An era whose tensors do not fill the file.
struct Failure {
    exact: bool,
    architecture: Architecture,
    failure: WalkFailure,
}

/// The reading that got furthest explains best what is wrong; shipped sizes are likelier than derived ones.
fn likeliest(failures: Vec<Failure>) -> Option<WalkFailure> {
    let rank = |failure: &Failure| (failure.exact, failure.failure.reached);
    let best = failures.iter().map(rank).max()?;
    let mut kept: Vec<Failure> = Vec::new();
    for failure in failures {
        // Among eras with the same tensors a whole file is read as the oldest one: so is what is left of one.
        let architecture = failure.architecture;
        let is_twin = |other: &Failure| {
            let activation = other.architecture.activation;
            other.architecture.same_as(&Architecture {
                activation,
                ..architecture
            })
        };
        if rank(&failure) == best && !kept.iter().any(is_twin) {
            kept.push(failure);
        }
    }
    kept.pop().map(|kept| kept.failure)
}

/// Accumulator width that makes the era's feature hash into the file's, if any does.
pub(super) fn width(era: &Era, ft_hash: u32) -> Option<usize> {
    let feature_hash = hash::feature_hash(era.architecture.sets, era.architecture.feature_hash);
    let both = ft_hash ^ feature_hash;
    let l1 = (both / 2) as usize;
    (both.is_multiple_of(16) && (8..=MAX_L1).contains(&l1)).then_some(l1)
}

/// The era at the width that the header says, and the layer sizes of the header's hashes; `None` if there are none.
fn widths_and_pairs(era: &Era, header: &Header) -> Option<(Architecture, Vec<(usize, usize)>)> {
    if era.architecture.version != header.version {
        return None;
    }
    let l1 = width(era, header.ft_hash)?;
    let base = Architecture {
        l1,
        ..era.architecture
    };
    let pairs = layer_pairs(&base, header.hash ^ header.ft_hash);
    (!pairs.is_empty()).then_some((base, pairs))
}

impl Network {
    /// Do these bytes begin with a network's header whose three hashes belong together?
    ///
    /// Reads the header alone: a file's first bytes suffice, as far as the description (any length) and the four
    /// bytes after it are among them.
    pub fn has_header(bytes: &[u8]) -> bool {
        Header::parse(bytes).is_ok_and(|header| {
            ERAS.iter()
                .any(|era| widths_and_pairs(era, &header).is_some())
        })
    }

    /// Length of the network that these bytes begin with, whatever follows it; `None` if no whole network stands there.
    ///
    /// Hashes, block lengths and sizes are followed from the header to the last layer stack; weights are neither read
    /// nor decoded, so the cost does not depend on the length. Where eras disagree, shipped sizes go before derived
    /// ones.
    pub fn extent(bytes: &[u8]) -> Option<usize> {
        let header = Header::parse(bytes).ok()?;
        let hash = header.hash ^ header.ft_hash;
        let mut derived = None;
        for era in ERAS {
            let Some((base, pairs)) = widths_and_pairs(era, &header) else {
                continue;
            };
            if let Some((end, found)) = sizes::extent(bytes, &header, &base, &pairs, hash) {
                if found.same_sizes(&era.architecture) {
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
    for mut candidate in candidates.drain(..) {
        let twin = kept
            .iter()
            .position(|other| other.architecture.same_as(&candidate.architecture));
        let (era, reason) = if any_exact && !candidate.exact {
            let architecture = candidate.era.architecture;
            let reason = format!(
                "its engines have L1 = {}, {} first-layer rows",
                architecture.l1, architecture.outputs0
            );
            (candidate.era.id, reason)
        } else if let Some(twin) = twin {
            // The youngest of those with these layers stands for all: it is what engines still read.
            let twin = &mut kept[twin];
            if candidate.has_layers_of_era() || !twin.has_layers_of_era() {
                candidate.alike = std::mem::take(&mut twin.alike);
                std::mem::swap(twin, &mut candidate);
            }
            twin.alike.push(candidate.era);
            let reason = format!("at these sizes the same as {}", twin.era.id);
            (candidate.era.id, reason)
        } else {
            kept.push(candidate);
            continue;
        };
        readings.push(Reading {
            era,
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
    let sizes_with = |variant| {
        let mut of_variant = candidates
            .iter()
            .map(|candidate| candidate.architecture)
            .filter(|it| it.stack == variant);
        of_variant.next().map(|it| (it.outputs0, it.outputs1))
    };
    let (skip, squared) = (
        sizes_with(StackVariant::Skip),
        sizes_with(StackVariant::SquaredSkip),
    );
    // Both fill the file only where their rows are padded to the same length.
    if skip.is_none() || skip != squared {
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
    let (drop, said) = if nonzero == 0 {
        (StackVariant::SquaredSkip, "all zero".to_string())
    } else {
        (StackVariant::Skip, format!("{nonzero} of them non-zero"))
    };
    let sentence = format!(
        "second-layer weights of columns {first} to {}: {said}",
        end - 1
    );
    evidence.push(sentence.clone());
    candidates.retain(|candidate| {
        let stays = candidate.architecture.stack != drop;
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
