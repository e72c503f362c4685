//! Which positions to take from training data.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use anyhow::anyhow;
use ftperm::positions::{Options, Positions, Reason, Sampling, Statistics};

use super::FilterArgs;
use super::names::name;
use super::numbers::rate;
use crate::cli::progress::watch_positions;
use crate::cli::{UsageError, console};

/// Where positions come from and which are taken.
#[derive(Debug, clap::Args)]
pub struct PositionArgs {
    /// Training data: files, folders, patterns, or - for stdin
    #[arg(long, value_name = "FILE", required = true, num_args = 1.., value_parser = name())]
    pub data: Vec<OsString>,
    /// Seed of every random choice
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Keep each position that passes the filters with this probability
    #[arg(
        long,
        value_name = "RATE",
        default_value_t = 1.0,
        value_parser = rate,
        allow_negative_numbers = true,
        conflicts_with = "skip"
    )]
    pub sample_rate: f64,
    /// Skip so many passing positions between two that are taken
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub skip: u64,
    /// Skip damaged parts of the data and count them, rather than fail
    #[arg(long)]
    pub skip_damaged: bool,
    #[command(flatten)]
    pub filters: FilterArgs,
}

impl PositionArgs {
    /// What to read: up to `count` positions, or all.
    ///
    /// # Errors
    /// Filters contradict each other.
    pub fn options(&self, count: Option<u64>, threads: Option<u16>) -> Result<Options, UsageError> {
        Ok(Options {
            filters: self.filters.filters()?,
            sampling: Sampling {
                count,
                rate: self.sample_rate,
                skip: self.skip,
            },
            seed: self.seed,
            skip_damaged: self.skip_damaged,
            part: None,
            threads: threads.and_then(|threads| NonZeroUsize::new(usize::from(threads))),
        })
    }

    /// Reads up to `count` positions and says what was read.
    pub fn read(&self, count: u64, threads: Option<u16>) -> anyhow::Result<Positions> {
        self.read_within(&self.options(Some(count), threads)?, u64::MAX, "")
    }

    /// Reads positions and says what was read. More than `room` are an error that ends with `advice`.
    pub fn read_within(
        &self,
        options: &Options,
        room: u64,
        advice: &str,
    ) -> anyhow::Result<Positions> {
        let positions = self.read_what_there_is(options, room, advice)?;
        let found = &positions.statistics;
        if found.missing() > 0 {
            let asked = found.asked.unwrap_or_default();
            console::warn(format!("only {} of {asked} positions found", found.taken));
        }
        Ok(positions)
    }

    /// As [`read_within`](Self::read_within), where fewer than asked for will do.
    pub fn read_what_there_is(
        &self,
        options: &Options,
        room: u64,
        advice: &str,
    ) -> anyhow::Result<Positions> {
        let mut full = false;
        let outcome = watch_positions(&self.data, options, |progress| {
            full = progress.taken > room;
            if full {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        let too_many = || {
            anyhow!("more than {room} positions do not fit in the memory that is left: {advice}")
        };
        if full {
            return Err(too_many());
        }
        let positions = outcome?;
        // The last block was not reported.
        if positions.len() as u64 > room {
            return Err(too_many());
        }
        let found = &positions.statistics;
        let mut skipped: Vec<String> = Reason::ALL
            .iter()
            .filter(|&&reason| found.skipped(reason) > 0)
            .map(|&reason| format!("{} {}", found.skipped(reason), reason.name()))
            .collect();
        if skipped.is_empty() {
            skipped.push("none".to_string());
        }
        console::say(format!(
            "positions: {} from {}, {} read, skipped: {}",
            found.taken,
            found.origins(),
            found.read,
            skipped.join(", ")
        ));
        for damage in &found.damage {
            console::warn(format!("skipped: {damage}"));
        }
        Ok(positions)
    }
}

/// Says where whole games cannot be held out, though the data seem to tell games, or though groups of neighbouring
/// positions usually stand for them.
pub fn warn_of_games(found: &Statistics) {
    if 2 * found.unrelated > found.taken {
        console::warn(
            "neighbouring positions have little in common: the data seem shuffled, so positions of one game can be \
             among both those searched on and those held out, and the held-out rates too good",
        );
    } else if 2 * found.untold_by_plies > found.taken {
        console::warn(
            "the plies in the data do not tell games: groups of neighbouring positions stand for them",
        );
    }
}
