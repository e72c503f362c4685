//! Planes in files, which are larger than memory or need not be in it.

use std::cell::OnceCell;

use super::subsample::{Share, Subsample};
use super::{Backend, CoZeroCounter, ComputeError, HostPlanes, NeuronGroup, PlaneSet};
use crate::planes::{PlaneSource, StoredGroup, join};

/// Samples of the same neurons that stay in their files. Sums are counted piece by piece; only what is searched on
/// comes into memory.
pub struct DiskPlanes<'a> {
    backend: &'a dyn Backend,
    neurons: usize,
    groups: Vec<StoredGroup>,
    /// In how many samples each neuron is zero, where that was counted when the planes were written.
    zeros: Option<Vec<u64>>,
    /// All of them in memory, once something counts on them.
    copy: OnceCell<HostPlanes<'a>>,
}

impl<'a> DiskPlanes<'a> {
    /// All groups have so many neurons.
    pub fn new(backend: &'a dyn Backend, neurons: usize, groups: Vec<StoredGroup>) -> Self {
        DiskPlanes {
            backend,
            neurons,
            groups,
            zeros: None,
            copy: OnceCell::new(),
        }
    }

    /// With what is known already: in how many of the samples each neuron is zero.
    #[must_use]
    pub fn with_zero_counts(self, zeros: Vec<u64>) -> Self {
        DiskPlanes {
            zeros: Some(zeros),
            ..self
        }
    }

    fn in_memory(&self) -> Result<&HostPlanes<'a>, ComputeError> {
        if let Some(copy) = self.copy.get() {
            return Ok(copy);
        }
        let planes = join(self.neurons, &self.all_sources())?;
        let copy = HostPlanes::new(self.backend, vec![planes]);
        Ok(self.copy.get_or_init(|| copy))
    }

    fn all_sources(&self) -> Vec<&dyn PlaneSource> {
        let groups = self.groups.iter();
        groups.map(|group| group as &dyn PlaneSource).collect()
    }
}

impl PlaneSet for DiskPlanes<'_> {
    fn neurons(&self) -> usize {
        self.neurons
    }

    fn samples(&self) -> u64 {
        self.groups.iter().map(|group| group.samples() as u64).sum()
    }

    /// Brings all planes into memory: callers that have no room for them take a [`part`](PlaneSet::part).
    fn counter(&self) -> Result<Box<dyn CoZeroCounter + '_>, ComputeError> {
        self.in_memory()?.counter()
    }

    fn part(&self, share: Share) -> Result<Box<dyn PlaneSet + '_>, ComputeError> {
        let sources = self.all_sources();
        let copy = Subsample::choose(&sources, share)?.copy(&sources)?;
        Ok(Box::new(HostPlanes::new(self.backend, vec![copy])))
    }

    fn group_counts(&self, groups: &[NeuronGroup]) -> Result<Vec<u64>, ComputeError> {
        let padded: Vec<[u32; 4]> = groups.iter().map(NeuronGroup::padded).collect();
        let mut sums = vec![0; groups.len()];
        for stored in &self.groups {
            for (sum, count) in sums.iter_mut().zip(stored.group_counts(&padded)?) {
                *sum += count;
            }
        }
        Ok(sums)
    }

    fn zero_counts(&self) -> Result<Vec<u64>, ComputeError> {
        match &self.zeros {
            Some(zeros) => Ok(zeros.clone()),
            None => self.group_counts(&NeuronGroup::singles(self.neurons)),
        }
    }

    fn sources(&self) -> Option<Vec<&dyn PlaneSource>> {
        Some(self.all_sources())
    }

    fn is_on_disk(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::cpu::CpuBackend;
    use crate::planes::{Spill, ZeroPlanes};

    #[test]
    fn sums_and_parts_as_in_memory() {
        let mut planes = ZeroPlanes::new(8, 3001);
        for neuron in 0..8 {
            for sample in (0..3001).filter(|sample| sample * (neuron + 3) % 7 < 4) {
                planes.set(neuron, sample);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let mut file = Spill::create(folder.path(), 8, 0).unwrap();
        file.add(None, &planes).unwrap();
        file.add(Some(2), &planes).unwrap();
        let backend = CpuBackend::new(Some(1)).unwrap();
        let disk = DiskPlanes::new(&backend, 8, file.finish().unwrap());
        let host = HostPlanes::new(&backend, vec![planes.clone(), planes]);
        assert_eq!((disk.samples(), disk.neurons()), (6002, 8));
        let groups = [&[0][..], &[0, 1], &[0, 1, 2, 3], &[1, 7]].map(NeuronGroup::new);
        let both: [&dyn PlaneSet; 2] = [&disk, &host];
        let [on_disk, in_memory] = both.map(|set| {
            let part = set.part(Share::at_most(1, 4)).unwrap();
            let mut counts = Vec::new();
            let mut counter = set.counter().unwrap();
            counter
                .co_zero_counts(&groups, &groups, &mut counts)
                .unwrap();
            (
                set.group_counts(&groups).unwrap(),
                set.zero_counts().unwrap(),
                set.zero_blocks(&[7, 1, 2, 4, 3, 0, 5, 6]).unwrap(),
                (part.samples(), part.zero_counts().unwrap()),
                counts,
            )
        });
        assert_eq!(on_disk, in_memory);
    }
}
