//! The state dictionary with which a trainer begins.
//!
//! What the trainer sets is set: shared rows, the shared first layer and the output's bias are zero, PSQT columns hold
//! piece values, alike in all eight buckets, as are the layer stacks. All else it draws, uniformly between -s and s.
//! For the rows of a matrix of inputs s is the square root of 1 / rows, for the accumulator's biases with the rows of
//! all inputs; for weights and biases of a layer it is the square root of 1 / inputs of the layer.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use thiserror::Error;

use super::sets::{InputSets, Inputs, RowKind};
use super::state_dict::{FillRow, StateDict, StateTensor};
use crate::nets::stockfish::{MAX_L1, MAX_OUTPUTS};

/// Layer stacks and PSQT columns.
const BUCKETS: usize = 8;

/// Pawn to queen, in the engine's units.
const PIECE_VALUES: [f32; 5] = [126.0, 781.0, 825.0, 1276.0, 2538.0];

/// The engine's units in a trainer's.
const SCORE: f64 = 600.0;

/// Sizes of a network's layers, as trainers count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitialSizes {
    pub l1: usize,
    pub l2: usize,
    pub l3: usize,
}

/// Why there is no such network to begin with.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InitialError {
    #[error("L1 is a multiple of 8 up to {MAX_L1}, not {0}")]
    L1(usize),
    #[error("{name} is {least} to {most}, not {found}")]
    Layer {
        name: &'static str,
        least: usize,
        most: usize,
        found: usize,
    },
    #[error("no trainer begins with {0}: it has no piece values for its PSQT")]
    NoPieceValues(String),
    #[error("{0} are those of a network file; a trainer's inputs are needed")]
    NoTrainer(String),
}

impl InitialSizes {
    /// What the trainer takes if it is told no others.
    pub fn usual(inputs: Inputs, l1: usize) -> InitialSizes {
        let l2 = if inputs == Inputs::January { 15 } else { 32 };
        InitialSizes { l1, l2, l3: 32 }
    }

    fn check(&self, inputs: Inputs) -> Result<(), InitialError> {
        if self.l1 == 0 || !self.l1.is_multiple_of(8) || self.l1 > MAX_L1 {
            return Err(InitialError::L1(self.l1));
        }
        let l2 = match inputs {
            // One row more only skips.
            Inputs::January => (1, MAX_OUTPUTS - 1),
            Inputs::Network | Inputs::Today => (2, MAX_OUTPUTS),
        };
        for (name, found, (least, most)) in [("L2", self.l2, l2), ("L3", self.l3, (1, MAX_OUTPUTS))]
        {
            if !(least..=most).contains(&found) {
                return Err(InitialError::Layer {
                    name,
                    least,
                    most,
                    found,
                });
            }
        }
        Ok(())
    }
}

/// Where the random numbers of a tensor come from: each row has a stream of its own, so that rows can be made in any
/// order.
#[derive(Clone)]
struct Uniform {
    rng: ChaCha8Rng,
    tensor: u64,
    limit: f32,
}

impl Uniform {
    fn fill(&self, row: usize, out: &mut [f32]) {
        let mut rng = self.rng.clone();
        rng.set_stream(self.tensor << 32 | row as u64);
        for out in out {
            *out = rng.random::<f32>() * (2.0 * self.limit) - self.limit;
        }
    }
}

/// Makes the tensors in the order of the trainer's model.
struct Maker {
    rng: ChaCha8Rng,
    tensors: Vec<StateTensor<'static>>,
    sizes: InitialSizes,
}

/// The state dictionary of a trainer's new network: a function of the sets, the sizes and the seed alone.
///
/// # Errors
/// No trainer has such a network.
pub fn initial_state(
    sets: &InputSets,
    sizes: InitialSizes,
    seed: u64,
) -> Result<StateDict<'static>, InitialError> {
    sizes.check(sets.inputs)?;
    if sets.inputs == Inputs::Network {
        return Err(InitialError::NoTrainer(sets.names()));
    }
    if let Some(block) = sets
        .blocks
        .iter()
        .find(|block| block.name().starts_with("HalfKP"))
    {
        return Err(InitialError::NoPieceValues(block.name().to_string()));
    }
    let mut maker = Maker {
        rng: ChaCha8Rng::seed_from_u64(seed),
        tensors: Vec::new(),
        sizes,
    };
    match sets.inputs {
        Inputs::January => {
            maker.one_matrix(sets);
            let (real, shared) = sets.counts();
            maker.bias(real + shared);
        }
        Inputs::Network | Inputs::Today => {
            maker.bias(sets.counts().0);
            maker.modules(sets);
        }
    }
    maker.layers(sets.inputs);
    Ok(StateDict {
        tensors: maker.tensors,
        provenance: None,
    })
}

impl Maker {
    fn push(&mut self, name: &str, shape: Vec<usize>, fill: FillRow<'static>) {
        self.tensors.push(StateTensor {
            name: format!("model.{name}"),
            shape,
            fill,
            source: None,
        });
    }

    /// For the tensor that comes next, of which `rows` or inputs are summed.
    fn uniform(&self, rows: usize) -> Uniform {
        Uniform {
            rng: self.rng.clone(),
            tensor: self.tensors.len() as u64,
            limit: (1.0 / rows as f64).sqrt() as f32,
        }
    }

    fn columns(&self) -> usize {
        self.sizes.l1 + BUCKETS
    }

    /// Biases of the accumulator; those of the PSQT columns cancel out and are zero.
    fn bias(&mut self, rows: usize) {
        let (uniform, l1) = (self.uniform(rows), self.sizes.l1);
        let fill = move |row: usize, out: &mut [f32]| {
            uniform.fill(row, out);
            out[l1..].fill(0.0);
        };
        self.push("input.bias", vec![self.columns()], Box::new(fill));
    }

    /// Rows `first..first + rows` of the inputs, with their PSQT.
    fn inputs(&mut self, name: &str, sets: &InputSets, first: usize, rows: usize) {
        let (uniform, l1, sets) = (self.uniform(rows), self.sizes.l1, sets.clone());
        let fill = move |row: usize, out: &mut [f32]| {
            let kind = sets.row(first + row);
            if matches!(kind, Some(RowKind::Shared)) {
                out.fill(0.0);
                return;
            }
            uniform.fill(row, out);
            out[l1..].fill(kind.map_or(0.0, |kind| psqt(&kind)));
        };
        self.push(name, vec![rows, self.columns()], Box::new(fill));
    }

    fn one_matrix(&mut self, sets: &InputSets) {
        let (real, shared) = sets.counts();
        self.inputs("input.weight", sets, 0, real + shared);
    }

    fn modules(&mut self, sets: &InputSets) {
        for (number, block) in sets.blocks.iter().enumerate() {
            let name = format!("input.features.{number}");
            let range = sets.real_range(number);
            self.inputs(&format!("{name}.weight"), sets, range.start, range.len());
            let (_, shared) = block.counts();
            if shared > 0 {
                let shape = vec![shared, self.columns()];
                self.push(&format!("{name}.virtual_weight"), shape, zeros());
            }
        }
    }

    fn layers(&mut self, inputs: Inputs) {
        let InitialSizes { l1, l2, l3 } = self.sizes;
        let layers = match inputs {
            Inputs::January => [(l1, l2 + 1), (2 * l2, l3), (l3, 1)],
            Inputs::Network | Inputs::Today => [(l1, l2), (2 * l2, l3), (2 * l2 + 2 * l3, 1)],
        };
        for (name, (inputs, outputs)) in ["l1", "l2", "output"].into_iter().zip(layers) {
            let name = format!("layer_stacks.{name}");
            let rows = BUCKETS * outputs;
            let uniform = self.uniform(inputs);
            let fill = move |row: usize, out: &mut [f32]| uniform.fill(row % outputs, out);
            self.push(
                &format!("{name}.linear.weight"),
                vec![rows, inputs],
                Box::new(fill),
            );
            let uniform = self.uniform(inputs);
            let fill = move |row: usize, out: &mut [f32]| {
                for stack in out.chunks_exact_mut(outputs) {
                    uniform.fill(row, stack);
                }
            };
            let fill: FillRow<'static> = if outputs == 1 {
                zeros()
            } else {
                Box::new(fill)
            };
            self.push(&format!("{name}.linear.bias"), vec![rows], fill);
            if name.ends_with("l1") {
                let name = format!("{name}.factorized_linear");
                self.push(&format!("{name}.weight"), vec![outputs, inputs], zeros());
                self.push(&format!("{name}.bias"), vec![outputs], zeros());
            }
        }
    }
}

fn zeros() -> FillRow<'static> {
    Box::new(|_: usize, out: &mut [f32]| out.fill(0.0))
}

/// What a row says of material: a piece's value, negative for the opponent's; nothing for kings, threats and pairs.
fn psqt(kind: &RowKind) -> f32 {
    let RowKind::Feature { set, feature } = kind else {
        return 0.0;
    };
    let Ok(meaning) = set.meaning(*feature) else {
        return 0.0;
    };
    let (kind, own) = meaning.first.kind_and_side();
    match PIECE_VALUES.get(kind) {
        Some(value) if meaning.second.is_none() => {
            let value = value * (1.0 / SCORE) as f32;
            if own { value } else { -value }
        }
        _ => 0.0,
    }
}
