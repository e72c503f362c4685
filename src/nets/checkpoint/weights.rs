//! The trainer's tensors by their role, whatever prefix and spelling the trainer of the day gave them.

use thiserror::Error;

use super::Checkpoint;
use super::tensor::{Matrix, Tensor};
use crate::files::quote::{excerpt, excerpt_of};

/// Why tensors are not those of a network.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WeightsError {
    #[error("there is no tensor `{missing}`; there are {present}")]
    Missing { missing: String, present: String },
    #[error("two tensors are the {0}: `{1}` and `{2}`")]
    Twice(String, String, String),
    #[error("`{tensor}` is {found} of shape {shape:?}, {expected} was expected")]
    Shape {
        tensor: String,
        found: &'static str,
        shape: Vec<usize>,
        expected: String,
    },
}

/// Weights and biases of the fully connected layers, one below the other for all buckets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dense<'a> {
    pub weight: Matrix<'a>,
    pub bias: Option<Matrix<'a>>,
}

/// The rows of one input feature: real ones, then those that are shared ("virtual").
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    pub real: Matrix<'a>,
    pub shared: Option<Matrix<'a>>,
}

impl<'a> Input<'a> {
    /// Rows of both.
    pub(super) fn rows(&self) -> usize {
        self.real.rows + self.shared.map_or(0, |shared| shared.rows)
    }

    /// Row by its number in both.
    pub(super) fn row(&self, row: usize) -> std::borrow::Cow<'a, [f32]> {
        match self.shared {
            Some(shared) if row >= self.real.rows => shared.row(row - self.real.rows),
            _ => self.real.row(row),
        }
    }
}

/// How the trainer kept the input features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InputStyle {
    /// One matrix with all real rows, then all virtual rows: until January 2026.
    OneMatrix,
    /// A module a feature: since 2026.
    Modules,
}

/// All tensors of a network.
#[derive(Clone, Debug)]
pub(super) struct Weights<'a> {
    pub style: InputStyle,
    pub inputs: Vec<Input<'a>>,
    pub bias: Matrix<'a>,
    /// Accumulator width per perspective.
    pub l1: usize,
    /// Does the first layer see products of column pairs, `l1` values in all, or both perspectives' columns?
    pub pairwise: bool,
    pub psqt_buckets: usize,
    pub stacks: usize,
    pub layers: [Dense<'a>; 3],
    /// What all buckets' first layers have in common, to be added to each.
    pub shared_first: Option<Dense<'a>>,
    /// The spelling `l1_fact` or `l1.weight`: a trainer of before 10 November 2025.
    pub old_spelling: bool,
    /// Tensors that belong to the network, in their order in the file.
    pub used: Vec<&'a Tensor>,
    /// Names of all others.
    pub unused: Vec<String>,
}

impl<'a> Weights<'a> {
    pub(super) fn find(checkpoint: &'a Checkpoint) -> Result<Weights<'a>, WeightsError> {
        let names = Names::new(checkpoint);
        let (style, inputs) = names.inputs()?;
        let bias = names.vector("input.bias")?;
        let layers = [
            names.layer("layer_stacks.l1")?,
            names.layer("layer_stacks.l2")?,
            names.layer("layer_stacks.output")?,
        ];
        let stacks = layers[2].weight.rows;
        // The first layer's inputs and the biases, PSQT columns included, together say how wide both are.
        let (first_inputs, columns) = (layers[0].weight.columns, bias.columns);
        let pairwise = first_inputs < columns;
        let l1 = if pairwise {
            first_inputs
        } else {
            first_inputs / 2
        };
        let psqt_buckets = columns.checked_sub(l1).filter(|_| l1 > 0).ok_or_else(|| {
            names.shape(
                bias.tensor,
                format!("a vector longer than {l1}, half the first layer's inputs,"),
            )
        })?;
        let shared_first = names.shared_first()?;
        let weights = Weights {
            style,
            inputs,
            bias,
            l1,
            pairwise,
            psqt_buckets,
            stacks,
            layers,
            shared_first,
            old_spelling: names.old_spelling,
            used: names.used(),
            unused: names.unused(),
        };
        weights.check(&names)?;
        Ok(weights)
    }

    /// Do the sizes fit each other?
    fn check(&self, names: &Names<'_>) -> Result<(), WeightsError> {
        let columns = self.bias.columns;
        for input in &self.inputs {
            for matrix in [Some(input.real), input.shared].into_iter().flatten() {
                if matrix.columns != columns {
                    return Err(names.shape(
                        matrix.tensor,
                        format!("{columns} columns, as many as biases,"),
                    ));
                }
            }
        }
        for layer in &self.layers {
            let rows = layer.weight.rows;
            if self.stacks == 0 || !rows.is_multiple_of(self.stacks) {
                return Err(names.shape(
                    layer.weight.tensor,
                    format!("a multiple of {} rows, the number of buckets,", self.stacks),
                ));
            }
            if let Some(bias) = layer.bias.filter(|bias| bias.columns != rows) {
                return Err(names.shape(bias.tensor, format!("a vector of {rows}")));
            }
        }
        if let Some(shared) = self.shared_first {
            let (rows, columns) = (self.outputs(0), self.layers[0].weight.columns);
            if (shared.weight.rows, shared.weight.columns) != (rows, columns) {
                return Err(names.shape(shared.weight.tensor, format!("{rows} x {columns}")));
            }
            if let Some(bias) = shared.bias.filter(|bias| bias.columns != rows) {
                return Err(names.shape(bias.tensor, format!("a vector of {rows}")));
            }
        }
        Ok(())
    }

    /// Outputs of a layer per bucket.
    pub(super) fn outputs(&self, layer: usize) -> usize {
        self.layers[layer].weight.rows / self.stacks
    }
}

/// Tensors by the name that they have in today's trainer, without the prefixes.
struct Names<'a> {
    checkpoint: &'a Checkpoint,
    /// `(plain name, tensor)`, in the order of the file.
    known: Vec<(String, &'a Tensor)>,
    old_spelling: bool,
}

/// What stands in front of the names: wrappers of the model.
const PREFIXES: [&str; 3] = ["model.", "module.", "_orig_mod."];

/// The same name as today's trainer spells it, and whether the spelling was an older one.
pub(super) fn plain_name(name: &str) -> (String, bool) {
    let mut rest = name;
    while let Some(shorter) = PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = shorter;
    }
    let Some(inner) = rest.strip_prefix("layer_stacks.") else {
        return (rest.to_string(), false);
    };
    let old = [
        ("l1_fact.", "l1.factorized_linear."),
        ("l1.weight", "l1.linear.weight"),
        ("l1.bias", "l1.linear.bias"),
        ("l2.weight", "l2.linear.weight"),
        ("l2.bias", "l2.linear.bias"),
        ("output.weight", "output.linear.weight"),
        ("output.bias", "output.linear.bias"),
    ];
    for (old, new) in old {
        if let Some(end) = inner.strip_prefix(old) {
            return (format!("layer_stacks.{new}{end}"), true);
        }
    }
    (rest.to_string(), false)
}

impl<'a> Names<'a> {
    fn new(checkpoint: &'a Checkpoint) -> Names<'a> {
        let mut old_spelling = false;
        let known = checkpoint
            .tensors()
            .iter()
            .map(|tensor| {
                let (name, old) = plain_name(&tensor.name);
                old_spelling |= old;
                (name, tensor)
            })
            .collect();
        Names {
            checkpoint,
            known,
            old_spelling,
        }
    }

    fn is_used(name: &str) -> bool {
        let layers = [
            "l1.linear",
            "l1.factorized_linear",
            "l2.linear",
            "output.linear",
        ];
        let dense = name
            .strip_prefix("layer_stacks.")
            .and_then(|name| name.rsplit_once('.'))
            .is_some_and(|(layer, kind)| {
                layers.contains(&layer) && ["weight", "bias"].contains(&kind)
            });
        let feature = name
            .strip_prefix("input.features.")
            .and_then(|name| name.split_once('.'))
            .is_some_and(|(number, kind)| {
                number.parse::<usize>().is_ok() && ["weight", "virtual_weight"].contains(&kind)
            });
        dense || feature || ["input.weight", "input.bias"].contains(&name)
    }

    fn used(&self) -> Vec<&'a Tensor> {
        let used = self.known.iter().filter(|(name, _)| Self::is_used(name));
        used.map(|&(_, tensor)| tensor).collect()
    }

    fn unused(&self) -> Vec<String> {
        let unused = self.known.iter().filter(|(name, _)| !Self::is_used(name));
        unused.map(|(_, tensor)| tensor.name.clone()).collect()
    }

    fn optional(&self, name: &str) -> Result<Option<Matrix<'a>>, WeightsError> {
        let mut found = self.known.iter().filter(|(known, _)| known == name);
        let Some(&(_, tensor)) = found.next() else {
            return Ok(None);
        };
        if let Some((_, second)) = found.next() {
            return Err(WeightsError::Twice(
                name.to_string(),
                excerpt(tensor.name.as_bytes()),
                excerpt(second.name.as_bytes()),
            ));
        }
        Matrix::new(tensor, &self.checkpoint.bytes)
            .filter(|matrix| matrix.rows > 0 && matrix.columns > 0)
            .map(Some)
            .ok_or_else(|| self.shape(tensor, "a vector or matrix of numbers".to_string()))
    }

    fn required(&self, name: &str) -> Result<Matrix<'a>, WeightsError> {
        self.optional(name)?.ok_or_else(|| {
            let shown = self
                .known
                .iter()
                .take(12)
                .map(|(_, it)| excerpt_of(it.name.as_bytes(), 60));
            let mut present = shown.collect::<Vec<_>>().join(", ");
            if self.known.len() > 12 {
                present.push_str(&format!(" and {} others", self.known.len() - 12));
            }
            WeightsError::Missing {
                missing: name.to_string(),
                present,
            }
        })
    }

    fn vector(&self, name: &str) -> Result<Matrix<'a>, WeightsError> {
        let matrix = self.required(name)?;
        if matrix.rows != 1 {
            return Err(self.shape(matrix.tensor, "a vector".to_string()));
        }
        Ok(matrix)
    }

    fn layer(&self, name: &str) -> Result<Dense<'a>, WeightsError> {
        Ok(Dense {
            weight: self.required(&format!("{name}.linear.weight"))?,
            bias: Some(self.vector(&format!("{name}.linear.bias"))?),
        })
    }

    fn shared_first(&self) -> Result<Option<Dense<'a>>, WeightsError> {
        let name = "layer_stacks.l1.factorized_linear";
        let Some(weight) = self.optional(&format!("{name}.weight"))? else {
            return Ok(None);
        };
        // Until May 2022 the shared layer had no bias.
        let bias = self.optional(&format!("{name}.bias"))?;
        Ok(Some(Dense { weight, bias }))
    }

    fn inputs(&self) -> Result<(InputStyle, Vec<Input<'a>>), WeightsError> {
        if let Some(real) = self.optional("input.weight")? {
            let input = Input { real, shared: None };
            return Ok((InputStyle::OneMatrix, vec![input]));
        }
        let mut inputs = Vec::new();
        loop {
            let name = format!("input.features.{}", inputs.len());
            let Some(real) = self.optional(&format!("{name}.weight"))? else {
                break;
            };
            let shared = self.optional(&format!("{name}.virtual_weight"))?;
            inputs.push(Input { real, shared });
        }
        if inputs.is_empty() {
            self.required("input.weight")?;
        }
        Ok((InputStyle::Modules, inputs))
    }

    fn shape(&self, tensor: &Tensor, expected: String) -> WeightsError {
        WeightsError::Shape {
            tensor: excerpt(tensor.name.as_bytes()),
            found: tensor.element.name(),
            shape: tensor.shape.clone(),
            expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_trainers() {
        let same = |name: &str, expected: &str, old: bool| {
            assert_eq!(plain_name(name), (expected.to_string(), old));
        };
        same("model.input.weight", "input.weight", false);
        same("input.bias", "input.bias", false);
        same(
            "_orig_mod.model.input.features.0.virtual_weight",
            "input.features.0.virtual_weight",
            false,
        );
        same(
            "model.layer_stacks.l1.linear.weight",
            "layer_stacks.l1.linear.weight",
            false,
        );
        same(
            "layer_stacks.l1_fact.bias",
            "layer_stacks.l1.factorized_linear.bias",
            true,
        );
        same(
            "layer_stacks.output.weight",
            "layer_stacks.output.linear.weight",
            true,
        );
    }
}
