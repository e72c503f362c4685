//! `ftperm eval`

use std::path::PathBuf;

use ftperm::actmat::zero_block_percentage;
use ftperm::permutation::PermutationFile;
use serde::Serialize;

use super::find::read_planes;
use super::{Global, console};

/// Print the share of all-zero blocks of planes or a matrix, before and after a permutation
#[derive(Debug, clap::Args)]
pub struct Eval {
    /// A planes file of `gather`, or an activation matrix (.npy)
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// A permutation
    #[arg(long, value_name = "FILE")]
    perm: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    base_percent: f64,
    perm_percent: Option<f64>,
}

impl Eval {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let planes = read_planes(&self.data)?;
        let perm = self
            .perm
            .as_deref()
            .map(PermutationFile::read)
            .transpose()?;
        let percentage = |order| zero_block_percentage(&planes, order);
        let report = Report {
            base_percent: percentage(None)?,
            perm_percent: perm
                .as_ref()
                .map(|it| percentage(Some(&it.permutation)))
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
