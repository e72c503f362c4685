//! Zero planes in a file: what one machine gathers and another searches on.
//!
//! Little-endian: `FTZP`, u32 format, u32 neurons, u32 length of the record, u64 samples, from format 3 on eight u64
//! with the samples of each bucket, the record, then groups of samples: one of all samples, or from format 3 on one for
//! each bucket that has some. A group has for every neuron `ceil(samples / 64)` words of 64 samples. Bits past the last
//! sample are clear. The record is a [`Record`] as JSON, filled up with spaces to a multiple of eight bytes. Format 1
//! has none and a length of 0.
//!
//! In format 4 checksums follow, CRC-32 as u32: of each 256 KiB of each plane, in the file's order (the last piece of a
//! plane is shorter), of all that stands before the planes, and of the checksums themselves.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::CrcReader;
use thiserror::Error;

use super::record::Record;
use super::sums::{PIECE, Sums, SumsWriter, table_bytes};
use super::{ZeroPlanes, put_words};
use crate::files::quote::message;
use crate::files::reading::{ReadError, crc32, open_seekable};
use crate::positions::bucket_weights::BUCKETS;

/// The first four bytes.
pub const MAGIC: &[u8; 4] = b"FTZP";

const WITHOUT_RECORD: u32 = 1;
const WITH_RECORD: u32 = 2;
const WITH_BUCKETS: u32 = 3;
const WITH_SUMS: u32 = 4;
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
#[non_exhaustive]
pub enum PlanesProblem {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("no planes file: it does not begin with FTZP")]
    Magic,
    #[error("planes format {0} at offset 4 is not known, only 1 to 4 are")]
    Format(u32),
    #[error("the file ends within {what} at offset {offset}")]
    Cut { what: &'static str, offset: u64 },
    #[error("the buckets at offset 24 have {of_buckets} samples, offset 16 says {samples}")]
    Buckets { of_buckets: u128, samples: u64 },
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
    #[error("damaged: bytes {begin} to {end}, of neuron {neuron}, have another checksum")]
    Damaged { neuron: usize, begin: u64, end: u64 },
    #[error("damaged: what stands before the planes has another checksum")]
    HeaderSum,
    #[error("damaged: the checksums at offset {offset} have another checksum")]
    Table { offset: u64 },
}

impl PlanesProblem {
    /// Is it damage to a planes file that was whole once, so that making it again is right? Not what only cannot be
    /// read now, is newer, or is no planes file.
    pub fn is_damage(&self) -> bool {
        match self {
            PlanesProblem::Io(error) => error.kind() == io::ErrorKind::UnexpectedEof,
            PlanesProblem::Read(_) | PlanesProblem::Format(_) | PlanesProblem::Magic => false,
            _ => true,
        }
    }
}

impl ZeroPlanes {
    /// Reads a planes file.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read(path: &Path) -> Result<ZeroPlanes, PlanesFileError> {
        let read = || {
            let (file, len) = open_seekable(path)?;
            ZeroPlanes::parse(&mut BufReader::with_capacity(1 << 20, file), len)
        };
        read().map_err(|problem| PlanesFileError {
            path: path.to_path_buf(),
            problem,
        })
    }

    /// Parses a planes file of `len` bytes. Nothing is allocated before the sizes were found to make that length. Where
    /// samples stand in groups by bucket, the groups follow one another.
    ///
    /// # Errors
    /// The bytes are no planes file.
    pub fn parse(input: &mut impl Read, len: u64) -> Result<ZeroPlanes, PlanesProblem> {
        let header = Header::read(input, len)?;
        let mut planes = ZeroPlanes::new(header.neurons, header.samples());
        let mut buffer = vec![0; PIECE];
        let mut first = 0;
        // Checksums follow the planes.
        let mut found = Vec::new();
        for group in &header.groups {
            let words = group.samples.div_ceil(64);
            for neuron in 0..header.neurons {
                for word in (0..words).step_by(PIECE) {
                    let piece = &mut buffer[..PIECE.min(words - word)];
                    group.fill(piece, input)?;
                    if header.has_sums {
                        found.push(crc32(bytemuck::cast_slice(piece)));
                    }
                    group.check(neuron, word, piece)?;
                    put_words(planes.plane_mut(neuron), first + 64 * word, piece);
                }
            }
            first += group.samples;
        }
        if let Some(sums) = header.read_sums(input)? {
            sums.compare(&found, &header.groups)?;
        }
        Ok(planes)
    }

    /// Writes a planes file that says nothing of where its samples come from.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        write_head(out, WITHOUT_RECORD, self.neurons(), 0, self.samples())?;
        self.write_words(out)
    }

    /// Writes the words of all planes, and nothing else.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_words(&self, out: &mut impl Write) -> io::Result<()> {
        for neuron in 0..self.neurons() {
            self.write_plane(neuron, |bytes| out.write_all(bytes))?;
        }
        Ok(())
    }

    /// Hands a plane's words on as they stand in a file.
    fn write_plane(
        &self,
        neuron: usize,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let plane = &self.plane(neuron)[..self.samples().div_ceil(64)];
        if cfg!(target_endian = "little") {
            return write(bytemuck::cast_slice(plane));
        }
        plane.iter().try_for_each(|word| write(&word.to_le_bytes()))
    }
}

/// Writes a planes file that says what the planes were made of and which bucket each sample is of, with checksums.
#[derive(Debug)]
pub struct PlanesWriter<W> {
    writer: SumsWriter<W>,
    header: u32,
}

impl<W: Write> PlanesWriter<W> {
    /// Begins a file. The planes of each bucket that has samples are to be [added](Self::add) in ascending order.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(
        mut out: W,
        neurons: usize,
        samples: &[usize; BUCKETS],
        record: &Record,
    ) -> io::Result<PlanesWriter<W>> {
        let mut text = serde_json::to_vec(record)?;
        text.resize(text.len().next_multiple_of(8), b' ');
        let all = samples.iter().sum();
        let mut header = Vec::new();
        write_head(&mut header, WITH_SUMS, neurons, text.len(), all)?;
        for samples in samples {
            header.extend((*samples as u64).to_le_bytes());
        }
        header.extend(text);
        out.write_all(&header)?;
        Ok(PlanesWriter {
            writer: SumsWriter::new(out),
            header: crc32(&header),
        })
    }

    /// Writes the planes of the next bucket.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn add(&mut self, planes: &ZeroPlanes) -> io::Result<()> {
        for neuron in 0..planes.neurons() {
            planes.write_plane(neuron, |bytes| self.writer.write(bytes))?;
            self.writer.end_plane();
        }
        Ok(())
    }

    /// Ends the file with the checksums.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(self) -> io::Result<W> {
        self.writer.finish(self.header)
    }
}

fn write_head(
    out: &mut impl Write,
    format: u32,
    neurons: usize,
    record: usize,
    samples: usize,
) -> io::Result<()> {
    let too_long = |_| io::Error::other("the record is longer than 4 GiB");
    let record = u32::try_from(record).map_err(too_long)?;
    out.write_all(MAGIC)?;
    for number in [format, neurons as u32, record] {
        out.write_all(&number.to_le_bytes())?;
    }
    out.write_all(&(samples as u64).to_le_bytes())
}

/// What stands before the planes, checked against the length of the file.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub neurons: usize,
    pub record: Option<Record>,
    /// In the order in which they stand in the file.
    pub groups: Vec<Group>,
    /// Do checksums follow the planes?
    pub has_sums: bool,
    /// Where the planes end.
    end: u64,
    /// Checksum of what stands before the planes.
    sum: u32,
}

/// Samples whose planes stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Of all their positions, where the file tells it.
    pub bucket: Option<usize>,
    pub samples: usize,
    /// Where the planes begin.
    pub offset: u64,
}

impl Header {
    /// Reads up to the first plane of a file of `len` bytes.
    pub fn read(input: &mut impl Read, len: u64) -> Result<Header, PlanesProblem> {
        let mut input = CrcReader::new(input);
        let mut header = Header::read_sizes(&mut input, len)?;
        header.sum = input.crc().sum();
        Ok(header)
    }

    fn read_sizes(input: &mut impl Read, len: u64) -> Result<Header, PlanesProblem> {
        let mut header = [0; HEADER as usize];
        let (magic, rest) = header.split_at_mut(MAGIC.len());
        match fill(magic, input, "the magic number", 0) {
            Ok(()) if magic == MAGIC => fill(rest, input, "the header", 0)?,
            Ok(()) | Err(PlanesProblem::Cut { .. }) => return Err(PlanesProblem::Magic),
            Err(error) => return Err(error),
        }
        let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| header[at + i]));
        let (format, neurons, record_len) = (number(4), number(8), number(12));
        if ![WITHOUT_RECORD, WITH_RECORD, WITH_BUCKETS, WITH_SUMS].contains(&format) {
            return Err(PlanesProblem::Format(format));
        }
        let samples = u64::from(number(16)) | u64::from(number(20)) << 32;
        // What format 1 has in the place of the length has no meaning.
        let record_len = if format == WITHOUT_RECORD {
            0
        } else {
            record_len
        };
        let sizes = if format >= WITH_BUCKETS {
            let sizes = read_buckets(input)?;
            let of_buckets = sizes.iter().map(|&(_, size)| u128::from(size)).sum();
            if of_buckets != u128::from(samples) {
                return Err(PlanesProblem::Buckets {
                    of_buckets,
                    samples,
                });
            }
            sizes
        } else {
            vec![(None, samples)]
        };
        let buckets = if format >= WITH_BUCKETS {
            8 * BUCKETS as u64
        } else {
            0
        };
        let mut end = u128::from(HEADER + buckets + u64::from(record_len));
        let has_sums = format == WITH_SUMS;
        let table = has_sums.then(|| table_bytes(neurons, sizes.iter().map(|&(_, size)| size)));
        let mut groups = Vec::new();
        for (bucket, samples) in sizes {
            groups.push((bucket, samples, end));
            end += 8 * u128::from(neurons) * u128::from(samples.div_ceil(64));
        }
        let expected = end + table.unwrap_or(0);
        let wrong_length = || PlanesProblem::Length {
            neurons,
            samples,
            expected,
            len,
        };
        if expected != u128::from(len) {
            return Err(wrong_length());
        }
        if neurons > MAX_NEURONS {
            return Err(PlanesProblem::Neurons(neurons));
        }
        let record = if format == WITHOUT_RECORD {
            None
        } else {
            // No longer than the file.
            let mut text = vec![0; record_len as usize];
            fill(&mut text, input, "the record", HEADER + buckets)?;
            let record = serde_json::from_slice(&text);
            Some(record.map_err(|error| PlanesProblem::Record(message(&error)))?)
        };
        // Without neurons a file of any length may claim any number of samples.
        usize::try_from(samples).map_err(|_| wrong_length())?;
        Ok(Header {
            neurons: neurons as usize,
            record,
            groups: groups
                .into_iter()
                .map(|(bucket, samples, offset)| Group {
                    bucket,
                    samples: samples as usize,
                    // Not past the end, which is the file's.
                    offset: offset as u64,
                })
                .collect(),
            has_sums,
            end: end as u64,
            sum: 0,
        })
    }

    /// Reads the checksums behind the planes, where the input is then, if there are some.
    pub fn read_sums(&self, input: &mut impl Read) -> Result<Option<Sums>, PlanesProblem> {
        let read = || Sums::read(input, self.end, self.sum, self.neurons, &self.groups);
        self.has_sums.then(read).transpose()
    }

    /// As [`read_sums`](Self::read_sums), wherever the file is.
    pub fn seek_sums(&self, file: &mut File) -> Result<Option<Sums>, PlanesProblem> {
        file.seek(SeekFrom::Start(self.end))?;
        self.read_sums(file)
    }

    pub fn samples(&self) -> usize {
        self.groups.iter().map(|it| it.samples).sum()
    }
}

/// Fills the buffer with what begins at an offset.
pub(super) fn fill(
    buffer: &mut [u8],
    input: &mut impl Read,
    what: &'static str,
    offset: u64,
) -> Result<(), PlanesProblem> {
    input
        .read_exact(buffer)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => PlanesProblem::Cut { what, offset },
            _ => PlanesProblem::Io(error),
        })
}

/// The samples of the buckets that have some.
fn read_buckets(input: &mut impl Read) -> Result<Vec<(Option<usize>, u64)>, PlanesProblem> {
    let mut sizes = [0; 8 * BUCKETS];
    fill(&mut sizes, input, "the samples of the buckets", HEADER)?;
    let sizes = sizes.as_chunks::<8>().0.iter().copied().enumerate();
    let sizes = sizes.map(|(bucket, bytes)| (Some(bucket), u64::from_le_bytes(bytes)));
    Ok(sizes.filter(|&(_, samples)| samples > 0).collect())
}

impl Group {
    /// Reads words of a plane as they stand in the file.
    pub fn fill(&self, words: &mut [u64], input: &mut impl Read) -> Result<(), PlanesProblem> {
        let bytes = bytemuck::cast_slice_mut(words);
        fill(bytes, input, "the planes", self.offset)
    }

    /// Takes over words `first..` of a plane as they stand in the file: turns them to this machine's byte order and
    /// checks that no bit is set past the last sample.
    pub fn check(
        &self,
        neuron: usize,
        first: usize,
        words: &mut [u64],
    ) -> Result<(), PlanesProblem> {
        for word in words.iter_mut() {
            *word = u64::from_le(*word);
        }
        let past = match self.samples % 64 {
            0 => 0,
            rest => u64::MAX << rest,
        };
        if first + words.len() == self.samples.div_ceil(64)
            && words.last().is_some_and(|last| last & past != 0)
        {
            return Err(PlanesProblem::Padding { neuron });
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
            prop_assert_eq!(&parse(&bytes).unwrap(), &planes);
            bytes.pop();
            prop_assert!(parse(&bytes).is_err());

            // The same with a record: format 2 is no longer written, but read.
            let record = Record {
                net_sha256: seed.to_string(),
                data: Vec::new(),
                selection: "captures".into(),
                seed,
                walk: None,
                count: Some(seed),
                shard: None,
            };
            let mut bytes = Vec::new();
            planes.write(&mut bytes).unwrap();
            let mut text = serde_json::to_vec(&record).unwrap();
            text.resize(text.len().next_multiple_of(8), b' ');
            bytes[4] = 2;
            bytes[12..16].copy_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.splice(24..24, text);
            let header = Header::read(&mut bytes.as_slice(), bytes.len() as u64).unwrap();
            prop_assert_eq!(header.record.as_ref(), Some(&record));
            prop_assert_eq!(&parse(&bytes).unwrap(), &planes);
            bytes.pop();
            prop_assert!(parse(&bytes).is_err());

            // And by bucket: the samples of both halves, in a bucket each.
            let half = samples / 2;
            let sizes = [0, half, 0, 0, 0, samples - half, 0, 0];
            let mut writer = PlanesWriter::new(Vec::new(), neurons, &sizes, &record).unwrap();
            for part in [0..half, half..samples] {
                let mut group = ZeroPlanes::new(neurons, part.len());
                for neuron in 0..neurons {
                    for sample in part.clone().filter(|&sample| planes.get(neuron, sample)) {
                        group.set(neuron, sample - part.start);
                    }
                }
                if !part.is_empty() {
                    writer.add(&group).unwrap();
                }
            }
            let mut bytes = writer.finish().unwrap();
            let header = Header::read(&mut bytes.as_slice(), bytes.len() as u64).unwrap();
            prop_assert_eq!(header.record, Some(record));
            let groups = header.groups.iter().map(|it| (it.bucket, it.samples));
            let expected = [(Some(1), half), (Some(5), samples - half)];
            prop_assert!(groups.eq(expected.into_iter().filter(|it| it.1 > 0)));
            prop_assert_eq!(&parse(&bytes).unwrap(), &planes);
            // Any bit that changes is noticed.
            let at = seed as usize % bytes.len();
            bytes[at] ^= 1 << (seed >> 61);
            prop_assert!(parse(&bytes).is_err(), "{}", at);
            bytes[at] ^= 1 << (seed >> 61);
            bytes.pop();
            prop_assert!(parse(&bytes).is_err());
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse(&bytes);
            for format in [1, 2, 3, 4] {
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

    #[test]
    fn sizes_of_buckets_are_checked() {
        let mut bytes = b"FTZP\x03\0\0\0\x01\0\0\0".to_vec();
        bytes.extend([0; 4]);
        bytes.extend(7u64.to_le_bytes());
        bytes.extend([u64::MAX; 8].map(u64::to_le_bytes).concat());
        let found = parse(&bytes).unwrap_err();
        assert!(matches!(found, PlanesProblem::Buckets { samples: 7, .. }));
        // The right sum, but the planes are not there.
        bytes[24..].fill(0);
        bytes[24] = 7;
        assert!(matches!(parse(&bytes), Err(PlanesProblem::Length { .. })));
    }

    #[test]
    fn a_file_that_is_cut_says_where() {
        let record = Record {
            net_sha256: String::new(),
            data: Vec::new(),
            selection: "all".into(),
            seed: 0,
            walk: None,
            count: None,
            shard: None,
        };
        let sizes = [0, 0, 5, 0, 0, 0, 0, 0];
        let mut writer = PlanesWriter::new(Vec::new(), 4, &sizes, &record).unwrap();
        writer.add(&ZeroPlanes::new(4, 5)).unwrap();
        let whole = writer.finish().unwrap();
        // A checksum for each plane and two more.
        let planes = whole.len() - 4 * 8 - 6 * 4;
        assert!(parse(&whole).is_ok());
        let cut = |len: usize| parse(&whole[..len]).unwrap_err().to_string();
        let length = |len| {
            format!(
                "planes of 4 neurons and 5 samples take {} bytes, the file has {len}",
                whole.len()
            )
        };
        for (len, expected) in [
            (0, PlanesProblem::Magic.to_string()),
            (3, PlanesProblem::Magic.to_string()),
            (4, "the file ends within the header at offset 0".into()),
            (23, "the file ends within the header at offset 0".into()),
            (
                24,
                "the file ends within the samples of the buckets at offset 24".into(),
            ),
            (
                87,
                "the file ends within the samples of the buckets at offset 24".into(),
            ),
            (88, length(88)),
            (planes, length(planes)),
        ] {
            assert_eq!(cut(len), expected, "{len}");
        }
        // While it is read: it was longer when its length was asked for.
        let shrunk = |len: usize| {
            let found = ZeroPlanes::parse(&mut &whole[..len], whole.len() as u64);
            found.unwrap_err().to_string()
        };
        assert_eq!(
            shrunk(planes - 1),
            "the file ends within the record at offset 88"
        );
        assert_eq!(
            shrunk(planes + 31),
            format!("the file ends within the planes at offset {planes}")
        );
        assert_eq!(
            shrunk(whole.len() - 1),
            format!(
                "the file ends within the checksums at offset {}",
                planes + 32
            )
        );
    }
}
