//! `ftperm optimize`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::bail;
use ftperm::files::digest::hex;
use ftperm::nets::deliver::{same_reading, write_permuted};
use ftperm::nets::stockfish::Network;
use ftperm::order::Permutation;
use ftperm::positions::bucket_weights::Fitted;
use ftperm::report::measures::measure;
use ftperm::report::{NetReport, Seconds};
use ftperm::run::{Footprint, Job, optimize};

use super::common::numbers::share;
use super::common::{
    BackendArgs, KindArgs, LoadedNet, MemoryArgs, NetArgs, OutArgs, PositionArgs, SearchArgs,
    WeightArgs, every_weight, say_fitted,
};
use super::export::ExportArgs;
use super::layout::LayoutArgs;
use super::progress::Stage;
use super::{Global, console};

mod layout;
mod notes;
mod positions;
mod run;
mod summary;

use positions::{Chosen, InMemory};
use run::{Begun, Delivery, Done, Outcome, Shape, say_spilling, verified_positions};
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
        if let Some(layout) = &self.layout.layout {
            return self.execute_layout(layout);
        }
        let mut begun = self.begin()?;
        let clock = Instant::now();
        let LoadedNet {
            network,
            origin,
            sha256,
            file_bytes,
            ..
        } = self.net.load()?;
        let read_net = clock.elapsed();
        begun
            .files
            .clone()
            .network_found("--net", &origin)
            .check()?;
        self.check_permutation(&hex(&sha256))?;
        let shape = Shape {
            columns: network.architecture.l1,
            neurons: network.architecture.neurons(),
            perspectives: 2,
        };
        self.search
            .check_start(begun.start.as_ref(), shape.neurons)?;
        let bytes = network.bytes();
        let chosen = self.choose(&InMemory {
            bytes,
            // The file's bytes, as it is read and as it is read back; compressed they are hardly more than the weights.
            delivery: bytes.max(file_bytes),
            footprint: Footprint::of(&network),
        })?;
        let backend = self.open(&mut begun, shape, &chosen)?;
        let (plan, curve) = self.watch(&begun, shape, &chosen, |how| {
            let job = Job {
                network: &network,
                task: how.task,
                weights: self.weight.weight,
            };
            let fitted = job.fitted_weights();
            say_fitted(fitted);
            say_spilling(job.spilled_bytes(), fitted == Fitted::Part, &job.task);
            optimize(&job, backend.as_ref(), how.control, how.evaluated)
        })?;
        let permutation = &plan.search.permutation;
        let net = NetReport {
            path: origin.to_string(),
            sha256: hex(&sha256),
            era: network.recognition.era.id.to_string(),
            l1: shape.columns,
        };
        let mut seconds = Seconds {
            read_net: read_net.as_secs_f64(),
            ..Seconds::default()
        };
        let reading = same_reading(&network);
        let mut unwritten = None;
        let delivery = if self.delivers(&plan) {
            Some(self.write(network, permutation, &begun, &chosen, &mut seconds)?)
        } else {
            unwritten = Some(network);
            None
        };
        let outcome = Outcome {
            begun: &begun,
            chosen: &chosen,
            shape,
            backend: backend.as_ref(),
            net,
            plan: &plan,
            curve,
            delivery,
            seconds,
        };
        self.finish(outcome, |written, searched, held| {
            let network = match (written, unwritten) {
                (Some(path), _) => {
                    let mut network = Network::read(path, &reading)?;
                    network.permute(&permutation.inverse())?;
                    network
                }
                (None, Some(network)) => network,
                (None, None) => bail!("there is no network to measure"),
            };
            let backend = backend.as_ref();
            Ok(measure(&network, backend, searched, held, permutation)?)
        })
    }

    /// Writes the permuted network under a temporary name and compares it with what it was.
    fn write(
        &self,
        mut network: Network,
        permutation: &Permutation,
        begun: &Begun,
        chosen: &Chosen,
        seconds: &mut Seconds,
    ) -> anyhow::Result<Delivery> {
        let clock = Instant::now();
        let verified = verified_positions(chosen);
        let verifying = Stage::counting("verifying", 2 * verified.len() as u64);
        self.out.dress(&mut network);
        let weights = Some(network.weights_sha256());
        let evaluated = || verifying.add(1);
        let proved = write_permuted(network, permutation, &begun.target, verified, &evaluated)?;
        drop(verifying);
        let write_time = clock.elapsed().saturating_sub(proved.evaluating);
        seconds.verify = proved.evaluating.as_secs_f64();
        seconds.write = write_time.as_secs_f64();
        Ok(Delivery {
            written: proved.file,
            verified: (proved.positions, every_weight(proved.positions)),
            weights,
        })
    }
}
