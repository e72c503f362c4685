//! `ftperm optimize --layout`: the main job for networks of other engines.

use std::path::Path;
use std::time::Instant;

use ftperm::files::digest::hex;
use ftperm::report::measures::measure_layout;
use ftperm::report::{NetReport, Seconds};
use ftperm::run::Footprint;
use ftperm::run::described::{LayoutJob, LayoutPlan, plan};

use super::{Delivery, Done, InMemory, Optimize, Outcome, Shape, say_spilling, verified_positions};
use crate::cli::layout::{deliver, load, proof_line};
use crate::cli::{UsageError, console};

impl Optimize {
    /// As [`execute`](Optimize::execute).
    pub(super) fn execute_layout(&self, layout: &Path) -> anyhow::Result<Done> {
        if self.out.is_for_nnue_only() {
            let text = "--ft-compression and --description are for .nnue files, not for --layout";
            return Err(UsageError(text.into()).into());
        }
        if self.weight.weight.is_some() {
            let text = "--weight goes with networks of Stockfish, not with --layout";
            return Err(UsageError(text.into()).into());
        }
        let mut begun = self.begin()?;
        let clock = Instant::now();
        let (net, path) = load(layout, self.net.net.as_deref())?;
        let read_net = clock.elapsed();
        self.check_permutation(&hex(&net.sha256()))?;
        let layout = net.layout();
        let shape = Shape {
            columns: layout.columns(),
            neurons: layout.neurons(),
            perspectives: layout.input().perspectives(),
        };
        self.search
            .check_start(begun.start.as_ref(), shape.neurons)?;
        let bytes = net.bytes().len() as u64;
        let chosen = self.choose(&InMemory {
            bytes,
            // What was written, and the weights of one of both as numbers.
            delivery: 2 * bytes,
            footprint: Footprint::of_layout(layout),
        })?;
        let backend = self.open(&mut begun, shape, &chosen)?;
        let (LayoutPlan { plan, suspicion }, curve) =
            self.watch(&begun, shape, &chosen, |how| {
                let job = LayoutJob {
                    net: &net,
                    task: how.task,
                };
                say_spilling(job.spilled_bytes(), false, &job.task);
                plan(&job, backend.as_ref(), how.control, how.evaluated)
            })?;
        if let Some(order) = suspicion {
            console::warn(format!(
                "the first layer seems to belong to columns in the lane order of {}: if your engine stores the \
                 feature transformer so, this permutation breaks the network (docs/5-other-engines.md)",
                order.name
            ));
        }
        let permutation = &plan.search.permutation;
        let mut seconds = Seconds {
            read_net: read_net.as_secs_f64(),
            ..Seconds::default()
        };
        let delivery = if self.delivers(&plan) {
            let clock = Instant::now();
            let boards = verified_positions(&chosen);
            let (written, proof) = deliver(&net, &path, permutation, &begun.target, &boards)?;
            seconds.verify = clock.elapsed().as_secs_f64();
            Some(Delivery {
                written,
                verified: (proof.positions, proof_line(proof)),
                weights: None,
            })
        } else {
            None
        };
        let outcome = Outcome {
            begun: &begun,
            chosen: &chosen,
            shape,
            backend: backend.as_ref(),
            net: NetReport {
                path: path.display().to_string(),
                sha256: hex(&net.sha256()),
                era: format!("layout: {}", layout.name),
                l1: shape.columns,
            },
            plan: &plan,
            curve,
            delivery,
            seconds,
        };
        self.finish(outcome, |_, searched, held| {
            let backend = backend.as_ref();
            Ok(measure_layout(&net, backend, searched, held, permutation)?)
        })
    }
}
