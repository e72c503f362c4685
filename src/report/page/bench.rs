//! The page of a run of `ftperm bench`.

use super::chart::{self, Interval, hundredths};
use super::theme::{ACCENT, AFTER};
use super::{Figure, Page, PageError, Section, Table, Tile, file_name, grouped};
use crate::report::bench::{BenchReport, Comparison, Ratio};

pub fn page(report: &BenchReport) -> Result<Page, PageError> {
    let all = &report.comparisons;
    let first = &report.first;
    let tile = |name: &str, value: String, note: String| Tile {
        name: name.to_string(),
        value,
        note,
    };
    let ratio = first.steadiest();
    let mut tiles = vec![tile("Speed", gain(ratio.ratio), interval(ratio))];
    if first.cpu.is_some() {
        let clock = &first.clock;
        tiles.push(tile("On the clock", gain(clock.ratio), interval(clock)));
    }
    tiles.push(tile(
        &format!("To tell {} %", first.difference_percent),
        pairs(ratio.runs_to_tell),
        "pairs of runs like these".to_string(),
    ));
    if all.len() > 1 {
        // Of which the tiles would say nothing.
        tiles.clear();
    }
    let warnings = all.iter().filter_map(|comparison| {
        let why = comparison.no_cpu.as_deref()?;
        Some(format!(
            "No processor time of {}: {why}.",
            comparison.engine_name()
        ))
    });
    Ok(Page {
        title: match all.as_slice() {
            [one] => format!("{} in {}", file_name(&one.test), one.engine_name()),
            _ => "Networks in engines".to_string(),
        },
        lead: "All runs of an engine searched the same nodes: the networks compute the same, and what differs is the \
               time."
            .to_string(),
        warnings: warnings.collect(),
        tiles,
        sections: vec![section(all)?, provenance(all)],
        script: None,
        version: report.version.clone(),
    })
}

/// The picture and the table of comparisons.
pub fn section(all: &[Comparison]) -> Result<Section, PageError> {
    let measured = |comparison: &Comparison| match comparison.cpu {
        Some(cpu) => vec![
            ("CPU time", AFTER, cpu),
            ("clock", ACCENT, comparison.clock),
        ],
        None => vec![("clock", ACCENT, comparison.clock)],
    };
    let mut rows = Vec::new();
    for (at, comparison) in all.iter().enumerate() {
        for (name, ink, ratio) in measured(comparison) {
            let number = if all.len() > 1 {
                format!("{} ", at + 1)
            } else {
                String::new()
            };
            rows.push(Interval {
                name: format!("{number}{name}"),
                ink,
                middle: ratio.ratio - 1.0,
                low: ratio.ratio_low - 1.0,
                high: ratio.ratio_high - 1.0,
            });
        }
    }
    let title = "faster (%)";
    let label =
        "How much faster the engine is with the network, and the 95 % interval of each figure";
    let mut figure = Figure::new("", chart::intervals(label, title, &rows)?);
    figure.inks = vec![("after", "processor time"), ("accent", "wall clock")];
    let mut table = Table::numbers(&[
        "network, engine",
        "faster (%)",
        "95 % interval",
        "nodes/s before",
        "nodes/s after",
        "pairs",
        "pairs to tell",
    ]);
    // Builds of one version call themselves alike.
    let is_one = all
        .iter()
        .all(|comparison| comparison.engine == all[0].engine);
    let engine = |comparison: &Comparison| match is_one {
        true => comparison.engine_name().to_string(),
        false => file_name(&comparison.engine),
    };
    for (at, comparison) in all.iter().enumerate() {
        let ratio = comparison.steadiest();
        table.rows.push(vec![
            format!(
                "{}. {}, {}",
                at + 1,
                file_name(&comparison.test),
                engine(comparison)
            ),
            signed(ratio.ratio),
            format!(
                "{} to {}",
                signed(ratio.ratio_low),
                signed(ratio.ratio_high)
            ),
            grouped(ratio.base_nodes_per_second as u64),
            grouped(ratio.test_nodes_per_second as u64),
            comparison.runs.to_string(),
            pairs(ratio.runs_to_tell),
        ]);
    }
    let difference = all.first().map_or(0.0, |one| one.difference_percent);
    let base = all
        .first()
        .map_or(String::new(), |one| file_name(&one.base));
    Ok(Section {
        title: "Speed in an engine".to_string(),
        text: format!(
            "Compared with {base}. Figures of the table are of processor time where it is told, which other programs \
             disturb less than the wall clock. So many pairs of runs as the last column says would tell a difference \
             of {difference} %, with a probability of 80 %."
        ),
        pictures: vec![figure],
        tables: vec![table],
        ..Section::default()
    })
}

fn provenance(all: &[Comparison]) -> Section {
    let tables = all.iter().map(|comparison| {
        Table::texts(vec![
            ("engine", comparison.engine.clone()),
            ("calls itself", comparison.engine_name().to_string()),
            ("command", comparison.bench.clone()),
            ("base", comparison.base.clone()),
            ("test", comparison.test.clone()),
            ("nodes", grouped(comparison.nodes)),
        ])
    });
    Section {
        title: "What was run".to_string(),
        tables: tables.collect(),
        ..Section::default()
    }
}

/// By how many percent faster, for columns that say what they are.
fn signed(ratio: f64) -> String {
    let sign = if ratio < 1.0 { "\u{2212}" } else { "+" };
    format!("{sign}{}", hundredths((ratio - 1.0).abs(), 2))
}

fn gain(ratio: f64) -> String {
    format!("{}\u{a0}%", signed(ratio))
}

fn interval(ratio: &Ratio) -> String {
    let (low, high) = (signed(ratio.ratio_low), signed(ratio.ratio_high));
    format!("95 % sure of {low} to {high} %")
}

fn pairs(count: Option<u32>) -> String {
    count.map_or("more than 10⁹".to_string(), grouped)
}
