//! How accumulators become outputs.

use serde::Deserialize;

use super::error::LayoutError;
use super::syntax::{RawActivation, RawPairing};
use super::tensor::{ElementType, Role, Tensor};
use crate::order::Pairing;

/// How accumulators become outputs, with `c(x) = clamp(x, 0, clamp)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActivationKind {
    /// `c(a) >> shift`
    Clipped,
    /// `c(a) * c(a) >> shift`
    Squared,
    /// `c(a) * c(b) >> shift` of the two columns of a pair
    Pairwise,
}

/// The accumulator's type: sums wrap around in integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Accumulator {
    I16,
    I32,
    F32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LayoutActivation {
    pub kind: ActivationKind,
    /// At least 1; for floats as it was written.
    pub clamp: f64,
    pub shift: u32,
    /// Is half of `1 << shift` added before the shift? Then `shift` is at least 1.
    pub rounded: bool,
    pub pairing: Pairing,
    pub accumulator: Accumulator,
}

impl LayoutActivation {
    /// What is added before the shift.
    pub fn half(&self) -> i64 {
        if self.rounded {
            1 << (self.shift - 1)
        } else {
            0
        }
    }

    /// An output is zero exactly if the value before the shift is below 2 to the power of this.
    pub fn zero_shift(&self) -> u32 {
        self.shift - u32::from(self.rounded)
    }
}

/// Checks what a layout says of the activation against its tensors.
pub(super) fn activation(
    raw: &RawActivation,
    tensors: &[Tensor],
) -> Result<LayoutActivation, LayoutError> {
    let wrong = |text: &str| Err(LayoutError::Activation(text.into()));
    let mut ft = tensors
        .iter()
        .filter(|tensor| matches!(tensor.role, Role::FtWeights | Role::FtBias))
        .map(|tensor| tensor.element);
    let floats = ft.clone().any(|element| element == ElementType::F32);
    let wide = ft.any(|element| element == ElementType::I32);
    let accumulator = raw.accumulator.unwrap_or(match (floats, wide) {
        (true, _) => Accumulator::F32,
        (false, true) => Accumulator::I32,
        (false, false) => Accumulator::I16,
    });
    if floats != (accumulator == Accumulator::F32) {
        return wrong("the accumulator is f32 exactly if weights or biases are");
    }
    if wide && accumulator == Accumulator::I16 {
        return wrong("an accumulator of i16 does not hold weights or biases of i32");
    }
    let clamp = match raw.clamp {
        Some(clamp) if floats && clamp > 0.0 => clamp,
        Some(clamp)
            if !floats && clamp >= 1.0 && clamp <= f64::from(i32::MAX) && clamp.fract() == 0.0 =>
        {
            clamp
        }
        Some(_) => return wrong("clamp is a whole number from 1 (any number above 0 for f32)"),
        None if floats => f64::INFINITY,
        None => f64::from(i32::MAX),
    };
    if raw.shift > 31 || floats && raw.shift > 0 {
        return wrong("shift is at most 31, and 0 for f32");
    }
    if raw.rounded && raw.shift == 0 {
        return wrong("rounded goes with a shift of 1 or more");
    }
    let pairing = match (raw.kind, raw.pairs) {
        (ActivationKind::Pairwise, None | Some(RawPairing::Halves)) => Pairing::Halves,
        (ActivationKind::Pairwise, Some(RawPairing::Adjacent)) => Pairing::Adjacent,
        (_, None) => Pairing::Halves,
        (_, Some(_)) => return wrong("pairs goes with kind = \"pairwise\" only"),
    };
    Ok(LayoutActivation {
        kind: raw.kind,
        clamp,
        shift: raw.shift,
        rounded: raw.rounded,
        pairing,
        accumulator,
    })
}
