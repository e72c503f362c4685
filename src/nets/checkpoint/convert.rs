//! A checkpoint's weights to a network.

use std::borrow::Cow;

use rayon::prelude::*;
use thiserror::Error;

use crate::nets::stockfish::{
    Architecture, DenseLayer, Encoding, Era, FeatureTransformer, LayerStack, Network, Store,
    TensorRole, VERSION_2026,
};

use super::Checkpoint;
use super::choose::{Choice, ChoiceError, Wanted, choose};
use super::provenance::Provenance;
use super::quantise::{Integer, quantise_row};
use super::ranges::Ranges;
use super::rows::{Rule, SetRows, factorised};
use super::rules::{RangeRule, Rules};
use super::sets::{InputSets, Inputs};
use super::weights::{Dense, Input, Weights, WeightsError};

/// What the reference tool writes where no other description is given.
pub const DEFAULT_DESCRIPTION: &str =
    "Network trained with the https://github.com/official-stockfish/nnue-pytorch trainer.";

/// Rows of the feature transformer that a task converts.
const TASK_ROWS: usize = 128;

/// What the caller wants of a conversion.
#[derive(Clone, Debug, Default)]
pub struct ConvertOptions {
    /// Write it as this era instead of the recognised one.
    pub target_era: Option<&'static Era>,
    /// One of the feature transformer, 127 or 255, where no more is known than that it is one of them.
    pub clamp: Option<i16>,
    /// Do exactly what the reference tool of that version does, wrapping values that do not fit included.
    pub compat: bool,
    /// The reference tool adds the shared rows twice when it also permutes; with `compat` so does this. It changes
    /// 64 unused rows of HalfKA^ and nothing else.
    pub permuted: bool,
    /// The sum of the columns that the caller expects, to be checked.
    pub l1: Option<usize>,
    /// Rows of the first layer that the caller expects, as trainers count them (without one that only skips).
    pub l2: Option<usize>,
    /// Rows of the second layer that the caller expects.
    pub l3: Option<usize>,
    /// Names of feature sets that the caller expects, joined by `+`, to be checked.
    pub features: Option<String>,
    /// Description in the header.
    pub description: Option<Vec<u8>>,
}

/// Why a checkpoint was not converted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConvertError {
    #[error("it cannot be read to its end, or was changed meanwhile: {0}")]
    Read(#[from] std::io::Error),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    #[error("{}", out_of_range_text(.0, *.1))]
    OutOfRange(Vec<Ranges>, RangeRule),
}

fn out_of_range_text(ranges: &[Ranges], rule: RangeRule) -> String {
    let lost: usize = ranges.iter().map(|range| range.not_finite).sum();
    let mut text = if lost > 0 {
        format!("the network is lost, {lost} of its values are infinite or no numbers:")
    } else {
        "values do not fit the network file:".to_string()
    };
    for range in ranges
        .iter()
        .filter(|range| range.out_of_range + range.not_finite > 0)
    {
        text.push_str(&format!("\n  {range}"));
    }
    if lost > 0 {
        text.push_str(
            "\ntraining went wrong before this checkpoint was written; go back to an earlier one",
        );
        return text;
    }
    text.push_str(match rule {
        RangeRule::ClampAndWrap => {
            "\nthe reference tool of this version lets them wrap around without a word; --compat does the same"
        }
        RangeRule::Refuse => {
            "\nthe reference tool of this version refuses such a checkpoint too. While it trains, the trainer clips \
             weights of layers and 8-bit inputs to what fits; all others it lets grow"
        }
    });
    text
}

/// What was recognised and what became of the values.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// The trainer's name of the features, `^` where they are factorised.
    pub features: String,
    /// Tensors of the network in which not everything fitted.
    pub ranges: Vec<Ranges>,
    /// What the version's own tool does with values that do not fit.
    pub range_rule: RangeRule,
    /// Names of tensors that belong to no part of the network.
    pub unused: Vec<String>,
    /// Are the tensors' encodings those of a network that the checkpoint was made from?
    pub noted_encodings: bool,
}

impl Checkpoint {
    /// Converts to a network: shared rows and layers are added in single precision, then everything is scaled and
    /// rounded half to even, then the version's range rule applies. All tensors are to be stored raw until
    /// [`Network::set_compression`] says otherwise.
    ///
    /// # Errors
    /// The tensors are those of no known network, contradict the options, or hold values that do not fit (unless
    /// `compat` asks to let them wrap where the version's own tool does).
    pub fn to_network(
        &self,
        options: &ConvertOptions,
    ) -> Result<(Network, Conversion), ConvertError> {
        let (network, conversion) = self.preview(options)?;
        let outside = conversion
            .ranges
            .iter()
            .any(|range| range.out_of_range + range.not_finite > 0);
        let wraps = options.compat && conversion.range_rule == RangeRule::ClampAndWrap;
        if outside && !wraps {
            return Err(ConvertError::OutOfRange(
                conversion.ranges,
                conversion.range_rule,
            ));
        }
        Ok((network, conversion))
    }

    /// As [`to_network`](Self::to_network), but values that do not fit are only reported. The network is for looking
    /// at, not for writing.
    ///
    /// # Errors
    /// The tensors are those of no known network or contradict the options.
    pub fn preview(&self, options: &ConvertOptions) -> Result<(Network, Conversion), ConvertError> {
        let weights = Weights::find(self)?;
        let choice = self.choice(&weights, options)?;
        let features = choice.features();
        let noted = self
            .provenance
            .as_ref()
            .filter(|_| options.target_era.is_none());
        let converter = Converter {
            weights: &weights,
            architecture: &choice.architecture,
            sets: &choice.sets,
            rules: Rules::of(&choice.architecture),
            added_twice: options.compat && options.permuted,
        };
        let (mut ft, mut ranges) = converter.feature_transformer();
        let encodings = noted.map_or(&[][..], |noted| &noted.encodings);
        let noted_encodings = encodings.len() == ft.encodings.len();
        if noted_encodings {
            for (own, (spec, noted)) in ft
                .encodings
                .iter_mut()
                .zip(choice.architecture.layout.iter().zip(encodings))
            {
                if !matches!(spec.role, TensorRole::Narrow(..)) {
                    *own = *noted;
                }
            }
        }
        let (mut stacks, layer_ranges) = converter.stacks();
        if let Some(noted) = noted {
            noted.pad(&mut stacks);
        }
        self.bytes.check()?;
        ranges.extend(layer_ranges);
        ranges.retain(|range| !range.all_fit());
        let description = options
            .description
            .clone()
            .or_else(|| noted?.description())
            .unwrap_or_else(|| DEFAULT_DESCRIPTION.as_bytes().to_vec());
        let range_rule = converter.rules.range;
        let unused = weights.unused.clone();
        let network = Network {
            architecture: choice.architecture,
            recognition: choice.recognition,
            description,
            ft,
            stacks,
            longer_leb128: Vec::new(),
        };
        let conversion = Conversion {
            features,
            ranges,
            range_rule,
            unused,
            noted_encodings,
        };
        Ok((network, conversion))
    }

    /// Which network the tensors make, without converting them.
    ///
    /// # Errors
    /// The tensors are those of no known network or contradict the options.
    pub fn recognise(&self, options: &ConvertOptions) -> Result<Provenance, ConvertError> {
        let weights = Weights::find(self)?;
        let choice = self.choice(&weights, options)?;
        Ok(Provenance::new(&choice.architecture, &choice.recognition))
    }

    fn choice(
        &self,
        weights: &Weights<'_>,
        options: &ConvertOptions,
    ) -> Result<Choice, ChoiceError> {
        let wanted = Wanted {
            target: options.target_era,
            clamp: options.clamp,
            noted: self.provenance.as_ref(),
        };
        let choice = choose(weights, &wanted)?;
        check_wishes(&choice, options)?;
        Ok(choice)
    }
}

fn check_wishes(choice: &Choice, options: &ConvertOptions) -> Result<(), ChoiceError> {
    let found = choice.architecture.l1;
    if let Some(wanted) = options.l1.filter(|&wanted| wanted != found) {
        return Err(ChoiceError::L1 { found, wanted });
    }
    let layers = [
        ("L2", options.l2, choice.architecture.l2()),
        ("L3", options.l3, choice.architecture.l3()),
    ];
    for (name, wanted, found) in layers {
        if let Some(wanted) = wanted.filter(|&wanted| wanted != found) {
            return Err(ChoiceError::Layer {
                name,
                found,
                wanted,
            });
        }
    }
    match &options.features {
        // What the tensors say is only that it has as many rows.
        Some(wanted) if is_january_union(wanted, &choice.sets, &choice.architecture) => {
            Err(ChoiceError::Union(wanted.clone()))
        }
        Some(wanted) if !same_features(wanted, &choice.architecture) => {
            Err(ChoiceError::Features {
                found: choice.features(),
                wanted: wanted.clone(),
            })
        }
        _ => Ok(()),
    }
}

/// Do the names mean a union with as many rows as one matrix of these sets has?
fn is_january_union(names: &str, rows: &[SetRows], architecture: &Architecture) -> bool {
    let (Ok(wanted), Some(last)) = (
        InputSets::parse(names, Some(Inputs::January), None),
        rows.last(),
    ) else {
        return false;
    };
    let shared = match (last.has_shared_rows(), architecture.sets.last()) {
        (true, Some(set)) => factorised(*set).map_or(0, |(shared, _)| shared),
        _ => 0,
    };
    let (real, wanted_shared) = wanted.counts();
    wanted.blocks.len() > 1
        && architecture.version != VERSION_2026
        && real + wanted_shared == architecture.features_in(0..architecture.sets.len()) + shared
}

/// Does a list of names mean these sets? `^` marks factorised ones, which are recognised anyway. January's
/// `Full_Threats` stands for threats and piece-square inputs together.
pub fn same_features(names: &str, architecture: &Architecture) -> bool {
    let plain = |names: &str| names.replace('^', "");
    let own = architecture.feature_names();
    let wanted = plain(names);
    wanted == own || (wanted == "Full_Threats" && own == "Full_Threats+HalfKAv2_hm")
}

struct Converter<'a> {
    weights: &'a Weights<'a>,
    architecture: &'a Architecture,
    sets: &'a [SetRows],
    rules: Rules,
    added_twice: bool,
}

/// Rows of one set on their way into the network.
struct SetConversion<'a> {
    input: &'a Input<'a>,
    rows: &'a SetRows,
    rules: &'a Rules,
    l1: usize,
    /// What is added to the unused rows of HalfKA^ the second time.
    second: Option<Vec<f32>>,
}

impl Converter<'_> {
    fn feature_transformer(&self) -> (FeatureTransformer, Vec<Ranges>) {
        let architecture = self.architecture;
        let l1 = architecture.l1;
        let count = |wanted: fn(&TensorRole) -> bool| -> usize {
            let specs = architecture
                .layout
                .iter()
                .map(|spec| spec.role)
                .filter(wanted);
            specs.map(|role| architecture.tensor_len(role)).sum()
        };
        let mut ft = FeatureTransformer {
            bias: vec![0; l1],
            wide: vec![0; count(|role| matches!(role, TensorRole::Wide(..)))],
            narrow: vec![0; count(|role| matches!(role, TensorRole::Narrow(..)))],
            psqt: vec![0; count(|role| matches!(role, TensorRole::Psqt(..)))],
            encodings: vec![Encoding::Raw; architecture.layout.len()],
        };
        let mut all = Vec::new();
        let mut bias = Ranges::new("feature transformer biases");
        let limits = self.rules.limits(i16::BITS);
        let row = self.weights.bias.row(0);
        quantise_row(
            &row[..l1],
            self.rules.ft,
            limits,
            &mut ft.bias,
            &mut bias,
            &[],
        );
        all.push(bias);
        let mut psqt = ft.psqt.as_mut_slice();
        for (number, (set, rows)) in architecture.sets.iter().zip(self.sets).enumerate() {
            let (psqt_rows, rest) = psqt.split_at_mut(set.count() * architecture.psqt_buckets);
            psqt = rest;
            let conversion = SetConversion::new(self, rows);
            let (store, first) = architecture.rows_of(number);
            let range = first * l1..(first + set.count()) * l1;
            let [mut weights, mut psqt] = match store {
                Store::Wide => conversion.run(&mut ft.wide[range], psqt_rows),
                Store::Narrow => conversion.run(&mut ft.narrow[range], psqt_rows),
            };
            weights.tensor = format!("{} weights", set.name());
            psqt.tensor = format!("{} PSQT", set.name());
            all.extend([weights, psqt]);
        }
        (ft, all)
    }

    fn stacks(&self) -> (Vec<LayerStack>, Vec<Ranges>) {
        const NAMES: [&str; 3] = ["first layer", "second layer", "output layer"];
        let mut ranges = NAMES.map(|name| {
            [
                Ranges::new(&format!("{name} weights")),
                Ranges::new(&format!("{name} biases")),
            ]
        });
        let sizes = self.architecture.layer_sizes();
        let stack = |stack: usize| LayerStack {
            layers: std::array::from_fn(|number| {
                let [weights, biases] = &mut ranges[number];
                self.layer(stack, number, sizes.layers[number], weights, biases)
            }),
        };
        let stacks = (0..self.architecture.stacks).map(stack).collect();
        (stacks, ranges.into_iter().flatten().collect())
    }

    fn layer(
        &self,
        stack: usize,
        number: usize,
        (inputs, outputs): (usize, usize),
        weight_ranges: &mut Ranges,
        bias_ranges: &mut Ranges,
    ) -> DenseLayer {
        let Dense { weight, bias } = self.weights.layers[number];
        let shared = self.weights.shared_first.filter(|_| number == 0);
        let padded_inputs = inputs.div_ceil(32) * 32;
        let mut weights = vec![0i8; outputs * padded_inputs];
        let scale = self.rules.weights[number];
        for (output, out) in weights.chunks_exact_mut(padded_inputs).enumerate() {
            let mut row = weight.row(stack * outputs + output);
            if let Some(shared) = shared {
                add(row.to_mut(), &shared.weight.row(output));
            }
            let index = [stack, output];
            if let Some(limits) = self.rules.weight_limits {
                clamp(row.to_mut(), limits[number], scale, weight_ranges, &index);
            }
            let limits = self.rules.limits(i8::BITS);
            quantise_row(
                &row,
                scale,
                limits,
                &mut out[..inputs],
                weight_ranges,
                &index,
            );
        }
        let mut row = bias.map_or_else(
            || vec![0.0; outputs],
            |bias| bias.row(0)[stack * outputs..(stack + 1) * outputs].to_vec(),
        );
        if let Some(shared) = shared.and_then(|shared| shared.bias) {
            add(&mut row, &shared.row(0));
        }
        let mut bias = vec![0i32; outputs];
        let scale = self.rules.biases[number];
        let limits = self.rules.limits(i32::BITS);
        quantise_row(&row, scale, limits, &mut bias, bias_ranges, &[stack]);
        DenseLayer {
            inputs,
            padded_inputs,
            bias,
            weights,
        }
    }
}

fn add(sum: &mut [f32], row: &[f32]) {
    for (sum, &value) in sum.iter_mut().zip(row) {
        *sum += value;
    }
}

fn clamp(row: &mut [f32], limit: f32, scale: f32, ranges: &mut Ranges, index: &[usize]) {
    for (column, value) in row.iter_mut().enumerate() {
        // What is no number stays so, and is counted when it is quantised.
        let clamped = value.clamp(-limit, limit);
        if value.is_infinite() {
            ranges.out_of_range(index, column, *value, *value);
        } else if clamped != *value && !value.is_nan() {
            ranges.clamped(index, column, *value, (*value * scale).round_ties_even());
        }
        *value = clamped;
    }
}

impl<'a> SetConversion<'a> {
    fn new(converter: &'a Converter<'_>, rows: &'a SetRows) -> SetConversion<'a> {
        let input = &converter.weights.inputs[rows.input];
        let mut conversion = SetConversion {
            input,
            rows,
            rules: &converter.rules,
            l1: converter.architecture.l1,
            second: None,
        };
        if converter.added_twice && rows.rule == Rule::HalfKa {
            let last = rows.shared - rows.first - 1;
            conversion.second = Some(conversion.row(last).into_owned());
        }
        conversion
    }

    /// The trained row of a feature, all columns.
    fn row(&self, feature: usize) -> Cow<'a, [f32]> {
        let sum = self.rows.sum(feature);
        let mut row = self.input.row(sum.base);
        for added in sum.added.into_iter().flatten() {
            add(row.to_mut(), &self.input.row(added));
        }
        if let Some(second) = self.second.as_ref().filter(|_| feature.is_multiple_of(769)) {
            add(row.to_mut(), second);
        }
        row
    }

    /// Converts all rows; returns the accounts of weights and PSQT.
    fn run<T: Integer>(&self, weights: &mut [T], psqt: &mut [i32]) -> [Ranges; 2] {
        let psqt_buckets = psqt.len() / (weights.len() / self.l1);
        let limits = [self.rules.limits(T::BITS), self.rules.limits(i32::BITS)];
        // The oldest networks have no PSQT: then every task has an empty part of it.
        let mut parts: Vec<&mut [i32]> = match psqt_buckets {
            0 => Vec::new(),
            _ => psqt.chunks_mut(TASK_ROWS * psqt_buckets).collect(),
        };
        parts.resize_with(
            weights.len().div_ceil(TASK_ROWS * self.l1),
            Default::default,
        );
        let tasks = weights
            .par_chunks_mut(TASK_ROWS * self.l1)
            .zip(parts)
            .enumerate();
        let results: Vec<[Ranges; 2]> = tasks
            .map(|(task, (weights, psqt))| {
                let mut ranges = [Ranges::new(""), Ranges::new("")];
                let first = task * TASK_ROWS;
                for (number, weights) in weights.chunks_exact_mut(self.l1).enumerate() {
                    let psqt = &mut psqt[number * psqt_buckets..(number + 1) * psqt_buckets];
                    let feature = first + number;
                    let row = self.row(feature);
                    let (left, right) = row.split_at(self.l1);
                    let [of_weights, of_psqt] = &mut ranges;
                    let index = [feature];
                    quantise_row(left, self.rules.ft, limits[0], weights, of_weights, &index);
                    quantise_row(right, self.rules.psqt, limits[1], psqt, of_psqt, &index);
                }
                ranges
            })
            .collect();
        let mut all = [Ranges::new(""), Ranges::new("")];
        for result in results {
            for (all, ranges) in all.iter_mut().zip(result) {
                all.append(ranges);
            }
        }
        all
    }
}
