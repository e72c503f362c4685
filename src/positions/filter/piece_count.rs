//! Thinning towards a wanted distribution of the number of pieces.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::happens;

/// Knots are at 0, 8, 16, 24 and 32 pieces.
const KNOT_DISTANCE: f64 = 8.0;
/// Steps after which the scale is computed anew, besides every multiple of [`PERIOD`].
const EARLY_STEPS: [u64; 5] = [100, 500, 1000, 2500, 5000];
const PERIOD: u64 = 10_000;

/// Wanted weight of each number of pieces: a curve through the weights at 0, 8, 16, 24 and 32 pieces.
///
/// `docs/notes/options.md`, section 4.3, step 8.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct PieceCountTarget {
    pub weights: [f64; 5],
}

impl Default for PieceCountTarget {
    /// The reference loader's values.
    fn default() -> PieceCountTarget {
        PieceCountTarget {
            weights: [0.0, 0.4, 1.0, 1.0, 0.75],
        }
    }
}

impl PieceCountTarget {
    /// The weight of a number of pieces: cubic Hermite between the knots, never negative.
    pub fn weight(&self, pieces: u32) -> f64 {
        let y = &self.weights;
        if pieces == 0 {
            return y[0].max(0.0);
        }
        if pieces >= 32 {
            return y[4].max(0.0);
        }
        let slope = |knot: usize| match knot {
            0 => y[1] - y[0],
            4 => y[4] - y[3],
            _ => (y[knot + 1] - y[knot - 1]) / 2.0,
        };
        let knot = (pieces / 8) as usize;
        let t = f64::from(pieces % 8) / KNOT_DISTANCE;
        let (t2, t3) = (t * t, t * t * t);
        let value = (2.0 * t3 - 3.0 * t2 + 1.0) * y[knot]
            + (t3 - 2.0 * t2 + t) * slope(knot)
            + (3.0 * t2 - 2.0 * t3) * y[knot + 1]
            + (t3 - t2) * slope(knot + 1);
        value.max(0.0)
    }
}

/// The filter: counts what it sees and keeps rarer numbers of pieces with a higher probability.
///
/// It depends on everything seen before, so it runs where entries are in the order of the data.
#[derive(Clone, Debug)]
pub struct PieceCountFilter {
    weights: [f64; 33],
    total_weight: f64,
    seen: [f64; 33],
    total_seen: f64,
    steps: u64,
    scale: f64,
    random: ChaCha8Rng,
}

impl PieceCountFilter {
    pub fn new(target: &PieceCountTarget, random: ChaCha8Rng) -> PieceCountFilter {
        let mut weights: [f64; 33] = std::array::from_fn(|pieces| target.weight(pieces as u32));
        let mut total_weight: f64 = weights.iter().sum();
        if total_weight <= 0.0 {
            weights = [1.0; 33];
            total_weight = 33.0;
        }
        PieceCountFilter {
            weights,
            total_weight,
            seen: [0.0; 33],
            total_seen: 0.0,
            steps: 0,
            scale: 1.0,
            random,
        }
    }

    /// Is a position with so many pieces (at most 32) kept?
    pub fn keeps(&mut self, pieces: u32) -> bool {
        let pieces = pieces.min(32) as usize;
        self.seen[pieces] += 1.0;
        self.total_seen += 1.0;
        self.steps += 1;
        let periodic = self.steps.is_multiple_of(PERIOD);
        if periodic || EARLY_STEPS.contains(&self.steps) {
            let least = (0..33)
                .filter(|&i| self.weights[i] > 0.0 && self.seen[i] > 0.0)
                .map(|i| self.wanted_over_seen(i))
                .fold(f64::INFINITY, f64::min);
            if least.is_finite() {
                self.scale = 0.025 / least;
            }
            if periodic {
                self.seen.iter_mut().for_each(|count| *count /= 2.0);
                self.total_seen /= 2.0;
            }
        }
        let probability = self.scale * self.wanted_over_seen(pieces);
        happens(self.random.next_u64(), probability)
    }

    fn wanted_over_seen(&self, pieces: usize) -> f64 {
        self.total_seen * self.weights[pieces] / (self.total_weight * self.seen[pieces])
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn the_curve_passes_its_knots() {
        let target = PieceCountTarget::default();
        for (pieces, weight) in [
            (0, 0.0),
            (8, 0.4),
            (16, 1.0),
            (24, 1.0),
            (32, 0.75),
            (40, 0.75),
        ] {
            assert!((target.weight(pieces) - weight).abs() < 1e-12);
        }
        // Half-way between 16 and 24 by hand: (1 + 1) / 2 + (0.3 - (-0.125)) / 8, slopes (1 - 0.4) / 2, (0.75 - 1) / 2.
        assert!((target.weight(20) - 1.053_125).abs() < 1e-12);
    }

    #[test]
    fn evens_out_a_skewed_stream() {
        let target = PieceCountTarget { weights: [1.0; 5] };
        let mut filter = PieceCountFilter::new(&target, ChaCha8Rng::seed_from_u64(3));
        let mut kept = [0u32; 33];
        for step in 0..400_000u32 {
            let pieces = if step % 10 == 0 { 8 } else { 30 };
            kept[pieces as usize] += u32::from(filter.keeps(pieces));
        }
        let share = f64::from(kept[8]) / f64::from(kept[30]);
        assert!((0.8..1.25).contains(&share), "{share}");
    }
}
