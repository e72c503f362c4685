//! `ftperm optimize`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::bail;
use ftperm::files::digest::hex;
use ftperm::nets::deliver::Target;
use ftperm::nets::model::{Model, ModelFile};
use ftperm::report::measures::measure;
use ftperm::report::{NetReport, Seconds};
use ftperm::run::{Footprint, Found, Written};

use super::common::numbers::share;
use super::common::{
    AppliedArgs, BackendArgs, KindArgs, LoadedModel, MemoryArgs, NetArgs, OutArgs, PositionArgs,
    SearchArgs, WeightArgs,
};
use super::export::ExportArgs;
use super::layout::LayoutArgs;
use super::progress::Stage;
use super::{Global, console};

mod engine;
mod notes;
mod positions;
mod run;
mod summary;

use engine::EngineArgs;
use positions::{Chosen, InMemory};
use run::{Done, Outcome};
use summary::summary;

/// Find a better order on a sample of positions and write the permuted network
///
/// Reads positions, computes which feature transformer outputs are zero, searches the order with the most all-zero
/// blocks, writes the permuted network and the permutation, reads the network back and proves that every weight of it
/// is the input's in the new order. With --layout it does so for networks of other engines. Without --out and --perm it
/// writes nn-<sha12>.nnue and nn-<sha12>.perm.txt into the current folder, and nothing if held-out games find the order
/// no better than the network's own. What is computed of more positions than --memory holds
/// goes to a temporary file beside the network that is written; then the search works on a part of it, and the rates
/// are those of all.
#[derive(Debug, clap::Args)]
pub struct Optimize {
    #[command(flatten)]
    net: NetArgs,
    #[command(flatten)]
    pub(super) positions: PositionArgs,
    /// Positions to take
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    #[command(flatten)]
    walks: KindArgs,
    /// Share of the positions, by whole games, that the search does not see and the result is measured on
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share, allow_negative_numbers = true)]
    holdout: f64,
    /// Seed of the choice of what is held out: not that of --seed, so that searches of different seeds are measured on
    /// the same games
    #[arg(long, value_name = "N", default_value_t = 0)]
    holdout_seed: u64,
    #[command(flatten)]
    weight: WeightArgs,
    #[command(flatten)]
    out: OutArgs,
    /// Write the permutation to this file: in the format of .npy if the name ends in .npy or .perm, else text
    #[arg(long, value_name = "FILE")]
    perm: Option<PathBuf>,
    /// Write a report of the run: a page with pictures if the name ends in .html, else JSON, from which `ftperm report`
    /// makes the page
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write a network although its order is no better than it was and no output is named, and replace with --perm a
    /// permutation of another network
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    pub(super) backend: BackendArgs,
    #[command(flatten)]
    export: ExportArgs,
    #[command(flatten)]
    layout: LayoutArgs,
    #[command(flatten)]
    applied: AppliedArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

impl Optimize {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        self.export.check(global)?;
        let Done {
            report,
            files,
            verified,
        } = self.execute()?;
        summary(&report, verified.as_deref());
        if global.json {
            return console::json(&report);
        }
        if self.export.export.is_some() {
            return Ok(());
        }
        files.iter().try_for_each(|file| console::file(file))
    }

    /// Does all the work; when it returns, everything is written, and the order printed if --export says so.
    fn execute(&self) -> anyhow::Result<Done> {
        let mut begun = self.begin()?;
        let clock = Instant::now();
        let loaded = LoadedModel::load(&self.net, &self.layout)?;
        let mut seconds = Seconds {
            read_net: clock.elapsed().as_secs_f64(),
            ..Seconds::default()
        };
        loaded.check_output(&self.out)?;
        loaded.say_buckets(&self.weight);
        loaded.say_overflow();
        let found_at = begun.files.clone().network_found("--net", &loaded.origin);
        found_at.check()?;
        self.check_permutation(&hex(&loaded.sha256))?;
        let build = self.applied.order(&loaded)?;
        let in_engine = build.as_ref().map(|build| loaded.in_engine(build));
        let in_engine = in_engine.transpose()?;
        let model = in_engine.as_deref().unwrap_or(loaded.model());
        let shape = model.shape();
        self.search
            .check_start(begun.start.as_ref(), shape.neurons)?;
        if let Some(build) = &build {
            begun.start = begun.start.map(|start| build.in_engine(&start));
        }
        self.prepare(&mut begun, shape);
        let copies = 1 + u64::from(in_engine.is_some());
        let mut chosen = self.choose(&InMemory {
            bytes: copies * model.demand().bytes,
            delivery: loaded.delivery_bytes(),
            footprint: Footprint::of(model, self.weight.weight.is_some(), self.search.tries()),
        })?;
        let backend = self.open(&mut begun, shape, &chosen)?;
        let job = self.job(model, &begun, &mut chosen);
        let (mut found, curve) = self.search(&job, backend.as_ref())?;
        if let Some(doubt) = model.doubt(&found.zeros) {
            console::warn(doubt);
        }
        let measured = (job.training, job.holdout.boards);
        let net = NetReport {
            path: loaded.origin.to_string(),
            sha256: hex(&loaded.sha256),
            era: loaded.kind(),
            l1: shape.columns,
            engines_skip_zero_blocks: Some(loaded.sparse()),
        };
        let order = found.search.permutation.clone();
        if let Some(build) = &build {
            found.search.permutation = build.in_file(&order);
        }
        let reread = loaded.model().reread();
        let reread = reread.as_ref();
        let mut unwritten = None;
        let delivery = if self.delivers(&found) {
            let weights = loaded.weights_sha256();
            let model = loaded.into_written(&self.out);
            let written = self.write(&found, model, &begun.target, &mut seconds)?;
            Some((written, weights))
        } else {
            unwritten = Some(loaded);
            None
        };
        let outcome = Outcome {
            begun: &begun,
            chosen: &chosen,
            shape,
            backend: backend.as_ref(),
            net,
            found: &found,
            curve,
            delivery,
            seconds,
        };
        self.finish(outcome, reread, |written| {
            let backend = backend.as_ref();
            let of = |model: &dyn Model| measure(model, backend, &measured.0, &measured.1, &order);
            match (written, &in_engine, &unwritten) {
                (_, Some(model), _) => Ok(of(model.as_ref())?),
                (Some(path), None, _) => {
                    let mut model = reread.read(path).map_err(anyhow::Error::from_boxed)?;
                    let back = model.permute(&order.inverse());
                    back.map_err(anyhow::Error::from_boxed)?;
                    Ok(of(model.as_ref())?)
                }
                (None, None, Some(loaded)) => Ok(of(loaded.model())?),
                (None, None, None) => bail!("there is no network to measure"),
            }
        })
    }

    /// Writes the permuted network under a temporary name and compares it with what it was.
    fn write(
        &self,
        found: &Found,
        model: Box<dyn ModelFile>,
        target: &Target,
        seconds: &mut Seconds,
    ) -> anyhow::Result<Written> {
        let clock = Instant::now();
        let verifying = Stage::counting("verifying", 2 * found.verified_on.len() as u64);
        let written = found.deliver(model, target, &|| verifying.add(1))?;
        drop(verifying);
        let evaluating = written.network.evaluating;
        seconds.verify = evaluating.as_secs_f64();
        seconds.write = clock.elapsed().saturating_sub(evaluating).as_secs_f64();
        Ok(written)
    }
}
