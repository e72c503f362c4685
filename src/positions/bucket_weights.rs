//! How much positions of each bucket (a phase of the game) count in a search.

use thiserror::Error;

/// Layer stacks and PSQT buckets of a network, by the number of pieces.
#[doc(hidden)]
pub const BUCKETS: usize = 8;

/// Most decimals of a weight.
const DECIMALS: usize = 3;

/// The largest weight, before it is made an integer.
const MOST: u32 = 1000;

/// An integer weight for each bucket ([`Board::bucket`](crate::chess::board::Board::bucket)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketWeights {
    weights: [u32; BUCKETS],
    /// As given, in thousandths.
    thousandths: [u32; BUCKETS],
}

/// Weights for a search that counts no more than so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Fitted {
    /// As they are.
    Same,
    /// Smaller integers in nearly the same ratios.
    Rounded(BucketWeights),
    /// No smaller integers are near enough: only a part of the samples can be searched on.
    Part,
}

impl Fitted {
    /// The weights to search with instead of `given`.
    #[must_use]
    pub fn or(self, given: BucketWeights) -> BucketWeights {
        match self {
            Fitted::Rounded(weights) => weights,
            Fitted::Same | Fitted::Part => given,
        }
    }
}

/// A rounded weight differs by at most one part in so many.
const NEAR: u128 = 50;

/// Why a text holds no weights.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BucketWeightsError {
    #[error("'{0}' is not BUCKET=WEIGHT, like 7=1.5")]
    Form(String),
    #[error("'{0}' is no bucket: they are numbered from 0 to 7, the last with the most pieces")]
    Bucket(String),
    #[error("bucket {0} has two weights")]
    Twice(usize),
    #[error("'{0}' is no weight: it is a number from 0 to {MOST} with at most {DECIMALS} decimals")]
    Weight(String),
    #[error("all weights are 0")]
    Nothing,
}

impl BucketWeights {
    /// Parses `BUCKET=WEIGHT,...`. Weights are decimals; only their ratios matter. Buckets that are not named have
    /// weight 1.
    ///
    /// The weights become the smallest integers in the same ratios, so `0=1.5` and `0=3,1=2,2=2,...` are the same.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<BucketWeights, BucketWeightsError> {
        let mut given = [None; BUCKETS];
        for pair in text.split(',') {
            let (bucket, weight) = pair
                .split_once('=')
                .ok_or_else(|| BucketWeightsError::Form(pair.to_owned()))?;
            let number = bucket
                .trim()
                .parse::<usize>()
                .ok()
                .filter(|&number| number < BUCKETS)
                .ok_or_else(|| BucketWeightsError::Bucket(bucket.trim().to_owned()))?;
            let weight = thousandths(weight.trim())
                .ok_or_else(|| BucketWeightsError::Weight(weight.trim().to_owned()))?;
            if given[number].replace(weight).is_some() {
                return Err(BucketWeightsError::Twice(number));
            }
        }
        let one = 10u32.pow(DECIMALS as u32);
        let weights = given.map(|weight| weight.unwrap_or(one));
        let divisor = weights.into_iter().fold(0, gcd);
        if divisor == 0 {
            return Err(BucketWeightsError::Nothing);
        }
        Ok(BucketWeights {
            weights: weights.map(|weight| weight / divisor),
            thousandths: weights,
        })
    }

    /// Weights with which these samples, by bucket, count at most `most` times in all: the largest integers in the same
    /// ratios but for rounding. No weight becomes 0.
    #[must_use]
    pub fn fitted(&self, samples: &[u64; BUCKETS], most: u64) -> Fitted {
        let total = |weights: &[u32; BUCKETS]| {
            let counts = weights.iter().zip(samples);
            counts
                .map(|(&weight, &count)| u128::from(weight) * u128::from(count))
                .sum::<u128>()
        };
        if total(&self.weights) <= u128::from(most) {
            return Fitted::Same;
        }
        let largest = self.weights.into_iter().fold(1, u32::max);
        // The largest weight becomes `to`, the others go with it.
        let scaled = |to: u32| {
            self.weights.map(|weight| {
                let exact = 2 * u64::from(weight) * u64::from(to) + u64::from(largest);
                let rounded = (exact / (2 * u64::from(largest))) as u32;
                rounded.max(weight.min(1))
            })
        };
        // The total grows with `to`: the first that is too large.
        let (mut fits, mut exceeds) = (0, largest);
        while exceeds - fits > 1 {
            let middle = fits + (exceeds - fits) / 2;
            if total(&scaled(middle)) <= u128::from(most) {
                fits = middle;
            } else {
                exceeds = middle;
            }
        }
        let weights = scaled(fits);
        let near = (0..BUCKETS)
            .filter(|&bucket| samples[bucket] > 0)
            .all(|bucket| {
                let exact = u128::from(self.weights[bucket]) * u128::from(fits);
                let found = u128::from(weights[bucket]) * u128::from(largest);
                NEAR * found.abs_diff(exact) <= exact
            });
        if fits == 0 || !near {
            return Fitted::Part;
        }
        Fitted::Rounded(BucketWeights { weights, ..*self })
    }

    /// The integer weights, by bucket.
    pub fn integers(&self) -> [u32; BUCKETS] {
        self.weights
    }

    /// The integer weight of a bucket.
    pub fn of(&self, bucket: usize) -> u32 {
        self.weights[bucket.min(BUCKETS - 1)]
    }

    /// The weights as they were given, by bucket.
    pub fn given(&self) -> [f64; BUCKETS] {
        let one = 10f64.powi(DECIMALS as i32);
        self.thousandths.map(|weight| f64::from(weight) / one)
    }
}

/// What samples of a bucket count: all alike without weights, or where the bucket is not known.
pub(crate) fn weight_of(bucket: Option<usize>, weights: Option<&BucketWeights>) -> u32 {
    match (bucket, weights) {
        (Some(bucket), Some(weights)) => weights.of(bucket),
        _ => 1,
    }
}

/// A decimal in thousandths.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) || decimals.len() > DECIMALS {
        return None;
    }
    let value = format!("{whole}{decimals:0<DECIMALS$}")
        .parse::<u32>()
        .ok()?;
    (value <= MOST * 10u32.pow(DECIMALS as u32)).then_some(value)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn weights_by_hand() {
        let of = |text: &str| BucketWeights::parse(text).unwrap().integers();
        assert_eq!(of("7=3"), [1, 1, 1, 1, 1, 1, 1, 3]);
        assert_eq!(of("0=1.5"), [3, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(of("0=0.75, 1 = 1"), [3, 4, 4, 4, 4, 4, 4, 4]);
        assert_eq!(
            of("0=0,1=2,2=2,3=2,4=2,5=2,6=2,7=4"),
            [0, 1, 1, 1, 1, 1, 1, 2]
        );
        assert_eq!(of("3=0.001"), [1000, 1000, 1000, 1, 1000, 1000, 1000, 1000]);
        let weights = BucketWeights::parse("0=2.5,1=0").unwrap();
        assert_eq!(weights.given(), [2.5, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn weights_that_fit_by_hand() {
        let of = |text: &str| BucketWeights::parse(text).unwrap();
        let thirds = of("0=0.333");
        let fit = |weights: BucketWeights, samples, most| weights.fitted(&[samples; BUCKETS], most);
        // 333 and seven times 1000.
        assert_eq!(fit(thirds, 10, 73_330), Fitted::Same);
        let Fitted::Rounded(rounded) = fit(thirds, 10, 73_329) else {
            panic!("they are not rounded");
        };
        assert_eq!(rounded.integers(), [333, 999, 999, 999, 999, 999, 999, 999]);
        assert_eq!(rounded.given(), thirds.given());
        // 100 samples of each bucket, 22 times for three: 1 and 3 are near enough to 0.333 and 1.
        let Fitted::Rounded(rounded) = fit(thirds, 100, 2200) else {
            panic!("they are not rounded");
        };
        assert_eq!(rounded.integers(), [1, 3, 3, 3, 3, 3, 3, 3]);
        // 1 and 2 are not, nor is 1 to 999 for 0.001, and nothing is left out.
        assert_eq!(fit(thirds, 100, 2199), Fitted::Part);
        assert_eq!(
            fit(of("0=0.001"), 100, 699_000),
            Fitted::Rounded(BucketWeights {
                weights: [1, 998, 998, 998, 998, 998, 998, 998],
                ..of("0=0.001")
            })
        );
        assert_eq!(fit(of("0=0.001"), 100, 600_000), Fitted::Part);
        assert_eq!(fit(of("0=0,7=1"), u64::MAX / 8, 1 << 28), Fitted::Part);
        // What has no samples need not be near.
        let mut samples = [100; BUCKETS];
        samples[0] = 0;
        let Fitted::Rounded(rounded) = of("0=0.001").fitted(&samples, 1400) else {
            panic!("they are not rounded");
        };
        assert_eq!(rounded.integers(), [1, 2, 2, 2, 2, 2, 2, 2]);
    }

    #[test]
    fn what_is_no_weight_is_refused() {
        use BucketWeightsError::{Bucket, Form, Nothing, Twice, Weight};
        let of = |text: &str| BucketWeights::parse(text).unwrap_err();
        assert_eq!(of(""), Form(String::new()));
        assert_eq!(of("1=2,"), Form(String::new()));
        assert_eq!(of("8=1"), Bucket("8".to_owned()));
        assert_eq!(of("-1=1"), Bucket("-1".to_owned()));
        assert_eq!(of("0=1,0=1"), Twice(0));
        for weight in [
            "-1",
            "1e3",
            "nan",
            "inf",
            "",
            ".",
            "0.0001",
            "1001",
            "99999999999",
            "+1",
        ] {
            assert_eq!(of(&format!("0={weight}")), Weight(weight.to_owned()));
        }
        assert_eq!(of("0=0,1=0,2=0,3=0,4=0,5=0,6=0,7=0"), Nothing);
    }

    proptest! {
        #[test]
        fn ratios_are_kept(given in prop::array::uniform8(0u32..1_000_000)) {
            prop_assume!(given.iter().any(|&weight| weight > 0));
            let text: Vec<String> = given
                .iter()
                .enumerate()
                .map(|(bucket, weight)| format!("{bucket}={}.{:03}", weight / 1000, weight % 1000))
                .collect();
            let found = BucketWeights::parse(&text.join(",")).unwrap().integers();
            for a in 0..8 {
                for b in 0..8 {
                    let product = |x: u32, y: u32| u64::from(x) * u64::from(y);
                    prop_assert_eq!(product(found[a], given[b]), product(found[b], given[a]));
                }
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = BucketWeights::parse(&text);
        }
    }
}
