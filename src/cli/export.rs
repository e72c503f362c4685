//! `ftperm export`, and the option `--export` of the commands that find an order.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use ftperm::files::atomic::{check_writable, write_file};
use ftperm::order::{Language, Listing, Pairing, Permutation, PermutationFile};
use serde::Serialize;

use super::common::Files;
use super::{Global, UsageError, console};

/// Print a permutation as an array to paste into an engine's source
///
/// Position i takes the old neuron array[i]; the inverse says where old neuron j went. For a pairwise feature
/// transformer --columns prints the order of the accumulator's columns, two for each neuron.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Export {
    /// The permutation: text with one neuron number a line, or .npy
    #[arg(value_name = "PERM")]
    permutation: PathBuf,
    /// What to write
    #[arg(id = "as", long = "as", value_name = "LANGUAGE", value_enum)]
    language: LanguageChoice,
    /// Write the inverse too; text and npy hold one array, so they get the inverse alone
    #[arg(long)]
    inverse: bool,
    /// Name of the array
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The order of the accumulator's columns in a pairwise network instead of the order of its outputs
    #[arg(long, value_name = "PAIRS", value_enum)]
    columns: Option<PairingChoice>,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  ftperm export nn.perm.txt --as rust --name NEURON_ORDER > src/nnue/order.rs
  ftperm export nn.perm.txt --as cpp --inverse --columns halves
  ftperm export nn.perm.txt --as npy --out perm.npy";

/// What the order is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LanguageChoice {
    Rust,
    C,
    /// C++17
    Cpp,
    Csharp,
    Zig,
    Json,
    /// numpy, int64
    Npy,
    /// One number a line
    Text,
}

/// Which columns make an output.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum PairingChoice {
    /// Output j is made of columns j and j + L1/2
    Halves,
    /// Output j is made of columns 2j and 2j + 1
    Adjacent,
}

impl From<LanguageChoice> for Language {
    fn from(choice: LanguageChoice) -> Language {
        match choice {
            LanguageChoice::Rust => Language::Rust,
            LanguageChoice::C => Language::C,
            LanguageChoice::Cpp => Language::Cpp,
            LanguageChoice::Csharp => Language::CSharp,
            LanguageChoice::Zig => Language::Zig,
            LanguageChoice::Json => Language::Json,
            LanguageChoice::Npy => Language::Npy,
            LanguageChoice::Text => Language::Text,
        }
    }
}

#[derive(Serialize)]
struct Report {
    entries: usize,
    out: String,
    version: &'static str,
}

impl Export {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        if global.json && self.out.is_none() {
            let text = "--json reports about a file: name one with --out, or print the array with --as json";
            return Err(UsageError(text.into()).into());
        }
        if let Some(name) = &self.name {
            let checked = Language::from(self.language).check_name(name);
            checked.map_err(|error| UsageError(format!("--name: {error}")))?;
        }
        if let Some(out) = &self.out {
            Files::new()
                .output("--out", Some(out))
                .input("the permutation", Some(&self.permutation))
                .check()?;
            check_writable(out)?;
        }
        super::lc0::refuse_net(&self.permutation)?;
        let mut order = PermutationFile::read(&self.permutation)?.permutation;
        if let Some(pairing) = self.columns {
            order = order.columns(match pairing {
                PairingChoice::Halves => Pairing::Halves,
                PairingChoice::Adjacent => Pairing::Adjacent,
            });
        }
        let listing = Listing {
            language: self.language.into(),
            name: self.name.as_deref(),
            inverse: self.inverse,
        };
        let bytes = listing.of(&order)?;
        let Some(out) = &self.out else {
            return print(self.language, &bytes);
        };
        write_file(out, &bytes)?;
        let report = Report {
            entries: order.len(),
            out: out.display().to_string(),
            version: env!("CARGO_PKG_VERSION"),
        };
        if global.json {
            console::json(&report)
        } else {
            console::result(&report.out)
        }
    }
}

/// Printing the order that a command found.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// Print the order to stdout as an array to paste, instead of the names of the files (more: `ftperm export`)
    #[arg(long, value_name = "LANGUAGE", value_enum)]
    pub export: Option<LanguageChoice>,
    /// With --export: print the inverse too; text and npy hold one array, so they get the inverse alone
    #[arg(long, requires = "export")]
    pub inverse: bool,
}

impl ExportArgs {
    /// Checked before long work.
    pub fn check(&self, global: &Global) -> anyhow::Result<()> {
        if global.json && self.export.is_some() {
            let text =
                "--json and --export both want stdout: export the permutation file afterwards";
            return Err(UsageError(text.into()).into());
        }
        match self.export {
            Some(language) => refuse_terminal(language),
            None => Ok(()),
        }
    }

    /// Prints the order if that was asked for; says so.
    pub fn print(&self, order: &Permutation) -> anyhow::Result<bool> {
        let Some(language) = self.export else {
            return Ok(false);
        };
        let listing = Listing {
            language: language.into(),
            name: None,
            inverse: self.inverse,
        };
        print(language, &listing.of(order)?)?;
        Ok(true)
    }
}

fn refuse_terminal(language: LanguageChoice) -> anyhow::Result<()> {
    if language == LanguageChoice::Npy && std::io::stdout().is_terminal() {
        let text = "npy is not for a terminal: send stdout to a file";
        return Err(UsageError(text.into()).into());
    }
    Ok(())
}

fn print(language: LanguageChoice, bytes: &[u8]) -> anyhow::Result<()> {
    refuse_terminal(language)?;
    console::raw(bytes)
}
