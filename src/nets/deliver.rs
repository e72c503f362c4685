//! No network leaves the program unverified: it is written under a temporary name, read back from the disk and
//! compared, weight by weight, and only then given its name.
//!
//! ```
//! use ftperm::nets::deliver::{Target, write_permuted};
//! use ftperm::nets::stockfish::{Network, ReadOptions};
//! use ftperm::order::Permutation;
//! use ftperm::chess::random_games::random_positions;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let network = Network::read("datasets/demo.nnue".as_ref(), &ReadOptions::default())?;
//! let reversed = Permutation::new((0..64).rev().collect())?;
//! let target = Target::Named(folder.to_path_buf());
//! let boards = random_positions(1, 50);
//! let proved = write_permuted(Box::new(network), &reversed, &target, boards, &|| {})?;
//! let path = proved.file.target().to_path_buf();
//! assert!(!path.exists());
//! proved.file.commit()?;
//! assert!(path.exists());
//! # Ok(())
//! # }
//! ```

use std::fs::File;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::chess::board::Board;
use crate::files::atomic::{FinishedFile, OutputError, OutputFile, folder_of, io_error};
use crate::files::digest::{net_name, sha256};
use crate::files::reading::read_as_it_is;
use crate::nets::described::RawNet;
use crate::nets::model::{AnyError, ModelFile};
use crate::nets::stockfish::Network;
use crate::order::Permutation;

/// Where a network is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This file.
    File(PathBuf),
    /// `nn-<first 12 digits of its SHA-256>` in this folder, with the ending of the network's kind.
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
#[non_exhaustive]
pub enum DeliverError {
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("cannot read back {}: {source}", path.display())]
    ReadBack {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "{} differs from what was written at byte {offset}; a faulty disk or a bug in ftperm, nothing was kept",
        path.display()
    )]
    NotAsWritten { path: PathBuf, offset: u64 },
    #[error(
        "{} has the right weights, but not the bytes that were written; a faulty disk or a bug in ftperm, nothing was \
         kept",
        path.display()
    )]
    OtherBytes { path: PathBuf },
    #[error(
        "the network that was written is not the input: {0}; a faulty disk or a bug in ftperm, nothing was kept"
    )]
    NotTheInput(AnyError),
    #[error("the written network differs: {0}; this is a bug in ftperm, nothing was kept")]
    Differs(AnyError),
    #[error("the permutation has {found} entries, the network has {expected} neurons")]
    Length { found: usize, expected: usize },
}

/// A network that was written and proved, but has not got its name yet.
#[derive(Debug)]
pub struct Proved {
    /// Its `commit` is the delivery.
    pub file: FinishedFile,
    /// Positions on which it was also found to compute the same.
    pub positions: usize,
    /// What that and the comparison of the whole file prove, for people.
    pub proof: String,
    /// Time of evaluating these with both networks, with the first of them while the file is written.
    pub evaluating: Duration,
}

/// Writes a network with output i of each perspective being the old output `permutation[i]`, and proves it: the file is
/// read back, and all of it compared with `model`, which was not touched since; its SHA-256 is that of the bytes read
/// back. Then the network in the file is evaluated on `boards` and compared with what `model` computed.
///
/// `model` is what was read, in the order in which it was read, stored as the file is to be. It is dropped before the
/// network in the file is evaluated, so that not both are in memory. `evaluated` is called after every evaluation,
/// twice for each of `boards`, from any thread.
///
/// # Errors
/// The permutation's length is not the number of neurons, the file cannot be written, or it holds anything else than
/// it should. The error names the weight.
pub fn write_permuted(
    model: Box<dyn ModelFile>,
    permutation: &Permutation,
    target: &Target,
    boards: Vec<Board>,
    evaluated: &(dyn Fn() + Sync),
) -> Result<Proved, DeliverError> {
    let expected = model.shape().neurons;
    if permutation.len() != expected {
        let found = permutation.len();
        return Err(DeliverError::Length { found, expected });
    }
    let clock = Instant::now();
    let evaluate = || (model.reference(boards, evaluated), clock.elapsed());
    let write = || -> Result<_, DeliverError> {
        let write = |out: &mut OutputFile| model.write_permuted(permutation, out);
        let file = write_temporary(write, target, model.extension())?;
        let bytes = read_back(&file)?;
        Ok((file, bytes))
    };
    // Who writes waits for the disk, and compressing is for one core.
    let (written, (reference, before)) = rayon::join(write, evaluate);
    let (file, bytes) = written?;
    prove(&file, &bytes, model.as_ref(), permutation)?;
    let proof = model.proof(reference.positions());
    drop(model);
    let clock = Instant::now();
    reference
        .compare(bytes, permutation, evaluated)
        .map_err(DeliverError::Differs)?;
    tracing::info!("network read back, compared and evaluated");
    Ok(Proved {
        file,
        positions: reference.positions(),
        proof,
        evaluating: before + clock.elapsed(),
    })
}

/// What a file holds on the disk.
fn read_back(file: &FinishedFile) -> Result<Vec<u8>, DeliverError> {
    let path = file.temporary_path();
    let read = File::open(path).and_then(|file| read_as_it_is(file, u64::MAX));
    read.map_err(|source| DeliverError::ReadBack {
        path: path.to_path_buf(),
        source,
    })
}

/// Compares what was read back from a file with the network that it was made of, and with what was written.
fn prove(
    file: &FinishedFile,
    bytes: &[u8],
    model: &dyn ModelFile,
    permutation: &Permutation,
) -> Result<(), DeliverError> {
    let (compared, digest) =
        rayon::join(|| model.compare_file(bytes, permutation), || sha256(bytes));
    compared.map_err(DeliverError::NotTheInput)?;
    // Compressed values can be written in longer forms too: then the weights are right and the bytes are not.
    if digest != file.sha256() {
        return Err(DeliverError::OtherBytes {
            path: file.temporary_path().to_path_buf(),
        });
    }
    Ok(())
}

/// Writes a network as it is: the file must hold the very bytes of the network in memory. It is compared piece by
/// piece, so that no second copy is in memory. The result still has its temporary name.
///
/// # Errors
/// It cannot be written, or holds something else.
#[doc(hidden)]
pub fn write_compared(network: &Network, target: &Target) -> Result<FinishedFile, DeliverError> {
    write_same(
        |mut out| network.write(&mut out),
        network.extension(),
        target,
    )
}

/// As [`write_compared`], for a network of another engine: in the order that it has.
///
/// # Errors
/// It cannot be written, or the file holds something else.
#[doc(hidden)]
pub fn write_described(network: &RawNet, target: &Target) -> Result<FinishedFile, DeliverError> {
    write_same(
        |mut out| network.write(&mut out),
        network.extension(),
        target,
    )
}

fn write_same(
    write: impl Fn(&mut dyn Write) -> std::io::Result<()>,
    extension: &str,
    target: &Target,
) -> Result<FinishedFile, DeliverError> {
    let finished = write_temporary(|out| write(out), target, extension)?;
    compare(finished.temporary_path(), write)?;
    tracing::info!("network read back and compared");
    Ok(finished)
}

/// Writes the whole file under its temporary name.
fn write_temporary(
    write: impl FnOnce(&mut OutputFile) -> std::io::Result<()>,
    target: &Target,
    extension: &str,
) -> Result<FinishedFile, OutputError> {
    let path = match target {
        Target::File(path) => path.clone(),
        Target::Named(folder) => folder.join("nn").with_extension(extension),
    };
    let mut file = OutputFile::create(&path)?;
    write(&mut file)
        .and_then(|()| file.flush())
        .map_err(|source| io_error(&path, source))?;
    let mut finished = file.finish()?;
    if matches!(target, Target::Named(_)) {
        finished.rename(&format!("{}.{extension}", net_name(&finished.sha256())));
    }
    tracing::info!(
        file = %finished.target().display(),
        temporary = %finished.temporary_path().display(),
        "network written"
    );
    Ok(finished)
}

/// Does the file hold exactly what is written?
fn compare(
    path: &Path,
    write: impl Fn(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), DeliverError> {
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
    let outcome = write(&mut comparison);
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

impl Write for Comparison {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::stockfish::{FileParts, FtCompression, ReadOptions, sample};

    #[test]
    fn a_changed_file_is_noticed() {
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/demo.nnue");
        let network = Network::read(Path::new(demo), &ReadOptions::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let target = Target::File(folder.path().join("a.nnue"));
        write_compared(&network, &target).unwrap().commit().unwrap();
        let path = folder.path().join("a.nnue");
        let compare = |path| compare(path, |mut out| network.write(&mut out));
        assert!(compare(&path).is_ok());
        let bytes = std::fs::read(&path).unwrap();
        let differs = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            match compare(&path) {
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

    /// A network of an era, and an order of its neurons.
    fn small(id: &str) -> (Network, Permutation) {
        let network = sample(id, 64);
        let neurons = network.architecture.neurons() as u32;
        let order = (0..neurons).map(|i| (i * 5 + 3) % neurons).collect();
        (network, Permutation::new(order).unwrap())
    }

    /// Writes, flips a bit of the file at each of these offsets in turn, and reads back.
    fn flipped(
        network: &Network,
        order: &Permutation,
        offsets: &[usize],
    ) -> Vec<(usize, DeliverError)> {
        let folder = tempfile::tempdir().unwrap();
        let target = Target::File(folder.path().join("a.nnue"));
        let permuted = network.permuted(order).unwrap();
        let file = write_temporary(|out| permuted.write(out), &target, "nnue").unwrap();
        let prove = || prove(&file, &read_back(&file).unwrap(), network, order);
        assert!(prove().is_ok());
        let path = file.temporary_path().to_path_buf();
        let mut bytes = std::fs::read(&path).unwrap();
        let errors = offsets.iter().enumerate().map(|(number, &offset)| {
            let before = bytes[offset];
            bytes[offset] ^= 1 << (number % 8);
            std::fs::write(&path, &bytes).unwrap();
            bytes[offset] = before;
            (offset, prove().expect_err("a changed bit is noticed"))
        });
        let errors = errors.collect();
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        errors
    }

    #[test]
    fn every_changed_bit_is_noticed_and_named() {
        for (id, compression) in [
            ("v1", FtCompression::None),
            ("v5", FtCompression::Leb128),
            ("v16", FtCompression::Leb128),
            ("lite768", FtCompression::None),
        ] {
            let (mut network, order) = small(id);
            network.set_compression(compression);
            let bytes = network.to_bytes();
            // Every part of the file: numbers of the header, the description, each tensor, each layer of each stack.
            let ft_hash = 12 + network.description.len();
            let mut starts = FileParts::of(&bytes, &network).unwrap().starts();
            starts.push(bytes.len());
            let mut offsets = vec![0, 5, 9, 13, ft_hash];
            for part in starts.windows(2) {
                let len = part[1] - part[0];
                offsets.extend([0, len / 3, len - 40, len - 1].map(|at| part[0] + at));
            }
            for (offset, error) in flipped(&network, &order, &offsets) {
                let text = error.to_string();
                let named = matches!(error, DeliverError::NotTheInput(_));
                // A longer form of the same value has no weight to be named.
                assert!(
                    named || matches!(error, DeliverError::OtherBytes { .. }),
                    "{id}, byte {offset}: {text}"
                );
                assert!(text.contains("nothing was kept"), "{text}");
            }
        }
    }

    #[test]
    fn the_message_names_tensor_feature_neuron_and_values() {
        let (network, order) = small("v5");
        // Row 703 of king bucket 0, new column 5, which is old neuron 28.
        let at = 12 + network.description.len() + 4 + 2 * 64 + 2 * (703 * 64 + 5);
        let value = network.ft.wide[703 * 64 + 28];
        let text = flipped(&network, &order, &[at])[0].1.to_string();
        let expected = format!(
            "piece-square weights: feature 703 of HalfKAv2_hm (own king on h8), neuron 5 (was \
             28), first of its pair: {value} and {}",
            value ^ 1
        );
        assert!(text.contains(&expected), "{text}");
    }
}
