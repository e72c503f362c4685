//! Engines whose build moves the neurons once more: `--applied`, and `export --for`.

use std::path::Path;

use crate::common::material::own;
use crate::common::program::{Case, Done};

/// A folder with a source file whose array moves 64 neurons: neuron i of the engine is neuron `ORDER[i]` of the file.
/// `counts.cpp` sorts to the same order, and `order.txt` is it as a permutation.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let order: Vec<u32> = (0..64).map(|i| (i * 27 + 5) % 64).collect();
    let numbers = |numbers: &[u32]| -> String {
        numbers.iter().map(|number| format!("{number}, ")).collect()
    };
    let lines: String = order.iter().map(|index| format!("{index}\n")).collect();
    let mut counts = vec![0; 64];
    for (place, &neuron) in order.iter().enumerate() {
        counts[neuron as usize] = 1000 - place as u32;
    }
    let write = |name: &str, text: String| {
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write("order.txt", lines);
    write(
        "order.rs",
        format!(
            "// const ORDER: [u16; 64] = [1];\nconst ORDER: [u16; 64] = [{}];\n",
            numbers(&order)
        ),
    );
    write(
        "counts.cpp",
        format!(
            "constexpr std::array<int, 64> counts = {{ {}}};\n",
            numbers(&counts)
        ),
    );
    std::fs::copy(own("datasets/demo.nnue"), folder.path().join("file.nnue")).unwrap();
    folder
}

fn apply(folder: &Path, permutation: &str, net: &str, out: &str, more: &[&str]) {
    Case::new("apply")
        .folder(folder)
        .args([permutation, "--net", net, "--out", out])
        .args(more)
        .ok();
}

fn optimize(folder: &Path, net: &str, name: &str, more: &[&str]) -> Done {
    let data = own("datasets/selfplay.binpack");
    let (out, perm) = (format!("{name}.nnue"), format!("{name}.txt"));
    Case::new("optimize")
        .folder(folder)
        .args([
            "--net", net, "--count", "3000", "--effort", "quick", "--json",
        ])
        .option("--data", data)
        .args(["--out", &out, "--perm", &perm])
        .args(more)
        .ok()
}

fn same(folder: &Path, a: &str, b: &str) {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(read(a) == read(b), "{a} and {b} differ");
}

/// What is found and counted for the file, with the order of the build, is what is found for the engine's network.
#[test]
fn the_engine_has_the_order_that_was_found_for_it() {
    let folder = folder();
    let folder = folder.path();
    // As the engine has it: its build moves the neurons of the file.
    apply(folder, "order.txt", "file.nnue", "engine.nnue", &[]);
    let for_engine = optimize(folder, "engine.nnue", "wanted", &[]).json();
    for source in ["order.rs", "counts.cpp"] {
        let report = optimize(folder, "file.nnue", "written", &["--applied", source]).json();
        for key in [
            "zero_block_rate",
            "zero_rate",
            "holdout_by_positions",
            "samples",
        ] {
            assert_eq!(report[key], for_engine[key], "{source}: {key}");
        }
        // The build does its part.
        apply(folder, "order.txt", "written.nnue", "built.nnue", &[]);
        same(folder, "built.nnue", "wanted.nnue");
        // The permutation that is written is one of the file.
        apply(folder, "written.txt", "file.nnue", "again.nnue", &[]);
        same(folder, "again.nnue", "written.nnue");
        // An order that was found on what the engine recorded.
        let applied = ["--applied", source];
        apply(folder, "wanted.txt", "file.nnue", "recorded.nnue", &applied);
        same(folder, "recorded.nnue", "written.nnue");
        // The order that the written file is in already is where a search may begin.
        let start = ["--applied", source, "--start", "written.txt"];
        let started = optimize(folder, "file.nnue", "started", &start).json();
        let after = |report: &serde_json::Value| report["zero_block_rate"]["after"].as_f64();
        assert!(after(&started) >= after(&report));
    }
}

/// The file stays as it is, and the array in the source changes.
#[test]
fn the_array_in_the_source_gets_the_new_order() {
    let folder = folder();
    let folder = folder.path();
    apply(folder, "order.txt", "file.nnue", "engine.nnue", &[]);
    optimize(folder, "engine.nnue", "wanted", &[]);
    for source in ["order.rs", "counts.cpp"] {
        let text = std::fs::read_to_string(folder.join(source)).unwrap();
        let changed = Case::new("export")
            .folder(folder)
            .args(["wanted.txt", "--applied", source, "--out", "changed.txt"])
            .ok();
        changed.says("the engine's build moves the neurons by the array in line");
        let new = std::fs::read_to_string(folder.join("changed.txt")).unwrap();
        // All but the numbers is as it was.
        let (begin, end) = (text.find(['=']).unwrap(), text.len() - 3);
        assert!(new.starts_with(&text[..begin]) && new.ends_with(&text[end..]));
        // The build with the new source.
        let order = order_of(&new, source == "counts.cpp");
        std::fs::write(folder.join("new.txt"), order).unwrap();
        apply(folder, "new.txt", "file.nnue", "built.nnue", &[]);
        same(folder, "built.nnue", "wanted.nnue");
    }
}

/// The order that the last array of a source means, read without the program.
fn order_of(source: &str, counts: bool) -> String {
    let code = source.lines().filter(|line| !line.starts_with("//"));
    let code: String = code.collect();
    let array = code.rsplit('=').next().unwrap();
    let numbers = array.split(|letter: char| !letter.is_ascii_digit());
    let numbers: Vec<u32> = numbers.filter_map(|number| number.parse().ok()).collect();
    assert_eq!(numbers.len(), 64);
    let mut order: Vec<usize> = numbers.iter().map(|&number| number as usize).collect();
    if counts {
        order = (0..64).collect();
        order.sort_by_key(|&neuron| std::cmp::Reverse(numbers[neuron]));
    }
    order.iter().map(|index| format!("{index}\n")).collect()
}

#[test]
fn known_engines_have_their_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let write = |neurons: u32| {
        let order: String = (0..neurons)
            .rev()
            .map(|index| format!("{index}\n"))
            .collect();
        std::fs::write(folder.path().join("perm.txt"), order).unwrap();
    };
    let export = |engine: &str| {
        Case::new("export")
            .folder(folder.path())
            .args(["perm.txt", "--for", engine])
    };
    let text = |engine: &str| String::from_utf8(export(engine).output().stdout).unwrap();
    write(512);
    let array = text("viridithas");
    assert!(array.starts_with("const REPERMUTE_INDICES: [usize; L1_IN / 2] = [\n    511, 510,"));
    assert!(array.ends_with(" 1, 0,\n];\n"));
    export("hobbes")
        .ends_with(1)
        .says("the permutation has 512 entries, the network needs 384");
    export("obsidian")
        .ends_with(2)
        .says("the build of Obsidian moves no neurons");
    write(384);
    assert!(
        text("halogen")
            .starts_with("constexpr std::array<size_t, FT_SIZE / 2> shuffle_order = {\n    383,")
    );
    // The last neuron comes first, so its count is the largest.
    let array = text("hobbes");
    assert!(array.starts_with("const L0_ACTIVATIONS: [usize; L1_SIZE / 2] = [\n    1, 2, 3,"));
    assert!(array.ends_with(" 384,\n];\n"));
    write(640);
    assert!(text("minke").ends_with(" 640,\n};\n"));
}

#[test]
fn sources_without_such_an_array_are_refused() {
    let folder = folder();
    let refused = |source: &str, text: &str, why: &str| {
        std::fs::write(folder.path().join(source), text).unwrap();
        Case::new("optimize")
            .folder(folder.path())
            .args([
                "--net",
                "file.nnue",
                "--out",
                "never.nnue",
                "--applied",
                source,
            ])
            .option("--data", own("datasets/selfplay.binpack"))
            .ends_with(1)
            .says(why);
        assert!(!folder.path().join("never.nnue").exists());
    };
    refused("empty", "", "empty: there is no array of 64 numbers");
    let ones = vec!["1"; 64].join(",");
    refused(
        "two",
        &format!("a = [{ones}]\nb = [{ones}]"),
        "two: there are arrays of 64 numbers in the lines 1, 2",
    );
}
