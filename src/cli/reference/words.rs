//! Words of a command line as the reference tools understand them: either spelling, options on either side of the
//! subcommand, and what the tool does where a link has its name.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, Command};

use crate::cli::config::options::{is_flag, is_list};

/// The name that this program was called by, if it is one of a reference tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Serialize,
    Ftperm,
}

impl Name {
    /// By the first word of a command line: `serialize.py`, wherever it lies; `serialize.py.exe` too.
    fn of(word: &OsStr) -> Option<Name> {
        let name = Path::new(word).file_name()?.to_str()?.to_ascii_lowercase();
        match name.strip_suffix(".exe").unwrap_or(&name) {
            "serialize.py" => Some(Name::Serialize),
            "ftperm.py" => Some(Name::Ftperm),
            _ => None,
        }
    }

    /// The name of the file.
    pub fn file(self) -> &'static str {
        match self {
            Name::Serialize => "serialize.py",
            Name::Ftperm => "ftperm.py",
        }
    }
}

/// A command line in words of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translated {
    pub words: Vec<OsString>,
    pub warnings: Vec<String>,
}

/// Translates a command line. One of this program keeps its meaning.
pub fn translate(program: &Command, words: &[OsString]) -> Translated {
    let name = words.first().and_then(|word| Name::of(word));
    let mut words = dashed(words);
    if let (Some(_), Some(program)) = (name, words.first_mut()) {
        // For messages.
        *program = "ftperm".into();
    }
    match name {
        Some(Name::Serialize) => words.insert(1, "serialize".into()),
        Some(Name::Ftperm) if words.len() == 1 => words.push("--help".into()),
        _ => {}
    }
    let mut words = command_first(program, words);
    single_values(program, &mut words);
    let warnings = match name {
        Some(_) => defaults(&mut words),
        None => Vec::new(),
    };
    Translated { words, warnings }
}

/// Names of options with dashes for underscores.
fn dashed(words: &[OsString]) -> Vec<OsString> {
    let mut only_names = false;
    let dashed = words.iter().map(|word| {
        only_names |= word == "--";
        let Some(text) = word.to_str().filter(|_| !only_names) else {
            return word.clone();
        };
        if !text.starts_with("--") {
            return word.clone();
        }
        let (name, value) = text.split_at(text.find('=').unwrap_or(text.len()));
        format!("{}{value}", name.replace('_', "-")).into()
    });
    dashed.collect()
}

/// The option that a word names, and whether its value is in the word.
fn option<'a>(command: &'a Command, word: &OsStr) -> Option<(&'a Arg, bool)> {
    let text = word.to_string_lossy();
    if let Some(name) = text.strip_prefix("--") {
        let (name, attached) = match name.split_once('=') {
            Some((name, _)) => (name, true),
            None => (name, false),
        };
        let is_named = |arg: &&Arg| {
            let aliases = arg.get_all_aliases().unwrap_or_default();
            arg.get_long() == Some(name) || aliases.contains(&name)
        };
        return Some((command.get_arguments().find(is_named)?, attached));
    }
    let short = text.strip_prefix('-').filter(|short| short.len() == 1)?;
    let is_named = |arg: &&Arg| {
        arg.get_short()
            .is_some_and(|letter| short.starts_with(letter))
    };
    Some((command.get_arguments().find(is_named)?, false))
}

/// Options before a subcommand go behind it.
fn command_first(program: &Command, words: Vec<OsString>) -> Vec<OsString> {
    let places = 2..words.len();
    for place in places {
        let Some(command) = program.find_subcommand(&words[place]) else {
            continue;
        };
        if let Some(moved) = options_of(command, &words[1..place]) {
            let mut ordered = vec![words[0].clone(), words[place].clone()];
            ordered.extend(moved);
            ordered.extend_from_slice(&words[place + 1..]);
            return ordered;
        }
    }
    words
}

/// The words as options of the command, each one word; `None` if they are something else, or such as every command
/// has, which may stand where they are.
fn options_of(command: &Command, words: &[OsString]) -> Option<Vec<OsString>> {
    let mut options = Vec::new();
    let mut has_own = false;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let (arg, attached) = option(command, word)?;
        if matches!(arg.get_id().as_str(), "help" | "version") {
            return None;
        }
        has_own |= !arg.is_global_set();
        let mut word = word.clone();
        if !is_flag(arg) && !attached {
            word.push("=");
            word.push(rest.next()?);
        }
        options.push(word);
    }
    has_own.then_some(options)
}

/// `serialize --ft-optimize-data FILE SOURCE TARGET`: before SOURCE and TARGET an option has one value.
fn single_values(program: &Command, words: &mut Vec<OsString>) {
    if words.get(1).is_none_or(|word| word != "serialize") {
        return;
    }
    let Some(command) = program.find_subcommand("serialize") else {
        return;
    };
    let positionals = command.get_positionals().count();
    let mut seen = 0;
    let mut at = 2;
    while at < words.len() && seen < positionals {
        match option(command, &words[at]) {
            Some((arg, false)) if !is_flag(arg) => {
                if is_list(arg) && at + 1 < words.len() {
                    let value = words.remove(at + 1);
                    words[at].push("=");
                    words[at].push(value);
                } else {
                    at += 1;
                }
            }
            Some(_) => {}
            None => seen += 1,
        }
        at += 1;
    }
}

/// What the tool of this name does unless it is told otherwise, where ftperm does something else.
fn defaults(words: &mut Vec<OsString>) -> Vec<String> {
    let mut warnings = Vec::new();
    let has = |words: &[OsString], name: &str| {
        let named = |word: &OsString| {
            let word = word.to_string_lossy();
            word == name
                || word
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with('='))
        };
        words.iter().any(named)
    };
    if has(words, "--help") || has(words, "-h") {
        return warnings;
    }
    let command = words.get(1).cloned().unwrap_or_default();
    let gathers = command == "gather";
    let mut more: Vec<OsString> = Vec::new();
    if gathers && !has(words, "--count") {
        more.push("--count=1000".into());
    }
    if command == "serialize" && !has(words, "--ft-compression") {
        more.push("--ft-compression=leb128".into());
    }
    if gathers || (command == "serialize" && has(words, "--ft-optimize")) {
        let before = words.len();
        words.retain(|word| word != "--no-filtered" && word != "--no-filter");
        if words.len() < before {
            warnings.push(
                "captures are passed over all the same, as ftperm.py does; without its name --no-filtered keeps them"
                    .to_string(),
            );
        }
        if !has(words, "--reference-filters") {
            more.push("--reference-filters".into());
        }
    }
    let behind = 2.min(words.len());
    words.splice(behind..behind, more);
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let done = translate(&crate::cli::config::program(), &words);
        let words: Vec<_> = done
            .words
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        words.join(" ")
    }

    #[test]
    fn lines_become_ours() {
        for (line, expected) in [
            (
                "ftperm --device 1 --l1=32 --no-cupy find_perm --data a.npy --out b",
                "ftperm find_perm --device=1 --l1=32 --no-cupy --data a.npy --out b",
            ),
            (
                "ftperm --l1 gather gather --out a",
                "ftperm gather --l1=gather --out a",
            ),
            (
                "ftperm --quiet gather --out a_b --ply_x1=1",
                "ftperm --quiet gather --out a_b --ply-x1=1",
            ),
            ("ftperm --nothing gather", "ftperm --nothing gather"),
            ("ftperm --help gather", "ftperm --help gather"),
            ("ftperm", "ftperm"),
            ("/a/ftperm.py", "ftperm --help"),
            (
                "ftperm serialize --ft_optimize_data d --ft_optimize a.nnue b.nnue --ft_optimize_data e f",
                "ftperm serialize --ft-optimize-data=d --ft-optimize a.nnue b.nnue --ft-optimize-data e f",
            ),
            (
                "./serialize.py a.nnue b.nnue --ft_perm=c_d",
                "ftperm serialize --ft-compression=leb128 a.nnue b.nnue --ft-perm=c_d",
            ),
            (
                "Serialize.py.exe a.pt b.nnue --ft_compression none --ft_optimize",
                "ftperm serialize --reference-filters a.pt b.nnue --ft-compression none --ft-optimize",
            ),
            (
                "ftperm.py --device cpu gather --no-filtered --net a_b.nnue",
                "ftperm gather --count=1000 --reference-filters --device=cpu --net a_b.nnue",
            ),
            ("ftperm.py eval_perm --data a", "ftperm eval_perm --data a"),
            ("serialize.py --help", "ftperm serialize --help"),
        ] {
            assert_eq!(translated(line), expected);
        }
    }

    #[test]
    fn what_stands_behind_two_dashes_is_a_name() {
        assert_eq!(
            translated("ftperm inspect -- --a_b"),
            "ftperm inspect -- --a_b"
        );
    }
}
