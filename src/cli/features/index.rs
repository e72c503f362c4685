//! A single row.

use ftperm::nets::checkpoint::{InputSets, Inputs, RowKind};
use ftperm::nets::stockfish::features::example;
use serde::Serialize;

use super::{Placed, placed};
use crate::cli::{Global, UsageError, console};

#[derive(Serialize)]
struct Report {
    features: String,
    inputs: &'static str,
    index: usize,
    kind: &'static str,
    /// Of a feature.
    set: Option<String>,
    /// Its number in its set, as a network file has it.
    feature: Option<u32>,
    words: String,
    pieces: Vec<Placed>,
    king_bucket: Option<u32>,
    factors: Vec<Factor>,
    /// Can a legal position activate it? Null for shared rows.
    possible: Option<bool>,
    why_not: Option<&'static str>,
    #[serde(skip)]
    reason: Option<String>,
    example: Option<String>,
}

#[derive(Serialize)]
struct Factor {
    index: usize,
    words: String,
}

pub fn run(sets: &InputSets, row: usize, global: &Global) -> anyhow::Result<()> {
    let Some(kind) = sets.row(row) else {
        let (real, shared) = sets.counts();
        let rows = if sets.inputs == Inputs::January {
            real + shared
        } else {
            real
        };
        let text = format!(
            "{} has rows 0 to {}, there is no {row}",
            sets.names(),
            rows - 1
        );
        return Err(UsageError(text).into());
    };
    let report = report(sets, row, &kind);
    if global.json {
        return console::json(&report);
    }
    show(&report)
}

fn report(sets: &InputSets, row: usize, kind: &RowKind) -> Report {
    let mut report = Report {
        features: sets.names(),
        inputs: sets.inputs.name(),
        index: row,
        kind: "feature",
        set: None,
        feature: None,
        words: String::new(),
        pieces: Vec::new(),
        king_bucket: None,
        factors: sets
            .factors(row)
            .into_iter()
            .map(|factor| in_words(sets, factor))
            .collect(),
        possible: None,
        why_not: None,
        reason: None,
        example: None,
    };
    match kind {
        RowKind::Feature { set, feature } => {
            let meaning = set.meaning(*feature).ok();
            let impossible = set.impossible(*feature);
            report.set = Some(set.name().to_string());
            report.feature = Some(*feature);
            report.words = set.describe(*feature);
            report.pieces = meaning.as_ref().map_or(Vec::new(), placed);
            report.king_bucket = meaning.and_then(|meaning| meaning.bucket);
            report.possible = Some(impossible.is_none());
            report.why_not = impossible.map(|reason| reason.name());
            report.reason = impossible.map(|reason| reason.to_string());
            report.example = example(*set, *feature).map(|board| board.fen());
        }
        RowKind::Shared => {
            let shared = in_words(sets, row);
            report.kind = "shared";
            report.words = shared.words;
        }
        RowKind::NoFeature { reason } => {
            report.kind = "no_feature";
            report.words = "a row that no feature of a network has".to_string();
            report.possible = Some(false);
            report.why_not = Some(reason.name());
            report.reason = Some(reason.to_string());
        }
    }
    report
}

/// A row that is added to another one.
fn in_words(sets: &InputSets, index: usize) -> Factor {
    let blocks = sets.blocks.iter().enumerate();
    let mut found = blocks.filter(|(number, _)| sets.shared_range(*number).contains(&index));
    let words = match found.next() {
        Some((number, block)) => block.shared_in_words(index - sets.shared_range(number).start),
        None => "the last row of a feature: the trainer counts back from a slot without a meaning"
            .to_string(),
    };
    Factor { index, words }
}

fn show(report: &Report) -> anyhow::Result<()> {
    let line = |name: &str, value: &str| console::result(format!("{name:<10} {value}"));
    line(
        "row",
        &format!(
            "{} of {} ({})",
            report.index, report.features, report.inputs
        ),
    )?;
    if let (Some(set), Some(feature)) = (&report.set, report.feature) {
        line("feature", &format!("{feature} of {set}"))?;
    }
    line("means", &report.words)?;
    if let Some(bucket) = report.king_bucket {
        line("bucket", &bucket.to_string())?;
    }
    for factor in &report.factors {
        line("added", &format!("row {}: {}", factor.index, factor.words))?;
    }
    match (report.possible, &report.reason, &report.example) {
        (Some(false), Some(reason), _) => {
            line("never", &format!("active in a legal position: {reason}"))
        }
        (Some(true), _, Some(fen)) => line("active", &format!("for White in {fen}")),
        _ => Ok(()),
    }
}
