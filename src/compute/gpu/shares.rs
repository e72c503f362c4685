//! How work is shared out among adapters: by how fast each of them was.
//!
//! Planes stay where they are once they are on an adapter, so before they are divided, a trial says how fast each
//! adapter counts: a search counts on all samples thousands of times, and every call ends with the slowest adapter.
//! Batches that go back to the host are divided anew every time, by how long the last ones took.
//!
//! Counts are sums over samples, and a sample's bits do not depend on what computes them, so shares change no result.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::compute::ComputeError;

/// What is left of the weight of a measurement when the next one is made: large ones count more, late ones do, too.
const FADING: f64 = 0.75;

/// How fast an adapter did some kind of work of late.
#[derive(Debug, Default)]
pub(super) struct Rate(Mutex<Measured>);

#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    work: f64,
    seconds: f64,
}

impl Rate {
    /// Takes note that so much work took so long.
    pub fn measured(&self, work: f64, took: Duration) {
        if work > 0.0 {
            let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            sums.work = FADING * sums.work + work;
            sums.seconds = FADING * sums.seconds + took.as_secs_f64().max(1e-9);
        }
    }

    /// Work a second, once some was measured.
    pub fn get(&self) -> Option<f64> {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (sums.seconds > 0.0).then(|| sums.work / sums.seconds)
    }
}

/// Divides units by rates: share i has those from `bounds[i]` up to `bounds[i + 1]`. What is not measured yet counts as
/// one of middling speed. Nobody is left out where there are enough, because who does nothing is never measured again.
pub(super) fn bounds(units: usize, rates: &[Option<f64>]) -> Vec<usize> {
    let shares = rates.len();
    let known: Vec<f64> = rates.iter().flatten().copied().collect();
    let middle = match known.len() {
        0 => 1.0,
        count => known.iter().sum::<f64>() / count as f64,
    };
    let rates = rates.iter().map(|rate| rate.unwrap_or(middle));
    let ends: Vec<f64> = rates
        .scan(0.0, |sum, rate| {
            *sum += rate;
            Some(*sum)
        })
        .collect();
    let all = ends.last().copied().unwrap_or(1.0);
    let mut bounds = vec![0];
    for (share, end) in ends.into_iter().enumerate() {
        let mut bound = (units as f64 * end / all) as usize;
        if units >= shares {
            bound = bound.clamp(bounds[share] + 1, units - (shares - 1 - share));
        }
        bounds.push(bound);
    }
    // Whatever was lost in rounding.
    bounds[shares] = units;
    bounds
}

/// What `make` makes of each share's range of units, divided by rates. An adapter that is fast may have little memory:
/// then evenly.
pub(super) fn divided<T>(
    units: usize,
    rates: &[Option<f64>],
    make: impl Fn(usize, std::ops::Range<usize>) -> Result<T, ComputeError>,
) -> Result<Vec<T>, ComputeError> {
    let place = |bounds: &[usize]| -> Result<Vec<T>, ComputeError> {
        let ranges = bounds.windows(2).map(|ends| ends[0]..ends[1]);
        let made = ranges.enumerate().map(|(share, range)| make(share, range));
        made.collect()
    };
    let by_speed = bounds(units, rates);
    let evenly = bounds(units, &vec![None; rates.len()]);
    match place(&by_speed) {
        Err(ComputeError::OutOfMemory { .. }) if by_speed != evenly => place(&evenly),
        made => made,
    }
}

/// Does what each adapter has to do, all at the same time. Every one comes to its end; the first error is told.
pub(super) fn at_once<W>(works: impl Iterator<Item = W>) -> Result<(), ComputeError>
where
    W: FnOnce() -> Result<(), ComputeError> + Send,
{
    std::thread::scope(|scope| {
        let running: Vec<_> = works.map(|work| scope.spawn(work)).collect();
        let ended = running.into_iter().map(|thread| thread.join());
        ended
            .map(|ended| ended.unwrap_or_else(|panic| resume_unwind(panic)))
            .fold(Ok(()), Result::and)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_by_hand() {
        assert_eq!(bounds(10, &[None; 3]), [0, 3, 6, 10]);
        assert_eq!(bounds(1, &[None; 2]), [0, 0, 1]);
        assert_eq!(bounds(0, &[None; 2]), [0, 0, 0]);
        assert_eq!(bounds(100, &[Some(3e9), Some(1e9)]), [0, 75, 100]);
        // Two of 2 and 4 a second: the third is taken for one of 3.
        assert_eq!(bounds(90, &[Some(2.0), None, Some(4.0)]), [0, 20, 50, 90]);
        // The slow ones get something to do.
        assert_eq!(bounds(50, &[Some(1e-3), Some(1e12), None]), [0, 1, 33, 50]);
        assert_eq!(bounds(3, &[Some(1e12), Some(1.0), Some(1.0)]), [0, 1, 2, 3]);
        assert_eq!(bounds(50, &[Some(1e12), Some(1.0)]), [0, 49, 50]);
    }

    #[test]
    fn rates_by_hand() {
        let rate = Rate::default();
        assert_eq!(rate.get(), None);
        rate.measured(0.0, Duration::from_secs(1));
        assert_eq!(rate.get(), None);
        rate.measured(100.0, Duration::from_secs(2));
        assert_eq!(rate.get(), Some(50.0));
        // 75 in 1.5 s, and 925 in 0.5 s.
        rate.measured(925.0, Duration::from_millis(500));
        assert_eq!(rate.get(), Some(500.0));
    }

    /// Shares that follow from times find the division in which all take equally long, whatever a call itself costs.
    #[test]
    fn shares_settle_where_times_are_equal() {
        let rates = [Rate::default(), Rate::default()];
        // Seconds for so many units: one of 10 units a second, one of 2 that is slow to begin.
        let time = |share: usize, units: usize| match share {
            0 => 0.01 + units as f64 / 10.0,
            _ => 1.0 + units as f64 / 2.0,
        };
        let mut last = Vec::new();
        for _ in 0..60 {
            last = bounds(1000, &rates.each_ref().map(Rate::get));
            for (share, ends) in last.windows(2).enumerate() {
                let units = ends[1] - ends[0];
                let took = Duration::from_secs_f64(time(share, units));
                rates[share].measured(units as f64, took);
            }
        }
        let times = [time(0, last[1]), time(1, 1000 - last[1])];
        assert!((times[0] / times[1] - 1.0).abs() < 0.05, "{times:?}");
        // 835 by hand: 0.01 + 83.5 = 1 + 82.5.
        assert!((825..845).contains(&last[1]), "{last:?}");
    }

    #[test]
    fn too_little_memory_for_much_speed() {
        let rates = [Some(9.0), Some(1.0)];
        let full = |most: usize| {
            divided(100, &rates, |share, range| {
                if share == 0 && range.len() > most {
                    return Err(ComputeError::OutOfMemory {
                        adapter: "a card".to_owned(),
                        message: "full".to_owned(),
                    });
                }
                Ok(range)
            })
        };
        assert_eq!(full(95).unwrap(), [0..90, 90..100]);
        assert_eq!(full(50).unwrap(), [0..50, 50..100]);
        assert!(full(49).is_err());
    }
}
