//! `--applied`: the engine's build moves the neurons once more.

use std::path::{Path, PathBuf};

use ftperm::nets::described::BuildArray;
use ftperm::order::{BuildOrder, SourceArray, SourceArrayError};

use super::LoadedModel;
use crate::cli::console;

/// The order that the engine's build gives to the neurons of any file.
#[derive(Debug, clap::Args)]
pub struct AppliedArgs {
    /// The engine's build moves the neurons of its network's file once more, by an array in this source file: an order
    /// (neuron i of the engine is neuron array[i] of the file), or counts that it sorts by, the largest first.
    /// `ftperm layouts NAME` says which array it is in engines that are known; else it must be the only one with as
    /// many numbers as there are neurons
    #[arg(long, value_name = "SOURCE")]
    pub applied: Option<PathBuf>,
}

impl AppliedArgs {
    /// The order, for a network; says what it is.
    pub fn order(&self, loaded: &LoadedModel) -> anyhow::Result<Option<BuildOrder>> {
        let Some(source) = &self.applied else {
            return Ok(None);
        };
        let neurons = loaded.model().shape().neurons;
        let known = loaded
            .layout()
            .and_then(|layout| layout.build_order.as_ref());
        let (_, order, _) = read(source, known, neurons)?;
        Ok(Some(order))
    }
}

/// The array of so many numbers in a source file, the order that it means, and the bytes of the file; says what it is.
pub fn read(
    source: &Path,
    known: Option<&BuildArray>,
    neurons: usize,
) -> anyhow::Result<(SourceArray, BuildOrder, Vec<u8>)> {
    let name = known.map(|known| known.array.as_str());
    let (array, bytes) = SourceArray::read(source, name, neurons)?;
    let kind = known.map_or_else(|| array.likely_kind(), |known| known.kind);
    let order = array.order(kind).map_err(|problem| SourceArrayError {
        path: source.to_path_buf(),
        problem,
    })?;
    console::say(format!(
        "the engine's build moves the neurons by the array in line {} of {}, {}{}",
        array.line,
        source.display(),
        kind.describe(),
        if order.is_identity() {
            ", which leaves them where they are"
        } else {
            ""
        }
    ));
    Ok((array, BuildOrder::new(order), bytes))
}
