//! `ftperm nets`

use std::time::UNIX_EPOCH;

use ftperm::nets::source::SearchPlaces;
use serde::Serialize;

use super::{Global, console};

/// List the networks that are found when none is named, in the order in which they are tried
///
/// Networks that ftperm wrote, as permutation files beside them say, come last.
#[derive(Debug, clap::Args)]
pub struct Nets {}

#[derive(Serialize)]
struct Found {
    path: String,
    place: String,
    bytes: u64,
    modified_unix_seconds: Option<u64>,
    /// Which network of an engine, for `ENGINE#NUMBER`.
    number: Option<usize>,
    /// The permutation file beside it that says that ftperm wrote it.
    permutation: Option<String>,
}

#[derive(Serialize)]
struct Listing {
    nets: Vec<Found>,
}

impl Nets {
    #[expect(clippy::unused_self, reason = "every command has the same shape")]
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let candidates = SearchPlaces::of_process().candidates();
        let nets: Vec<Found> = candidates
            .iter()
            .map(|it| Found {
                path: it.path.display().to_string(),
                place: it.place.to_string(),
                bytes: it.len,
                modified_unix_seconds: it
                    .modified
                    .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
                    .map(|age| age.as_secs()),
                number: it.net.as_ref().map(|net| net.number),
                permutation: it.way.as_ref().map(|way| way.display().to_string()),
            })
            .collect();
        if global.json {
            return console::json(&Listing { nets });
        }
        for it in &nets {
            let number = it
                .number
                .map_or(String::new(), |number| format!("#{number}"));
            let written = it
                .permutation
                .as_ref()
                .map_or(String::new(), |way| format!(", written by ftperm ({way})"));
            console::result(format!(
                "{}{number}  {} bytes, in {}{written}",
                it.path, it.bytes, it.place
            ))?;
        }
        if nets.is_empty() {
            console::say("no network in any of the usual places");
        }
        Ok(())
    }
}
