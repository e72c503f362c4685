//! What networks of other engines compute.

use std::collections::BTreeMap;

use ftperm::chess::board::{Board, Color};
use ftperm::nets::described::{Block, Evaluator, Outputs, RawNet};
use serde::Serialize;

use super::zeros::Zeros;
use crate::cli::{Global, console};

/// One line of JSON. Numbers of features count within their kind.
#[derive(Serialize)]
struct Line<'a> {
    i: usize,
    fen: &'a str,
    w: BTreeMap<&'static str, Vec<u32>>,
    b: BTreeMap<&'static str, Vec<u32>>,
    /// The side to move's outputs, then the opponent's.
    outputs: Vec<&'a Outputs>,
    ft_len: usize,
    ft_zero: usize,
    ft_zero4: usize,
}

/// A network that shows what it computes.
pub struct Tracer<'n> {
    net: &'n RawNet,
    evaluator: Evaluator<'n>,
}

impl<'n> Tracer<'n> {
    pub fn new(net: &'n RawNet) -> Self {
        Tracer {
            net,
            evaluator: Evaluator::new(net),
        }
    }

    /// Prints what is computed for the position of this number, and returns which outputs are zero.
    pub fn trace(
        &self,
        number: usize,
        fen: &str,
        board: &Board,
        global: &Global,
    ) -> anyhow::Result<Zeros> {
        let outputs = self.evaluator.outputs(board);
        let zeros = Zeros::of(outputs.iter().map(zero_outputs).collect());
        let [w, b] = [Color::White, Color::Black].map(|side| self.features(board, side));
        if global.json {
            console::json(&Line {
                i: number,
                fen,
                w,
                b,
                outputs: outputs.iter().collect(),
                ft_len: zeros.outputs(),
                ft_zero: zeros.zero_outputs(),
                ft_zero4: zeros.zero_blocks(),
            })?;
            return Ok(zeros);
        }
        console::result(fen)?;
        for (kind, white) in &w {
            console::result(format!(
                "  {kind}: {} active for White, {} for Black",
                white.len(),
                b[kind].len()
            ))?;
        }
        zeros.say()?;
        console::result("")?;
        Ok(zeros)
    }

    /// Active features of a perspective by kind.
    fn features(&self, board: &Board, side: Color) -> BTreeMap<&'static str, Vec<u32>> {
        let input = self.net.layout().input();
        let mut active = Vec::new();
        input.append_active(board, side, &mut active);
        let mut first = 0;
        let mut by_kind = BTreeMap::new();
        for kind in Block::ALL {
            let count = input.block(kind) as u32;
            if count > 0 {
                let of_kind = active.iter().map(|feature| feature.wrapping_sub(first));
                by_kind.insert(kind.name(), of_kind.filter(|&at| at < count).collect());
            }
            first += count;
        }
        by_kind
    }
}

fn zero_outputs(outputs: &Outputs) -> Vec<bool> {
    match outputs {
        Outputs::Integers(values) => values.iter().map(|&value| value == 0).collect(),
        Outputs::Floats(values) => values.iter().map(|&value| value == 0.0).collect(),
    }
}
