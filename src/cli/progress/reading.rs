//! Reading positions, with a bar.

use std::ffi::OsString;
use std::ops::ControlFlow;

use ftperm::positions::{Options, Positions, PositionsError, Progress, read_with_progress};

use super::Stage;
use crate::cli::interrupt;

/// As [`ftperm::positions::read`].
pub fn read_positions(inputs: &[OsString], options: &Options) -> Result<Positions, PositionsError> {
    watch_positions(inputs, options, |_| ControlFlow::Continue(()))
}

/// As [`read_with_progress`].
pub fn watch_positions(
    inputs: &[OsString],
    options: &Options,
    mut progress: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Positions, PositionsError> {
    // Without a wish all are taken, and nobody knows how many there are.
    let stage = Stage::counting("reading positions", options.sampling.count.unwrap_or(0));
    read_with_progress(inputs, options, &mut |reached| {
        stage.set(reached.taken);
        match interrupt::check() {
            Ok(()) => progress(reached),
            Err(_) => ControlFlow::Break(()),
        }
    })
}
