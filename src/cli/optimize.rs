//! `ftperm optimize`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ftperm::board::Board;
use ftperm::bucket_weights::BucketWeights;
use ftperm::compute::choice::Work;
use ftperm::deliver::{Target, write_checked};
use ftperm::digest::{hex, net_name};
use ftperm::optimize::{Job, optimize};
use ftperm::output::{OutputFile, check_writable, io_error};
use ftperm::permutation::PermutationFile;
use ftperm::positions::Positions;
use ftperm::report::curve::CurveRecorder;
use ftperm::report::measures::measure;
use ftperm::report::{
    BucketReport, CertificateReport, CountAdvice, Kind, Moves, NetReport, NetSummary,
    OptimizeReport, PermReport, Rates, Report, SCHEMA, Seconds, Verified,
};
use ftperm::resources::peak_rss_bytes;
use ftperm::search::{Control, SearchOptions};
use ftperm::verify::{ReferenceOutputs, spread};
use ftperm::walks::{Walk, walk};

use super::common::{
    BackendArgs, MemoryArgs, NetArgs, OutArgs, PositionArgs, SearchArgs, stop_flag,
};
use super::export::ExportArgs;
use super::layout::LayoutArgs;
use super::progress::{RunProgress, Stage};
use super::report::write_report;
use super::{Global, UsageError, console};

mod layout;
mod notes;
mod summary;

use notes::notes;
use summary::summary;

/// Positions on which the written network is compared with the input.
const VERIFIED_POSITIONS: usize = 1000;

/// Find a better order on a sample of positions and write the permuted network
///
/// Reads positions, computes which feature transformer outputs are zero, searches the order with the most all-zero
/// blocks, writes the permuted network and the permutation, reads the network back and proves that it computes the
/// same in all buckets. With --layout it does so for networks of other engines. Without --out and --perm it writes nn-<sha12>.nnue and nn-<sha12>.perm.txt into the
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
    /// Count positions of a bucket (game phase, 0 to 7: (pieces - 1) / 4) so often in the search, e.g. 0=0,7=1.5;
    /// buckets that are not named count once
    #[arg(long, value_name = "BUCKET=WEIGHT,...", value_parser = BucketWeights::parse)]
    weight: Option<BucketWeights>,
    #[command(flatten)]
    out: OutArgs,
    /// Write the permutation to this file: in the format of .npy if the name ends in .npy or .perm, else text
    #[arg(long, value_name = "FILE")]
    perm: Option<PathBuf>,
    /// Write a report of the run: a page with pictures if the name ends in .html, else JSON, from which `ftperm report`
    /// makes the page
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    search: SearchArgs,
    /// Report what is known of how good the order is: which moves cannot improve it, and an upper bound
    #[arg(long)]
    certify: bool,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    backend: BackendArgs,
    #[command(flatten)]
    export: ExportArgs,
    #[command(flatten)]
    layout: LayoutArgs,
}

/// What positions to search on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PositionsKind {
    /// Those of the data
    Data,
    /// Each replaced by one that a small search from it evaluates
    Search,
    /// Each replaced by one after one or two random legal moves
    Random,
}

impl PositionsKind {
    /// The kinds whose rates are always told.
    const TOLD: [PositionsKind; 2] = [PositionsKind::Data, PositionsKind::Search];

    fn name(self) -> &'static str {
        match self {
            PositionsKind::Data => "data",
            PositionsKind::Search => "search",
            PositionsKind::Random => "random",
        }
    }

    fn walk(self) -> Option<Walk> {
        match self {
            PositionsKind::Data => None,
            PositionsKind::Search => Some(Walk::Search),
            PositionsKind::Random => Some(Walk::Random),
        }
    }

    /// The positions of this kind that come from those of the data.
    fn of(self, data: &Positions, seed: u64) -> Positions {
        let boards = match self.walk() {
            None => data.boards.clone(),
            Some(kind) => walk(&data.boards, kind, seed),
        };
        Positions {
            boards,
            games: data.games.clone(),
            statistics: data.statistics.clone(),
        }
    }
}

impl Optimize {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        self.export.check(global)?;
        let report = self.execute()?;
        summary(&report);
        if global.json {
            return console::json(&report);
        }
        if self.export.export.is_some() {
            return Ok(());
        }
        console::result(&report.out.path)?;
        console::result(&report.perm.path)
    }

    /// Does all the work; when it returns, everything is written, and the order printed if --export says so.
    pub fn execute(&self) -> anyhow::Result<OptimizeReport> {
        if !(0.0..1.0).contains(&self.holdout) {
            return Err(
                UsageError("--holdout is a share from 0 up to, not including, 1".into()).into(),
            );
        }
        if let Some(layout) = &self.layout.layout {
            return self.execute_layout(layout);
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
        let neurons = loaded.network.architecture.neurons();
        // A board and its game, and two samples of a bit a neuron.
        let bytes_per_position = 36 + neurons as u64 / 4;
        let room = self.memory.beside_network(neurons, &self.backend)?;
        let taken = self.positions.read_within(
            &self.positions.options(Some(self.count), self.backend.threads),
            room / bytes_per_position,
            "take fewer with --count or --sample-rate, allow more with --memory, or gather in shards and search \
             with `find`",
        )?;
        let statistics = taken.statistics.clone();
        let (mut training, mut holdout) = taken.split_holdout(self.holdout, self.positions.seed);
        let seed = self.positions.seed;
        let compared: Vec<PositionsKind> = PositionsKind::TOLD
            .into_iter()
            .filter(|&kind| kind != self.positions_kind)
            .collect();
        let compared_positions: Vec<Positions> = compared
            .iter()
            .map(|kind| kind.of(&holdout, seed))
            .collect();
        if self.positions_kind != PositionsKind::Data {
            training = self.positions_kind.of(&training, seed);
            holdout = self.positions_kind.of(&holdout, seed);
        }
        let positions_time = clock.elapsed();

        let neurons = loaded.network.architecture.neurons();
        let work = Work {
            evaluation: (
                loaded.network.architecture.l1,
                2 * (training.boards.len() + holdout.boards.len()) as u64,
            ),
            search: (neurons, 2 * training.boards.len() as u64),
            searches: self.search.searches(),
        };
        let backend = self.backend.open_prepared(backend, &work)?;
        let stop = stop_flag()?;
        let progress = RunProgress::new(
            training.len() + holdout.len(),
            loaded.network.architecture.neurons(),
        );
        let mut curve = self
            .report
            .is_some()
            .then(|| CurveRecorder::new(loaded.network.architecture.neurons()));
        let mut searched = |it: &_| {
            progress.searched(it);
            if let Some(curve) = &mut curve {
                curve.note(it);
            }
        };
        let mut control = Control {
            stop: Some(stop),
            progress: Some(&mut searched),
            ..Control::default()
        };
        let job = Job {
            network: &loaded.network,
            training: &training.boards,
            holdout: &holdout,
            compared: &compared_positions,
            weights: self.weight,
            search: SearchOptions {
                effort: self.search.effort(),
                seed: self.positions.seed,
                start,
            },
            certify: self.certify,
            time_limit: self.search.time_limit()?,
        };
        let plan = optimize(&job, backend.as_ref(), &mut control, |it| {
            progress.evaluated(it)
        })?;
        progress.end();
        let measures = match self.report {
            Some(_) => Some(measure(
                &loaded.network,
                backend.as_ref(),
                &training.boards,
                &holdout.boards,
                &plan.search.permutation,
            )?),
            None => None,
        };

        let clock = Instant::now();
        let verified = verified_positions(&training.boards, &holdout.boards);
        let verifying = Stage::counting("verifying", 2 * verified.len() as u64);
        let reference = ReferenceOutputs::watched(&loaded.network, verified, &|| verifying.add(1));
        let reference_time = clock.elapsed();
        let clock = Instant::now();
        let permutation = &plan.search.permutation;
        loaded.network.permute(permutation)?;
        self.out.dress(&mut loaded.network);
        let mut compare_time = Duration::ZERO;
        let finished = write_checked(&loaded.network, &target, |written| {
            let clock = Instant::now();
            let outcome =
                reference.compare_permuted_watched(written, permutation, &|| verifying.add(1));
            compare_time = clock.elapsed();
            outcome
        })?;
        drop(verifying);

        let perm_path = self
            .perm
            .clone()
            .unwrap_or_else(|| default_perm_path(&target, &finished.sha256()));
        let architecture = &loaded.network.architecture;
        let mut report = OptimizeReport {
            schema: SCHEMA,
            kind: Kind::Optimize,
            positions: statistics.taken as usize,
            games: statistics.games,
            samples: plan.samples,
            neurons: architecture.neurons(),
            blocks: architecture.ft_outputs() / 4,
            zero_rate: plan.zero_bytes.fraction(),
            zero_block_rate: Rates::from(&plan),
            weighted_zero_block_rate: Rates::weighted(&plan),
            buckets: BucketReport::all(&plan, self.weight, architecture.neurons() / 4),
            holdout_by_positions: [self.positions_kind]
                .iter()
                .chain(&compared)
                .zip([plan.holdout].iter().chain(&plan.compared))
                .filter_map(|(kind, rates)| Some((kind.name().to_string(), (*rates)?.into())))
                .collect(),
            advice: CountAdvice::new(&plan, statistics.taken),
            moves: Moves::by_name(&plan.search.moves),
            certificate: plan.certificate.as_ref().map(CertificateReport::from),
            interrupted: !plan.search.complete,
            seconds: Seconds::default(),
            peak_rss_bytes: None,
            backend: backend.name().to_string(),
            adapter: backend.adapter(),
            seed: self.positions.seed,
            data: self
                .positions
                .data
                .iter()
                .map(|it| it.to_string_lossy().into_owned())
                .collect(),
            count: self.count,
            positions_kind: self.positions_kind.name().to_string(),
            holdout: self.holdout,
            net: NetReport {
                path: loaded.origin.to_string(),
                sha256: hex(&loaded.sha256),
                era: loaded.network.recognition.era.id.to_string(),
                l1: architecture.l1,
            },
            out: NetSummary::new(finished.target(), &finished.sha256()),
            perm: PermReport {
                path: perm_path.display().to_string(),
            },
            verified: Verified {
                positions: reference.len(),
                equal: true,
            },
            curve: curve.map(CurveRecorder::finish),
            measures,
            version: env!("CARGO_PKG_VERSION").to_string(),
        };
        let perm_file = PermutationFile {
            permutation: permutation.clone(),
            notes: notes(&report),
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
            write_report(path, &Report::Optimize(Box::new(report.clone())))?;
        }
        self.export.print(permutation)?;
        Ok(report)
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
