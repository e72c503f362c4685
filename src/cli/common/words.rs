//! Sentences that several commands say.

/// What is known of a network that was permuted and written.
pub fn every_weight(positions: usize) -> String {
    format!(
        "proved: every weight is the input's, in the new order; and same outputs in all buckets on {positions} \
         positions"
    )
}
