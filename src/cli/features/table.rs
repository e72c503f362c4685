//! All feature sets, or one of them.

use std::collections::BTreeMap;

use ftperm::nets::checkpoint::{InputSets, Inputs, names};
use ftperm::nets::stockfish::features::{
    FEATURE_SETS, FeatureSet, Impossible, impossible_features,
};
use ftperm::nets::stockfish::{ERAS, Era, FeatureHash, VERSION_2026, era};
use serde::Serialize;

use crate::cli::{Global, console};

#[derive(Serialize)]
struct Listing {
    sets: Vec<Row>,
    hash_rules: Vec<HashRule>,
}

#[derive(Serialize)]
struct HashRule {
    name: &'static str,
    rule: &'static str,
    used: String,
}

#[derive(Serialize)]
struct Row {
    inputs: &'static str,
    name: String,
    hash: String,
    real: usize,
    shared: usize,
    rows: usize,
    real_range: [usize; 2],
    shared_range: Option<[usize; 2]>,
    eras: Vec<&'static str>,
}

#[derive(Serialize)]
struct Detail {
    inputs: &'static str,
    names: String,
    hash: String,
    hash_rule: &'static str,
    real: usize,
    shared: usize,
    sets: Vec<Row>,
    features: Vec<FeatureCounts>,
}

/// How many features of a set legal positions activate.
#[derive(Serialize)]
struct FeatureCounts {
    name: &'static str,
    count: usize,
    most_active: usize,
    possible: usize,
    impossible: BTreeMap<&'static str, usize>,
    #[serde(skip)]
    reasons: Vec<(Impossible, usize)>,
}

fn rule_text(rule: FeatureHash) -> &'static str {
    match rule {
        FeatureHash::First => "the hash of the first set alone",
        FeatureHash::January => {
            "h0 ^ (t << 1) ^ (t >> 1), t the hash of the others by the same rule"
        }
        FeatureHash::Combined => {
            "h = rotl(h, 1) ^ hash, from the first set to the last, h = 0 at first"
        }
    }
}

fn hex(value: u32) -> String {
    format!("{value:#010X}")
}

/// Rows of a kind of inputs, one a named set.
fn rows(sets: &InputSets) -> Vec<Row> {
    let blocks = sets.blocks.iter().enumerate().map(|(number, block)| {
        let (real, shared) = block.counts();
        let range = |range: std::ops::Range<usize>| [range.start, range.end];
        Row {
            inputs: sets.inputs.name(),
            name: block.name().to_string(),
            hash: hex(block.hash()),
            real,
            shared,
            rows: real + shared,
            real_range: range(sets.real_range(number)),
            shared_range: (shared > 0).then(|| range(sets.shared_range(number))),
            eras: eras(sets.inputs, &block.sets().collect::<Vec<_>>()),
        }
    });
    blocks.collect()
}

/// Has an era this set, in this revision?
fn has_set(era: &Era, set: &dyn FeatureSet) -> bool {
    let own = era.architecture.sets;
    own.iter()
        .any(|of_era| of_era.name() == set.name() && of_era.count() == set.count())
}

/// The eras whose networks have these sets, or come from a trainer that has them.
fn eras(inputs: Inputs, sets: &[&'static dyn FeatureSet]) -> Vec<&'static str> {
    let used = ERAS.iter().filter(|era| {
        let whose = match inputs {
            Inputs::Network => true,
            Inputs::January => {
                era.architecture.version != VERSION_2026
                    && era.architecture.sets.len() == sets.len()
            }
            Inputs::Today => era.architecture.version == VERSION_2026,
        };
        whose && sets.iter().all(|set| has_set(era, *set))
    });
    used.map(|era| era.id).collect()
}

/// All sets of all inputs.
pub fn all(global: &Global) -> anyhow::Result<()> {
    let mut sets = Vec::new();
    for set in FEATURE_SETS {
        // Revisions of one name are told apart by an era that has them.
        let era = ERAS.iter().find(|era| has_set(era, set));
        let inputs = InputSets::parse(set.name(), Some(Inputs::Network), era)?;
        sets.extend(rows(&inputs));
    }
    for inputs in [Inputs::January, Inputs::Today] {
        for name in names(inputs) {
            sets.extend(rows(&InputSets::parse(&name, Some(inputs), None)?));
        }
    }
    let of_rule = |rule: FeatureHash| {
        let unions = ERAS
            .iter()
            .filter(|era| era.architecture.sets.len() > 1 && era.architecture.feature_hash == rule);
        shipped(&unions.map(|era| era.id).collect::<Vec<_>>())
    };
    let hash_rules = vec![
        HashRule {
            name: "first",
            rule: rule_text(FeatureHash::First),
            used: format!("eras {}", of_rule(FeatureHash::First)),
        },
        HashRule {
            name: "january",
            rule: rule_text(FeatureHash::January),
            used: "unions of the trainer until January 2026".to_string(),
        },
        HashRule {
            name: "today",
            rule: rule_text(FeatureHash::Combined),
            used: format!("today's trainer; eras {}", of_rule(FeatureHash::Combined)),
        },
    ];
    let listing = Listing { sets, hash_rules };
    if global.json {
        return console::json(&listing);
    }
    show_rows(&listing.sets)?;
    console::result("")?;
    console::result("hash of a union")?;
    for rule in &listing.hash_rules {
        console::result(format!("  {:<8} {}; {}", rule.name, rule.rule, rule.used))?;
    }
    Ok(())
}

/// One set or union in detail.
pub fn one(sets: &InputSets, global: &Global) -> anyhow::Result<()> {
    let (real, shared) = sets.counts();
    let features = sets.blocks.iter().flat_map(|block| block.sets());
    let detail = Detail {
        inputs: sets.inputs.name(),
        names: sets.names(),
        hash: hex(sets.hash()),
        hash_rule: rule_text(sets.hash_rule),
        real,
        shared,
        sets: rows(sets),
        features: features.map(counts).collect(),
    };
    if global.json {
        return console::json(&detail);
    }
    let line = |name: &str, value: String| console::result(format!("{name:<10} {value}"));
    line("features", detail.names.clone())?;
    line("inputs", detail.inputs.to_string())?;
    line("hash", detail.hash.clone())?;
    if detail.sets.len() > 1 {
        line("rule", detail.hash_rule.to_string())?;
    }
    line(
        "rows",
        format!(
            "{real} of features, {shared} shared, {} in all",
            real + shared
        ),
    )?;
    show_rows(&detail.sets)?;
    for set in &detail.features {
        console::result(format!(
            "{}: {} features, {} of them in legal positions, at most {} at once",
            set.name, set.count, set.possible, set.most_active
        ))?;
        for (reason, count) in &set.reasons {
            console::result(format!("  {count:>6} never: {reason}"))?;
        }
    }
    Ok(())
}

fn counts(set: &'static dyn FeatureSet) -> FeatureCounts {
    let mut found = BTreeMap::new();
    for (_, reason) in impossible_features(set) {
        *found.entry(reason).or_insert(0) += 1;
    }
    let never: usize = found.values().sum();
    FeatureCounts {
        name: set.name(),
        count: set.count(),
        most_active: set.max_active(),
        possible: set.count() - never,
        impossible: found
            .iter()
            .map(|(reason, &count)| (reason.name(), count))
            .collect(),
        reasons: found.into_iter().collect(),
    }
}

/// Eras that engines shipped; those that only a trainer has are counted.
fn shipped(eras: &[&'static str]) -> String {
    let is_shipped = |id: &&&str| era(id).is_some_and(|era| !era.engines.starts_with("none"));
    let (mut names, alone): (Vec<&str>, Vec<&str>) = eras.iter().partition(|id| is_shipped(id));
    let others = format!("{} of the trainer alone", alone.len());
    if !alone.is_empty() {
        names.push(if names.is_empty() { &others } else { "and" });
        if names.len() > 1 {
            names.push(&others);
        }
    }
    names.join(" ")
}

fn show_rows(rows: &[Row]) -> anyhow::Result<()> {
    let range = |[start, end]: [usize; 2]| format!("{start}..{}", end - 1);
    let mut table = vec![
        [
            "inputs", "name", "hash", "features", "shared", "rows", "ranges", "eras",
        ]
        .map(String::from),
    ];
    table.extend(rows.iter().map(|row| {
        let mut ranges = range(row.real_range);
        if let Some(shared) = row.shared_range {
            ranges.push_str(&format!(", {}", range(shared)));
        }
        [
            row.inputs.to_string(),
            row.name.clone(),
            row.hash.clone(),
            row.real.to_string(),
            row.shared.to_string(),
            row.rows.to_string(),
            ranges,
            shipped(&row.eras),
        ]
    }));
    console::table(&table)
}
