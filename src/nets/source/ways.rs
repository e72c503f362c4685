//! Which networks of a folder ftperm wrote itself, as the permutation files beside them say.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::files::digest;
use crate::order::PERMUTED_NET_SHA256;

/// As much of a permutation file as its notes take.
const HEAD: u64 = 16 << 10;

/// The permutation files of a folder, by the SHA-256 of the network that each leads to.
#[derive(Debug, Default)]
pub(super) struct Ways(BTreeMap<String, PathBuf>);

impl Ways {
    /// Those of a folder; none if it cannot be read. Notes are in text files only.
    pub(super) fn in_folder(folder: &Path) -> Ways {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let files = entries.map(|entry| entry.path()).filter(|path| {
            let ending = path.extension().unwrap_or_default();
            ending.eq_ignore_ascii_case("txt") && path.is_file()
        });
        Ways(
            files
                .filter_map(|path| Some((leads_to(&path)?, path)))
                .collect(),
        )
    }

    /// The file that leads to a network. `sha256` is asked for only if there are any.
    pub(super) fn to(&self, sha256: impl FnOnce() -> [u8; 32]) -> Option<&Path> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&digest::hex(&sha256())).map(PathBuf::as_path)
    }
}

/// The network that a permutation file says it leads to.
fn leads_to(path: &Path) -> Option<String> {
    let mut head = Vec::new();
    let file = File::open(path).ok()?;
    file.take(HEAD).read_to_end(&mut head).ok()?;
    let head = String::from_utf8_lossy(&head);
    head.lines()
        .map_while(|line| line.strip_prefix('#'))
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == PERMUTED_NET_SHA256)
        .map(|(_, digits)| digits.trim().to_ascii_lowercase())
}
