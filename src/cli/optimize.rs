//! `ftperm optimize`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ftperm::bucket_weights::Fitted;
use ftperm::deliver::write_checked;
use ftperm::digest::hex;
use ftperm::optimize::{Footprint, Job, optimize};
use ftperm::report::measures::measure;
use ftperm::report::{NetReport, Seconds};
use ftperm::verify::ReferenceOutputs;

use super::common::numbers::share;
use super::common::{
    BackendArgs, KindArgs, LoadedNet, MemoryArgs, NetArgs, OutArgs, PositionArgs, SearchArgs,
    WeightArgs, say_fitted,
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
use run::{Done, Outcome, Shape, say_spilling, verified_positions};
use summary::summary;

/// Find a better order on a sample of positions and write the permuted network
///
/// Reads positions, computes which feature transformer outputs are zero, searches the order with the most all-zero
/// blocks, writes the permuted network and the permutation, reads the network back and proves that it computes the
/// same in all buckets. With --layout it does so for networks of other engines. Without --out and --perm it writes
/// nn-<sha12>.nnue and nn-<sha12>.perm.txt into the current folder. What is computed of more positions than --memory
/// holds goes to a temporary file beside the network that is written; then the search works on a part of it, and the
/// rates are those of all.
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
        summary(&report, &verified);
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
            mut network,
            origin,
            sha256,
            file_bytes,
        } = self.net.load()?;
        let read_net = clock.elapsed();
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
        let measures = self.measured(&chosen, |searched, held| {
            measure(&network, backend.as_ref(), searched, held, permutation)
        })?;

        let clock = Instant::now();
        let verified = verified_positions(&chosen);
        let verifying = Stage::counting("verifying", 2 * verified.len() as u64);
        let reference = ReferenceOutputs::watched(&network, verified, &|| verifying.add(1));
        let reference_time = clock.elapsed();
        let clock = Instant::now();
        network.permute(permutation)?;
        self.out.dress(&mut network);
        let net = NetReport {
            path: origin.to_string(),
            sha256: hex(&sha256),
            era: network.recognition.era.id.to_string(),
            l1: shape.columns,
        };
        let mut compare_time = Duration::ZERO;
        let written = write_checked(network, &begun.target, |written| {
            let clock = Instant::now();
            let outcome =
                reference.compare_permuted_watched(written, permutation, &|| verifying.add(1));
            compare_time = clock.elapsed();
            outcome
        })?;
        drop(verifying);
        let write_time = clock.elapsed().saturating_sub(compare_time);
        self.finish(Outcome {
            begun: &begun,
            chosen: &chosen,
            shape,
            backend: backend.as_ref(),
            net,
            plan: &plan,
            curve,
            measures,
            written,
            verified: (
                reference.len(),
                format!(
                    "verified: same outputs in all buckets on {} positions",
                    reference.len()
                ),
            ),
            seconds: Seconds {
                read_net: read_net.as_secs_f64(),
                verify: (reference_time + compare_time).as_secs_f64(),
                write: write_time.as_secs_f64(),
                ..Seconds::default()
            },
        })
    }
}
