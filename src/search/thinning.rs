//! A part of the samples, for the coarse part of a search.

use crate::zeros::ZeroPlanes;

/// The largest copy that is always made, in bytes. Beyond it a copy takes at most a tenth of the planes.
const SMALL_COPY: usize = 8 << 20;

/// Fewer samples than this say too little about a network.
const FEWEST_SAMPLES: u64 = 1 << 14;

/// One word of 64 samples out of this many, by preference.
const EVERY: usize = 4;

/// Copies every fourth word of 64 samples, or fewer where the copy would be large. None if too few would be left.
pub(crate) fn thin(chunks: &[ZeroPlanes]) -> Option<ZeroPlanes> {
    let neurons = chunks.first()?.neurons();
    let samples: u64 = chunks.iter().map(|planes| planes.samples() as u64).sum();
    let bytes = chunks
        .iter()
        .map(|planes| 8 * planes.words().len())
        .sum::<usize>();
    let every = EVERY.max(bytes.div_ceil(SMALL_COPY.max(bytes / 10)));
    if samples / (every as u64) < FEWEST_SAMPLES {
        return None;
    }
    // Whole words only, from the middle of each step on.
    let words = chunks
        .iter()
        .enumerate()
        .flat_map(|(chunk, planes)| (0..planes.samples() / 64).map(move |word| (chunk, word)));
    let chosen: Vec<(usize, usize)> = words.skip(every / 2).step_by(every).collect();
    let mut thinned = ZeroPlanes::new(neurons, 64 * chosen.len());
    for neuron in 0..neurons {
        let plane = thinned.plane_mut(neuron);
        for (target, &(chunk, word)) in plane.iter_mut().zip(&chosen) {
            *target = chunks[chunk].plane(neuron)[word];
        }
    }
    Some(thinned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fourth_word_of_all_chunks() {
        let mut chunks = [
            ZeroPlanes::new(8, 64 * 1024 + 7),
            ZeroPlanes::new(8, 64 * 64),
        ];
        for (planes, first) in chunks.iter_mut().zip([0, 1024]) {
            for word in 0..planes.samples() / 64 {
                planes.plane_mut(3)[word] = first + word as u64;
            }
        }
        let thinned = thin(&chunks).unwrap();
        assert_eq!(thinned.samples(), 64 * (1024 + 64) / 4);
        let words: Vec<u64> = (0..1024 + 64).skip(2).step_by(4).collect();
        assert_eq!(thinned.plane(3)[..words.len()], words);
        assert!(thinned.plane(2).iter().all(|&word| word == 0));
    }

    #[test]
    fn too_few_samples() {
        assert!(thin(&[ZeroPlanes::new(8, 65_535)]).is_none());
        assert!(thin(&[]).is_none());
    }
}
