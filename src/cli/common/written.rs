//! Errors after something was written already.

use anyhow::anyhow;
use ftperm::files::atomic::OutputError;

use crate::cli::console;

/// The error, with what is there all the same instead of a promise that there is nothing.
pub fn but_written(error: anyhow::Error, written: &str) -> anyhow::Error {
    match error.downcast::<OutputError>() {
        Ok(OutputError::Io { path, source }) => {
            anyhow!("cannot write {}: {source}; {written}", path.display())
        }
        Ok(error) => anyhow!("{error}; {written}"),
        Err(error) => anyhow!("{}; {written}", console::one_line(&error)),
    }
}
