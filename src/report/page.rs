//! A report as one HTML page that needs nothing else: no font, no network. A script is only in pages of networks, which
//! draw what is too much to be drawn beforehand.

use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::Serialize;
use thiserror::Error;

use super::Report;

mod bench;
pub(super) mod chart;
mod compare;
mod network;
mod optimize;
pub(super) mod theme;
mod viewer;
mod weights;

use chart::{DrawingError, Picture};
#[doc(hidden)]
pub use compare::comparison_page;
#[doc(hidden)]
pub use network::network_page;
use viewer::Script;

const TEMPLATE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");

/// Why a page could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PageError {
    #[error("cannot draw a picture: {0}")]
    Drawing(#[from] DrawingError),
    #[error("cannot fill the page: {0}")]
    Template(#[from] minijinja::Error),
    #[error("cannot write the page's numbers: {0}")]
    Numbers(#[from] serde_json::Error),
}

/// What a page shows, from top to bottom.
#[derive(Debug, Serialize)]
struct Page {
    title: String,
    /// One sentence.
    lead: String,
    /// What the reader should not overlook.
    warnings: Vec<String>,
    tiles: Vec<Tile>,
    sections: Vec<Section>,
    version: String,
    /// What draws in the page.
    script: Option<Script>,
}

/// A number to see at first sight.
#[derive(Debug, Serialize)]
struct Tile {
    name: String,
    value: String,
    note: String,
}

#[derive(Debug, Default, Serialize)]
struct Section {
    title: String,
    text: String,
    /// Do colours stand for before and after?
    legend: bool,
    pictures: Vec<Figure>,
    /// The scale of the pictures, if they are heat maps: its ends.
    heat: Option<[String; 2]>,
    tables: Vec<Table>,
    notes: Vec<String>,
    /// Elements that the page's script draws in.
    viewer: String,
    /// Sections of it that open on demand.
    parts: Vec<Section>,
    /// Does it open and close, and is it closed at first?
    folded: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Figure {
    caption: String,
    picture: Picture,
    /// Classes of the style sheet, and what is drawn in their colours.
    inks: Vec<(&'static str, &'static str)>,
}

impl Figure {
    fn new(caption: &str, picture: Picture) -> Figure {
        Figure {
            caption: caption.to_string(),
            picture,
            inks: Vec::new(),
        }
    }
}

/// The first column names the row. All others are numbers, unless it is a list of names and texts.
#[derive(Debug, Default, Serialize)]
struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    texts: bool,
}

impl Table {
    fn numbers(head: &[&str]) -> Table {
        Table {
            head: head.iter().map(|it| (*it).to_string()).collect(),
            ..Table::default()
        }
    }

    /// Without a head: names and what belongs to them.
    fn texts(rows: Vec<(&str, String)>) -> Table {
        Table {
            head: Vec::new(),
            rows: rows
                .into_iter()
                .map(|(name, text)| vec![name.to_string(), text])
                .collect(),
            texts: true,
        }
    }
}

/// Makes the page of a report.
///
/// # Errors
/// A picture or the page cannot be made, which numbers that are no numbers may cause.
pub fn page(report: &Report) -> Result<String, PageError> {
    fill(&match report {
        Report::Optimize(report) => optimize::page(report)?,
        Report::Bench(report) => bench::page(report)?,
        Report::Weights(report) => weights::page(report)?,
    })
}

fn fill(page: &Page) -> Result<String, PageError> {
    let mut environment = Environment::new();
    // Names that end so are escaped.
    environment.add_template("page.html", TEMPLATE)?;
    let [heat_light, heat_dark] = theme::heat_gradients();
    let page = environment.get_template("page.html")?.render(context! {
        page => Serde(page),
        style => STYLE,
        dark_rules => theme::dark_rules(),
        heat_light,
        heat_dark,
    })?;
    Ok(page)
}

/// The last part of a path of any system.
#[doc(hidden)]
pub fn file_name(path: &str) -> String {
    path.rsplit(['/', '\\']).next().unwrap_or(path).to_string()
}

/// A whole number with its thousands apart.
fn grouped(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        assert_eq!(grouped(0u64), "0");
        assert_eq!(grouped(999u64), "999");
        assert_eq!(grouped(1_234_567u64), "1\u{202f}234\u{202f}567");
    }
}
