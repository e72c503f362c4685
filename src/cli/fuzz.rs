//! What the fuzz targets `config` and `jobs` do, which read files that only the binary knows.

use std::ffi::OsString;
use std::path::Path;

use clap::Parser as _;

use super::batch::jobs::Plan;
use super::config::file::ConfigFile;
use super::config::layers::{Layers, merge, stack};
use super::config::options::{commands, find};
use super::config::{program, toml_line};
use super::{Cli, UsageError};

/// The name that errors begin with.
const NAME: &str = "fuzz.toml";

/// A configuration file, put under the command line of every command.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let program = program();
    let parse = |text: &str| ConfigFile::parse(Path::new(NAME), text, &program);
    let layers = match parse(text) {
        Ok(file) => Layers {
            file: Some(file),
            ..Layers::default()
        },
        Err(error) => return check_place(&error),
    };
    for command in commands(&program) {
        let settings = layers.of(command).expect("values were checked");
        let settings = match stack(command, &[], &settings) {
            Ok(settings) => settings,
            Err(error) => {
                check_place(&error);
                continue;
            }
        };
        let words = ["ftperm", command.get_name()].map(OsString::from);
        let _ = Cli::try_parse_from(merge(&words, words.len(), &settings));
        // What `ftperm config` prints is a configuration file of the same meaning.
        let lines: Vec<String> = settings.iter().map(toml_line).collect();
        let printed = format!("[{}]\n{}\n", command.get_name(), lines.join("\n"));
        let again = parse(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
        for setting in &settings {
            let arg = find(command, &setting.option).expect("it is an option of the command");
            let found = again.get(command.get_name(), arg);
            assert_eq!(
                found.map(|found| found.words()),
                Some(setting.words()),
                "{printed}"
            );
        }
    }
}

/// A jobs file. Nothing is done, and no folder but an imagined one is looked at.
pub fn jobs(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let path = Path::new("fuzz-imagined").join(NAME);
    let plan = match Plan::parse(&path, text, Vec::new()) {
        Ok(plan) => plan,
        Err(error) => return check_place(&error),
    };
    if let Err(error) = plan.watched("fuzz-arrived".into()) {
        assert!(error.is::<UsageError>(), "{error}");
    }
    // Patterns with a path of their own lead out of the imagined folder.
    if text.contains(['/', '\\']) {
        return;
    }
    let Ok(jobs) = plan.jobs() else { return };
    for job in &jobs {
        assert!(!job.net.is_empty());
        let record = job.record_path();
        assert_eq!(record.parent(), Some(job.folder.as_path()));
        assert!(job.temporary_prefix().starts_with(".ftperm-job-"));
        let head = ["ftperm", job.command.name()].map(OsString::from);
        Cli::try_parse_from(head.iter().chain(&job.words)).expect("words were checked");
    }
}

/// Errors name the file, and the line where there is one.
fn check_place(error: &UsageError) {
    let text = error.to_string();
    assert!(text.contains(&format!("{NAME}:")), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replays what the targets gathered; `tests/it/fuzz_corpus.rs` does it for those of the library.
    #[test]
    fn every_input_of_the_targets_of_the_binary() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        type Target = (&'static str, fn(&[u8]));
        let targets: [Target; 2] = [("config", config), ("jobs", jobs)];
        for (name, target) in targets {
            let files = |kind: &str| root.join(kind).join(name).read_dir().into_iter().flatten();
            assert!(files("corpus").next().is_some(), "{name} has no corpus");
            for file in files("corpus").chain(files("regressions")) {
                let path = file.unwrap().path();
                let bytes = std::fs::read(&path).unwrap();
                let outcome = std::panic::catch_unwind(|| target(&bytes));
                assert!(outcome.is_ok(), "{} fails", path.display());
            }
        }
    }
}
