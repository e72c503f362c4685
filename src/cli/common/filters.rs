//! The filters of the reference tool's data loader, by its names.

use ftperm::positions::Filters;
use ftperm::positions::filter::piece_count::PieceCountTarget;
use ftperm::positions::filter::soft_early::SoftEarly;

/// Which positions are passed over.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Filters")]
pub struct FilterArgs {
    /// Keep captures and unsearched positions too; positions in check are never taken
    #[arg(long, alias = "no-filtered")]
    no_filter: bool,
    /// Start from all filters that ftperm.py's gather switches on
    #[arg(long, conflicts_with = "no_filter")]
    reference_filters: bool,
    /// Skip with the probability that the game should have ended otherwise, by score and ply
    #[arg(long, alias = "wld_filtered", overrides_with = "no_wld_filtered")]
    wld_filtered: bool,
    /// Do not, although --reference-filters says so
    #[arg(long, alias = "no-wld_filtered")]
    no_wld_filtered: bool,
    /// Skip N of N + 1 positions at random
    #[arg(long, alias = "random_fen_skipping", value_name = "N")]
    random_fen_skipping: Option<u32>,
    /// Skip plies up to and including this one; -1 for none
    #[arg(
        long,
        alias = "early_fen_skipping",
        value_name = "PLY",
        allow_negative_numbers = true
    )]
    early_fen_skipping: Option<i32>,
    /// Thin out plies before this one; 0 for none
    #[arg(long, alias = "soft_early_fen_skipping", value_name = "PLY")]
    soft_early_fen_skipping: Option<u16>,
    /// Skip material balances below this, in internal units; -1 for none
    #[arg(
        long,
        alias = "simple_eval_skipping",
        value_name = "UNITS",
        allow_negative_numbers = true
    )]
    simple_eval_skipping: Option<i32>,
    /// Thin towards this distribution of piece counts: weights at 0, 8, 16, 24 and 32 pieces
    #[arg(long, value_name = "W", num_args = 5, value_delimiter = ',')]
    piece_counts: Option<Vec<f64>>,
}

impl FilterArgs {
    pub fn filters(&self) -> Filters {
        let mut filters = if self.no_filter {
            Filters::checks_only()
        } else if self.reference_filters {
            Filters::reference()
        } else {
            Filters::default()
        };
        if self.wld_filtered || self.no_wld_filtered {
            filters.win_draw_loss = self.wld_filtered;
        }
        if let Some(skipping) = self.random_fen_skipping {
            filters.random_skipping = skipping;
        }
        if let Some(ply) = self.early_fen_skipping {
            filters.early_plies = u16::try_from(ply).ok();
        }
        if let Some(until) = self.soft_early_fen_skipping {
            filters.soft_early = (until > 0).then(|| SoftEarly {
                until,
                ..SoftEarly::default()
            });
        }
        if let Some(least) = self.simple_eval_skipping {
            filters.simple_eval = u32::try_from(least).ok();
        }
        if let Some(weights) = &self.piece_counts
            && let Ok(weights) = <[f64; 5]>::try_from(weights.as_slice())
        {
            filters.piece_count = Some(PieceCountTarget { weights });
        }
        filters
    }
}
