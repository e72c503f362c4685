//! Networks and permutations in memory.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use ftperm::chess::random_games::random_positions;
use ftperm::files::atomic::write_file;
use ftperm::files::digest::{hex, sha256};
use ftperm::nets::deliver::{Target, write_permuted};
use ftperm::nets::model::{ModelFile, Shape};
use ftperm::order::{Permutation, PermutationFile};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::cli::console;
use crate::cli::hosted::{AnyNetwork, LayoutArgs, LoadedModel, NetArgs, ReadingArgs, known_era};
use crate::errors::{PermutationError, UsageError, exception};

/// Positions of random games on which what is written is compared with what was read.
const VERIFIED: usize = 500;

/// A network, with its neurons in the order of its file or in another.
#[pyclass(frozen, module = "ftperm._ftperm")]
pub struct Network {
    model: Arc<AnyNetwork>,
    order: Permutation,
    kind: String,
    source: String,
}

impl Network {
    fn model(&self) -> &dyn ModelFile {
        match self.model.as_ref() {
            AnyNetwork::Stockfish(network) => network,
            AnyNetwork::Described(network) => network,
        }
    }

    fn shape(&self) -> Shape {
        self.model().shape()
    }

    /// Its file, in the order at hand.
    fn bytes(&self) -> PyResult<Vec<u8>> {
        let mut bytes = Vec::new();
        self.model().write_permuted(&self.order, &mut bytes)?;
        Ok(bytes)
    }
}

#[pymethods]
impl Network {
    #[staticmethod]
    #[pyo3(signature = (net, layout=None, era=None, clamp=None, source=None))]
    fn read(
        py: Python<'_>,
        net: OsString,
        layout: Option<PathBuf>,
        era: Option<&str>,
        clamp: Option<i16>,
        source: Option<String>,
    ) -> PyResult<Network> {
        let era = era.map(known_era).transpose();
        let net = NetArgs {
            net: Some(net),
            reading: ReadingArgs {
                era: era.map_err(UsageError::new_err)?,
                clamp,
            },
        };
        console::configure(true);
        let loaded = py.detach(|| LoadedModel::load(&net, &LayoutArgs { layout }));
        let loaded = loaded.map_err(|error| exception(&error))?;
        Ok(Network {
            order: Permutation::identity(loaded.model().shape().neurons),
            kind: loaded.kind(),
            source: source.unwrap_or_else(|| loaded.origin.to_string()),
            model: Arc::new(loaded.network),
        })
    }

    /// What its file is: an era of Stockfish, or a layout.
    #[getter]
    fn kind(&self) -> &str {
        &self.kind
    }

    /// Where it was read from.
    #[getter]
    fn source(&self) -> &str {
        &self.source
    }

    /// Accumulator columns a perspective (L1).
    #[getter]
    fn columns(&self) -> usize {
        self.shape().columns
    }

    /// Outputs a perspective, which a permutation orders.
    #[getter]
    fn neurons(&self) -> usize {
        self.shape().neurons
    }

    /// Samples of a position: 2, or 1.
    #[getter]
    fn perspectives(&self) -> usize {
        self.shape().perspectives
    }

    /// The order of its neurons, of those of the file that was read.
    #[getter]
    fn order(&self) -> Vec<u32> {
        self.order.indices().to_vec()
    }

    /// SHA-256 of its file in the order at hand, in hexadecimal digits.
    #[getter]
    fn sha256(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| Ok(hex(&sha256(&self.bytes()?))))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.bytes())?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn permuted(&self, order: Vec<u32>) -> PyResult<Network> {
        let order = permutation(order)?;
        if order.len() != self.order.len() {
            return Err(PermutationError::new_err(format!(
                "the permutation has {} entries, the network has {} neurons",
                order.len(),
                self.order.len()
            )));
        }
        Ok(Network {
            model: Arc::clone(&self.model),
            order: order.after(&self.order),
            kind: self.kind.clone(),
            source: self.source.clone(),
        })
    }

    /// Writes it, reads it back and proves it, and returns its path.
    #[pyo3(signature = (path=None, folder=None))]
    fn save(
        &self,
        py: Python<'_>,
        path: Option<PathBuf>,
        folder: Option<PathBuf>,
    ) -> PyResult<PathBuf> {
        let target = match (path, folder) {
            (Some(path), None) => Target::File(path),
            (None, Some(folder)) => Target::Named(folder),
            _ => return Err(UsageError::new_err("either a file or a folder is needed")),
        };
        let write = || {
            let model: Box<dyn ModelFile> = match self.model.as_ref().clone() {
                AnyNetwork::Stockfish(network) => Box::new(network),
                AnyNetwork::Described(network) => Box::new(network),
            };
            let boards = random_positions(1, VERIFIED);
            let proved = write_permuted(model, &self.order, &target, boards, &|| {})?;
            let path = proved.file.target().to_path_buf();
            proved.file.commit()?;
            anyhow::Ok(path)
        };
        py.detach(write).map_err(|error| exception(&error))
    }
}

fn permutation(indices: Vec<u32>) -> PyResult<Permutation> {
    Permutation::new(indices).map_err(|error| exception(&error.into()))
}

/// What a permutation file says beside the numbers: keys and values.
type Notes = Vec<(String, String)>;

/// Reads a permutation file, text or `.npy`: the order, and the notes of a text file.
#[pyfunction]
pub fn read_permutation(path: PathBuf) -> PyResult<(Vec<u32>, Notes)> {
    let file = PermutationFile::read(&path).map_err(|error| exception(&error.into()))?;
    Ok((file.permutation.indices().to_vec(), file.notes))
}

/// Writes a permutation file: in the format of `.npy` if the name ends in `.npy` or `.perm`, else text with notes.
#[pyfunction]
pub fn write_permutation(
    path: PathBuf,
    order: Vec<u32>,
    notes: Vec<(String, String)>,
) -> PyResult<()> {
    let permutation = permutation(order)?;
    let file = PermutationFile { permutation, notes };
    write_file(&path, &file.to_bytes(&path)).map_err(|error| exception(&error.into()))
}
