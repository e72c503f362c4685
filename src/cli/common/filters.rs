//! The filters of the reference tool's data loader, by its names.

use ftperm::positions::Filters;
use ftperm::positions::filter::soft_early::SoftEarly;

use super::numbers::{ply, probability, weight};
use crate::cli::UsageError;

/// What help calls them.
pub const FILTERS: &str = "Filters";

/// Which positions are passed over.
#[derive(Debug, clap::Args)]
pub struct FilterArgs {
    /// Keep captures and unsearched positions too; positions in check are never taken
    #[arg(help_heading = FILTERS, long, alias = "no-filtered")]
    no_filter: bool,
    /// Skip them, as without options; undoes a --no-filter before it
    #[arg(help_heading = FILTERS, long, overrides_with = "no_filter")]
    filtered: bool,
    /// Start from all filters that ftperm.py's gather switches on
    #[arg(help_heading = FILTERS, long, conflicts_with = "no_filter")]
    reference_filters: bool,
    /// Skip with the probability that the game should have ended otherwise, by score and ply
    #[arg(
        help_heading = FILTERS,
        long,
        alias = "wld_filtered",
        overrides_with = "no_wld_filtered"
    )]
    wld_filtered: bool,
    /// Do not, although --reference-filters says so
    #[arg(help_heading = FILTERS, long, alias = "no-wld_filtered")]
    no_wld_filtered: bool,
    /// Skip N of N + 1 positions at random
    #[arg(
        help_heading = FILTERS,
        long,
        alias = "random_fen_skipping",
        value_name = "N"
    )]
    random_fen_skipping: Option<u32>,
    /// Skip plies up to and including this one; -1 for none
    #[arg(
        help_heading = FILTERS,
        long,
        alias = "early_fen_skipping",
        value_name = "PLY",
        allow_negative_numbers = true
    )]
    early_fen_skipping: Option<i32>,
    /// Thin out plies before this one; 0 for none
    #[arg(
        help_heading = FILTERS,
        long,
        alias = "soft_early_fen_skipping",
        value_name = "PLY"
    )]
    soft_early_fen_skipping: Option<u16>,
    /// Skip material balances below this, in internal units; -1 for none
    #[arg(
        help_heading = FILTERS,
        long,
        alias = "simple_eval_skipping",
        value_name = "UNITS",
        allow_negative_numbers = true
    )]
    simple_eval_skipping: Option<i32>,
    /// Thin towards this weight of positions with 0 pieces; any of the five switches the filter on
    #[arg(
        help_heading = FILTERS, long, alias = "pc_y0", value_name = "WEIGHT", value_parser = weight,
        allow_negative_numbers = true
    )]
    pc_y0: Option<f64>,
    /// Thin towards this weight of positions with 8 pieces; any of the five switches the filter on
    #[arg(
        help_heading = FILTERS, long, alias = "pc_y1", value_name = "WEIGHT", value_parser = weight,
        allow_negative_numbers = true
    )]
    pc_y1: Option<f64>,
    /// Thin towards this weight of positions with 16 pieces; any of the five switches the filter on
    #[arg(
        help_heading = FILTERS, long, alias = "pc_y2", value_name = "WEIGHT", value_parser = weight,
        allow_negative_numbers = true
    )]
    pc_y2: Option<f64>,
    /// Thin towards this weight of positions with 24 pieces; any of the five switches the filter on
    #[arg(
        help_heading = FILTERS, long, alias = "pc_y3", value_name = "WEIGHT", value_parser = weight,
        allow_negative_numbers = true
    )]
    pc_y3: Option<f64>,
    /// Thin towards this weight of positions with 32 pieces; any of the five switches the filter on
    #[arg(
        help_heading = FILTERS, long, alias = "pc_y4", value_name = "WEIGHT", value_parser = weight,
        allow_negative_numbers = true
    )]
    pc_y4: Option<f64>,
    /// Ply of point 1 of the soft early filter
    #[arg(help_heading = FILTERS, long, alias = "ply_x1", value_name = "PLY", value_parser = ply)]
    ply_x1: Option<u16>,
    /// Probability to keep a position at point 1 of the soft early filter
    #[arg(
        help_heading = FILTERS, long, alias = "ply_y1", value_name = "SHARE", value_parser = probability,
        allow_negative_numbers = true
    )]
    ply_y1: Option<f64>,
    /// Ply of point 2 of the soft early filter
    #[arg(help_heading = FILTERS, long, alias = "ply_x2", value_name = "PLY", value_parser = ply)]
    ply_x2: Option<u16>,
    /// Probability to keep a position at point 2 of the soft early filter
    #[arg(
        help_heading = FILTERS, long, alias = "ply_y2", value_name = "SHARE", value_parser = probability,
        allow_negative_numbers = true
    )]
    ply_y2: Option<f64>,
    /// Ply of point 3 of the soft early filter
    #[arg(help_heading = FILTERS, long, alias = "ply_x3", value_name = "PLY", value_parser = ply)]
    ply_x3: Option<u16>,
    /// Probability to keep a position at point 3 of the soft early filter
    #[arg(
        help_heading = FILTERS, long, alias = "ply_y3", value_name = "SHARE", value_parser = probability,
        allow_negative_numbers = true
    )]
    ply_y3: Option<f64>,
    /// Ply of point 4 of the soft early filter
    #[arg(help_heading = FILTERS, long, alias = "ply_x4", value_name = "PLY", value_parser = ply)]
    ply_x4: Option<u16>,
    /// Probability to keep a position at point 4 of the soft early filter
    #[arg(
        help_heading = FILTERS, long, alias = "ply_y4", value_name = "SHARE", value_parser = probability,
        allow_negative_numbers = true
    )]
    ply_y4: Option<f64>,
}

impl FilterArgs {
    /// What is chosen.
    ///
    /// # Errors
    /// The points of the soft early filter are not in order.
    pub fn filters(&self) -> Result<Filters, UsageError> {
        let mut filters = if self.no_filter && !self.filtered {
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
            // No game has more plies than u16 holds.
            filters.early_plies = (ply >= 0).then(|| u16::try_from(ply).unwrap_or(u16::MAX));
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
        let plies = [self.ply_x1, self.ply_x2, self.ply_x3, self.ply_x4];
        let shares = [self.ply_y1, self.ply_y2, self.ply_y3, self.ply_y4];
        if plies.iter().any(Option::is_some) || shares.iter().any(Option::is_some) {
            let soft = filters.soft_early.get_or_insert_default();
            for (point, (ply, share)) in soft.points.iter_mut().zip(plies.into_iter().zip(shares)) {
                *point = (ply.unwrap_or(point.0), share.unwrap_or(point.1));
            }
            if !soft.points.is_sorted_by_key(|&(ply, _)| ply) {
                let plies = soft.points.map(|(ply, _)| ply.to_string()).join(", ");
                return Err(UsageError(format!(
                    "--ply-x1 to --ply-x4 must ascend, they are {plies} (those that are not given have their defaults)"
                )));
            }
        }
        let given = [self.pc_y0, self.pc_y1, self.pc_y2, self.pc_y3, self.pc_y4];
        if given.iter().any(Option::is_some) {
            let mut target = filters.piece_count.unwrap_or_default();
            for (weight, given) in target.weights.iter_mut().zip(given) {
                *weight = given.unwrap_or(*weight);
            }
            filters.piece_count = Some(target);
        }
        Ok(filters)
    }
}
