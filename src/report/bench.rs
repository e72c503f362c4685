//! The report of `ftperm bench`: how much faster engines are with one network than with another.

use serde::{Deserialize, Serialize};

use super::Kind;

/// Networks that were measured in engines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchReport {
    /// `SCHEMA` of the version that wrote it.
    pub schema: u32,
    /// [`Kind::Bench`].
    pub kind: Kind,
    /// The first of `comparisons`, for readers that know of one only.
    #[serde(flatten)]
    pub first: Comparison,
    /// One for each engine and each network that was compared with the first one.
    pub comparisons: Vec<Comparison>,
    /// Version of ftperm.
    pub version: String,
}

/// A network in an engine, compared with another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The program, and what it calls itself.
    pub engine: String,
    pub name: Option<String>,
    /// Its command.
    pub bench: String,
    /// The network to compare with, and the one whose speed is asked for.
    pub base: String,
    pub test: String,
    /// Pairs of runs.
    pub runs: u32,
    /// Of each run.
    pub nodes: u64,
    /// Half-width in percent that [`Ratio::runs_needed`] is about.
    pub precision_percent: f64,
    /// Difference in percent that [`Ratio::runs_to_tell`] is about.
    pub difference_percent: f64,
    /// On the wall clock.
    #[serde(flatten)]
    pub clock: Ratio,
    /// In processor time; `None` where it is not told, and then why.
    pub cpu: Option<Ratio>,
    pub no_cpu: Option<String>,
    /// What the processor counted; `None` where it cannot be seen, and then why.
    pub instructions: Option<Medians>,
    pub cycles: Option<Medians>,
    pub no_counters: Option<String>,
}

impl Comparison {
    /// What says most: processor time where it is told.
    pub fn steadiest(&self) -> &Ratio {
        self.cpu.as_ref().unwrap_or(&self.clock)
    }

    /// The engine's own name, else its file's.
    pub fn engine_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.engine)
    }
}

/// Times and their ratio, base over test: above 1, the test network is faster.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    pub base_median_seconds: f64,
    pub test_median_seconds: f64,
    /// Nodes by these seconds.
    pub base_nodes_per_second: f64,
    pub test_nodes_per_second: f64,
    /// Geometric mean of the pairs' ratios, and its 95 % interval.
    pub ratio: f64,
    pub ratio_low: f64,
    pub ratio_high: f64,
    /// Pairs of runs that would bring the half-width down to `precision_percent`; `None` for more than 10⁹.
    pub runs_needed: Option<u32>,
    /// Pairs of runs that would tell a difference of `difference_percent` with a probability of 80 %.
    pub runs_to_tell: Option<u32>,
}

/// Medians of counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Medians {
    pub base: f64,
    pub test: f64,
    /// Test over base.
    pub ratio: f64,
}
