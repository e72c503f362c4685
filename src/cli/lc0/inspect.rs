//! `ftperm inspect` of weight files of Lc0, and of lc0 with one inside.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ftperm::files::atomic::{check_writable, write_file};
use ftperm::files::digest::{hex, sha256};
use ftperm::nets::lc0::{Arithmetic, Description, Ranges};
use serde::Serialize;

use super::super::common::Files;
use super::{VersionArgs, embedded_net, open, page, text};
use crate::cli::{Global, console};

#[derive(Serialize)]
struct Report<'a> {
    kind: &'static str,
    path: String,
    /// Is it inside lc0's program file?
    embedded: bool,
    /// Where it was written to, with --extract.
    extracted: Option<String>,
    #[serde(flatten)]
    description: &'a Description,
}

/// What `--report` writes, if not a page.
#[derive(Serialize)]
struct WeightsReport<'a> {
    schema: u32,
    kind: &'static str,
    #[serde(flatten)]
    description: &'a Description,
    ranges: &'a [Ranges],
    version: &'static str,
}

/// Tells about a file; writes the network inside a program into the folder `extract`.
pub fn run(
    path: &Path,
    extract: Option<&Path>,
    report: Option<&Path>,
    version: &VersionArgs,
    global: &Global,
) -> anyhow::Result<()> {
    if let Some(out) = report {
        Files::new()
            .output("--report", Some(out))
            .input("the file", Some(path))
            .check()?;
        check_writable(out)?;
    }
    let inside = embedded_net(path)?;
    let file = open(path)?;
    let net = file.net()?;
    let description = net.describe(version.version());
    if let Some(out) = report {
        let ranges = net.ranges(Arithmetic::of(version.version()))?;
        let name = path.display().to_string();
        write_report(out, &name, &description, &ranges)?;
    }
    let extracted = match (extract, &inside) {
        (Some(folder), Some(net)) => Some(write_extracted(folder, net)?),
        _ => None,
    };
    if global.json {
        return console::json(&Report {
            kind: "lc0",
            path: path.display().to_string(),
            embedded: inside.is_some(),
            extracted: extracted.map(|file| file.display().to_string()),
            description: &description,
        });
    }
    let what = if inside.is_some() {
        "Lc0 network inside"
    } else {
        "Lc0 network"
    };
    for line in text::lines(what, path, &description) {
        console::result(line)?;
    }
    match extracted {
        Some(file) => console::result(format!("extracted      {}", file.display())),
        None => Ok(()),
    }
}

/// Named by its hash, as networks from engines are.
fn write_extracted(folder: &Path, net: &[u8]) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let hash = hex(&sha256(net));
    let file = folder.join(format!("lc0-{}.pb.gz", &hash[..12]));
    write_file(&file, net)?;
    Ok(file)
}

fn write_report(
    out: &Path,
    name: &str,
    description: &Description,
    ranges: &[Ranges],
) -> anyhow::Result<()> {
    let html = out
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("html"));
    let contents = if html {
        page::page(name, description, ranges)
    } else {
        serde_json::to_string(&WeightsReport {
            schema: ftperm::report::SCHEMA,
            kind: "lc0_weights",
            description,
            ranges,
            version: env!("CARGO_PKG_VERSION"),
        })? + "\n"
    };
    Ok(write_file(out, contents.as_bytes())?)
}
