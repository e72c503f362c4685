//! The report of `ftperm optimize`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest::hex;
use crate::optimize::Plan;
use crate::search::{Certificate, MoveCount};

/// What a run of `ftperm optimize` found, from what, and what it wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimizeReport {
    /// [`SCHEMA`](super::SCHEMA) of the version that wrote it.
    pub schema: u32,
    pub positions: usize,
    pub games: u64,
    /// Samples searched on: two a position.
    pub samples: usize,
    /// Outputs of the feature transformer a perspective, and blocks of four of both.
    pub neurons: usize,
    pub blocks: usize,
    /// Share of outputs that are zero; no permutation changes it.
    pub zero_rate: f64,
    pub zero_block_rate: Rates,
    /// Rounds and exchanges by kind of move.
    pub moves: BTreeMap<String, Moves>,
    pub certificate: Option<CertificateReport>,
    pub interrupted: bool,
    pub seconds: Seconds,
    pub peak_rss_bytes: Option<u64>,
    pub backend: String,
    pub adapter: String,
    pub seed: u64,
    pub data: Vec<String>,
    /// Positions asked for.
    pub count: u64,
    /// `data`, `search` or `random`.
    pub positions_kind: String,
    /// Share of the positions that the search did not see.
    pub holdout: f64,
    pub net: NetReport,
    pub out: NetSummary,
    pub perm: PermReport,
    pub verified: Verified,
    /// Version of ftperm.
    pub version: String,
}

/// Shares of all-zero blocks, of all (sample, block) cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// On the samples searched on.
    pub before: f64,
    pub after: f64,
    pub holdout_before: Option<f64>,
    pub holdout_after: Option<f64>,
    /// 95 % intervals by a bootstrap over held-out games.
    pub holdout_after_interval: Option<(f64, f64)>,
    pub holdout_gain_interval: Option<(f64, f64)>,
}

impl From<&Plan> for Rates {
    fn from(plan: &Plan) -> Rates {
        Rates {
            before: plan.before.fraction(),
            after: plan.after.fraction(),
            holdout_before: plan.holdout.map(|it| it.before),
            holdout_after: plan.holdout.map(|it| it.after),
            holdout_after_interval: plan.holdout.map(|it| it.after_interval),
            holdout_gain_interval: plan.holdout.map(|it| it.gain_interval),
        }
    }
}

/// What is known of how good the order is. Rates are fractions of all (sample, block) cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CertificateReport {
    pub checks: Vec<CheckReport>,
    pub locally_optimal: bool,
    pub optimal_for_two_blocks: bool,
    pub upper_bound: f64,
    pub gap: f64,
}

/// A neighbourhood that was looked through for the certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    pub neighbourhood: String,
    pub exhaustive: bool,
    /// Zero blocks that the first improvement found would add; 0 if there is none.
    pub gain: u64,
}

impl From<&Certificate> for CertificateReport {
    fn from(it: &Certificate) -> CertificateReport {
        let rate = |count: u64| count as f64 / it.cells as f64;
        let checks = it.checks.iter().map(|check| CheckReport {
            neighbourhood: check.name.to_string(),
            exhaustive: check.exhaustive,
            gain: check.gain,
        });
        CertificateReport {
            checks: checks.collect(),
            locally_optimal: it.is_locally_optimal(),
            optimal_for_two_blocks: it.is_optimal_for_two_blocks(),
            upper_bound: rate(it.upper_bound),
            gap: rate(it.gap()),
        }
    }
}

/// How often a kind of move was tried, and the exchanges that it applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moves {
    pub rounds: u64,
    pub applied: u64,
}

impl Moves {
    /// By name of the move.
    pub fn by_name(counts: &[MoveCount]) -> BTreeMap<String, Moves> {
        let pair = |it: &MoveCount| {
            let moves = Moves {
                rounds: it.rounds,
                applied: it.applied,
            };
            (it.name.to_string(), moves)
        };
        counts.iter().map(pair).collect()
    }
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    pub read_net: f64,
    pub positions: f64,
    pub ft: f64,
    pub search: f64,
    pub verify: f64,
    pub write: f64,
    pub total: f64,
}

/// The network that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetReport {
    pub path: String,
    pub sha256: String,
    pub era: String,
    pub l1: usize,
}

/// A network file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetSummary {
    pub path: String,
    pub sha256: String,
}

impl NetSummary {
    pub fn new(path: &Path, sha256: &[u8; 32]) -> NetSummary {
        NetSummary {
            path: path.display().to_string(),
            sha256: hex(sha256),
        }
    }
}

/// The permutation file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermReport {
    pub path: String,
}

/// The outcome of a comparison of two networks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    pub positions: usize,
    pub equal: bool,
}
