//! Nothing is lost: outputs never take the place of what somebody still needs, and appear together or not at all.

use crate::common::material;

use std::path::Path;
use std::process::{Command, Output};

use crate::common::program::{ftperm, text};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with a network, a checkpoint, an order and data.
fn workplace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::copy(material::own("datasets/demo.nnue"), at("n.nnue")).unwrap();
    std::fs::copy(material::own("datasets/selfplay.binpack"), at("d.binpack")).unwrap();
    let order: String = (0..64).rev().map(|i| format!("{i}\n")).collect();
    std::fs::write(at("p.txt"), order).unwrap();
    folder
}

fn done(folder: &Path, arguments: &[&str]) -> Output {
    let output = ftperm(folder, arguments);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    output
}

fn listing(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

const QUICK: [&str; 4] = ["--count", "3000", "--effort", "quick"];

/// An engine is an input, too.
#[test]
fn no_output_takes_the_place_of_an_engine() {
    let folder = workplace();
    let folder = folder.path();
    std::fs::write(folder.join("engine"), "a program").unwrap();
    let optimize = ["optimize", "--net", "n.nnue", "--data", "d.binpack"];
    let engine = ["--bench-engine", "./engine", "--out", "engine"];
    let bench = ["bench", "--base", "n.nnue", "--test", "n.nnue"];
    let report = ["--engine", "./engine", "--report", "engine"];
    let record = ["record", "--engine", "./engine", "--data", "d.binpack"];
    let data = std::fs::read(folder.join("d.binpack")).unwrap();
    for words in [
        [&optimize[..], &engine].concat(),
        [&bench[..], &report].concat(),
        [&record[..], &["--out", "engine"]].concat(),
        [&record[..], &["--out", "d.binpack"]].concat(),
    ] {
        let output = ftperm(folder, &words);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("are the same file"), "{said}");
        assert_eq!(std::fs::read(folder.join("engine")).unwrap(), b"a program");
        assert!(std::fs::read(folder.join("d.binpack")).unwrap() == data);
    }
}

/// Whoever runs the main job twice still has the way from the network that was trained.
#[test]
fn the_main_job_twice() {
    let folder = workplace();
    let folder = folder.path();
    let optimize = |more: &[&str]| {
        let base = ["optimize", "--data", "d.binpack", "--json"];
        let output = done(folder, &[&base[..], &QUICK, more].concat());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (report, text(&output.stderr))
    };
    let (first, _) = optimize(&[]);
    assert_eq!(first["written"], true);
    let (out, perm) = (&first["out"]["path"], &first["perm"]["path"]);
    let (out, perm) = (out.as_str().unwrap(), perm.as_str().unwrap());
    let way = std::fs::read(folder.join(perm)).unwrap();
    let before = listing(folder);
    // Again: not its own output, although that is the newest, but the trained network.
    let (second, said) = optimize(&[]);
    assert_eq!(second["net"], first["net"]);
    assert!(
        said.contains(out) && said.contains(", which ftperm wrote ("),
        "{said}"
    );
    assert_eq!(listing(folder), before);
    // The output itself is as good as it gets.
    let (third, said) = optimize(&["--net", out, "--report", "r.html"]);
    assert_eq!(third["written"], false);
    let nothing = [&third["out"], &third["perm"], &third["verified"]];
    assert!(nothing.iter().all(|it| it.is_null()), "{third}");
    assert!(said.contains("nothing written (--force)"), "{said}");
    std::fs::remove_file(folder.join("r.html")).unwrap();
    assert_eq!(listing(folder), before);
    // Named, it is written for whoever expects it; the way from the trained network stays what it is.
    let (fourth, _) = optimize(&["--net", out, "--out", "x.nnue"]);
    assert_eq!(fourth["written"], true);
    assert_eq!(fourth["out"]["sha256"], first["out"]["sha256"]);
    let sha12 = &first["out"]["sha256"].as_str().unwrap()[..12];
    let other = format!("nn-{sha12}.from-{sha12}.perm.txt");
    assert_eq!(fourth["perm"]["path"], other.as_str());
    let (fifth, _) = optimize(&["--net", out, "--force"]);
    assert_eq!(fifth["written"], true);
    assert_eq!(std::fs::read(folder.join(perm)).unwrap(), way);
    done(
        folder,
        &["apply", perm, "--net", "n.nnue", "--out", "y.nnue"],
    );
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(read("x.nnue") == read("y.nnue"));
    let nets = done(folder, &["nets", "--json"]);
    let nets: Value = serde_json::from_slice(&nets.stdout).unwrap();
    let ours = nets["nets"].as_array().unwrap().iter();
    let found = ours.filter(|it| it["place"] == "the current directory");
    let found: Vec<_> = found
        .map(|net| {
            let path = Path::new(net["path"].as_str().unwrap());
            (
                path.file_name().unwrap().to_str().unwrap(),
                net["permutation"].is_null(),
            )
        })
        .collect();
    assert_eq!(found[0], ("n.nnue", true));
    assert_eq!(found.len(), 4);
    assert!(found[1..].iter().all(|(_, trained)| !trained), "{found:?}");
}

#[test]
fn a_permutation_of_another_network_is_not_replaced() {
    let folder = workplace();
    let folder = folder.path();
    done(
        folder,
        &["apply", "p.txt", "--net", "n.nnue", "--out", "m.nnue"],
    );
    let optimize = |net: &'static str, more: &[&'static str]| {
        let base = [
            "optimize",
            "--data",
            "d.binpack",
            "--perm",
            "way.txt",
            "--net",
            net,
        ];
        [&base[..], &QUICK, more].concat()
    };
    done(folder, &optimize("n.nnue", &["--out", "a.nnue"]));
    let way = std::fs::read(folder.join("way.txt")).unwrap();
    let before = listing(folder);
    let output = ftperm(folder, &optimize("m.nnue", &["--out", "b.nnue"]));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("--perm way.txt") && said.contains("another network"),
        "{said}"
    );
    assert_eq!(listing(folder), before);
    assert_eq!(std::fs::read(folder.join("way.txt")).unwrap(), way);
    // The same again is the same; another order of the same network is told.
    done(folder, &optimize("n.nnue", &["--out", "a.nnue"]));
    assert_eq!(std::fs::read(folder.join("way.txt")).unwrap(), way);
    let output = done(
        folder,
        &optimize("n.nnue", &["--out", "a.nnue", "--holdout-seed", "7"]),
    );
    let said = text(&output.stderr);
    assert!(said.contains("way.txt held another permutation"), "{said}");
    done(folder, &optimize("m.nnue", &["--out", "b.nnue", "--force"]));
    // So is what find writes.
    let gather = [
        "gather",
        "--net",
        "n.nnue",
        "--data",
        "d.binpack",
        "--out",
        "g",
    ];
    done(folder, &[&gather[..], &["--count", "500"]].concat());
    let find = [
        "find", "--data", "g", "--effort", "quick", "--out", "way.txt",
    ];
    let output = ftperm(folder, &find);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--out way.txt"));
    done(folder, &[&find[..], &["--force"]].concat());
}

/// Every option of every command that names an output, with every file that the command reads or writes beside it.
#[test]
fn no_output_is_an_input_or_another_output() {
    let folder = workplace();
    let folder = folder.path();
    let at = |name: &str| folder.join(name);
    done(folder, &["serialize", "n.nnue", "m.pt"]);
    let gather = [
        "gather",
        "--net",
        "n.nnue",
        "--data",
        "d.binpack",
        "--count",
        "200",
    ];
    done(folder, &[&gather[..], &["--out", "g.ftzp"]].concat());
    std::fs::copy(at("g.ftzp"), at("g.0002-of-0003.ftzp")).unwrap();
    std::fs::write(at("c.toml"), "").unwrap();
    std::fs::write(at("r.json"), "{}").unwrap();
    std::fs::write(at("l.toml"), "").unwrap();
    let jobs = "[jobs.a]\nnet = \"n.nnue\"\ndata = \"d.binpack\"\nout = \"o.nnue\"\n";
    std::fs::write(at("jobs.toml"), jobs).unwrap();
    std::fs::create_dir(at("sub")).unwrap();
    // The command without the output, the option of the output, and what it must not be.
    let optimize = "optimize --net n.nnue --data d.binpack --start p.txt";
    let checkpoint = "optimize --net m.pt --data d.binpack";
    let layout = "optimize --net n.nnue --layout l.toml --data d.binpack";
    let cases: &[(&str, &str, &[&str])] = &[
        (optimize, "--out", &["d.binpack", "p.txt"]),
        (optimize, "--perm", &["n.nnue", "d.binpack", "p.txt"]),
        (optimize, "--report", &["n.nnue", "d.binpack", "p.txt"]),
        (checkpoint, "--out", &["m.pt", "d.binpack"]),
        (checkpoint, "--perm", &["m.pt"]),
        (checkpoint, "--report", &["m.pt"]),
        (layout, "--out", &["l.toml", "d.binpack"]),
        (layout, "--perm", &["l.toml", "n.nnue"]),
        (
            "optimize --net n.nnue --data d.binpack --out x",
            "--perm",
            &["x"],
        ),
        (
            "optimize --net n.nnue --data d.binpack --out x",
            "--report",
            &["x"],
        ),
        (
            "optimize --net n.nnue --data d.binpack --perm x",
            "--report",
            &["x"],
        ),
        (
            "gather --net n.nnue --data d.binpack",
            "--out",
            &["n.nnue", "d.binpack"],
        ),
        (
            "gather --checkpoint m.pt --data d.binpack",
            "--out",
            &["m.pt"],
        ),
        (
            "find --data g.ftzp --start p.txt",
            "--out",
            &["g.ftzp", "p.txt"],
        ),
        (
            "find --data g.ftzp --out x",
            "--checkpoint",
            &["g.ftzp", "x"],
        ),
        ("find --activations g.ftzp", "--out", &["g.ftzp"]),
        ("apply p.txt --net n.nnue", "--out", &["p.txt"]),
        ("apply p.txt --net m.pt", "--out", &["m.pt"]),
        (
            "apply p.txt --net n.nnue --layout l.toml",
            "--out",
            &["l.toml", "p.txt"],
        ),
        ("export p.txt --as npy", "--out", &["p.txt"]),
        ("serialize m.pt", "", &["m.pt"]),
        ("serialize n.nnue s.pt", "--report", &["n.nnue", "s.pt"]),
        (
            "serialize m.pt x.nnue --ft-perm p.txt",
            "--report",
            &["m.pt", "p.txt", "x.nnue"],
        ),
        (
            "serialize m.pt x.nnue --ft-optimize --ft-optimize-data d.binpack",
            "--report",
            &["d.binpack"],
        ),
        ("inspect n.nnue", "--report", &["n.nnue"]),
        ("inspect m.pt", "--report", &["m.pt"]),
        ("embed n.nnue", "--out", &["n.nnue"]),
        ("report r.json", "--out", &["r.json"]),
        (
            "batch jobs.toml",
            "--metrics",
            &["jobs.toml", "n.nnue", "d.binpack", "o.nnue"],
        ),
        (
            "batch jobs.toml",
            "--lock",
            &["jobs.toml", "n.nnue", "d.binpack", "o.nnue"],
        ),
        ("batch jobs.toml --metrics x", "--lock", &["x"]),
        (
            "--config c.toml optimize --net n.nnue --data d.binpack",
            "--out",
            &["c.toml"],
        ),
        (
            "--config c.toml export p.txt --as json",
            "--out",
            &["c.toml"],
        ),
    ];
    let before: Vec<_> = listing(folder)
        .into_iter()
        .filter(|name| name != "sub")
        .map(|name| (std::fs::read(at(&name)).unwrap(), name))
        .collect();
    let refused = |command: &str, option: &str, file: &str| {
        let option: &[&str] = if option.is_empty() { &[] } else { &[option] };
        let arguments: Vec<&str> = command.split(' ').collect();
        let arguments = [&arguments[..], option, &[file]].concat();
        let output = ftperm(folder, &arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains("the same file"), "{arguments:?}: {said}");
    };
    for (command, option, files) in cases {
        for file in *files {
            refused(command, option, file);
            refused(command, option, &format!("sub/../{file}"));
            #[cfg(unix)]
            if at(file).exists() {
                let hard = at("hard.nnue");
                std::fs::hard_link(at(file), &hard).unwrap();
                refused(command, option, "hard.nnue");
                std::fs::remove_file(hard).unwrap();
            }
        }
    }
    refused(
        "gather --net n.nnue --data g.0002-of-0003.ftzp --shards 3",
        "--out",
        "g.ftzp",
    );
    let after: Vec<_> = listing(folder)
        .into_iter()
        .filter(|name| name != "sub")
        .map(|name| (std::fs::read(at(&name)).unwrap(), name))
        .collect();
    assert!(before == after, "something was written");
}

#[test]
fn a_network_is_permuted_in_place() {
    let folder = workplace();
    let folder = folder.path();
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    done(
        folder,
        &["apply", "p.txt", "--net", "n.nnue", "--out", "m.nnue"],
    );
    done(
        folder,
        &["apply", "p.txt", "--net", "n.nnue", "--out", "n.nnue"],
    );
    assert!(read("n.nnue") == read("m.nnue"));
    done(
        folder,
        &["serialize", "n.nnue", "n.nnue", "--ft-compression", "none"],
    );
    assert!(read("n.nnue") != read("m.nnue"));
    let optimize = [
        "optimize",
        "--data",
        "d.binpack",
        "--net",
        "m.nnue",
        "--out",
        "m.nnue",
    ];
    done(folder, &[&optimize[..], &QUICK].concat());
    let kept = read("n.nnue");
    std::fs::write(folder.join("n.nnue.gz"), gzip(&kept)).unwrap();
    let packed = ["apply", "p.txt", "--net", "n.nnue.gz", "--out", "n.nnue.gz"];
    assert_eq!(ftperm(folder, &packed).status.code(), Some(2));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
#[cfg(unix)]
fn a_protected_output_stays() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = workplace();
    let folder = folder.path();
    std::fs::write(folder.join("o.nnue"), "precious").unwrap();
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(folder.join("o.nnue"), mode(0o444)).unwrap();
    let apply = ["apply", "p.txt", "--net", "n.nnue", "--out", "o.nnue"];
    let output = ftperm(folder, &apply);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("write-protected"), "{said}");
    assert_eq!(std::fs::read(folder.join("o.nnue")).unwrap(), b"precious");
    std::fs::set_permissions(folder.join("o.nnue"), mode(0o640)).unwrap();
    done(folder, &apply);
    let found = std::fs::metadata(folder.join("o.nnue")).unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o640);
}

/// Runs the program where no file may be longer than so many KiB, which is as a full disk to it.
#[cfg(target_os = "linux")]
fn limited(folder: &Path, kib: u32, arguments: &[&str]) -> Output {
    let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
    Command::new("bash")
        .current_dir(folder)
        .args(["-c", &script, env!("CARGO_BIN_EXE_ftperm")])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn pages_appear_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    // The page of the program is shorter than that of optimize.
    let output = limited(folder.path(), 8, &["man", "pages"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("nothing was left behind"), "{said}");
    assert!(listing(&folder.path().join("pages")).is_empty());
}

/// A name that no file can have is told before long work.
#[test]
fn names_that_are_too_long_are_told_at_once() {
    let folder = workplace();
    let folder = folder.path();
    let long = "x".repeat(300);
    let optimize = ["optimize", "--data", "d.binpack", "--net", "n.nnue"];
    let before = listing(folder);
    for option in ["--out", "--perm", "--report"] {
        let output = ftperm(folder, &[&optimize[..], &[option, &long]].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("too long") && !said.contains("positions:"),
            "{said}"
        );
    }
    assert_eq!(listing(folder), before);
}

#[test]
fn shards_that_are_there_are_named() {
    let folder = workplace();
    let folder = folder.path();
    std::fs::create_dir(folder.join("g.0002-of-0003.ftzp")).unwrap();
    let gather = [
        "gather",
        "--net",
        "n.nnue",
        "--data",
        "d.binpack",
        "--count",
        "300",
    ];
    let output = ftperm(
        folder,
        &[&gather[..], &["--shards", "3", "--out", "g.ftzp"]].concat(),
    );
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("already written: all up to") && said.contains("g.0001-of-0003.ftzp"),
        "{said}"
    );
    assert!(folder.join("g.0001-of-0003.ftzp").is_file());
}

/// Every output is brought to the disk before its name is, as the log tells; and not at all with --no-sync.
#[test]
#[cfg(unix)]
fn outputs_are_on_the_disk() {
    let folder = workplace();
    let folder = folder.path();
    let base = [
        "-vv",
        "optimize",
        "--data",
        "d.binpack",
        "--net",
        "n.nnue",
        "--out",
        "o.nnue",
    ];
    let optimize = [
        &base[..],
        &QUICK,
        &["--perm", "o.txt", "--report", "r.json"],
    ]
    .concat();
    let synced = |arguments: &[&str]| {
        let said = text(&done(folder, arguments).stderr);
        let lines = said
            .lines()
            .filter(|line| line.contains("brought to the disk"));
        lines.map(str::to_string).collect::<Vec<_>>()
    };
    let lines = synced(&optimize);
    let of = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    for file in ["file=o.nnue", "file=o.txt", "file=r.json"] {
        assert_eq!(of(file), 1, "{lines:#?}");
    }
    // Once for network and permutation, which appear together, and once for the report.
    assert_eq!(of("folder="), 2, "{lines:#?}");
    assert!(synced(&[&optimize[..], &["--no-sync"]].concat()).is_empty());
    let output = Command::new(env!("CARGO_BIN_EXE_ftperm"))
        .current_dir(folder)
        .args(["-vv", "export", "p.txt", "--as", "json", "--out", "p.json"])
        .env("FTPERM_NO_SYNC", "1")
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert!(
        output.status.success() && !said.contains("brought to the disk"),
        "{said}"
    );
}

#[test]
fn a_missing_folder_is_made_for_networks_named_by_their_contents() {
    let folder = workplace();
    let folder = folder.path();
    let sole = |name: &str| {
        let names = listing(&folder.join(name));
        assert_eq!(names.len(), 1, "{names:?}");
        names[0].clone()
    };
    done(folder, &["serialize", "n.nnue", "made/here", "--out-sha"]);
    assert!(sole("made/here").starts_with("nn-"));
    done(
        folder,
        &["serialize", "n.nnue", "other/x.nnue", "--out-sha"],
    );
    assert!(sole("other").starts_with("nn-"));
    done(
        folder,
        &["apply", "p.txt", "--net", "n.nnue", "--out-sha", "third"],
    );
    assert!(sole("third").starts_with("nn-"));
}
