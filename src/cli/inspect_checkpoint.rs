//! `ftperm inspect` on a trainer's checkpoint: what it holds and what would become of it.

use std::path::Path;

use anyhow::Context as _;
use ftperm::nets::checkpoint::{Checkpoint, ConvertOptions, RangeRule, Ranges, statistics};
use ftperm::report::WeightsReport;
use serde::Serialize;

use super::common::ReadingArgs;
use super::common::zeros::ZeroArgs;
use super::{Global, console, inspect_pictures};

#[derive(Serialize)]
struct Report {
    kind: &'static str,
    path: String,
    bytes: usize,
    container: String,
    epoch: Option<i64>,
    global_step: Option<i64>,
    tensors: Vec<TensorReport>,
    not_of_the_network: Vec<String>,
    features: String,
    l1: usize,
    layers: Vec<[usize; 2]>,
    stacks: usize,
    era: &'static str,
    #[serde(skip)]
    title: String,
    engines: Option<&'static str>,
    sizes_as_shipped: bool,
    evidence: Vec<String>,
    assumptions: Vec<String>,
    other_eras: Vec<String>,
    range_rule: &'static str,
    not_fitting: Vec<RangeReport>,
    written: Vec<StatisticsReport>,
}

#[derive(Serialize)]
struct TensorReport {
    name: String,
    element: &'static str,
    shape: Vec<usize>,
}

#[derive(Serialize)]
struct RangeReport {
    tensor: String,
    clamped: usize,
    out_of_range: usize,
    not_finite: usize,
    text: String,
}

impl RangeReport {
    fn new(ranges: &Ranges) -> RangeReport {
        RangeReport {
            tensor: ranges.tensor.clone(),
            clamped: ranges.clamped,
            out_of_range: ranges.out_of_range,
            not_finite: ranges.not_finite,
            text: ranges.to_string(),
        }
    }
}

#[derive(Serialize)]
struct StatisticsReport {
    tensor: String,
    values: usize,
    zeros: usize,
    min: i32,
    max: i32,
    histogram: Vec<usize>,
    #[serde(skip)]
    text: String,
}

pub fn run(
    path: &Path,
    reading: &ReadingArgs,
    file: Option<&Path>,
    zeros: &ZeroArgs,
    global: &Global,
) -> anyhow::Result<()> {
    let checkpoint = Checkpoint::open(path)?;
    let options = ConvertOptions {
        target_era: reading.era,
        clamp: reading.clamp,
        ..ConvertOptions::default()
    };
    let (network, conversion) = checkpoint
        .preview(&options)
        .with_context(|| path.display().to_string())?;
    let (architecture, recognition) = (&network.architecture, &network.recognition);
    let progress = checkpoint.progress();
    if let Some(file) = file {
        let weights = WeightsReport {
            epoch: progress.epoch,
            global_step: progress.global_step,
            ..WeightsReport::new(&network, path.display().to_string(), &conversion.ranges)
        };
        inspect_pictures::write(file, &network, weights, zeros)?;
    }
    let report = Report {
        kind: "checkpoint",
        path: path.display().to_string(),
        bytes: checkpoint.file_len(),
        container: checkpoint.container().to_string(),
        epoch: progress.epoch,
        global_step: progress.global_step,
        tensors: checkpoint
            .tensors()
            .iter()
            .map(|tensor| TensorReport {
                name: tensor.name.clone(),
                element: tensor.element.name(),
                shape: tensor.shape.clone(),
            })
            .collect(),
        not_of_the_network: conversion.unused,
        features: conversion.features,
        l1: architecture.l1,
        layers: architecture
            .layer_sizes()
            .layers
            .iter()
            .map(|&(inputs, outputs)| [inputs, outputs])
            .collect(),
        stacks: architecture.stacks,
        era: recognition.era.id,
        title: recognition.title(),
        engines: recognition.exact.then_some(recognition.era.engines),
        sizes_as_shipped: recognition.exact,
        evidence: recognition.evidence.clone(),
        assumptions: recognition.assumptions.clone(),
        other_eras: recognition
            .readings
            .iter()
            .filter(|reading| reading.possible)
            .map(|reading| reading.era.to_string())
            .collect(),
        range_rule: match conversion.range_rule {
            RangeRule::ClampAndWrap => {
                "layer weights are clamped; other values that do not fit need --compat"
            }
            RangeRule::Refuse => "values that do not fit are refused",
        },
        not_fitting: conversion.ranges.iter().map(RangeReport::new).collect(),
        written: statistics(&network)
            .into_iter()
            .map(|statistics| StatisticsReport {
                text: statistics.to_string(),
                tensor: statistics.tensor,
                values: statistics.values,
                zeros: statistics.zeros,
                min: statistics.min,
                max: statistics.max,
                histogram: statistics.histogram.to_vec(),
            })
            .collect(),
    };
    if global.json {
        return console::json(&report);
    }
    show(&report)
}

fn show(report: &Report) -> anyhow::Result<()> {
    let line = |name: &str, value: String| console::result(format!("{name:<14} {value}"));
    line("checkpoint", report.path.clone())?;
    line("size", format!("{} bytes", report.bytes))?;
    line("container", report.container.clone())?;
    if let Some(epoch) = report.epoch {
        line("epoch", epoch.to_string())?;
    }
    if let Some(step) = report.global_step {
        line("step", step.to_string())?;
    }
    for tensor in &report.tensors {
        line(
            "tensor",
            format!("{} {:?} {}", tensor.name, tensor.shape, tensor.element),
        )?;
    }
    if !report.not_of_the_network.is_empty() {
        line("left out", report.not_of_the_network.join(", "))?;
    }
    line("features", report.features.clone())?;
    let layers: Vec<String> = report
        .layers
        .iter()
        .map(|[i, o]| format!("{i} -> {o}"))
        .collect();
    line(
        "sizes",
        format!(
            "L1 = {}, {} stacks of {}",
            report.l1,
            report.stacks,
            layers.join(", ")
        ),
    )?;
    line("written", report.title.clone())?;
    for evidence in &report.evidence {
        line("evidence", evidence.clone())?;
    }
    for assumption in &report.assumptions {
        line("assumed", assumption.clone())?;
    }
    if !report.other_eras.is_empty() {
        line("also possible", report.other_eras.join(", "))?;
    }
    line("ranges", report.range_rule.to_string())?;
    if report.not_fitting.is_empty() {
        line("", "all values fit".to_string())?;
    }
    for range in &report.not_fitting {
        line("", range.text.clone())?;
    }
    console::result("")?;
    for tensor in &report.written {
        console::result(&tensor.text)?;
    }
    Ok(())
}
