//! Puts neurons into another order without changing the function (`docs/notes/eras.md`, section 10).

use rayon::prelude::*;
use thiserror::Error;

use super::network::Network;
use crate::compute::Activation;
use crate::permutation::Permutation;

/// Why a permutation cannot be applied.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PermuteError {
    #[error(
        "the permutation has {found} entries, a network with L1 = {l1} (era {era}) needs {expected}"
    )]
    Length {
        found: usize,
        expected: usize,
        l1: usize,
        era: &'static str,
    },
}

impl Network {
    /// Reorders the neurons in place: output i of each perspective becomes the old output `permutation[i]`.
    ///
    /// Biases, all weight rows and both halves of every stack's first layer move together; PSQT and all else stay.
    ///
    /// # Errors
    /// The permutation's length is not the number of neurons.
    pub fn permute(&mut self, permutation: &Permutation) -> Result<(), PermuteError> {
        let neurons = self.architecture.neurons();
        if permutation.len() != neurons {
            return Err(PermuteError::Length {
                found: permutation.len(),
                expected: neurons,
                l1: self.architecture.l1,
                era: self.recognition.era.id,
            });
        }
        if permutation.is_identity() {
            return Ok(());
        }
        let both_halves = two_halves(permutation);
        // In pairwise networks output j is made of accumulator columns j and j + L1/2, which move together.
        let columns = match self.architecture.activation {
            Activation::Clipped { .. } => permutation.indices(),
            Activation::Pairwise { .. } => &both_halves,
        };
        permute_rows(&mut self.ft.bias, columns);
        permute_rows(&mut self.ft.wide, columns);
        permute_rows(&mut self.ft.narrow, columns);
        for stack in &mut self.stacks {
            let first = &mut stack.layers[0];
            debug_assert!(first.padded_inputs >= both_halves.len());
            permute_prefixes(&mut first.weights, first.padded_inputs, &both_halves);
        }
        Ok(())
    }
}

/// The permutation of both perspectives' outputs: itself, then itself moved up by its length.
fn two_halves(permutation: &Permutation) -> Vec<u32> {
    let len = permutation.len() as u32;
    let first = permutation.indices().iter();
    first
        .clone()
        .copied()
        .chain(first.map(|index| index + len))
        .collect()
}

/// Reorders every row of a matrix whose rows are as long as `columns`.
fn permute_rows<T: Copy + Default + Send + Sync>(matrix: &mut [T], columns: &[u32]) {
    permute_prefixes(matrix, columns.len(), columns);
}

/// Reorders the first `columns.len()` values of every row; values past them stay.
fn permute_prefixes<T: Copy + Default + Send + Sync>(
    matrix: &mut [T],
    row_len: usize,
    columns: &[u32],
) {
    /// Rows that one task takes at a time.
    const ROWS: usize = 64;
    matrix.par_chunks_mut(row_len * ROWS).for_each(|rows| {
        let mut old = vec![T::default(); columns.len()];
        for row in rows.chunks_exact_mut(row_len) {
            old.copy_from_slice(&row[..columns.len()]);
            for (new, &column) in row.iter_mut().zip(columns) {
                *new = old[column as usize];
            }
        }
    });
}
