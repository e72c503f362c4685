//! `ftperm layouts`

use anyhow::Context as _;
use ftperm::nets::described::{BUILT_IN, BuiltIn, Layout};
use serde::Serialize;

use super::{Global, console, layout};

/// List the engines whose networks are known by name, or print a layout to copy
///
/// --layout of other commands takes these names. With a name the layout itself is printed: TOML to adapt
/// (docs/5-other-engines.md).
#[derive(Debug, clap::Args)]
pub struct Layouts {
    /// Print this layout
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

#[derive(Serialize)]
struct Listing {
    layouts: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    engine: &'static str,
    version: &'static str,
    network: String,
    /// As people write them.
    inputs: String,
    features: usize,
    king_buckets: usize,
    perspectives: usize,
    neurons: usize,
    columns: usize,
    /// Of the file, unpacked and at fixed width.
    bytes: usize,
    #[serde(skip)]
    length: String,
    note: Option<String>,
}

#[derive(Serialize)]
struct One {
    #[serde(flatten)]
    row: Row,
    toml: &'static str,
}

impl Layouts {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        if let Some(name) = &self.name {
            let built_in = layout::named(name)?;
            return if global.json {
                console::json(&One {
                    row: row(built_in)?,
                    toml: built_in.text,
                })
            } else {
                console::raw(built_in.text.as_bytes())
            };
        }
        let layouts = BUILT_IN.iter().map(row).collect::<anyhow::Result<_>>()?;
        let listing = Listing { layouts };
        if global.json {
            return console::json(&listing);
        }
        let mut table = vec![
            [
                "name",
                "engine",
                "inputs",
                "neurons",
                "bytes of a file",
                "made from",
            ]
            .map(String::from),
        ];
        table.extend(listing.layouts.iter().map(|row| {
            [
                row.name.to_string(),
                row.engine.to_string(),
                row.inputs.clone(),
                row.neurons.to_string(),
                row.length.clone(),
                row.version.to_string(),
            ]
        }));
        console::table(&table)
    }
}

fn row(built_in: &BuiltIn) -> anyhow::Result<Row> {
    let layout: Layout = built_in
        .layout()
        .with_context(|| format!("the layout {}", built_in.name))?;
    Ok(Row {
        name: built_in.name,
        engine: built_in.engine,
        version: built_in.version,
        network: layout.name.clone(),
        inputs: layout.input().describe(),
        features: layout.input().features(),
        king_buckets: layout.input().buckets(),
        perspectives: layout.input().perspectives(),
        neurons: layout.neurons(),
        columns: layout.columns(),
        bytes: layout.bytes(),
        length: layout.length_text(),
        note: layout.note,
    })
}
