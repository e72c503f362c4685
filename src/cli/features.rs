//! `ftperm features`

mod active;
mod index;
mod table;

use std::path::PathBuf;

use ftperm::nets::checkpoint::{InputSets, Inputs};
use ftperm::nets::stockfish::Era;
use ftperm::nets::stockfish::features::Meaning;
use serde::Serialize;

use super::common::fens::{self, Fens};
use super::common::known_era;
use super::{Global, UsageError};

/// List the feature sets, or show one of them, the features of positions, or a single feature
///
/// Without a name all sets are listed, with their hashes and rows: those of network files, of the trainer until January
/// 2026 and of today's trainer. `^` marks sets with rows that several features share.
#[derive(Debug, clap::Args)]
pub struct Features {
    /// Feature sets joined by +, in any order, each with or without ^
    #[arg(value_name = "NAMES")]
    names: Option<String>,
    /// Whose rows are meant [default: those of a network file; with a ^ those of today's trainer, or of January's if
    /// today's has no such set]
    #[arg(long, value_name = "WHOSE", value_enum)]
    inputs: Option<Whose>,
    /// The sets of this era, or its revision of those that are named
    #[arg(long, value_name = "ERA", value_parser = known_era)]
    era: Option<&'static Era>,
    /// Show what is active in a position, no network needed
    #[arg(long, value_name = "FEN", conflicts_with_all = ["fens", "index"])]
    fen: Option<String>,
    /// The same for a file with one FEN a line, or - for stdin
    #[arg(long, value_name = "FILE", conflicts_with = "index")]
    fens: Option<PathBuf>,
    /// Show what this row is, what is added to it, and whether a legal position can activate it
    #[arg(long, value_name = "N")]
    index: Option<usize>,
}

/// Whose rows.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Whose {
    /// Network files
    Network,
    /// The trainer until January 2026
    January,
    /// The trainer since March 2026
    Today,
}

impl From<Whose> for Inputs {
    fn from(whose: Whose) -> Inputs {
        match whose {
            Whose::Network => Inputs::Network,
            Whose::January => Inputs::January,
            Whose::Today => Inputs::Today,
        }
    }
}

/// A piece on a square, as the perspective sees it.
#[derive(Serialize)]
struct Placed {
    piece: String,
    square: String,
}

fn placed(meaning: &Meaning) -> Vec<Placed> {
    let pieces = meaning.pieces().map(|placed| Placed {
        piece: placed.piece(),
        square: placed.square_name(),
    });
    pieces.collect()
}

impl Features {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let Some(sets) = self.sets()? else {
            return table::all(global);
        };
        if let Some(row) = self.index {
            return index::run(&sets, row, global);
        }
        match self.positions()? {
            Some(fens) => active::run(&sets, fens, global),
            None => table::one(&sets, global),
        }
    }

    /// The sets that are named, if any are.
    fn sets(&self) -> anyhow::Result<Option<InputSets>> {
        let inputs = self.inputs.map(Inputs::from);
        match (&self.names, self.era) {
            (Some(names), era) => {
                let sets = InputSets::parse(names, inputs, era);
                let sets = sets.map_err(|error| UsageError(error.to_string()))?;
                Ok(Some(sets))
            }
            (None, Some(era)) if !matches!(inputs, None | Some(Inputs::Network)) => {
                let text = format!(
                    "--inputs needs names; the sets of era {} are {}",
                    era.id,
                    era.architecture.feature_names()
                );
                Err(UsageError(text).into())
            }
            (None, Some(era)) => Ok(Some(InputSets::of_era(era))),
            (None, None) => {
                let needing = [
                    ("--inputs", self.inputs.is_some()),
                    ("--fen", self.fen.is_some()),
                    ("--fens", self.fens.is_some()),
                    ("--index", self.index.is_some()),
                ];
                match needing.iter().find(|(_, given)| *given) {
                    Some((option, _)) => {
                        let text = format!("{option} needs the name of a feature set, or --era");
                        Err(UsageError(text).into())
                    }
                    None => Ok(None),
                }
            }
        }
    }

    fn positions(&self) -> anyhow::Result<Option<Fens>> {
        match (&self.fen, &self.fens) {
            (Some(fen), _) => Ok(Some(fens::one(fen))),
            (None, Some(file)) => fens::of_file(file).map(Some),
            (None, None) => Ok(None),
        }
    }
}
