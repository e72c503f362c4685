//! A network file under a layout: its bytes, and the same with the neurons in another order.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::description::{ActivationKind, FileCompression, Layout};
use super::error::{RawNetError, RawNetFileError};
use super::tensor::{Role, Tensor};
use crate::files::quote::excerpt;
use crate::files::reading::Compression;
use crate::nets::MAX_BYTES;
use crate::order::Permutation;

/// How much work zstd does for files that are written.
const ZSTD_LEVEL: i32 = 9;

/// A network of another engine.
#[derive(Clone, Debug, PartialEq)]
pub struct RawNet {
    layout: Layout,
    /// As described, unpacked.
    bytes: Vec<u8>,
    /// Of the file it was read from.
    sha256: [u8; 32],
    /// The ending of that file's name.
    pub(super) extension: Option<String>,
}

impl RawNet {
    /// Reads a network that has this layout.
    ///
    /// # Errors
    /// The file cannot be read, or is not as described.
    pub fn read(path: &Path, layout: &Layout) -> Result<RawNet, RawNetFileError> {
        let read = || {
            let file = File::open(path)?;
            let len = file.metadata()?.len();
            let most = match layout.compression {
                FileCompression::None => layout.len as u64,
                FileCompression::Zstd => MAX_BYTES,
            };
            let mut bytes = Vec::new();
            file.take(most + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > most {
                return Err(wrong_length(layout, len, &bytes, false));
            }
            let extension = path.extension().and_then(OsStr::to_str);
            Ok(RawNet {
                extension: extension.map(str::to_string),
                ..RawNet::parse(bytes, layout)?
            })
        };
        read().map_err(|problem| RawNetFileError {
            path: path.to_path_buf(),
            problem,
        })
    }

    /// The contents of a file as a network.
    ///
    /// # Errors
    /// They are not as described.
    pub fn parse(file: Vec<u8>, layout: &Layout) -> Result<RawNet, RawNetError> {
        let sha256 = Sha256::digest(&file).into();
        let bytes = match layout.compression {
            FileCompression::None => file,
            FileCompression::Zstd => unpack(&file, layout.len)?,
        };
        if bytes.len() != layout.len {
            let packed = layout.compression == FileCompression::Zstd;
            return Err(wrong_length(layout, bytes.len() as u64, &bytes, packed));
        }
        if let Some(magic) = &layout.magic
            && !bytes.starts_with(magic.as_bytes())
        {
            return Err(RawNetError::Magic {
                expected: excerpt(magic.as_bytes()),
            });
        }
        Ok(RawNet {
            layout: layout.clone(),
            bytes,
            sha256,
            extension: None,
        })
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The unpacked file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the file it was read from.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Writes the file, compressed if the layout says so.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match self.layout.compression {
            FileCompression::None => out.write_all(&self.bytes),
            FileCompression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(out, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                encoder.write_all(&self.bytes)?;
                encoder.finish().map(drop)
            }
        }
    }

    /// This network with output i of each perspective being the old output `permutation[i]`. Its digest is still that
    /// of the old file.
    ///
    /// # Errors
    /// The permutation's length is not the number of neurons.
    pub fn permuted(&self, permutation: &Permutation) -> Result<RawNet, RawNetError> {
        let neurons = self.layout.neurons();
        if permutation.len() != neurons {
            return Err(RawNetError::Permutation {
                found: permutation.len(),
                expected: neurons,
            });
        }
        let columns = match self.layout.activation.kind {
            ActivationKind::Pairwise => permutation.columns(self.layout.activation.pairing),
            ActivationKind::Clipped | ActivationKind::Squared => permutation.clone(),
        };
        let mut permuted = self.clone();
        for tensor in &self.layout.tensors {
            let order = match tensor.role {
                Role::FtWeights | Role::FtBias => &columns,
                Role::L1Weights => permutation,
                Role::Other => continue,
            };
            reorder(tensor, order, &self.bytes, &mut permuted.bytes);
        }
        Ok(permuted)
    }
}

/// Moves the values along the neuron axes, in as many groups as the order goes into them.
fn reorder(tensor: &Tensor, order: &Permutation, old: &[u8], new: &mut [u8]) {
    let width = tensor.element.bytes();
    let places = tensor.neuron_offsets();
    let group = order.len();
    for rest in 0..tensor.rest() {
        let base = tensor.rest_offset(rest);
        for places in places.chunks_exact(group) {
            for (&to, &from) in places.iter().zip(order.indices()) {
                let at = tensor.start + (base + to) * width;
                let value = tensor.value(old, base + places[from as usize]);
                new[at..at + width].copy_from_slice(value);
            }
        }
    }
}

fn unpack(file: &[u8], len: usize) -> Result<Vec<u8>, RawNetError> {
    if Compression::of(file) != Some(Compression::Zstd) {
        return Err(RawNetError::NotZstd);
    }
    let decoder = Compression::Zstd.reader(file).map_err(RawNetError::Zstd)?;
    let mut bytes = Vec::new();
    decoder
        .take(len as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(RawNetError::Zstd)?;
    Ok(bytes)
}

fn wrong_length(layout: &Layout, found: u64, bytes: &[u8], packed: bool) -> RawNetError {
    let described_raw = layout.compression == FileCompression::None;
    let hint = match Compression::of(bytes) {
        Some(Compression::Zstd) if described_raw => {
            " and is compressed with zstd (compression = \"zstd\" under [file])"
        }
        Some(_) if described_raw => " and is compressed: unpack it",
        _ if packed && found > layout.len as u64 => " or more",
        _ => "",
    };
    RawNetError::Length {
        expected: layout.len as u64,
        found,
        packed,
        hint,
    }
}
