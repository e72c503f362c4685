//! Zero planes in a file: what one machine gathers and another searches on.
//!
//! Little-endian: `FTZP`, u32 format 1, u32 neurons, u32 0, u64 samples, then for every neuron `ceil(samples / 64)`
//! words of 64 samples. Bits past the last sample are clear.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::ZeroPlanes;

/// The first four bytes.
pub const MAGIC: &[u8; 4] = b"FTZP";

const FORMAT: u32 = 1;
const HEADER: u64 = 24;

/// A plane takes memory even if it has no samples, and then no bytes in the file.
const MAX_NEURONS: u32 = 1 << 16;

/// Why a file holds no planes.
#[derive(Debug, Error)]
#[error("{}: {problem}", path.display())]
pub struct PlanesFileError {
    pub path: PathBuf,
    pub problem: PlanesProblem,
}

/// What is wrong with a planes file.
#[derive(Debug, Error)]
pub enum PlanesProblem {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("no planes file: it does not begin with FTZP")]
    Magic,
    #[error("planes format {0} at offset 4 is not known, only 1 is")]
    Format(u32),
    #[error(
        "planes of {neurons} neurons and {samples} samples take {expected} bytes, the file has {len}"
    )]
    Length {
        neurons: u32,
        samples: u64,
        expected: u128,
        len: u64,
    },
    #[error("{0} neurons by offset 8, more than the {MAX_NEURONS} of the widest network")]
    Neurons(u32),
    #[error("neuron {neuron} has bits set past the last sample")]
    Padding { neuron: usize },
}

impl ZeroPlanes {
    /// Reads a planes file.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read(path: &Path) -> Result<ZeroPlanes, PlanesFileError> {
        let read = || {
            let file = File::open(path)?;
            let len = file.metadata()?.len();
            ZeroPlanes::parse(&mut BufReader::with_capacity(1 << 20, file), len)
        };
        read().map_err(|problem| PlanesFileError {
            path: path.to_path_buf(),
            problem,
        })
    }

    /// Parses a planes file of `len` bytes. Nothing is allocated before the sizes were found to make that length.
    ///
    /// # Errors
    /// The bytes are no planes file.
    pub fn parse(input: &mut impl Read, len: u64) -> Result<ZeroPlanes, PlanesProblem> {
        let mut header = [0; HEADER as usize];
        if len < HEADER {
            return Err(PlanesProblem::Magic);
        }
        input.read_exact(&mut header)?;
        if !header.starts_with(MAGIC) {
            return Err(PlanesProblem::Magic);
        }
        let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| header[at + i]));
        if number(4) != FORMAT {
            return Err(PlanesProblem::Format(number(4)));
        }
        let neurons = number(8);
        let samples = u64::from(number(16)) | u64::from(number(20)) << 32;
        let words = samples.div_ceil(64);
        let expected = u128::from(HEADER) + 8 * u128::from(neurons) * u128::from(words);
        if expected != u128::from(len) {
            return Err(PlanesProblem::Length {
                neurons,
                samples,
                expected,
                len,
            });
        }
        if neurons > MAX_NEURONS {
            return Err(PlanesProblem::Neurons(neurons));
        }
        let mut planes = ZeroPlanes::new(neurons as usize, samples as usize);
        let past = if samples.is_multiple_of(64) {
            0
        } else {
            u64::MAX << (samples % 64)
        };
        for neuron in 0..neurons as usize {
            let plane = &mut planes.plane_mut(neuron)[..words as usize];
            input.read_exact(bytemuck::cast_slice_mut(plane))?;
            for word in plane.iter_mut() {
                *word = u64::from_le(*word);
            }
            if plane.last().is_some_and(|last| last & past != 0) {
                return Err(PlanesProblem::Padding { neuron });
            }
        }
        Ok(planes)
    }

    /// Writes a planes file.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(MAGIC)?;
        for number in [FORMAT, self.neurons() as u32, 0] {
            out.write_all(&number.to_le_bytes())?;
        }
        out.write_all(&(self.samples() as u64).to_le_bytes())?;
        for neuron in 0..self.neurons() {
            let plane = &self.plane(neuron)[..self.samples().div_ceil(64)];
            if cfg!(target_endian = "little") {
                out.write_all(bytemuck::cast_slice(plane))?;
            } else {
                for word in plane {
                    out.write_all(&word.to_le_bytes())?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> Result<ZeroPlanes, PlanesProblem> {
        ZeroPlanes::parse(&mut &bytes[..], bytes.len() as u64)
    }

    proptest! {
        #[test]
        fn round_trip(neurons in 1usize..9, samples in 0usize..200, seed in any::<u64>()) {
            let mut planes = ZeroPlanes::new(neurons, samples);
            for neuron in 0..neurons {
                for sample in 0..samples {
                    if seed.rotate_left((7 * neuron + 13 * sample) as u32) & 1 == 1 {
                        planes.set(neuron, sample);
                    }
                }
            }
            let mut bytes = Vec::new();
            planes.write(&mut bytes).unwrap();
            prop_assert_eq!(parse(&bytes).unwrap(), planes);
            bytes.pop();
            prop_assert!(parse(&bytes).is_err());
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse(&bytes);
            let mut planes = b"FTZP\x01\0\0\0".to_vec();
            planes.extend(bytes);
            let _ = parse(&planes);
        }
    }

    #[test]
    fn sizes_are_checked_before_anything_is_allocated() {
        let mut bytes = b"FTZP\x01\0\0\0".to_vec();
        bytes.extend(u32::MAX.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(u64::MAX.to_le_bytes());
        assert!(matches!(parse(&bytes), Err(PlanesProblem::Length { .. })));
        // Without samples any number of neurons has the right length.
        bytes[16..].fill(0);
        assert!(matches!(
            parse(&bytes),
            Err(PlanesProblem::Neurons(u32::MAX))
        ));
        let mut planes = Vec::new();
        ZeroPlanes::new(1, 3).write(&mut planes).unwrap();
        planes[24] = 8;
        assert!(matches!(
            parse(&planes),
            Err(PlanesProblem::Padding { neuron: 0 })
        ));
    }
}
