//! Positions as an engine meets them in its search, from what any engine prints.
//!
//! A [`Recorder`] lets an engine search positions of games, the roots, and replays the lines of moves that it prints.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::error::EngineError;
use crate::chess::board::Board;

mod error;
mod pool;
mod said;
mod search;

pub use error::RecordError;

use search::Search;

/// Searched roots that wait for those before them, for each process.
const WAITING: usize = 16;

/// Positions are read for so many times as many roots, of which every so manieth becomes one.
const SPREAD: u64 = 32;

/// Behind so many roots there is one more, in case that some give too little.
const RESERVE: u64 = 32;

/// An engine and how positions are recorded from it.
#[derive(Clone, Debug)]
pub struct Recorder {
    pub engine: PathBuf,
    /// Options to set, in this order, after those that are set anyway: one thread, a small hash table, the lines.
    pub options: Vec<(String, String)>,
    /// Of each search.
    pub nodes: u64,
    /// Best moves whose lines the engine is asked for; at most as many as it offers.
    pub multipv: u64,
    /// Positions to record.
    pub count: u64,
    /// Positions to take of each root.
    pub per_root: u64,
    pub seed: u64,
    /// Engines at a time. The outcome does not depend on it.
    pub processes: usize,
    /// For each answer, and for each search.
    pub timeout: Duration,
}

/// What an engine says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub name: Option<String>,
    /// The lines that it was asked for, `None` if it has no such option.
    pub multipv: Option<u64>,
}

/// What was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// In the order of the roots.
    pub boards: Vec<Board>,
    /// Roots that were searched.
    pub roots: usize,
    /// Of all searches, as the engine counts them.
    pub nodes: u64,
}

impl Recorder {
    /// Positions to read, so that roots can be spread over them.
    pub fn positions_to_read(&self) -> u64 {
        self.roots().saturating_mul(SPREAD)
    }

    /// Roots that are needed if each gives its share.
    fn roots(&self) -> u64 {
        self.count.div_ceil(self.per_root.max(1))
    }

    /// As many of the positions as are needed and a few more, spread evenly over them.
    pub fn spread(&self, boards: &[Board]) -> Vec<Board> {
        let roots = self.roots();
        let wanted = roots.saturating_add(roots.div_ceil(RESERVE));
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        if wanted >= boards.len() {
            return boards.to_vec();
        }
        // Both are below 2^63, as lengths of what is in memory.
        let place = |number: usize| number as u128 * boards.len() as u128 / wanted as u128;
        (0..wanted).map(|it| boards[place(it) as usize]).collect()
    }

    /// Does the engine start, answer and take the options? And what does it say of itself?
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self) -> Result<About, RecordError> {
        let opened = || {
            let (session, about) = self.open()?;
            session.quit();
            Ok(about)
        };
        opened().map_err(|source| self.failed(source, None))
    }

    /// Searches the roots and takes positions of what the engine prints, until there are enough. `progress` hears
    /// behind every root how many positions there are; breaking ends it with [`RecordError::Interrupted`].
    ///
    /// Which positions are taken depends on the roots, the seed and what the engine prints. What was searched before
    /// is forgotten: `ucinewgame` comes between.
    ///
    /// # Errors
    /// The engine does not start, answer or finish; refuses something; prints an illegal move; tells nothing.
    pub fn record(
        &self,
        roots: &[Board],
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Recorded, RecordError> {
        let processes = self.processes.clamp(1, roots.len().max(1));
        thread::scope(|scope| {
            let mut results = Vec::new();
            for first in 0..processes {
                let (sender, receiver) = sync_channel(WAITING);
                let own = roots.iter().skip(first).step_by(processes);
                thread::Builder::new()
                    .spawn_scoped(scope, move || self.work(own, &sender))
                    .map_err(RecordError::Thread)?;
                results.push(receiver);
            }
            self.collect(roots.len(), &results, &mut progress)
        })
    }

    /// Puts together what the processes found, in the order of the roots.
    fn collect(
        &self,
        roots: usize,
        results: &[Receiver<Result<Search, RecordError>>],
        progress: &mut impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Recorded, RecordError> {
        let mut found = Recorded::default();
        let sharing = u128::from(self.roots().clamp(1, (roots as u64).max(1)));
        for number in 0..roots {
            let taken = found.boards.len() as u64;
            if taken == self.count {
                break;
            }
            // Whoever sends nothing has panicked, and the panic goes on when the scope ends.
            let Ok(search) = results[number % results.len()].recv() else {
                break;
            };
            let search = search?;
            // What was missing of earlier roots is made up for as soon as one has more.
            let wanted = u128::from(self.count) * (number as u128 + 1) / sharing;
            let share = wanted.min(self.count.into()) - u128::from(taken);
            let share = usize::try_from(share).unwrap_or(usize::MAX);
            found.boards.extend(search.boards.iter().take(share));
            found.nodes = found.nodes.saturating_add(search.nodes);
            found.roots += usize::from(search.searched);
            if progress(found.boards.len() as u64).is_break() {
                return Err(RecordError::Interrupted);
            }
        }
        if found.boards.is_empty() {
            let (engine, roots) = (self.engine.clone(), found.roots);
            return Err(RecordError::Nothing { engine, roots });
        }
        Ok(found)
    }

    /// Searches roots with an engine of its own and sends what it finds, until nobody wants it.
    fn work<'b>(
        &self,
        roots: impl Iterator<Item = &'b Board>,
        results: &SyncSender<Result<Search, RecordError>>,
    ) {
        let mut session = match self.open() {
            Ok((session, _)) => session,
            Err(source) => {
                let _ = results.send(Err(self.failed(source, None)));
                return;
            }
        };
        for root in roots {
            let search = self.search(&mut session, root);
            let is_over = search.is_err();
            if results.send(search).is_err() || is_over {
                return;
            }
        }
        session.quit();
    }

    fn failed(&self, source: EngineError, root: Option<&str>) -> RecordError {
        RecordError::Engine {
            engine: self.engine.clone(),
            source: source.into(),
            root: root.map(str::to_string),
        }
    }
}
