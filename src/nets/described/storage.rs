//! How a file holds what a layout describes: compressed or not, at fixed width or in LEB128, padded or not.

use std::io::{self, Read as _, Write};

use serde::Deserialize;

use super::description::Layout;
use super::error::RawNetError;
use super::leb128;
use crate::files::reading::Compression;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Brings a file into the form that the layout describes: unpacked, at fixed width, with its padding.
pub(super) fn unpack(file: Vec<u8>, layout: &Layout) -> Result<(Vec<u8>, Stored), RawNetError> {
    let storage = &layout.storage;
    let (bytes, zstd) = decompress(file, layout)?;
    let mut bytes = match storage.encoding {
        Encoding::Fixed => bytes,
        Encoding::Leb128 => leb128::decode(&bytes, layout)?,
    };
    let cut = layout.len.saturating_sub(bytes.len());
    if cut > 0 && cut == storage.optional {
        bytes.resize(layout.len, 0);
    } else if bytes.len() != layout.len {
        return Err(wrong_length(layout, bytes.len() as u64, &bytes, zstd));
    }
    let cut = if cut == storage.optional { cut } else { 0 };
    Ok((bytes, Stored { zstd, cut }))
}

/// The file without compression; was there any?
fn decompress(file: Vec<u8>, layout: &Layout) -> Result<(Vec<u8>, bool), RawNetError> {
    let storage = &layout.storage;
    if storage.compression == FileCompression::None {
        return Ok((file, false));
    }
    let packed = file.get(storage.plain..).unwrap_or_default();
    let fits = |len: usize| len == layout.len || len == layout.len - storage.optional;
    let is_zstd = Compression::of(packed) == Some(Compression::Zstd);
    if storage.compression == FileCompression::Either
        && (!is_zstd || storage.encoding == Encoding::Fixed && fits(file.len()))
    {
        return Ok((file, false));
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
    Ok((bytes, true))
}

/// Writes what [`unpack`] made as the file was.
pub(super) fn pack(
    bytes: &[u8],
    layout: &Layout,
    stored: Stored,
    out: &mut impl Write,
) -> io::Result<()> {
    let bytes = &bytes[..bytes.len() - stored.cut];
    let encoded;
    let bytes = match layout.storage.encoding {
        Encoding::Fixed => bytes,
        Encoding::Leb128 => {
            encoded = leb128::encode(bytes, layout);
            &encoded[..]
        }
    };
    if !stored.zstd {
        return out.write_all(bytes);
    }
    let (plain, packed) = bytes.split_at(layout.storage.plain);
    out.write_all(plain)?;
    let mut encoder = zstd::stream::write::Encoder::new(out, ZSTD_LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.write_all(packed)?;
    encoder.finish().map(drop)
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
