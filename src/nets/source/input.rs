//! Bytes of a file or of standard input, unpacked, never more than a limit.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::SourceError;
use super::kind::FileKind;
use super::{headers, parts, text};
use crate::files::reading::{Compression, ReadError, read_file, read_stream, unpack_single};

/// What was read.
#[derive(Debug)]
pub(super) struct Input {
    /// For messages: the path, or a word for standard input.
    pub name: String,
    pub path: Option<PathBuf>,
    /// Files that were joined.
    pub parts: usize,
    pub compression: Option<Compression>,
    pub bytes: Vec<u8>,
}

impl Input {
    /// Reads a file, or all parts of a module of which it is one.
    ///
    /// What begins with the version of no network is only read if one stands in it, or if `any_version` says that the
    /// file as a whole may be one.
    pub(super) fn read(path: &Path, limit: u64, any_version: bool) -> Result<Input, SourceError> {
        let files = match parts::parts(path)? {
            Some(files) => files,
            None => vec![path.to_path_buf()],
        };
        let mut input = Input::new(&path.display().to_string());
        (input.path, input.parts) = (Some(path.to_path_buf()), files.len());
        for file in &files {
            let metadata = std::fs::metadata(file).map_err(SourceError::io(file))?;
            if !metadata.is_file() {
                return Err(SourceError::NotAFile { path: file.clone() });
            }
            if !text::may_hold_network(file, metadata.len()) {
                return Err(SourceError::NoNet {
                    file: input.name,
                    kind: FileKind::Text,
                });
            }
            let barren = (!any_version).then(|| headers::barren(file, metadata.len(), limit));
            if let Some(kind) = barren.flatten() {
                return Err(SourceError::NoNet {
                    file: input.name,
                    kind,
                });
            }
            input.append(|left| read_file(file, left), limit)?;
        }
        Ok(input)
    }

    /// Reads to the end of a stream.
    pub(super) fn read_stream(
        name: &str,
        stream: impl Read + Send,
        limit: u64,
    ) -> Result<Input, SourceError> {
        let mut input = Input::new(name);
        input.append(|left| read_stream(stream, left), limit)?;
        Ok(input)
    }

    fn new(name: &str) -> Input {
        Input {
            name: name.to_string(),
            path: None,
            parts: 1,
            compression: None,
            bytes: Vec::new(),
        }
    }

    /// Appends what `read` gives, which is called with the bytes that are left of the limit.
    fn append(
        &mut self,
        read: impl FnOnce(u64) -> Result<crate::files::reading::Contents, ReadError>,
        limit: u64,
    ) -> Result<(), SourceError> {
        let left = limit.saturating_sub(self.bytes.len() as u64);
        let name = self.name.clone();
        let failed = |error| SourceError::reading(&name, error);
        let mut contents = read(left).map_err(failed)?;
        let unpacked = unpack_single(&contents.bytes, left);
        if let Some(bytes) = unpacked.map_err(|error| failed(error.into()))? {
            contents.bytes = bytes;
            contents.compression = Some(Compression::Zip);
        }
        if contents.bytes.is_empty() {
            return Err(SourceError::Empty {
                file: self.name.clone(),
            });
        }
        self.compression = contents.compression.or(self.compression);
        if self.bytes.is_empty() {
            self.bytes = contents.bytes;
        } else {
            let mut more = contents.bytes;
            self.bytes
                .try_reserve(more.len())
                .map_err(|error| failed(io::Error::other(error).into()))?;
            self.bytes.append(&mut more);
        }
        Ok(())
    }
}
