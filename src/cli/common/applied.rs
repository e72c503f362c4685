//! `--applied`: the engine's build moves the neurons once more.

use std::path::{Path, PathBuf};

use ftperm::nets::described::BuildArray;
use ftperm::order::{BuildOrder, BuildSource};

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
        Ok(Some(read(source, known, neurons)?.order))
    }
}

/// The source file of an engine with so many neurons; says what its array is.
pub fn read(
    path: &Path,
    known: Option<&BuildArray>,
    neurons: usize,
) -> anyhow::Result<BuildSource> {
    let name = known.map(|known| known.array.as_str());
    let source = BuildSource::read(path, name, known.map(|known| known.kind), neurons)?;
    let stays = source.order.permutation().is_identity();
    console::say(format!(
        "the engine's build moves the neurons by the array in line {} of {}, {}{}",
        source.array.line,
        path.display(),
        source.kind.describe(),
        if stays {
            ", which leaves them where they are"
        } else {
            ""
        }
    ));
    Ok(source)
}
