//! What did not fit into a tensor, and what was clamped so that it did.

use std::fmt;

/// Values that are named; the rest is counted.
const EXAMPLES: usize = 8;

/// A value that the file format cannot hold, or that was clamped.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// `[feature, column]`, `[stack, output, input]`, or shorter for biases.
    pub index: Vec<usize>,
    /// The trained value, after shared rows were added.
    pub value: f32,
    /// The same in the integer's unit, rounded.
    pub scaled: f32,
}

/// The account of one tensor of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranges {
    pub tensor: String,
    /// Values that do not fit the integer type.
    pub out_of_range: usize,
    /// Values that were moved to the limit, as the version's rule wants.
    pub clamped: usize,
    /// Values that are infinite or no number at all: training went wrong.
    pub not_finite: usize,
    /// The first of all kinds.
    pub examples: Vec<Example>,
}

impl Ranges {
    pub(super) fn new(tensor: &str) -> Ranges {
        Ranges {
            tensor: tensor.to_string(),
            out_of_range: 0,
            clamped: 0,
            not_finite: 0,
            examples: Vec::new(),
        }
    }

    pub(super) fn out_of_range(&mut self, index: &[usize], column: usize, value: f32, scaled: f32) {
        if value.is_finite() {
            self.out_of_range += 1;
        } else {
            self.not_finite += 1;
        }
        self.example(index, column, value, scaled);
    }

    pub(super) fn clamped(&mut self, index: &[usize], column: usize, value: f32, scaled: f32) {
        self.clamped += 1;
        self.example(index, column, value, scaled);
    }

    fn example(&mut self, index: &[usize], column: usize, value: f32, scaled: f32) {
        if self.examples.len() < EXAMPLES {
            let mut index = index.to_vec();
            index.push(column);
            self.examples.push(Example {
                index,
                value,
                scaled,
            });
        }
    }

    /// Adds the account of later rows of the same tensor.
    pub(super) fn append(&mut self, later: Ranges) {
        self.out_of_range += later.out_of_range;
        self.clamped += later.clamped;
        self.not_finite += later.not_finite;
        let room = EXAMPLES - self.examples.len();
        self.examples.extend(later.examples.into_iter().take(room));
    }

    /// Did everything fit as it was?
    pub fn all_fit(&self) -> bool {
        self.out_of_range + self.clamped + self.not_finite == 0
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", self.tensor)?;
        let counts = [
            (self.not_finite, "not finite"),
            (self.out_of_range, "out of range"),
            (self.clamped, "clamped"),
        ];
        let counts: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if counts.is_empty() {
            return write!(out, "all values fit");
        }
        write!(out, "{}", counts.join(", "))?;
        for example in &self.examples {
            write!(out, "; {:?} is {}", example.index, example.value)?;
            if example.value.is_finite() {
                write!(out, " ({} in the file's unit)", example.scaled)?;
            }
        }
        if self.out_of_range + self.clamped + self.not_finite > self.examples.len() {
            write!(out, "; and so on")?;
        }
        Ok(())
    }
}
