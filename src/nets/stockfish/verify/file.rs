//! Is a file a network with its neurons in another order, and nothing else?

use thiserror::Error;

use super::differences::{ColumnMap, Comparing, WeightDifference};
use crate::nets::stockfish::{FileParts, NetError, Network, TensorRole, take};
use crate::order::Permutation;

/// What a file has otherwise than it should.
#[derive(Debug, Error)]
pub enum FileDifference {
    #[error("it is not such a network: {0}")]
    Net(#[from] NetError),
    #[error("its {what} is {found:#010X} instead of {expected:#010X}")]
    Header {
        what: &'static str,
        expected: u32,
        found: u32,
    },
    #[error("its description is another, from byte {0} on")]
    Description(usize),
    #[error("{0} are stored otherwise than they should be")]
    Encoding(&'static str),
    #[error(
        "of {count} weights that are not the input's the first (as in the input, and as written) is {first}"
    )]
    Weights { count: u64, first: WeightDifference },
}

/// Compares all that a file holds with what `network` is: header, hashes, and every weight, padding included, output i
/// of each perspective being the old output `permutation[i]`. The file is decoded in pieces.
pub(crate) fn compare_file(
    bytes: &[u8],
    network: &Network,
    permutation: &Permutation,
) -> Result<(), FileDifference> {
    let architecture = &network.architecture;
    let parts = FileParts::of(bytes, network)?;
    let numbers = network.numbers();
    let names = ["version", "header hash", "hash of the feature transformer"];
    let expected = [numbers.version, numbers.header_hash, numbers.ft_hash];
    for ((what, expected), found) in names.into_iter().zip(expected).zip(parts.header()) {
        if expected != found {
            return Err(FileDifference::Header {
                what,
                expected,
                found,
            });
        }
    }
    compare_descriptions(&network.description, parts.description())?;
    let map = ColumnMap::of(architecture, permutation.indices());
    let mut comparing = Comparing::new(architecture, map, true);
    let (mut wide, mut narrow, mut psqt) = (
        network.ft.wide.as_slice(),
        network.ft.narrow.as_slice(),
        network.ft.psqt.as_slice(),
    );
    for (tensor, spec) in architecture.layout.iter().enumerate() {
        if parts.encoding(tensor) != network.ft.encodings[tensor] {
            return Err(FileDifference::Encoding(spec.name));
        }
        let len = architecture.tensor_len(spec.role);
        match spec.role {
            TensorRole::Bias => parts.values(tensor, i16::from_le_bytes, |first, values| {
                comparing.ft(tensor, &network.ft.bias, first, values);
            })?,
            TensorRole::Wide(..) => {
                let expected = take(&mut wide, len);
                parts.values(tensor, i16::from_le_bytes, |first, values| {
                    comparing.ft(tensor, expected, first, values);
                })?;
            }
            TensorRole::Narrow(..) => {
                comparing.ft(tensor, take(&mut narrow, len), 0, parts.narrow(tensor));
            }
            TensorRole::Psqt(..) => {
                let expected = take(&mut psqt, len);
                parts.values(tensor, i32::from_le_bytes, |first, values| {
                    comparing.ft(tensor, expected, first, values);
                })?;
            }
        }
    }
    for (number, (a, b)) in network.stacks.iter().zip(&parts.stacks()).enumerate() {
        for (layer, pair) in a.layers.iter().zip(&b.layers).enumerate() {
            comparing.layer(number, layer, pair.into());
        }
    }
    let differences = comparing.differences;
    match differences.first() {
        [] => Ok(()),
        [first, ..] => Err(FileDifference::Weights {
            count: differences.count(),
            first: first.clone(),
        }),
    }
}

fn compare_descriptions(expected: &[u8], found: &[u8]) -> Result<(), FileDifference> {
    if expected == found {
        return Ok(());
    }
    let pairs = expected.iter().zip(found);
    let equal = pairs.take_while(|(a, b)| a == b).count();
    Err(FileDifference::Description(equal))
}
