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
const ADAPTERS: [&str; 8] = [
    "device",
    "device_planes",
    "pace",
    "planes",
    "shares",
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

/// Columns of the longest closure whose parameter may be called `it`, from its first bar to its end.
const SHORT_CLOSURE: usize = 60;

/// Bytes of the comment, string or character with which `source` starts; 0 if it starts with none.
fn text_len(source: &str) -> usize {
    if source.starts_with("//") {
        return source.find('\n').unwrap_or(source.len());
    }
    if let Some(raw) = source.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let (begin, closing) = (hashes + 2, format!("\"{}", "#".repeat(hashes)));
            let len = source[begin..].find(&closing).expect("a raw string ends");
            return begin + len + closing.len();
        }
    }
    let quote = source.chars().next().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else { return 0 };
    let mut escaped = false;
    let mut inside = source.char_indices().skip(1);
    let end = inside.find(|&(_, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let len = end.map_or(0, |(at, _)| at + 1);
    // What has no second quotation mark behind one character is a lifetime.
    let is_character = source[1..].starts_with('\\') || source[..len].chars().count() == 3;
    if quote == '"' || is_character { len } else { 0 }
}

/// Code with blanks for comments, strings and characters, but for the `{it` of format strings. Lines stay lines.
fn code_of(source: &str) -> String {
    let blank = |text: &str| -> String {
        let kept = |c| if c == '\n' { c } else { ' ' };
        text.chars().map(kept).collect()
    };
    let (mut code, mut rest) = (String::new(), source);
    while let Some(c) = rest.chars().next() {
        let len = text_len(rest);
        if len == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let (text, behind) = rest.split_at(len);
        for (number, piece) in text.split("{it").enumerate() {
            let is_named = text.starts_with('"') && piece.starts_with(['}', ':']);
            code.push_str(match number {
                0 => "",
                _ if is_named => "{it",
                _ => "   ",
            });
            code.push_str(&blank(piece));
        }
        rest = behind;
    }
    code
}

/// Does a line of code say `it` outside of short closures that end on this line?
fn says_it(line: &str) -> bool {
    let is_in = |code: &str| {
        code.split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word == "it")
    };
    let mut rest = line;
    while let Some((before, closure)) = rest.split_once('|') {
        if is_in(before) {
            return true;
        }
        rest = closure;
        let Some((parameters, body)) = closure.split_once('|') else {
            continue;
        };
        if !is_in(parameters) {
            continue;
        }
        let mut depth = 0;
        let end = body.find(|c: char| {
            let ends = depth == 0 && matches!(c, ')' | ']' | '}' | ',' | ';');
            depth += i32::from(matches!(c, '(' | '[' | '{'));
            depth -= i32::from(matches!(c, ')' | ']' | '}'));
            ends
        });
        match end {
            Some(end) if parameters.len() + end + 2 <= SHORT_CLOSURE => rest = &body[end..],
            _ => return true,
        }
    }
    is_in(rest)
}

#[test]
fn nothing_but_the_parameter_of_a_short_closure_is_called_it() {
    let folders = ["src", "tests", "benches", "examples", "fuzz/src"];
    let mut found = Vec::new();
    for path in folders.iter().flat_map(|folder| files(folder, "rs")) {
        let relative = path.strip_prefix(material::own("")).unwrap();
        let relative = relative.to_str().unwrap().replace('\\', "/");
        let code = code_of(&std::fs::read_to_string(&path).unwrap());
        let lines = (1..).zip(code.lines()).filter(|(_, line)| says_it(line));
        found.extend(lines.map(|(number, _)| format!("{relative}:{number}")));
    }
    assert!(
        found.is_empty(),
        "name what it is, in the words of the field:\n{}",
        found.join("\n")
    );
}

#[test]
fn what_is_called_it_is_found_in_code() {
    let code = r##"let it = 1; // line 1
// it
let a = "it {it}"; // line 3
let b = "it \" it {item}" + r#"it " it"# + ['"', '\'', 'i'] + item.its();
b.map(|it| it.len()).filter(|a| a.any(|it| it == a));
b.map(|it| it.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa);
b.map(|it| it.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa); // line 7
b.map(|it| { // line 8
    f::<'a, 'b>(it) // line 9
});
fn f(it: &A) -> bool { a || b.any(|it| it.c) } // line 11
"##;
    let lines: Vec<usize> = (1..)
        .zip(code_of(code).lines())
        .filter(|(_, line)| says_it(line))
        .map(|(number, _)| number)
        .collect();
    assert_eq!(lines, [1, 3, 7, 8, 9, 11]);
}
