//! `ftperm eval`

use std::path::PathBuf;

use ftperm::compute::cpu::CpuBackend;
use ftperm::order::{Permutation, PermutationFile};
use ftperm::planes::matrix::EvalError;
use ftperm::search::ByBucket;
use serde::Serialize;

use super::common::{MemoryArgs, PlanesInput};
use super::reference::{OfEval, Options};
use super::{Global, console};

/// Print the share of all-zero blocks of planes or a matrix, before and after a permutation
///
/// Several files count as one set. Planes files may be larger than memory.
#[derive(Debug, clap::Args)]
pub struct Eval {
    /// Planes files of `gather`, or activation matrices (.npy)
    // Elsewhere --data are positions.
    #[arg(id = "planes", long = "data", value_name = "FILE", required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// A permutation
    #[arg(long, value_name = "FILE")]
    perm: Option<PathBuf>,
    /// Accumulator width that the data must have been made with (pairwise networks)
    #[arg(long, value_name = "N")]
    l1: Option<usize>,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    pub(super) reference: Options<OfEval>,
}

#[derive(Serialize)]
struct Report {
    samples: u64,
    base_percent: f64,
    perm_percent: Option<f64>,
    /// Of the buckets that have samples, where the files tell buckets.
    buckets: Vec<BucketReport>,
}

#[derive(Serialize)]
struct BucketReport {
    bucket: usize,
    samples: u64,
    base_percent: f64,
    perm_percent: Option<f64>,
}

impl Eval {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let limit = self.memory.limit().unwrap_or(u64::MAX);
        let input = PlanesInput::open(&self.data, limit)?;
        let neurons = input.neurons();
        if let Some(l1) = self.l1.filter(|&l1| l1 != 2 * neurons) {
            anyhow::bail!("--l1 says {l1}, the data have {}", 2 * neurons);
        }
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
            let name = self.perm.iter().map(|path| path.display().to_string());
            let error = anyhow::Error::from(EvalError::Length { found, neurons });
            return Err(error.context(name.collect::<String>()));
        }
        let backend = CpuBackend::new(None)?;
        let sets = input.into_sets(&backend);
        let by_bucket = sets.samples();
        let samples: u64 = by_bucket.values().sum();
        if samples == 0 {
            anyhow::bail!("there are no samples in these files");
        }
        let percentage =
            |zero: u64, samples: u64| zero as f64 / (samples * (neurons as u64 / 4)) as f64 * 100.0;
        let all = |zero: &ByBucket| percentage(zero.values().sum(), samples);
        let base = sets.zero_blocks(Permutation::identity(neurons).indices())?;
        let perm = perm
            .map(|it| sets.zero_blocks(it.permutation.indices()))
            .transpose()?;
        let with_samples = by_bucket.iter().filter(|&(_, &samples)| samples > 0);
        let report = Report {
            samples,
            base_percent: all(&base),
            perm_percent: perm.as_ref().map(all),
            buckets: with_samples
                .filter_map(|(bucket, &samples)| {
                    Some(BucketReport {
                        bucket: (*bucket)?,
                        samples,
                        base_percent: percentage(base[bucket], samples),
                        perm_percent: perm.as_ref().map(|it| percentage(it[bucket], samples)),
                    })
                })
                .collect(),
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
        for BucketReport {
            bucket,
            samples,
            base_percent,
            perm_percent,
        } in &report.buckets
        {
            let perm = perm_percent.map_or(String::new(), |percent| format!(", perm {percent:.6}"));
            console::result(format!(
                "Bucket {bucket} ({samples} samples): base {base_percent:.6}{perm}"
            ))?;
        }
        Ok(())
    }
}
