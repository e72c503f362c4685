//! The numbers behind the pictures of networks: `ftperm picture` and the page of `ftperm inspect --report`.
//!
//! Weights are those of the file. What is a mean over features is one over those that a legal position can activate.

mod boards;
mod difference;
mod histograms;
mod inputs;
mod layers;
mod psqt;
mod zeros;

pub use boards::{BoardSet, CELLS, CellMeans};
pub use difference::{DifferenceNumbers, Matched, NeuronDifference, TensorDifference};
pub use histograms::{HistogramNumbers, TensorHistogram, histograms, layer_histograms};
pub use inputs::{Choice, ColumnNumbers, InputNumbers, SetNumbers, WhichKing, norms};
pub use layers::{LayerNumbers, StackNumbers, layers};
pub use psqt::{ENGINE_UNIT, PsqtBucket, PsqtNumbers};
pub use zeros::{BucketZeros, ZeroNumbers};
