//! Feature sets: which first-layer inputs a position switches on, seen from each side.
//!
//! One file a feature set; [`FEATURE_SETS`] is the table of all of them. The index formulas are those of
//! `docs/notes/eras.md`, section 5, which were checked against each era's own engine.

use std::fmt::Debug;

use crate::chess::board::{Board, Color};

mod a768_hm;
mod example;
mod full_threats;
mod half_ka;
mod half_ka_v2;
mod half_ka_v2_hm;
mod half_kp;
mod meaning;
mod pawn_pairs;
mod rays;
pub(crate) mod words;

#[doc(hidden)]
pub use a768_hm::A768_HM;
#[doc(hidden)]
pub use example::example;
#[doc(hidden)]
pub use full_threats::{
    FULL_THREATS_59808, FULL_THREATS_60144, FULL_THREATS_60720, FULL_THREATS_66864,
    FULL_THREATS_79856,
};
#[doc(hidden)]
pub use half_ka::HALF_KA;
#[doc(hidden)]
pub use half_ka_v2::HALF_KA_V2;
#[doc(hidden)]
pub use half_ka_v2_hm::HALF_KA_V2_HM;
#[doc(hidden)]
pub use half_kp::HALF_KP;
#[doc(hidden)]
pub use meaning::{Impossible, Meaning, PlacedPiece};
#[doc(hidden)]
pub use pawn_pairs::PP_3WIDE;

/// The features of a set that no legal position activates, and why.
#[doc(hidden)]
pub fn impossible_features(set: &dyn FeatureSet) -> impl Iterator<Item = (u32, Impossible)> + '_ {
    let features = 0..set.count() as u32;
    features.filter_map(|feature| Some((feature, set.impossible(feature)?)))
}

/// Active feature indices: `[White's perspective, Black's perspective]`, in no particular order.
pub type ActiveFeatures = [Vec<u32>; 2];

/// A set of binary inputs of the feature transformer.
pub trait FeatureSet: Debug + Sync {
    /// The reference trainer's name of the set.
    fn name(&self) -> &'static str;
    /// The short name used for feature lists in traces.
    fn short_name(&self) -> &'static str;
    /// The component hash that enters the feature transformer's hash (`docs/notes/eras.md`, section 3).
    fn hash(&self) -> u32;
    /// Number of features, i.e. of weight rows.
    fn count(&self) -> usize;
    /// Most features active at once in a legal position. Informative: no buffer is sized by it.
    fn max_active(&self) -> usize;
    /// Appends the indices of all active features, each below [`FeatureSet::count`], for both perspectives.
    fn append_active(&self, board: &Board, lists: &mut ActiveFeatures);
    /// What a feature stands for, in words: pieces and squares as the perspective sees them, turned and mirrored as the
    /// set does it. `feature` is below [`FeatureSet::count`].
    fn describe(&self, feature: u32) -> String;
    /// The same as data. `feature` is below [`FeatureSet::count`].
    ///
    /// # Errors
    /// It stands for nothing that could be on a board.
    fn meaning(&self, feature: u32) -> Result<Meaning, Impossible>;
    /// Why no legal position activates a feature, if none does; `example` has a position for all others.
    fn impossible(&self, feature: u32) -> Option<Impossible> {
        match self.meaning(feature) {
            Ok(meaning) => meaning.impossible(),
            Err(impossible) => Some(impossible),
        }
    }
    /// Is a feature a slot of the file that the set's formula gives to nothing, in whatever position?
    fn is_never_active(&self, _feature: u32) -> bool {
        false
    }
}

/// Every feature set there is.
pub static FEATURE_SETS: [&dyn FeatureSet; 11] = [
    &HALF_KP,
    &HALF_KA,
    &HALF_KA_V2,
    &HALF_KA_V2_HM,
    &A768_HM,
    &FULL_THREATS_79856,
    &FULL_THREATS_66864,
    &FULL_THREATS_60144,
    &FULL_THREATS_60720,
    &FULL_THREATS_59808,
    &PP_3WIDE,
];

/// XOR mask that flips the ranks for Black's perspective.
const fn flip_ranks(perspective: Color) -> u8 {
    match perspective {
        Color::White => 0,
        Color::Black => 56,
    }
}

/// Piece-square plane of a piece seen by a perspective: `2 * kind + (0 own, 1 opponent)`, with both kings on plane 10.
const fn merged_plane(code: u8, perspective: Color) -> u32 {
    let plane = separate_plane(code, perspective);
    if plane > 10 { 10 } else { plane }
}

/// As [`merged_plane`], but the opponent's king has plane 11 of its own.
const fn separate_plane(code: u8, perspective: Color) -> u32 {
    (code ^ perspective as u8) as u32
}

#[cfg(test)]
mod tests;
