//! [`Network`] to bytes.

use std::io::{self, Write};

use super::architecture::{Architecture, TensorRole};
use super::leb128;
use super::network::{Encoding, Network};

/// How the feature transformer's tensors are to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FtCompression {
    /// Each tensor as it was in the file that was read.
    #[default]
    Keep,
    /// All raw.
    None,
    /// All LEB128, except 8-bit tensors, which are never compressed.
    Leb128,
}

impl Network {
    /// Chooses the encodings of the next [`write`](Network::write).
    pub fn set_compression(&mut self, compression: FtCompression) {
        let encoding = match compression {
            FtCompression::Keep => return,
            FtCompression::None => Encoding::Raw,
            FtCompression::Leb128 => Encoding::Leb128,
        };
        for (current, spec) in self.ft.encodings.iter_mut().zip(self.architecture.layout) {
            if !matches!(spec.role, TensorRole::Narrow(..)) {
                *current = encoding;
            }
        }
    }

    /// Writes the network as a file.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let numbers = self.numbers();
        let len = self.description.len() as u32;
        for number in [numbers.version, numbers.header_hash, len] {
            out.write_all(&number.to_le_bytes())?;
        }
        out.write_all(&self.description)?;
        out.write_all(&numbers.ft_hash.to_le_bytes())?;
        self.write_feature_transformer(&self.architecture, out)?;
        for (stack, hash) in self.stacks.iter().zip(&numbers.stack_hashes) {
            out.write_all(&hash.to_le_bytes())?;
            for layer in &stack.layers {
                write_raw(out, &layer.bias, i32::to_le_bytes)?;
                out.write_all(bytemuck::cast_slice(&layer.weights))?;
            }
        }
        Ok(())
    }

    fn write_feature_transformer(&self, it: &Architecture, out: &mut impl Write) -> io::Result<()> {
        let (mut wide, mut narrow, mut psqt) = (
            self.ft.wide.as_slice(),
            self.ft.narrow.as_slice(),
            self.ft.psqt.as_slice(),
        );
        for (spec, &encoding) in it.layout.iter().zip(&self.ft.encodings) {
            let len = it.tensor_len(spec.role);
            match spec.role {
                TensorRole::Bias => write_i16(out, &self.ft.bias, encoding)?,
                TensorRole::Wide(..) => write_i16(out, take(&mut wide, len), encoding)?,
                TensorRole::Narrow(..) => {
                    out.write_all(bytemuck::cast_slice(take(&mut narrow, len)))?;
                }
                TensorRole::Psqt(..) => {
                    let values = take(&mut psqt, len);
                    match encoding {
                        Encoding::Raw => write_raw(out, values, i32::to_le_bytes)?,
                        Encoding::Leb128 => write_block(out, &leb128::encode(values))?,
                    }
                }
            }
        }
        Ok(())
    }

    /// The network as the bytes of a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes)
            .expect("writing to memory does not fail");
        bytes
    }
}

/// Cuts the next tensor off a store.
fn take<'a, T>(store: &mut &'a [T], len: usize) -> &'a [T] {
    let (tensor, rest) = store.split_at(len);
    *store = rest;
    tensor
}

fn write_i16(out: &mut impl Write, values: &[i16], encoding: Encoding) -> io::Result<()> {
    match encoding {
        Encoding::Raw => write_raw(out, values, i16::to_le_bytes),
        Encoding::Leb128 => write_block(out, &leb128::encode(values)),
    }
}

fn write_block(out: &mut impl Write, payload: &[u8]) -> io::Result<()> {
    out.write_all(leb128::MAGIC)?;
    out.write_all(&(payload.len() as u32).to_le_bytes())?;
    out.write_all(payload)
}

fn write_raw<T: bytemuck::NoUninit, const N: usize>(
    out: &mut impl Write,
    values: &[T],
    to_bytes: fn(T) -> [u8; N],
) -> io::Result<()> {
    if cfg!(target_endian = "little") {
        return out.write_all(bytemuck::cast_slice(values));
    }
    for &value in values {
        out.write_all(&to_bytes(value))?;
    }
    Ok(())
}
