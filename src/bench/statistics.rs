//! How much faster, and how sure that is.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::error::EngineError;

/// Confidence of every interval.
pub const CONFIDENCE: f64 = 0.95;

/// How often a difference that is there is to be found: see [`SpeedRatio::pairs_to_tell`].
pub const POWER: f64 = 0.8;

/// A speed ratio with its interval, test over base: above 1, the test network is faster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeedRatio {
    /// Geometric mean of the pairs' ratios.
    pub ratio: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Standard deviation of the pairs' log-ratios.
    pub deviation: f64,
    /// How many pairs.
    pub pairs: u32,
}

impl SpeedRatio {
    /// From the times of the runs, in pairs `(base, test)`, in any unit.
    ///
    /// With d_i = ln(base_i / test_i), mean m and sample standard deviation s (divisor n - 1), the ratio is exp(m) and
    /// the interval exp(m ± t s / √n), t the 0.975 quantile of Student's distribution with n - 1 degrees of freedom:
    /// the paired t-interval (NIST/SEMATECH e-Handbook of Statistical Methods, sections 1.3.5.2 and 7.3.1.2) of the
    /// logarithms.
    ///
    /// # Errors
    /// Fewer than two pairs, or a time that is not positive and finite.
    pub fn of_pairs(pairs: &[(f64, f64)]) -> Result<SpeedRatio, EngineError> {
        if pairs.len() < 2 {
            return Err(EngineError::Statistics(
                "an interval takes two pairs of runs",
            ));
        }
        let logs: Vec<f64> = pairs
            .iter()
            .map(|(base, test)| (base / test).ln())
            .collect();
        if !logs.iter().all(|log| log.is_finite()) {
            return Err(EngineError::Statistics(
                "a bench took no measurable time; a longer one is needed (--bench-args)",
            ));
        }
        let count = logs.len() as f64;
        let mean = logs.iter().sum::<f64>() / count;
        let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
        let deviation = (squares / (count - 1.0)).sqrt();
        let pairs = u32::try_from(logs.len()).unwrap_or(u32::MAX);
        let half = half_width(deviation, pairs);
        Ok(SpeedRatio {
            ratio: mean.exp(),
            low: (mean - half).exp(),
            high: (mean + half).exp(),
            deviation,
            pairs,
        })
    }

    /// How many pairs of runs of the same scatter would bring the interval's half-width down to `precision` (0.001 is
    /// 0.1 %): the smallest n with t(n - 1) s / √n ≤ ln(1 + precision). `None` if more than 10⁹ would be needed.
    pub fn pairs_needed(&self, precision: f64) -> Option<u32> {
        let target = precision.ln_1p();
        fewest(|pairs| half_width(self.deviation, pairs) <= target)
    }

    /// How many pairs of runs of the same scatter would tell two networks apart whose speeds differ by `difference`
    /// (0.005 is 0.5 %): with 80 % probability the 95 % interval then leaves out a ratio of 1. The smallest n with
    /// (t₀.₉₇₅(n - 1) + t₀.₈(n - 1)) s / √n ≤ ln(1 + difference): NIST/SEMATECH e-Handbook, section 7.2.2.2. `None` if
    /// more than 10⁹ would be needed.
    pub fn pairs_to_tell(&self, difference: f64) -> Option<u32> {
        let target = difference.ln_1p();
        fewest(|pairs| {
            let found = margin(self.deviation, pairs, POWER);
            half_width(self.deviation, pairs) + found <= target
        })
    }
}

/// The smallest number of pairs, from 2 to 10⁹, that is enough. More are never too few.
fn fewest(enough: impl Fn(u32) -> bool) -> Option<u32> {
    let (mut low, mut high) = (2_u32, 1_000_000_000_u32);
    if !enough(high) {
        return None;
    }
    while low < high {
        let middle = low.midpoint(high);
        if enough(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(high)
}

/// Half the width of the interval of a mean of `pairs` values.
fn half_width(deviation: f64, pairs: u32) -> f64 {
    margin(deviation, pairs, 0.5 + CONFIDENCE / 2.0)
}

/// How far the mean of `pairs` values is above the true one at most, with this probability.
fn margin(deviation: f64, pairs: u32, probability: f64) -> f64 {
    if deviation == 0.0 {
        return 0.0;
    }
    let degrees_of_freedom = pairs.saturating_sub(1).max(1);
    student_quantile(degrees_of_freedom, probability) * deviation / f64::from(pairs).sqrt()
}

/// From here on the quantile stays the same to five digits, and the inversion would lose digits.
const LIKE_NORMAL: u32 = 100_000;

/// A quantile of Student's distribution.
fn student_quantile(degrees_of_freedom: u32, probability: f64) -> f64 {
    StudentsT::new(0.0, 1.0, f64::from(degrees_of_freedom.min(LIKE_NORMAL)))
        .map_or(f64::INFINITY, |student| student.inverse_cdf(probability))
}

/// The middle value, or the mean of the two middle ones. 0 for none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match (
        sorted.get(half),
        half.checked_sub(1).and_then(|it| sorted.get(it)),
    ) {
        (Some(upper), Some(lower)) if sorted.len().is_multiple_of(2) => {
            f64::midpoint(*lower, *upper)
        }
        (Some(middle), _) => *middle,
        (None, _) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_published_table() {
        // NIST/SEMATECH e-Handbook, section 1.3.6.7.2, column 0.975.
        for (degrees, quantile) in [
            (1, 12.706),
            (2, 4.303),
            (3, 3.182),
            (4, 2.776),
            (9, 2.262),
            (30, 2.042),
            (100, 1.984),
            (1_000_000, 1.960),
        ] {
            let ours = student_quantile(degrees, 0.975);
            assert!((ours - quantile).abs() < 6e-4, "{degrees}: {ours}");
        }
    }

    #[test]
    fn a_ratio_worked_by_hand() {
        // Log-ratios 0.01, 0.02, 0.03: mean 0.02, deviation 0.01, half-width 4.30265 * 0.01 / √3 = 0.0248414.
        let pairs = [0.01_f64, 0.02, 0.03].map(|log| (log.exp(), 1.0));
        let speed = SpeedRatio::of_pairs(&pairs).unwrap();
        assert!((speed.ratio - 1.020_201_3).abs() < 1e-6, "{speed:?}");
        assert!(
            (speed.low - (0.02_f64 - 0.024_841_4).exp()).abs() < 1e-6,
            "{speed:?}"
        );
        assert!(
            (speed.high - (0.02_f64 + 0.024_841_4).exp()).abs() < 1e-6,
            "{speed:?}"
        );
        // 1.96 * 0.01 / √n ≤ ln 1.001 needs about 385 pairs, a little more with t.
        let needed = speed.pairs_needed(0.001).unwrap();
        assert!((385..=389).contains(&needed), "{needed}");
        // One degree of freedom: 2 pairs give 12.7062 * 0.01 / √2 = 0.0898, 3 give 0.0248, 4 give 0.0159.
        assert_eq!(speed.pairs_needed(0.1), Some(2));
        assert_eq!(speed.pairs_needed(0.09), Some(3));
        assert_eq!(speed.pairs_needed(0.02), Some(4));
        assert_eq!(speed.pairs_needed(1e-12), None);
    }

    #[test]
    fn pairs_that_tell_a_difference() {
        let scattered = |deviation| SpeedRatio {
            ratio: 1.0,
            low: 1.0,
            high: 1.0,
            deviation,
            pairs: 5,
        };
        // With the normal distribution (1.95996 + 0.84162)² = 7.8489 times (s / d)²: 31.4 for s = 2 d, and two or
        // three more with Student's, as the published tables of paired t-tests have it (34 for an effect of 0.5).
        let difference = 0.005_f64;
        let twice = scattered(2.0 * difference.ln_1p());
        assert_eq!(twice.pairs_to_tell(difference), Some(34));
        // An effect of one standard deviation: 10 pairs.
        let once = scattered(difference.ln_1p());
        assert_eq!(once.pairs_to_tell(difference), Some(10));
        assert_eq!(scattered(0.0).pairs_to_tell(difference), Some(2));
        assert_eq!(scattered(1.0).pairs_to_tell(1e-12), None);
    }

    #[test]
    fn what_has_no_interval() {
        assert!(SpeedRatio::of_pairs(&[(1.0, 1.0)]).is_err());
        assert!(SpeedRatio::of_pairs(&[(1.0, 1.0), (0.0, 1.0)]).is_err());
        assert!(SpeedRatio::of_pairs(&[(1.0, 1.0), (1.0, f64::NAN)]).is_err());
        let same = SpeedRatio::of_pairs(&[(1.0, 1.0), (2.0, 2.0)]).unwrap();
        assert_eq!((same.ratio, same.low, same.high), (1.0, 1.0, 1.0));
        assert_eq!(same.pairs_needed(0.001), Some(2));
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }
}
