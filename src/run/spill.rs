//! Evaluating positions whose planes do not fit in memory.

use std::path::Path;

use super::searched::HeldOut;
use super::{Job, RunError};
use crate::chess::board::Board;
use crate::compute::{Backend, ComputeError, DiskPlanes, PlaneSet};
use crate::nets::model::SampleOrder;
use crate::planes::{Spill, StoredGroup, ZeroPlanes};
use crate::positions::bucket_weights::BUCKETS;

/// What there is for planes.
#[derive(Clone, Copy, Debug)]
pub struct PlanesRoom<'a> {
    /// Memory in bytes, beside the network and the positions: for planes, and for evaluating and searching them.
    pub bytes: u64,
    /// Where a temporary file for what does not fit there may be.
    pub folder: &'a Path,
}

/// Planes in a temporary file: of the training positions by bucket, and of each held-out set in the order of its
/// positions.
pub(crate) struct Spilled<'a> {
    pub training: Vec<(Option<usize>, Box<dyn PlaneSet + 'a>)>,
    pub held: Vec<HeldOut>,
}

/// Evaluates piece by piece and writes the planes to a temporary file.
pub(crate) fn spill<'a>(
    job: &Job,
    room: PlanesRoom,
    backend: &'a dyn Backend,
    mut planes_of: impl FnMut(&[Board], SampleOrder) -> Result<ZeroPlanes, ComputeError>,
) -> Result<Spilled<'a>, RunError> {
    let footprint = job.footprint();
    let (neurons, training) = (footprint.neurons, &job.training);
    let sets = job.sets();
    let held = &sets[1..];
    let mut file = Spill::create(room.folder, neurons, footprint.planes(&sets))?;
    let piece = footprint.piece(room.bytes);
    // Pieces and zeros by neuron of each bucket.
    let mut buckets: Vec<(usize, usize, Vec<u64>)> = Vec::new();
    let mut boards = Vec::with_capacity(piece.min(training.len()));
    for bucket in 0..BUCKETS {
        let of_bucket = |board: &&Board| job.model.bucket(board) == bucket;
        let mut of_bucket = training.iter().filter(of_bucket);
        let (mut pieces, mut zeros) = (0, vec![0; neurons]);
        loop {
            boards.clear();
            boards.extend(of_bucket.by_ref().take(piece));
            if boards.is_empty() {
                break;
            }
            let planes = planes_of(&boards, SampleOrder::KingPlaces)?;
            for (sum, count) in zeros.iter_mut().zip(planes.zero_counts()) {
                *sum += count;
            }
            file.add(Some(bucket), &planes)?;
            pieces += 1;
        }
        if pieces > 0 {
            buckets.push((bucket, pieces, zeros));
        }
    }
    let mut held_pieces = Vec::new();
    for boards in held {
        held_pieces.push(boards.chunks(piece).len());
        for boards in boards.chunks(piece) {
            file.add(None, &planes_of(boards, SampleOrder::Positions)?)?;
        }
    }
    let mut written = file.finish()?.into_iter();
    let mut take = |pieces: usize| -> Vec<StoredGroup> { written.by_ref().take(pieces).collect() };
    let of_bucket = |(bucket, pieces, zeros): (usize, usize, Vec<u64>)| {
        let planes = DiskPlanes::new(backend, neurons, take(pieces)).with_zero_counts(zeros);
        (Some(bucket), Box::new(planes) as Box<dyn PlaneSet>)
    };
    let training = buckets.into_iter().map(of_bucket).collect();
    let held = held_pieces.into_iter().map(|pieces| {
        let pieces = take(pieces).into_iter();
        pieces.map(|group| Box::new(group) as _).collect()
    });
    Ok(Spilled {
        training,
        held: held.collect(),
    })
}
