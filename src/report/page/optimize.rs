//! The page of a run of `ftperm optimize`.

use super::chart::{self, Axes, Line, around, hundredths, percent};
use super::theme::{ACCENT, AFTER, BEFORE};
use super::{Figure, Page, PageError, Section, Table, Tile, bench, file_name, grouped};
use crate::positions::filter::origins;
use crate::report::curve::SearchCurve;
use crate::report::measures::{BeforeAfter, Measures, PartMeasures};
use crate::report::{CertificateReport, OptimizeReport};

/// Neurons that are listed; the rest is counted.
const LISTED: usize = 60;

pub fn page(report: &OptimizeReport) -> Result<Page, PageError> {
    let rates = &report.zero_block_rate;
    let (_, units) = report.units();
    let network = report.out.as_ref().map_or(&report.net.path, |it| &it.path);
    let name = file_name(network);
    let (before, after, on) = match (rates.holdout_before, rates.holdout_after) {
        (Some(before), Some(after)) => (
            before,
            after,
            format!("{units} that the search did not see"),
        ),
        _ => (
            rates.before,
            rates.after,
            "the positions searched on".to_string(),
        ),
    };
    let mut sections = vec![result(report)];
    sections.extend(report.certificate.as_ref().map(certificate));
    if let Some(comparison) = &report.bench {
        sections.push(bench::section(std::slice::from_ref(comparison))?);
    }
    if let Some(measures) = &report.measures {
        sections.push(buckets(report, measures)?);
        sections.push(work(report, measures)?);
        sections.push(blocks(measures)?);
        sections.push(co_zero(measures)?);
    }
    sections.push(search(report)?);
    if let Some(measures) = &report.measures {
        sections.push(neurons(measures)?);
    }
    sections.push(provenance(report));
    Ok(Page {
        lead: format!(
            "With the new order of its neurons, {} of the first layer's blocks are {} on {on}; before, it was {}. \
             The network computes exactly what it computed before.",
            percent(after, 2),
            if report.net.sparse() {
                "zero, and skipped by engines,"
            } else {
                "zero"
            },
            percent(before, 2)
        ),
        title: name,
        warnings: warnings(report),
        tiles: tiles(report, before, after),
        sections,
        version: report.version.clone(),
        script: None,
    })
}

/// Samples that a position gives.
fn perspectives(report: &OptimizeReport) -> u64 {
    (report.blocks as u64 / (report.neurons as u64 / 4).max(1)).clamp(1, 2)
}

/// Is it a network of Stockfish's? Else it has a layout.
fn is_known(report: &OptimizeReport) -> bool {
    crate::nets::stockfish::era(&report.net.era).is_some()
}

/// A number of hundredths with its sign.
fn signed(share: f64, digits: usize) -> String {
    let sign = if share < 0.0 { "\u{2212}" } else { "+" };
    format!("{sign}{}", hundredths(share.abs(), digits))
}

/// Points with their sign, for columns that say what they are.
fn gain(rate: &BeforeAfter<f64>) -> String {
    signed(rate.after - rate.before, 2)
}

fn points(difference: f64) -> String {
    format!("{} points", signed(difference, 2))
}

fn warnings(report: &OptimizeReport) -> Vec<String> {
    let mut warnings = Vec::new();
    if report.interrupted {
        let text = "The search was ended early; this is the best order that was found until then.";
        warnings.push(text.to_string());
    }
    if !report.net.sparse() {
        warnings.push(format!(
            "The order is valid, but brings nothing in {}: they do not skip blocks.",
            report.net.engines()
        ));
    }
    if let Some(why) = &report.no_bench {
        warnings.push(format!("The speed in an engine was not measured: {why}."));
    }
    if let Some(advice) = &report.advice {
        warnings.push(format!(
            "The order is over-fitted: {} on the positions searched on, {} on others. More positions help more than \
             a longer search.",
            points(advice.gain),
            points(advice.holdout_gain)
        ));
    }
    warnings
}

fn tiles(report: &OptimizeReport, before: f64, after: f64) -> Vec<Tile> {
    let tile = |name: &str, value: String, note: String| Tile {
        name: name.to_string(),
        value,
        note,
    };
    let (saving, bounds) = report.zero_block_rate.saving();
    let work = if report.net.sparse() {
        let sure = bounds.map_or(String::new(), |(low, high)| {
            format!(
                "; 95 % sure of {} to {} %",
                signed(-low, 1),
                signed(-high, 1)
            )
        });
        tile(
            "Work of the first layer",
            format!("{} %", signed(-saving, 1)),
            format!("blocks that engines read{sure}"),
        )
    } else {
        let note = format!("{} read all blocks", report.net.engines());
        tile("Work of the first layer", "as before".to_string(), note)
    };
    let verified = report.verified.as_ref().map_or("not needed", |verified| {
        match (verified.equal, verified.proved) {
            (true, true) => "proved",
            (true, false) => "equal",
            (false, _) => "differs",
        }
    });
    let compared = if is_known(report) {
        "outputs in all buckets"
    } else {
        "all sums of the first layer"
    };
    vec![
        tile(
            "Zero blocks",
            percent(after, 2),
            format!("{} before, {}", percent(before, 2), points(after - before)),
        ),
        work,
        tile(
            "Verified",
            verified.to_string(),
            report.verified.as_ref().map_or_else(
                || "nothing was written".to_string(),
                |verified| {
                    let proved = match (verified.proved, is_known(report)) {
                        (true, true) => "every weight is the input's, in the new order; and same ",
                        (true, false) => "the same neurons in another order; and the same ",
                        (false, _) => "",
                    };
                    let positions = grouped(verified.positions as u64);
                    format!("{proved}{compared} on {positions} positions")
                },
            ),
        ),
        tile(
            "Time",
            format!("{:.1} s", report.seconds.total),
            format!("of it {:.1} s search", report.seconds.search),
        ),
    ]
}

fn result(report: &OptimizeReport) -> Section {
    let mut table = Table::numbers(&["", "samples", "before, %", "after, %", "points"]);
    let mut row = |name: &str, samples: u64, before: f64, after: f64| {
        table.rows.push(vec![
            name.to_string(),
            grouped(samples),
            hundredths(before, 2),
            hundredths(after, 2),
            gain(&BeforeAfter { before, after }),
        ]);
    };
    let searched = report.samples as u64;
    let all = perspectives(report) * report.positions as u64;
    let held = all.saturating_sub(searched);
    let rates = &report.zero_block_rate;
    let (unit, units) = report.units();
    row("searched on", searched, rates.before, rates.after);
    if let (Some(before), Some(after)) = (rates.holdout_before, rates.holdout_after) {
        row(&format!("held-out {units}"), held, before, after);
    }
    for (kind, name) in [
        ("data", "held-out, as in the data"),
        ("search", "held-out, as a search meets them"),
    ] {
        if let Some(rates) = report.holdout_by_positions.get(kind)
            && kind != report.positions_kind
        {
            row(name, held, rates.before, rates.after);
        }
    }
    if let Some(weighted) = &report.weighted_zero_block_rate {
        row(
            "searched on, weighted",
            searched,
            weighted.before,
            weighted.after,
        );
        if let (Some(before), Some(after)) = (weighted.holdout_before, weighted.holdout_after) {
            row("held-out, weighted", held, before, after);
        }
    }
    let mut notes = Vec::new();
    if let (Some((low, high)), Some((gain_low, gain_high))) =
        (rates.holdout_after_interval, rates.holdout_gain_interval)
    {
        notes.push(format!(
            "Held-out {units} are those that the search did not see. By the spread between them one can be 95 % sure \
             that the rate after is between {} and {}, and the gain between {} and {}.",
            percent(low, 2),
            percent(high, 2),
            points(gain_low),
            points(gain_high)
        ));
    }
    if rates.holdout_games == Some(1) {
        notes.push(format!(
            "Only one {unit} was held out: that does not tell how sure its rates are."
        ));
    }
    if report.samples_searched() < report.samples as u64 {
        notes.push(format!(
            "The planes did not fit in memory: the search counted on {} of the samples, chosen by what they are. The \
             rates are those of all.",
            grouped(report.samples_searched())
        ));
    }
    Section {
        title: "Result".to_string(),
        text: format!(
            "Share of the blocks that are zero. A sample is one position seen by one side. Its {} outputs stand in {} \
             blocks of four; a block whose four outputs are zero need not be read. {} of the outputs are zero, in any \
             order.",
            grouped(report.neurons as u64),
            grouped(report.neurons as u64 / 4),
            percent(report.zero_rate, 2)
        ),
        tables: vec![table],
        notes,
        ..Section::default()
    }
}

fn certificate(report: &CertificateReport) -> Section {
    let mut table = Table::numbers(&["moves", "looked through", "improvement"]);
    for check in &report.checks {
        let looked = match check.rounds {
            _ if check.exhaustive => "all".to_string(),
            Some(rounds) => format!("{} random sets", grouped(rounds)),
            None => "a random part".to_string(),
        };
        table.rows.push(vec![
            check.neighbourhood.clone(),
            looked,
            if check.gain == 0 { "none" } else { "found" }.to_string(),
        ]);
    }
    let samples = report
        .samples
        .map_or(String::new(), |it| format!(" {}", grouped(it)));
    Section {
        title: "How good the order is".to_string(),
        text: format!(
            "On the{samples} samples searched on, {}. There no order at all has more than {} zero blocks, so at most \
             {} points could be gained.",
            report.finding(),
            percent(report.upper_bound, 2),
            hundredths(report.gap, 2)
        ),
        tables: vec![table],
        ..Section::default()
    }
}

/// The part that says most, and its name.
fn telling(measures: &Measures) -> (&PartMeasures, &'static str) {
    match &measures.held_out {
        Some(part) => (part, "held-out positions"),
        None => (&measures.searched, "positions searched on"),
    }
}

fn buckets(report: &OptimizeReport, measures: &Measures) -> Result<Section, PageError> {
    let (part, on) = telling(measures);
    let weights = report.weighted_zero_block_rate.is_some();
    let mut head = vec!["", "positions", "before, %", "after, %", "points"];
    head.extend(weights.then_some("weight"));
    let mut table = Table::numbers(&head);
    let mut names = Vec::new();
    let mut values = Vec::new();
    let mut row =
        |name: &str, more: &str, positions: usize, rate: &BeforeAfter<f64>, weight: Option<f64>| {
            let mut cells = vec![
                format!("{name}{more}"),
                grouped(positions as u64),
                hundredths(rate.before, 2),
                hundredths(rate.after, 2),
                gain(rate),
            ];
            cells.extend(weights.then(|| weight.map_or(String::new(), |it| it.to_string())));
            table.rows.push(cells);
            names.push(name.to_string());
            values.push(rate.clone());
        };
    row("side to move", "", part.positions, &part.side_to_move, None);
    if let Some(opponent) = &part.opponent {
        row("opponent", "", part.positions, opponent, None);
    }
    // Networks of one bucket have none to tell apart.
    let buckets = if part.buckets.len() > 1 || part.buckets.iter().any(|it| it.bucket > 0) {
        part.buckets.as_slice()
    } else {
        &[]
    };
    for bucket in buckets {
        let name = format!("bucket {}", bucket.bucket);
        let most = bucket.bucket.saturating_mul(4).saturating_add(4);
        let pieces = format!(", {} to {most} pieces", (most - 3).max(2));
        let given = report
            .buckets
            .iter()
            .find(|given| given.bucket == bucket.bucket);
        let weight = given.and_then(|given| given.weight);
        row(&name, &pieces, bucket.positions, &bucket.rate, weight);
    }
    let shares = values.iter().flat_map(|it| [it.before, it.after]);
    let range = around(shares, 0.0..1.0);
    let picture = chart::changes(
        "Share of zero blocks before and after, by perspective and bucket; the table below has the numbers",
        &names,
        range,
        "zero blocks",
        &values,
    )?;
    let rule = if buckets.is_empty() {
        ""
    } else if is_known(report) {
        " A bucket is a phase of the game, by the number of pieces on the board; the network has layers of its own for \
         each."
    } else {
        " A bucket is a phase of the game, by the number of pieces on the board as Stockfish counts; the layout does \
         not say which buckets the engine has."
    };
    Ok(Section {
        title: "By perspective and bucket".to_string(),
        text: format!(
            "Measured on {} positions of {on}.{rule}",
            grouped(part.positions as u64)
        ),
        legend: true,
        pictures: vec![Figure::new("", picture)],
        tables: vec![table],
        ..Section::default()
    })
}

fn work(report: &OptimizeReport, measures: &Measures) -> Result<Section, PageError> {
    let histogram = &measures.nonzero_blocks;
    let total = |counts: &[u64]| counts.iter().sum::<u64>().max(1) as f64;
    let share = |counts: &[u64]| -> Vec<f64> {
        counts
            .iter()
            .map(|&count| count as f64 / total(counts))
            .collect()
    };
    let counts = BeforeAfter {
        before: share(&histogram.counts.before),
        after: share(&histogram.counts.after),
    };
    let highest = counts
        .before
        .iter()
        .chain(&counts.after)
        .copied()
        .fold(0.0, f64::max);
    let (low, width) = (histogram.low as f64, histogram.width as f64);
    let axes = Axes {
        x: low..low + width * counts.before.len() as f64,
        y: 0.0..highest * 1.05,
        y_ticks: None,
        x_title: "blocks read for a position",
        x_format: &|value| grouped(value.max(0.0).round() as u64),
        y_format: &|value| percent(*value, 0),
    };
    let picture = chart::two_histograms(
        &format!(
            "Histogram of the blocks that are read for a position: {:.1} on average before, {:.1} after",
            histogram.mean.before, histogram.mean.after
        ),
        &axes,
        low,
        width,
        &counts,
    )?;
    Ok(Section {
        title: "Blocks that an engine reads".to_string(),
        text: format!(
            "Non-zero blocks of a position{}: {:.1} on average before, {:.1} after.",
            if perspectives(report) > 1 {
                ", both perspectives together"
            } else {
                ""
            },
            histogram.mean.before,
            histogram.mean.after
        ),
        legend: true,
        pictures: vec![Figure::new("Share of the positions", picture)],
        ..Section::default()
    })
}

fn blocks(measures: &Measures) -> Result<Section, PageError> {
    let curve = |rates: &[f64]| -> Vec<(f64, f64)> {
        let last = (rates.len().max(2) - 1) as f64;
        let points = rates.iter().enumerate();
        points.map(|(at, &rate)| (at as f64 / last, rate)).collect()
    };
    let (before, after) = (
        curve(&measures.block_rates.before),
        curve(&measures.block_rates.after),
    );
    let axes = Axes {
        x: 0.0..1.0,
        y: 0.0..1.0,
        y_ticks: None,
        x_title: "blocks, the most often skipped first",
        x_format: &|share| percent(*share, 0),
        y_format: &|share| percent(*share, 0),
    };
    let line = |ink, points, filled| Line {
        ink,
        points,
        filled,
    };
    let picture = chart::lines(
        "How often each block is zero, blocks sorted from the best, before and after",
        &axes,
        &[line(BEFORE, &before, false), line(AFTER, &after, true)],
    )?;
    Ok(Section {
        title: "How often each block is skipped".to_string(),
        text: "A good order gathers neurons that are zero together, so that some blocks are skipped almost always. \
               The area under a curve is its rate."
            .to_string(),
        legend: true,
        pictures: vec![Figure::new("Share of the samples in which a block is zero", picture)],
        ..Section::default()
    })
}

fn co_zero(measures: &Measures) -> Result<Section, PageError> {
    let cells = &measures.co_zero_map.cells;
    let all = || cells.before.iter().chain(&cells.after).flatten().copied();
    let (low, high) = (all().fold(1.0, f64::min), all().fold(0.0, f64::max));
    let before = chart::heat_map(
        "How often neurons are zero together, before",
        &cells.before,
        low..high,
    )?;
    let after = chart::heat_map(
        "How often neurons are zero together, after",
        &cells.after,
        low..high,
    )?;
    Ok(Section {
        title: "Which neurons are zero together".to_string(),
        text: format!(
            "Rows and columns are neurons, those of the most often skipped block at the top and at the left. The \
             colour of a cell is the share of the samples in which a neuron of its row and one of its column are both \
             zero, on average over {0} × {0} neurons.",
            measures.co_zero_map.neurons_a_cell
        ),
        pictures: vec![Figure::new("Before", before), Figure::new("After", after)],
        heat: Some([percent(low, 0), percent(high, 0)]),
        ..Section::default()
    })
}

fn search(report: &OptimizeReport) -> Result<Section, PageError> {
    let mut table = Table::numbers(&["move", "rounds", "exchanges"]);
    for (name, moves) in &report.moves {
        table.rows.push(vec![
            name.clone(),
            grouped(moves.rounds),
            grouped(moves.applied),
        ]);
    }
    let pictures = match &report.curve {
        Some(curve) if !curve.points.is_empty() => vec![rate_curve(curve)?, exchange_curve(curve)?],
        _ => Vec::new(),
    };
    Ok(Section {
        title: "Search".to_string(),
        text: format!(
            "{:.2} s on {} ({}). A reassignment takes a neuron out of every block and puts them back where they fit \
             best; a shaken one lets chance have a say, less and less, so the rate may fall: that is how the search \
             leaves orders that no single exchange improves. Pair swaps exchange two neurons, half swaps two halves of \
             blocks, three-cycles rotate three neurons.",
            report.seconds.search, report.adapter, report.backend
        ),
        pictures,
        tables: vec![table],
        ..Section::default()
    })
}

fn rounds_of(curve: &SearchCurve) -> std::ops::Range<f64> {
    0.0..curve
        .points
        .last()
        .map_or(1.0, |point| point.rounds.max(1) as f64)
}

fn rate_curve(curve: &SearchCurve) -> Result<Figure, PageError> {
    let of = |all: bool| -> Vec<(f64, f64)> {
        let points = curve.points.iter().filter(|point| point.all_samples == all);
        points
            .map(|point| (point.rounds as f64, point.rate))
            .collect()
    };
    let (part, all) = (of(false), of(true));
    let mut best = 0.0f64;
    let bests: Vec<(f64, f64)> = all
        .iter()
        .map(|&(rounds, rate)| {
            best = best.max(rate);
            (rounds, best)
        })
        .collect();
    let axes = Axes {
        x: rounds_of(curve),
        y: around(curve.points.iter().map(|point| point.rate), 0.0..1.0),
        y_ticks: None,
        x_title: "rounds",
        x_format: &|rounds| grouped(rounds.max(0.0) as u64),
        y_format: &|rate| percent(*rate, 1),
    };
    let line = |ink, points| Line {
        ink,
        points,
        filled: false,
    };
    let picture = chart::lines(
        "Share of zero blocks over the rounds of the search",
        &axes,
        &[line(BEFORE, &part), line(ACCENT, &bests), line(AFTER, &all)],
    )?;
    let mut inks = vec![
        ("after", "counted on all samples"),
        ("accent", "the best so far"),
    ];
    if !part.is_empty() {
        inks.insert(0, ("before", "counted on a part of the samples"));
    }
    Ok(Figure {
        inks,
        ..Figure::new("Share of zero blocks", picture)
    })
}

fn exchange_curve(curve: &SearchCurve) -> Result<Figure, PageError> {
    let total = |point: &crate::report::curve::CurvePoint, shaken: bool| -> f64 {
        let counts = point
            .applied
            .iter()
            .filter(|(name, _)| name.starts_with("shaken") == shaken);
        counts.map(|(_, applied)| applied).sum::<u64>() as f64
    };
    let of = |shaken: bool| -> Vec<(f64, f64)> {
        let points = curve.points.iter();
        points
            .map(|point| (point.rounds as f64, total(point, shaken)))
            .collect()
    };
    let (shaken, uphill) = (of(true), of(false));
    let highest = shaken
        .iter()
        .chain(&uphill)
        .map(|point| point.1)
        .fold(1.0, f64::max);
    let axes = Axes {
        x: rounds_of(curve),
        y: 0.0..highest * 1.05,
        y_ticks: None,
        x_title: "rounds",
        x_format: &|rounds| grouped(rounds.max(0.0) as u64),
        y_format: &|count| short(*count),
    };
    let line = |ink, points| Line {
        ink,
        points,
        filled: false,
    };
    let picture = chart::lines(
        "Exchanges over the rounds of the search",
        &axes,
        &[line(BEFORE, &shaken), line(AFTER, &uphill)],
    )?;
    Ok(Figure {
        inks: vec![
            ("before", "by shaken reassignments"),
            ("after", "by moves that only go uphill"),
        ],
        ..Figure::new("Exchanges of neurons so far", picture)
    })
}

/// "1.2k", "3.4M".
fn short(count: f64) -> String {
    if count >= 1e6 {
        format!("{:.1}M", count / 1e6)
    } else if count >= 1e4 {
        format!("{:.0}k", count / 1e3)
    } else {
        format!("{count:.0}")
    }
}

fn neurons(measures: &Measures) -> Result<Section, PageError> {
    let neurons = &measures.neurons;
    let counts: Vec<f64> = neurons
        .histogram
        .iter()
        .map(|&count| count as f64)
        .collect();
    let width = 1.0 / counts.len().max(1) as f64;
    let axes = Axes {
        x: 0.0..1.0,
        y: 0.0..counts.iter().copied().fold(1.0, f64::max) * 1.05,
        y_ticks: None,
        x_title: "share of the samples in which the output is zero",
        x_format: &|share| percent(*share, 0),
        y_format: &|count| short(*count),
    };
    let picture = chart::histogram(
        "Neurons by how often they are zero",
        &axes,
        0.0,
        width,
        &counts,
    )?;
    let list = |neurons: &[u32]| {
        if neurons.is_empty() {
            return "none".to_string();
        }
        let named: Vec<String> = neurons.iter().take(LISTED).map(u32::to_string).collect();
        let more = neurons.len().saturating_sub(LISTED);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!("{}: {}{more}", neurons.len(), named.join(", "))
    };
    Ok(Section {
        title: "Neurons".to_string(),
        text: format!(
            "How often each output is zero, on {} samples. What is always zero does nothing on these positions; what \
             is never zero keeps its block from being skipped. Neurons are numbered as in the network that was read.",
            grouped(neurons.samples as u64)
        ),
        pictures: vec![Figure::new("Number of neurons", picture)],
        tables: vec![Table::texts(vec![
            ("dead (always zero)", list(&neurons.dead)),
            ("never zero", list(&neurons.never_zero)),
        ])],
        ..Section::default()
    })
}

fn provenance(report: &OptimizeReport) -> Section {
    let seconds = &report.seconds;
    let mut rows = vec![
        ("network", report.net.path.clone()),
        ("its SHA-256", report.net.sha256.clone()),
        ("era, L1", format!("{}, {}", report.net.era, report.net.l1)),
        ("data", report.data.join(" ")),
        (
            "positions",
            format!(
                "{} of {} asked for, from {}; kind: {}; held out: {}",
                grouped(report.positions as u64),
                grouped(report.count),
                origins(report.games, report.groups),
                report.positions_kind,
                percent(report.holdout, 0)
            ),
        ),
        ("seed", report.seed.to_string()),
        (
            "computed on",
            format!("{}: {}", report.backend, report.adapter),
        ),
    ];
    match (&report.out, &report.perm) {
        (Some(out), Some(perm)) => rows.extend([
            ("written", out.path.clone()),
            ("its SHA-256", out.sha256.clone()),
            ("permutation", perm.path.clone()),
        ]),
        _ => rows.push((
            "written",
            "nothing: the order was the best already".to_string(),
        )),
    }
    rows.push((
            "seconds",
            format!(
                "{:.2}: network {:.2}, positions {:.2}, feature transformer {:.2}, search {:.2}, certificate {:.2}, \
                 verifying {:.2}, writing {:.2}",
                seconds.total,
                seconds.read_net,
                seconds.positions,
                seconds.ft,
                seconds.search,
                seconds.certify,
                seconds.verify,
                seconds.write
            ),
    ));
    if let Some(bytes) = report.peak_rss_bytes {
        rows.push(("peak memory", format!("{} MiB", grouped(bytes >> 20))));
    }
    rows.push(("ftperm", report.version.clone()));
    Section {
        title: "Where it comes from".to_string(),
        tables: vec![Table::texts(rows)],
        ..Section::default()
    }
}
