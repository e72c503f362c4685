//! Is the feature transformer stored in the order of an engine's vector lanes, and the first layer not?
//!
//! Packing 16-bit sums to bytes crosses lanes: AVX2 takes groups of eight columns in the order 0 2 1 3, AVX-512 in the
//! order 0 4 1 5 2 6 3 7. Some engines store the feature transformer's columns so that the packed bytes come out in the
//! order of the first layer. In such a file column j and input j of the first layer are not one neuron, and moving both
//! would break the network.
//!
//! No file says so, but in many trained networks the seldomer a neuron is active, the larger are the first layer's
//! weights for it. Where that shows clearly under a lane order and not as the file stands, something is wrong. Where it
//! shows in neither, nothing can be said.

use super::net::RawNet;
use super::tensor::Role;

/// A known order of groups of eight columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneOrder {
    pub name: &'static str,
    /// Group g of the first layer's inputs is group `order[g]` of the columns.
    order: &'static [usize],
}

/// Columns of a group.
const GROUP: usize = 8;

/// All that are known.
pub const LANE_ORDERS: [LaneOrder; 3] = [
    LaneOrder {
        name: "AVX2",
        order: &[0, 2, 1, 3],
    },
    LaneOrder {
        name: "AVX-512",
        order: &[0, 4, 1, 5, 2, 6, 3, 7],
    },
    LaneOrder {
        name: "AVX-512, the other way round",
        order: &[0, 2, 4, 6, 1, 3, 5, 7],
    },
];

impl LaneOrder {
    /// Columns after which the order repeats.
    fn period(self) -> usize {
        GROUP * self.order.len()
    }

    /// The column of input `input` of the first layer.
    pub fn column(self, input: usize) -> usize {
        let place = input % self.period();
        input - place + GROUP * self.order[place / GROUP] + place % GROUP
    }
}

/// For each input of the first layer the sum of its weights' absolute values, over all rows and perspectives.
pub(crate) fn first_layer_sizes(net: &RawNet) -> Vec<f64> {
    let neurons = net.layout().neurons();
    let mut sizes = vec![0.0; neurons];
    for tensor in net.layout().of_role(Role::L1Weights) {
        let places = tensor.neuron_offsets();
        for row in 0..tensor.rest() {
            let base = tensor.rest_offset(row);
            for (at, place) in places.iter().enumerate() {
                sizes[at % neurons] += tensor.number(net.bytes(), base + place).abs();
            }
        }
    }
    sizes
}

/// The lane order in which a feature transformer seems to be stored, if one fits clearly better than none.
///
/// `zeros[j]` is how often output j is zero, `sizes[j]` the size of the first layer's weights for its input j. The rank
/// correlation (Spearman's) of both must be 0.3 under the lane order, and larger than as they stand by 0.2 and by three
/// standard errors of a difference of two correlations near 0.
pub fn lane_order_suspicion(zeros: &[f64], sizes: &[f64]) -> Option<LaneOrder> {
    let neurons = zeros.len();
    if neurons < 64 || sizes.len() != neurons {
        return None;
    }
    let error = (2.0 / (neurons as f64 - 3.0)).sqrt();
    let least = (rank_correlation(zeros, sizes) + (3.0 * error).max(0.2)).max(0.3);
    LANE_ORDERS
        .into_iter()
        .filter(|order| neurons.is_multiple_of(order.period()))
        .map(|order| {
            let moved: Vec<f64> = (0..neurons).map(|it| zeros[order.column(it)]).collect();
            (rank_correlation(&moved, sizes), order)
        })
        .filter(|&(correlation, _)| correlation > least)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, order)| order)
}

/// Spearman's rank correlation; 0 where one list is constant.
fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let product = |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| x * y).sum() };
    let spread = product(&a, &a).sqrt() * product(&b, &b).sqrt();
    if spread > 0.0 {
        product(&a, &b) / spread
    } else {
        0.0
    }
}

/// Ranks less their mean. Equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mean = (values.len() as f64 - 1.0) / 2.0;
    let mut first = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        for &index in equal {
            ranks[index] = first as f64 + (equal.len() as f64 - 1.0) / 2.0 - mean;
        }
        first += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_by_hand() {
        assert_eq!(ranks(&[5.0, 1.0, 5.0]), [0.5, -1.0, 0.5]);
        let up = [1.0, 2.0, 30.0, 400.0];
        assert!((rank_correlation(&up, &[0.1, 0.2, 0.3, 0.4]) - 1.0).abs() < 1e-12);
        assert!((rank_correlation(&up, &[4.0, 3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
        assert_eq!(rank_correlation(&up, &[7.0; 4]), 0.0);
    }

    #[test]
    fn columns_by_hand() {
        let [avx2, avx512, _] = LANE_ORDERS;
        assert_eq!(
            [0, 8, 16, 31, 41].map(|it| avx2.column(it)),
            [0, 16, 8, 31, 49]
        );
        assert_eq!(
            [7, 8, 17, 63, 72].map(|it| avx512.column(it)),
            [7, 32, 9, 63, 96]
        );
    }
}
