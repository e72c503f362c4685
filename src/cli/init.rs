//! `ftperm init`

use std::io::Write as _;
use std::path::PathBuf;

use ftperm::files::atomic::{OutputFile, check_writable, io_error};
use ftperm::nets::checkpoint::{
    InitialSizes, InputSets, Inputs, SetsError, initial_state, safetensors, write_torch,
};
use serde::Serialize;

use super::common::NetSummary;
use super::serialize::{STATE_ENDINGS, has_ending};
use super::{Global, UsageError, console};

/// Write a state dictionary to begin training with
///
/// Tensors are as the trainer's model has them before its first step, by name, shape and order: what the trainer sets
/// is set (shared rows and the shared first layer zero, PSQT from piece values, all buckets alike), what it draws is
/// drawn by the seed. Load it with load_state_dict, or make a network of it with ftperm serialize.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// Feature sets joined by +, each with or without ^
    #[arg(value_name = "NAMES")]
    names: String,
    /// The file to write, .pt or .safetensors
    target: PathBuf,
    /// Width of the accumulator
    #[arg(long, value_name = "N")]
    l1: usize,
    /// Rows of the first layer, without one that only skips [default: 32 for today's trainer, 15 for January's]
    #[arg(long, value_name = "N")]
    l2: Option<usize>,
    /// Rows of the second layer [default: 32]
    #[arg(long, value_name = "N")]
    l3: Option<usize>,
    /// What the random weights follow from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Whose model it is [default: today's if it has the sets, else January's]
    #[arg(long, value_name = "WHOSE", value_enum)]
    inputs: Option<Trainer>,
}

/// A trainer.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Trainer {
    /// The trainer until January 2026
    January,
    /// The trainer since March 2026
    Today,
}

#[derive(Serialize)]
struct Report {
    out: NetSummary,
    features: String,
    inputs: &'static str,
    l1: usize,
    l2: usize,
    l3: usize,
    seed: u64,
    tensors: Vec<TensorShape>,
}

#[derive(Serialize)]
struct TensorShape {
    name: String,
    shape: Vec<usize>,
}

impl Init {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let sets = self.sets().map_err(|error| UsageError(error.to_string()))?;
        let usual = InitialSizes::usual(sets.inputs, self.l1);
        let sizes = InitialSizes {
            l1: self.l1,
            l2: self.l2.unwrap_or(usual.l2),
            l3: self.l3.unwrap_or(usual.l3),
        };
        let state = initial_state(&sets, sizes, self.seed);
        let state = state.map_err(|error| UsageError(error.to_string()))?;
        if !has_ending(&self.target, &STATE_ENDINGS) {
            let text = format!(
                "{}: the target's name ends in .safetensors or .pt",
                self.target.display()
            );
            return Err(UsageError(text).into());
        }
        check_writable(&self.target)?;
        let mut file = OutputFile::create(&self.target)?;
        let written = if has_ending(&self.target, &["safetensors"]) {
            safetensors::write(&state, &mut file)
        } else {
            write_torch(&state, &mut file)
        };
        written
            .and_then(|()| file.flush())
            .map_err(|source| io_error(&self.target, source))?;
        let finished = file.finish()?;
        let report = Report {
            out: NetSummary::new(finished.target(), &finished.sha256()),
            features: sets.names(),
            inputs: sets.inputs.name(),
            l1: sizes.l1,
            l2: sizes.l2,
            l3: sizes.l3,
            seed: self.seed,
            tensors: state
                .tensors
                .iter()
                .map(|tensor| TensorShape {
                    name: tensor.name.clone(),
                    shape: tensor.shape.clone(),
                })
                .collect(),
        };
        finished.commit()?;
        console::say(format!(
            "wrote {}: {} of {} trainer, L1 = {}, L2 = {}, L3 = {}, seed {}",
            report.out.path,
            report.features,
            match sets.inputs {
                Inputs::January => "January's",
                Inputs::Network | Inputs::Today => "today's",
            },
            sizes.l1,
            sizes.l2,
            sizes.l3,
            self.seed
        ));
        if global.json {
            console::json(&report)
        } else {
            console::result(&report.out.path)
        }
    }

    fn sets(&self) -> Result<InputSets, SetsError> {
        let parse = |inputs| InputSets::parse(&self.names, Some(inputs), None);
        match self.inputs {
            Some(Trainer::January) => parse(Inputs::January),
            Some(Trainer::Today) => parse(Inputs::Today),
            None => parse(Inputs::Today).or_else(|today| match today {
                SetsError::NotThere { .. } => parse(Inputs::January),
                other => Err(other),
            }),
        }
    }
}
