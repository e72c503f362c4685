//! Zeros that stand for "no score".

/// Finds scores of 0 that follow a score far from 0 within a game that was not drawn.
///
/// `docs/notes/options.md`, section 4.3, step 1. The state starts anew with each block of a file, so that blocks
/// can be read in parallel with the same outcome.
#[derive(Clone, Copy, Debug)]
pub struct PlaceholderZero {
    last_ply: i32,
    last_score: i32,
}

impl Default for PlaceholderZero {
    fn default() -> PlaceholderZero {
        PlaceholderZero {
            last_ply: -1,
            last_score: super::PLACEHOLDER_SCORE,
        }
    }
}

impl PlaceholderZero {
    /// Looks at the next entry; is its score such a zero?
    pub fn is_placeholder(&mut self, ply: u16, score: i32, result: i8) -> bool {
        let ply = i32::from(ply);
        let found = ply > self.last_ply
            && self.last_score != super::PLACEHOLDER_SCORE
            && self.last_score.abs() > 100
            && result != 0
            && score == 0;
        self.last_ply = ply;
        if score != super::PLACEHOLDER_SCORE && !found {
            self.last_score = score;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_after_a_high_score() {
        let mut state = PlaceholderZero::default();
        assert!(!state.is_placeholder(10, 0, 1));
        assert!(!state.is_placeholder(11, 250, -1));
        assert!(!state.is_placeholder(12, super::super::PLACEHOLDER_SCORE, 1));
        assert!(state.is_placeholder(13, 0, -1));
        assert!(state.is_placeholder(14, 0, 1));
        assert!(!state.is_placeholder(15, 0, 0));
        assert!(!state.is_placeholder(16, 0, 1));
    }
}
