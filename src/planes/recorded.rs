//! Outputs of a feature transformer as any engine recorded them: which were zero is all that a search needs.
//!
//! A dump is a row of values after another, one row for each perspective of each position (a *sample*), with as many
//! values as the feature transformer has outputs per perspective. An engine that writes the first layer's input as it
//! is, both perspectives of a position in one go, writes such rows. A dump is
//!
//! * raw bytes, one an output;
//! * an `.npy` of bool, integers or floats in C order, whose first axis counts positions or samples;
//! * a planes file ([`ZeroPlanes`]).
//!
//! It is read as a stream. Eight values take a byte of memory.

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::files::npy::{Header, Kind, Order, Scalar};
use crate::files::quote::excerpt;
use crate::files::reading::{ReadError, open};
use crate::files::resources::available_memory;
use crate::planes::{self, PlanesProblem, ZeroPlanes};

/// What the values of a dump mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Outputs of the feature transformer: 0 is zero.
    Outputs,
    /// Truth values, 1 where the output is zero.
    Zero,
    /// Truth values, 1 where the output is not zero.
    Active,
}

/// How to read a dump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Outputs of the feature transformer per perspective. Only planes files say it themselves.
    pub neurons: Option<usize>,
    /// `None` for what the type suggests: [`Values::Zero`] for bool, as in the reference tool's matrices, and
    /// [`Values::Outputs`] for numbers.
    pub values: Option<Values>,
    /// Stop after so many samples.
    pub count: Option<u64>,
    /// Bytes of memory that the samples may take; `None` for what the machine has.
    pub memory: Option<u64>,
}

/// What was read.
#[derive(Clone, Debug)]
pub struct Activations {
    /// All samples, in chunks of [`CHUNK`].
    pub chunks: Vec<ZeroPlanes>,
    /// How the values were read; `None` for a planes file.
    pub values: Option<Values>,
}

/// Samples of a chunk.
pub const CHUNK: usize = 1 << 16;

/// More outputs than any network has.
const MAX_NEURONS: usize = 1 << 16;

/// Samples of a word of planes.
const WORD: usize = 64;

/// Why a file gives no activations.
#[derive(Debug, Error)]
#[error("{}: {problem}", path.display())]
pub struct ActivationsFileError {
    pub path: PathBuf,
    pub problem: ActivationsProblem,
}

/// What is wrong with a dump.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ActivationsProblem {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("planes file: {0}")]
    Planes(#[from] PlanesProblem),
    #[error(
        "the number of outputs per perspective must be said (--neurons): the file does not say it"
    )]
    NeuronsUnknown,
    #[error("{0} neurons do not make blocks of four, or are more than {MAX_NEURONS}")]
    Neurons(usize),
    #[error("the planes are of {found} neurons, not of {expected}")]
    OtherNeurons { found: usize, expected: usize },
    #[error("it is empty")]
    Empty,
    #[error(
        "no memory is left after {samples} samples; take fewer (--count), or put them into a planes file in parts"
    )]
    Memory { samples: u64 },
    #[error(
        "more than {samples} samples do not fit in the {memory} bytes of memory that there are for it: take fewer \
         (--count {samples}), or allow more (--memory)"
    )]
    Limit { samples: u64, memory: u64 },
    #[error(
        "these planes take {bytes} bytes of memory, and {memory} are left for them: allow more (--memory), or give \
         the file to --data, which searches on a part of planes that are larger"
    )]
    PlanesLimit { bytes: u64, memory: u64 },
    #[error(
        "it ends after {bytes} bytes of sample {sample}, which has {expected}: these are no rows of {neurons} values"
    )]
    Row {
        sample: u64,
        bytes: usize,
        expected: usize,
        neurons: usize,
    },
    #[error(
        "a dump is bool, integers or floats in C order, this .npy has {dtype} of shape {shape:?} in {order:?} order"
    )]
    Kind {
        dtype: String,
        shape: Vec<u64>,
        order: Order,
    },
    #[error("rows of shape {shape:?} do not divide into {neurons} values a perspective")]
    Shape { shape: Vec<u64>, neurons: usize },
    #[error("{extra} bytes follow the last row")]
    Trailing { extra: usize },
    #[error("sample {sample}, value {output} is {value}, but truth values are 0 and 1")]
    Truth {
        sample: u64,
        output: usize,
        value: u8,
    },
    #[error("truth values are single bytes, this has {0}")]
    WideTruth(String),
    #[error(
        "all bytes are 0 or 1: outputs, or truth values, and of which kind? Say --values outputs, zero or active"
    )]
    Ambiguous,
    #[error(
        "this is a planes file: it says itself what is zero, and is taken whole (no --values, no --count)"
    )]
    PlanesOptions,
}

/// One value as the file holds it.
#[derive(Clone, Copy, Debug)]
struct Element {
    width: usize,
    /// Floats have two zeros.
    float: bool,
    big_endian: bool,
    bool: bool,
}

impl Element {
    const BYTE: Element = Element {
        width: 1,
        float: false,
        big_endian: false,
        bool: false,
    };

    fn of(scalar: Scalar) -> Element {
        Element {
            width: scalar.width,
            float: scalar.kind == Kind::Float,
            big_endian: scalar.big_endian,
            bool: scalar.kind == Kind::Bool,
        }
    }

    fn is_zero(self, value: &[u8]) -> bool {
        if !self.float {
            return value.iter().all(|&byte| byte == 0);
        }
        let sign = if self.big_endian { 0 } else { self.width - 1 };
        value
            .iter()
            .enumerate()
            .all(|(at, &byte)| byte & if at == sign { 0x7F } else { 0xFF } == 0)
    }
}

/// Reads a dump; `-` is standard input.
///
/// # Errors
/// It cannot be read, or is none; the error names the place.
pub fn read(path: &Path, options: &Options) -> Result<Activations, ActivationsFileError> {
    let read = || {
        if path.as_os_str() == "-" {
            return parse(io::stdin().lock(), options);
        }
        let mut magic = Vec::new();
        let mut file = open(path)?;
        (&mut file).take(4).read_to_end(&mut magic)?;
        if magic == planes::MAGIC {
            return read_planes(path, options);
        }
        parse(io::Cursor::new(magic).chain(file), options)
    };
    read().map_err(|problem| ActivationsFileError {
        path: path.to_path_buf(),
        problem,
    })
}

fn memory(options: &Options) -> u64 {
    options.memory.unwrap_or(u64::MAX)
}

fn read_planes(path: &Path, options: &Options) -> Result<Activations, ActivationsProblem> {
    if options.values.is_some() || options.count.is_some() {
        return Err(ActivationsProblem::PlanesOptions);
    }
    let (bytes, memory) = (std::fs::metadata(path)?.len(), memory(options));
    if bytes > memory {
        return Err(ActivationsProblem::PlanesLimit { bytes, memory });
    }
    let planes = ZeroPlanes::read(path).map_err(|error| error.problem)?;
    let found = planes.neurons();
    match options.neurons {
        Some(expected) if expected != found => {
            Err(ActivationsProblem::OtherNeurons { found, expected })
        }
        _ => Ok(Activations {
            chunks: vec![planes],
            values: None,
        }),
    }
}

/// As [`read`], of a stream of raw values or an `.npy`.
///
/// # Errors
/// The bytes are no such dump.
pub fn parse(input: impl Read, options: &Options) -> Result<Activations, ActivationsProblem> {
    let mut input = BufReader::with_capacity(1 << 20, input);
    let mut magic = Vec::new();
    (&mut input).take(6).read_to_end(&mut magic)?;
    if magic.is_empty() {
        return Err(ActivationsProblem::Empty);
    }
    let npy = magic.starts_with(b"\x93NUMPY");
    let mut input = io::Cursor::new(magic).chain(input);
    let neurons = options.neurons.ok_or(ActivationsProblem::NeuronsUnknown)?;
    if neurons == 0 || neurons > MAX_NEURONS || !neurons.is_multiple_of(4) {
        return Err(ActivationsProblem::Neurons(neurons));
    }
    let (element, samples) = if npy {
        let (element, samples) = npy_layout(&mut input, neurons)?;
        (element, Some(samples))
    } else {
        (Element::BYTE, None)
    };
    let values = match (options.values, element.bool) {
        (Some(values), _) => values,
        (None, true) => Values::Zero,
        (None, false) => Values::Outputs,
    };
    if values != Values::Outputs && element.width != 1 {
        return Err(ActivationsProblem::WideTruth(format!(
            "{} bytes a value",
            element.width
        )));
    }
    let mut rows = Rows {
        neurons,
        element,
        values,
        largest: 0,
        memory: memory(options),
        chunks: Vec::new(),
    };
    let wanted = samples.unwrap_or(u64::MAX);
    let limit = options.count.unwrap_or(u64::MAX).min(wanted);
    let found = rows.read(&mut input, limit)?;
    if samples.is_some_and(|samples| found < limit.min(samples)) {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    if found == 0 {
        return Err(ActivationsProblem::Empty);
    }
    if samples == Some(found) {
        let mut rest = [0; 64];
        let extra = input.read(&mut rest)?;
        if extra > 0 {
            return Err(ActivationsProblem::Trailing { extra });
        }
    }
    if options.values.is_none() && !element.bool && element.width == 1 && rows.largest <= 1 {
        return Err(ActivationsProblem::Ambiguous);
    }
    Ok(Activations {
        chunks: rows.chunks,
        values: Some(values),
    })
}

/// The type of the values and the number of samples.
fn npy_layout(input: &mut impl Read, neurons: usize) -> Result<(Element, u64), ActivationsProblem> {
    let header = Header::read(input)?;
    let scalar = header.scalar();
    let Header {
        dtype,
        shape,
        order,
    } = header;
    let (Some(element), Order::C) = (scalar.map(Element::of), order) else {
        return Err(ActivationsProblem::Kind {
            dtype: excerpt(dtype.as_bytes()),
            shape,
            order,
        });
    };
    let row = shape
        .iter()
        .skip(1)
        .try_fold(1u64, |a, &b| a.checked_mul(b));
    let samples = match (row, shape.as_slice()) {
        (Some(row), [positions, _, ..]) if row > 0 && row.is_multiple_of(neurons as u64) => {
            positions.checked_mul(row / neurons as u64)
        }
        _ => None,
    };
    match samples {
        Some(samples) => Ok((element, samples)),
        None => Err(ActivationsProblem::Shape { shape, neurons }),
    }
}

/// Rows on their way to planes.
struct Rows {
    neurons: usize,
    element: Element,
    values: Values,
    /// Of the values of one byte.
    largest: u8,
    /// Bytes that all samples may take.
    memory: u64,
    chunks: Vec<ZeroPlanes>,
}

impl Rows {
    /// Reads up to `limit` rows and returns how many there were.
    fn read(&mut self, input: &mut impl Read, limit: u64) -> Result<u64, ActivationsProblem> {
        let mut bits = vec![0u64; self.neurons];
        let mut row = vec![0u8; self.neurons * self.element.width];
        let mut words: Vec<Vec<u64>> = Vec::new();
        let mut samples = 0u64;
        let mut in_chunk = 0;
        loop {
            let more = samples < limit && self.next(input, samples, &mut row)?;
            if more {
                self.check_limit(samples)?;
                self.add(&row, samples, &mut bits)?;
                samples += 1;
                in_chunk += 1;
            }
            if in_chunk % WORD == 0 && more || !more && in_chunk % WORD != 0 {
                words.push(std::mem::replace(&mut bits, vec![0; self.neurons]));
            }
            if in_chunk == CHUNK || !more && in_chunk > 0 {
                self.chunks.push(planes_of(self.neurons, in_chunk, &words));
                words.clear();
                in_chunk = 0;
                self.check_memory(samples)?;
            }
            if !more {
                return Ok(samples);
            }
        }
    }

    /// Is there room for another sample in the memory that is allowed? Samples come in words.
    fn check_limit(&self, samples: u64) -> Result<(), ActivationsProblem> {
        let words = samples / WORD as u64 + 1;
        let memory = self.memory;
        if samples.is_multiple_of(WORD as u64) && 8 * self.neurons as u64 * words > memory {
            return Err(ActivationsProblem::Limit { samples, memory });
        }
        Ok(())
    }

    /// Is there room for another chunk? A pipe does not say how much is to come.
    fn check_memory(&self, samples: u64) -> Result<(), ActivationsProblem> {
        // As words of samples, and as planes.
        let chunk = 2 * (self.neurons * CHUNK / 8) as u64;
        match available_memory() {
            Some(left) if left < chunk => Err(ActivationsProblem::Memory { samples }),
            _ => Ok(()),
        }
    }

    /// Fills the next row; false at the end.
    fn next(
        &self,
        input: &mut impl Read,
        sample: u64,
        row: &mut [u8],
    ) -> Result<bool, ActivationsProblem> {
        let mut filled = 0;
        while filled < row.len() {
            match input.read(&mut row[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => {
                    return Err(ActivationsProblem::Row {
                        sample,
                        bytes: filled,
                        expected: row.len(),
                        neurons: self.neurons,
                    });
                }
                Ok(bytes) => filled += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn add(&mut self, row: &[u8], sample: u64, bits: &mut [u64]) -> Result<(), ActivationsProblem> {
        let shift = sample % WORD as u64;
        if self.element.width > 1 {
            for (bits, value) in bits.iter_mut().zip(row.chunks_exact(self.element.width)) {
                *bits |= u64::from(self.element.is_zero(value)) << shift;
            }
            return Ok(());
        }
        let largest = row.iter().copied().max().unwrap_or(0);
        self.largest = self.largest.max(largest);
        if largest > 1 && (self.values != Values::Outputs || self.element.bool) {
            let output = row.iter().position(|&value| value > 1).unwrap_or(0);
            return Err(ActivationsProblem::Truth {
                sample,
                output,
                value: row[output],
            });
        }
        // A byte of 0 says "zero" in all but one reading.
        let zero_is_set = self.values != Values::Zero;
        for (bits, &value) in bits.iter_mut().zip(row) {
            *bits |= u64::from((value == 0) == zero_is_set) << shift;
        }
        Ok(())
    }
}

fn planes_of(neurons: usize, samples: usize, words: &[Vec<u64>]) -> ZeroPlanes {
    let mut planes = ZeroPlanes::new(neurons, samples);
    let stride = planes.stride();
    let all = planes.words_mut();
    for (word, bits) in words.iter().enumerate() {
        for (plane, &bits) in all.chunks_exact_mut(stride).zip(bits) {
            plane[word] = bits;
        }
    }
    planes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn options(neurons: usize) -> Options {
        Options {
            neurons: Some(neurons),
            ..Options::default()
        }
    }

    /// An `.npy` as numpy writes it.
    fn npy(dtype: &str, shape: &str, values: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        let header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}");
        bytes.extend(format!("{header:<117}\n").bytes());
        bytes.extend(values);
        bytes
    }

    fn set(found: &Activations) -> Vec<(usize, usize)> {
        let [planes] = found.chunks.as_slice() else {
            panic!("{} chunks", found.chunks.len());
        };
        (0..planes.neurons())
            .flat_map(|neuron| (0..planes.samples()).map(move |sample| (neuron, sample)))
            .filter(|&(neuron, sample)| planes.get(neuron, sample))
            .collect()
    }

    #[test]
    fn bytes_by_hand() {
        let found = parse(&[0, 7, 0, 255, 1, 0, 0, 2][..], &options(4)).unwrap();
        assert_eq!(found.values, Some(Values::Outputs));
        assert_eq!(set(&found), [(0, 0), (1, 1), (2, 0), (2, 1)]);
        let first = Options {
            count: Some(1),
            ..options(4)
        };
        let found = parse(&[0, 7, 0, 255, 1, 0, 0, 2][..], &first).unwrap();
        assert_eq!(found.chunks[0].samples(), 1);
    }

    #[test]
    fn truth_values_by_hand() {
        let values = [1, 0, 0, 0, 0, 0, 0, 1];
        // Two positions of one sample, one position of two, and one of two with an axis for the perspective.
        for shape in ["(2, 4)", "(1, 8)", "(1, 2, 4)"] {
            let bytes = npy("|b1", shape, &values);
            let found = parse(&bytes[..], &options(4)).unwrap();
            assert_eq!(found.values, Some(Values::Zero));
            assert_eq!(set(&found), [(0, 0), (3, 1)]);
        }
        let active = Options {
            values: Some(Values::Active),
            ..options(4)
        };
        let found = parse(&npy("|b1", "(2, 4)", &values)[..], &active).unwrap();
        assert_eq!(set(&found).len(), 6);
        // The same bytes without a type.
        let raw = parse(&values[..], &options(4));
        assert!(matches!(raw, Err(ActivationsProblem::Ambiguous)));
        assert_eq!(set(&parse(&values[..], &active).unwrap()).len(), 6);
        let two = parse(&[0, 2, 0, 0][..], &active).unwrap_err();
        assert_eq!(
            two.to_string(),
            "sample 0, value 1 is 2, but truth values are 0 and 1"
        );
    }

    #[test]
    fn wide_values_by_hand() {
        let shorts: Vec<u8> = [0i16, 256, -1, 0]
            .iter()
            .flat_map(|it| it.to_le_bytes())
            .collect();
        let found = parse(&npy("<i2", "(1, 4)", &shorts)[..], &options(4)).unwrap();
        assert_eq!(set(&found), [(0, 0), (3, 0)]);
        let values = [0.0f32, -0.0, 1e-40, f32::NAN];
        let little: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()).collect();
        let big: Vec<u8> = values.iter().flat_map(|it| it.to_be_bytes()).collect();
        for (dtype, bytes) in [("<f4", little), (">f4", big)] {
            let found = parse(&npy(dtype, "(1, 4)", &bytes)[..], &options(4)).unwrap();
            assert_eq!(set(&found), [(0, 0), (1, 0)]);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let problem =
            |bytes: &[u8], options: &Options| parse(bytes, options).unwrap_err().to_string();
        let rows = [9u8; 10];
        assert!(problem(&rows, &Options::default()).contains("--neurons"));
        assert!(problem(&rows, &options(6)).contains("blocks of four"));
        assert_eq!(
            problem(&rows, &options(8)),
            "it ends after 2 bytes of sample 1, which has 8: these are no rows of 8 values"
        );
        assert_eq!(problem(&[], &options(4)), "it is empty");
        assert!(problem(&npy("<c8", "(1, 4)", &[0; 32]), &options(4)).contains("this .npy has"));
        assert!(problem(&npy("|u1", "(1, 6)", &[9; 6]), &options(4)).contains("do not divide"));
        assert!(problem(&npy("|u1", "(4,)", &[9; 4]), &options(4)).contains("do not divide"));
        assert!(problem(&npy("|u1", "(2, 4)", &[9; 7]), &options(4)).contains("no rows"));
        assert!(problem(&npy("|u1", "(9, 4)", &[9; 8]), &options(4)).contains("unexpected end"));
        assert_eq!(
            problem(&npy("|u1", "(1, 4)", &[9; 7]), &options(4)),
            "3 bytes follow the last row"
        );
        assert!(
            problem(&npy("|u1", "(9999999999, 9999999999)", &[]), &options(4)).contains("bounds")
        );
    }

    #[test]
    fn an_endless_dump_ends_at_the_limit() {
        let limited = Options {
            memory: Some(1 << 20),
            ..options(16)
        };
        // Eight samples of 16 outputs take 16 bytes.
        let fits = 8 << 16;
        let error = parse(io::repeat(5), &limited).unwrap_err();
        let problem = ActivationsProblem::Limit {
            samples: fits,
            memory: 1 << 20,
        };
        assert_eq!(error.to_string(), problem.to_string());
        let found = parse(io::repeat(5).take(16 * fits), &limited).unwrap();
        let samples: usize = found.chunks.iter().map(ZeroPlanes::samples).sum();
        assert_eq!(samples as u64, fits);
        let counted = Options {
            count: Some(fits),
            ..limited
        };
        assert!(parse(io::repeat(5), &counted).is_ok());
    }

    #[test]
    fn many_samples_are_cut_into_chunks() {
        // Only sample CHUNK + 1 has a zero, in output 2.
        let mut bytes = vec![5u8; 4 * (CHUNK + 3)];
        bytes[4 * (CHUNK + 1) + 2] = 0;
        let found = parse(&bytes[..], &options(4)).unwrap();
        let sizes: Vec<usize> = found.chunks.iter().map(ZeroPlanes::samples).collect();
        assert_eq!(sizes, [CHUNK, 3]);
        assert!(found.chunks[1].get(2, 1));
        let ones: u64 = found.chunks.iter().flat_map(ZeroPlanes::zero_counts).sum();
        assert_eq!(ones, 1);
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes[..], &options(8));
            let _ = parse(&npy("<i4", "(2, 8)", &bytes)[..], &options(8));
        }
    }
}
