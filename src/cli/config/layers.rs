//! File below environment below command line.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, Command};

use super::environment::Environment;
use super::file::ConfigFile;
use super::options::{exclude_each_other, message, options};
use super::setting::{Setting, Value};
use crate::cli::UsageError;

/// The name of configuration files.
pub const FILE_NAME: &str = "ftperm.toml";

/// What is set outside the command line.
#[derive(Debug, Default)]
pub struct Layers {
    pub file: Option<ConfigFile>,
    pub environment: Environment,
}

impl Layers {
    /// Reads the configuration file that is named, else the first that is found.
    ///
    /// # Errors
    /// The named file cannot be read, or a file is wrong.
    pub fn read(
        named: Option<&OsStr>,
        environment: Environment,
        program: &Command,
    ) -> anyhow::Result<Layers> {
        let named = named.or(environment.config()).map(PathBuf::from);
        let file = named
            .or_else(|| places().into_iter().find(|path| path.is_file()))
            .map(|path| ConfigFile::read(&path, program))
            .transpose()?;
        Ok(Layers { file, environment })
    }

    /// The settings for a command: of the environment and of the file.
    ///
    /// # Errors
    /// A variable has a wrong value.
    pub fn of(&self, command: &Command) -> Result<[Vec<Setting>; 2], UsageError> {
        let mut environment = Vec::new();
        let mut file = Vec::new();
        for arg in options(command) {
            environment.extend(self.environment.get(command.get_name(), arg)?);
            let in_file = self.file.as_ref();
            file.extend(in_file.and_then(|it| it.get(command.get_name(), arg)));
        }
        Ok([environment, file])
    }
}

/// What remains of layers of settings, the strongest first, below the options that are `explicit` on the command line.
/// A setting gives way to a stronger one of the same option, and of an option that excludes it.
///
/// # Errors
/// Two settings of one layer exclude each other.
pub fn stack(
    command: &Command,
    explicit: &[&Arg],
    layers: &[Vec<Setting>],
) -> Result<Vec<Setting>, UsageError> {
    let on = |setting: &Setting| setting.value != Value::Flag(false);
    let mut stronger: Vec<(&Arg, bool)> = explicit.iter().map(|arg| (*arg, true)).collect();
    let mut taken: Vec<Setting> = Vec::new();
    for layer in layers {
        let mut here: Vec<(&Arg, &Setting)> = Vec::new();
        for setting in layer {
            let arg = options(command).find(|it| it.get_long() == Some(&setting.option));
            let Some(arg) = arg else { continue };
            let given_way = stronger.iter().any(|(other, on)| {
                other.get_id() == arg.get_id() || *on && exclude_each_other(command, arg, other)
            });
            if given_way {
                continue;
            }
            let rival = here.iter().find(|(other_arg, other)| {
                on(other) && on(setting) && exclude_each_other(command, arg, other_arg)
            });
            if let Some((_, rival)) = rival {
                return Err(UsageError(format!(
                    "{}: {} cannot be used with {} ({})",
                    setting.origin, setting.option, rival.option, rival.origin
                )));
            }
            here.push((arg, setting));
        }
        stronger.extend(here.iter().map(|(arg, setting)| (*arg, on(setting))));
        taken.extend(here.into_iter().map(|(_, setting)| setting.clone()));
    }
    Ok(taken)
}

/// Where a configuration file is looked for: the current folder, then the user's configuration folder.
pub fn places() -> Vec<PathBuf> {
    let user = directories::ProjectDirs::from("", "", "ftperm");
    let user = user.map(|it| it.config_dir().join(FILE_NAME));
    std::iter::once(PathBuf::from(FILE_NAME))
        .chain(user)
        .collect()
}

/// A command line, taken apart only as far as settings need it.
pub struct Given<'a> {
    pub command: &'a Command,
    /// Words up to and with the command's name; what follows is the command's.
    pub head: usize,
    /// Options on the command line, with their values.
    pub explicit: Vec<(&'a Arg, Vec<OsString>)>,
    /// The configuration file that is named.
    pub config: Option<OsString>,
    /// Neither file nor environment.
    pub none: bool,
}

impl Given<'_> {
    /// Reads a command line leniently; `None` if no command with options is asked to run.
    pub fn read<'a>(program: &'a Command, words: &[OsString]) -> Option<Given<'a>> {
        // Help and version are left to the real parser.
        let own = program
            .get_arguments()
            .filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version"));
        let outline = Command::new("ftperm")
            .args(own.cloned())
            .disable_help_flag(true)
            .disable_version_flag(true)
            .allow_external_subcommands(true)
            .ignore_errors(true);
        let top = outline.try_get_matches_from(words).ok()?;
        let (name, rest) = top.subcommand()?;
        let command = program.find_subcommand(name)?;
        let rest: Vec<&OsString> = rest.get_many::<OsString>("")?.collect();
        let parsed = command
            .clone()
            .no_binary_name(true)
            .ignore_errors(true)
            .mut_args(|arg| arg.required(false))
            .try_get_matches_from(&rest)
            .ok()?;
        let on_line = |matches: &clap::ArgMatches, arg: &Arg| {
            let id = arg.get_id().as_str();
            matches.try_contains_id(id).unwrap_or(false)
                && matches.value_source(id) == Some(ValueSource::CommandLine)
        };
        let given = |arg: &'a Arg| {
            let matches = [&parsed, &top]
                .into_iter()
                .find(|matches| on_line(matches, arg))?;
            let values = matches.get_raw(arg.get_id().as_str());
            let values = values.into_iter().flatten().map(OsString::from).collect();
            Some((arg, values))
        };
        let config = [&parsed, &top].into_iter().find_map(|matches| {
            let value = matches.try_get_one::<PathBuf>("config").ok()??;
            Some(value.clone().into_os_string())
        });
        Some(Given {
            command,
            head: words.len() - rest.len(),
            explicit: command.get_arguments().filter_map(given).collect(),
            config,
            none: [&parsed, &top].into_iter().any(|matches| {
                matches
                    .try_get_one::<bool>("no_config")
                    .is_ok_and(|flag| flag == Some(&true))
            }),
        })
    }

    /// The command's own options on the command line, by their long names with `--`.
    pub fn options(&self) -> Vec<String> {
        let own = self.explicit.iter().filter(|(arg, _)| !arg.is_global_set());
        own.filter_map(|(arg, _)| Some(format!("--{}", arg.get_long()?)))
            .collect()
    }

    /// Checks the command's words, but for what is missing: it may be set elsewhere.
    ///
    /// # Errors
    /// There is no such option, or it cannot have this value.
    pub fn check(&self, words: &[OsString]) -> Result<(), UsageError> {
        let parsed = self
            .command
            .clone()
            .no_binary_name(true)
            .mut_args(|arg| arg.required(false))
            .try_get_matches_from(&words[self.head..]);
        match parsed {
            Err(error)
                if error.use_stderr() && error.kind() != ErrorKind::MissingRequiredArgument =>
            {
                Err(UsageError(message(&error)))
            }
            _ => Ok(()),
        }
    }
}

/// The words of a command line with settings put before the command's own.
pub fn merge(words: &[OsString], head: usize, settings: &[Setting]) -> Vec<OsString> {
    let mut merged = words[..head].to_vec();
    merged.extend(settings.iter().flat_map(Setting::words));
    merged.extend_from_slice(&words[head..]);
    merged
}
