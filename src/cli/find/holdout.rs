//! The rates of the found order on planes that the search did not see.

use std::path::PathBuf;

use anyhow::bail;
use ftperm::compute::Backend;
use ftperm::order::Permutation;
use serde::Serialize;

use crate::cli::common::PlanesInput;
use crate::cli::console;

/// Planes that `gather --holdout` put apart.
#[derive(Debug, clap::Args)]
pub struct HoldoutArgs {
    /// Planes files of `gather --holdout` that are not searched on: the rates on them are told
    // Elsewhere --holdout is a share.
    #[arg(id = "holdout_planes", long = "holdout", value_name = "FILE", num_args = 1..)]
    pub holdout: Vec<PathBuf>,
}

/// Zero cells of the held-out samples.
#[derive(Serialize)]
pub struct HoldoutReport {
    pub samples: u64,
    pub zero_blocks_before: u64,
    pub zero_blocks_after: u64,
    pub cells: u64,
}

/// Held-out planes, open.
pub struct HeldOut(Option<PlanesInput>);

impl HoldoutArgs {
    /// Opens the files, and checks that they go with the planes to search on.
    pub fn open(&self, searched: &PlanesInput, limit: u64) -> anyhow::Result<HeldOut> {
        if self.holdout.is_empty() {
            return Ok(HeldOut(None));
        }
        let held_out = PlanesInput::open(&self.holdout, limit)?;
        let (found, neurons) = (held_out.neurons(), searched.neurons());
        if found != neurons {
            bail!("the held-out planes have {found} neurons, those searched on {neurons}");
        }
        if let (Some(held_out), Some(searched)) = (&held_out.net_sha256, &searched.net_sha256)
            && held_out != searched
        {
            bail!("the held-out planes are of another network than those searched on");
        }
        Ok(HeldOut(Some(held_out)))
    }
}

impl HeldOut {
    /// Counts zero blocks in the order of the network and in the one found; nothing without samples.
    pub fn rate(
        self,
        order: &Permutation,
        backend: &dyn Backend,
    ) -> anyhow::Result<Option<HoldoutReport>> {
        let Some(input) = self.0 else {
            return Ok(None);
        };
        let samples = input.samples();
        if samples == 0 {
            return Ok(None);
        }
        let sets = input.into_sets(backend);
        let identity = Permutation::identity(order.len());
        let zero_blocks = |order: &Permutation| -> anyhow::Result<u64> {
            Ok(sets.zero_blocks(order.indices())?.values().sum())
        };
        Ok(Some(HoldoutReport {
            samples,
            zero_blocks_before: zero_blocks(&identity)?,
            zero_blocks_after: zero_blocks(order)?,
            cells: samples * (order.len() as u64 / 4),
        }))
    }
}

/// Tells the held-out rates, or that there are none.
pub fn say_held_out(report: Option<&HoldoutReport>) {
    let Some(report) = report else {
        console::warn(
            "nothing was held out: the rates are those of the samples searched on, and too good for others \
             (gather --holdout 0.1, find --holdout)",
        );
        return;
    };
    let percent = |zero: u64| 100.0 * zero as f64 / report.cells as f64;
    console::say(format!(
        "on {} held-out samples: {:.4} % before, {:.4} % after (no interval: planes do not tell games; `optimize` \
         does)",
        report.samples,
        percent(report.zero_blocks_before),
        percent(report.zero_blocks_after)
    ));
}
