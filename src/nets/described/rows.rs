//! The active features of positions, as the kernels read them.

use super::input::{Input, side_of};
use crate::chess::board::Board;
use crate::nets::model::{RowLists, SampleOrder};

/// The active features of all samples.
pub(crate) fn row_lists(input: &Input, boards: &[Board], order: SampleOrder) -> RowLists {
    let per_position = input.perspectives();
    let mut samples: Vec<usize> = (0..per_position * boards.len()).collect();
    if order == SampleOrder::KingPlaces {
        samples.sort_by_cached_key(|&sample| {
            let board = &boards[sample / per_position];
            input.king_place(board, side_of(board, sample % per_position))
        });
    }
    let mut lists = RowLists {
        offsets: vec![0],
        rows: Vec::new(),
    };
    for sample in samples {
        let board = &boards[sample / per_position];
        input.append_active(
            board,
            side_of(board, sample % per_position),
            &mut lists.rows,
        );
        lists.offsets.push(lists.rows.len() as u32);
    }
    lists
}
