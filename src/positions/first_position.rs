//! Where recorded games begin.

use shakmaty::{CastlingMode, Chess, FromSetup as _, Setup};

/// The position in which a game begins, or why it is none. More pieces than a game can have and en passant squares
/// without a capture are let pass. Rooks may castle from anywhere, as in Chess960; standard castling is a case of it.
#[expect(
    clippy::result_large_err,
    reason = "the error of shakmaty holds the position that can still be accepted"
)]
pub(super) fn first_position(setup: Setup) -> Result<Chess, String> {
    Chess::from_setup(setup, CastlingMode::Chess960)
        .or_else(|error| error.ignore_too_much_material())
        .or_else(|error| error.ignore_invalid_ep_square())
        .map_err(|error| error.to_string())
}
