//! Compressed files: recognised by content, unpacked in bounded memory.

use std::fmt;
use std::io::{self, BufRead, Read};

use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use super::gzip::Gzip;

/// How a whole file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Zstd,
    Xz,
    /// A zip archive of a single file.
    Zip,
}

/// Memory that the xz decoder may take for its dictionary; the highest preset needs 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;

/// Log2 of the zstd window that is accepted, 256 MiB: what `zstd --ultra --long=28` makes.
pub const ZSTD_WINDOW_LOG: u32 = 28;

/// Bytes that suffice to recognise a compression, and to say what a zstd frame needs.
pub(super) const MAGIC_LEN: usize = 18;

/// Bytes of a zstd frame that say how large its window is.
const ZSTD_HEADER: usize = 14;

impl Compression {
    /// By a file's first bytes. Of zip archives these do not tell how many files are inside, so they are not
    /// recognised here.
    pub fn of(bytes: &[u8]) -> Option<Compression> {
        if bytes.starts_with(&[0x1F, 0x8B]) {
            Some(Compression::Gzip)
        } else if bytes.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
            Some(Compression::Zstd)
        } else if bytes.starts_with(&[0xFD, b'7', b'z', b'X', b'Z', 0x00]) {
            Some(Compression::Xz)
        } else {
            None
        }
    }

    /// A reader of the unpacked bytes of a stream. Its memory is bounded, whatever the file asks for.
    ///
    /// # Errors
    /// Those of the stream; the decoder cannot be made; a zip archive, which is no stream.
    pub fn reader<'a>(
        self,
        mut packed: impl BufRead + Send + 'a,
    ) -> io::Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Compression::Gzip => Box::new(Gzip::new(packed)),
            Compression::Zstd => {
                check_zstd_window(packed.fill_buf()?)?;
                let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
            Compression::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
                Box::new(XzDecoder::new_stream(packed, stream))
            }
            Compression::Zip => return Err(io::Error::other("a zip archive is no stream")),
        })
    }
}

/// Says which window a frame needs if it is too large; the decoder would only say that memory does not suffice. The
/// format is that of RFC 8878, section 3.1.1.1.
fn check_zstd_window(frame: &[u8]) -> io::Result<()> {
    let Some(&descriptor) = frame.get(4).filter(|_| frame.len() >= ZSTD_HEADER) else {
        return Ok(());
    };
    let number = |at: usize, bytes: usize| {
        let field = frame[at..at + bytes].iter().rev();
        field.fold(0u64, |value, &byte| value << 8 | u64::from(byte))
    };
    let dictionary_bytes = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let window = if descriptor & 0x20 == 0 {
        let (exponent, mantissa) = (u32::from(frame[5] >> 3), u64::from(frame[5] & 7));
        let base = 1u64 << (10 + exponent);
        base + base / 8 * mantissa
    } else {
        // A single segment: the window is the content.
        match descriptor >> 6 {
            0 => number(5 + dictionary_bytes, 1),
            1 => number(5 + dictionary_bytes, 2) + 256,
            2 => number(5 + dictionary_bytes, 4),
            _ if frame.len() < 13 + dictionary_bytes => 0,
            _ => number(5 + dictionary_bytes, 8),
        }
    };
    if window > 1 << ZSTD_WINDOW_LOG {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "it needs a window of {} MiB in memory, at most {} are given; pack it with \
                 --long={ZSTD_WINDOW_LOG} or less",
                window.div_ceil(1 << 20),
                (1u64 << ZSTD_WINDOW_LOG) >> 20
            ),
        ));
    }
    Ok(())
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Xz => "xz",
            Compression::Zip => "zip",
        })
    }
}
