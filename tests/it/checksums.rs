//! Planes files and states of a search that are damaged, cut or all zeros: named, and made again where that is asked
//! for.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::common::program::{ftperm, text};

fn own(name: &str) -> String {
    format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn gather(folder: &Path, more: &[&str]) -> Output {
    let (net, data) = (own("datasets/demo.nnue"), own("datasets/selfplay.binpack"));
    let begin = [
        "gather", "--net", &net, "--data", &data, "--count", "500", "--out", "p.z",
    ];
    ftperm(folder, &[&begin[..], more].concat())
}

/// A file's bytes with one changed, cut in two places, and as zeros.
fn damages(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut changed = bytes.to_vec();
    changed[bytes.len() * 2 / 3] ^= 0x10;
    vec![
        ("changed", changed),
        ("cut", bytes[..bytes.len() / 2].to_vec()),
        ("almost whole", bytes[..bytes.len() - 1].to_vec()),
        ("zeros", vec![0; bytes.len()]),
        ("nothing", Vec::new()),
    ]
}

#[test]
fn damaged_planes_are_named_and_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = folder.join("p.z");
    let done = gather(folder, &[]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let whole = fs::read(&path).unwrap();
    let kept = gather(folder, &["--resume"]);
    assert!(text(&kept.stderr).contains("p.z is there already"));
    for (how, bytes) in damages(&whole) {
        fs::write(&path, bytes).unwrap();
        let refused = ftperm(folder, &["eval", "--data", "p.z"]);
        assert_eq!(refused.status.code(), Some(1), "{how}");
        assert!(text(&refused.stderr).contains("p.z: "), "{how}");
        let again = gather(folder, &["--resume"]);
        let said = text(&again.stderr);
        assert!(again.status.success(), "{how}: {said}");
        assert!(
            said.contains("p.z: ") && said.contains("made again"),
            "{how}: {said}"
        );
        assert!(fs::read(&path).unwrap() == whole, "{how}");
    }
    // What is no planes file is left alone.
    fs::write(&path, "notes").unwrap();
    assert_eq!(gather(folder, &["--resume"]).status.code(), Some(1));
    assert_eq!(fs::read(&path).unwrap(), b"notes");
}

#[test]
fn a_damaged_state_of_a_search_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(gather(folder, &[]).status.success());
    let find = |more: &[&str]| {
        let begin = [
            "find", "--data", "p.z", "--effort", "quick", "--out", "perm.txt",
        ];
        ftperm(folder, &[&begin[..], more].concat())
    };
    assert!(find(&[]).status.success());
    let expected = fs::read(folder.join("perm.txt")).unwrap();
    let state = folder.join("s");
    assert!(
        find(&["--state", "s", "--time-limit", "0"])
            .status
            .success()
    );
    let whole = fs::read(&state).unwrap();
    for (how, bytes) in damages(&whole) {
        fs::write(&state, bytes).unwrap();
        let found = find(&["--state", "s"]);
        let said = text(&found.stderr);
        assert!(found.status.success(), "{how}: {said}");
        assert!(
            said.contains("s: this state of a search is damaged"),
            "{how}: {said}"
        );
        assert!(
            fs::read(folder.join("perm.txt")).unwrap() == expected,
            "{how}"
        );
        assert!(!state.exists());
    }
    // A state of before there were checksums.
    let json = text(&whole);
    let (_, fields) = json.split_once(',').unwrap();
    fs::write(&state, format!("{{{fields}")).unwrap();
    let found = find(&["--state", "s"]);
    assert!(text(&found.stderr).contains("going on from s"));
    // Another file is not written over.
    fs::write(&state, "{\"kind\":\"optimize\"}").unwrap();
    assert_eq!(find(&["--state", "s"]).status.code(), Some(1));
    assert_eq!(fs::read(&state).unwrap(), b"{\"kind\":\"optimize\"}");
}
