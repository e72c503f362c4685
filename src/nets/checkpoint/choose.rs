//! Which era a checkpoint's weights are to be written as.

use thiserror::Error;

use crate::nets::model::Activation;
use crate::nets::stockfish::{
    Architecture, ERAS, Era, MAX_L1, MAX_OUTPUTS, MAX_STACKS, Reading, Recognition, VERSION_2021,
    VERSION_2026, clamp_is_unsaid, eras_of, pairwise,
};

use super::provenance::Provenance;
use super::rows::{SetRows, assign};
use super::sets::january_unions;
use super::weights::{InputStyle, Weights};

/// Why no era can be chosen.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChoiceError {
    #[error(
        "no known network has inputs of {rows:?} rows, {stacks} layer stacks and layers of shapes {layers:?} \
         at L1 = {l1}{hint}"
    )]
    None {
        rows: Vec<usize>,
        l1: usize,
        stacks: usize,
        layers: Vec<(usize, usize)>,
        hint: String,
    },
    #[error("it cannot be written as era {era}: {reason}")]
    NotOfEra { era: &'static str, reason: String },
    #[error(
        "ftperm noted in it that it is of era {era}, which it cannot be: {reason}; --target-era says otherwise"
    )]
    Noted { era: String, reason: String },
    #[error("{0}")]
    Clamp(&'static str),
    #[error("{name} is {found} by the tensors, --{} says {wanted}", name.to_lowercase())]
    Layer {
        name: &'static str,
        found: usize,
        wanted: usize,
    },
    #[error("L1 is {found} by the tensors, --l1 says {wanted}")]
    L1 { found: usize, wanted: usize },
    #[error(
        "--features says {0}, a union of the trainer until January 2026: no engine reads such a network, and ftperm \
         does not make one"
    )]
    Union(String),
    #[error("the features are {found} by the tensors, --features says {wanted}")]
    Features { found: String, wanted: String },
}

/// The chosen era with the sizes of the weights.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub architecture: Architecture,
    pub sets: Vec<SetRows>,
    pub recognition: Recognition,
}

impl Choice {
    /// The trainer's name of the features: `^` where they are factorised.
    pub(super) fn features(&self) -> String {
        let sets = self.architecture.sets.iter().zip(&self.sets);
        sets.map(|(set, rows)| {
            let mark = if rows.has_shared_rows() { "^" } else { "" };
            format!("{}{mark}", set.name())
        })
        .collect::<Vec<_>>()
        .join("+")
    }
}

struct Candidate {
    era: &'static Era,
    architecture: Architecture,
    sets: Vec<SetRows>,
}

impl Candidate {
    fn is_exact(&self) -> bool {
        self.architecture.same_sizes(&self.era.architecture)
    }

    /// Sets one, and the era that is named after it.
    fn set_clamp(&mut self, clamp: i16, asked: bool) -> Result<(), ChoiceError> {
        if clamp == self.clamp() {
            return Ok(());
        }
        let architecture = &mut self.architecture;
        if !matches!(architecture.activation, Activation::Pairwise { .. }) {
            return Err(ChoiceError::Clamp(
                "a clamp applies to networks with pairwise activation only",
            ));
        }
        if asked && architecture.version != VERSION_2021 {
            return Err(ChoiceError::Clamp(
                "one is always 256 in checkpoints of this kind: --clamp is for those of before 2026",
            ));
        }
        architecture.activation =
            pairwise(clamp).map_err(|_| ChoiceError::Clamp("only 127 and 255 are known"))?;
        if let Some(era) = eras_of(architecture).pop() {
            self.era = era;
        }
        Ok(())
    }

    fn clamp(&self) -> i16 {
        match self.architecture.activation {
            Activation::Clipped { clamp } | Activation::Pairwise { clamp, .. } => clamp,
        }
    }
}

/// What is known beside the tensors.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted<'a> {
    pub target: Option<&'static Era>,
    pub clamp: Option<i16>,
    pub noted: Option<&'a Provenance>,
}

/// Chooses by what was wanted or noted; else by the tensors' shapes and, where those fit several eras, by the trainer's
/// spelling and date.
pub(super) fn choose(weights: &Weights<'_>, wanted: &Wanted<'_>) -> Result<Choice, ChoiceError> {
    let mut candidates = Vec::new();
    let mut readings = Vec::new();
    for era in ERAS {
        match fit(era, weights) {
            Ok(candidate) => candidates.push(candidate),
            Err(reason) => readings.push(Reading {
                era: era.id,
                possible: false,
                reason,
            }),
        }
    }
    // What the user says goes before what was noted.
    let noted = wanted.noted.filter(|_| wanted.target.is_none());
    let mut assumptions = Vec::new();
    let mut clamp_assumed = false;
    let why_not = |id: &str| {
        let reading = readings.iter().find(|it| it.era == id);
        reading.map_or_else(
            || "there is no such era".to_string(),
            |it| it.reason.clone(),
        )
    };
    let position = |id: &str| candidates.iter().position(|it| it.era.id == id);
    let chosen = match (wanted.target, noted) {
        (Some(target), _) => position(target.id).ok_or_else(|| ChoiceError::NotOfEra {
            era: target.id,
            reason: why_not(target.id),
        })?,
        (None, Some(noted)) => position(&noted.era).ok_or_else(|| ChoiceError::Noted {
            era: noted.era.clone(),
            reason: why_not(&noted.era),
        })?,
        (None, None) => {
            let before = assumptions.len();
            let chosen = prefer(weights, &candidates, wanted.clamp, &mut assumptions)?;
            clamp_assumed = assumptions.len() > before
                && wanted.clamp.is_none()
                && clamp_is_unsaid(&candidates[chosen].architecture);
            chosen
        }
    };
    let mut chosen = candidates.swap_remove(chosen);
    readings.extend(candidates.iter().map(|other| Reading {
        era: other.era.id,
        possible: true,
        reason: "its tensors have the same shapes".to_string(),
    }));
    if let Some(clamp) = wanted.clamp.or_else(|| Some(noted?.clamp)) {
        chosen.set_clamp(clamp, wanted.clamp.is_some())?;
    }
    if let Some(noted) = noted.filter(|noted| noted.clamp_assumed && wanted.clamp.is_none()) {
        clamp_assumed = true;
        assumptions.push(format!(
            "one is {} in the feature transformer, as was assumed when the file was made of a network (--clamp says \
             otherwise)",
            noted.clamp
        ));
    }
    assumptions.extend(other_unions(weights, &chosen));
    let exact = chosen.is_exact();
    let mut evidence = vec![evidence(weights, &chosen)];
    if noted.is_some() {
        evidence.push(format!("ftperm noted era {} in it", chosen.era.id));
    }
    let mut alike = if exact {
        Vec::new()
    } else {
        eras_of(&chosen.architecture)
    };
    alike.retain(|era| era.id != chosen.era.id);
    let stacks = chosen.architecture.stacks;
    Ok(Choice {
        architecture: chosen.architecture,
        sets: chosen.sets,
        recognition: Recognition {
            era: chosen.era,
            exact,
            alike,
            clamp_assumed,
            numbers: noted
                .and_then(|noted| noted.numbers.clone())
                .filter(|numbers| numbers.stack_hashes.len() == stacks),
            evidence,
            assumptions,
            readings,
        },
    })
}

/// The unions of January's trainer that have the same matrix; `None` if nothing is known of them.
fn unions(weights: &Weights<'_>) -> Option<String> {
    let rows = weights
        .inputs
        .first()
        .filter(|_| weights.style == InputStyle::OneMatrix)?;
    let unions = january_unions(rows.real.rows);
    (!unions.is_empty()).then(|| unions.join(" or "))
}

/// That one matrix may be that of two sets, too.
fn other_unions(weights: &Weights<'_>, chosen: &Candidate) -> Option<String> {
    Some(format!(
        "the {} rows are {}; the union {} of January's trainer has as many, and nothing tells them apart",
        weights.inputs.first()?.real.rows,
        chosen.architecture.feature_names(),
        unions(weights)?
    ))
}

fn evidence(weights: &Weights<'_>, chosen: &Candidate) -> String {
    let architecture = &chosen.architecture;
    let rows: Vec<String> = weights
        .inputs
        .iter()
        .map(|input| match input.shared {
            Some(shared) => format!("{} + {}", input.real.rows, shared.rows),
            None => input.real.rows.to_string(),
        })
        .collect();
    format!(
        "inputs of {} rows, L1 = {}, {} + {} columns, {} stacks of {} and {} rows",
        rows.join(", "),
        architecture.l1,
        architecture.l1,
        architecture.psqt_buckets,
        architecture.stacks,
        architecture.outputs0,
        architecture.outputs1
    )
}

/// An era with the weights' sizes, or why its networks have other tensors.
fn fit(era: &'static Era, weights: &Weights<'_>) -> Result<Candidate, String> {
    let shipped = &era.architecture;
    let Some(sets) = assign(shipped.sets, weights.style, &weights.inputs) else {
        return Err(format!(
            "its inputs are {} of {} rows",
            shipped.feature_names(),
            shipped.features_in(0..shipped.sets.len())
        ));
    };
    if weights.style == InputStyle::OneMatrix && shipped.version == VERSION_2026 {
        return Err("its trainer keeps the inputs' weights set by set".to_string());
    }
    let pairwise = matches!(shipped.activation, Activation::Pairwise { .. });
    if pairwise != weights.pairwise {
        return Err("its first layer sees another number of inputs".to_string());
    }
    // Another number of stacks is that of PSQT columns too.
    let own = (shipped.stacks, shipped.psqt_buckets) == (weights.stacks, weights.psqt_buckets);
    let others = shipped.psqt_buckets > 0
        && weights.stacks == weights.psqt_buckets
        && (1..=MAX_STACKS).contains(&weights.stacks);
    if !own && !others {
        return Err(format!(
            "it has {} layer stacks and {} PSQT columns",
            shipped.stacks, shipped.psqt_buckets
        ));
    }
    // Blocks of four neurons of both perspectives.
    if !weights.l1.is_multiple_of(8) || weights.l1 > MAX_L1 {
        return Err(format!("L1 is no multiple of 8 up to {MAX_L1}"));
    }
    let architecture = Architecture {
        l1: weights.l1,
        outputs0: weights.outputs(0),
        outputs1: weights.outputs(1),
        stacks: weights.stacks,
        psqt_buckets: weights.psqt_buckets,
        ..*shipped
    };
    if architecture.outputs0 < architecture.stack.least_outputs0() {
        return Err("its first layer has more outputs".to_string());
    }
    let outputs = [architecture.outputs0, architecture.outputs1];
    if outputs.iter().any(|&outputs| outputs > MAX_OUTPUTS) {
        return Err(format!("its layers have at most {MAX_OUTPUTS} outputs"));
    }
    for (number, (inputs, outputs)) in architecture.layer_sizes().layers.into_iter().enumerate() {
        let found = (
            weights.layers[number].weight.columns,
            weights.outputs(number),
        );
        if found != (inputs, outputs) {
            return Err(format!(
                "its layer {} has {inputs} inputs and {outputs} outputs",
                number + 1
            ));
        }
    }
    Ok(Candidate {
        era,
        architecture,
        sets,
    })
}

fn prefer(
    weights: &Weights<'_>,
    candidates: &[Candidate],
    asked: Option<i16>,
    assumptions: &mut Vec<String>,
) -> Result<usize, ChoiceError> {
    let none = |hint: &str| ChoiceError::None {
        rows: weights
            .inputs
            .iter()
            .map(super::weights::Input::rows)
            .collect(),
        l1: weights.l1,
        stacks: weights.stacks,
        layers: (0..3)
            .map(|layer| (weights.layers[layer].weight.columns, weights.outputs(layer)))
            .collect(),
        hint: hint.to_string(),
    };
    if candidates.is_empty() {
        let hint = unions(weights).map(|unions| {
            format!(
                "; so many rows has the union {unions} of the trainer until January 2026, which no engine reads and \
                 ftperm does not convert"
            )
        });
        return Err(none(&hint.unwrap_or_default()));
    }
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    if weights.style == InputStyle::OneMatrix && weights.pairwise {
        let usual = if weights.old_spelling { 127 } else { 255 };
        let clamp = asked.unwrap_or(usual);
        let of_clamp = |candidate: &Candidate| candidate.clamp() == clamp;
        if candidates.iter().any(of_clamp) {
            left.retain(|&number| of_clamp(&candidates[number]));
            let engines = candidates.iter().find(|candidate| {
                candidate.is_exact()
                    && candidate.clamp() == 127
                    && !candidate.era.id.starts_with("small")
            });
            let other_exists = candidates
                .iter()
                .any(|candidate| candidate.clamp() != clamp);
            if other_exists && asked.is_none() && !weights.old_spelling {
                let mut assumption = "one is 255 in the feature transformer, as since December 2025; no checkpoint \
                                      says it (a trainer of October or November 2025 has 127: --clamp 127)"
                    .to_string();
                if let Some(candidate) = engines {
                    assumption.push_str(&format!(
                        "; the network file looks like one of era {}, and its engines clamp at 127",
                        candidate.era.id
                    ));
                }
                assumptions.push(assumption);
            }
        }
    }
    if left.iter().any(|&number| candidates[number].is_exact()) {
        left.retain(|&number| candidates[number].is_exact());
    }
    let same_layers = |candidate: &Candidate| {
        candidate
            .architecture
            .same_layers(&candidate.era.architecture)
    };
    if left.iter().any(|&number| same_layers(&candidates[number])) {
        left.retain(|&number| same_layers(&candidates[number]));
    }
    // Eras stand in order of age: the newest, unless shapes say otherwise.
    let Some(&chosen) = left.last() else {
        return Err(none(""));
    };
    if left.len() > 1 && weights.style == InputStyle::Modules {
        let others: Vec<&str> = left[..left.len() - 1]
            .iter()
            .map(|&it| candidates[it].era.id)
            .collect();
        assumptions.push(format!(
            "the newest of several eras with the same tensors; the others are {}",
            others.join(", ")
        ));
    }
    Ok(chosen)
}
