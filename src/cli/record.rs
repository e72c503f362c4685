//! `ftperm record`

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ftperm::bench::record::Recorder;
use ftperm::files::atomic::{OutputFile, check_writable, io_error};
use serde::Serialize;

use super::bench::{EngineOption, TIMEOUT, name_and_value};
use super::common::{Files, PositionArgs};
use super::progress::Stage;
use super::{Global, console, interrupt};

/// Record positions as an engine meets them in its search, for the --data of other commands
///
/// The engine, any that speaks UCI, searches positions of the data. What is written are the positions on the lines of
/// moves that it prints, without those in check, and positions that it prints itself as FENs. The same engine, data,
/// options and seed give the same file on any number of processes.
#[derive(Debug, clap::Args)]
pub struct Record {
    /// The engine, a program that speaks UCI
    #[arg(long, value_name = "ENGINE")]
    engine: PathBuf,
    #[command(flatten)]
    pub(super) positions: PositionArgs,
    /// Positions to write
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Positions to take of each search; fewer take more searches
    #[arg(
        long, value_name = "N", default_value_t = PER_ROOT, value_parser = clap::value_parser!(u64).range(1..=10_000)
    )]
    per_root: u64,
    /// Nodes of each search
    #[arg(long, value_name = "N", default_value_t = NODES, value_parser = clap::value_parser!(u64).range(1..))]
    nodes: u64,
    /// Best moves of each position whose lines the engine is asked for, if it has the option MultiPV
    #[arg(long, value_name = "N", default_value_t = MULTIPV, value_parser = clap::value_parser!(u64).range(1..))]
    multipv: u64,
    /// Engines that search at a time [default: one a processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    processes: Option<u16>,
    /// Set an option of the engine first; may be repeated
    #[arg(id = "option", long = "option", value_name = "NAME=VALUE", value_parser = name_and_value)]
    options: Vec<EngineOption>,
    /// How long the engine may take for an answer, or for a search
    #[arg(
        long, value_name = "SECONDS", default_value_t = TIMEOUT,
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    timeout: u64,
    /// The file to write: one position a line, as a FEN
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

const PER_ROOT: u64 = 4;
const NODES: u64 = 2_000;
const MULTIPV: u64 = 4;

#[derive(Serialize)]
struct Report {
    positions: usize,
    roots: usize,
    nodes: u64,
    seconds: f64,
    engine: String,
    name: Option<String>,
    multipv: Option<u64>,
    out: String,
    version: &'static str,
}

impl Record {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        Files::new()
            .output("--out", Some(&self.out))
            .input("--engine", Some(&self.engine))
            .data("--data", &self.positions.data)
            .check()?;
        check_writable(&self.out)?;
        let recorder = self.recorder();
        let about = recorder.check()?;
        let options = self
            .positions
            .options(Some(recorder.positions_to_read()), None)?;
        let read = self.positions.read_what_there_is(&options, u64::MAX, "")?;
        let roots = recorder.spread(&read.boards);
        drop(read);
        let started = Instant::now();
        let stage = Stage::counting("recording", self.count);
        let recorded = recorder.record(&roots, |positions| {
            stage.set(positions);
            match interrupt::check() {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        drop(stage);
        let seconds = started.elapsed().as_secs_f64();
        let positions = recorded.boards.len();
        let mut out = OutputFile::create(&self.out)?;
        for board in &recorded.boards {
            writeln!(out, "{}", board.fen()).map_err(|source| io_error(&self.out, source))?;
        }
        out.commit()?;
        let engine = self.engine.display().to_string();
        console::say(format!(
            "{positions} positions of {} searches by {}: {} nodes in {seconds:.1} seconds",
            recorded.roots,
            about.name.as_ref().unwrap_or(&engine),
            recorded.nodes
        ));
        if (positions as u64) < self.count {
            console::warn(format!(
                "only {positions} of {} positions recorded",
                self.count
            ));
        }
        let report = Report {
            positions,
            roots: recorded.roots,
            nodes: recorded.nodes,
            seconds,
            engine,
            name: about.name,
            multipv: about.multipv,
            out: self.out.display().to_string(),
            version: env!("CARGO_PKG_VERSION"),
        };
        if global.json {
            console::json(&report)
        } else {
            console::result(&report.out)
        }
    }

    fn recorder(&self) -> Recorder {
        let processors = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Recorder {
            engine: self.engine.clone(),
            options: self.options.clone(),
            nodes: self.nodes,
            multipv: self.multipv,
            count: self.count,
            per_root: self.per_root,
            seed: self.positions.seed,
            processes: self.processes.map_or_else(processors, usize::from),
            timeout: Duration::from_secs(self.timeout),
        }
    }
}
