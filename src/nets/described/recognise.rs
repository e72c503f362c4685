//! Which of the layouts inside the program does a file have?
//!
//! A file of tensors says nothing of itself. So a layout fits only if the length is exactly the one described, the
//! header and all numbers that the layout expects are there, and biases, floats and padding look like what they are.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::built_in::{BUILT_IN, BuiltIn};
use super::description::Layout;
use super::net::RawNet;
use super::storage::{Encoding, FileCompression};
use super::tensor::{ElementType, Role, Tensor};
use crate::files::reading::Compression;
use crate::nets::MAX_BYTES;
use crate::nets::stockfish::VERSIONS;

/// Biases of trained feature transformers are far below what 16 bits hold: clamps are 127 to 4095.
const LARGEST_BIAS: i32 = 1 << 14;

/// No weight of a later layer is larger.
const LARGEST_FLOAT: f64 = 1e6;

/// Enough of a file to unpack its first block of zstd, in bytes.
const BEGIN: u64 = 1 << 18;

/// What fills up files: zeros, or what bullet writes.
const BULLET: &[u8] = b"bullet";

/// A layout that a file fits.
#[derive(Clone, Debug)]
pub struct Fitting {
    pub row: &'static BuiltIn,
    pub layout: Layout,
    /// Why, in words.
    pub evidence: Vec<String>,
}

/// All layouts of the program that a file fits. A file that is compressed is unpacked for it, up to the length of a
/// network.
///
/// # Errors
/// It cannot be read.
pub fn fitting(path: &Path) -> io::Result<Vec<Fitting>> {
    fitting_among(BUILT_IN, path)
}

/// As [`fitting`], of these rows.
pub(super) fn fitting_among(rows: &'static [BuiltIn], path: &Path) -> io::Result<Vec<Fitting>> {
    // Before it is opened: whoever opens a pipe waits for its other end.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Ok(Vec::new());
    }
    let mut file = File::open(path)?;
    let len = metadata.len();
    let mut begin = Vec::new();
    file.by_ref().take(BEGIN).read_to_end(&mut begin)?;
    if is_of_stockfish(&begin) {
        return Ok(Vec::new());
    }
    // Only now: most files are Stockfish's, and twenty layouts take their time to be read.
    let layouts = rows
        .iter()
        .filter_map(|row| Some((row, row.layout().ok()?)));
    let possible: Vec<(&BuiltIn, Layout)> = layouts
        .filter(|(_, layout)| is_possible(layout, len, &begin))
        .collect();
    if possible.is_empty() {
        return Ok(Vec::new());
    }
    let mut bytes = begin;
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    let fits = possible.into_iter().filter_map(|(row, layout)| {
        match RawNet::parse(bytes.clone(), &layout) {
            Ok(net) => evidence(&net).map(|evidence| (row, evidence, layout)),
            Err(_) => None,
        }
    });
    Ok(fits
        .map(|(row, evidence, layout)| Fitting {
            row,
            layout,
            evidence,
        })
        .collect())
}

/// Does a file with this beginning, or what is compressed in it, begin as networks of Stockfish do?
fn is_of_stockfish(begin: &[u8]) -> bool {
    let mut unpacked = Vec::new();
    if let Some(compression) = Compression::of(begin)
        && let Ok(reader) = compression.reader(begin)
    {
        // The beginning of a file ends too early, so this ends with an error.
        let _ = reader.take(4).read_to_end(&mut unpacked);
    }
    VERSIONS.iter().any(|version| {
        let version = version.to_le_bytes();
        begin.starts_with(&version) || unpacked.starts_with(&version)
    })
}

/// Can a file of this length and beginning have the layout?
fn is_possible(layout: &Layout, len: u64, begin: &[u8]) -> bool {
    let storage = &layout.storage;
    if let Some(magic) = &layout.magic
        && storage.plain >= magic.len()
        && !begin.starts_with(magic.as_bytes())
    {
        return false;
    }
    let packed = begin.get(storage.plain..).unwrap_or_default();
    if storage.compression != FileCompression::None
        && Compression::of(packed) == Some(Compression::Zstd)
    {
        return true;
    }
    if storage.compression == FileCompression::Zstd {
        return false;
    }
    match storage.encoding {
        Encoding::Fixed => {
            len == layout.len as u64
                || storage.optional > 0 && len == (layout.len - storage.optional) as u64
        }
        Encoding::Leb128 => {
            let values: usize = layout.tensors.iter().map(Tensor::len).sum();
            (values as u64..=super::leb128::most(layout) as u64).contains(&len)
        }
    }
}

/// Why a network that has the described length is one of this layout; `None` if it does not look like one.
fn evidence(net: &RawNet) -> Option<Vec<String>> {
    let layout = net.layout();
    let bytes = net.bytes();
    let mut words = vec![match layout.storage.encoding {
        Encoding::Fixed => format!("its length of {} bytes", bytes.len()),
        Encoding::Leb128 => {
            let values: usize = layout.tensors.iter().map(Tensor::len).sum();
            format!("exactly {values} values in LEB128")
        }
    }];
    if let Some(magic) = &layout.magic {
        words.push(format!("its header \"{magic}\""));
    }
    let mut expected = layout.tensors.iter().filter(|it| !it.expect.is_empty());
    if expected.next().is_some() {
        words.push("all numbers that are known".to_string());
    }
    for tensor in layout.of_role(Role::FtBias) {
        if tensor.element == ElementType::I16 {
            words.push(bias_range(tensor, bytes)?);
        }
    }
    let mut floats = layout
        .tensors
        .iter()
        .filter(|tensor| tensor.element == ElementType::F32)
        .peekable();
    if floats.peek().is_some() {
        let plausible = floats.all(|tensor| {
            (0..tensor.len()).all(|at| tensor.number(bytes, at).abs() <= LARGEST_FLOAT)
        });
        if !plausible {
            return None;
        }
        words.push("floats that are weights".to_string());
    }
    let padding = &bytes[layout.end_of_tensors()..];
    if !padding.is_empty() && layout.pads {
        let of_bullet = padding
            .iter()
            .zip(BULLET.iter().cycle())
            .all(|(a, b)| a == b);
        if !of_bullet && padding.iter().any(|&byte| byte != 0) {
            return None;
        }
        let what = if of_bullet { "bullet's" } else { "zero" };
        words.push(format!("{what} padding"));
    }
    Some(words)
}

/// Are the biases small, and not all the same?
fn bias_range(tensor: &Tensor, bytes: &[u8]) -> Option<String> {
    let values = (0..tensor.len()).map(|at| tensor.integer(bytes, at));
    let (least, most) = values.fold((i32::MAX, i32::MIN), |(least, most), value| {
        (least.min(value), most.max(value))
    });
    let plausible = least < most && least > -LARGEST_BIAS && most < LARGEST_BIAS;
    plausible.then(|| format!("biases of {least} to {most}"))
}

impl Fitting {
    /// The reasons as one text.
    pub fn evidence_text(&self) -> String {
        self.evidence.join(", ")
    }
}
