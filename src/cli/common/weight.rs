//! How much positions of each game phase count.

use ftperm::bucket_weights::BucketWeights;

/// Weights of buckets.
#[derive(Debug, clap::Args)]
pub struct WeightArgs {
    /// Count positions of a bucket (game phase, 0 to 7: (pieces - 1) / 4) so often in the search, e.g. 0=0,7=1.5;
    /// buckets that are not named count once
    #[arg(long, value_name = "BUCKET=WEIGHT,...", value_parser = BucketWeights::parse)]
    pub weight: Option<BucketWeights>,
}
