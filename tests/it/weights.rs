//! `optimize --weight` as a user runs it, and the rates by bucket and by kind of positions in its report.

use std::process::Output;

use serde_json::Value;

use crate::common::program::Case;

/// Runs `optimize` on what the repository ships.
fn optimize(weight: Option<&str>, positions: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Case::new("optimize")
        .folder(&folder)
        .net("demo")
        .data("selfplay")
        .args(["--effort", "quick", "--backend", "cpu", "--json"])
        .args(["--count", "12000", "--holdout", "0.25"])
        .args(["--positions", positions])
        .args(weight.map(|weight| ["--weight", weight]).iter().flatten())
        .output()
}

fn report(weight: Option<&str>, positions: &str) -> Value {
    let output = optimize(weight, positions);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let told = errors
        .lines()
        .any(|line| line.starts_with("bucket 7, weight "));
    assert_eq!(told, weight.is_some(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The weighted mean over buckets of a rate, and the sum of all samples.
fn mean(report: &Value, part: &str, rate: &str, weight: impl Fn(&Value) -> f64) -> (f64, f64) {
    let buckets = report["buckets"].as_array().unwrap();
    let (mut zero, mut all, mut samples) = (0.0, 0.0, 0.0);
    for bucket in buckets.iter().filter(|bucket| !bucket[part].is_null()) {
        let count = bucket[part]["samples"].as_f64().unwrap();
        zero += count * weight(bucket) * bucket[part][rate].as_f64().unwrap();
        all += count * weight(bucket);
        samples += count;
    }
    (zero / all, samples)
}

fn close(found: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-12, "{found} {expected}");
}

#[test]
fn equal_weights_change_nothing() {
    let plain = report(None, "data");
    let equal = report(Some("0=2,1=2,2=2,3=2,4=2,5=2,6=2,7=2"), "data");
    assert_eq!(plain["out"]["sha256"], equal["out"]["sha256"]);
    assert_eq!(plain["moves"], equal["moves"]);
    assert_eq!(plain["zero_block_rate"], equal["zero_block_rate"]);
    assert_eq!(plain["zero_block_rate"], equal["weighted_zero_block_rate"]);
    assert!(plain["weighted_zero_block_rate"].is_null());
    let rates = &plain["zero_block_rate"];
    for rate in ["before", "after"] {
        let (found, samples) = mean(&plain, "holdout", rate, |_| 1.0);
        close(found, &rates[format!("holdout_{rate}")]);
        assert_eq!(samples + plain["samples"].as_f64().unwrap(), 24_000.0);
        let data = &plain["holdout_by_positions"]["data"];
        assert_eq!(data[rate], rates[format!("holdout_{rate}")]);
        let (found, samples) = mean(&equal, "training", rate, |_| 1.0);
        close(found, &rates[rate]);
        assert_eq!(samples, plain["samples"].as_f64().unwrap());
    }
    let walked = &plain["holdout_by_positions"]["search"];
    assert!(walked["after"].as_f64() > walked["before"].as_f64());
}

#[test]
fn weights_count_and_help_their_bucket() {
    let plain = report(None, "search");
    let heavy = report(Some("0=0,1=0,2=0,6=0.5,7=20"), "search");
    let weight = |bucket: &Value| bucket["weight"].as_f64().unwrap();
    for rate in ["before", "after"] {
        let (found, _) = mean(&heavy, "training", rate, weight);
        close(found, &heavy["weighted_zero_block_rate"][rate]);
        let (found, _) = mean(&heavy, "holdout", rate, weight);
        let held = format!("holdout_{rate}");
        close(found, &heavy["weighted_zero_block_rate"][held]);
        // Unweighted, but without what weighs nothing.
        let (found, _) = mean(&heavy, "training", rate, |it| f64::from(weight(it) > 0.0));
        close(found, &heavy["zero_block_rate"][rate]);
    }
    let opening = |report: &Value| {
        let buckets = report["buckets"].as_array().unwrap().clone();
        let bucket = buckets.into_iter().find(|it| it["bucket"] == 7).unwrap();
        bucket["holdout"]["after"].as_f64().unwrap()
    };
    assert!(opening(&heavy) > opening(&plain));
    let kinds = heavy["holdout_by_positions"].as_object().unwrap();
    assert!(kinds.keys().eq(["data", "search"]));
}

#[test]
fn weights_that_make_no_sense_are_refused() {
    for (weight, part) in [
        ("9=1", "'9' is no bucket"),
        ("1=-1", "'-1' is no weight"),
        ("1", "'1' is not BUCKET=WEIGHT"),
        ("0=0,1=0,2=0,3=0,4=0,5=0,6=0,7=0", "all weights are 0"),
    ] {
        let output = optimize(Some(weight), "data");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(part), "{errors}");
    }
}
