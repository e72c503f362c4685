//! How much positions of each game phase count.

use ftperm::positions::bucket_weights::{BucketWeights, Fitted};

use crate::cli::console;

/// Weights of buckets.
#[derive(Debug, clap::Args)]
pub struct WeightArgs {
    /// Count positions of a bucket (game phase, 0 to 7: (pieces - 1) / 4) so often in the search, e.g. 0=0,7=1.5;
    /// buckets that are not named count once
    #[arg(long, value_name = "BUCKET=WEIGHT,...", value_parser = BucketWeights::parse)]
    pub weight: Option<BucketWeights>,
}

/// What a search can count.
pub const TOO_MANY: &str = "a search counts at most 2^28 samples, each as often as it weighs";

/// Says which weights stand for those that were given, if others do.
pub fn say_fitted(fitted: Fitted) {
    if let Fitted::Rounded(weights) = fitted {
        let weights = weights.integers().map(|it| it.to_string());
        console::say(format!(
            "--weight: {TOO_MANY}: buckets 0 to 7 weigh {}",
            weights.join(", ")
        ));
    }
}
