//! What positions switch on.

use anyhow::Context as _;
use ftperm::chess::board::{Board, Color};
use ftperm::files::quote::excerpt;
use ftperm::nets::checkpoint::{ActiveRow, ActiveRows, InputSets, RowKind};
use serde::Serialize;

use super::{Placed, placed};
use crate::cli::common::fens::Fens;
use crate::cli::{Global, console};

/// A position.
#[derive(Serialize)]
struct Line<'a> {
    i: usize,
    fen: &'a str,
    bucket: usize,
    features: String,
    inputs: &'static str,
    white: Side,
    black: Side,
}

/// A perspective.
#[derive(Serialize)]
struct Side {
    real: Vec<Real>,
    shared: Vec<Shared>,
}

/// An active feature.
#[derive(Serialize)]
struct Real {
    index: usize,
    set: &'static str,
    words: String,
    pieces: Vec<Placed>,
    king_bucket: Option<u32>,
}

/// A row that active features share.
#[derive(Serialize)]
struct Shared {
    index: usize,
    value: u32,
    set: String,
    words: String,
}

pub fn run(sets: &InputSets, fens: Fens, global: &Global) -> anyhow::Result<()> {
    for (number, found) in fens.enumerate() {
        let (place, fen) = found?;
        let context = || format!("{place}: {}", excerpt(fen.as_bytes()));
        let board: Board = fen.parse().with_context(context)?;
        let [white, black] = sets.active(&board).map(|rows| side(sets, &rows));
        if global.json {
            console::json(&Line {
                i: number + 1,
                fen: &fen,
                bucket: board.bucket(),
                features: sets.names(),
                inputs: sets.inputs.name(),
                white,
                black,
            })?;
            continue;
        }
        console::result(&fen)?;
        for (color, side) in Color::BOTH.into_iter().zip([white, black]) {
            show(color, &side)?;
        }
        console::result("")?;
    }
    Ok(())
}

fn side(sets: &InputSets, rows: &ActiveRows) -> Side {
    Side {
        real: rows.real.iter().filter_map(|row| real(sets, row)).collect(),
        shared: rows
            .shared
            .iter()
            .filter_map(|row| shared(sets, row))
            .collect(),
    }
}

fn real(sets: &InputSets, row: &ActiveRow) -> Option<Real> {
    let RowKind::Feature { set, feature } = sets.row(row.row)? else {
        return None;
    };
    let meaning = set.meaning(feature).ok();
    Some(Real {
        index: row.row,
        set: set.name(),
        words: set.describe(feature),
        pieces: meaning.as_ref().map_or(Vec::new(), placed),
        king_bucket: meaning.and_then(|meaning| meaning.bucket),
    })
}

fn shared(sets: &InputSets, row: &ActiveRow) -> Option<Shared> {
    // Ranges of today's trainer, where each set begins with 0, overlap; but only one set has shared rows there.
    let block =
        (0..sets.blocks.len()).find(|&block| sets.shared_range(block).contains(&row.row))?;
    let start = sets.shared_range(block).start;
    Some(Shared {
        index: row.row,
        value: row.value,
        set: sets.blocks[block].name().to_string(),
        words: sets.blocks[block].shared_in_words(row.row - start),
    })
}

fn show(color: Color, side: &Side) -> anyhow::Result<()> {
    let shared = match side.shared.len() {
        0 => String::new(),
        shared => format!(", {shared} shared rows"),
    };
    console::result(format!("  {color:?}: {} active{shared}", side.real.len()))?;
    for row in &side.real {
        console::result(format!("    {:>6}  {}: {}", row.index, row.set, row.words))?;
    }
    for row in &side.shared {
        let times = match row.value {
            1 => String::new(),
            value => format!(" ({value} times)"),
        };
        console::result(format!(
            "    {:>6}  shared: {}{times}",
            row.index, row.words
        ))?;
    }
    Ok(())
}
