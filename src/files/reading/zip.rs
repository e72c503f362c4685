//! Zip archives: their members by the central directory, stored or deflated, each compared with its CRC-32.

use std::io::{self, Cursor, Read, Seek};

use flate2::read::DeflateDecoder;
use flate2::{Crc, CrcReader};
use thiserror::Error;
use zip::{CompressionMethod, ZipArchive};

use crate::files::quote::{excerpt, message};

/// More members than any archive of networks or tensors has.
const MAX_MEMBERS: usize = 1 << 16;

/// Names that a message lists.
const LISTED: usize = 4;

/// What is wrong with an archive.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ZipError {
    #[error("a zip archive that is damaged: {0}")]
    Archive(String),
    #[error("the zip archive says {0} members, at most {MAX_MEMBERS} are read")]
    TooMany(usize),
    #[error("member `{name}` of the zip archive is encrypted")]
    Encrypted { name: String },
    #[error(
        "member `{name}` of the zip archive is compressed by {method}; known are Stored and Deflated"
    )]
    Method { name: String, method: String },
    #[error(
        "member `{name}` of the zip archive should take bytes {start} to {end}, the file has {len}"
    )]
    Range {
        name: String,
        start: u64,
        end: u64,
        len: u64,
    },
    #[error("member `{name}` of the zip archive is damaged: {source}")]
    Inflate { name: String, source: io::Error },
    #[error(
        "member `{name}` of the zip archive is damaged: it has not the {said} bytes of the directory"
    )]
    Size { name: String, said: u64 },
    #[error(
        "member `{name}` of the zip archive is damaged: its CRC-32 is {found:08X}, the directory says {said:08X}"
    )]
    Crc { name: String, found: u32, said: u32 },
    #[error("member `{name}` of the zip archive has {size} bytes, at most {limit} are read")]
    TooLarge { name: String, size: u64, limit: u64 },
    #[error("a zip archive of {count} files ({names}); unpack the one that is meant")]
    Several { count: usize, names: String },
    #[error("a zip archive without a file in it")]
    Nothing,
}

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZipMember {
    /// With the folders in it.
    pub name: String,
    /// Are its bytes compressed?
    pub deflated: bool,
    /// Where its bytes begin in the archive.
    pub start: u64,
    /// How many bytes it takes there.
    pub packed: u64,
    /// How many bytes it has by the directory.
    pub size: u64,
    /// By the directory.
    pub crc32: u32,
}

/// Does the file begin as a zip archive does?
#[must_use]
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// All files of an archive of `len` bytes, in the order of the central directory, from which all sizes are taken: local
/// headers may have none.
///
/// # Errors
/// It is damaged, or holds something that is not read.
pub fn members(archive: impl Read + Seek, len: u64) -> Result<Vec<ZipMember>, ZipError> {
    let damaged = |error: zip::result::ZipError| ZipError::Archive(message(&error));
    let mut archive = ZipArchive::new(archive).map_err(damaged)?;
    if archive.len() > MAX_MEMBERS {
        return Err(ZipError::TooMany(archive.len()));
    }
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).map_err(damaged)?;
        if file.is_dir() {
            continue;
        }
        let name = String::from_utf8_lossy(file.name_raw()).into_owned();
        let shown = || excerpt(name.as_bytes());
        if file.encrypted() {
            return Err(ZipError::Encrypted { name: shown() });
        }
        let deflated = match file.compression() {
            CompressionMethod::STORE => false,
            CompressionMethod::DEFLATE => true,
            other => {
                let (name, method) = (shown(), other.to_string());
                return Err(ZipError::Method { name, method });
            }
        };
        let (start, packed) = (
            file.data_start().unwrap_or(u64::MAX),
            file.compressed_size(),
        );
        let end = start.saturating_add(packed);
        if end > len {
            let name = shown();
            return Err(ZipError::Range {
                name,
                start,
                end,
                len,
            });
        }
        if !deflated && packed != file.size() {
            let said = file.size();
            return Err(ZipError::Size {
                name: shown(),
                said,
            });
        }
        members.push(ZipMember {
            deflated,
            start,
            packed,
            size: file.size(),
            crc32: file.crc32(),
            name,
        });
    }
    Ok(members)
}

/// The bytes of a member, of which `packed` are those in the archive. What the directory says of its size is compared
/// with `limit` and with what is there; memory grows with the latter.
///
/// # Errors
/// It is damaged or larger than the limit.
pub fn inflate_member(
    member: &ZipMember,
    packed: impl Read,
    limit: u64,
) -> Result<Vec<u8>, ZipError> {
    let name = || excerpt(member.name.as_bytes());
    if member.size > limit {
        return Err(ZipError::TooLarge {
            name: name(),
            size: member.size,
            limit,
        });
    }
    let packed = packed.take(member.packed);
    let unpacked: Box<dyn Read> = if member.deflated {
        Box::new(DeflateDecoder::new(packed))
    } else {
        Box::new(packed)
    };
    let mut reader = CrcReader::new(unpacked.take(member.size + 1));
    let mut bytes = Vec::new();
    reader
        .read_to_end(&mut bytes)
        .map_err(|source| ZipError::Inflate {
            name: name(),
            source,
        })?;
    check(member, bytes.len() as u64, reader.crc())?;
    Ok(bytes)
}

/// Compares what was read of a member with what the directory says.
///
/// # Errors
/// They differ.
pub fn check(member: &ZipMember, size: u64, crc: &Crc) -> Result<(), ZipError> {
    let name = || excerpt(member.name.as_bytes());
    if size != member.size {
        return Err(ZipError::Size {
            name: name(),
            said: member.size,
        });
    }
    if crc.sum() != member.crc32 {
        return Err(ZipError::Crc {
            name: name(),
            found: crc.sum(),
            said: member.crc32,
        });
    }
    Ok(())
}

/// Is it an archive that PyTorch made? Its members belong together.
#[must_use]
pub fn is_torch(members: &[ZipMember]) -> bool {
    members
        .iter()
        .any(|member| member.name.ends_with("/data.pkl"))
}

/// The one file that is meant in an archive: the only one, or the only one that is named like a network.
///
/// # Errors
/// There is none, or are several.
pub fn single(members: &[ZipMember]) -> Result<&ZipMember, ZipError> {
    let is_net = |member: &&ZipMember| member.name.to_ascii_lowercase().ends_with(".nnue");
    let mut nets = members.iter().filter(is_net);
    match (members, nets.next(), nets.next()) {
        ([], ..) => Err(ZipError::Nothing),
        ([only], ..) | (_, Some(only), None) => Ok(only),
        _ => {
            let names = members.iter().take(LISTED);
            let names: Vec<String> = names
                .map(|member| excerpt(member.name.as_bytes()))
                .collect();
            let more = if members.len() > LISTED { ", ..." } else { "" };
            Err(ZipError::Several {
                count: members.len(),
                names: names.join(", ") + more,
            })
        }
    }
}

/// The one file in an archive in memory, at most `limit` bytes of it; `None` for what is no archive, or one of PyTorch.
///
/// # Errors
/// The archive is damaged, or holds several files or a larger one.
pub fn unpack_single(bytes: &[u8], limit: u64) -> Result<Option<Vec<u8>>, ZipError> {
    if !is_archive(bytes) {
        return Ok(None);
    }
    let members = members(Cursor::new(bytes), bytes.len() as u64)?;
    if is_torch(&members) {
        return Ok(None);
    }
    let member = single(&members)?;
    // Not past the end, which was compared.
    let packed = &bytes[member.start as usize..];
    inflate_member(member, packed, limit).map(Some)
}
