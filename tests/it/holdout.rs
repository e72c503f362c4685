//! What is held out, and what is said of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn own(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn ftperm(folder: &Path, arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ftperm"));
    let output = program.current_dir(folder).args(arguments).output();
    let output = output.expect("the program starts");
    let message = text(&output);
    assert!(output.status.success(), "{arguments:?}: {message}");
    output
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).expect("JSON on stdout")
}

fn optimize(folder: &Path, data: &str, more: &[&str]) -> Output {
    let net = own("datasets/demo.nnue");
    let run = ["--json", "optimize", "--effort", "quick", "--net"];
    let run = [&run[..], &[net.to_str().unwrap(), "--data"]].concat();
    let data = own(data);
    ftperm(
        folder,
        &[&run[..], &[data.to_str().unwrap()], more].concat(),
    )
}

/// The rate before the search is that of the games alone: the same games, the same rate.
#[test]
fn the_seed_does_not_choose_what_is_held_out() {
    let folder = tempfile::tempdir().unwrap();
    let before = |more: &[&str]| {
        let count = ["--count", "4000"];
        let more = [&count[..], more].concat();
        let output = optimize(folder.path(), "datasets/selfplay.binpack", &more);
        let report = json(&output);
        let kinds = &report["holdout_by_positions"]["data"]["before"];
        let rate = report["zero_block_rate"]["holdout_before"].clone();
        (rate, kinds.clone(), report["holdout_seed"].clone())
    };
    let first = before(&[]);
    assert_eq!(first.2, 0);
    assert_eq!(before(&["--seed", "5"]), first);
    let other = before(&["--holdout-seed", "5"]);
    assert_eq!(other.2, 5);
    assert_ne!(other.0, first.0);
}

#[test]
fn rates_that_say_little_are_doubted() {
    let folder = tempfile::tempdir().unwrap();
    let few = optimize(
        folder.path(),
        "datasets/selfplay.binpack",
        &["--count", "500"],
    );
    let message = text(&few);
    assert!(
        message.contains("warning: the held-out rates say little: only one held-out game; "),
        "{message}"
    );
    assert!(
        message.contains("points were gained on the positions searched on"),
        "{message}"
    );
    let no_plies = optimize(
        folder.path(),
        "tests/data/ply0-as-c-chess-cli.bin",
        &["--no-filter", "--holdout", "0.45"],
    );
    let message = text(&no_plies);
    for part in [
        "1889 from 5 groups of lines",
        "warning: the plies in the data do not tell games",
        "only 2 held-out groups of lines",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    // Seven games, none of which is as small as a tenth: nothing is measured, rather than on neighbours of positions
    // that were searched on.
    let whole_games = optimize(
        folder.path(),
        "tests/data/ply0-as-c-chess-cli.bin",
        &["--no-filter", "--force"],
    );
    let message = text(&whole_games);
    assert!(
        message.contains("not measured, as every group of lines is larger"),
        "{message}"
    );
    let rates = &json(&whole_games)["zero_block_rate"];
    assert!(rates["holdout_after"].is_null(), "{rates}");
    let many = optimize(
        folder.path(),
        "datasets/selfplay.binpack",
        &["--count", "40000"],
    );
    assert!(!text(&many).contains("say little"), "{}", text(&many));
}

/// Planes that are held out are those that `optimize` holds out, and no shard holds a position of both sides.
#[test]
fn gathered_planes_are_held_out_too() {
    let folder = tempfile::tempdir().unwrap();
    let (net, data) = (own("datasets/demo.nnue"), own("datasets/selfplay.binpack"));
    let gather = |more: &[&str]| {
        let run = ["--json", "gather", "--net", net.to_str().unwrap(), "--data"];
        let run = [&run[..], &[data.to_str().unwrap(), "--out", "p.z"], more].concat();
        json(&ftperm(folder.path(), &run))
    };
    let taken = ["--count", "4000", "--holdout", "0.1"];
    let files = gather(&taken)["files"].clone();
    assert_eq!(files[1]["path"], "holdout-p.z");
    assert_eq!(
        (&files[0]["holdout"], &files[1]["holdout"]),
        (&false.into(), &true.into())
    );
    let find = |more: &[&str]| {
        let run = [
            "--json", "find", "--data", "p.z", "--out", "o.txt", "--effort", "quick",
        ];
        ftperm(folder.path(), &[&run[..], more].concat())
    };
    let found = json(&find(&["--holdout", "holdout-p.z"]));
    // `optimize` tells shares, `find` counts.
    let is_share = |report: &serde_json::Value, zero: &str, share: &serde_json::Value| {
        let [zero, cells] = [zero, "cells"].map(|name| report[name].as_u64().unwrap() as f64);
        (share.as_f64().unwrap() * cells).round() == zero
    };
    let same = [&taken[..2], &["--positions", "data"]].concat();
    let data = "datasets/selfplay.binpack";
    let optimized = json(&optimize(folder.path(), data, &same));
    let rates = &optimized["zero_block_rate"];
    assert!(is_share(&found, "zero_blocks_before", &rates["before"]));
    let held_out = &found["holdout"];
    assert!(is_share(
        held_out,
        "zero_blocks_before",
        &rates["holdout_before"]
    ));
    let zero_blocks = |name: &str| held_out[name].as_u64().unwrap();
    assert!(zero_blocks("zero_blocks_after") > zero_blocks("zero_blocks_before"));

    let message = text(&find(&[]));
    assert!(message.contains("nothing was held out"), "{message}");
    let kept = gather(&[&taken[..], &["--resume"]].concat());
    assert!(
        kept["files"]
            .as_array()
            .unwrap()
            .iter()
            .all(|file| file["kept"] == true)
    );

    let shards = gather(&["--shards", "2", "--holdout", "0.1"]);
    let shards = shards["files"].as_array().unwrap();
    let names: Vec<&str> = shards
        .iter()
        .filter_map(|file| file["path"].as_str())
        .collect();
    let expected = [
        "p.0001-of-0002.z",
        "holdout-p.0001-of-0002.z",
        "p.0002-of-0002.z",
        "holdout-p.0002-of-0002.z",
    ];
    assert_eq!(names, expected);
    // 44,537 positions pass the filters.
    let positions = shards.iter().filter_map(|file| file["positions"].as_u64());
    assert_eq!(positions.sum::<u64>(), 44_537);
}
