//! How sure a held-out rate is: a bootstrap over games.
//!
//! Positions of one game are alike, so games are drawn with replacement, not positions (the cluster bootstrap of
//! Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8).
//!
//! ```
//! use ftperm::run::holdout::Measured;
//! use ftperm::order::Permutation;
//! use ftperm::planes::ZeroPlanes;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Two positions of two samples each, a game each. Neurons 0 to 2 and 4 are zero in the first position.
//! let mut planes = ZeroPlanes::new(8, 4);
//! for neuron in [0, 1, 2, 4] {
//!     planes.set(neuron, 0);
//!     planes.set(neuron, 1);
//! }
//! let order = Permutation::new(vec![0, 1, 2, 4, 3, 5, 6, 7])?;
//! let rates = Measured::new(&planes, &order).rates(&[7, 8], |_| 1, 0).unwrap();
//! // One of two blocks is zero in two of four samples, but drawing games again may leave that game out.
//! assert_eq!((rates.before, rates.after), (0.0, 0.25));
//! assert_eq!(rates.after_interval, Some((0.0, 0.5)));
//! # Ok(())
//! # }
//! ```

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::chess::board::Board;
use crate::order::Permutation;
use crate::planes::PlaneSource;
use crate::planes::{PlanesFileError, ZeroPlanes};
use crate::positions::bucket_weights::BUCKETS;
use crate::search::ByBucket;

/// Rates on positions that the search did not see. All are fractions of (sample, block) cells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoldoutRates {
    pub before: f64,
    pub after: f64,
    /// 95 % interval of `after`; `None` with one game, which does not say how games differ.
    pub after_interval: Option<(f64, f64)>,
    /// The same of `after - before`.
    pub gain_interval: Option<(f64, f64)>,
    /// Games that were drawn from.
    pub games: usize,
}

/// Resamplings of the bootstrap.
const RESAMPLINGS: usize = 1000;

/// Zero blocks in the samples of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketCounts {
    /// [`Board::bucket`].
    pub bucket: usize,
    pub samples: u64,
    /// Zero blocks in all these samples.
    pub before: u64,
    pub after: u64,
}

impl BucketCounts {
    /// Of all buckets that have samples, from sums by bucket; samples of no known bucket are left out.
    pub fn of(samples: &ByBucket, [before, after]: [&ByBucket; 2]) -> Vec<BucketCounts> {
        let known = samples.iter().filter(|&(_, &samples)| samples > 0);
        let counts = |(&bucket, &samples): (&Option<usize>, &u64)| {
            Some(BucketCounts {
                bucket: bucket?,
                samples,
                before: before[&bucket],
                after: after[&bucket],
            })
        };
        known.filter_map(counts).collect()
    }
}

/// How many blocks of each held-out sample are zero, before and after.
#[derive(Clone, Debug)]
pub struct Measured {
    before: Vec<u32>,
    after: Vec<u32>,
    blocks: usize,
}

impl Measured {
    /// Counts on planes in [`SampleOrder::Positions`](crate::nets::model::SampleOrder::Positions): samples `2k` and
    /// `2k + 1` are those of position k; sample k where a network has one perspective.
    pub fn new(planes: &ZeroPlanes, order: &Permutation) -> Measured {
        let identity = Permutation::identity(planes.neurons());
        Measured {
            before: blocks_by_sample(planes, &identity),
            after: blocks_by_sample(planes, order),
            blocks: planes.neurons() / 4,
        }
    }

    /// Counts on planes that follow one another, each of whole positions, in memory or in files.
    ///
    /// # Errors
    /// A file cannot be read, or its bits are wrong.
    pub fn join<'s>(
        planes: impl IntoIterator<Item = &'s dyn PlaneSource>,
        order: &Permutation,
    ) -> Result<Measured, PlanesFileError> {
        let identity = Permutation::identity(order.len());
        let mut all = Measured {
            before: Vec::new(),
            after: Vec::new(),
            blocks: order.len() / 4,
        };
        for planes in planes {
            all.before.extend(count_by_sample(planes, &identity)?);
            all.after.extend(count_by_sample(planes, order)?);
        }
        Ok(all)
    }

    /// Counts by bucket; `boards[k]` is position k. Buckets without positions are left out.
    pub fn by_bucket(
        &self,
        boards: &[Board],
        bucket_of: impl Fn(&Board) -> usize,
    ) -> Vec<BucketCounts> {
        let mut counts: [BucketCounts; BUCKETS] = std::array::from_fn(|bucket| BucketCounts {
            bucket,
            samples: 0,
            before: 0,
            after: 0,
        });
        let per_position = self.before.len() / boards.len().max(1);
        for (position, board) in boards.iter().enumerate() {
            let counts = &mut counts[bucket_of(board).min(BUCKETS - 1)];
            for sample in position * per_position..(position + 1) * per_position {
                counts.samples += 1;
                counts.before += u64::from(self.before[sample]);
                counts.after += u64::from(self.after[sample]);
            }
        }
        counts.into_iter().filter(|it| it.samples > 0).collect()
    }

    /// Rates with their intervals. Position k belongs to game `games[k]` and counts `weight(k)` times.
    ///
    /// `None` if nothing counts.
    pub fn rates(
        &self,
        games: &[u32],
        weight: impl Fn(usize) -> u32,
        seed: u64,
    ) -> Option<HoldoutRates> {
        debug_assert!(games.is_empty() || self.before.len().is_multiple_of(games.len()));
        let mut sums = self.sums_by_game(games, weight);
        sums.retain(|sum| sum.cells > 0);
        bootstrap(&sums, seed)
    }

    /// Games come one after the other in the data, so equal numbers stand together.
    fn sums_by_game(&self, games: &[u32], weight: impl Fn(usize) -> u32) -> Vec<Sums> {
        let per_position = self.before.len() / games.len().max(1);
        let mut sums: Vec<Sums> = Vec::new();
        for (position, game) in games.iter().enumerate() {
            if position == 0 || games[position - 1] != *game {
                sums.push(Sums::default());
            }
            let weight = u64::from(weight(position));
            if let Some(sum) = sums.last_mut() {
                for sample in position * per_position..(position + 1) * per_position {
                    sum.before += weight * u64::from(self.before[sample]);
                    sum.after += weight * u64::from(self.after[sample]);
                    sum.cells += weight * self.blocks as u64;
                }
            }
        }
        sums
    }
}

/// Draws games with replacement, again and again.
fn bootstrap(sums: &[Sums], seed: u64) -> Option<HoldoutRates> {
    if sums.is_empty() {
        return None;
    }
    let rates = |drawn: &[Sums]| {
        let total = drawn.iter().fold(Sums::default(), |a, b| Sums {
            before: a.before + b.before,
            after: a.after + b.after,
            cells: a.cells + b.cells,
        });
        let share = |zero: u64| zero as f64 / total.cells as f64;
        (share(total.before), share(total.after))
    };
    let (before, after) = rates(sums);
    let alone = HoldoutRates {
        before,
        after,
        after_interval: None,
        gain_interval: None,
        games: sums.len(),
    };
    if sums.len() == 1 {
        return Some(alone);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = sums.to_vec();
    let (mut afters, mut gains): (Vec<f64>, Vec<f64>) = (0..RESAMPLINGS)
        .map(|_| {
            drawn.fill_with(|| sums[random.random_range(0..sums.len())]);
            let (before, after) = rates(&drawn);
            (after, after - before)
        })
        .unzip();
    Some(HoldoutRates {
        after_interval: Some(interval(&mut afters)),
        gain_interval: Some(interval(&mut gains)),
        ..alone
    })
}

/// Zero blocks and cells of one game.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    before: u64,
    after: u64,
    cells: u64,
}

/// All-zero blocks of every sample.
pub(crate) fn blocks_by_sample(planes: &ZeroPlanes, order: &Permutation) -> Vec<u32> {
    // Planes in memory are there.
    count_by_sample(planes, order).unwrap_or_default()
}

/// As [`blocks_by_sample`], of planes in memory or in a file, of which a piece is read at a time.
fn count_by_sample(
    planes: &dyn PlaneSource,
    order: &Permutation,
) -> Result<Vec<u32>, PlanesFileError> {
    let mut counts = vec![0; planes.samples()];
    for block in order.indices().as_chunks::<4>().0 {
        planes.for_each_and(block, &mut |first, words| {
            for (counts, &bits) in counts[64 * first..].chunks_mut(64).zip(words) {
                let mut bits = bits;
                while bits != 0 {
                    counts[bits.trailing_zeros() as usize] += 1;
                    bits &= bits - 1;
                }
            }
        })?;
    }
    Ok(counts)
}

/// The middle 95 % of values.
fn interval(values: &mut [f64]) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
    (at(0.025), at(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_intervals_by_hand() {
        // Eight neurons, four positions of two games. In game 0 neurons 0 to 3 are zero, in game 1 neurons 4, 1, 2, 3.
        let mut planes = ZeroPlanes::new(8, 8);
        for sample in 0..8 {
            let first = if sample < 4 { 0 } else { 4 };
            for neuron in [first, 1, 2, 3] {
                planes.set(neuron, sample);
            }
        }
        let games = [0, 0, 1, 1];
        let swapped = Permutation::new(vec![4, 1, 2, 3, 0, 5, 6, 7]).unwrap();
        let measured = Measured::new(&planes, &swapped);
        let found = measured.rates(&games, |_| 1, 1).unwrap();
        // Each order has one zero block of two in the samples of one game.
        assert_eq!((found.before, found.after, found.games), (0.25, 0.25, 2));
        // Drawing two games of two: both the one, both the other, or one of each.
        assert_eq!(found.after_interval, Some((0.0, 0.5)));
        assert_eq!(found.gain_interval, Some((-0.5, 0.5)));
        assert_eq!(measured.rates(&games, |_| 1, 1), Some(found));
        // The first game counts three times: 12 of its 24 cells were zero before, and 0 of 8 of the other.
        let weighted = measured.rates(&games, |position| if position < 2 { 3 } else { 1 }, 1);
        let weighted = weighted.unwrap();
        assert_eq!((weighted.before, weighted.after), (0.375, 0.125));
        // A game that counts nothing is not drawn.
        let second = measured.rates(&games, |position| u32::from(position > 1), 1);
        let second = second.unwrap();
        assert_eq!((second.before, second.after, second.games), (0.0, 0.5, 1));
        // One game does not say how others differ.
        assert_eq!((second.after_interval, second.gain_interval), (None, None));
        assert_eq!(measured.rates(&games, |_| 0, 1), None);
        let nothing = Measured::new(&ZeroPlanes::new(8, 0), &swapped);
        assert_eq!(nothing.rates(&[], |_| 1, 1), None);
        assert_eq!(nothing.by_bucket(&[], Board::bucket), []);
    }

    #[test]
    fn buckets_by_hand() {
        let start = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
        let bare = "8/8/4k3/8/8/4K3/8/8 w - - 0 1";
        let boards = [start, bare, start].map(|fen| fen.parse::<Board>().unwrap());
        let mut planes = ZeroPlanes::new(8, 6);
        for (sample, neurons) in [(0, 0..4), (3, 2..6), (4, 0..8)] {
            neurons.for_each(|neuron| planes.set(neuron, sample));
        }
        let order = Permutation::new(vec![0, 1, 6, 7, 2, 3, 4, 5]).unwrap();
        let counts = |bucket, samples, before, after| BucketCounts {
            bucket,
            samples,
            before,
            after,
        };
        assert_eq!(
            Measured::new(&planes, &order).by_bucket(&boards, Board::bucket),
            [counts(0, 2, 0, 1), counts(7, 4, 3, 2)]
        );
    }

    #[test]
    fn counts_by_sample_add_up() {
        let mut planes = ZeroPlanes::new(8, 100);
        for sample in 0..100 {
            for neuron in 0..8 {
                if (sample * 7 + neuron * 3) % 5 != 0 || sample % 3 == 0 {
                    planes.set(neuron, sample);
                }
            }
        }
        let order = Permutation::new(vec![0, 5, 2, 7, 4, 1, 6, 3]).unwrap();
        let sum: u32 = blocks_by_sample(&planes, &order).iter().sum();
        assert_eq!(u64::from(sum), planes.zero_blocks(order.indices()));
    }
}
