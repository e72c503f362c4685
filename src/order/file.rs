//! Permutation files: text with comments, and the `.npy` of the reference tool.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{Permutation, PermutationError};
use crate::files::npy::{self, Header, Kind, Scalar};
use crate::files::quote::{excerpt, message};
use crate::files::reading::{ReadError, read_file};

/// What a file says: the permutation, and in text files the `key: value` comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermutationFile {
    pub permutation: Permutation,
    /// Comments in order.
    pub notes: Vec<(String, String)>,
}

/// The note that holds the SHA-256 of the network the permutation was made for.
pub const NET_SHA256: &str = "net sha256";

/// The note that holds the SHA-256 of that network's weights, which is the same in every encoding.
pub const WEIGHTS_SHA256: &str = "weights sha256";

/// The note that holds the SHA-256 of the network that came out.
pub const PERMUTED_NET_SHA256: &str = "permuted net sha256";

/// Why a file is not a permutation.
#[derive(Debug, Error)]
#[error("{}: {problem}", path.display())]
pub struct PermutationFileError {
    pub path: PathBuf,
    pub problem: PermutationFileProblem,
}

/// What is wrong with a permutation file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PermutationFileProblem {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("no permutation has more than {} MiB", MAX_BYTES >> 20)]
    TooLong,
    #[error("line {line}: `{text}` is not a neuron number")]
    NotANumber { line: usize, text: String },
    #[error("not a permutation: {0}")]
    Permutation(#[from] PermutationError),
    #[error("neither text nor .npy: byte {offset} is no text")]
    Binary { offset: usize },
    #[error("damaged .npy: {0}")]
    Npy(String),
    #[error(
        "a .npy permutation has one dimension of integers, this has {dtype} of shape {shape:?}"
    )]
    NpyShape { dtype: String, shape: Vec<u64> },
    #[error("entry {position} of the .npy is {value}, which is no neuron number")]
    NpyValue { position: usize, value: i64 },
}

/// More entries than any network has neurons; keeps nonsense from taking memory.
const MAX_LEN: u64 = 1 << 20;

/// The same for the file as a whole, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// Does this name ask for the reference tool's format?
pub fn is_npy(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

impl PermutationFile {
    /// Reads either format, told apart by content.
    ///
    /// # Errors
    /// The file cannot be read or is no permutation; the error names the line or entry.
    pub fn read(path: &Path) -> Result<PermutationFile, PermutationFileError> {
        let read = || {
            let contents = read_file(path, MAX_BYTES).map_err(|error| match error {
                ReadError::TooLarge { .. } => PermutationFileProblem::TooLong,
                other => other.into(),
            })?;
            Self::parse(&contents.bytes)
        };
        read().map_err(|problem| PermutationFileError {
            path: path.to_path_buf(),
            problem,
        })
    }

    /// Parses either format.
    ///
    /// # Errors
    /// The bytes are no permutation.
    pub fn parse(bytes: &[u8]) -> Result<PermutationFile, PermutationFileProblem> {
        if bytes.starts_with(b"\x93NUMPY") {
            let permutation = parse_npy(bytes)?;
            return Ok(PermutationFile {
                permutation,
                notes: Vec::new(),
            });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| PermutationFileProblem::Binary {
            offset: error.valid_up_to(),
        })?;
        parse_text(text)
    }

    /// The value of a note.
    pub fn note(&self, key: &str) -> Option<&str> {
        self.notes
            .iter()
            .find(|(found, _)| found == key)
            .map(|(_, value)| value.as_str())
    }

    /// The file in the format that its name asks for: `.npy`, also for the `.perm` that users of the reference tool
    /// call such files, else text. Notes go into text files only.
    pub fn to_bytes(&self, path: &Path) -> Vec<u8> {
        let is_perm = |extension: &std::ffi::OsStr| extension.eq_ignore_ascii_case("perm");
        if is_npy(path) || path.extension().is_some_and(is_perm) {
            self.to_npy()
        } else {
            self.to_text().into_bytes()
        }
    }

    /// Comment lines, then one index a line.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (key, value) in &self.notes {
            // A value with line breaks would end the comment.
            let value = value.replace(['\n', '\r'], " ");
            text.push_str(&format!("# {key}: {value}\n"));
        }
        for index in self.permutation.indices() {
            text.push_str(&format!("{index}\n"));
        }
        text
    }

    /// One-dimensional little-endian `int64`, as `ftperm.py` writes on Linux.
    pub fn to_npy(&self) -> Vec<u8> {
        let indices = self.permutation.indices();
        let mut bytes = npy::header_bytes("<i8", &[indices.len()]);
        bytes.extend(
            indices
                .iter()
                .flat_map(|&index| i64::from(index).to_le_bytes()),
        );
        bytes
    }
}

fn parse_text(text: &str) -> Result<PermutationFile, PermutationFileProblem> {
    let mut indices = Vec::new();
    let mut notes = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            if let Some((key, value)) = comment.split_once(':') {
                notes.push((key.trim().to_string(), value.trim().to_string()));
            }
        } else if !line.is_empty() {
            indices.push(
                line.parse()
                    .map_err(|_| PermutationFileProblem::NotANumber {
                        line: number + 1,
                        text: excerpt(line.as_bytes()),
                    })?,
            );
        }
    }
    Ok(PermutationFile {
        permutation: Permutation::new(indices)?,
        notes,
    })
}

fn parse_npy(bytes: &[u8]) -> Result<Permutation, PermutationFileProblem> {
    let damaged = |error: std::io::Error| PermutationFileProblem::Npy(message(&error));
    let mut values = bytes;
    let header = Header::read(&mut values).map_err(damaged)?;
    let scalar = header.scalar().filter(|scalar| {
        let integer = matches!(scalar.kind, Kind::Int | Kind::Uint);
        integer && scalar.width > 1
    });
    let (Some(scalar), &[len]) = (scalar, header.shape.as_slice()) else {
        return Err(PermutationFileProblem::NpyShape {
            dtype: excerpt(header.dtype.as_bytes()),
            shape: header.shape,
        });
    };
    if len > MAX_LEN.min(bytes.len() as u64) {
        return Err(PermutationFileProblem::Npy(format!(
            "it says {len} entries, more than {} bytes hold",
            bytes.len()
        )));
    }
    let Some(values) = values.get(..len as usize * scalar.width) else {
        return Err(PermutationFileProblem::Npy(format!(
            "it ends before the last of its {len} entries"
        )));
    };
    let values = values.chunks_exact(scalar.width).enumerate();
    let indices = values.map(|(position, bytes)| {
        let value = integer(bytes, scalar);
        u32::try_from(value).map_err(|_| PermutationFileProblem::NpyValue { position, value })
    });
    Ok(Permutation::new(indices.collect::<Result<_, _>>()?)?)
}

/// A number of up to eight bytes; what is beyond the type's end is the type's end.
fn integer(bytes: &[u8], scalar: Scalar) -> i64 {
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    if scalar.big_endian {
        wide[..bytes.len()].reverse();
    }
    let value = u64::from_le_bytes(wide);
    if scalar.kind == Kind::Uint {
        return i64::try_from(value).unwrap_or(i64::MAX);
    }
    let unused = 64 - 8 * bytes.len() as u32;
    (value << unused) as i64 >> unused
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problem(bytes: &[u8]) -> String {
        PermutationFile::parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn every_type_of_integers() {
        let values = [2i64, 0, 1];
        for (dtype, width) in [
            ("<i8", 8),
            ("<i4", 4),
            ("<i2", 2),
            ("<u8", 8),
            ("<u4", 4),
            ("<u2", 2),
            (">i8", 8),
            (">u2", 2),
        ] {
            let mut bytes = npy::header_bytes(dtype, &[3]);
            for value in values {
                let little = value.to_le_bytes();
                let mut value = little[..width].to_vec();
                if dtype.starts_with('>') {
                    value.reverse();
                }
                bytes.extend(value);
            }
            let file = PermutationFile::parse(&bytes).unwrap();
            assert_eq!(file.permutation.indices(), [2, 0, 1], "{dtype}");
        }
        let mut negative = npy::header_bytes("<i2", &[2]);
        negative.extend([0, 0, 0xFE, 0xFF]);
        assert_eq!(
            problem(&negative),
            "entry 1 of the .npy is -2, which is no neuron number"
        );
        for dtype in ["|i1", "<f8", "|b1"] {
            let text = problem(&npy::header_bytes(dtype, &[2]));
            let says = format!("this has '{dtype}' of shape [2]");
            assert!(text.ends_with(&says), "{text}");
        }
    }

    #[test]
    fn text_with_notes() {
        let text = "# ftperm 1.0\n# net sha256: abcd\n\n2\n 0 \n1\r\n";
        let file = PermutationFile::parse(text.as_bytes()).unwrap();
        assert_eq!(file.permutation.indices(), [2, 0, 1]);
        assert_eq!(file.note(NET_SHA256), Some("abcd"));
        assert_eq!(file.to_text(), "# net sha256: abcd\n2\n0\n1\n");
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(problem(b"0\n1\nx\n"), "line 3: `x` is not a neuron number");
        assert_eq!(problem(b"0\n-1\n"), "line 2: `-1` is not a neuron number");
        assert_eq!(
            problem(b"0\n0\n"),
            "not a permutation: 0 stands twice: at entries 0 and 1"
        );
        assert_eq!(
            problem(b"0\n2\n"),
            "not a permutation: entry 1 is 2, but a permutation of 2 has only 0 to 1"
        );
        assert_eq!(problem(b""), "not a permutation: it is empty");
        assert_eq!(
            problem(b"0\n\xFF"),
            "neither text nor .npy: byte 2 is no text"
        );
        assert!(problem(b"\x93NUMPY\x01").starts_with("damaged .npy"));
    }

    #[test]
    fn a_npy_as_numpy_writes_it() {
        // numpy.save of numpy.array([1, 0, 2]), format 1.0: a header of 118 bytes after ten, then int64 values.
        let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }";
        bytes.extend(format!("{header:<117}\n").bytes());
        bytes.extend([1i64, 0, 2].iter().flat_map(|value| value.to_le_bytes()));
        let file = PermutationFile::parse(&bytes).unwrap();
        assert_eq!(file.permutation.indices(), [1, 0, 2]);
        assert_eq!(file.to_npy(), bytes);
        bytes.truncate(bytes.len() - 1);
        assert!(problem(&bytes).starts_with("damaged .npy"));
        // A header of four thousand million bytes, as formats 2 and 3 can have it.
        let long = b"\x93NUMPY\x02\x00\xF6\xFF\xFF\xFF{'descr': '<i8'";
        assert_eq!(
            problem(long),
            "damaged .npy: the header is 4294967286 bytes long by its offset 8, more than the 65536 that are read"
        );
        let nested = [b"\x93NUMPY\x01\x00\x00\x10".as_slice(), &[b'('; 0x1000]].concat();
        assert_eq!(
            problem(&nested),
            "damaged .npy: the header has 4096 opening brackets, more than the 8 of any matrix"
        );
        let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (9999999999, 9999999999)}";
        let mut wide = b"\x93NUMPY\x01\x00".to_vec();
        wide.extend((header.len() as u16).to_le_bytes());
        wide.extend(header.bytes());
        assert_eq!(
            problem(&wide),
            "damaged .npy: the shape in the .npy header is beyond all bounds"
        );
        let huge = String::from_utf8_lossy(&bytes).replace("(3,)", "(9000000000,)");
        assert!(PermutationFile::parse(huge.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn both_formats_round_trip(order in Just((0..64u32).collect::<Vec<_>>()).prop_shuffle()) {
            let permutation = Permutation::new(order).unwrap();
            let file = PermutationFile { permutation, notes: vec![("count".into(), "5".into())] };
            prop_assert_eq!(&PermutationFile::parse(file.to_text().as_bytes()).unwrap(), &file);
            let npy = PermutationFile::parse(&file.to_npy()).unwrap();
            prop_assert_eq!(npy.permutation, file.permutation);
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = PermutationFile::parse(&bytes);
            let mut npy = b"\x93NUMPY\x01\x00".to_vec();
            npy.extend(&bytes);
            let _ = PermutationFile::parse(&npy);
        }
    }
}
