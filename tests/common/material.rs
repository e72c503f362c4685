//! Test material that a clone may not have. A test without it counts as ignored; where `FTPERM_CI` is set it fails.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::harness;

/// `None`, and the test counts as ignored; or a failure where everything must be there. To be called in the test's own
/// thread, each time that something is not found.
pub fn missing<T>(what: &str) -> Option<T> {
    assert!(
        std::env::var_os("FTPERM_CI").is_none(),
        "{what} is missing, and FTPERM_CI is set"
    );
    harness::note_missing(what);
    None
}

/// A file of the reference material beside the checkout.
pub fn shared(path: &str) -> Option<PathBuf> {
    let full = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared")
        .join(path);
    if full.exists() {
        Some(full)
    } else {
        missing(&format!("../shared/{path}"))
    }
}

/// A file that is compressed with gzip.
pub fn gunzip(path: &Path) -> Vec<u8> {
    let file = std::fs::File::open(path).expect("the file opens");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut bytes)
        .expect("the file is whole");
    bytes
}

/// A file of this repository.
pub fn own(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Debian's Stockfish, if installed.
pub fn stockfish() -> Option<PathBuf> {
    let found = ["/usr/games/stockfish", "/usr/bin/stockfish"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists());
    found.or_else(|| missing("the stockfish package"))
}

/// A file of the npm packages `stockfish` that tests/fetch-npm-nets.sh fetched.
pub fn npm(path: &str) -> Option<PathBuf> {
    let packages = match std::env::var_os("FTPERM_NPM_NETS") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).join("../npm-nets"),
    };
    if packages.is_dir() {
        Some(packages.join(path))
    } else {
        missing("target/npm-nets (tests/fetch-npm-nets.sh fetches it)")
    }
}

/// A file that tests/fetch-lc0.sh fetched: a network of Lc0, or lc0 itself.
pub fn lc0(name: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("FTPERM_LC0_NETS") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).join("../lc0"),
    };
    let path = folder.join(name);
    if path.exists() {
        Some(path)
    } else {
        missing(&format!(
            "target/lc0/{name} (tests/fetch-lc0.sh fetches it)"
        ))
    }
}

/// A Python that has a module: that of `FTPERM_PYTHON`, else the system's.
pub fn python(module: &str) -> Option<OsString> {
    let python = std::env::var_os("FTPERM_PYTHON").unwrap_or("/usr/bin/python3".into());
    let has = Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .output()
        .is_ok_and(|output| output.status.success());
    if has {
        Some(python)
    } else {
        missing(&format!(
            "python3-{module} (the package, or FTPERM_PYTHON names a Python that has it)"
        ))
    }
}

/// Runs an engine on UCI commands and returns what it prints.
pub fn uci(engine: &Path, commands: &str) -> String {
    let mut child = Command::new(engine)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the engine starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin
        .write_all(commands.as_bytes())
        .expect("the engine reads");
    stdin.write_all(b"\nquit\n").expect("the engine reads");
    drop(stdin);
    let output = child.wait_with_output().expect("the engine ends");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}

/// The net inside Debian's Stockfish 15.1, nn-ad9b42354671.
pub fn stockfish_net() -> Option<PathBuf> {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let engine = stockfish()?;
    let path = PATH.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = dir.join(format!("nn-ad9b42354671-{}.nnue", std::process::id()));
        let cached = dir.join("nn-ad9b42354671.nnue");
        if !cached.exists() {
            uci(&engine, &format!("export_net {}", path.display()));
            std::fs::rename(&path, &cached).expect("the engine exported its net");
        }
        cached
    });
    Some(path.clone())
}

/// A real network and what an engine computed with it, by the network's name; it may be inside an engine.
pub fn with_vectors(name: &str) -> Option<(PathBuf, PathBuf)> {
    if name == "demo" {
        return Some((
            own("datasets/demo.nnue"),
            own("tests/data/demo.vectors.jsonl"),
        ));
    }
    let net = match name {
        "nn-76a8a7ffb820" => npm("16.0.0/src/emscripten/public/old-nn/nn-76a8a7ffb820.nnue"),
        "nn-13406b1dcbe0" => npm("14.1.0/src/nn-13406b1dcbe0.nnue"),
        "nn-1c0000000000" => npm("17.1.0/src/stockfish-17.1-single-a496a04"),
        "nn-c288c895ea92" => npm("18.0.8/bin/stockfish-18-single.wasm"),
        "nn-ad9b42354671" => stockfish_net(),
        _ => shared(&format!("nets/{name}.nnue")),
    };
    net.zip(shared(&format!("vectors/{name}.jsonl")))
}
