//! Zero planes in a file: what one machine gathers and another searches on.
//!
//! Little-endian: `FTZP`, u32 format, u32 neurons, u32 length of the record, u64 samples, the record, then for every
//! neuron `ceil(samples / 64)` words of 64 samples. Bits past the last sample are clear. The record is a [`Record`] as
//! JSON, filled up with spaces to a multiple of eight bytes. Format 1 has none and a length of 0; format 2 has one.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::ZeroPlanes;
use super::record::Record;

/// The first four bytes.
pub const MAGIC: &[u8; 4] = b"FTZP";

const WITHOUT_RECORD: u32 = 1;
const WITH_RECORD: u32 = 2;
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
    #[error("planes format {0} at offset 4 is not known, only 1 and 2 are")]
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
    #[error("the record at offset 24 says not what the planes were made of: {0}")]
    Record(String),
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
        let header = Header::read(input, len)?;
        let words = header.samples.div_ceil(64);
        let mut planes = ZeroPlanes::new(header.neurons, header.samples);
        for neuron in 0..header.neurons {
            let plane = &mut planes.plane_mut(neuron)[..words];
            input.read_exact(bytemuck::cast_slice_mut(plane))?;
            for word in plane.iter_mut() {
                *word = u64::from_le(*word);
            }
            if plane.last().is_some_and(|last| last & header.past() != 0) {
                return Err(PlanesProblem::Padding { neuron });
            }
        }
        Ok(planes)
    }

    /// Writes a planes file without a record.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.write_file(WITHOUT_RECORD, &[], out)
    }

    /// Writes a planes file that says what the planes were made of.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_with_record(&self, record: &Record, out: &mut impl Write) -> io::Result<()> {
        let mut text = serde_json::to_vec(record)?;
        text.resize(text.len().next_multiple_of(8), b' ');
        self.write_file(WITH_RECORD, &text, out)
    }

    fn write_file(&self, format: u32, record: &[u8], out: &mut impl Write) -> io::Result<()> {
        let too_long = |_| io::Error::other("the record is longer than 4 GiB");
        out.write_all(MAGIC)?;
        let record_len = u32::try_from(record.len()).map_err(too_long)?;
        for number in [format, self.neurons() as u32, record_len] {
            out.write_all(&number.to_le_bytes())?;
        }
        out.write_all(&(self.samples() as u64).to_le_bytes())?;
        out.write_all(record)?;
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

/// What stands before the planes, checked against the length of the file.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub neurons: usize,
    pub samples: usize,
    pub record: Option<Record>,
    /// Where the planes begin.
    pub offset: u64,
}

impl Header {
    /// Reads up to the first plane of a file of `len` bytes.
    pub fn read(input: &mut impl Read, len: u64) -> Result<Header, PlanesProblem> {
        let mut header = [0; HEADER as usize];
        if len < HEADER {
            return Err(PlanesProblem::Magic);
        }
        input.read_exact(&mut header)?;
        if !header.starts_with(MAGIC) {
            return Err(PlanesProblem::Magic);
        }
        let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| header[at + i]));
        let (format, neurons, record_len) = (number(4), number(8), number(12));
        if ![WITHOUT_RECORD, WITH_RECORD].contains(&format) {
            return Err(PlanesProblem::Format(format));
        }
        let samples = u64::from(number(16)) | u64::from(number(20)) << 32;
        let words = samples.div_ceil(64);
        // What format 1 has in the place of the length has no meaning.
        let record_len = if format == WITH_RECORD { record_len } else { 0 };
        let offset = HEADER + u64::from(record_len);
        let expected = u128::from(offset) + 8 * u128::from(neurons) * u128::from(words);
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
        let record = if format == WITH_RECORD {
            // No longer than the file.
            let mut text = vec![0; record_len as usize];
            input.read_exact(&mut text)?;
            let record = serde_json::from_slice(&text);
            Some(record.map_err(|error| PlanesProblem::Record(error.to_string()))?)
        } else {
            None
        };
        let too_many = |_| PlanesProblem::Length {
            neurons,
            samples,
            expected,
            len,
        };
        Ok(Header {
            neurons: neurons as usize,
            samples: usize::try_from(samples).map_err(too_many)?,
            record,
            offset,
        })
    }

    /// The bits of a plane's last word that are past the last sample.
    pub fn past(&self) -> u64 {
        match self.samples % 64 {
            0 => 0,
            rest => u64::MAX << rest,
        }
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
            prop_assert_eq!(&parse(&bytes).unwrap(), &planes);
            bytes.pop();
            prop_assert!(parse(&bytes).is_err());

            let mut bytes = Vec::new();
            let record = Record {
                net_sha256: seed.to_string(),
                data: Vec::new(),
                selection: "captures".into(),
                seed,
                count: Some(seed),
                shard: None,
            };
            planes.write_with_record(&record, &mut bytes).unwrap();
            let header = Header::read(&mut bytes.as_slice(), bytes.len() as u64).unwrap();
            prop_assert_eq!(header.record, Some(record));
            prop_assert_eq!(header.offset % 8, 0);
            prop_assert_eq!(parse(&bytes).unwrap(), planes);
            bytes.pop();
            prop_assert!(parse(&bytes).is_err());
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse(&bytes);
            for format in [1, 2] {
                let mut planes = b"FTZP".to_vec();
                planes.extend([format, 0, 0, 0]);
                planes.extend(&bytes);
                let _ = parse(&planes);
            }
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
