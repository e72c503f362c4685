//! Planes that stay in their file: for more samples than memory holds.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::file::{Group, Header, PlanesFileError, PlanesProblem};
use super::record::Record;
use super::source::PlaneSource;
use super::sums::{PIECE, Sums};
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
    file: File,
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
            file,
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
                    self.words(neuron, word, piece).map(drop)
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

    /// In how many samples all four neurons of a group are zero, reading in pieces of 256 KiB.
    ///
    /// # Errors
    /// The file cannot be read, or its bits are wrong.
    pub fn group_counts(&self, groups: &[[u32; 4]]) -> Result<Vec<u64>, PlanesFileError> {
        let count = |group: &[u32; 4]| {
            let mut count = 0;
            self.for_each_and(group, &mut |_, words| {
                count += words
                    .iter()
                    .map(|word| u64::from(word.count_ones()))
                    .sum::<u64>();
            })?;
            Ok(count)
        };
        groups.par_iter().map(count).collect()
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
    ) -> Result<&'a [u64], PlanesFileError> {
        let all = self.samples().div_ceil(64);
        let offset = self.group.offset + 8 * (neuron as u64 * all as u64 + first as u64);
        let mut input = At {
            file: &self.file.file,
            offset,
        };
        self.group
            .fill(scratch, &mut input)
            .and_then(|()| self.check_sum(neuron, first, scratch))
            .and_then(|()| self.group.check(neuron, first, scratch))
            .map_err(|problem| self.failed(problem))?;
        Ok(scratch)
    }
}

/// Reads a file from an offset on, without moving the place where others read it.
struct At<'f> {
    file: &'f File,
    offset: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(self.file, buffer, self.offset)?;
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(self.file, buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planes::ZeroPlanes;

    #[test]
    fn counts_as_in_memory() {
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
        let blocks = order.as_chunks::<4>().0;
        let counts = stored.group_counts(blocks).unwrap();
        assert_eq!(counts.iter().sum::<u64>(), planes.zero_blocks(&order));
        // A group of one neuron, and of three.
        let singles = stored.group_counts(&[[5; 4], [6, 1, 2, 6]]).unwrap();
        let together =
            (0..70_001).filter(|&sample| [6, 1, 2].iter().all(|&n| planes.get(n, sample)));
        assert_eq!(singles, [planes.zero_counts()[5], together.count() as u64]);
        let mut copy = ZeroPlanes::new(8, 70_001 + 5);
        stored.copy_into(&mut copy, 5).unwrap();
        assert_eq!(copy.zero_blocks(&order), planes.zero_blocks(&order));

        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() = 0x80;
        std::fs::write(&path, bytes).unwrap();
        let groups = StoredPlanes::open(&path).unwrap().into_groups();
        let error = groups[0].group_counts(blocks).unwrap_err().to_string();
        assert!(
            error.contains("neuron 7") && error.contains("a.planes"),
            "{error}"
        );
    }
}
