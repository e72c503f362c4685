//! Planes wherever they can be read from.

use super::{PlanesFileError, ZeroPlanes, put_words};

/// Words of a piece of a plane in memory: all that belongs to it stays in the caches.
const PIECE: usize = 1 << 12;

/// Planes that can be read piece by piece: in memory, or on a disk.
pub trait PlaneSource: Sync {
    fn neurons(&self) -> usize;

    fn samples(&self) -> usize;

    /// Words to ask for at a time.
    fn piece(&self) -> usize {
        PIECE
    }

    /// The words `first..first + scratch.len()` of a plane, in `scratch` or where they are. Not more than the
    /// samples take.
    ///
    /// # Errors
    /// The file cannot be read, or its bits are wrong.
    fn words<'a>(
        &'a self,
        neuron: usize,
        first: usize,
        scratch: &'a mut [u64],
    ) -> Result<&'a [u64], PlanesFileError>;

    /// Calls `visit` with the AND of the planes of a group's neurons, piece by piece, and the first word of each piece.
    /// Smaller groups repeat a neuron.
    ///
    /// # Errors
    /// The file cannot be read, or its bits are wrong.
    fn for_each_and(
        &self,
        group: &[u32; 4],
        visit: &mut dyn FnMut(usize, &[u64]),
    ) -> Result<(), PlanesFileError> {
        let words = self.samples().div_ceil(64);
        let size = self.piece().min(words);
        let (mut all, mut scratch) = (vec![0; size], vec![0; size]);
        for first in (0..words).step_by(self.piece()) {
            let len = size.min(words - first);
            let all = &mut all[..len];
            all.fill(u64::MAX);
            for (place, &neuron) in group.iter().enumerate() {
                if group[..place].contains(&neuron) {
                    continue;
                }
                let plane = self.words(neuron as usize, first, &mut scratch[..len])?;
                all.iter_mut()
                    .zip(plane)
                    .for_each(|(all, &word)| *all &= word);
            }
            visit(first, all);
        }
        Ok(())
    }

    /// Copies all planes into others, as samples `first..`, which are clear there.
    ///
    /// # Errors
    /// The file cannot be read, or its bits are wrong.
    fn copy_into(&self, planes: &mut ZeroPlanes, first: usize) -> Result<(), PlanesFileError> {
        let (words, size) = (self.samples().div_ceil(64), self.piece());
        let mut scratch = vec![0; size.min(words)];
        for neuron in 0..self.neurons() {
            for word in (0..words).step_by(size) {
                let piece = &mut scratch[..size.min(words - word)];
                let piece = self.words(neuron, word, piece)?;
                put_words(planes.plane_mut(neuron), first + 64 * word, piece);
            }
        }
        Ok(())
    }
}

impl PlaneSource for ZeroPlanes {
    fn neurons(&self) -> usize {
        self.neurons
    }

    fn samples(&self) -> usize {
        self.samples
    }

    fn words<'a>(
        &'a self,
        neuron: usize,
        first: usize,
        scratch: &'a mut [u64],
    ) -> Result<&'a [u64], PlanesFileError> {
        Ok(&self.plane(neuron)[first..][..scratch.len()])
    }
}

/// All samples of several sources of so many neurons, one source after the other.
///
/// # Errors
/// Those of the sources.
#[doc(hidden)]
pub fn join(neurons: usize, sources: &[&dyn PlaneSource]) -> Result<ZeroPlanes, PlanesFileError> {
    let samples = sources.iter().map(|source| source.samples()).sum();
    let mut planes = ZeroPlanes::new(neurons, samples);
    let mut first = 0;
    for source in sources {
        source.copy_into(&mut planes, first)?;
        first += source.samples();
    }
    Ok(planes)
}
