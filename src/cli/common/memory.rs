//! How much memory a command may take.

use ftperm::files::resources::{available_memory, peak_rss_bytes};
use ftperm::search::table_bytes;

/// The limit of the memory.
#[derive(Debug, clap::Args)]
pub struct MemoryArgs {
    /// Memory to stay within, e.g. 800M or 6G [default: four fifths of what is available]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory: Option<u64>,
}

/// What a command takes whatever its data: the program and its threads. Of a hardware driver nobody knows what it
/// takes.
const PROGRAM: u64 = 32 << 20;

/// What a position takes: a board and the number of its game.
pub const POSITION: u64 = 36;

impl MemoryArgs {
    /// The limit in bytes; without one, `None`, where the system does not tell what there is.
    pub fn limit(&self) -> Option<u64> {
        self.memory
            .or_else(|| available_memory().map(|bytes| bytes / 5 * 4))
    }

    /// Of the limit, what is left beside the program, if that is enough to search an order of so many neurons in so
    /// many tries at once.
    ///
    /// A function of the limit and the neurons alone, whatever computes, because the outcome of a search may depend on
    /// it.
    pub fn for_search(&self, neurons: usize, tries: usize) -> anyhow::Result<u64> {
        let Some(limit) = self.limit() else {
            return Ok(u64::MAX);
        };
        let needed = PROGRAM + table_bytes(neurons) * tries as u64;
        if limit < needed + (needed >> 2) {
            anyhow::bail!(
                "{} of memory are too few for {neurons} neurons: it takes {} without any data",
                size(limit),
                size(needed)
            );
        }
        Ok(limit - PROGRAM)
    }

    /// As [`for_search`](Self::for_search), now that a network is loaded, which stays in memory.
    pub fn beside_network(&self, neurons: usize) -> anyhow::Result<u64> {
        let taken = peak_rss_bytes().unwrap_or(0);
        Ok(self.for_search(neurons, 1)?.saturating_sub(taken))
    }

    /// Of the limit, what is left beside the program, if that is at least `least`, which all work on a network takes.
    pub fn at_least(&self, least: u64) -> anyhow::Result<u64> {
        let Some(limit) = self.limit() else {
            return Ok(u64::MAX);
        };
        let needed = PROGRAM.saturating_add(least);
        if limit < needed {
            anyhow::bail!(
                "{} of memory are too few for this network: with few positions it takes --memory {}M",
                size(limit),
                needed.div_ceil(1 << 20)
            );
        }
        Ok(limit - PROGRAM)
    }
}

/// Reads a size: a number of bytes, or of units of 2^10, 2^20, 2^30 or 2^40.
fn parse_size(text: &str) -> Result<u64, String> {
    let upper = text.trim().to_ascii_uppercase();
    let digits = upper.trim_end_matches("IB").trim_end_matches('B');
    let (number, unit) = match digits.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => digits.split_at(at),
        None => (digits, ""),
    };
    let shift = ["", "K", "M", "G", "T"].iter().position(|it| *it == unit);
    let number: Result<f64, _> = number.trim().parse();
    match (number, shift) {
        (Ok(number), Some(shift)) if number > 0.0 && number < 1e15 => {
            Ok((number * f64::from(1u32 << 10).powi(shift as i32)) as u64)
        }
        _ => Err("a size is a number and K, M, G or T, e.g. 800M".to_string()),
    }
}

/// A size for people.
pub fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..0x10_0000 => (1u64 << 10, "KiB"),
        0x10_0000..0x4000_0000 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    format!("{:.1} {name}", bytes as f64 / unit as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("4096"), Ok(4096));
        assert_eq!(parse_size("1.5k"), Ok(1536));
        assert_eq!(parse_size("6GiB"), Ok(6 << 30));
        assert_eq!(parse_size("800 MB"), Ok(800 << 20));
        for wrong in ["", "G", "-1G", "4X", "nan", "inf", "1e300"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(6 << 30), "6.0 GiB");
    }
}
