//! Reading a file as the era that the user names, although its version or hashes are others: networks of forks.

use super::architecture::Architecture;
use super::leb128;
use super::numbers::FileNumbers;
use super::recognise::{Candidate, first_of, width};
use super::registry::Era;
use super::sections::{Header, Places, read_u32, walk_tensors};
use super::sizes::{filling, layer_pairs};

/// Widest accumulator that is looked for by the size of the file.
const MAX_SCANNED_L1: usize = 1 << 13;

/// The file as a network of this era, if there are sizes with which it is one to its last byte.
pub(super) fn overridden(bytes: &[u8], header: &Header, era: &'static Era) -> Option<Candidate> {
    let (architecture, places) = widths(bytes, header, era).into_iter().find_map(|l1| {
        let base = Architecture {
            l1,
            ..era.architecture
        };
        fill(bytes, header, &base)
    })?;
    let numbers = FileNumbers::read(bytes, header, &places);
    let own = FileNumbers::of(&architecture);
    let mut candidate = first_of(era, vec![(architecture, places)])?;
    if numbers != own {
        candidate.assumptions.push(format!(
            "it is of era {}, as was asked for: version {:#010X}, header hash {:#010X} and feature transformer hash \
             {:#010X} are not all that era's, which are {:#010X}, {:#010X} and {:#010X}; they are kept",
            era.id,
            numbers.version,
            numbers.header_hash,
            numbers.ft_hash,
            own.version,
            own.header_hash,
            own.ft_hash
        ));
        candidate.numbers = Some(numbers);
    }
    Some(candidate)
}

/// Widths to try: that of the hash, the era's own, and what the size of the biases or of the file leaves.
fn widths(bytes: &[u8], header: &Header, era: &Era) -> Vec<usize> {
    let start = header.ft_hash_at() + 4;
    if bytes[start..].starts_with(leb128::MAGIC) {
        // The block of the biases, which come first, holds as many values as the accumulator is wide.
        let data = start + leb128::HEADER_LEN;
        let len = read_u32(bytes, start + leb128::MAGIC.len()).map_or(0, |len| len as usize);
        let payload = data.checked_add(len).and_then(|end| bytes.get(data..end));
        let l1 = payload.map_or(0, leb128::count);
        return if l1 >= 8 && l1.is_multiple_of(8) && l1 <= MAX_SCANNED_L1 {
            vec![l1]
        } else {
            Vec::new()
        };
    }
    let likely = [width(era, header.ft_hash), Some(era.architecture.l1)];
    likely
        .into_iter()
        .flatten()
        .chain((8..=MAX_SCANNED_L1).step_by(8))
        .collect()
}

/// With the era's own layers, or with those of the hash in front of the first stack.
fn fill(bytes: &[u8], header: &Header, base: &Architecture) -> Option<(Architecture, Places)> {
    let own = [(base.outputs0, base.outputs1)];
    let mut found = filling(bytes, header, base, &own, None);
    if found.is_empty() {
        let (_, end) = walk_tensors(bytes, header, base, "").ok()?;
        let hash = read_u32(bytes, end)?;
        let pairs = layer_pairs(base, hash);
        found = filling(bytes, header, base, &pairs, Some(hash));
    }
    (!found.is_empty()).then(|| found.swap_remove(0))
}
