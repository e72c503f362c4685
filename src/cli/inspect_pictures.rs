//! `ftperm inspect --report`: pages with the pictures of networks.

use std::ffi::OsString;
use std::path::Path;

use ftperm::files::atomic::{check_writable, write_file};
use ftperm::nets::stockfish::Network;
use ftperm::report::pictures::{HistogramNumbers, Matched, histograms};
use ftperm::report::{Report, WeightsReport, comparison_page, file_name, network_page};
use serde::Serialize;

use super::common::zeros::ZeroArgs;
use super::common::{Files, LoadedNet, NetSummary, ReadingArgs, load, load_pair};
use super::report::{is_page, write_report};
use super::{Global, UsageError, console};

/// What is printed of several networks.
#[derive(Serialize)]
struct SeveralReport {
    kind: &'static str,
    networks: Vec<NetSummary>,
    report: String,
    /// Of two networks of one kind.
    difference: Option<ftperm::report::pictures::DifferenceNumbers>,
    histograms: HistogramNumbers,
}

/// Writes a report on a network: a page with pictures, or JSON.
pub fn write(
    file: &Path,
    network: &Network,
    weights: WeightsReport,
    zeros: &ZeroArgs,
) -> anyhow::Result<()> {
    if is_page(file) {
        let zeros = zeros.measure(network)?;
        let page = network_page(network, &weights, zeros.as_ref())?;
        return Ok(write_file(file, page.as_bytes())?);
    }
    write_report(file, &Report::Weights(Box::new(weights)))
}

/// Several networks in one page.
pub fn several(
    files: &[OsString],
    report: Option<&Path>,
    reading: &ReadingArgs,
    global: &Global,
) -> anyhow::Result<()> {
    let Some(report) = report.filter(|report| is_page(report)) else {
        let text = "several networks are compared in a page: --report FILE.html; ftperm picture --json has the numbers";
        return Err(UsageError(text.into()).into());
    };
    let mut checked = Files::new().output("--report", Some(report));
    for file in files {
        checked = checked.network("the file", Some(file));
    }
    checked.check()?;
    check_writable(report)?;
    let loaded = load_all(files, reading)?;
    let networks: Vec<&Network> = loaded.iter().map(|loaded| &loaded.network).collect();
    let named = names(&loaded);
    let matched = match &networks[..] {
        [first, second] => {
            let matched = Matched::new(first, (*second).clone());
            Some(matched.map_err(|error| error.to_string()))
        }
        _ => None,
    };
    let histograms = histograms(&networks);
    let page = comparison_page(&networks, &named, &histograms, matched.as_ref())?;
    write_file(report, page.as_bytes())?;
    let report = report.display().to_string();
    if !global.json {
        return console::result(report);
    }
    console::json(&SeveralReport {
        kind: "networks",
        networks: loaded.iter().map(NetSummary::from).collect(),
        report,
        difference: matched.and_then(|matched| Some(matched.ok()?.difference)),
        histograms,
    })
}

/// Reads networks; two as those that should be alike.
pub fn load_all(files: &[OsString], reading: &ReadingArgs) -> anyhow::Result<Vec<LoadedNet>> {
    match files {
        [first, second] => load_pair(first, second, reading).map(|(a, b)| vec![a, b]),
        _ => files.iter().map(|file| load(Some(file), reading)).collect(),
    }
}

/// The names of their files, or where these are alike the whole origins.
pub fn names(loaded: &[LoadedNet]) -> Vec<String> {
    let short = |loaded: &LoadedNet| file_name(&loaded.origin.to_string());
    let names: Vec<String> = loaded.iter().map(short).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == names.len() {
        names
    } else {
        let origins = loaded.iter().map(|loaded| loaded.origin.to_string());
        origins.collect()
    }
}
