//! Networks of Stockfish's format as a model that can be searched on, written and proved.

use std::io::{self, Write};
use std::path::Path;

use super::samples::sample_batch;
use super::verify::{ReferenceOutputs, compare_file};
use super::{Architecture, FtRows, Network, ReadOptions};
use crate::chess::board::Board;
use crate::nets::model::{
    AnyError, Demand, FtSource, FtWeights, Model, ModelFile, Reference, Reread, SampleBatch,
    SampleOrder, Shape,
};
use crate::order::Permutation;

/// The weights as kernels read them, and how positions switch them on.
struct Evaluated<'a> {
    rows: FtRows<'a>,
    architecture: &'a Architecture,
}

impl FtSource for Evaluated<'_> {
    fn weights(&self) -> Option<FtWeights<'_>> {
        Some(self.rows.weights())
    }

    fn samples(&self, boards: &[Board], order: SampleOrder) -> SampleBatch {
        sample_batch(self.architecture, boards, order)
    }
}

impl Model for Network {
    fn shape(&self) -> Shape {
        Shape {
            columns: self.architecture.l1,
            neurons: self.architecture.neurons(),
            perspectives: 2,
        }
    }

    fn demand(&self) -> Demand {
        let ft = &self.ft;
        Demand {
            bytes: self.bytes(),
            // The kernels' own copy of the weights, 16 bits each and 8 bits each.
            evaluator_bytes: (2 * ft.wide.len() + ft.narrow.len()) as u64,
            rows: self
                .architecture
                .sets
                .iter()
                .map(|set| set.max_active())
                .sum(),
        }
    }

    fn ft_source(&self) -> Box<dyn FtSource + '_> {
        Box::new(Evaluated {
            rows: self.ft_rows(),
            architecture: &self.architecture,
        })
    }

    fn buckets(&self) -> Option<usize> {
        Some(self.stacks.len())
    }
}

impl ModelFile for Network {
    fn extension(&self) -> &str {
        "nnue"
    }

    fn proof(&self, positions: usize) -> String {
        format!(
            "proved: every weight is the input's, in the new order; and same outputs in all buckets on {positions} \
             positions"
        )
    }

    fn permute(&mut self, permutation: &Permutation) -> Result<(), AnyError> {
        Ok(Network::permute(self, permutation)?)
    }

    fn write_permuted(&self, permutation: &Permutation, out: &mut dyn Write) -> io::Result<()> {
        let wrong = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        self.permuted(permutation)
            .map_err(wrong)?
            .write(&mut &mut *out)
    }

    fn compare_file(&self, file: &[u8], permutation: &Permutation) -> Result<(), AnyError> {
        Ok(compare_file(file, self, permutation)?)
    }

    fn reference(&self, boards: Vec<Board>, done: &(dyn Fn() + Sync)) -> Box<dyn Reference> {
        Box::new(Computed {
            outputs: ReferenceOutputs::watched(self, boards, done),
            reading: self.same_reading(),
        })
    }

    fn reread(&self) -> Box<dyn Reread> {
        Box::new(self.same_reading())
    }
}

impl Network {
    /// Options that read another file as this network was read: as the same era, since the digest of a known network
    /// has changed.
    pub fn same_reading(&self) -> ReadOptions {
        ReadOptions {
            era: Some(self.recognition.era),
            clamp: self.architecture.clamp(),
        }
    }
}

struct Computed {
    outputs: ReferenceOutputs,
    reading: ReadOptions,
}

impl Reference for Computed {
    fn positions(&self) -> usize {
        self.outputs.len()
    }

    fn compare(
        &self,
        file: Vec<u8>,
        permutation: &Permutation,
        done: &(dyn Fn() + Sync),
    ) -> Result<(), AnyError> {
        let written = Network::parse(&file, &self.reading)?;
        // Not beside the network that is evaluated.
        drop(file);
        Ok(self
            .outputs
            .compare_permuted_watched(&written, permutation, done)?)
    }
}

impl Reread for ReadOptions {
    fn read(&self, path: &Path) -> Result<Box<dyn ModelFile>, AnyError> {
        Ok(Box::new(Network::read(path, self)?))
    }
}
