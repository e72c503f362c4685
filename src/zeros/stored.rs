//! Planes that stay in their file: for more samples than memory holds.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::ZeroPlanes;
use super::file::{Header, PlanesFileError, PlanesProblem};
use super::record::Record;
use super::subsample::PlaneSource;

/// Words that are read at a time: 256 KiB.
const PIECE: usize = 1 << 15;

/// An open planes file, its sizes checked. Planes are read when they are needed.
#[derive(Debug)]
pub struct StoredPlanes {
    path: PathBuf,
    file: Mutex<File>,
    header: Header,
}

impl StoredPlanes {
    /// Opens a planes file and reads its header.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn open(path: &Path) -> Result<StoredPlanes, PlanesFileError> {
        let open = || -> Result<StoredPlanes, PlanesProblem> {
            let mut file = File::open(path)?;
            let len = file.metadata()?.len();
            let header = Header::read(&mut file, len)?;
            Ok(StoredPlanes {
                path: path.to_path_buf(),
                file: Mutex::new(file),
                header,
            })
        };
        open().map_err(|problem| failed(path, problem))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the planes were made of, if the file says it.
    pub fn record(&self) -> Option<&Record> {
        self.header.record.as_ref()
    }

    /// Memory that the planes take, in bytes.
    pub fn bytes(&self) -> u64 {
        8 * self.header.neurons as u64 * ZeroPlanes::stride_for(self.samples()) as u64
    }

    /// Reads all planes.
    ///
    /// # Errors
    /// The file cannot be read, or its bits are wrong.
    pub fn load(&self) -> Result<ZeroPlanes, PlanesFileError> {
        ZeroPlanes::read(&self.path)
    }

    /// As [`ZeroPlanes::zero_blocks`], reading every plane once in pieces of 256 KiB.
    ///
    /// # Errors
    /// The file cannot be read, or its bits are wrong.
    pub fn zero_blocks(&self, order: &[u32]) -> Result<u64, PlanesFileError> {
        let words = self.samples().div_ceil(64);
        let block_score = |block: &[u32]| -> io::Result<u64> {
            let (mut all, mut scratch) = (vec![0; PIECE], vec![0; PIECE]);
            let mut score = 0;
            for first in (0..words).step_by(PIECE) {
                let len = PIECE.min(words - first);
                let all = &mut all[..len];
                all.fill(u64::MAX);
                for &neuron in block {
                    let plane = self.words(neuron as usize, first, &mut scratch[..len])?;
                    all.iter_mut()
                        .zip(plane)
                        .for_each(|(all, &word)| *all &= word);
                }
                score += all
                    .iter()
                    .map(|word| u64::from(word.count_ones()))
                    .sum::<u64>();
            }
            Ok(score)
        };
        let blocks = order.as_chunks::<4>().0;
        let scores: io::Result<Vec<u64>> =
            blocks.par_iter().map(|block| block_score(block)).collect();
        let scores = scores.map_err(|source| failed(&self.path, source.into()))?;
        Ok(scores.iter().sum())
    }
}

fn failed(path: &Path, problem: PlanesProblem) -> PlanesFileError {
    PlanesFileError {
        path: path.to_path_buf(),
        problem,
    }
}

impl PlaneSource for StoredPlanes {
    fn neurons(&self) -> usize {
        self.header.neurons
    }

    fn samples(&self) -> usize {
        self.header.samples
    }

    fn piece(&self) -> usize {
        PIECE
    }

    fn words<'a>(
        &'a self,
        neuron: usize,
        first: usize,
        scratch: &'a mut [u64],
    ) -> io::Result<&'a [u64]> {
        let all = self.samples().div_ceil(64);
        let offset = self.header.offset + 8 * (neuron as u64 * all as u64 + first as u64);
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(bytemuck::cast_slice_mut(scratch))?;
        }
        for word in scratch.iter_mut() {
            *word = u64::from_le(*word);
        }
        if first + scratch.len() == all
            && let Some(last) = scratch.last()
            && last & self.header.past() != 0
        {
            let problem = PlanesProblem::Padding { neuron };
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        Ok(scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zeros::subsample::{Share, Subsample};

    #[test]
    fn counts_and_parts_as_in_memory() {
        let mut planes = ZeroPlanes::new(8, 70_001);
        for neuron in 0..8 {
            for sample in (0..70_001).filter(|sample| sample * (neuron + 3) % 7 < 4) {
                planes.set(neuron, sample);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.planes");
        planes.write(&mut File::create(&path).unwrap()).unwrap();
        let stored = StoredPlanes::open(&path).unwrap();
        let order = [7, 1, 2, 4, 3, 0, 5, 6];
        assert_eq!(
            stored.zero_blocks(&order).unwrap(),
            planes.zero_blocks(&order)
        );
        assert_eq!(stored.load().unwrap(), planes);
        let share = Share::at_most(1, 2);
        let part = |source: &dyn PlaneSource| {
            let chosen = Subsample::choose(&[source], share).unwrap();
            chosen.copy(&[source]).unwrap()
        };
        assert_eq!(part(&stored), part(&planes));

        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() = 0x80;
        std::fs::write(&path, bytes).unwrap();
        let error = StoredPlanes::open(&path).unwrap().zero_blocks(&order);
        assert!(error.unwrap_err().to_string().contains("neuron 7"));
    }
}
