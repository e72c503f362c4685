//! `ftperm bench`

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use ftperm::bench::{BenchRun, Counts, EngineBench, EngineNet, Pair, SpeedRatio, median};
use ftperm::nets::source::NetSource;
use ftperm::nets::stockfish::{NetError, NetFileError, Network, ReadOptions};
use serde::Serialize;

use super::common::names::name;
use super::{Global, UsageError, console};

/// Measure how much faster an engine is with one network than with another
///
/// Runs the engine's bench with both networks in turns. Both must lead to the same number of nodes. Exit code 1 if they
/// do not, or if the engine does not use the networks it is given.
#[derive(Debug, clap::Args)]
pub struct Bench {
    /// The engine, a program that speaks UCI and has the command `bench`
    #[arg(long, value_name = "ENGINE")]
    engine: PathBuf,
    /// The network to compare with
    #[arg(long, value_name = "NET", value_parser = name())]
    base: OsString,
    /// The network whose speed is asked for
    #[arg(long, value_name = "NET", value_parser = name())]
    test: OsString,
    /// Pairs of runs, one run with each network
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..))]
    runs: u32,
    /// Say how many pairs of runs a half-width of so many percent would take
    #[arg(long, value_name = "PERCENT", default_value_t = 0.1)]
    precision: f64,
    #[command(flatten)]
    how: BenchArgs,
}

/// How an engine's bench is run.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// Words after the engine's `bench`: for Stockfish hash in MiB, threads, depth
    #[arg(
        long,
        value_name = "WORDS",
        default_value = "16 1 13",
        requires = "engine"
    )]
    bench_args: String,
    /// How long the engine may take for an answer, or for a bench
    #[arg(
        long, value_name = "SECONDS", default_value_t = 120,
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
    options: Vec<(String, String)>,
    /// The engine's option that takes the network
    #[arg(
        long,
        value_name = "NAME",
        default_value = "EvalFile",
        requires = "engine"
    )]
    net_option: String,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
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

/// Medians of both networks in JSON output.
#[derive(Serialize)]
struct Medians {
    base: f64,
    test: f64,
    /// Test over base.
    ratio: f64,
}

#[derive(Serialize)]
struct Report {
    engine: String,
    name: Option<String>,
    bench: String,
    base: String,
    test: String,
    runs: u32,
    nodes: u64,
    base_median_seconds: f64,
    test_median_seconds: f64,
    ratio: f64,
    ratio_low: f64,
    ratio_high: f64,
    precision_percent: f64,
    runs_needed: Option<u32>,
    instructions: Option<Medians>,
    cycles: Option<Medians>,
    no_counters: Option<String>,
    version: &'static str,
}

fn medians(pairs: &[Pair], of: impl Fn(&BenchRun) -> f64) -> Medians {
    let base = median(&pairs.iter().map(|pair| of(&pair.base)).collect::<Vec<_>>());
    let test = median(&pairs.iter().map(|pair| of(&pair.test)).collect::<Vec<_>>());
    Medians {
        base,
        test,
        ratio: test / base,
    }
}

impl Bench {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        if !(self.precision > 0.0 && self.precision.is_finite()) {
            return Err(UsageError("--precision must be above 0".to_string()).into());
        }
        let bench = self.how.of(&self.engine);
        let base = engine_net(&self.base)?;
        let test = engine_net(&self.test)?;
        let first = bench.same_nodes(&base, &test)?;
        let nodes = first.base.nodes;
        console::say(format!("{nodes} nodes with both networks"));
        let pairs = bench.alternate(&base, &test, nodes, self.runs, |done| {
            console::say(format!("pair {done} of {}", self.runs));
        })?;
        let times: Vec<(f64, f64)> = pairs
            .iter()
            .map(|pair| (pair.base.seconds, pair.test.seconds))
            .collect();
        let ratio = SpeedRatio::of_pairs(&times)?;
        let seconds = medians(&pairs, |run| run.seconds);
        let missing = pairs
            .iter()
            .flat_map(|pair| [&pair.base, &pair.test])
            .find_map(|run| run.counts.as_ref().err().cloned());
        let counted = |of: fn(&Counts) -> f64| {
            let count = |run: &BenchRun| run.counts.as_ref().map_or(0.0, of);
            missing.is_none().then(|| medians(&pairs, count))
        };
        let report = Report {
            engine: self.engine.display().to_string(),
            name: first.base.name,
            bench: bench.command(),
            base: base.name.clone(),
            test: test.name.clone(),
            runs: self.runs,
            nodes,
            base_median_seconds: seconds.base,
            test_median_seconds: seconds.test,
            ratio: ratio.ratio,
            ratio_low: ratio.low,
            ratio_high: ratio.high,
            precision_percent: self.precision,
            runs_needed: ratio.pairs_needed(self.precision / 100.0),
            instructions: counted(|counts| counts.instructions),
            cycles: counted(|counts| counts.cycles),
            no_counters: missing.clone(),
            version: env!("CARGO_PKG_VERSION"),
        };
        if global.json {
            return console::json(&report);
        }
        report.print()
    }
}

impl Report {
    fn print(&self) -> anyhow::Result<()> {
        console::result(format!("nodes         {} (equal)", self.nodes))?;
        console::result(format!(
            "median time   {:.4} s base, {:.4} s test",
            self.base_median_seconds, self.test_median_seconds
        ))?;
        console::result(format!(
            "speed ratio   {:.5}, 95 % interval {:.5} to {:.5}, {} pairs",
            self.ratio, self.ratio_low, self.ratio_high, self.runs
        ))?;
        let needed = match self.runs_needed {
            Some(pairs) => format!("{pairs} pairs of runs"),
            None => "more than 1000000000 pairs of runs".to_string(),
        };
        console::result(format!("for ±{} %     {needed}", self.precision_percent))?;
        for (name, counts) in [
            ("instructions", &self.instructions),
            ("cycles", &self.cycles),
        ] {
            if let Some(it) = counts {
                console::result(format!(
                    "{name:13} {:.0} base, {:.0} test, ratio {:.5}",
                    it.base, it.test, it.ratio
                ))?;
            }
        }
        if let Some(why) = &self.no_counters {
            console::say(format!("no instructions and cycles: {why}"));
        }
        Ok(())
    }
}
