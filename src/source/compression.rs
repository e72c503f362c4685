//! Compressed files: recognised by content, unpacked up to a limit.

use std::fmt;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

/// How a whole file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Zstd,
    Xz,
}

/// Memory that the xz decoder may take for its dictionary; the highest preset needs 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;

/// Log2 of the zstd window that is accepted: what `zstd --ultra --long=27` makes.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Bytes that suffice to recognise a compression.
pub(super) const MAGIC_LEN: usize = 6;

impl Compression {
    /// By a file's first bytes.
    pub fn of(bytes: &[u8]) -> Option<Compression> {
        if bytes.starts_with(&[0x1F, 0x8B, 0x08]) {
            Some(Compression::Gzip)
        } else if bytes.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
            Some(Compression::Zstd)
        } else if bytes.starts_with(&[0xFD, b'7', b'z', b'X', b'Z', 0x00]) {
            Some(Compression::Xz)
        } else {
            None
        }
    }

    /// A reader of the unpacked bytes. Its memory is bounded, whatever the file asks for.
    pub(super) fn reader<'a>(self, packed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Compression::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::new(packed)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
            Compression::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
                Box::new(XzDecoder::new_stream(packed, stream))
            }
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Xz => "xz",
        })
    }
}
