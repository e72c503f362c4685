//! `ftperm apply`

use std::path::PathBuf;

use ftperm::deliver::write_checked;
use ftperm::output::hex;
use ftperm::permutation::{NET_SHA256, PermutationFile};
use ftperm::playouts::random_positions;
use ftperm::verify::ReferenceOutputs;
use serde::Serialize;

use super::common::{NetArgs, NetSummary, OutArgs};
use super::{Global, console};

/// Positions of random games on which the result is verified.
const VERIFIED_POSITIONS: usize = 500;

/// Permute a network with a known permutation
///
/// The result is read back and compared with the input in all buckets on positions of random games.
#[derive(Debug, clap::Args)]
pub struct Apply {
    /// The permutation: text with one neuron number a line, or the .npy of ftperm.py
    #[arg(value_name = "PERM")]
    permutation: PathBuf,
    #[command(flatten)]
    net: NetArgs,
    #[command(flatten)]
    out: OutArgs,
    /// Apply the inverse: undo the permutation
    #[arg(long)]
    inverse: bool,
}

#[derive(Serialize)]
struct Report {
    net: NetSummary,
    out: NetSummary,
    era: &'static str,
    neurons: usize,
    verified: super::verify::Verified,
    version: &'static str,
}

impl Apply {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let file = PermutationFile::read(&self.permutation)?;
        let target = self.out.target()?;
        let mut loaded = self.net.load()?;
        if let Some(recorded) = file.note(NET_SHA256)
            && recorded != hex(&loaded.sha256)
            && !self.inverse
        {
            console::warn(format!(
                "{} was made for a network with sha256 {recorded}, this one has {}; \
                 it is valid here, but how good it is nobody knows",
                self.permutation.display(),
                hex(&loaded.sha256)
            ));
        }
        let permutation = if self.inverse {
            file.permutation.inverse()
        } else {
            file.permutation
        };
        let reference =
            ReferenceOutputs::new(&loaded.network, random_positions(1, VERIFIED_POSITIONS));
        loaded.network.permute(&permutation)?;
        self.out.dress(&mut loaded.network);
        let finished = write_checked(&loaded.network, &target, |written| {
            reference.compare_permuted(written, &permutation)
        })?;
        let report = Report {
            net: NetSummary::new(&loaded.path, &loaded.sha256),
            out: NetSummary::new(finished.target(), &finished.sha256()),
            era: loaded.network.recognition.era.id,
            neurons: permutation.len(),
            verified: super::verify::Verified {
                positions: reference.len(),
                equal: true,
            },
            version: env!("CARGO_PKG_VERSION"),
        };
        finished.commit()?;
        console::say(format!(
            "verified: same outputs in all buckets on {} positions",
            report.verified.positions
        ));
        if global.json {
            console::json(&report)
        } else {
            console::result(&report.out.path)
        }
    }
}
