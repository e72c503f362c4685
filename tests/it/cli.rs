//! The program as a user runs it: what it prints, what it writes, how it fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::material;
use crate::common::program::{Case, ftperm};
use tempfile::TempDir;

fn demo_net() -> PathBuf {
    material::own("datasets/demo.nnue")
}

fn demo_data() -> PathBuf {
    material::own("datasets/selfplay.binpack")
}

/// Runs the program in a folder.
fn path(path: &Path) -> &str {
    path.to_str().expect("test paths are UTF-8")
}

/// The main job on what the repository ships.
fn optimize<'a>(net: &'a Path, data: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let base = ["optimize", "--net", path(net), "--data", path(data)];
    [&base[..], more].concat()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// It must fail with this code and a message of one line that contains all of `parts`, and leave nothing behind.
fn fails(folder: &TempDir, code: i32, arguments: &[&str], parts: &[&str]) {
    let before = listing(folder.path());
    let output = ftperm(folder.path(), arguments);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    let error = text.lines().find(|line| line.starts_with("error: "));
    let error = error.unwrap_or_else(|| panic!("{arguments:?}: no error line in {text}"));
    for part in parts {
        assert!(
            error.contains(part),
            "{arguments:?}: `{part}` is not in: {error}"
        );
    }
    assert!(!text.contains("panicked"), "{text}");
    assert_eq!(
        listing(folder.path()),
        before,
        "{arguments:?} left something behind"
    );
}

fn listing(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    path(&file).to_string()
}

#[test]
fn the_main_job_on_what_the_repository_ships() {
    let folder = tempfile::tempdir().unwrap();
    let output = ftperm(
        folder.path(),
        &[
            "optimize",
            "--net",
            path(&demo_net()),
            "--data",
            path(&demo_data()),
            "--count",
            "20000",
            "--json",
            "--report",
            "report.json",
        ],
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let rate = |name: &str| report["zero_block_rate"][name].as_f64().unwrap();
    assert!(rate("after") > rate("before") + 0.05, "{report}");
    assert!(
        rate("holdout_after") > rate("holdout_before") + 0.05,
        "{report}"
    );
    assert_eq!(report["verified"]["equal"], true);
    assert_eq!(report["neurons"], 64);
    let sha256 = report["out"]["sha256"].as_str().unwrap();
    let names = listing(folder.path());
    let stem = format!("nn-{}", &sha256[..12]);
    assert_eq!(
        names,
        [
            format!("{stem}.nnue"),
            format!("{stem}.perm.txt"),
            "report.json".to_string()
        ]
    );
    let written: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(written, report);

    // The permutation file alone gives the same network again.
    let output = ftperm(
        folder.path(),
        &[
            "apply",
            &names[1],
            "--net",
            path(&demo_net()),
            "--out",
            "again.nnue",
        ],
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(read("again.nnue") == read(&names[0]));
    // And its inverse the network as it was.
    let output = ftperm(
        folder.path(),
        &[
            "apply",
            &names[1],
            "--inverse",
            "--net",
            "again.nnue",
            "--out",
            "back.nnue",
            "--quiet",
        ],
    );
    assert!(
        output.status.success() && stderr(&output).is_empty(),
        "{}",
        stderr(&output)
    );
    assert!(read("back.nnue") == std::fs::read(demo_net()).unwrap());

    let output = ftperm(
        folder.path(),
        &[
            "verify",
            path(&demo_net()),
            "again.nnue",
            "--data",
            path(&demo_data()),
            "--count",
            "500",
        ],
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.starts_with("proved: the same function for every position"));
    assert!(said.ends_with("equal in all buckets on 500 positions\n"));
}

#[test]
fn the_result_does_not_depend_on_threads_or_backend() {
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let mut arguments = vec!["optimize", "--net"];
        let (net, data) = (demo_net(), demo_data());
        arguments.extend([
            path(&net),
            "--data",
            path(&data),
            "--count",
            "3000",
            "--out",
            "o.nnue",
            "--perm",
            "p.txt",
        ]);
        arguments.extend(more);
        let output = ftperm(folder.path(), &arguments);
        assert!(output.status.success(), "{}", stderr(&output));
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        (read("o.nnue"), read("p.txt"))
    };
    let first = run(&["--backend", "cpu"]);
    assert!(run(&["--backend", "cpu", "--threads", "1"]) == first);
    assert!(run(&["--backend", "cpu", "--threads", "3"]) == first);
    let devices = ftperm(folder.path(), &["devices", "--json"]);
    let devices: serde_json::Value = serde_json::from_str(&stdout(&devices)).unwrap();
    if devices["adapters"].as_array().unwrap().is_empty() {
        material::missing::<()>("a graphics adapter, e.g. of mesa-vulkan-drivers,");
    } else {
        assert!(run(&["--backend", "gpu"]) == first);
    }
    assert!(run(&["--backend", "cpu", "--seed", "5", "--sample-rate", "0.5"]) != first);
}

#[test]
fn permutations_as_npy() {
    let folder = tempfile::tempdir().unwrap();
    let (net, data) = (demo_net(), demo_data());
    let output = ftperm(
        folder.path(),
        &optimize(
            &net,
            &data,
            &["--count", "3000", "--out", "a.nnue", "--perm", "p.npy"],
        ),
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let output = ftperm(
        folder.path(),
        &["apply", "p.npy", "--net", path(&net), "--out", "b.nnue"],
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(read("p.npy").starts_with(b"\x93NUMPY"));
    assert!(read("a.nnue") == read("b.nnue"));
}

#[test]
fn bad_networks() {
    let folder = tempfile::tempdir().unwrap();
    let net = std::fs::read(demo_net()).unwrap();
    let data = demo_data();
    let try_net = |name: &str, bytes: &[u8], parts: &[&str]| {
        let file = write(&folder, name, bytes);
        let mut all = vec![name];
        all.extend(parts);
        fails(
            &folder,
            1,
            &["optimize", "--net", &file, "--data", path(&data)],
            &all,
        );
        fails(&folder, 1, &["inspect", &file], &all);
    };
    try_net("empty.nnue", b"", &["empty"]);
    try_net(
        "text.nnue",
        b"hello, this is no network",
        &["no network in it", "text file"],
    );
    let mut version = net.clone();
    version[0] ^= 1;
    try_net(
        "version.nnue",
        &version,
        &["version 0x7AF32F21 at offset 0"],
    );
    let mut description = net.clone();
    description[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    try_net(
        "description.nnue",
        &description,
        &["4294967295 bytes", "offset 8"],
    );
    let mut header = net.clone();
    header[4] ^= 1;
    try_net("header.nnue", &header, &["header hash"]);
    let at = 12 + u32::from_le_bytes(net[8..12].try_into().unwrap()) as usize;
    let mut ft = net.clone();
    ft[at] ^= 1;
    try_net(
        "ft.nnue",
        &ft,
        &["feature transformer hash", &format!("offset {at}")],
    );
    let stack = net.len() - 3304;
    let mut stack_hash = net.clone();
    stack_hash[stack] ^= 1;
    try_net(
        "stack.nnue",
        &stack_hash,
        &["hash of layer stack 7", &format!("offset {stack}")],
    );
    let mut trailing = net.clone();
    trailing.extend(b"more");
    try_net(
        "trailing.nnue",
        &trailing,
        &["4 bytes follow", &format!("offset {}", net.len())],
    );
    // A continuation bit in the last byte of the biases' payload joins two values.
    let bias = at + 4;
    assert!(net[bias..].starts_with(b"COMPRESSED_LEB128"));
    let len = u32::from_le_bytes(net[bias + 17..bias + 21].try_into().unwrap()) as usize;
    let mut overrun = net.clone();
    overrun[bias + 21 + len - 1] |= 0x80;
    try_net(
        "overrun.nnue",
        &overrun,
        &[
            "feature transformer biases",
            &format!("offset {bias}"),
            "no end",
        ],
    );
    let mut huge = net.clone();
    huge[bias + 17..bias + 21].copy_from_slice(&u32::MAX.to_le_bytes());
    try_net(
        "huge.nnue",
        &huge,
        &["feature transformer biases", "4294967295"],
    );
}

#[test]
fn networks_truncated_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let net = std::fs::read(demo_net()).unwrap();
    for end in [
        1,
        4,
        11,
        12,
        50,
        100,
        120,
        200,
        1000,
        100_000,
        net.len() - 26_432,
        net.len() - 3304,
        net.len() - 1,
    ] {
        let file = write(&folder, "cut.nnue", &net[..end]);
        fails(&folder, 1, &["inspect", &file], &["cut.nnue"]);
    }
}

#[test]
fn bad_permutations() {
    let folder = tempfile::tempdir().unwrap();
    let net = demo_net();
    let try_perm = |text: &str, parts: &[&str]| {
        let file = write(&folder, "bad.perm.txt", text.as_bytes());
        let mut all = vec!["bad.perm.txt"];
        all.extend(parts);
        fails(
            &folder,
            1,
            &["apply", &file, "--net", path(&net), "--out", "x.nnue"],
            &all,
        );
    };
    try_perm("0\n1\n1\n", &["1 stands twice"]);
    try_perm("0\n2\n", &["entry 1 is 2"]);
    try_perm("0\none\n", &["line 2", "`one`"]);
    try_perm("", &["empty"]);
    let short: String = (0..32).map(|i| format!("{i}\n")).collect();
    let file = write(&folder, "short.txt", short.as_bytes());
    fails(
        &folder,
        1,
        &["apply", &file, "--net", path(&net), "--out", "x.nnue"],
        &["32 entries", "needs 64"],
    );
    fails(
        &folder,
        1,
        &["apply", "missing.txt", "--net", path(&net)],
        &["missing.txt"],
    );
}

#[test]
fn bad_data() {
    let folder = tempfile::tempdir().unwrap();
    let net = demo_net();
    let data = std::fs::read(demo_data()).unwrap();
    let try_data = |name: &str, bytes: &[u8], parts: &[&str]| {
        let file = write(&folder, name, bytes);
        let mut all = vec![name];
        all.extend(parts);
        fails(
            &folder,
            1,
            &["optimize", "--net", path(&net), "--data", &file],
            &all,
        );
    };
    try_data("empty.binpack", b"", &["empty"]);
    try_data(
        "foreign.binpack",
        b"PK\x03\x04 this is something else entirely",
        &["byte 0"],
    );
    try_data("cut.binpack", &data[..data.len() - 10], &["byte"]);
    try_data("header.binpack", &data[..6], &["byte"]);
    let mut huge = data.clone();
    huge[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    try_data("huge.binpack", &huge, &["byte 0", "4294967295"]);
    fails(
        &folder,
        1,
        &["optimize", "--net", path(&net), "--data", "missing.binpack"],
        &["missing.binpack"],
    );
}

#[test]
fn fewer_positions_than_asked_for_are_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let (net, data) = (demo_net(), demo_data());
    let output = ftperm(
        folder.path(),
        &optimize(&net, &data, &["--count", "100000000"]),
    );
    assert!(output.status.success());
    assert!(
        stderr(&output).contains("of 100000000 positions found"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn bad_targets() {
    let folder = tempfile::tempdir().unwrap();
    let (net, data) = (demo_net(), demo_data());
    let base = optimize(&net, &data, &["--count", "1000"]);
    let with = |more: &[&'static str]| [&base[..], more].concat();
    fails(
        &folder,
        1,
        &with(&["--out", "no/such/folder.nnue"]),
        &["no/such does not exist"],
    );
    fails(
        &folder,
        1,
        &with(&["--perm", "nowhere/p.txt"]),
        &["nowhere does not exist"],
    );
    fails(
        &folder,
        1,
        &with(&["--report", "nowhere/r.json"]),
        &["nowhere does not exist"],
    );
    fails(
        &folder,
        1,
        &with(&["--out-sha", "/dev/null/folder"]),
        &["cannot make the folder /dev/null/folder"],
    );
    fails(&folder, 2, &with(&["--out", "."]), &["--out-sha"]);
    fails(&folder, 2, &with(&["--holdout", "1.5"]), &["--holdout"]);
    fails(
        &folder,
        2,
        &with(&["--no-such-option"]),
        &["--no-such-option"],
    );
    fails(&folder, 2, &with(&["--clamp", "many"]), &["--clamp"]);
    fails(
        &folder,
        2,
        &with(&["--clamp", "100"]),
        &["'100'", "127 and 255"],
    );
    fails(
        &folder,
        2,
        &with(&["--era", "v99"]),
        &["'v99'", "no such era"],
    );
    fails(&folder, 1, &with(&["--era", "v16"]), &["not of era v16"]);
    fails(
        &folder,
        1,
        &with(&["--adapter", "no such card"]),
        &["no graphics adapter"],
    );
}

/// What the parser cannot see in an option by itself, and options that mean nothing where they are given.
#[test]
fn options_that_would_do_harm_or_nothing_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (net, data) = ("n.nnue", "d.binpack");
    std::fs::copy(demo_net(), folder.path().join(net)).unwrap();
    std::fs::copy(demo_data(), folder.path().join(data)).unwrap();
    write(&folder, "p.txt", b"0\n1\n2\n3\n");
    write(&folder, "empty", b"");
    let refused = |arguments: &[&str], parts: &[&str]| fails(&folder, 2, arguments, parts);
    let optimize = |more: &[&'static str]| {
        let base = ["optimize", "--net", "n.nnue", "--data", "d.binpack"];
        [&base[..], more].concat()
    };
    // Numbers out of bounds.
    for (option, value) in [
        ("--sample-rate", "0"),
        ("--sample-rate", "2"),
        ("--sample-rate", "nan"),
        ("--time-limit", "-1"),
        ("--time-limit", "nan"),
        ("--pc-y2", "inf"),
        ("--pc-y2", "-1"),
        ("--ply-y4", "2"),
        ("--ply-y4", "nan"),
        ("--adapter", ""),
    ] {
        refused(
            &optimize(&[option, value]),
            &[option, "expected"][..if value.is_empty() { 1 } else { 2 }],
        );
    }
    // Before anything is read: none of these files are there.
    for arguments in [
        &["optimize", "--net", "x", "--data", "y"][..],
        &["gather", "--net", "x", "--data", "y", "--out", "z"],
        &["verify", "x", "x", "--data", "y"],
        &[
            "serialize",
            "x",
            "z.nnue",
            "--ft-optimize",
            "--ft-optimize-data",
            "y",
        ],
    ] {
        refused(
            &[arguments, &["--ply-x1", "8"]].concat(),
            &["--ply-x1", "8, 6, 10, 18"],
        );
    }
    refused(
        &optimize(&["--kernel", "portable", "--backend", "gpu"]),
        &["--kernel"],
    );
    refused(
        &optimize(&["--threads", "65535"]),
        &["--threads 65535 are too many"],
    );
    let find = ["find", "--out", "x.txt", "--data", "."];
    fails(&folder, 1, &find, &[".: it is no file but a folder"]);
    // Not what people do not see.
    let output = ftperm(folder.path(), &["--quiet"]);
    let text = stderr(&output);
    assert!(text.contains("error: a command is missing\n"), "{text}");
    assert!(
        text.contains("--help") && !text.contains("batch-job"),
        "{text}"
    );
    // Every ply of every game is early.
    let early = ["--early-fen-skipping", "100000"];
    fails(&folder, 1, &optimize(&early), &["early ply: 60111"]);
    // What a script forgot to set.
    refused(
        &["optimize", "--net", "", "--data", data],
        &["--net", "a name is expected"],
    );
    refused(
        &["optimize", "--net", net, "--data", ""],
        &["--data", "a name is expected"],
    );
    refused(&["inspect", ""], &["a name is expected"]);
    let held_out = ["--count", "100", "--holdout", "0.999"];
    let parts = [
        "no position is left to search on",
        "all 100",
        "--holdout, 0.999",
    ];
    fails(&folder, 1, &optimize(&held_out), &parts);
    refused(
        &optimize(&["--holdout", "-0.1"]),
        &["--holdout", "expected"],
    );
    // Nothing writes to stdout but results.
    refused(&optimize(&["--out", "-"]), &["--out -", "say ./-"]);
    let in_file = ["--out-sha", data];
    fails(&folder, 1, &optimize(&in_file), &["d.binpack is no folder"]);
    // One file for two things.
    let same = "same file";
    refused(
        &optimize(&["--out", "x", "--perm", "x"]),
        &["--out", "--perm", same],
    );
    refused(
        &optimize(&["--perm", "x", "--report", "./x"]),
        &["--report", same],
    );
    refused(
        &optimize(&["--perm", "d.binpack"]),
        &["--data", "--perm", same],
    );
    refused(
        &["apply", "p.txt", "--net", net, "--out", "p.txt"],
        &["permutation", same],
    );
    refused(&["embed", net, "--out", net], &["network", same]);
    refused(&["report", "p.txt", "--out", "p.txt"], &["report", same]);
    refused(
        &["gather", "--net", net, "--data", data, "--out", net],
        &["--net", same],
    );
    refused(
        &["find", "--data", "p.txt", "--out", "p.txt"],
        &["data", same],
    );
    refused(
        &["serialize", net, "s.nnue", "--report", "s.nnue"],
        &["TARGET", same],
    );
    // Nothing would come of them.
    let fen = "8/8/8/4k3/8/8/4P3/4K3 w - - 0 1";
    refused(
        &["trace", "--net", net, "--fen", fen, "--count", "3"],
        &["--count"],
    );
    refused(
        &["find", "--data", "p.txt", "--neurons", "4", "--out", "o"],
        &["--neurons"],
    );
    for (option, value) in [
        ("--timeout", "5"),
        ("--option", "a=b"),
        ("--bench-args", "1"),
    ] {
        let arguments = ["verify", net, net, "--data", data, option, value];
        fails(&folder, 2, &arguments, &["required"]);
    }
    let serialize = ["serialize", net, "x.nnue", "--random-fen-skipping", "3"];
    // serialize.py takes it without a word.
    let told = Case::new(serialize[0])
        .args(&serialize[1..])
        .folder(folder.path())
        .ok();
    told.says("--random-fen-skipping is passed over without --ft-optimize");
    refused(&["inspect", data, "--clamp", "127"], &["--clamp"]);
    refused(
        &["config", "optimize", "--no-such-option"],
        &["--no-such-option"],
    );
    refused(&["config", "optimize", "--count", "x"], &["'x'", "--count"]);
    // Which file does not fit.
    let apply = ["apply", "p.txt", "--net", net];
    fails(
        &folder,
        1,
        &apply,
        &["p.txt: the permutation has 4 entries"],
    );
    fails(
        &folder,
        1,
        &optimize(&["--start", "p.txt"]),
        &["p.txt: the permutation has 4"],
    );
    let trace = ["trace", "--net", net, "--fens", "empty"];
    fails(&folder, 1, &trace, &["empty: no FEN in it"]);
    let trace = ["trace", "--net", net, "--fens", data];
    fails(&folder, 1, &trace, &["d.binpack, line 1: not UTF-8"]);
    // Shells do not run it either.
    #[cfg(unix)]
    fails(
        &folder,
        1,
        &["bench", "--engine", data, "--base", net, "--test", net],
        &["cannot start the engine d.binpack", "say ./d.binpack"],
    );
    // A checkpoint's era is said otherwise.
    let made = ftperm(folder.path(), &["serialize", net, "s.pt"]);
    assert!(made.status.success(), "{}", stderr(&made));
    refused(
        &["serialize", "s.pt", "s.nnue", "--era", "small127"],
        &["--target-era"],
    );
}

/// A disk that is full after 100 KiB, by way of the shell's limit on file sizes.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let perm: String = (0..64).rev().map(|i| format!("{i}\n")).collect();
    let perm = write(&folder, "p.txt", perm.as_bytes());
    let before = listing(folder.path());
    let script = format!(
        "trap '' XFSZ; ulimit -f 100; exec {} apply {perm} --net {} --out full.nnue",
        env!("CARGO_BIN_EXE_ftperm"),
        path(&demo_net())
    );
    let output = Command::new("bash")
        .current_dir(folder.path())
        .args(["-c", &script])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let error =
        "error: cannot write full.nnue: File too large (os error 27); nothing was left behind";
    assert!(stderr(&output).contains(error), "{}", stderr(&output));
    assert_eq!(listing(folder.path()), before);
}

/// Help is a result like others: a full stdout is an error, a closed pipe is none.
#[test]
#[cfg(target_os = "linux")]
fn help_goes_to_stdout_or_fails() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["find", "-h"],
        &["help", "find"],
        &["config", "find", "--help"],
        &["completions", "zsh"],
    ] {
        let run = |out: std::process::Stdio| {
            let mut command = Case::new(arguments[0]).args(&arguments[1..]).command();
            command.stdout(out).output().unwrap()
        };
        let full = std::fs::File::options().write(true).open("/dev/full");
        let output = run(full.unwrap().into());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(
            stderr(&output),
            "error: cannot write to stdout: No space left on device (os error 28)\n",
            "{arguments:?}"
        );
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = run(writer.into());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(stderr(&output), "", "{arguments:?}");
    }
}

#[test]
fn completions_and_manual_pages() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = ftperm(folder.path(), &["completions", shell]);
        let script = stdout(&output);
        assert!(
            output.status.success() && script.contains("optimize"),
            "{shell}"
        );
        // How `batch` calls the program is for nobody else.
        assert!(!script.contains("batch-job"), "{shell}");
    }
    let output = ftperm(folder.path(), &["man", "."]);
    assert!(output.status.success(), "{}", stderr(&output));
    let pages = listing(folder.path());
    assert!(
        pages.contains(&"ftperm-batch.1".to_string()) && pages.contains(&"ftperm.1".to_string())
    );
    for page in pages {
        let text = std::fs::read_to_string(folder.path().join(&page)).unwrap();
        assert!(!text.replace('\\', "").contains("batch-job"), "{page}");
    }
    let page = std::fs::read_to_string(folder.path().join("ftperm-optimize.1")).unwrap();
    assert!(page.starts_with(".ie") || page.contains(".TH"), "{page}");
}

/// Twice, for a newer version may have more; but nothing that somebody else put there is lost.
#[test]
#[cfg(unix)]
fn completions_are_installed_for_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let case = |arguments: &[&str]| {
        Case::new("completions")
            .arg("--install")
            .args(arguments)
            .env("HOME", folder.path())
            .env("SHELL", "/usr/bin/fish")
            .env("XDG_DATA_HOME", "")
            .env("XDG_CONFIG_HOME", "")
            .env("ZDOTDIR", "")
            .env("BASH_COMPLETION_USER_DIR", "")
    };
    for (arguments, name) in [
        (
            &["bash"][..],
            ".local/share/bash-completion/completions/ftperm",
        ),
        (&["zsh"], ".zfunc/_ftperm"),
        (&[], ".config/fish/completions/ftperm.fish"),
    ] {
        let file = folder.path().join(name);
        for _ in 0..2 {
            let done = case(arguments).ok();
            assert_eq!(done.stdout.trim_end(), file.display().to_string());
            let script = std::fs::read_to_string(&file).unwrap();
            assert!(script.contains("optimize"), "{name}");
        }
        std::fs::write(&file, "# mine\n").unwrap();
        case(arguments).ends_with(1).says("it stays as it is");
        assert_eq!(std::fs::read(&file).unwrap(), b"# mine\n");
    }
    case(&["powershell"])
        .ends_with(2)
        .says("bash, zsh and fish");
}

/// Pipes are read from their beginning to their end, once, or not at all. Nobody waits for one that nobody writes to.
#[test]
#[cfg(target_os = "linux")]
fn pipes_are_refused_where_they_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("mkfifo").arg(folder.path().join("p")).status();
    assert!(made.unwrap().success());
    let regular = "neither a regular file nor a directory";
    for (arguments, part) in [
        (&["inspect", "p"][..], regular),
        (&["nets", "--quiet"], ""),
        (&["trace", "--net", "p", "--fen", "x"], regular),
        (&["find", "--data", "p", "--out", "x"], "p: it is no file"),
        (&["eval", "--data", "p"], "p: it is no file"),
    ] {
        let output = ftperm(folder.path(), arguments);
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
}

/// The spread between games is what intervals are made of.
#[test]
fn one_held_out_game_has_no_interval() {
    let folder = tempfile::tempdir().unwrap();
    let (net, data) = (demo_net(), demo_data());
    let base = optimize(&net, &data, &["--json"]);
    let output = ftperm(folder.path(), &[&base[..], &["--count", "500"]].concat());
    let text = stderr(&output);
    assert!(text.contains("% after (from one game only)"), "{text}");
    assert!(
        !text.contains("95 %") && !text.contains("over-fitted"),
        "{text}"
    );
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let rates = &report["zero_block_rate"];
    assert!(rates["holdout_after"].is_f64() && rates["holdout_after_interval"].is_null());
    assert_eq!(rates["holdout_games"], 1);
}

/// Ten groups of 64 lines, of which a tenth is one.
#[test]
fn lists_are_held_out_by_groups_of_lines() {
    use ftperm::positions::{Options, Sampling, read};
    let folder = tempfile::tempdir().unwrap();
    let sampling = Sampling {
        count: Some(640),
        skip: 9,
        ..Sampling::default()
    };
    let options = Options {
        sampling,
        ..Options::default()
    };
    let taken = read(&[demo_data().into()], &options).unwrap();
    let list: String = taken.boards.iter().map(|it| it.fen() + "\n").collect();
    std::fs::write(folder.path().join("a.fens"), list).unwrap();
    let net = demo_net();
    let run = ["optimize", "--net", path(&net), "--data", "a.fens"];
    let output = ftperm(folder.path(), &[&run[..], &["--json"]].concat());
    let text = stderr(&output);
    for part in [
        // Not 640 / 64: groups end where boards show that a game does.
        "640 from 9 groups of lines",
        "from one group of lines only",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        (&report["games"], &report["groups"]),
        (&9.into(), &9.into())
    );
    assert_eq!(report["samples"], 2 * 9 * 64);
    let few = ["--holdout", "0.05"];
    let text = stderr(&ftperm(folder.path(), &[&run[..], &few].concat()));
    assert!(
        text.contains("not measured, as every group of lines"),
        "{text}"
    );
}

#[test]
fn positions_from_stdin() {
    let net = demo_net();
    let fen = "8/8/8/4k3/8/8/4P3/4K3 w - - 0 1";
    let named = ftperm(
        Path::new("."),
        &["trace", "--net", path(&net), "--fen", fen],
    );
    let piped = Case::new("trace")
        .net("demo")
        .args(["--fens", "-"])
        .stdin(format!("{fen}\n"))
        .ok();
    assert!(named.status.success() && !named.stdout.is_empty());
    assert_eq!(piped.stdout, stdout(&named));
}

/// Gathering in parts and searching on all of them, and the reference tool's two lines.
#[test]
fn the_three_steps_on_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (net, data) = (demo_net(), demo_data());
    let run = |arguments: &[&str]| {
        let output = ftperm(folder.path(), arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            stderr(&output)
        );
        stdout(&output)
    };
    let gather = [
        "gather",
        "--net",
        path(&net),
        "--data",
        path(&data),
        "--count",
        "2000",
        "--out",
    ];
    run(&[&gather[..], &["a.planes"]].concat());
    run(&[
        &gather[..],
        &["b.planes", "--sample-rate", "0.3", "--seed", "3"],
    ]
    .concat());
    run(&[&gather[..], &["a.npy"]].concat());
    run(&["find", "--data", "a.planes", "b.planes", "--out", "p.npy"]);
    // Planes and matrix of the same positions have the same rates.
    let lines = run(&["eval_perm", "--data", "a.npy", "--perm", "p.npy"]);
    let of_planes = run(&["eval", "--data", "a.planes", "--perm", "p.npy"]);
    let by_bucket = of_planes.strip_prefix(&lines).unwrap();
    // Planes know the buckets, too, whose samples make up the whole.
    let samples = by_bucket.lines().map(|line| {
        let (name, rates) = line.split_once(" samples): base ").unwrap();
        assert!(name.starts_with("Bucket ") && rates.contains(", perm "));
        name.split_once('(').unwrap().1.parse::<u32>().unwrap()
    });
    assert_eq!(samples.sum::<u32>(), 4000);
    let rates: Vec<f64> = lines
        .lines()
        .zip([
            "Combined zeros in base matrix: ",
            "Combined zeros in perm matrix: ",
        ])
        .map(|(line, begin)| line.strip_prefix(begin).unwrap().parse().unwrap())
        .collect();
    assert!(rates[1] > rates[0] + 5.0, "{rates:?}");
    let quick = ["--out", "x.txt", "--time-limit", "0"];
    let stopped = ftperm(
        folder.path(),
        &[&["find", "--data", "a.planes"], &quick[..]].concat(),
    );
    assert!(stderr(&stopped).contains("warning: the search was interrupted"));
    std::fs::remove_file(folder.path().join("x.txt")).unwrap();
    // Searching on the matrix alone gives the order of searching on its planes.
    run(&["find_perm", "--data", "a.npy", "--out", "m.txt"]);
    fails(
        &folder,
        1,
        &["find", "--data", path(&net), "--out", "x.txt"],
        &["demo.nnue", "FTZP"],
    );
    fails(
        &folder,
        1,
        &[
            "find", "--data", "a.planes", "--out", "x.txt", "--l1", "256",
        ],
        &["--l1 says 256"],
    );
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn every_kernel_gives_the_same_planes() {
    let folder = tempfile::tempdir().unwrap();
    let devices = ftperm(folder.path(), &["devices", "--json"]);
    let devices: serde_json::Value = serde_json::from_slice(&devices.stdout).unwrap();
    let kernels = devices["cpu"]["kernels"].as_array().unwrap();
    assert_eq!(kernels[0], "portable");
    let (net, data) = (demo_net(), demo_data());
    let gather = |out: &str, more: &[&str]| -> Vec<String> {
        let mut all = vec!["gather", "--net", path(&net), "--data", path(&data)];
        all.extend(["--count", "3000", "--out", out]);
        all.extend(more);
        all.into_iter().map(str::to_owned).collect()
    };
    let mut planes = Vec::new();
    for kernel in kernels {
        let kernel = kernel.as_str().unwrap();
        let output = ftperm(
            folder.path(),
            &words(&gather(kernel, &["--kernel", kernel])),
        );
        let said = stderr(&output).to_lowercase().replace('-', "");
        assert!(output.status.success(), "{said}");
        assert!(
            said.contains(&format!("computing on cpu: {kernel}")),
            "{said}"
        );
        planes.push(std::fs::read(folder.path().join(kernel)).unwrap());
    }
    assert!(planes.iter().all(|it| *it == planes[0]));
    let all = gather("environment", &[]);
    Case::new(&all[0])
        .args(&all[1..])
        .folder(&folder)
        .env("FTPERM_KERNEL", "portable")
        .ok()
        .says("computing on cpu: portable");
    let wrong = gather("planes", &["--kernel", "portable", "--backend", "gpu"]);
    fails(&folder, 2, &words(&wrong), &["--kernel is for the CPU"]);
    let wrong = gather("planes", &["--adapter", "all", "--backend", "cpu"]);
    let text = "--adapter is for graphics adapters";
    fails(&folder, 2, &words(&wrong), &[text]);
}

/// Before there is an order to keep.
#[cfg(unix)]
#[test]
fn a_signal_while_positions_are_read_leaves_nothing() {
    use std::io::BufRead as _;
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let folder = tempfile::tempdir().unwrap();
        let (net, out) = (demo_net(), "out.nnue");
        let mut child = Case::new("optimize")
            .folder(&folder)
            .args(["--net", path(&net), "--data", "-"])
            .args(["--out", out, "--backend", "cpu"])
            .command()
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
        // It now waits for positions that do not come.
        assert!(lines.any(|line| line.unwrap().starts_with("network ")));
        let id = libc::pid_t::try_from(child.id()).unwrap();
        // SAFETY: the child was not waited for, so the number is still its own.
        assert_eq!(unsafe { libc::kill(id, signal) }, 0);
        let told: Vec<String> = lines.map(Result::unwrap).collect();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{told:?}");
        assert!(told.iter().any(|line| line.starts_with("interrupted: ")));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
