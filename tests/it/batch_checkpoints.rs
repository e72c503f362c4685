//! What trainers leave behind: checkpoints of many epochs in folders of their own, and networks that are only to be
//! converted.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::common::material;
use crate::common::program::{Case, ftperm, text};

fn lines(output: &Output) -> Vec<Value> {
    text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn batch(folder: &Path, arguments: &[&str], code: i32) -> Vec<Value> {
    let output = ftperm(folder, &[&["batch"], arguments].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    lines(&output)
}

fn statuses(lines: &[Value]) -> Vec<(&str, &str)> {
    lines
        .iter()
        .map(|line| {
            (
                line["job"].as_str().unwrap(),
                line["status"].as_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn jobs_without_data_convert() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let at = |name: &str| folder.join(name);
    std::fs::copy(material::own("datasets/demo.nnue"), at("n.nnue")).unwrap();
    Case::new("serialize")
        .args(["n.nnue", "m.pt"])
        .folder(folder)
        .ok();
    // What is set for the jobs that search means nothing here.
    let jobs = "[defaults]\ncount = 100\nthreads = 2\n\
                [jobs.a]\nnet = \"m.pt\"\nout-sha = \"made\"\nreport = \"{net}.json\"\n\
                [jobs.b]\nnet = \"n.nnue\"\nout = \"{net}.safetensors\"\n\
                [jobs.c]\nnet = \"n.nnue\"\nout = \"raw.nnue\"\nft-compression = \"none\"\n";
    std::fs::write(at("jobs.toml"), jobs).unwrap();
    let done = batch(folder, &["jobs.toml"], 0);
    assert_eq!(
        statuses(&done),
        [("a", "done"), ("b", "done"), ("c", "done")]
    );
    let sha256 = done[0]["report"]["out"]["sha256"].as_str().unwrap();
    let made = at(&format!("made/nn-{}.nnue", &sha256[..12]));
    // What `serialize` of the command line writes.
    for (source, target, option) in [
        ("m.pt", "alone.nnue", "leb128"),
        ("n.nnue", "bare.nnue", "none"),
    ] {
        let options = ["--ft-compression", option];
        let case = Case::new("serialize").args([source, target]).args(options);
        case.folder(folder).ok();
    }
    let read = |name: &str| std::fs::read(at(name)).unwrap();
    assert!(std::fs::read(made).unwrap() == read("alone.nnue"));
    assert!(read("raw.nnue") == read("bare.nnue"));
    assert!(at("n.safetensors").is_file());
    let report: Value = serde_json::from_slice(&read("m.pt.json")).unwrap();
    assert_eq!(report["out"]["sha256"], sha256);
    let skipped = batch(folder, &["jobs.toml"], 0);
    assert_eq!(
        statuses(&skipped),
        [("a", "skipped"), ("b", "skipped"), ("c", "skipped")]
    );
    std::fs::remove_file(at("n.safetensors")).unwrap();
    let again = batch(folder, &["jobs.toml"], 0);
    assert_eq!(
        statuses(&again),
        [("a", "skipped"), ("b", "done"), ("c", "skipped")]
    );
}

/// A checkpoint of a trainer that tells its epoch, and which one.
fn checkpoint(to: &Path) -> Option<i64> {
    std::fs::copy(material::shared("cases/L3-16.ckpt")?, to).unwrap();
    let case = Case::new("inspect").arg(to).arg("--json");
    Some(case.ok().json()["epoch"].as_i64().unwrap())
}

#[test]
fn names_by_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(epoch) = checkpoint(&folder.join("last.ckpt")) else {
        return;
    };
    // A network tells none, and does not keep the others from being done.
    std::fs::copy(material::own("datasets/demo.nnue"), folder.join("n.nnue")).unwrap();
    let jobs = "[jobs.a]\nnets = [\"last.ckpt\", \"n.nnue\", \"none.ckpt\"]\n\
                out = \"made/nn-epoch{epoch}.nnue\"\n";
    std::fs::write(folder.join("jobs.toml"), jobs).unwrap();
    let due = batch(folder, &["jobs.toml", "--dry-run"], 3);
    let names = ["a.last.ckpt", "a.n", "a.none.ckpt"];
    let expected = |first| {
        [
            (names[0], first),
            (names[1], "failed"),
            (names[2], "failed"),
        ]
    };
    assert_eq!(statuses(&due), expected("due"));
    let done = batch(folder, &["jobs.toml"], 3);
    assert_eq!(statuses(&done), expected("done"));
    let error = done[1]["error"].as_str().unwrap();
    assert!(
        error.starts_with("no epoch for made/nn-epoch{epoch}.nnue: "),
        "{error}"
    );
    let made: Vec<_> = std::fs::read_dir(folder.join("made")).unwrap().collect();
    assert_eq!(made.len(), 2, "the network and the record");
    assert!(folder.join(format!("made/nn-epoch{epoch}.nnue")).is_file());
}

/// As Lightning leaves them: each version's last checkpoint has the same name.
#[cfg(unix)]
#[test]
fn networks_in_folders_below_a_watched_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let nets = [
        "v0/checkpoints/last.nnue",
        "v1/checkpoints/last.nnue",
        "first.nnue",
    ];
    for net in nets.map(|net| folder.join(net)) {
        std::fs::create_dir_all(net.parent().unwrap()).unwrap();
        std::fs::copy(material::own("datasets/demo.nnue"), net).unwrap();
    }
    std::os::unix::fs::symlink("..", folder.join("v1/back")).unwrap();
    // What is made does not arrive, though its folder is below the watched one.
    std::fs::create_dir(folder.join("made")).unwrap();
    std::fs::copy(folder.join(nets[2]), folder.join("made/old.nnue")).unwrap();
    let jobs = "[watch]\nout = \"made/{job}.nnue\"\n";
    std::fs::write(folder.join("jobs.toml"), jobs).unwrap();
    let watch = ["jobs.toml", "--watch", ".", "--dry-run"];
    let due = batch(folder, &watch, 0);
    let expected = [
        ("watch.first", "due"),
        ("watch.v0/checkpoints/last", "due"),
        ("watch.v1/checkpoints/last", "due"),
    ];
    assert_eq!(statuses(&due), expected);
    // Two that would write the same file do not undo each other's work.
    let jobs = "[watch]\nout = \"made/{net}.nnue\"\n";
    std::fs::write(folder.join("jobs.toml"), jobs).unwrap();
    let due = batch(folder, &watch, 3);
    assert_eq!(statuses(&due)[2], ("watch.v1/checkpoints/last", "failed"));
    let jobs = "[watch]\nout-sha = \".\"\n";
    std::fs::write(folder.join("jobs.toml"), jobs).unwrap();
    batch(folder, &watch, 2);
}
