//! The main job as people run it: whole `ftperm optimize` processes, in alternation with those of another program.
//!
//! `cargo bench --bench whole_run -- NETWORK DATA [--count N] [--runs N] [--effort NAME] [--kernel NAME]
//! [--against PROGRAM]` prints the median of the seconds, their range, the peak memory, and the zero blocks on held-out
//! games. PROGRAM is another `ftperm`. Without files, or with `--test`, the networks and games of `datasets/` are used.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

/// What was measured of one program.
#[derive(Default)]
struct Runs {
    seconds: Vec<f64>,
    peak: f64,
    held_out: f64,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut files, mut programs) = (Vec::new(), vec![env!("CARGO_BIN_EXE_ftperm").to_owned()]);
    let (mut runs, mut smoke) = (9, false);
    let mut options = vec!["--count".to_owned(), "50000".to_owned()];
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value");
        match argument.as_str() {
            "--test" => smoke = true,
            "--bench" => (),
            "--runs" => runs = value().parse().expect("a number of runs"),
            "--count" => options[1] = value(),
            "--against" => programs.push(value()),
            "--effort" | "--kernel" => options.extend([argument.clone(), value()]),
            file => files.push(PathBuf::from(file)),
        }
    }
    if smoke || files.is_empty() {
        let datasets = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("datasets");
        files = ["demo.nnue", "selfplay.binpack"]
            .map(|name| datasets.join(name))
            .to_vec();
    }
    if smoke {
        (runs, options[1]) = (1, "2000".to_owned());
    }
    let [network, data] = files.as_slice() else {
        panic!("a network and data, not {} files", files.len());
    };
    let mut measured: Vec<Runs> = programs.iter().map(|_| Runs::default()).collect();
    for _ in 0..runs {
        for (program, measured) in programs.iter().zip(&mut measured) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let out = folder.path().join("ordered.nnue");
            let mut optimize = Command::new(program);
            optimize.args(["optimize", "--json", "--backend", "cpu", "--net"]);
            optimize.arg(network).arg("--data").arg(data).args(&options);
            optimize.arg("--out").arg(&out);
            let begin = Instant::now();
            let output = optimize.output().expect(program);
            measured.seconds.push(begin.elapsed().as_secs_f64());
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{program}: {errors}");
            let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
            let peak = report["peak_rss_bytes"].as_f64().unwrap_or(0.0);
            measured.peak = measured.peak.max(peak);
            let held_out = report["holdout_by_positions"]["data"]["after"].as_f64();
            measured.held_out = held_out.map_or(0.0, |share| 100.0 * share);
        }
    }
    println!("| program | runs | median | range | peak memory | zero blocks, held-out |");
    println!("|---|---|---|---|---|---|");
    for (program, mut runs) in programs.iter().zip(measured) {
        runs.seconds.sort_by(f64::total_cmp);
        let of = |at: usize| runs.seconds[at];
        let (median, last) = (of(runs.seconds.len() / 2), of(runs.seconds.len() - 1));
        println!(
            "| {program} | {} | {median:.2} s | {:.2} to {last:.2} s | {:.0} MB | {:.3} % |",
            runs.seconds.len(),
            of(0),
            runs.peak / 1e6,
            runs.held_out
        );
    }
}
