//! Which era a checkpoint's weights are to be written as.

use thiserror::Error;

use crate::compute::Activation;
use crate::nnue::{Architecture, ERAS, Era, Reading, Recognition, VERSION_2021};

use super::rows::{SetRows, assign};
use super::weights::{InputStyle, Weights};

/// Why no era can be chosen.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
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
    #[error("L1 is {found} by the tensors, --l1 says {wanted}")]
    L1 { found: usize, wanted: usize },
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
        let (it, shipped) = (&self.architecture, &self.era.architecture);
        (it.l1, it.outputs0, it.outputs1) == (shipped.l1, shipped.outputs0, shipped.outputs1)
    }

    fn clamp(&self) -> i16 {
        match self.architecture.activation {
            Activation::Clipped { clamp } | Activation::Pairwise { clamp, .. } => clamp,
        }
    }
}

/// Chooses by the tensors' shapes and, where those fit several eras, by the trainer's spelling and date.
pub(super) fn choose(
    weights: &Weights<'_>,
    target: Option<&'static Era>,
) -> Result<Choice, ChoiceError> {
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
    let mut assumptions = Vec::new();
    let chosen = match target {
        None => prefer(weights, &candidates, &mut assumptions)?,
        Some(target) => match candidates.iter().position(|it| it.era.id == target.id) {
            Some(position) => position,
            None => {
                let reading = readings.into_iter().find(|it| it.era == target.id);
                return Err(ChoiceError::NotOfEra {
                    era: target.id,
                    reason: reading.map_or_else(String::new, |it| it.reason),
                });
            }
        },
    };
    let chosen = candidates.swap_remove(chosen);
    readings.extend(candidates.iter().map(|other| Reading {
        era: other.era.id,
        possible: true,
        reason: "its tensors have the same shapes".to_string(),
    }));
    let exact = chosen.is_exact();
    let evidence = vec![evidence(weights, &chosen)];
    Ok(Choice {
        architecture: chosen.architecture,
        sets: chosen.sets,
        recognition: Recognition {
            era: chosen.era,
            exact,
            evidence,
            assumptions,
            readings,
        },
    })
}

fn evidence(weights: &Weights<'_>, chosen: &Candidate) -> String {
    let it = &chosen.architecture;
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
        it.l1,
        it.l1,
        it.psqt_buckets,
        it.stacks,
        it.outputs0,
        it.outputs1
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
    if weights.style == InputStyle::OneMatrix && shipped.version != VERSION_2021 {
        return Err("its trainer keeps the inputs' weights set by set".to_string());
    }
    let pairwise = matches!(shipped.activation, Activation::Pairwise { .. });
    if pairwise != weights.pairwise {
        return Err("its first layer sees another number of inputs".to_string());
    }
    if (shipped.stacks, shipped.psqt_buckets) != (weights.stacks, weights.psqt_buckets) {
        return Err(format!(
            "it has {} layer stacks and {} PSQT columns",
            shipped.stacks, shipped.psqt_buckets
        ));
    }
    // Rows of L1 that are no multiple of 32 would need padding that engines do not expect.
    if !weights.l1.is_multiple_of(32) {
        return Err("L1 is no multiple of 32".to_string());
    }
    let architecture = Architecture {
        l1: weights.l1,
        outputs0: weights.outputs(0),
        outputs1: weights.outputs(1),
        ..*shipped
    };
    // The narrowest layer that every variant's arithmetic has.
    if architecture.outputs0 < 3 {
        return Err("its first layer has more outputs".to_string());
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
        return Err(none(""));
    }
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    if weights.style == InputStyle::OneMatrix && weights.pairwise {
        let clamp = if weights.old_spelling { 127 } else { 255 };
        left.retain(|&it| candidates[it].clamp() == clamp);
        let other_exists = candidates.iter().any(|it| it.clamp() != clamp);
        if other_exists && !weights.old_spelling {
            assumptions.push(
                "one is 255 in the feature transformer, as since December 2025; no checkpoint says it (a trainer of \
                 October or November 2025 has 127: --target-era names such an era)"
                    .to_string(),
            );
        }
        if left.is_empty() {
            return Err(none(
                "; --target-era chooses among those of the same shapes",
            ));
        }
    }
    if left.iter().any(|&it| candidates[it].is_exact()) {
        left.retain(|&it| candidates[it].is_exact());
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
