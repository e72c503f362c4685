//! As for networks of Stockfish: written under a temporary name, read back, compared, and only then named.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::compare::{LayoutDifference, Proof, compare};
use super::error::{RawNetError, RawNetFileError};
use super::net::RawNet;
use crate::chess::board::Board;
use crate::files::atomic::{FinishedFile, OutputError, OutputFile, io_error};
use crate::files::digest::net_name;
use crate::nets::deliver::Target;
use crate::order::Permutation;

/// Why a network was not delivered. Nothing is left on the disk.
#[derive(Debug, Error)]
pub enum RawDeliverError {
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("cannot read back what was written: {0}")]
    ReadBack(#[from] RawNetFileError),
    #[error("the written network differs: {0}; this is a bug in ftperm, nothing was kept")]
    Differs(#[from] LayoutDifference),
    #[error(
        "{} does not hold the bytes that were written; a faulty disk or a bug in ftperm, nothing was kept",
        path.display()
    )]
    OtherBytes { path: PathBuf },
    #[error(transparent)]
    Net(#[from] RawNetError),
}

/// Writes `net` with its neurons reordered, reads it back, and compares it with `net` in bytes, neurons, and
/// first-layer sums on these positions. The result still has its temporary name: its [`commit`](FinishedFile::commit)
/// is the delivery. A file that is named by its contents gets `extension`.
///
/// # Errors
/// The permutation's length is not the number of neurons, the file cannot be written, or the comparison failed.
pub fn write_checked(
    net: &RawNet,
    permutation: &Permutation,
    target: &Target,
    extension: &str,
    boards: &[Board],
) -> Result<(FinishedFile, Proof), RawDeliverError> {
    let permuted = net.permuted(permutation)?;
    let path = match target {
        Target::File(path) => path.clone(),
        Target::Named(folder) => folder.join(Path::new("nn").with_extension(extension)),
    };
    let mut file = OutputFile::create(&path)?;
    permuted
        .write(&mut file)
        .and_then(|()| file.flush())
        .map_err(|source| io_error(&path, source))?;
    drop(permuted);
    let mut finished = file.finish()?;
    if matches!(target, Target::Named(_)) {
        finished.rename(&format!("{}.{extension}", net_name(&finished.sha256())));
    }
    let written = RawNet::read(finished.temporary_path(), net.layout())?;
    let proof = compare(net, &written, boards, Some(permutation))?;
    if written.sha256() != finished.sha256() {
        return Err(RawDeliverError::OtherBytes {
            path: finished.temporary_path().to_path_buf(),
        });
    }
    Ok((finished, proof))
}
