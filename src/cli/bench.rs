//! `ftperm bench`

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use ftperm::bench::{EngineBench, EngineNet};
use ftperm::files::atomic::check_writable;
use ftperm::nets::source::NetSource;
use ftperm::nets::stockfish::{NetError, NetFileError, Network, ReadOptions};
use ftperm::report::bench::BenchReport;
use ftperm::report::{Kind, Report, SCHEMA};

use super::common::Files;
use super::common::names::name;
use super::report::write_report;
use super::{Global, UsageError, console};

pub mod measure;
pub mod text;

use measure::Contest;

/// Measure how much faster an engine is with one network than with another
///
/// Runs the engine's bench with the networks in turns, and measures the time on the clock and the engine's processor
/// time. All must lead to the same number of nodes. Exit code 1 if they do not, or if the engine does not use the
/// networks it is given.
#[derive(Debug, clap::Args)]
pub struct Bench {
    /// The engine, a program that speaks UCI and has the command `bench`; several are measured in turns, each with all
    /// networks
    #[arg(
        long = "engine", id = "engines", group = "engine", value_name = "ENGINE", num_args = 1.., required = true
    )]
    engines: Vec<PathBuf>,
    /// The network to compare with
    #[arg(long, value_name = "NET", value_parser = name())]
    base: OsString,
    /// The network whose speed is asked for; several are each compared with --base
    #[arg(long, value_name = "NET", value_parser = name(), num_args = 1.., required = true)]
    test: Vec<OsString>,
    /// Runs with each network
    #[arg(long, value_name = "N", default_value_t = RUNS, value_parser = clap::value_parser!(u32).range(2..))]
    runs: u32,
    /// Say how many pairs of runs a half-width of so many percent would take
    #[arg(long, value_name = "PERCENT", default_value_t = PRECISION)]
    precision: f64,
    /// Say how many pairs of runs would tell networks apart whose speeds differ by so many percent, with a probability
    /// of 80 %
    #[arg(long, value_name = "PERCENT", default_value_t = DIFFERENCE)]
    difference: f64,
    /// Write a report: a page with a picture if the name ends in .html, else JSON, from which `ftperm report` makes the
    /// page
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    how: BenchArgs,
}

pub const BENCH_WORDS: &str = "16 1 13";
pub const RUNS: u32 = 5;
/// In percent.
pub const PRECISION: f64 = 0.1;
pub const DIFFERENCE: f64 = 0.5;
/// In seconds.
pub const TIMEOUT: u64 = 120;
pub const NET_OPTION: &str = "EvalFile";

/// How an engine's bench is run.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// Words after the engine's `bench`: for Stockfish hash in MiB, threads, depth
    #[arg(
        long,
        value_name = "WORDS",
        default_value = BENCH_WORDS,
        requires = "engine"
    )]
    bench_args: String,
    /// How long the engine may take for an answer, or for a bench
    #[arg(
        long, value_name = "SECONDS", default_value_t = TIMEOUT,
        value_parser = clap::value_parser!(u64).range(1..=86_400), requires = "engine"
    )]
    timeout: u64,
    /// Set an option of the engine first; may be repeated
    #[arg(
        id = "option",
        long = "option",
        value_name = "NAME=VALUE",
        value_parser = name_and_value,
        requires = "engine"
    )]
    options: Vec<EngineOption>,
    /// The engine's option that takes the network
    #[arg(
        long,
        value_name = "NAME",
        default_value = NET_OPTION,
        requires = "engine"
    )]
    net_option: String,
}

/// An option of an engine and its value.
pub type EngineOption = (String, String);

pub fn name_and_value(text: &str) -> Result<EngineOption, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_string(), value.to_string())),
        _ => Err("an option is NAME=VALUE".to_string()),
    }
}

impl BenchArgs {
    pub fn of(&self, engine: &std::path::Path) -> EngineBench {
        EngineBench {
            engine: engine.to_path_buf(),
            arguments: self.bench_args.clone(),
            options: self.options.clone(),
            net_option: self.net_option.clone(),
            timeout: Duration::from_secs(self.timeout),
        }
    }
}

/// A network for an engine. What begins as a network of a known format must be whole; of other formats the engine is
/// the judge.
pub fn engine_net(net: &OsStr) -> anyhow::Result<EngineNet> {
    let loaded = NetSource::parse(Some(net)).load_any_version()?;
    match Network::parse(&loaded.bytes, &ReadOptions::default()) {
        Ok(_) => {}
        // Engines that are forks have numbers of their own.
        Err(
            NetError::Version { .. }
            | NetError::ClampUnknown { .. }
            | NetError::UnknownFeatures { .. }
            | NetError::FtHash { .. }
            | NetError::HeaderHash { .. }
            | NetError::HeaderMismatch { .. }
            | NetError::StackHash { .. },
        ) => {}
        Err(source) => {
            let path = PathBuf::from(loaded.origin.to_string());
            return Err(NetFileError::Net { path, source }.into());
        }
    }
    Ok(EngineNet::new(loaded)?)
}

impl Bench {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        for (option, percent) in [
            ("--precision", self.precision),
            ("--difference", self.difference),
        ] {
            if !(percent > 0.0 && percent.is_finite()) {
                return Err(UsageError(format!("{option} must be above 0")).into());
            }
        }
        let mut files = Files::new()
            .output("--report", self.report.as_deref())
            .network("--base", Some(&self.base));
        for test in &self.test {
            files = files.network("--test", Some(test));
        }
        for engine in &self.engines {
            files = files.input("--engine", Some(engine));
        }
        files.check()?;
        if let Some(report) = &self.report {
            check_writable(report)?;
        }
        let nets = [&self.base].into_iter().chain(&self.test);
        let contest = Contest {
            engines: self
                .engines
                .iter()
                .map(|engine| self.how.of(engine))
                .collect(),
            nets: nets.map(|net| engine_net(net)).collect::<Result<_, _>>()?,
            runs: self.runs,
            precision: self.precision,
            difference: self.difference,
        };
        let comparisons = contest.run(|| Ok(()))?;
        let report = BenchReport {
            schema: SCHEMA,
            kind: Kind::Bench,
            first: comparisons[0].clone(),
            comparisons,
            version: env!("CARGO_PKG_VERSION").to_string(),
        };
        if let Some(path) = &self.report {
            write_report(path, &Report::Bench(Box::new(report.clone())))?;
        }
        if global.json {
            return console::json(&report);
        }
        text::print(&report.comparisons)
    }
}
