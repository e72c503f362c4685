//! What planes were made of: written into their file, so that parts that do not belong together are not mixed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::chess::walks::Walk;
use crate::files::quote::{LONGEST, excerpt_of};

/// What a planes file was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// SHA-256 of the network, in hexadecimal.
    pub net_sha256: String,
    /// The data, in the order in which they were read.
    pub data: Vec<DataFile>,
    /// Filters and thinning as JSON text: what decides which positions are taken, but for what follows here.
    pub selection: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// How positions walked from those of the data; `None` if they are those of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk: Option<Walk>,
    /// Positions to take at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The part of the data, if these planes are of a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

/// A file that positions were read from. Its folder is left out: it differs between machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[doc(hidden)]
pub struct DataFile {
    pub name: String,
    /// Its size on the disk; unknown for standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// A part of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[doc(hidden)]
pub struct Shard {
    /// From 1 to `of`.
    pub number: u32,
    pub of: u32,
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.number, self.of)
    }
}

impl Record {
    /// The kind of the positions in one word; `data` without a walk.
    pub fn kind(&self) -> &'static str {
        self.walk.map_or("data", Walk::name)
    }

    /// Do both choose among the same positions, each its part?
    fn same_positions(&self, other: &Record) -> bool {
        self.data == other.data
            && self.selection == other.selection
            && self.seed == other.seed
            && self.walk == other.walk
    }

    /// What differs from `other`, in a few words; `None` if they are equal.
    #[must_use]
    pub fn difference(&self, other: &Record) -> Option<String> {
        let names = |record: &Record| {
            let names: Vec<&str> = record.data.iter().map(|it| it.name.as_str()).collect();
            excerpt_of(names.join(" ").as_bytes(), 3 * LONGEST)
        };
        let number = |count: Option<u64>| count.map_or("all".to_string(), |it| it.to_string());
        let shard = |record: &Record| {
            record
                .shard
                .map_or("the whole".to_string(), |shard| shard.to_string())
        };
        let differ = |what: &str, a: String, b: String| Some(format!("{what} {a}, not {b}"));
        if self.net_sha256 != other.net_sha256 {
            let short = |it: &Record| excerpt_of(it.net_sha256.as_bytes(), 12);
            differ("network", short(self), short(other))
        } else if self.data != other.data {
            if names(self) == names(other) {
                Some(format!("other contents of {}", names(self)))
            } else {
                differ("data", names(self), names(other))
            }
        } else if self.seed != other.seed {
            differ("seed", self.seed.to_string(), other.seed.to_string())
        } else if self.walk != other.walk {
            differ("positions", self.kind().into(), other.kind().into())
        } else if self.shard != other.shard {
            differ("shard", shard(self), shard(other))
        } else if self.count != other.count {
            differ("count", number(self.count), number(other.count))
        } else {
            (self != other).then(|| "other filters or sampling".to_string())
        }
    }
}

/// Why planes files do not belong together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
#[doc(hidden)]
pub enum MixError {
    #[error(
        "{} is of network {net_a}, {} of network {net_b}: an order is for one network",
        a.display(), b.display()
    )]
    Networks {
        a: PathBuf,
        net_a: String,
        b: PathBuf,
        net_b: String,
    },
    #[error("{} and {} hold the same positions ({shard}), which would count twice", a.display(), b.display())]
    Twice {
        a: PathBuf,
        b: PathBuf,
        shard: String,
    },
    #[error(
        "{} is {shard_a}, {} is {shard_b} of the same data: parts of different divisions overlap",
        a.display(), b.display()
    )]
    Divisions {
        a: PathBuf,
        shard_a: String,
        b: PathBuf,
        shard_b: String,
    },
}

/// Checks that the planes of all files may be counted together. Files without a record pass. Returns the network, if
/// a record tells it, and what people should know.
///
/// # Errors
/// Planes of two networks, the same part of the same data twice, parts that overlap.
#[doc(hidden)]
pub fn check_together(
    files: &[(&Path, Option<&Record>)],
) -> Result<(Option<String>, Vec<String>), MixError> {
    let known: Vec<(&Path, &Record)> = files
        .iter()
        .filter_map(|&(path, record)| Some((path, record?)))
        .collect();
    let mut notes = Vec::new();
    let Some(&(first_path, first)) = known.first() else {
        return Ok((None, notes));
    };
    for (at, &(path, record)) in known.iter().enumerate() {
        if record.net_sha256 != first.net_sha256 {
            let short = |sha256: &str| excerpt_of(sha256.as_bytes(), 12);
            return Err(MixError::Networks {
                a: first_path.to_path_buf(),
                net_a: short(&first.net_sha256),
                b: path.to_path_buf(),
                net_b: short(&record.net_sha256),
            });
        }
        for &(other_path, other) in &known[..at] {
            if record.same_positions(other) {
                check_shards((other_path, other.shard), (path, record.shard))?;
            } else if record.data == other.data && record.shard == other.shard && notes.is_empty() {
                notes.push(format!(
                    "{} and {} were gathered from the same data in different ways: positions may count twice",
                    other_path.display(),
                    path.display()
                ));
            }
        }
    }
    if let Some(&(path, record)) = known.iter().find(|(_, it)| it.walk != first.walk) {
        notes.push(format!(
            "{} has positions of another kind ({}) than {} ({}): the order will be for a mixture of them",
            path.display(),
            record.kind(),
            first_path.display(),
            first.kind()
        ));
    }
    notes.extend(missing_shards(&known));
    if known.len() < files.len() {
        notes.push(format!(
            "{} of {} files do not say what they were made of; they are taken as they are",
            files.len() - known.len(),
            files.len()
        ));
    }
    Ok((Some(first.net_sha256.clone()), notes))
}

fn check_shards(
    (a, shard_a): (&Path, Option<Shard>),
    (b, shard_b): (&Path, Option<Shard>),
) -> Result<(), MixError> {
    let name = |shard: Option<Shard>| {
        shard.map_or("the whole".to_string(), |shard| format!("shard {shard}"))
    };
    let (a, b) = (a.to_path_buf(), b.to_path_buf());
    if shard_a == shard_b {
        let shard = name(shard_a);
        return Err(MixError::Twice { a, b, shard });
    }
    if shard_a.map(|it| it.of) != shard_b.map(|it| it.of) {
        return Err(MixError::Divisions {
            a,
            shard_a: name(shard_a),
            b,
            shard_b: name(shard_b),
        });
    }
    Ok(())
}

/// A line for every division of which not all parts are there.
fn missing_shards(known: &[(&Path, &Record)]) -> Vec<String> {
    const LISTED: usize = 8;
    let mut notes = Vec::new();
    for (at, &(_, record)) in known.iter().enumerate() {
        let Some(Shard { of, .. }) = record.shard else {
            continue;
        };
        if known[..at]
            .iter()
            .any(|(_, other)| record.same_positions(other))
        {
            continue;
        }
        let present: BTreeMap<u32, ()> = known
            .iter()
            .filter(|(_, other)| record.same_positions(other))
            .filter_map(|(_, other)| Some((other.shard?.number, ())))
            .collect();
        let missing = u64::from(of).saturating_sub(present.len() as u64);
        if missing > 0 {
            let listed: Vec<String> = (1..=of)
                .filter(|number| !present.contains_key(number))
                .take(LISTED)
                .map(|number| number.to_string())
                .collect();
            let more = if missing as usize > LISTED {
                ", ..."
            } else {
                ""
            };
            notes.push(format!(
                "{missing} of {of} shards are missing: {}{more}",
                listed.join(", ")
            ));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(net: &str, seed: u64, shard: Option<(u32, u32)>) -> Record {
        Record {
            net_sha256: net.repeat(64),
            data: vec![DataFile {
                name: "a.binpack".into(),
                bytes: Some(5),
            }],
            selection: "{}".into(),
            seed,
            walk: None,
            count: None,
            shard: shard.map(|(number, of)| Shard { number, of }),
        }
    }

    fn together(records: &[Record]) -> Result<(Option<String>, Vec<String>), MixError> {
        let files: Vec<_> = records
            .iter()
            .map(|it| (Path::new("x"), Some(it)))
            .collect();
        check_together(&files)
    }

    #[test]
    fn what_may_be_mixed() {
        let shards = |numbers: &[u32]| -> Vec<Record> {
            let shard = |&number| record("a", 1, Some((number, 3)));
            numbers.iter().map(shard).collect()
        };
        let (net, notes) = together(&shards(&[1, 2, 3])).unwrap();
        assert_eq!((net, notes.len()), (Some("a".repeat(64)), 0));
        let (_, notes) = together(&shards(&[2])).unwrap();
        assert_eq!(notes, ["2 of 3 shards are missing: 1, 3"]);
        let twice = together(&shards(&[1, 3, 1])).unwrap_err();
        assert!(twice.to_string().contains("(shard 1 of 3)"), "{twice}");
        let whole = [record("a", 1, None), record("a", 1, Some((1, 3)))];
        assert!(matches!(together(&whole), Err(MixError::Divisions { .. })));
        let nets = [record("a", 1, None), record("b", 2, None)];
        assert!(matches!(together(&nets), Err(MixError::Networks { .. })));
        let seeds = [record("a", 1, None), record("a", 2, None)];
        assert_eq!(together(&seeds).unwrap().1.len(), 1);
        // A shard of another kind is none of the division.
        let mut kinds = shards(&[1, 2, 3]);
        kinds[2].walk = Some(Walk::Search);
        let (_, notes) = together(&kinds).unwrap();
        assert!(notes[0].contains("another kind (search)"), "{notes:?}");
        assert_eq!(notes[1], "1 of 3 shards are missing: 3");
        assert_eq!(
            check_together(&[(Path::new("x"), None)]),
            Ok((None, vec![]))
        );
    }

    #[test]
    fn differences_are_named() {
        let a = record("a", 1, None);
        assert_eq!(a.difference(&a), None);
        let seed = record("a", 2, None).difference(&a);
        assert_eq!(seed.as_deref(), Some("seed 2, not 1"));
        let mut walked = a.clone();
        walked.walk = Some(Walk::Random);
        let walk = walked.difference(&a);
        assert_eq!(walk.as_deref(), Some("positions random, not data"));
        let shard = record("a", 1, Some((1, 2))).difference(&a);
        assert_eq!(shard.as_deref(), Some("shard 1 of 2, not the whole"));
    }
}
