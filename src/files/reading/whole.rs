//! The unpacked bytes of a file or stream: all of them up to a limit, the first ones, or one after the other.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek as _, Write as _};
use std::path::Path;

use rayon::prelude::*;

use super::compression::{Compression, MAGIC_LEN};
use super::{ReadError, open_readable};

const BUFFER: usize = 1 << 17;

/// Bytes of a file that is worth all cores.
const LARGE: u64 = 1 << 22;

/// What a file or stream held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Unpacked.
    pub bytes: Vec<u8>,
    /// How they were packed.
    pub compression: Option<Compression>,
}

/// Reads and unpacks a file, up to `limit` bytes.
///
/// # Errors
/// It cannot be read, is a folder or device, is larger or unpacks to more than the limit, or is damaged.
pub fn read_file(path: &Path, limit: u64) -> Result<Contents, ReadError> {
    let mut file = open_readable(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() > limit {
        return Err(ReadError::TooLarge { limit });
    }
    if metadata.is_file() && metadata.len() >= LARGE {
        let compression = Compression::of(&read_in_parts(&file, MAGIC_LEN as u64)?);
        if compression.is_none() {
            let bytes = read_in_parts(&file, metadata.len())?;
            return Ok(Contents { bytes, compression });
        }
        // Some systems have gone on to where they read.
        file.rewind()?;
    }
    read(file, metadata.len().min(limit), limit)
}

/// What a file holds as it is, but no more than `most` bytes.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read_as_it_is(file: File, most: u64) -> io::Result<Vec<u8>> {
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() >= LARGE {
        return read_in_parts(&file, metadata.len().min(most));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// So many bytes from the beginning of a regular file, read on all cores: most of the time goes into memory that is
/// filled for the first time.
///
/// # Errors
/// It cannot be read, or has fewer bytes.
fn read_in_parts(file: &File, len: u64) -> io::Result<Vec<u8>> {
    /// Bytes that one task reads.
    const PART: usize = 1 << 20;
    let len = usize::try_from(len).map_err(io::Error::other)?;
    let bytes = bytemuck::allocation::try_zeroed_slice_box(len);
    let mut bytes = bytes.map_err(|()| io::ErrorKind::OutOfMemory)?.into_vec();
    let parts = bytes.par_chunks_mut(PART).enumerate();
    parts.try_for_each(|(number, part)| read_exact_at(file, part, (number * PART) as u64))?;
    Ok(bytes)
}

/// Fills `bytes` with what a file has from an offset on. Some systems move the file's own place by it.
///
/// # Errors
/// It cannot be read, or ends before.
#[cfg(unix)]
pub fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

/// As above.
#[cfg(windows)]
pub fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                bytes = &mut bytes[read..];
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// As [`read_file`], of a stream.
///
/// # Errors
/// As [`read_file`].
pub fn read_stream(stream: impl Read + Send, limit: u64) -> Result<Contents, ReadError> {
    read(stream, 0, limit)
}

/// `size` is what the file system says of a file: it may be wrong, but is not above the limit.
fn read(mut stream: impl Read + Send, size: u64, limit: u64) -> Result<Contents, ReadError> {
    let mut bytes = Vec::new();
    let magic = magic(&mut stream)?;
    let compression = Compression::of(&magic);
    let whole = Cursor::new(magic).chain(stream);
    match compression {
        None => {
            let size = usize::try_from(size).unwrap_or(0);
            bytes.try_reserve_exact(size).map_err(io::Error::other)?;
            whole
                .take(limit.saturating_add(1))
                .read_to_end(&mut bytes)?;
            if bytes.len() as u64 > limit {
                return Err(ReadError::TooLarge { limit });
            }
        }
        Some(compression) => {
            let damaged = |source| ReadError::Damaged {
                compression,
                source,
            };
            compression
                .reader(BufReader::with_capacity(BUFFER, whole))
                .map_err(damaged)?
                .take(limit.saturating_add(1))
                .read_to_end(&mut bytes)
                .map_err(damaged)?;
            if bytes.len() as u64 > limit {
                return Err(ReadError::UnpacksTooLarge { compression, limit });
            }
        }
    }
    Ok(Contents { bytes, compression })
}

fn magic(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut magic = Vec::with_capacity(MAGIC_LEN);
    stream.take(MAGIC_LEN as u64).read_to_end(&mut magic)?;
    Ok(magic)
}

/// Opens a file or pipe as a stream of its unpacked bytes.
///
/// # Errors
/// It cannot be opened, is a folder or device, or is damaged at its beginning.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>, ReadError> {
    let mut file = open_readable(path)?;
    let magic = magic(&mut file)?;
    let compression = Compression::of(&magic);
    let whole = BufReader::with_capacity(BUFFER, Cursor::new(magic).chain(file));
    Ok(match compression {
        None => Box::new(whole),
        Some(compression) => {
            let damaged = |source| ReadError::Damaged {
                compression,
                source,
            };
            compression.reader(whole).map_err(damaged)?
        }
    })
}

/// The first bytes of a file, at most `len`, unpacked if `unpack` says so. Only regular files are looked at: a pipe
/// would lose what was read of it.
///
/// # Errors
/// It is no regular file, or cannot be read.
pub fn first_bytes(
    path: &Path,
    len: usize,
    unpack: bool,
) -> io::Result<(Vec<u8>, Option<Compression>)> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut file = File::open(path)?;
    let magic = magic(&mut file)?;
    let compression = Compression::of(&magic).filter(|_| unpack);
    let whole = Cursor::new(magic).chain(file);
    let mut bytes = Vec::new();
    match compression {
        None => whole.take(len as u64).read_to_end(&mut bytes)?,
        Some(compression) => compression
            .reader(BufReader::new(whole))?
            .take(len as u64)
            .read_to_end(&mut bytes)?,
    };
    Ok((bytes, compression))
}

/// Opens a file that is read here and there, and says how many bytes it has. A compressed one is unpacked into a
/// temporary file without a name first; half of what is free in the folder of temporary files is left free.
///
/// # Errors
/// It is no regular file, cannot be read, is damaged, or unpacks to more than there is room for.
pub fn open_seekable(path: &Path) -> Result<(File, u64), ReadError> {
    // Asked before it is opened: that would wait for somebody who writes.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() && !metadata.is_dir() && !super::is_device(&metadata) {
        return Err(ReadError::Pipe);
    }
    let mut file = open_readable(path)?;
    let magic = magic(&mut file)?;
    let mut file = match Compression::of(&magic) {
        None => file,
        Some(compression) => {
            let packed = BufReader::with_capacity(BUFFER, Cursor::new(magic).chain(file));
            unpack_to_temporary_file(packed, compression)?
        }
    };
    file.rewind()?;
    let len = file.metadata()?.len();
    Ok((file, len))
}

fn unpack_to_temporary_file(
    packed: impl BufRead + Send,
    compression: Compression,
) -> Result<File, ReadError> {
    let damaged = |source| ReadError::Damaged {
        compression,
        source,
    };
    let folder = std::env::temp_dir();
    let limit = fs4::available_space(&folder)? / 2;
    let mut unpacked = compression.reader(packed).map_err(damaged)?;
    let mut file = tempfile::tempfile_in(folder)?;
    let mut buffer = vec![0; BUFFER];
    let mut written = 0;
    loop {
        let read = match unpacked.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(damaged)?,
        };
        if read == 0 {
            return Ok(file);
        }
        written += read as u64;
        if written > limit {
            return Err(ReadError::UnpacksTooLarge { compression, limit });
        }
        file.write_all(&buffer[..read])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_files_are_read_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        // Numerical Recipes' generator: nothing that zstd makes shorter.
        let numbers = (0..LARGE + 77).scan(1u32, |state, _| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Some((*state >> 24) as u8)
        });
        let bytes: Vec<u8> = numbers.collect();
        std::fs::write(&path, &bytes).unwrap();
        let limit = bytes.len() as u64;
        assert!(read_file(&path, limit).unwrap().bytes == bytes);
        let error = read_file(&path, limit - 1).unwrap_err();
        assert!(matches!(error, ReadError::TooLarge { .. }), "{error}");
        let file = File::open(&path).unwrap();
        let error = read_in_parts(&file, limit + 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(read_as_it_is(file, limit - 5).unwrap() == bytes[..bytes.len() - 5]);
        let file = File::open(&path).unwrap();
        assert!(read_as_it_is(file, u64::MAX).unwrap() == bytes);
        // What is no network is found to be packed all the same.
        let packed = zstd::encode_all(bytes.as_slice(), -50).unwrap();
        assert!(packed.len() as u64 >= LARGE);
        std::fs::write(&path, &packed).unwrap();
        let contents = read_file(&path, 2 * limit).unwrap();
        assert!(contents.bytes == bytes && contents.compression == Some(Compression::Zstd));
    }

    fn packed(bytes: &[u8]) -> [(Compression, Vec<u8>); 3] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(bytes).unwrap();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
        xz.write_all(bytes).unwrap();
        [
            (Compression::Gzip, gzip.finish().unwrap()),
            (Compression::Zstd, zstd::encode_all(bytes, 1).unwrap()),
            (Compression::Xz, xz.finish().unwrap()),
        ]
    }

    #[test]
    fn files_and_streams_up_to_the_limit() {
        let bytes = vec![0; 1 << 20];
        let limit = bytes.len() as u64;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let all = packed(&bytes).map(|(compression, packed)| (Some(compression), packed));
        for (compression, file) in all.into_iter().chain([(None, bytes.clone())]) {
            std::fs::write(&path, &file).unwrap();
            let contents = read_file(&path, limit).unwrap();
            assert_eq!(contents, read_stream(file.as_slice(), limit).unwrap());
            assert_eq!(
                (contents.bytes.len(), contents.compression),
                (1 << 20, compression)
            );
            let mut streamed = Vec::new();
            open(&path).unwrap().read_to_end(&mut streamed).unwrap();
            assert_eq!(streamed, bytes);
            assert_eq!(open_seekable(&path).unwrap().1, limit);
            let error = read_file(&path, limit - 1).unwrap_err();
            let expected = match compression {
                None => matches!(error, ReadError::TooLarge { .. }),
                Some(_) => matches!(error, ReadError::UnpacksTooLarge { .. }),
            };
            assert!(expected, "{error}");
            if compression.is_some() {
                std::fs::write(&path, &file[..file.len() / 2]).unwrap();
                let error = read_file(&path, limit).unwrap_err();
                assert!(matches!(error, ReadError::Damaged { .. }), "{error}");
                assert!(open_seekable(&path).is_err());
            }
        }
        assert!(matches!(
            read_file(folder.path(), 9),
            Err(ReadError::Folder)
        ));
        let endless = read_stream(io::repeat(7), limit).unwrap_err();
        assert!(matches!(endless, ReadError::TooLarge { .. }), "{endless}");
        #[cfg(unix)]
        for device in ["/dev/zero", "/dev/null"] {
            let error = read_file(Path::new(device), limit).unwrap_err();
            assert!(matches!(error, ReadError::Device), "{error}");
        }
    }

    #[test]
    fn decoders_do_not_take_the_memory_that_a_file_asks_for() {
        // A zstd frame with a window of 2 GiB, and one raw block of one byte, the last.
        let mut zstd = vec![0x28, 0xB5, 0x2F, 0xFD, 0x00, (31 - 10) << 3, 0x09, 0, 0, 7];
        // The same as a single segment whose content is said to have 2 GiB.
        let single = [
            0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0, 0, 0, 0x80, 0x09, 0, 0, 7, 0, 0,
        ];
        // An xz block whose dictionary has 4 GiB - 1: the size stands in byte 16, the header's CRC-32 in bytes 20 to
        // 23.
        let [_, _, (_, mut xz)] = packed(b"bytes");
        assert_eq!(&xz[12..16], &[2, 0, 0x21, 1]);
        xz[16] = 40;
        let mut crc = flate2::Crc::new();
        crc.update(&xz[12..20]);
        xz[20..24].copy_from_slice(&crc.sum().to_le_bytes());
        for file in [&zstd[..], &single, &xz] {
            let error = read_stream(file, 1 << 20).unwrap_err();
            assert!(matches!(error, ReadError::Damaged { .. }), "{error}");
            assert!(
                error.to_string().to_lowercase().contains("memory"),
                "{error}"
            );
        }
        // A skippable frame behind it makes the header long enough to be looked at.
        zstd.extend([0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0]);
        let error = read_stream(zstd.as_slice(), 9).unwrap_err();
        assert!(error.to_string().contains("window of 2048 MiB"), "{error}");
        // What --long=28 needs.
        zstd[5] = (28 - 10) << 3;
        assert_eq!(read_stream(zstd.as_slice(), 9).unwrap().bytes, [7]);
    }
}
