//! The members of a `torch.save` archive as ranges of [`FileBytes`]. Stored members, as PyTorch writes them, are used
//! in place; deflated ones get a place behind the file, and are unpacked when they are needed.

use std::io::{self, BufReader, Read as _, Write};
use std::ops::Range;

use flate2::Crc;

use super::bytes::{FileBytes, MAX_UNPACKED};
use super::error::CheckpointError;
use crate::files::reading::{ZipError, ZipMember, check_member, inflate_member, zip_members};

/// Bytes of a stored member that are read at a time.
const PIECE: usize = 1 << 16;

/// One member: its whole name and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub name: String,
    pub data: Range<usize>,
    zip: ZipMember,
}

/// All members in the order of the central directory.
pub(super) fn members(bytes: &FileBytes) -> Result<Vec<Member>, CheckpointError> {
    let len = bytes.len() as u64;
    let members = zip_members(BufReader::new(bytes.reader(0)), len)?;
    let mut free = len;
    let placed = members.into_iter().map(|zip| {
        let start = if zip.deflated { free } else { zip.start };
        let end = start
            .checked_add(zip.size)
            .filter(|&end| !zip.deflated || end <= len.saturating_add(MAX_UNPACKED))
            .ok_or_else(|| too_large(&zip))?;
        if zip.deflated {
            free = end;
        }
        let end = usize::try_from(end).map_err(|_| too_large(&zip))?;
        Ok(Member {
            name: zip.name.clone(),
            data: start as usize..end,
            zip,
        })
    });
    placed.collect()
}

fn too_large(zip: &ZipMember) -> CheckpointError {
    CheckpointError::Zip(ZipError::TooLarge {
        name: crate::files::quote::excerpt(zip.name.as_bytes()),
        size: zip.size,
        limit: MAX_UNPACKED,
    })
}

impl Member {
    /// Compares the member with its checksum, and unpacks it if it is compressed, at most `limit` bytes.
    pub(super) fn prepare(&self, bytes: &mut FileBytes, limit: u64) -> Result<(), CheckpointError> {
        let start = self.zip.start as usize;
        if self.zip.deflated {
            let packed = BufReader::new(bytes.reader(start));
            let unpacked = inflate_member(&self.zip, packed, limit)?;
            bytes.add(self.data.start, unpacked);
            return Ok(());
        }
        self.copy(bytes, &mut io::sink())
    }

    /// Writes the member's bytes, and compares them with its checksum. One that is compressed is unpacked as a whole.
    pub(super) fn copy(
        &self,
        bytes: &FileBytes,
        out: &mut impl Write,
    ) -> Result<(), CheckpointError> {
        let start = self.zip.start as usize;
        if self.zip.deflated {
            let packed = BufReader::new(bytes.reader(start));
            out.write_all(&inflate_member(&self.zip, packed, MAX_UNPACKED)?)?;
            return Ok(());
        }
        let mut crc = Crc::new();
        let mut reader = bytes.reader(start).take(self.zip.packed);
        let mut piece = vec![0; PIECE];
        let mut size = 0;
        loop {
            match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => {
                    crc.update(&piece[..read]);
                    out.write_all(&piece[..read])?;
                    size += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(check_member(&self.zip, size, &crc)?)
    }
}
