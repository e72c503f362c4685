//! Sizes of layers and numbers of stacks with which a file is filled to its last byte.

use super::architecture::{Architecture, TensorRole, TensorSpec};
use super::hash;
use super::leb128;
use super::network::Encoding;
use super::sections::{Header, Places, TensorPlace, read_u32, walk_tensors};

/// Largest size of a layer that is tried when a hash is resolved into layer sizes.
pub(crate) const MAX_OUTPUTS: usize = 1024;

/// Widest accumulator that is considered; it keeps sizes far from overflowing.
pub(crate) const MAX_L1: usize = 1 << 16;

/// Most layer stacks of a network.
pub(crate) const MAX_STACKS: usize = 16;

/// Rows of the first two layers that have this stack hash, at the width and of the kind of `base`. Those with the
/// second layer of `base` come first.
pub(super) fn layer_pairs(base: &Architecture, stack_hash: u32) -> Vec<(usize, usize)> {
    let least = base.stack.least_outputs0();
    let others = (1..=MAX_OUTPUTS).filter(|&outputs1| outputs1 != base.outputs1);
    std::iter::once(base.outputs1)
        .chain(others)
        .map(|outputs1| {
            let outputs0 = hash::outputs0(base.l1, stack_hash, outputs1) as usize;
            (outputs0, outputs1)
        })
        .filter(|(outputs0, _)| (least..=MAX_OUTPUTS).contains(outputs0))
        .collect()
}

/// `base` with every number of layer stacks that is tried, its own first.
///
/// Another number than its own is that of PSQT columns too: so a file that was cut off behind a stack is not taken for
/// a network of fewer stacks.
pub(super) fn with_bucket_counts(base: &Architecture) -> impl Iterator<Item = Architecture> {
    let base = *base;
    let others = (1..=MAX_STACKS).map(move |stacks| Architecture {
        stacks,
        psqt_buckets: if base.psqt_buckets == 0 { 0 } else { stacks },
        ..base
    });
    let own = (base.stacks, base.psqt_buckets);
    std::iter::once(base).chain(others.filter(move |it| (it.stacks, it.psqt_buckets) != own))
}

/// Every way to fill the file exactly with the feature transformer of `base` and stacks of these sizes, each stack with
/// this hash in front (with any, if none is given). With the first number of stacks that does it there are no others.
pub(super) fn filling(
    bytes: &[u8],
    header: &Header,
    base: &Architecture,
    pairs: &[(usize, usize)],
    hash: Option<u32>,
) -> Vec<(Architecture, Places)> {
    for buckets in with_bucket_counts(base) {
        let Some((tensors, start)) = feature_transformer(bytes, header, &buckets) else {
            continue;
        };
        let left = bytes.len() - start;
        if !left.is_multiple_of(buckets.stacks) {
            continue;
        }
        let stack_bytes = left / buckets.stacks;
        let stacks: Vec<usize> = (0..buckets.stacks)
            .map(|stack| start + stack * stack_bytes)
            .collect();
        let has_hash = |&at: &usize| {
            let found = read_u32(bytes, at);
            found.is_some() && (hash.is_none() || found == hash)
        };
        if !stacks.iter().all(has_hash) {
            continue;
        }
        let found: Vec<(Architecture, Places)> = sized(&buckets, pairs)
            .filter(|architecture| architecture.layer_sizes().stack_bytes() == stack_bytes)
            .map(|architecture| {
                let places = Places {
                    tensors: tensors.clone(),
                    stacks: stacks.clone(),
                };
                (architecture, places)
            })
            .collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// End of a network that other bytes may follow, and whether its sizes are those of `base`.
pub(super) fn extent(
    bytes: &[u8],
    header: &Header,
    base: &Architecture,
    pairs: &[(usize, usize)],
    hash: u32,
) -> Option<(usize, Architecture)> {
    for buckets in with_bucket_counts(base) {
        let Some((_, start)) = feature_transformer(bytes, header, &buckets) else {
            continue;
        };
        if read_u32(bytes, start) != Some(hash) {
            continue;
        }
        // Of a stack that stands alone the hash is all there is, and several sizes may have it.
        let own = (base.outputs0, base.outputs1);
        let mut sizes = sized(&buckets, pairs).filter(|architecture| {
            architecture.stacks > 1 || (architecture.outputs0, architecture.outputs1) == own
        });
        let found = sizes.find_map(|architecture| {
            let stack_bytes = architecture.layer_sizes().stack_bytes();
            let end = start + architecture.stacks * stack_bytes;
            let mut stacks = (0..architecture.stacks).map(|stack| start + stack * stack_bytes);
            (end <= bytes.len() && stacks.all(|at| read_u32(bytes, at) == Some(hash)))
                .then_some((end, architecture))
        });
        if found.is_some() {
            return found;
        }
    }
    None
}

fn sized(base: &Architecture, pairs: &[(usize, usize)]) -> impl Iterator<Item = Architecture> {
    pairs.iter().map(|&(outputs0, outputs1)| Architecture {
        outputs0,
        outputs1,
        ..*base
    })
}

/// The tensors of the feature transformer and their end.
fn feature_transformer(
    bytes: &[u8],
    header: &Header,
    architecture: &Architecture,
) -> Option<(Vec<TensorPlace>, usize)> {
    let (tensors, end) = walk_tensors(bytes, header, architecture, "").ok()?;
    let compressed = |(place, spec): &(&TensorPlace, &TensorSpec)| {
        place.encoding == Encoding::Leb128 && matches!(spec.role, TensorRole::Psqt(..))
    };
    // Lengths of blocks leave room for other numbers of PSQT columns. Whether a block holds those of eight is for who
    // decodes it to say: it names what is damaged.
    let fits = architecture.psqt_buckets == 8
        || tensors
            .iter()
            .zip(architecture.layout)
            .filter(compressed)
            .all(|(place, spec)| {
                leb128::count(&bytes[place.data..place.end]) == architecture.tensor_len(spec.role)
            });
    fits.then_some((tensors, end))
}
