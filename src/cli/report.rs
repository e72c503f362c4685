//! `ftperm report`, and `--report` of other commands.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ftperm::files::atomic::{FinishedFile, check_writable, finish_file, write_file};
use ftperm::report::{Report, page};

use super::common::Files;
use super::{Global, console};

/// Turn the JSON report of a run into one HTML page
///
/// The page needs no network and no other file. `--report page.html` of other commands writes it at once.
#[derive(Debug, clap::Args)]
pub struct MakeReport {
    /// A JSON report, as --report run.json or --json of a command wrote it
    file: PathBuf,
    /// The page to write [default: the report's name with .html]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Largest report that is read, in bytes; with all pictures one has some hundred thousand.
const MAX_BYTES: u64 = 64 << 20;

#[derive(serde::Serialize)]
struct Written {
    out: String,
    version: &'static str,
}

impl MakeReport {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let out = self
            .out
            .clone()
            .unwrap_or_else(|| self.file.with_extension("html"));
        Files::new()
            .output("--out", Some(&out))
            .input("the report", Some(&self.file))
            .check()?;
        check_writable(&out)?;
        let name = || self.file.display().to_string();
        let mut bytes = Vec::new();
        std::fs::File::open(&self.file)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
            .with_context(|| format!("cannot read {}", name()))?;
        if bytes.len() as u64 > MAX_BYTES {
            bail!(
                "{}: no report has more than {} MiB",
                name(),
                MAX_BYTES >> 20
            );
        }
        let report = Report::from_json(&bytes).with_context(name)?;
        write_file(&out, page(&report)?.as_bytes())?;
        let out = out.display().to_string();
        if global.json {
            console::json(&Written {
                out,
                version: env!("CARGO_PKG_VERSION"),
            })
        } else {
            console::result(out)
        }
    }
}

/// Writes a report: a page if the name ends in .html or .htm, else JSON.
pub fn write_report(path: &Path, report: &Report) -> anyhow::Result<()> {
    Ok(finish_report(path, report)?.commit()?)
}

/// Does its name end in .html or .htm?
pub fn is_page(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["html", "htm"]
        .iter()
        .any(|ending| extension.eq_ignore_ascii_case(ending))
}

/// As [`write_report`], under a temporary name.
pub fn finish_report(path: &Path, report: &Report) -> anyhow::Result<FinishedFile> {
    let bytes = if is_page(path) {
        page(report)?.into_bytes()
    } else {
        report.to_json()?
    };
    Ok(finish_file(path, &bytes)?)
}
