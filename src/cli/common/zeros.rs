//! Positions on which zeros of neurons are counted, for pictures.

use std::path::PathBuf;

use ftperm::compute::cpu::CpuBackend;
use ftperm::nets::stockfish::Network;
use ftperm::order::PermutationFile;
use ftperm::report::pictures::ZeroNumbers;

use super::{Files, PositionArgs, check_entries};
use crate::cli::{Global, UsageError, console};

/// Where zero rates come from.
#[derive(Debug, clap::Args)]
#[command(mut_arg("data", |data| data.required(false)))]
pub struct ZeroArgs {
    #[command(flatten)]
    pub positions: PositionArgs,
    /// Positions of --data to take
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Also show the zeros of this order of the network's neurons
    #[arg(long, value_name = "FILE")]
    perm: Option<PathBuf>,
}

impl ZeroArgs {
    /// Are there positions?
    pub fn are_given(&self) -> bool {
        !self.positions.data.is_empty()
    }

    /// An order alone counts nothing.
    ///
    /// # Errors
    /// The command line has one without positions.
    pub fn check(&self, global: &Global) -> anyhow::Result<()> {
        if global.given("--perm") && !self.are_given() {
            let text =
                "the order of --perm is for zeros, which are counted on positions: --data FILE";
            return Err(UsageError(text.into()).into());
        }
        Ok(())
    }

    /// What is read, for checks of the outputs.
    pub fn inputs(&self, files: Files) -> Files {
        files
            .input("--perm", self.perm.as_deref())
            .data("--data", &self.positions.data)
    }

    /// Counts zeros, if there are positions.
    pub fn measure(&self, network: &Network) -> anyhow::Result<Option<ZeroNumbers>> {
        if !self.are_given() {
            return Ok(None);
        }
        let order = match &self.perm {
            Some(file) => {
                let found = PermutationFile::read(file)?.permutation;
                check_entries(file, &found, network.architecture.neurons())?;
                Some(found)
            }
            None => None,
        };
        let boards = self.positions.read(self.count, None)?.boards;
        let backend = CpuBackend::new(None)?;
        let found = ZeroNumbers::measure(network, &backend, &boards, order.as_ref())?;
        console::say(format!(
            "zeros: {} samples, {} neurons always zero, {} never",
            found.samples,
            found.dead.len(),
            found.never_zero.len()
        ));
        Ok(Some(found))
    }
}
