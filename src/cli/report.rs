//! `ftperm report`, and `--report` of other commands.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ftperm::output::{check_writable, write_file};
use ftperm::report::{Report, page};

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
        check_writable(&out)?;
        let name = || self.file.display().to_string();
        let bytes = std::fs::read(&self.file).with_context(|| format!("cannot read {}", name()))?;
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
    let extension = path.extension().unwrap_or_default();
    let is_page = ["html", "htm"]
        .iter()
        .any(|it| extension.eq_ignore_ascii_case(it));
    let bytes = if is_page {
        page(report)?.into_bytes()
    } else {
        report.to_json()?
    };
    Ok(write_file(path, &bytes)?)
}
