//! Files that appear whole or not at all: a temporary file beside the target, brought to the disk and renamed at the
//! end. Several files can appear together ([`commit_all`]).
//!
//! A file that is replaced keeps its permissions and, where the system allows it, its owner. Where the target is a
//! symbolic link, the file that it leads to is replaced and the link stays. A write-protected file is not replaced.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

mod destination;
mod file;
mod sync;
mod temporary;
mod transaction;

pub use destination::end_of_links;
pub use file::{FinishedFile, OutputFile};
pub use sync::set_sync;
pub use temporary::{KnownTemporaryFile, remove_temporary_files, set_temporary_prefix};
pub use transaction::commit_all;

/// Why a file could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutputError {
    #[error("cannot write {}: the folder {} does not exist", path.display(), folder.display())]
    NoFolder { path: PathBuf, folder: PathBuf },
    #[error("cannot write {}: {} is no folder", path.display(), folder.display())]
    NotAFolder { path: PathBuf, folder: PathBuf },
    #[error("cannot write {}: it is no file but a folder, a device or a pipe", path.display())]
    NotAFile { path: PathBuf },
    #[error("cannot write {}: the file that is there is write-protected", path.display())]
    WriteProtected { path: PathBuf },
    #[error("cannot write {}: {source}; nothing was left behind", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}; already written: {}", path.display(), list(written))]
    Partly {
        path: PathBuf,
        source: io::Error,
        written: Vec<PathBuf>,
    },
    #[error("cannot make the folder {}: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error(
        "written, but whether {} would survive a loss of power is unknown: {}: {source}",
        list(written),
        folder.display()
    )]
    NotSynced {
        folder: PathBuf,
        source: io::Error,
        written: Vec<PathBuf>,
    },
}

/// Files as part of a sentence.
fn list(files: &[PathBuf]) -> String {
    let names: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    names.join(", ")
}

/// A whole file at once that still has its temporary name.
///
/// # Errors
/// As [`OutputFile`].
pub fn finish_file(target: &Path, contents: &[u8]) -> Result<FinishedFile, OutputError> {
    let mut file = OutputFile::create(target)?;
    file.write_all(contents)
        .map_err(|source| io_error(target, source))?;
    file.finish()
}

/// Writes a whole file at once.
///
/// # Errors
/// As [`OutputFile`].
pub fn write_file(target: &Path, contents: &[u8]) -> Result<(), OutputError> {
    finish_file(target, contents)?.commit()
}

/// Makes a folder, and those that it is in, where they are missing, so that they outlive a loss of power.
///
/// # Errors
/// One cannot be made, or something else has its name.
pub fn create_folder(folder: &Path) -> Result<(), OutputError> {
    let missing: Vec<&Path> = folder
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .collect();
    let failed = |source| OutputError::Folder {
        path: folder.to_path_buf(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    for made in missing {
        sync::sync_folder(folder_of(made)).map_err(failed)?;
    }
    Ok(())
}

/// The folder of a path; the current one where it has none.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Wraps an error of writing to `path`.
pub fn io_error(path: &Path, source: io::Error) -> OutputError {
    OutputError::Io {
        path: path.to_path_buf(),
        source: without_temporary_name(source),
    }
}

/// Errors of temporary files end in their names, which mean nothing to anybody.
fn without_temporary_name(source: io::Error) -> io::Error {
    let text = source.to_string();
    match text.split_once(" at path ") {
        Some((what, _)) if source.raw_os_error().is_none() => io::Error::new(source.kind(), what),
        _ => source,
    }
}

/// Does the file system let us create files where `path` is to go? Asked before long work.
///
/// # Errors
/// The folder does not exist or cannot be written to, or what is there is not to be replaced.
pub fn check_writable(path: &Path) -> Result<(), OutputError> {
    OutputFile::create(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::digest::{hex, net_name};

    #[test]
    fn only_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        std::fs::create_dir(&target).unwrap();
        let is_refused =
            |path: &Path| matches!(check_writable(path), Err(OutputError::NotAFile { .. }));
        assert!(is_refused(&target));
        #[cfg(unix)]
        {
            // A device by another name, which nobody may replace either.
            let link = folder.path().join("null");
            std::os::unix::fs::symlink("/dev/null", &link).unwrap();
            assert!(is_refused(&link));
            // Whatever the output of tests is redirected to.
            for link in ["/dev/stdout", "/dev/fd/1"].map(Path::new) {
                assert!(!link.is_symlink() || is_refused(link), "{link:?}");
            }
            let file = tempfile::tempfile().unwrap();
            let link = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
            assert!(!Path::new(&link).is_symlink() || is_refused(link.as_ref()));
            let socket = folder.path().join("socket");
            let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
            assert!(is_refused(&socket));
        }
        assert!(std::fs::remove_dir(&target).is_ok());
        assert!(!is_refused(&target));
    }

    #[test]
    fn nothing_is_left_without_commit() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        let mut file = OutputFile::create(&target).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        let finished = OutputFile::create(&target).unwrap().finish().unwrap();
        drop(finished);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_commit_replaces_and_hashes() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        std::fs::write(&target, b"old").unwrap();
        let mut file = OutputFile::create(&target).unwrap();
        file.write_all(b"abc").unwrap();
        let finished = file.finish().unwrap();
        // The example of FIPS 180-2, appendix B.1.
        assert_eq!(
            hex(&finished.sha256()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(net_name(&finished.sha256()), "nn-ba7816bf8f01");
        finished.commit().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"abc");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = OutputFile::create(Path::new("/nowhere/at/all.nnue")).unwrap_err();
        assert!(
            error.to_string().contains("/nowhere/at does not exist"),
            "{error}"
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = OutputFile::create(&file.path().join("a.nnue")).unwrap_err();
        let expected = format!("{} is no folder", file.path().display());
        assert!(error.to_string().ends_with(&expected), "{error}");
    }

    #[test]
    #[cfg(unix)]
    fn links_stay_and_what_they_lead_to_is_replaced() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("far")).unwrap();
        std::fs::write(at("far/file"), "old").unwrap();
        symlink("far/file", at("near")).unwrap();
        symlink("near", at("link")).unwrap();
        write_file(&at("link"), b"new").unwrap();
        assert!(at("link").is_symlink() && at("near").is_symlink());
        assert_eq!(std::fs::read(at("far/file")).unwrap(), b"new");
        // One that leads to a file that is still to come, and one that leads nowhere.
        symlink("far/next", at("next")).unwrap();
        write_file(&at("next"), b"made").unwrap();
        assert_eq!(std::fs::read(at("far/next")).unwrap(), b"made");
        symlink("nowhere/x", at("gone")).unwrap();
        let error = write_file(&at("gone"), b"").unwrap_err();
        assert!(matches!(error, OutputError::NoFolder { .. }), "{error}");
        symlink("circle", at("circle")).unwrap();
        let text = write_file(&at("circle"), b"").unwrap_err().to_string();
        assert!(text.contains("circle"), "{text}");
        assert_eq!(std::fs::read_dir(at("far")).unwrap().count(), 2);
    }

    #[test]
    #[cfg(unix)]
    fn permissions_are_kept_and_protected_files_too() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        let mode = || std::fs::metadata(&target).unwrap().permissions().mode() & 0o777;
        let set = |mode| {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&target, permissions).unwrap();
        };
        std::fs::write(&target, "old").unwrap();
        for kept in [0o600, 0o640, 0o755] {
            set(kept);
            write_file(&target, b"new").unwrap();
            assert_eq!(mode(), kept);
        }
        set(0o444);
        let error = write_file(&target, b"newer").unwrap_err();
        let protected = matches!(error, OutputError::WriteProtected { .. });
        assert!(protected, "{error}");
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
    }

    #[test]
    fn all_files_appear_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let listing = || {
            let entries = std::fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> = entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        std::fs::write(at("a"), "old").unwrap();
        let three = || ["a", "b", "c"].map(|name| finish_file(&at(name), name.as_bytes()).unwrap());
        let files = three();
        // Something takes the last name before it is given.
        std::fs::create_dir(at("c")).unwrap();
        let text = commit_all(files.into()).unwrap_err().to_string();
        assert!(text.contains("nothing was left behind"), "{text}");
        assert_eq!(listing(), ["a", "c"]);
        assert_eq!(std::fs::read(at("a")).unwrap(), b"old");
        std::fs::remove_dir(at("c")).unwrap();
        commit_all(three().into()).unwrap();
        assert_eq!(listing(), ["a", "b", "c"]);
        assert_eq!(std::fs::read(at("a")).unwrap(), b"a");
    }

    #[test]
    fn names_that_are_too_long_are_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x".repeat(300));
        let text = check_writable(&target).unwrap_err().to_string();
        assert!(text.contains("too long"), "{text}");
    }

    #[test]
    fn folders_are_made_with_those_that_they_are_in() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        create_folder(&deep).unwrap();
        create_folder(&deep).unwrap();
        assert!(deep.is_dir());
        std::fs::write(folder.path().join("file"), "").unwrap();
        let text = create_folder(&folder.path().join("file/x")).unwrap_err();
        assert!(
            text.to_string().contains("cannot make the folder"),
            "{text}"
        );
    }
}
