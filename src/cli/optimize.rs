//! `ftperm optimize`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ftperm::board::Board;
use ftperm::deliver::{Target, write_checked};
use ftperm::digest::{hex, net_name};
use ftperm::optimize::{Job, Plan, optimize};
use ftperm::output::{OutputFile, check_writable, io_error};
use ftperm::permutation::{NET_SHA256, PermutationFile};
use ftperm::resources::peak_rss_bytes;
use ftperm::search::{Certificate, Control, SearchOptions};
use ftperm::verify::{ReferenceOutputs, spread};
use ftperm::walks::{Walk, walk};
use serde::Serialize;

use super::common::{
    BackendArgs, LoadedNet, NetArgs, OutArgs, PositionArgs, SearchArgs, progress_lines, stop_flag,
};
use super::verify::Verified;
use super::{Global, UsageError, console};

/// Positions on which the written network is compared with the input.
const VERIFIED_POSITIONS: usize = 1000;

/// Find a better order on a sample of positions and write the permuted network
///
/// Reads positions, computes which feature transformer outputs are zero, searches the order with the most all-zero
/// blocks, writes the permuted network and the permutation, reads the network back and proves that it computes the
/// same in all buckets. Without --out and --perm it writes nn-<sha12>.nnue and nn-<sha12>.perm.txt into the
/// current folder.
#[derive(Debug, clap::Args)]
pub struct Optimize {
    #[command(flatten)]
    net: NetArgs,
    #[command(flatten)]
    positions: PositionArgs,
    /// Positions to take
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Search on the positions as they are, or walk from each to one as engines meet them in their search
    #[arg(
        long = "positions",
        value_name = "KIND",
        value_enum,
        default_value = "data"
    )]
    positions_kind: PositionsKind,
    /// Share of the positions, by whole games, that the search does not see and the result is measured on
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    holdout: f64,
    #[command(flatten)]
    out: OutArgs,
    /// Write the permutation to this file, as .npy if the name ends so, else as text
    #[arg(long, value_name = "FILE")]
    perm: Option<PathBuf>,
    /// Write a JSON report with all that reproduces the run
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    search: SearchArgs,
    /// Report what is known of how good the order is: which moves cannot improve it, and an upper bound
    #[arg(long)]
    certify: bool,
    #[command(flatten)]
    backend: BackendArgs,
}

/// What positions to search on.
#[derive(Clone, Copy, Debug, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum PositionsKind {
    /// Those of the data
    Data,
    /// Each replaced by one that a small search from it evaluates
    Search,
    /// Each replaced by one after one or two random legal moves
    Random,
}

impl PositionsKind {
    fn walk(self) -> Option<Walk> {
        match self {
            PositionsKind::Data => None,
            PositionsKind::Search => Some(Walk::Search),
            PositionsKind::Random => Some(Walk::Random),
        }
    }
}

#[derive(Debug, Serialize)]
struct Report {
    positions: usize,
    games: u64,
    samples: usize,
    neurons: usize,
    blocks: usize,
    zero_rate: f64,
    zero_block_rate: Rates,
    moves: std::collections::BTreeMap<&'static str, Moves>,
    certificate: Option<CertificateReport>,
    interrupted: bool,
    seconds: Seconds,
    peak_rss_bytes: Option<u64>,
    backend: &'static str,
    adapter: String,
    seed: u64,
    data: Vec<String>,
    count: u64,
    positions_kind: PositionsKind,
    holdout: f64,
    net: NetReport,
    out: super::common::NetSummary,
    perm: PermReport,
    verified: Verified,
    version: &'static str,
}

#[derive(Debug, Serialize)]
struct Rates {
    before: f64,
    after: f64,
    holdout_before: Option<f64>,
    holdout_after: Option<f64>,
    /// 95 % intervals by a bootstrap over held-out games.
    holdout_after_interval: Option<(f64, f64)>,
    holdout_gain_interval: Option<(f64, f64)>,
}

/// The certificate in JSON output. Rates are fractions of all (sample, block) cells.
#[derive(Debug, Serialize)]
struct CertificateReport {
    checks: Vec<CheckReport>,
    locally_optimal: bool,
    optimal_for_two_blocks: bool,
    upper_bound: f64,
    gap: f64,
}

#[derive(Debug, Serialize)]
struct CheckReport {
    neighbourhood: &'static str,
    exhaustive: bool,
    /// Zero blocks that the first improvement found would add; 0 if there is none.
    gain: u64,
}

impl From<&Certificate> for CertificateReport {
    fn from(it: &Certificate) -> CertificateReport {
        let rate = |count: u64| count as f64 / it.cells as f64;
        let checks = it.checks.iter().map(|check| CheckReport {
            neighbourhood: check.name,
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

#[derive(Debug, Serialize)]
struct Moves {
    rounds: u64,
    applied: u64,
}

#[derive(Debug, Default, Serialize)]
struct Seconds {
    read_net: f64,
    positions: f64,
    ft: f64,
    search: f64,
    verify: f64,
    write: f64,
    total: f64,
}

#[derive(Debug, Serialize)]
struct NetReport {
    path: String,
    sha256: String,
    era: &'static str,
    l1: usize,
}

#[derive(Debug, Serialize)]
struct PermReport {
    path: String,
}

impl Optimize {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        if !(0.0..1.0).contains(&self.holdout) {
            return Err(
                UsageError("--holdout is a share from 0 up to, not including, 1".into()).into(),
            );
        }
        let started = Instant::now();
        self.backend.configure_threads()?;
        let target = self.out.target()?;
        for file in self.perm.iter().chain(&self.report) {
            check_writable(file)?;
        }
        let start = self.search.start()?;

        let backend = self.backend.prepare();
        let clock = Instant::now();
        let mut loaded = self.net.load()?;
        let read_net = clock.elapsed();

        let clock = Instant::now();
        let taken = self.positions.read(self.count, self.backend.threads)?;
        let statistics = taken.statistics.clone();
        let (mut training, mut holdout) = taken.split_holdout(self.holdout, self.positions.seed);
        if let Some(kind) = self.positions_kind.walk() {
            for part in [&mut training, &mut holdout] {
                part.boards = walk(&part.boards, kind, self.positions.seed);
            }
        }
        let positions_time = clock.elapsed();

        let backend = self.backend.open_prepared(backend)?;
        console::say(format!(
            "computing on {}: {}",
            backend.name(),
            backend.adapter()
        ));
        let stop = stop_flag()?;
        let mut report_progress = progress_lines();
        let mut control = Control {
            stop: Some(stop),
            progress: Some(&mut report_progress),
            ..Control::default()
        };
        let job = Job {
            network: &loaded.network,
            training: &training.boards,
            holdout: &holdout,
            search: SearchOptions {
                effort: self.search.effort(),
                seed: self.positions.seed,
                start,
            },
            certify: self.certify,
            time_limit: self.search.time_limit()?,
        };
        let plan = optimize(&job, backend.as_ref(), &mut control, |_| {})?;

        let clock = Instant::now();
        let reference = ReferenceOutputs::new(
            &loaded.network,
            verified_positions(&training.boards, &holdout.boards),
        );
        let reference_time = clock.elapsed();
        let clock = Instant::now();
        let permutation = &plan.search.permutation;
        loaded.network.permute(permutation)?;
        self.out.dress(&mut loaded.network);
        let mut compare_time = Duration::ZERO;
        let finished = write_checked(&loaded.network, &target, |written| {
            let clock = Instant::now();
            let outcome = reference.compare_permuted(written, permutation);
            compare_time = clock.elapsed();
            outcome
        })?;

        let perm_path = self
            .perm
            .clone()
            .unwrap_or_else(|| default_perm_path(&target, &finished.sha256()));
        let mut report = Report {
            positions: statistics.taken as usize,
            games: statistics.games,
            samples: plan.samples,
            neurons: loaded.network.architecture.neurons(),
            blocks: loaded.network.architecture.ft_outputs() / 4,
            zero_rate: plan.zero_bytes.fraction(),
            zero_block_rate: Rates {
                before: plan.before.fraction(),
                after: plan.after.fraction(),
                holdout_before: plan.holdout.map(|it| it.before),
                holdout_after: plan.holdout.map(|it| it.after),
                holdout_after_interval: plan.holdout.map(|it| it.after_interval),
                holdout_gain_interval: plan.holdout.map(|it| it.gain_interval),
            },
            moves: plan
                .search
                .moves
                .iter()
                .map(|it| {
                    (
                        it.name,
                        Moves {
                            rounds: it.rounds,
                            applied: it.applied,
                        },
                    )
                })
                .collect(),
            certificate: plan.certificate.as_ref().map(CertificateReport::from),
            interrupted: !plan.search.complete,
            seconds: Seconds::default(),
            peak_rss_bytes: None,
            backend: backend.name(),
            adapter: backend.adapter(),
            seed: self.positions.seed,
            data: self
                .positions
                .data
                .iter()
                .map(|it| it.to_string_lossy().into_owned())
                .collect(),
            count: self.count,
            positions_kind: self.positions_kind,
            holdout: self.holdout,
            net: NetReport {
                path: loaded.origin.to_string(),
                sha256: hex(&loaded.sha256),
                era: loaded.network.recognition.era.id,
                l1: loaded.network.architecture.l1,
            },
            out: super::common::NetSummary::new(finished.target(), &finished.sha256()),
            perm: PermReport {
                path: perm_path.display().to_string(),
            },
            verified: Verified {
                positions: reference.len(),
                equal: true,
            },
            version: env!("CARGO_PKG_VERSION"),
        };
        let perm_file = PermutationFile {
            permutation: permutation.clone(),
            notes: notes(&report, &plan, &loaded),
        };
        let mut perm_output = OutputFile::create(&perm_path)?;
        write_all(
            &mut perm_output,
            &perm_path,
            &perm_file.to_bytes(&perm_path),
        )?;
        let perm_output = perm_output.finish()?;
        // Both files are whole on the disk; now they get their names.
        finished.commit()?;
        perm_output.commit()?;
        let write_time = clock.elapsed().saturating_sub(compare_time);

        report.seconds = Seconds {
            read_net: read_net.as_secs_f64(),
            positions: positions_time.as_secs_f64(),
            ft: plan.ft_time.as_secs_f64(),
            search: plan.search_time.as_secs_f64(),
            verify: (reference_time + compare_time).as_secs_f64(),
            write: write_time.as_secs_f64(),
            total: started.elapsed().as_secs_f64(),
        };
        report.peak_rss_bytes = peak_rss_bytes();
        if let Some(path) = &self.report {
            let mut output = OutputFile::create(path)?;
            write_all(
                &mut output,
                path,
                serde_json::to_string_pretty(&report)?.as_bytes(),
            )?;
            output.commit()?;
        }
        summary(&report);
        if global.json {
            return console::json(&report);
        }
        console::result(&report.out.path)?;
        console::result(&report.perm.path)
    }
}

fn write_all(output: &mut OutputFile, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    output
        .write_all(bytes)
        .map_err(|source| io_error(path, source))?;
    Ok(())
}

/// Beside the network, named after it.
fn default_perm_path(target: &Target, sha256: &[u8; 32]) -> PathBuf {
    let name = format!("{}.perm.txt", net_name(sha256));
    match target {
        Target::File(file) => file.with_file_name(name),
        Target::Named(folder) => folder.join(name),
    }
}

/// Positions of both parts, spread over all.
fn verified_positions(training: &[Board], holdout: &[Board]) -> Vec<Board> {
    let mut boards = spread(training, VERIFIED_POSITIONS - VERIFIED_POSITIONS / 10);
    boards.extend(spread(holdout, VERIFIED_POSITIONS / 10));
    boards
}

/// The comments of the permutation file.
fn notes(report: &Report, plan: &Plan, loaded: &LoadedNet) -> Vec<(String, String)> {
    let rates = &report.zero_block_rate;
    let percent = |rate: f64| format!("{:.4} %", 100.0 * rate);
    let mut notes = vec![
        ("ftperm".to_string(), report.version.to_string()),
        (NET_SHA256.to_string(), hex(&loaded.sha256)),
        ("permuted net sha256".to_string(), report.out.sha256.clone()),
        ("era".to_string(), report.net.era.to_string()),
        ("data".to_string(), report.data.join(" ")),
        ("positions".to_string(), report.positions.to_string()),
        ("samples searched on".to_string(), plan.samples.to_string()),
        ("seed".to_string(), report.seed.to_string()),
        ("zero blocks before".to_string(), percent(rates.before)),
        ("zero blocks after".to_string(), percent(rates.after)),
    ];
    if let (Some(before), Some(after)) = (rates.holdout_before, rates.holdout_after) {
        notes.push(("held-out zero blocks before".to_string(), percent(before)));
        notes.push(("held-out zero blocks after".to_string(), percent(after)));
    }
    notes
}

/// Five lines for people.
fn summary(report: &Report) {
    let rates = &report.zero_block_rate;
    let percent = |rate: f64| 100.0 * rate;
    console::say(format!(
        "blocks that engines skip: {:.2} % before, {:.2} % after, on the {} samples searched on",
        percent(rates.before),
        percent(rates.after),
        report.samples
    ));
    match (
        rates.holdout_before,
        rates.holdout_after,
        rates.holdout_after_interval,
    ) {
        (Some(before), Some(after), Some((low, high))) => console::say(format!(
            "on held-out games: {:.2} % before, {:.2} % after (95 % sure of {:.2} to {:.2} %)",
            percent(before),
            percent(after),
            percent(low),
            percent(high)
        )),
        _ => console::say("on held-out games: not measured"),
    }
    if let (Some(before), Some(after), Some((_, high))) = (
        rates.holdout_before,
        rates.holdout_after,
        rates.holdout_gain_interval,
    ) {
        let (gain, held) = (rates.after - rates.before, after - before);
        if gain > high {
            console::warn(format!(
                "over-fitted: {:.2} points gained on the positions searched on, {:.2} on others; \
                 more positions (--count) help more than a longer search",
                percent(gain),
                percent(held)
            ));
        }
    }
    if let Some(it) = &report.certificate {
        console::say(format!(
            "certificate: {}; no order has more than {:.2} %",
            if it.locally_optimal {
                "no move that was tried improves the order"
            } else if it.optimal_for_two_blocks {
                "no repartition of two blocks improves the order, but a larger exchange would"
            } else {
                "some moves would still improve the order"
            },
            percent(it.upper_bound)
        ));
    }
    console::say(format!(
        "verified: same outputs in all buckets on {} positions",
        report.verified.positions
    ));
    if report.interrupted {
        console::warn("the search was interrupted; this is the best order found until then");
    }
    console::say(format!(
        "took {:.2} s (network {:.2}, positions {:.2}, feature transformer {:.2}, search {:.2}, verifying {:.2}, writing {:.2})",
        report.seconds.total,
        report.seconds.read_net,
        report.seconds.positions,
        report.seconds.ft,
        report.seconds.search,
        report.seconds.verify,
        report.seconds.write
    ));
    console::say(format!(
        "wrote {} and {}",
        report.out.path, report.perm.path
    ));
}
