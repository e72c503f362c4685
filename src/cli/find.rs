//! `ftperm find`

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use ftperm::compute::choice::Work;
use ftperm::files::atomic::{check_writable, write_file};
use ftperm::files::resources::peak_rss_bytes;
use ftperm::order::{NET_SHA256, PermutationFile};
use ftperm::positions::bucket_weights::BucketWeights;
use ftperm::report::{BucketRates, CertificateReport};
use ftperm::run::holdout::BucketCounts;
use ftperm::run::{PlanesJob, RunError, Searched};
use ftperm::search::{
    ByBucket, Control, MAX_SAMPLES, SavedSearch, SearchOptions, SearchSaver, by_bucket, room,
    weighted_sum,
};
use serde::Serialize;

use super::activations::ActivationArgs;
use super::common::{
    BackendArgs, Files, INTERRUPTED, MemoryArgs, NO_CERTIFICATE, PlanesInput, START_IS_BETTER,
    SearchArgs, WeightArgs, check_replaceable, fit_planes, say_certificate, say_fitted,
    say_replaced,
};
use super::export::ExportArgs;
use super::progress::RunProgress;
use super::reference::{OfFind, Options};
use super::{Global, console, interrupt};

mod holdout;
mod state_file;

use holdout::{HoldoutArgs, HoldoutReport, say_held_out};
use state_file::StateFile;

/// How often the state of the search is left in a file.
const SAVED_EVERY: Duration = Duration::from_secs(30);

/// Search the best order on gathered planes or matrices
///
/// Several files count as one set: parts that were gathered on several machines. Planes that do not fit in memory are
/// searched in part; the rates are those of all samples.
#[derive(Debug, clap::Args)]
pub struct Find {
    /// Planes files of `gather`, or activation matrices (.npy)
    // Elsewhere --data are positions.
    #[arg(id = "planes", long = "data", value_name = "FILE", required_unless_present = "activations", num_args = 1..)]
    data: Vec<PathBuf>,
    #[command(flatten)]
    activations: ActivationArgs,
    #[command(flatten)]
    holdout: HoldoutArgs,
    /// Where the permutation goes: in the format of .npy if the name ends in .npy or .perm, else text
    #[arg(long, value_name = "FILE", required_unless_present = "export")]
    out: Option<PathBuf>,
    /// Replace with --out a permutation of another network
    #[arg(long, requires = "out")]
    force: bool,
    #[command(flatten)]
    export: ExportArgs,
    /// Seed of every random choice
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    weight: WeightArgs,
    #[command(flatten)]
    search: SearchArgs,
    /// Leave the state of the search in this file now and then, and go on from there if it is there; the file is
    /// removed at the end
    #[arg(long, value_name = "FILE", alias = "checkpoint")]
    state: Option<PathBuf>,
    #[command(flatten)]
    memory: MemoryArgs,
    /// Accumulator width that the data must have been made with (pairwise networks)
    #[arg(long, value_name = "N")]
    l1: Option<usize>,
    #[command(flatten)]
    pub(super) backend: BackendArgs,
    #[command(flatten)]
    pub(super) reference: Options<OfFind>,
}

#[derive(Serialize)]
struct Report {
    samples: u64,
    /// Fewer than `samples` if these do not fit in memory.
    samples_searched: u64,
    neurons: usize,
    zero_blocks_before: u64,
    zero_blocks_after: u64,
    cells: u64,
    /// With --holdout.
    holdout: Option<HoldoutReport>,
    /// The rates with every sample counted as often as it weighs, which is what the search looks at; with weights only.
    weighted_zero_block_rate: Option<WeightedRates>,
    /// Of the buckets that have samples, where the files tell buckets.
    buckets: Vec<BucketReport>,
    certificate: Option<CertificateReport>,
    interrupted: bool,
    peak_rss_bytes: Option<u64>,
    out: Option<String>,
    version: &'static str,
}

#[derive(Serialize)]
struct WeightedRates {
    before: f64,
    after: f64,
}

#[derive(Serialize)]
struct BucketReport {
    bucket: usize,
    /// As it was given; null without weights.
    weight: Option<f64>,
    #[serde(flatten)]
    rates: BucketRates,
}

impl Find {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        self.export.check(global)?;
        let inputs = self.data.iter().chain(&self.activations.activations);
        let inputs = inputs.chain(&self.holdout.holdout);
        let files = inputs.fold(Files::new(), |files, it| files.input("the data", Some(it)));
        files
            .input("--start", self.search.start_file())
            .output("--out", self.out.as_deref())
            .output("--state", self.state.as_deref())
            .check()?;
        if let Some(out) = &self.out {
            check_writable(out)?;
        }
        let start = self.search.start()?;
        let limit = self.memory.limit().unwrap_or(u64::MAX);
        let input = if self.data.is_empty() {
            PlanesInput::recorded(self.activations.read(limit)?)
        } else {
            PlanesInput::open(&self.data, limit)?
        };
        let neurons = input.neurons();
        let held_out = self.holdout.open(&input, limit)?;
        let weights = self.weight.weight;
        let net_sha256 = input.net_sha256.clone();
        if let Some(out) = &self.out {
            check_replaceable("--out", out, net_sha256.as_deref(), self.force)?;
        }
        self.search.check_start(start.as_ref(), neurons)?;
        if self.l1.is_some_and(|l1| l1 != 2 * neurons) {
            bail!(
                "--l1 says {}, the data have {}",
                self.l1.unwrap_or_default(),
                2 * neurons
            );
        }
        let state = match &self.state {
            Some(path) => StateFile::open(path, weights)?,
            None => StateFile::none(),
        };
        let limit = self.memory.for_search(neurons, self.search.tries())?;
        let room = room(limit, neurons, self.search.tries());
        let most = (8 * room.bytes / neurons.max(1) as u64).min(room.samples);
        let backend = self.backend.open(&Work {
            search: (neurons, input.samples().min(most)),
            searches: self.search.searches(),
            ..Work::default()
        })?;
        let sets = input.into_sets(backend.as_ref());
        let weights = weights.map(|given| {
            let fitted = given.fitted(&by_bucket(&sets.samples()), MAX_SAMPLES);
            say_fitted(fitted);
            fitted.or(given)
        });
        let sets = fit_planes(sets, limit, self.search.tries(), weights.as_ref())?;
        let is_part = sets.is_part();
        let job = PlanesJob {
            sets,
            weights,
            search: SearchOptions {
                effort: self.search.effort(),
                seed: self.seed,
                start,
                tries: self.search.tries(),
            },
            time_limit: self.search.time_limit,
            certify: self.search.certify,
            memory: limit,
        };
        let searched = search(&job, &state)?;
        let found = &searched.rated.search;
        let held_out = held_out.rate(&found.permutation, backend.as_ref())?;
        let report = self.report(&searched, weights.as_ref(), held_out);
        let file = PermutationFile {
            permutation: found.permutation.clone(),
            notes: self.notes(&report, net_sha256, weights.as_ref()),
        };
        if let Some(out) = &self.out {
            say_replaced(out, &file.permutation);
            write_file(out, &file.to_bytes(out))?;
        }
        if found.complete {
            state.remove();
        }
        self.say(&report, is_part);
        if global.json {
            return console::json(&report);
        }
        let printed = self.export.print(&file.permutation)?;
        match &self.out {
            Some(out) if printed => console::say(format!("wrote {}", out.display())),
            Some(out) => console::file(out)?,
            None => {}
        }
        Ok(())
    }

    fn report(
        &self,
        searched: &Searched,
        weights: Option<&BucketWeights>,
        holdout: Option<HoldoutReport>,
    ) -> Report {
        let (samples, rated) = (&searched.samples, &searched.rated);
        let (before, after) = (&rated.before, &rated.after);
        let neurons = rated.search.permutation.len();
        let blocks = neurons as u64 / 4;
        Report {
            samples: samples.values().sum(),
            samples_searched: searched.samples_searched,
            neurons,
            zero_blocks_before: before.values().sum(),
            zero_blocks_after: after.values().sum(),
            cells: samples.values().sum::<u64>() * blocks,
            holdout,
            weighted_zero_block_rate: weights.map(|weights| {
                let sum = |counts: &ByBucket| weighted_sum(counts, Some(weights)) as f64;
                let cells = sum(samples) * blocks as f64;
                WeightedRates {
                    before: sum(before) / cells,
                    after: sum(after) / cells,
                }
            }),
            buckets: BucketCounts::of(samples, [before, after])
                .iter()
                .map(|counts| BucketReport {
                    bucket: counts.bucket,
                    weight: weights.map(|weights| weights.given()[counts.bucket]),
                    rates: BucketRates::new(counts, neurons / 4),
                })
                .collect(),
            certificate: searched.certificate.as_ref().map(CertificateReport::from),
            interrupted: !rated.search.complete,
            peak_rss_bytes: peak_rss_bytes(),
            out: self.out.as_ref().map(|out| out.display().to_string()),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// The comments of the permutation file.
    fn notes(
        &self,
        report: &Report,
        net_sha256: Option<String>,
        weights: Option<&BucketWeights>,
    ) -> Vec<(String, String)> {
        let note = |key: &str, text: String| (key.to_string(), text);
        let percent =
            |zero: u64, cells: u64| format!("{:.4} %", 100.0 * zero as f64 / cells as f64);
        let mut notes = vec![note("ftperm", report.version.to_string())];
        notes.extend(net_sha256.map(|digits| note(NET_SHA256, digits)));
        let (before, after) = (report.zero_blocks_before, report.zero_blocks_after);
        notes.extend([
            note("samples searched on", report.samples_searched.to_string()),
            note("seed", self.seed.to_string()),
            note("zero blocks before", percent(before, report.cells)),
            note("zero blocks after", percent(after, report.cells)),
        ]);
        if let Some(held_out) = &report.holdout {
            let (before, after) = (held_out.zero_blocks_before, held_out.zero_blocks_after);
            notes.extend([
                note(
                    "held-out zero blocks before",
                    percent(before, held_out.cells),
                ),
                note("held-out zero blocks after", percent(after, held_out.cells)),
            ]);
        }
        if let Some(weights) = weights {
            let given: Vec<String> = weights.given().iter().map(f64::to_string).collect();
            notes.push(note("weights of buckets 0 to 7", given.join(" ")));
        }
        notes
    }

    /// Tells people what was found.
    fn say(&self, report: &Report, is_part: bool) {
        if report.interrupted {
            console::warn(INTERRUPTED);
        }
        let percent = |zero: u64| 100.0 * zero as f64 / report.cells as f64;
        console::say(format!(
            "all-zero blocks: {:.4} % before, {:.4} % after",
            percent(report.zero_blocks_before),
            percent(report.zero_blocks_after)
        ));
        say_held_out(report.holdout.as_ref());
        if let Some(certificate) = &report.certificate {
            say_certificate(certificate, is_part);
        } else if self.search.certify {
            console::warn(NO_CERTIFICATE);
        }
        say_buckets(report);
    }
}

/// Searches, shows how far it is, and leaves the state of the search in its file.
fn search(job: &PlanesJob, state: &StateFile) -> anyhow::Result<Searched> {
    let progress = RunProgress::new(0, job.sets.neurons());
    let mut searched = |step: &_| {
        interrupt::search_has_begun();
        progress.searched(step);
    };
    let mut write = |search: &SavedSearch| state.write(search);
    let mut control = Control {
        stop: Some(interrupt::stop_flag()),
        progress: Some(&mut searched),
        saver: state
            .is_wanted()
            .then(|| SearchSaver::new(SAVED_EVERY, &mut write)),
        resume: state.found.clone(),
        ..Control::default()
    };
    let searched = job.run(&mut control).map_err(|error| match error {
        RunError::Search(error) => state.explain(error),
        error => error.into(),
    })?;
    interrupt::check()?;
    progress.end();
    if searched.rated.start_is_better {
        console::warn(START_IS_BETTER);
    }
    Ok(searched)
}

/// What the order does to every bucket, and to what was searched for.
fn say_buckets(report: &Report) {
    let percent = |rate: f64| 100.0 * rate;
    if let Some(rates) = &report.weighted_zero_block_rate {
        console::say(format!(
            "weighted, as searched for: {:.4} % before, {:.4} % after",
            percent(rates.before),
            percent(rates.after)
        ));
    }
    for BucketReport {
        bucket,
        weight,
        rates,
    } in &report.buckets
    {
        let weight = weight.map_or(String::new(), |weight| format!(", weight {weight}"));
        console::say(format!(
            "bucket {bucket}{weight}: {:.2} % before, {:.2} % after ({} samples)",
            percent(rates.before),
            percent(rates.after),
            rates.samples
        ));
    }
}
