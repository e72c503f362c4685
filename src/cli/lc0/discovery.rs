//! `ftperm nets --lc0`

use std::path::Path;

use ftperm::nets::lc0::{Lc0Candidate, Lc0Places, Verdict};
use serde::Serialize;

use crate::cli::{Global, console};

#[derive(Serialize)]
struct Report {
    /// Where lc0 looks, in its order.
    directories: Vec<String>,
    taken: Option<String>,
    nets: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    path: String,
    bytes: u64,
    modified_unix_seconds: i64,
    taken: bool,
    /// Why it is passed over.
    why: Option<String>,
}

/// Lists what an lc0 that is started as `engine` finds.
pub fn run(engine: Option<&Path>, global: &Global) -> anyhow::Result<()> {
    let places = Lc0Places::of_process(engine);
    let nets: Vec<Found> = places.candidates().into_iter().map(found).collect();
    let taken = nets.iter().find(|net| net.taken);
    let report = Report {
        directories: places
            .directories
            .iter()
            .map(|directory| directory.display().to_string())
            .collect(),
        taken: taken.map(|net| net.path.clone()),
        nets,
    };
    if global.json {
        return console::json(&report);
    }
    for net in &report.nets {
        let what = net.why.as_deref().unwrap_or("lc0 takes it");
        console::result(format!("{}  {} bytes: {what}", net.path, net.bytes))?;
    }
    if report.taken.is_none() {
        let directories = report.directories.join(", ");
        console::say(format!("lc0 finds no network in {directories}"));
    }
    Ok(())
}

fn found(candidate: Lc0Candidate) -> Found {
    let why = match candidate.verdict {
        Verdict::Taken => None,
        Verdict::TooSmall => Some("smaller than 500000 bytes".to_string()),
        Verdict::NoNetwork => Some("no network: the magic number is not there".to_string()),
        Verdict::Later => Some("another one comes before it".to_string()),
        Verdict::Unreadable(error) => Some(format!("cannot be read: {error}")),
    };
    Found {
        path: candidate.path.display().to_string(),
        bytes: candidate.bytes,
        modified_unix_seconds: candidate.modified_unix_seconds,
        taken: why.is_none(),
        why,
    }
}
