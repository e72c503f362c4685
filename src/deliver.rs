//! No network leaves the program unverified: it is written under a temporary name, read back from the disk and
//! compared, and only then given its name.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::nnue::{NetError, Network, ReadOptions};
use crate::output::{FinishedFile, OutputError, OutputFile, io_error, net_name};
use crate::verify::Difference;

/// Where a network is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This file.
    File(PathBuf),
    /// `nn-<first 12 digits of its SHA-256>.nnue` in this folder.
    Named(PathBuf),
}

/// Why a network was not delivered. Nothing is left on the disk.
#[derive(Debug, Error)]
pub enum DeliverError {
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("cannot read back {}: {source}", path.display())]
    ReadBack {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("what was written is not a network: {0}; this is a bug in ftperm, nothing was kept")]
    Damaged(NetError),
    #[error("the written network differs: {0}; this is a bug in ftperm, nothing was kept")]
    Differs(Difference),
}

/// Writes a network, reads it back and has it checked. The result still has its temporary name: its
/// [`commit`](FinishedFile::commit) is the delivery.
///
/// # Errors
/// It cannot be written, or the check failed.
pub fn write_checked(
    network: &Network,
    target: &Target,
    check: impl FnOnce(&Network) -> Result<(), Difference>,
) -> Result<FinishedFile, DeliverError> {
    let path = match target {
        Target::File(path) => path.clone(),
        Target::Named(folder) => folder.join("nn.nnue"),
    };
    let mut file = OutputFile::create(&path)?;
    network
        .write(&mut file)
        .and_then(|()| file.flush())
        .map_err(|source| io_error(&path, source))?;
    let mut finished = file.finish()?;
    if matches!(target, Target::Named(_)) {
        finished.rename(&format!("{}.nnue", net_name(&finished.sha256())));
    }
    let written = read_back(finished.temporary_path(), network)?;
    check(&written).map_err(DeliverError::Differs)?;
    Ok(finished)
}

/// Reads the file as the same era, since the digest of a known network has changed.
fn read_back(path: &Path, network: &Network) -> Result<Network, DeliverError> {
    let bytes = std::fs::read(path).map_err(|source| DeliverError::ReadBack {
        path: path.to_path_buf(),
        source,
    })?;
    Network::parse(&bytes, &same_reading(network)).map_err(DeliverError::Damaged)
}

/// Options that read another file as this network was read.
fn same_reading(network: &Network) -> ReadOptions {
    let clamp = match network.architecture.activation {
        crate::compute::Activation::Pairwise { clamp, .. } => Some(clamp),
        crate::compute::Activation::Clipped { .. } => None,
    };
    ReadOptions {
        era: Some(network.recognition.era),
        clamp,
    }
}
