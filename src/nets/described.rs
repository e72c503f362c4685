//! Networks of other engines: a file that is an array of tensors, and a description (TOML) of what is where.
//!
//! A [`Layout`] says which tensors follow one another, along which axes the feature transformer's neurons lie, how
//! accumulators become outputs, and which inputs a position switches on. That suffices to evaluate the feature
//! transformer, to reorder its neurons, and to prove that the reordered network is the same: [`RawNet`] does these.
//! What the layout does not describe is never touched.
//!
//! `docs/5-other-engines.md` describes the language; `layouts/` has examples.

mod activation;
mod build_array;
mod built_in;
mod compare;
mod description;
mod error;
mod first_layer;
mod ft;
mod input;
mod lanes;
mod leb128;
mod merged_kings;
mod model;
mod net;
mod ordered;
mod output_buckets;
mod overflow;
mod places;
mod quantise;
mod recognise;
mod rows;
mod storage;
mod syntax;
mod tensor;
mod threats;
mod trained;

#[doc(hidden)]
pub use activation::ActivationKind;
#[doc(hidden)]
pub use build_array::BuildArray;
pub use built_in::{BUILT_IN, BuiltIn};
#[doc(hidden)]
pub use compare::{LayoutDifference, Proof, compare, proof_text};
pub use description::Layout;
pub use error::{LayoutError, LayoutFileError, RawNetError, RawNetFileError};
#[doc(hidden)]
pub use error::{QuantiseError, QuantiseFileError};
#[doc(hidden)]
pub use ft::{Evaluator, Outputs, outputs};
#[doc(hidden)]
pub use input::{Block, Input, Mirror};
#[doc(hidden)]
pub use lanes::{LANE_ORDERS, LaneOrder, lane_order_suspicion};
pub use net::RawNet;
#[doc(hidden)]
pub use output_buckets::OutputBuckets;
#[doc(hidden)]
pub use overflow::Overflow;
#[doc(hidden)]
pub use quantise::Quantised;
pub use recognise::{Fitting, fitting};
#[doc(hidden)]
pub use storage::{Encoding, FileCompression};
#[doc(hidden)]
pub use tensor::{ElementType, Role, Tensor};
#[doc(hidden)]
pub use threats::{ThreatOrder, ThreatPairs};

#[cfg(test)]
mod tests;
