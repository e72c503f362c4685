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
