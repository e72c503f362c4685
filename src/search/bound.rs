//! An upper bound on the score of every partition, from pair counts; from counts of triples or of whole blocks, which
//! is sharper, where [`subsets`] finds them few enough.
//!
//! Let `W(i, j)` be the number of samples in which neurons i and j are both zero. A block {i, a, b, c} scores at most
//! `min(W(i, a), W(i, b), W(i, c))`, and so, split evenly among its four members,
//!
//! ```text
//! score <= 1/4 * sum over i of min(W(i, a_i), W(i, b_i), W(i, c_i))
//! ```
//!
//! where a_i, b_i, c_i are the companions of i. Every neuron is a companion three times. So for any prices u, paid once
//! for every companion and given back three times a neuron,
//!
//! ```text
//! score <= 1/4 * (sum over i of max over a, b, c of (min(W(i, a), W(i, b), W(i, c)) - u_a - u_b - u_c)
//!                 + 3 * sum over j of u_j)
//! ```
//!
//! This is the Lagrangian relaxation of "everyone is a companion three times" (M. Held, R. M. Karp, "The
//! traveling-salesman problem and minimum spanning trees: part II", Mathematical Programming 1, 1971). Any prices
//! give a valid bound; a subgradient descent looks for good ones. All numbers are integers, so the bound is exact.

use crate::compute::{CoZeroCounter, NeuronGroup};

use super::Halt;
use super::control::Watch;
use subsets::Subsets;

mod subsets;

/// Steps of the descent; each costs n^2 operations.
const STEPS: i64 = 400;

/// Left groups of one count, to look at the stop flag in between.
const STRIP: usize = 64;

/// The best bound found with so many bytes for counts of sets.
pub(crate) fn upper_bound(
    counter: &mut dyn CoZeroCounter,
    bytes: u64,
    watch: &mut Watch,
) -> Result<u64, Halt> {
    let Some(size) = Subsets::size(counter.neurons(), bytes) else {
        return bound_from_pairs(counter, watch);
    };
    let bound = watch.part(0.0..0.05, |watch| bound_from_pairs(counter, watch))?;
    let subsets = watch.part(0.05..0.15, |watch| Subsets::count(size, counter, watch))?;
    let sharper = watch.part(0.15..1.0, |watch| subsets.upper_bound(watch))?;
    tracing::debug!(pairs = bound, sets = sharper, size, "upper bounds");
    Ok(bound.min(sharper))
}

fn bound_from_pairs(counter: &mut dyn CoZeroCounter, watch: &mut Watch) -> Result<u64, Halt> {
    let neurons = counter.neurons();
    let samples = counter.samples() as i64;
    let rows = watch.part(0.0..0.2, |watch| sorted_rows(counter, watch))?;
    let mut prices = vec![0i64; neurons];
    let mut best = i64::MAX;
    let mut chosen = vec![0i64; neurons];
    for step in 0..STEPS {
        watch.go_on(0.2 + 0.8 * step as f64 / STEPS as f64)?;
        chosen.fill(0);
        let mut total = 3 * prices.iter().sum::<i64>();
        for row in rows.chunks_exact(neurons - 1) {
            let (value, companions) = best_companions(row, &prices);
            total += value;
            companions.iter().for_each(|&j| chosen[j as usize] += 1);
        }
        best = best.min(total.div_euclid(4));
        let length = step_length(samples, step, STEPS);
        for (price, &times) in prices.iter_mut().zip(&chosen) {
            // A popular companion gets dearer; no single step more than a few lengths.
            *price += length * (times - 3).min(12);
        }
    }
    Ok(best.max(0) as u64)
}

/// By how much prices change in a step: from a hundredth of the samples down to a thousandth of that.
fn step_length(samples: i64, step: i64, steps: i64) -> i64 {
    (samples / 100 * (steps - step).pow(3) / steps.pow(3)).max(1)
}

/// For every neuron i the other neurons j with `W(i, j)`, by falling count, then by number.
fn sorted_rows(
    counter: &mut dyn CoZeroCounter,
    watch: &mut Watch,
) -> Result<Vec<(u32, u32)>, Halt> {
    let neurons = counter.neurons() as u32;
    let singles: Vec<NeuronGroup> = (0..neurons).map(|n| NeuronGroup::new(&[n])).collect();
    let mut rows = Vec::with_capacity((neurons * (neurons - 1)) as usize);
    let mut counts = Vec::new();
    for (strip, left) in singles.chunks(STRIP).enumerate() {
        watch.go_on((STRIP * strip) as f64 / f64::from(neurons))?;
        counter.co_zero_counts(left, &singles, &mut counts)?;
        for (i, counts) in counts.chunks_exact(singles.len()).enumerate() {
            let own = (STRIP * strip + i) as u32;
            let others = (0..neurons).filter(|&other| other != own);
            let start = rows.len();
            rows.extend(others.map(|other| (counts[other as usize], other)));
            rows[start..].sort_unstable_by_key(|&(count, other)| (std::cmp::Reverse(count), other));
        }
    }
    Ok(rows)
}

/// The three companions of the largest `least count - prices`, from a row with at least three entries.
fn best_companions(row: &[(u32, u32)], prices: &[i64]) -> (i64, [u32; 3]) {
    // Among the entries so far, whose least count is that of the latest, the three cheapest: ascending.
    let mut cheapest = [(i64::MAX, u32::MAX); 3];
    let mut best = (i64::MIN, [0; 3]);
    for (seen, &(count, other)) in row.iter().enumerate() {
        let entry = (prices[other as usize], other);
        if entry < cheapest[2] {
            cheapest[2] = entry;
            cheapest.sort_unstable();
        } else if seen >= 3 {
            // The same companions with a lower count.
            continue;
        }
        if seen >= 2 {
            let value = i64::from(count) - cheapest.iter().map(|&(price, _)| price).sum::<i64>();
            if value > best.0 {
                best = (value, cheapest.map(|(_, other)| other));
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn companions_by_hand() {
        // Counts 9, 8, 7, 3: free companions are 0, 1 and 2; when 0 costs 5, its place goes to 3.
        let row = [(9, 0), (8, 1), (7, 2), (3, 3)];
        assert_eq!(best_companions(&row, &[0, 0, 0, 0]), (7, [0, 1, 2]));
        assert_eq!(best_companions(&row, &[5, 0, 0, 0]), (3, [1, 2, 3]));
        assert_eq!(best_companions(&row, &[2, 0, 0, 0]), (5, [1, 2, 0]));
        assert_eq!(best_companions(&row, &[9, 0, 0, -5]), (8, [3, 1, 2]));
    }
}
