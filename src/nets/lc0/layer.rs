//! The values of a tensor: five encodings, read and written.

use half::{bf16, f16};

use super::Lc0Error;
use super::tree::Node;
use super::version::Version;

/// How a tensor's values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Encoding {
    /// Sixteen bits between the smallest and the largest value.
    #[serde(rename = "linear16")]
    Linear16,
    /// IEEE half precision.
    #[serde(rename = "float16")]
    Float16,
    /// The upper half of single precision.
    #[serde(rename = "bfloat16")]
    Bfloat16,
    /// Single precision.
    #[serde(rename = "float32")]
    Float32,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Encoding; 4] = [
        Encoding::Linear16,
        Encoding::Float16,
        Encoding::Bfloat16,
        Encoding::Float32,
    ];

    /// The name on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Linear16 => "linear16",
            Encoding::Float16 => "float16",
            Encoding::Bfloat16 => "bfloat16",
            Encoding::Float32 => "float32",
        }
    }

    /// The number in the file.
    pub(super) const fn number(self) -> u32 {
        match self {
            Encoding::Linear16 => 1,
            Encoding::Float16 => 2,
            Encoding::Bfloat16 => 3,
            Encoding::Float32 => 4,
        }
    }

    /// Bytes of a value.
    pub const fn value_bytes(self) -> usize {
        match self {
            Encoding::Float32 => 4,
            _ => 2,
        }
    }
}

/// The arithmetic of `LINEAR16`, which changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// Up to lc0 0.32.1: `t * (max - min) + min`.
    UpTo032,
    /// Since lc0 0.33: `min * (1 - t) + max * t`.
    Since033,
}

impl Arithmetic {
    /// That of a version of lc0.
    pub fn of(version: Version) -> Arithmetic {
        if version.number() < Version::V0_33.number() {
            Arithmetic::UpTo032
        } else {
            Arithmetic::Since033
        }
    }

    /// The value of a 16-bit number. Every step is rounded to single precision, as in lc0.
    #[inline]
    fn value(self, number: u16, min: f32, max: f32) -> f32 {
        let t = f32::from(number) / 65535.0;
        match self {
            Arithmetic::UpTo032 => t * (max - min) + min,
            Arithmetic::Since033 => min * (1.0 - t) + max * t,
        }
    }
}

/// A tensor as it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer<'n> {
    pub min: f32,
    pub max: f32,
    pub params: &'n [u8],
    /// `Err` with the number of an encoding that lc0 does not know.
    pub encoding: Result<Encoding, u32>,
}

impl<'n> Layer<'n> {
    pub fn of(node: &'n Node<'_>) -> Layer<'n> {
        let encoding = match node.uint("encoding") {
            None => Ok(Encoding::Linear16),
            Some(number) => Encoding::ALL
                .into_iter()
                .find(|encoding| encoding.number() == number)
                .ok_or(number),
        };
        Layer {
            min: node.float("min_val").unwrap_or(0.0),
            max: node.float("max_val").unwrap_or(0.0),
            params: node.bytes("params").unwrap_or(&[]),
            encoding,
        }
    }

    fn value_bytes(&self) -> usize {
        self.encoding.map_or(2, Encoding::value_bytes)
    }

    /// Whole values; a rest of bytes is dropped.
    pub fn count(&self) -> usize {
        self.params.len() / self.value_bytes()
    }

    /// Bytes after the last whole value.
    pub fn rest(&self) -> usize {
        self.params.len() % self.value_bytes()
    }

    /// The values as single precision; `name` is for the error.
    pub fn decode(&self, name: &str, arithmetic: Arithmetic) -> Result<Vec<f32>, Lc0Error> {
        let encoding = self.encoding.map_err(|number| Lc0Error::Tensor {
            tensor: name.to_string(),
            text: format!("unknown encoding {number}"),
        })?;
        let words = || {
            let (words, _) = self.params.as_chunks::<2>();
            words.iter().map(|word| u16::from_le_bytes(*word))
        };
        Ok(match encoding {
            Encoding::Linear16 => {
                let (min, max) = (self.min, self.max);
                words()
                    .map(|number| arithmetic.value(number, min, max))
                    .collect()
            }
            Encoding::Float16 => words().map(|bits| f16::from_bits(bits).to_f32()).collect(),
            Encoding::Bfloat16 => words()
                .map(|bits| f32::from_bits(u32::from(bits) << 16))
                .collect(),
            Encoding::Float32 => {
                let (words, _) = self.params.as_chunks::<4>();
                words.iter().map(|word| f32::from_le_bytes(*word)).collect()
            }
        })
    }
}

/// A tensor to be stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Encoded {
    pub min: f32,
    pub max: f32,
    pub params: Vec<u8>,
    pub encoding: Encoding,
}

impl Encoded {
    /// Puts it into a layer in place of what was there. What the schema does not know stays.
    pub fn store(&self, node: &mut Node<'_>) {
        node.set_float("min_val", self.min);
        node.set_float("max_val", self.max);
        node.set_bytes("params", &self.params);
        // lc0 before 0.33 does not know the field, and takes all for LINEAR16.
        if self.encoding == Encoding::Linear16 {
            node.remove("encoding");
        } else {
            node.set_uint("encoding", self.encoding.number());
        }
    }
}

/// Encodes values.
///
/// # Errors
/// `LINEAR16` holds finite values only, whose range is finite, too.
pub(super) fn encode(values: &[f32], encoding: Encoding, name: &str) -> Result<Encoded, Lc0Error> {
    let (min, max, params) = match encoding {
        Encoding::Linear16 => linear16(values, name)?,
        Encoding::Float16 => {
            let bytes = values.iter().flat_map(|&value| {
                // To the nearest, ties to even.
                f16::from_f32(value).to_le_bytes()
            });
            (0.0, 0.0, bytes.collect())
        }
        Encoding::Bfloat16 => {
            let bytes = values
                .iter()
                .flat_map(|&value| bf16::from_f32(value).to_le_bytes());
            (0.0, 0.0, bytes.collect())
        }
        Encoding::Float32 => {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes());
            (0.0, 0.0, bytes.collect())
        }
    };
    Ok(Encoded {
        min,
        max,
        params,
        encoding,
    })
}

fn linear16(values: &[f32], name: &str) -> Result<(f32, f32, Vec<u8>), Lc0Error> {
    let wrong = |text: String| Lc0Error::Tensor {
        tensor: name.to_string(),
        text,
    };
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        let value = values[at];
        return Err(wrong(format!(
            "value {at} is {value}, which LINEAR16 cannot hold; float16, bfloat16 and float32 can"
        )));
    }
    let Some(&first) = values.first() else {
        return Ok((0.0, 0.0, Vec::new()));
    };
    let min = values.iter().copied().fold(first, f32::min);
    let max = values.iter().copied().fold(first, f32::max);
    if !(max - min).is_finite() {
        return Err(wrong(format!(
            "its values go from {min} to {max}, too far for LINEAR16"
        )));
    }
    // With twice the digits, so that the nearest of the 65536 steps is taken.
    let (low, range) = (f64::from(min), f64::from(max) - f64::from(min));
    let step = |value: f32| {
        if range == 0.0 {
            0
        } else {
            ((f64::from(value) - low) / range * 65535.0).round_ties_even() as u16
        }
    };
    let params = values
        .iter()
        .flat_map(|&value| step(value).to_le_bytes())
        .collect();
    Ok((min, max, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoded: &Encoded, arithmetic: Arithmetic) -> Vec<f32> {
        let layer = Layer {
            min: encoded.min,
            max: encoded.max,
            params: &encoded.params,
            encoding: Ok(encoded.encoding),
        };
        layer.decode("it", arithmetic).expect("a known encoding")
    }

    #[test]
    fn the_two_ways_of_linear16_round_differently() {
        let (min, max) = (-0.586_138_f32, 1.549_232_1_f32);
        let old = Arithmetic::UpTo032;
        // The first values of input.weights of maia-1900 in lc0 0.32.1.
        for (number, value) in [(18453, 0.015_128_255), (17416, -0.018_660_963)] {
            assert_eq!(old.value(number, min, max), value);
        }
        let differ = (0..=u16::MAX)
            .filter(|&n| old.value(n, min, max) != Arithmetic::Since033.value(n, min, max))
            .count();
        assert!(differ > 1000, "{differ}");
    }

    #[test]
    fn exact_encodings_are_exact() {
        let values = [
            0.0,
            -0.0,
            1.5,
            -2.25,
            65504.0,
            f32::INFINITY,
            5.960_464_5e-8,
        ];
        for encoding in [Encoding::Float16, Encoding::Float32] {
            let encoded = encode(&values, encoding, "it").expect("all fit");
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            let back = decoded(&encoded, Arithmetic::Since033);
            assert_eq!(bits(&back), bits(&values));
        }
        // Ties go to even: 1 + 2^-8 is half way between 1 and 1 + 2^-7.
        let encoded = encode(
            &[1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0],
            Encoding::Bfloat16,
            "it",
        );
        let back = decoded(&encoded.expect("all fit"), Arithmetic::Since033);
        assert_eq!(back, [1.0, 1.015_625]);
    }

    #[test]
    fn linear16_comes_back_to_the_same_numbers() {
        let values: Vec<f32> = (0..1000).map(|n| (n as f32 * 0.37).sin()).collect();
        let first = encode(&values, Encoding::Linear16, "it").expect("finite");
        for arithmetic in [Arithmetic::UpTo032, Arithmetic::Since033] {
            let back = decoded(&first, arithmetic);
            let step = (first.max - first.min) / 65535.0;
            assert!(values.iter().zip(&back).all(|(a, b)| (a - b).abs() <= step));
            let again = encode(&back, Encoding::Linear16, "it").expect("finite");
            assert_eq!(again.params, first.params);
        }
    }

    #[test]
    fn one_value_and_equal_values_are_exact_in_linear16() {
        for values in [&[0.4_f32][..], &[-3.5, -3.5], &[]] {
            let encoded = encode(values, Encoding::Linear16, "it").expect("finite");
            assert_eq!(decoded(&encoded, Arithmetic::UpTo032), values);
            assert_eq!(decoded(&encoded, Arithmetic::Since033), values);
        }
        for values in [[0.0, f32::NAN], [f32::MIN, f32::MAX]] {
            assert!(encode(&values, Encoding::Linear16, "it").is_err());
        }
    }
}
