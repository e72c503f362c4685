//! Where the members of a `torch.save` archive lie. They are stored, never compressed, so that they can be used in
//! place.

use std::io::Cursor;
use std::ops::Range;

use zip::{CompressionMethod, ZipArchive};

use super::error::CheckpointError;
use crate::quote::excerpt;

/// One member: its whole name and its bytes in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub name: String,
    pub data: Range<usize>,
}

/// Does the file begin as a zip archive does?
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// All members in the order of the central directory, from which all sizes are taken: local headers may have none.
pub(super) fn members(bytes: &[u8]) -> Result<Vec<Member>, CheckpointError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index)?;
        if file.is_dir() {
            continue;
        }
        let name = String::from_utf8_lossy(file.name_raw()).into_owned();
        if file.compression() != CompressionMethod::Stored {
            let name = excerpt(name.as_bytes());
            return Err(CheckpointError::Compressed { name });
        }
        let (start, size) = (file.data_start().unwrap_or(u64::MAX), file.size());
        let end = start.saturating_add(size);
        if end > bytes.len() as u64 {
            return Err(CheckpointError::MemberRange {
                name: excerpt(name.as_bytes()),
                start,
                end,
                len: bytes.len(),
            });
        }
        members.push(Member {
            name,
            data: start as usize..end as usize,
        });
    }
    Ok(members)
}
