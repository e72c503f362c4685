//! Layouts that the program has inside: one row an engine, the layout itself in a file of `layouts/`.

use super::description::Layout;
use super::error::LayoutError;

/// A layout that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// As `--layout` takes it.
    pub name: &'static str,
    /// Whose networks it describes.
    pub engine: &'static str,
    /// The commit or version of the engine that it was made from.
    pub version: &'static str,
    /// The layout: TOML.
    pub text: &'static str,
}

macro_rules! built_in {
    ($($name:literal $engine:literal $version:literal,)*) => {
        &[$(BuiltIn {
            name: $name,
            engine: $engine,
            version: $version,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/layouts/", $name, ".toml")),
        }),*]
    };
}

/// All of them, by name.
pub const BUILT_IN: &[BuiltIn] = built_in! {
    "akimbo" "akimbo" "f7dd767",
    "alexandria" "Alexandria" "2ebf114",
    "berserk" "Berserk" "19f96bd",
    "bullet-multilayer" "bullet, example 4" "cebc78a",
    "bullet-output-buckets" "bullet, example 2" "cebc78a",
    "bullet-simple" "bullet, simplest example" "cebc78a",
    "cinder" "cinder" "c72467a",
    "halogen" "Halogen" "ceb2e08",
    "hobbes" "Hobbes" "e35ccd8",
    "horsie" "Horsie" "a2ac89c",
    "integral" "Integral" "3f15ba6",
    "minke" "Minke" "841139d",
    "obsidian" "Obsidian" "44239cc",
    "pawnocchio" "pawnocchio" "bd86090",
    "plentychess" "PlentyChess" "20878a8",
    "raphael" "Raphael" "d5f9201",
    "reckless" "Reckless" "789de89",
    "stormphrax" "Stormphrax" "2402cae",
    "tarnished" "Tarnished" "3aab27b",
    "viridithas" "Viridithas" "8bc0706",
};

/// Names that are less alike than this are no misspellings of one another.
const ALIKE: f64 = 0.7;

impl BuiltIn {
    /// The layout of this name, whatever the case of its letters.
    pub fn find(name: &str) -> Option<&'static BuiltIn> {
        BUILT_IN
            .iter()
            .find(|row| row.name.eq_ignore_ascii_case(name))
    }

    /// The name that is most like this one, if one is.
    pub fn nearest(name: &str) -> Option<&'static str> {
        let name = name.to_lowercase();
        let alike = BUILT_IN
            .iter()
            .map(|row| (strsim::jaro_winkler(&name, row.name), row.name));
        alike
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(alike, _)| *alike > ALIKE)
            .map(|(_, name)| name)
    }

    /// The layout.
    ///
    /// # Errors
    /// None that a test of this program does not find.
    pub fn layout(&self) -> Result<Layout, LayoutError> {
        Layout::parse(self.text)
    }
}
