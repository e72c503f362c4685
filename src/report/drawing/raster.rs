//! Drawings as PNG.

use std::convert::Infallible;

use embedded_graphics::Drawable as _;
use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::ascii::{FONT_6X10, FONT_10X20};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor as _};
use embedded_graphics::text::{Alignment, Baseline, Text as Words, TextStyleBuilder};

use super::colors::Rgb;
use super::{Align, Area, DrawError, Drawing, FINE_PIXELS, Shape, Text};

/// Pixels from the top left, three bytes each.
struct Raster {
    width: u32,
    height: u32,
    bytes: Vec<u8>,
}

impl Drawing {
    /// The picture as PNG: two pixels a unit, one if it is large.
    ///
    /// # Errors
    /// It is too large.
    pub fn png(&self) -> Result<Vec<u8>, DrawError> {
        self.check()?;
        let pixels = 4 * u64::from(self.width) * u64::from(self.height);
        let scale = if pixels > FINE_PIXELS { 1 } else { 2 };
        let (width, height) = (scale * self.width, scale * self.height);
        let mut raster = Raster {
            width,
            height,
            bytes: vec![0xFF; 3 * width as usize * height as usize],
        };
        for shape in &self.shapes {
            match shape {
                Shape::Fill(area, color) => raster.fill(scaled(*area, scale), *color),
                Shape::Frame(area, color) => raster.frame(scaled(*area, scale), scale, *color),
                Shape::Cells(cells) => {
                    let (cell_width, cell_height) = cells.cell;
                    for (at, color) in (0..).zip(&cells.colors) {
                        let area = Area {
                            x: cells.x + at % cells.columns * cell_width,
                            y: cells.y + at / cells.columns * cell_height,
                            width: cell_width,
                            height: cell_height,
                        };
                        raster.fill(scaled(area, scale), *color);
                    }
                }
                Shape::Text(text) => raster.write(text, scale),
            }
        }
        encode(width, height, &raster.bytes)
    }
}

fn scaled(area: Area, scale: u32) -> Area {
    Area {
        x: scale * area.x,
        y: scale * area.y,
        width: scale * area.width,
        height: scale * area.height,
    }
}

impl Raster {
    fn fill(&mut self, area: Area, color: Rgb) {
        let right = (area.x + area.width).min(self.width);
        for y in area.y..(area.y + area.height).min(self.height) {
            let row = 3 * y as usize * self.width as usize;
            let (from, to) = (3 * area.x.min(right) as usize, 3 * right as usize);
            for pixel in self.bytes[row + from..row + to].chunks_exact_mut(3) {
                pixel.copy_from_slice(&color);
            }
        }
    }

    fn frame(&mut self, area: Area, line: u32, color: Rgb) {
        let bottom = (area.y + area.height).saturating_sub(line);
        let right = (area.x + area.width).saturating_sub(line);
        for y in [area.y, bottom] {
            let edge = Area {
                y,
                height: line,
                ..area
            };
            self.fill(edge, color);
        }
        for x in [area.x, right] {
            let edge = Area {
                x,
                width: line,
                ..area
            };
            self.fill(edge, color);
        }
    }

    fn write(&mut self, text: &Text, scale: u32) {
        let [red, green, blue] = text.color;
        let font = if scale == 1 { &FONT_6X10 } else { &FONT_10X20 };
        let style = MonoTextStyle::new(font, Rgb888::new(red, green, blue));
        let alignment = match text.align {
            Align::Left => Alignment::Left,
            Align::Middle => Alignment::Center,
            Align::Right => Alignment::Right,
        };
        let place = TextStyleBuilder::new()
            .alignment(alignment)
            .baseline(Baseline::Alphabetic)
            .build();
        let at = Point::new((scale * text.x) as i32, (scale * text.y) as i32);
        // The font has no other letters.
        let words = text.text.replace(|letter: char| !letter.is_ascii(), "?");
        match Words::with_text_style(&words, at, style, place).draw(self) {
            Ok(_) => {}
            Err(never) => match never {},
        }
    }
}

impl OriginDimensions for Raster {
    fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }
}

impl DrawTarget for Raster {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        for Pixel(at, color) in pixels {
            let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) else {
                continue;
            };
            if x < self.width && y < self.height {
                let first = 3 * (y as usize * self.width as usize + x as usize);
                self.bytes[first..first + 3].copy_from_slice(&[color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }
}

/// Pixels of three bytes as PNG.
pub fn encode(width: u32, height: u32, bytes: &[u8]) -> Result<Vec<u8>, DrawError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(bytes)?;
    writer.finish()?;
    Ok(out)
}
