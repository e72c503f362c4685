//! The tensors of a network, one after the other, as single precision.

use std::collections::BTreeMap;

use super::fold::{ConvTensors, fold};
use super::layer::{Arithmetic, Layer};
use super::schema::CONV_BLOCK;
use super::tree::Node;
use super::{Lc0Error, Lc0Net};

/// Heads of policy and value that can be chosen.
pub const HEADS: [&str; 7] = [
    "vanilla",
    "optimistic_st",
    "soft",
    "opponent",
    "winner",
    "q",
    "st",
];

/// A tensor of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The path in the file below `weights`, as `residual.0.conv1.weights`.
    pub path: String,
    /// Row-major; dense matrices are outputs by inputs. One dimension if nothing is known.
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// Which tensors, and how.
#[derive(Clone, Debug)]
pub struct TensorOptions {
    pub arithmetic: Arithmetic,
    /// Fold batch norm into weights and biases.
    pub fold_batch_norm: bool,
    /// Of networks with several heads, these only (names of [`HEADS`]); all if empty.
    pub heads: Vec<String>,
}

/// A tensor to come: where it is, before it is decoded.
pub(super) enum Source<'n, 'a> {
    Layer(&'n Node<'a>),
    /// A convolution block with batch norm.
    Block(&'n Node<'a>),
}

impl Lc0Net<'_> {
    /// Calls `take` with every tensor in the order of the file; one is in memory at a time.
    ///
    /// # Errors
    /// A tensor cannot be decoded or folded, a head is not there, or `take` fails.
    pub fn tensors<E: From<Lc0Error>>(
        &self,
        options: &TensorOptions,
        mut take: impl FnMut(Tensor) -> Result<(), E>,
    ) -> Result<(), E> {
        let shapes = self.survey().shapes;
        for (path, source) in self.sources(options)? {
            match source {
                Source::Layer(node) => {
                    let values = Layer::of(node).decode(&path, options.arithmetic)?;
                    take(shaped(&shapes, path, values))?;
                }
                Source::Block(node) => {
                    let block = folded(node, &path, options.arithmetic)?;
                    let outputs = block.biases.len();
                    take(shaped(&shapes, format!("{path}.weights"), block.weights))?;
                    take(Tensor {
                        path: format!("{path}.biases"),
                        shape: vec![outputs],
                        values: block.biases,
                    })?;
                }
            }
        }
        Ok(())
    }

    /// The tensors to come, with their paths.
    pub(super) fn sources(
        &self,
        options: &TensorOptions,
    ) -> Result<Vec<(String, Source<'_, '_>)>, Lc0Error> {
        let weights = self.some_weights()?;
        self.check_heads(&options.heads)?;
        let wanted = |path: &str| {
            options.heads.is_empty()
                || head_of(path).is_none_or(|head| options.heads.iter().any(|name| name == head))
        };
        let mut sources = Vec::new();
        let mut blocks: Vec<String> = Vec::new();
        weights.visit("", &mut |path, node| {
            if !wanted(path) {
                return;
            }
            if options.fold_batch_norm && is_normed_block(node) {
                blocks.push(format!("{path}."));
                sources.push((path.to_string(), Source::Block(node)));
            } else if node.is_layer() {
                let folded = blocks.last().is_some_and(|block| path.starts_with(block));
                if !folded {
                    sources.push((path.to_string(), Source::Layer(node)));
                }
            }
        });
        Ok(sources)
    }

    fn check_heads(&self, heads: &[String]) -> Result<(), Lc0Error> {
        let mut present = Vec::new();
        self.some_weights()?.visit("", &mut |path, _| {
            if let Some(head) = head_of(path)
                && !present.contains(&head.to_string())
            {
                present.push(head.to_string());
            }
        });
        match heads.iter().find(|head| !present.contains(head)) {
            None => Ok(()),
            Some(_) if present.is_empty() => Err(Lc0Error::Options(
                "this network has one policy head and one value head, which have no names".into(),
            )),
            Some(head) => Err(Lc0Error::Options(format!(
                "there is no head {head:?}; there are {}",
                present.join(", ")
            ))),
        }
    }
}

/// The head that a tensor belongs to, in a network with several.
pub(super) fn head_of(path: &str) -> Option<&str> {
    let (heads, rest) = path.split_once('.')?;
    let name = rest.split('.').next()?;
    let known = matches!(heads, "policy_heads" | "value_heads");
    (known && HEADS.contains(&name)).then_some(name)
}

/// A convolution block that has batch norm to be folded.
pub(super) fn is_normed_block(node: &Node<'_>) -> bool {
    std::ptr::eq(node.message, &CONV_BLOCK)
        && ["weights", "bn_means"].iter().all(|name| {
            node.child(name)
                .is_some_and(|layer| Layer::of(layer).count() > 0)
        })
}

/// The tensors of a convolution block, batch norm folded.
pub(super) fn folded(
    node: &Node<'_>,
    path: &str,
    arithmetic: Arithmetic,
) -> Result<ConvTensors, Lc0Error> {
    let tensor = |name: &str| match node.child(name) {
        Some(layer) => Layer::of(layer).decode(&format!("{path}.{name}"), arithmetic),
        None => Ok(Vec::new()),
    };
    let mut block = ConvTensors {
        weights: tensor("weights")?,
        biases: tensor("biases")?,
        means: tensor("bn_means")?,
        variances: tensor("bn_stddivs")?,
        gammas: tensor("bn_gammas")?,
        betas: tensor("bn_betas")?,
    };
    fold(&mut block).map_err(|text| Lc0Error::Tensor {
        tensor: path.to_string(),
        text,
    })?;
    Ok(block)
}

fn shaped(shapes: &BTreeMap<String, Vec<usize>>, path: String, values: Vec<f32>) -> Tensor {
    let shape = shapes
        .get(&path)
        .filter(|shape| shape.iter().product::<usize>() == values.len())
        .cloned()
        .unwrap_or_else(|| vec![values.len()]);
    Tensor {
        path,
        shape,
        values,
    }
}
