//! `--bench-engine`: how much faster an engine is with the network that was written.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::bail;
use ftperm::bench::{EngineBench, EngineNet};
use ftperm::nets::model::Reread;
use ftperm::nets::source::{LoadedBytes, Origin};
use ftperm::order::Permutation;
use ftperm::report::bench::Comparison;

use crate::cli::bench::measure::Contest;
use crate::cli::bench::{
    BENCH_WORDS, DIFFERENCE, EngineOption, NET_OPTION, PRECISION, RUNS, TIMEOUT, name_and_value,
};
use crate::cli::interrupt;

/// An engine to measure the result in.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Measuring in an engine")]
pub struct EngineArgs {
    /// At the end, when all is written, measure how much faster this engine is with the network in its new order than
    /// in its old one, as `ftperm bench` does; if that fails, a warning says why
    #[arg(long, value_name = "ENGINE")]
    bench_engine: Option<PathBuf>,
    /// Pairs of runs, one run with each order
    #[arg(
        long, value_name = "N", default_value_t = RUNS, value_parser = clap::value_parser!(u32).range(2..),
        requires = "bench_engine"
    )]
    bench_runs: u32,
    /// Words after the engine's `bench`: for Stockfish hash in MiB, threads, depth
    #[arg(long, value_name = "WORDS", default_value = BENCH_WORDS, requires = "bench_engine")]
    bench_args: String,
    /// How long the engine may take for an answer, or for a bench
    #[arg(
        long, value_name = "SECONDS", default_value_t = TIMEOUT,
        value_parser = clap::value_parser!(u64).range(1..=86_400), requires = "bench_engine"
    )]
    bench_timeout: u64,
    /// Set an option of the engine first; may be repeated
    #[arg(long = "bench-option", value_name = "NAME=VALUE", value_parser = name_and_value, requires = "bench_engine")]
    bench_options: Vec<EngineOption>,
    /// The engine's option that takes the network
    #[arg(long, value_name = "NAME", default_value = NET_OPTION, requires = "bench_engine")]
    bench_net_option: String,
}

impl EngineArgs {
    /// The engine's file.
    pub fn file(&self) -> Option<&Path> {
        self.bench_engine.as_deref()
    }

    fn engine(&self) -> Option<EngineBench> {
        Some(EngineBench {
            engine: self.bench_engine.clone()?,
            arguments: self.bench_args.clone(),
            options: self.bench_options.clone(),
            net_option: self.bench_net_option.clone(),
            timeout: Duration::from_secs(self.bench_timeout),
        })
    }

    /// Does the engine answer? To be asked before long work.
    pub fn check(&self) -> anyhow::Result<()> {
        self.engine().map_or(Ok(()), |engine| Ok(engine.check()?))
    }

    /// Measures the network that was written, if that was asked for, against the same one in its old order:
    /// `permutation` is what was done to it. What stops it is for the reader: by now all is written.
    pub fn measure(
        &self,
        written: Option<&Path>,
        reread: &dyn Reread,
        permutation: &Permutation,
    ) -> Option<Result<Comparison, String>> {
        let engine = self.engine()?;
        let measured = match written {
            Some(file) => measure(engine, self.bench_runs, file, reread, permutation),
            None => return Some(Err("no network was written".to_string())),
        };
        Some(measured.map_err(|error| format!("{error:#}")))
    }
}

fn measure(
    engine: EngineBench,
    runs: u32,
    file: &Path,
    reread: &dyn Reread,
    permutation: &Permutation,
) -> anyhow::Result<Comparison> {
    // Made of what was written, so that both are stored alike, whatever the network was read from.
    let network = reread.read(file).map_err(anyhow::Error::from_boxed)?;
    let mut before = Vec::new();
    network.write_permuted(&permutation.inverse(), &mut before)?;
    drop(network);
    let mut base = EngineNet::new(LoadedBytes {
        bytes: before,
        origin: Origin::default(),
    })?;
    base.name = format!("{} in its old order", file.display());
    let test = EngineNet::new(LoadedBytes {
        bytes: std::fs::read(file)?,
        origin: Origin {
            path: Some(file.to_path_buf()),
            parts: 1,
            ..Origin::default()
        },
    })?;
    let contest = Contest {
        engines: vec![engine],
        nets: vec![base, test],
        runs,
        precision: PRECISION,
        difference: DIFFERENCE,
    };
    let comparisons = contest.run(|| {
        if interrupt::stop_flag().load(Ordering::Relaxed) {
            bail!("interrupted");
        }
        Ok(())
    })?;
    let first = comparisons.into_iter().next();
    first.ok_or_else(|| anyhow::anyhow!("nothing was measured"))
}
