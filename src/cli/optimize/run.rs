//! What runs on networks of any engine have in common, from their beginning to the report.

use std::path::{Path, PathBuf};
use std::time::Instant;

use ftperm::chess::board::Board;
use ftperm::compute::Backend;
use ftperm::compute::choice::Work;
use ftperm::files::atomic::{FinishedFile, check_writable, commit_all, finish_file};
use ftperm::files::resources::peak_rss_bytes;
use ftperm::nets::deliver::Target;
use ftperm::nets::stockfish::verify::spread;
use ftperm::order::{Permutation, PermutationFile};
use ftperm::report::curve::{CurveRecorder, SearchCurve};
use ftperm::report::measures::Measures;
use ftperm::report::{
    BucketReport, CertificateReport, CountAdvice, Kind, Moves, NetReport, NetSummary,
    OptimizeReport, PermReport, Rates, Report, SCHEMA, Seconds, SpilledReport, Verified,
};
use ftperm::run::{OptimizeError, Plan, Task};
use ftperm::search::{Control, SearchOptions};

use super::notes::notes;
use super::{Chosen, Optimize};
use crate::cli::common::{
    Files, NO_CERTIFICATE, Prepared, TOO_MANY, but_written, check_replaceable, name_beside,
    say_replaced, size,
};
use crate::cli::progress::RunProgress;
use crate::cli::report::write_report;
use crate::cli::{console, interrupt};

/// Positions on which the written network is compared with the input.
const VERIFIED_POSITIONS: usize = 1000;

/// What is settled before anything is read.
pub struct Begun {
    pub started: Instant,
    /// Inputs and outputs by the options that name them.
    pub files: Files,
    pub target: Target,
    pub start: Option<Permutation>,
    pub backend: Prepared,
}

/// Sizes of a feature transformer.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Columns of its weights.
    pub columns: usize,
    /// Outputs a perspective.
    pub neurons: usize,
    pub perspectives: usize,
}

/// How to search.
pub struct Searching<'a, 'c> {
    pub task: Task<'a>,
    pub control: &'a mut Control<'c>,
    /// Is told how many positions more were evaluated.
    pub evaluated: &'a dyn Fn(usize),
}

/// A network that was written and compared, but has not got its name yet.
pub struct Delivery {
    pub written: FinishedFile,
    /// Positions on which it was found to compute the same, and that for people.
    pub verified: (usize, String),
    /// Digest of the weights of the network that was read, where one is known.
    pub weights: Option<[u8; 32]>,
}

/// What a search found.
pub struct Outcome<'a> {
    pub begun: &'a Begun,
    pub chosen: &'a Chosen,
    pub shape: Shape,
    pub backend: &'a dyn Backend,
    pub net: NetReport,
    pub plan: &'a Plan,
    pub curve: Option<SearchCurve>,
    /// Unless nothing is to be written.
    pub delivery: Option<Delivery>,
    /// Times of the steps, but for what is still to be written.
    pub seconds: Seconds,
}

/// What a run left behind.
pub struct Done {
    pub report: OptimizeReport,
    /// The network and the permutation, if they were written.
    pub files: Vec<PathBuf>,
    /// What was proved of them, for people.
    pub verified: Option<String>,
}

impl Optimize {
    pub fn begin(&self) -> anyhow::Result<Begun> {
        let started = Instant::now();
        let files = Files::new()
            .network_output("--out", self.out.out.as_deref())
            .output("--perm", self.perm.as_deref())
            .output("--report", self.report.as_deref())
            .input("--start", self.search.start_file())
            .input("--layout", self.layout.layout.as_deref())
            .data("--data", &self.positions.data);
        let net = self.net.net.as_deref();
        let files = match &self.layout.layout {
            Some(_) => files.layout_network("--net", net),
            None => files.network("--net", net),
        };
        files.check()?;
        let target = self.out.target()?;
        for file in self.perm.iter().chain(&self.report) {
            check_writable(file)?;
        }
        Ok(Begun {
            started,
            files,
            target,
            start: self.search.start()?,
            backend: self.backend.prepare(),
        })
    }

    /// Opens the backend for evaluating and searching.
    pub fn open(
        &self,
        begun: &mut Begun,
        shape: Shape,
        chosen: &Chosen,
    ) -> anyhow::Result<Box<dyn Backend>> {
        let samples = |positions: usize| (shape.perspectives * positions) as u64;
        let training = chosen.training.len();
        let work = Work {
            evaluation: (shape.columns, samples(training + chosen.holdout.len())),
            search: (shape.neurons, samples(training)),
            searches: self.search.searches(),
        };
        self.backend.open_prepared(&mut begun.backend, &work)
    }

    /// Lets `plan` evaluate and search, shows how far it is, and takes down the course of the search for --report.
    pub fn watch<T>(
        &self,
        begun: &Begun,
        shape: Shape,
        chosen: &Chosen,
        plan: impl FnOnce(Searching) -> Result<T, OptimizeError>,
    ) -> anyhow::Result<(T, Option<SearchCurve>)> {
        let progress = RunProgress::new(chosen.evaluated(), shape.neurons);
        let mut curve = self
            .report
            .is_some()
            .then(|| CurveRecorder::new(shape.neurons));
        let mut searched = |it: &_| {
            interrupt::search_has_begun();
            progress.searched(it);
            if let Some(curve) = &mut curve {
                curve.note(it);
            }
        };
        let mut control = Control {
            stop: Some(interrupt::stop_flag()),
            progress: Some(&mut searched),
            ..Control::default()
        };
        let search = SearchOptions {
            effort: self.search.effort(),
            seed: self.positions.seed,
            start: begun.start.clone(),
        };
        let found = plan(Searching {
            task: Task {
                compared: &chosen.compared,
                search,
                holdout_seed: self.holdout_seed,
                certify: self.search.certify,
                time_limit: self.search.time_limit,
                room: Some(chosen.room(begun.target.folder())),
                ..Task::new(&chosen.training.boards, &chosen.holdout)
            },
            control: &mut control,
            evaluated: &|positions| progress.evaluated(positions),
        })?;
        progress.end();
        Ok((found, curve.map(CurveRecorder::finish)))
    }

    /// Checks what is known once the network is read, before long work.
    pub fn check_permutation(&self, net_sha256: &str) -> anyhow::Result<()> {
        self.perm.as_deref().map_or(Ok(()), |file| {
            check_replaceable("--perm", file, Some(net_sha256), self.force)
        })
    }

    /// Is a network to be written? Not the one that is there again, unless that was asked for.
    pub fn delivers(&self, plan: &Plan) -> bool {
        let asked_for = self.force
            || self.out.out.is_some()
            || self.out.out_sha.is_some()
            || self.perm.is_some()
            || self.out.is_for_nnue_only();
        asked_for || plan.is_improvement()
    }

    /// Writes the permutation, gives both files their names, and then writes and prints what else was asked for.
    /// `measure` gets the network that was written, positions searched on and held-out ones.
    pub fn finish(
        &self,
        outcome: Outcome,
        measure: impl FnOnce(Option<&Path>, &[Board], &[Board]) -> anyhow::Result<Measures>,
    ) -> anyhow::Result<Done> {
        let clock = Instant::now();
        let plan = outcome.plan;
        if self.search.certify && plan.certificate.is_none() {
            console::warn(NO_CERTIFICATE);
        }
        let mut report = self.describe(&outcome);
        let Outcome {
            begun,
            chosen,
            delivery,
            ..
        } = outcome;
        let mut verified = None;
        let mut files = Vec::new();
        if let Some(delivery) = delivery {
            verified = Some(delivery.verified.1.clone());
            files = self.deliver(begun, plan, delivery, &mut report)?;
        }
        report.seconds.write += clock.elapsed().as_secs_f64();
        // Only now, so that whatever goes wrong, what was found is there.
        let reported = self.report_run(&mut report, begun, || {
            let written = files.first().map(PathBuf::as_path);
            measure(written, &chosen.training.boards, &chosen.holdout.boards)
        });
        reported.map_err(|error| match files.as_slice() {
            [] => error,
            files => {
                let names: Vec<String> = files
                    .iter()
                    .map(|file| file.display().to_string())
                    .collect();
                but_written(error, &format!("already written: {}", names.join(" and ")))
            }
        })?;
        self.export.print(&plan.search.permutation)?;
        Ok(Done {
            report,
            files,
            verified,
        })
    }

    /// Writes the permutation beside the network that was written, and gives both their names.
    fn deliver(
        &self,
        begun: &Begun,
        plan: &Plan,
        Delivery {
            written, weights, ..
        }: Delivery,
        report: &mut OptimizeReport,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let perm_path = match &self.perm {
            Some(path) => path.clone(),
            None => {
                let folder = begun.target.folder();
                let path = name_beside(folder, &written.sha256(), &report.net.sha256)?;
                // As the network's name is given, without the dot of the current folder.
                match &begun.target {
                    Target::File(file) => file.with_file_name(path.file_name().unwrap_or_default()),
                    Target::Named(_) => path,
                }
            }
        };
        report.perm = Some(PermReport {
            path: perm_path.display().to_string(),
        });
        let out = NetSummary::new(written.target(), &written.sha256());
        let permutation = &plan.search.permutation;
        let file = PermutationFile {
            permutation: permutation.clone(),
            notes: notes(report, &out, weights),
        };
        if self.perm.is_some() {
            say_replaced(&perm_path, permutation);
        }
        let perm = finish_file(&perm_path, &file.to_bytes(&perm_path))?;
        let files = vec![written.target().to_path_buf(), perm_path];
        // Both files are whole on the disk; now they get their names.
        commit_all(vec![written, perm])?;
        Ok(files)
    }

    /// Takes down what is known at the end, and writes the report if one was asked for.
    fn report_run(
        &self,
        report: &mut OptimizeReport,
        begun: &Begun,
        measure: impl FnOnce() -> anyhow::Result<Measures>,
    ) -> anyhow::Result<()> {
        if self.report.is_some() {
            report.measures = Some(measure()?);
        }
        report.seconds.total = begun.started.elapsed().as_secs_f64();
        report.peak_rss_bytes = peak_rss_bytes();
        match &self.report {
            Some(path) => write_report(path, &Report::Optimize(Box::new(report.clone()))),
            None => Ok(()),
        }
    }

    /// The report, but for what is known only at the end.
    fn describe(&self, outcome: &Outcome) -> OptimizeReport {
        let Outcome {
            chosen,
            shape,
            backend,
            plan,
            ..
        } = outcome;
        let kinds = [self.walks.kind];
        let kinds = kinds.iter().chain(&chosen.compared_kinds);
        let rates = [plan.holdout];
        let rates = rates.iter().chain(&plan.compared);
        OptimizeReport {
            schema: SCHEMA,
            kind: Kind::Optimize,
            positions: chosen.statistics.taken as usize,
            games: chosen.statistics.games,
            groups: chosen.statistics.groups,
            samples: plan.samples,
            neurons: shape.neurons,
            blocks: shape.perspectives * shape.neurons / 4,
            zero_rate: plan.zero_bytes.fraction(),
            zero_block_rate: Rates::from(*plan),
            weighted_zero_block_rate: Rates::weighted(plan),
            buckets: BucketReport::all(plan, self.weight.weight, shape.neurons / 4),
            holdout_by_positions: kinds
                .zip(rates)
                .filter_map(|(kind, rates)| Some((kind.name().to_string(), (*rates)?.into())))
                .collect(),
            advice: CountAdvice::new(plan, chosen.statistics.taken),
            moves: Moves::by_name(&plan.search.moves),
            certificate: plan.certificate.as_ref().map(CertificateReport::from),
            spilled: plan.spilled.map(SpilledReport::from),
            interrupted: !plan.search.complete,
            seconds: Seconds {
                positions: chosen.time.as_secs_f64(),
                ft: plan.ft_time.as_secs_f64(),
                search: plan.search_time.as_secs_f64(),
                certify: plan.certify_time.as_secs_f64(),
                ..outcome.seconds
            },
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
            positions_kind: self.walks.kind.name().to_string(),
            holdout: self.holdout,
            holdout_seed: self.holdout_seed,
            net: outcome.net.clone(),
            written: outcome.delivery.is_some(),
            out: outcome
                .delivery
                .as_ref()
                .map(|delivery| &delivery.written)
                .map(|written| NetSummary::new(written.target(), &written.sha256())),
            perm: None,
            verified: outcome.delivery.as_ref().map(|delivery| Verified {
                positions: delivery.verified.0,
                equal: true,
                // Nothing else is written.
                proved: true,
            }),
            curve: outcome.curve.clone(),
            measures: None,
            version: env!("CARGO_PKG_VERSION").to_string(),
        }
    }
}

/// Says where planes of so many bytes go, if they do not fit in memory, or if only a part of them can be counted.
pub fn say_spilling(bytes: Option<u64>, in_part: bool, task: &Task) {
    let (Some(bytes), Some(room)) = (bytes, task.room) else {
        return;
    };
    let why = if in_part {
        TOO_MANY
    } else {
        "too much beside the network (--memory)"
    };
    console::say(format!(
        "the planes take {}, {why}: they go to a temporary file in {}",
        size(bytes),
        room.folder.display()
    ));
}

/// Positions of both parts, spread over all.
pub fn verified_positions(chosen: &Chosen) -> Vec<Board> {
    let some = VERIFIED_POSITIONS / 10;
    let mut boards = spread(&chosen.training.boards, VERIFIED_POSITIONS - some);
    boards.extend(spread(&chosen.holdout.boards, some));
    boards
}
