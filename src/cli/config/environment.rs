//! Settings in environment variables: `FTPERM_COUNT` for all commands with the option, `FTPERM_OPTIMIZE_COUNT` for one.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};

use super::options::{commands, is_flag, is_list, options, setting, shared_key};
use super::setting::{Origin, Setting, Value};
use crate::cli::UsageError;

const PREFIX: &str = "FTPERM_";

/// The variable that names the configuration file.
pub const CONFIG: &str = "FTPERM_CONFIG";

/// Variables that the project's own tests and benchmarks read.
const OTHERS: [&str; 3] = ["FTPERM_CI", "FTPERM_NPM_NETS", "FTPERM_BENCH_ADAPTER"];
const OTHERS_PREFIX: &str = "FTPERM_TEST_";

/// The variables that begin with `FTPERM_`.
#[derive(Clone, Debug, Default)]
pub struct Environment(Vec<(String, OsString)>);

impl Environment {
    /// Those of this process. Empty ones count as not set.
    pub fn of_process() -> Environment {
        let mut variables: Vec<(String, OsString)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
            .collect();
        variables.sort();
        Environment(variables)
    }

    fn value(&self, name: &str) -> Option<&OsStr> {
        let found = self.0.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_os_str())
    }

    /// The configuration file that is named.
    pub fn config(&self) -> Option<&OsStr> {
        self.value(CONFIG)
    }

    /// The setting for a command's option: that for the command, else that for all.
    ///
    /// # Errors
    /// The option cannot have the value.
    pub fn get(&self, command: &str, arg: &Arg) -> Result<Option<Setting>, UsageError> {
        for name in variables(command, arg) {
            if let Some(text) = self.value(&name) {
                let origin = Origin::Environment(name);
                let value = value(arg, text, &origin)?;
                return setting(arg, value, origin).map(Some);
            }
        }
        Ok(None)
    }

    /// Variables that mean nothing.
    pub fn unknown<'a>(&'a self, program: &Command) -> Vec<&'a str> {
        let known: Vec<String> = commands(program)
            .flat_map(|command| options(command).map(move |arg| (command.get_name(), arg)))
            .flat_map(|(command, arg)| variables(command, arg))
            .collect();
        let names = self.0.iter().map(|(name, _)| name.as_str());
        names
            .filter(|name| {
                *name != CONFIG
                    && !OTHERS.contains(name)
                    && !name.starts_with(OTHERS_PREFIX)
                    && !known.iter().any(|it| it == name)
            })
            .collect()
    }
}

/// The variable of an option's name, of one command or of all.
fn variable(command: Option<&str>, option: &str) -> String {
    let part = |name: &str| name.replace('-', "_").to_ascii_uppercase();
    match command {
        Some(command) => format!("{PREFIX}{}_{}", part(command), part(option)),
        None => format!("{PREFIX}{}", part(option)),
    }
}

/// The variables of a command's option: that for the command, and that for all.
fn variables(command: &str, arg: &Arg) -> [String; 2] {
    let option = arg.get_long().unwrap_or_default();
    [
        variable(Some(command), option),
        variable(None, shared_key(arg)),
    ]
}

/// Switches are words, lists are separated as in `PATH`.
fn value(arg: &Arg, text: &OsStr, origin: &Origin) -> Result<Value, UsageError> {
    if is_flag(arg) {
        let lower = text.to_string_lossy().to_ascii_lowercase();
        return match lower.as_str() {
            "1" | "true" | "yes" | "on" => Ok(Value::Flag(true)),
            "0" | "false" | "no" | "off" => Ok(Value::Flag(false)),
            other => Err(UsageError(format!(
                "{origin}: `{other}` is neither true nor false"
            ))),
        };
    }
    let values = if is_list(arg) {
        std::env::split_paths(text).map(Into::into).collect()
    } else {
        vec![text.to_os_string()]
    };
    Ok(Value::Values(values))
}
