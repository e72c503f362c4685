//! What `--backend auto` makes of a trial of the graphics adapter in another process, however that ends.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::program::Case;

/// A program of this text.
fn script(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// What a run prints that asks such a program, and the planes that it writes.
fn run(folder: &Path, backend: &str, trial: Option<&Path>) -> (String, Vec<u8>) {
    let out = folder.join("out.planes");
    let mut case = Case::new("gather")
        .net("demo")
        .data("selfplay")
        .args(["--count", "300", "--threads", "1", "--backend", backend])
        .option("--out", &out);
    if let Some(trial) = trial {
        case = case.env("FTPERM_TEST_TRIAL", trial);
        case = case.env("FTPERM_TEST_TRIAL_SECONDS", "3");
    }
    let done = case.ok();
    (done.stderr, std::fs::read(out).unwrap())
}

#[test]
fn whatever_becomes_of_a_trial_the_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let measured = |speed: &str| {
        format!(
            r#"echo 'a driver says hello'; echo '{{"measured":{{"adapter":"a card","speed":{speed}}}}}'"#
        )
    };
    let slow = measured(r#"{"opening":0.25,"columns":1e6,"call":0.001,"words":1e6}"#);
    let impossible = measured(r#"{"opening":0.25,"columns":-1,"call":0.001,"words":1e6}"#);
    let (_, expected) = run(folder.path(), "cpu", None);
    for (name, text, why) in [
        (
            "crash",
            "kill -SEGV $$",
            "the graphics adapter failed: its trial ended by signal 11",
        ),
        (
            "abort",
            "kill -ABRT $$",
            "the graphics adapter failed: its trial ended by signal 6",
        ),
        (
            "error",
            "echo '\"absent\"'; exit 3",
            "failed: its trial ended by exit code 3",
        ),
        (
            "nonsense",
            "echo '{\"measured\": 7}'",
            "the answer of its trial makes no sense",
        ),
        ("silence", "true", "the answer of its trial makes no sense"),
        (
            "impossible",
            impossible.as_str(),
            "the answer of its trial makes no sense",
        ),
        (
            "told",
            "echo '{\"failed\":\"no memory\"}'",
            "the graphics adapter failed: no memory",
        ),
        (
            "absent",
            "echo '\"absent\"'",
            "no hardware adapter was found",
        ),
        ("slow", slow.as_str(), "s on a card)"),
    ] {
        let (said, written) = run(
            folder.path(),
            "auto",
            Some(&script(folder.path(), name, text)),
        );
        let lines: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("adapter"))
            .collect();
        let [line] = lines[..] else {
            assert!(name == "slow" && lines.is_empty(), "{name}: {said}");
            assert!(
                said.contains("computing on cpu: ") && said.contains(why),
                "{name}: {said}"
            );
            continue;
        };
        assert!(line.starts_with("computing on cpu: "), "{name}: {line}");
        assert!(line.contains(why), "{name}: {line}");
        assert!(written == expected, "{name}");
    }
}

/// The program that hangs has a child of its own, which keeps its output open.
#[test]
fn a_trial_that_hangs_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let hangs = script(folder.path(), "hangs", "sleep 10");
    let (_, expected) = run(folder.path(), "cpu", None);
    let started = Instant::now();
    let (said, written) = run(folder.path(), "auto", Some(&hangs));
    assert!(started.elapsed() < Duration::from_secs(20));
    let why = "(the graphics adapter failed: its trial was not done after 3 seconds)";
    assert!(
        said.contains("computing on cpu: ") && said.contains(why),
        "{said}"
    );
    assert!(written == expected);
}

/// Asked for the CPU, or for nothing that takes long, no program is asked.
#[test]
fn nothing_is_tried_without_need() {
    let folder = tempfile::tempdir().unwrap();
    let asked = folder.path().join("asked");
    let tells = format!("touch '{}'", asked.display());
    let tells = script(folder.path(), "tells", &tells);
    run(folder.path(), "cpu", Some(&tells));
    assert!(!asked.exists());
    Case::new("optimize")
        .net("demo")
        .data("selfplay")
        .args(["--count", "300", "--effort", "quick", "--force"])
        .option("--out", folder.path().join("out.nnue"))
        .env("FTPERM_TEST_TRIAL", &tells)
        .ok()
        .says("the answer of its trial makes no sense");
    assert!(asked.exists());
    let (said, _) = run(folder.path(), "auto", None);
    assert!(
        said.contains("(too little work to open a graphics adapter for)"),
        "{said}"
    );
}
