//! Planes that leave memory for a temporary file as they are made.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::file::Group;
use super::{StoredGroup, ZeroPlanes};

/// A temporary file for planes. It has no name, or none that stays: however the process ends, the system removes it.
#[derive(Debug)]
pub struct Spill {
    folder: PathBuf,
    neurons: usize,
    file: BufWriter<File>,
    groups: Vec<Group>,
    len: u64,
}

/// Why planes could not be put into a temporary file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpillError {
    #[error(
        "planes of {} MB do not fit in memory, and {} has only {} MB free for a temporary file of them",
        needed / 1_000_000, folder.display(), free / 1_000_000
    )]
    Space {
        folder: PathBuf,
        needed: u64,
        free: u64,
    },
    #[error("a temporary file for planes in {}: {source}", folder.display())]
    Io { folder: PathBuf, source: io::Error },
}

impl Spill {
    /// Starts a file in a folder that has room for `bytes`.
    ///
    /// # Errors
    /// It has not, or no file can be made there.
    pub fn create(folder: &Path, neurons: usize, bytes: u64) -> Result<Spill, SpillError> {
        let failed = |source| SpillError::Io {
            folder: folder.to_path_buf(),
            source,
        };
        let free = fs4::available_space(folder).map_err(failed)?;
        if free < bytes {
            return Err(SpillError::Space {
                folder: folder.to_path_buf(),
                needed: bytes,
                free,
            });
        }
        let file = tempfile::tempfile_in(folder).map_err(failed)?;
        Ok(Spill {
            folder: folder.to_path_buf(),
            neurons,
            file: BufWriter::with_capacity(1 << 20, file),
            groups: Vec::new(),
            len: 0,
        })
    }

    /// Writes the planes of samples of one bucket, or of any.
    ///
    /// # Errors
    /// The disk is full, or another I/O error.
    pub fn add(&mut self, bucket: Option<usize>, planes: &ZeroPlanes) -> Result<(), SpillError> {
        planes
            .write_words(&mut self.file)
            .map_err(|source| self.failed(source))?;
        self.groups.push(Group {
            bucket,
            samples: planes.samples(),
            offset: self.len,
        });
        self.len += 8 * (self.neurons * planes.samples().div_ceil(64)) as u64;
        Ok(())
    }

    /// Ends writing and gives back what was written, in that order. The file lives as long as one of the groups.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn finish(mut self) -> Result<Vec<StoredGroup>, SpillError> {
        self.file.flush().map_err(|source| self.failed(source))?;
        let Spill {
            folder,
            neurons,
            file,
            groups,
            ..
        } = self;
        let failed = |source: io::Error| SpillError::Io {
            folder: folder.clone(),
            source,
        };
        let file = file
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        let name = folder.join("(temporary file)");
        Ok(StoredGroup::all(&name, file, None, neurons, groups))
    }

    fn failed(&self, source: io::Error) -> SpillError {
        SpillError::Io {
            folder: self.folder.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planes::join;

    #[test]
    fn planes_come_back_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut planes = ZeroPlanes::new(4, 100);
        (0..100)
            .filter(|sample| sample % 3 == 0)
            .for_each(|sample| planes.set(sample % 4, sample));
        let mut spill = Spill::create(folder.path(), 4, 1000).unwrap();
        spill.add(None, &planes).unwrap();
        spill.add(Some(3), &ZeroPlanes::new(4, 7)).unwrap();
        spill.add(Some(1), &planes).unwrap();
        let groups = spill.finish().unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        assert!(
            groups
                .iter()
                .map(StoredGroup::bucket)
                .eq([None, Some(3), Some(1)])
        );
        for number in [0, 2] {
            assert_eq!(join(4, &[&groups[number]]).unwrap(), planes);
        }

        let full = Spill::create(folder.path(), 4, u64::MAX).unwrap_err();
        assert!(matches!(full, SpillError::Space { .. }));
        let none = Spill::create(&folder.path().join("none"), 4, 1).unwrap_err();
        assert!(none.to_string().contains("none"), "{none}");
    }
}
