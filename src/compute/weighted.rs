//! Samples that count several times.

use super::subsample::Share;
use super::{CoZeroCounter, ComputeError, NeuronGroup, PlaneSet};

/// Several sets of planes as one, each with a weight.
///
/// A sample of weight w counts as w equal samples would, so all counts are integers still. [`samples`](Self::samples)
/// is the sum of the weights of all samples.
pub struct WeightedPlanes<'a> {
    /// Only what weighs something.
    parts: Vec<(u32, Part<'a>)>,
}

enum Part<'a> {
    Whole(&'a dyn PlaneSet),
    Copy(Box<dyn PlaneSet + 'a>),
}

impl Part<'_> {
    fn planes(&self) -> &dyn PlaneSet {
        match self {
            Part::Whole(planes) => *planes,
            Part::Copy(planes) => planes.as_ref(),
        }
    }
}

impl<'a> WeightedPlanes<'a> {
    /// Joins sets of the same neurons. Those of weight 0 are left out.
    ///
    /// # Errors
    /// The sets differ in their neurons.
    pub fn new(
        parts: impl IntoIterator<Item = (u32, &'a dyn PlaneSet)>,
    ) -> Result<WeightedPlanes<'a>, ComputeError> {
        let parts: Vec<(u32, Part)> = parts
            .into_iter()
            .filter(|(weight, planes)| *weight > 0 && planes.samples() > 0)
            .map(|(weight, planes)| (weight, Part::Whole(planes)))
            .collect();
        let widths = || parts.iter().map(|(_, part)| part.planes().neurons());
        if let (Some(least), Some(most)) = (widths().min(), widths().max())
            && least < most
        {
            return Err(ComputeError::Unsupported(format!(
                "planes of {least} and of {most} neurons cannot be counted together"
            )));
        }
        Ok(WeightedPlanes { parts })
    }

    /// The only part, if it needs no weighing.
    fn plain(&self) -> Option<&dyn PlaneSet> {
        match self.parts.as_slice() {
            [(1, part)] => Some(part.planes()),
            _ => None,
        }
    }
}

impl PlaneSet for WeightedPlanes<'_> {
    fn neurons(&self) -> usize {
        self.parts
            .first()
            .map_or(0, |(_, it)| it.planes().neurons())
    }

    fn samples(&self) -> u64 {
        let weighted = |(weight, part): &(u32, Part)| {
            u64::from(*weight).saturating_mul(part.planes().samples())
        };
        self.parts.iter().map(weighted).fold(0, u64::saturating_add)
    }

    fn counter(&self) -> Result<Box<dyn CoZeroCounter + '_>, ComputeError> {
        if let Some(planes) = self.plain() {
            return planes.counter();
        }
        if self.samples() > u64::from(u32::MAX) {
            return Err(ComputeError::Unsupported(
                "the weights of all samples sum up to more than 32 bits hold".to_owned(),
            ));
        }
        let parts = self.parts.iter();
        let parts = parts
            .map(|(weight, part)| Ok((*weight, part.planes().counter()?)))
            .collect::<Result<_, ComputeError>>()?;
        Ok(Box::new(WeightedCounter {
            parts,
            part_counts: Vec::new(),
        }))
    }

    fn part(&self, share: Share) -> Result<Box<dyn PlaneSet + '_>, ComputeError> {
        if let Some(planes) = self.plain() {
            return planes.part(share);
        }
        let mut parts = Vec::new();
        for (weight, part) in &self.parts {
            let copy = part.planes().part(share)?;
            if copy.samples() > 0 {
                parts.push((*weight, Part::Copy(copy)));
            }
        }
        Ok(Box::new(WeightedPlanes { parts }))
    }

    fn group_counts(&self, groups: &[NeuronGroup]) -> Result<Vec<u64>, ComputeError> {
        let mut sums = vec![0u64; groups.len()];
        for (weight, part) in &self.parts {
            let counts = part.planes().group_counts(groups)?;
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum = sum.saturating_add(u64::from(*weight).saturating_mul(count));
            }
        }
        Ok(sums)
    }
}

/// The weighted sum of several counters; all sums fit into 32 bits.
struct WeightedCounter<'a> {
    parts: Vec<(u32, Box<dyn CoZeroCounter + 'a>)>,
    part_counts: Vec<u32>,
}

impl WeightedCounter<'_> {
    /// The weighted sum of what `count` counts with each of the counters.
    fn sum(
        &mut self,
        sums: &mut Vec<u32>,
        count: impl Fn(&mut dyn CoZeroCounter, &mut Vec<u32>) -> Result<(), ComputeError>,
    ) -> Result<(), ComputeError> {
        sums.clear();
        for (weight, part) in &mut self.parts {
            count(part.as_mut(), &mut self.part_counts)?;
            sums.resize(self.part_counts.len(), 0);
            for (sum, count) in sums.iter_mut().zip(&self.part_counts) {
                *sum += *weight * count;
            }
        }
        Ok(())
    }
}

impl CoZeroCounter for WeightedCounter<'_> {
    fn neurons(&self) -> usize {
        self.parts.first().map_or(0, |(_, part)| part.neurons())
    }

    fn samples(&self) -> u64 {
        let weighted = |(weight, part): &(u32, Box<dyn CoZeroCounter + '_>)| {
            u64::from(*weight) * part.samples()
        };
        self.parts.iter().map(weighted).sum()
    }

    fn rows_at_once(&self, columns: usize, most: usize) -> usize {
        let parts = self.parts.iter();
        let rows = parts.map(|(_, part)| part.rows_at_once(columns, most));
        rows.min().unwrap_or(most)
    }

    fn co_zero_counts(
        &mut self,
        left: &[NeuronGroup],
        right: &[NeuronGroup],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        self.sum(counts, |part, counts| {
            part.co_zero_counts(left, right, counts)
        })
    }

    fn listed_counts(
        &mut self,
        left: &[NeuronGroup],
        lists: &[Vec<u32>],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        self.sum(counts, |part, counts| {
            part.listed_counts(left, lists, counts)
        })
    }
}
