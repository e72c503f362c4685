//! The course of a search, thinned while it runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::search::Progress;

/// Points that are kept, at most.
const POINTS: usize = 400;

/// Where a search stood after some of its rounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchCurve {
    pub points: Vec<CurvePoint>,
}

/// One of these rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Rounds of all moves so far.
    pub rounds: u64,
    /// Step of the schedule.
    pub phase: String,
    /// Does the phase count on all samples, or on a part of them?
    pub all_samples: bool,
    /// Share of all-zero blocks of the partition at hand, in the samples that the phase counts on.
    pub rate: f64,
    /// Exchanges so far, by kind of move.
    pub applied: BTreeMap<String, u64>,
}

/// Takes down the course of a search.
#[derive(Clone, Debug)]
pub struct CurveRecorder {
    /// Blocks of a sample.
    blocks: u64,
    /// Points this many rounds apart are kept.
    every: u64,
    points: Vec<CurvePoint>,
    last: Option<CurvePoint>,
}

impl CurveRecorder {
    /// For a search on so many neurons a perspective.
    pub fn new(neurons: usize) -> CurveRecorder {
        CurveRecorder {
            blocks: neurons as u64 / 4,
            every: 1,
            points: Vec::new(),
            last: None,
        }
    }

    /// Notes a round of the search; of a certificate nothing.
    pub fn note(&mut self, progress: &Progress) {
        if progress.certifying {
            return;
        }
        let cells = (progress.samples * self.blocks).max(1);
        let applied = progress.moves.iter();
        let point = CurvePoint {
            rounds: progress.rounds,
            phase: progress.phase.to_string(),
            all_samples: progress.samples == progress.all_samples,
            rate: progress.score as f64 / cells as f64,
            applied: applied
                .map(|count| (count.name.to_string(), count.applied))
                .collect(),
        };
        if progress.rounds.is_multiple_of(self.every) {
            self.points.push(point);
            self.last = None;
        } else {
            self.last = Some(point);
        }
        if self.points.len() > POINTS {
            self.every *= 2;
            let every = self.every;
            self.points
                .retain(|point| point.rounds.is_multiple_of(every));
        }
    }

    /// The course from the first to the last round.
    pub fn finish(mut self) -> SearchCurve {
        self.points.extend(self.last);
        SearchCurve {
            points: self.points,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::MoveCount;

    #[test]
    fn the_ends_of_a_long_search_are_kept() {
        let mut recorder = CurveRecorder::new(8);
        for rounds in 1..=10_001 {
            recorder.note(&Progress {
                certifying: false,
                phase: if rounds < 5000 {
                    "coarse annealing"
                } else {
                    "descent"
                },
                rounds,
                done: 0.5,
                samples: if rounds < 5000 { 10 } else { 100 },
                all_samples: 100,
                score: rounds % 7,
                best: 0,
                moves: vec![MoveCount {
                    name: "swaps",
                    rounds,
                    applied: 2 * rounds,
                }],
            });
        }
        let curve = recorder.finish();
        assert!((POINTS / 2..=POINTS + 1).contains(&curve.points.len()));
        let last = curve.points.last().unwrap();
        // Round 10,001: 5 zero blocks of 2 in each of 100 samples.
        assert_eq!(
            (last.rounds, last.rate, last.all_samples),
            (10_001, 5.0 / 200.0, true)
        );
        assert_eq!(last.applied["swaps"], 20_002);
        assert!(!curve.points[0].all_samples);
        assert!(curve.points.is_sorted_by_key(|point| point.rounds));
    }
}
