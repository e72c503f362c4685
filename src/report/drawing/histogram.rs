//! Histograms of tensors, a row a network.

use super::{Align, Area, Drawing, LINE, MARGIN, colors};
use crate::report::page::chart::{LEAST_COUNT, log_ticks, round_count};
use crate::report::pictures::HistogramNumbers;

const WIDTH: u32 = 640;
const HEIGHT: u32 = 110;

/// Room for the numbers of the axis.
const NAMES: u32 = 40;

/// All tensors; `named` are the networks.
pub fn histograms(numbers: &HistogramNumbers, named: &[String]) -> Drawing {
    let mut drawing = Drawing::new("Histograms of the weights, logarithmic counts".to_string());
    let mut y = MARGIN;
    for tensor in &numbers.tensors {
        let most = tensor.counts.iter().flatten().flatten().copied().max();
        let most = most.unwrap_or(0);
        for (counts, name) in tensor.counts.iter().zip(named) {
            let Some(counts) = counts else { continue };
            y += LINE;
            let title = if named.len() > 1 {
                format!("{}: {name}", tensor.tensor)
            } else {
                tensor.tensor.clone()
            };
            drawing.text(MARGIN + NAMES, y, Align::Left, title);
            y += 6;
            bars(&mut drawing, counts, most, y);
            y += HEIGHT + LINE;
            let end = tensor.low + tensor.width * counts.len() as i64;
            for part in 0..=4 {
                let x = MARGIN + NAMES + part * WIDTH / 4;
                let value = tensor.low + (end - tensor.low) * i64::from(part) / 4;
                drawing.text(x, y, Align::Middle, value.to_string());
            }
            y += LINE;
        }
    }
    drawing
}

fn bars(drawing: &mut Drawing, counts: &[u64], most: u64, y: u32) {
    let base = LEAST_COUNT.log10();
    let span = (most.max(2) as f64).log10() - base;
    let height = |power: f64| (f64::from(HEIGHT) * (power - base) / span).round() as u32;
    for power in log_ticks(most) {
        let line = y + HEIGHT - height(power).min(HEIGHT);
        let area = Area {
            x: MARGIN + NAMES,
            y: line,
            width: WIDTH,
            height: 1,
        };
        drawing.fill(area, colors::grid());
        let label = round_count(power);
        drawing.text(MARGIN + NAMES - 6, line + 4, Align::Right, label);
    }
    let bins = counts.len().max(1) as u32;
    for (bin, &count) in (0..).zip(counts) {
        if count == 0 {
            continue;
        }
        let tall = height((count as f64).log10()).clamp(1, HEIGHT);
        let (left, right) = (bin * WIDTH / bins, (bin + 1) * WIDTH / bins);
        let area = Area {
            x: MARGIN + NAMES + left,
            y: y + HEIGHT - tall,
            width: (right - left).saturating_sub(1).max(1),
            height: tall,
        };
        drawing.fill(area, colors::bar());
    }
    let axis = Area {
        x: MARGIN + NAMES,
        y: y + HEIGHT,
        width: WIDTH,
        height: 1,
    };
    drawing.fill(axis, colors::frame());
}
