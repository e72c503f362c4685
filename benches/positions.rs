//! Reading, filtering and walking: entries and positions a second on all threads of the pool.
//!
//! `cargo bench --bench positions -- DATA...` reads what is given, otherwise the data set of this repository sixteen
//! times over. `RAYON_NUM_THREADS` sets the number of threads.

use std::ffi::OsString;
use std::time::Instant;

use ftperm::chess::walks::{Walk, walk};
use ftperm::positions::{self, Filters, Options};

fn main() {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let smoke = arguments.iter().any(|argument| argument == "--test");
    let mut data: Vec<OsString> = arguments
        .into_iter()
        .filter(|argument| !argument.to_string_lossy().starts_with("--"))
        .collect();
    if data.is_empty() {
        let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/selfplay.binpack");
        data = vec![ours.into(); if smoke { 1 } else { 16 }];
    }
    println!("what                                entries    taken  seconds  million a second");
    let mut boards = Vec::new();
    for (name, filters) in [
        ("read, default filters", Filters::default()),
        ("read, the reference's filters", Filters::reference()),
    ] {
        let options = Options {
            filters,
            ..Options::default()
        };
        let begin = Instant::now();
        let taken = positions::read(&data, &options).expect("data that can be read");
        row(name, taken.statistics.read, taken.len(), begin);
        boards = taken.boards;
    }
    boards.truncate(if smoke { 100 } else { 100_000 });
    for (name, kind) in [
        ("walk, random", Walk::Random),
        ("walk, search", Walk::Search),
    ] {
        let begin = Instant::now();
        let walked = walk(&boards, kind, 1);
        row(name, boards.len() as u64, walked.len(), begin);
    }
}

fn row(what: &str, entries: u64, taken: usize, begin: Instant) {
    let seconds = begin.elapsed().as_secs_f64();
    let rate = entries as f64 / seconds / 1e6;
    println!("{what:<32} {entries:>10} {taken:>8}  {seconds:>7.3}  {rate:>8.3}");
}
