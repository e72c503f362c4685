//! Parsers of numbers that have to be within bounds.

use std::time::Duration;

/// Longest time that an option may give, a year, in seconds.
const YEAR: f64 = 31_536_000.0;

/// A finite number from `low` to `high`; NaN is none.
fn within(text: &str, low: f64, high: f64, what: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (low..=high).contains(&number) => Ok(number),
        _ => Err(format!("{what} is expected")),
    }
}

/// A probability to take something: without any nothing would be taken.
pub fn rate(text: &str) -> Result<f64, String> {
    within(text, f64::MIN_POSITIVE, 1.0, "a number above 0 and up to 1")
}

/// A probability.
pub fn probability(text: &str) -> Result<f64, String> {
    within(text, 0.0, 1.0, "a number from 0 to 1")
}

/// A part of something that leaves another part.
pub fn share(text: &str) -> Result<f64, String> {
    let what = "a number from 0 up to, not including, 1";
    within(text, 0.0, 1.0_f64.next_down(), what)
}

/// A weight, of which only ratios matter.
pub fn weight(text: &str) -> Result<f64, String> {
    within(text, 0.0, 1e6, "a number from 0 to 1000000")
}

/// A ply, also as the reference tool writes it: 6.0
pub fn ply(text: &str) -> Result<u16, String> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    whole
        .parse()
        .map_err(|_| "a whole number from 0 to 65535 is expected".to_string())
}

/// Seconds that a search may take; none are possible.
pub fn time_limit(text: &str) -> Result<Duration, String> {
    let what = "a number of seconds, up to a year,";
    within(text, 0.0, YEAR, what).map(Duration::from_secs_f64)
}

/// Seconds that something else may take.
pub fn seconds(text: &str) -> Result<f64, String> {
    let what = format!("a number of seconds from 0.01 to {YEAR}");
    within(text, 0.01, YEAR, &what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_and_what_is_no_number() {
        for (text, accepted) in [
            ("0", [false, true, true, true, true, false]),
            ("0.01", [true; 6]),
            ("0.9999", [true; 6]),
            ("1", [true, true, false, true, true, true]),
            ("1.5", [false, false, false, true, true, true]),
            ("1e9", [false; 6]),
            ("-1", [false; 6]),
            ("inf", [false; 6]),
            ("nan", [false; 6]),
            ("", [false; 6]),
            ("x", [false; 6]),
        ] {
            let found = [
                rate(text).is_ok(),
                probability(text).is_ok(),
                share(text).is_ok(),
                weight(text).is_ok(),
                time_limit(text).is_ok(),
                seconds(text).is_ok(),
            ];
            assert_eq!(found, accepted, "{text}");
        }
        assert_eq!([ply("6"), ply("6.0"), ply("0.0")], [Ok(6), Ok(6), Ok(0)]);
        assert!(
            ["6.5", "-1", "", ".0", "70000"]
                .iter()
                .all(|text| ply(text).is_err())
        );
        assert_eq!(time_limit("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(
            probability("2"),
            Err("a number from 0 to 1 is expected".to_string())
        );
    }
}
