//! A file that the trainer itself wrote, with other weights in it: its pickle and all that is no weight stay as they
//! are, so that PyTorch makes the same objects of it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use thiserror::Error;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::archive::{self, Member};
use super::error::CheckpointError;
use super::provenance;
use super::state_dict::{StateDict, StateTensor};
use super::tensor::{ElementType, Matrix, Tensor};
use super::weights::{Weights, WeightsError, plain_name};
use super::{Checkpoint, Container};
use crate::files::quote::excerpt;

/// Why weights do not go into a file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LikeError {
    #[error("it is a {0}: only what torch.save wrote holds more than weights")]
    Container(Container),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(
        "it has no tensor `{0}`, which the new weights have: another version of the trainer wrote it"
    )]
    NoPlace(String),
    #[error("its tensor `{0}` is none of the new weights: another version of the trainer wrote it")]
    NoWeights(String),
    #[error("its tensor `{tensor}` has shape {found:?}, the new weights have {wanted:?}")]
    Shape {
        tensor: String,
        found: Vec<usize>,
        wanted: Vec<usize>,
    },
    #[error(
        "its tensor `{tensor}` is of {found}, which does not hold all weights: float32 is needed"
    )]
    Element { tensor: String, found: &'static str },
    #[error("what was written does not hold the weights of `{0}`: its tensors share elements")]
    Differs(String),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Weights and the tensor whose place they take.
type Pair<'a, 's> = (&'a Tensor, &'a StateTensor<'s>);

impl Checkpoint {
    /// Do these weights have places in this file?
    ///
    /// # Errors
    /// The tensors have other names, shapes or types.
    pub fn has_places(&self, state: &StateDict<'_>) -> Result<(), LikeError> {
        self.pairs(state).map(drop)
    }

    /// Writes this file with other weights. Members of the archive that hold none of them keep their names, order and
    /// bytes; ftperm's own note is that of the weights.
    ///
    /// # Errors
    /// As [`has_places`](Self::has_places); or something cannot be read or written.
    pub fn write_like(&self, state: &StateDict<'_>, out: &mut impl Write) -> Result<(), LikeError> {
        let pairs = self.pairs(state)?;
        let mut by_storage: BTreeMap<(usize, usize), Vec<Pair<'_, '_>>> = BTreeMap::new();
        for pair in &pairs {
            let data = &pair.0.data;
            by_storage
                .entry((data.start, data.end))
                .or_default()
                .push(*pair);
        }
        let members = archive::members(&self.bytes)?;
        let pickled = members
            .iter()
            .find_map(|member| member.name.strip_suffix("data.pkl"));
        let note = format!("{}{}", pickled.unwrap_or_default(), provenance::MEMBER);
        let mut archive = ZipWriter::new_stream(out);
        for member in members.iter().filter(|member| member.name != note) {
            let data = &member.data;
            archive
                .start_file(member.name.as_str(), options(data.len() as u64))
                .map_err(io::Error::from)?;
            match by_storage.get(&(data.start, data.end)) {
                Some(pairs) => self.write_storage(member, pairs, &mut archive)?,
                None => member.copy(&self.bytes, &mut archive)?,
            }
        }
        if let Some(provenance) = &state.provenance {
            archive
                .start_file(note, options(0))
                .map_err(io::Error::from)?;
            archive.write_all(provenance.json().as_bytes())?;
        }
        archive.finish().map_err(io::Error::from)?;
        Ok(())
    }

    /// Are these the file's weights, bit for bit?
    ///
    /// # Errors
    /// They are not, or cannot be read.
    pub fn holds(&self, state: &StateDict<'_>) -> Result<(), LikeError> {
        for (tensor, weights) in self.pairs(state)? {
            let Some(matrix) = Matrix::new(tensor, &self.bytes) else {
                return Err(LikeError::Differs(excerpt(tensor.name.as_bytes())));
            };
            let mut wanted = vec![0f32; matrix.columns];
            for row in 0..matrix.rows {
                (weights.fill)(row, &mut wanted);
                let found = matrix.row(row);
                let same = found
                    .iter()
                    .zip(&wanted)
                    .all(|(a, b)| a.to_bits() == b.to_bits());
                if !same {
                    return Err(LikeError::Differs(excerpt(tensor.name.as_bytes())));
                }
            }
        }
        Ok(self.bytes.check()?)
    }

    /// Each tensor of the network with the weights that are to take its place.
    fn pairs<'a, 's>(&'a self, state: &'a StateDict<'s>) -> Result<Vec<Pair<'a, 's>>, LikeError> {
        if self.container == Container::Safetensors {
            return Err(LikeError::Container(self.container.clone()));
        }
        let own = Weights::find(self)?.used;
        let named = |name: &str| {
            let (name, _) = plain_name(name);
            own.iter()
                .copied()
                .find(|tensor| plain_name(&tensor.name).0 == name)
        };
        let pair = |weights: &'a StateTensor<'s>| {
            let name = || excerpt(weights.name.as_bytes());
            let tensor = named(&weights.name).ok_or_else(|| LikeError::NoPlace(name()))?;
            let name = || excerpt(tensor.name.as_bytes());
            if tensor.shape != weights.shape {
                return Err(LikeError::Shape {
                    tensor: name(),
                    found: tensor.shape.clone(),
                    wanted: weights.shape.clone(),
                });
            }
            if !matches!(tensor.element, ElementType::F32 | ElementType::F64) {
                return Err(LikeError::Element {
                    tensor: name(),
                    found: tensor.element.name(),
                });
            }
            Ok((tensor, weights))
        };
        let pairs: Vec<Pair<'_, '_>> = state.tensors.iter().map(pair).collect::<Result<_, _>>()?;
        let has_weights =
            |tensor: &&&Tensor| pairs.iter().any(|(placed, _)| placed.name == tensor.name);
        if let Some(tensor) = own.iter().find(|tensor| !has_weights(tensor)) {
            return Err(LikeError::NoWeights(excerpt(tensor.name.as_bytes())));
        }
        Ok(pairs)
    }

    /// Writes a storage whose elements are weights, or some of them.
    fn write_storage(
        &self,
        member: &Member,
        pairs: &[Pair<'_, '_>],
        out: &mut impl Write,
    ) -> Result<(), LikeError> {
        if let [(tensor, weights)] = pairs
            && tensor.is_whole_storage()
        {
            return Ok(weights.write(out)?);
        }
        let mut storage = Vec::new();
        member.copy(&self.bytes, &mut storage)?;
        for (tensor, weights) in pairs {
            let Some(matrix) = Matrix::new(tensor, &self.bytes) else {
                continue;
            };
            let size = tensor.element.bytes();
            let mut row = vec![0f32; matrix.columns];
            for number in 0..matrix.rows {
                (weights.fill)(number, &mut row);
                for (column, &value) in row.iter().enumerate() {
                    let at = matrix.place(number, column) * size;
                    tensor.encode(value, &mut storage[at..at + size]);
                }
            }
            weights.source.map_or(Ok(()), |source| source.check())?;
        }
        Ok(out.write_all(&storage)?)
    }
}

/// Members as PyTorch writes them.
fn options(len: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .with_alignment(64)
        .large_file(len > u64::from(u32::MAX))
}
