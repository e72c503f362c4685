//! What scripts rely on: JSON as documented, file names of any kind, plain text where nobody looks.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::common::{material, program};

fn ftperm<T: AsRef<OsStr>>(folder: &Path, arguments: &[T]) -> Output {
    let output = program::ftperm(folder, arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    output
}

/// Names in backticks in the first column of the tables, by heading.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let page = std::fs::read_to_string(material::own("docs/json.md")).unwrap();
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut heading = String::new();
    for line in page.lines() {
        if let Some(text) = line.strip_prefix("##") {
            heading = text.trim_matches(['#', ' ']).to_string();
        } else if let Some(row) = line.strip_prefix("| `") {
            let column = row.split(" | ").next().unwrap_or_default();
            let names = column.split('`').step_by(2).map(str::to_string);
            all.entry(heading.clone()).or_default().extend(names);
        }
    }
    all
}

/// Paths of all that is not null, in the page's notation.
fn paths(value: &Value, path: &str, known: &BTreeSet<String>, out: &mut BTreeSet<String>) {
    let any = format!("{path}.*");
    match value {
        Value::Null => {}
        Value::Object(fields) if !fields.is_empty() => {
            let names_are_data = known.iter().any(|it| it.starts_with(&any));
            for (name, value) in fields {
                let next = match path {
                    "" => name.clone(),
                    _ if names_are_data => any.clone(),
                    _ => format!("{path}.{name}"),
                };
                paths(value, &next, known, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let next = format!("{path}[]");
            items.iter().for_each(|it| paths(it, &next, known, out));
        }
        Value::Array(_) | Value::Object(_) => {}
        _ => {
            out.insert(path.to_string());
        }
    }
}

/// The first part of a path.
fn top(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}

#[test]
fn json_is_as_documented() {
    let pages = documented();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let net = material::own("datasets/demo.nnue");
    let data = material::own("datasets/selfplay.binpack");
    let (net, data) = (net.to_str().unwrap(), data.to_str().unwrap());
    let check = |heading: &str, arguments: &[&str]| {
        let output = ftperm(folder, &[&["--json", "--quiet"], arguments].concat());
        assert!(output.stderr.is_empty(), "{arguments:?}");
        let mut value: Value = serde_json::from_slice(&output.stdout).unwrap();
        let object = value.as_object_mut().unwrap();
        assert_eq!(object.remove("schema"), Some(1.into()), "{arguments:?}");
        let known = &pages[heading];
        let fields: BTreeSet<&str> = object.keys().map(String::as_str).collect();
        let expected: BTreeSet<&str> = known.iter().map(|it| top(it)).collect();
        assert_eq!(fields, expected, "{arguments:?}");
        let mut found = BTreeSet::new();
        paths(&value, "", known, &mut found);
        let unknown: Vec<&String> = found.difference(known).collect();
        assert!(unknown.is_empty(), "{arguments:?}: {unknown:?}");
    };
    check(
        "optimize",
        &[
            "optimize",
            "--net",
            net,
            "--data",
            data,
            "--count",
            "1000",
            "--certify",
            "--effort",
            "quick",
            "--out",
            "o.nnue",
            "--perm",
            "o.perm",
        ],
    );
    let report = ["--count", "500", "--effort", "quick", "--report", "r.json"];
    let run = ["optimize", "--net", net, "--data", data];
    ftperm(folder, &[&run[..], &report].concat());
    // What only `--report` takes down.
    let report = std::fs::read(folder.join("r.json")).unwrap();
    let mut found = BTreeSet::new();
    let known = &pages["optimize"];
    paths(
        &serde_json::from_slice(&report).unwrap(),
        "",
        known,
        &mut found,
    );
    // The demo network has no such neurons.
    for empty in ["dead", "never_zero"] {
        found.insert(format!("measures.neurons.{empty}[]"));
    }
    for prefix in ["measures.", "curve."] {
        let of = |names: &BTreeSet<String>| -> BTreeSet<String> {
            let names = names.iter().filter(|it| it.starts_with(prefix));
            names.cloned().collect()
        };
        assert_eq!(of(&found), of(known));
    }
    check("report", &["report", "r.json"]);
    check(
        "gather",
        &[
            "gather", "--net", net, "--data", data, "--count", "500", "--out", "g.planes",
        ],
    );
    check(
        "find",
        &[
            "find", "--data", "g.planes", "--effort", "quick", "--out", "p.txt",
        ],
    );
    check("eval", &["eval", "--data", "g.planes", "--perm", "p.txt"]);
    check(
        "apply",
        &["apply", "p.txt", "--net", net, "--out", "a.nnue"],
    );
    check(
        "export",
        &["export", "p.txt", "--as", "rust", "--out", "p.rs"],
    );
    check(
        "verify",
        &["verify", net, "a.nnue", "--data", data, "--count", "50"],
    );
    check("serialize", &["serialize", net, "s.safetensors"]);
    check("serialize", &["serialize", "s.safetensors", "s.nnue"]);
    let small = ["PP_3Wide+HalfKAv2_hm^", "i.pt", "--l1", "8"];
    check("init", &[&["init"][..], &small].concat());
    check("network", &["inspect", net]);
    let several = ["inspect", net, "a.nnue", "--report", "several.html"];
    check("networks", &several);
    for what in ["inputs", "layers", "histograms", "psqt"] {
        check("picture", &["picture", net, "--what", what]);
    }
    check(
        "picture",
        &["picture", net, "a.nnue", "--what", "difference"],
    );
    let zeros = ["picture", net, "--what", "zeros", "--perm", "p.txt"];
    check(
        "picture",
        &[&zeros[..], &["--data", data, "--count", "50"]].concat(),
    );
    check("size", &["inspect", net, "--size"]);
    check("permutation", &["inspect", "p.txt"]);
    check("planes", &["inspect", "g.planes"]);
    check("positions", &["inspect", data]);
    check("checkpoint", &["inspect", "s.safetensors"]);
    check(
        "trace",
        &[
            "trace",
            "--net",
            net,
            "--fen",
            "8/8/8/4k3/8/8/4P3/4K3 w - - 0 1",
        ],
    );
    check("features", &["features"]);
    check("features NAMES", &["features", "PP_3Wide+HalfKAv2_hm^"]);
    let fen = ["--fen", "8/8/8/4k3/8/8/4P3/4K3 w - - 0 1"];
    check(
        "features --fen",
        &[&["features", "HalfKAv2_hm^"][..], &fen].concat(),
    );
    check(
        "features --index",
        &["features", "HalfKAv2_hm^", "--index", "600"],
    );
    check("nets", &["nets"]);
    check("layouts", &["layouts"]);
    check("layouts NAME", &["layouts", "hobbes"]);
    let raw = ["--ft-compression", "none", "--out", "raw.nnue"];
    ftperm(
        folder,
        &[&["apply", "p.txt", "--net", net][..], &raw].concat(),
    );
    let layout = material::own("layouts/demo-raw.toml");
    let layout = ["--layout", layout.to_str().unwrap()];
    check(
        "described",
        &[&["inspect", "raw.nnue"][..], &layout].concat(),
    );
    let trace = [&["trace", "--net", "raw.nnue"][..], &layout, &fen].concat();
    check("trace --layout", &trace);
    if let Some(net) = material::shared("lc0/se2.pb.gz") {
        let net = net.to_str().unwrap();
        check("lc0", &["inspect", net]);
        let half = ["serialize", net, "half.pb.gz", "--encoding", "float16"];
        check("serialize of Lc0", &half);
        let tolerance = ["--tolerance", "1"];
        let verify = [&["verify", net, "half.pb.gz"][..], &tolerance].concat();
        check("verify of Lc0", &verify);
        check("nets of Lc0", &["nets", "--lc0"]);
        std::fs::write(folder.join("lc0"), "a program").unwrap();
        let embed = ["embed", net, "--into", "lc0", "--out", "lc0-with-net"];
        check("embed of Lc0", &embed);
        check("lc0", &["inspect", "lc0-with-net", "--extract", "nets"]);
    }
    check("embed", &["embed", net, "--out", "embedded"]);
    check("engine", &["inspect", "embedded"]);
    check("completions", &["completions", "zsh"]);
    check("man", &["man", "."]);
    check("shims", &["shims", "names"]);
    check("devices", &["devices"]);
    check("config", &["config", "find"]);
    if let (Some(engine), Some(net)) = (material::stockfish(), material::stockfish_net()) {
        let (engine, net) = (engine.to_str().unwrap(), net.to_str().unwrap());
        let how = ["--runs", "2", "--bench-args", "16 1 6"];
        let nets = ["bench", "--engine", engine, "--base", net, "--test", net];
        check("bench", &[&nets[..], &how].concat());
        let searches = ["--count", "20", "--nodes", "200", "--out", "r.epd"];
        let record = ["record", "--engine", engine, "--data", data];
        check("record", &[&record[..], &searches].concat());
    }
    // The matrix and the permutation that end in .perm are what ftperm.py reads.
    let perm = std::fs::read(folder.join("o.perm")).unwrap();
    assert!(perm.starts_with(b"\x93NUMPY"));
}

/// Spaces everywhere, and on Linux bytes that are not UTF-8.
#[test]
fn any_file_name_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let named = |text: &str| -> std::ffi::OsString {
        #[cfg(target_os = "linux")]
        {
            use std::os::unix::ffi::OsStringExt as _;
            std::ffi::OsString::from_vec([b"two \xFF ", text.as_bytes()].concat())
        }
        #[cfg(not(target_os = "linux"))]
        std::ffi::OsString::from(format!("two words {text}"))
    };
    let (net, data) = (named("n.nnue"), named("d.binpack"));
    std::fs::copy(
        material::own("datasets/demo.nnue"),
        folder.path().join(&net),
    )
    .unwrap();
    let selfplay = material::own("datasets/selfplay.binpack");
    std::fs::copy(selfplay, folder.path().join(&data)).unwrap();
    let run = |words: &[&str], names: &[&OsStr]| {
        // `@` stands for the next name.
        let mut names = names.iter();
        let words = words.iter().map(|&word| match word {
            "@" => names.next().unwrap(),
            word => OsStr::new(word),
        });
        ftperm(folder.path(), &words.collect::<Vec<_>>())
    };
    let (out, perm, planes) = (named("o.nnue"), named("p.txt"), named("g.planes"));
    run(
        &[
            "optimize", "--net", "@", "--data", "@", "--count", "500", "--out", "@", "--perm", "@",
        ],
        &[&net, &data, &out, &perm],
    );
    run(
        &[
            "gather", "--net", "@", "--data", "@", "--count", "500", "--out", "@",
        ],
        &[&net, &data, &planes],
    );
    run(&["eval", "--data", "@", "--perm", "@"], &[&planes, &perm]);
    run(
        &["verify", "@", "@", "--data", "@", "--count", "20"],
        &[&net, &out, &data],
    );
    run(
        &["apply", "@", "--net", "@", "--out", "@"],
        &[&perm, &net, &named("again.nnue")],
    );
    let read = |name: &OsStr| std::fs::read(folder.path().join(name)).unwrap();
    assert!(read(&out) == read(&named("again.nnue")));
    let state = named("s.safetensors");
    run(&["serialize", "@", "@"], &[&net, &state]);
    run(&["inspect", "@"], &[&state]);
    // An engine hears of such a network under another name.
    let engine = material::stockfish().zip(material::stockfish_net());
    if let Some((engine, net)) = engine {
        let name = named(" sf.nnue");
        std::fs::copy(net, folder.path().join(&name)).unwrap();
        let words = [
            "bench",
            "--runs",
            "2",
            "--bench-args",
            "16 1 5",
            "--engine",
            "@",
        ];
        let nets = ["--base", "@", "--test", "@"];
        run(
            &[&words[..], &nets].concat(),
            &[engine.as_os_str(), &name, &name],
        );
    }
}

#[test]
fn no_colours_where_nobody_looks() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["--help"][..], &["help", "find"], &["devices"]] {
        let output = ftperm(folder.path(), arguments);
        let printed = [output.stdout, output.stderr].concat();
        assert!(!printed.contains(&0x1B), "{arguments:?}");
    }
}
