//! The page of a checkpoint's or network's weights.

use super::chart::{self, percent};
use super::{Figure, Page, PageError, Section, Table, Tile, file_name, grouped};
use crate::report::weights::{TensorReport, WeightsReport};

pub fn page(report: &WeightsReport) -> Result<Page, PageError> {
    let values: usize = report.tensors.iter().map(|it| it.values).sum();
    let zeros: usize = report.tensors.iter().map(|it| it.zeros).sum();
    let (clamped, outside) = report
        .not_fitting
        .iter()
        .fold((0, 0), |(clamped, outside), range| {
            (clamped + range.clamped, outside + range.out_of_range)
        });
    let tile = |name: &str, value: String, note: String| Tile {
        name: name.to_string(),
        value,
        note,
    };
    Ok(Page {
        title: file_name(&report.source),
        lead: format!(
            "A network with the features {}, L1 = {}, in the format of era {}.",
            report.features, report.l1, report.era
        ),
        warnings: report
            .not_fitting
            .iter()
            .map(|it| it.text.clone())
            .collect(),
        tiles: vec![
            tile(
                "Parameters",
                grouped(values as u64),
                format!("in {} tensors", report.tensors.len()),
            ),
            tile(
                "Zeros",
                percent(zeros as f64 / values.max(1) as f64, 1),
                "of all parameters".to_string(),
            ),
            tile(
                "Clamped",
                grouped(clamped as u64),
                "values moved to the limit".to_string(),
            ),
            tile(
                "Out of range",
                grouped(outside as u64),
                "values that do not fit".to_string(),
            ),
        ],
        sections: vec![ranges(report), histograms(report)?, provenance(report)],
        version: report.version.clone(),
        script: None,
    })
}

fn ranges(report: &WeightsReport) -> Section {
    let mut table = Table::numbers(&["tensor", "values", "least", "greatest", "zero"]);
    for tensor in &report.tensors {
        table.rows.push(vec![
            tensor.tensor.clone(),
            grouped(tensor.values as u64),
            tensor.min.to_string(),
            tensor.max.to_string(),
            percent(tensor.zeros as f64 / tensor.values.max(1) as f64, 1),
        ]);
    }
    Section {
        title: "Ranges".to_string(),
        text: "Integers as the network holds them; the layers of all buckets count together."
            .to_string(),
        tables: vec![table],
        ..Section::default()
    }
}

fn histograms(report: &WeightsReport) -> Result<Section, PageError> {
    let figure = |tensor: &TensorReport| -> Result<Figure, PageError> {
        let (low, high) = (f64::from(tensor.min), f64::from(tensor.max));
        let span = (high - low).max(1.0);
        let counts: Vec<u64> = tensor.histogram.iter().map(|&count| count as u64).collect();
        let label = format!("Histogram of {}", tensor.tensor);
        let width = span / counts.len().max(1) as f64;
        let most = counts.iter().copied().max().unwrap_or(0);
        let picture = chart::log_histogram(&label, low..low + span, low, width, &counts, most)?;
        Ok(Figure::new(&tensor.tensor, picture))
    };
    Ok(Section {
        title: "Histograms".to_string(),
        text: "Number of values from the least to the greatest, on a logarithmic scale."
            .to_string(),
        pictures: report
            .tensors
            .iter()
            .map(figure)
            .collect::<Result<_, _>>()?,
        ..Section::default()
    })
}

fn provenance(report: &WeightsReport) -> Section {
    let mut rows = vec![("source", report.source.clone())];
    if let Some(epoch) = report.epoch {
        rows.push(("epoch", epoch.to_string()));
    }
    if let Some(step) = report.global_step {
        rows.push(("step", grouped(step.max(0) as u64)));
    }
    rows.push(("features", report.features.clone()));
    rows.push(("era, L1", format!("{}, {}", report.era, report.l1)));
    if let Some(out) = &report.out {
        rows.push(("written", out.path.clone()));
        rows.push(("its SHA-256", out.sha256.clone()));
    }
    rows.push(("ftperm", report.version.clone()));
    Section {
        title: "Where it comes from".to_string(),
        tables: vec![Table::texts(rows)],
        ..Section::default()
    }
}
