//! Two networks, tensor by tensor, as lc0 has them after loading.

use std::collections::BTreeMap;

use serde::Serialize;

use super::layer::{Arithmetic, Layer};
use super::rewrite::largest_difference;
use super::schema::{Kind, NETWORK_FORMAT};
use super::tensors::{Source, TensorOptions, folded};
use super::tree::Node;
use super::{Lc0Error, Lc0Net};

/// What two networks have in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Fields of the format that differ after migration, and numbers of heads.
    pub format: Vec<FormatDifference>,
    /// Tensors whose values are all equal.
    pub equal: usize,
    pub different: Vec<Difference>,
    pub only_in_a: Vec<String>,
    pub only_in_b: Vec<String>,
}

/// A field of the format that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FormatDifference {
    pub field: String,
    pub a: Option<String>,
    pub b: Option<String>,
}

/// A tensor that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    pub tensor: String,
    /// Values of each.
    pub values: [usize; 2],
    /// Values that differ, if there are as many in both.
    pub differing: Option<usize>,
    /// The largest difference; infinite (null in JSON) with a NaN on one side only.
    pub largest: Option<f32>,
    /// The place of the largest difference, from 0.
    pub at: Option<usize>,
}

impl Comparison {
    /// Are they the same, but for differences of values up to a tolerance?
    pub fn same_within(&self, tolerance: f32) -> bool {
        let missing = self.only_in_a.len() + self.only_in_b.len();
        missing == 0
            && self.format.is_empty()
            && self.different.iter().all(|difference| {
                difference
                    .largest
                    .is_some_and(|largest| largest <= tolerance)
            })
    }

    /// The largest difference of all tensors that can be compared.
    pub fn largest(&self) -> f32 {
        let all = self.different.iter().filter_map(|found| found.largest);
        all.fold(0.0, f32::max)
    }
}

/// Where a tensor comes from.
enum Origin<'n, 'a> {
    Layer(&'n Node<'a>),
    Weights(&'n Node<'a>, String),
    Biases(&'n Node<'a>, String),
}

impl Origin<'_, '_> {
    fn values(&self, path: &str, arithmetic: Arithmetic) -> Result<Vec<f32>, Lc0Error> {
        Ok(match self {
            Origin::Layer(node) => Layer::of(node).decode(path, arithmetic)?,
            Origin::Weights(node, block) => folded(node, block, arithmetic)?.weights,
            Origin::Biases(node, block) => folded(node, block, arithmetic)?.biases,
        })
    }
}

/// Compares after migration, with batch norm folded.
///
/// # Errors
/// One of the two has no weights, or a tensor that cannot be read.
pub fn compare(
    a: &Lc0Net<'_>,
    b: &Lc0Net<'_>,
    arithmetic: Arithmetic,
) -> Result<Comparison, Lc0Error> {
    let (of_a, mut of_b) = (origins(a, arithmetic)?, origins(b, arithmetic)?);
    let mut result = Comparison {
        format: format_differences(a, b),
        equal: 0,
        different: Vec::new(),
        only_in_a: Vec::new(),
        only_in_b: Vec::new(),
    };
    for (path, origin) in of_a {
        let Some(other) = of_b.remove(&path) else {
            result.only_in_a.push(path);
            continue;
        };
        let a = origin.values(&path, arithmetic)?;
        let b = other.values(&path, arithmetic)?;
        let values = [a.len(), b.len()];
        if values[0] != values[1] {
            result.different.push(Difference {
                tensor: path,
                values,
                differing: None,
                largest: None,
                at: None,
            });
            continue;
        }
        let (largest, at, differing) = largest_difference(&a, &b);
        if differing == 0 {
            result.equal += 1;
        } else {
            result.different.push(Difference {
                tensor: path,
                values,
                differing: Some(differing),
                largest: Some(largest),
                at: Some(at),
            });
        }
    }
    result.only_in_b = of_b.into_keys().collect();
    Ok(result)
}

fn format_differences(a: &Lc0Net<'_>, b: &Lc0Net<'_>) -> Vec<FormatDifference> {
    let fields = NETWORK_FORMAT.fields.iter();
    let differing =
        fields.filter(|field| a.format.number(field.name) != b.format.number(field.name));
    let mut found: Vec<FormatDifference> = differing
        .map(|field| FormatDifference {
            field: field.name.to_string(),
            a: a.format.name(field.name),
            b: b.format.name(field.name),
        })
        .collect();
    let (of_a, of_b) = (numbers(a), numbers(b));
    for field in of_a
        .keys()
        .chain(of_b.keys().filter(|field| !of_a.contains_key(*field)))
    {
        let (a, b) = (of_a.get(field).copied(), of_b.get(field).copied());
        if a.unwrap_or(0) != b.unwrap_or(0) {
            found.push(FormatDifference {
                field: field.clone(),
                a: a.map(|number| number.to_string()),
                b: b.map(|number| number.to_string()),
            });
        }
    }
    found
}

/// Numbers beside the tensors: how many heads the encoders have, in body and policy heads.
fn numbers(net: &Lc0Net<'_>) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    let mut add = |path: &str, node: &Node<'_>| {
        for field in node.message.fields {
            if matches!(field.kind, Kind::Uint)
                && let Some(number) = node.uint(field.name)
            {
                let dot = if path.is_empty() { "" } else { "." };
                found.insert(format!("{path}{dot}{}", field.name), number);
            }
        }
    };
    if let Some(weights) = net.weights() {
        add("", weights);
        weights.visit("", &mut |path, node| add(path, node));
    }
    found
}

/// Every tensor that has values, by its path. A block that was folded before and one that is folded now look alike.
fn origins<'n>(
    net: &'n Lc0Net<'_>,
    arithmetic: Arithmetic,
) -> Result<BTreeMap<String, Origin<'n, 'n>>, Lc0Error> {
    let options = TensorOptions {
        arithmetic,
        fold_batch_norm: true,
        heads: Vec::new(),
    };
    let mut found = BTreeMap::new();
    for (path, source) in net.sources(&options)? {
        match source {
            Source::Layer(node) if Layer::of(node).count() == 0 => {}
            Source::Layer(node) => drop(found.insert(path, Origin::Layer(node))),
            Source::Block(node) => {
                let weights = Origin::Weights(node, path.clone());
                found.insert(format!("{path}.weights"), weights);
                let biases = format!("{path}.biases");
                found.insert(biases, Origin::Biases(node, path));
            }
        }
    }
    Ok(found)
}
