//! Thinning of early plies, softly.

/// Probability to keep a position by its ply: straight lines through four points and (`until`, 1).
///
/// `docs/notes/options.md`, section 4.3, step 7. From ply `until` on everything is kept; before the first point the
/// probability is that of the first point.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct SoftEarly {
    pub until: u16,
    /// (ply, probability), plies ascending.
    pub points: [(u16, f64); 4],
}

impl Default for SoftEarly {
    /// The reference loader's values.
    fn default() -> SoftEarly {
        SoftEarly {
            until: 20,
            points: [(0, 0.1), (6, 0.15), (10, 0.25), (18, 0.75)],
        }
    }
}

impl SoftEarly {
    pub fn keep_probability(&self, ply: u16) -> f64 {
        if ply >= self.until {
            return 1.0;
        }
        let mut left = self.points[0];
        if ply <= left.0 {
            return left.1.clamp(0.0, 1.0);
        }
        for right in self.points[1..].iter().copied().chain([(self.until, 1.0)]) {
            if ply <= right.0 && right.0 > left.0 {
                let part = f64::from(ply - left.0) / f64::from(right.0 - left.0);
                return (left.1 + part * (right.1 - left.1)).clamp(0.0, 1.0);
            }
            left = right;
        }
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolates() {
        let curve = SoftEarly::default();
        for (ply, expected) in [
            (0, 0.1),
            (3, 0.125),
            (6, 0.15),
            (8, 0.2),
            (14, 0.5),
            (19, 0.875),
            (20, 1.0),
            (300, 1.0),
        ] {
            assert!(
                (curve.keep_probability(ply) - expected).abs() < 1e-12,
                "{ply}"
            );
        }
        let late = SoftEarly {
            points: [(4, 0.5), (6, 0.6), (8, 0.7), (10, 0.8)],
            ..curve
        };
        assert_eq!(late.keep_probability(0), 0.5);
    }
}
