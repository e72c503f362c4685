//! `ftperm nets`

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use ftperm::nets::source::SearchPlaces;
use serde::Serialize;

use super::{Global, console, lc0};

/// List the networks that are found when none is named, in the order in which they are tried
///
/// Networks that ftperm wrote, as permutation files beside them say, come last.
#[derive(Debug, clap::Args)]
pub struct Nets {
    /// List what lc0 finds instead, in its order, which one it takes, and why it passes over the others
    #[arg(long)]
    lc0: bool,
    /// The lc0 that is asked about: it looks beside its own file first [default: the current folder]
    #[arg(
        id = "lc0_engine",
        long = "engine",
        value_name = "LC0",
        requires = "lc0"
    )]
    engine: Option<PathBuf>,
}

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
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        if self.lc0 {
            return lc0::discovery::run(self.engine.as_deref(), global);
        }
        let candidates = SearchPlaces::of_process().candidates();
        let nets: Vec<Found> = candidates
            .iter()
            .map(|candidate| Found {
                path: candidate.path.display().to_string(),
                place: candidate.place.to_string(),
                bytes: candidate.len,
                modified_unix_seconds: candidate
                    .modified
                    .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
                    .map(|age| age.as_secs()),
                number: candidate.net.as_ref().map(|net| net.number),
                permutation: candidate.way.as_ref().map(|way| way.display().to_string()),
            })
            .collect();
        if global.json {
            return console::json(&Listing { nets });
        }
        for net in &nets {
            let number = net
                .number
                .map_or(String::new(), |number| format!("#{number}"));
            let written = net
                .permutation
                .as_ref()
                .map_or(String::new(), |way| format!(", written by ftperm ({way})"));
            console::result(format!(
                "{}{number}  {} bytes, in {}{written}",
                net.path, net.bytes, net.place
            ))?;
        }
        if nets.is_empty() {
            console::say("no network in any of the usual places");
        }
        Ok(())
    }
}
