//! How many positions a search should have had.

use serde::{Deserialize, Serialize};

use crate::run::Found;

/// Given when the positions searched on gained more than the 95 % interval of the gain on held-out ones allows.
///
/// The difference falls about as one over the number of positions: from 10,000 to 160,000 samples it fell from 0.96 to
/// 0.06 points (Stockfish 15.1's network) and from 0.65 to 0.05 (Stockfish 19's).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountAdvice {
    /// Share of zero blocks gained on the positions searched on.
    pub gain: f64,
    /// The same on held-out positions.
    pub holdout_gain: f64,
    /// Positions (held-out ones included) that would about halve the difference.
    pub count: u64,
}

impl CountAdvice {
    /// `positions` were taken, held-out ones included. Nothing without two held-out games, or if the gains agree.
    pub fn new(found: &Found, positions: u64) -> Option<CountAdvice> {
        let (before, after, holdout) = match &found.weighted {
            Some(rates) => (rates.before, rates.after, rates.holdout?),
            None => (found.before, found.after, found.holdout?),
        };
        let gain = after.fraction() - before.fraction();
        (gain > holdout.gain_interval?.1).then(|| CountAdvice {
            gain,
            holdout_gain: holdout.after - holdout.before,
            count: 2 * positions,
        })
    }
}
