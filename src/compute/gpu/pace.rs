//! How much work a dispatch may hold.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a full dispatch should take. Operating systems reset adapters that do not answer for some seconds, and some
/// watch over a whole submission, which is several dispatches.
const TARGET: Duration = Duration::from_millis(100);

/// The work of a full dispatch of one stage: little at first, then what the measured speed allows.
///
/// The unit is the stage's own. How work is cut into dispatches changes no result.
#[derive(Debug)]
pub(super) struct Pace {
    budget: AtomicU64,
    least: u64,
    most: u64,
}

impl Pace {
    /// Work of the first dispatches; a sixteenth of that is never undercut.
    pub fn new(first: u64, most: u64) -> Pace {
        Pace {
            budget: AtomicU64::new(first.min(most).max(1)),
            least: (first / 16).min(most).max(1),
            most: most.max(1),
        }
    }

    /// The most work that a dispatch may hold now.
    pub fn budget(&self) -> u64 {
        self.budget.load(Ordering::Relaxed)
    }

    /// Takes note that so much work took so long, waiting included: the adapter is at least that fast.
    pub fn measured(&self, work: u64, took: Duration) {
        let nanos = took.as_nanos().max(1);
        let fitting = u128::from(work) * TARGET.as_nanos() / nanos;
        let fitting = u64::try_from(fitting).unwrap_or(u64::MAX);
        let budget = self.budget();
        let next = if fitting > budget {
            // In steps, because one measurement may be a lucky one.
            fitting.min(budget.saturating_mul(4))
        } else if took >= TARGET {
            fitting
        } else {
            // Too little work to tell.
            return;
        };
        self.budget
            .store(next.clamp(self.least, self.most), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dispatches_grow_and_shrink_with_the_speed() {
        let pace = Pace::new(1 << 20, 1 << 30);
        assert_eq!(pace.budget(), 1 << 20);
        // A thousand units a millisecond for a short while say little.
        pace.measured(1000, Duration::from_millis(1));
        assert_eq!(pace.budget(), 1 << 20);
        // As fast as that for long: a tenth of a second's work.
        pace.measured(2_000_000, Duration::from_secs(2));
        assert_eq!(pace.budget(), 100_000);
        // Faster: step by step up to the limit.
        pace.measured(1 << 30, Duration::from_millis(10));
        assert_eq!(pace.budget(), 400_000);
        for _ in 0..20 {
            pace.measured(1 << 30, Duration::from_millis(10));
        }
        assert_eq!(pace.budget(), 1 << 30);
        // A tenth of a second, or the least.
        pace.measured(1 << 30, Duration::from_secs(1));
        assert_eq!(pace.budget(), (1 << 30) / 10);
        pace.measured(1, Duration::from_secs(1000));
        assert_eq!(pace.budget(), 1 << 16);
    }

    #[test]
    fn limits_hold_from_the_start() {
        let pace = Pace::new(1 << 20, 1000);
        assert_eq!(pace.budget(), 1000);
        pace.measured(u64::MAX, Duration::ZERO);
        assert_eq!(pace.budget(), 1000);
        pace.measured(0, Duration::from_secs(1));
        assert_eq!(pace.budget(), 1000);
    }
}
