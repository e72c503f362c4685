//! Do two networks compute the same?
//!
//! [`compare_weights`] compares all weights, whatever the order of the neurons: a proof for every position.
//! [`ReferenceOutputs`] compares what two networks compute on some positions.
//!
//! ```
//! use ftperm::nets::stockfish::{Network, ReadOptions};
//! use ftperm::order::Permutation;
//! use ftperm::chess::random_games::random_positions;
//! use ftperm::nets::stockfish::verify::{ReferenceOutputs, compare_weights};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let original = Network::read("datasets/demo.nnue".as_ref(), &ReadOptions::default())?;
//! let mut network = original.clone();
//! let order = Permutation::new((0..64).rev().collect())?;
//! network.permute(&order)?;
//! let compared = compare_weights(&original, &mut network)?;
//! assert!(compared.is_proved() && compared.permutation == order);
//!
//! // A network that is not the same.
//! network.stacks[0].layers[2].bias[0] += 1;
//! let compared = compare_weights(&original, &mut network)?;
//! let first = compared.differences.first()[0].to_string();
//! assert!(first.starts_with("layer stack 0, output layer: bias: "), "{first}");
//! let reference = ReferenceOutputs::new(&original, random_positions(1, 50));
//! assert!(reference.compare(&network).is_err());
//! # Ok(())
//! # }
//! ```

mod differences;
mod file;
mod neurons;
mod outputs;
mod weights;

#[doc(hidden)]
pub use differences::Differences;
pub use differences::WeightDifference;
#[doc(hidden)]
pub use file::FileDifference;
pub(crate) use file::compare_file;
pub use outputs::ReferenceOutputs;
#[doc(hidden)]
pub use outputs::{Difference, spread};
#[doc(hidden)]
pub use weights::OtherFunction;
pub use weights::{WeightComparison, compare_weights};
