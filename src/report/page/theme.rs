//! Colours. Pictures are drawn in those of the light scheme; in the dark scheme the page's style sheet replaces them.

use std::fmt::Write as _;

use plotters::style::RGBColor;
use serde::Serialize;

/// A colour in both schemes.
#[derive(Clone, Copy, Debug)]
pub struct Ink {
    pub light: RGBColor,
    dark: RGBColor,
}

const fn ink(light: (u8, u8, u8), dark: (u8, u8, u8)) -> Ink {
    Ink {
        light: RGBColor(light.0, light.1, light.2),
        dark: RGBColor(dark.0, dark.1, dark.2),
    }
}

/// The order that was given, and the one that was found.
pub const BEFORE: Ink = ink((0x8A, 0x94, 0xA6), (0x8C, 0x9A, 0xB0));
pub const AFTER: Ink = ink((0x0F, 0x76, 0x6E), (0x2D, 0xD4, 0xBF));
/// Text, and lines behind data.
pub const TEXT: Ink = ink((0x51, 0x5C, 0x6B), (0xA9, 0xB4, 0xC4));
pub const GRID: Ink = ink((0xE4, 0xE8, 0xEE), (0x2A, 0x33, 0x40));
pub const AXIS: Ink = ink((0xC3, 0xCA, 0xD5), (0x46, 0x51, 0x62));
/// What needs a third colour.
pub const ACCENT: Ink = ink((0xC2, 0x5E, 0x0A), (0xFB, 0xA9, 0x4C));

const INKS: [Ink; 6] = [BEFORE, AFTER, TEXT, GRID, AXIS, ACCENT];

/// Steps of the heat scale.
pub const HEAT_STEPS: usize = 28;

/// Ends and middle of the heat scale, from little to much.
const HEAT_LIGHT: [(u8, u8, u8); 4] = [
    (0xF3, 0xF6, 0xF9),
    (0x8F, 0xD3, 0xC8),
    (0x1D, 0x84, 0x8C),
    (0x0B, 0x2A, 0x4A),
];
const HEAT_DARK: [(u8, u8, u8); 4] = [
    (0x17, 0x1E, 0x28),
    (0x1B, 0x54, 0x62),
    (0x2B, 0xB3, 0xA3),
    (0xFD, 0xF0, 0xB0),
];

/// A step of the heat scale, 0 to [`HEAT_STEPS`] - 1.
pub fn heat(step: usize) -> Ink {
    Ink {
        light: mix(&HEAT_LIGHT, step),
        dark: mix(&HEAT_DARK, step),
    }
}

fn mix(stops: &[(u8, u8, u8); 4], step: usize) -> RGBColor {
    let at = (stops.len() - 1) as f64 * step.min(HEAT_STEPS - 1) as f64 / (HEAT_STEPS - 1) as f64;
    let first = (at as usize).min(stops.len() - 2);
    let share = at - first as f64;
    let (a, b) = (stops[first], stops[first + 1]);
    let channel =
        |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
    RGBColor(channel(a.0, b.0), channel(a.1, b.1), channel(a.2, b.2))
}

fn hex(color: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2)
}

/// Rules that give pictures the colours of the dark scheme.
pub fn dark_rules() -> String {
    let mut rules = String::new();
    for ink in INKS {
        let (light, dark) = (hex(ink.light), hex(ink.dark));
        let _ = writeln!(rules, "svg [fill=\"{light}\"] {{ fill: {dark}; }}");
        let _ = writeln!(rules, "svg [stroke=\"{light}\"] {{ stroke: {dark}; }}");
    }
    for ink in (0..HEAT_STEPS).map(heat) {
        let (light, dark) = (hex(ink.light), hex(ink.dark));
        let _ = writeln!(rules, ".heat svg [fill=\"{light}\"] {{ fill: {dark}; }}");
    }
    rules
}

/// The heat scale as a CSS gradient, in the light and in the dark scheme.
pub fn heat_gradients() -> [String; 2] {
    [HEAT_LIGHT, HEAT_DARK].map(|stops| {
        let stops = stops.map(|(r, g, b)| hex(RGBColor(r, g, b)));
        format!("linear-gradient(to right, {})", stops.join(", "))
    })
}

type Channels = [u8; 3];

/// Colours of what scripts and drawings show.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Palette {
    /// Ends and middle of the scale of values with a sign.
    pub low: Channels,
    pub middle: Channels,
    pub high: Channels,
    /// A square without a feature.
    pub none: Channels,
    pub card: Channels,
    pub text: Channels,
    pub frame: Channels,
    pub accent: Channels,
    /// Numbers on the ends of the scale and on its middle.
    pub on_ends: Channels,
    pub on_middle: Channels,
    /// From little to much.
    pub heat: [Channels; 4],
}

/// The palettes of both schemes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Palettes {
    pub light: Palette,
    pub dark: Palette,
}

pub const PALETTES: Palettes = Palettes {
    light: Palette {
        low: [0x1D, 0x4E, 0xB8],
        middle: [0xFF, 0xFF, 0xFF],
        high: [0xC2, 0x41, 0x0C],
        none: [0xDD, 0xE2, 0xEA],
        card: [0xFF, 0xFF, 0xFF],
        text: [0x51, 0x5C, 0x6B],
        frame: [0x9A, 0xA6, 0xB8],
        accent: [0x0F, 0x76, 0x6E],
        on_ends: [0xFF, 0xFF, 0xFF],
        on_middle: [0x17, 0x20, 0x2C],
        heat: channels(HEAT_LIGHT),
    },
    dark: Palette {
        low: [0x5B, 0x9D, 0xF9],
        middle: [0x1B, 0x24, 0x30],
        high: [0xFB, 0x92, 0x3C],
        none: [0x39, 0x44, 0x53],
        card: [0x15, 0x1C, 0x25],
        text: [0xA9, 0xB4, 0xC4],
        frame: [0x5A, 0x67, 0x7A],
        accent: [0x2D, 0xD4, 0xBF],
        on_ends: [0x0E, 0x13, 0x1A],
        on_middle: [0xE8, 0xED, 0xF4],
        heat: channels(HEAT_DARK),
    },
};

impl Default for Palettes {
    fn default() -> Palettes {
        PALETTES
    }
}

const fn channels(stops: [(u8, u8, u8); 4]) -> [Channels; 4] {
    let mut channels = [[0; 3]; 4];
    let mut at = 0;
    while at < 4 {
        let (red, green, blue) = stops[at];
        channels[at] = [red, green, blue];
        at += 1;
    }
    channels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_colours_of_a_picture_are_alike() {
        // The dark scheme replaces colours by their light value, so equal ones could not be told apart.
        let mut all: Vec<String> = INKS.iter().map(|ink| hex(ink.light)).collect();
        all.extend((0..HEAT_STEPS).map(|step| hex(heat(step).light)));
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(hex(heat(0).light), "#F3F6F9");
        assert_eq!(hex(heat(HEAT_STEPS - 1).dark), "#FDF0B0");
    }
}
