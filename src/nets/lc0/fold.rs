//! Batch norm folded into weights and biases, in single precision, step by step as lc0 does while loading.

/// What keeps lc0's division away from zero.
const EPSILON: f32 = 1e-5;

/// The tensors of a convolution block.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ConvTensors {
    pub weights: Vec<f32>,
    pub biases: Vec<f32>,
    pub means: Vec<f32>,
    /// Called `bn_stddivs` in the file.
    pub variances: Vec<f32>,
    pub gammas: Vec<f32>,
    pub betas: Vec<f32>,
}

/// Folds: afterwards there are weights and biases only.
///
/// # Errors
/// A text, if the sizes do not fit.
pub(super) fn fold(block: &mut ConvTensors) -> Result<(), String> {
    let outputs = block.means.len();
    if block.weights.is_empty() || outputs == 0 {
        return Ok(());
    }
    if block.betas.is_empty() && block.gammas.is_empty() {
        block.betas = vec![0.0; outputs];
        block.gammas = vec![1.0; outputs];
    }
    if block.biases.is_empty() {
        block.biases = vec![0.0; outputs];
    }
    let sizes = [
        ("biases", &block.biases),
        ("bn_stddivs", &block.variances),
        ("bn_gammas", &block.gammas),
        ("bn_betas", &block.betas),
    ];
    for (name, tensor) in sizes {
        if tensor.len() != outputs {
            let count = tensor.len();
            return Err(format!("{name} has {count} values, bn_means {outputs}"));
        }
    }
    if !block.weights.len().is_multiple_of(outputs) {
        let count = block.weights.len();
        return Err(format!(
            "{count} weights are no multiple of {outputs} outputs"
        ));
    }
    let per_output = block.weights.len() / outputs;
    for (output, weights) in block.weights.chunks_exact_mut(per_output).enumerate() {
        let gamma = block.gammas[output] * (1.0 / (block.variances[output] + EPSILON).sqrt());
        let mean = block.means[output] - block.biases[output];
        for weight in weights {
            *weight *= gamma;
        }
        block.biases[output] = -gamma * mean + block.betas[output];
    }
    for tensor in [
        &mut block.means,
        &mut block.variances,
        &mut block.gammas,
        &mut block.betas,
    ] {
        tensor.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: variance 0.25 - 1e-5 makes a factor of 2.
    #[test]
    fn folds_a_block_worked_by_hand() {
        let mut block = ConvTensors {
            weights: vec![1.0, -2.0, 3.0, 4.0],
            biases: vec![0.5, 0.0],
            means: vec![1.0, 2.0],
            variances: vec![0.249_99, 0.249_99],
            gammas: vec![1.0, 3.0],
            betas: vec![0.0, 1.0],
        };
        fold(&mut block).expect("the sizes fit");
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near(&block.weights, &[2.0, -4.0, 18.0, 24.0]), "{block:?}");
        assert!(near(&block.biases, &[-1.0, -11.0]), "{block:?}");
        assert!(block.means.is_empty() && block.gammas.is_empty());
    }

    #[test]
    fn sizes_that_do_not_fit_are_errors() {
        let block = ConvTensors {
            weights: vec![1.0; 4],
            means: vec![0.0; 2],
            variances: vec![1.0; 2],
            ..ConvTensors::default()
        };
        let mut short = block.clone();
        short.variances.pop();
        assert!(fold(&mut short).is_err());
        let mut odd = block.clone();
        odd.weights.pop();
        assert!(fold(&mut odd).is_err());
        let mut gammas_alone = block;
        gammas_alone.gammas = vec![1.0; 2];
        assert!(fold(&mut gammas_alone).is_err());
    }

    #[test]
    fn without_batch_norm_nothing_changes() {
        let mut block = ConvTensors {
            weights: vec![1.0; 4],
            biases: vec![7.0],
            ..ConvTensors::default()
        };
        let before = block.clone();
        fold(&mut block).expect("nothing to do");
        assert_eq!(block, before);
    }
}
