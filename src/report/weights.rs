//! The report of `ftperm serialize` and of `ftperm inspect` on a checkpoint: ranges and histograms of the weights.

use serde::{Deserialize, Serialize};

use super::{Kind, SCHEMA};
use crate::nets::checkpoint::{Ranges, TensorStatistics, statistics};
use crate::nets::stockfish::Network;

/// What a checkpoint, or a network, holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightsReport {
    /// `SCHEMA` of the version that wrote it.
    pub schema: u32,
    /// [`Kind::Weights`].
    pub kind: Kind,
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

impl WeightsReport {
    /// Of a network that came from `source`; `ranges` say what did not fit into it.
    pub fn new(network: &Network, source: String, ranges: &[Ranges]) -> WeightsReport {
        WeightsReport {
            schema: SCHEMA,
            kind: Kind::Weights,
            source,
            epoch: None,
            global_step: None,
            features: network.architecture.feature_names(),
            l1: network.architecture.l1,
            era: network.recognition.era.id.to_string(),
            not_fitting: ranges.iter().map(RangeReport::from).collect(),
            tensors: statistics(network).iter().map(TensorReport::from).collect(),
            out: None,
            version: env!("CARGO_PKG_VERSION").to_string(),
        }
    }
}

/// Values of a tensor that did not fit its integers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeReport {
    pub tensor: String,
    pub clamped: usize,
    pub out_of_range: usize,
    /// Infinite or no numbers.
    #[serde(default)]
    pub not_finite: usize,
    /// With the first of them.
    pub text: String,
}

impl From<&Ranges> for RangeReport {
    fn from(ranges: &Ranges) -> RangeReport {
        RangeReport {
            tensor: ranges.tensor.clone(),
            clamped: ranges.clamped,
            out_of_range: ranges.out_of_range,
            not_finite: ranges.not_finite,
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
    fn from(statistics: &TensorStatistics) -> TensorReport {
        TensorReport {
            tensor: statistics.tensor.clone(),
            values: statistics.values,
            zeros: statistics.zeros,
            min: statistics.min,
            max: statistics.max,
            histogram: statistics.fine_histogram.to_vec(),
        }
    }
}
