//! The stages of a run, told by the library's reports.

use std::cell::RefCell;
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
    best: RefCell<Best>,
}

/// The best order of the search, by what is known while it runs.
#[derive(Default)]
struct Best {
    /// Most samples that a phase counted on: all of them, once a phase did.
    samples: u64,
    score: u64,
}

impl RunProgress {
    /// For so many positions and neurons a perspective.
    pub fn new(positions: usize, neurons: usize) -> RunProgress {
        RunProgress {
            stage: RefCell::new(None),
            positions: positions as u64,
            blocks: neurons as u64 / 4,
            best: RefCell::default(),
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
        let rate = |score: u64, samples: u64| 100.0 * score as f64 / (samples * self.blocks) as f64;
        let mut best = self.best.borrow_mut();
        if progress.samples > best.samples {
            *best = Best {
                samples: progress.samples,
                score: 0,
            };
        }
        if progress.samples == best.samples {
            best.score = best.score.max(progress.score);
        }
        stage.set_share(progress.done, || {
            let mut text = progress.phase.to_string();
            if !progress.certifying {
                let (now, best) = (
                    rate(progress.score, progress.samples),
                    rate(best.score, best.samples),
                );
                let _ = write!(text, ": {now:.2} % of blocks zero, best {best:.2} %");
            }
            let _ = write!(text, ", round {}", progress.rounds);
            for count in progress.moves.iter().filter(|count| count.applied > 0) {
                let _ = write!(text, ", {} {}", count.applied, count.name);
            }
            text
        });
    }

    /// Takes the last bar away.
    pub fn end(&self) {
        drop(self.stage.borrow_mut().take());
    }
}
