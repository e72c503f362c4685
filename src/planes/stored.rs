//! Planes that stay in their file: for more samples than memory holds.

use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::file::{Group, Header, PlanesFileError, PlanesProblem};
use super::record::Record;
use super::subsample::PlaneSource;
use super::sums::{PIECE, Sums};
use super::{ZeroPlanes, put_words};
use crate::files::reading::open_seekable;

/// An open planes file, its sizes checked. Planes are read when they are needed.
#[derive(Debug)]
pub struct StoredPlanes {
    neurons: usize,
    record: Option<Record>,
    groups: Vec<StoredGroup>,
}

/// Planes of some of the samples of a file.
#[derive(Clone, Debug)]
pub struct StoredGroup {
    file: Arc<PlanesFile>,
    neurons: usize,
    /// Among those of the file.
    number: usize,
    group: Group,
}

/// What several groups read from.
#[derive(Debug)]
struct PlanesFile {
    path: PathBuf,
    file: Mutex<File>,
    sums: Option<Sums>,
}

impl StoredPlanes {
    /// Opens a planes file and reads its header.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn open(path: &Path) -> Result<StoredPlanes, PlanesFileError> {
        let open = || -> Result<(File, Header, Option<Sums>), PlanesProblem> {
            let (mut file, len) = open_seekable(path)?;
            let header = Header::read(&mut BufReader::new(&file), len)?;
            let sums = header.seek_sums(&mut file)?;
            Ok((file, header, sums))
        };
        let (file, header, sums) = open().map_err(|problem| PlanesFileError {
            path: path.to_path_buf(),
            problem,
        })?;
        Ok(StoredPlanes {
            neurons: header.neurons,
            record: header.record,
            groups: StoredGroup::all(path, file, sums, header.neurons, header.groups),
        })
    }

    pub fn neurons(&self) -> usize {
        self.neurons
    }

    pub fn samples(&self) -> usize {
        self.groups.iter().map(|it| it.samples()).sum()
    }

    /// What the planes were made of, if the file says it.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// The samples of each bucket, or all of them if the file does not tell buckets.
    pub fn groups(&self) -> &[StoredGroup] {
        &self.groups
    }

    pub fn into_groups(self) -> Vec<StoredGroup> {
        self.groups
    }
}

impl StoredGroup {
    /// Groups of a file whose sizes were checked.
    pub(super) fn all(
        path: &Path,
        file: File,
        sums: Option<Sums>,
        neurons: usize,
        groups: Vec<Group>,
    ) -> Vec<StoredGroup> {
        let file = Arc::new(PlanesFile {
            path: path.to_path_buf(),
            file: Mutex::new(file),
            sums,
        });
        let of_file = |(number, group)| StoredGroup {
            file: Arc::clone(&file),
            neurons,
            number,
            group,
        };
        groups.into_iter().enumerate().map(of_file).collect()
    }

    /// The bucket of all these samples, where the file tells it.
    pub fn bucket(&self) -> Option<usize> {
        self.group.bucket
    }

    /// Compares a piece of a plane, as it stands in the file, with its checksum, if it has one.
    fn check_sum(&self, neuron: usize, first: usize, words: &[u64]) -> Result<(), PlanesProblem> {
        let bytes = bytemuck::cast_slice(words);
        self.file.sums.as_ref().map_or(Ok(()), |sums| {
            sums.check(self.number, &self.group, neuron, first, bytes)
        })
    }

    /// Reads all planes and compares them with their checksums.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn check(&self) -> Result<(), PlanesFileError> {
        let words = self.samples().div_ceil(64);
        (0..self.neurons).into_par_iter().try_for_each_init(
            || vec![0; PIECE.min(words)],
            |scratch, neuron| {
                (0..words).step_by(PIECE).try_for_each(|word| {
                    let piece = &mut scratch[..PIECE.min(words - word)];
                    let read = self.words(neuron, word, piece).map(drop);
                    read.map_err(|error| self.failed(into_problem(error)))
                })
            },
        )
    }

    fn failed(&self, problem: PlanesProblem) -> PlanesFileError {
        PlanesFileError {
            path: self.file.path.clone(),
            problem,
        }
    }

    /// Reads all planes.
    ///
    /// # Errors
    /// The file cannot be read, or its bits are wrong.
    pub fn load(&self) -> Result<ZeroPlanes, PlanesFileError> {
        let mut planes = ZeroPlanes::new(self.neurons, self.samples());
        self.copy_into(&mut planes, 0)?;
        Ok(planes)
    }

    /// Reads all planes into others, as samples `first..`, which are clear there.
    ///
    /// # Errors
    /// The file cannot be read, or its bits are wrong.
    pub fn copy_into(&self, planes: &mut ZeroPlanes, first: usize) -> Result<(), PlanesFileError> {
        let words = self.samples().div_ceil(64);
        let mut scratch = vec![0; PIECE.min(words)];
        for neuron in 0..self.neurons {
            for word in (0..words).step_by(PIECE) {
                let piece = &mut scratch[..PIECE.min(words - word)];
                let piece = self.words(neuron, word, piece);
                let piece = piece.map_err(|error| self.failed(into_problem(error)))?;
                put_words(planes.plane_mut(neuron), first + 64 * word, piece);
            }
        }
        Ok(())
    }

    /// As [`ZeroPlanes::zero_blocks`], reading every plane once in pieces of 256 KiB.
    ///
    /// # Errors
    /// The file cannot be read, or its bits are wrong.
    pub fn zero_blocks(&self, order: &[u32]) -> Result<u64, PlanesFileError> {
        let words = self.samples().div_ceil(64);
        let block_score = |block: &[u32]| -> io::Result<u64> {
            let size = PIECE.min(words);
            let (mut all, mut scratch) = (vec![0; size], vec![0; size]);
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
        let scores = scores.map_err(|error| self.failed(into_problem(error)))?;
        Ok(scores.iter().sum())
    }
}

impl PlaneSource for StoredGroup {
    fn neurons(&self) -> usize {
        self.neurons
    }

    fn samples(&self) -> usize {
        self.group.samples
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
        let offset = self.group.offset + 8 * (neuron as u64 * all as u64 + first as u64);
        let filled = {
            let file = self.file.file.lock();
            let mut file = file.unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(offset))?;
            self.group.fill(scratch, &mut *file)
        };
        let checked = filled
            .and_then(|()| self.check_sum(neuron, first, scratch))
            .and_then(|()| self.group.check(neuron, first, scratch));
        checked.map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))?;
        Ok(scratch)
    }
}

/// What [`PlaneSource::words`] made an error of.
fn into_problem(error: io::Error) -> PlanesProblem {
    match error.downcast::<PlanesProblem>() {
        Ok(problem) => problem,
        Err(error) => PlanesProblem::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planes::subsample::{Share, Subsample};

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
        let stored = StoredPlanes::open(&path).unwrap().into_groups();
        let [stored] = stored.as_slice() else {
            panic!("one group")
        };
        let order = [7, 1, 2, 4, 3, 0, 5, 6];
        assert_eq!(
            stored.zero_blocks(&order).unwrap(),
            planes.zero_blocks(&order)
        );
        let mut copy = ZeroPlanes::new(8, 70_001 + 5);
        stored.copy_into(&mut copy, 5).unwrap();
        assert_eq!(copy.zero_blocks(&order), planes.zero_blocks(&order));
        let share = Share::at_most(1, 2);
        let part = |source: &dyn PlaneSource| {
            let chosen = Subsample::choose(&[source], share).unwrap();
            chosen.copy(&[source]).unwrap()
        };
        assert_eq!(part(stored), part(&planes));

        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() = 0x80;
        std::fs::write(&path, bytes).unwrap();
        let groups = StoredPlanes::open(&path).unwrap().into_groups();
        let error = groups[0].zero_blocks(&order);
        assert!(error.unwrap_err().to_string().contains("neuron 7"));
    }
}
