//! Which positions a run searches on, and on which it measures the result.

use std::path::Path;
use std::time::{Duration, Instant};

use ftperm::positions::{Positions, Statistics};
use ftperm::run::{Footprint, PlanesRoom};

use super::Optimize;
use crate::cli::common::{POSITION, PositionsKind, warn_of_games};

/// The kinds whose rates are always told.
const TOLD: [PositionsKind; 2] = [PositionsKind::Data, PositionsKind::Search];

/// The positions of a kind that come from those of the data.
fn of(kind: PositionsKind, data: Positions, seed: u64) -> Positions {
    Positions {
        boards: kind.of(data.boards, seed),
        ..data
    }
}

/// The positions of a run.
pub struct Chosen {
    pub statistics: Statistics,
    /// The kind that is searched on.
    pub kind: PositionsKind,
    /// What is searched on.
    pub training: Positions,
    /// What the search does not see, of the same kind.
    pub holdout: Positions,
    /// Other kinds of positions, and what became of the held-out ones.
    pub compared_kinds: Vec<PositionsKind>,
    pub compared: Vec<Positions>,
    /// Memory that is left for planes.
    left: u64,
    /// Time it took.
    pub time: Duration,
}

impl Chosen {
    /// Where planes go.
    pub fn room<'a>(&self, folder: &'a Path) -> PlanesRoom<'a> {
        PlanesRoom {
            bytes: self.left,
            folder,
        }
    }

    /// Positions to evaluate.
    pub fn evaluated(&self) -> usize {
        let sets = [&self.training, &self.holdout].into_iter();
        sets.chain(&self.compared).map(Positions::len).sum()
    }
}

/// Memory that a network takes.
pub struct InMemory {
    /// From its reading to its writing.
    pub bytes: u64,
    /// Beside it, while it is read, and while what was written is checked.
    pub delivery: u64,
    /// For its positions.
    pub footprint: Footprint,
}

impl Optimize {
    /// Reads positions and parts them, where they must fit in memory beside the network and the least that is done with
    /// it. What is left does not depend on the machine if --memory is given.
    pub fn choose(&self, network: &InMemory) -> anyhow::Result<Chosen> {
        let clock = Instant::now();
        let least = network.footprint.least().max(network.delivery);
        let room = self.memory.at_least(network.bytes + least)? - network.bytes;
        let kind = self.walks.of_data(&self.positions.data)?;
        // The copies that walks make, of all and of the held-out ones for each of the kinds.
        let copies =
            f64::from(u8::from(kind != PositionsKind::Data)) + TOLD.len() as f64 * self.holdout;
        let bytes_per_position = POSITION + (POSITION as f64 * copies).ceil() as u64;
        let advice = "take fewer with --count or --sample-rate, allow more with --memory, or gather in shards and \
                      search with `find`";
        let options = self
            .positions
            .options(Some(self.count), self.backend.threads)?;
        let taken =
            self.positions
                .read_within(&options, (room - least) / bytes_per_position, advice)?;
        let statistics = taken.statistics.clone();
        if self.holdout > 0.0 {
            warn_of_games(&statistics);
        }
        let seed = self.positions.seed;
        let (mut training, mut holdout) = taken.split_holdout(self.holdout, self.holdout_seed);
        if training.is_empty() {
            anyhow::bail!(
                "no position is left to search on: all {} are of games that are held out; take more (--count) or hold \
                 out less (--holdout, {})",
                holdout.len(),
                self.holdout
            );
        }
        let compared_kinds: Vec<PositionsKind> =
            TOLD.into_iter().filter(|&told| told != kind).collect();
        let compared: Vec<Positions> = compared_kinds
            .iter()
            .map(|&kind| of(kind, holdout.clone(), self.holdout_seed))
            .collect();
        training = of(kind, training, seed);
        holdout = of(kind, holdout, self.holdout_seed);
        let mut chosen = Chosen {
            statistics,
            kind,
            training,
            holdout,
            compared_kinds,
            compared,
            left: room,
            time: clock.elapsed(),
        };
        chosen.left = room.saturating_sub(POSITION * chosen.evaluated() as u64);
        Ok(chosen)
    }
}
