//! Comparing networks by what they compute on some positions.

use rayon::prelude::*;
use thiserror::Error;

use crate::chess::board::Board;
use crate::nets::stockfish::Network;
use crate::nets::stockfish::inference::{Evaluation, evaluate};
use crate::order::Permutation;

/// Raw outputs of a network on some positions, kept to be compared with those of another.
#[derive(Clone, Debug)]
pub struct ReferenceOutputs {
    boards: Vec<Board>,
    evaluations: Vec<Evaluation>,
}

/// The first position on which two networks differ.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Difference {
    #[error("the networks have {0} and {1} buckets")]
    Buckets(usize, usize),
    #[error("`{fen}`: PSQT of bucket {bucket} is {expected} and {found}")]
    Psqt {
        fen: String,
        bucket: usize,
        expected: i32,
        found: i32,
    },
    #[error("`{fen}`: positional output of bucket {bucket} is {expected} and {found}")]
    Positional {
        fen: String,
        bucket: usize,
        expected: i32,
        found: i32,
    },
    #[error("`{fen}`: feature transformer output {output} is {found}, expected {expected}")]
    FtByte {
        fen: String,
        output: usize,
        expected: u8,
        found: u8,
    },
}

impl ReferenceOutputs {
    /// Evaluates `network` in all buckets on these positions.
    pub fn new(network: &Network, boards: Vec<Board>) -> ReferenceOutputs {
        ReferenceOutputs::watched(network, boards, &|| {})
    }

    /// As [`new`](Self::new), and calls `done` after every position, from any thread.
    pub fn watched(
        network: &Network,
        boards: Vec<Board>,
        done: &(dyn Fn() + Sync),
    ) -> ReferenceOutputs {
        let evaluations: Vec<Evaluation> = boards
            .par_iter()
            .map(|board| {
                let evaluation = evaluate(network, board);
                done();
                evaluation
            })
            .collect();
        tracing::info!(positions = boards.len(), "reference outputs computed");
        ReferenceOutputs {
            boards,
            evaluations,
        }
    }

    /// Number of positions.
    pub fn len(&self) -> usize {
        self.boards.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.boards.is_empty()
    }

    /// All-zero blocks of the network on these positions.
    pub fn zero_blocks(&self) -> u64 {
        self.evaluations
            .iter()
            .map(|evaluation| evaluation.zero_blocks() as u64)
            .sum()
    }

    /// Does another network give equal PSQT and positional outputs in all buckets of every position?
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(&self, other: &Network) -> Result<(), Difference> {
        self.check(|board, expected| compare_outputs(board, expected, &evaluate(other, board)))
    }

    /// As [`compare`](Self::compare), and are the feature transformer's bytes those of the reference in the
    /// permutation's order?
    ///
    /// # Errors
    /// The first difference.
    pub fn compare_permuted(
        &self,
        other: &Network,
        permutation: &Permutation,
    ) -> Result<(), Difference> {
        self.compare_permuted_watched(other, permutation, &|| {})
    }

    /// As [`compare_permuted`](Self::compare_permuted), and calls `done` after every position, from any thread.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare_permuted_watched(
        &self,
        other: &Network,
        permutation: &Permutation,
        done: &(dyn Fn() + Sync),
    ) -> Result<(), Difference> {
        self.check(|board, expected| {
            let found = evaluate(other, board);
            done();
            compare_outputs(board, expected, &found)?;
            compare_ft_bytes(board, expected, &found, permutation)
        })
    }

    fn check(
        &self,
        one: impl Fn(&Board, &Evaluation) -> Result<(), Difference> + Sync,
    ) -> Result<(), Difference> {
        let pairs = self.boards.par_iter().zip(&self.evaluations);
        // The first in order, so that the message does not depend on threads.
        match pairs
            .map(|(board, expected)| one(board, expected).err())
            .find_first(Option::is_some)
        {
            Some(Some(difference)) => Err(difference),
            _ => Ok(()),
        }
    }
}

fn compare_outputs(
    board: &Board,
    expected: &Evaluation,
    found: &Evaluation,
) -> Result<(), Difference> {
    if expected.positional.len() != found.positional.len()
        || expected.psqt.len() != found.psqt.len()
    {
        return Err(Difference::Buckets(
            expected.positional.len(),
            found.positional.len(),
        ));
    }
    let fen = || board.fen();
    let differs = |a: &[i32], b: &[i32]| {
        a.iter()
            .zip(b)
            .enumerate()
            .find(|(_, (a, b))| a != b)
            .map(|(at, (a, b))| (at, *a, *b))
    };
    if let Some((bucket, expected, found)) = differs(&expected.psqt, &found.psqt) {
        return Err(Difference::Psqt {
            fen: fen(),
            bucket,
            expected,
            found,
        });
    }
    if let Some((bucket, expected, found)) = differs(&expected.positional, &found.positional) {
        return Err(Difference::Positional {
            fen: fen(),
            bucket,
            expected,
            found,
        });
    }
    Ok(())
}

fn compare_ft_bytes(
    board: &Board,
    expected: &Evaluation,
    found: &Evaluation,
    permutation: &Permutation,
) -> Result<(), Difference> {
    let half = permutation.len();
    for (output, &byte) in found.ft_bytes.iter().enumerate() {
        let old = output / half * half + permutation.indices()[output % half] as usize;
        let expected = expected.ft_bytes[old];
        if byte != expected {
            return Err(Difference::FtByte {
                fen: board.fen(),
                output,
                expected,
                found: byte,
            });
        }
    }
    Ok(())
}

/// `count` of the positions, spread evenly over all.
pub fn spread(boards: &[Board], count: usize) -> Vec<Board> {
    let count = count.min(boards.len());
    (0..count)
        .map(|number| boards[number * boards.len() / count])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::stockfish::ReadOptions;

    fn demo() -> Network {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/demo.nnue");
        Network::read(path.as_ref(), &ReadOptions::default()).unwrap()
    }

    fn boards() -> Vec<Board> {
        [
            "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
            "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",
            "1k1r4/pp3p2/2n1b3/3qP3/2p2P2/2N1R3/PPQ3P1/1K6 b - - 0 1",
        ]
        .map(|fen| fen.parse().unwrap())
        .to_vec()
    }

    #[test]
    fn a_permuted_network_passes_and_a_changed_one_does_not() {
        let mut network = demo();
        let reference = ReferenceOutputs::new(&network, boards());
        let order: Vec<u32> = (0..64).rev().collect();
        let permutation = Permutation::new(order).unwrap();
        network.permute(&permutation).unwrap();
        assert_eq!(reference.compare_permuted(&network, &permutation), Ok(()));
        // Another order than the one that was applied.
        let identity = Permutation::identity(64);
        assert!(matches!(
            reference.compare_permuted(&network, &identity),
            Err(Difference::FtByte { .. })
        ));
        assert_eq!(reference.compare(&network), Ok(()));
        let mut damaged = network.clone();
        damaged.stacks[4].layers[2].bias[0] += 1;
        assert!(matches!(
            reference.compare(&damaged),
            Err(Difference::Positional { bucket: 4, .. })
        ));
        network
            .ft
            .psqt
            .iter_mut()
            .for_each(|value| *value = value.wrapping_mul(3));
        assert!(matches!(
            reference.compare(&network),
            Err(Difference::Psqt { .. })
        ));
    }

    #[test]
    fn spread_takes_from_everywhere() {
        let all: Vec<Board> = boards().into_iter().cycle().take(9).collect();
        assert_eq!(spread(&all, 3), [all[0], all[3], all[6]]);
        assert_eq!(spread(&all, 100).len(), 9);
        assert_eq!(spread(&[], 5), []);
    }
}
