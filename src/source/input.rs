//! Bytes of a file or of standard input, unpacked, never more than a limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::compression::{Compression, MAGIC_LEN};
use super::error::SourceError;
use super::parts;

/// What was read.
#[derive(Debug)]
pub(super) struct Input {
    /// For messages: the path, or a word for standard input.
    pub name: String,
    pub path: Option<PathBuf>,
    /// Files that were joined.
    pub parts: usize,
    pub compression: Option<Compression>,
    pub bytes: Vec<u8>,
}

impl Input {
    /// Reads a file, or all parts of a module of which it is one.
    pub(super) fn read(path: &Path, limit: u64) -> Result<Input, SourceError> {
        let files = match parts::parts(path)? {
            Some(files) => files,
            None => vec![path.to_path_buf()],
        };
        let mut input = Input {
            name: path.display().to_string(),
            path: Some(path.to_path_buf()),
            parts: files.len(),
            compression: None,
            bytes: Vec::new(),
        };
        for file in &files {
            let metadata = std::fs::metadata(file).map_err(SourceError::io(file))?;
            if !metadata.is_file() {
                return Err(SourceError::NotAFile { path: file.clone() });
            }
            if metadata.len() > limit {
                return Err(SourceError::TooLarge {
                    file: file.display().to_string(),
                    limit,
                });
            }
            let opened = File::open(file).map_err(SourceError::io(file))?;
            let size = usize::try_from(metadata.len()).unwrap_or(0);
            input.append(opened, size, limit)?;
        }
        Ok(input)
    }

    /// Reads to the end of a stream.
    pub(super) fn read_stream(
        name: &str,
        stream: impl Read,
        limit: u64,
    ) -> Result<Input, SourceError> {
        let mut input = Input {
            name: name.to_string(),
            path: None,
            parts: 1,
            compression: None,
            bytes: Vec::new(),
        };
        input.append(stream, 0, limit)?;
        Ok(input)
    }

    /// Appends a stream, unpacked if it is compressed. `size` is what the file system says of it: it may be
    /// wrong, but it was compared with the limit.
    fn append(
        &mut self,
        mut stream: impl Read,
        size: usize,
        limit: u64,
    ) -> Result<(), SourceError> {
        let failed = |name: &str| {
            let file = name.to_string();
            move |source| SourceError::Io { file, source }
        };
        let mut magic = Vec::with_capacity(MAGIC_LEN);
        (&mut stream)
            .take(MAGIC_LEN as u64)
            .read_to_end(&mut magic)
            .map_err(failed(&self.name))?;
        if magic.is_empty() {
            return Err(SourceError::Empty {
                file: self.name.clone(),
            });
        }
        let compression = Compression::of(&magic);
        let left = limit.saturating_sub(self.bytes.len() as u64);
        let whole = io::Cursor::new(&magic).chain(stream);
        match compression {
            None => {
                self.bytes.reserve_exact(size);
                whole
                    .take(left + 1)
                    .read_to_end(&mut self.bytes)
                    .map_err(failed(&self.name))?;
                if self.bytes.len() as u64 > limit {
                    return Err(SourceError::TooLarge {
                        file: self.name.clone(),
                        limit,
                    });
                }
            }
            Some(compression) => {
                let damaged = |source| SourceError::Damaged {
                    file: self.name.clone(),
                    compression,
                    source,
                };
                let buffered = io::BufReader::with_capacity(1 << 17, whole);
                let unpacked = compression.reader(buffered).map_err(damaged)?;
                unpacked
                    .take(left + 1)
                    .read_to_end(&mut self.bytes)
                    .map_err(damaged)?;
                if self.bytes.len() as u64 > limit {
                    return Err(SourceError::UnpacksTooLarge {
                        file: self.name.clone(),
                        compression,
                        limit,
                    });
                }
                if self.bytes.is_empty() {
                    return Err(SourceError::Empty {
                        file: self.name.clone(),
                    });
                }
                self.compression = Some(compression);
            }
        }
        Ok(())
    }
}

/// The first bytes of a regular file, at most `len`. Compressed files are unpacked if `unpack` says so.
pub(super) fn first_bytes(
    path: &Path,
    len: usize,
    unpack: bool,
) -> io::Result<(Vec<u8>, Option<Compression>)> {
    let mut magic = Vec::new();
    let mut file = File::open(path)?;
    (&mut file).take(MAGIC_LEN as u64).read_to_end(&mut magic)?;
    let compression = Compression::of(&magic).filter(|_| unpack);
    let whole = io::Cursor::new(magic).chain(file);
    let mut bytes = Vec::new();
    match compression {
        None => whole.take(len as u64).read_to_end(&mut bytes)?,
        Some(compression) => compression
            .reader(io::BufReader::new(whole))?
            .take(len as u64)
            .read_to_end(&mut bytes)?,
    };
    Ok((bytes, compression))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

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
    fn streams_up_to_the_limit() {
        let bytes = vec![0; 1 << 20];
        let limit = bytes.len() as u64;
        let input = Input::read_stream("it", bytes.as_slice(), limit).unwrap();
        assert_eq!((input.bytes.len(), input.compression), (1 << 20, None));
        let error = Input::read_stream("it", bytes.as_slice(), limit - 1).unwrap_err();
        assert!(matches!(error, SourceError::TooLarge { .. }), "{error}");
        for (compression, packed) in packed(&bytes) {
            let input = Input::read_stream("it", packed.as_slice(), limit).unwrap();
            assert_eq!(
                (input.bytes.len(), input.compression),
                (1 << 20, Some(compression))
            );
            let error = Input::read_stream("it", packed.as_slice(), limit - 1).unwrap_err();
            assert!(
                matches!(error, SourceError::UnpacksTooLarge { .. }),
                "{error}"
            );
        }
        // A stream without an end.
        let error = Input::read_stream("it", io::repeat(7), limit).unwrap_err();
        assert!(matches!(error, SourceError::TooLarge { .. }), "{error}");
        for empty in packed(b"")
            .iter()
            .map(|(_, packed)| packed.as_slice())
            .chain([&b""[..]])
        {
            let error = Input::read_stream("it", empty, limit).unwrap_err();
            assert!(matches!(error, SourceError::Empty { .. }), "{error}");
        }
    }

    #[test]
    fn decoders_do_not_take_the_memory_that_a_file_asks_for() {
        // A zstd frame with a window of 2 GiB, and one raw block of one byte, the last.
        let zstd = [0x28, 0xB5, 0x2F, 0xFD, 0x00, (31 - 10) << 3, 0x09, 0, 0, 7];
        // An xz block whose dictionary has 4 GiB - 1: the size stands in byte 16, the header's CRC-32 in bytes 20 to
        // 23.
        let [_, _, (_, mut xz)] = packed(b"bytes");
        assert_eq!(&xz[12..16], &[2, 0, 0x21, 1]);
        xz[16] = 40;
        let mut crc = flate2::Crc::new();
        crc.update(&xz[12..20]);
        xz[20..24].copy_from_slice(&crc.sum().to_le_bytes());
        for file in [&zstd[..], &xz] {
            let error = Input::read_stream("it", file, 1 << 20).unwrap_err();
            assert!(matches!(error, SourceError::Damaged { .. }), "{error}");
            assert!(
                error.to_string().to_lowercase().contains("memory"),
                "{error}"
            );
        }
    }
}
