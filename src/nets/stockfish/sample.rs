//! Networks of every era for tests, at small widths.

use std::path::Path;

use super::{
    Architecture, DenseLayer, Encoding, LayerStack, Network, ReadOptions, TensorRole, era,
};

/// A network of an era with rows of `l1` weights and numbers of every size, the same each time.
pub(crate) fn sample(id: &str, l1: usize) -> Network {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/demo.nnue");
    let mut network = Network::read(Path::new(demo), &ReadOptions::default()).unwrap();
    let era = era(id).unwrap();
    let architecture = Architecture {
        l1,
        ..era.architecture
    };
    network.recognition.era = era;
    network.architecture = architecture;
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(99);
        (state >> 32) as i32 >> (16 + (state >> 60))
    };
    let len = |wanted: fn(TensorRole) -> bool| -> usize {
        let specs = architecture.layout.iter().filter(|spec| wanted(spec.role));
        specs.map(|spec| architecture.tensor_len(spec.role)).sum()
    };
    let wide = len(|role| matches!(role, TensorRole::Wide(..)));
    let narrow = len(|role| matches!(role, TensorRole::Narrow(..)));
    let psqt = len(|role| matches!(role, TensorRole::Psqt(..)));
    let ft = &mut network.ft;
    ft.bias = (0..l1).map(|_| random() as i16).collect();
    ft.wide = (0..wide).map(|_| random() as i16).collect();
    ft.narrow = (0..narrow).map(|_| random() as i8).collect();
    ft.psqt = (0..psqt).map(|_| random()).collect();
    ft.encodings = vec![Encoding::Raw; architecture.layout.len()];
    let mut layer = |(inputs, outputs): (usize, usize)| {
        let padded_inputs = inputs.div_ceil(32) * 32;
        let weights = outputs * padded_inputs;
        DenseLayer {
            inputs,
            padded_inputs,
            bias: (0..outputs).map(|_| random()).collect(),
            weights: (0..weights).map(|_| random() as i8).collect(),
        }
    };
    network.stacks = (0..architecture.stacks)
        .map(|_| LayerStack {
            layers: architecture.layer_sizes().layers.map(&mut layer),
        })
        .collect();
    network
}
