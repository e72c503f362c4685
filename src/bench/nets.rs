//! Networks as files that an engine can open.

use std::path::Path;

use super::error::EngineError;
use crate::files::atomic::KnownTemporaryFile;
use crate::nets::source::LoadedBytes;

/// Bytes at a network's end that are output weights of the last bucket in every known era: one byte each for the 32
/// neurons of the last hidden layer.
const LAST_WEIGHTS: usize = 32;

/// A network that an engine can open.
#[derive(Debug)]
pub struct EngineNet {
    /// For people.
    pub name: String,
    path: String,
    bytes: Vec<u8>,
    _temporary: Option<KnownTemporaryFile>,
}

impl EngineNet {
    /// A network that was read. One that is not a file of its own is written to a temporary one.
    ///
    /// # Errors
    /// It cannot be written, or its path is not UTF-8.
    pub fn new(loaded: LoadedBytes) -> Result<EngineNet, EngineError> {
        let origin = &loaded.origin;
        let plain = origin.parts == 1
            && origin.compression.is_none()
            && origin.inside.is_none()
            && !origin.appended;
        // UCI is text: another name has to stand in for one that is not UTF-8, or has spaces that an engine would trim.
        let speakable = |path: &std::path::PathBuf| {
            path.to_str()
                .is_some_and(|path| path == path.trim() && !path.contains(char::is_control))
        };
        let temporary = if plain && origin.path.as_ref().is_some_and(speakable) {
            None
        } else {
            Some(write(&loaded.bytes)?)
        };
        let path = match (&temporary, &origin.path) {
            (None, Some(path)) => sendable(path)?,
            (Some(file), _) => sendable(file.path())?,
            (None, None) => String::new(),
        };
        Ok(EngineNet {
            name: origin.to_string(),
            path,
            bytes: loaded.bytes,
            _temporary: temporary,
        })
    }

    /// Its absolute path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same network with the last bucket's output weights halved: another function, no larger anywhere.
    pub(super) fn altered(&self) -> Result<EngineNet, EngineError> {
        let mut bytes = self.bytes.clone();
        let start = bytes.len().saturating_sub(LAST_WEIGHTS);
        for byte in &mut bytes[start..] {
            let weight = byte.cast_signed();
            *byte = if weight / 2 == weight { 1 } else { weight / 2 }.cast_unsigned();
        }
        let file = write(&bytes)?;
        Ok(EngineNet {
            name: format!("an altered {}", self.name),
            path: sendable(file.path())?,
            bytes,
            _temporary: Some(file),
        })
    }
}

fn write(bytes: &[u8]) -> Result<KnownTemporaryFile, EngineError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("ftperm-").suffix(".nnue");
    KnownTemporaryFile::write(|| builder.tempfile(), bytes).map_err(EngineError::Temporary)
}

fn sendable(path: &Path) -> Result<String, EngineError> {
    let absolute = std::path::absolute(path).map_err(EngineError::Temporary)?;
    match absolute.to_str() {
        Some(text) => Ok(text.to_string()),
        None => Err(EngineError::NotSendable {
            text: absolute.display().to_string(),
        }),
    }
}
