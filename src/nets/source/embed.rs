//! A network appended to this program's own executable.
//!
//! Format: the executable as it was, the network's file, its length (`u64`, little endian), its SHA-256 (32 bytes), the
//! magic (16 bytes). Executable formats are read from their beginning, so what follows does not disturb them. (A code
//! signature does not cover it: sign the executable after embedding, not before.)

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::error::SourceError;
use super::{LoadedBytes, MAX_BYTES, Origin};
use crate::files::atomic::{OutputFile, io_error};
use crate::files::digest;
use crate::nets::stockfish::{Era, NetError, Network, ReadOptions};

const MAGIC: &[u8; 16] = b"ftperm-embedded1";

/// Bytes after the network.
const TRAILER: usize = 8 + 32 + MAGIC.len();

/// What the last bytes of an executable say.
struct Trailer {
    /// First byte of the network.
    start: u64,
    len: u64,
    sha256: [u8; 32],
}

/// Reads the last bytes; `None` if no network was ever appended.
fn trailer(file: &mut File, path: &Path) -> Result<Option<Trailer>, SourceError> {
    let size = file.metadata().map_err(SourceError::io(path))?.len();
    if size < TRAILER as u64 {
        return Ok(None);
    }
    let mut bytes = [0; TRAILER];
    file.seek(SeekFrom::Start(size - TRAILER as u64))
        .and_then(|_| file.read_exact(&mut bytes))
        .map_err(SourceError::io(path))?;
    let (len, rest) = bytes.split_first_chunk().expect("the trailer has a length");
    let (sha256, magic) = rest.split_first_chunk().expect("the trailer has a hash");
    if magic != MAGIC {
        return Ok(None);
    }
    let len = u64::from_le_bytes(*len);
    let start = (size - TRAILER as u64).checked_sub(len);
    match start.filter(|_| len <= MAX_BYTES) {
        Some(start) => Ok(Some(Trailer {
            start,
            len,
            sha256: *sha256,
        })),
        None => Err(SourceError::EmbeddedDamaged {
            path: path.to_path_buf(),
            reason: format!("it claims {len} bytes, the executable has {size}"),
        }),
    }
}

/// Length of the network embedded in an executable, if there is one.
pub(super) fn embedded_len(executable: &Path) -> Result<Option<u64>, SourceError> {
    let mut file = File::open(executable).map_err(SourceError::io(executable))?;
    Ok(trailer(&mut file, executable)?.map(|trailer| trailer.len))
}

/// The network embedded in an executable, if there is one.
///
/// # Errors
/// The executable cannot be read, or what it holds is damaged.
pub fn embedded(executable: &Path) -> Result<Option<LoadedBytes>, SourceError> {
    let mut file = File::open(executable).map_err(SourceError::io(executable))?;
    let Some(trailer) = trailer(&mut file, executable)? else {
        return Ok(None);
    };
    let mut bytes = Vec::with_capacity(trailer.len as usize);
    file.seek(SeekFrom::Start(trailer.start))
        .and_then(|_| file.take(trailer.len).read_to_end(&mut bytes))
        .map_err(SourceError::io(executable))?;
    let sha256 = digest::sha256(&bytes);
    if sha256 != trailer.sha256 {
        return Err(SourceError::EmbeddedDamaged {
            path: executable.to_path_buf(),
            reason: format!(
                "its SHA-256 is {}, it should be {}",
                digest::hex(&sha256),
                digest::hex(&trailer.sha256)
            ),
        });
    }
    let origin = Origin {
        appended: true,
        ..Origin::file(executable)
    };
    Ok(Some(LoadedBytes { bytes, origin }))
}

/// Writes a copy of an executable with a network appended; one that it already had is replaced. The copy has the
/// executable's permissions and appears whole or not at all.
///
/// # Errors
/// `net` is not one whole network, of `era` if one is named, or a file cannot be read or written.
pub fn embed(
    executable: &Path,
    net: &[u8],
    era: Option<&'static Era>,
    out: &Path,
) -> Result<(), SourceError> {
    let is_whole = match era {
        None => Network::extent(net) == Some(net.len()),
        Some(_) => matches!(
            Network::parse(net, &ReadOptions { era, clamp: None }),
            Ok(_) | Err(NetError::ClampUnknown { .. })
        ),
    };
    if !is_whole {
        return Err(SourceError::NotWhole {
            path: out.to_path_buf(),
        });
    }
    let mut file = File::open(executable).map_err(SourceError::io(executable))?;
    let metadata = file.metadata().map_err(SourceError::io(executable))?;
    let own_len = trailer(&mut file, executable)?.map_or(metadata.len(), |trailer| trailer.start);
    file.seek(SeekFrom::Start(0))
        .map_err(SourceError::io(executable))?;
    let mut copy = OutputFile::create(out)?;
    let filled = io::copy(&mut file.take(own_len), &mut copy).and_then(|copied| {
        if copied != own_len {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the executable changed while it was copied",
            ));
        }
        copy.write_all(net)?;
        copy.write_all(&(net.len() as u64).to_le_bytes())?;
        copy.write_all(&digest::sha256(net))?;
        copy.write_all(MAGIC)?;
        copy.set_permissions(metadata.permissions())
    });
    filled.map_err(|source| io_error(out, source))?;
    Ok(copy.commit()?)
}
