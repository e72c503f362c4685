//! The scales and ranges of each version of the trainer.

use crate::nets::model::Activation;
use crate::nets::stockfish::{Architecture, VERSION_2026};

/// What happens to values that the file format cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeRule {
    /// Until May 2026: weights of the fully connected layers are clamped, all else wraps around.
    ClampAndWrap,
    /// Since May 2026: nothing is converted.
    Refuse,
}

/// How single-precision weights become integers: multiplied in single precision, rounded half to even.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rules {
    /// Biases and weights of the feature transformer.
    pub ft: f32,
    pub psqt: f32,
    /// Weights of the three layers.
    pub weights: [f32; 3],
    pub biases: [f32; 3],
    /// Weights are clamped to this on both sides before they are scaled.
    pub weight_limits: Option<[f32; 3]>,
    pub range: RangeRule,
}

/// Units of a PSQT value, and of the output layer's bias until May 2026: 600 centipawn-like units of 16 steps.
const OUTPUT_SCALE: f64 = 600.0 * 16.0;

impl Rules {
    /// The rules by which networks of this kind were written.
    pub(super) fn of(architecture: &Architecture) -> Rules {
        if architecture.version == VERSION_2026 {
            return Rules {
                ft: 256.0,
                psqt: OUTPUT_SCALE as f32,
                weights: [128.0, 64.0, 128.0],
                biases: [128.0 * 128.0, 64.0 * 128.0, 128.0 * 128.0],
                weight_limits: None,
                range: RangeRule::Refuse,
            };
        }
        let (Activation::Clipped { clamp } | Activation::Pairwise { clamp, .. }) =
            architecture.activation;
        // Hidden activations are 127ths of one in every network of this version, whatever the first layer's are.
        let output = OUTPUT_SCALE / 127.0;
        Rules {
            ft: f32::from(clamp),
            psqt: OUTPUT_SCALE as f32,
            weights: [64.0, 64.0, output as f32],
            biases: [64.0 * 127.0, 64.0 * 127.0, OUTPUT_SCALE as f32],
            weight_limits: Some([127.0 / 64.0, 127.0 / 64.0, (127.0 / output) as f32]),
            range: RangeRule::ClampAndWrap,
        }
    }

    /// Smallest and largest integer of a feature transformer value of so many bits.
    pub(super) fn limits(&self, bits: u32) -> (i64, i64) {
        let max = (1i64 << (bits - 1)) - 1;
        match self.range {
            // The newer rule is symmetric, except for 32 bits, whose bound single precision cannot express.
            RangeRule::Refuse if bits < 32 => (-max, max),
            _ => (-max - 1, max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::stockfish::era;

    #[test]
    fn constants_of_both_versions() {
        let today = Rules::of(&era("v16").unwrap().architecture);
        assert_eq!((today.ft, today.psqt), (256.0, 9600.0));
        assert_eq!(today.biases, [16384.0, 8192.0, 16384.0]);
        assert_eq!(today.limits(8), (-127, 127));
        let january = Rules::of(&era("v10b").unwrap().architecture);
        assert_eq!((january.ft, january.psqt), (255.0, 9600.0));
        assert_eq!(january.weights, [64.0, 64.0, 75.590_55]);
        assert_eq!(
            january.weight_limits,
            Some([1.984_375, 1.984_375, 1.680_104_1])
        );
        assert_eq!(january.limits(16), (-32768, 32767));
        assert_eq!(Rules::of(&era("v9").unwrap().architecture).ft, 127.0);
    }
}
