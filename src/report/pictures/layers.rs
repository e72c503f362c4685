//! The fully connected layers of each bucket.

use serde::Serialize;

use crate::nets::stockfish::Network;

/// The layers of a bucket.
#[derive(Clone, Debug, Serialize)]
pub struct StackNumbers {
    pub bucket: usize,
    pub layers: Vec<LayerNumbers>,
}

/// A layer, without the padding of its rows.
#[derive(Clone, Debug, Serialize)]
pub struct LayerNumbers {
    pub name: &'static str,
    pub inputs: usize,
    pub outputs: usize,
    /// `[outputs]`.
    pub biases: Vec<i32>,
    /// `[outputs][inputs]`.
    pub weights: Vec<Vec<i8>>,
}

/// Their names, as reports have them.
pub(super) const LAYERS: [&str; 3] = ["first layer", "second layer", "output layer"];

/// Those of one bucket, or of all.
pub fn layers(network: &Network, bucket: Option<usize>) -> Vec<StackNumbers> {
    let stacks = network.stacks.iter().enumerate();
    stacks
        .filter(|(number, _)| bucket.is_none_or(|bucket| bucket == *number))
        .map(|(number, stack)| StackNumbers {
            bucket: number,
            layers: stack
                .layers
                .iter()
                .zip(LAYERS)
                .map(|(layer, name)| LayerNumbers {
                    name,
                    inputs: layer.inputs,
                    outputs: layer.outputs(),
                    biases: layer.bias.clone(),
                    weights: layer
                        .weights
                        .chunks_exact(layer.padded_inputs)
                        .map(|row| row[..layer.inputs].to_vec())
                        .collect(),
                })
                .collect(),
        })
        .collect()
}
