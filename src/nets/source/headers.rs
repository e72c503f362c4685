//! Files without the beginning of a network, told without having them in memory.

use std::io::{self, Read};
use std::path::Path;

use memchr::memmem;

use super::kind::{FileKind, SAMPLE};
use crate::files::reading::{first_bytes, open};
use crate::nets::stockfish::VERSIONS;

/// Files up to this size are read whole without asking, in bytes.
const SMALL: u64 = 16 << 20;

/// The kind of a file that holds no network, whatever its size. `None` if it may hold one: a number that networks begin
/// with stands in it, it holds bytes in another form (a module of WebAssembly, text, an archive), it is small, it is
/// larger than `limit`, unpacked, or it cannot be read.
pub(super) fn barren(path: &Path, size: u64, limit: u64) -> Option<FileKind> {
    let (head, compression) = first_bytes(path, SAMPLE, true).ok()?;
    // How much a compressed file unpacks to its size does not tell.
    if size > limit || size <= SMALL && compression.is_none() {
        return None;
    }
    let kind = FileKind::of(&head);
    if matches!(kind, FileKind::WebAssembly | FileKind::Text | FileKind::Zip) {
        return None;
    }
    let mut bytes = open(path).ok()?.take(limit);
    let found = has_version(&mut bytes).ok()?;
    (!found && bytes.limit() > 0).then_some(kind)
}

/// Does the version of a network stand anywhere?
fn has_version(mut bytes: impl Read) -> io::Result<bool> {
    let versions = VERSIONS.map(u32::to_le_bytes);
    let finders = versions.each_ref().map(memmem::Finder::new);
    let mut buffer = vec![0; 1 << 20];
    // The last bytes of what was looked at: a version may go on in what is read next.
    let mut kept = 0;
    loop {
        let read = match bytes.read(&mut buffer[kept..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            return Ok(false);
        }
        let filled = kept + read;
        if finders
            .iter()
            .any(|finder| finder.find(&buffer[..filled]).is_some())
        {
            return Ok(true);
        }
        kept = filled.min(size_of::<u32>() - 1);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_however_they_are_cut() {
        for version in VERSIONS {
            for at in [0, 5, (1 << 20) - 2, 1 << 20, 3 << 20] {
                let mut bytes = vec![1; at];
                assert!(!has_version(&bytes[..]).unwrap());
                bytes.extend(version.to_le_bytes());
                assert!(has_version(&bytes[..]).unwrap());
                assert!(!has_version(&bytes[..at + 3]).unwrap());
                let (first, last) = bytes.split_at(at + 1);
                assert!(has_version(first.chain(last)).unwrap());
            }
        }
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let kind = |bytes: &[u8], size| {
            std::fs::write(&path, bytes).unwrap();
            barren(&path, size, 1 << 30)
        };
        assert_eq!(kind(b"\x7FELF\0", SMALL + 1), Some(FileKind::Elf));
        assert_eq!(kind(b"\x7FELF\0", SMALL), None);
        assert_eq!(kind(b"\0asm\0", SMALL + 1), None);
        let network = [b"\x7FELF\0", &VERSIONS[0].to_le_bytes()[..]].concat();
        assert_eq!(kind(&network, SMALL + 1), None);
        let packed = zstd::encode_all(&[1; 1 << 17][..], 1).unwrap();
        assert_eq!(kind(&packed, 99), Some(FileKind::Other));
        // How far it is unpacked is limited.
        assert_eq!(barren(&path, 99, 1 << 17), None);
        assert_eq!(
            barren(&folder.path().join("none"), SMALL + 1, 1 << 30),
            None
        );
    }
}
