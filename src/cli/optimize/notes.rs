//! What a permutation file says about where it comes from.

use ftperm::files::digest::hex;
use ftperm::order::{NET_SHA256, PERMUTED_NET_SHA256, WEIGHTS_SHA256};
use ftperm::report::{NetSummary, OptimizeReport};

/// The comments of the permutation file.
pub fn notes(
    report: &OptimizeReport,
    out: &NetSummary,
    weights: [u8; 32],
) -> Vec<(String, String)> {
    let rates = &report.zero_block_rate;
    let percent = |rate: f64| format!("{:.4} %", 100.0 * rate);
    let mut notes = vec![
        ("ftperm".to_string(), report.version.clone()),
        (NET_SHA256.to_string(), report.net.sha256.clone()),
        (PERMUTED_NET_SHA256.to_string(), out.sha256.clone()),
        (WEIGHTS_SHA256.to_string(), hex(&weights)),
        ("era".to_string(), report.net.era.clone()),
        ("data".to_string(), report.data.join(" ")),
        ("positions".to_string(), report.positions.to_string()),
        (
            "samples searched on".to_string(),
            report.samples_searched().to_string(),
        ),
        ("seed".to_string(), report.seed.to_string()),
        ("zero blocks before".to_string(), percent(rates.before)),
        ("zero blocks after".to_string(), percent(rates.after)),
    ];
    if let (Some(before), Some(after)) = (rates.holdout_before, rates.holdout_after) {
        notes.push(("held-out zero blocks before".to_string(), percent(before)));
        notes.push(("held-out zero blocks after".to_string(), percent(after)));
    }
    notes
}
