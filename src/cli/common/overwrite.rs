//! Keeps outputs from replacing one another, and what was read.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ftperm::positions;

use crate::cli::UsageError;

/// Files by the options that name them.
#[derive(Debug, Default)]
pub struct Files<'a> {
    outputs: Vec<(&'a str, PathBuf)>,
    inputs: Vec<(&'a str, PathBuf)>,
    /// An option that is given `-`.
    to_stdout: Option<&'a str>,
    /// Training data that are named twice.
    twice: Option<(&'a str, PathBuf)>,
}

impl<'a> Files<'a> {
    pub fn new() -> Files<'a> {
        Files::default()
    }

    /// A file that will be written.
    pub fn output(mut self, option: &'a str, file: Option<&Path>) -> Files<'a> {
        self.to_stdout = self
            .to_stdout
            .or(file.filter(|it| *it == Path::new("-")).map(|_| option));
        self.outputs
            .extend(file.map(|file| (option, identity(file))));
        self
    }

    /// A file that is read and must still be there afterwards.
    pub fn input(mut self, option: &'a str, file: Option<&Path>) -> Files<'a> {
        self.inputs
            .extend(file.map(|file| (option, identity(file))));
        self
    }

    /// Training data: files, folders, patterns. What cannot be listed is an error when it is read.
    pub fn data(mut self, option: &'a str, data: &[OsString]) -> Files<'a> {
        let mut seen = BTreeSet::new();
        for file in positions::files(data).unwrap_or_default() {
            let file = identity(&file);
            if !seen.insert(file.clone()) {
                self.twice = Some((option, file));
            }
        }
        self.inputs
            .extend(seen.into_iter().map(|file| (option, file)));
        self
    }

    /// # Errors
    /// An output is also another output or an input, or named as stdout is elsewhere; or data are named twice, so that
    /// the same games would be searched on and held out.
    pub fn check(&self) -> Result<(), UsageError> {
        if let Some(option) = self.to_stdout {
            return Err(UsageError(format!(
                "{option} - would not write to stdout, which is for results, but a file named -: say ./- for that"
            )));
        }
        if let Some((option, file)) = &self.twice {
            return Err(UsageError(format!(
                "{option} names {} twice: its games would count twice, in held-out positions, too",
                file.display()
            )));
        }
        for (at, (option, file)) in self.outputs.iter().enumerate() {
            let others = self.outputs[..at].iter().chain(&self.inputs);
            if let Some((other, _)) = others.into_iter().find(|(_, it)| it == file) {
                return Err(UsageError(format!(
                    "{other} and {option} are the same file, {}, which would be overwritten",
                    file.display()
                )));
            }
        }
        Ok(())
    }
}

/// One name for a file, whether it is there already or not.
fn identity(file: &Path) -> PathBuf {
    let whole = file.canonicalize().ok();
    let in_folder = || {
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        Some(folder.canonicalize().ok()?.join(file.file_name()?))
    };
    whole
        .or_else(in_folder)
        .unwrap_or_else(|| file.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_by_two_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        std::fs::write(at("data"), "x").unwrap();
        let check = |out: &str, perm: &str| {
            Files::new()
                .output("--out", Some(&at(out)))
                .output("--perm", Some(&at(perm)))
                .output("--report", None)
                .data("--data", &[at("data").into()])
                .check()
        };
        assert!(check("a", "b").is_ok());
        let text = check("a", "sub/../a").unwrap_err().to_string();
        assert!(
            text.starts_with("--out and --perm are the same file"),
            "{text}"
        );
        let text = check("a", "sub/../data").unwrap_err().to_string();
        assert!(text.starts_with("--data and --perm are"), "{text}");
        let twice = [at("data"), at("sub/../data")].map(Into::into);
        let text = Files::new().data("--data", &twice).check();
        let text = text.unwrap_err().to_string();
        assert!(
            text.starts_with("--data names") && text.contains("twice"),
            "{text}"
        );
        let output = |name: &'static str| Files::new().output("--out", Some(Path::new(name)));
        let text = output("-").check().unwrap_err().to_string();
        assert!(text.starts_with("--out - would not write"), "{text}");
        assert!(output("./-").check().is_ok());
    }
}
