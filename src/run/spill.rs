//! Evaluating positions whose planes do not fit in memory.

use std::collections::BTreeMap;
use std::path::Path;

use super::OptimizeError;
use super::footprint::Footprint;
use crate::chess::board::Board;
use crate::compute::ComputeError;
use crate::nets::stockfish::samples::SampleOrder;
use crate::planes::{PlaneGroups, SampleGroup, Spill, StoredGroup, ZeroPlanes};
use crate::positions::bucket_weights::BUCKETS;

/// What there is for planes.
#[derive(Clone, Copy, Debug)]
pub struct PlanesRoom<'a> {
    /// Memory in bytes, beside the network and the positions: for planes, and for evaluating and searching them.
    pub bytes: u64,
    /// Where a temporary file for what does not fit there may be.
    pub folder: &'a Path,
}

/// Planes in a temporary file.
pub(crate) struct Spilled {
    pub training: PlaneGroups,
    pub zeros: ZeroCounts,
    /// Of each held-out set, in the order of its positions.
    pub held: Vec<Vec<StoredGroup>>,
}

/// By bucket, in how many samples each neuron is zero.
pub(crate) type ZeroCounts = BTreeMap<Option<usize>, Vec<u64>>;

/// Evaluates piece by piece and writes the planes to a temporary file: the training positions by bucket, the others as
/// they stand.
pub(crate) fn spill(
    footprint: Footprint,
    training: &[Board],
    held: &[&[Board]],
    room: PlanesRoom,
    mut planes_of: impl FnMut(&[Board], SampleOrder) -> Result<ZeroPlanes, ComputeError>,
) -> Result<Spilled, OptimizeError> {
    let bytes = footprint
        .planes(held)
        .saturating_add(footprint.planes(&[training]));
    let mut file = Spill::create(room.folder, footprint.neurons, bytes)?;
    let piece = footprint.piece(room.bytes);
    let mut zeros = ZeroCounts::new();
    let mut groups = 0;
    let mut boards = Vec::with_capacity(piece.min(training.len()));
    for bucket in 0..BUCKETS {
        let mut of_bucket = training.iter().filter(|board| board.bucket() == bucket);
        loop {
            boards.clear();
            boards.extend(of_bucket.by_ref().take(piece));
            if boards.is_empty() {
                break;
            }
            let planes = planes_of(&boards, SampleOrder::KingPlaces)?;
            let sums = zeros
                .entry(Some(bucket))
                .or_insert_with(|| vec![0; footprint.neurons]);
            for (sum, count) in sums.iter_mut().zip(planes.zero_counts()) {
                *sum += count;
            }
            file.add(Some(bucket), &planes)?;
            groups += 1;
        }
    }
    let mut pieces = Vec::new();
    for boards in held {
        pieces.push(boards.chunks(piece).len());
        for boards in boards.chunks(piece) {
            file.add(None, &planes_of(boards, SampleOrder::Positions)?)?;
        }
    }
    let mut written = file.finish()?.into_iter();
    let training = written
        .by_ref()
        .take(groups)
        .map(SampleGroup::Stored)
        .collect();
    Ok(Spilled {
        training: PlaneGroups::new(footprint.neurons, training),
        zeros,
        held: pieces
            .into_iter()
            .map(|pieces| written.by_ref().take(pieces).collect())
            .collect(),
    })
}
