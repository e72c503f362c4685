//! Drawings as SVG.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use minijinja::HtmlEscape;

use super::colors::Rgb;
use super::{Align, Cells, DrawError, Drawing, Shape, raster};

/// Cells up to which each is an element; more are an image inside.
const MOST_ELEMENTS: usize = 2048;

impl Drawing {
    /// The picture as SVG.
    ///
    /// # Errors
    /// It is too large.
    pub fn svg(&self) -> Result<String, DrawError> {
        self.check()?;
        let (width, height) = (self.width, self.height);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n<title>{}</title>\n\
             <g font-family=\"system-ui, sans-serif\" font-size=\"11\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#FFFFFF\"/>\n",
            HtmlEscape(&self.label)
        );
        for shape in &self.shapes {
            match shape {
                Shape::Fill(area, color) => rect(
                    &mut out,
                    [area.x, area.y, area.width, area.height],
                    &format!("fill=\"{}\"", hex(*color)),
                ),
                Shape::Frame(area, color) => rect(
                    &mut out,
                    [area.x, area.y, area.width, area.height],
                    &format!("fill=\"none\" stroke=\"{}\"", hex(*color)),
                ),
                Shape::Cells(cells) if cells.colors.len() <= MOST_ELEMENTS => {
                    elements(&mut out, cells);
                }
                Shape::Cells(cells) => image(&mut out, cells)?,
                Shape::Text(text) => {
                    let anchor = match text.align {
                        Align::Left => "start",
                        Align::Middle => "middle",
                        Align::Right => "end",
                    };
                    let _ = writeln!(
                        out,
                        "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\" fill=\"{}\">{}</text>",
                        text.x,
                        text.y,
                        hex(text.color),
                        HtmlEscape(&text.text)
                    );
                }
            }
        }
        out.push_str("</g>\n</svg>\n");
        Ok(out)
    }
}

fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

fn rect(out: &mut String, [x, y, width, height]: [u32; 4], paint: &str) {
    let _ = writeln!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" {paint}/>"
    );
}

/// Neighbours of one colour in a row are one rectangle.
fn elements(out: &mut String, cells: &Cells) {
    let (width, height) = cells.cell;
    for (row, colors) in (0..).zip(cells.colors.chunks(cells.columns.max(1) as usize)) {
        let mut x = cells.x;
        for run in colors.chunk_by(|a, b| a == b) {
            let length = run.len() as u32 * width;
            let paint = format!("fill=\"{}\" shape-rendering=\"crispEdges\"", hex(run[0]));
            rect(out, [x, cells.y + row * height, length, height], &paint);
            x += length;
        }
    }
}

fn image(out: &mut String, cells: &Cells) -> Result<(), DrawError> {
    let png = raster::encode(cells.columns, cells.rows(), &cells.colors.concat())?;
    let _ = writeln!(
        out,
        "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
         style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>",
        cells.x,
        cells.y,
        cells.columns * cells.cell.0,
        cells.rows() * cells.cell.1,
        BASE64.encode(png)
    );
    Ok(())
}
