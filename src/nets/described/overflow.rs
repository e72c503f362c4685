//! Can sums of the first layer overflow 16 bits, so that an engine computes something else in another order?
//!
//! Without VNNI instructions engines multiply bytes and add 2 products, some of them then 4 of two blocks, in 16 bits,
//! with saturation or without. Which weights meet depends on the order, and in the last case on which blocks are zero.
//! If no weights of a row can reach the limit together, no order can overflow.

use super::activation::ActivationKind;
use super::net::RawNet;
use super::tensor::{ElementType, Role};

/// Weights of a first layer that may overflow together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// Of the first layer.
    pub tensor: String,
    /// The sum that these weights reach with the largest outputs.
    pub sum: i64,
    /// How many products the engine adds.
    pub added: usize,
}

impl RawNet {
    /// The largest sum of products that some order may bring together, if it does not fit into 16 bits. `None` if no
    /// order can overflow, or the layout does not say how many products the engine adds.
    pub fn overflow(&self) -> Option<Overflow> {
        let added = self.layout().first_layer?.added?;
        let largest = self.largest_output()?;
        let mut worst: Option<Overflow> = None;
        for tensor in self.layout().of_role(Role::L1Weights) {
            if tensor.element == ElementType::F32 {
                continue;
            }
            let places = tensor.neuron_offsets();
            for row in 0..tensor.rest() {
                let base = tensor.rest_offset(row);
                let weights = places
                    .iter()
                    .map(|place| i64::from(tensor.integer(self.bytes(), base + place)));
                let sum = largest_sum(weights, added, largest);
                let fits = i16::try_from(sum).is_ok();
                let is_worse = worst
                    .as_ref()
                    .is_none_or(|worst| sum.unsigned_abs() > worst.sum.unsigned_abs());
                if !fits && is_worse {
                    worst = Some(Overflow {
                        tensor: tensor.name.clone(),
                        sum,
                        added,
                    });
                }
            }
        }
        worst
    }

    /// The largest output of the feature transformer, if it is a byte.
    fn largest_output(&self) -> Option<i64> {
        let activation = &self.layout().activation;
        if activation.clamp.fract() != 0.0 || activation.clamp > 65535.0 {
            return None;
        }
        let clamp = activation.clamp as i64;
        let before = match activation.kind {
            ActivationKind::Clipped => clamp,
            ActivationKind::Squared | ActivationKind::Pairwise => clamp * clamp,
        };
        let largest = (before + activation.half()) >> activation.shift;
        (largest <= 255).then_some(largest)
    }
}

/// The sum furthest from 0 of so many weights, each times 0 to `largest`.
fn largest_sum(weights: impl Iterator<Item = i64>, added: usize, largest: i64) -> i64 {
    // The largest ones, in descending order, and the smallest in ascending order.
    let mut above = vec![0; added];
    let mut below = vec![0; added];
    for weight in weights {
        let mut kept = weight;
        for place in &mut above {
            if kept > *place {
                std::mem::swap(&mut kept, place);
            }
        }
        let mut kept = weight;
        for place in &mut below {
            if kept < *place {
                std::mem::swap(&mut kept, place);
            }
        }
    }
    let [above, below] = [above, below].map(|weights| largest * weights.iter().sum::<i64>());
    if above >= -below { above } else { below }
}

#[cfg(test)]
mod tests {
    use super::largest_sum;

    #[test]
    fn sums_by_hand() {
        let sum = |weights: &[i64], added| largest_sum(weights.iter().copied(), added, 127);
        // 4 * 64 * 127 is the most that fits, and 4 * 65 * 127 is too much.
        assert_eq!(sum(&[64; 9], 4), 32512);
        assert_eq!(sum(&[65; 9], 4), 33020);
        assert_eq!(sum(&[127, 1, -128, -128, 2, -3], 2), -32512);
        assert_eq!(sum(&[127, 1, -100, -20, 2, -3], 4), 127 * 130);
        assert_eq!(sum(&[5], 4), 635);
        assert_eq!(sum(&[], 4), 0);
    }
}
