//! `ftperm eval`

use std::path::PathBuf;

use ftperm::actmat::EvalError;
use ftperm::permutation::{Permutation, PermutationFile};
use serde::Serialize;

use super::common::{MemoryArgs, PlanesInput};
use super::{Global, console};

/// Print the share of all-zero blocks of planes or a matrix, before and after a permutation
///
/// Several files count as one set. Planes files may be larger than memory.
#[derive(Debug, clap::Args)]
pub struct Eval {
    /// Planes files of `gather`, or activation matrices (.npy)
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// A permutation
    #[arg(long, value_name = "FILE")]
    perm: Option<PathBuf>,
    #[command(flatten)]
    memory: MemoryArgs,
}

#[derive(Serialize)]
struct Report {
    samples: u64,
    base_percent: f64,
    perm_percent: Option<f64>,
}

impl Eval {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let input = PlanesInput::open(&self.data, self.memory.limit().unwrap_or(u64::MAX))?;
        let neurons = input.neurons();
        if !neurons.is_multiple_of(4) {
            return Err(EvalError::Blocks(neurons).into());
        }
        let perm = self
            .perm
            .as_deref()
            .map(PermutationFile::read)
            .transpose()?;
        if let Some(file) = &perm
            && file.permutation.len() != neurons
        {
            let found = file.permutation.len();
            return Err(EvalError::Length { found, neurons }.into());
        }
        if input.samples() == 0 {
            anyhow::bail!("there are no samples in these files");
        }
        let cells = input.samples() * (neurons as u64 / 4);
        let percentage = |order: &Permutation| -> anyhow::Result<f64> {
            Ok(input.zero_blocks(order)? as f64 / cells as f64 * 100.0)
        };
        let report = Report {
            samples: input.samples(),
            base_percent: percentage(&Permutation::identity(neurons))?,
            perm_percent: perm
                .as_ref()
                .map(|it| percentage(&it.permutation))
                .transpose()?,
        };
        if global.json {
            return console::json(&report);
        }
        console::result(format!(
            "Combined zeros in base matrix: {:.6}",
            report.base_percent
        ))?;
        if let Some(percent) = report.perm_percent {
            console::result(format!("Combined zeros in perm matrix: {percent:.6}"))?;
        }
        Ok(())
    }
}
