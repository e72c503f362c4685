//! How probable a game's result is, given the score and the ply.

/// Probability of `result` (1, 0, -1 for the side to move) at a score in internal units.
///
/// The reference loader's win rate model (`docs/notes/options.md`, section 4.2, step 5). `libm` computes the same
/// exponential on every machine.
pub fn result_probability(score: i32, ply: u16, result: i8) -> f64 {
    let m = f64::from(ply.min(240)) / 64.0;
    let a = ((-3.68389304 * m + 30.07065921) * m - 60.52878723) * m + 149.53378557;
    let b = 1.5 * (((-2.0181857 * m + 15.85685038) * m - 29.83452023) * m + 47.59078827);
    let x = (100.0 * f64::from(score) / 208.0).clamp(-2000.0, 2000.0);
    let win = 1.0 / (1.0 + libm::exp((a - x) / b));
    let loss = 1.0 / (1.0 + libm::exp((a + x) / b));
    match result {
        1.. => win,
        0 => 1.0 - win - loss,
        _ => loss,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_distribution_and_symmetric() {
        for ply in [0, 20, 64, 240, 1000] {
            for score in [-5000, -300, 0, 90, 400] {
                let sum: f64 = [-1, 0, 1]
                    .into_iter()
                    .map(|result| result_probability(score, ply, result))
                    .sum();
                assert!((sum - 1.0).abs() < 1e-12);
                let mirrored = result_probability(-score, ply, -1);
                assert!((result_probability(score, ply, 1) - mirrored).abs() < 1e-12);
            }
        }
    }

    /// By hand at m = 1: a = 115.39176451, b = 1.5 * 31.59493272; x = 100 gives 1 / (1 + e^(15.39176451 / b)).
    #[test]
    fn a_value_worked_by_hand() {
        let expected = 0.419_5;
        assert!((result_probability(208, 64, 1) - expected).abs() < 5e-4);
    }
}
