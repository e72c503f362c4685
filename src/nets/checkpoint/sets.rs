//! The inputs of a trainer: feature sets by the trainer's names, joined by `+`, with the rows that its matrices have.

use std::ops::Range;

use thiserror::Error;

use crate::chess::board::Board;
use crate::nets::stockfish::features::{
    ActiveFeatures, FEATURE_SETS, FULL_THREATS_79856, FeatureSet, HALF_KA_V2_HM, Impossible, words,
};
use crate::nets::stockfish::{Era, FeatureHash, hash};

use super::names::known_features;
use super::rows::{Rule, SetRows, factorised, king_of_bucket};

/// Whose rows and names they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// A network file: what engines read.
    Network,
    /// The trainer until January 2026: one matrix, a set's shared rows behind its own.
    January,
    /// The trainer since March 2026: matrices set by set, HalfKAv2_hm^ with both kings on planes of their own.
    Today,
}

impl Inputs {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Inputs::Network => "network",
            Inputs::January => "january",
            Inputs::Today => "today",
        }
    }
}

/// Why names are not inputs.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetsError {
    #[error("{0}")]
    Unknown(String),
    #[error("{inputs} has no {name}; it has {there}")]
    NotThere {
        name: String,
        inputs: &'static str,
        there: String,
    },
    #[error("{0} is named twice; today's trainer takes each set once")]
    Twice(String),
    #[error("{names} have no place in era {era}, whose sets are {sets}")]
    NotOfEra {
        names: String,
        era: &'static str,
        sets: String,
    },
}

/// A named set of a trainer: mostly one feature set, in January's `Full_Threats` two.
#[derive(Clone, Debug)]
pub struct Block {
    name: String,
    hash: u32,
    sets: Vec<(&'static dyn FeatureSet, SetRows)>,
    /// Rows for features.
    real: usize,
    /// Rows that are shared by features: what `^` adds.
    shared: usize,
}

/// Feature sets of one kind, in order.
#[derive(Clone, Debug)]
pub struct InputSets {
    pub inputs: Inputs,
    /// By which rule a union's hash comes.
    pub hash_rule: FeatureHash,
    pub blocks: Vec<Block>,
}

/// A row that a position switches on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActiveRow {
    /// Number of the row: that of all rows before it in its matrix. See [`InputSets::shared_range`] for shared ones.
    pub row: usize,
    /// How often it is added: 1, but for the king's row of HalfKP^.
    pub value: u32,
}

/// What a perspective sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveRows {
    /// Rows of features, ascending.
    pub real: Vec<ActiveRow>,
    /// Shared rows, ascending.
    pub shared: Vec<ActiveRow>,
}

/// What a row is.
#[derive(Clone, Debug)]
pub enum RowKind {
    /// Of a feature.
    Feature {
        set: &'static dyn FeatureSet,
        /// Number in its set, as the network has it.
        feature: u32,
    },
    /// Of several features.
    Shared,
    /// Of a king that stands elsewhere: a row of the twelve planes that no feature has.
    NoFeature { reason: Impossible },
}

/// The names that a kind of inputs has; the revision of the threats is said by the era.
pub fn names(inputs: Inputs) -> Vec<String> {
    match inputs {
        Inputs::Network => {
            let mut names: Vec<String> = FEATURE_SETS
                .iter()
                .map(|set| set.name().to_string())
                .collect();
            names.dedup();
            names
        }
        Inputs::January => [
            "HalfKP",
            "HalfKA",
            "HalfKAv2",
            "HalfKAv2_hm",
            "Full_Threats",
        ]
        .iter()
        .flat_map(|name| [name.to_string(), format!("{name}^")])
        .collect(),
        Inputs::Today => ["Full_Threats", "PP_3Wide", "HalfKAv2_hm^"]
            .map(String::from)
            .to_vec(),
    }
}

/// The unions of two sets with which January's trainer has a matrix of so many rows, whatever the order of both.
pub(super) fn january_unions(rows: usize) -> Vec<String> {
    let single = |name: &String| InputSets::parse(name, Some(Inputs::January), None).ok();
    let all: Vec<InputSets> = names(Inputs::January).iter().filter_map(single).collect();
    let of = |sets: &InputSets| sets.counts().0 + sets.counts().1;
    let mut found = Vec::new();
    for (number, first) in all.iter().enumerate() {
        let others = all[number..].iter();
        let fitting = others.filter(|second| of(first) + of(second) == rows);
        found.extend(fitting.map(|second| format!("{}+{}", first.names(), second.names())));
    }
    found
}

impl InputSets {
    /// Reads names joined by `+`. Without `inputs` it is today's trainer if it has all of them and one has a `^`, else
    /// January's if one has a `^`, else a network.
    ///
    /// Of the threats' revisions it is that of the era, else the trainer's own or the newest.
    ///
    /// # Errors
    /// There is no such set, or these inputs do not have it.
    pub fn parse(
        text: &str,
        inputs: Option<Inputs>,
        era: Option<&'static Era>,
    ) -> Result<InputSets, SetsError> {
        known_features(text).map_err(SetsError::Unknown)?;
        let wanted: Vec<&str> = text.split('+').collect();
        let has_all = |inputs| {
            wanted
                .iter()
                .all(|name| names(inputs).iter().any(|known| known == name))
        };
        let inputs = inputs.unwrap_or_else(|| match text.contains('^') {
            true if has_all(Inputs::Today) => Inputs::Today,
            true => Inputs::January,
            false => Inputs::Network,
        });
        let there = names(inputs);
        if let Some(name) = wanted
            .iter()
            .find(|name| !there.iter().any(|known| known == *name))
        {
            return Err(SetsError::NotThere {
                name: (*name).to_string(),
                inputs: match inputs {
                    Inputs::Network => "a network",
                    Inputs::January => "January's trainer",
                    Inputs::Today => "today's trainer",
                },
                there: there.join(", "),
            });
        }
        if inputs == Inputs::Today
            && let Some((at, name)) = wanted
                .iter()
                .enumerate()
                .find(|(at, name)| wanted[..*at].contains(name))
        {
            debug_assert!(at > 0);
            return Err(SetsError::Twice((*name).to_string()));
        }
        let blocks = wanted
            .iter()
            .map(|name| Block::new(name, inputs, era))
            .collect::<Option<Vec<Block>>>()
            .ok_or_else(|| not_of_era(text, era))?;
        let hash_rule = match (inputs, era) {
            (Inputs::January, _) => FeatureHash::January,
            (Inputs::Network, Some(era)) => era.architecture.feature_hash,
            (Inputs::Network | Inputs::Today, _) => FeatureHash::Combined,
        };
        Ok(InputSets {
            inputs,
            hash_rule,
            blocks,
        })
    }

    /// The sets of an era, as its network files have them.
    pub fn of_era(era: &'static Era) -> InputSets {
        let blocks = era
            .architecture
            .sets
            .iter()
            .map(|&set| Block::of_network(set));
        InputSets {
            inputs: Inputs::Network,
            hash_rule: era.architecture.feature_hash,
            blocks: blocks.collect(),
        }
    }

    /// Names as the trainer writes them.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self
            .blocks
            .iter()
            .map(|block| block.name.as_str())
            .collect();
        names.join("+")
    }

    /// The feature hash, before the width enters it.
    pub fn hash(&self) -> u32 {
        let hashes: Vec<u32> = self.blocks.iter().map(|block| block.hash).collect();
        hash::combine(&hashes, self.hash_rule)
    }

    /// Rows of features, rows that they share.
    pub fn counts(&self) -> (usize, usize) {
        let sum = |of: fn(&Block) -> usize| self.blocks.iter().map(of).sum();
        (sum(|block| block.real), sum(|block| block.shared))
    }

    /// Where a block's own rows are.
    pub fn real_range(&self, block: usize) -> Range<usize> {
        let each: fn(&Block) -> usize = match self.inputs {
            // One matrix for all, and a set's shared rows are in it.
            Inputs::January => |block| block.real + block.shared,
            Inputs::Network | Inputs::Today => |block| block.real,
        };
        let start = self.blocks[..block].iter().map(each).sum();
        start..start + self.blocks[block].real
    }

    /// Where a block's shared rows are: in January's trainer behind its own ones in the same matrix; in today's they
    /// are a matrix of their own and are counted from 0.
    pub fn shared_range(&self, block: usize) -> Range<usize> {
        let shared = self.blocks[block].shared;
        match self.inputs {
            Inputs::January => {
                let end = self.real_range(block).end;
                end..end + shared
            }
            Inputs::Network | Inputs::Today => 0..shared,
        }
    }

    /// The rows that a position switches on: White's perspective, Black's.
    pub fn active(&self, board: &Board) -> [ActiveRows; 2] {
        let mut found = [ActiveRows::default(), ActiveRows::default()];
        for (number, block) in self.blocks.iter().enumerate() {
            let starts = (
                self.real_range(number).start,
                self.shared_range(number).start,
            );
            for (set, rows) in &block.sets {
                let mut lists = ActiveFeatures::default();
                set.append_active(board, &mut lists);
                for (list, found) in lists.iter().zip(&mut found) {
                    for &feature in list {
                        let sum = rows.sum(feature as usize);
                        found.real.push(ActiveRow {
                            row: starts.0 + sum.base,
                            value: 1,
                        });
                        found
                            .shared
                            .extend(sum.added.into_iter().flatten().map(|row| ActiveRow {
                                row: starts.1 + row - rows.shared,
                                value: 1,
                            }));
                    }
                }
            }
        }
        for rows in &mut found {
            rows.real.sort_unstable();
            rows.shared.sort_unstable();
            rows.shared.dedup_by(|next, kept| {
                let same = next.row == kept.row;
                kept.value += u32::from(same);
                same
            });
        }
        found
    }

    /// The block that a row of the first matrix belongs to; in today's trainer only rows of features are numbered
    /// through.
    pub fn block_of(&self, row: usize) -> Option<usize> {
        (0..self.blocks.len()).find(|&block| {
            self.real_range(block).contains(&row)
                || self.inputs == Inputs::January && self.shared_range(block).contains(&row)
        })
    }

    /// What a row of the first matrix is, if there is one of this number.
    pub fn row(&self, row: usize) -> Option<RowKind> {
        let number = self.block_of(row)?;
        let start = self.real_range(number).start;
        Some(self.blocks[number].row(row - start))
    }

    /// Shared rows that are added to a feature's row, by their numbers in [`InputSets::shared_range`]'s matrix. One
    /// may be no shared row: January's trainer adds the last real row of HalfKA^ to rows that stand for nothing.
    pub fn factors(&self, row: usize) -> Vec<usize> {
        let Some(number) = self.block_of(row) else {
            return Vec::new();
        };
        let block = &self.blocks[number];
        let start = self.real_range(number).start;
        let Some((rows, feature)) = block.feature(row - start) else {
            return Vec::new();
        };
        let added = rows.sum(feature as usize).added.into_iter().flatten();
        let shared = self.shared_range(number).start;
        added
            .map(|row| (shared + row).saturating_sub(rows.shared))
            .collect()
    }
}

fn not_of_era(names: &str, era: Option<&'static Era>) -> SetsError {
    SetsError::NotOfEra {
        names: names.to_string(),
        era: era.map_or("", |era| era.id),
        sets: era.map_or(String::new(), |era| era.architecture.feature_names()),
    }
}

impl Block {
    fn new(name: &str, inputs: Inputs, era: Option<&'static Era>) -> Option<Block> {
        let plain = name.strip_suffix('^').unwrap_or(name);
        let set = set_named(plain, inputs, era)?;
        match inputs {
            Inputs::Network => Some(Block::of_network(set)),
            Inputs::January => Some(Block::of_january(name, set)),
            Inputs::Today => Some(Block::of_today(name, set)),
        }
    }

    fn of_network(set: &'static dyn FeatureSet) -> Block {
        let count = set.count();
        Block {
            name: set.name().to_string(),
            hash: set.hash(),
            sets: vec![(set, SetRows::at(0, count, Rule::Plain))],
            real: count,
            shared: 0,
        }
    }

    fn of_january(name: &str, set: &'static dyn FeatureSet) -> Block {
        let sets: Vec<&'static dyn FeatureSet> = if set.name() == "Full_Threats" {
            vec![set, &HALF_KA_V2_HM]
        } else {
            vec![set]
        };
        let real = sets.iter().map(|set| set.count()).sum();
        let last = sets[sets.len() - 1];
        let factors = factorised(last).filter(|_| name.ends_with('^'));
        let (shared, rule) = factors.unwrap_or((0, Rule::Plain));
        let mut first = 0;
        let with_rows = sets.iter().enumerate().map(|(number, &set)| {
            let rule = if number + 1 == sets.len() {
                rule
            } else {
                Rule::Plain
            };
            let rows = SetRows::at(first, real, rule);
            first += set.count();
            (set, rows)
        });
        Block {
            name: name.to_string(),
            hash: set.hash(),
            sets: with_rows.collect(),
            real,
            shared,
        }
    }

    fn of_today(name: &str, set: &'static dyn FeatureSet) -> Block {
        let (real, shared, rule) = match set.name() {
            "HalfKAv2_hm" => (32 * 768, 768, Rule::TwelvePlanes { shared: true }),
            _ => (set.count(), 0, Rule::Plain),
        };
        Block {
            name: name.to_string(),
            hash: set.hash(),
            sets: vec![(set, SetRows::at(0, real, rule))],
            real,
            shared,
        }
    }

    /// The trainer's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The component hash.
    pub fn hash(&self) -> u32 {
        self.hash
    }

    /// Rows of features, rows that they share.
    pub fn counts(&self) -> (usize, usize) {
        (self.real, self.shared)
    }

    /// The feature sets in it.
    pub fn sets(&self) -> impl Iterator<Item = &'static dyn FeatureSet> {
        self.sets.iter().map(|&(set, _)| set)
    }

    fn row(&self, row: usize) -> RowKind {
        if row >= self.real {
            return RowKind::Shared;
        }
        for (set, rows) in &self.sets {
            if let Some(feature) = feature_of(*set, rows, row) {
                return match feature {
                    Ok(feature) => RowKind::Feature { set: *set, feature },
                    Err(reason) => RowKind::NoFeature { reason },
                };
            }
        }
        RowKind::Shared
    }

    fn feature(&self, row: usize) -> Option<(&SetRows, u32)> {
        self.sets.iter().find_map(|(set, rows)| {
            let feature = feature_of(*set, rows, row)?.ok()?;
            Some((rows, feature))
        })
    }

    /// A shared row in words; `row` is counted from the first of the block's.
    pub fn shared_in_words(&self, row: usize) -> String {
        let is_kp = self.sets.iter().any(|(_, rows)| rows.rule == Rule::HalfKp);
        let place = match (is_kp, row.checked_sub(64)) {
            (true, None) => {
                let king = words::square(row as u32);
                return format!("own king on {king}, once for each other piece");
            }
            (true, Some(place)) => place,
            (false, _) => row,
        };
        let (plane, square) = ((place / 64) as u32, (place % 64) as u32);
        format!("{} on {}", words::piece(plane), words::square(square))
    }
}

/// The feature of a set whose row this is; `None` if the row is not the set's.
fn feature_of(set: &dyn FeatureSet, rows: &SetRows, row: usize) -> Option<Result<u32, Impossible>> {
    let row = row.checked_sub(rows.first)?;
    if !matches!(rows.rule, Rule::TwelvePlanes { .. }) {
        return (row < set.count()).then_some(Ok(row as u32));
    }
    let (bucket, place) = (row / 768, row % 768);
    let (plane, square) = (place / 64, place % 64);
    let at_home = square == king_of_bucket(bucket);
    Some(match plane {
        10 if !at_home => Err(Impossible::OwnKingElsewhere),
        11 if at_home => Err(Impossible::SameSquare),
        11 => Ok((704 * bucket + place - 64) as u32),
        _ => Ok((704 * bucket + place) as u32),
    })
}

/// The set of this name, in the revision that is meant.
fn set_named(
    name: &str,
    inputs: Inputs,
    era: Option<&'static Era>,
) -> Option<&'static dyn FeatureSet> {
    if let Some(era) = era {
        let sets = era.architecture.sets;
        return sets.iter().copied().find(|set| set.name() == name);
    }
    if name == "Full_Threats" && inputs == Inputs::January {
        return Some(&FULL_THREATS_79856);
    }
    // The newest revision stands last.
    FEATURE_SETS
        .iter()
        .rev()
        .copied()
        .find(|set| set.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::stockfish::era;

    fn parse(names: &str, inputs: Option<Inputs>) -> InputSets {
        InputSets::parse(names, inputs, None).unwrap()
    }

    #[test]
    fn hashes_of_unions() {
        // Of the facts: today's default, and threats with piece-square inputs since March 2026.
        let today = parse("Full_Threats+PP_3Wide+HalfKAv2_hm^", None);
        assert_eq!((today.inputs, today.hash()), (Inputs::Today, 0xCB68_5B13));
        let v14 = InputSets::parse("Full_Threats+HalfKAv2_hm^", None, era("v14")).unwrap();
        assert_eq!(v14.hash(), 0x6165_D5C9);
        assert_eq!(InputSets::of_era(era("v13b").unwrap()).hash(), 0x6165_D5C9);
        assert_eq!(InputSets::of_era(era("v13a").unwrap()).hash(), 0x8F23_4CB8);
        // By hand: 5D69D5B8 ^ BE269970 ^ 2F89A65C.
        let january = parse("HalfKP+HalfKA", Some(Inputs::January));
        assert_eq!(january.hash(), 0xCCC6_EA94);
        assert_eq!(parse("HalfKAv2_hm^", None).hash(), 0x7F23_4CB8);
    }

    #[test]
    fn rows_of_unions() {
        let january = parse("HalfKP^+HalfKA^", None);
        assert_eq!(january.inputs, Inputs::January);
        assert_eq!(january.real_range(1), 41728..41728 + 49216);
        assert_eq!(january.shared_range(0), 41024..41728);
        assert_eq!(january.shared_range(1), 90944..91712);
        assert_eq!(january.factors(641 * 5 + 1), [41024 + 5, 41088]);
        assert_eq!(january.factors(41728 + 1), [90944]);
        let today = parse("Full_Threats+PP_3Wide+HalfKAv2_hm^", None);
        assert_eq!(today.counts(), (88944, 768));
        // Own king of bucket 31 at home on e1, and a row of it elsewhere, which no feature has.
        let king = 64368 + 31 * 768 + 640;
        assert_eq!(today.factors(king + 4), [644]);
        assert!(matches!(
            today.row(king + 5),
            Some(RowKind::NoFeature { .. })
        ));
        assert!(today.row(88944).is_none());
    }

    #[test]
    fn unions_by_their_rows() {
        assert_eq!(january_unions(45056), ["HalfKAv2_hm+HalfKAv2_hm"]);
        assert_eq!(january_unions(45824), ["HalfKAv2_hm+HalfKAv2_hm^"]);
        assert_eq!(january_unions(41024 + 49216), ["HalfKP+HalfKA"]);
        let either = ["HalfKA+HalfKAv2^", "HalfKA^+HalfKAv2"];
        assert_eq!(january_unions(49216 + 45056 + 768), either);
        assert!(january_unions(22528).is_empty());
    }

    #[test]
    fn what_is_not_there_is_told() {
        let error = |names: &str, inputs| {
            InputSets::parse(names, inputs, None)
                .unwrap_err()
                .to_string()
        };
        assert!(error("PP_3Wide^", None).starts_with("January's trainer has no PP_3Wide^"));
        assert!(error("HalfKP", Some(Inputs::Today)).starts_with("today's trainer has no HalfKP"));
        assert!(
            error("PP_3Wide+PP_3Wide", Some(Inputs::Today)).starts_with("PP_3Wide is named twice")
        );
        assert!(error("Nonsense", None).starts_with("there is no feature set `Nonsense`; is "));
        let of_era = InputSets::parse("HalfKP", None, era("v16"))
            .unwrap_err()
            .to_string();
        assert!(
            of_era.ends_with("whose sets are Full_Threats+PP_3Wide+HalfKAv2_hm"),
            "{of_era}"
        );
    }
}
