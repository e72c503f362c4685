//! What runs on networks of any engine have in common, from their beginning to the report.

use std::path::{Path, PathBuf};
use std::time::Instant;

use ftperm::board::Board;
use ftperm::compute::choice::Work;
use ftperm::compute::{Backend, ComputeError};
use ftperm::deliver::Target;
use ftperm::digest::net_name;
use ftperm::optimize::{OptimizeError, Plan, Task};
use ftperm::output::{FinishedFile, OutputFile, check_writable, io_error};
use ftperm::permutation::{Permutation, PermutationFile};
use ftperm::report::curve::{CurveRecorder, SearchCurve};
use ftperm::report::measures::Measures;
use ftperm::report::{
    BucketReport, CertificateReport, CountAdvice, Kind, Moves, NetReport, NetSummary,
    OptimizeReport, PermReport, Rates, Report, SCHEMA, Seconds, SpilledReport, Verified,
};
use ftperm::resources::peak_rss_bytes;
use ftperm::search::{Control, SearchOptions};
use ftperm::verify::spread;

use super::notes::notes;
use super::{Chosen, Optimize};
use crate::cli::common::{Files, NO_CERTIFICATE, Prepared, TOO_MANY, size};
use crate::cli::progress::RunProgress;
use crate::cli::report::write_report;
use crate::cli::{console, interrupt};

/// Positions on which the written network is compared with the input.
const VERIFIED_POSITIONS: usize = 1000;

/// What is settled before anything is read.
pub struct Begun {
    pub started: Instant,
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

/// A network that was found and written, but has not got its name yet.
pub struct Outcome<'a> {
    pub begun: &'a Begun,
    pub chosen: &'a Chosen,
    pub shape: Shape,
    pub backend: &'a dyn Backend,
    pub net: NetReport,
    pub plan: &'a Plan,
    pub curve: Option<SearchCurve>,
    pub measures: Option<Measures>,
    pub written: FinishedFile,
    /// Positions on which it was found to compute the same, and that for people.
    pub verified: (usize, String),
    /// Times of the steps, but for what is still to be written.
    pub seconds: Seconds,
}

/// What a run left behind.
pub struct Done {
    pub report: OptimizeReport,
    /// The network and the permutation.
    pub files: [PathBuf; 2],
    /// What was proved, for people.
    pub verified: String,
}

impl Optimize {
    pub fn begin(&self) -> anyhow::Result<Begun> {
        let started = Instant::now();
        Files::new()
            .output("--out", self.out.out.as_deref())
            .output("--perm", self.perm.as_deref())
            .output("--report", self.report.as_deref())
            .input("--layout", self.layout.layout.as_deref())
            .data("--data", &self.positions.data)
            .check()?;
        let target = self.out.target()?;
        for file in self.perm.iter().chain(&self.report) {
            check_writable(file)?;
        }
        Ok(Begun {
            started,
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

    /// What a report shows of the outcome, if one was asked for. `measure` gets positions searched on and held-out
    /// ones.
    pub fn measured(
        &self,
        chosen: &Chosen,
        measure: impl FnOnce(&[Board], &[Board]) -> Result<Measures, ComputeError>,
    ) -> anyhow::Result<Option<Measures>> {
        if self.report.is_none() {
            return Ok(None);
        }
        let measures = measure(&chosen.training.boards, &chosen.holdout.boards)?;
        Ok(Some(measures))
    }

    /// Writes the permutation, gives both files their names, and writes and prints what else was asked for.
    pub fn finish(&self, outcome: Outcome) -> anyhow::Result<Done> {
        let clock = Instant::now();
        let (begun, plan) = (outcome.begun, outcome.plan);
        if self.search.certify && plan.certificate.is_none() {
            console::warn(NO_CERTIFICATE);
        }
        let perm_path = self
            .perm
            .clone()
            .unwrap_or_else(|| default_perm_path(&begun.target, &outcome.written.sha256()));
        let mut report = self.describe(&outcome, &perm_path);
        let permutation = &plan.search.permutation;
        let file = PermutationFile {
            permutation: permutation.clone(),
            notes: notes(&report),
        };
        let mut perm_output = OutputFile::create(&perm_path)?;
        write_all(&mut perm_output, &perm_path, &file.to_bytes(&perm_path))?;
        let perm_output = perm_output.finish()?;
        let files = [outcome.written.target().to_path_buf(), perm_path];
        // Both files are whole on the disk; now they get their names.
        outcome.written.commit()?;
        perm_output.commit()?;

        report.seconds.write += clock.elapsed().as_secs_f64();
        report.seconds.total = begun.started.elapsed().as_secs_f64();
        report.peak_rss_bytes = peak_rss_bytes();
        if let Some(path) = &self.report {
            write_report(path, &Report::Optimize(Box::new(report.clone())))?;
        }
        self.export.print(permutation)?;
        Ok(Done {
            report,
            files,
            verified: outcome.verified.1,
        })
    }

    /// The report, but for what is known only at the end.
    fn describe(&self, outcome: &Outcome, perm: &Path) -> OptimizeReport {
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
            net: outcome.net.clone(),
            out: NetSummary::new(outcome.written.target(), &outcome.written.sha256()),
            perm: PermReport {
                path: perm.display().to_string(),
            },
            verified: Verified {
                positions: outcome.verified.0,
                equal: true,
            },
            curve: outcome.curve.clone(),
            measures: outcome.measures.clone(),
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
pub fn verified_positions(chosen: &Chosen) -> Vec<Board> {
    let some = VERIFIED_POSITIONS / 10;
    let mut boards = spread(&chosen.training.boards, VERIFIED_POSITIONS - some);
    boards.extend(spread(&chosen.holdout.boards, some));
    boards
}
