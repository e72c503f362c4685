//! Finds the tensors of a file under an assumed architecture, from sizes alone, before anything is allocated.

use super::architecture::{Architecture, TensorRole};
use super::error::NetError;
use super::leb128;
use super::network::Encoding;

/// Version, header hash, description length.
pub(super) const FIXED_HEADER: usize = 12;

/// The header of a network file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub version: u32,
    pub hash: u32,
    pub description_len: usize,
    pub ft_hash: u32,
}

impl Header {
    /// The header of a file of a known version.
    pub(super) fn parse(bytes: &[u8]) -> Result<Header, NetError> {
        let known = [
            super::VERSION_2020,
            super::VERSION_2021,
            super::VERSION_2026,
        ];
        match read_u32(bytes, 0) {
            Some(found) if !known.contains(&found) => Err(NetError::Version { found }),
            _ => Header::parse_any(bytes),
        }
    }

    /// The header of a file of any version.
    pub(super) fn parse_any(bytes: &[u8]) -> Result<Header, NetError> {
        let too_short = || NetError::TooShort(bytes.len());
        let version = read_u32(bytes, 0).ok_or_else(too_short)?;
        let hash = read_u32(bytes, 4).ok_or_else(too_short)?;
        let len = read_u32(bytes, 8).ok_or_else(too_short)?;
        let left = bytes.len() - FIXED_HEADER;
        let ft_hash = (len as usize)
            .checked_add(FIXED_HEADER)
            .and_then(|at| read_u32(bytes, at))
            .ok_or(NetError::Description { len, left })?;
        Ok(Header {
            version,
            hash,
            description_len: len as usize,
            ft_hash,
        })
    }

    /// Offset of the feature transformer's hash.
    pub(super) fn ft_hash_at(&self) -> usize {
        FIXED_HEADER + self.description_len
    }
}

/// A little-endian number, if the bytes reach that far.
pub(super) fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let end = at.checked_add(4)?;
    Some(u32::from_le_bytes(bytes.get(at..end)?.try_into().ok()?))
}

/// Where a tensor's data are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TensorPlace {
    pub encoding: Encoding,
    /// First byte of the tensor, the compressed block's header included.
    pub start: usize,
    /// First byte of the data or the payload.
    pub data: usize,
    pub end: usize,
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// In the order of the architecture's layout.
    pub tensors: Vec<TensorPlace>,
    /// First byte of each stack, its hash.
    pub stacks: Vec<usize>,
}

/// How far a reading got before it failed, and why.
#[derive(Debug)]
pub(super) struct WalkFailure {
    pub reached: usize,
    pub error: NetError,
}

/// Walks through the tensors of the feature transformer; returns their end too.
pub(super) fn walk_tensors(
    bytes: &[u8],
    header: &Header,
    architecture: &Architecture,
    era: &'static str,
) -> Result<(Vec<TensorPlace>, usize), WalkFailure> {
    let mut at = header.ft_hash_at() + 4;
    let mut tensors = Vec::with_capacity(architecture.layout.len());
    for spec in architecture.layout {
        let failure = |error| WalkFailure { reached: at, error };
        let values = architecture.tensor_len(spec.role);
        let (value_bytes, max_len) = match spec.role {
            TensorRole::Bias | TensorRole::Wide(..) => (2, Some(3)),
            TensorRole::Narrow(..) => (1, None),
            TensorRole::Psqt(..) => (4, Some(5)),
        };
        let truncated = |end: u64| {
            failure(NetError::Truncated {
                tensor: spec.name.to_string(),
                end,
                len: bytes.len(),
                era,
            })
        };
        let compressed = max_len.filter(|_| bytes[at..].starts_with(leb128::MAGIC));
        let place = if let Some(max_len) = compressed {
            let payload = read_u32(bytes, at + leb128::MAGIC.len())
                .ok_or_else(|| truncated((at + leb128::HEADER_LEN) as u64))?;
            let (min, max) = (values, values * max_len);
            if !(min..=max).contains(&(payload as usize)) {
                return Err(failure(NetError::PayloadLength {
                    tensor: spec.name.to_string(),
                    offset: at,
                    payload,
                    values,
                    min,
                    max,
                    era,
                }));
            }
            let data = at + leb128::HEADER_LEN;
            TensorPlace {
                encoding: Encoding::Leb128,
                start: at,
                data,
                end: data + payload as usize,
            }
        } else {
            TensorPlace {
                encoding: Encoding::Raw,
                start: at,
                data: at,
                end: at + values * value_bytes,
            }
        };
        if place.end > bytes.len() {
            return Err(truncated(place.end as u64));
        }
        at = place.end;
        tensors.push(place);
    }
    Ok((tensors, at))
}

/// Walks through the file. It succeeds only if the file ends exactly at the end of the last stack and every stack
/// carries the architecture's hash.
pub(super) fn walk(
    bytes: &[u8],
    header: &Header,
    architecture: &Architecture,
    era: &'static str,
) -> Result<Places, WalkFailure> {
    let hashes = vec![architecture.stack_hash(); architecture.stacks];
    walk_to_hashes(bytes, header, architecture, era, &hashes)
}

/// As [`walk`], for stacks with these hashes.
pub(super) fn walk_to_hashes(
    bytes: &[u8],
    header: &Header,
    architecture: &Architecture,
    era: &'static str,
    hashes: &[u32],
) -> Result<Places, WalkFailure> {
    let (tensors, mut at) = walk_tensors(bytes, header, architecture, era)?;
    let stack_bytes = architecture.layer_sizes().stack_bytes();
    let mut stacks = Vec::with_capacity(architecture.stacks);
    for (stack, &expected) in hashes.iter().enumerate() {
        let failure = |error| WalkFailure { reached: at, error };
        match read_u32(bytes, at) {
            Some(found) if found != expected => {
                return Err(failure(NetError::StackHash {
                    stack,
                    offset: at,
                    found,
                    expected,
                    era,
                }));
            }
            Some(_) if bytes.len() - at >= stack_bytes => {}
            _ => {
                return Err(failure(NetError::Truncated {
                    tensor: format!("layer stack {stack}"),
                    end: (at + stack_bytes) as u64,
                    len: bytes.len(),
                    era,
                }));
            }
        }
        stacks.push(at);
        at += stack_bytes;
    }
    if at < bytes.len() {
        let error = NetError::TrailingBytes {
            offset: at,
            count: bytes.len() - at,
            era,
        };
        return Err(WalkFailure { reached: at, error });
    }
    Ok(Places { tensors, stacks })
}
