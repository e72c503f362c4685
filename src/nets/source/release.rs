//! Which engine a file is, by what it, a script beside it, or its name says.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use memchr::memmem;

/// An engine's release, and what it is known from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// As the engine calls itself.
    pub name: String,
    /// The first number of its version.
    pub major: Option<u32>,
    known_from: &'static str,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (by {})", self.name, self.known_from)
    }
}

/// Longest text that is taken for a version.
const MAX_VERSION: usize = 60;

/// Bytes at the start of a script in which its name stands.
const HEAD: u64 = 600;

impl Release {
    /// The release of an engine with these (unpacked) bytes.
    pub(super) fn find(bytes: &[u8], path: Option<&Path>) -> Option<Release> {
        let known = |(version, known_from): (String, &'static str)| Release {
            major: major(&version),
            name: format!("Stockfish {version}"),
            known_from,
        };
        in_module(bytes)
            .map(|version| (version, "a text in it"))
            .or_else(|| Some((in_script(path?)?, "the script beside it")))
            .or_else(|| Some((in_name(path?)?, "its name")))
            .map(known)
    }
}

/// `18 Lite WASM Multithreaded` between zeros, as WebAssembly builds carry it.
fn in_module(bytes: &[u8]) -> Option<String> {
    if !bytes.starts_with(b"\0asm") {
        return None;
    }
    memmem::find_iter(bytes, b" WASM").find_map(|at| {
        let before = &bytes[at.saturating_sub(MAX_VERSION)..at];
        let start = at - before.iter().rev().position(|&byte| byte == 0)?;
        let text = bytes[start..].iter().take(MAX_VERSION);
        let text: Vec<u8> = text.copied().take_while(|&byte| byte != 0).collect();
        let is_version = text.first().is_some_and(u8::is_ascii_digit)
            && text
                .iter()
                .all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        is_version.then(|| String::from_utf8_lossy(&text).into_owned())
    })
}

/// `Stockfish.js 18` at the start of the script that loads a module.
fn in_script(path: &Path) -> Option<String> {
    let mut head = Vec::new();
    let script = path.with_extension("js");
    if !script.is_file() {
        return None;
    }
    let file = File::open(script).ok()?;
    file.take(HEAD).read_to_end(&mut head).ok()?;
    version_after(&String::from_utf8_lossy(&head), "Stockfish.js ")
}

/// `stockfish-17.1-lite.wasm`.
fn in_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    ["stockfish-", "stockfish_", "stockfish"]
        .into_iter()
        .find_map(|before| version_after(&name, before))
}

fn version_after(text: &str, before: &str) -> Option<String> {
    let at = text.find(before)? + before.len();
    let digits = |it: &char| it.is_ascii_digit() || *it == '.';
    let version: String = text[at..].chars().take_while(digits).take(8).collect();
    let version = version.trim_end_matches('.');
    major(version).map(|_| version.to_string())
}

fn major(version: &str) -> Option<u32> {
    let digits = version.split(|it: char| !it.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_scripts_and_names() {
        let module = b"\0asm\x01\0\0\0 WASM\0\x0018 Lite WASM Multithreaded\0rest";
        let found = Release::find(module, None).unwrap();
        assert_eq!(
            found.to_string(),
            "Stockfish 18 Lite WASM Multithreaded (by a text in it)"
        );
        assert_eq!(found.major, Some(18));
        let named = |name: &str| Release::find(b"\x7FELF", Some(name.as_ref()));
        assert_eq!(named("a/stockfish-17.1-lite.wasm").unwrap().major, Some(17));
        assert_eq!(named("stockfish_16_x64").unwrap().name, "Stockfish 16");
        assert_eq!(named("stockfish"), None);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("e.js"),
            "/*!\n * Stockfish.js 18 (c) 2026",
        )
        .unwrap();
        let found = Release::find(b"", Some(&folder.path().join("e.wasm"))).unwrap();
        assert_eq!(found.to_string(), "Stockfish 18 (by the script beside it)");
    }
}
