//! A network file under a layout: its bytes, and the same with the neurons in another order.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::description::Layout;
use super::error::{RawNetError, RawNetFileError};
use super::ordered::in_order;
use super::storage::{Encoding, Stored, pack, unpack, wrong_length};
use super::tensor::Tensor;
use crate::files::digest::sha256;
use crate::files::quote::excerpt;
use crate::files::reading::read_as_it_is;
use crate::nets::MAX_BYTES;
use crate::order::Permutation;

/// A network of another engine.
#[derive(Clone, Debug, PartialEq)]
pub struct RawNet {
    layout: Layout,
    /// As described, unpacked.
    bytes: Vec<u8>,
    stored: Stored,
    /// Of the file it was read from, or of the bytes it was made of.
    sha256: [u8; 32],
    /// The ending of that file's name.
    pub(super) extension: Option<String>,
}

/// What a file holds at fixed width and with its padding, as its layout describes it.
#[derive(Clone, Copy)]
pub(super) struct Unpacked<'a> {
    pub layout: &'a Layout,
    pub bytes: &'a [u8],
}

impl Unpacked<'_> {
    /// Does it begin as it should, and has it the values that the layout expects?
    pub fn check(&self) -> Result<(), RawNetError> {
        let Unpacked { layout, bytes } = *self;
        if let Some(magic) = &layout.magic
            && !bytes.starts_with(magic.as_bytes())
        {
            return Err(RawNetError::Magic {
                expected: excerpt(magic.as_bytes()),
            });
        }
        for tensor in layout
            .tensors
            .iter()
            .filter(|tensor| !tensor.expect.is_empty())
        {
            check_values(tensor, bytes, !layout.storage.is_plain())?;
        }
        Ok(())
    }
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
            let most = if layout.storage.is_plain() {
                layout.len as u64
            } else {
                MAX_BYTES
            };
            let bytes = read_as_it_is(file, most + 1)?;
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
    pub fn parse(mut file: Vec<u8>, layout: &Layout) -> Result<RawNet, RawNetError> {
        let (unpacked, sha256) = rayon::join(|| unpack(&file, layout), || sha256(&file));
        let (bytes, stored) = unpacked?;
        let bytes = match bytes {
            Cow::Borrowed(_) => {
                file.resize(layout.len, 0);
                file
            }
            Cow::Owned(bytes) => bytes,
        };
        let net = RawNet {
            layout: layout.clone(),
            bytes,
            stored,
            sha256,
            extension: None,
        };
        net.unpacked().check()?;
        Ok(net)
    }

    /// What a file holds, unpacked and with its padding, as a network.
    pub(super) fn of_unpacked(bytes: Vec<u8>, layout: &Layout) -> RawNet {
        RawNet {
            layout: layout.clone(),
            sha256: sha256(&bytes),
            bytes,
            stored: Stored::new(&layout.storage),
            extension: None,
        }
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The unpacked file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn unpacked(&self) -> Unpacked<'_> {
        Unpacked {
            layout: &self.layout,
            bytes: &self.bytes,
        }
    }

    /// SHA-256 of the unpacked file.
    #[doc(hidden)]
    pub fn unpacked_sha256(&self) -> [u8; 32] {
        if self.stored == Stored::default() && self.layout.storage.encoding == Encoding::Fixed {
            return self.sha256;
        }
        sha256(&self.bytes)
    }

    /// SHA-256 of the file it was read from.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Writes the file, compressed and padded as the one was that it was read from.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        pack(self.unpacked(), None, self.stored, out)
    }

    /// This network with output i of each perspective being the old output `permutation[i]`, and its flags set. Its
    /// digest is still that of the old file.
    ///
    /// # Errors
    /// The permutation's length is not the number of neurons.
    pub fn permuted(&self, permutation: &Permutation) -> Result<RawNet, RawNetError> {
        self.check_order(permutation)?;
        let mut bytes = Vec::with_capacity(self.bytes.len());
        in_order(self.unpacked(), Some(permutation), |piece| {
            bytes.extend_from_slice(piece.bytes());
            Ok(())
        })?;
        Ok(RawNet {
            layout: self.layout.clone(),
            bytes,
            stored: self.stored,
            sha256: self.sha256,
            extension: self.extension.clone(),
        })
    }

    /// As [`write`](Self::write), of the network that [`permuted`](Self::permuted) makes.
    ///
    /// # Errors
    /// Those of the writer; of kind [`InvalidInput`](io::ErrorKind::InvalidInput) if the permutation's length is not
    /// the number of neurons.
    pub(super) fn write_permuted(
        &self,
        permutation: &Permutation,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let wrong = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        self.check_order(permutation).map_err(wrong)?;
        pack(self.unpacked(), Some(permutation), self.stored, out)
    }

    fn check_order(&self, permutation: &Permutation) -> Result<(), RawNetError> {
        let (found, expected) = (permutation.len(), self.layout.neurons());
        if found == expected {
            Ok(())
        } else {
            Err(RawNetError::Permutation { found, expected })
        }
    }
}

/// Are the values of a tensor among those that the layout expects?
fn check_values(tensor: &Tensor, bytes: &[u8], packed: bool) -> Result<(), RawNetError> {
    for index in 0..tensor.len() {
        let found = tensor.integer(bytes, index);
        if !tensor.expect.contains(&found) {
            let expected: Vec<String> = tensor.expect.iter().map(i32::to_string).collect();
            return Err(RawNetError::Value {
                tensor: excerpt(tensor.name.as_bytes()),
                offset: (tensor.start + index * tensor.element.bytes()) as u64,
                packed,
                found,
                expected: expected.join(" or "),
            });
        }
    }
    Ok(())
}
