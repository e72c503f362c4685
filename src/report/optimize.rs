//! The report of `ftperm optimize`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::bench::Comparison;
use super::curve::SearchCurve;
use super::measures::Measures;
use super::{CountAdvice, Kind};
use crate::files::digest::hex;
use crate::nets::stockfish::era;
use crate::positions::bucket_weights::{BUCKETS, BucketWeights};
use crate::run::holdout::{BucketCounts, HoldoutRates};
use crate::run::{Found, Share, SpilledSearch};
use crate::search::{Certificate, MoveCount};

/// What a run of `ftperm optimize` found, from what, and what it wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimizeReport {
    /// `SCHEMA` of the version that wrote it.
    pub schema: u32,
    /// [`Kind::Optimize`].
    pub kind: Kind,
    pub positions: usize,
    /// Games that they come from, and groups of lines where the data do not tell games.
    pub games: u64,
    /// How many of `games` are such groups; 0 in reports of versions that did not tell.
    #[serde(default)]
    pub groups: u64,
    /// Samples of the positions to search on: two a position.
    pub samples: usize,
    /// Outputs of the feature transformer a perspective, and blocks of four of both.
    pub neurons: usize,
    pub blocks: usize,
    /// Share of outputs that are zero; no permutation changes it.
    pub zero_rate: f64,
    pub zero_block_rate: Rates,
    /// The same with every sample counted as often as it weighs, which is what the search looks at; with weights only.
    pub weighted_zero_block_rate: Option<Rates>,
    /// By bucket (game phase), for all buckets that have positions.
    pub buckets: Vec<BucketReport>,
    /// On the held-out games, by kind of their positions: `data` as they are, `search` walked from each as an engine's
    /// search would, `random` if that is what was searched on.
    pub holdout_by_positions: BTreeMap<String, HoldoutReport>,
    /// More positions to search on, if the order fits those better than others.
    pub advice: Option<CountAdvice>,
    /// Rounds and exchanges by kind of move.
    pub moves: BTreeMap<String, Moves>,
    pub certificate: Option<CertificateReport>,
    /// If the planes did not fit in memory.
    pub spilled: Option<SpilledReport>,
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
    /// Of the choice of what is held out; in reports of versions without it, `seed` was.
    #[serde(default)]
    pub holdout_seed: u64,
    pub net: NetReport,
    /// Was a network written? Not if its order is the best found already and no output was named.
    #[serde(default = "always")]
    pub written: bool,
    /// What was written, and on how many positions it was compared; `None` if nothing was.
    pub out: Option<NetSummary>,
    pub perm: Option<PermReport>,
    pub verified: Option<Verified>,
    /// The speed of what was written in an engine, if that was asked for; or why it was not measured.
    #[serde(default)]
    pub bench: Option<Comparison>,
    #[serde(default)]
    pub no_bench: Option<String>,
    /// Course of the search; only taken down for `--report`, as are the measures.
    pub curve: Option<SearchCurve>,
    pub measures: Option<Measures>,
    /// Version of ftperm.
    pub version: String,
}

/// Versions that did not tell wrote a network always.
fn always() -> bool {
    true
}
/// With fewer held-out games an interval from drawing them again is too narrow.
const FEW_GAMES: usize = 10;
/// An interval is wide if it is wider than this share of the gain.
const WIDE: f64 = 0.5;
/// The gain on positions searched on is far above the held-out one beyond this ratio and difference.
const FAR: f64 = 1.2;
const FAR_POINTS: f64 = 0.005;

impl OptimizeReport {
    /// What is held out or searched on as a whole, for people: one, and several.
    pub fn units(&self) -> (&'static str, &'static str) {
        match self.groups {
            0 => ("game", "games"),
            groups if groups == self.games => ("group of lines", "groups of lines"),
            _ => ("game or group of lines", "games and groups of lines"),
        }
    }

    /// Why the held-out rates say little, in a few words; empty if they can be relied on, or if nothing was held out.
    pub fn doubts(&self) -> Vec<String> {
        let rates = self
            .weighted_zero_block_rate
            .as_ref()
            .unwrap_or(&self.zero_block_rate);
        let (Some(before), Some(after)) = (rates.holdout_before, rates.holdout_after) else {
            return Vec::new();
        };
        let points = |rate: f64| 100.0 * rate;
        let (gain, held) = (rates.after - rates.before, after - before);
        let mut doubts = Vec::new();
        let (unit, units) = self.units();
        match rates.holdout_games {
            Some(1) => doubts.push(format!("only one held-out {unit}")),
            Some(games) if games < FEW_GAMES => {
                doubts.push(format!("only {games} held-out {units}"));
            }
            _ => {}
        }
        if let Some((low, high)) = rates.holdout_gain_interval
            && high - low > WIDE * held.abs()
        {
            let (low, high) = (points(low), points(high));
            doubts.push(format!("the gain is known as {low:.2} to {high:.2} points"));
        }
        if gain > FAR * held.max(0.0) && gain - held > FAR_POINTS {
            let (gain, held) = (points(gain), points(held));
            doubts.push(format!(
                "{gain:.2} points were gained on the positions searched on, {held:.2} on others"
            ));
        }
        doubts
    }

    /// Samples that the search counted on.
    pub fn samples_searched(&self) -> u64 {
        let all = self.samples as u64;
        self.spilled.map_or(all, |it| it.samples_searched)
    }
}

/// Planes that went to a temporary file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpilledReport {
    /// Memory that they would take.
    pub bytes: u64,
    /// Samples that the search counted on, fewer than all if these do not fit in memory. Rates are those of all.
    pub samples_searched: u64,
    /// The order to begin with is kept, because it is better on all samples.
    pub start_is_better: bool,
}

impl From<SpilledSearch> for SpilledReport {
    fn from(spilled: SpilledSearch) -> SpilledReport {
        SpilledReport {
            bytes: spilled.bytes,
            samples_searched: spilled.samples_searched,
            start_is_better: spilled.start_is_better,
        }
    }
}

/// Shares of all-zero blocks, of all (sample, block) cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// On the samples searched on.
    pub before: f64,
    pub after: f64,
    pub holdout_before: Option<f64>,
    pub holdout_after: Option<f64>,
    /// 95 % intervals by a bootstrap over held-out games, if there are two or more.
    pub holdout_after_interval: Option<(f64, f64)>,
    pub holdout_gain_interval: Option<(f64, f64)>,
    /// Held-out games, or groups of lines, that count.
    pub holdout_games: Option<usize>,
}

impl Rates {
    fn new(before: Share, after: Share, holdout: Option<HoldoutRates>) -> Rates {
        Rates {
            before: before.fraction(),
            after: after.fraction(),
            holdout_before: holdout.map(|it| it.before),
            holdout_after: holdout.map(|it| it.after),
            holdout_after_interval: holdout.and_then(|it| it.after_interval),
            holdout_gain_interval: holdout.and_then(|it| it.gain_interval),
            holdout_games: holdout.map(|it| it.games),
        }
    }

    /// The weighted rates, where there are weights.
    pub fn weighted(found: &Found) -> Option<Rates> {
        let weighted = found.weighted.as_ref();
        weighted.map(|it| Rates::new(it.before, it.after, it.holdout))
    }

    /// By how much fewer blocks engines read, as a share, and between which bounds that is with 95 % certainty where
    /// that is known: on held-out positions if there are any.
    pub fn saving(&self) -> (f64, Option<(f64, f64)>) {
        let of = |before: f64, gain: f64| gain / (1.0 - before).max(f64::MIN_POSITIVE);
        match (self.holdout_before, self.holdout_after) {
            (Some(before), Some(after)) => (
                of(before, after - before),
                self.holdout_gain_interval
                    .map(|(low, high)| (of(before, low), of(before, high))),
            ),
            _ => (of(self.before, self.after - self.before), None),
        }
    }
}

impl From<&Found> for Rates {
    fn from(found: &Found) -> Rates {
        Rates::new(found.before, found.after, found.holdout)
    }
}

/// Rates of one kind of positions of the held-out games.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldoutReport {
    pub before: f64,
    pub after: f64,
    /// 95 % intervals by a bootstrap over games, if there are two or more.
    pub after_interval: Option<(f64, f64)>,
    pub gain_interval: Option<(f64, f64)>,
}

impl From<HoldoutRates> for HoldoutReport {
    fn from(rates: HoldoutRates) -> HoldoutReport {
        HoldoutReport {
            before: rates.before,
            after: rates.after,
            after_interval: rates.after_interval,
            gain_interval: rates.gain_interval,
        }
    }
}

/// Shares of all-zero blocks in the positions of one bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketReport {
    /// 0 to 7: (pieces - 1) / 4.
    pub bucket: usize,
    /// As it was given; `null` without weights.
    pub weight: Option<f64>,
    /// Of the training positions; counted only with weights.
    pub training: Option<BucketRates>,
    pub holdout: Option<BucketRates>,
}

/// Samples of a bucket and their rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketRates {
    pub samples: u64,
    pub before: f64,
    pub after: f64,
}

impl BucketRates {
    /// `blocks` is their number in one sample.
    pub fn new(counts: &BucketCounts, blocks: usize) -> BucketRates {
        let cells = counts.samples as f64 * blocks as f64;
        BucketRates {
            samples: counts.samples,
            before: counts.before as f64 / cells,
            after: counts.after as f64 / cells,
        }
    }
}

impl BucketReport {
    /// One for each bucket that has positions. `blocks` is their number in one sample.
    pub fn all(found: &Found, weights: Option<BucketWeights>, blocks: usize) -> Vec<BucketReport> {
        let find = |counts: &[BucketCounts], bucket: usize| {
            let counts = counts.iter().find(|counts| counts.bucket == bucket)?;
            Some(BucketRates::new(counts, blocks))
        };
        (0..BUCKETS)
            .map(|bucket| BucketReport {
                bucket,
                weight: weights.map(|weights| weights.given()[bucket]),
                training: find(&found.buckets, bucket),
                holdout: find(&found.holdout_buckets, bucket),
            })
            .filter(|it| it.training.is_some() || it.holdout.is_some())
            .collect()
    }
}

/// What is known of how good the order is. Rates are fractions of all (sample, block) cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CertificateReport {
    /// That all this is about: those searched on, each as often as it weighs. Null in reports of versions that did not
    /// tell.
    #[serde(default)]
    pub samples: Option<u64>,
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
    /// How often: once if it was the whole, else the number of random sets that were tried.
    #[serde(default)]
    pub rounds: Option<u64>,
    /// Zero blocks that the first improvement found would add; 0 if there is none.
    pub gain: u64,
}

impl CertificateReport {
    /// What the checks found, for people.
    pub fn finding(&self) -> &'static str {
        if self.locally_optimal {
            "no move that was tried improves the order"
        } else if self.optimal_for_two_blocks {
            "no repartition of two blocks improves the order, but a larger exchange would"
        } else {
            "some moves would still improve the order"
        }
    }
}

impl From<&Certificate> for CertificateReport {
    fn from(certificate: &Certificate) -> CertificateReport {
        let rate = |count: u64| count as f64 / certificate.cells as f64;
        let checks = certificate.checks.iter().map(|check| CheckReport {
            neighbourhood: check.name.to_string(),
            exhaustive: check.exhaustive,
            rounds: Some(check.rounds),
            gain: check.gain,
        });
        CertificateReport {
            samples: Some(certificate.samples),
            checks: checks.collect(),
            locally_optimal: certificate.is_locally_optimal(),
            optimal_for_two_blocks: certificate.is_optimal_for_two_blocks(),
            upper_bound: rate(certificate.upper_bound),
            gap: rate(certificate.gap()),
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
        let pair = |moved: &MoveCount| {
            let moves = Moves {
                rounds: moved.rounds,
                applied: moved.applied,
            };
            (moved.name.to_string(), moves)
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
    /// 0 in reports of versions that did not tell.
    #[serde(default)]
    pub certify: f64,
    pub verify: f64,
    pub write: f64,
    /// In an engine; 0 in reports of versions that did not tell.
    #[serde(default)]
    pub bench: f64,
    pub total: f64,
}

/// The network that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetReport {
    pub path: String,
    pub sha256: String,
    pub era: String,
    pub l1: usize,
    /// Do engines skip all-zero blocks of such networks? `None` in reports of versions that did not tell.
    #[serde(default)]
    pub engines_skip_zero_blocks: Option<bool>,
}

impl NetReport {
    /// Do engines skip all-zero blocks of it?
    pub fn sparse(&self) -> bool {
        self.engines_skip_zero_blocks
            .unwrap_or_else(|| era(&self.era).is_none_or(|era| era.sparse))
    }

    /// Who reads such networks, in words.
    pub fn engines(&self) -> String {
        match era(&self.era) {
            Some(era) => format!("engines of era {}", era.id),
            None => "engines with networks of this layout".to_string(),
        }
    }
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
    /// On which both were evaluated.
    pub positions: usize,
    /// Are they equal, as far as was looked?
    pub equal: bool,
    /// Were all weights found to be the same, in whatever order of the neurons, and so the networks equal on every
    /// position?
    #[serde(default)]
    pub proved: bool,
}
