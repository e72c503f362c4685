//! Options from a file and the environment, and `ftperm config`, which shows them.

mod environment;
pub(super) mod file;
pub(super) mod layers;
pub(super) mod options;
pub(super) mod setting;

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use serde::Serialize;

use super::common::read_configuration;
use super::reference::words::translate;
use super::{Cli, Global, UsageError, console};
use environment::Environment;
use layers::{FILE_NAME, Given, Layers, merge, places, stack};
use options::{commands, is_flag, is_list, options, similar};
use setting::{Origin, Setting, Value};

/// Show which options files, environment and command line set, and where each value comes from
///
/// The strongest is the command line, then the environment, then the configuration file: the one
/// of --config or FTPERM_CONFIG, else ftperm.toml in the current folder, else ftperm.toml in the
/// user's configuration folder. Every option of every command can be set, by its long name:
///
///   threads = 8          # at the top: for all commands with the option
///   [optimize]           # for this command
///   count = 100000
///   data = ["a.binpack", "b.binpack"]
///
/// In the environment the same are FTPERM_THREADS and FTPERM_OPTIMIZE_COUNT; lists are separated
/// as in PATH. Paths are relative to the current folder, as on the command line.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Config {
    /// Show all options of this command, with defaults, as they are with the options that follow
    #[arg(value_name = "COMMAND [OPTIONS]", num_args = 0.., trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// Parses the command line over the environment and the configuration file.
///
/// # Errors
/// A file or a variable is wrong, or help cannot be printed. Where the command line is wrong, the program ends with the
/// parser's message.
pub fn parse(words: &[OsString]) -> anyhow::Result<Cli> {
    let program = program();
    let translated = translate(&program, words);
    let words = &translated.words;
    let given = Given::read(&program, words);
    let options = given.as_ref().map_or_else(Vec::new, Given::options);
    let layered = given.filter(|it| !it.none && it.command.get_name() != "config");
    let mut cli = match layered {
        Some(given) => parse_over(words, &program, &given)?,
        None => Cli::try_parse_from(words).or_else(|error| answer(&error, &[]))?,
    };
    cli.global.given = options;
    cli.warnings.extend(translated.warnings);
    Ok(cli)
}

/// Parses a command line over what is set elsewhere.
fn parse_over(words: &[OsString], program: &clap::Command, given: &Given) -> anyhow::Result<Cli> {
    let layers = Layers::read(given.config.as_deref(), Environment::of_process(), program)?;
    let explicit: Vec<_> = given.explicit.iter().map(|(arg, _)| *arg).collect();
    let settings = stack(given.command, &explicit, &layers.of(given.command)?)?;
    let parse = |settings: &[Setting]| Cli::try_parse_from(merge(words, given.head, settings));
    let parsed = parse(&settings).or_else(|error| {
        // A setting may need an option that is not given this time. Then it has nothing to say.
        let independent: Vec<Setting> = settings
            .iter()
            .filter(|it| !needs_others(given.command, it))
            .cloned()
            .collect();
        if error.kind() == ErrorKind::MissingRequiredArgument && independent.len() < settings.len()
        {
            parse(&independent).map_err(|_| error)
        } else {
            Err(error)
        }
    });
    match parsed {
        Ok(mut cli) => {
            if let Some(file) = &layers.file {
                read_configuration(&file.path);
            }
            cli.warnings = warnings(&layers, program);
            cli.settings = settings;
            Ok(cli)
        }
        Err(error) => answer(&error, &settings),
    }
}

/// Prints the help that was asked for, or what is wrong with the command line, and ends the program.
///
/// # Errors
/// stdout is closed or full.
fn answer(error: &clap::Error, settings: &[Setting]) -> anyhow::Result<Cli> {
    if error.kind() == ErrorKind::MissingSubcommand {
        // The parser's own message lists hidden commands.
        let kind = ErrorKind::MissingSubcommand;
        program().error(kind, "a command is missing").exit();
    }
    let printed = error.print();
    if error.use_stderr() {
        for setting in named(settings, &error.to_string()) {
            console::say(format!(
                "note: --{} comes from {}",
                setting.option, setting.origin
            ));
        }
    } else {
        console::check_printed(printed)?;
    }
    std::process::exit(error.exit_code());
}

/// The settings whose options a message names.
fn named<'a>(settings: &'a [Setting], message: &str) -> impl Iterator<Item = &'a Setting> {
    let names = |option: &str| {
        let name = format!("--{option}");
        let mut rests = message
            .match_indices(&name)
            .map(|it| &message[it.0 + name.len()..]);
        rests.any(|rest| !rest.starts_with(|it: char| it == '-' || it.is_alphanumeric()))
    };
    settings.iter().filter(move |it| names(&it.option))
}

/// An error of a command; one of wrong usage tells which of the options that it names are settings, and of what.
pub fn explain(error: anyhow::Error, settings: &[Setting]) -> anyhow::Error {
    let Some(UsageError(text)) = error.downcast_ref() else {
        return error;
    };
    let origins: Vec<String> = named(settings, text)
        .map(|it| format!("--{} comes from {}", it.option, it.origin))
        .collect();
    if origins.is_empty() {
        return error;
    }
    UsageError(format!("{text} ({})", origins.join(", "))).into()
}

/// Does the option, on its own, lack one that it needs?
fn needs_others(command: &clap::Command, setting: &Setting) -> bool {
    let alone = command
        .clone()
        .no_binary_name(true)
        .mut_args(|arg| arg.required(false))
        .try_get_matches_from(setting.words());
    alone.is_err_and(|error| error.kind() == ErrorKind::MissingRequiredArgument)
}

/// The settings for a command that this run calls: of the environment and of the configuration file.
///
/// # Errors
/// A file or a variable is wrong.
pub fn below(global: &Global, command: &str) -> anyhow::Result<Vec<Vec<Setting>>> {
    let program = program();
    if global.no_config {
        return Ok(Vec::new());
    }
    let named = global.config.as_deref().map(std::path::Path::as_os_str);
    let layers = Layers::read(named, Environment::of_process(), &program)?;
    let command = program.find_subcommand(command);
    Ok(match command {
        Some(command) => layers.of(command)?.into(),
        None => Vec::new(),
    })
}

/// The program's commands, with the options that all share.
pub(super) fn program() -> clap::Command {
    let mut program = Cli::command();
    program.build();
    program
}

/// Variables that look like settings and are none.
fn warnings(layers: &Layers, program: &clap::Command) -> Vec<String> {
    let unknown = layers.environment.unknown(program);
    let warning = |name: &&str| format!("the environment variable {name} means nothing to ftperm");
    unknown.iter().map(warning).collect()
}

#[derive(Serialize)]
struct Shown {
    /// The configuration file that was read.
    file: Option<String>,
    commands: BTreeMap<String, BTreeMap<String, ShownOption>>,
    unknown_variables: Vec<String>,
}

/// An option and its value: a switch, one value, several, or none.
#[derive(Serialize)]
struct ShownOption {
    value: ShownValue,
    /// default, file, environment or command line.
    from: &'static str,
    /// File and line, or variable.
    at: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ShownValue {
    Flag(bool),
    One(String),
    List(Vec<String>),
    NotSet(()),
}

impl Config {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let mut program = program();
        let named = global.config.as_deref().map(std::path::Path::as_os_str);
        let mut shown = BTreeMap::new();
        let mut words = vec![OsString::from("ftperm")];
        words.extend(self.words.iter().cloned());
        if let Some(word) = self.words.first() {
            check_command(&program, &word.to_string_lossy())?;
            if Given::read(&program, &words).is_none() {
                return print_help(&mut program);
            }
        }
        let given = Given::read(&program, &words);
        let named = given.as_ref().and_then(|it| it.config.as_deref()).or(named);
        let layers = if global.no_config || given.as_ref().is_some_and(|it| it.none) {
            Layers::default()
        } else {
            Layers::read(named, Environment::of_process(), &program)?
        };
        if let Some(given) = &given {
            given.check(&words)?;
            let explicit: Vec<_> = given.explicit.iter().map(|(arg, _)| *arg).collect();
            let settings = stack(given.command, &explicit, &layers.of(given.command)?)?;
            let all = options(given.command).map(|arg| show(arg, given, &settings));
            shown.insert(given.command.get_name().to_string(), all.collect());
        } else {
            for command in commands(&program) {
                let settings = stack(command, &[], &layers.of(command)?)?;
                let set: BTreeMap<_, _> = settings.iter().map(shown_setting).collect();
                if !set.is_empty() {
                    shown.insert(command.get_name().to_string(), set);
                }
            }
        }
        let shown = Shown {
            file: layers.file.as_ref().map(|it| it.path.display().to_string()),
            commands: shown,
            unknown_variables: layers
                .environment
                .unknown(&program)
                .into_iter()
                .map(String::from)
                .collect(),
        };
        if global.json {
            return console::json(&shown);
        }
        print(&shown)
    }
}

/// Is this a command with options that can be set?
fn check_command(program: &clap::Command, word: &str) -> Result<(), UsageError> {
    let found = program.find_subcommand(word).map(clap::Command::get_name);
    if commands(program).any(|it| Some(it.get_name()) == found) {
        return Ok(());
    }
    let names = commands(program).map(clap::Command::get_name);
    let hint = similar(word, names).map_or(String::new(), |it| format!("; is `{it}` meant?"));
    Err(UsageError(format!(
        "there is no command `{word}` with options that can be set{hint}"
    )))
}

/// The help of `config`, which asks for it wherever the words stand that do.
fn print_help(program: &mut clap::Command) -> anyhow::Result<()> {
    match program.find_subcommand_mut("config") {
        Some(config) => console::check_printed(config.print_long_help()),
        None => Ok(()),
    }
}

/// An option of a command line with all that is below it.
fn show(arg: &clap::Arg, given: &Given<'_>, settings: &[Setting]) -> (String, ShownOption) {
    let option = arg.get_long().unwrap_or_default().to_string();
    let on_line = given
        .explicit
        .iter()
        .find(|(it, _)| it.get_id() == arg.get_id());
    if let Some((_, values)) = on_line {
        let value = if is_flag(arg) || values.is_empty() {
            Value::Flag(true)
        } else {
            Value::Values(values.clone())
        };
        return shown_setting(&Setting {
            option,
            value,
            origin: Origin::CommandLine,
        });
    }
    if let Some(setting) = settings.iter().find(|it| it.option == option) {
        return shown_setting(setting);
    }
    let defaults = arg.get_default_values();
    let value = if is_flag(arg) {
        ShownValue::Flag(false)
    } else if defaults.is_empty() {
        ShownValue::NotSet(())
    } else {
        let values = defaults.iter().map(|it| it.to_os_string()).collect();
        shown_value(&Value::Values(values), is_list(arg))
    };
    let from = "default";
    (
        option,
        ShownOption {
            value,
            from,
            at: None,
        },
    )
}

fn shown_setting(setting: &Setting) -> (String, ShownOption) {
    let (from, at) = match &setting.origin {
        Origin::File { .. } => ("file", Some(setting.origin.to_string())),
        Origin::Environment(name) => ("environment", Some(name.clone())),
        Origin::CommandLine => ("command line", None),
    };
    let value = shown_value(&setting.value, false);
    (setting.option.clone(), ShownOption { value, from, at })
}

fn shown_value(value: &Value, list: bool) -> ShownValue {
    match value {
        Value::Flag(on) => ShownValue::Flag(*on),
        Value::Values(values) => {
            let mut texts: Vec<String> = values
                .iter()
                .map(|it| it.to_string_lossy().into_owned())
                .collect();
            match texts.pop() {
                Some(only) if texts.is_empty() && !list => ShownValue::One(only),
                Some(last) => {
                    texts.push(last);
                    ShownValue::List(texts)
                }
                None => ShownValue::List(texts),
            }
        }
    }
}

/// As a configuration file, with the origins in comments.
fn print(shown: &Shown) -> anyhow::Result<()> {
    match &shown.file {
        Some(file) => console::result(format!("# configuration file: {file}"))?,
        None => {
            let places: Vec<String> = places().iter().map(|it| it.display().to_string()).collect();
            console::result(format!(
                "# no configuration file; {FILE_NAME} is looked for as {}",
                places.join(", then ")
            ))?;
        }
    }
    for (command, options) in &shown.commands {
        console::result(format!("\n[{command}]"))?;
        for (option, setting) in options {
            let from = setting.at.as_deref().unwrap_or(setting.from);
            let line = match &setting.value {
                ShownValue::NotSet(()) => format!("# {option}:"),
                value => format!("{option} = {}", toml(value)),
            };
            let from = if matches!(setting.value, ShownValue::NotSet(())) {
                "not set".to_string()
            } else {
                format!("# {from}")
            };
            console::result(format!("{line:<40} {from}"))?;
        }
    }
    for name in &shown.unknown_variables {
        console::warn(format!(
            "the environment variable {name} means nothing to ftperm"
        ));
    }
    Ok(())
}

/// A setting as a line of a configuration file.
#[cfg(any(test, fuzzing))]
pub(super) fn toml_line(setting: &Setting) -> String {
    format!(
        "{} = {}",
        setting.option,
        toml(&shown_setting(setting).1.value)
    )
}

/// As a value of a configuration file.
fn toml(value: &ShownValue) -> String {
    let one = |text: &String| {
        let integer = text.parse::<i64>().is_ok_and(|it| it.to_string() == *text);
        let number = text.parse::<f64>().is_ok_and(|it| it.to_string() == *text);
        if integer || number && text.contains('.') {
            text.clone()
        } else {
            toml::Value::String(text.clone()).to_string()
        }
    };
    match value {
        ShownValue::Flag(on) => on.to_string(),
        ShownValue::One(text) => one(text),
        ShownValue::List(list) => {
            let list: Vec<String> = list.iter().map(one).collect();
            format!("[{}]", list.join(", "))
        }
        ShownValue::NotSet(()) => String::new(),
    }
}
