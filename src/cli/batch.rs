//! `ftperm batch`

mod child;
pub(super) mod jobs;
mod line;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use ftperm::batch::{
    Arrivals, FileState, Hasher, Record, RunLock, RunSample, Shard, Stale, Status, prometheus_text,
};
use ftperm::files::atomic::{check_writable, create_folder, write_file};
use ftperm::positions;

use super::common::Files;
use super::common::numbers::seconds;
use super::{ExitWith, Global, UsageError, config, console, interrupt};
use child::Ended;
use jobs::{Job, Owners, Plan, Watched};
use line::{Outcome, kept};

/// Optimise many networks unattended, and only what is not done yet
///
/// A jobs file has a table of options of `optimize` for each job:
///
///   [defaults]                  # for all jobs
///   data = "train/*.binpack"
///   count = 200000
///   out-sha = "permuted"
///
///   [jobs.master]
///   net = "nets/master.nnue"
///
///   [jobs.candidates]           # a job for each network
///   nets = ["candidates/*.nnue", "last.ckpt"]
///   report = "reports/{net}.json"
///
/// A job without data only converts, as `serialize` does. In names of outputs {net}, {job} and
/// {epoch} (of a checkpoint) are filled in.
///
/// Relative paths are relative to the folder of the jobs file. Beside each output goes
/// NAME.job.json, a record of options and hashes; a job whose record still answers is skipped.
/// Jobs run one after the other, each in its own process; one that fails does not stop the
/// others. A line of JSON for each job goes to stdout.
///
/// Exit codes: 0 all is done, 1 the run failed, 2 wrong usage or jobs file, 3 some jobs failed
/// and the others are done, 4 another run holds the lock, 130 stopped by Ctrl-C or SIGTERM
/// before all was done.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Batch {
    /// The jobs file
    #[arg(required_unless_present = "watch")]
    jobs: Option<PathBuf>,
    /// After the jobs, handle each network or checkpoint that is or appears in this folder or below it, until Ctrl-C;
    /// the options are those of [watch] and [defaults]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["shard", "only"])]
    watch: Vec<PathBuf>,
    /// Say what would be done and why, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do every job, whatever its record says
    #[arg(long)]
    force: bool,
    /// Read all files to compare them, also those whose size and time have not changed since they were recorded
    #[arg(long)]
    rehash: bool,
    /// Only jobs of this name, or of a table of this name; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Only every N-th job, from the K-th: for N runs at the same time
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Write what happened to this file, in the text format of Prometheus, after each job
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// The file that keeps two runs apart [default: JOBS.lock, or .ftperm.lock in the first watched folder]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Give a job up after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    job_timeout: Option<f64>,
    /// With --watch: a file counts as whole when it has not changed for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds, requires = "watch")]
    settle: f64,
    /// With --watch: look so often, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds, requires = "watch")]
    interval: f64,
}

/// Codes that only this command ends with.
const SOME_FAILED: u8 = 3;
const LOCKED: u8 = 4;
const STOPPED: u8 = 130;

/// A run in progress.
struct Run<'a> {
    arguments: &'a Batch,
    global: &'a Global,
    hasher: Hasher,
    stop: &'static AtomicBool,
    started: u64,
    /// Jobs that are to be handled, as far as it is known.
    planned: usize,
    owners: Owners,
    outcomes: BTreeMap<String, Outcome>,
}

impl Batch {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        Files::new()
            .input("the jobs file", self.jobs.as_deref())
            .output("--metrics", self.metrics.as_deref())
            .output("--lock", self.lock.as_deref())
            .check()?;
        let below = config::below(global, "optimize")?;
        let plan = match &self.jobs {
            Some(path) => Plan::read(path, below)?,
            None => Plan::empty(below),
        };
        if let (Some(file), true, true) = (&self.jobs, plan.is_empty(), self.watch.is_empty()) {
            return Err(UsageError(format!(
                "{}: no job in it: a table [jobs.NAME] with net (or nets) is expected",
                file.display()
            ))
            .into());
        }
        let jobs = self.chosen(plan.jobs()?)?;
        self.check_files(&jobs)?;
        let watched = self
            .watch
            .iter()
            .map(|folder| plan.watched(absolute(folder)?));
        let watched = watched.collect::<anyhow::Result<Vec<Watched>>>()?;
        let mut owners = Owners::default();
        for job in &jobs {
            owners.claim(job).map_err(UsageError)?;
        }
        let mut run = Run {
            arguments: self,
            global,
            hasher: Hasher::new(self.rehash),
            stop: stop_flag()?,
            started: now(),
            planned: jobs.len(),
            owners,
            outcomes: BTreeMap::new(),
        };
        if self.dry_run {
            return run.dry(jobs, &plan, &watched);
        }
        if let Some(file) = &self.metrics {
            check_writable(file)?;
        }
        let _lock = self.take_lock()?;
        for job in &jobs {
            if run.stopped() {
                break;
            }
            run.handle(job)?;
        }
        if !watched.is_empty() {
            run.watch(&plan, &watched)?;
        }
        run.write_metrics()?;
        run.end()
    }

    /// The jobs that this run is for.
    fn chosen(&self, mut jobs: Vec<Job>) -> anyhow::Result<Vec<Job>> {
        for name in &self.only {
            if !jobs.iter().any(|job| is_of(job, name)) {
                return Err(UsageError(format!("--only {name}: there is no such job")).into());
            }
        }
        if !self.only.is_empty() {
            jobs.retain(|job| self.only.iter().any(|name| is_of(job, name)));
        }
        if let Some(shard) = self.shard {
            let mut index = 0..;
            jobs.retain(|_| index.next().is_some_and(|index| shard.holds(index)));
        }
        Ok(jobs)
    }

    /// The run's own files are none that a job reads or writes.
    fn check_files(&self, jobs: &[Job]) -> Result<(), UsageError> {
        if self.metrics.is_none() && self.lock.is_none() {
            return Ok(());
        }
        let mut files = Files::new();
        for job in jobs {
            for input in job.input_files() {
                files = files.input("an input of a job", Some(&input));
            }
            for output in job.named_outputs() {
                files = files.input("an output of a job", Some(output));
            }
            files = files.input("the record of a job", Some(&job.record_path()));
        }
        files
            .output("--metrics", self.metrics.as_deref())
            .output("--lock", self.lock.as_deref())
            .check()
    }

    fn take_lock(&self) -> anyhow::Result<RunLock> {
        let path = match (&self.lock, &self.jobs, self.watch.first()) {
            (Some(path), ..) => path.clone(),
            (None, Some(jobs), _) => {
                let mut path = jobs.clone().into_os_string();
                path.push(".lock");
                path.into()
            }
            (None, None, Some(folder)) => folder.join(".ftperm.lock"),
            (None, None, None) => unreachable!("the parser asks for jobs or a folder"),
        };
        RunLock::take(&path, self.shard).map_err(|error| match error {
            ftperm::batch::LockError::Held { .. } => ExitWith {
                code: LOCKED,
                text: error.to_string(),
            }
            .into(),
            _ => anyhow::Error::from(error).context("no lock; --lock chooses another file"),
        })
    }
}

/// Is it the job, or one of the jobs of the table, of this name?
fn is_of(job: &Job, name: &str) -> bool {
    let rest = job.name.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Run<'_> {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Says what would be done.
    fn dry(mut self, mut jobs: Vec<Job>, plan: &Plan, folders: &[Watched]) -> anyhow::Result<()> {
        for watched in folders {
            let mut arrivals = arrivals(watched, Duration::ZERO);
            let whole = arrivals
                .poll(Instant::now())
                .with_context(|| format!("cannot list {}", watched.folder.display()))?;
            jobs.extend(
                whole
                    .iter()
                    .filter_map(|path| self.arrived(plan, watched, path)),
            );
        }
        for job in &jobs {
            let mut outcome = Outcome::of(job);
            match self.look(job, &mut outcome) {
                Ok(None) => {}
                Ok(Some(_)) => outcome.status = Status::Due,
                Err(error) => outcome.fail(console::one_line(&error)),
            }
            outcome.print()?;
            self.outcomes.insert(job.name.clone(), outcome);
        }
        self.end()
    }

    /// The job for a network that arrived. What is wrong with it is told, and others may come that are right.
    fn arrived(&mut self, plan: &Plan, watched: &Watched, net: &Path) -> Option<Job> {
        match plan.arrived(watched, net) {
            Ok(mut job) => {
                if let Err(why) = self.owners.claim(&job) {
                    job.problem.get_or_insert(why);
                }
                Some(job)
            }
            Err(error) => {
                let error = console::one_line(&error);
                console::warn(format!("{} is left alone: {error}", net.display()));
                None
            }
        }
    }

    /// Does a job if need be, and tells of it.
    fn handle(&mut self, job: &Job) -> anyhow::Result<()> {
        let mut outcome = Outcome::of(job);
        if let Err(error) = self.attempt(job, &mut outcome) {
            outcome.fail(console::one_line(&error));
        }
        outcome.print()?;
        self.outcomes.insert(job.name.clone(), outcome);
        if let Err(error) = self.write_metrics() {
            // The last attempt is at the end of the run, and decides how it ends.
            console::warn(console::one_line(&error));
        }
        Ok(())
    }

    /// Is the job to be done? `None` if its record answers it, else the states of its inputs.
    fn look(&mut self, job: &Job, outcome: &mut Outcome) -> anyhow::Result<Option<Vec<FileState>>> {
        if let Some(problem) = &job.problem {
            anyhow::bail!(problem.clone());
        }
        let (record, mut stale) = match Record::read(&job.record_path()) {
            Ok(Some(record)) => (Some(record), None),
            Ok(None) => (None, Some(Stale::NoRecord)),
            Err(error) => (None, Some(Stale::Damaged(error.to_string()))),
        };
        let inputs = self.inputs(job, record.as_ref())?;
        if let Some(record) = &record {
            stale = record.answers(&job.options, &inputs).err();
            let files = output_files(job, &record.report);
            if stale.is_none() && files.len() != record.outputs.len() {
                stale = Some(Stale::Output(job.folder.display().to_string()));
            }
            for (path, output) in files.iter().zip(&record.outputs) {
                let same = self.hasher.state(path, Some(output));
                if stale.is_none() && !same.is_ok_and(|it| it.sha256 == output.sha256) {
                    stale = Some(Stale::Output(path.display().to_string()));
                }
            }
        }
        if self.arguments.force {
            stale = Some(Stale::Forced);
        }
        match stale {
            None => {
                outcome.status = Status::Skipped;
                outcome.record = record;
                Ok(None)
            }
            Some(stale) => {
                outcome.why = Some(stale.to_string());
                Ok(Some(inputs))
            }
        }
    }

    /// The states of all files that go into a job.
    fn inputs(&mut self, job: &Job, record: Option<&Record>) -> anyhow::Result<Vec<FileState>> {
        let files = std::iter::once(job.net_file())
            .chain(job.inputs.iter().cloned())
            .chain(positions::files(&job.data_at_base())?);
        let mut states = Vec::new();
        for path in files {
            let recorded = record.and_then(|it| it.input(&path));
            states.push(self.hasher.state(&path, recorded)?);
        }
        Ok(states)
    }

    /// Does a job if its record does not answer it.
    fn attempt(&mut self, job: &Job, outcome: &mut Outcome) -> anyhow::Result<()> {
        let Some(inputs) = self.look(job, outcome)? else {
            return Ok(());
        };
        let why = outcome.why.as_deref().unwrap_or_default();
        console::say(format!("{}: starting: {why}", job.name));
        for folder in job.output_folders() {
            create_folder(&folder)?;
        }
        // A record that does not hold any more must not outlive the files that it tells of.
        remove(&job.record_path())?;
        remove_unfinished(job);
        let limit = self.arguments.job_timeout.map(Duration::from_secs_f64);
        let clock = Instant::now();
        let ended = child::run(job, self.global, limit, self.stop);
        remove_unfinished(job);
        let report = match ended? {
            Ended::Stopped => {
                outcome.status = Status::Stopped;
                return Ok(());
            }
            Ended::Failed(error) => anyhow::bail!(error),
            Ended::Done(report) => report,
        };
        let again = self.inputs(job, None)?;
        let mut pairs = inputs.iter().zip(&again);
        if let Some((input, _)) = pairs.find(|(then, now)| then.sha256 != now.sha256) {
            anyhow::bail!(
                "{} changed while the job ran; it will be done again",
                input.path
            );
        }
        anyhow::ensure!(
            inputs.len() == again.len(),
            "files came or went while the job ran; it will be done again"
        );
        let mut outputs = Vec::new();
        for path in output_files(job, &report) {
            outputs.push(self.hasher.state(&path, None)?);
        }
        let mut record = Record::new(&job.name, job.options.clone(), inputs, outputs);
        record.report = kept(&report);
        record.seconds = clock.elapsed().as_secs_f64();
        record.finished = now();
        record.write(&job.record_path())?;
        outcome.status = Status::Done;
        outcome.record = Some(record);
        Ok(())
    }

    /// Handles what arrives until it is told to stop.
    fn watch(&mut self, plan: &Plan, folders: &[Watched]) -> anyhow::Result<()> {
        let settle = Duration::from_secs_f64(self.arguments.settle);
        let interval = Duration::from_secs_f64(self.arguments.interval);
        let mut polled = Vec::new();
        for watched in folders {
            let folder = watched.folder.display();
            std::fs::read_dir(&watched.folder).with_context(|| format!("cannot watch {folder}"))?;
            console::say(format!("watching {folder}"));
            polled.push((watched, arrivals(watched, settle), true));
        }
        while !self.stopped() {
            for (watched, arrivals, readable) in &mut polled {
                let whole = match arrivals.poll(Instant::now()) {
                    Ok(whole) => whole,
                    Err(error) => {
                        // It may come back: a network file system, a folder that is made anew.
                        if std::mem::take(readable) {
                            let folder = arrivals.folder().display();
                            console::warn(format!("cannot list {folder}: {error}; still trying"));
                        }
                        continue;
                    }
                };
                *readable = true;
                for path in whole {
                    if self.stopped() {
                        break;
                    }
                    let Some(job) = self.arrived(plan, watched, &path) else {
                        continue;
                    };
                    if !self.outcomes.contains_key(&job.name) {
                        self.planned += 1;
                    }
                    self.handle(&job)?;
                }
            }
            let waited = Instant::now();
            while waited.elapsed() < interval && !self.stopped() {
                std::thread::sleep(Duration::from_millis(50).min(interval));
            }
        }
        Ok(())
    }

    fn write_metrics(&self) -> anyhow::Result<()> {
        let Some(path) = &self.arguments.metrics else {
            return Ok(());
        };
        let jobs: Vec<_> = self.outcomes.values().map(Outcome::sample).collect();
        let handled = |it: &&Outcome| it.status != Status::Stopped;
        let run = RunSample {
            started: self.started,
            updated: now(),
            jobs: self.planned,
            complete: self.outcomes.values().filter(handled).count() == self.planned,
        };
        Ok(write_file(path, prometheus_text(&run, &jobs).as_bytes())?)
    }

    /// The last line for people, and the exit code.
    fn end(&self) -> anyhow::Result<()> {
        let count = |status| {
            let all = self.outcomes.values();
            all.filter(|it| it.status == status).count()
        };
        let failed: Vec<&str> = self
            .outcomes
            .values()
            .filter(|it| it.status == Status::Failed)
            .map(|it| it.job.as_str())
            .collect();
        let summary = format!(
            "{} done, {} skipped, {} failed",
            count(Status::Done),
            count(Status::Skipped),
            failed.len()
        );
        let summary = match count(Status::Due) {
            0 => summary,
            due => format!("{due} due, {summary}"),
        };
        let watching = !self.arguments.watch.is_empty() && !self.arguments.dry_run;
        let ended = |code, text| Err(ExitWith { code, text }.into());
        if watching {
            console::say(format!("stopped watching: {summary}"));
            return Ok(());
        }
        if self.stopped() {
            return ended(
                STOPPED,
                format!("stopped before all jobs were done: {summary}"),
            );
        }
        if !failed.is_empty() {
            return ended(SOME_FAILED, format!("{summary}: {}", failed.join(", ")));
        }
        console::say(format!("all jobs: {summary}"));
        Ok(())
    }
}

impl Outcome {
    fn of(job: &Job) -> Outcome {
        Outcome {
            job: job.name.clone(),
            status: Status::Failed,
            why: None,
            error: None,
            record_path: job.record_path().display().to_string(),
            record: None,
        }
    }

    fn fail(&mut self, error: String) {
        self.status = Status::Failed;
        self.error = Some(error);
    }
}

/// What will arrive in a folder.
fn arrivals(watched: &Watched, settle: Duration) -> Arrivals {
    Arrivals::new(&watched.folder, settle).passing_over(&watched.outputs)
}

/// Set by Ctrl-C and SIGTERM; a second one ends the program at once, and the job with it.
fn stop_flag() -> anyhow::Result<&'static AtomicBool> {
    static STOP: AtomicBool = AtomicBool::new(false);
    interrupt::handle(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(STOPPED));
        }
        console::say("stopping; what is done is kept, the job in progress will be done again");
    })?;
    Ok(&STOP)
}

/// The files that a job wrote, given its report.
fn output_files(job: &Job, report: &serde_json::Value) -> Vec<PathBuf> {
    // Only names are taken from the report: those made from contents are plain text, folders may not be.
    let named = |place: &str| {
        let path = report.pointer(place).and_then(|it| it.as_str());
        path.and_then(|path| Path::new(path).file_name())
            .map(|name| job.folder.join(name))
    };
    let net = job.out.clone().or_else(|| named("/out/path"));
    let perm = job.perm.clone().or_else(|| named("/perm/path"));
    let files = net.into_iter().chain(perm);
    files.chain(job.report.clone()).collect()
}

/// Removes what a killed job left unfinished. What cannot be removed is no reason not to work.
fn remove_unfinished(job: &Job) {
    let prefix = job.temporary_prefix();
    for folder in job.output_folders() {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        for entry in entries.filter_map(Result::ok) {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| path.display().to_string())
}

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |it| it.as_secs())
}
