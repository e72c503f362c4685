//! `ftperm trace`

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ftperm::chess::board::Board;
use ftperm::files::digest::{hex, sha256};
use ftperm::files::quote::excerpt;
use ftperm::nets::stockfish::inference::{Evaluation, evaluate};
use ftperm::nets::stockfish::{Architecture, Network};
use ftperm::positions::{self, Sampling};
use serde::Serialize;

use super::activations::ValuesChoice;
use super::common::fens::{self, Fens};
use super::common::names::name;
use super::common::{AnyNetwork, LoadedModel, NetArgs};
use super::layout::LayoutArgs;
use super::{Global, console};

mod described;
mod zeros;

use zeros::{Comparison, Zeros};

/// Show what an engine would compute for positions
///
/// Numbers are the raw integers inside the network, before any scaling by an engine. Of networks of other engines the
/// inputs and the outputs of the feature transformer are shown.
#[derive(Debug, clap::Args)]
pub struct Trace {
    #[command(flatten)]
    net: NetArgs,
    #[command(flatten)]
    layout: LayoutArgs,
    #[command(flatten)]
    source: Source,
    /// Positions to take from --data
    #[arg(
        long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..),
        conflicts_with_all = ["fen", "fens"]
    )]
    count: u64,
    /// Compare with outputs that an engine recorded of these positions: one row for each perspective, the side to
    /// move's first, as `find --activations` takes them. Exit code 1 if others are zero
    #[arg(long = "activations", id = "recorded", value_name = "FILE")]
    activations: Option<PathBuf>,
    /// What the recorded values are, if the file does not make it clear
    #[arg(long, value_name = "KIND", value_enum, requires = "recorded")]
    values: Option<ValuesChoice>,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// A position
    #[arg(long, value_name = "FEN")]
    fen: Option<String>,
    /// A file with one FEN a line, or - for stdin
    #[arg(long, value_name = "FILE")]
    fens: Option<PathBuf>,
    /// Training data of any format
    #[arg(long, value_name = "FILE", num_args = 1.., value_parser = name())]
    data: Option<Vec<OsString>>,
}

/// One line of JSON; the fields are those of the reference vectors.
#[derive(Serialize)]
struct Line<'a> {
    i: usize,
    fen: &'a str,
    bucket: usize,
    psqt: i32,
    pos: i32,
    psqt8: &'a [i32],
    pos8: &'a [i32],
    fc0: &'a [i32],
    w: BTreeMap<&'static str, &'a [u32]>,
    b: BTreeMap<&'static str, &'a [u32]>,
    ft_len: usize,
    ft_sha256: String,
    ft_zero: usize,
    ft_zero4: usize,
}

impl Trace {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let mut fens = self.source.fens(self.count)?.peekable();
        // What is wrong with the first of them need not wait for the network.
        if fens.peek().is_some_and(Result::is_err) {
            fens.next().transpose()?;
        }
        let loaded = LoadedModel::load(&self.net, &self.layout)?;
        let tracer = match &loaded.network {
            AnyNetwork::Stockfish(network) => Tracer::Stockfish(network),
            AnyNetwork::Described(network) => {
                Tracer::Described(Box::new(described::Tracer::new(network)))
            }
        };
        let values = self.values.map(Into::into);
        let recorded = self.activations.as_deref();
        let mut comparison = recorded.map(|file| Comparison::with(file, values));
        for (number, found) in fens.enumerate() {
            let (place, fen) = found?;
            let context = || format!("{place}: {}", excerpt(fen.as_bytes()));
            let board: Board = fen.parse().with_context(context)?;
            let zeros = tracer.trace(number + 1, &fen, &board, global)?;
            if let Some(comparison) = &mut comparison {
                comparison.push(fen, zeros);
            }
        }
        comparison.map_or(Ok(()), Comparison::finish)
    }
}

/// A network that shows what it computes.
enum Tracer<'n> {
    Stockfish(&'n Network),
    Described(Box<described::Tracer<'n>>),
}

impl Tracer<'_> {
    /// Prints what is computed for the position of this number, and returns which outputs are zero.
    fn trace(
        &self,
        number: usize,
        fen: &str,
        board: &Board,
        global: &Global,
    ) -> anyhow::Result<Zeros> {
        match self {
            Tracer::Described(tracer) => tracer.trace(number, fen, board, global),
            Tracer::Stockfish(network) => {
                let evaluation = evaluate(network, board);
                if global.json {
                    let line = line(number, fen, &network.architecture, &evaluation);
                    console::json(&line)?;
                } else {
                    show(fen, &network.architecture, &evaluation)?;
                }
                Ok(Zeros::of_bytes(&evaluation.ft_bytes))
            }
        }
    }
}

impl Source {
    fn fens(&self, count: u64) -> anyhow::Result<Fens> {
        if let Some(fen) = &self.fen {
            return Ok(fens::one(fen));
        }
        if let Some(data) = &self.data {
            let options = positions::Options {
                sampling: Sampling {
                    count: Some(count),
                    ..Sampling::default()
                },
                ..positions::Options::default()
            };
            let boards = positions::read(data, &options)?.boards;
            let numbered = boards.into_iter().enumerate();
            return Ok(Box::new(numbered.map(|(number, board)| {
                Ok((format!("position {}", number + 1), board.fen()))
            })));
        }
        fens::of_file(self.fens.as_deref().unwrap_or(Path::new("-")))
    }
}

fn line<'a>(
    i: usize,
    fen: &'a str,
    architecture: &Architecture,
    found: &'a Evaluation,
) -> Line<'a> {
    let lists = |side: usize| {
        let sets = architecture.sets.iter().zip(&found.features);
        sets.map(|(set, lists)| (set.short_name(), lists[side].as_slice()))
            .collect()
    };
    let (psqt, pos) = found.selected();
    Line {
        i,
        fen,
        bucket: found.bucket,
        psqt,
        pos,
        psqt8: &found.psqt,
        pos8: &found.positional,
        fc0: &found.first_layer,
        w: lists(0),
        b: lists(1),
        ft_len: found.ft_bytes.len(),
        ft_sha256: hex(&sha256(&found.ft_bytes)),
        ft_zero: found.zero_bytes(),
        ft_zero4: found.zero_blocks(),
    }
}

fn show(fen: &str, architecture: &Architecture, found: &Evaluation) -> anyhow::Result<()> {
    console::result(fen)?;
    console::result("  bucket        PSQT  positional       total")?;
    for (bucket, positional) in found.positional.iter().enumerate() {
        let psqt = found.psqt.get(bucket).copied().unwrap_or(0);
        let mark = if bucket == found.bucket {
            "  <- used"
        } else {
            ""
        };
        console::result(format!(
            "  {bucket:>6}  {psqt:>10}  {positional:>10}  {:>10}{mark}",
            i64::from(psqt) + i64::from(*positional)
        ))?;
    }
    for (set, [white, black]) in architecture.sets.iter().zip(&found.features) {
        console::result(format!(
            "  {}: {} active for White, {} for Black",
            set.name(),
            white.len(),
            black.len()
        ))?;
    }
    let outputs = found.ft_bytes.len();
    console::result(format!(
        "  feature transformer: {} of {outputs} bytes zero, {} of {} blocks all zero",
        found.zero_bytes(),
        found.zero_blocks(),
        outputs / 4
    ))?;
    let sums: Vec<String> = found.first_layer.iter().map(ToString::to_string).collect();
    console::result(format!("  first-layer sums: {}", sums.join(" ")))?;
    console::result("")
}
