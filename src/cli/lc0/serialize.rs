//! `ftperm serialize` of weight files of Lc0: plain tensors, other encodings, the present format.

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use ftperm::files::atomic::{FinishedFile, OutputFile, io_error};
use ftperm::nets::lc0::{
    Arithmetic, Change, Encoding, Lc0File, Lc0Net, Rewrite, Rewritten, TensorChange, TensorOptions,
    Version,
};

use super::super::common::{Files, NetSummary};
use super::{VersionArgs, open};
use crate::cli::{Global, UsageError, console};

/// Options for networks of Lc0.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Networks of Lc0")]
pub struct Lc0Args {
    #[command(flatten)]
    pub version: VersionArgs,
    /// How tensors are stored [default: keep]
    #[arg(long, value_name = "HOW", value_enum)]
    encoding: Option<StoredAs>,
    /// Fold batch norm into weights and biases, as lc0 does while loading
    #[arg(long)]
    fold_batch_norm: bool,
    /// Write what lc0 changes in older formats while loading
    #[arg(long)]
    update_format: bool,
    /// Minimal version of lc0 that the file says, even if lower than before
    #[arg(long, value_name = "VERSION")]
    min_version: Option<Version>,
    /// Licence in the file
    #[arg(long, value_name = "TEXT")]
    license: Option<String>,
    /// Write these heads of several only: vanilla, optimistic_st, soft, opponent, winner, q, st
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    heads: Vec<String>,
}

/// How tensors are stored.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum StoredAs {
    /// As they are, byte for byte
    Keep,
    /// 16 bits between the smallest and the largest value; every lc0 reads it
    Linear16,
    /// Half precision; lc0 0.33 and later
    Float16,
    /// The upper half of single precision; lc0 0.33 and later
    Bfloat16,
    /// Single precision; lc0 0.33 and later
    Float32,
}

impl StoredAs {
    const fn encoding(self) -> Option<Encoding> {
        match self {
            StoredAs::Keep => None,
            StoredAs::Linear16 => Some(Encoding::Linear16),
            StoredAs::Float16 => Some(Encoding::Float16),
            StoredAs::Bfloat16 => Some(Encoding::Bfloat16),
            StoredAs::Float32 => Some(Encoding::Float32),
        }
    }
}

#[derive(serde::Serialize)]
struct Report {
    source: String,
    out: NetSummary,
    /// Tensors in a safetensors file.
    tensors: Option<usize>,
    /// Tensors that were encoded anew.
    encoded: Vec<TensorChange>,
    folded_blocks: usize,
    format: Vec<Change>,
    min_version: Option<[Version; 2]>,
    version: &'static str,
}

/// What the target's name asks for.
#[derive(Clone, Copy, PartialEq)]
enum Target {
    Safetensors,
    Weights { gzip: bool },
}

impl Lc0Args {
    /// All options of `serialize` that networks of Lc0 have.
    pub const KNOWN: &[&str] = &[
        "--description",
        "--encoding",
        "--fold-batch-norm",
        "--heads",
        "--lc0-version",
        "--license",
        "--min-version",
        "--threads",
        "--update-format",
    ];

    /// For files that are something else.
    pub fn refuse(&self) -> anyhow::Result<()> {
        self.version.refuse()?;
        for (option, given) in self.weights_only() {
            super::refuse(option, given)?;
        }
        super::refuse("--fold-batch-norm", self.fold_batch_norm)?;
        super::refuse("--heads", !self.heads.is_empty())
    }

    /// Options for `.pb.gz` targets.
    fn weights_only(&self) -> [(&'static str, bool); 4] {
        [
            ("--encoding", self.encoding.is_some()),
            ("--update-format", self.update_format),
            ("--min-version", self.min_version.is_some()),
            ("--license", self.license.is_some()),
        ]
    }

    /// Converts a file; `description` is text about the training.
    pub fn run(
        &self,
        source: &Path,
        target: &Path,
        description: Option<&str>,
        global: &Global,
    ) -> anyhow::Result<()> {
        Files::new()
            .output("TARGET", Some(target))
            .input("SOURCE", Some(source))
            .check()?;
        let kind = self.target(target, description.is_some())?;
        let file = open(source)?;
        let net = file.net()?;
        let mut report = Report {
            source: source.display().to_string(),
            out: NetSummary {
                path: String::new(),
                sha256: String::new(),
            },
            tensors: None,
            encoded: Vec::new(),
            folded_blocks: 0,
            format: Vec::new(),
            min_version: None,
            version: env!("CARGO_PKG_VERSION"),
        };
        let finished = match kind {
            Target::Safetensors => self.write_tensors(&net, target, &mut report)?,
            Target::Weights { gzip } => {
                let new = self.rewritten(&net, description, source)?;
                let finished = write_weights(&new, target, gzip)?;
                report.encoded = new.tensors;
                report.folded_blocks = new.folded;
                report.format = new.format;
                report.min_version = Some([new.min_version.0, new.min_version.1]);
                finished
            }
        };
        report.out = NetSummary::new(finished.target(), &finished.sha256());
        finished.commit()?;
        say(&report);
        if global.json {
            console::json(&report)
        } else {
            console::result(&report.out.path)
        }
    }

    fn target(&self, target: &Path, described: bool) -> anyhow::Result<Target> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase();
        if name.ends_with(".safetensors") {
            let mut options = self.weights_only().to_vec();
            options.push(("--description", described));
            return match options.iter().find(|(_, given)| *given) {
                Some((option, _)) => {
                    Err(UsageError(format!("{option} is for .pb.gz targets")).into())
                }
                None => Ok(Target::Safetensors),
            };
        }
        let gzip = name.ends_with(".pb.gz");
        if !gzip && !name.ends_with(".pb") {
            return Err(UsageError(format!(
                "{}: what comes from a network of Lc0 ends in .safetensors, .pb.gz or .pb",
                target.display()
            ))
            .into());
        }
        if !self.heads.is_empty() {
            return Err(UsageError("--heads is for .safetensors targets".into()).into());
        }
        Ok(Target::Weights { gzip })
    }

    fn write_tensors(
        &self,
        net: &Lc0Net<'_>,
        target: &Path,
        report: &mut Report,
    ) -> anyhow::Result<FinishedFile> {
        let options = TensorOptions {
            arithmetic: Arithmetic::of(self.version.version()),
            fold_batch_norm: self.fold_batch_norm,
            heads: self.heads.clone(),
        };
        let mut out = OutputFile::create(target)?;
        let count = net.write_safetensors(&options, &mut out)?;
        out.flush().map_err(|source| io_error(target, source))?;
        report.tensors = Some(count);
        Ok(out.finish()?)
    }

    fn rewritten(
        &self,
        net: &Lc0Net<'_>,
        description: Option<&str>,
        source: &Path,
    ) -> anyhow::Result<Rewritten> {
        let options = Rewrite {
            encoding: self.encoding.and_then(StoredAs::encoding),
            update_format: self.update_format,
            fold_batch_norm: self.fold_batch_norm,
            min_version: self.min_version,
            license: self.license.clone(),
            description: description.map(ToString::to_string),
        };
        let arithmetic = Arithmetic::of(self.version.version());
        net.rewrite(&options, arithmetic)
            .with_context(|| source.display().to_string())
    }
}

/// Writes, reads back from the disk and compares.
fn write_weights(new: &Rewritten, target: &Path, gzip: bool) -> anyhow::Result<FinishedFile> {
    let mut out = OutputFile::create(target)?;
    let written: io::Result<()> = if gzip {
        new.write_gzip(&mut out)
    } else {
        out.write_all(&new.bytes).and_then(|()| out.flush())
    };
    written.map_err(|source| io_error(target, source))?;
    let finished = out.finish()?;
    let back = Lc0File::open(finished.temporary_path())?;
    new.check(&back)
        .with_context(|| target.display().to_string())?;
    Ok(finished)
}

/// What was changed.
fn say(report: &Report) {
    for change in &report.encoded {
        console::say(format!(
            "{}: {} to {}, largest difference {:e}",
            change.tensor,
            change.from.name(),
            change.to.name(),
            change.largest_difference
        ));
    }
    if report.folded_blocks > 0 {
        console::say(format!(
            "batch norm of {} blocks folded",
            report.folded_blocks
        ));
    }
    for change in &report.format {
        console::say(format!("{} = {}: {}", change.field, change.to, change.why));
    }
    match report.min_version {
        Some([before, after]) if before != after => {
            console::say(format!("minimal version {after}, was {before}"));
        }
        _ => {}
    }
    if report.min_version.is_some() {
        console::say("verified: read back, it is what was to be written");
    }
}
