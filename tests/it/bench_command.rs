//! `ftperm bench` with a real engine, and with engines that misbehave.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::common::material;
use crate::common::program::Case;

/// Debian's network with its neurons in reverse.
fn reversed(net: &Path, folder: &Path) -> PathBuf {
    let bytes = std::fs::read(net).unwrap();
    let mut network = ftperm::nets::stockfish::Network::parse(&bytes, &Default::default()).unwrap();
    let half = u32::try_from(network.architecture.l1 / 2).unwrap();
    let order = (0..half).rev().collect();
    network
        .permute(&ftperm::order::Permutation::new(order).unwrap())
        .unwrap();
    let permuted = folder.join("permuted.nnue");
    let mut file = std::fs::File::create(&permuted).unwrap();
    network.write(&mut file).unwrap();
    permuted
}

fn bench(engine: &Path, base: &Path, test: &Path, more: &[&str]) -> Output {
    Case::new("bench")
        .args(["--json", "--runs", "2", "--bench-args", "16 1 8"])
        .option("--engine", engine)
        .option("--base", base)
        .option("--test", test)
        .args(more)
        .output()
}

#[test]
fn a_permuted_network_searches_the_same_nodes() {
    let (Some(engine), Some(net)) = (material::stockfish(), material::stockfish_net()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let permuted = reversed(&net, folder.path());

    let output = bench(&engine, &net, &permuted, &[]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["name"], "Stockfish 15.1");
    assert!(json["nodes"].as_u64().unwrap() > 10_000, "{json}");
    let of = |name: &str| json[name].as_f64().unwrap();
    assert!((0.2..5.0).contains(&of("ratio")), "{json}");
    assert!(of("ratio_low") <= of("ratio") && of("ratio") <= of("ratio_high"));
    assert_eq!(
        json["instructions"].is_null(),
        json["no_counters"].is_string()
    );
    // One thread cannot work longer than the clock runs; 10 ms are for reading the two at different moments.
    for which in ["base", "test"] {
        let seconds =
            |of: &serde_json::Value| of[format!("{which}_median_seconds")].as_f64().unwrap();
        let (clock, cpu) = (seconds(&json), seconds(&json["cpu"]));
        assert!(cpu > 0.005 && cpu < clock + 0.01, "{json}");
        let speed = json["cpu"][format!("{which}_nodes_per_second")]
            .as_f64()
            .unwrap();
        assert!((speed * cpu / of("nodes") - 1.0).abs() < 1e-9, "{json}");
    }
    assert_eq!(json["difference_percent"], 0.5);
    let interval = |name: &str| json["cpu"][name].as_f64().unwrap();
    assert!(
        interval("ratio_low") <= interval("ratio") && interval("ratio") <= interval("ratio_high")
    );
}

/// An engine that searches as many nodes as the last weights of its network say, and works a while.
#[cfg(unix)]
const ENGINE: &str = r#"#!/bin/sh
while read -r command rest; do case "$command" in
uci) echo 'id name Fake 1'; echo 'option name EvalFile type string default x'; echo uciok;;
isready) echo readyok;;
setoption) net="${rest#name EvalFile value }";;
bench) i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done
    echo "Nodes searched : $(tail -c 32 "$net" | cksum | cut -d' ' -f1)";;
quit) exit 0;;
esac; done
"#;

/// Two engines, of which one is behind a script, and two networks beside the first: four rows, a page, and JSON from
/// which the same page is made.
#[cfg(unix)]
#[test]
fn several_engines_and_networks_in_one_table() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let script = |name: &str, text: &str| {
        std::fs::write(file(name), text).unwrap();
        std::fs::set_permissions(file(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        file(name)
    };
    let net = material::own("datasets/demo.nnue");
    let permuted = reversed(&net, folder.path());
    let engine = script("engine", ENGINE);
    // Not `exec`: what counts is the processor time of the engine, not of what stands before it.
    let before = format!("#!/bin/sh\n{}\nexit 0\n", engine.display());
    let done = Case::new("bench")
        .args(["--runs", "2", "--bench-args", "1"])
        .option("--engine", &engine)
        .option("--engine", script("script", &before))
        .option("--base", &net)
        .option("--test", &permuted)
        .option("--test", &net)
        .option("--report", file("run.json"))
        .ok();
    assert_eq!(done.stdout.lines().count(), 5, "{}", done.stdout);
    let report = std::fs::read(file("run.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let comparisons = report["comparisons"].as_array().unwrap();
    assert_eq!(comparisons.len(), 4);
    assert_eq!(report["test"], comparisons[0]["test"]);
    for (row, comparison) in comparisons.iter().enumerate() {
        assert_eq!(comparison["nodes"], report["nodes"], "{comparison}");
        let expected = [&permuted, &net][row % 2].display().to_string();
        assert_eq!(comparison["test"], expected.as_str());
    }
    // The same work, whoever starts it.
    let cpu = |row: usize| comparisons[row]["cpu"]["base_median_seconds"].as_f64();
    let (alone, behind) = (cpu(0).unwrap(), cpu(2).unwrap());
    assert!((0.3..3.0).contains(&(behind / alone)), "{report}");

    Case::new("report").arg(file("run.json")).ok();
    let page = std::fs::read_to_string(file("run.html")).unwrap();
    for part in ["Fake 1", "4. ", "permuted.nnue", "processor time", "<svg "] {
        assert!(page.contains(part), "`{part}` is not in the page");
    }
    // Numbers that cannot be drawn are refused.
    let mut damaged = report.clone();
    damaged["comparisons"][1]["ratio_high"] = 1e300.into();
    std::fs::write(file("damaged.json"), damaged.to_string()).unwrap();
    Case::new("report")
        .arg(file("damaged.json"))
        .ends_with(1)
        .says("a speed is out of range");
}

/// `optimize --bench-engine`: Debian's network in its new order, measured against its old one.
#[test]
fn a_run_ends_with_the_speed_in_an_engine() {
    let (Some(engine), Some(net)) = (material::stockfish(), material::stockfish_net()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let done = Case::new("optimize")
        .args(["--json", "--count", "100", "--effort", "quick", "--force"])
        .args(["--bench-runs", "2", "--bench-args", "16 1 4"])
        .option("--net", &net)
        .data("selfplay")
        .option("--out", folder.path().join("o.nnue"))
        .option("--perm", folder.path().join("o.txt"))
        .option("--bench-engine", &engine)
        .ok();
    let last = done.stderr.lines().last().unwrap();
    assert!(last.starts_with("speed of Stockfish 15.1: "), "{last}");
    let json = done.json();
    assert!(json["no_bench"].is_null());
    assert!(json["bench"]["nodes"].as_u64().unwrap() > 1000, "{json}");
    assert!(
        json["bench"]["base"]
            .as_str()
            .unwrap()
            .ends_with("o.nnue in its old order")
    );
    assert!(json["seconds"]["bench"].as_f64().unwrap() > 0.0);
}

/// What an engine does never costs the order that was found; one that does not even answer is told before the work.
#[test]
fn an_engine_that_fails_costs_no_order() {
    let folder = tempfile::tempdir().unwrap();
    let case = |engine: &Path| {
        Case::new("optimize")
            .args(["--json", "--count", "300", "--effort", "quick"])
            .args(["--bench-runs", "2", "--bench-args", "16 1 6"])
            .net("demo")
            .data("selfplay")
            .option("--out", folder.path().join("o.nnue"))
            .option("--perm", folder.path().join("o.txt"))
            .option("--bench-engine", engine)
    };
    case(Path::new("no-such-engine"))
        .ends_with(1)
        .says("cannot start the engine");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // Debian's Stockfish reads no network of the demo's kind.
    let Some(engine) = material::stockfish() else {
        return;
    };
    let done = case(&engine)
        .ok()
        .says("the speed in an engine was not measured: ");
    let json = done.json();
    assert!(
        json["bench"].is_null() && json["no_bench"].is_string(),
        "{json}"
    );
    assert!(folder.path().join("o.nnue").exists() && folder.path().join("o.txt").exists());
}

fn verify(a: &Path, b: &Path, engine: &Path) -> Output {
    Case::new("verify")
        .args(["--json", "--count", "20", "--bench-args", "16 1 8"])
        .args([a, b])
        .data("selfplay")
        .option("--engine", engine)
        .output()
}

#[test]
fn verify_asks_an_engine_too() {
    let (Some(engine), Some(net)) = (material::stockfish(), material::stockfish_net()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let permuted = reversed(&net, folder.path());
    let output = verify(&net, &permuted, &engine);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["verified"]["equal"], true);
    // What the engine says itself at the same depth.
    let load = format!(
        "setoption name EvalFile value {}\nbench 16 1 8\n",
        net.display()
    );
    let said = material::uci(&engine, &load);
    let nodes = json["nodes"].as_u64().unwrap();
    assert!(nodes > 10_000);
    let line = said.lines().find(|line| line.starts_with("Nodes searched"));
    assert!(
        line.is_some_and(|line| line.ends_with(&format!(": {nodes}"))),
        "{line:?} {nodes}"
    );
    // Networks that compute different things need no engine.
    let mut bytes = std::fs::read(&net).unwrap();
    let last = bytes.len() - 32;
    bytes[last..].iter_mut().for_each(|weight| *weight ^= 0x55);
    let other = folder.path().join("other.nnue");
    std::fs::write(&other, bytes).unwrap();
    let output = verify(&net, &other, &engine);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(json["nodes"].is_null(), "{json}");
}

/// The error names the file and the place; the engine, which does not even exist, is not started.
#[test]
fn networks_that_are_cut_off_never_reach_the_engine() {
    let whole = material::own("datasets/demo.nnue");
    let bytes = std::fs::read(&whole).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.nnue");
    std::fs::write(&cut, &bytes[..bytes.len() - 1000]).unwrap();
    for (base, test) in [(&whole, &cut), (&cut, &whole)] {
        let output = bench(Path::new("no-such-engine"), base, test, &[]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        let place = format!("the file at {}", bytes.len() - 1000);
        assert!(text.contains("cut.nnue") && text.contains(&place), "{text}");
    }
}

#[cfg(unix)]
mod misbehaving {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::{bench, material};

    const GREETING: &str =
        "echo 'id name Fake'; echo 'option name EvalFile type string default x'; echo uciok";

    /// An engine as a shell script; `bench` is what it does at that command.
    fn fails(greeting: &str, bench_body: &str, parts: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let engine = folder.path().join("engine");
        let script = format!(
            "#!/bin/sh\ncd $(dirname $0)\nnet=\nwhile read -r command rest; do case \"$command\" in\n\
             uci) {greeting};;\n\
             isready) echo readyok;;\nsetoption) net=\"$rest\";;\nbench) {bench_body};;\nquit) exit 0;;\nesac; done\n"
        );
        std::fs::write(&engine, script).unwrap();
        std::fs::set_permissions(&engine, std::fs::Permissions::from_mode(0o755)).unwrap();
        let base = material::own("datasets/demo.nnue");
        let test = folder.path().join("test.nnue");
        std::fs::copy(&base, &test).unwrap();
        let output = bench(&engine, &base, &test, &["--timeout", "1"]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(!text.contains("panicked"), "{text}");
        let error = text.lines().find(|line| line.starts_with("error: "));
        for part in parts {
            assert!(error.unwrap_or("").contains(part), "`{part}` not in {text}");
        }
        assert_eq!(left_behind(folder.path()), [""; 0]);
    }

    /// Processes that work in this folder, as engines' children do; those that were just killed may take a moment.
    fn left_behind(folder: &Path) -> Vec<String> {
        use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
        let kind = ProcessRefreshKind::nothing()
            .with_cmd(UpdateKind::Always)
            .with_cwd(UpdateKind::Always);
        let mut found = Vec::new();
        for _ in 0..50 {
            let mut system = System::new().unwrap();
            system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
            let processes = system.processes().values();
            found = processes
                .filter(|process| {
                    let folder = folder.to_str().unwrap();
                    let words = process.cmd().iter();
                    process.cwd().is_some_and(|cwd| cwd.starts_with(folder))
                        || words
                            .filter_map(|word| word.to_str())
                            .any(|word| word.contains(folder))
                })
                .map(|it| format!("{:?}", it.cmd()))
                .collect();
            if found.is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        found
    }

    #[test]
    fn each_gets_a_clear_error() {
        fails(
            GREETING,
            "exec sleep 30",
            &["did not answer `bench 16 1 8`", "1 seconds"],
        );
        fails("exec sleep 30", "", &["did not answer `uci`"]);
        // The engine behind a script hangs, and so does what it started.
        fails(
            GREETING,
            "sh -c 'sleep 30; sleep 31'",
            &["did not answer `bench 16 1 8`"],
        );
        fails(GREETING, "echo broken; exit 3", &["ended", "3", "broken"]);
        fails(
            "head -c 3000000 /dev/urandom",
            "",
            &["did not answer `uci`"],
        );
        fails("exec cat /dev/zero", "", &["did not answer `uci`"]);
        fails("exec yes", "", &["did not answer `uci`"]);
        fails("echo uciok", "", &["no option `EvalFile`"]);
        fails(
            GREETING,
            "echo 'Nodes searched : 7'",
            &["ignores EvalFile", "7 nodes"],
        );
        fails(
            GREETING,
            "echo 'Unknown command: bench'",
            &["refused `bench 16 1 8` with the network", "Unknown command"],
        );
        fails(
            GREETING,
            "echo 'info string NNUE evaluation using other.nnue'; echo 'Nodes searched : 7'",
            &["another network", "other.nnue"],
        );
        fails(
            GREETING,
            "case \"$net\" in *test.nnue) echo '8 nodes 9 nps';; *) echo '7 nodes 9 nps';; esac",
            &["do not compute the same", "7 nodes", "8 with"],
        );
    }
}
