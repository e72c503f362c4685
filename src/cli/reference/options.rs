//! Options of the reference tools that decide nothing here: one table, from which the parser's hidden options are made.
//! Those that do decide something are options of the commands themselves.

use std::fmt;
use std::marker::PhantomData;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::UsageError;

/// An option of a reference tool.
#[derive(Debug)]
pub struct Foreign {
    /// Ids, which are not those of options of ours, and long names with dashes; underscores are taken too.
    names: &'static [(&'static str, &'static str)],
    alias: Option<&'static str>,
    kind: Kind,
    meaning: Meaning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `--name VALUE`
    Value,
    /// `--name` and `--no-name`
    Switch,
}

#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// None here, and why.
    Nothing(&'static str),
    /// A number that is the same in every network of the tool's version: another one cannot be had.
    Constant(f64),
}

/// An option with a value that decides nothing, and why.
macro_rules! value {
    ($name:literal, $why:expr) => {
        Foreign {
            names: &[(concat!("reference ", $name), $name)],
            alias: None,
            kind: Kind::Value,
            meaning: Meaning::Nothing($why),
        }
    };
}

/// A switch that decides nothing, and why.
macro_rules! switch {
    ($name:literal, $why:expr) => {
        Foreign {
            names: &[
                (concat!("reference ", $name), $name),
                (concat!("reference no-", $name), concat!("no-", $name)),
            ],
            alias: None,
            kind: Kind::Switch,
            meaning: Meaning::Nothing($why),
        }
    };
}

/// An option with a number that cannot be another.
macro_rules! constant {
    ($name:literal, $number:expr) => {
        Foreign {
            names: &[(concat!("reference ", $name), $name)],
            alias: Some(concat!("quantize-config.", $name)),
            kind: Kind::Value,
            meaning: Meaning::Constant($number),
        }
    };
}

const ONE_PROCESS: &str = "one process reads all data";
const LOSS: &str = "it is of the loss, which only training has";
const OPTIMIZER: &str = "it is of the optimizer, which only training has";
const TRAINING: &str = "only training has it";
const NO_LAYERS: &str = "matrices and planes do not say how the layers behind them are";
const COUNTED: &str = "the rates are counted on the CPU";

/// How data are loaded, but for the filters.
const LOADER: &[Foreign] = &[
    value!("loader-num-workers", "data are read on --threads threads"),
    value!(
        "param-index",
        "it has no effect in the reference tool either"
    ),
    value!("rank", ONE_PROCESS),
    value!("world-size", ONE_PROCESS),
];

/// Today's quantisation.
const CONSTANTS: &[Foreign] = &[
    constant!("nnue2score", 600.0),
    constant!("weight-scale-l1", 128.0),
    constant!("weight-scale-l2", 64.0),
    constant!("weight-scale-l-out", 128.0),
    constant!("weight-scale-out", 16.0),
    constant!("weight-quantized-max-hidden", 127.0),
    constant!("ft-quantized-one", 256.0),
    constant!("ft-quantized-max", 255.0),
    constant!("hidden-quantized-one", 128.0),
    constant!("hidden-quantized-max", 127.0),
    constant!("inference-l0-division-factor", 512.0),
    constant!("inference-sqr-crelu-division-factor", 128.0),
];

/// The training configuration, which today's serialize.py takes whole.
const OF_TRAINING: &[Foreign] = &[
    value!("in-offset", LOSS),
    value!("out-offset", LOSS),
    value!("in-scaling", LOSS),
    value!("out-scaling", LOSS),
    value!("pow-exp", LOSS),
    value!("qp-asymmetry", LOSS),
    value!("w1", LOSS),
    value!("w2", LOSS),
    value!("tb-remap-base", LOSS),
    value!("tb-remap-scale", LOSS),
    value!("tb-remap-decay", LOSS),
    value!("start-lambda", LOSS),
    value!("end-lambda", LOSS),
    value!("jitter-lambda-sample", LOSS),
    value!("jitter-lambda-batch", LOSS),
    value!("jitter-decay-lambda-batch", LOSS),
    value!("lambda", LOSS),
    value!("lambda-schedule-steps", LOSS),
    value!("lambda-cycle-warmup-pct", LOSS),
    value!("lambda-cycle-delta", LOSS),
    switch!("lambda-cycle-jitter", LOSS),
    value!("optimizer-name", OPTIMIZER),
    value!("ft-weight-decay", OPTIMIZER),
    value!("dense-weight-decay", OPTIMIZER),
    value!("factorized-weight-decay", OPTIMIZER),
    value!("lr", OPTIMIZER),
    value!("gamma", OPTIMIZER),
    value!("one-cycle-steps", OPTIMIZER),
    value!("one-cycle-warmup-pct", OPTIMIZER),
    value!("one-cycle-start-div", OPTIMIZER),
    value!("one-cycle-final-div", OPTIMIZER),
    switch!("pnm-active", OPTIMIZER),
    value!("pnm-momentum", OPTIMIZER),
    value!("lookahead-alpha", OPTIMIZER),
    value!("lookahead-steps", OPTIMIZER),
    value!("warmup-steps", OPTIMIZER),
    switch!("use-fake-act-quantization", TRAINING),
    switch!("use-fake-weight-quantization", TRAINING),
];

/// What ftperm.py takes before every subcommand.
const LAYERS: &[Foreign] = &[value!("l2", NO_LAYERS), value!("l3", NO_LAYERS)];
const DEVICE: &[Foreign] = &[value!("device", COUNTED), switch!("cupy", COUNTED)];

/// A subcommand of ours in the place of one of theirs.
pub trait Tool {
    /// What people know it as.
    const NAME: &'static str;
    /// Tables of options.
    const TABLES: &'static [&'static [Foreign]];
}

/// `serialize.py`
#[derive(Clone, Debug)]
pub struct OfSerialize;

impl Tool for OfSerialize {
    const NAME: &'static str = "serialize.py";
    const TABLES: &'static [&'static [Foreign]] = &[LOADER, CONSTANTS, OF_TRAINING];
}

/// `ftperm.py gather`
#[derive(Clone, Debug)]
pub struct OfGather;

impl Tool for OfGather {
    const NAME: &'static str = "ftperm.py gather";
    const TABLES: &'static [&'static [Foreign]] = &[LOADER, CONSTANTS];
}

/// `ftperm.py find_perm`
#[derive(Clone, Debug)]
pub struct OfFind;

impl Tool for OfFind {
    const NAME: &'static str = "ftperm.py find_perm";
    const TABLES: &'static [&'static [Foreign]] = &[CONSTANTS, LAYERS];
}

/// `ftperm.py eval_perm`
#[derive(Clone, Debug)]
pub struct OfEval;

impl Tool for OfEval {
    const NAME: &'static str = "ftperm.py eval_perm";
    const TABLES: &'static [&'static [Foreign]] = &[CONSTANTS, LAYERS, DEVICE];
}

/// Options of a tool that were given.
pub struct Options<T> {
    given: Vec<(&'static str, Option<String>, Meaning)>,
    tool: PhantomData<T>,
}

impl<T> fmt::Debug for Options<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.given).finish()
    }
}

/// What those who run a command need of its [`Options`], whatever the tool.
pub trait GivenOptions {
    /// # Errors
    /// A constant is asked for that no network has.
    fn check(&self) -> Result<(), UsageError>;

    /// Says what decides nothing, for `-v`.
    fn say(&self);
}

impl<T: Tool> GivenOptions for Options<T> {
    fn check(&self) -> Result<(), UsageError> {
        for (option, given, meaning) in &self.given {
            let (Meaning::Constant(number), Some(given)) = (meaning, given) else {
                continue;
            };
            if given.parse() != Ok(*number) {
                return Err(UsageError(format!(
                    "--{option} is {number} in every network that can be read or written; `{given}` is not possible"
                )));
            }
        }
        Ok(())
    }

    fn say(&self) {
        for (option, _, meaning) in &self.given {
            let why = match meaning {
                Meaning::Nothing(why) => why,
                Meaning::Constant(_) => "it is the same in all networks of today's trainer",
            };
            let tool = T::NAME;
            tracing::info!("--{option} of {tool} means nothing here: {why}");
        }
    }
}

impl<T: Tool> Options<T> {
    fn table() -> impl Iterator<Item = &'static Foreign> {
        T::TABLES.iter().copied().flatten()
    }
}

impl<T: Tool> clap::Args for Options<T> {
    fn augment_args(command: Command) -> Command {
        Self::table().fold(command, |command, foreign| {
            command.args(foreign.names.iter().map(|&(id, name)| {
                let arg = Arg::new(id)
                    .long(name)
                    .aliases(foreign.alias)
                    .hide(true)
                    .overrides_with(id);
                match foreign.kind {
                    Kind::Value => arg.action(ArgAction::Set).allow_hyphen_values(true),
                    Kind::Switch => arg.action(ArgAction::SetTrue),
                }
            }))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: Tool> clap::FromArgMatches for Options<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = Self::table().flat_map(|foreign| {
            foreign.names.iter().filter_map(|&(id, name)| {
                let given = matches.value_source(id) == Some(ValueSource::CommandLine);
                let value = match foreign.kind {
                    Kind::Value => matches.get_one::<String>(id).cloned(),
                    Kind::Switch => None,
                };
                given.then_some((name, value, foreign.meaning))
            })
        });
        Ok(Options {
            given: given.collect(),
            tool: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
