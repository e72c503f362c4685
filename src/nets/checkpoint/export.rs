//! Networks and checkpoints to state dictionaries.

use crate::nets::stockfish::{Network, Store, VERSION_2026};

use super::Checkpoint;
use super::convert::ConvertOptions;
use super::provenance::Provenance;
use super::rows::{Rule, SetRows};
use super::rules::Rules;
use super::state_dict::{FillRow, StateDict, StateTensor};
use super::tensor::Matrix;
use super::weights::{Weights, WeightsError};

impl Checkpoint {
    /// The network's tensors under their own names, as they are: nothing is added up, rounded or permuted. What else
    /// the checkpoint holds is left out.
    ///
    /// # Errors
    /// The tensors are not those of a network.
    pub fn state_dict(&self) -> Result<StateDict<'_>, WeightsError> {
        let weights = Weights::find(self)?;
        let tensors = weights.used.iter().filter_map(|&tensor| {
            let matrix = Matrix::new(tensor, &self.bytes)?;
            let fill = move |row: usize, out: &mut [f32]| out.copy_from_slice(&matrix.row(row));
            Some(StateTensor {
                name: tensor.name.clone(),
                shape: tensor.shape.clone(),
                fill: Box::new(fill),
                source: Some(&self.bytes),
            })
        });
        let provenance = match &self.provenance {
            Some(provenance) => Some(provenance.clone()),
            None => self.recognise(&ConvertOptions::default()).ok(),
        };
        Ok(StateDict {
            tensors: tensors.collect(),
            provenance,
        })
    }
}

/// The state dictionary that the trainer of the network's version would have after reading the network: integers
/// divided by their scale. Shared rows and the shared first layer are zero.
///
/// Until January 2026 the trainer had factorised and plain feature sets, chosen by name; `factorised` chooses the
/// former. Today's has the factorised one only.
pub fn network_state(network: &Network, factorised: bool) -> StateDict<'_> {
    let rules = Rules::of(&network.architecture);
    let mut state = StateDict {
        tensors: Vec::new(),
        provenance: Some(Provenance::of(network)),
    };
    if network.architecture.version == VERSION_2026 {
        bias(network, rules, &mut state);
        modules(network, rules, &mut state);
    } else {
        one_matrix(network, rules, factorised, &mut state);
        bias(network, rules, &mut state);
    }
    layers(network, rules, &mut state);
    state
}

fn push<'a>(state: &mut StateDict<'a>, name: String, shape: Vec<usize>, fill: FillRow<'a>) {
    state.tensors.push(StateTensor {
        name,
        shape,
        fill,
        source: None,
    });
}

/// Biases of the accumulator, then zeros for the PSQT columns.
fn bias<'a>(network: &'a Network, rules: Rules, state: &mut StateDict<'a>) {
    let architecture = &network.architecture;
    let fill = move |_: usize, out: &mut [f32]| {
        out.fill(0.0);
        divide(&network.ft.bias, rules.ft, out);
    };
    let shape = vec![architecture.l1 + architecture.psqt_buckets];
    push(state, "model.input.bias".to_string(), shape, Box::new(fill));
}

fn divide<T: Copy + Into<i32>>(values: &[T], scale: f32, out: &mut [f32]) {
    for (out, &value) in out.iter_mut().zip(values) {
        let value: i32 = value.into();
        *out = value as f32 / scale;
    }
}

/// As [`divide`], for numbers that may need all digits of single precision: takes the neighbour that conversion turns
/// back into the integer where the quotient itself does not.
fn divide_back(values: &[i32], scale: f32, out: &mut [f32]) {
    for (out, &value) in out.iter_mut().zip(values) {
        let quotient = value as f32 / scale;
        let neighbours = [quotient, quotient.next_up(), quotient.next_down()];
        let returns =
            |&neighbour: &f32| (neighbour * scale).round_ties_even() as i64 == i64::from(value);
        *out = neighbours.into_iter().find(returns).unwrap_or(quotient);
    }
}

/// Weights and PSQT of one feature.
fn feature_row(network: &Network, rules: &Rules, set: usize, feature: usize, out: &mut [f32]) {
    let architecture = &network.architecture;
    let (store, first) = architecture.rows_of(set);
    let (weights, psqt) = out.split_at_mut(architecture.l1);
    let at = (first + feature) * architecture.l1;
    match store {
        Store::Wide => divide(
            &network.ft.wide[at..at + architecture.l1],
            rules.ft,
            weights,
        ),
        Store::Narrow => divide(
            &network.ft.narrow[at..at + architecture.l1],
            rules.ft,
            weights,
        ),
    }
    let at = (architecture.features_in(0..set) + feature) * architecture.psqt_buckets;
    let values = &network.ft.psqt[at..at + architecture.psqt_buckets];
    divide_back(values, rules.psqt, psqt);
}

fn one_matrix<'a>(network: &'a Network, rules: Rules, factorised: bool, state: &mut StateDict<'a>) {
    let architecture = &network.architecture;
    let sets = architecture.sets.len();
    let real = architecture.features_in(0..sets);
    let shared = match architecture.sets[sets - 1].name() {
        "HalfKP" => 64 + 640,
        _ => 768,
    };
    let fill = move |row: usize, out: &mut [f32]| {
        let mut feature = row;
        for (number, set) in network.architecture.sets.iter().enumerate() {
            if feature < set.count() {
                feature_row(network, &rules, number, feature, out);
                return;
            }
            feature -= set.count();
        }
        out.fill(0.0);
    };
    let shape = vec![
        real + if factorised { shared } else { 0 },
        architecture.l1 + architecture.psqt_buckets,
    ];
    push(
        state,
        "model.input.weight".to_string(),
        shape,
        Box::new(fill),
    );
}

fn modules<'a>(network: &'a Network, rules: Rules, state: &mut StateDict<'a>) {
    let architecture = &network.architecture;
    let columns = architecture.l1 + architecture.psqt_buckets;
    for (number, set) in architecture.sets.iter().enumerate() {
        let name = format!("model.input.features.{number}");
        if set.name() != "HalfKAv2_hm" {
            let fill = move |row: usize, out: &mut [f32]| {
                feature_row(network, &rules, number, row, out);
            };
            let shape = vec![set.count(), columns];
            push(state, format!("{name}.weight"), shape, Box::new(fill));
            continue;
        }
        let features = twelve_plane_features(set.count());
        let shape = vec![features.len(), columns];
        let fill = move |row: usize, out: &mut [f32]| match features[row] {
            Some(feature) => feature_row(network, &rules, number, feature, out),
            None => out.fill(0.0),
        };
        push(state, format!("{name}.weight"), shape, Box::new(fill));
        let zeros = |_: usize, out: &mut [f32]| out.fill(0.0);
        push(
            state,
            format!("{name}.virtual_weight"),
            vec![768, columns],
            Box::new(zeros),
        );
    }
}

/// For every row of twelve planes a bucket the feature whose row it is, if any: the inverse of what conversion does.
fn twelve_plane_features(count: usize) -> Vec<Option<usize>> {
    let rows = SetRows {
        input: 0,
        first: 0,
        shared: 0,
        rule: Rule::TwelvePlanes { shared: false },
    };
    let mut features = vec![None; count / 704 * 768];
    for feature in 0..count {
        features[rows.sum(feature).base] = Some(feature);
    }
    features
}

fn layers<'a>(network: &'a Network, rules: Rules, state: &mut StateDict<'a>) {
    for (number, name) in ["l1", "l2", "output"].into_iter().enumerate() {
        let name = format!("model.layer_stacks.{name}");
        let (inputs, outputs) = network.architecture.layer_sizes().layers[number];
        let rows = network.stacks.len() * outputs;
        let weights = move |row: usize, out: &mut [f32]| {
            let layer = &network.stacks[row / outputs].layers[number];
            let at = row % outputs * layer.padded_inputs;
            let values = &layer.weights[at..at + inputs];
            divide(values, rules.weights[number], out);
        };
        let biases = move |_: usize, out: &mut [f32]| {
            for (stack, out) in network.stacks.iter().zip(out.chunks_exact_mut(outputs)) {
                divide_back(&stack.layers[number].bias, rules.biases[number], out);
            }
        };
        let shape = vec![rows, inputs];
        push(
            state,
            format!("{name}.linear.weight"),
            shape,
            Box::new(weights),
        );
        push(
            state,
            format!("{name}.linear.bias"),
            vec![rows],
            Box::new(biases),
        );
        if number == 0 {
            let zeros = |_: usize, out: &mut [f32]| out.fill(0.0);
            let name = format!("{name}.factorized_linear");
            push(
                state,
                format!("{name}.weight"),
                vec![outputs, inputs],
                Box::new(zeros),
            );
            push(
                state,
                format!("{name}.bias"),
                vec![outputs],
                Box::new(zeros),
            );
        }
    }
}
