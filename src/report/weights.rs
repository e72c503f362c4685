//! The report of `ftperm serialize` and of `ftperm inspect` on a checkpoint: ranges and histograms of the weights.

use serde::{Deserialize, Serialize};

use crate::checkpoint::{Ranges, TensorStatistics};

/// What a checkpoint, or a network, holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightsReport {
    /// [`SCHEMA`](super::SCHEMA) of the version that wrote it.
    pub schema: u32,
    /// [`Kind::Weights`](super::Kind::Weights).
    pub kind: super::Kind,
    pub source: String,
    /// Epoch and step of a checkpoint that says them.
    pub epoch: Option<i64>,
    pub global_step: Option<i64>,
    pub features: String,
    pub l1: usize,
    pub era: String,
    /// What did not fit, by tensor.
    pub not_fitting: Vec<RangeReport>,
    pub tensors: Vec<TensorReport>,
    /// The network that was written, if one was.
    pub out: Option<super::NetSummary>,
    /// Version of ftperm.
    pub version: String,
}

/// Values of a tensor that did not fit its integers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeReport {
    pub tensor: String,
    pub clamped: usize,
    pub out_of_range: usize,
    /// With the first of them.
    pub text: String,
}

impl From<&Ranges> for RangeReport {
    fn from(ranges: &Ranges) -> RangeReport {
        RangeReport {
            tensor: ranges.tensor.clone(),
            clamped: ranges.clamped,
            out_of_range: ranges.out_of_range,
            text: ranges.to_string(),
        }
    }
}

/// The values of a tensor in the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorReport {
    pub tensor: String,
    pub values: usize,
    pub zeros: usize,
    pub min: i32,
    pub max: i32,
    /// Counts of equal intervals from the smallest to the largest value.
    pub histogram: Vec<usize>,
}

impl From<&TensorStatistics> for TensorReport {
    fn from(it: &TensorStatistics) -> TensorReport {
        TensorReport {
            tensor: it.tensor.clone(),
            values: it.values,
            zeros: it.zeros,
            min: it.min,
            max: it.max,
            histogram: it.fine_histogram.to_vec(),
        }
    }
}
