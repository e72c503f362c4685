//! The file around a network: plain or gzip, as zlib's `gzread` takes it.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use sha2::{Digest as _, Sha256};

use super::{Lc0Error, MAX_BYTES, Refusal};
use crate::files::digest::hex;

/// How a network was stored.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Container {
    /// Bytes of the file.
    pub stored_bytes: u64,
    /// SHA-256 of the file.
    pub sha256: String,
    /// gzip streams in a row; 0 for a file that is not compressed.
    pub gzip_members: u32,
    /// Does the last gzip stream end before its end? Lc0 takes what is there.
    pub cut_short: bool,
    /// Bytes after the last gzip stream, which are not read.
    pub ignored_bytes: u64,
    /// Bytes of the network, unpacked.
    pub unpacked_bytes: u64,
    /// SHA-256 of the network, unpacked.
    pub unpacked_sha256: String,
}

/// Counts and hashes what passes.
struct Watched<R> {
    inner: R,
    bytes: u64,
    hash: Sha256,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

/// What was unpacked so far.
struct Unpacked {
    bytes: Vec<u8>,
    limit: u64,
}

impl Unpacked {
    /// Reads to the end. The error that stopped it, if one did.
    fn fill(&mut self, from: &mut impl Read) -> Result<Option<io::Error>, Lc0Error> {
        let room = self.limit - self.bytes.len() as u64;
        let outcome = from.take(room + 1).read_to_end(&mut self.bytes);
        if self.bytes.len() as u64 > self.limit {
            return Err(Lc0Error::TooLarge { limit: self.limit });
        }
        Ok(outcome.err())
    }
}

const GZIP: [u8; 2] = [0x1F, 0x8B];

/// Unpacks a file.
///
/// # Errors
/// It cannot be read, is damaged, or unpacks to more than [`MAX_BYTES`].
pub(super) fn unpack(from: impl Read) -> Result<(Vec<u8>, Container), Lc0Error> {
    unpack_up_to(from, MAX_BYTES)
}

fn unpack_up_to(from: impl Read, limit: u64) -> Result<(Vec<u8>, Container), Lc0Error> {
    let watched = Watched {
        inner: from,
        bytes: 0,
        hash: Sha256::new(),
    };
    let mut input = BufReader::with_capacity(1 << 20, watched);
    let mut out = Unpacked {
        bytes: Vec::new(),
        limit,
    };
    let (mut gzip_members, mut cut_short) = (0, false);
    if begins_gzip(&mut input)? {
        while !cut_short && begins_gzip(&mut input)? {
            gzip_members += 1;
            cut_short = member(&mut input, &mut out)?;
        }
    } else if let Some(source) = out.fill(&mut input)? {
        return Err(Lc0Error::Read(source));
    }
    let before_rest = input.get_ref().bytes - input.buffer().len() as u64;
    io::copy(&mut input, &mut io::sink()).map_err(Lc0Error::Read)?;
    let Watched { bytes, hash, .. } = input.into_inner();
    let sha256 = hex(&hash.finalize());
    let container = Container {
        stored_bytes: bytes,
        unpacked_sha256: if gzip_members == 0 {
            sha256.clone()
        } else {
            hex(&Sha256::digest(&out.bytes))
        },
        sha256,
        gzip_members,
        cut_short,
        ignored_bytes: bytes - before_rest,
        unpacked_bytes: out.bytes.len() as u64,
    };
    Ok((out.bytes, container))
}

fn begins_gzip(input: &mut impl BufRead) -> Result<bool, Lc0Error> {
    Ok(input.fill_buf().map_err(Lc0Error::Read)?.starts_with(&GZIP))
}

/// Unpacks one gzip stream. Does it end before its end?
fn member(input: &mut impl BufRead, out: &mut Unpacked) -> Result<bool, Lc0Error> {
    let Some(error) = out.fill(&mut GzDecoder::new(input))? else {
        return Ok(false);
    };
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Ok(true),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Err(Refusal::Gzip {
            unpacked: out.bytes.len(),
            text: error.to_string(),
        }
        .into()),
        _ => Err(Lc0Error::Read(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    }

    #[test]
    fn members_in_a_row_are_one_file_and_rubbish_after_them_is_not_read() {
        let mut stored = gzip(b"one ");
        stored.extend(gzip(b"two"));
        stored.extend(b"rubbish");
        let (bytes, container) = unpack(&stored[..]).expect("it is whole");
        assert_eq!(bytes, b"one two");
        assert_eq!((container.gzip_members, container.ignored_bytes), (2, 7));
        assert_eq!(container.stored_bytes, stored.len() as u64);
    }

    #[test]
    fn a_stream_cut_short_gives_what_is_there() {
        let text: Vec<u8> = (0..40_000_u32)
            .flat_map(|n| (n * n).to_le_bytes())
            .collect();
        let stored = gzip(&text);
        let (bytes, container) = unpack(&stored[..stored.len() / 2]).expect("half is there");
        assert!(container.cut_short);
        assert!(bytes.len() > 1000 && text.starts_with(&bytes));
        let (bytes, container) = unpack(&stored[..4]).expect("less than a header");
        assert!(container.cut_short && bytes.is_empty());
    }

    #[test]
    fn a_wrong_checksum_is_an_error() {
        let mut stored = gzip(b"some text");
        let crc = stored.len() - 8;
        stored[crc] ^= 1;
        let error = unpack(&stored[..]).expect_err("the checksum is wrong");
        let Lc0Error::Refused(refusal) = error else {
            panic!("{error}");
        };
        assert_eq!(refusal.lc0_says(), "incorrect data check");
    }

    #[test]
    fn what_unpacks_to_more_than_the_limit_is_refused() {
        let error = unpack_up_to(&gzip(&[0; 5000])[..], 4999).expect_err("one byte too many");
        assert!(matches!(error, Lc0Error::TooLarge { limit: 4999 }));
        assert!(unpack_up_to(&gzip(&[0; 5000])[..], 5000).is_ok());
    }
}
