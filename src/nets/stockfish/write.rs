//! [`Network`] to bytes.

use std::io::{self, Write};

use super::architecture::{Architecture, TensorRole};
use super::leb128::{self, Leb128Value};
use super::network::{Encoding, Network};
use super::permute::{Columns, Permuted, permute_prefixes};

/// Values that are reordered and encoded at a time: enough for all cores, little beside a network.
const PIECE: usize = 1 << 21;

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
        self.write_ordered(None, out)
    }

    fn write_ordered(&self, columns: Option<&Columns>, out: &mut impl Write) -> io::Result<()> {
        let architecture = &self.architecture;
        let numbers = self.numbers();
        let len = self.description.len() as u32;
        for number in [numbers.version, numbers.header_hash, len] {
            out.write_all(&number.to_le_bytes())?;
        }
        out.write_all(&self.description)?;
        out.write_all(&numbers.ft_hash.to_le_bytes())?;
        self.write_feature_transformer(architecture, columns, out)?;
        let first_layer = columns.map(|columns| columns.first_layer.as_slice());
        for (stack, hash) in self.stacks.iter().zip(&numbers.stack_hashes) {
            out.write_all(&hash.to_le_bytes())?;
            for (number, layer) in stack.layers.iter().enumerate() {
                write_raw(out, &layer.bias, i32::to_le_bytes)?;
                let order = first_layer.filter(|_| number == 0);
                in_pieces(&layer.weights, layer.padded_inputs, order, |piece| {
                    out.write_all(bytemuck::cast_slice(piece))
                })?;
            }
        }
        Ok(())
    }

    fn write_feature_transformer(
        &self,
        architecture: &Architecture,
        columns: Option<&Columns>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let (mut wide, mut narrow, mut psqt) = (
            self.ft.wide.as_slice(),
            self.ft.narrow.as_slice(),
            self.ft.psqt.as_slice(),
        );
        let l1 = architecture.l1;
        let order = columns.map(|columns| columns.ft.as_slice());
        for (spec, &encoding) in architecture.layout.iter().zip(&self.ft.encodings) {
            let len = architecture.tensor_len(spec.role);
            match spec.role {
                TensorRole::Bias => write_i16(out, &self.ft.bias, l1, order, encoding)?,
                TensorRole::Wide(..) => {
                    write_i16(out, take(&mut wide, len), l1, order, encoding)?;
                }
                TensorRole::Narrow(..) => {
                    in_pieces(take(&mut narrow, len), l1, order, |piece| {
                        out.write_all(bytemuck::cast_slice(piece))
                    })?;
                }
                TensorRole::Psqt(..) => {
                    let values = take(&mut psqt, len);
                    match encoding {
                        Encoding::Raw => write_raw(out, values, i32::to_le_bytes)?,
                        Encoding::Leb128 => {
                            write_block(out, values, architecture.psqt_buckets, None)?
                        }
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
pub(crate) fn take<'a, T>(store: &mut &'a [T], len: usize) -> &'a [T] {
    let (tensor, rest) = store.split_at(len);
    *store = rest;
    tensor
}

/// Hands rows on a few at a time, in this order of their columns; values of a row past those stay where they are.
fn in_pieces<T: Copy + Default + Send + Sync>(
    values: &[T],
    row_len: usize,
    order: Option<&[u32]>,
    mut each: impl FnMut(&[T]) -> io::Result<()>,
) -> io::Result<()> {
    let rows = (PIECE / row_len.max(1)).max(1);
    let mut reordered = Vec::new();
    for piece in values.chunks((rows * row_len).max(1)) {
        match order {
            None => each(piece)?,
            Some(order) => {
                reordered.clear();
                reordered.extend_from_slice(piece);
                permute_prefixes(&mut reordered, row_len, order);
                each(&reordered)?;
            }
        }
    }
    Ok(())
}

fn write_i16(
    out: &mut impl Write,
    values: &[i16],
    row_len: usize,
    order: Option<&[u32]>,
    encoding: Encoding,
) -> io::Result<()> {
    match encoding {
        Encoding::Raw => in_pieces(values, row_len, order, |piece| {
            write_raw(out, piece, i16::to_le_bytes)
        }),
        Encoding::Leb128 => write_block(out, values, row_len, order),
    }
}

/// A compressed block. The payload's length stands in front of it, and is the same in any order.
fn write_block<T: Leb128Value>(
    out: &mut impl Write,
    values: &[T],
    row_len: usize,
    order: Option<&[u32]>,
) -> io::Result<()> {
    out.write_all(leb128::MAGIC)?;
    out.write_all(&(leb128::encoded_len(values) as u32).to_le_bytes())?;
    in_pieces(values, row_len, order, |piece| {
        out.write_all(&leb128::encode(piece))
    })
}

pub(super) fn write_raw<T: bytemuck::NoUninit, const N: usize>(
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

impl Permuted<'_> {
    /// Writes the network in its new order, as a file.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.network.write_ordered(Some(&self.columns), out)
    }
}
