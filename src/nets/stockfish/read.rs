//! Bytes to [`Network`].

use std::path::Path;

use super::architecture::{Architecture, TensorRole, padded};
use super::clamp::settle_clamp;
use super::error::{NetError, NetFileError};
use super::leb128::{self, Leb128Value};
use super::network::{DenseLayer, Encoding, FeatureTransformer, LayerStack, Network};
use super::recognise::{self, Candidate, Reading, Recognition};
use super::registry::Era;
use super::sections::{FIXED_HEADER, Header, Places};
use crate::files::reading::read_file;
use crate::nets::MAX_BYTES;

/// What the caller knows about a file that the file does not say.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions {
    /// Read it as this era, even if version and hashes are others.
    pub era: Option<&'static Era>,
    /// The clamp of pairwise activations: 127 or 255.
    pub clamp: Option<i16>,
}

impl Network {
    /// Reads a network file, which may be compressed.
    ///
    /// # Errors
    /// The file cannot be read, or is no network that this program knows; the error names the place.
    pub fn read(path: &Path, options: &ReadOptions) -> Result<Network, NetFileError> {
        let contents = read_file(path, MAX_BYTES).map_err(|error| NetFileError::Io {
            path: path.to_path_buf(),
            source: error.into(),
        })?;
        Network::parse(&contents.bytes, options).map_err(|source| NetFileError::Net {
            path: path.to_path_buf(),
            source,
        })
    }

    /// Parses a whole network. Nothing is allocated by a number in the file before the file was found to hold that
    /// much.
    ///
    /// # Errors
    /// The bytes are no network that this program knows; the error names the offset.
    pub fn parse(bytes: &[u8], options: &ReadOptions) -> Result<Network, NetError> {
        let header = match options.era {
            None => Header::parse(bytes)?,
            // It may be of a fork that has a version of its own.
            Some(_) => Header::parse_any(bytes)?,
        };
        let (mut candidates, mut readings) = recognise::candidates(bytes, &header, options)?;
        let mut evidence = vec![format!(
            "version {:#010X}, header hash {:#010X}, feature transformer hash {:#010X}, {} bytes",
            header.version,
            header.hash,
            header.ft_hash,
            bytes.len()
        )];
        recognise::prefer_shipped(&mut candidates, &mut readings);
        let stacks = parse_stacks(bytes, &candidates[0].architecture, &candidates[0].places);
        recognise::separate_squared(&mut candidates, &stacks, &mut readings, &mut evidence);
        let mut chosen = candidates.remove(0);
        // The column test may have chosen other input sizes for the same bytes.
        let stacks = parse_stacks(bytes, &chosen.architecture, &chosen.places);
        let (ft, longer_leb128) = parse_feature_transformer(bytes, &chosen)?;
        readings.extend(candidates.iter().map(|other| Reading {
            era: other.era.id,
            possible: true,
            reason: "its files look the same".to_string(),
        }));
        let recognition = Recognition {
            era: chosen.era,
            exact: chosen.exact,
            alike: std::mem::take(&mut chosen.alike),
            clamp_assumed: false,
            numbers: chosen.numbers.take(),
            evidence,
            assumptions: std::mem::take(&mut chosen.assumptions),
            readings,
        };
        let mut network = Network {
            architecture: chosen.architecture,
            recognition,
            description: bytes[FIXED_HEADER..header.ft_hash_at()].to_vec(),
            ft,
            stacks,
            longer_leb128,
        };
        candidates.push(chosen);
        settle_clamp(&mut network, bytes, &candidates, options)?;
        let settled = network.recognition.era.id;
        network
            .recognition
            .readings
            .retain(|reading| reading.era != settled);
        tracing::info!(
            era = settled,
            l1 = network.architecture.l1,
            features = network.architecture.feature_names(),
            bytes = bytes.len(),
            "network read"
        );
        for evidence in &network.recognition.evidence {
            tracing::debug!("recognised by: {evidence}");
        }
        Ok(network)
    }
}

pub(super) fn parse_stacks(
    bytes: &[u8],
    architecture: &Architecture,
    places: &Places,
) -> Vec<LayerStack> {
    let sizes = architecture.layer_sizes();
    let stack = |&start: &usize| {
        let mut at = start + 4;
        let layers = sizes.layers.map(|(inputs, outputs)| {
            let padded_inputs = padded(inputs);
            let bias = raw_values(&bytes[at..at + 4 * outputs], i32::from_le_bytes);
            at += 4 * outputs;
            let weights = raw_values(&bytes[at..at + outputs * padded_inputs], i8::from_le_bytes);
            at += outputs * padded_inputs;
            DenseLayer {
                inputs,
                padded_inputs,
                bias,
                weights,
            }
        });
        LayerStack { layers }
    };
    places.stacks.iter().map(stack).collect()
}

/// The first layer, and the tensors whose LEB128 was longer than need be.
fn parse_feature_transformer(
    bytes: &[u8],
    candidate: &Candidate,
) -> Result<(FeatureTransformer, Vec<&'static str>), NetError> {
    let Candidate {
        architecture,
        places,
        ..
    } = candidate;
    let mut ft = FeatureTransformer {
        bias: Vec::new(),
        wide: Vec::new(),
        narrow: Vec::new(),
        psqt: Vec::new(),
        encodings: places.tensors.iter().map(|place| place.encoding).collect(),
    };
    let mut longer = Vec::new();
    for number in 0..architecture.layout.len() {
        let mut tensor = Tensor {
            bytes,
            architecture,
            places,
            number,
            longer: &mut longer,
        };
        match architecture.layout[number].role {
            TensorRole::Bias => append(&mut ft.bias, tensor.values(i16::from_le_bytes)?),
            TensorRole::Wide(..) => append(&mut ft.wide, tensor.values(i16::from_le_bytes)?),
            TensorRole::Psqt(..) => append(&mut ft.psqt, tensor.values(i32::from_le_bytes)?),
            TensorRole::Narrow(first, end) => {
                // The first tensor reserves room for all, so that no copy is made of a large one.
                if ft.narrow.is_empty() {
                    let rows = architecture.features_in(first..architecture.sets.len().max(end));
                    let total = rows.min(architecture.features_in(0..architecture.sets.len()));
                    let left: usize = bytes.len() - places.tensors[number].data;
                    ft.narrow.reserve_exact((total * architecture.l1).min(left));
                }
                let place = &places.tensors[number];
                ft.narrow
                    .extend_from_slice(bytemuck::cast_slice(&bytes[place.data..place.end]));
            }
        }
    }
    Ok((ft, longer))
}

/// Moves the first tensor of a store into place, appends further ones.
fn append<T>(store: &mut Vec<T>, mut values: Vec<T>) {
    if store.is_empty() {
        *store = values;
    } else {
        store.append(&mut values);
    }
}

struct Tensor<'a> {
    bytes: &'a [u8],
    architecture: &'a Architecture,
    places: &'a Places,
    number: usize,
    longer: &'a mut Vec<&'static str>,
}

impl Tensor<'_> {
    fn values<T: Leb128Value, const N: usize>(
        &mut self,
        from_bytes: fn([u8; N]) -> T,
    ) -> Result<Vec<T>, NetError> {
        let spec = &self.architecture.layout[self.number];
        let place = &self.places.tensors[self.number];
        let data = &self.bytes[place.data..place.end];
        match place.encoding {
            Encoding::Raw => Ok(raw_values(data, from_bytes)),
            Encoding::Leb128 => {
                let expected = self.architecture.tensor_len(spec.role);
                match leb128::decode(data, expected) {
                    Ok(decoded) => {
                        if !decoded.minimal {
                            self.longer.push(spec.name);
                        }
                        Ok(decoded.values)
                    }
                    Err(source) => Err(NetError::Leb128 {
                        tensor: spec.name.to_string(),
                        offset: place.start,
                        source,
                    }),
                }
            }
        }
    }
}

pub(crate) fn raw_values<T, const N: usize>(bytes: &[u8], from_bytes: fn([u8; N]) -> T) -> Vec<T> {
    let (values, _) = bytes.as_chunks::<N>();
    values.iter().map(|&value| from_bytes(value)).collect()
}
