//! Drawings of rectangles, cells and text, as SVG and as PNG.

mod boards;
mod colors;
mod heat;
mod histogram;
mod layers;
mod raster;
mod svg;

use thiserror::Error;

pub use boards::{difference, inputs, psqt};
pub use heat::{co_zeros, zeros};
pub use histogram::histograms;
pub use layers::layers;

use colors::Rgb;

/// Pixels that a drawing may have, about 200 MB of them.
const MOST_PIXELS: u64 = 1 << 26;

/// Pixels up to which a unit is two pixels wide.
const FINE_PIXELS: u64 = 1 << 24;

/// Why a drawing could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DrawError {
    #[error("a picture of {0} x {1} points is too large")]
    TooLarge(u32, u32),
    #[error("cannot write the picture: {0}")]
    Png(#[from] png::EncodingError),
}

/// A picture, in units of a pixel of a usual screen.
#[derive(Clone, Debug)]
pub struct Drawing {
    width: u32,
    height: u32,
    /// What it shows, for those who do not see it.
    label: String,
    shapes: Vec<Shape>,
}

#[derive(Clone, Debug)]
enum Shape {
    Fill(Area, Rgb),
    Frame(Area, Rgb),
    Cells(Cells),
    Text(Text),
}

#[derive(Clone, Copy, Debug)]
struct Area {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

/// Cells of one size in rows from the top.
#[derive(Clone, Debug)]
struct Cells {
    x: u32,
    y: u32,
    cell: (u32, u32),
    columns: u32,
    colors: Vec<Rgb>,
}

impl Cells {
    /// From the number of colours.
    fn rows(&self) -> u32 {
        self.colors.len() as u32 / self.columns.max(1)
    }
}

#[derive(Clone, Debug)]
struct Text {
    x: u32,
    /// Of the line on which letters stand.
    y: u32,
    text: String,
    color: Rgb,
    align: Align,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Align {
    Left,
    Middle,
    Right,
}

/// Height of a line of text.
const LINE: u32 = 14;

impl Drawing {
    fn new(label: String) -> Drawing {
        Drawing {
            width: 0,
            height: 0,
            label,
            shapes: Vec::new(),
        }
    }

    /// Makes it large enough to hold an area and a margin.
    fn grow(&mut self, right: u32, bottom: u32) {
        self.width = self.width.max(right + MARGIN);
        self.height = self.height.max(bottom + MARGIN);
    }

    fn fill(&mut self, area: Area, color: Rgb) {
        self.grow(area.x + area.width, area.y + area.height);
        self.shapes.push(Shape::Fill(area, color));
    }

    fn frame(&mut self, area: Area, color: Rgb) {
        self.grow(area.x + area.width, area.y + area.height);
        self.shapes.push(Shape::Frame(area, color));
    }

    fn cells(&mut self, cells: Cells) {
        let (right, bottom) = (
            cells.x + cells.columns * cells.cell.0,
            cells.y + cells.rows() * cells.cell.1,
        );
        self.grow(right, bottom);
        self.shapes.push(Shape::Cells(cells));
    }

    fn text(&mut self, x: u32, y: u32, align: Align, text: impl Into<String>) {
        self.colored_text(x, y, align, text, colors::text());
    }

    fn colored_text(&mut self, x: u32, y: u32, align: Align, text: impl Into<String>, color: Rgb) {
        let text = text.into();
        // Letters are about six units wide.
        let width = 6 * text.chars().count() as u32;
        let right = match align {
            Align::Left => x + width,
            Align::Middle => x + width / 2,
            Align::Right => x,
        };
        self.grow(right, y);
        self.shapes.push(Shape::Text(Text {
            x,
            y,
            text,
            color,
            align,
        }));
    }

    fn check(&self) -> Result<(), DrawError> {
        if u64::from(self.width) * u64::from(self.height) > MOST_PIXELS {
            return Err(DrawError::TooLarge(self.width, self.height));
        }
        Ok(())
    }
}

/// Room around a drawing.
const MARGIN: u32 = 12;
