//! Gathering in shards, planes larger than memory, and going on after a kill.

use std::fs;
use std::path::Path;
use std::process::Output;

use ftperm::planes::{self, ZeroPlanes, record};
use ftperm::positions::{self, Filters, Options, Part, PartBy, Positions, Sampling};
use tempfile::TempDir;

use crate::common::material;
use crate::common::program::Case;

/// Runs the program in a folder.
fn ftperm(folder: &TempDir, arguments: &[&str]) -> Output {
    Case::new(arguments[0])
        .args(&arguments[1..])
        .folder(folder)
        .args(
            ["--threads", "1", "--backend", "cpu"]
                .iter()
                .filter(|_| ["gather", "find", "optimize"].contains(&arguments[0]))
                .filter(|_| !arguments.contains(&"--backend")),
        )
        .output()
}

fn run(folder: &TempDir, arguments: &[&str]) -> String {
    let output = ftperm(folder, arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {text}");
    String::from_utf8(output.stdout).unwrap()
}

/// It must fail with exit code 1 and a message that holds all of `parts`.
fn fails(folder: &TempDir, arguments: &[&str], parts: &[&str]) {
    let output = ftperm(folder, arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
    let error = text.lines().find(|line| line.starts_with("error: "));
    let error = error.unwrap_or_else(|| panic!("{arguments:?}: no error in {text}"));
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

/// A folder with the demo network and its data.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("demo.nnue", "demo.nnue"),
        ("selfplay.binpack", "a.binpack"),
    ] {
        let from = material::own("datasets").join(from);
        fs::copy(from, folder.path().join(to)).unwrap();
    }
    folder
}

const GATHER: [&str; 7] = [
    "gather",
    "--net",
    "demo.nnue",
    "--data",
    "a.binpack",
    "--sample-rate",
    "0.1",
];

fn gather(folder: &TempDir, arguments: &[&str]) -> String {
    run(folder, &[&GATHER[..], arguments].concat())
}

fn bytes(folder: &TempDir, name: &str) -> Vec<u8> {
    fs::read(folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn planes(folder: &TempDir, name: &str) -> ZeroPlanes {
    ZeroPlanes::read(&folder.path().join(name)).unwrap()
}

const SHARDS: [&str; 3] = ["p.0001-of-0003.z", "p.0002-of-0003.z", "p.0003-of-0003.z"];

#[test]
fn shards_are_the_whole_and_are_found_alike() {
    let folder = folder();
    gather(&folder, &["--out", "whole.z", "--count", "1000000"]);
    let listed = gather(&folder, &["--out", "p.z", "--shards", "3"]);
    assert_eq!(listed.lines().collect::<Vec<_>>(), SHARDS);
    let whole = planes(&folder, "whole.z");
    let shards = SHARDS.map(|name| planes(&folder, name));
    assert!(shards.iter().all(|it| it.samples() > whole.samples() / 6));
    let samples: usize = shards.iter().map(ZeroPlanes::samples).sum();
    assert_eq!(samples, whole.samples());
    let mut counts = vec![0; whole.neurons()];
    for shard in &shards {
        for (sum, count) in counts.iter_mut().zip(shard.zero_counts()) {
            *sum += count;
        }
    }
    assert_eq!(counts, whole.zero_counts());

    // A task of an array job writes what one process writes.
    let alone = SHARDS.map(|name| bytes(&folder, name));
    fs::remove_file(folder.path().join(SHARDS[1])).unwrap();
    gather(&folder, &["--out", "p.z", "--shard", "2/3"]);
    assert_eq!(bytes(&folder, SHARDS[1]), alone[1]);

    run(
        &folder,
        &[
            "find",
            "--data",
            "whole.z",
            "--out",
            "whole.txt",
            "--effort",
            "quick",
        ],
    );
    // In any order, and by a pattern that no shell has resolved.
    for (data, out) in [
        (&["p.*.z"][..], "1.txt"),
        (&[SHARDS[2], SHARDS[0], SHARDS[1]], "2.txt"),
    ] {
        let find = ["find", "--out", out, "--effort", "quick", "--data"];
        run(&folder, &[&find[..], data].concat());
        assert_eq!(bytes(&folder, out), bytes(&folder, "whole.txt"));
    }
    assert_eq!(
        run(&folder, &["eval", "--data", "p.*.z", "--perm", "1.txt"]),
        run(&folder, &["eval", "--data", "whole.z", "--perm", "1.txt"])
    );
}

/// The zero neurons of every sample, sorted: files have them in different orders.
fn samples(files: &[ZeroPlanes]) -> Vec<Vec<bool>> {
    let mut all: Vec<Vec<bool>> = Vec::new();
    for planes in files {
        for sample in 0..planes.samples() {
            let bit = |neuron| planes.plane(neuron)[sample / 64] >> (sample % 64) & 1 != 0;
            all.push((0..planes.neurons()).map(bit).collect());
        }
    }
    all.sort_unstable();
    all
}

#[test]
fn shards_walk_as_the_whole_and_as_optimize_does() {
    let folder = folder();
    let data = ["--net", "demo.nnue", "--data", "a.binpack"];
    let some = ["--sample-rate", "0.01", "--seed", "7", "--count", "600"];
    let common = [&data[..], &some].concat();
    let gather = |kind: &str, more: &[&str]| {
        let walk = ["--positions", kind];
        run(&folder, &[&["gather"], &common[..], &walk, more].concat());
    };
    gather("data", &["--out", "data.z"]);
    for kind in ["random", "search"] {
        gather(kind, &["--out", "whole.z"]);
        gather(kind, &["--out", "p.z", "--shards", "3"]);
        let whole = samples(&[planes(&folder, "whole.z")]);
        assert_eq!(samples(&SHARDS.map(|name| planes(&folder, name))), whole);
        assert_ne!(samples(&[planes(&folder, "data.z")]), whole);
    }
    let optimize = [
        "--positions",
        "search",
        "--holdout",
        "0",
        "--effort",
        "quick",
    ];
    let report = [&["optimize", "--json"], &common[..], &optimize].concat();
    let report: serde_json::Value = serde_json::from_str(&run(&folder, &report)).unwrap();
    let rate = report["zero_block_rate"]["before"].as_f64().unwrap();
    let eval = run(&folder, &["eval", "--json", "--data", "p.*.z"]);
    let eval: serde_json::Value = serde_json::from_str(&eval).unwrap();
    assert_eq!(eval["samples"], report["samples"]);
    assert!((eval["base_percent"].as_f64().unwrap() - 100.0 * rate).abs() < 1e-9);

    let text = run(&folder, &["inspect", SHARDS[0]]);
    assert!(text.contains("positions      search"), "{text}");
    let again = ["--out", "data.z", "--positions", "search", "--resume"];
    let resumed = [&["gather"], &common[..], &again].concat();
    fails(&folder, &resumed, &["of positions data, not search"]);
    let output = ftperm(&folder, &["eval", "--data", "data.z", "whole.z"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("another kind (search)"), "{text}");
}

#[test]
fn what_comes_from_stdin_cannot_be_resumed() {
    let folder = folder();
    let arguments = [
        "gather",
        "--net",
        "demo.nnue",
        "--data",
        "-",
        "--out",
        "a.z",
        "--resume",
    ];
    let output = ftperm(&folder, &arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("--resume cannot tell whether standard input"),
        "{text}"
    );
}

#[test]
fn a_killed_gather_goes_on() {
    let folder = folder();
    let sharded = [
        "--shards", "3", "--count", "900", "--out", "p.z", "--resume",
    ];
    gather(&folder, &sharded);
    let alone = SHARDS.map(|name| bytes(&folder, name));
    // What a kill leaves behind: finished shards, and the file of the next one under a temporary name.
    fs::remove_file(folder.path().join(SHARDS[1])).unwrap();
    fs::write(folder.path().join(".ftperm-x"), &alone[1][..1000]).unwrap();
    let kept = fs::metadata(folder.path().join(SHARDS[0])).unwrap();
    let report = gather(&folder, &[&sharded[..], &["--json"]].concat());
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let files = report["files"].as_array().unwrap();
    let flags: Vec<bool> = files
        .iter()
        .map(|it| it["kept"].as_bool().unwrap())
        .collect();
    assert_eq!(flags, [true, false, true]);
    assert_eq!(report["positions"], 900);
    assert_eq!(SHARDS.map(|name| bytes(&folder, name)), alone);
    let now = fs::metadata(folder.path().join(SHARDS[0])).unwrap();
    assert_eq!(now.modified().unwrap(), kept.modified().unwrap());

    // What was made of other things is not kept in silence.
    let other = |arguments: &[&str], what: &str| {
        fails(
            &folder,
            &[&GATHER[..], &sharded, arguments].concat(),
            &[SHARDS[0], what],
        );
    };
    other(&["--seed", "4"], "seed 0, not 4");
    other(&["--no-filter"], "other filters or sampling");
    // What is cut is no reason to fail: it is made again.
    fs::write(folder.path().join(SHARDS[0]), &alone[0][..500]).unwrap();
    gather(&folder, &sharded);
    assert_eq!(SHARDS.map(|name| bytes(&folder, name)), alone);
    let cut = bytes(&folder, "a.binpack");
    fs::write(folder.path().join("a.binpack"), [&cut[..], &cut].concat()).unwrap();
    fs::write(folder.path().join(SHARDS[0]), &alone[0]).unwrap();
    other(&[], "other contents of a.binpack");
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let folder = folder();
    gather(&folder, &["--out", "p.z", "--shards", "3", "--count", "90"]);
    gather(
        &folder,
        &["--out", "p.z", "--shard", "1/2", "--count", "90"],
    );
    fs::copy(folder.path().join(SHARDS[0]), folder.path().join("copy.z")).unwrap();
    let find = ["find", "--out", "x.txt", "--data"];
    let refused = |data: &[&str], parts: &[&str]| {
        fails(
            &folder,
            &[&find[..], data].concat(),
            &[data, parts].concat(),
        );
        assert!(!folder.path().join("x.txt").exists());
    };
    refused(&[SHARDS[0], "copy.z"], &["shard 1 of 3", "count twice"]);
    refused(&[SHARDS[0], "p.0001-of-0002.z"], &["overlap"]);
    // Another network: the same one in another order.
    run(
        &folder,
        &[
            "find", "--out", "o.txt", "--data", SHARDS[0], "--effort", "quick",
        ],
    );
    run(
        &folder,
        &[
            "apply",
            "o.txt",
            "--net",
            "demo.nnue",
            "--out",
            "other.nnue",
        ],
    );
    let other = [
        "gather",
        "--net",
        "other.nnue",
        "--data",
        "a.binpack",
        "--out",
        "q.z",
    ];
    run(&folder, &[&other[..], &["--count", "90"]].concat());
    refused(&[SHARDS[0], "q.z"], &["network"]);
    // A permutation of `find` knows its network.
    let text = String::from_utf8(bytes(&folder, "o.txt")).unwrap();
    assert!(text.contains("net sha256"), "{text}");
}

/// Runs `optimize` on so many positions: its report, and what it said. It writes OUT and OUT.txt.
fn optimize(
    folder: &TempDir,
    count: &str,
    out: &str,
    more: &[&str],
) -> (serde_json::Value, String) {
    let perm = format!("{out}.txt");
    let net = ["optimize", "--net", "demo.nnue", "--data", "a.binpack"];
    let rest = ["--count", count, "--out", out, "--perm", &perm, "--json"];
    let output = ftperm(folder, &[&net[..], &rest, more].concat());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    (json(std::str::from_utf8(&output.stdout).unwrap()), text)
}

/// The order in a permutation file.
fn order(folder: &TempDir, name: &str) -> Vec<u32> {
    let text = String::from_utf8(bytes(folder, name)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .flat_map(|line| line.split_whitespace().map(|it| it.parse().unwrap()))
        .collect()
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

const WEIGHT: &str = "0=0,1=0,2=0.5,7=20";

#[test]
fn planes_are_weighed_by_bucket_as_optimize_weighs_positions() {
    let folder = folder();
    let common = ["--effort", "quick", "--weight", WEIGHT];
    // As `gather` takes them.
    let weighted = [&common[..], &["--holdout", "0", "--positions", "data"]].concat();
    let (expected, _) = optimize(&folder, "6000", "o", &weighted);
    let whole = [
        "gather",
        "--net",
        "demo.nnue",
        "--data",
        "a.binpack",
        "--count",
        "6000",
    ];
    run(&folder, &[&whole[..], &["--out", "w.z"]].concat());
    let find = ["find", "--data", "w.z", "--out", "w.txt", "--json"];
    let found = json(&run(&folder, &[&find[..], &common].concat()));
    assert_eq!(order(&folder, "w.txt"), order(&folder, "o.txt"));
    // The report of `optimize` leaves out what weighs nothing, this one does not.
    let weighed = &expected["weighted_zero_block_rate"];
    for rate in ["before", "after"] {
        assert_eq!(found["weighted_zero_block_rate"][rate], weighed[rate]);
    }
    let buckets = found["buckets"].as_array().unwrap();
    let training = expected["buckets"].as_array().unwrap();
    assert_eq!(buckets.len(), training.len());
    for (bucket, expected) in buckets.iter().zip(training) {
        assert_eq!(bucket["bucket"], expected["bucket"]);
        assert_eq!(bucket["weight"], expected["weight"]);
        for field in ["samples", "before", "after"] {
            assert_eq!(bucket[field], expected["training"][field], "{field}");
        }
    }
    let samples = |list: &[serde_json::Value]| -> u64 {
        list.iter().map(|it| it["samples"].as_u64().unwrap()).sum()
    };
    assert_eq!(samples(buckets), 12_000);
    // `eval` and `inspect` tell the same buckets.
    let eval = ["eval", "--data", "w.z", "--perm", "w.txt", "--json"];
    let eval = json(&run(&folder, &eval));
    for (told, bucket) in eval["buckets"].as_array().unwrap().iter().zip(buckets) {
        assert_eq!(told["samples"], bucket["samples"]);
        let percent =
            told["perm_percent"].as_f64().unwrap() - 100.0 * bucket["after"].as_f64().unwrap();
        assert!(percent.abs() < 1e-9, "{percent}");
    }
    let inspect = json(&run(&folder, &["inspect", "w.z", "--json"]));
    assert_eq!(samples(inspect["buckets"].as_array().unwrap()), 12_000);
}

#[test]
fn weights_go_with_shards_and_checkpoints() {
    let folder = folder();
    gather(&folder, &["--out", "whole.z", "--count", "1000000"]);
    gather(&folder, &["--out", "p.z", "--shards", "3"]);
    let find = ["find", "--effort", "quick", "--weight", WEIGHT];
    let on = |data: &[&str], more: &[&str]| {
        ftperm(&folder, &[&find[..], &["--data"], data, more].concat())
    };
    assert!(on(&["whole.z"], &["--out", "w.txt"]).status.success());
    let state = ["--out", "p.txt", "--state", "p.state"];
    let stopped = on(&["p.*.z"], &[&state[..], &["--time-limit", "0"]].concat());
    assert!(stopped.status.success());
    let other = [
        "find", "--effort", "quick", "--data", "p.*.z", "--weight", "7=2",
    ];
    fails(
        &folder,
        &[&other[..], &state].concat(),
        &["p.state", "--weight"],
    );
    assert!(on(&["p.*.z"], &state).status.success());
    assert_eq!(bytes(&folder, "p.txt"), bytes(&folder, "w.txt"));
}

#[test]
fn a_part_is_weighed_too_and_rated_on_all() {
    let folder = folder();
    let planes = families(&folder, 2_000_003);
    let find = [
        "find", "--effort", "quick", "--memory", "42M", "--out", "p.txt", "--data",
    ];
    let weight = ["--weight", "1=3,7=0", "--json"];
    fails(
        &folder,
        &[&find[..], &["families.z"], &weight].concat(),
        &["do not tell the buckets"],
    );
    // The samples at the start are of bucket 1, the next ones of bucket 7, the rest of bucket 4.
    let cuts = [0, 600_000, 700_032, planes.samples()];
    let record = record::Record {
        net_sha256: "0".repeat(64),
        data: Vec::new(),
        selection: String::new(),
        seed: 0,
        walk: None,
        count: None,
        shard: None,
    };
    let sizes = [0, 600_000, 0, 0, 1_299_971, 0, 0, 100_032];
    let file = fs::File::create(folder.path().join("b.z")).unwrap();
    let mut file = planes::PlanesWriter::new(file, 64, &sizes, &record).unwrap();
    for part in [0, 2, 1] {
        let mut group = ZeroPlanes::new(64, cuts[part + 1] - cuts[part]);
        for neuron in 0..64 {
            let first = cuts[part] / 64;
            let words = group.samples().div_ceil(64);
            group.plane_mut(neuron)[..words]
                .copy_from_slice(&planes.plane(neuron)[first..][..words]);
        }
        file.add(&group).unwrap();
    }
    drop(file.finish().unwrap());
    let found = json(&run(&folder, &[&find[..], &["b.z"], &weight].concat()));
    let searched = found["samples_searched"].as_u64().unwrap();
    assert!((500_000..1_300_000).contains(&searched), "{searched}");
    assert_eq!(found["samples"], 2_000_003);
    let order = order(&folder, "p.txt");
    assert_eq!(found["zero_blocks_after"], planes.zero_blocks(&order));
    let of = |part: usize| planes.zero_blocks_among(&order, cuts[part]..cuts[part + 1]) as f64;
    let weighted = (3.0 * of(0) + of(2)) / (16.0 * (3 * 600_000 + 1_299_971) as f64);
    let told = found["weighted_zero_block_rate"]["after"].as_f64().unwrap();
    assert!((told - weighted).abs() < 1e-12, "{told} {weighted}");
    let buckets = found["buckets"].as_array().unwrap();
    let rate = buckets[2]["after"].as_f64().unwrap();
    assert_eq!(buckets[2]["bucket"], 7);
    assert!((rate - of(1) / (16.0 * 100_032.0)).abs() < 1e-12);
}

/// Planes of 64 neurons in eight families, each zero in the same half of the samples and in some more.
fn families(folder: &TempDir, samples: usize) -> ZeroPlanes {
    use rand::Rng as _;
    use rand_chacha::rand_core::SeedableRng as _;
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let mut planes = ZeroPlanes::new(64, samples);
    let words = samples.div_ceil(64);
    let moods: Vec<u64> = (0..8 * words).map(|_| random.next_u64()).collect();
    for neuron in 0..64 {
        for word in 0..words {
            planes.plane_mut(neuron)[word] = moods[neuron % 8 * words + word] | random.next_u64();
        }
        planes.plane_mut(neuron)[words - 1] &= (1 << (samples % 64)) - 1;
    }
    let mut file = fs::File::create(folder.path().join("families.z")).unwrap();
    planes.write(&mut file).unwrap();
    planes
}

#[test]
fn planes_larger_than_memory_are_searched_in_part_and_rated_on_the_whole() {
    let folder = folder();
    let planes = families(&folder, 2_000_003);
    let find_in = |memory| {
        let find = ["find", "--data", "families.z", "--effort", "quick"];
        [&find[..], &["--memory", memory]].concat()
    };
    let find = |out: &str| {
        let arguments = [&find_in("42M")[..], &["--json", "--out", out]].concat();
        let report: serde_json::Value = serde_json::from_str(&run(&folder, &arguments)).unwrap();
        report
    };
    let report = find("p.txt");
    let searched = report["samples_searched"].as_u64().unwrap();
    assert!((500_000..1_300_000).contains(&searched), "{searched}");
    assert_eq!(report["samples"], 2_000_003);
    if let Some(peak) = report["peak_rss_bytes"].as_u64() {
        assert!(peak < 42 << 20, "{peak}");
    }
    let order = order(&folder, "p.txt");
    assert_eq!(report["zero_blocks_after"], planes.zero_blocks(&order));
    assert!(report["certificate"].is_null());
    let identity: Vec<u32> = (0..64).collect();
    assert_eq!(report["zero_blocks_before"], planes.zero_blocks(&identity));
    // Eight families of eight neurons: the best blocks are known.
    assert!(
        order
            .chunks(4)
            .all(|block| block.iter().all(|it| it % 8 == block[0] % 8))
    );
    find("again.txt");
    assert_eq!(bytes(&folder, "again.txt"), bytes(&folder, "p.txt"));
    // A certificate is about the part: an order may have more zeros among others than any has among these.
    let certified = [&find_in("41M")[..], &["--time-limit", "0", "--certify"]].concat();
    let output = ftperm(&folder, &[&certified[..], &["--out", "p.txt"]].concat());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("samples searched on, where this one has "),
        "{text}"
    );
    // What the tables alone need is not there.
    let little = [
        "find",
        "--data",
        "families.z",
        "--out",
        "x.txt",
        "--memory",
        "20M",
    ];
    fails(&folder, &little, &["20.0 MiB of memory are too few"]);
}

#[test]
fn find_certifies_what_it_finds_and_what_it_is_given() {
    let folder = folder();
    families(&folder, 20_003);
    let find = |more: &[&str]| {
        let find = [
            "find",
            "--data",
            "families.z",
            "--certify",
            "--json",
            "--out",
            "p.txt",
        ];
        json(&run(&folder, &[&find, more].concat()))
    };
    // Neurons of a family are zero in the same samples: that is the best there is, and the bound is tight.
    let report = find(&["--effort", "quick"]);
    let certificate = &report["certificate"];
    assert_eq!(certificate["samples"], 20_003);
    assert_eq!(certificate["locally_optimal"], true);
    assert_eq!(certificate["checks"][3]["rounds"], 1000);
    assert!(certificate["gap"].as_f64().unwrap() < 0.02, "{certificate}");
    let rate = report["zero_blocks_after"].as_f64().unwrap() / report["cells"].as_f64().unwrap();
    let bound = certificate["upper_bound"].as_f64().unwrap();
    assert!((bound - certificate["gap"].as_f64().unwrap() - rate).abs() < 1e-12);
    // The order as it is mixes families.
    let certificate = &find(&["--time-limit", "0"])["certificate"];
    assert_eq!(certificate["locally_optimal"], false);
    assert!(certificate["gap"].as_f64().unwrap() > 0.1, "{certificate}");
    assert_eq!(certificate["upper_bound"], bound);
}

#[test]
fn positions_that_do_not_fit_are_refused() {
    let folder = folder();
    let whole = ["gather", "--net", "demo.nnue", "--data", "a.binpack"];
    let much = ["--out", "p.z", "--count", "1000000", "--memory", "42M"];
    // The program and its tables alone take most of it.
    let output = ftperm(&folder, &[&whole[..], &much].concat());
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("do not fit") && text.contains("--memory"),
        "{text}"
    );
    assert!(!folder.path().join("p.z").exists());
}

#[test]
fn optimize_goes_on_where_planes_do_not_fit() {
    let folder = folder();
    let optimize = |out: &str, more: &[&str]| {
        let quick = [&["--effort", "quick"], more].concat();
        optimize(&folder, "30000", out, &quick)
    };
    let (all, text) = optimize("all", &[]);
    assert!(
        all["spilled"].is_null() && !text.contains("temporary file"),
        "{text}"
    );
    // The least that is told, and 3 MiB for the positions, are enough to search on all samples: by then the weights are
    // no longer copied.
    let little = [
        "optimize",
        "--net",
        "demo.nnue",
        "--data",
        "a.binpack",
        "--memory",
        "40.5M",
    ];
    let output = ftperm(&folder, &little);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("40.5 MiB of memory are too few"), "{text}");
    let (_, least) = text.trim().rsplit_once(' ').unwrap();
    let limit = 3 + least.trim_end_matches('M').parse::<u64>().unwrap();
    let memory = format!("{limit}M");
    let (part, text) = optimize("part", &["--memory", &memory, "--certify"]);
    assert!(text.contains("temporary file in ."), "{text}");
    assert_eq!(part["spilled"]["samples_searched"], part["samples"]);
    assert_eq!(part["certificate"]["samples"], part["samples"]);
    if let Some(peak) = part["peak_rss_bytes"].as_u64() {
        assert!(peak < limit << 20, "{peak} of {memory}");
    }
    assert_eq!(part["zero_block_rate"], all["zero_block_rate"]);
    assert_eq!(bytes(&folder, "part"), bytes(&folder, "all"));
    // What computes does not decide how much fits.
    let (auto, _) = optimize("auto", &["--memory", &memory, "--backend", "auto"]);
    assert_eq!(auto["spilled"], part["spilled"]);
    assert_eq!(bytes(&folder, "auto"), bytes(&folder, "part"));
    // Nothing is left of the temporary files.
    let names = folder
        .path()
        .read_dir()
        .unwrap()
        .map(|it| it.unwrap().file_name());
    assert_eq!(names.count(), 2 + 6);
}

#[test]
fn a_stopped_find_goes_on() {
    let folder = folder();
    gather(&folder, &["--out", "p.z", "--count", "2000"]);
    let find = |out: &str, more: &[&str]| {
        let begin = ["find", "--data", "p.z", "--effort", "quick", "--out", out];
        ftperm(&folder, &[&begin[..], more].concat())
    };
    assert!(find("whole.txt", &[]).status.success());
    let stopped = find("p.txt", &["--state", "p.state", "--time-limit", "0"]);
    assert!(stopped.status.success());
    let state = folder.path().join("p.state");
    assert!(state.exists());
    let other = find("p.txt", &["--checkpoint", "p.state", "--seed", "9"]);
    let text = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(
        text.contains("p.state") && text.contains("seed 0, not 9"),
        "{text}"
    );
    assert!(find("p.txt", &["--state", "p.state"]).status.success());
    assert_eq!(bytes(&folder, "p.txt"), bytes(&folder, "whole.txt"));
    assert!(!state.exists());
    fs::write(&state, "{}").unwrap();
    let damaged = find("p.txt", &["--state", "p.state"]);
    assert_eq!(damaged.status.code(), Some(1));
}

fn read(path: &Path, part: Option<Part>, options: &Options) -> Positions {
    let options = Options {
        part,
        ..options.clone()
    };
    positions::read(&[path.into()], &options).unwrap()
}

#[test]
fn parts_share_nothing_and_lack_nothing() {
    let folder = folder();
    // Seven chunks.
    let path = folder.path().join("b.binpack");
    fs::write(&path, bytes(&folder, "a.binpack").repeat(7)).unwrap();
    let thinned = |rate, skip| Options {
        sampling: Sampling {
            rate,
            skip,
            ..Sampling::default()
        },
        seed: 3,
        ..Options::default()
    };
    let by_pieces = Options {
        filters: Filters::reference(),
        ..thinned(1.0, 4)
    };
    for (by, of, options) in [
        (PartBy::Blocks, 3, thinned(0.01, 0)),
        (PartBy::Games, 4, thinned(0.01, 0)),
        (PartBy::Blocks, 9, thinned(0.01, 0)),
        (PartBy::Blocks, 3, thinned(1.0, 99)),
        (PartBy::Games, 3, thinned(1.0, 99)),
        // This filter depends on all that came before.
        (PartBy::Games, 2, by_pieces),
    ] {
        let whole = read(&path, None, &options);
        let parts: Vec<Positions> = (0..of)
            .map(|number| read(&path, Some(Part { number, of, by }), &options))
            .collect();
        let mut together: Vec<String> = parts
            .iter()
            .flat_map(|part| part.boards.iter().map(|board| board.fen()))
            .collect();
        let mut expected: Vec<String> = whole.boards.iter().map(|board| board.fen()).collect();
        together.sort();
        expected.sort();
        assert_eq!(together, expected);
        // Seven blocks are not enough for nine parts.
        let empty = parts.iter().filter(|part| part.is_empty()).count();
        assert_eq!(empty, if of == 9 { 2 } else { 0 });
        if by == PartBy::Games {
            let games: u64 = parts.iter().map(|part| part.statistics.games).sum();
            assert_eq!(games, whole.statistics.games);
            let read = |it: &Positions| it.statistics.read;
            assert!(parts.iter().all(|part| read(part) == read(&whole)));
        } else {
            let read: u64 = parts.iter().map(|part| part.statistics.read).sum();
            assert_eq!(read, whole.statistics.read);
        }
    }
}
