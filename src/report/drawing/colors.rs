//! Colours of drawings: those of pages in the light scheme.

use crate::report::page::theme::PALETTES;

pub type Rgb = [u8; 3];

/// Of a share from -1 to 1, as pages have it.
pub fn signed(share: f64) -> Rgb {
    let palette = &PALETTES.light;
    let end = if share < 0.0 {
        palette.low
    } else {
        palette.high
    };
    mix(palette.middle, end, share.abs().min(1.0).powf(0.8))
}

/// Of a value on a scale up to `scale`; `None` has no feature.
pub fn of_value(value: Option<f64>, scale: f64) -> Rgb {
    match value {
        None => PALETTES.light.none,
        Some(_) if scale <= 0.0 => signed(0.0),
        Some(value) => signed(value / scale),
    }
}

/// Of a share from 0 to 1.
pub fn heat(share: f64) -> Rgb {
    let stops = &PALETTES.light.heat;
    let at = share.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
    let first = (at as usize).min(stops.len() - 2);
    mix(stops[first], stops[first + 1], at - first as f64)
}

pub fn text() -> Rgb {
    PALETTES.light.text
}

pub fn frame() -> Rgb {
    PALETTES.light.frame
}

pub fn bar() -> Rgb {
    PALETTES.light.accent
}

pub fn grid() -> Rgb {
    PALETTES.light.none
}

/// Of a number on a square of this share of its scale.
pub fn on(share: f64) -> Rgb {
    if share.abs() > 0.55 {
        PALETTES.light.on_ends
    } else {
        PALETTES.light.on_middle
    }
}

fn mix(a: Rgb, b: Rgb, share: f64) -> Rgb {
    let channel = |at: usize| {
        let (a, b) = (f64::from(a[at]), f64::from(b[at]));
        (a + share * (b - a)).round() as u8
    };
    [channel(0), channel(1), channel(2)]
}
