//! Pictures as SVG, each in a wide form and in one for phones.

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{BoldPoints, DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _};
use plotters::element::{Circle, PathElement, Rectangle};
use plotters::prelude::{Cartesian2d, SVGBackend};
use plotters::series::{AreaSeries, LineSeries};
use plotters::style::{Color as _, IntoFont as _, TRANSPARENT};
use serde::Serialize;

use super::theme::{self, AFTER, AXIS, BEFORE, GRID, Ink, TEXT};
use crate::report::measures::BeforeAfter;

/// Coordinates are whole numbers, so pictures are drawn larger than they are shown.
const SCALE: u32 = 4;

/// Why a picture could not be drawn.
pub type DrawingError = DrawingAreaErrorKind<std::io::Error>;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, Ticked>>;
type RowChart<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// An axis with numbers at given places.
struct Ticked {
    axis: RangedCoordf64,
    ticks: Vec<f64>,
}

impl Ranged for Ticked {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.axis.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Lines between ticks are not drawn.
        if hint.weight().allow_light_points() {
            Vec::new()
        } else {
            self.ticks.clone()
        }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.axis.range()
    }
}

/// A picture.
#[derive(Debug, Serialize)]
pub struct Picture {
    wide: String,
    /// Empty if one form will do.
    narrow: String,
}

impl Picture {
    /// The form for phones alone, for pictures that stand side by side.
    pub fn small(self) -> Picture {
        Picture {
            wide: self.narrow,
            narrow: String::new(),
        }
    }
}

/// Says in a picture what it shows, for those who do not see it.
fn labelled(svg: String, label: &str) -> String {
    let label = minijinja::HtmlEscape(label);
    let named = svg.replacen("<svg ", "<svg role=\"img\" ", 1);
    match named.split_once('>') {
        Some((head, body)) => format!("{head}><title>{label}</title>{body}"),
        None => named,
    }
}

/// The two forms of a picture.
#[derive(Clone, Copy)]
struct Form {
    width: u32,
    height: u32,
    x_labels: usize,
}

const WIDE: Form = Form {
    width: 720,
    height: 270,
    x_labels: 9,
};
const NARROW: Form = Form {
    width: 358,
    height: 250,
    x_labels: 4,
};

fn picture(
    label: &str,
    draw: impl Fn(&Area, Form) -> Result<(), DrawingError>,
) -> Result<Picture, DrawingError> {
    let svg = |form: Form| {
        let mut text = String::new();
        {
            let size = (form.width * SCALE, form.height * SCALE);
            let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
            draw(&area, form)?;
            area.present()?;
        }
        Ok(labelled(text, label))
    };
    Ok(Picture {
        wide: svg(WIDE)?,
        narrow: svg(NARROW)?,
    })
}

/// What stands at the axes.
pub struct Axes<'a> {
    pub x: std::ops::Range<f64>,
    pub y: std::ops::Range<f64>,
    /// Where the y axis has numbers; chosen if it does not matter.
    pub y_ticks: Option<Vec<f64>>,
    pub x_title: &'a str,
    pub x_format: &'a dyn Fn(&f64) -> String,
    pub y_format: &'a dyn Fn(&f64) -> String,
}

impl Axes<'_> {
    fn draw<'a, 'b>(&self, area: &'a Area<'b>, form: Form) -> Result<Chart<'a, 'b>, DrawingError> {
        let font = ("sans-serif", 15 * SCALE).into_font().color(&TEXT.light);
        let axis = RangedCoordf64::from(self.y.clone());
        let ticks = self.y_ticks.clone();
        let y = Ticked {
            ticks: ticks.unwrap_or_else(|| axis.key_points(BoldPoints(7))),
            axis,
        };
        let mut chart = ChartBuilder::on(area)
            .margin_top(8 * SCALE)
            .margin_right(22 * SCALE)
            .x_label_area_size(44 * SCALE)
            .y_label_area_size(52 * SCALE)
            .build_cartesian_2d(self.x.clone(), y)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(form.x_labels)
            .y_labels(7)
            .bold_line_style(GRID.light.stroke_width(SCALE))
            .light_line_style(TRANSPARENT)
            .axis_style(AXIS.light.stroke_width(SCALE))
            .set_all_tick_mark_size(4 * SCALE)
            .label_style(font.clone())
            .axis_desc_style(font)
            .x_desc(self.x_title)
            .x_label_formatter(self.x_format)
            .y_label_formatter(self.y_format)
            .draw()?;
        Ok(chart)
    }
}

/// A line, as points from left to right.
pub struct Line<'a> {
    pub ink: Ink,
    pub points: &'a [(f64, f64)],
    /// Is the area below it filled?
    pub filled: bool,
}

/// Lines over common axes.
pub fn lines(label: &str, axes: &Axes, lines: &[Line]) -> Result<Picture, DrawingError> {
    picture(label, |area, form| {
        let mut chart = axes.draw(area, form)?;
        for line in lines {
            let color = line.ink.light;
            let points = || line.points.iter().copied();
            if line.filled {
                chart.draw_series(AreaSeries::new(points(), axes.y.start, color.mix(0.22)))?;
            }
            chart.draw_series(LineSeries::new(points(), color.stroke_width(2 * SCALE)))?;
        }
        Ok(())
    })
}

/// Counts of equal intervals before and after, one drawn over the other.
pub fn two_histograms(
    label: &str,
    axes: &Axes,
    low: f64,
    width: f64,
    counts: &BeforeAfter<Vec<f64>>,
) -> Result<Picture, DrawingError> {
    let stairs = |counts: &[f64]| {
        let mut points = vec![(low, 0.0)];
        for (bin, &count) in counts.iter().enumerate() {
            let left = low + width * bin as f64;
            points.extend([(left, count), (left + width, count)]);
        }
        points.push((low + width * counts.len() as f64, 0.0));
        points
    };
    let (before, after) = (stairs(&counts.before), stairs(&counts.after));
    let line = |ink, points| Line {
        ink,
        points,
        filled: true,
    };
    lines(label, axes, &[line(BEFORE, &before), line(AFTER, &after)])
}

/// Counts of equal intervals as bars.
pub fn histogram(
    label: &str,
    axes: &Axes,
    low: f64,
    width: f64,
    counts: &[f64],
) -> Result<Picture, DrawingError> {
    picture(label, |area, form| {
        let mut chart = axes.draw(area, form)?;
        let gap = width * 0.08;
        let bars = counts.iter().enumerate().map(|(bin, &count)| {
            let left = low + width * bin as f64;
            let corners = [(left + gap, axes.y.start), (left + width - gap, count)];
            Rectangle::new(corners, AFTER.light.filled())
        });
        chart.draw_series(bars)?;
        Ok(())
    })
}

/// Where the logarithmic axis of counts begins: below 1, so that one value is a bar.
pub const LEAST_COUNT: f64 = 0.5;

/// Counts on a logarithmic axis from [`LEAST_COUNT`] to `most`, whose numbers are round. The x axis is the caller's.
pub fn log_histogram(
    label: &str,
    x: std::ops::Range<f64>,
    low: f64,
    width: f64,
    counts: &[u64],
    most: u64,
) -> Result<Picture, DrawingError> {
    let base = LEAST_COUNT.log10();
    let heights: Vec<f64> = counts
        .iter()
        .map(|&count| (count as f64).max(LEAST_COUNT).log10())
        .collect();
    let axes = Axes {
        x,
        y: base..(most.max(1) as f64).log10().max(0.3) * 1.05,
        y_ticks: Some(log_ticks(most)),
        x_title: "",
        x_format: &|value| format!("{value:.0}"),
        y_format: &|power| round_count(*power),
    };
    histogram(label, &axes, low, width, &heights)
}

/// Logarithms of round numbers up to `most`: powers of ten, and between them 2 and 5 where there are few.
pub fn log_ticks(most: u64) -> Vec<f64> {
    let steps: &[f64] = if most < 100 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let powers = (0..20).map(|power| 10f64.powi(power));
    let numbers = powers.flat_map(|power| steps.iter().map(move |step| power * step));
    let most = most.max(2) as f64;
    numbers
        .take_while(|&number| number <= most)
        .map(f64::log10)
        .collect()
}

/// The number at a tick of a logarithmic axis.
pub fn round_count(power: f64) -> String {
    match 10f64.powf(power).round() {
        count if count >= 1e9 => format!("{:.0}G", count / 1e9),
        count if count >= 1e6 => format!("{:.0}M", count / 1e6),
        count if count >= 1e3 => format!("{:.0}k", count / 1e3),
        count => format!("{count:.0}"),
    }
}

/// A picture of rows with names at the left, above an axis. `draw` draws row number `y` into the chart.
fn rows(
    label: &str,
    names: &[&str],
    x: std::ops::Range<f64>,
    x_title: &str,
    x_format: &dyn Fn(&f64) -> String,
    draw: &dyn Fn(&mut RowChart, usize) -> Result<(), DrawingError>,
) -> Result<Picture, DrawingError> {
    const ROW: u32 = 30;
    let svg = |form: Form| {
        let mut text = String::new();
        {
            let height = ROW * names.len() as u32 + 60;
            let size = (form.width * SCALE, height * SCALE);
            let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
            let font = ("sans-serif", 15 * SCALE).into_font().color(&TEXT.light);
            let mut chart = ChartBuilder::on(&area)
                .margin_top(4 * SCALE)
                .margin_right(22 * SCALE)
                .x_label_area_size(44 * SCALE)
                .y_label_area_size(104 * SCALE)
                .build_cartesian_2d(x.clone(), names.len() as f64 - 0.5..-0.5)?;
            chart
                .configure_mesh()
                .disable_mesh()
                .disable_y_axis()
                .x_labels(form.x_labels.min(7))
                .axis_style(AXIS.light.stroke_width(SCALE))
                .set_all_tick_mark_size(4 * SCALE)
                .label_style(font.clone())
                .axis_desc_style(font.clone())
                .x_desc(x_title)
                .x_label_formatter(x_format)
                .draw()?;
            for (at, name) in names.iter().enumerate() {
                let y = at as f64;
                let grid = [(x.start, y), (x.end, y)];
                chart.draw_series([PathElement::new(grid, GRID.light.stroke_width(SCALE))])?;
                draw(&mut chart, at)?;
                let (left, y) = chart.backend_coord(&(x.start, y));
                use plotters::style::text_anchor::{HPos, Pos, VPos};
                let style = font.clone().pos(Pos::new(HPos::Right, VPos::Center));
                area.draw_text(name, &style, (left - 10 * SCALE as i32, y))?;
            }
            area.present()?;
        }
        Ok::<String, DrawingError>(labelled(text, label))
    };
    Ok(Picture {
        wide: svg(WIDE)?,
        narrow: svg(NARROW)?,
    })
}

/// A thick line in a row.
fn bar(from: f64, to: f64, y: usize, ink: Ink) -> PathElement<(f64, f64)> {
    let ends = [(from, y as f64), (to, y as f64)];
    PathElement::new(ends, ink.light.mix(0.45).stroke_width(4 * SCALE))
}

/// A point in a row.
fn point(x: f64, y: usize, ink: Ink) -> Circle<(f64, f64), u32> {
    Circle::new((x, y as f64), 6 * SCALE, ink.light.filled())
}

/// From before to after, one row each: a point, a line, a point.
pub fn changes(
    label: &str,
    names: &[String],
    x: std::ops::Range<f64>,
    x_title: &str,
    values: &[BeforeAfter<f64>],
) -> Result<Picture, DrawingError> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let format = |share: &f64| percent(*share, 0);
    rows(label, &names, x, x_title, &format, &|chart, y| {
        let value = &values[y];
        chart.draw_series([bar(value.before, value.after, y, AFTER)])?;
        chart.draw_series([point(value.before, y, BEFORE), point(value.after, y, AFTER)])?;
        Ok(())
    })
}

/// A value and the interval that it is known to.
pub struct Interval {
    pub name: String,
    pub ink: Ink,
    pub middle: f64,
    pub low: f64,
    pub high: f64,
}

/// Shares and their intervals, one row each, and a line at none.
pub fn intervals(label: &str, x_title: &str, values: &[Interval]) -> Result<Picture, DrawingError> {
    let names: Vec<&str> = values.iter().map(|value| value.name.as_str()).collect();
    // What is far outside would leave nothing to see of the rest.
    let clamped = |share: f64| share.clamp(-0.5, 1.0);
    let ends = values
        .iter()
        .flat_map(|value| [value.low, value.middle, value.high])
        .map(clamped);
    let x = around(ends.chain([0.0]), -1.0..2.0);
    let digits = if x.end - x.start < 0.07 { 1 } else { 0 };
    let format = |share: &f64| hundredths(*share, digits);
    rows(label, &names, x, x_title, &format, &|chart, y| {
        let value = &values[y];
        let none = [(0.0, y as f64 - 0.5), (0.0, y as f64 + 0.5)];
        chart.draw_series([PathElement::new(none, AXIS.light.stroke_width(SCALE))])?;
        chart.draw_series([bar(clamped(value.low), clamped(value.high), y, value.ink)])?;
        chart.draw_series([point(clamped(value.middle), y, value.ink)])?;
        Ok(())
    })
}

/// A square of cells from little to much, `range` from end to end of the scale.
pub fn heat_map(
    label: &str,
    cells: &[Vec<f64>],
    range: std::ops::Range<f64>,
) -> Result<Picture, DrawingError> {
    const CELL: i32 = 10;
    let side = cells.len() as u32 * CELL as u32;
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (side, side)).into_drawing_area();
        let span = (range.end - range.start).max(f64::MIN_POSITIVE);
        let step = |share: f64| {
            let at = (share - range.start) / span * (theme::HEAT_STEPS - 1) as f64;
            at.round().clamp(0.0, (theme::HEAT_STEPS - 1) as f64) as usize
        };
        for (y, row) in cells.iter().enumerate() {
            let y = y as i32 * CELL;
            let steps: Vec<usize> = row.iter().map(|&share| step(share)).collect();
            let mut x = 0;
            // Neighbours of one colour are one rectangle: the file stays small.
            for run in steps.chunk_by(|a, b| a == b) {
                let right = x + run.len() as i32 * CELL;
                let color = theme::heat(run[0]).light;
                area.draw(&Rectangle::new([(x, y), (right, y + CELL)], color.filled()))?;
                x = right;
            }
        }
        area.present()?;
    }
    Ok(Picture {
        wide: labelled(text, label),
        narrow: String::new(),
    })
}

/// A share as a percentage.
pub fn percent(share: f64, digits: usize) -> String {
    // No line ends before the sign.
    format!("{}\u{a0}%", hundredths(share, digits))
}

/// The same for columns that say what they are.
pub fn hundredths(share: f64, digits: usize) -> String {
    format!("{:.digits$}", 100.0 * share)
}

/// A range that shows all values with some room, ends on round numbers, and does not leave `limits`.
pub fn around(
    values: impl Iterator<Item = f64> + Clone,
    limits: std::ops::Range<f64>,
) -> std::ops::Range<f64> {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return limits;
    }
    let step = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2]
        .into_iter()
        .find(|step| (high - low) / step <= 6.0)
        .unwrap_or(0.25);
    let start = ((low / step - 0.3).floor() * step).max(limits.start);
    let end = ((high / step + 0.3).ceil() * step).min(limits.end);
    start..end.max(start + step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithmic_axes_have_round_numbers() {
        let labels = |most| -> Vec<String> {
            let ticks = log_ticks(most);
            ticks.into_iter().map(round_count).collect()
        };
        assert_eq!(labels(0), ["1", "2"]);
        assert_eq!(labels(60), ["1", "2", "5", "10", "20", "50"]);
        assert_eq!(
            labels(23_068_672),
            ["1", "10", "100", "1k", "10k", "100k", "1M", "10M"]
        );
        let picture = log_histogram("Counts", 0.0..3.0, 0.0, 1.0, &[0, 1, 999], 999).unwrap();
        for svg in [&picture.wide, &picture.narrow] {
            assert!(svg.contains("\n1\n") && svg.contains("\n100\n") && !svg.contains("\n9\n"));
        }
    }
}
