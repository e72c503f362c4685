//! `ftperm optimize --layout`: the main job for networks of other engines.

use std::path::Path;
use std::time::Instant;

use ftperm::board::Board;
use ftperm::compute::choice::Work;
use ftperm::digest::hex;
use ftperm::layout::{LayoutJob, LayoutPlan, plan};
use ftperm::output::{OutputFile, check_writable};
use ftperm::permutation::PermutationFile;
use ftperm::positions::Positions;
use ftperm::report::curve::CurveRecorder;
use ftperm::report::{
    BucketReport, CertificateReport, CountAdvice, Kind, Moves, NetReport, NetSummary,
    OptimizeReport, PermReport, Rates, Report, SCHEMA, Seconds, Verified,
};
use ftperm::resources::peak_rss_bytes;
use ftperm::search::{Control, SearchOptions};

use super::{Optimize, PositionsKind, default_perm_path, notes, verified_positions, write_all};
use crate::cli::common::stop_flag;
use crate::cli::layout::{deliver, load, say_proof};
use crate::cli::progress::RunProgress;
use crate::cli::report::write_report;
use crate::cli::{UsageError, console};

impl Optimize {
    /// As [`execute`](Optimize::execute).
    pub(super) fn execute_layout(&self, layout: &Path) -> anyhow::Result<OptimizeReport> {
        if self.out.is_for_nnue_only() {
            let text = "--ft-compression and --description are for .nnue files, not for --layout";
            return Err(UsageError(text.into()).into());
        }
        if self.weight.is_some() {
            let text = "--weight goes with networks of Stockfish, not with --layout";
            return Err(UsageError(text.into()).into());
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
        let (net, path) = load(layout, self.net.net.as_deref())?;
        let read_net = clock.elapsed();

        let clock = Instant::now();
        let neurons = net.layout().neurons();
        // A board and its game, and a bit a neuron of each sample.
        let bytes_per_position = 36 + neurons as u64 / 4;
        let room = self.memory.beside_network(neurons, &self.backend)?;
        let taken = self.positions.read_within(
            &self
                .positions
                .options(Some(self.count), self.backend.threads),
            room / bytes_per_position,
            "take fewer with --count or --sample-rate, or allow more with --memory",
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

        let perspectives = net.layout().input().perspectives();
        let samples = |boards: &[Board]| (perspectives * boards.len()) as u64;
        let backend = self.backend.open_prepared(
            backend,
            &Work {
                evaluation: (
                    net.layout().columns(),
                    samples(&training.boards) + samples(&holdout.boards),
                ),
                search: (neurons, samples(&training.boards)),
                searches: self.search.searches(),
            },
        )?;
        let progress = RunProgress::new(0, neurons);
        let mut curve = self.report.is_some().then(|| CurveRecorder::new(neurons));
        let mut searched = |it: &_| {
            progress.searched(it);
            if let Some(curve) = &mut curve {
                curve.note(it);
            }
        };
        let mut control = Control {
            stop: Some(stop_flag()?),
            progress: Some(&mut searched),
            ..Control::default()
        };
        let job = LayoutJob {
            net: &net,
            training: &training.boards,
            holdout: &holdout,
            compared: &compared_positions,
            search: SearchOptions {
                effort: self.search.effort(),
                seed: self.positions.seed,
                start,
            },
            certify: self.certify,
            time_limit: self.search.time_limit()?,
        };
        let LayoutPlan { plan, suspicion } = plan(&job, backend.as_ref(), &mut control)?;
        progress.end();
        if let Some(order) = suspicion {
            console::warn(format!(
                "the first layer seems to belong to columns in the lane order of {}: if your engine stores the \
                 feature transformer so, this permutation breaks the network (docs/5-other-engines.md)",
                order.name
            ));
        }
        let permutation = &plan.search.permutation;

        let clock = Instant::now();
        let boards = verified_positions(&training.boards, &holdout.boards);
        let (finished, proof) = deliver(&net, &path, permutation, &target, &boards)?;
        let deliver_time = clock.elapsed();
        let perm_path = self
            .perm
            .clone()
            .unwrap_or_else(|| default_perm_path(&target, &finished.sha256()));
        let it = net.layout();
        let mut report = OptimizeReport {
            schema: SCHEMA,
            kind: Kind::Optimize,
            positions: statistics.taken as usize,
            games: statistics.games,
            samples: plan.samples,
            neurons: it.neurons(),
            blocks: it.input().perspectives() * it.neurons() / 4,
            zero_rate: plan.zero_bytes.fraction(),
            zero_block_rate: Rates::from(&plan),
            weighted_zero_block_rate: None,
            buckets: BucketReport::all(&plan, None, it.neurons() / 4),
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
                path: path.display().to_string(),
                sha256: hex(&net.sha256()),
                era: format!("layout: {}", it.name),
                l1: it.columns(),
            },
            out: NetSummary::new(finished.target(), &finished.sha256()),
            perm: PermReport {
                path: perm_path.display().to_string(),
            },
            verified: Verified {
                positions: proof.positions,
                equal: true,
            },
            curve: curve.map(CurveRecorder::finish),
            // They are measured on networks of Stockfish.
            measures: None,
            version: env!("CARGO_PKG_VERSION").to_string(),
        };
        let clock = Instant::now();
        let file = PermutationFile {
            permutation: permutation.clone(),
            notes: notes(&report),
        };
        let mut perm_output = OutputFile::create(&perm_path)?;
        write_all(&mut perm_output, &perm_path, &file.to_bytes(&perm_path))?;
        let perm_output = perm_output.finish()?;
        // Both files are whole on the disk; now they get their names.
        finished.commit()?;
        perm_output.commit()?;
        say_proof(proof);
        report.seconds = Seconds {
            read_net: read_net.as_secs_f64(),
            positions: positions_time.as_secs_f64(),
            ft: plan.ft_time.as_secs_f64(),
            search: plan.search_time.as_secs_f64(),
            verify: deliver_time.as_secs_f64(),
            write: clock.elapsed().as_secs_f64(),
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
