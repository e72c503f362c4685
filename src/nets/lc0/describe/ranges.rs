//! Ranges and histograms of a tensor's values.

use serde::Serialize;

use super::super::layer::{Arithmetic, Encoding, Layer};
use super::super::version::Version;
use super::super::{Lc0Error, Lc0Net, Tensor, TensorOptions};

/// Intervals of a histogram.
const BINS: usize = 64;

/// The values of a tensor in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranges {
    pub tensor: String,
    pub values: usize,
    pub zeros: usize,
    /// NaN and infinite values.
    pub non_finite: usize,
    /// Smallest finite value; `None` if there is none.
    pub min: Option<f32>,
    /// Largest finite value.
    pub max: Option<f32>,
    /// Mean of the finite values.
    pub mean: Option<f64>,
    /// Standard deviation of the finite values.
    pub deviation: Option<f64>,
    /// Counts of 64 equal intervals from the smallest to the largest finite value.
    pub histogram: Vec<usize>,
}

impl Ranges {
    /// Of a tensor.
    pub fn of(tensor: &Tensor) -> Ranges {
        let all = &tensor.values;
        let finite = || all.iter().copied().filter(|value| value.is_finite());
        let count = finite().count();
        let (min, max) = (finite().reduce(f32::min), finite().reduce(f32::max));
        let mean = (count > 0).then(|| finite().map(f64::from).sum::<f64>() / count as f64);
        let deviation = mean.map(|mean| {
            let squares = finite().map(|value| (f64::from(value) - mean).powi(2));
            (squares.sum::<f64>() / count as f64).sqrt()
        });
        let mut histogram = vec![0; BINS];
        if let (Some(min), Some(max)) = (min, max) {
            let (low, range) = (f64::from(min), f64::from(max) - f64::from(min));
            for value in finite() {
                let place = if range > 0.0 {
                    ((f64::from(value) - low) / range * BINS as f64) as usize
                } else {
                    0
                };
                histogram[place.min(BINS - 1)] += 1;
            }
        }
        Ranges {
            tensor: tensor.path.clone(),
            values: all.len(),
            zeros: all.iter().filter(|&&value| value == 0.0).count(),
            non_finite: all.len() - count,
            min,
            max,
            mean,
            deviation,
            histogram,
        }
    }
}

impl Lc0Net<'_> {
    /// Ranges and histograms of all tensors.
    ///
    /// # Errors
    /// A tensor cannot be decoded.
    pub fn ranges(&self, arithmetic: Arithmetic) -> Result<Vec<Ranges>, Lc0Error> {
        let options = TensorOptions {
            arithmetic,
            fold_batch_norm: false,
            heads: Vec::new(),
        };
        let mut all = Vec::new();
        self.tensors(&options, |tensor| {
            all.push(Ranges::of(&tensor));
            Ok::<_, Lc0Error>(())
        })?;
        Ok(all)
    }
}

/// Smallest and largest finite value of a tensor, and how many are not finite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Extremes {
    pub min: Option<f32>,
    pub max: Option<f32>,
    pub non_finite: usize,
}

/// Without decoding every value where that can be helped.
pub(super) fn extremes(layer: &Layer<'_>, arithmetic: Arithmetic) -> Extremes {
    let Ok(encoding) = layer.encoding else {
        return Extremes::default();
    };
    let layer = if encoding == Encoding::Linear16 {
        // The value grows, or falls, with the number: the outermost numbers have the outermost values.
        let (words, _) = layer.params.as_chunks::<2>();
        let numbers = || words.iter().map(|word| u16::from_le_bytes(*word));
        let (low, high) = numbers().fold((u16::MAX, 0), |(low, high), number| {
            (low.min(number), high.max(number))
        });
        let ends = [low.to_le_bytes(), high.to_le_bytes()].concat();
        let ends = if words.is_empty() { Vec::new() } else { ends };
        let outer = Layer {
            params: &ends,
            ..*layer
        };
        let mut found = decoded_extremes(&outer, arithmetic);
        if found.non_finite > 0 {
            found.non_finite = words.len();
        }
        return found;
    } else {
        layer
    };
    decoded_extremes(layer, arithmetic)
}

fn decoded_extremes(layer: &Layer<'_>, arithmetic: Arithmetic) -> Extremes {
    let values = layer.decode("", arithmetic).unwrap_or_default();
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    Extremes {
        min: finite().reduce(f32::min),
        max: finite().reduce(f32::max),
        non_finite: values.len() - finite().count(),
    }
}

/// What is wrong with a tensor on its own.
pub(super) fn problems(
    path: &str,
    layer: &Layer<'_>,
    extremes: &Extremes,
    min_version: Version,
) -> Vec<String> {
    let mut found = Vec::new();
    match layer.encoding {
        Err(number) => found.push(format!("unknown encoding {number}: lc0 cannot read it")),
        Ok(Encoding::Linear16) => {}
        Ok(encoding) if min_version.number() < Version::V0_33.number() => found.push(format!(
            "stored as {}, but the minimal version {min_version} lets lc0 up to 0.32.1 take it for linear16",
            encoding.name()
        )),
        Ok(_) => {}
    }
    if layer.rest() > 0 {
        found.push(format!("{} bytes after the last whole value", layer.rest()));
    }
    if extremes.non_finite > 0 {
        found.push(format!(
            "{} values are NaN or infinite",
            extremes.non_finite
        ));
    }
    if path.ends_with(".bn_stddivs") && extremes.min.is_some_and(|min| min < 0.0) {
        found.push("a negative variance".to_string());
    }
    found
}
