//! A sharper upper bound where there are few enough neurons to count all triples, or all blocks there could be.
//!
//! Let c(t) be the number of samples in which all k neurons of a set t are zero, k = 3 or 4. A block B scores at most
//! c(t) for every t of its neurons, and so at most the mean over those t. Split evenly among the four members x of B,
//! each takes the mean over the sets t with x in t, and that is at most the largest c(t) of all sets with x in them.
//! Each neuron is in the sets of x's companions (k - 1) / 3 times on average, and has three companions. So for any
//! prices u, with u(t) the sum over t,
//!
//! ```text
//! score <= 1/4 * (sum over x of max over t with x in t of (c(t) - u(t)) + k * sum over j of u_j)
//! ```
//!
//! With k = 4 this is the dual of the linear program of choosing blocks such that every neuron is in one of them.

use rayon::prelude::*;

use super::{CoZeroCounter, Halt, NeuronGroup, step_length};
use crate::search::control::Watch;
use crate::search::partition::BLOCK;

/// Most sets that are counted, four bytes each.
const MOST_SETS: u64 = 1 << 25;

/// Steps of the descent.
const STEPS: i64 = 300;

/// Left groups of one count, to look at the stop flag in between.
const STRIP: usize = 32;

/// Sets of one task.
const TASK: usize = 1 << 17;

/// The counts of all sets of `size` neurons, in lexicographic order.
pub(super) struct Subsets {
    neurons: usize,
    samples: i32,
    size: usize,
    /// All neurons of a set but its last, padded, and where the sets with larger last neurons begin in `counts`.
    heads: Vec<Head>,
    counts: Vec<u32>,
}

type Head = ([u32; 3], usize);

/// For a neuron the best set that it is in: value, number of its head, last neuron.
#[derive(Clone, Copy)]
struct Best {
    value: i32,
    head: u32,
    last: u32,
}

impl Best {
    const NONE: Best = Best {
        value: i32::MIN,
        head: u32::MAX,
        last: u32::MAX,
    };

    fn or(self, other: Best) -> Best {
        let better = (other.value, self.head) > (self.value, other.head);
        if better { other } else { self }
    }
}

impl Subsets {
    /// The largest size of sets that are not too many, whose counts take at most so many bytes.
    pub fn size(neurons: usize, bytes: u64) -> Option<usize> {
        let fits = |size: &usize| {
            let heads = sets(neurons, size - 1).saturating_mul(size_of::<Head>() as u64);
            let sets = sets(neurons, *size);
            sets <= MOST_SETS && 4 * sets + heads <= bytes
        };
        [4, 3].into_iter().find(fits)
    }

    /// Counts all sets of `size` neurons, 3 or 4.
    pub fn count(
        size: usize,
        counter: &mut dyn CoZeroCounter,
        watch: &mut Watch,
    ) -> Result<Subsets, Halt> {
        let neurons = counter.neurons();
        let mut subsets = Subsets {
            neurons,
            samples: counter.samples() as i32,
            size,
            heads: Vec::with_capacity(sets(neurons, size - 1) as usize),
            counts: Vec::with_capacity(sets(neurons, size) as usize),
        };
        let mut counted = Vec::new();
        let stems = stems(neurons as u32, size - 2);
        for (number, stem) in stems.iter().enumerate() {
            let first = stem.last().map_or(0, |last| last + 1);
            let middles: Vec<u32> = (first..neurons as u32).collect();
            for middles in middles.chunks(STRIP) {
                watch.go_on(number as f64 / stems.len() as f64)?;
                let left: Vec<NeuronGroup> = middles
                    .iter()
                    .map(|&middle| NeuronGroup::new(&[stem.as_slice(), &[middle]].concat()))
                    .collect();
                let lasts = middles[0] + 1..neurons as u32;
                let right: Vec<NeuronGroup> = lasts.map(|last| NeuronGroup::new(&[last])).collect();
                if right.is_empty() {
                    continue;
                }
                counter.co_zero_counts(&left, &right, &mut counted)?;
                for (row, &middle) in counted.chunks_exact(right.len()).zip(middles) {
                    let mut head = [0; 3];
                    head[..size - 2].copy_from_slice(stem);
                    head[size - 2] = middle;
                    subsets.heads.push((head, subsets.counts.len()));
                    subsets
                        .counts
                        .extend(&row[(middle - middles[0]) as usize..]);
                }
            }
        }
        Ok(subsets)
    }

    /// The best bound that a descent over prices finds.
    pub fn upper_bound(&self, watch: &mut Watch) -> Result<u64, Halt> {
        let mut prices = vec![0i32; self.neurons];
        let mut bound = i64::MAX;
        let mut times = vec![0i64; self.neurons];
        for step in 0..STEPS {
            watch.go_on(step as f64 / STEPS as f64)?;
            let best = self.best_sets(&prices);
            let values: i64 = best.iter().map(|best| i64::from(best.value)).sum();
            let paid: i64 = prices.iter().map(|&price| i64::from(price)).sum();
            let total = values + self.size as i64 * paid;
            bound = bound.min(total.div_euclid(BLOCK as i64));
            times.fill(0);
            for best in &best {
                let head = &self.heads[best.head as usize].0[..self.size - 1];
                head.iter().for_each(|&j| times[j as usize] += 1);
                times[best.last as usize] += 1;
            }
            let length = step_length(i64::from(self.samples), step, STEPS);
            for (price, &times) in prices.iter_mut().zip(&times) {
                let change = length * (times - self.size as i64).min(12);
                // Within these limits no sum leaves 32 bits: there are at most 2^28 samples.
                let limit = i64::from(self.samples);
                *price = (i64::from(*price) + change).clamp(-limit, limit) as i32;
            }
        }
        Ok(bound.max(0) as u64)
    }

    /// For every neuron the set with it of the largest count less prices; the first of equal ones.
    fn best_sets(&self, prices: &[i32]) -> Vec<Best> {
        let heads_of_task = (TASK * self.heads.len() / self.counts.len().max(1)).max(1);
        let none = || vec![Best::NONE; self.neurons];
        self.heads
            .par_chunks(heads_of_task)
            .enumerate()
            .map(|(task, heads)| self.best_of(heads, task * heads_of_task, prices))
            .reduce(none, |a, b| {
                a.into_iter().zip(b).map(|(a, b)| a.or(b)).collect()
            })
    }

    /// The same of the sets with some heads; `number` is that of the first.
    fn best_of(&self, heads: &[Head], number: usize, prices: &[i32]) -> Vec<Best> {
        let mut best = vec![Best::NONE; self.neurons];
        // Apart, so that the compiler takes many at a time.
        let mut values = vec![i32::MIN; self.neurons];
        let mut by_last = vec![u32::MAX; self.neurons];
        for (number, (head, start)) in (number as u32..).zip(heads) {
            let head = &head[..self.size - 1];
            let first = head[self.size - 2] as usize + 1;
            let row = &self.counts[*start..][..self.neurons - first];
            let paid: i32 = head.iter().map(|&j| prices[j as usize]).sum();
            let mut most = i32::MIN;
            let targets = values[first..].iter_mut().zip(&mut by_last[first..]);
            for ((&count, &price), (value, by)) in row.iter().zip(&prices[first..]).zip(targets) {
                let worth = count as i32 - paid - price;
                most = most.max(worth);
                let better = worth > *value;
                *value = if better { worth } else { *value };
                *by = if better { number } else { *by };
            }
            if head.iter().any(|&j| most > best[j as usize].value) {
                let worth = |at: &usize| row[*at] as i32 - paid - prices[first + at];
                let at = (0..row.len()).find(|at| worth(at) == most);
                let found = Best {
                    value: most,
                    head: number,
                    last: (first + at.unwrap_or_default()) as u32,
                };
                for &j in head {
                    best[j as usize] = best[j as usize].or(found);
                }
            }
        }
        for (neuron, best) in best.iter_mut().enumerate() {
            *best = best.or(Best {
                value: values[neuron],
                head: by_last[neuron],
                last: neuron as u32,
            });
        }
        best
    }
}

/// How many sets of so many neurons there are.
fn sets(neurons: usize, size: usize) -> u64 {
    let n = neurons as u64;
    (0..size as u64).fold(1, |all, k| {
        all.saturating_mul(n.saturating_sub(k)) / (k + 1)
    })
}

/// All ascending lists of one or two neurons, in lexicographic order.
fn stems(neurons: u32, length: usize) -> Vec<Vec<u32>> {
    if length == 1 {
        return (0..neurons).map(|i| vec![i]).collect();
    }
    let pairs = |i| (i + 1..neurons).map(move |j| vec![i, j]);
    (0..neurons).flat_map(pairs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::Backend;
    use crate::compute::cpu::CpuBackend;
    use crate::planes::ZeroPlanes;
    use proptest::prelude::*;

    fn bound(planes: &ZeroPlanes, size: usize) -> u64 {
        let backend = CpuBackend::new(Some(1)).unwrap();
        let chunks = std::slice::from_ref(planes);
        let mut counter = backend.co_zero_counter(chunks).unwrap();
        let mut tell = |_| ();
        let mut watch = Watch::new(&|| false, &mut tell);
        let subsets = Subsets::count(size, counter.as_mut(), &mut watch).unwrap();
        let sets = (0..size as u64).fold(1, |all, k| all * (planes.neurons() as u64 - k) / (k + 1));
        assert_eq!(subsets.counts.len() as u64, sets);
        for (head, start) in &subsets.heads {
            let mut block = head[..size - 1].to_vec();
            block.push(block[size - 2] + 1);
            if (block[size - 1] as usize) < planes.neurons() {
                block.resize(4, block[0]);
                assert_eq!(
                    u64::from(subsets.counts[*start]),
                    planes.zero_blocks(&block)
                );
            }
        }
        subsets.upper_bound(&mut watch).unwrap()
    }

    /// The largest score of all partitions.
    fn best_partition(planes: &ZeroPlanes, left: &[u32]) -> u64 {
        let Some((&first, rest)) = left.split_first() else {
            return 0;
        };
        let mut best = 0;
        for a in 0..rest.len() {
            for b in a + 1..rest.len() {
                for c in b + 1..rest.len() {
                    let chosen = [a, b, c];
                    let block = [first, rest[a], rest[b], rest[c]];
                    let others: Vec<u32> = (0..rest.len())
                        .filter(|at| !chosen.contains(at))
                        .map(|at| rest[at])
                        .collect();
                    let score = planes.zero_blocks(&block) + best_partition(planes, &others);
                    best = best.max(score);
                }
            }
        }
        best
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn no_partition_scores_more(
            blocks in 1usize..4,
            samples in prop::collection::vec(any::<u16>(), 1..40),
            mood in any::<u16>(),
        ) {
            let mut planes = ZeroPlanes::new(4 * blocks, samples.len());
            for (sample, bits) in samples.iter().enumerate() {
                // Every other sample is mostly zero in the same neurons.
                let bits = if sample % 2 == 0 { bits | mood } else { *bits };
                for neuron in (0..4 * blocks).filter(|neuron| bits >> neuron & 1 == 1) {
                    planes.set(neuron, sample);
                }
            }
            let all: Vec<u32> = (0..4 * blocks as u32).collect();
            let best = best_partition(&planes, &all);
            prop_assert!(bound(&planes, 3) >= best);
            prop_assert!(bound(&planes, 4) >= best);
        }
    }

    #[test]
    fn a_case_where_the_bound_is_reached() {
        // Neurons 4k to 4k + 3 are zero together in `100 * (k + 1)` samples of their own.
        let mut planes = ZeroPlanes::new(12, 600);
        for neuron in 0..12 {
            let own = [0..100, 100..300, 300..600];
            own[neuron / 4]
                .clone()
                .for_each(|sample| planes.set(neuron, sample));
        }
        assert_eq!(bound(&planes, 3), 600);
        assert_eq!(bound(&planes, 4), 600);
    }

    #[test]
    fn sizes() {
        let all = [4, 64, 128, 256, 512, 768, 1536];
        let (three, four) = (Some(3), Some(4));
        let sizes = all.map(|neurons| Subsets::size(neurons, u64::MAX));
        assert_eq!(sizes, [four, four, four, three, three, None, None]);
        // All 10,668,000 sets of four of 128 neurons take 43 MB, and 8 MB to say which they are; all sets of three 1.4
        // MB.
        let sizes = [60_000_000, 50_000_000, 2_000_000, 1_000_000].map(|it| Subsets::size(128, it));
        assert_eq!(sizes, [four, three, three, None]);
    }
}
