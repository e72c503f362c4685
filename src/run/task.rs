//! What is to be done, whatever the network.

use std::time::Duration;

use super::PlanesRoom;
use crate::chess::board::Board;
use crate::positions::Positions;
use crate::search::SearchOptions;

/// Positions to search on and to measure on, and how to search.
#[derive(Clone, Debug)]
pub struct Task<'a> {
    /// Positions to search on.
    pub training: &'a [Board],
    /// Positions that the search does not see, and the game of each.
    pub holdout: &'a Positions,
    /// Other positions that the search does not see, each set to be measured on by itself.
    pub compared: &'a [Positions],
    pub search: SearchOptions,
    /// Of the random choices when held-out games are drawn again for the intervals: apart from the search's, so that
    /// searches of different seeds can be compared.
    pub holdout_seed: u64,
    /// Check the result for local optimality and bound it from above.
    pub certify: bool,
    /// Ends the search after this time; the outcome then depends on the machine's speed.
    pub time_limit: Option<Duration>,
    /// Memory for planes, and where they go if that is too little; `None` for as much as it takes.
    pub room: Option<PlanesRoom<'a>>,
}

impl<'a> Task<'a> {
    /// A search with default options, in as much time and memory as it takes.
    pub fn new(training: &'a [Board], holdout: &'a Positions) -> Task<'a> {
        Task {
            training,
            holdout,
            compared: &[],
            search: SearchOptions::default(),
            holdout_seed: 0,
            certify: false,
            time_limit: None,
            room: None,
        }
    }

    /// The training positions, the held-out ones, and the other sets.
    pub(crate) fn sets(&self) -> Vec<&'a [Board]> {
        let held = std::iter::once(self.holdout).chain(self.compared);
        let held = held.map(|set| set.boards.as_slice());
        std::iter::once(self.training).chain(held).collect()
    }
}
