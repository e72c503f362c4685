//! `ftperm verify`

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use ftperm::report::Verified;
use ftperm::verify::ReferenceOutputs;
use serde::Serialize;

use super::bench::{BenchArgs, engine_net};
use super::common::{NetSummary, PositionArgs, ReadingArgs, load_pair};
use super::layout::{self, LayoutArgs};
use super::{Global, console};

/// Check on positions that two networks compute the same
///
/// The raw PSQT and positional outputs of all buckets must be equal. Exit code 1 if they are not.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// A network
    a: PathBuf,
    /// The network that should compute the same
    b: PathBuf,
    #[command(flatten)]
    pub(super) positions: PositionArgs,
    /// Positions to compare on
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Also run the bench of this engine: it must search the same number of nodes with both networks
    #[arg(long, value_name = "ENGINE")]
    engine: Option<PathBuf>,
    #[command(flatten)]
    bench: BenchArgs,
    #[command(flatten)]
    layout: LayoutArgs,
}

#[derive(Serialize)]
struct Report {
    a: NetSummary,
    b: NetSummary,
    verified: Verified,
    /// Are they the same neurons in another order, and so equal on every position? Known under a layout only.
    same_neurons: Option<bool>,
    difference: Option<String>,
    /// Nodes of the engine's bench, equal for both networks.
    nodes: Option<u64>,
    version: &'static str,
}

/// Two networks, and what was found on some positions.
struct Compared {
    a: NetSummary,
    b: NetSummary,
    positions: usize,
    same_neurons: Option<bool>,
    /// What is equal, or what is not.
    outcome: Result<String, String>,
}

impl Verify {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let Compared {
            a,
            b,
            positions,
            same_neurons,
            outcome,
        } = match &self.layout.layout {
            Some(layout) => self.compare_under(layout)?,
            None => self.compare()?,
        };
        let nodes = match &self.engine {
            Some(engine) if outcome.is_ok() => {
                let (a, b) = (
                    engine_net(self.a.as_os_str())?,
                    engine_net(self.b.as_os_str())?,
                );
                Some(self.bench.of(engine).same_nodes(&a, &b)?.base.nodes)
            }
            _ => None,
        };
        if global.json {
            console::json(&Report {
                a,
                b,
                verified: Verified {
                    positions,
                    equal: outcome.is_ok(),
                },
                same_neurons,
                difference: outcome.clone().err(),
                nodes,
                version: env!("CARGO_PKG_VERSION"),
            })?;
        }
        let equal = outcome.map_err(|difference| {
            anyhow!(
                "{} and {} differ: {difference}",
                self.a.display(),
                self.b.display()
            )
        })?;
        if !global.json {
            console::result(equal)?;
            if let Some(nodes) = nodes {
                console::result(format!("equal in the engine: {nodes} nodes"))?;
            }
        }
        Ok(())
    }

    fn compare(&self) -> anyhow::Result<Compared> {
        let (a, b) = load_pair(self.a.as_os_str(), self.b.as_os_str(), &self.reading)?;
        let taken = self.positions.read(self.count, None)?;
        let reference = ReferenceOutputs::new(&a.network, taken.boards);
        let positions = reference.len();
        Ok(Compared {
            a: NetSummary::from(&a),
            b: NetSummary::from(&b),
            positions,
            same_neurons: None,
            outcome: reference
                .compare(&b.network)
                .map(|()| format!("equal in all buckets on {positions} positions"))
                .map_err(|difference| difference.to_string()),
        })
    }

    fn compare_under(&self, layout: &Path) -> anyhow::Result<Compared> {
        let (a, _) = layout::load(layout, Some(self.a.as_os_str()))?;
        let (b, _) = layout::load_as(a.layout(), Some(self.b.as_os_str()))?;
        let taken = self.positions.read(self.count, None)?;
        let proof = ftperm::layout::compare(&a, &b, &taken.boards, None);
        Ok(Compared {
            a: NetSummary::new(&self.a, &a.sha256()),
            b: NetSummary::new(&self.b, &b.sha256()),
            positions: taken.boards.len(),
            same_neurons: Some(proof.as_ref().is_ok_and(|proof| proof.same_neurons)),
            outcome: proof
                .map(layout::proof_text)
                .map_err(|difference| difference.to_string()),
        })
    }
}
