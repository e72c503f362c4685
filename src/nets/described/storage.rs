//! How a file holds what a layout describes: compressed or not, at fixed width or in LEB128, padded or not.

use std::borrow::Cow;
use std::io::{self, Read as _, Write};

use serde::Deserialize;

use super::description::Layout;
use super::error::RawNetError;
use super::leb128;
use super::net::Unpacked;
use super::ordered::{Piece, in_order};
use crate::files::reading::Compression;
use crate::order::Permutation;

/// How much work zstd does for files that are written.
const ZSTD_LEVEL: i32 = 9;

/// How the file is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileCompression {
    #[default]
    None,
    Zstd,
    /// Some files are, and some are not: what is written is as what was read.
    Either,
}

/// How values are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Little-endian, each as wide as its type.
    #[default]
    Fixed,
    /// Every integer as signed LEB128, every float as the unsigned LEB128 of its 32 bits, one after the other.
    Leb128,
}

/// What a layout says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    pub compression: FileCompression,
    /// The first so many bytes are never compressed.
    pub plain: usize,
    pub encoding: Encoding,
    /// Bytes at the end of the unpacked file that need not be there.
    pub optional: usize,
}

/// What a file made of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stored {
    zstd: bool,
    /// Bytes at the end that are not in the file.
    cut: usize,
}

impl Stored {
    /// How a file is written that was not read.
    pub fn new(storage: &Storage) -> Stored {
        Stored {
            zstd: storage.compression == FileCompression::Zstd,
            cut: 0,
        }
    }
}

impl Storage {
    /// Does the file have the length that is described, and no other?
    pub fn is_plain(&self) -> bool {
        self.compression == FileCompression::None && self.encoding == Encoding::Fixed
    }
}

/// What a file holds in the form that the layout describes: unpacked and at fixed width. Padding that the file does not
/// have is missing where the bytes are the file's own.
pub(super) fn unpack<'a>(
    file: &'a [u8],
    layout: &Layout,
) -> Result<(Cow<'a, [u8]>, Stored), RawNetError> {
    let storage = &layout.storage;
    let (bytes, zstd) = decompress(file, layout)?;
    let mut bytes = match storage.encoding {
        Encoding::Fixed => bytes,
        Encoding::Leb128 => Cow::Owned(leb128::decode(&bytes, layout)?),
    };
    let cut = layout.len.saturating_sub(bytes.len());
    if cut > 0 && cut != storage.optional || bytes.len() > layout.len {
        return Err(wrong_length(layout, bytes.len() as u64, &bytes, zstd));
    }
    if let Cow::Owned(bytes) = &mut bytes {
        bytes.resize(layout.len, 0);
    }
    Ok((bytes, Stored { zstd, cut }))
}

/// The file without compression; was there any?
fn decompress<'a>(file: &'a [u8], layout: &Layout) -> Result<(Cow<'a, [u8]>, bool), RawNetError> {
    let storage = &layout.storage;
    if storage.compression == FileCompression::None {
        return Ok((Cow::Borrowed(file), false));
    }
    let packed = file.get(storage.plain..).unwrap_or_default();
    let fits = |len: usize| len == layout.len || len == layout.len - storage.optional;
    let is_zstd = Compression::of(packed) == Some(Compression::Zstd);
    if storage.compression == FileCompression::Either
        && (!is_zstd || storage.encoding == Encoding::Fixed && fits(file.len()))
    {
        return Ok((Cow::Borrowed(file), false));
    }
    if !is_zstd {
        return Err(RawNetError::NotZstd);
    }
    let most = match storage.encoding {
        Encoding::Fixed => layout.len,
        Encoding::Leb128 => leb128::most(layout),
    };
    let decoder = Compression::Zstd
        .reader(packed)
        .map_err(RawNetError::Zstd)?;
    let mut bytes = file[..storage.plain].to_vec();
    decoder
        .take((most - storage.plain) as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(RawNetError::Zstd)?;
    Ok((Cow::Owned(bytes), true))
}

/// Writes what [`unpack`] made as the file was, with the neurons in this order.
pub(super) fn pack(
    net: Unpacked,
    order: Option<&Permutation>,
    stored: Stored,
    out: &mut impl Write,
) -> io::Result<()> {
    let storage = &net.layout.storage;
    if !stored.zstd {
        return encoded(net, order, stored, out);
    }
    let mut out = PlainBeginning {
        plain: storage.plain,
        encoder: zstd::stream::write::Encoder::new(out, ZSTD_LEVEL)?,
    };
    out.encoder.include_checksum(true)?;
    encoded(net, order, stored, &mut out)?;
    out.encoder.finish().map(drop)
}

/// Compresses all but the first bytes.
struct PlainBeginning<'a, W: Write> {
    /// How many of these are still to come.
    plain: usize,
    encoder: zstd::stream::write::Encoder<'a, W>,
}

impl<W: Write> Write for PlainBeginning<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.plain == 0 {
            return self.encoder.write(bytes);
        }
        let first = bytes.len().min(self.plain);
        self.encoder.get_mut().write_all(&bytes[..first])?;
        self.plain -= first;
        Ok(first)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}

/// Writes all values in their encoding, and what of the padding is in the file.
fn encoded(
    net: Unpacked,
    order: Option<&Permutation>,
    stored: Stored,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut left = net.bytes.len() - stored.cut;
    in_order(net, order, |piece| {
        let bytes = piece.bytes();
        // What is cut off lies behind all values.
        let bytes = &bytes[..bytes.len().min(left)];
        left -= bytes.len();
        match (piece, net.layout.storage.encoding) {
            (Piece::Values(tensor, values), Encoding::Leb128) => {
                out.write_all(&leb128::encode(values, tensor.element))
            }
            _ => out.write_all(bytes),
        }
    })
}

/// That a file has not the length that is described.
pub(super) fn wrong_length(layout: &Layout, found: u64, bytes: &[u8], zstd: bool) -> RawNetError {
    let described_raw = layout.storage.compression == FileCompression::None;
    let hint = match Compression::of(bytes) {
        Some(Compression::Zstd) if described_raw => {
            " and is compressed with zstd (compression = \"zstd\" under [file])"
        }
        Some(_) if described_raw => " and is compressed: unpack it",
        _ if zstd && found > layout.len as u64 => " or more",
        _ => "",
    };
    RawNetError::Length {
        expected: layout.len as u64,
        found,
        packed: zstd,
        hint,
    }
}
