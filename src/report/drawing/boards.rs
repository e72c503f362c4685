//! Boards: input weights of neurons, and PSQT.

use super::colors::{self, Rgb};
use super::{Align, Area, Cells, Drawing, LINE, MARGIN};
use crate::report::pictures::{
    CELLS, ColumnNumbers, DifferenceNumbers, InputNumbers, PsqtNumbers, SetNumbers,
};

/// Neurons up to which each board has a name.
const LARGE: usize = 4;

/// Tiles of neurons in a row.
const TILES: usize = 16;

/// Rows of boards: own pieces above the opponent's, or as they come.
fn place(set: &SetNumbers, number: usize) -> (u32, u32) {
    let code = set.codes[number];
    if set.codes.iter().filter(|&&other| other == code).count() > 1 {
        // Pairs of pawns: a row a pawn.
        return (number as u32 % 2, number as u32 / 2);
    }
    (code / 2, code % 2)
}

fn extent(set: &SetNumbers) -> (u32, u32) {
    let places = (0..set.codes.len()).map(|number| place(set, number));
    places.fold((0, 0), |(columns, rows), (column, row)| {
        (columns.max(column + 1), rows.max(row + 1))
    })
}

/// The cells of a board, rank 8 at the top.
fn board(x: u32, y: u32, cell: u32, values: &[Option<f64>], scale: f64) -> Cells {
    let colors: Vec<Rgb> = (0..CELLS)
        .map(|at| values[CELLS - 8 - at / 8 * 8 + at % 8])
        .map(|value| colors::of_value(value, scale))
        .collect();
    Cells {
        x,
        y,
        cell: (cell, cell),
        columns: 8,
        colors,
    }
}

/// The greatest value without its sign.
fn greatest<'a>(values: impl Iterator<Item = &'a Option<f64>>) -> f64 {
    values
        .flatten()
        .fold(0.0, |most, value| most.max(value.abs()))
}

/// Where the own king stands, in words.
fn king_words(king: Option<&String>) -> String {
    match king {
        Some(square) => format!("own king on {square}"),
        None => "mean over the own king's squares".to_string(),
    }
}

/// Input weights of neurons: named boards of a few, small ones of many. `framed` are blocks of four.
pub fn inputs(numbers: &InputNumbers, framed: bool) -> Drawing {
    let count = numbers.columns.len() / columns_of_neuron(numbers);
    let king = king_words(numbers.king.as_ref());
    let label = format!("Input weights of {count} neurons, {king}");
    of_columns(label, "Input weights", numbers, framed)
}

/// The same of a difference.
pub fn difference(found: &DifferenceNumbers, inputs_of_it: &InputNumbers) -> Drawing {
    let different: u64 = found.tensors.iter().map(|tensor| tensor.different).sum();
    let label = format!("Difference of two networks: {different} values differ");
    let heading = "Input weights of the second network less those of the first";
    of_columns(label, heading, inputs_of_it, false)
}

fn columns_of_neuron(numbers: &InputNumbers) -> usize {
    (numbers.l1 / numbers.neurons).max(1)
}

/// Boards of columns, under a heading. `label` is for those who cannot see them.
fn of_columns(label: String, heading: &str, numbers: &InputNumbers, framed: bool) -> Drawing {
    let king = king_words(numbers.king.as_ref());
    let mut drawing = Drawing::new(label);
    drawing.text(
        MARGIN,
        MARGIN + 10,
        Align::Left,
        format!("{heading}, {king}; blue negative, orange positive, grey: no legal position"),
    );
    let neurons: Vec<&[ColumnNumbers]> =
        numbers.columns.chunks(columns_of_neuron(numbers)).collect();
    if neurons.len() <= LARGE {
        large(&mut drawing, numbers, &neurons);
    } else {
        small(&mut drawing, numbers, &neurons, framed);
    }
    drawing
}

fn large(drawing: &mut Drawing, numbers: &InputNumbers, neurons: &[&[ColumnNumbers]]) {
    const CELL: u32 = 11;
    let mut y = MARGIN + 2 * LINE;
    for neuron in neurons {
        for (number, set) in numbers.sets.iter().enumerate() {
            let values = neuron.iter().flat_map(|column| &column.weights[number]);
            let scale = greatest(values.flatten());
            for column in *neuron {
                y += LINE;
                let title = format!(
                    "neuron {}, column {}, {}: bias {}, norm {:.1}, greatest weight {scale:.1}",
                    column.neuron, column.column, set.name, column.bias, column.norm
                );
                drawing.text(MARGIN, y, Align::Left, title);
                y += 6;
                for (at, values) in column.weights[number].iter().enumerate() {
                    let (across, down) = place(set, at);
                    let x = MARGIN + across * (8 * CELL + 44);
                    let top = y + down * (8 * CELL + LINE + 6);
                    drawing.text(x, top + 10, Align::Left, set.boards[at].clone());
                    drawing.cells(board(x, top + LINE, CELL, values, scale));
                    let frame = Area {
                        x,
                        y: top + LINE,
                        width: 8 * CELL,
                        height: 8 * CELL,
                    };
                    drawing.frame(frame, colors::grid());
                }
                y += extent(set).1 * (8 * CELL + LINE + 6) + LINE;
            }
        }
    }
}

fn small(
    drawing: &mut Drawing,
    numbers: &InputNumbers,
    neurons: &[&[ColumnNumbers]],
    framed: bool,
) {
    const CELL: u32 = 2;
    const BOARD: u32 = 8 * CELL + 2;
    let halves = neurons.first().map_or(1, |neuron| neuron.len()) as u32;
    let extents: Vec<(u32, u32)> = numbers.sets.iter().map(extent).collect();
    let widest = extents.iter().map(|extent| extent.0).max().unwrap_or(1);
    let rows: u32 = extents.iter().map(|extent| extent.1).sum();
    let (width, height) = (
        widest * BOARD + 8,
        halves * (rows * BOARD + 2 * numbers.sets.len() as u32) + LINE + 4,
    );
    let gap = if framed { 12 } else { 0 };
    let top = MARGIN + 2 * LINE;
    for (at, neuron) in neurons.iter().enumerate() {
        let (across, down) = ((at % TILES) as u32, (at / TILES) as u32);
        let x = MARGIN + across * width + across / 4 * gap + gap / 2;
        let y = top + down * (height + gap);
        if framed && at % 4 == 0 {
            let tiles = (neurons.len() - at).min(4) as u32;
            let frame = Area {
                x: x - 5,
                y: y - 2,
                width: tiles * width + 2,
                height: height + 2,
            };
            drawing.frame(frame, colors::frame());
        }
        drawing.text(x, y + 11, Align::Left, neuron[0].neuron.to_string());
        let mut line = y + LINE;
        for column in *neuron {
            for (number, set) in numbers.sets.iter().enumerate() {
                let values = neuron.iter().flat_map(|column| &column.weights[number]);
                let scale = greatest(values.flatten());
                for (at, values) in column.weights[number].iter().enumerate() {
                    let (across, down) = place(set, at);
                    let (x, y) = (x + across * BOARD, line + down * BOARD);
                    drawing.cells(board(x, y, CELL, values, scale));
                }
                line += extents[number].1 * BOARD + 2;
            }
        }
    }
}

/// PSQT by piece and square, in engine units.
pub fn psqt(numbers: &PsqtNumbers) -> Drawing {
    const CELL: u32 = 30;
    let king = king_words(numbers.king.as_ref());
    let mut drawing = Drawing::new(format!("PSQT by piece and square, {king}"));
    let mut y = MARGIN;
    for bucket in &numbers.buckets {
        for (set, boards) in numbers.sets.iter().zip(&bucket.values) {
            y += LINE;
            let title = format!(
                "PSQT of {}, bucket {}, engine units, {king}; blue below the mean of a board, orange above",
                set.name, bucket.bucket
            );
            drawing.text(MARGIN, y, Align::Left, title);
            y += 8;
            for (at, values) in boards.iter().enumerate() {
                let (across, down) = place(set, at);
                let x = MARGIN + across * (8 * CELL + 14);
                let top = y + down * (8 * CELL + LINE + 8);
                let there: Vec<f64> = values.iter().copied().flatten().collect();
                let mean = there.iter().sum::<f64>() / there.len().max(1) as f64;
                let above: Vec<Option<f64>> = values
                    .iter()
                    .map(|value| value.map(|value| value - mean))
                    .collect();
                let scale = greatest(above.iter());
                let name = format!("{}, mean {}", set.boards[at], mean.round() as i64);
                drawing.text(x, top + 10, Align::Left, name);
                drawing.cells(board(x, top + LINE, CELL, &above, scale));
                for (square, value) in (0u32..).zip(values) {
                    let Some(value) = value else { continue };
                    let share = if scale > 0.0 {
                        (value - mean) / scale
                    } else {
                        0.0
                    };
                    let (file, rank) = (square % 8, square / 8);
                    drawing.colored_text(
                        x + file * CELL + CELL / 2,
                        top + LINE + (7 - rank) * CELL + CELL / 2 + 4,
                        Align::Middle,
                        (value.round() as i64).to_string(),
                        colors::on(share),
                    );
                }
            }
            y += extent(set).1 * (8 * CELL + LINE + 8) + LINE;
        }
    }
    drawing
}
