//! No network leaves the program unverified: it is written under a temporary name, read back from the disk and
//! compared, and only then given its name.
//!
//! ```
//! use ftperm::deliver::{Target, write_checked};
//! use ftperm::nnue::{Network, ReadOptions};
//! use ftperm::permutation::Permutation;
//! use ftperm::playouts::random_positions;
//! use ftperm::verify::ReferenceOutputs;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let mut network = Network::read("datasets/demo.nnue".as_ref(), &ReadOptions::default())?;
//! let reference = ReferenceOutputs::new(&network, random_positions(1, 50));
//! let reversed = Permutation::new((0..64).rev().collect())?;
//! network.permute(&reversed)?;
//! let target = Target::Named(folder.to_path_buf());
//! let finished = write_checked(network, &target, |it| reference.compare_permuted(it, &reversed))?;
//! let path = finished.target().to_path_buf();
//! assert!(!path.exists());
//! finished.commit()?;
//! assert!(path.exists());
//! # Ok(())
//! # }
//! ```

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::digest::net_name;
use crate::nnue::{NetError, Network, ReadOptions};
use crate::output::{FinishedFile, OutputError, OutputFile, folder_of, io_error};
use crate::verify::Difference;

/// Where a network is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This file.
    File(PathBuf),
    /// `nn-<first 12 digits of its SHA-256>.nnue` in this folder.
    Named(PathBuf),
}

impl Target {
    /// The folder that the network will be in.
    pub fn folder(&self) -> &Path {
        match self {
            Target::File(file) => folder_of(file),
            Target::Named(folder) => folder,
        }
    }
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
    #[error(
        "{} differs from what was written at byte {offset}; a faulty disk or a bug in ftperm, nothing was kept",
        path.display()
    )]
    NotAsWritten { path: PathBuf, offset: u64 },
    #[error("the written network differs: {0}; this is a bug in ftperm, nothing was kept")]
    Differs(Difference),
}

/// Writes a network, reads it back and has it checked. The result still has its temporary name: its
/// [`commit`](FinishedFile::commit) is the delivery.
///
/// The network is dropped when it is written, so that it is not in memory beside the one that is read back.
///
/// # Errors
/// It cannot be written, or the check failed.
pub fn write_checked(
    network: Network,
    target: &Target,
    check: impl FnOnce(&Network) -> Result<(), Difference>,
) -> Result<FinishedFile, DeliverError> {
    let finished = write_temporary(&network, target)?;
    let options = same_reading(&network);
    drop(network);
    let written = read_back(finished.temporary_path(), &options)?;
    check(&written).map_err(DeliverError::Differs)?;
    tracing::info!("network read back and checked");
    Ok(finished)
}

/// As [`write_checked`], for networks that were made, not read: the file must hold the very bytes of the network in
/// memory. It is compared piece by piece, so that no second copy is in memory.
///
/// # Errors
/// It cannot be written, or holds something else.
pub fn write_compared(network: &Network, target: &Target) -> Result<FinishedFile, DeliverError> {
    let finished = write_temporary(network, target)?;
    compare(finished.temporary_path(), network)?;
    tracing::info!("network read back and compared");
    Ok(finished)
}

/// Writes the whole file under its temporary name.
fn write_temporary(network: &Network, target: &Target) -> Result<FinishedFile, OutputError> {
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
    tracing::info!(
        file = %finished.target().display(),
        temporary = %finished.temporary_path().display(),
        "network written"
    );
    Ok(finished)
}

/// Does the file hold exactly what the network writes?
fn compare(path: &Path, network: &Network) -> Result<(), DeliverError> {
    let failed = |source| DeliverError::ReadBack {
        path: path.to_path_buf(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let len = file.metadata().map_err(failed)?.len();
    let mut comparison = Comparison {
        file,
        buffer: Vec::new(),
        equal: 0,
    };
    let outcome = network.write(&mut comparison);
    match outcome {
        Ok(()) if comparison.equal == len => Ok(()),
        Err(source) if source.kind() != std::io::ErrorKind::InvalidData => Err(failed(source)),
        _ => Err(DeliverError::NotAsWritten {
            path: path.to_path_buf(),
            offset: comparison.equal,
        }),
    }
}

/// A writer that reads a file along and accepts nothing else than what is in it.
struct Comparison {
    file: File,
    buffer: Vec<u8>,
    /// Bytes that were equal so far.
    equal: u64,
}

impl std::io::Write for Comparison {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let part = &bytes[..bytes.len().min(1 << 18)];
        self.buffer.resize(part.len(), 0);
        self.file.read_exact(&mut self.buffer).map_err(|source| {
            // A file that is too short is a file that differs.
            if source.kind() == std::io::ErrorKind::UnexpectedEof {
                std::io::ErrorKind::InvalidData.into()
            } else {
                source
            }
        })?;
        let differing = part.iter().zip(&self.buffer).position(|(a, b)| a != b);
        self.equal += differing.unwrap_or(part.len()) as u64;
        match differing {
            None => Ok(part.len()),
            Some(_) => Err(std::io::ErrorKind::InvalidData.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn read_back(path: &Path, options: &ReadOptions) -> Result<Network, DeliverError> {
    let bytes = std::fs::read(path).map_err(|source| DeliverError::ReadBack {
        path: path.to_path_buf(),
        source,
    })?;
    Network::parse(&bytes, options).map_err(DeliverError::Damaged)
}

/// Options that read another file as this network was read: as the same era, since the digest of a known network has
/// changed.
pub fn same_reading(network: &Network) -> ReadOptions {
    let clamp = match network.architecture.activation {
        crate::compute::Activation::Pairwise { clamp, .. } => Some(clamp),
        crate::compute::Activation::Clipped { .. } => None,
    };
    ReadOptions {
        era: Some(network.recognition.era),
        clamp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_noticed() {
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/demo.nnue");
        let network = Network::read(Path::new(demo), &ReadOptions::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let target = Target::File(folder.path().join("a.nnue"));
        write_compared(&network, &target).unwrap().commit().unwrap();
        let path = folder.path().join("a.nnue");
        assert!(compare(&path, &network).is_ok());
        let bytes = std::fs::read(&path).unwrap();
        let differs = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            match compare(&path, &network) {
                Err(DeliverError::NotAsWritten { offset, .. }) => offset,
                other => panic!("{other:?}"),
            }
        };
        let mut changed = bytes.clone();
        changed[1_000_000] ^= 1;
        assert_eq!(differs(&changed), 1_000_000);
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(differs(&longer), bytes.len() as u64);
        differs(&bytes[..bytes.len() - 1]);
    }
}
