//! Orders as arrays of source code: compilers read them as they were meant.

use crate::common::material;
use crate::common::program::ftperm;
use std::path::Path;
use std::process::Command;

/// Position i takes the old neuron ORDER[i].
const ORDER: [u32; 40] = [
    39, 0, 38, 1, 37, 2, 36, 3, 35, 4, 34, 5, 33, 6, 32, 7, 31, 8, 30, 9, 29, 10, 28, 11, 27, 12,
    26, 13, 25, 14, 24, 15, 23, 16, 22, 17, 21, 18, 20, 19,
];

fn export(arguments: &[&str]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let lines: String = ORDER.iter().map(|it| format!("{it}\n")).collect();
    std::fs::write(folder.path().join("perm.txt"), lines).unwrap();
    let all = [&["export", "perm.txt"], arguments].concat();
    let output = ftperm(folder.path(), &all);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (folder, String::from_utf8(output.stdout).unwrap())
}

/// The order, then where each old neuron went.
fn both() -> Vec<u32> {
    let inverse = (0..40).map(|old| ORDER.iter().position(|&it| it == old).unwrap() as u32);
    ORDER.into_iter().chain(inverse).collect()
}

/// Compiles a program that prints both arrays, runs it, and returns what it printed.
fn run(folder: &Path, compiler: &str, arguments: &[&str]) -> Option<Vec<u32>> {
    let program = folder.join(format!("program{}", std::env::consts::EXE_SUFFIX));
    let compiled = Command::new(compiler)
        .current_dir(folder)
        .args(arguments)
        .arg("-o")
        .arg(&program)
        .output();
    let compiled = match compiled {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        other => other.unwrap(),
    };
    let messages = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{messages}");
    assert!(!messages.contains("warning"), "{messages}");
    let output = Command::new(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| line.parse().unwrap()).collect())
}

#[test]
fn rust() {
    let (folder, array) = export(&["--as", "rust", "--name", "NEURONS", "--inverse"]);
    let program = format!(
        "{array}\nfn main() {{ for i in NEURONS.iter().chain(&NEURONS_INVERSE) {{ println!(\"{{i}}\"); }} }}\n"
    );
    std::fs::write(folder.path().join("program.rs"), program).unwrap();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    match run(folder.path(), &rustc, &["program.rs"]) {
        Some(printed) => assert_eq!(printed, both()),
        None => material::missing("rustc").unwrap_or_default(),
    }
}

#[test]
fn c_and_cpp() {
    for (language, compiler, flags) in [
        ("c", "cc", ["-std=c99", "-Wall", "-Wextra", "-pedantic"]),
        (
            "cpp",
            "c++",
            ["-std=c++17", "-Wall", "-Wextra", "-pedantic"],
        ),
    ] {
        let (folder, array) = export(&["--as", language, "--inverse"]);
        let print = |name: &str| {
            format!("for (int i = 0; i < 40; i++) printf(\"%u\\n\", (unsigned) {name}[i]);\n")
        };
        let program = format!(
            "#include <stdio.h>\n{array}\nint main(void) {{\n{}{}return 0; }}\n",
            print("FTPERM_ORDER"),
            print("FTPERM_ORDER_INVERSE")
        );
        let name = format!("program.{language}");
        std::fs::write(folder.path().join(&name), program).unwrap();
        let arguments = [&flags[..], &[name.as_str()]].concat();
        match run(folder.path(), compiler, &arguments) {
            Some(printed) => assert_eq!(printed, both(), "{language}"),
            None => material::missing(compiler).unwrap_or_default(),
        }
    }
}

#[test]
fn json_text_and_npy() {
    let (_, text) = export(&["--as", "json", "--name", "order", "--inverse"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let all = [&json["order"], &json["order_inverse"]].map(|it| it.as_array().unwrap().clone());
    let all: Vec<u32> = all
        .iter()
        .flatten()
        .map(|it| it.as_u64().unwrap() as u32)
        .collect();
    assert_eq!(all, both());
    let (_, text) = export(&["--as", "text", "--inverse"]);
    let lines: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(lines, both()[40..]);
    let (folder, said) = export(&["--as", "npy", "--out", "perm.npy"]);
    assert_eq!(said, "perm.npy\n");
    let bytes = std::fs::read(folder.path().join("perm.npy")).unwrap();
    let values: Vec<u8> = ORDER
        .iter()
        .flat_map(|&it| i64::from(it).to_le_bytes())
        .collect();
    assert!(bytes.starts_with(b"\x93NUMPY") && bytes.ends_with(&values));
}

#[test]
fn what_is_wrong_is_said() {
    let (folder, _) = export(&["--as", "text"]);
    for (arguments, part) in [
        (
            &["export", "perm.txt", "--as", "c", "--name", "a b"][..],
            "`a b` cannot name an array",
        ),
        (
            &["export", "none.txt", "--as", "rust", "--name", "fn"],
            "--name: `fn` cannot name an array: the language has another use for this word",
        ),
        (
            &["export", "none.txt", "--as", "text", "--name", "order"],
            "--name: `order` names nothing",
        ),
        (
            &["export", "perm.txt", "--as", "c", "--json"],
            "name one with --out",
        ),
        (&["export", "perm.txt"], "--as"),
    ] {
        let output = ftperm(folder.path(), arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(part), "{text}");
    }
    std::fs::write(folder.path().join("bad.txt"), "0\n0\n").unwrap();
    let output = ftperm(folder.path(), &["export", "bad.txt", "--as", "c"]);
    assert_eq!(output.status.code(), Some(1));
}
