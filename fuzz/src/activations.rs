//! Recorded outputs of a feature transformer, raw and `.npy`.

use ftperm::planes::recorded::{Options, Values, parse};

use super::Recipe;

pub fn activations(data: &[u8]) {
    let mut recipe = Recipe::new(data);
    let flags = recipe.byte();
    let options = Options {
        neurons: [
            Some(4),
            Some(8),
            Some(64),
            Some(0),
            Some(6),
            Some(1 << 16),
            None,
            Some(12),
        ][usize::from(flags & 7)],
        values: [
            None,
            Some(Values::Outputs),
            Some(Values::Zero),
            Some(Values::Active),
        ][usize::from(flags >> 3 & 3)],
        count: (flags & 0x20 != 0).then(|| u64::from(recipe.byte())),
        memory: None,
    };
    let bytes = recipe.rest;
    let found = match parse(bytes, &options) {
        Ok(found) => found,
        Err(problem) => {
            assert!(!problem.to_string().is_empty());
            return;
        }
    };
    let neurons = options.neurons.expect("it must be said");
    let samples: usize = found.chunks.iter().map(|it| it.samples()).sum();
    assert!(samples > 0 && samples * neurons <= bytes.len());
    assert!(options.count.is_none_or(|count| samples as u64 <= count));
    let [planes] = found.chunks.as_slice() else {
        panic!("an input has the samples of one chunk");
    };
    if bytes.starts_with(b"\x93NUMPY") {
        return;
    }
    for (sample, row) in bytes.chunks_exact(neurons).take(samples).enumerate() {
        for (neuron, &value) in row.iter().enumerate() {
            let zero = match found.values {
                Some(Values::Zero) => value == 1,
                _ => value == 0,
            };
            assert_eq!(planes.get(neuron, sample), zero);
        }
    }
}
