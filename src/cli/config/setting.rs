//! One option's value that was not given on the command line, and where it came from.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// Where a value came from, the weakest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of a file, from 1.
    File { path: PathBuf, line: usize },
    /// An environment variable.
    Environment(String),
    /// The command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Environment(name) => f.write_str(name),
            Origin::CommandLine => f.write_str("command line"),
        }
    }
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Given without a value, or taken back.
    Flag(bool),
    /// One value, or several where the option takes several.
    Values(Vec<OsString>),
}

/// An option's value and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The option's long name.
    pub option: String,
    pub value: Value,
    pub origin: Origin,
}

impl Setting {
    /// As words of a command line; none for a flag that is off.
    pub fn words(&self) -> Vec<OsString> {
        let name = format!("--{}", self.option);
        match &self.value {
            Value::Flag(true) => vec![name.into()],
            Value::Flag(false) => Vec::new(),
            Value::Values(values) => {
                let word = |value: &OsString| {
                    // One word, so that a value may begin with a dash.
                    let mut word = OsString::from(format!("{name}="));
                    word.push(value);
                    word
                };
                values.iter().map(word).collect()
            }
        }
    }
}
