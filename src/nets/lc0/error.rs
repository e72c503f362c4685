//! What can be wrong with a weight file.

use std::io;
use std::path::PathBuf;

use super::tree::{Fault, ParseFault};
use super::version::Version;
use super::wire::WireFault;

/// Why something could not be done with a weight file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Lc0Error {
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: Box<Lc0Error>,
    },
    #[error("cannot read it: {0}")]
    Read(#[source] io::Error),
    #[error("cannot write it: {0}")]
    Write(#[source] io::Error),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("it unpacks to more than {limit} bytes; no Lc0 network is as large")]
    TooLarge { limit: u64 },
    #[error("it has more than 250000 fields (at byte {offset}); Lc0 networks have some thousands")]
    TooManyFields { offset: usize },
    #[error("{tensor}: {text}")]
    Tensor { tensor: String, text: String },
    #[error("it holds no weights{}", if *.onnx { " of Lc0's own kind, but an ONNX model" } else { "" })]
    NoWeights { onnx: bool },
    #[error("{0}")]
    Options(String),
}

/// Why lc0 does not load a file. `Display` is in our words, [`Refusal::lc0_says`] in lc0's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it holds {bytes} bytes, which is too small for a network")]
    TooSmall { bytes: usize },
    #[error(
        "a network as text, of 2018 (version {version}), which lc0 no longer reads; \
         `net.py` of lczero-training converts it to the present format"
    )]
    Text { version: u8 },
    #[error("the gzip stream is damaged after {unpacked} unpacked bytes: {text}")]
    Gzip { unpacked: usize, text: String },
    #[error(
        "it ends too early{}: the field at byte {offset} needs {needed} more bytes, {left} are left",
        within(path)
    )]
    Truncated {
        offset: usize,
        path: String,
        needed: u64,
        left: u64,
    },
    #[error("no Lc0 network, or damaged{}: {text} at byte {offset}", within(path))]
    Unparseable {
        offset: usize,
        path: String,
        text: String,
    },
    #[error("no Lc0 network: its magic number is {}, not 0x1c0", magic(*found))]
    Magic { found: Option<u32> },
    #[error("it needs lc0 {needed}, which is newer than {asked}")]
    Version { needed: Version, asked: Version },
    #[error(
        "its format says weights encoding {}, but lc0 {asked} takes LINEAR16 only",
        encoding(*found)
    )]
    WeightsEncoding { found: Option<u32>, asked: Version },
}

fn within(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!(", in {path}")
    }
}

fn magic(found: Option<u32>) -> String {
    found.map_or_else(|| "missing".into(), |found| format!("{found:#x}"))
}

fn encoding(found: Option<u32>) -> String {
    found.map_or_else(
        || "nothing".into(),
        |found| super::schema::WEIGHTS_ENCODING.name(found),
    )
}

impl Refusal {
    /// The message that lc0 prints.
    pub fn lc0_says(&self) -> String {
        match self {
            Refusal::TooSmall { .. } => "Invalid weight file: too small.".into(),
            Refusal::Text { version: 1 } => "Invalid weight file: no longer supported.".into(),
            Refusal::Text { .. } => "Text format weights files are no longer supported. Use a \
                 command line tool to convert it to the new format."
                .into(),
            Refusal::Gzip { .. } => "incorrect data check".into(),
            Refusal::Truncated { .. } => "The file is truncated.".into(),
            Refusal::Unparseable { .. } => "The file seems to be unparseable.".into(),
            Refusal::Magic { .. } => "Invalid weight file: bad header.".into(),
            Refusal::Version { needed, .. } => {
                format!("Invalid weight file: lc0 version >= {needed} required.")
            }
            Refusal::WeightsEncoding { .. } => "Invalid weight file: unsupported encoding.".into(),
        }
    }
}

impl From<ParseFault> for Lc0Error {
    fn from(fault: ParseFault) -> Lc0Error {
        let ParseFault {
            offset,
            path,
            fault,
        } = fault;
        match fault {
            Fault::TooManyFields => Lc0Error::TooManyFields { offset },
            Fault::Wire(WireFault::Truncated { needed, left }) => Refusal::Truncated {
                offset,
                path,
                needed,
                left,
            }
            .into(),
            Fault::Wire(WireFault::WireType(kind)) => Refusal::Unparseable {
                offset,
                path,
                text: format!("a field of the unknown kind {kind}"),
            }
            .into(),
            Fault::Wire(WireFault::LongVarint) => Refusal::Unparseable {
                offset,
                path,
                text: "a number of more than ten bytes".into(),
            }
            .into(),
        }
    }
}
