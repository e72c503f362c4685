//! What a file is that holds no network, so that an error can say it.

use std::fmt;

use crate::nets::stockfish::{VERSION_2020, VERSION_2021, VERSION_2026};

/// A kind of file, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Elf,
    Pe,
    MachO,
    WebAssembly,
    /// A zip archive; PyTorch's `.ckpt` and `.pt` files are such archives.
    Zip,
    Binpack,
    /// A network file of a version that this program does not know.
    OtherNetwork(u32),
    Text,
    Other,
}

/// As far as a file is looked at to tell text from other bytes.
pub(super) const SAMPLE: usize = 4096;

/// Does the byte occur in text? A network has others: zeros in the upper bytes of its description's length, which is
/// below 2^24, and of small weights.
pub(super) fn is_text(byte: u8) -> bool {
    !matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127)
}

impl FileKind {
    pub(super) fn of(bytes: &[u8]) -> FileKind {
        const MACH_O: [[u8; 4]; 6] = [
            [0xFE, 0xED, 0xFA, 0xCE],
            [0xFE, 0xED, 0xFA, 0xCF],
            [0xCE, 0xFA, 0xED, 0xFE],
            [0xCF, 0xFA, 0xED, 0xFE],
            [0xCA, 0xFE, 0xBA, 0xBE],
            [0xCA, 0xFE, 0xBA, 0xBF],
        ];
        let sample = &bytes[..bytes.len().min(SAMPLE)];
        if bytes.starts_with(b"\x7FELF") {
            FileKind::Elf
        } else if bytes.starts_with(b"MZ") {
            FileKind::Pe
        } else if MACH_O.iter().any(|magic| bytes.starts_with(magic)) {
            FileKind::MachO
        } else if bytes.starts_with(b"\0asm") {
            FileKind::WebAssembly
        } else if bytes.starts_with(b"PK\x03\x04") {
            FileKind::Zip
        } else if bytes.starts_with(b"BINP") {
            FileKind::Binpack
        } else if bytes.len() > 3 && bytes[3] == 0x7A && bytes[2] == 0xF3 {
            // Every version until 2026 was 0x7AF3....
            FileKind::OtherNetwork(u32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[i])))
        } else if sample.iter().all(|&byte| is_text(byte)) {
            FileKind::Text
        } else {
            FileKind::Other
        }
    }

    /// What to try with a file of this kind.
    pub(super) fn advice(self) -> &'static str {
        match self {
            FileKind::Elf | FileKind::Pe | FileKind::MachO => {
                "an engine that loads its network from a file, or a compressed executable, holds none; \
                 give the .nnue file, or let the engine write it out (export_net)"
            }
            FileKind::WebAssembly => {
                "an engine that loads its network from a file holds none; give the .nnue file"
            }
            FileKind::Zip => {
                "if it is a checkpoint (.ckpt, .pt), turn it into a network first (ftperm serialize); \
                 otherwise unpack it"
            }
            FileKind::Binpack => "training data go to --data, the network to --net",
            FileKind::OtherNetwork(_) => {
                "it may be newer than this program, or damaged; --era reads a fork's network as a known era"
            }
            FileKind::Text => "give a .nnue file or an engine with a network inside",
            FileKind::Other => {
                "give a .nnue file or an engine with a network inside; --era reads a fork's network as a known era"
            }
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            FileKind::Elf => "an ELF executable or library",
            FileKind::Pe => "a Windows executable or library",
            FileKind::MachO => "a Mach-O executable or library",
            FileKind::WebAssembly => "a WebAssembly module",
            FileKind::Zip => "a zip archive",
            FileKind::Binpack => "a binpack of training positions",
            FileKind::OtherNetwork(version) => {
                return write!(
                    f,
                    "a network of version {version:#010X} at offset 0, known are {VERSION_2020:#010X}, \
                     {VERSION_2021:#010X} and {VERSION_2026:#010X}"
                );
            }
            FileKind::Text => "a text file",
            FileKind::Other => "a file of unknown kind",
        };
        f.write_str(text)
    }
}
