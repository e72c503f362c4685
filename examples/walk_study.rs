//! How well permutations found on walked positions do on positions of an engine's search.
//!
//! ```text
//! cargo run --release --example walk_study -- NET SEARCH_POSITIONS DATA
//! ```

use std::time::Instant;

use anyhow::{Context, Result};
use ftperm::chess::board::Board;
use ftperm::chess::walks::{Walk, walk};
use ftperm::compute::cpu::CpuBackend;
use ftperm::nets::stockfish::{Network, ReadOptions};
use ftperm::positions::{self, Filters, Options, Positions, Sampling};
use ftperm::run::{Job, Watch};
use ftperm::search::Effort;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [net, test, data] = arguments.as_slice() else {
        anyhow::bail!("arguments: NET SEARCH_POSITIONS DATA");
    };
    let network = Network::read(net.as_ref(), &ReadOptions::default())?;
    let backend = CpuBackend::new(None)?;
    let checks = Options {
        filters: Filters::checks_only(),
        ..Options::default()
    };
    let test = positions::read(std::slice::from_ref(test), &checks)?.boards;
    let quiet = Options {
        sampling: Sampling {
            count: Some(30_000),
            skip: 10,
            ..Sampling::default()
        },
        seed: 1,
        ..Options::default()
    };
    let roots = positions::read(std::slice::from_ref(data), &quiet)?.boards;
    println!("walk     seed  before %   after %    time");
    describe("engine", &test);
    // Nothing is known of their games: each counts as one of its own.
    let held = Positions {
        games: (0..test.len() as u32).collect(),
        boards: test,
        ..Positions::default()
    };
    for kind in [None, Some(Walk::Random), Some(Walk::Search)] {
        for seed in 1..=3 {
            let started = Instant::now();
            let training = kind.map_or_else(|| roots.clone(), |kind| walk(&roots, kind, seed));
            let time = started.elapsed().as_secs_f64() * 1e6 / roots.len() as f64;
            let mut job = Job::of_parts(&network, training, held.clone());
            job.search.effort = Effort::Quick;
            job.search.seed = seed;
            let found = job.run(&backend, &mut Watch::default())?;
            let rates = found.holdout.context("no search positions")?;
            let name = kind.map_or("none".to_owned(), |kind| format!("{kind:?}"));
            print!(
                "{name:<8} {seed:>4}  {:>8.3}  {:>8.3}  ",
                100.0 * rates.before,
                100.0 * rates.after
            );
            println!("{time:>6.2} us/position");
            if seed == 1 {
                describe(&name, &job.training);
            }
        }
    }
    Ok(())
}

/// Mean number of pieces and the share of each bucket.
fn describe(name: &str, boards: &[Board]) {
    let pieces: u32 = boards.iter().map(Board::piece_count).sum();
    let mut buckets = [0u32; 8];
    for board in boards {
        buckets[board.bucket()] += 1;
    }
    let all = boards.len() as f64;
    let shares = buckets.map(|count| format!("{:.1}", 100.0 * f64::from(count) / all));
    println!(
        "{name}: {} positions, {:.2} pieces, buckets {}",
        boards.len(),
        f64::from(pieces) / all,
        shares.join(" ")
    );
}
