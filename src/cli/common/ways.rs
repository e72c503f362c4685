//! Permutation files that are there already. Each may be the only way from one network to another, so none is lost
//! unasked.

use std::path::{Path, PathBuf};

use anyhow::bail;
use ftperm::files::digest::hex;
use ftperm::order::{NET_SHA256, Permutation, PermutationFile};

use crate::cli::console;

/// May a permutation of the network `from` (the SHA-256 of its file, where that is known) take the place of what is at
/// `file`? Asked before long work.
///
/// # Errors
/// It is a permutation of another network, and `force` is not given.
pub fn check_replaceable(
    option: &str,
    file: &Path,
    from: Option<&str>,
    force: bool,
) -> anyhow::Result<()> {
    let Some(found) = existing(file).filter(|_| !force) else {
        return Ok(());
    };
    match found.note(NET_SHA256) {
        Some(other) if from != Some(other) => bail!(
            "{option} {}: it is the way from another network, that of SHA-256 {other}; name another file, or --force \
             replaces it",
            file.display()
        ),
        _ => Ok(()),
    }
}

/// Says that another permutation is replaced, if it is.
pub fn say_replaced(file: &Path, permutation: &Permutation) {
    if let Some(found) = existing(file)
        && found.permutation != *permutation
    {
        console::warn(format!(
            "{} held another permutation, which is replaced",
            file.display()
        ));
    }
}

/// A name for the permutation beside the network `to` that it leads to: `nn-<sha12>.perm.txt`, or, where that file is
/// the way from another network, `nn-<sha12>.from-<sha12>.perm.txt`.
///
/// # Errors
/// Both are there, and neither is of this network.
pub fn name_beside(folder: &Path, to: &[u8; 32], from: &str) -> anyhow::Result<PathBuf> {
    let to = hex(&to[..6]);
    let plain = folder.join(format!("nn-{to}.perm.txt"));
    let is_ours =
        |found: &PermutationFile| found.note(NET_SHA256).is_some_and(|other| other == from);
    if !plain.exists() || existing(&plain).is_some_and(|found| is_ours(&found)) {
        return Ok(plain);
    }
    let start = from.get(..12).unwrap_or(from);
    let other = folder.join(format!("nn-{to}.from-{start}.perm.txt"));
    check_replaceable("the permutation", &other, Some(from), false)?;
    Ok(other)
}

fn existing(file: &Path) -> Option<PermutationFile> {
    if !file.is_file() {
        return None;
    }
    PermutationFile::read(file).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_from_another_network_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (to, from, other) = ([0xAB; 32], "11".repeat(32), "22".repeat(32));
        let plain = folder.path().join("nn-abababababab.perm.txt");
        let name = |from: &str| name_beside(folder.path(), &to, from).unwrap();
        assert_eq!(name(&from), plain);
        let write = |path: &Path, from: &str| {
            std::fs::write(path, format!("# net sha256: {from}\n1\n0\n")).unwrap();
        };
        write(&plain, &other);
        let beside = folder
            .path()
            .join("nn-abababababab.from-111111111111.perm.txt");
        assert_eq!((name(&from), name(&other)), (beside, plain.clone()));
        // What is no permutation is kept, too.
        std::fs::write(&plain, "notes").unwrap();
        assert_ne!(name(&from), plain);
        write(&plain, &other);
        let check = |from: Option<&str>, force| check_replaceable("--perm", &plain, from, force);
        assert!(check(Some(&other), false).is_ok());
        assert!(check(Some(&from), true).is_ok());
        let text = check(Some(&from), false).unwrap_err().to_string();
        assert!(
            text.starts_with("--perm ") && text.contains(&other),
            "{text}"
        );
        assert!(check(None, false).is_err());
        // Without a note nobody knows whose it is.
        std::fs::write(&plain, "1\n0\n").unwrap();
        assert!(check(Some(&from), false).is_ok());
    }
}
