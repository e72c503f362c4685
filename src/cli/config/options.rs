//! The options of the commands, as settings name them.

use std::ffi::OsString;

use clap::builder::{Resettable, ValueRange};
use clap::{Arg, ArgAction, Command};

use super::setting::{Origin, Setting, Value};
use crate::cli::UsageError;

/// Options that no file and no variable sets.
const FIXED: [&str; 4] = ["help", "version", "config", "no-config"];

/// The options of a command that can be set.
pub fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| {
        arg.get_long()
            .is_some_and(|long| !FIXED.contains(&long) && !arg.is_hide_set())
    })
}

/// The commands that have options which can be set.
pub fn commands(program: &Command) -> impl Iterator<Item = &Command> {
    program
        .get_subcommands()
        .filter(|it| !it.is_hide_set() && it.get_name() != "help" && it.get_name() != "config")
}

/// The option of this name; underscores and dashes are the same.
pub fn find<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let name = name.replace('_', "-");
    options(command).find(|arg| {
        let mut names = arg.get_long_and_visible_aliases().unwrap_or_default();
        names.extend(arg.get_aliases().unwrap_or_default());
        names.iter().any(|it| it.replace('_', "-") == name)
    })
}

/// Is it switched on without a value?
pub fn is_flag(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::Count)
}

/// May it be given without a value?
fn value_is_optional(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|it| it.min_values() == 0)
}

/// May it have several values?
pub fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
        || arg
            .get_num_args()
            .is_some_and(|it: ValueRange| it.max_values() > 1)
}

/// A setting of an option, if the option can have this value.
///
/// # Errors
/// It cannot; the message names the origin.
pub fn setting(arg: &Arg, value: Value, origin: Origin) -> Result<Setting, UsageError> {
    let option = arg.get_long().unwrap_or_default().to_string();
    let wrong = |why: &str| UsageError(format!("{origin}: {option}: {why}"));
    match &value {
        Value::Flag(_) if !is_flag(arg) && !value_is_optional(arg) => {
            return Err(wrong("a value is missing, true and false are for switches"));
        }
        Value::Values(_) if is_flag(arg) => {
            return Err(wrong("it is a switch, true or false"));
        }
        Value::Values(values) if values.len() > 1 && !is_list(arg) => {
            return Err(wrong("it takes one value, not a list"));
        }
        _ => {}
    }
    let setting = Setting {
        option: option.clone(),
        value,
        origin: origin.clone(),
    };
    check(arg, setting.words()).map_err(|why| wrong(&why))?;
    Ok(setting)
}

/// Has the parser read these words as this option, without the other options that it knows of.
fn check(arg: &Arg, words: Vec<OsString>) -> Result<(), String> {
    let none = || Resettable::<clap::Id>::Reset;
    let alone = arg
        .clone()
        .required(false)
        .conflicts_with(none())
        .overrides_with(none())
        .requires(none())
        .global(false);
    let parsed = Command::new("ftperm")
        .no_binary_name(true)
        .disable_help_flag(true)
        .arg(alone)
        .try_get_matches_from(words);
    parsed.map(drop).map_err(|error| message(&error))
}

/// What the parser says, without usage and hints.
pub fn message(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines: Vec<&str> = text
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .map(str::trim)
        .collect();
    lines.join(" ").trim_start_matches("error: ").to_string()
}

/// The most similar of some names, for a name that is not among them.
pub fn similar<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.replace('_', "-");
    names
        .map(|it| (strsim::jaro_winkler(&name, it), it))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, it)| it)
}

/// May both be given together?
pub fn exclude_each_other(command: &Command, a: &Arg, b: &Arg) -> bool {
    let names = |a: &Arg, b: &Arg| {
        command
            .get_arg_conflicts_with(a)
            .iter()
            .any(|it| it.get_id() == b.get_id())
    };
    let same_group = command.get_groups().any(|group| {
        let has = |arg: &Arg| group.get_args().any(|id| id == arg.get_id());
        !group.clone().is_multiple() && has(a) && has(b)
    });
    names(a, b) || names(b, a) || same_group
}
