//! The stages of a run, told by the library's reports.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;

use ftperm::search::Progress;

use super::Stage;

/// Shows evaluation, search and certificate, one after the other.
pub struct RunProgress {
    stage: RefCell<Option<Stage>>,
    /// Positions to evaluate.
    positions: u64,
    /// Blocks of a sample.
    blocks: u64,
    /// Most zero blocks that an order was seen to have in all samples.
    best: Cell<u64>,
}

impl RunProgress {
    /// For so many positions and neurons a perspective.
    pub fn new(positions: usize, neurons: usize) -> RunProgress {
        RunProgress {
            stage: RefCell::new(None),
            positions: positions as u64,
            blocks: neurons as u64 / 4,
            best: Cell::new(0),
        }
    }

    /// So many positions more were evaluated.
    pub fn evaluated(&self, positions: usize) {
        let mut stage = self.stage.borrow_mut();
        let stage = stage.get_or_insert_with(|| Stage::counting("evaluating", self.positions));
        stage.advance(positions as u64);
    }

    /// The search, or the certificate, has come so far.
    pub fn searched(&self, progress: &Progress) {
        let what = if progress.certifying {
            "certifying"
        } else {
            "searching"
        };
        let mut stage = self.stage.borrow_mut();
        if stage.as_ref().is_none_or(|stage| stage.what() != what) {
            // The old bar goes before the new one comes.
            drop(stage.take());
        }
        let stage = stage.get_or_insert_with(|| Stage::share(what));
        let on_all = progress.samples == progress.all_samples;
        let seen = if on_all { progress.score } else { 0 };
        self.best.set(self.best.get().max(progress.best).max(seen));
        stage.set_share(progress.done, || {
            let mut text = progress.phase.to_string();
            if !progress.certifying {
                text += &self.rates(progress);
            }
            let _ = write!(text, ", round {}", progress.rounds);
            for count in progress.moves.iter().filter(|count| count.applied > 0) {
                let _ = write!(text, ", {} {}", count.applied, count.name);
            }
            text
        });
    }

    /// The rate of the order at hand, and the best on all samples. Rates on a part of the samples are not comparable
    /// with it, and say so.
    fn rates(&self, progress: &Progress) -> String {
        let rate = |score: u64, samples: u64| 100.0 * score as f64 / (samples * self.blocks) as f64;
        let now = rate(progress.score, progress.samples);
        let best = rate(self.best.get(), progress.all_samples);
        if progress.samples == progress.all_samples {
            return format!(": {now:.2} % of blocks zero, best {best:.2} %");
        }
        let part = 100.0 * progress.samples as f64 / progress.all_samples as f64;
        format!(
            ": {now:.2} % of blocks zero in {part:.0} % of the samples; best {best:.2} % in all"
        )
    }

    /// Takes the last bar away.
    pub fn end(&self) {
        drop(self.stage.borrow_mut().take());
    }
}
