//! Puts neurons into another order without changing the function (`docs/notes/eras.md`, section 10).

use rayon::prelude::*;
use thiserror::Error;

use super::network::Network;
use crate::nets::model::Activation;
use crate::order::Permutation;

/// Why a permutation cannot be applied.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
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

/// Where the columns of both layers that a permutation touches come from: entry i is the old place of column i.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// Of the feature transformer's rows, `[l1]`.
    pub ft: Vec<u32>,
    /// Of the first layer's rows: both perspectives' outputs.
    pub first_layer: Vec<u32>,
}

impl Columns {
    fn of(network: &Network, permutation: &Permutation) -> Result<Columns, PermuteError> {
        let neurons = network.architecture.neurons();
        if permutation.len() != neurons {
            return Err(PermuteError::Length {
                found: permutation.len(),
                expected: neurons,
                l1: network.architecture.l1,
                era: network.recognition.era.id,
            });
        }
        let first_layer = two_halves(permutation);
        // In pairwise networks output j is made of accumulator columns j and j + L1/2, which move together.
        let ft = match network.architecture.activation {
            Activation::Clipped { .. } => permutation.indices().to_vec(),
            Activation::Pairwise { .. } => first_layer.clone(),
        };
        Ok(Columns { ft, first_layer })
    }
}

/// A network with its neurons in another order; the network itself stays as it is, and there is no second copy of it.
#[derive(Clone, Debug)]
pub struct Permuted<'a> {
    pub(super) network: &'a Network,
    pub(super) columns: Columns,
}

impl Network {
    /// This network with output i of each perspective being the old output `permutation[i]`, to be
    /// written.
    ///
    /// # Errors
    /// The permutation's length is not the number of neurons.
    pub fn permuted(&self, permutation: &Permutation) -> Result<Permuted<'_>, PermuteError> {
        Ok(Permuted {
            network: self,
            columns: Columns::of(self, permutation)?,
        })
    }

    /// Reorders the neurons in place: output i of each perspective becomes the old output `permutation[i]`.
    ///
    /// Biases, all weight rows and both halves of every stack's first layer move together; PSQT and all else stay.
    ///
    /// # Errors
    /// The permutation's length is not the number of neurons.
    pub fn permute(&mut self, permutation: &Permutation) -> Result<(), PermuteError> {
        let Columns { ft, first_layer } = Columns::of(self, permutation)?;
        if permutation.is_identity() {
            return Ok(());
        }
        permute_rows(&mut self.ft.bias, &ft);
        permute_rows(&mut self.ft.wide, &ft);
        permute_rows(&mut self.ft.narrow, &ft);
        for stack in &mut self.stacks {
            let first = &mut stack.layers[0];
            debug_assert!(first.padded_inputs >= first_layer.len());
            permute_prefixes(&mut first.weights, first.padded_inputs, &first_layer);
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
pub(super) fn permute_prefixes<T: Copy + Default + Send + Sync>(
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
