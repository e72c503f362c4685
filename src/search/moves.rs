//! Moves: ways to change the partition for the better, one file each.

use rand_chacha::ChaCha8Rng;

use super::Halt;
use super::state::State;

mod half_swaps;
mod pair_swaps;
mod reassign_singles;
mod three_cycles;

pub(crate) use half_swaps::HalfSwaps;
pub(crate) use pair_swaps::PairSwaps;
pub(crate) use reassign_singles::{ReassignSingles, ShakenReassignment};
pub(crate) use three_cycles::ThreeCycles;

/// What a round of a move did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Round {
    /// By how much the score grew; 0 if it fell.
    pub gain: u64,
    /// Exchanges applied.
    pub applied: u64,
}

/// A neighbourhood of partitions and a way to go to better ones in it.
pub(crate) trait Move {
    fn name(&self) -> &'static str;

    /// Does a round without gain prove that the neighbourhood holds no improvement?
    fn is_exhaustive(&self) -> bool;

    /// Looks through the neighbourhood (or a random part of it) once and applies improvements that touch different
    /// blocks, so that their gains add up exactly. All moves but the shaken one never make the partition worse.
    fn round(&mut self, state: &mut State, random: &mut ChaCha8Rng) -> Result<Round, Halt>;
}

/// An exact improvement: every listed neuron goes to the place of the next one, the last to that of the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    pub gain: i64,
    pub neurons: Vec<u32>,
}

impl Cycle {
    /// Every neuron with the one whose place it takes.
    fn steps(&self) -> impl Iterator<Item = (u32, u32)> {
        let places_of = self.neurons.iter().cycle().skip(1);
        self.neurons.iter().copied().zip(places_of.copied())
    }
}

/// Share of the samples that two neurons in the same place make a difference in, about.
pub(crate) const OF_A_DIFFERENCE: f64 = 1.0 / 8.0;

/// The same for half a block.
pub(crate) const OF_HALVES: f64 = 1.0 / 6.0;

/// Counts the fits of cycles that were found in estimates, and keeps the cycles that gain. Was anything counted?
pub(crate) fn make_exact(state: &mut State, cycles: &mut Vec<Cycle>) -> Result<bool, Halt> {
    if !state.is_screened() {
        return Ok(false);
    }
    let steps = cycles.iter().flat_map(Cycle::steps);
    let fits = steps.map(|(neuron, place_of)| (place_of, vec![neuron]));
    let learned = state.count_exactly(fits.collect())?;
    let table = state.table();
    for cycle in cycles.iter_mut() {
        let gain = |(neuron, place_of): (u32, u32)| {
            let block = table.partition().block_of(place_of);
            i64::from(table.fit(place_of, neuron) - table.block_score(block))
        };
        cycle.gain = cycle.steps().map(gain).sum();
    }
    cycles.retain(|cycle| cycle.gain > 0);
    Ok(learned)
}

/// Applies the best cycles first, skipping those that touch a block changed before.
///
/// Ties are broken by neuron numbers, so the outcome depends on nothing but the counts.
pub(crate) fn apply_disjoint(state: &mut State, mut cycles: Vec<Cycle>) -> Round {
    cycles.sort_unstable_by(|a, b| (b.gain, &a.neurons).cmp(&(a.gain, &b.neurons)));
    let mut touched = vec![false; state.table().partition().blocks()];
    let mut round = Round::default();
    for cycle in cycles {
        debug_assert!(cycle.gain > 0);
        let blocks = || {
            cycle
                .neurons
                .iter()
                .map(|&n| state.table().partition().block_of(n))
        };
        if blocks().any(|block| touched[block]) {
            continue;
        }
        blocks().for_each(|block| touched[block] = true);
        state.rotate(&cycle.neurons);
        round.gain += cycle.gain as u64;
        round.applied += 1;
    }
    round
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::cpu::CpuBackend;
    use crate::compute::{Backend, CoZeroCounter};
    use crate::planes::ZeroPlanes;
    use crate::search::partition::Partition;
    use rand::Rng;
    use rand_chacha::rand_core::SeedableRng;

    /// Runs one round of a move from an order and returns it with the order and score after it.
    fn one_round(
        planes: &ZeroPlanes,
        order: &[u32],
        kind: &mut dyn Move,
    ) -> (Round, Vec<u32>, u64) {
        let backend = CpuBackend::new(Some(1)).unwrap();
        let mut counter = backend
            .co_zero_counter(std::slice::from_ref(planes))
            .unwrap();
        let never = || false;
        let mut state = State::new(counter.as_mut(), Partition::new(order), &never).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let round = kind.round(&mut state, &mut random).unwrap();
        let permutation = state.table().partition().permutation();
        (round, permutation.indices().to_vec(), state.table().score())
    }

    /// Neurons 4k to 4k + 3 are zero together in `10 * (k + 1)` samples of their own.
    fn three_families() -> ZeroPlanes {
        let mut planes = ZeroPlanes::new(12, 60);
        let samples = [0..10, 10..30, 30..60];
        for neuron in 0..12 {
            for sample in samples[neuron / 4].clone() {
                planes.set(neuron, sample);
            }
        }
        planes
    }

    const SORTED: [u32; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

    #[test]
    fn a_pair_swap_by_hand() {
        let order = [0, 1, 2, 4, 3, 5, 6, 7, 8, 9, 10, 11];
        let (round, order, score) = one_round(&three_families(), &order, &mut PairSwaps);
        assert_eq!(
            round,
            Round {
                gain: 30,
                applied: 1
            }
        );
        assert_eq!((order.as_slice(), score), (SORTED.as_slice(), 60));
    }

    #[test]
    fn a_three_cycle_by_hand() {
        let order = [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 3];
        let (round, order, score) =
            one_round(&three_families(), &order, &mut ThreeCycles::default());
        assert_eq!(
            round,
            Round {
                gain: 60,
                applied: 1
            }
        );
        assert_eq!((order.as_slice(), score), (SORTED.as_slice(), 60));
    }

    #[test]
    fn a_half_swap_by_hand() {
        let order = [0, 8, 1, 9, 2, 3, 10, 11, 4, 5, 6, 7];
        // No exchange of two single neurons helps here.
        let (round, _, _) = one_round(&three_families(), &order, &mut PairSwaps);
        assert_eq!(round, Round::default());
        let (round, order, score) = one_round(&three_families(), &order, &mut HalfSwaps::default());
        assert_eq!(
            round,
            Round {
                gain: 40,
                applied: 1
            }
        );
        assert_eq!((order.as_slice(), score), (SORTED.as_slice(), 60));
    }

    /// 48 neurons in 900 samples, of which some have more zeros than others.
    fn moods(random: &mut ChaCha8Rng) -> ZeroPlanes {
        let mut planes = ZeroPlanes::new(48, 900);
        for sample in 0..900 {
            let mood = random.next_u32() % 90;
            for neuron in 0..48 {
                if random.next_u32() % 100 < mood + neuron as u32 % 11 {
                    planes.set(neuron, sample);
                }
            }
        }
        planes
    }

    #[test]
    fn three_cycles_are_found_with_any_prices() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let planes = moods(&mut random);
        for spread in [1, 40, 1 << 30] {
            let prices: Vec<i32> = (0..48)
                .map(|_| (random.next_u32() % spread) as i32)
                .collect();
            let mut order: Vec<u32> = (0..48).collect();
            let mut rounds = 0;
            loop {
                let prices = prices.clone();
                let mut dear = ThreeCycles { prices };
                let (round, after, _) = one_round(&planes, &order, &mut dear);
                let (plain, _, _) = one_round(&planes, &order, &mut ThreeCycles::default());
                assert_eq!(round.gain == 0, plain.gain == 0, "spread {spread}");
                if round.gain == 0 {
                    break;
                }
                order = after;
                rounds += 1;
            }
            assert!(rounds > 2);
        }
    }

    #[test]
    fn half_swaps_find_what_all_pairs_of_blocks_show() {
        let mut random = ChaCha8Rng::seed_from_u64(6);
        let planes = moods(&mut random);
        let order: Vec<u32> = (0..48).collect();
        // The best cross of all, by trying all.
        let score = |order: &[u32]| planes.zero_blocks(order);
        let mut best = 0;
        for a in 0..12 {
            for b in 0..a {
                for left in [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]] {
                    for right in [[0, 1], [0, 2], [0, 3]] {
                        let mut other = order.clone();
                        for (from, into) in left.into_iter().zip(right) {
                            other.swap(4 * a + from, 4 * b + into);
                        }
                        best = best.max(score(&other).saturating_sub(score(&order)));
                    }
                }
            }
        }
        assert!(best > 0);
        let (round, _, after) = one_round(&planes, &order, &mut HalfSwaps::default());
        assert!(round.gain >= best, "the best one is applied first");
        assert_eq!(after, score(&order) + round.gain);
    }

    #[test]
    fn the_books_are_kept_after_every_round() {
        keeps_the_books(false);
    }

    #[test]
    fn the_books_are_kept_where_fits_are_estimated() {
        keeps_the_books(true);
    }

    fn keeps_the_books(screened: bool) {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let planes = moods(&mut random);
        let backend = CpuBackend::new(Some(1)).unwrap();
        let mut counter = backend
            .co_zero_counter(std::slice::from_ref(&planes))
            .unwrap();
        // Every third sample.
        let mut part = ZeroPlanes::new(48, 300);
        let zeros = (0..48).flat_map(|neuron| (0..300).map(move |sample| (neuron, sample)));
        zeros
            .filter(|&(neuron, sample)| planes.get(neuron, 3 * sample))
            .for_each(|(neuron, sample)| part.set(neuron, sample));
        let mut part = backend
            .co_zero_counter(std::slice::from_ref(&part))
            .unwrap();
        let order: Vec<u32> = (0..48).collect();
        let never = || false;
        let screen = screened.then_some(part.as_mut());
        let screen = screen.map(|part| part as &mut dyn CoZeroCounter);
        let mut state =
            State::screened(counter.as_mut(), screen, Partition::new(&order), &never).unwrap();
        assert_eq!(state.margin(1.0 / 8.0) > 0, screened);
        let mut shaken = ShakenReassignment::default();
        shaken.temperature = 30.0;
        let mut half_swaps = HalfSwaps::default();
        let mut gains = [0; 4];
        let (mut exact, mut estimated) = (0, 0);
        for _ in 0..30 {
            let kinds: [&mut dyn Move; 4] = [
                &mut half_swaps,
                &mut PairSwaps,
                &mut ThreeCycles::default(),
                &mut ReassignSingles::default(),
            ];
            for (kind, gains) in kinds.into_iter().zip(&mut gains) {
                let before = state.table().score();
                let round = kind.round(&mut state, &mut random).unwrap();
                let table = state.table();
                assert_eq!(table.score(), before + round.gain, "{}", kind.name());
                assert_eq!(table.score(), planes.zero_blocks(table.partition().order()));
                assert_eq!(round.gain > 0, round.applied > 0);
                *gains += round.gain;
            }
            if !screened {
                shaken.round(&mut state, &mut random).unwrap();
            }
            let table = state.table();
            assert_eq!(table.score(), planes.zero_blocks(table.partition().order()));
            // What the table claims to know is what there is to count.
            state.know_everything().unwrap();
            let table = state.table();
            for place_of in [0, 17, 47] {
                let companions = table.partition().companions(place_of);
                for neuron in (0..48).filter(|neuron| !companions.contains(neuron)) {
                    let [a, b, c] = companions;
                    let block = planes.zero_blocks(&[a, b, c, neuron]);
                    assert!(table.is_exact(place_of, neuron) || screened);
                    if table.is_exact(place_of, neuron) {
                        assert_eq!(table.fit(place_of, neuron) as u64, block);
                        exact += 1;
                    } else {
                        // Six standard deviations of a difference in half of the samples.
                        let error = table.fit(place_of, neuron).abs_diff(block as i32);
                        assert!(error < 6 * 30, "{error}");
                        estimated += 1;
                    }
                }
            }
        }
        assert!(gains.iter().all(|&gain| gain > 0), "{gains:?}");
        assert!(exact > 0 && (estimated > 0) == screened);
    }
}
