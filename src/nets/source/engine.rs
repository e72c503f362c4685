//! Networks inside engines: native executables of any kind, WebAssembly modules, also such that became JavaScript, any
//! other file.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::MAX_BYTES;
use super::asm_js::Script;
use super::error::SourceError;
use super::input::Input;
use super::kind::FileKind;
use super::scan::scan;
use super::wasm;
use crate::files::atomic::{commit_all, create_folder, finish_file};
use crate::files::digest;
use crate::files::quote::message;

/// A file that was searched for networks.
#[derive(Debug)]
pub struct Engine {
    name: String,
    /// The file itself, or the stretches of memory in which networks were found.
    buffers: Vec<Vec<u8>>,
    nets: Vec<EngineNet>,
}

/// A network inside an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineNet {
    /// Counted from 1, in the order of [`Engine::nets`]: what follows the `#`.
    pub number: usize,
    /// Offset of its first byte, or of its first character of base64, in the (unpacked, joined) file.
    pub offset: u64,
    /// Address of its first byte in the memory that a WebAssembly module sets up.
    pub address: Option<u64>,
    /// Length in bytes.
    pub len: usize,
    buffer: usize,
    place: Range<usize>,
}

/// A network that was written to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extracted {
    pub net: EngineNet,
    pub path: PathBuf,
    pub sha256: [u8; 32],
}

impl Engine {
    /// Searches a file for networks. It may be compressed, and it may be one part of a WebAssembly module in several.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or holds no network.
    pub fn open(path: &Path) -> Result<Engine, SourceError> {
        Engine::search(Input::read(path, MAX_BYTES, false)?)
    }

    /// As [`open`](Self::open), for a stream that is called `name` in errors.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read_stream(name: &str, stream: impl Read + Send) -> Result<Engine, SourceError> {
        Engine::search(Input::read_stream(name, stream, MAX_BYTES)?)
    }

    pub(super) fn search(input: Input) -> Result<Engine, SourceError> {
        let Input { name, bytes, .. } = input;
        let kind = FileKind::of(&bytes);
        let mut engine = Engine {
            name,
            buffers: Vec::new(),
            nets: Vec::new(),
        };
        let broken = if wasm::is_module(&bytes) {
            engine.search_module(&bytes)?
        } else if let Some(script) = (kind == FileKind::Text)
            .then(|| Script::parse(&bytes))
            .flatten()
        {
            engine.search_script(&script)
        } else {
            engine.search_buffer(bytes, |place| (place as u64, None))
        };
        if !engine.nets.is_empty() {
            return Ok(engine);
        }
        let file = engine.name;
        Err(match broken {
            Some(offset) => SourceError::BrokenNet { file, kind, offset },
            None => SourceError::NoNet { file, kind },
        })
    }

    /// Returns the file offset of a network that is not whole.
    fn search_module(&mut self, module: &[u8]) -> Result<Option<u64>, SourceError> {
        let regions = wasm::regions(module).map_err(|error| SourceError::Module {
            file: self.name.clone(),
            reason: message(&error.message()),
            offset: error.offset(),
        })?;
        let mut broken = None;
        for region in regions {
            let in_file = |place| {
                let offset = region.file_offset(place).unwrap_or(0) as u64;
                (offset, Some(region.address + place as u64))
            };
            broken = broken.or(self.search_buffer(region.bytes(module), in_file));
        }
        Ok(broken)
    }

    /// As [`search_module`](Self::search_module), for a module that became JavaScript.
    fn search_script(&mut self, script: &Script) -> Option<u64> {
        let mut broken = None;
        for region in &script.regions {
            let in_file = |place| {
                let offset = region.file_offset(place);
                let offset = offset.map_or(0, |place| script.text_offset(place)) as u64;
                (offset, Some(region.address + place as u64))
            };
            broken = broken.or(self.search_buffer(region.bytes(&script.data), in_file));
        }
        broken
    }

    fn search_buffer(
        &mut self,
        bytes: Vec<u8>,
        origin: impl Fn(usize) -> (u64, Option<u64>),
    ) -> Option<u64> {
        let found = scan(&bytes);
        for place in &found.nets {
            let (offset, address) = origin(place.start);
            self.nets.push(EngineNet {
                number: self.nets.len() + 1,
                offset,
                address,
                len: place.len(),
                buffer: self.buffers.len(),
                place: place.clone(),
            });
        }
        if !found.nets.is_empty() {
            self.buffers.push(bytes);
        }
        found.broken.map(|at| origin(at).0)
    }

    /// All networks, in the order in which they stand; at least one.
    pub fn nets(&self) -> &[EngineNet] {
        &self.nets
    }

    /// A network's file.
    pub fn bytes(&self, net: &EngineNet) -> &[u8] {
        &self.buffers[net.buffer][net.place.clone()]
    }

    /// The network with this number, or else the largest one (the first of the largest).
    ///
    /// # Errors
    /// There is no such number.
    pub fn choose(&self, number: Option<usize>) -> Result<&EngineNet, SourceError> {
        match number {
            Some(number) => {
                let net = self.nets.iter().find(|net| net.number == number);
                net.ok_or_else(|| SourceError::NoSuchNet {
                    file: self.name.clone(),
                    index: number,
                    count: self.nets.len(),
                    list: self
                        .nets
                        .iter()
                        .map(|net| format!("#{} of {} bytes", net.number, net.len))
                        .collect::<Vec<_>>()
                        .join(", "),
                })
            }
            None => Ok(self
                .nets
                .iter()
                .rev()
                .max_by_key(|net| net.len)
                .expect("an engine has a network")),
        }
    }

    /// Gives up all but one network's bytes, without a second copy of them.
    pub(super) fn into_bytes(mut self, net: &EngineNet) -> Vec<u8> {
        let mut bytes = self.buffers.swap_remove(net.buffer);
        bytes.copy_within(net.place.clone(), 0);
        bytes.truncate(net.len);
        bytes.shrink_to_fit();
        bytes
    }

    /// Writes all networks into a directory, which is made if need be, as `nn-<first 12 digits of SHA-256>.nnue`. They
    /// appear together, whole, or not at all. A network that stands in the engine twice is one file.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn extract(&self, directory: &Path) -> Result<Vec<Extracted>, SourceError> {
        create_folder(directory)?;
        let mut written: Vec<Extracted> = Vec::new();
        let mut files = Vec::new();
        for net in &self.nets {
            let bytes = self.bytes(net);
            let sha256 = digest::sha256(bytes);
            if written.iter().any(|other| other.sha256 == sha256) {
                continue;
            }
            let path = directory.join(format!("{}.nnue", digest::net_name(&sha256)));
            files.push(finish_file(&path, bytes)?);
            written.push(Extracted {
                net: net.clone(),
                path,
                sha256,
            });
        }
        commit_all(files)?;
        Ok(written)
    }
}
