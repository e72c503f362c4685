//! Which of the entries that pass the filters are taken.

use super::error::PositionsError;

/// Thinning, and how many to take. The choice is a function of the seed and the data alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Take the first so many that remain after thinning; all of them if `None`.
    pub count: Option<u64>,
    /// Keep each passing entry with this probability, 0 < rate <= 1.
    pub rate: f64,
    /// Skip so many passing entries between two taken ones of a block: the chunks of a binpack, about 1 MiB of other
    /// data.
    pub skip: u64,
}

impl Default for Sampling {
    /// Take everything.
    fn default() -> Sampling {
        Sampling {
            count: None,
            rate: 1.0,
            skip: 0,
        }
    }
}

impl Sampling {
    pub(super) fn check(&self) -> Result<(), PositionsError> {
        if !(self.rate > 0.0 && self.rate <= 1.0) {
            return Err(PositionsError::SampleRate(self.rate));
        }
        if self.count == Some(0) {
            return Err(PositionsError::CountZero);
        }
        Ok(())
    }

    /// Does the rate draw this entry? A hash of the seed and the entry's place in the stream decides, so the answer
    /// depends neither on the other entries nor on the order in which blocks are read.
    #[inline]
    pub(super) fn draws(&self, seed: u64, block: u64, entry: u32) -> bool {
        if self.rate >= 1.0 {
            return true;
        }
        let hash = mix(mix(mix(seed) ^ block) ^ u64::from(entry));
        hash < (self.rate * 18_446_744_073_709_551_616.0) as u64
    }

    /// How many passing entries of a block are skipped before the first one is taken: `0..=skip`, by the seed and the
    /// block alone, so that nothing need be known of other blocks.
    pub(super) fn phase(&self, seed: u64, block: u64) -> u64 {
        let scattered = block.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        match self.skip.checked_add(1) {
            Some(period) => mix(seed ^ 0x5eed ^ scattered) % period,
            None => 0,
        }
    }
}

/// SplitMix64's output function (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014) with
/// its increment: a bijection that scatters neighbouring numbers.
#[inline]
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of SplitMix64 with state 0, as published with its reference code.
    #[test]
    fn is_splitmix64() {
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn the_rate_is_kept() {
        let sampling = Sampling {
            rate: 0.1,
            ..Sampling::default()
        };
        let drawn = (0..100_000)
            .filter(|&entry| sampling.draws(1, 5, entry))
            .count();
        assert!((9_600..10_400).contains(&drawn), "{drawn}");
    }

    #[test]
    fn bad_rates_are_refused() {
        for rate in [0.0, -1.0, 1.5, f64::NAN] {
            let sampling = Sampling {
                rate,
                ..Sampling::default()
            };
            assert!(sampling.check().is_err());
        }
        let none = Sampling {
            count: Some(0),
            ..Sampling::default()
        };
        assert!(none.check().is_err());
    }
}
