//! `ftperm verify` of two weight files of Lc0.

use std::path::Path;

use anyhow::anyhow;
use ftperm::nets::lc0::{Arithmetic, Comparison, compare};
use serde::Serialize;

use super::{VersionArgs, open};
use crate::cli::{Global, console};

/// Differing tensors that are shown.
const SHOWN: usize = 30;

#[derive(Serialize)]
struct Report {
    kind: &'static str,
    a: String,
    b: String,
    equal: bool,
    tolerance: f32,
    comparison: Comparison,
    version: &'static str,
}

/// Compares after migration and folding.
pub fn run(
    a: &Path,
    b: &Path,
    tolerance: f32,
    version: &VersionArgs,
    global: &Global,
) -> anyhow::Result<()> {
    let (file_a, file_b) = (open(a)?, open(b)?);
    let (net_a, net_b) = (file_a.net()?, file_b.net()?);
    let comparison = compare(&net_a, &net_b, Arithmetic::of(version.version()))?;
    let equal = comparison.same_within(tolerance);
    let text = outcome(&comparison);
    let details = details(&comparison);
    if global.json {
        console::json(&Report {
            kind: "lc0",
            a: a.display().to_string(),
            b: b.display().to_string(),
            equal,
            tolerance,
            comparison,
            version: env!("CARGO_PKG_VERSION"),
        })?;
    } else {
        for line in details {
            console::say(line);
        }
    }
    if !equal {
        return Err(anyhow!(
            "{} and {} differ: {text}",
            a.display(),
            b.display()
        ));
    }
    if global.json {
        return Ok(());
    }
    console::result(text)
}

fn outcome(comparison: &Comparison) -> String {
    let different = comparison.different.len();
    let missing = comparison.only_in_a.len() + comparison.only_in_b.len();
    let mut text = format!("{} tensors equal", comparison.equal);
    if different > 0 {
        let largest = comparison.largest();
        text.push_str(&format!(", {different} different by up to {largest:e}"));
    }
    if missing > 0 {
        text.push_str(&format!(", {missing} in one only"));
    }
    if !comparison.format.is_empty() {
        let fields: Vec<&str> = comparison
            .format
            .iter()
            .map(|field| field.field.as_str())
            .collect();
        text.push_str(&format!(", another format: {}", fields.join(", ")));
    }
    text
}

fn details(comparison: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    for field in &comparison.format {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "not set".into());
        lines.push(format!(
            "{}: {}, {}",
            field.field,
            name(&field.a),
            name(&field.b)
        ));
    }
    for difference in &comparison.different {
        lines.push(
            match (difference.largest, difference.at, difference.differing) {
                (Some(largest), Some(at), Some(count)) => format!(
                    "{}: {count} of {} values differ, by up to {largest:e} (value {at})",
                    difference.tensor, difference.values[0]
                ),
                _ => format!(
                    "{}: {} values, {} values",
                    difference.tensor, difference.values[0], difference.values[1]
                ),
            },
        );
    }
    let only = |tensor: &String, which: &str| format!("{tensor}: in the {which} only");
    lines.extend(
        comparison
            .only_in_a
            .iter()
            .map(|tensor| only(tensor, "first")),
    );
    lines.extend(
        comparison
            .only_in_b
            .iter()
            .map(|tensor| only(tensor, "second")),
    );
    if lines.len() > SHOWN {
        lines.truncate(SHOWN);
        lines.push("and more; --json has them".to_string());
    }
    lines
}
