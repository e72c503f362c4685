//! The search as people run it: a table of whole `ftperm find` processes, effort by effort.
//!
//! `cargo bench --bench search -- TRAINING HELD_OUT [TRAINING HELD_OUT ...] [--seeds N] [--kernel NAME]` prints for
//! each pair of planes files (those of `ftperm gather`) the rates of the order as it is and of what every effort finds,
//! with the seconds and the peak memory of the process. Without files, or with `--test`, small made-up planes are
//! searched. At the end, how many seeds of ten find blocks that were planted in noise.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use ftperm::compute::cpu::CpuBackend;
use ftperm::planes::ZeroPlanes;
use ftperm::search::{Control, Effort, SearchOptions, search};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;

#[path = "common/planted.rs"]
mod planted;

/// Efforts, and time limits that leave something for reading and rating in 15 and in 60 seconds.
const ROWS: [(&str, Option<&str>); 4] = [
    ("quick", None),
    ("normal", None),
    ("max", Some("14")),
    ("max", Some("57")),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut files, mut seeds, mut kernel, mut smoke) = (Vec::new(), 1, "auto".to_string(), false);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value");
        match argument.as_str() {
            "--test" => smoke = true,
            "--bench" => (),
            "--seeds" => seeds = value().parse().expect("a number of seeds"),
            "--kernel" => kernel = value(),
            file => files.push(PathBuf::from(file)),
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut rows = &ROWS[..];
    if smoke || files.is_empty() {
        let samples = if smoke { 500 } else { 100_000 };
        rows = &ROWS[..2];
        files = [1, 2]
            .map(|seed| made_up(folder.path(), 128, samples, seed))
            .to_vec();
    }
    println!(
        "| planes | effort | seed | seconds | zero blocks, training / held-out | peak memory |"
    );
    println!("|---|---|---|---|---|---|");
    for pair in files.chunks(2) {
        let [training, held_out] = pair else {
            panic!("{}: the held-out planes are missing", pair[0].display());
        };
        let order = folder.path().join("order.txt");
        let rates = |order: Option<&Path>| [training, held_out].map(|it| rate(it, order));
        let row = |effort: &str, more: &str, rates: [f64; 2], peak: &str| {
            let [training_rate, held_out_rate] = rates;
            let name = training.display();
            println!(
                "| {name} | {effort} | {more} | {training_rate:.3} / {held_out_rate:.3} % | {peak} |"
            );
        };
        row("as it is", " | ", rates(None), "");
        for &(effort, limit) in rows {
            for seed in 0..seeds {
                let mut find = ftperm();
                // The order of the last network is of no use for the next.
                find.args([
                    "find",
                    "--json",
                    "--force",
                    "--backend",
                    "cpu",
                    "--effort",
                    effort,
                ]);
                find.args(["--seed", &seed.to_string(), "--data"])
                    .arg(training);
                if kernel != "auto" {
                    find.args(["--kernel", &kernel]);
                }
                let mut name = effort.to_string();
                if let Some(limit) = limit {
                    find.args(["--time-limit", limit]);
                    name += &format!(", {limit} s");
                }
                let begin = Instant::now();
                let report = json(find.arg("--out").arg(&order));
                let seconds = begin.elapsed().as_secs_f64();
                let peak = report["peak_rss_bytes"].as_f64();
                let peak = peak.map_or(String::new(), |it| format!("{:.0} MB", it / 1e6));
                row(
                    &name,
                    &format!("{seed} | {seconds:.1}"),
                    rates(Some(&order)),
                    &peak,
                );
            }
        }
    }
    match smoke {
        true => planted_blocks(16, 2_000),
        false => planted_blocks(128, 70_000),
    }
}

/// Finds planted blocks in more and more noise.
fn planted_blocks(blocks: usize, samples: usize) {
    println!("\n| planted blocks | samples | wrong bits | effort | found |\n|---|---|---|---|---|");
    let backend = CpuBackend::new(None).expect("the processor");
    for noise in [10, 4, 3] {
        let (planes, order) = planted::planted(blocks, samples, noise, 7);
        for effort in [Effort::Quick, Effort::Normal] {
            let found = (0..10).filter(|&seed| {
                let options = SearchOptions {
                    effort,
                    seed,
                    ..SearchOptions::default()
                };
                let planes = std::slice::from_ref(&planes);
                let found = search(&backend, planes, &options, &mut Control::default());
                found.expect("a search").permutation.indices() == order.as_flattened()
            });
            let found = found.count();
            println!("| {blocks} | {samples} | 1 / {noise} | {effort:?} | {found} of 10 |");
        }
    }
}

fn ftperm() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ftperm"))
}

fn json(command: &mut Command) -> Value {
    let output = command.output().expect("ftperm");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("a report")
}

/// Zero blocks in percent.
fn rate(planes: &Path, order: Option<&Path>) -> f64 {
    let mut eval = ftperm();
    eval.args(["eval", "--json", "--data"]).arg(planes);
    if let Some(order) = order {
        eval.arg("--perm").arg(order);
    }
    let report = json(&mut eval);
    let rate = if order.is_some() {
        "perm_percent"
    } else {
        "base_percent"
    };
    report[rate].as_f64().expect("a rate")
}

/// Neurons of 13 families, zero together more often than not.
fn made_up(folder: &Path, neurons: usize, samples: usize, seed: u64) -> PathBuf {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut planes = ZeroPlanes::new(neurons, samples);
    for sample in 0..samples {
        let moods: [u32; 13] = std::array::from_fn(|_| random.next_u32() % 100);
        for neuron in 0..neurons {
            if random.next_u32() % 100 < moods[neuron % 13] {
                planes.set(neuron, sample);
            }
        }
    }
    let path = folder.join(format!("{seed}.planes"));
    planes
        .write(&mut File::create(&path).expect("a file"))
        .expect("planes");
    path
}
