//! The options of the commands, as settings name them.

use std::ffi::OsString;

use clap::builder::{Resettable, ValueRange};
use clap::{Arg, ArgAction, Command};

use super::setting::{Origin, Setting, Value};
use crate::cli::UsageError;

/// Options that no file and no variable sets.
const FIXED: [&str; 4] = ["help", "version", "config", "no-config"];

/// Options, by their ids, whose long names mean something else in other commands.
const OTHER_KEYS: [&str; 9] = [
    "planes",
    "samples",
    "holdout_planes",
    "named_by_sha",
    "lc0_engine",
    "engines",
    "recorded",
    "shown_neurons",
    "trained_layout",
];

/// The options of a command that can be set.
pub fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| {
        arg.get_long()
            .is_some_and(|long| !FIXED.contains(&long) && !arg.is_hide_set())
    })
}

/// The commands that have options which can be set.
pub fn commands(program: &Command) -> impl Iterator<Item = &Command> {
    program.get_subcommands().filter(|command| {
        !command.is_hide_set() && command.get_name() != "help" && command.get_name() != "config"
    })
}

/// The option of this name in settings of its command; underscores and dashes are the same.
pub fn find<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    options(command).find(|arg| {
        let long = arg.get_long().unwrap_or_default();
        same_name(long, name) || has_alias(arg, name)
    })
}

/// The option of this name in settings of all commands.
pub fn find_shared<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    options(command).find(|arg| same_name(shared_key(arg), name) || has_alias(arg, name))
}

/// The name of an option in settings of all commands. It is not the long name where that means something else in other
/// commands.
pub fn shared_key(arg: &Arg) -> &str {
    let id = arg.get_id().as_str();
    let long = arg.get_long().unwrap_or_default();
    if OTHER_KEYS.contains(&id) { id } else { long }
}

fn has_alias(arg: &Arg, name: &str) -> bool {
    let mut aliases = arg.get_all_aliases().unwrap_or_default();
    aliases.extend(arg.get_visible_aliases().unwrap_or_default());
    aliases.iter().any(|alias| same_name(alias, name))
}

/// Underscores and dashes are the same.
fn same_name(a: &str, b: &str) -> bool {
    a.replace('_', "-") == b.replace('_', "-")
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
        .required_unless_present(none())
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cli::config::program;

    /// Else a setting for all commands would be read as one thing here and as another there.
    #[test]
    fn a_key_of_all_commands_means_the_same_in_all() {
        let program = program();
        let mut kinds: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        for command in commands(&program) {
            for arg in options(command) {
                let names = arg.get_value_names().unwrap_or_default();
                let kind = format!("{names:?} {} {}", is_flag(arg), is_list(arg));
                let here = kinds.entry(shared_key(arg).to_string()).or_default();
                let long = arg.get_long().unwrap_or_default();
                here.entry(kind)
                    .or_default()
                    .push(format!("{} --{long}", command.get_name()));
            }
        }
        kinds.retain(|_, kinds| kinds.len() > 1);
        assert!(kinds.is_empty(), "{kinds:#?}");
    }

    /// The parser asserts that an option names no other that is not there.
    #[test]
    fn every_option_can_be_checked_alone() {
        let program = program();
        for arg in commands(&program).flat_map(options) {
            let _ = check(arg, vec![format!("--{}", arg.get_long().unwrap()).into()]);
        }
    }

    #[test]
    fn every_other_key_is_one_of_an_option() {
        let program = program();
        for key in OTHER_KEYS {
            let mut all = commands(&program).flat_map(options);
            assert!(all.any(|arg| shared_key(arg) == key), "{key}");
        }
    }
}
