//! Which shards a run makes, and what their files are called.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use ftperm::planes::record::Shard;

use crate::cli::UsageError;

/// Gathering in parts.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub struct ShardArgs {
    /// Write the data in N files, one after the other
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MOST))]
    shards: Option<u32>,
    /// Write the K-th of N parts of the data only: N machines can gather at the same time
    #[arg(long, value_name = "K/N")]
    shard: Option<Number>,
    /// As --shards, with as many as --count needs for so many positions in each
    #[arg(long, value_name = "N", requires = "count", value_parser = clap::value_parser!(u64).range(1..))]
    shard_positions: Option<u64>,
}

/// More would be a mistake.
const MOST: i64 = 9999;

/// `K/N`.
#[derive(Clone, Copy, Debug)]
struct Number(Shard);

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Number, String> {
        let wrong = || format!("a shard is K/N with K from 1 to N, and N at most {MOST}");
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let number: u32 = number.trim().parse().map_err(|_| wrong())?;
        let of: u32 = of.trim().parse().map_err(|_| wrong())?;
        if !(1..=of).contains(&number) || i64::from(of) > MOST {
            return Err(wrong());
        }
        Ok(Number(Shard { number, of }))
    }
}

impl ShardArgs {
    pub fn is_some(&self) -> bool {
        self.shards.is_some() || self.shard.is_some() || self.shard_positions.is_some()
    }

    /// The shards to make; a single `None` for the whole.
    pub fn list(&self, count: Option<u64>) -> Result<Vec<Option<Shard>>, UsageError> {
        let by_positions = self
            .shard_positions
            .zip(count)
            .map(|(each, count)| count.div_ceil(each));
        let of = match (self.shard, self.shards, by_positions) {
            (Some(Number(shard)), _, _) => shard.of,
            (None, Some(of), _) => of,
            (None, None, Some(of)) => u32::try_from(of)
                .ok()
                .filter(|&of| i64::from(of) <= MOST)
                .ok_or_else(|| {
                    UsageError(format!("{of} shards are more than the {MOST} there may be"))
                })?,
            (None, None, None) => return Ok(vec![None]),
        };
        if let Some(count) = count.filter(|&count| count < u64::from(of)) {
            return Err(UsageError(format!(
                "--count {count} leaves no position for some of {of} shards"
            )));
        }
        Ok(match self.shard {
            Some(Number(shard)) => vec![Some(shard)],
            None => (1..=of).map(|number| Some(Shard { number, of })).collect(),
        })
    }

    /// Positions to take for a shard: the count is dealt out evenly.
    pub fn count(&self, count: Option<u64>, shard: Option<Shard>) -> Option<u64> {
        const DEFAULT: u64 = 50_000;
        match shard {
            None => Some(count.unwrap_or(DEFAULT)),
            Some(Shard { number, of }) => {
                let of = u64::from(of);
                count.map(|count| count / of + u64::from(u64::from(number) <= count % of))
            }
        }
    }
}

/// The file of a shard.
pub fn path(out: &Path, Shard { number, of }: Shard) -> PathBuf {
    let mut name = out.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{number:04}-of-{of:04}"));
    if let Some(extension) = out.extension() {
        name.push(".");
        name.push(extension);
    }
    out.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_counts() {
        let shard = |number| Shard { number, of: 3 };
        assert_eq!(
            path(Path::new("a/b.ftzp"), shard(2)),
            Path::new("a/b.0002-of-0003.ftzp")
        );
        assert_eq!(path(Path::new("b"), shard(3)), Path::new("b.0003-of-0003"));
        let arguments = ShardArgs {
            shards: Some(3),
            shard: None,
            shard_positions: None,
        };
        let counts = [1, 2, 3].map(|number| arguments.count(Some(8), Some(shard(number))));
        assert_eq!(counts, [Some(3), Some(3), Some(2)]);
        assert_eq!(arguments.count(None, Some(shard(1))), None);
        assert!(arguments.list(Some(2)).is_err());
        for wrong in ["0/3", "4/3", "1", "1/99999", "-1/3", "1/3/4"] {
            assert!(wrong.parse::<Number>().is_err(), "{wrong}");
        }
    }
}
