//! How often neurons and blocks are zero.

use super::{Align, Area, Cells, Drawing, LINE, MARGIN, colors};
use crate::report::pictures::{BucketZeros, ZeroNumbers};

/// Columns of a strip.
const STRIP: usize = 256;

/// Room for names of rows.
const NAMES: u32 = 62;

const CELL: (u32, u32) = (4, 14);

type Counts = fn(&BucketZeros) -> Option<&Vec<u64>>;

/// Zero rates of neurons and blocks by bucket.
pub fn zeros(numbers: &ZeroNumbers) -> Drawing {
    let label = format!(
        "How often outputs are zero, on {} positions",
        numbers.positions
    );
    let mut drawing = Drawing::new(label.clone());
    let mut y = MARGIN + LINE;
    drawing.text(MARGIN, y, Align::Left, label);
    y = scale(&mut drawing, y + 8, 0.0, 1.0);
    let parts: [(&str, &str, Counts); 3] = [
        ("neurons", "neurons", |bucket| Some(&bucket.neurons)),
        ("blocks", "blocks of four", |bucket| Some(&bucket.blocks)),
        ("blocks", "blocks in the order that was given", |bucket| {
            bucket.blocks_after.as_ref()
        }),
    ];
    for (units, title, counts) in parts {
        let rows: Vec<&Vec<u64>> = numbers.buckets.iter().filter_map(counts).collect();
        let Some(columns) = rows.first().map(|row| row.len()) else {
            continue;
        };
        y += 2 * LINE;
        drawing.text(MARGIN, y, Align::Left, title);
        for first in (0..columns).step_by(STRIP) {
            let end = (first + STRIP).min(columns);
            y += LINE + 2;
            let range = format!("{units} {first} to {}", end - 1);
            drawing.text(MARGIN + NAMES, y, Align::Left, range);
            y += 4;
            let mut colors = Vec::new();
            for (bucket, row) in numbers.buckets.iter().zip(&rows) {
                let samples = bucket.samples.max(1) as f64;
                let shares = row[first..end].iter().map(|&count| count as f64 / samples);
                colors.extend(shares.map(colors::heat));
            }
            for (row, bucket) in (0..).zip(&numbers.buckets) {
                let name = format!("bucket {}", bucket.bucket);
                let baseline = y + row * CELL.1 + 11;
                drawing.text(MARGIN + NAMES - 6, baseline, Align::Right, name);
            }
            drawing.cells(Cells {
                x: MARGIN + NAMES,
                y,
                cell: CELL,
                columns: (end - first) as u32,
                colors,
            });
            y += rows.len() as u32 * CELL.1;
        }
    }
    drawing
}

/// How often neurons are zero together, in one order or two.
pub fn co_zeros(numbers: &ZeroNumbers) -> Drawing {
    const SIDE: u32 = 6;
    let map = &numbers.co_zero_map;
    let has_order = numbers
        .buckets
        .iter()
        .any(|bucket| bucket.blocks_after.is_some());
    let mut shown = vec![("in the network's order", &map.cells.before)];
    if has_order {
        shown.push(("in the order that was given", &map.cells.after));
    }
    let shares = || shown.iter().flat_map(|(_, cells)| cells.iter()).flatten();
    let low = shares().copied().fold(1.0, f64::min);
    let high = shares().copied().fold(low, f64::max);
    let mut drawing = Drawing::new("How often neurons are zero together".to_string());
    let mut y = MARGIN + LINE;
    let title = format!(
        "zero together, mean of {0} x {0} neurons a cell, blocks sorted by rate",
        map.neurons_a_cell
    );
    drawing.text(MARGIN, y, Align::Left, title);
    y = scale(&mut drawing, y + 8, low, high) + LINE;
    for (at, (title, cells)) in (0..).zip(&shown) {
        let columns = cells.len() as u32;
        let x = MARGIN + at * (columns * SIDE + 24);
        drawing.text(x, y + 10, Align::Left, *title);
        let span = (high - low).max(f64::MIN_POSITIVE);
        let shares = cells.iter().flatten();
        drawing.cells(Cells {
            x,
            y: y + LINE + 2,
            cell: (SIDE, SIDE),
            columns,
            colors: shares
                .map(|share| colors::heat((share - low) / span))
                .collect(),
        });
    }
    drawing
}

/// The scale of colours with its ends. Returns where it ends.
fn scale(drawing: &mut Drawing, y: u32, low: f64, high: f64) -> u32 {
    let end = |share: f64| format!("{:.1} %", 100.0 * share);
    drawing.text(MARGIN, y + 11, Align::Left, end(low));
    let x = MARGIN + 52;
    drawing.cells(Cells {
        x,
        y,
        cell: (2, 14),
        columns: 100,
        colors: (0..100)
            .map(|at| colors::heat(f64::from(at) / 99.0))
            .collect(),
    });
    let area = Area {
        x,
        y,
        width: 200,
        height: 14,
    };
    drawing.frame(area, colors::grid());
    drawing.text(x + 208, y + 11, Align::Left, end(high));
    y + 14
}
