//! `ftperm gather`

use std::path::PathBuf;

use ftperm::actmat::{self, ZeroRule};
use ftperm::checkpoint::{Checkpoint, ConvertOptions, same_features};
use ftperm::gather::gather;
use ftperm::nnue::Network;
use ftperm::output::{OutputFile, check_writable, io_error};
use ftperm::permutation::is_npy;
use ftperm::samples::SampleOrder;
use ftperm::zeros::ZeroPlanes;
use serde::Serialize;

use super::common::{BackendArgs, NetArgs, PositionArgs};
use super::{Global, UsageError, console};

/// Compute which feature transformer outputs are zero, for `find` and `eval`
///
/// Writes a planes file, or, where the name ends in .npy, the activation matrix of ftperm.py.
#[derive(Debug, clap::Args)]
pub struct Gather {
    #[command(flatten)]
    net: NetArgs,
    /// Take the network from this checkpoint
    #[arg(long, value_name = "FILE", conflicts_with = "net")]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    positions: PositionArgs,
    /// Positions to take
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// When an output counts as zero: floor as engines do, round as ftperm.py did until May 2026
    #[arg(long, value_name = "RULE", value_enum, default_value = "floor")]
    zero_rule: ZeroRuleChoice,
    /// Feature sets that the network must have; they are recognised without it
    #[arg(long, value_name = "NAMES")]
    features: Option<String>,
    /// Accumulator width that the network must have; it is recognised without it
    #[arg(long, value_name = "N")]
    l1: Option<usize>,
    #[command(flatten)]
    backend: BackendArgs,
}

/// When an output counts as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ZeroRuleChoice {
    Floor,
    Round,
}

#[derive(Serialize)]
struct Report {
    positions: usize,
    samples: usize,
    neurons: usize,
    out: String,
    version: &'static str,
}

impl Gather {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        check_writable(&self.out)?;
        if self.zero_rule == ZeroRuleChoice::Round && !is_npy(&self.out) {
            let text = "--zero-rule round is for matrices: give --out a name that ends in .npy";
            return Err(UsageError(text.into()).into());
        }
        self.backend.configure_threads()?;
        let network = self.network()?;
        self.check(&network)?;
        let taken = self.positions.read(self.count, self.backend.threads)?;
        let planes = self.planes(&network, &taken.boards)?;
        let mut out = OutputFile::create(&self.out)?;
        let written = if is_npy(&self.out) {
            actmat::write(&planes, &mut out)
        } else {
            planes.write(&mut out)
        };
        written.map_err(|source| io_error(&self.out, source))?;
        out.commit()?;
        let report = Report {
            positions: taken.boards.len(),
            samples: planes.samples(),
            neurons: planes.neurons(),
            out: self.out.display().to_string(),
            version: env!("CARGO_PKG_VERSION"),
        };
        if global.json {
            console::json(&report)
        } else {
            console::result(&report.out)
        }
    }

    fn network(&self) -> anyhow::Result<Network> {
        let Some(path) = &self.checkpoint else {
            return Ok(self.net.load()?.network);
        };
        let checkpoint = Checkpoint::open(path)?;
        let (network, _) = checkpoint.to_network(&ConvertOptions::default())?;
        Ok(network)
    }

    /// Does the network have what the caller says it has?
    fn check(&self, network: &Network) -> anyhow::Result<()> {
        let it = &network.architecture;
        if self.l1.is_some_and(|l1| l1 != it.l1) {
            anyhow::bail!(
                "--l1 says {}, the network has {}",
                self.l1.unwrap_or_default(),
                it.l1
            );
        }
        if let Some(names) = &self.features
            && !same_features(names, it)
        {
            anyhow::bail!(
                "--features says {names}, the network has {}",
                it.feature_names()
            );
        }
        Ok(())
    }

    fn planes(
        &self,
        network: &Network,
        boards: &[ftperm::board::Board],
    ) -> anyhow::Result<ZeroPlanes> {
        // The kernels want whole groups of 64 columns; narrow test networks are left to plain code.
        let rule = match self.zero_rule {
            ZeroRuleChoice::Round => Some(ZeroRule::Round),
            ZeroRuleChoice::Floor if !network.architecture.l1.is_multiple_of(64) => {
                Some(ZeroRule::Floor)
            }
            ZeroRuleChoice::Floor => None,
        };
        if let Some(rule) = rule {
            return Ok(actmat::gather(network, boards, rule, |_| {}));
        }
        let backend = self.backend.open()?;
        console::say(format!(
            "computing on {}: {}",
            backend.name(),
            backend.adapter()
        ));
        let rows = network.ft_rows();
        let mut evaluator = backend.ft_evaluator(rows.weights())?;
        // A matrix keeps the order of the positions; for counting any order will do.
        let order = if is_npy(&self.out) {
            SampleOrder::Positions
        } else {
            SampleOrder::KingPlaces
        };
        Ok(gather(
            &network.architecture,
            evaluator.as_mut(),
            boards,
            order,
            |_| {},
        )?)
    }
}
