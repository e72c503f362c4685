//! What a report shows of an order beyond its rates: measured on a sample of the positions, only when asked for.

use serde::{Deserialize, Serialize};

use crate::chess::board::Board;
use crate::compute::{Backend, ComputeError, NeuronGroup};
use crate::nets::model::{Model, SampleOrder};
use crate::nets::stockfish::verify::spread;
use crate::order::Permutation;
use crate::planes::ZeroPlanes;
use crate::positions::bucket_weights::BUCKETS;
use crate::run::gather::Evaluator;
use crate::run::holdout::blocks_by_sample;

/// Positions of each part that are measured, at most.
const POSITIONS: usize = 16_384;
/// Cells of the co-zero map a side, at most.
const MAP_CELLS: usize = 64;
/// Bins of histograms, at most.
const BINS: usize = 48;
/// Points of the curve of blocks, at most.
const CURVE_POINTS: usize = 256;

/// Everything measured on a network before it is permuted, and on the same with its new order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Positions searched on.
    pub searched: PartMeasures,
    /// Positions that the search did not see; `None` without any.
    pub held_out: Option<PartMeasures>,
    pub neurons: NeuronMeasures,
    /// Number of non-zero blocks a position, of all perspectives together.
    pub nonzero_blocks: Histogram,
    /// Share of the samples in which each block is zero, blocks sorted from the best, thinned to some points.
    pub block_rates: BeforeAfter<Vec<f64>>,
    pub co_zero_map: CoZeroMap,
}

/// Something before and after.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BeforeAfter<T> {
    pub before: T,
    pub after: T,
}

/// Rates of a part of the positions: shares of (sample, block) cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartMeasures {
    /// Positions measured: all, or some spread over all.
    pub positions: usize,
    pub all: BeforeAfter<f64>,
    pub side_to_move: BeforeAfter<f64>,
    /// `None` where a network sees the position as the side to move only.
    pub opponent: Option<BeforeAfter<f64>>,
    /// By the bucket that engines choose; buckets without positions are left out.
    pub buckets: Vec<BucketMeasures>,
}

/// Rates of one bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketMeasures {
    pub bucket: usize,
    pub positions: usize,
    pub rate: BeforeAfter<f64>,
}

/// How often the neurons' outputs are zero. No order changes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NeuronMeasures {
    /// Samples looked at.
    pub samples: usize,
    /// Neurons that are zero in every sample, and in none.
    pub dead: Vec<u32>,
    pub never_zero: Vec<u32>,
    /// Number of neurons by their share of zeros: equal intervals from 0 to 1.
    pub histogram: Vec<u64>,
}

/// Counts of equal intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// First value of the first interval.
    pub low: u64,
    /// Values in an interval.
    pub width: u64,
    pub counts: BeforeAfter<Vec<u64>>,
    pub mean: BeforeAfter<f64>,
}

/// How often two neurons are zero together: the mean of all pairs of different neurons in a cell.
///
/// Blocks stand sorted by how often they are zero, the best first, before and after, since their order means nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoZeroMap {
    /// Neurons that a cell covers on each side.
    pub neurons_a_cell: usize,
    /// Rows of cells, shares of the samples.
    pub cells: BeforeAfter<Vec<Vec<f64>>>,
}

/// Measures an order of a model's neurons on some of the positions. Buckets are the model's own where these are known,
/// and those of [`Board::bucket`] where not.
///
/// # Errors
/// The backend failed.
pub fn measure(
    model: &dyn Model,
    backend: &dyn Backend,
    searched: &[Board],
    held_out: &[Board],
    order: &Permutation,
) -> Result<Measures, ComputeError> {
    let parts = Parts::new(searched, held_out);
    let source = model.ft_source();
    let mut evaluator = Evaluator::new(model.shape(), source.as_ref(), backend)?;
    let planes = parts.planes(|boards| evaluator.planes(boards, SampleOrder::Positions, |_| {}))?;
    drop(evaluator);
    parts.measure(backend, &planes, order, model)
}

/// Some of the positions searched on and of the held-out ones.
struct Parts([Vec<Board>; 2]);

impl Parts {
    fn new(searched: &[Board], held_out: &[Board]) -> Parts {
        let parts = [spread(searched, POSITIONS), spread(held_out, POSITIONS)];
        tracing::info!(
            searched = parts[0].len(),
            held_out = parts[1].len(),
            "measuring for the report"
        );
        Parts(parts)
    }

    fn planes(
        &self,
        mut planes_of: impl FnMut(&[Board]) -> Result<ZeroPlanes, ComputeError>,
    ) -> Result<[ZeroPlanes; 2], ComputeError> {
        Ok([planes_of(&self.0[0])?, planes_of(&self.0[1])?])
    }

    /// The planes have the samples in the order of positions.
    fn measure(
        &self,
        backend: &dyn Backend,
        planes: &[ZeroPlanes; 2],
        order: &Permutation,
        model: &dyn Model,
    ) -> Result<Measures, ComputeError> {
        let identity = Permutation::identity(order.len());
        let counts = [0, 1].map(|part| Counts {
            before: blocks_by_sample(&planes[part], &identity),
            after: blocks_by_sample(&planes[part], order),
            perspectives: planes[part].samples() / self.0[part].len().max(1),
        });
        let blocks = order.len() / 4;
        let [searched, held_out] =
            [0, 1].map(|part| PartMeasures::new(&self.0[part], &counts[part], blocks, model));
        let rates = BlockRates::new(planes, order);
        let co_zero_map = co_zero_map(backend, planes, order, &rates)?;
        Ok(Measures {
            searched,
            held_out: (!self.0[1].is_empty()).then_some(held_out),
            neurons: NeuronMeasures::new(planes),
            nonzero_blocks: nonzero_blocks(&counts, blocks),
            block_rates: BeforeAfter {
                before: curve(rates.before),
                after: curve(rates.after),
            },
            co_zero_map,
        })
    }
}

/// How often neurons are zero together, in their own order and in another one.
///
/// `rates` are those of the same planes and order.
pub(super) fn co_zero_map(
    backend: &dyn Backend,
    planes: &[ZeroPlanes],
    order: &Permutation,
    rates: &BlockRates,
) -> Result<CoZeroMap, ComputeError> {
    let identity = Permutation::identity(order.len());
    let order_map = sorted_by_rate(order.indices(), &rates.after);
    let identity_map = sorted_by_rate(identity.indices(), &rates.before);
    let together = co_zero_counts(backend, planes)?;
    let cell = order.len().div_ceil(MAP_CELLS).next_multiple_of(4);
    let samples: usize = planes.iter().map(ZeroPlanes::samples).sum();
    Ok(CoZeroMap {
        neurons_a_cell: cell,
        cells: BeforeAfter {
            before: map(&together, samples, &identity_map, cell),
            after: map(&together, samples, &order_map, cell),
        },
    })
}

/// Zero blocks of every sample.
struct Counts {
    before: Vec<u32>,
    after: Vec<u32>,
    /// Samples of a position.
    perspectives: usize,
}

/// Sums up zero blocks of samples that are in the order of positions.
#[derive(Clone, Default)]
struct Sum {
    before: u64,
    after: u64,
    samples: u64,
}

impl Sum {
    fn add(&mut self, counts: &Counts, sample: usize) {
        self.before += u64::from(counts.before[sample]);
        self.after += u64::from(counts.after[sample]);
        self.samples += 1;
    }

    fn rate(&self, blocks: usize) -> BeforeAfter<f64> {
        let cells = (self.samples * blocks as u64).max(1) as f64;
        BeforeAfter {
            before: self.before as f64 / cells,
            after: self.after as f64 / cells,
        }
    }
}

impl PartMeasures {
    fn new(boards: &[Board], counts: &Counts, blocks: usize, model: &dyn Model) -> PartMeasures {
        let stacks = model.buckets().unwrap_or(BUCKETS);
        let mut sides = [Sum::default(), Sum::default()];
        let mut all = Sum::default();
        let mut buckets = vec![Sum::default(); stacks];
        for (position, board) in boards.iter().enumerate() {
            let bucket = model.bucket(board).min(stacks - 1);
            for (side, sum) in sides.iter_mut().enumerate().take(counts.perspectives) {
                let sample = counts.perspectives * position + side;
                sum.add(counts, sample);
                all.add(counts, sample);
                buckets[bucket].add(counts, sample);
            }
        }
        let buckets = buckets.iter().enumerate();
        PartMeasures {
            positions: boards.len(),
            all: all.rate(blocks),
            side_to_move: sides[0].rate(blocks),
            opponent: (counts.perspectives == 2).then(|| sides[1].rate(blocks)),
            buckets: buckets
                .filter(|(_, sum)| sum.samples > 0)
                .map(|(bucket, sum)| BucketMeasures {
                    bucket,
                    positions: sum.samples as usize / counts.perspectives,
                    rate: sum.rate(blocks),
                })
                .collect(),
        }
    }
}

impl NeuronMeasures {
    pub(super) fn new(planes: &[ZeroPlanes]) -> NeuronMeasures {
        const INTERVALS: usize = 20;
        let samples: usize = planes.iter().map(ZeroPlanes::samples).sum();
        let mut counts = vec![0; planes[0].neurons()];
        for planes in planes {
            for (count, more) in counts.iter_mut().zip(planes.zero_counts()) {
                *count += more;
            }
        }
        let with = |wanted: u64| {
            let neurons = counts.iter().zip(0..);
            neurons
                .filter(|&(&count, _)| count == wanted)
                .map(|(_, neuron)| neuron)
                .collect()
        };
        let mut histogram = vec![0; INTERVALS];
        for &count in &counts {
            let at = (count * INTERVALS as u64 / samples.max(1) as u64) as usize;
            histogram[at.min(INTERVALS - 1)] += 1;
        }
        NeuronMeasures {
            samples,
            dead: with(samples as u64),
            never_zero: with(0),
            histogram,
        }
    }
}

/// How many blocks of each position an engine has to read.
fn nonzero_blocks(counts: &[Counts], blocks: usize) -> Histogram {
    let of = |pick: fn(&Counts) -> &[u32]| -> Vec<u64> {
        let positions = counts
            .iter()
            .filter(|counts| counts.perspectives > 0)
            .flat_map(|counts| pick(counts).chunks_exact(counts.perspectives));
        positions
            .map(|zero| {
                (zero.len() * blocks) as u64 - zero.iter().copied().map(u64::from).sum::<u64>()
            })
            .collect()
    };
    let (before, after) = (of(|it| &it.before), of(|it| &it.after));
    let all = || before.iter().chain(&after).copied();
    let (low, high) = (all().min().unwrap_or(0), all().max().unwrap_or(0));
    let width = (high - low + 1).div_ceil(BINS as u64);
    let bins = (high - low + 1).div_ceil(width) as usize;
    let count = |values: &[u64]| {
        let mut counts = vec![0; bins];
        for value in values {
            counts[((value - low) / width) as usize] += 1;
        }
        counts
    };
    let mean = |values: &[u64]| values.iter().sum::<u64>() as f64 / values.len().max(1) as f64;
    Histogram {
        low,
        width,
        mean: BeforeAfter {
            before: mean(&before),
            after: mean(&after),
        },
        counts: BeforeAfter {
            before: count(&before),
            after: count(&after),
        },
    }
}

/// Share of the samples in which each block is zero.
pub(super) struct BlockRates {
    before: Vec<f64>,
    after: Vec<f64>,
}

impl BlockRates {
    pub(super) fn new(planes: &[ZeroPlanes], order: &Permutation) -> BlockRates {
        let samples: usize = planes.iter().map(ZeroPlanes::samples).sum();
        let rates = |order: &Permutation| {
            let blocks = order.indices().chunks_exact(4);
            blocks
                .map(|block| {
                    let zero = planes.iter().map(|planes| planes.zero_blocks(block));
                    zero.sum::<u64>() as f64 / samples.max(1) as f64
                })
                .collect()
        };
        BlockRates {
            before: rates(&Permutation::identity(order.len())),
            after: rates(order),
        }
    }
}

/// Rates from the highest, thinned to at most so many points that the ends are among them.
fn curve(mut rates: Vec<f64>) -> Vec<f64> {
    rates.sort_by(|a, b| b.total_cmp(a));
    if rates.len() <= CURVE_POINTS {
        return rates;
    }
    (0..CURVE_POINTS)
        .map(|point| rates[point * (rates.len() - 1) / (CURVE_POINTS - 1)])
        .collect()
}

/// The neurons with their blocks in the order of the blocks' rates, the highest first.
fn sorted_by_rate(order: &[u32], rates: &[f64]) -> Vec<u32> {
    let mut blocks: Vec<(f64, &[u32])> = rates.iter().copied().zip(order.chunks_exact(4)).collect();
    blocks.sort_by(|a, b| b.0.total_cmp(&a.0));
    blocks
        .iter()
        .flat_map(|(_, block)| block.iter().copied())
        .collect()
}

/// `counts[a * n + b]`: samples in which neurons a and b are zero.
fn co_zero_counts(backend: &dyn Backend, planes: &[ZeroPlanes]) -> Result<Vec<u32>, ComputeError> {
    let mut counter = backend.co_zero_counter(planes)?;
    let neurons: Vec<NeuronGroup> = (0..counter.neurons() as u32)
        .map(|neuron| NeuronGroup::new(&[neuron]))
        .collect();
    let mut counts = Vec::new();
    counter.co_zero_counts(&neurons, &neurons, &mut counts)?;
    Ok(counts)
}

/// Cells of `cell` x `cell` pairs of neurons, in this order.
fn map(together: &[u32], samples: usize, order: &[u32], cell: usize) -> Vec<Vec<f64>> {
    let share = |rows: &[u32], columns: &[u32]| {
        let (mut zero, mut pairs) = (0, 0);
        for &a in rows {
            for &b in columns.iter().filter(|&&b| b != a) {
                zero += u64::from(together[a as usize * order.len() + b as usize]);
                pairs += 1;
            }
        }
        zero as f64 / (pairs * samples as u64).max(1) as f64
    };
    let round = |share: f64| (share * 1e4).round() / 1e4;
    order
        .chunks(cell)
        .map(|rows| {
            let columns = order.chunks(cell);
            columns.map(|columns| round(share(rows, columns))).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::cpu::CpuBackend;

    /// Eight neurons, four samples: 0 to 3 are zero in samples 0 and 1, 4 to 6 in sample 2, 7 never.
    fn planes() -> ZeroPlanes {
        let mut planes = ZeroPlanes::new(8, 4);
        for neuron in 0..4 {
            planes.set(neuron, 0);
            planes.set(neuron, 1);
        }
        for neuron in 4..7 {
            planes.set(neuron, 2);
        }
        planes
    }

    #[test]
    fn neurons_by_hand() {
        let mut planes = planes();
        for sample in 0..4 {
            planes.set(5, sample);
        }
        let found = NeuronMeasures::new(&[planes]);
        assert_eq!(
            (found.samples, found.dead, found.never_zero),
            (4, vec![5], vec![7])
        );
        // Twenty intervals: never, a quarter, half, always.
        let filled: Vec<(usize, u64)> = found
            .histogram
            .iter()
            .copied()
            .enumerate()
            .filter(|it| it.1 > 0)
            .collect();
        assert_eq!(filled, [(0, 1), (5, 2), (10, 4), (19, 1)]);
    }

    #[test]
    fn blocks_of_positions_by_hand() {
        let planes = planes();
        let swapped = Permutation::new(vec![0, 1, 2, 4, 3, 5, 6, 7]).unwrap();
        let counts = Counts {
            before: blocks_by_sample(&planes, &Permutation::identity(8)),
            after: blocks_by_sample(&planes, &swapped),
            perspectives: 2,
        };
        // Position 0 has one zero block in each of its samples, position 1 none; after the exchange nobody has any.
        let found = nonzero_blocks(&[counts], 2);
        assert_eq!((found.low, found.width), (2, 1));
        assert_eq!(found.counts.before, [1, 0, 1]);
        assert_eq!(found.counts.after, [0, 0, 2]);
        assert_eq!((found.mean.before, found.mean.after), (3.0, 4.0));
    }

    #[test]
    fn a_map_by_hand() {
        let backend = CpuBackend::new(Some(1)).unwrap();
        let together = co_zero_counts(&backend, &[planes()]).unwrap();
        let found = map(&together, 4, &[4, 5, 6, 7, 0, 1, 2, 3], 4);
        // Three of the six pairs of 4 to 7 are zero in one sample of four, all of 0 to 3 in two.
        assert_eq!(found, [[0.125, 0.0], [0.0, 0.5]]);
    }

    #[test]
    fn sorting_and_thinning() {
        let order = [4, 5, 6, 7, 0, 1, 2, 3];
        assert_eq!(
            sorted_by_rate(&order, &[0.1, 0.2]),
            [0, 1, 2, 3, 4, 5, 6, 7]
        );
        let many: Vec<f64> = (0..1000).map(|it| f64::from(it) / 1000.0).collect();
        let thin = curve(many);
        assert_eq!((thin.len(), thin[0], thin[255]), (256, 0.999, 0.0));
        assert_eq!(curve(vec![0.1, 0.5]), [0.5, 0.1]);
    }
}
