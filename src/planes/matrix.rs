//! Activation matrices of the reference tool: `.npy` files of one truth value a position and output, true where the
//! output is zero (`docs/notes/eras.md`, section 12.6).
//!
//! A matrix of `N` positions has shape `(N, 2 * neurons)`: the side to move's outputs, then its opponent's. In
//! [`ZeroPlanes`] these are samples `2n` and `2n + 1` of position n.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use thiserror::Error;

use crate::chess::board::Board;
use crate::files::npy::{self, Header, Order};
use crate::files::quote::excerpt;
use crate::files::reading::{ReadError, open_seekable};
use crate::nets::model::SampleOrder;
use crate::nets::model::{Activation, FtWeights, SampleBatch};
use crate::nets::stockfish::Network;
use crate::nets::stockfish::samples::sample_batch;
use crate::order::Permutation;
use crate::planes::ZeroPlanes;

/// When an output counts as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[doc(hidden)]
pub enum ZeroRule {
    /// As engines compute: the product of two columns, shifted right, is 0.
    #[default]
    Floor,
    /// As the reference tool computed until May 2026: the product, divided and rounded half to even, is 0. It calls
    /// more outputs zero than engines find.
    Round,
}

/// Why a file is no activation matrix.
#[derive(Debug, Error)]
#[error("{}: {problem}", path.display())]
pub struct MatrixFileError {
    pub path: PathBuf,
    pub problem: MatrixProblem,
}

/// What is wrong with an activation matrix.
#[derive(Debug, Error)]
#[non_exhaustive]
#[doc(hidden)]
pub enum MatrixProblem {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(
        "an activation matrix has truth values of shape (positions, outputs) in C order, this has {dtype} of shape \
         {shape:?} in {order:?} order"
    )]
    Kind {
        dtype: String,
        shape: Vec<u64>,
        order: Order,
    },
    #[error(
        "{0} outputs a position; both perspectives have equally many, at most {MAX_OUTPUTS} in all"
    )]
    Outputs(u64),
    #[error("{positions} positions of {outputs} outputs need more bytes than the file's {len}")]
    Truncated {
        positions: u64,
        outputs: u64,
        len: u64,
    },
    #[error("the value of position {position}, output {output} is {value}, neither 0 nor 1")]
    Value {
        position: usize,
        output: usize,
        value: u8,
    },
}

/// More outputs than any network has.
const MAX_OUTPUTS: u64 = 1 << 17;

/// Samples of a word of planes.
const WORD: usize = 64;

/// Positions whose row lists are in memory at a time.
const BATCH: usize = 1 << 13;

/// Zero planes of a network by plain code: any width, either rule. `progress` hears of positions done.
///
/// With [`ZeroRule::Floor`] the result is that of the compute backends, which are faster and want L1 to be a multiple
/// of 8. With [`ZeroRule::Round`] sums do not wrap around in 16 bits, as the reference tool's do not.
#[doc(hidden)]
pub fn gather(
    network: &Network,
    boards: &[Board],
    rule: ZeroRule,
    mut progress: impl FnMut(usize),
) -> ZeroPlanes {
    let architecture = &network.architecture;
    let rows = network.ft_rows();
    let weights = rows.weights();
    let mut planes = ZeroPlanes::new(architecture.neurons(), 2 * boards.len());
    let stride = planes.stride();
    for (number, boards) in boards.chunks(BATCH).enumerate() {
        let batch = sample_batch(architecture, boards, SampleOrder::Positions);
        let words: Vec<Vec<u64>> = (0..batch.samples.div_ceil(WORD))
            .into_par_iter()
            .map(|word| zero_word(&weights, &batch, word, rule))
            .collect();
        let first = number * (2 * BATCH / WORD);
        for (word, bits) in words.iter().enumerate() {
            let planes = planes.words_mut().chunks_exact_mut(stride);
            for (plane, &bits) in planes.zip(bits) {
                plane[first + word] = bits;
            }
        }
        progress(boards.len());
    }
    planes
}

/// The bits of up to 64 samples, a word a neuron.
fn zero_word(
    weights: &FtWeights<'_>,
    batch: &SampleBatch,
    word: usize,
    rule: ZeroRule,
) -> Vec<u64> {
    let mut bits = vec![0u64; weights.neurons()];
    let mut sums = vec![0i32; weights.l1];
    let first = word * WORD;
    for sample in first..batch.samples.min(first + WORD) {
        accumulate(weights, batch, sample, &mut sums);
        if rule == ZeroRule::Floor {
            // Engines add in 16 bits.
            for sum in &mut sums {
                *sum = i32::from(*sum as i16);
            }
        }
        let shift = sample - first;
        match weights.activation {
            Activation::Clipped { .. } => {
                for (bits, &sum) in bits.iter_mut().zip(&sums) {
                    *bits |= u64::from(sum <= 0) << shift;
                }
            }
            Activation::Pairwise { clamp, shift: unit } => {
                let clamp = i32::from(clamp);
                let limit = match rule {
                    ZeroRule::Floor => (1 << unit) - 1,
                    // Half a unit is rounded to the even 0.
                    ZeroRule::Round => 1 << (unit - 1),
                };
                let (low, high) = sums.split_at(weights.l1 / 2);
                for ((bits, &a), &b) in bits.iter_mut().zip(low).zip(high) {
                    let product = a.clamp(0, clamp) * b.clamp(0, clamp);
                    *bits |= u64::from(product <= limit) << shift;
                }
            }
        }
    }
    bits
}

fn accumulate(weights: &FtWeights<'_>, batch: &SampleBatch, sample: usize, sums: &mut [i32]) {
    let l1 = weights.l1;
    for (sum, &bias) in sums.iter_mut().zip(weights.bias) {
        *sum = i32::from(bias);
    }
    for &row in batch.wide.list(sample) {
        let row = &weights.wide[row as usize * l1..][..l1];
        for (sum, &weight) in sums.iter_mut().zip(row) {
            *sum = sum.wrapping_add(i32::from(weight));
        }
    }
    if batch.narrow.offsets.is_empty() {
        return;
    }
    for &row in batch.narrow.list(sample) {
        let row = &weights.narrow[row as usize * l1..][..l1];
        for (sum, &weight) in sums.iter_mut().zip(row) {
            *sum = sum.wrapping_add(i32::from(weight));
        }
    }
}

/// Reads a matrix.
///
/// # Errors
/// The file cannot be read or is no activation matrix.
pub fn read(path: &Path) -> Result<ZeroPlanes, MatrixFileError> {
    let parsed = open_seekable(path)
        .map_err(Into::into)
        .and_then(|(file, len)| parse(&mut BufReader::with_capacity(1 << 20, file), len));
    parsed.map_err(|problem| MatrixFileError {
        path: path.to_path_buf(),
        problem,
    })
}

/// As [`read`], from `len` bytes that come from anywhere.
///
/// # Errors
/// The bytes are no activation matrix.
#[doc(hidden)]
pub fn parse(input: &mut impl Read, len: u64) -> Result<ZeroPlanes, MatrixProblem> {
    let Header {
        dtype,
        shape,
        order,
    } = Header::read(input)?;
    let (&[positions, outputs], true, Order::C) = (shape.as_slice(), dtype == "'|b1'", order)
    else {
        return Err(MatrixProblem::Kind {
            dtype: excerpt(dtype.as_bytes()),
            shape,
            order,
        });
    };
    if outputs == 0 || outputs > MAX_OUTPUTS || !outputs.is_multiple_of(2) {
        return Err(MatrixProblem::Outputs(outputs));
    }
    if positions.checked_mul(outputs).is_none_or(|all| all > len) {
        return Err(MatrixProblem::Truncated {
            positions,
            outputs,
            len,
        });
    }
    let (positions, neurons) = (positions as usize, outputs as usize / 2);
    let mut planes = ZeroPlanes::new(neurons, 2 * positions);
    let stride = planes.stride();
    let mut row = vec![0u8; 2 * neurons];
    let mut bits = vec![0u64; neurons];
    for first in (0..positions).step_by(WORD / 2) {
        bits.fill(0);
        for position in first..positions.min(first + WORD / 2) {
            input.read_exact(&mut row)?;
            if let Some(output) = row.iter().position(|&value| value > 1) {
                return Err(MatrixProblem::Value {
                    position,
                    output,
                    value: row[output],
                });
            }
            for (side, values) in row.chunks_exact(neurons).enumerate() {
                let shift = 2 * (position - first) + side;
                for (bits, &value) in bits.iter_mut().zip(values) {
                    *bits |= u64::from(value) << shift;
                }
            }
        }
        let word = 2 * first / WORD;
        for (plane, &bits) in planes.words_mut().chunks_exact_mut(stride).zip(&bits) {
            plane[word] = bits;
        }
    }
    Ok(planes)
}

/// Writes planes whose samples stand in the order of positions ([`SampleOrder::Positions`]).
///
/// # Errors
/// Those of the writer.
///
/// # Panics
/// If the number of samples is odd.
pub fn write(planes: &ZeroPlanes, out: &mut impl Write) -> io::Result<()> {
    assert!(planes.samples().is_multiple_of(2), "two samples a position");
    let (positions, neurons) = (planes.samples() / 2, planes.neurons());
    let header = npy::header_bytes("|b1", &[positions, 2 * neurons]);
    let mut out = BufWriter::with_capacity(1 << 20, out);
    out.write_all(&header)?;
    let mut rows = vec![0u8; WORD * neurons];
    for word in 0..planes.samples().div_ceil(WORD) {
        for (neuron, plane) in planes.words().chunks_exact(planes.stride()).enumerate() {
            let bits = plane[word];
            for (sample, row) in rows.chunks_exact_mut(neurons).enumerate() {
                row[neuron] = (bits >> sample & 1) as u8;
            }
        }
        let samples = (planes.samples() - word * WORD).min(WORD);
        out.write_all(&rows[..samples * neurons])?;
    }
    out.flush()
}

/// Share of (sample, block) cells whose four outputs are all zero, in percent, as the reference tool prints it with
/// six decimals. `None` for the order as it is.
///
/// # Errors
/// The permutation has another length than there are neurons, or these are no multiple of four.
pub fn zero_block_percentage(
    planes: &ZeroPlanes,
    permutation: Option<&Permutation>,
) -> Result<f64, EvalError> {
    let neurons = planes.neurons();
    if !neurons.is_multiple_of(4) {
        return Err(EvalError::Blocks(neurons));
    }
    let identity;
    let order = match permutation {
        Some(permutation) => permutation,
        None => {
            identity = Permutation::identity(neurons);
            &identity
        }
    };
    if order.len() != neurons {
        return Err(EvalError::Length {
            found: order.len(),
            neurons,
        });
    }
    let cells = planes.samples() * (neurons / 4);
    Ok(planes.zero_blocks(order.indices()) as f64 / cells as f64 * 100.0)
}

/// Why planes and a permutation do not go together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
#[doc(hidden)]
pub enum EvalError {
    #[error("the permutation has {found} entries, the matrix {neurons} outputs per perspective")]
    Length { found: usize, neurons: usize },
    #[error("{0} outputs per perspective do not make blocks of four")]
    Blocks(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.save` of a bool matrix of 2 x 4, as numpy writes it.
    fn by_numpy() -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        let header = "{'descr': '|b1', 'fortran_order': False, 'shape': (2, 4), }";
        bytes.extend(format!("{header:<117}\n").bytes());
        bytes.extend([1, 0, 0, 1, 0, 0, 1, 1]);
        bytes
    }

    fn problem(bytes: &[u8]) -> String {
        parse(&mut &bytes[..], bytes.len() as u64)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_matrix_by_hand() {
        let bytes = by_numpy();
        let planes = parse(&mut bytes.as_slice(), bytes.len() as u64).unwrap();
        assert_eq!((planes.neurons(), planes.samples()), (2, 4));
        let set: Vec<(usize, usize)> = (0..2)
            .flat_map(|neuron| (0..4).map(move |sample| (neuron, sample)))
            .filter(|&(neuron, sample)| planes.get(neuron, sample))
            .collect();
        assert_eq!(set, [(0, 0), (0, 3), (1, 1), (1, 3)]);
        let mut written = Vec::new();
        write(&planes, &mut written).unwrap();
        assert_eq!(written, bytes);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let bytes = by_numpy();
        let mut other = bytes.clone();
        *other.last_mut().unwrap() = 2;
        assert_eq!(
            problem(&other),
            "the value of position 1, output 3 is 2, neither 0 nor 1"
        );
        assert!(problem(&bytes[..bytes.len() - 1]).contains("fill whole buffer"));
        let replaced = |from: &str, to: &str| {
            let text: String = bytes.iter().map(|&byte| byte as char).collect();
            let text = text.replace(from, to);
            text.chars().map(|c| c as u8).collect::<Vec<u8>>()
        };
        assert!(problem(&replaced("(2, 4), ", "(2, 3), ")).starts_with("3 outputs"));
        assert!(problem(&replaced("|b1", "|u1")).contains("this has '|u1'"));
        assert!(problem(&replaced("False, ", "True,  ")).contains("Fortran"));
        let long = replaced("(2, 4), }      ", "(9000000, 4), }");
        assert!(problem(&long).contains("need more bytes"));
        let huge = replaced("(2, 4), }                  ", "(6000000000, 6000000000), }");
        assert!(problem(&huge).contains("beyond all bounds"));
        for len in 0..bytes.len() {
            assert!(parse(&mut &bytes[..len], len as u64).is_err());
        }
    }

    #[test]
    fn percentages_by_hand() {
        let mut planes = ZeroPlanes::new(8, 2);
        for neuron in 0..4 {
            planes.set(neuron, 0);
        }
        assert_eq!(zero_block_percentage(&planes, None), Ok(25.0));
        let order = Permutation::new(vec![4, 1, 2, 3, 0, 5, 6, 7]).unwrap();
        assert_eq!(zero_block_percentage(&planes, Some(&order)), Ok(0.0));
        let short = Permutation::identity(4);
        assert!(zero_block_percentage(&planes, Some(&short)).is_err());
    }
}
