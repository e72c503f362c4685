//! What positions to evaluate: those of the data, or ones near them.

use std::ffi::OsString;

use ftperm::chess::board::Board;
use ftperm::chess::walks::{Walk, walk};
use ftperm::positions;

/// What positions to search on.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct KindArgs {
    /// Take the positions as they are, or walk from each to one as engines meet them in their search [default: search
    /// where --data are games, data for lists of positions and standard input]
    #[arg(long = "positions", value_name = "KIND", value_enum)]
    kind: Option<PositionsKind>,
}

impl KindArgs {
    /// What was asked for, or what goes with the data: positions of lists (FENs, EPDs) may be recorded from searches,
    /// and what comes through standard input is not known before it was read.
    pub fn of_data(self, data: &[OsString]) -> anyhow::Result<PositionsKind> {
        if let Some(kind) = self.kind {
            return Ok(kind);
        }
        Ok(if positions::are_of_games(data)? {
            PositionsKind::Search
        } else {
            PositionsKind::Data
        })
    }
}

/// Positions of the data, or what becomes of them.
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
    pub fn name(self) -> &'static str {
        self.walk().map_or("data", Walk::name)
    }

    pub fn walk(self) -> Option<Walk> {
        match self {
            PositionsKind::Data => None,
            PositionsKind::Search => Some(Walk::Search),
            PositionsKind::Random => Some(Walk::Random),
        }
    }

    /// The positions of this kind that come from those of the data.
    pub fn of(self, boards: Vec<Board>, seed: u64) -> Vec<Board> {
        match self.walk() {
            None => boards,
            Some(kind) => walk(&boards, kind, seed),
        }
    }
}
