//! The order of neurons: position i receives the old neuron `indices[i]`.
//!
//! ```
//! use ftperm::order::{Permutation, PermutationFile};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let order = Permutation::new(vec![2, 0, 3, 1])?;
//! assert!(order.after(&order.inverse()).is_identity());
//! assert!(Permutation::new(vec![0, 0, 1, 2]).is_err());
//!
//! let file = PermutationFile { permutation: order.clone(), notes: vec![] };
//! let bytes = file.to_bytes("order.npy".as_ref());
//! assert_eq!(PermutationFile::parse(&bytes)?.permutation, order);
//! # Ok(())
//! # }
//! ```

use thiserror::Error;

mod build_order;
mod file;
mod keywords;
mod listing;
mod source_array;

#[doc(hidden)]
pub use build_order::BuildOrder;
#[doc(hidden)]
pub use file::{NET_SHA256, PERMUTED_NET_SHA256, PermutationFileProblem, WEIGHTS_SHA256, is_npy};
pub use file::{PermutationFile, PermutationFileError};
pub use listing::{Language, Listing};
#[doc(hidden)]
pub use listing::{ListingError, Pairing};
#[doc(hidden)]
pub use source_array::{ArrayKind, BuildSource, SourceArray, SourceArrayError, SourceArrayProblem};

/// A permutation of `0..n`, in the convention of the reference tool: `new[i] <- old[perm[i]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permutation {
    indices: Vec<u32>,
}

/// Why a list of numbers is not a permutation.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PermutationError {
    #[error("entry {position} is {value}, but a permutation of {len} has only 0 to {}", len - 1)]
    OutOfRange {
        position: usize,
        value: u64,
        len: usize,
    },
    #[error("{value} stands twice: at entries {first} and {second}")]
    Duplicate {
        value: u64,
        first: usize,
        second: usize,
    },
    #[error("it is empty")]
    Empty,
}

impl Permutation {
    /// The order as it is: `0, 1, ..., len - 1`.
    pub fn identity(len: usize) -> Permutation {
        Permutation {
            indices: (0..len as u32).collect(),
        }
    }

    /// # Errors
    /// A number twice, or one not below the length.
    pub fn new(indices: Vec<u32>) -> Result<Permutation, PermutationError> {
        let len = indices.len();
        if len == 0 {
            return Err(PermutationError::Empty);
        }
        let mut seen = vec![usize::MAX; len];
        for (position, &index) in indices.iter().enumerate() {
            let value = u64::from(index);
            match seen.get_mut(index as usize) {
                None => {
                    return Err(PermutationError::OutOfRange {
                        position,
                        value,
                        len,
                    });
                }
                Some(first) if *first != usize::MAX => {
                    return Err(PermutationError::Duplicate {
                        value,
                        first: *first,
                        second: position,
                    });
                }
                Some(first) => *first = position,
            }
        }
        Ok(Permutation { indices })
    }

    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Always false: there is no empty permutation.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    pub fn is_identity(&self) -> bool {
        self.indices
            .iter()
            .enumerate()
            .all(|(i, &index)| i as u32 == index)
    }

    /// The permutation that undoes this one.
    #[must_use]
    pub fn inverse(&self) -> Permutation {
        let mut indices = vec![0; self.indices.len()];
        for (new, &old) in self.indices.iter().enumerate() {
            indices[old as usize] = new as u32;
        }
        Permutation { indices }
    }

    /// This permutation applied after `first`: `then[i] = first[self[i]]`.
    ///
    /// # Panics
    /// If the lengths differ.
    #[must_use]
    pub fn after(&self, first: &Permutation) -> Permutation {
        assert_eq!(self.len(), first.len());
        Permutation {
            indices: self
                .indices
                .iter()
                .map(|&i| first.indices[i as usize])
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validation() {
        assert_eq!(Permutation::new(vec![]), Err(PermutationError::Empty));
        assert_eq!(
            Permutation::new(vec![0, 3, 1]),
            Err(PermutationError::OutOfRange {
                position: 1,
                value: 3,
                len: 3
            })
        );
        assert_eq!(
            Permutation::new(vec![1, 0, 1]),
            Err(PermutationError::Duplicate {
                value: 1,
                first: 0,
                second: 2
            })
        );
    }

    #[test]
    fn inverse_and_composition() {
        let rotate = Permutation::new(vec![2, 0, 1, 3]).unwrap();
        assert!(rotate.inverse().after(&rotate).is_identity());
        assert!(rotate.after(&rotate.inverse()).is_identity());
        let swap = Permutation::new(vec![1, 0, 2, 3]).unwrap();
        // First rotate (position 0 holds old 2), then swap positions 0 and 1.
        assert_eq!(swap.after(&rotate).indices(), [0, 2, 1, 3]);
    }
}
