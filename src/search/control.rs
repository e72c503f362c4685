//! Watching and ending a search from outside.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// How a running search is watched and ended. The default neither reports nor ends early.
#[derive(Default)]
pub struct Control<'a> {
    /// Set from elsewhere (Ctrl-C) to end the search soon; it then returns the best order found so far.
    pub stop: Option<&'a AtomicBool>,
    /// When to end at the latest. The result then depends on the speed of the machine.
    pub deadline: Option<Instant>,
    /// Called after every round.
    pub progress: Option<&'a mut dyn FnMut(&Progress)>,
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

/// Where a search stands.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Step of the schedule.
    pub phase: &'static str,
    /// Rounds of all moves so far.
    pub rounds: u64,
    /// Samples that this phase counts on: all, or a part of them.
    pub samples: u64,
    /// Best number of zero blocks in these samples so far.
    pub score: u64,
    /// Rounds and exchanges by kind of move.
    pub moves: Vec<MoveCount>,
}
