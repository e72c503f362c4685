//! Where a search stands, written down so that another process can go on.
//!
//! A search that goes on from what was saved ends with the same order as one that was never interrupted: everything
//! that later steps depend on is kept, down to the random numbers.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::SearchOptions;
use super::bit_rows::BitRows;
use super::control::MoveCount;
use super::moves::{HalfSwaps, Move, PairSwaps, ReassignSingles, ShakenReassignment, ThreeCycles};
use super::partition::BLOCK;
use crate::order::Permutation;

/// Grows when the schedule changes so that older files would lead elsewhere.
const FORMAT: u32 = 6;

/// Of a search with several tries at once, which programs that know of one only must not go on with.
const FORMAT_OF_SEVERAL: u32 = 7;

/// Systematic moves of a descent.
const SYSTEMATIC: u8 = 3;

/// Kinds of moves.
const KINDS: usize = 5;

/// More rounds, or exchanges, of a kind than any search has. Sums of such numbers fit their type.
const MOST_MOVES: u64 = 1 << 48;

/// A search at a place from which it can go on. Serialised, it is a file for people who move jobs, not a format for
/// other programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSearch {
    format: u32,
    pub(super) identity: Identity,
    pub(super) place: Place,
    /// The best finished order so far, and its score.
    pub(super) best: Vec<u32>,
    pub(super) best_score: u64,
    /// Name, rounds, exchanges.
    moves: Vec<(String, u64, u64)>,
    /// All tries of several at once, this one among them, as far as they have come to being saved. One that has not
    /// begins anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tries: Vec<Option<SavedSearch>>,
}

/// What makes a search the one it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    effort: String,
    seed: u64,
    samples: u64,
    /// The order to begin with, and its score, by which other samples are noticed.
    start: Option<Vec<u32>>,
    start_score: u64,
    /// At once.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    tries: usize,
}

fn one() -> usize {
    1
}

fn is_one(count: &usize) -> bool {
    *count == 1
}

/// A step of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    Coarse,
    Fine,
    Descent,
}

impl Stage {
    /// What it is called where the course of a search is told.
    pub fn phase(self) -> &'static str {
        match self {
            Stage::Coarse => "coarse annealing",
            Stage::Fine => "fine annealing",
            Stage::Descent => "descent",
        }
    }
}

/// Whose turn it is in a descent: reassignments until they find nothing any more, then every systematic move once, and
/// again while one of these finds something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Turn {
    /// Of the moves: 0 is the reassignment.
    pub number: u8,
    /// Reassignments in a row that found nothing.
    fruitless: u64,
    /// What the systematic moves found since the last reassignment.
    gain: u64,
}

impl Turn {
    /// Goes on to the next turn after a move that gained so much. True at the end of the descent.
    pub fn is_last(&mut self, gain: u64, patience: u64) -> bool {
        if self.number == 0 {
            self.fruitless = if gain == 0 { self.fruitless + 1 } else { 0 };
            if self.fruitless >= patience {
                *self = Turn {
                    number: 1,
                    ..Turn::default()
                };
            }
            return false;
        }
        self.gain = self.gain.saturating_add(gain);
        if self.number < SYSTEMATIC {
            self.number += 1;
            return false;
        }
        tracing::debug!(gain = self.gain, "systematic moves");
        std::mem::take(self).gain == 0
    }
}

/// The place in the schedule, and the state there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Number of the try.
    pub attempt: usize,
    pub stage: Stage,
    /// Rounds of an annealing that are done.
    pub round: u64,
    /// In a descent.
    pub turn: Turn,
    pub order: Vec<u32>,
    /// Of the assignments of the stage; they decide between equally good ones.
    pub prices: Vec<i32>,
    /// Blocks that the half swaps of a descent need not look at again.
    pub settled: Vec<[u32; BLOCK]>,
    /// Which fits of a descent are counted on all samples and no estimates: a row of bits for each neuron, in words.
    /// Empty if nothing is estimated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exact: Vec<u64>,
    /// Position in the stream of random numbers.
    pub random: u64,
}

/// Why a search cannot go on from what was saved.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SavedSearchError {
    #[error("it was written by another version of this program")]
    Format,
    #[error("it is of a search with {0}")]
    OtherSearch(String),
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
}

impl Identity {
    pub fn new(options: &SearchOptions, samples: u64, start_score: u64) -> Identity {
        Identity {
            effort: format!("{:?}", options.effort),
            seed: options.seed,
            samples,
            start: options.start.as_ref().map(|it| it.indices().to_vec()),
            start_score,
            tries: options.tries,
        }
    }

    fn format(&self) -> u32 {
        match self.tries {
            1 => FORMAT,
            _ => FORMAT_OF_SEVERAL,
        }
    }
}

impl SavedSearch {
    pub(super) fn new(
        identity: &Identity,
        place: Place,
        best: &[u32],
        best_score: u64,
        moves: &[MoveCount],
    ) -> SavedSearch {
        SavedSearch {
            format: identity.format(),
            identity: identity.clone(),
            place,
            best: best.to_vec(),
            best_score,
            moves: moves
                .iter()
                .map(|it| (it.name.to_owned(), it.rounds, it.applied))
                .collect(),
            tries: Vec::new(),
        }
    }

    /// Several tries together; nothing if none of them was saved.
    pub(super) fn together(tries: &[Option<SavedSearch>]) -> Option<SavedSearch> {
        let saved = tries.iter().flatten().next()?;
        Some(SavedSearch {
            tries: tries.to_vec(),
            ..saved.clone()
        })
    }

    /// Each of so many tries at once that was saved. There is at least one, so that a search that is another one is
    /// refused.
    pub(super) fn apart(mut self, tries: usize) -> Vec<Option<SavedSearch>> {
        let mut all = std::mem::take(&mut self.tries);
        all.resize(tries, None);
        if all.iter().all(Option::is_none) {
            all[0] = Some(self);
        }
        all
    }

    /// The best order that the search had found.
    #[must_use]
    pub fn best(&self) -> Option<Permutation> {
        let tries = self.tries.iter().flatten();
        let best = tries.chain(std::iter::once(self)).rev();
        let best = best.max_by_key(|saved| saved.best_score)?;
        Permutation::new(best.best.clone()).ok()
    }

    /// Can this search go on from here?
    pub(super) fn check(
        &self,
        identity: &Identity,
        attempts: usize,
    ) -> Result<(), SavedSearchError> {
        if self.format != self.identity.format() {
            return Err(SavedSearchError::Format);
        }
        let saved = &self.identity;
        let other = |what: String| Err(SavedSearchError::OtherSearch(what));
        if saved.samples != identity.samples {
            return other(format!(
                "{} samples, not {}",
                saved.samples, identity.samples
            ));
        }
        if saved.effort != identity.effort {
            let lower = |text: &str| text.to_ascii_lowercase();
            return other(format!(
                "effort {}, not {}",
                lower(&saved.effort),
                lower(&identity.effort)
            ));
        }
        if saved.seed != identity.seed {
            return other(format!("seed {}, not {}", saved.seed, identity.seed));
        }
        if saved.tries != identity.tries {
            return other(format!("--tries {}, not {}", saved.tries, identity.tries));
        }
        if saved.start != identity.start {
            return other("another start".into());
        }
        if saved.start_score != identity.start_score {
            return other("other samples".into());
        }
        let neurons = self.best.len();
        let is_order =
            |order: &[u32]| order.len() == neurons && Permutation::new(order.to_vec()).is_ok();
        if !is_order(&self.best) || !is_order(&self.place.order) {
            return Err(SavedSearchError::Damaged("its orders are no permutations"));
        }
        if ![0, neurons].contains(&self.place.prices.len()) {
            return Err(SavedSearchError::Damaged("its prices are not one a neuron"));
        }
        if ![0, BitRows::words_of(neurons)].contains(&self.place.exact.len()) {
            return Err(SavedSearchError::Damaged(
                "its exact fits are not one row a neuron",
            ));
        }
        if self.place.turn.number > SYSTEMATIC || self.place.turn.fruitless > MOST_MOVES {
            return Err(SavedSearchError::Damaged("there is no such turn"));
        }
        if self.place.attempt >= attempts {
            return Err(SavedSearchError::Damaged("there is no such try"));
        }
        let within = |&(_, rounds, applied): &(String, u64, u64)| rounds.max(applied) <= MOST_MOVES;
        if self.moves.len() > KINDS || !self.moves.iter().all(within) {
            return Err(SavedSearchError::Damaged(
                "its counts are beyond all bounds",
            ));
        }
        if self
            .place
            .prices
            .iter()
            .any(|price| price.unsigned_abs() > 1 << 30)
        {
            return Err(SavedSearchError::Damaged("a price is beyond all bounds"));
        }
        Ok(())
    }

    /// The counts of moves so far.
    pub(super) fn moves(&self) -> Result<Vec<MoveCount>, SavedSearchError> {
        let kinds: [&dyn Move; KINDS] = [
            &PairSwaps,
            &HalfSwaps::default(),
            &ThreeCycles::default(),
            &ReassignSingles::default(),
            &ShakenReassignment::default(),
        ];
        self.moves
            .iter()
            .map(|(name, rounds, applied)| {
                let kind = kinds.iter().find(|kind| kind.name() == name);
                let name = kind.ok_or(SavedSearchError::Format)?.name();
                Ok(MoveCount {
                    name,
                    rounds: *rounds,
                    applied: *applied,
                })
            })
            .collect()
    }
}

/// Where a running search is saved.
pub struct SearchSaver<'a> {
    write: &'a mut dyn FnMut(&SavedSearch),
    every: Duration,
    last: Instant,
}

impl<'a> SearchSaver<'a> {
    /// Hands the search to `write` at the first round after so much time, again and again, and when the search is
    /// stopped.
    pub fn new(every: Duration, write: &'a mut dyn FnMut(&SavedSearch)) -> SearchSaver<'a> {
        SearchSaver {
            write,
            every,
            last: Instant::now(),
        }
    }

    pub(super) fn every(&self) -> Duration {
        self.every
    }

    pub(super) fn is_due(&self) -> bool {
        self.last.elapsed() >= self.every
    }

    pub(super) fn write(&mut self, saved: &SavedSearch) {
        (self.write)(saved);
        self.last = Instant::now();
    }
}
