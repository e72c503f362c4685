//! Files that are read: what was named may be compressed, larger than anything of its kind, endless or a folder.
//!
//! [`read_file`] and [`read_stream`] give the unpacked bytes of something that is needed as a whole, never more than a
//! limit; [`open`] gives a stream of them. What is wrong is said before memory runs out. Pipes are read like files, and
//! devices are not.

mod compression;
mod gzip;
mod whole;
mod zip;

use std::fs::File;
use std::io;
use std::path::Path;

use thiserror::Error;

pub use compression::Compression;
pub(crate) use whole::read_as_it_is;
#[doc(hidden)]
pub use whole::read_exact_at;
pub use whole::{Contents, first_bytes, open, open_seekable, read_file, read_stream};
pub use zip::{
    ZipError, ZipMember, check as check_member, inflate_member, is_archive, is_torch,
    members as zip_members, single as single_member, unpack_single,
};

/// Why something could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it is no file but a folder")]
    Folder,
    #[error("it is no file but a device, which has no end")]
    Device,
    #[error("it is no file but a pipe, and it is read here and there: put it into a file")]
    Pipe,
    #[error("larger than {}", size(*limit))]
    TooLarge { limit: u64 },
    #[error("unpacks to more than {} ({compression})", size(*limit))]
    UnpacksTooLarge {
        compression: Compression,
        limit: u64,
    },
    #[error("damaged {compression} file: {source}")]
    Damaged {
        compression: Compression,
        source: io::Error,
    },
    #[error(transparent)]
    Zip(#[from] ZipError),
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> io::Error {
        match error {
            ReadError::Io(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
        }
    }
}

/// CRC-32, as in gzip and zip.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Is a regular file empty, or does it hold nothing but zeros as far as this looks? That is what a crash of the system
/// leaves of a file that was not on the disk yet.
pub fn is_blank(path: &Path) -> bool {
    const LOOKED_AT: usize = 1 << 16;
    first_bytes(path, LOOKED_AT, false).is_ok_and(|(bytes, _)| bytes.iter().all(|&byte| byte == 0))
}

/// A limit for people.
fn size(bytes: u64) -> String {
    match bytes {
        _ if bytes >= 1 << 30 && bytes.is_multiple_of(1 << 30) => format!("{} GiB", bytes >> 30),
        _ if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ => format!("{bytes} bytes"),
    }
}

/// Opens a file or pipe. Opening a pipe waits for somebody who writes.
///
/// # Errors
/// It cannot be opened, or is a folder or device.
fn open_readable(path: &Path) -> Result<File, ReadError> {
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(ReadError::Folder);
    }
    if is_device(&metadata) {
        return Err(ReadError::Device);
    }
    Ok(File::open(path)?)
}

#[cfg(unix)]
fn is_device(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = metadata.file_type();
    kind.is_char_device() || kind.is_block_device()
}

#[cfg(not(unix))]
fn is_device(_: &std::fs::Metadata) -> bool {
    false
}
