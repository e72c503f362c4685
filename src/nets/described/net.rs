//! A network file under a layout: its bytes, and the same with the neurons in another order.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::activation::ActivationKind;
use super::description::Layout;
use super::error::{RawNetError, RawNetFileError};
use super::storage::{Stored, pack, unpack, wrong_length};
use super::tensor::{Role, Tensor};
use crate::files::quote::excerpt;
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
        let (bytes, stored) = unpack(file, layout)?;
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
            check_values(tensor, &bytes, !layout.storage.is_plain())?;
        }
        Ok(RawNet {
            layout: layout.clone(),
            bytes,
            stored,
            sha256,
            extension: None,
        })
    }

    /// What a file holds, unpacked and with its padding, as a network.
    pub(super) fn of_unpacked(bytes: Vec<u8>, layout: &Layout) -> RawNet {
        RawNet {
            layout: layout.clone(),
            sha256: Sha256::digest(&bytes).into(),
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

    /// SHA-256 of the file it was read from.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Writes the file, compressed and padded as the one was that it was read from.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        pack(&self.bytes, &self.layout, self.stored, out)
    }

    /// This network with output i of each perspective being the old output `permutation[i]`, and its flags set. Its
    /// digest is still that of the old file.
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
                Role::Flag => {
                    set_flag(tensor, &mut permuted.bytes);
                    continue;
                }
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

/// Gives a flag the value of permuted files.
fn set_flag(tensor: &Tensor, bytes: &mut [u8]) {
    let width = tensor.element.bytes();
    let value = tensor.set.unwrap_or_default().to_le_bytes();
    for place in bytes[tensor.start..][..tensor.bytes()].chunks_exact_mut(width) {
        place.copy_from_slice(&value[..width]);
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
