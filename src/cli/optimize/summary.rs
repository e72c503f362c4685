//! What people read at the end of a run.

use ftperm::report::OptimizeReport;

use crate::cli::console;

/// Five lines for people.
pub fn summary(report: &OptimizeReport) {
    let rates = &report.zero_block_rate;
    let percent = |rate: f64| 100.0 * rate;
    console::say(format!(
        "blocks that engines skip: {:.2} % before, {:.2} % after, on the {} samples searched on",
        percent(rates.before),
        percent(rates.after),
        report.samples
    ));
    match (
        rates.holdout_before,
        rates.holdout_after,
        rates.holdout_after_interval,
    ) {
        (Some(before), Some(after), Some((low, high))) => console::say(format!(
            "on held-out games: {:.2} % before, {:.2} % after (95 % sure of {:.2} to {:.2} %)",
            percent(before),
            percent(after),
            percent(low),
            percent(high)
        )),
        _ => console::say("on held-out games: not measured"),
    }
    if let (Some(before), Some(after), Some((_, high))) = (
        rates.holdout_before,
        rates.holdout_after,
        rates.holdout_gain_interval,
    ) {
        let (gain, held) = (rates.after - rates.before, after - before);
        if gain > high {
            console::warn(format!(
                "over-fitted: {:.2} points gained on the positions searched on, {:.2} on others; \
                 more positions (--count) help more than a longer search",
                percent(gain),
                percent(held)
            ));
        }
    }
    if let Some(it) = &report.certificate {
        console::say(format!(
            "certificate: {}; no order has more than {:.2} %",
            if it.locally_optimal {
                "no move that was tried improves the order"
            } else if it.optimal_for_two_blocks {
                "no repartition of two blocks improves the order, but a larger exchange would"
            } else {
                "some moves would still improve the order"
            },
            percent(it.upper_bound)
        ));
    }
    console::say(format!(
        "verified: same outputs in all buckets on {} positions",
        report.verified.positions
    ));
    if report.interrupted {
        console::warn("the search was interrupted; this is the best order found until then");
    }
    console::say(format!(
        "took {:.2} s (network {:.2}, positions {:.2}, feature transformer {:.2}, search {:.2}, verifying {:.2}, writing {:.2})",
        report.seconds.total,
        report.seconds.read_net,
        report.seconds.positions,
        report.seconds.ft,
        report.seconds.search,
        report.seconds.verify,
        report.seconds.write
    ));
    console::say(format!(
        "wrote {} and {}",
        report.out.path, report.perm.path
    ));
}
