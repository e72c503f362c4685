//! `ftperm features`: the reference loaders' lists, and what is told of sets and rows.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::material;
use crate::common::program::Case;

/// Of a position of the reference: rows and how often each is added.
type Rows = BTreeMap<u64, u64>;

fn rows(line: &Value, side: &str) -> Rows {
    let indices = line[side].as_array().unwrap();
    let values = line[format!("{side}_values")].as_array();
    let row = |(at, index): (usize, &Value)| {
        let value = values.map_or(1, |values| values[at].as_f64().unwrap() as u64);
        (index.as_u64().unwrap(), value)
    };
    // Between bare kings the loader lists the king's row of HalfKP^ with 0 times: nothing is added.
    let all = indices.iter().enumerate().map(row);
    all.filter(|&(_, times)| times > 0).collect()
}

fn printed(line: &Value, side: &str, kind: &str) -> Rows {
    let rows = line[side][kind].as_array().unwrap().iter();
    let value = |row: &Value| row["value"].as_u64().unwrap_or(1);
    rows.map(|row| (row["index"].as_u64().unwrap(), value(row)))
        .collect()
}

/// All lists of a file, set by set, are those that the command prints.
fn lists_are_those_of(file: &str, inputs: &str, sets: usize) {
    let Some(path) = material::shared(&format!("reference/{file}")) else {
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let mut by_set: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let set = line["set"].as_str().unwrap().to_string();
        by_set.entry(set).or_default().push(line);
    }
    assert_eq!(by_set.len(), sets);
    for (set, lines) in by_set {
        let fens: Vec<&str> = lines
            .iter()
            .map(|line| line["fen"].as_str().unwrap())
            .collect();
        let done = Case::new("features")
            .args([set.as_str(), "--inputs", inputs, "--fens", "-", "--json"])
            .stdin(fens.join("\n"))
            .ok();
        let found: Vec<Value> = done
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!((found.len(), lines.len()), (169, 169), "{set}");
        for (found, line) in found.iter().zip(&lines) {
            assert_eq!(found["bucket"], line["bucket"]);
            for side in ["white", "black"] {
                let mut all = printed(found, side, "real");
                let shared = printed(found, side, "shared");
                if inputs == "january" {
                    all.extend(shared);
                } else {
                    // The loader leaves the shared rows to the model, which adds row r % 768 of 768.
                    let hm = if set.starts_with("Full_Threats+PP") {
                        59808 + 4560
                    } else if set.starts_with("Full_Threats+") {
                        59808
                    } else {
                        0
                    };
                    let of_hm = set.ends_with('^');
                    let rows = all.keys().filter(|&&row| of_hm && row >= hm);
                    let expected: Rows = rows.map(|row| ((row - hm) % 768, 1)).collect();
                    assert_eq!(shared, expected, "{set} {}", line["fen"]);
                }
                assert_eq!(all, rows(line, side), "{set} {}", line["fen"]);
            }
        }
    }
}

#[test]
fn lists_of_the_loader_of_january() {
    lists_are_those_of("features_seed.jsonl", "january", 10);
}

#[test]
fn lists_of_the_loader_of_today() {
    lists_are_those_of("features_head.jsonl", "today", 5);
}

#[test]
fn all_sets_are_listed() {
    let listing = Case::new("features").arg("--json").ok().json();
    let sets = listing["sets"].as_array().unwrap();
    // Eleven of networks, ten of January's trainer, three of today's.
    assert_eq!(sets.len(), 24);
    let found = |inputs: &str, name: &str| {
        let row = sets
            .iter()
            .find(|row| row["inputs"] == inputs && row["name"] == name);
        let row = row.unwrap_or_else(|| panic!("{inputs} {name}"));
        (
            row["hash"].as_str().unwrap(),
            row["real"].as_u64().unwrap(),
            row["shared"].as_u64().unwrap(),
        )
    };
    // Sizes of the reference's two trainers.
    assert_eq!(found("january", "HalfKP^"), ("0x5D69D5B8", 41024, 704));
    assert_eq!(found("january", "HalfKA^"), ("0x5F134CB8", 49216, 768));
    assert_eq!(found("january", "HalfKAv2^"), ("0x5F234CB8", 45056, 768));
    assert_eq!(found("january", "HalfKAv2_hm"), ("0x7F234CB8", 22528, 0));
    assert_eq!(
        found("january", "Full_Threats^"),
        ("0x8F234CB8", 102_384, 768)
    );
    assert_eq!(found("today", "HalfKAv2_hm^"), ("0x7F234CB8", 24576, 768));
    assert_eq!(found("today", "Full_Threats"), ("0x2E6B9D04", 59808, 0));
    let text = Case::new("features").ok().stdout;
    assert!(text.contains("rotl(h, 1)") && text.contains("h0 ^ (t << 1) ^ (t >> 1)"));
}

#[test]
fn unions_in_any_order() {
    let union = |names: &str| Case::new("features").args([names, "--json"]).ok().json();
    let today = union("Full_Threats+PP_3Wide+HalfKAv2_hm^");
    assert_eq!(today["inputs"], "today");
    assert_eq!(today["hash"], "0xCB685B13");
    assert_eq!(
        today["sets"][2]["real_range"],
        serde_json::json!([64368, 88944])
    );
    let other = union("HalfKAv2_hm^+PP_3Wide+Full_Threats");
    assert_ne!(other["hash"], today["hash"]);
    assert_eq!(
        other["sets"][2]["real_range"],
        serde_json::json!([29136, 88944])
    );
    // No pawn pair is on one square, nor further apart than one file.
    assert_eq!(today["features"][1]["possible"], 4 * 372);
}

#[test]
fn single_rows() {
    let row = |arguments: &[&str]| {
        let case = Case::new("features").args(arguments);
        case.arg("--json").ok().json()
    };
    let hm = row(&["HalfKAv2_hm^", "--inputs", "january", "--index", "22468"]);
    assert_eq!(hm["words"], "own king on e1");
    assert_eq!(hm["factors"][0]["index"], 22528 + 644);
    assert_eq!(
        (&hm["possible"], &hm["king_bucket"]),
        (&true.into(), &31.into())
    );
    // An own pawn on a1.
    let pawn = row(&["HalfKAv2_hm", "--index", "0"]);
    assert_eq!(pawn["why_not"], "pawn_rank");
    assert_eq!(pawn["example"], Value::Null);
    let kings = row(&["HalfKAv2_hm", "--index", "22469"]);
    assert_eq!(kings["words"], "opponent's king on f1, own king on e1");
    assert_eq!(kings["why_not"], "adjacent_kings");
    let quirk = row(&["HalfKA^", "--index", "769"]);
    assert_eq!(quirk["factors"][0]["index"], 49215);
    Case::new("features")
        .args(["HalfKP", "--index", "41024"])
        .ends_with(2)
        .says("HalfKP has rows 0 to 41023, there is no 41024");
}

#[test]
fn an_unknown_name_is_told_with_the_nearest() {
    let nearest = "there is no feature set `HalfKAv2_mh`; is HalfKAv2_hm meant?";
    Case::new("features")
        .arg("HalfKAv2_mh")
        .ends_with(2)
        .says(nearest);
    Case::new("gather")
        .net("demo")
        .data("selfplay")
        .args(["--features", "HalfKAv2_mh", "--out", "x.planes"])
        .ends_with(2)
        .says(nearest);
    let folder = tempfile::tempdir().unwrap();
    Case::new("serialize")
        .arg(material::own("datasets/demo.nnue"))
        .arg(folder.path().join("x.pt"))
        .args(["--features", "HalfKAv2_mh"])
        .ends_with(2)
        .says(nearest);
    Case::new("features")
        .args(["--fen", "8/8/8/4k3/8/8/4P3/4K3 w - - 0 1"])
        .ends_with(2)
        .says("--fen needs the name of a feature set, or --era");
}
