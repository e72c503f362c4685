//! Watching and ending a search from outside.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::Halt;
use super::saved::{SavedSearch, SearchSaver};

/// How a running search is watched and ended. The default neither reports nor ends early.
#[derive(Default)]
pub struct Control<'a> {
    /// Set from elsewhere (Ctrl-C) to end the search soon; it then returns the best order found so far.
    pub stop: Option<&'a AtomicBool>,
    /// When to end at the latest. The result then depends on the speed of the machine.
    pub deadline: Option<Instant>,
    /// Called after every round, and every step of a certificate.
    pub progress: Option<&'a mut dyn FnMut(&Progress)>,
    /// Where to leave saver.
    pub saver: Option<SearchSaver<'a>>,
    /// Go on from here. The result is that of a search that was never interrupted.
    pub resume: Option<SavedSearch>,
}

impl Control<'_> {
    /// Should the search end now?
    pub(crate) fn is_over(&self) -> bool {
        is_over(self.stop, self.deadline)
    }
}

pub(crate) fn is_over(stop: Option<&AtomicBool>, deadline: Option<Instant>) -> bool {
    stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
        || deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

/// How often a move was tried and what it brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoveCount {
    /// Name of the move.
    pub name: &'static str,
    /// Rounds of it.
    pub rounds: u64,
    /// Exchanges it applied in these rounds.
    pub applied: u64,
}

impl MoveCount {
    pub(crate) fn of(name: &'static str) -> MoveCount {
        MoveCount {
            name,
            rounds: 0,
            applied: 0,
        }
    }
}

/// Where a search stands.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Is it a certificate that is made, rather than a search?
    pub certifying: bool,
    /// Step of the schedule, or of the certificate.
    pub phase: &'static str,
    /// Rounds of all moves so far.
    pub rounds: u64,
    /// Share of the work that is done, 0 to 1: of the planned rounds, those of descents being estimated and never all
    /// done, or of the certificate's steps, each weighed by the time that it takes about.
    pub done: f64,
    /// Samples that this phase counts on: all, or a part of them.
    pub samples: u64,
    /// All samples.
    pub all_samples: u64,
    /// Zero blocks in these samples of the partition at hand; it may fall.
    pub score: u64,
    /// Zero blocks in all samples of the best finished partition, which an early end would return.
    pub best: u64,
    /// Rounds and exchanges by kind of move.
    pub moves: Vec<MoveCount>,
}

/// Whoever follows work of many steps and may end it.
pub(crate) struct Watch<'w> {
    stop: &'w dyn Fn() -> bool,
    tell: &'w mut dyn FnMut(f64),
}

impl<'w> Watch<'w> {
    pub(crate) fn new(stop: &'w dyn Fn() -> bool, tell: &'w mut dyn FnMut(f64)) -> Watch<'w> {
        Watch { stop, tell }
    }

    /// This share is done; may it go on?
    pub(crate) fn go_on(&mut self, done: f64) -> Result<(), Halt> {
        if (self.stop)() {
            return Err(Halt::Stopped);
        }
        (self.tell)(done);
        Ok(())
    }

    /// Follows a part that goes from one share of the whole to another.
    pub(crate) fn part<T>(
        &mut self,
        range: Range<f64>,
        work: impl FnOnce(&mut Watch) -> Result<T, Halt>,
    ) -> Result<T, Halt> {
        let (stop, tell) = (self.stop, &mut *self.tell);
        let mut tell = |done: f64| tell(range.start + done * (range.end - range.start));
        work(&mut Watch::new(stop, &mut tell))
    }
}
