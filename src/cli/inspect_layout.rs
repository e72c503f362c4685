//! `ftperm inspect` of networks of other engines.

use std::path::Path;

use ftperm::files::digest::hex;
use ftperm::nets::described::{RawNet, Role};
use serde::Serialize;

use super::layout::Chosen;
use super::{Global, console};

#[derive(Serialize)]
struct Report {
    kind: &'static str,
    path: String,
    bytes: u64,
    sha256: String,
    /// The layout's name for --layout; null if a file was given.
    layout: Option<&'static str>,
    engine: Option<&'static str>,
    version: Option<&'static str>,
    network: String,
    inputs: String,
    features: usize,
    king_buckets: usize,
    perspectives: usize,
    columns: usize,
    neurons: usize,
    engines_skip_zero_blocks: bool,
    #[serde(skip)]
    has_byte_layer: bool,
    tensors: Vec<TensorReport>,
    /// Why the layout was taken; empty if it was given.
    evidence: Vec<String>,
    note: Option<String>,
}

#[derive(Serialize)]
struct TensorReport {
    name: String,
    role: &'static str,
    #[serde(rename = "type")]
    element: &'static str,
    shape: Vec<usize>,
}

/// Prints what a network is, under the layout that it fits or that was given.
pub fn run(path: &Path, chosen: &Chosen, global: &Global) -> anyhow::Result<()> {
    let layout = &chosen.layout;
    let net = RawNet::read(path, layout)?;
    let input = layout.input();
    let report = Report {
        kind: "described",
        path: path.display().to_string(),
        bytes: std::fs::metadata(path)?.len(),
        sha256: hex(&net.sha256()),
        layout: chosen.row.map(|row| row.name),
        engine: chosen.row.map(|row| row.engine),
        version: chosen.row.map(|row| row.version),
        network: layout.name.clone(),
        inputs: input.describe(),
        features: input.features(),
        king_buckets: input.buckets(),
        perspectives: input.perspectives(),
        columns: layout.columns(),
        neurons: layout.neurons(),
        engines_skip_zero_blocks: layout.sparse(),
        has_byte_layer: layout.has_byte_layer(),
        tensors: layout
            .tensors()
            .iter()
            .map(|tensor| TensorReport {
                name: tensor.name.clone(),
                role: role(tensor.role),
                element: tensor.element.name(),
                shape: tensor.shape.clone(),
            })
            .collect(),
        evidence: chosen.evidence.clone(),
        note: layout.note.clone(),
    };
    if global.json {
        return console::json(&report);
    }
    show(&report, global.verbose)
}

fn role(role: Role) -> &'static str {
    match role {
        Role::FtWeights => "ft_weights",
        Role::FtBias => "ft_bias",
        Role::L1Weights => "l1_weights",
        Role::Flag => "flag",
        Role::Other => "other",
    }
}

fn show(report: &Report, verbose: u8) -> anyhow::Result<()> {
    let line = |name: &str, value: String| console::result(format!("{name:<14}{value}"));
    line("network", report.network.clone())?;
    line("file", format!("{}, {} bytes", report.path, report.bytes))?;
    line("SHA-256", report.sha256.clone())?;
    if let (Some(layout), Some(engine), Some(version)) =
        (report.layout, report.engine, report.version)
    {
        line("layout", format!("{layout}, of {engine} at {version}"))?;
    }
    if !report.evidence.is_empty() {
        line("recognised by", report.evidence.join(", "))?;
    }
    line(
        "inputs",
        format!(
            "{} in {} king bucket{}: {}",
            report.features,
            report.king_buckets,
            if report.king_buckets == 1 { "" } else { "s" },
            report.inputs
        ),
    )?;
    line(
        "neurons",
        format!(
            "{} per perspective, of {} columns; {} perspective{}",
            report.neurons,
            report.columns,
            report.perspectives,
            if report.perspectives == 1 { "" } else { "s" }
        ),
    )?;
    let skips = if report.engines_skip_zero_blocks {
        "i8: engines can skip blocks of four zeros"
    } else if report.has_byte_layer {
        "i8, but the engine reads all blocks, zero or not"
    } else {
        "not i8: there are no blocks of four bytes to skip"
    };
    line("first layer", skips.to_string())?;
    if verbose > 0 {
        for tensor in &report.tensors {
            let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
            console::result(format!(
                "  {}  {} [{}], {}",
                tensor.name,
                tensor.element,
                shape.join(", "),
                tensor.role
            ))?;
        }
    }
    Ok(())
}
