//! `ftperm find`

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use ftperm::actmat;
use ftperm::optimize::zero_blocks;
use ftperm::output::{check_writable, write_file};
use ftperm::permutation::{Permutation, PermutationFile, is_npy};
use ftperm::search::{Control, SearchOptions, search};
use ftperm::zeros::ZeroPlanes;
use serde::Serialize;

use super::activations::ActivationArgs;
use super::common::{BackendArgs, SearchArgs, progress_lines, stop_flag};
use super::export::ExportArgs;
use super::{Global, console};

/// Search the best order on gathered planes or matrices
///
/// Several files count as one set: parts that were gathered on several machines.
#[derive(Debug, clap::Args)]
pub struct Find {
    /// Planes files of `gather`, or activation matrices (.npy)
    #[arg(long, value_name = "FILE", required_unless_present = "activations", num_args = 1..)]
    data: Vec<PathBuf>,
    #[command(flatten)]
    activations: ActivationArgs,
    /// Where the permutation goes: .npy if the name ends so, else text
    #[arg(long, value_name = "FILE", required_unless_present = "export")]
    out: Option<PathBuf>,
    #[command(flatten)]
    export: ExportArgs,
    /// Seed of every random choice
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    search: SearchArgs,
    /// Accumulator width that the data must have been made with (pairwise networks)
    #[arg(long, value_name = "N")]
    l1: Option<usize>,
    #[command(flatten)]
    backend: BackendArgs,
}

#[derive(Serialize)]
struct Report {
    samples: u64,
    neurons: usize,
    zero_blocks_before: u64,
    zero_blocks_after: u64,
    cells: u64,
    interrupted: bool,
    out: Option<String>,
    version: &'static str,
}

/// Planes from a planes file or an activation matrix.
pub fn read_planes(path: &Path) -> anyhow::Result<ZeroPlanes> {
    Ok(if is_npy(path) {
        actmat::read(path)?
    } else {
        ZeroPlanes::read(path)?
    })
}

impl Find {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        self.export.check(global)?;
        if let Some(out) = &self.out {
            check_writable(out)?;
        }
        self.backend.configure_threads()?;
        let start = self.search.start()?;
        let mut chunks: Vec<ZeroPlanes> = self
            .data
            .iter()
            .map(|path| read_planes(path))
            .collect::<anyhow::Result<_>>()?;
        chunks.extend(self.activations.read()?);
        let neurons = chunks[0].neurons();
        if self.l1.is_some_and(|l1| l1 != 2 * neurons) {
            bail!(
                "--l1 says {}, the data have {}",
                self.l1.unwrap_or_default(),
                2 * neurons
            );
        }
        let backend = self.backend.open()?;
        console::say(format!(
            "computing on {}: {}",
            backend.name(),
            backend.adapter()
        ));
        let mut report_progress = progress_lines();
        let options = SearchOptions {
            effort: self.search.effort(),
            seed: self.seed,
            start,
        };
        let mut control = Control {
            stop: Some(stop_flag()?),
            deadline: self
                .search
                .time_limit()?
                .map(|it: Duration| std::time::Instant::now() + it),
            progress: Some(&mut report_progress),
        };
        let found = search(backend.as_ref(), &chunks, &options, &mut control)?;
        let identity = Permutation::identity(neurons);
        let sum = |order: &Permutation| -> u64 {
            chunks
                .iter()
                .map(|planes| zero_blocks(planes, order).zero)
                .sum()
        };
        let report = Report {
            samples: found.samples,
            neurons,
            zero_blocks_before: sum(&identity),
            zero_blocks_after: found.score,
            cells: found.samples * (neurons as u64 / 4),
            interrupted: !found.complete,
            out: self.out.as_ref().map(|out| out.display().to_string()),
            version: env!("CARGO_PKG_VERSION"),
        };
        let percent = |zero: u64| 100.0 * zero as f64 / report.cells as f64;
        let notes = vec![
            ("ftperm".to_string(), report.version.to_string()),
            (
                "samples searched on".to_string(),
                report.samples.to_string(),
            ),
            ("seed".to_string(), self.seed.to_string()),
            (
                "zero blocks before".to_string(),
                format!("{:.4} %", percent(report.zero_blocks_before)),
            ),
            (
                "zero blocks after".to_string(),
                format!("{:.4} %", percent(report.zero_blocks_after)),
            ),
        ];
        let file = PermutationFile {
            permutation: found.permutation,
            notes,
        };
        if let Some(out) = &self.out {
            write_file(out, &file.to_bytes(out))?;
        }
        console::say(format!(
            "all-zero blocks: {:.4} % before, {:.4} % after",
            percent(report.zero_blocks_before),
            percent(report.zero_blocks_after)
        ));
        if global.json {
            return console::json(&report);
        }
        let printed = self.export.print(&file.permutation)?;
        match &report.out {
            Some(out) if printed => console::say(format!("wrote {out}")),
            Some(out) => console::result(out)?,
            None => {}
        }
        Ok(())
    }
}
