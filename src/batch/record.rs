//! What a finished job was made from, beside its output.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::file_state::FileState;
use crate::files::atomic::{OutputError, write_file};
use crate::files::quote::message;
use crate::files::sealed::{is_whole, seal};

/// Version of the form of records. A record of another version counts as none.
const SCHEMA: u32 = 1;

/// Largest record that is read, in bytes.
const MAX_LEN: u64 = 64 << 20;

/// Why there is no record.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    #[error("cannot read {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is not a record of a job: {why}", path.display())]
    Damaged { path: PathBuf, why: String },
}

/// A job that is done: from what and with which options, and what came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    schema: u32,
    /// The job's name.
    pub job: String,
    /// Version of ftperm.
    pub version: String,
    /// When it was done, in seconds since 1970, and how long it took.
    pub finished: u64,
    pub seconds: f64,
    /// The options that decide what comes out.
    pub options: BTreeMap<String, Vec<String>>,
    /// Networks, data and other files that went in, in a fixed order.
    pub inputs: Vec<FileState>,
    /// Files that came out.
    pub outputs: Vec<FileState>,
    /// The most important fields of the job's report.
    pub report: serde_json::Value,
}

/// Why a record does not answer a job.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Stale {
    #[error("not done before")]
    NoRecord,
    #[error("{0}")]
    Damaged(String),
    #[error("the option {0} is another")]
    Option(String),
    #[error("the input {0} is another")]
    Input(String),
    #[error("the output {0} is missing or changed")]
    Output(String),
    #[error("asked to do it again")]
    Forced,
}

impl Record {
    /// A record of this version.
    pub fn new(
        job: &str,
        options: BTreeMap<String, Vec<String>>,
        inputs: Vec<FileState>,
        outputs: Vec<FileState>,
    ) -> Record {
        Record {
            schema: SCHEMA,
            job: job.to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            finished: 0,
            seconds: 0.0,
            options,
            inputs,
            outputs,
            report: serde_json::Value::Null,
        }
    }

    /// Reads a record; `None` if there is no such file.
    ///
    /// # Errors
    /// The file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Option<Record>, RecordError> {
        let failed = |source| RecordError::Io {
            path: path.to_path_buf(),
            source,
        };
        let damaged = |why: String| RecordError::Damaged {
            path: path.to_path_buf(),
            why,
        };
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed)?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_LEN + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > MAX_LEN {
            return Err(damaged("more than 64 MiB".to_string()));
        }
        if !is_whole(&bytes) {
            return Err(damaged("its checksum is another".to_string()));
        }
        let record: Record =
            serde_json::from_slice(&bytes).map_err(|error| damaged(message(&error)))?;
        if record.schema != SCHEMA {
            return Err(damaged(format!("it is of version {}", record.schema)));
        }
        Ok(Some(record))
    }

    /// Writes the record. Called last: where there is a record, its outputs are whole.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), OutputError> {
        let mut text = serde_json::to_string_pretty(self).expect("a record is plain data");
        text.push('\n');
        write_file(path, seal(&text).as_bytes())
    }

    /// The recorded state of an input, to spare reading it.
    pub fn input(&self, path: &Path) -> Option<&FileState> {
        let name = path.display().to_string();
        self.inputs.iter().find(|it| it.path == name)
    }

    /// Are these the options and inputs that the record tells of?
    ///
    /// # Errors
    /// What differs first.
    pub fn answers(
        &self,
        options: &BTreeMap<String, Vec<String>>,
        inputs: &[FileState],
    ) -> Result<(), Stale> {
        let names = self.options.keys().chain(options.keys());
        if let Some(name) = names
            .into_iter()
            .find(|&name| self.options.get(name) != options.get(name))
        {
            return Err(Stale::Option(name.clone()));
        }
        let same = |(then, now): (&FileState, &FileState)| then.sha256 == now.sha256;
        if let Some((_, now)) = self
            .inputs
            .iter()
            .zip(inputs)
            .find(|&(then, now)| !same((then, now)))
        {
            return Err(Stale::Input(now.path.clone()));
        }
        match inputs.len().cmp(&self.inputs.len()) {
            std::cmp::Ordering::Less => Err(Stale::Input(self.inputs[inputs.len()].path.clone())),
            std::cmp::Ordering::Greater => {
                Err(Stale::Input(inputs[self.inputs.len()].path.clone()))
            }
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, sha256: &str) -> FileState {
        FileState {
            path: name.to_string(),
            bytes: 1,
            modified: None,
            sha256: sha256.to_string(),
            read: 0,
        }
    }

    fn options(count: &str) -> BTreeMap<String, Vec<String>> {
        BTreeMap::from([("count".to_string(), vec![count.to_string()])])
    }

    #[test]
    fn a_record_answers_only_the_same() {
        let record = Record::new(
            "j",
            options("1"),
            vec![file("a", "1"), file("b", "2")],
            vec![],
        );
        let same = [file("moved", "1"), file("b", "2")];
        assert_eq!(record.answers(&options("1"), &same), Ok(()));
        let option = Err(Stale::Option("count".to_string()));
        assert_eq!(record.answers(&options("2"), &same), option);
        assert_eq!(record.answers(&BTreeMap::new(), &same), option);
        let input = |name: &str| Err(Stale::Input(name.to_string()));
        let changed = [file("a", "1"), file("b", "3")];
        assert_eq!(record.answers(&options("1"), &changed), input("b"));
        assert_eq!(record.answers(&options("1"), &same[..1]), input("b"));
        let more = [file("a", "1"), file("b", "2"), file("c", "3")];
        assert_eq!(record.answers(&options("1"), &more), input("c"));
    }

    #[test]
    fn records_are_read_back_and_others_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.job.json");
        assert_eq!(Record::read(&path).unwrap(), None);
        let record = Record::new("j", options("1"), vec![file("a", "1")], vec![]);
        record.write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), Some(record.clone()));
        let text = std::fs::read_to_string(&path).unwrap();
        // As earlier versions wrote it: without a checksum.
        let (_, fields) = text.split_once(',').unwrap();
        let unsealed = format!("{{{fields}");
        std::fs::write(&path, &unsealed).unwrap();
        assert_eq!(Record::read(&path).unwrap(), Some(record.clone()));
        for other in [
            &text[..text.len() / 2],
            "[]",
            "",
            &"\0".repeat(text.len()),
            &text.replace("\"job\": \"j\"", "\"job\": \"k\""),
            &unsealed.replace("\"schema\": 1", "\"schema\": 2"),
        ] {
            std::fs::write(&path, other).unwrap();
            assert!(matches!(
                Record::read(&path),
                Err(RecordError::Damaged { .. })
            ));
        }
    }
}
