//! What the parts of a network cost in bytes, stored in several ways.

use std::io::{self, Write};

use rayon::prelude::*;

use super::architecture::TensorRole;
use super::leb128::{self, MAGIC};
use super::network::Network;
use super::write::{take, write_raw};

/// Bytes of a part of a network.
#[derive(Clone, Debug)]
pub struct Cost {
    /// The tensor's name, or "layer stacks".
    pub name: &'static str,
    pub values: usize,
    pub raw: usize,
    /// As a LEB128 block with its head, where the format has that.
    pub leb128: Option<usize>,
    /// Of the raw bytes, at gzip's usual level 6.
    pub gzip: usize,
    /// Of the raw bytes, at zstd's usual level 3.
    pub zstd: usize,
}

/// Counts what is written.
#[derive(Default)]
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes of something, plain, under gzip and under zstd. Nothing of it is kept.
fn lengths(write: impl Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<[usize; 3]> {
    let mut plain = Counter::default();
    write(&mut plain)?;
    let mut gzip = flate2::write::GzEncoder::new(Counter::default(), flate2::Compression::new(6));
    write(&mut gzip)?;
    let mut zstd = zstd::Encoder::new(Counter::default(), 3)?;
    write(&mut zstd)?;
    Ok([plain.0, gzip.finish()?.0, zstd.finish()?.0])
}

/// A tensor on its way to be measured.
enum Values<'a> {
    Wide(&'a [i16]),
    Narrow(&'a [i8]),
    Psqt(&'a [i32]),
}

impl Values<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut out = out;
        match self {
            Values::Wide(values) => write_raw(&mut out, values, i16::to_le_bytes),
            Values::Narrow(values) => out.write_all(bytemuck::cast_slice(values)),
            Values::Psqt(values) => write_raw(&mut out, values, i32::to_le_bytes),
        }
    }

    fn cost(&self, name: &'static str) -> io::Result<Cost> {
        let [raw, gzip, zstd] = lengths(|out| self.write(out))?;
        let block = |payload: usize| MAGIC.len() + 4 + payload;
        let (values, leb128) = match self {
            Values::Wide(values) => (values.len(), Some(block(leb128::encoded_len(values)))),
            Values::Narrow(values) => (values.len(), None),
            Values::Psqt(values) => (values.len(), Some(block(leb128::encoded_len(values)))),
        };
        Ok(Cost {
            name,
            values,
            raw,
            leb128,
            gzip,
            zstd,
        })
    }
}

impl Network {
    /// The cost of each tensor of the feature transformer, in file order, and of all layer stacks together.
    ///
    /// # Errors
    /// A compressor fails.
    pub fn costs(&self) -> io::Result<Vec<Cost>> {
        let architecture = &self.architecture;
        let (mut wide, mut narrow, mut psqt) = (
            self.ft.wide.as_slice(),
            self.ft.narrow.as_slice(),
            self.ft.psqt.as_slice(),
        );
        let tensors = architecture.layout.iter().map(|spec| {
            let len = architecture.tensor_len(spec.role);
            let values = match spec.role {
                TensorRole::Bias => Values::Wide(&self.ft.bias),
                TensorRole::Wide(..) => Values::Wide(take(&mut wide, len)),
                TensorRole::Narrow(..) => Values::Narrow(take(&mut narrow, len)),
                TensorRole::Psqt(..) => Values::Psqt(take(&mut psqt, len)),
            };
            (spec.name, values)
        });
        let tensors: Vec<(&'static str, Values<'_>)> = tensors.collect();
        let mut costs = tensors
            .par_iter()
            .map(|(name, values)| values.cost(name))
            .collect::<io::Result<Vec<Cost>>>()?;
        let [raw, gzip, zstd] = lengths(|out| self.write_stacks(out))?;
        let layers = self.stacks.iter().flat_map(|stack| &stack.layers);
        costs.push(Cost {
            name: "layer stacks",
            values: layers
                .map(|layer| layer.bias.len() + layer.weights.len())
                .sum(),
            raw,
            leb128: None,
            gzip,
            zstd,
        });
        Ok(costs)
    }

    /// The whole file as it would be written: bytes, under gzip, under zstd.
    ///
    /// # Errors
    /// A compressor fails.
    pub fn file_costs(&self) -> io::Result<[usize; 3]> {
        lengths(|mut out| self.write(&mut out))
    }

    fn write_stacks(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut out = out;
        for (stack, hash) in self.stacks.iter().zip(&self.numbers().stack_hashes) {
            out.write_all(&hash.to_le_bytes())?;
            for layer in &stack.layers {
                write_raw(&mut out, &layer.bias, i32::to_le_bytes)?;
                out.write_all(bytemuck::cast_slice(&layer.weights))?;
            }
        }
        Ok(())
    }
}
