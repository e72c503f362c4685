//! Stage `group_counts`.

use rayon::prelude::*;

use crate::compute::NeuronGroup;
use crate::planes::ZeroPlanes;

/// In how many samples are all neurons of a group zero?
pub(crate) fn group_counts(chunks: &[ZeroPlanes], groups: &[NeuronGroup]) -> Vec<u64> {
    let count = |group: &NeuronGroup| -> u64 {
        let in_chunk = |planes: &ZeroPlanes| -> u64 {
            let [a, b, c, d] = group.padded().map(|neuron| planes.plane(neuron as usize));
            let words = a.iter().zip(b).zip(c).zip(d);
            words
                .map(|(((a, b), c), d)| u64::from((a & b & c & d).count_ones()))
                .sum()
        };
        chunks.iter().map(in_chunk).sum()
    };
    groups.par_iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_by_hand() {
        let mut planes = ZeroPlanes::new(8, 3);
        for neuron in [0, 1, 2, 3] {
            planes.set(neuron, 0);
        }
        for neuron in [0, 5, 6, 7] {
            planes.set(neuron, 2);
        }
        let chunks = [planes.clone(), planes];
        let groups = [&[0][..], &[0, 1], &[0, 1, 2, 3], &[1, 7]].map(NeuronGroup::new);
        assert_eq!(group_counts(&chunks, &groups), [4, 2, 2, 0]);
    }
}
