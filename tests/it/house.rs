//! The rules of this project's source that a compiler does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::common::material;

/// The library's modules from the bottom to the top. A module uses only those of rows above its own in this list.
const LAYERS: &[&[&str]] = &[
    &["files"],
    &["chess"],
    &["order", "positions"],
    &["nets"],
    &["planes"],
    &["compute"],
    &["search"],
    &["run"],
    &["batch", "bench", "report"],
];

/// The program's own part, which no other uses.
const PROGRAM: [&str; 3] = ["cli", "lib", "main"];

/// What stands beside the stages on adapters: what they need and are used by.
const ADAPTERS: [&str; 7] = [
    "device",
    "device_planes",
    "pace",
    "planes",
    "stage",
    "upload",
    "weights",
];

/// All files below a folder of this repository whose names end like this.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&material::own(folder), &mut found);
    found.retain(|path| path.extension().is_some_and(|it| it == ending));
    found.sort();
    found
}

/// The names of the files of a folder, without their ends.
fn stems(folder: &str, ending: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(material::own(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|it| it == ending))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_string())
        .collect()
}

/// The modules of the library that a file's code names, tests left out.
fn used(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    let word = |text: &str| -> String {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
        text[..end.unwrap_or(text.len())].to_string()
    };
    let mut found = BTreeSet::new();
    for (at, start) in code.match_indices("crate::") {
        let rest = &code[at + start.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        // Names that follow the brace or a comma of this group.
        let (mut depth, mut first) = (1, true);
        for (at, c) in group.char_indices() {
            if first && depth == 1 && (c.is_alphanumeric() || c == '_') {
                found.insert(word(&group[at..]));
                first = false;
            }
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => first = true,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

#[test]
fn dependencies_point_one_way() {
    let height: BTreeMap<&str, usize> = (0..)
        .zip(LAYERS)
        .flat_map(|(height, layer)| layer.iter().map(move |module| (*module, height)))
        .collect();
    let mut seen = BTreeSet::new();
    for path in files("src", "rs") {
        let source = material::own("src");
        let relative = path.strip_prefix(&source).unwrap();
        let first = Path::new(relative.components().next().unwrap().as_os_str());
        let module = first.file_stem().unwrap().to_str().unwrap();
        let is_test = |part: &Path| part.file_stem().is_some_and(|stem| stem == "tests");
        if PROGRAM.contains(&module) || relative.iter().map(Path::new).any(is_test) {
            continue;
        }
        let own = *height
            .get(module)
            .unwrap_or_else(|| panic!("`{module}` is in no layer of tests/it/house.rs"));
        seen.insert(module.to_string());
        let text = std::fs::read_to_string(&path).unwrap();
        for other in used(&text).iter().filter(|other| *other != module) {
            assert!(other != "cli", "{} uses the program", path.display());
            let Some(&below) = height.get(other.as_str()) else {
                continue;
            };
            assert!(
                below < own,
                "{} uses `{other}`, which is not below `{module}`",
                path.display()
            );
        }
    }
    let listed: BTreeSet<String> = height.keys().map(|module| module.to_string()).collect();
    assert_eq!(seen, listed);
}

#[test]
fn names_of_modules_are_found_in_code() {
    let code = "use crate::{board::Board, nnue::{a, b},\n zeros};\nlet x = crate::walks::walk();\n\
                // crate::cli\n#[cfg(test)]\nmod tests {\n    use crate::report;\n}\n";
    let expected = ["board", "nnue", "walks", "zeros"].map(String::from);
    assert_eq!(used(code), BTreeSet::from(expected));
}

#[test]
fn every_stage_has_its_twin() {
    let shaders = stems("shaders", "wgsl");
    assert_eq!(stems("src/compute/cpu", "rs"), shaders);
    let mut adapter = stems("src/compute/gpu", "rs");
    for beside in ADAPTERS.iter().chain(&["tests"]) {
        assert!(adapter.remove(*beside), "{beside}");
    }
    assert_eq!(adapter, shaders);
    for stage in shaders {
        let path = format!("src/compute/gpu/{stage}.rs");
        let text = std::fs::read_to_string(material::own(&path)).unwrap();
        assert!(text.contains(&format!("{stage}.wgsl")), "{path}");
    }
}

#[test]
fn lines_have_at_most_120_columns() {
    let all = ["src", "tests", "benches", "examples"].map(|folder| files(folder, "rs"));
    let shaders = files("shaders", "wgsl");
    for path in all.iter().flatten().chain(&shaders) {
        let text = std::fs::read_to_string(path).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            let width = line.chars().count();
            assert!(width <= 120, "{}:{number} has {width}", path.display());
        }
    }
}

/// From its first line to its closing brace; functions of tests aside.
#[test]
fn functions_have_at_most_100_lines() {
    for path in files("src", "rs") {
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut open: Vec<(usize, usize)> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let code = line.trim_start();
            let indent = line.len() - code.len();
            let words = code.split('(').next().unwrap().split(' ');
            let begins = words.clone().any(|word| word == "fn") && !code.starts_with("//");
            // A body of one line, or none.
            if begins && !code.ends_with(['}', ';']) {
                // A declaration of more than one line has no brace of its own.
                open.retain(|(at, _)| *at < indent);
                open.push((indent, number));
            } else if code.starts_with('}') && open.last().is_some_and(|(at, _)| *at == indent) {
                let (_, begin) = open.pop().unwrap();
                let lines = number - begin + 1;
                assert!(lines <= 100, "{}:{begin} has {lines}", path.display());
            }
        }
    }
}

/// A file that is in no program would never be run.
#[test]
fn every_file_of_tests_is_in_a_program() {
    assert!(
        stems("tests", "rs").is_empty(),
        "tests are in tests/it and tests/gpu"
    );
    for program in ["it", "gpu"] {
        let main = material::own(&format!("tests/{program}/main.rs"));
        let main = std::fs::read_to_string(main).unwrap();
        for module in stems(&format!("tests/{program}"), "rs") {
            let listed = main.contains(&format!("\nmod {module};\n"));
            assert!(
                listed || module == "main",
                "tests/{program}/{module}.rs is not in main.rs"
            );
        }
    }
}
