//! Arguments to library calls to output; one file a subcommand.

mod activations;
mod adapter_trial;
mod apply;
mod batch;
mod batch_job;
mod bench;
mod common;
mod completions;
mod config;
pub mod console;
mod devices;
mod embed;
mod eval;
mod examples;
mod export;
mod features;
mod find;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod gather;
#[cfg(hosted)]
pub mod hosted;
mod init;
mod inspect;
mod inspect_checkpoint;
mod inspect_layout;
mod inspect_pictures;
mod inspect_size;
pub mod interrupt;
mod layout;
mod layouts;
mod lc0;
mod logging;
mod nets;
mod optimize;
mod picture;
mod program;
mod progress;
mod record;
mod reference;
mod report;
mod serialize;
mod trace;
mod verify;

use std::ffi::OsString;
use std::num::NonZeroUsize;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use common::{BackendArgs, FilterArgs};
use reference::options::GivenOptions;

/// Puts the feature transformer of a chess NNUE network into the order in which engines skip most of the first
/// layer, and proves that the network computes the same.
#[derive(Debug, Parser)]
#[command(name = "ftperm", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    command: Command,
    /// What to say once it is known who listens.
    #[arg(skip)]
    warnings: Vec<String>,
    /// Options that are not from the command line.
    #[arg(skip)]
    settings: Vec<config::setting::Setting>,
}

const AFTER_HELP: &str = "\
Examples:
  ftperm optimize --net nn.nnue --data train.binpack --count 50000
  ftperm apply nn-0123456789ab.perm.txt --net nn.nnue
  ftperm verify nn.nnue permuted.nnue --data train.binpack
  ftperm inspect nn.nnue

Each command explains itself: ftperm help COMMAND.
Results go to stdout, everything for people to stderr.
Exit codes: 0 done, 1 failed (nothing was written), 2 wrong usage.";

/// Exit codes and what they mean.
pub const EXIT_CODES: [(u8, &str); 6] = [
    (
        0,
        "Done. After Ctrl-C optimize and find write the best order found so far and end with 0.",
    ),
    (
        1,
        "Failed, and nothing was written but what the message names; or verify or bench found a difference.",
    ),
    (2, "Wrong usage; nothing was read."),
    (3, "batch: some jobs failed, the others are done."),
    (4, "batch: another run holds the lock."),
    (
        130,
        "Interrupted by Ctrl-C or SIGTERM before a search had found anything, or a second time: nothing more was \
         written. batch: stopped before all was done.",
    ),
];

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
pub struct Global {
    /// Print one machine-readable JSON object to stdout
    #[arg(long, global = true, help_heading = "General")]
    pub json: bool,
    /// Print errors only
    #[arg(long, short, global = true, help_heading = "General")]
    pub quiet: bool,
    /// Take options from this file [default: ftperm.toml here, else in the user's configuration folder]
    #[arg(long, global = true, value_name = "FILE", help_heading = "General")]
    pub config: Option<std::path::PathBuf>,
    /// Take no options from a configuration file or the environment
    #[arg(long, global = true, help_heading = "General")]
    pub no_config: bool,
    /// Do not wait until files are on the disk before they count as written: a little faster, but a loss of power may
    /// take what was reported as written
    #[arg(long, global = true, help_heading = "General")]
    pub no_sync: bool,
    /// Log what happens inside: -v stages, -vv steps, -vvv everything
    #[arg(
        long, short, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet",
        help_heading = "General"
    )]
    pub verbose: u8,
    /// The command's own options on the command line, by their long names with `--`.
    #[arg(skip)]
    given: Vec<String>,
}

impl Global {
    /// Is an option on the command line, by its long name with `--`?
    fn given(&self, option: &str) -> bool {
        self.given.iter().any(|given| given == option)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find a better order on a sample of positions and write the permuted network
    #[command(after_help = examples::OPTIMIZE)]
    Optimize(optimize::Optimize),
    /// Compute which feature transformer outputs are zero, for find and eval
    #[command(after_help = examples::GATHER)]
    Gather(gather::Gather),
    /// Search the best order on gathered planes or matrices
    #[command(alias = "find_perm", after_help = examples::FIND)]
    Find(find::Find),
    /// Print the share of all-zero blocks of planes or a matrix, before and after a permutation
    #[command(alias = "eval_perm", after_help = examples::EVAL)]
    Eval(eval::Eval),
    /// Permute a network with a known permutation
    #[command(after_help = examples::APPLY)]
    Apply(apply::Apply),
    /// Print a permutation as an array to paste into an engine's source
    Export(export::Export),
    /// Prove that two networks compute the same
    #[command(after_help = examples::VERIFY)]
    #[command(mut_arg("data", |data| data.required(false)))]
    Verify(verify::Verify),
    /// Turn a trainer's checkpoint into a network, or a network into a state dictionary
    #[command(after_help = examples::SERIALIZE)]
    Serialize(serialize::Serialize),
    /// Write a state dictionary to begin training with
    #[command(after_help = examples::INIT)]
    Init(init::Init),
    /// Say what a network, engine, checkpoint, permutation, planes file or training data is
    #[command(after_help = examples::INSPECT)]
    Inspect(inspect::Inspect),
    /// Draw input weights, layers, histograms, PSQT or zero rates of networks as SVG or PNG
    #[command(after_help = examples::PICTURE)]
    Picture(picture::Picture),
    /// List the feature sets, or show one of them, the features of positions, or a single feature
    #[command(after_help = examples::FEATURES)]
    Features(features::Features),
    /// Show what an engine would compute for positions
    #[command(after_help = examples::TRACE)]
    Trace(trace::Trace),
    /// List the networks that are found when none is named
    #[command(after_help = examples::NETS)]
    Nets(nets::Nets),
    /// List the engines whose networks are known by name, or print a layout to copy
    #[command(after_help = examples::LAYOUTS)]
    Layouts(layouts::Layouts),
    /// Make a copy of this program with a network inside
    #[command(after_help = examples::EMBED)]
    Embed(embed::Embed),
    /// Print a completion script for a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions(completions::Completions),
    /// Write the manual pages into a folder
    #[command(after_help = examples::MAN)]
    Man(completions::Man),
    /// List the graphics adapters and instruction sets that can compute
    #[command(after_help = examples::DEVICES)]
    Devices(devices::Devices),
    #[command(after_help = examples::BATCH)]
    Batch(batch::Batch),
    #[command(hide = true)]
    BatchJob(batch_job::BatchJob),
    #[command(hide = true)]
    BatchSerialize(batch_job::BatchSerialize),
    #[command(hide = true)]
    AdapterTrial(adapter_trial::AdapterTrial),
    #[command(after_help = examples::CONFIG)]
    Config(config::Config),
    /// Measure how much faster an engine is with one network than with another
    #[command(after_help = examples::BENCH)]
    Bench(bench::Bench),
    #[command(after_help = examples::RECORD)]
    Record(record::Record),
    /// Turn the JSON report of a run into one HTML page
    #[command(after_help = examples::REPORT)]
    Report(report::MakeReport),
    /// Put this program into a folder under the names of the reference tools
    #[command(after_help = examples::SHIMS)]
    Shims(reference::shims::Shims),
}

/// Most threads that may be asked for where there are fewer cores.
const MAX_THREADS: usize = 1024;

/// As large as that of a program's first thread.
const STACK: usize = 8 << 20;

impl Command {
    /// What is to compute.
    fn backend(&self) -> Option<&BackendArgs> {
        match self {
            Command::Optimize(command) => Some(&command.backend),
            Command::Gather(command) => Some(&command.backend),
            Command::Find(command) => Some(&command.backend),
            Command::Serialize(command) => Some(&command.backend),
            Command::BatchJob(command) => Some(&command.optimize.backend),
            Command::BatchSerialize(command) => Some(&command.serialize.backend),
            _ => None,
        }
    }

    /// Options of the reference tools that decide nothing.
    fn reference(&self) -> Option<&dyn GivenOptions> {
        match self {
            Command::Gather(command) => Some(&command.reference),
            Command::Find(command) => Some(&command.reference),
            Command::Eval(command) => Some(&command.reference),
            Command::Serialize(command) => Some(&command.reference),
            _ => None,
        }
    }

    /// Which positions are passed over.
    fn filters(&self) -> Option<&FilterArgs> {
        match self {
            Command::Optimize(command) => Some(&command.positions.filters),
            Command::Gather(command) => Some(&command.positions.filters),
            Command::Verify(command) => Some(&command.positions.filters),
            Command::Inspect(command) => Some(&command.zeros.positions.filters),
            Command::Picture(command) => Some(&command.zeros.positions.filters),
            Command::Record(command) => Some(&command.positions.filters),
            Command::Serialize(command) => Some(&command.filters),
            Command::BatchJob(command) => Some(&command.optimize.positions.filters),
            Command::BatchSerialize(command) => Some(&command.serialize.filters),
            _ => None,
        }
    }
}

impl Cli {
    /// The threads to start, and what asked for them; 0 is one a core. What is no number in the variable means nothing
    /// to rayon either.
    fn threads(&self) -> (usize, &'static str) {
        const VARIABLE: &str = "RAYON_NUM_THREADS";
        let asked = self.command.backend().and_then(|backend| backend.threads);
        asked.map_or_else(
            || {
                let text = std::env::var(VARIABLE).unwrap_or_default();
                (text.parse().unwrap_or(0), VARIABLE)
            },
            |count| (count.into(), "--threads"),
        )
    }

    /// Checks what the parser does not see, before anything is read.
    ///
    /// # Errors
    /// Options contradict each other.
    fn check(&self) -> Result<(), UsageError> {
        let backend = self.command.backend();
        backend.map_or(Ok(()), BackendArgs::check)?;
        let reference = self.command.reference();
        reference.map_or(Ok(()), GivenOptions::check)?;
        let (threads, origin) = self.threads();
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        if threads > cores.max(MAX_THREADS) {
            return Err(UsageError(format!(
                "{origin} {threads} are too many: this machine runs {cores} at a time, and beyond {MAX_THREADS} \
                 starting them takes longer than their work"
            )));
        }
        let filters = self.command.filters();
        filters.map_or(Ok(()), |it| it.filters().map(drop))
    }
}

/// Parses the command line over the environment and the configuration file.
///
/// # Errors
/// A configuration file or an environment variable is wrong.
pub fn parse() -> anyhow::Result<Cli> {
    parse_words(&std::env::args_os().collect::<Vec<_>>())
}

/// As [`parse`], of a command line that begins with the program's name.
///
/// # Errors
/// As [`parse`].
pub fn parse_words(words: &[OsString]) -> anyhow::Result<Cli> {
    config::parse(words)
}

/// Runs the chosen command.
pub fn run(cli: &Cli) -> anyhow::Result<()> {
    console::configure(cli.global.quiet);
    ftperm::files::atomic::set_sync(!cli.global.no_sync);
    for warning in &cli.warnings {
        console::warn(warning);
    }
    logging::start(cli.global.verbose);
    let done = cli.check().map_err(Into::into).and_then(|()| start(cli));
    done.map_err(|error| config::explain(error, &cli.settings))
}

fn start(cli: &Cli) -> anyhow::Result<()> {
    if let Some(reference) = cli.command.reference() {
        reference.say();
    }
    // What batch does is more than one job's.
    if !matches!(cli.command, Command::Batch(_)) {
        interrupt::watch()?;
    }
    on_threads(cli)
}

/// Runs the command on threads of its own.
fn on_threads(cli: &Cli) -> anyhow::Result<()> {
    let (threads, _) = cli.threads();
    // The command itself is a task of the pool: what it does in parallel it begins at once, on this thread, and others
    // take their share of it when they have woken up.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .build()
        .context("cannot start the threads; with --threads 1 it takes only one")?;
    pool.install(|| execute(cli))
}

/// Runs the command on the threads of rayon's current pool.
fn execute(cli: &Cli) -> anyhow::Result<()> {
    match &cli.command {
        Command::Optimize(command) => command.run(&cli.global),
        Command::Gather(command) => command.run(&cli.global),
        Command::Find(command) => command.run(&cli.global),
        Command::Eval(command) => command.run(&cli.global),
        Command::Apply(command) => command.run(&cli.global),
        Command::Export(command) => command.run(&cli.global),
        Command::Verify(command) => command.run(&cli.global),
        Command::Serialize(command) => command.run(&cli.global),
        Command::Init(command) => command.run(&cli.global),
        Command::Inspect(command) => command.run(&cli.global),
        Command::Picture(command) => command.run(&cli.global),
        Command::Features(command) => command.run(&cli.global),
        Command::Trace(command) => command.run(&cli.global),
        Command::Nets(command) => command.run(&cli.global),
        Command::Layouts(command) => command.run(&cli.global),
        Command::Embed(command) => command.run(&cli.global),
        Command::Completions(command) => command.run(&cli.global),
        Command::Man(command) => command.run(&cli.global),
        Command::Devices(command) => command.run(&cli.global),
        Command::Bench(command) => command.run(&cli.global),
        Command::Batch(command) => command.run(&cli.global),
        Command::BatchJob(command) => command.run(&cli.global),
        Command::BatchSerialize(command) => command.run(&cli.global),
        Command::AdapterTrial(command) => command.run(),
        Command::Config(command) => command.run(&cli.global),
        Command::Record(command) => command.run(&cli.global),
        Command::Report(command) => command.run(&cli.global),
        Command::Shims(command) => command.run(&cli.global),
    }
}

/// A combination of options that makes no sense, which the parser cannot see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// An end that has an exit code of its own.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct ExitWith {
    pub code: u8,
    pub text: String,
}

/// Did it end because nobody reads its results any more?
pub fn is_reader_gone(error: &anyhow::Error) -> bool {
    let stdout = error.downcast_ref::<console::StdoutError>();
    stdout.is_some_and(console::StdoutError::is_reader_gone)
}

/// 2 for wrong usage, what an [`ExitWith`] says, 1 for everything else.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<ExitWith>() {
        Some(exit) => exit.code,
        None if error.is::<UsageError>() => 2,
        None => 1,
    }
}
