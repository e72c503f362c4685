//! Which positions a run searches on, and on which it measures the result.

use std::time::{Duration, Instant};

use ftperm::positions::{Positions, Statistics};
use ftperm::walks::{Walk, walk};

use super::Optimize;

/// What positions to search on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PositionsKind {
    /// Those of the data
    Data,
    /// Each replaced by one that a small search from it evaluates
    Search,
    /// Each replaced by one after one or two random legal moves
    Random,
}

impl PositionsKind {
    /// The kinds whose rates are always told.
    const TOLD: [PositionsKind; 2] = [PositionsKind::Data, PositionsKind::Search];

    pub fn name(self) -> &'static str {
        match self {
            PositionsKind::Data => "data",
            PositionsKind::Search => "search",
            PositionsKind::Random => "random",
        }
    }

    fn walk(self) -> Option<Walk> {
        match self {
            PositionsKind::Data => None,
            PositionsKind::Search => Some(Walk::Search),
            PositionsKind::Random => Some(Walk::Random),
        }
    }

    /// The positions of this kind that come from those of the data.
    fn of(self, data: &Positions, seed: u64) -> Positions {
        let boards = match self.walk() {
            None => data.boards.clone(),
            Some(kind) => walk(&data.boards, kind, seed),
        };
        Positions {
            boards,
            games: data.games.clone(),
            statistics: data.statistics.clone(),
        }
    }
}

/// The positions of a run.
pub struct Chosen {
    pub statistics: Statistics,
    /// What is searched on.
    pub training: Positions,
    /// What the search does not see, of the same kind.
    pub holdout: Positions,
    /// Other kinds of positions, and what became of the held-out ones.
    pub compared_kinds: Vec<PositionsKind>,
    pub compared: Vec<Positions>,
    /// Time it took.
    pub time: Duration,
}

impl Chosen {
    /// Positions to evaluate.
    pub fn evaluated(&self) -> usize {
        let sets = [&self.training, &self.holdout].into_iter();
        sets.chain(&self.compared).map(Positions::len).sum()
    }
}

impl Optimize {
    /// Reads positions and parts them, where samples of so many neurons a perspective must fit in memory.
    pub fn choose(&self, neurons: usize) -> anyhow::Result<Chosen> {
        let clock = Instant::now();
        // A board and its game, and a bit a neuron of two samples.
        let bytes_per_position = 36 + neurons as u64 / 4;
        let room = self.memory.beside_network(neurons, &self.backend)?;
        let advice = if self.layout.layout.is_some() {
            "take fewer with --count or --sample-rate, or allow more with --memory"
        } else {
            "take fewer with --count or --sample-rate, allow more with --memory, or gather in shards and search \
             with `find`"
        };
        let options = self
            .positions
            .options(Some(self.count), self.backend.threads);
        let taken = self
            .positions
            .read_within(&options, room / bytes_per_position, advice)?;
        let statistics = taken.statistics.clone();
        let seed = self.positions.seed;
        let (mut training, mut holdout) = taken.split_holdout(self.holdout, seed);
        let compared_kinds: Vec<PositionsKind> = PositionsKind::TOLD
            .into_iter()
            .filter(|&kind| kind != self.positions_kind)
            .collect();
        let compared = compared_kinds
            .iter()
            .map(|kind| kind.of(&holdout, seed))
            .collect();
        if self.positions_kind != PositionsKind::Data {
            training = self.positions_kind.of(&training, seed);
            holdout = self.positions_kind.of(&holdout, seed);
        }
        Ok(Chosen {
            statistics,
            training,
            holdout,
            compared_kinds,
            compared,
            time: clock.elapsed(),
        })
    }
}
