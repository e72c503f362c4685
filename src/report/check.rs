//! Can a report that was read from a file be drawn? Files may have been changed, so nothing in them is taken on trust.

use super::bench::{Comparison, Ratio};
use super::curve::SearchCurve;
use super::measures::{BeforeAfter, Histogram, Measures, PartMeasures};
use super::{OptimizeReport, Report, WeightsReport};

/// Bins of histograms, points of curves and cells a side that a picture may have.
const BINS: usize = 1000;
const POINTS: usize = 10_000;
const CELLS: usize = 256;
/// Rows of pictures of intervals.
const ROWS: usize = 100;
/// Whole numbers up to this are exact as floating-point numbers.
const EXACT: u64 = 1 << 53;

/// Says what is wrong.
pub fn check(report: &Report) -> Result<(), &'static str> {
    match report {
        Report::Bench(report) => {
            let all = &report.comparisons;
            require(
                (1..=ROWS).contains(&all.len()),
                "comparisons are too many, or none",
            )?;
            all.iter().chain([&report.first]).try_for_each(comparison)
        }
        Report::Optimize(report) => run(report),
        Report::Weights(report) => weights(report),
    }
}

fn require(holds: bool, what: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(what) }
}

fn is_share(share: f64) -> bool {
    (0.0..=1.0).contains(&share)
}

fn run(report: &OptimizeReport) -> Result<(), &'static str> {
    let rates = &report.zero_block_rate;
    let shares = [
        Some(rates.before),
        Some(rates.after),
        rates.holdout_before,
        rates.holdout_after,
        Some(report.zero_rate),
    ];
    require(
        shares.into_iter().flatten().all(is_share),
        "a rate is not a share from 0 to 1",
    )?;
    let counts = [
        report.positions as u64,
        report.samples as u64,
        report.neurons as u64,
    ];
    require(
        counts.iter().all(|&count| count < EXACT),
        "a count is too large",
    )?;
    report.bench.as_ref().map_or(Ok(()), comparison)?;
    report.curve.as_ref().map_or(Ok(()), curve)?;
    report.measures.as_ref().map_or(Ok(()), measures)
}

fn comparison(one: &Comparison) -> Result<(), &'static str> {
    let fits = |ratio: &Ratio| {
        let ratios = [ratio.ratio, ratio.ratio_low, ratio.ratio_high];
        let others = [
            ratio.base_nodes_per_second,
            ratio.test_nodes_per_second,
            ratio.base_median_seconds,
            ratio.test_median_seconds,
        ];
        // An interval of two runs that differ much ends nowhere near.
        ratios
            .iter()
            .all(|value| (0.0..EXACT as f64).contains(value))
            && others
                .iter()
                .all(|value| (0.0..EXACT as f64).contains(value))
    };
    require(
        fits(&one.clock) && one.cpu.as_ref().is_none_or(fits) && one.nodes < EXACT,
        "a speed is out of range",
    )
}

fn curve(curve: &SearchCurve) -> Result<(), &'static str> {
    require(
        curve.points.len() <= POINTS,
        "the curve has too many points",
    )?;
    let fits = curve.points.iter().all(|point| {
        let applied = point.applied.values();
        is_share(point.rate)
            && point.rounds < EXACT
            && applied.fold(0u64, |sum, &count| sum.saturating_add(count)) < EXACT
    });
    require(fits, "a point of the curve is out of range")
}

fn measures(measures: &Measures) -> Result<(), &'static str> {
    part(&measures.searched)?;
    measures.held_out.as_ref().map_or(Ok(()), part)?;
    let bins = |counts: &[u64]| {
        let sum = counts
            .iter()
            .fold(0u64, |sum, &count| sum.saturating_add(count));
        (1..=BINS).contains(&counts.len()) && sum < EXACT
    };
    require(
        bins(&measures.neurons.histogram),
        "the neurons' histogram is out of range",
    )?;
    let Histogram {
        low, width, counts, ..
    } = &measures.nonzero_blocks;
    require(
        *low < EXACT
            && (1..EXACT / BINS as u64).contains(width)
            && bins(&counts.before)
            && bins(&counts.after)
            && counts.before.len() == counts.after.len(),
        "the histogram of blocks is out of range",
    )?;
    let BeforeAfter { before, after } = &measures.block_rates;
    require(
        [before, after].iter().all(|rates| {
            (1..=POINTS).contains(&rates.len()) && rates.iter().all(|&rate| is_share(rate))
        }),
        "the blocks' rates are out of range",
    )?;
    let BeforeAfter { before, after } = &measures.co_zero_map.cells;
    require(
        [before, after].iter().all(|rows| {
            let square =
                (1..=CELLS).contains(&rows.len()) && rows.iter().all(|row| row.len() == rows.len());
            square && rows.iter().flatten().all(|&share| is_share(share))
        }),
        "the co-zero map is out of range",
    )
}

fn part(part: &PartMeasures) -> Result<(), &'static str> {
    let rates = part.buckets.iter().map(|bucket| &bucket.rate);
    let fits = rates
        .chain([&part.all, &part.side_to_move])
        .chain(&part.opponent)
        .all(|rate| is_share(rate.before) && is_share(rate.after));
    require(
        fits && part.buckets.len() <= CELLS,
        "the rates of a part are out of range",
    )
}

fn weights(report: &WeightsReport) -> Result<(), &'static str> {
    require(report.tensors.len() <= BINS, "there are too many tensors")?;
    let fits = report.tensors.iter().all(|tensor| {
        let sum = tensor
            .histogram
            .iter()
            .fold(0u64, |sum, &count| sum.saturating_add(count as u64));
        tensor.min <= tensor.max
            && (1..=BINS).contains(&tensor.histogram.len())
            && sum < EXACT
            && (tensor.values as u64) < EXACT / BINS as u64
            && tensor.zeros <= tensor.values
    });
    let ranges = report.not_fitting.iter();
    let counts = ranges.fold(0u64, |sum, range| {
        sum.saturating_add(range.clamped as u64)
            .saturating_add(range.out_of_range as u64)
            .saturating_add(range.not_finite as u64)
    });
    require(fits && counts < EXACT, "a tensor's values are out of range")
}
