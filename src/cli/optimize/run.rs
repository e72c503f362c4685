//! What runs on networks of any engine have in common, from their beginning to the report.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ftperm::compute::Backend;
use ftperm::compute::choice::Work;
use ftperm::files::atomic::check_writable;
use ftperm::files::resources::peak_rss_bytes;
use ftperm::nets::deliver::Target;
use ftperm::nets::model::{Model, Reread, Shape};
use ftperm::order::Permutation;
use ftperm::positions::bucket_weights::Fitted;
use ftperm::positions::input_files;
use ftperm::report::curve::{CurveRecorder, SearchCurve};
use ftperm::report::measures::Measures;
use ftperm::report::{
    BucketReport, CertificateReport, CountAdvice, Kind, Moves, NetReport, NetSummary,
    OptimizeReport, PermReport, Rates, Report, SCHEMA, Seconds, SpilledReport, Verified,
};
use ftperm::run::{Found, Job, Watch, Written};
use ftperm::search::{Control, SearchOptions};

use super::notes::notes;
use super::{Chosen, Optimize};
use crate::cli::common::{
    Files, NO_CERTIFICATE, Prepared, TOO_MANY, but_written, check_replaceable, name_beside,
    say_fitted, say_replaced, size,
};
use crate::cli::progress::RunProgress;
use crate::cli::report::write_report;
use crate::cli::{console, interrupt};

/// What is settled before anything is read.
pub struct Begun {
    pub started: Instant,
    /// Inputs and outputs by the options that name them.
    pub files: Files,
    pub target: Target,
    pub start: Option<Permutation>,
    pub backend: Prepared,
}

/// What a search found.
pub struct Outcome<'a> {
    pub begun: &'a Begun,
    pub chosen: &'a Chosen,
    pub shape: Shape,
    pub backend: &'a dyn Backend,
    pub net: NetReport,
    pub found: &'a Found,
    pub curve: Option<SearchCurve>,
    /// What was written, and the digest of the weights that were read; unless nothing is to be written.
    pub delivery: Option<(Written, [u8; 32])>,
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
            .input("--layout", self.layout.file())
            .input("--applied", self.applied.applied.as_deref())
            .input("--bench-engine", self.engine.file())
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
        self.engine.check()?;
        Ok(Begun {
            started,
            files,
            target,
            start: self.search.start()?,
            backend: Prepared::default(),
        })
    }

    /// Evaluating so many positions of a model and searching on so many of them.
    fn work(&self, shape: Shape, evaluated: usize, searched: usize) -> Work {
        let samples =
            |positions: usize| (shape.perspectives as u64).saturating_mul(positions as u64);
        Work {
            evaluation: (shape.columns, samples(evaluated)),
            search: (shape.neurons, samples(searched)),
            searches: self.search.searches(),
        }
    }

    /// Begins to prepare the backend, beside reading positions.
    pub fn prepare(&self, begun: &mut Begun, shape: Shape) {
        let most = usize::try_from(self.count).unwrap_or(usize::MAX);
        let most = most.min(most_positions(&self.positions.data));
        begun.backend = self.backend.prepare(&self.work(shape, most, most));
    }

    /// Opens the backend for evaluating and searching.
    pub fn open(
        &self,
        begun: &mut Begun,
        shape: Shape,
        chosen: &Chosen,
    ) -> anyhow::Result<Box<dyn Backend>> {
        let training = chosen.training.len();
        let work = self.work(shape, training + chosen.holdout.len(), training);
        self.backend.open_prepared(&mut begun.backend, &work)
    }

    /// What is to be done with a model and the positions that were chosen for it, which move into it.
    pub fn job<'a>(&self, model: &'a dyn Model, begun: &'a Begun, chosen: &mut Chosen) -> Job<'a> {
        let room = chosen.room(begun.target.folder());
        let training = std::mem::take(&mut chosen.training);
        let mut job = Job::of_parts(model, training.boards, std::mem::take(&mut chosen.holdout));
        job.compared = std::mem::take(&mut chosen.compared);
        job.weights = self.weight.weight;
        job.search = SearchOptions {
            effort: self.search.effort(),
            seed: self.positions.seed,
            start: begun.start.clone(),
            tries: self.search.tries(),
        };
        job.holdout_seed = self.holdout_seed;
        job.certify = self.search.certify;
        job.time_limit = self.search.time_limit;
        job.room = Some(room);
        job
    }

    /// Evaluates and searches, shows how far it is, and takes down the course of the search for --report.
    pub fn search(
        &self,
        job: &Job,
        backend: &dyn Backend,
    ) -> anyhow::Result<(Found, Option<SearchCurve>)> {
        let fitted = job.fitted_weights();
        say_fitted(fitted);
        say_spilling(job, fitted == Fitted::Part);
        let neurons = job.model.shape().neurons;
        let progress = RunProgress::new(job.positions(), neurons);
        let mut curve = self.report.is_some().then(|| CurveRecorder::new(neurons));
        let mut searched = |step: &_| {
            interrupt::search_has_begun();
            progress.searched(step);
            if let Some(curve) = &mut curve {
                curve.note(step);
            }
        };
        let mut watch = Watch {
            search: Control {
                stop: Some(interrupt::stop_flag()),
                progress: Some(&mut searched),
                ..Control::default()
            },
            evaluated: Some(&|positions| progress.evaluated(positions)),
        };
        let found = job.run(backend, &mut watch)?;
        interrupt::check()?;
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
    pub fn delivers(&self, found: &Found) -> bool {
        let asked_for = self.force
            || self.out.out.is_some()
            || self.out.out_sha.is_some()
            || self.perm.is_some()
            || self.out.is_for_nnue_only();
        asked_for || found.is_improvement()
    }

    /// Writes the permutation, gives both files their names, and then writes and prints what else was asked for.
    /// `measure` gets the network that was written, and `reread` reads it for an engine.
    pub fn finish(
        &self,
        outcome: Outcome,
        reread: &dyn Reread,
        measure: impl FnOnce(Option<&Path>) -> anyhow::Result<Measures>,
    ) -> anyhow::Result<Done> {
        let clock = Instant::now();
        let found = outcome.found;
        if self.search.certify && found.certificate.is_none() {
            console::warn(NO_CERTIFICATE);
        }
        let mut report = self.describe(&outcome);
        let (begun, delivery) = (outcome.begun, outcome.delivery);
        let verified = delivery
            .as_ref()
            .map(|(written, _)| written.network.proof.clone());
        let files = match delivery {
            Some((written, weights)) => self.deliver(begun, written, weights, &mut report)?,
            None => Vec::new(),
        };
        report.seconds.write += clock.elapsed().as_secs_f64();
        // Only now, so that whatever goes wrong, what was found is there.
        let written = files.first().map(PathBuf::as_path);
        let clock = Instant::now();
        match self
            .engine
            .measure(written, reread, &found.search.permutation)
        {
            Some(Ok(comparison)) => report.bench = Some(comparison),
            Some(Err(why)) => report.no_bench = Some(why),
            None => {}
        }
        report.seconds.bench = clock.elapsed().as_secs_f64();
        let reported = self.report_run(&mut report, begun, || measure(written));
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
        self.export.print(&found.search.permutation)?;
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
        written: Written,
        weights: [u8; 32],
        report: &mut OptimizeReport,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let network = &written.network.file;
        let perm_path = match &self.perm {
            Some(path) => path.clone(),
            None => {
                let folder = begun.target.folder();
                let path = name_beside(folder, &network.sha256(), &report.net.sha256)?;
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
        let out = NetSummary::new(network.target(), &network.sha256());
        if self.perm.is_some() {
            say_replaced(&perm_path, &written.permutation);
        }
        Ok(written
            .commit(&perm_path, notes(report, &out, weights))?
            .to_vec())
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
            found,
            ..
        } = outcome;
        let kinds = [chosen.kind];
        let kinds = kinds.iter().chain(&chosen.compared_kinds);
        let rates = [found.holdout];
        let rates = rates.iter().chain(&found.compared);
        OptimizeReport {
            schema: SCHEMA,
            kind: Kind::Optimize,
            positions: chosen.statistics.taken as usize,
            games: chosen.statistics.games,
            groups: chosen.statistics.groups,
            samples: found.samples,
            neurons: shape.neurons,
            blocks: shape.perspectives * shape.neurons / 4,
            zero_rate: found.zero_bytes.fraction(),
            zero_block_rate: Rates::from(*found),
            weighted_zero_block_rate: Rates::weighted(found),
            buckets: BucketReport::all(found, self.weight.weight, shape.neurons / 4),
            holdout_by_positions: kinds
                .zip(rates)
                .filter_map(|(kind, rates)| Some((kind.name().to_string(), (*rates)?.into())))
                .collect(),
            advice: CountAdvice::new(found, chosen.statistics.taken),
            moves: Moves::by_name(&found.search.moves),
            certificate: found.certificate.as_ref().map(CertificateReport::from),
            spilled: found.spilled.map(SpilledReport::from),
            interrupted: !found.search.complete,
            seconds: Seconds {
                positions: chosen.time.as_secs_f64(),
                ft: found.ft_time.as_secs_f64(),
                search: found.search_time.as_secs_f64(),
                certify: found.certify_time.as_secs_f64(),
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
            positions_kind: chosen.kind.name().to_string(),
            holdout: self.holdout,
            holdout_seed: self.holdout_seed,
            net: outcome.net.clone(),
            written: outcome.delivery.is_some(),
            out: outcome
                .delivery
                .as_ref()
                .map(|(written, _)| &written.network.file)
                .map(|network| NetSummary::new(network.target(), &network.sha256())),
            perm: None,
            verified: outcome.delivery.as_ref().map(|(written, _)| Verified {
                positions: written.network.positions,
                equal: true,
                // Nothing else is written.
                proved: true,
            }),
            bench: None,
            no_bench: None,
            curve: outcome.curve.clone(),
            measures: None,
            version: env!("CARGO_PKG_VERSION").to_string(),
        }
    }
}

/// More positions than data can hold: they take two bytes each, and more.
fn most_positions(data: &[OsString]) -> usize {
    let files = input_files(data).unwrap_or_default();
    let sizes = files.iter().map(|file| file.bytes);
    let total: Option<u64> = sizes.sum();
    match total {
        Some(bytes) if !files.is_empty() => usize::try_from(bytes).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

/// Says where planes go, if they do not fit in memory, or if only a part of them can be counted.
fn say_spilling(job: &Job, in_part: bool) {
    let (Some(bytes), Some(room)) = (job.spilled_bytes(), job.room) else {
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
