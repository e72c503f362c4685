//! An array in an engine's source, by which its build moves the neurons of any file once more.

use serde::Deserialize;

use crate::order::{ArrayKind, Permutation};

/// An array in the engine's source, by which its build moves the neurons of any file once more.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildArray {
    /// Its name.
    pub array: String,
    /// The source file that it stands in.
    pub file: String,
    pub kind: ArrayKind,
    /// Its declaration up to the opening bracket.
    pub declaration: String,
}

impl BuildArray {
    /// The whole array for an order: what to put in its place.
    pub fn listing(&self, order: &Permutation) -> String {
        let close = if self.declaration.ends_with('{') {
            "};"
        } else {
            "];"
        };
        format!("{}{}{close}\n", self.declaration, self.kind.listing(order))
    }
}
