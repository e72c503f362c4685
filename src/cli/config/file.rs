//! Settings in a TOML file: options of all commands that have them at the top, options of one command in its table.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Arg, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use ftperm::files::quote::{excerpt, excerpt_of};

use super::options::{commands, find, find_shared, options, setting, shared_key, similar};
use super::setting::{Origin, Setting, Value};
use crate::cli::UsageError;

/// Largest file that is read, in bytes; a setting takes a line.
const MAX_LEN: u64 = 4 << 20;

/// A file's text and tables, with the line of everything.
pub struct Toml<'a> {
    path: &'a Path,
    text: &'a str,
}

/// Reads the text of a TOML file.
///
/// # Errors
/// It cannot be read, is too long or no UTF-8.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    use std::io::Read as _;
    let context = || format!("cannot read {}", path.display());
    let file = std::fs::File::open(path).with_context(context)?;
    let mut bytes = Vec::new();
    file.take(MAX_LEN + 1)
        .read_to_end(&mut bytes)
        .with_context(context)?;
    if bytes.len() as u64 > MAX_LEN {
        return Err(UsageError(format!("{}: more than 4 MiB", path.display())).into());
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        UsageError(format!("{}:{line}: not UTF-8", path.display())).into()
    })
}

impl<'a> Toml<'a> {
    pub fn new(path: &'a Path, text: &'a str) -> Toml<'a> {
        Toml { path, text }
    }

    /// The tables of the file.
    ///
    /// # Errors
    /// It is no TOML.
    pub fn parse(&self) -> Result<Spanned<DeTable<'a>>, UsageError> {
        DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.error(at, excerpt_of(error.message().as_bytes(), 300))
        })
    }

    /// A message with the file and the line of a byte.
    pub fn error(&self, at: usize, message: impl std::fmt::Display) -> UsageError {
        UsageError(format!("{}: {message}", self.origin(at)))
    }

    /// The origin of what begins at a byte.
    pub fn origin(&self, at: usize) -> Origin {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        Origin::File {
            path: self.path.to_path_buf(),
            line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
        }
    }

    /// A value as an option's.
    ///
    /// # Errors
    /// It is a table, or a list of lists.
    pub fn value(&self, value: &Spanned<DeValue<'_>>) -> Result<Value, UsageError> {
        Ok(match value.get_ref() {
            DeValue::Boolean(on) => Value::Flag(*on),
            DeValue::Array(list) => Value::Values(
                list.iter()
                    .map(|it| self.word(it))
                    .collect::<Result<_, _>>()?,
            ),
            _ => Value::Values(vec![self.word(value)?]),
        })
    }

    fn word(&self, value: &Spanned<DeValue<'_>>) -> Result<OsString, UsageError> {
        let wrong = |what: &str| self.error(value.span().start, what);
        Ok(match value.get_ref() {
            DeValue::String(text) => text.as_ref().into(),
            DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| wrong("the number is too large"))?
                .to_string()
                .into(),
            DeValue::Float(number) => number.as_str().into(),
            other => {
                return Err(wrong(&format!(
                    "a string or a number is expected, this is of type {}",
                    other.type_str()
                )));
            }
        })
    }

    /// The settings of a table for a command.
    ///
    /// # Errors
    /// A key is no option of the command, or its value is wrong.
    pub fn settings(
        &self,
        table: &DeTable<'_>,
        command: &Command,
    ) -> Result<Vec<Setting>, UsageError> {
        let mut settings = Vec::new();
        for (key, value) in in_order(table) {
            let at = key.span().start;
            let Some(arg) = find(command, key.get_ref()) else {
                let names = options(command).filter_map(clap::Arg::get_long);
                return Err(self.unknown(
                    at,
                    &format!("`{}` has no option", command.get_name()),
                    key.get_ref(),
                    names,
                ));
            };
            let setting = setting(arg, self.value(value)?, self.origin(at))?;
            self.push(&mut settings, setting, at)?;
        }
        Ok(settings)
    }

    /// Adds a setting; two spellings of an option are one option.
    ///
    /// # Errors
    /// The option is set already.
    pub fn push(
        &self,
        settings: &mut Vec<Setting>,
        setting: Setting,
        at: usize,
    ) -> Result<(), UsageError> {
        if settings.iter().any(|it| it.option == setting.option) {
            return Err(self.set_twice(at, &setting.option));
        }
        settings.push(setting);
        Ok(())
    }

    fn set_twice(&self, at: usize, key: &str) -> UsageError {
        self.error(at, format!("{key}: set twice"))
    }

    /// An error for a key that means nothing.
    pub fn unknown<'n>(
        &self,
        at: usize,
        what: &str,
        key: &str,
        known: impl Iterator<Item = &'n str>,
    ) -> UsageError {
        let hint = similar(key, known).map_or(String::new(), |it| format!("; is `{it}` meant?"));
        self.error(at, format!("{what} `{}`{hint}", excerpt(key.as_bytes())))
    }
}

/// A table's entries in the order of the file.
pub fn in_order<'t, 'a>(
    table: &'t DeTable<'a>,
) -> Vec<(&'t Spanned<Cow<'a, str>>, &'t Spanned<DeValue<'a>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// A configuration file.
#[derive(Debug)]
pub struct ConfigFile {
    pub path: PathBuf,
    /// At the top, by key: for all commands that have an option of this key.
    general: Vec<(String, Setting)>,
    /// By command.
    tables: Vec<(String, Vec<Setting>)>,
}

impl ConfigFile {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// It cannot be read, or something in it means nothing; the message names file and line.
    pub fn read(path: &Path, program: &Command) -> anyhow::Result<ConfigFile> {
        Ok(ConfigFile::parse(path, &read_text(path)?, program)?)
    }

    /// As [`read`](Self::read), of the text of the file.
    ///
    /// # Errors
    /// Something in it means nothing; the message names file and line.
    pub fn parse(path: &Path, text: &str, program: &Command) -> Result<ConfigFile, UsageError> {
        let toml = Toml::new(path, text);
        let mut file = ConfigFile {
            path: path.to_path_buf(),
            general: Vec::new(),
            tables: Vec::new(),
        };
        for (key, value) in in_order(toml.parse()?.get_ref()) {
            let (name, at) = (key.get_ref(), key.span().start);
            let command = commands(program).find(|it| it.get_name() == name.as_ref());
            match (command, value.get_ref()) {
                (Some(command), DeValue::Table(table)) => {
                    let settings = toml.settings(table, command)?;
                    file.tables.push((name.to_string(), settings));
                }
                (None, DeValue::Table(_)) => {
                    let names = commands(program).map(Command::get_name);
                    return Err(toml.unknown(at, "there is no command", name, names));
                }
                _ => {
                    let found = commands(program).find_map(|command| find_shared(command, name));
                    let Some(arg) = found else {
                        let names = commands(program).flat_map(options).map(shared_key);
                        return Err(toml.unknown(at, "no command has an option", name, names));
                    };
                    let setting = setting(arg, toml.value(value)?, toml.origin(at))?;
                    let key = shared_key(arg);
                    if file.general.iter().any(|(other, _)| other == key) {
                        return Err(toml.set_twice(at, name));
                    }
                    file.general.push((key.to_string(), setting));
                }
            }
        }
        Ok(file)
    }

    /// The setting for a command's option: that of the command's table, else that at the top.
    pub fn get(&self, command: &str, arg: &Arg) -> Option<Setting> {
        let option = arg.get_long()?;
        let table = self.tables.iter().find(|(name, _)| name == command);
        let own = table
            .into_iter()
            .flat_map(|(_, settings)| settings)
            .find(|setting| setting.option == option);
        let general = || self.general.iter().find(|(key, _)| key == shared_key(arg));
        let setting = own.or_else(|| general().map(|(_, setting)| setting))?;
        Some(Setting {
            option: option.to_string(),
            ..setting.clone()
        })
    }
}
