//! `ftperm inspect --size`

use std::collections::BTreeMap;
use std::ffi::OsStr;

use ftperm::nets::stockfish::Network;
use serde::Serialize;

use super::common::{ReadingArgs, load};
use super::{Global, console};

#[derive(Serialize)]
struct Report {
    kind: &'static str,
    path: String,
    era: &'static str,
    file: FileReport,
    tensors: Vec<TensorReport>,
    features: Vec<FeatureReport>,
    /// The file if the rows that no legal position activates were zero.
    file_if_zeroed: FileReport,
}

#[derive(Serialize)]
struct FileReport {
    bytes: usize,
    gzip: usize,
    zstd: usize,
}

#[derive(Serialize)]
struct TensorReport {
    name: &'static str,
    values: usize,
    raw: usize,
    leb128: Option<usize>,
    gzip: usize,
    zstd: usize,
}

#[derive(Serialize)]
struct FeatureReport {
    name: &'static str,
    count: usize,
    unreachable: usize,
    unreachable_not_zero: usize,
    reasons: BTreeMap<&'static str, usize>,
}

pub fn run(file: &OsStr, reading: &ReadingArgs, global: &Global) -> anyhow::Result<()> {
    let loaded = load(Some(file), reading)?;
    let mut network = loaded.network;
    let features = network
        .unreachable_rows()
        .into_iter()
        .map(|rows| FeatureReport {
            name: rows.set.name(),
            count: rows.set.count(),
            unreachable: rows.count(),
            unreachable_not_zero: rows.not_zero,
            reasons: rows
                .rows
                .iter()
                .map(|(reason, &count)| (reason.name(), count))
                .collect(),
        });
    let features = features.collect();
    let tensors = network.costs()?.into_iter().map(|cost| TensorReport {
        name: cost.name,
        values: cost.values,
        raw: cost.raw,
        leb128: cost.leb128,
        gzip: cost.gzip,
        zstd: cost.zstd,
    });
    let tensors = tensors.collect();
    let file = file_report(&network)?;
    network.zero_unreachable();
    let report = Report {
        kind: "size",
        path: loaded.origin.to_string(),
        era: network.recognition.era.id,
        file,
        tensors,
        features,
        file_if_zeroed: file_report(&network)?,
    };
    if global.json {
        return console::json(&report);
    }
    show(&report)
}

fn file_report(network: &Network) -> anyhow::Result<FileReport> {
    let [bytes, gzip, zstd] = network.file_costs()?;
    Ok(FileReport { bytes, gzip, zstd })
}

fn show(report: &Report) -> anyhow::Result<()> {
    console::result(format!("network  {}, era {}", report.path, report.era))?;
    console::result(format!(
        "{:<32} {:>12} {:>12} {:>12} {:>12}",
        "bytes", "raw", "leb128", "gzip", "zstd"
    ))?;
    for tensor in &report.tensors {
        let leb128 = tensor
            .leb128
            .map_or("-".to_string(), |bytes| bytes.to_string());
        console::result(format!(
            "{:<32} {:>12} {leb128:>12} {:>12} {:>12}",
            tensor.name, tensor.raw, tensor.gzip, tensor.zstd
        ))?;
    }
    for (name, file) in [
        ("the file as it is", &report.file),
        ("with --zero-unreachable", &report.file_if_zeroed),
    ] {
        console::result(format!(
            "{name:<32} {:>12} {:>12} {:>12} {:>12}",
            file.bytes, "", file.gzip, file.zstd
        ))?;
    }
    for set in &report.features {
        console::result(format!(
            "{}: {} of {} rows are active in no legal position, {} of them are not zero",
            set.name, set.unreachable, set.count, set.unreachable_not_zero
        ))?;
    }
    Ok(())
}
