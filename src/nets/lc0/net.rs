//! A weight file, and the checks that lc0 makes while loading it, in lc0's order.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::container::{self, Container};
use super::layer::Encoding;
use super::migrate::{Change, NetworkFormat, migrate};
use super::schema::NET;
use super::tree::Node;
use super::version::Version;
use super::{Lc0Error, MAGIC, Refusal};

/// A file, unpacked.
#[derive(Clone, Debug)]
pub struct Lc0File {
    path: Option<PathBuf>,
    bytes: Vec<u8>,
    container: Container,
}

impl Lc0File {
    /// Reads and unpacks a file.
    ///
    /// # Errors
    /// It cannot be read, its gzip stream is damaged, or it unpacks to more than 2 GiB.
    pub fn open(path: &Path) -> Result<Lc0File, Lc0Error> {
        let named = |source| Lc0Error::File {
            path: path.to_path_buf(),
            source: Box::new(source),
        };
        let file = File::open(path).map_err(|source| named(Lc0Error::Read(source)))?;
        let mut file = Lc0File::read(file).map_err(named)?;
        file.path = Some(path.to_path_buf());
        Ok(file)
    }

    /// Reads and unpacks what has no name.
    ///
    /// # Errors
    /// As [`Lc0File::open`].
    pub fn read(from: impl Read) -> Result<Lc0File, Lc0Error> {
        let (bytes, container) = container::unpack(from)?;
        Ok(Lc0File {
            path: None,
            bytes,
            container,
        })
    }

    /// Unpacks the network `net` that is inside the program `path`.
    ///
    /// # Errors
    /// As [`Lc0File::open`].
    pub fn read_inside(path: &Path, net: &[u8]) -> Result<Lc0File, Lc0Error> {
        let path = PathBuf::from(format!("the network inside {}", path.display()));
        match Lc0File::read(net) {
            Ok(file) => Ok(Lc0File {
                path: Some(path),
                ..file
            }),
            Err(source) => Err(Lc0Error::File {
                path,
                source: Box::new(source),
            }),
        }
    }

    /// How it is stored.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The unpacked bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The network inside.
    ///
    /// # Errors
    /// It is none, or damaged. Whether some version of lc0 loads it is another question: [`Lc0Net::loads`].
    pub fn net(&self) -> Result<Lc0Net<'_>, Lc0Error> {
        self.parse().map_err(|source| match &self.path {
            Some(path) => Lc0Error::File {
                path: path.clone(),
                source: Box::new(source),
            },
            None => source,
        })
    }

    fn parse(&self) -> Result<Lc0Net<'_>, Lc0Error> {
        let bytes = &self.bytes[..];
        let refused = match bytes {
            [] | [_] => Some(Refusal::TooSmall { bytes: bytes.len() }),
            [version @ (b'1' | b'2'), b'\n', ..] => Some(Refusal::Text {
                version: version - b'0',
            }),
            _ => None,
        };
        if let Some(refusal) = refused {
            return Err(refusal.into());
        }
        let root = Node::parse(&NET, bytes)?;
        let found = root.fixed32("magic");
        if found != Some(MAGIC) {
            return Err(Refusal::Magic { found }.into());
        }
        let (format, changes) = migrate(&root);
        Ok(Lc0Net {
            container: &self.container,
            root,
            format,
            changes,
        })
    }
}

/// Bytes that tell what a file is.
const BEGIN: usize = 64;

/// Is it a file, and one of weights of Lc0, by its name (`.pb`, `.pb.gz`) or its first bytes? Old networks as text
/// count.
///
/// # Errors
/// It cannot be read.
pub fn is_weights_file(path: &Path) -> io::Result<bool> {
    if !path.is_file() {
        return Ok(false);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_ascii_lowercase();
    if name.ends_with(".pb.gz") || name.ends_with(".pb") {
        return Ok(true);
    }
    let mut input = BufReader::new(File::open(path)?);
    let mut begin = Vec::new();
    let gzip = input.fill_buf()?.starts_with(&[0x1F, 0x8B]);
    let outcome = if gzip {
        MultiGzDecoder::new(input)
            .take(BEGIN as u64)
            .read_to_end(&mut begin)
    } else {
        input.take(BEGIN as u64).read_to_end(&mut begin)
    };
    // What cannot be unpacked has another reader that says so.
    Ok(outcome.is_ok() && (begin.starts_with(&[0x0D, 0xC0, 0x01, 0, 0]) || is_text(&begin)))
}

/// Does it begin as a network as text does: the version alone, then a line of many numbers, which lists of one number
/// a line do not have?
fn is_text(begin: &[u8]) -> bool {
    let [b'1' | b'2', b'\n', rest @ ..] = begin else {
        return false;
    };
    let line = rest.split(|&byte| byte == b'\n').next().unwrap_or(rest);
    let numbers = line.split(|&byte| byte == b' ').count();
    numbers > 1 && line.iter().all(|byte| b"0123456789.eE+- ".contains(byte))
}

/// What a weight file says.
#[derive(Clone, Debug)]
pub struct Lc0Net<'a> {
    pub(super) container: &'a Container,
    pub(super) root: Node<'a>,
    /// After migration.
    pub(super) format: NetworkFormat,
    pub(super) changes: Vec<Change>,
}

impl<'a> Lc0Net<'a> {
    /// The oldest lc0 that the file says it is for; missing parts are 0.
    pub fn min_version(&self) -> Version {
        let part = |name| {
            let version = self.root.child("min_version");
            version.and_then(|version| version.uint(name)).unwrap_or(0)
        };
        Version::new(part("major"), part("minor"), part("patch"))
    }

    /// What lc0 changes in the format while loading.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(super) fn weights(&self) -> Option<&Node<'a>> {
        self.root.child("weights")
    }

    /// The weights, which all that is done with tensors needs.
    pub(super) fn some_weights(&self) -> Result<&Node<'a>, Lc0Error> {
        self.weights().ok_or_else(|| Lc0Error::NoWeights {
            onnx: self.root.child("onnx_model").is_some(),
        })
    }

    pub(super) fn weights_encoding(&self) -> Option<u32> {
        let format = self.root.child("format");
        format.and_then(|format| format.uint("weights_encoding"))
    }

    /// Does this version of lc0 load it?
    ///
    /// # Errors
    /// The reason why not.
    pub fn loads(&self, asked: Version) -> Result<(), Refusal> {
        let needed = self.min_version();
        if needed.number() > asked.number() && needed.number() != Version::ANY.number() {
            return Err(Refusal::Version { needed, asked });
        }
        let found = self.weights_encoding();
        let any_encoding =
            asked.number() >= Version::V0_33.number() && needed.number() >= Version::V0_33.number();
        if self.weights().is_some() && found != Some(Encoding::Linear16.number()) && !any_encoding {
            return Err(Refusal::WeightsEncoding { found, asked });
        }
        Ok(())
    }
}
