//! Weights of layers as matrices.

use super::{Align, Cells, Drawing, LINE, MARGIN, colors};
use crate::report::pictures::{LayerNumbers, StackNumbers};

/// Columns of a strip.
const STRIP: usize = 512;

/// Room for names of rows.
const NAMES: u32 = 30;

/// All layers of some buckets: a row an output, a column an input, then the biases.
pub fn layers(stacks: &[StackNumbers]) -> Drawing {
    let mut drawing = Drawing::new(format!("Layer weights of {} buckets", stacks.len()));
    let mut y = MARGIN;
    for stack in stacks {
        for layer in &stack.layers {
            let weights = layer.weights.iter().flatten();
            let most = weights.map(|&weight| weight.unsigned_abs()).max();
            let most = f64::from(most.unwrap_or(0));
            y += LINE;
            let title = format!(
                "bucket {}, {}: weights, colours from -{most} to {most}; a row an output ({}), a column an input ({})",
                stack.bucket, layer.name, layer.outputs, layer.inputs
            );
            drawing.text(MARGIN, y, Align::Left, title);
            y = weights_of(&mut drawing, layer, most, y + 4);
            y = biases_of(&mut drawing, layer, y) + LINE;
        }
    }
    drawing
}

fn weights_of(drawing: &mut Drawing, layer: &LayerNumbers, most: f64, mut y: u32) -> u32 {
    let cell = (900 / layer.inputs.max(1)).clamp(2, 12) as u32;
    let high = cell.max(5);
    for first in (0..layer.inputs).step_by(STRIP) {
        let end = (first + STRIP).min(layer.inputs);
        y += LINE;
        let range = format!("inputs {first} to {}", end - 1);
        drawing.text(MARGIN + NAMES, y, Align::Left, range);
        y += 4;
        let rows = layer.weights.iter().flat_map(|row| &row[first..end]);
        drawing.cells(Cells {
            x: MARGIN + NAMES,
            y,
            cell: (cell, high),
            columns: (end - first) as u32,
            colors: rows
                .map(|&weight| colors::of_value(Some(f64::from(weight)), most))
                .collect(),
        });
        let step = LINE.div_ceil(high);
        for row in (0..layer.outputs as u32).step_by(step as usize) {
            let baseline = y + row * high + high / 2 + 4;
            drawing.text(MARGIN + NAMES - 5, baseline, Align::Right, row.to_string());
        }
        y += layer.outputs as u32 * high + 4;
    }
    y
}

fn biases_of(drawing: &mut Drawing, layer: &LayerNumbers, mut y: u32) -> u32 {
    let greatest = layer.biases.iter().map(|bias| bias.unsigned_abs()).max();
    let greatest = f64::from(greatest.unwrap_or(0));
    y += LINE;
    let title = format!("biases, colours from -{greatest} to {greatest}");
    drawing.text(MARGIN + NAMES, y, Align::Left, title);
    y += 4;
    drawing.cells(Cells {
        x: MARGIN + NAMES,
        y,
        cell: (12, 12),
        columns: layer.biases.len() as u32,
        colors: layer
            .biases
            .iter()
            .map(|&bias| colors::of_value(Some(f64::from(bias)), greatest))
            .collect(),
    });
    y + 12
}
