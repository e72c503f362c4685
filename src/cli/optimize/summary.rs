//! What people read at the end of a run.

use ftperm::report::bench::Comparison;
use ftperm::report::{BucketRates, OptimizeReport, Rates};

use crate::cli::bench::text::pairs;
use crate::cli::common::{INTERRUPTED, START_IS_BETTER, say_certificate, searched_in_part};
use crate::cli::console;

/// Warnings and what was asked for beside the result; at the end five lines, of which `verified` is one if a
/// network was written.
pub fn summary(report: &OptimizeReport, verified: Option<&str>) {
    if report.interrupted {
        console::warn(INTERRUPTED);
    }
    other_positions(report);
    let in_part = report.samples_searched() < report.samples as u64;
    if let Some(spilled) = &report.spilled {
        if in_part {
            let samples = report.samples as u64;
            console::say(searched_in_part(spilled.samples_searched, samples));
        }
        if spilled.start_is_better {
            console::warn(START_IS_BETTER);
        }
    }
    if let Some(weighted) = &report.weighted_zero_block_rate {
        weights(report, weighted);
    }
    doubts(report);
    if let Some(certificate) = &report.certificate {
        say_certificate(certificate, in_part);
    }
    rates(report, in_part);
    if let Some(verified) = verified {
        console::say(verified);
    }
    seconds(report);
    let total = report.seconds.total;
    match (&report.out, &report.perm) {
        (Some(out), Some(perm)) => console::say(format!(
            "wrote {} and {} after {total:.2} s",
            out.path, perm.path
        )),
        _ => console::say(format!(
            "already in the best order found; nothing written (--force) after {total:.2} s"
        )),
    }
    if let Some(comparison) = &report.bench {
        console::say(in_engine(comparison));
    }
    if let Some(why) = &report.no_bench {
        console::warn(format!("the speed in an engine was not measured: {why}"));
    }
}

/// The speed that was measured.
fn in_engine(comparison: &Comparison) -> String {
    let ratio = comparison.steadiest();
    let faster = |ratio: f64| format!("{:+.2}", percent(ratio - 1.0));
    let by = match comparison.cpu {
        Some(_) => "by CPU time",
        None => "by the clock",
    };
    let tell = pairs(ratio.runs_to_tell);
    format!(
        "speed of {}: {} % {by} (95 % sure of {} to {} %), {} pairs of runs; {tell} pairs would tell {} %",
        comparison.engine_name(),
        faster(ratio.ratio),
        faster(ratio.ratio_low),
        faster(ratio.ratio_high),
        comparison.runs,
        comparison.difference_percent
    )
}

fn percent(rate: f64) -> f64 {
    100.0 * rate
}

/// The rates on held-out positions of kinds that were not searched on.
fn other_positions(report: &OptimizeReport) {
    let (_, units) = report.units();
    for (kind, rates) in &report.holdout_by_positions {
        if *kind != report.positions_kind {
            console::say(format!(
                "on held-out {units}, {}: {:.2} % before, {:.2} % after",
                positions_are(kind),
                percent(rates.before),
                percent(rates.after)
            ));
        }
    }
}

/// What positions of this kind are, for people.
fn positions_are(kind: &str) -> &'static str {
    match kind {
        "search" => "positions as a search meets them",
        "random" => "positions after random moves",
        _ => "positions as the data have them",
    }
}

/// Why the rates say little, and that there were too few positions.
fn doubts(report: &OptimizeReport) {
    let doubts = report.doubts();
    if !doubts.is_empty() {
        console::warn(format!(
            "the held-out rates say little: {}; take more positions (--count)",
            doubts.join("; ")
        ));
    }
    if let Some(advice) = &report.advice {
        let more = if report.positions < report.count as usize {
            "in more data "
        } else {
            ""
        };
        console::warn(format!(
            "over-fitted: {:.2} points gained on the positions searched on, {:.2} on others; twice as many positions \
             {more}(--count {}) would about halve the difference, a longer search would not",
            percent(advice.gain),
            percent(advice.holdout_gain),
            advice.count
        ));
    }
}

/// The result in three lines: on the samples searched on, on held-out ones, and what engines read.
fn rates(report: &OptimizeReport, in_part: bool) {
    let rates = &report.zero_block_rate;
    let (unit, units) = report.units();
    let skipped = report.net.sparse();
    console::say(format!(
        "blocks that {}: {:.2} % before, {:.2} % after, on {} {} samples{}",
        if skipped { "engines skip" } else { "are zero" },
        percent(rates.before),
        percent(rates.after),
        if in_part { "all" } else { "the" },
        report.samples,
        if in_part { "" } else { " searched on" }
    ));
    let sure = rates.holdout_after_interval;
    let alone = || format!("from one {unit} only");
    let sure = sure.map_or_else(alone, |(low, high)| {
        format!("95 % sure of {:.2} to {:.2} %", percent(low), percent(high))
    });
    match (rates.holdout_before, rates.holdout_after) {
        (Some(before), Some(after)) => console::say(format!(
            "on held-out {units}{}: {:.2} % before, {:.2} % after ({sure})",
            match report.positions_kind.as_str() {
                "data" => String::new(),
                kind => format!(", {}", positions_are(kind)),
            },
            percent(before),
            percent(after)
        )),
        _ if report.holdout > 0.0 => console::say(format!(
            "on held-out {units}: not measured, as every {unit} is larger than the share to hold out (--holdout {})",
            report.holdout
        )),
        _ => console::say(format!("on held-out {units}: not measured")),
    }
    let (saving, bounds) = rates.saving();
    let fewer = blocks_read(saving, bounds);
    if skipped {
        console::say(format!(
            "expected effect: engines read {fewer}; `ftperm bench` measures the speed"
        ));
    } else {
        console::say(format!(
            "expected effect: none in {}, which read all blocks; one that skips zero blocks would read {fewer}",
            report.net.engines()
        ));
    }
}

fn seconds(report: &OptimizeReport) {
    let seconds = &report.seconds;
    tracing::info!(
        "took {:.2} s (network {:.2}, positions {:.2}, feature transformer {:.2}, search {:.2}, \
         certificate {:.2}, verifying {:.2}, writing {:.2})",
        seconds.total,
        seconds.read_net,
        seconds.positions,
        seconds.ft,
        seconds.search,
        seconds.certify,
        seconds.verify,
        seconds.write
    );
}

/// By how much fewer, or more, blocks are read; shares, and between which bounds that is with 95 % certainty.
fn blocks_read(saving: f64, bounds: Option<(f64, f64)>) -> String {
    // As people see it: a tenth of a percent.
    let tenths = |share: f64| (1000.0 * share).round() as i64;
    let size = |share: f64| format!("{:.1} %", tenths(share).abs() as f64 / 10.0);
    let change = |share: f64| match tenths(share) {
        0 => "none fewer".to_string(),
        1.. => format!("{} fewer", size(share)),
        _ => format!("{} more", size(share)),
    };
    let read = match tenths(saving) {
        0 => "no fewer".to_string(),
        _ => change(saving),
    };
    // An order that changes nothing is sure of that.
    let told = bounds.filter(|(low, high)| (tenths(*low), tenths(*high)) != (0, 0));
    let sure = told.map_or(String::new(), |(low, high)| {
        if tenths(low) > 0 && tenths(saving) > 0 {
            format!(" (95 % sure of {:.1} to {})", 100.0 * low, size(high))
        } else {
            format!(" (95 % sure of {} to {})", change(low), change(high))
        }
    });
    format!("{read} blocks of the first layer{sure}")
}

/// What was searched for, and what it did to every bucket.
fn weights(report: &OptimizeReport, weighted: &Rates) {
    let held = match (weighted.holdout_before, weighted.holdout_after) {
        (Some(before), Some(after)) => format!(
            "; held-out {:.2} % before, {:.2} % after",
            percent(before),
            percent(after)
        ),
        _ => String::new(),
    };
    console::say(format!(
        "weighted, as searched for: {:.2} % before, {:.2} % after{held}",
        percent(weighted.before),
        percent(weighted.after)
    ));
    for bucket in &report.buckets {
        let rates = |rates: &Option<BucketRates>| {
            rates.as_ref().map_or("none".to_string(), |rates| {
                format!(
                    "{:.2} % before, {:.2} % after ({} samples)",
                    percent(rates.before),
                    percent(rates.after),
                    rates.samples
                )
            })
        };
        console::say(format!(
            "bucket {}, weight {}: {}; held-out {}",
            bucket.bucket,
            bucket.weight.unwrap_or(1.0),
            rates(&bucket.training),
            rates(&bucket.holdout)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::blocks_read;

    #[test]
    fn a_gain_a_loss_and_neither_have_words_of_their_own() {
        let said = |saving, bounds| blocks_read(saving, bounds);
        assert_eq!(
            said(0.177, Some((0.161, 0.193))),
            "17.7 % fewer blocks of the first layer (95 % sure of 16.1 to 19.3 %)"
        );
        assert_eq!(said(0.0, None), "no fewer blocks of the first layer");
        assert_eq!(
            said(0.0, Some((0.0, 0.0))),
            "no fewer blocks of the first layer"
        );
        assert_eq!(
            said(-0.0003, Some((-0.004, 0.0))),
            "no fewer blocks of the first layer (95 % sure of 0.4 % more to none fewer)"
        );
        assert_eq!(
            said(-0.003, Some((-0.005, 0.001))),
            "0.3 % more blocks of the first layer (95 % sure of 0.5 % more to 0.1 % fewer)"
        );
        assert_eq!(
            said(0.002, Some((-0.001, 0.004))),
            "0.2 % fewer blocks of the first layer (95 % sure of 0.1 % more to 0.4 % fewer)"
        );
    }
}
