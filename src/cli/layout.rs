//! What the commands share that work on networks of other engines.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ftperm::files::digest::sha256;
use ftperm::nets::described::{BuiltIn, Fitting, Layout, Overflow, RawNet, fitting};
use ftperm::nets::source::NetSource;

use super::common::ReadingArgs;
use super::{UsageError, console};

/// A network of another engine.
#[derive(Debug, clap::Args)]
pub struct LayoutArgs {
    /// The network is of another engine: the name of a layout that is known (`ftperm layouts` lists them), or a TOML
    /// file that describes it (docs/5-other-engines.md). Without it a network that fits exactly one is recognised
    #[arg(long, value_name = "NAME|FILE", conflicts_with_all = ["era", "clamp"])]
    pub layout: Option<PathBuf>,
}

impl LayoutArgs {
    /// The file that is given; `None` if it is a name.
    pub fn file(&self) -> Option<&Path> {
        self.layout.as_deref().and_then(file)
    }

    /// The layout that is given, or the one that this network is recognised to have; `None` for networks of Stockfish.
    pub fn of(&self, net: Option<&OsStr>, reading: &ReadingArgs) -> anyhow::Result<Option<Layout>> {
        Ok(self.choose(net, reading)?.map(|chosen| chosen.layout))
    }

    /// As [`of`](Self::of), with what is known of the layout.
    pub fn choose(
        &self,
        net: Option<&OsStr>,
        reading: &ReadingArgs,
    ) -> anyhow::Result<Option<Chosen>> {
        let chosen = match &self.layout {
            Some(layout) => Some(read(layout)?),
            None if reading.era.is_some() || reading.clamp.is_some() => None,
            None => recognise(net)?,
        };
        if let Some(chosen) = &chosen {
            say_notes(&chosen.layout);
        }
        Ok(chosen)
    }
}

/// A layout, and where it is from.
pub struct Chosen {
    pub layout: Layout,
    /// The row that it has in the program.
    pub row: Option<&'static BuiltIn>,
    /// Why it was taken, if it was not given.
    pub evidence: Vec<String>,
}

/// What --layout says, if it is a file and no name.
pub fn file(layout: &Path) -> Option<&Path> {
    Some(layout).filter(|layout| is_path(layout))
}

/// A path exists, has a slash, or ends in `.toml`; all else is a name.
fn is_path(layout: &Path) -> bool {
    layout.exists()
        || layout.components().count() > 1
        || layout.as_os_str().to_string_lossy().contains('/')
        || layout.extension().is_some_and(|end| end == "toml")
}

/// The layout of this name or in this file.
pub fn read(layout: &Path) -> anyhow::Result<Chosen> {
    let (layout, row) = if is_path(layout) {
        (Layout::read(layout)?, None)
    } else {
        let row = named(&layout.to_string_lossy())?;
        let layout = row.layout();
        (
            layout.with_context(|| format!("the layout {}", row.name))?,
            Some(row),
        )
    };
    Ok(Chosen {
        layout,
        row,
        evidence: Vec::new(),
    })
}

/// The layout of this name.
pub fn named(name: &str) -> anyhow::Result<&'static BuiltIn> {
    BuiltIn::find(name).ok_or_else(|| {
        let nearest = BuiltIn::nearest(name);
        let nearest = nearest.map_or(String::new(), |name| format!(", the nearest is {name}"));
        let text = format!(
            "no layout has the name {name}{nearest}; `ftperm layouts` lists them, and a file that describes one has a \
             slash in its name or ends in .toml"
        );
        UsageError(text).into()
    })
}

/// The one layout of the program that a network fits, which is said with the reasons.
///
/// # Errors
/// It fits several.
fn recognise(net: Option<&OsStr>) -> anyhow::Result<Option<Chosen>> {
    let NetSource::File { path, number: None } = NetSource::parse(net) else {
        return Ok(None);
    };
    if !path.is_file() {
        return Ok(None);
    }
    let mut found = fitting(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if found.len() > 1 {
        bail!(several(&path, &found));
    }
    Ok(found.pop().map(|fitting| {
        console::say(format!(
            "{} is recognised as a network of {} (--layout {}) by {}; no other layout fits",
            path.display(),
            fitting.row.engine,
            fitting.row.name,
            fitting.evidence_text()
        ));
        let Fitting {
            row,
            layout,
            evidence,
        } = fitting;
        Chosen {
            layout,
            row: Some(row),
            evidence,
        }
    }))
}

/// The file of the working folder that has this SHA-256 and fits a layout of the program.
pub fn of_sha256(wanted: &[u8; 32]) -> Option<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(".")
        .ok()?
        .filter_map(|entry| Some(PathBuf::from(entry.ok()?.file_name())))
        // Whoever opens a pipe waits for its other end.
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    // Files that no layout can have, by their length and beginning, are not read to their end.
    let fits = |path: &PathBuf| fitting(path).is_ok_and(|found| !found.is_empty());
    let is_it = |path: &PathBuf| std::fs::read(path).is_ok_and(|bytes| sha256(&bytes) == *wanted);
    files.into_iter().find(|path| fits(path) && is_it(path))
}

/// That a file fits more than one layout, and why each.
fn several(path: &Path, found: &[Fitting]) -> String {
    let list: Vec<String> = found
        .iter()
        .map(|it| format!("{} ({})", it.row.name, it.evidence_text()))
        .collect();
    format!(
        "{} fits {} layouts: {}; say with --layout which of them it has",
        path.display(),
        list.len(),
        list.join(", ")
    )
}

/// What a user of the layout should know.
pub fn say_notes(layout: &Layout) {
    if let Some(note) = &layout.note {
        console::say(format!("note: {note}"));
    }
    for tensor in layout.unmarked() {
        console::warn(format!(
            "the layout gives tensor {tensor} no role, but it has an axis of as many places as there are neurons: if \
             its values belong to neurons, the written network is broken; if not, role = \"other\" says so"
        ));
    }
}

/// Says so if the engine may compute something else in another order, although every weight is the same.
pub fn say_overflow(net: &RawNet) {
    if let Some(Overflow { tensor, sum, added }) = net.overflow() {
        console::warn(format!(
            "{tensor} has weights so large that {added} products, which builds of this engine for processors without \
             VNNI add in 16 bits, may reach {sum}: there an evaluation may change with the order, as it may between \
             builds"
        ));
    }
}

/// Reads a network that has this layout, and says what it is.
pub fn load(layout: &Layout, net: Option<&OsStr>) -> anyhow::Result<(RawNet, PathBuf)> {
    let Some(net) = net else {
        let text = "--layout describes a file: name it with --net";
        return Err(UsageError(text.into()).into());
    };
    let path = PathBuf::from(net);
    let net = RawNet::read(&path, layout)?;
    let input = layout.input();
    console::say(format!(
        "network {}: {}, {} neurons per perspective, {} inputs in {} king bucket{}",
        path.display(),
        layout.name,
        layout.neurons(),
        input.features(),
        input.buckets(),
        if input.buckets() == 1 { "" } else { "s" }
    ));
    if layout.is_dense() {
        console::say(
            "note: the engine reads all blocks of the first layer, zero or not: an order is valid but brings nothing",
        );
    } else if !layout.has_byte_layer() {
        console::say(
            "note: the first layer's weights are not i8, so engines have no blocks of four bytes to skip there; \
             a permutation is valid but brings nothing",
        );
    }
    Ok((net, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ftperm::nets::described::BUILT_IN;

    #[test]
    fn several_candidates_are_listed() {
        let fitting = |at: usize, evidence: &str| Fitting {
            row: &BUILT_IN[at],
            layout: BUILT_IN[at].layout().unwrap(),
            evidence: vec!["its length".into(), evidence.into()],
        };
        assert_eq!(
            several(Path::new("net"), &[fitting(0, "x"), fitting(1, "y")]),
            "net fits 2 layouts: akimbo (its length, x), alexandria (its length, y); say with --layout which of them \
             it has"
        );
    }
}
