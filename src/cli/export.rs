//! `ftperm export`, and the option `--export` of the commands that find an order.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use ftperm::files::atomic::{check_writable, write_file};
use ftperm::nets::described::BuildArray;
use ftperm::order::{Language, Listing, Pairing, Permutation, PermutationFile};
use serde::Serialize;

use super::common::{Files, applied, check_entries};
use super::layout::named;
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
    #[arg(
        id = "as", long = "as", value_name = "LANGUAGE", value_enum,
        required_unless_present_any = ["for", "applied"]
    )]
    language: Option<LanguageChoice>,
    /// Write the array that this engine's build moves the neurons by, so that the network's file can stay as it is
    /// (`ftperm layouts` lists the names; Viridithas, Halogen, Hobbes and Minke have one)
    #[arg(
        id = "for", long = "for", value_name = "NAME",
        conflicts_with_all = ["as", "inverse", "name", "columns"]
    )]
    engine: Option<String>,
    /// Write this source file of the engine with the order in the array that its build moves the neurons by. PERM is an
    /// order of the neurons as the engine has them now, for example one found on outputs that it recorded
    #[arg(
        long, value_name = "SOURCE",
        conflicts_with_all = ["as", "inverse", "name", "columns"]
    )]
    applied: Option<PathBuf>,
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
  ftperm export nn.perm.txt --as npy --out perm.npy
  ftperm export nn.perm.txt --for viridithas
  ftperm export recorded.perm.txt --for viridithas --applied src/nnue/network.rs --out network.rs";

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
        if let (Some(name), Some(language)) = (&self.name, self.language) {
            let checked = Language::from(language).check_name(name);
            checked.map_err(|error| UsageError(format!("--name: {error}")))?;
        }
        if let Some(out) = &self.out {
            Files::new()
                .output("--out", Some(out))
                .input("the permutation", Some(&self.permutation))
                .input("--applied", self.applied.as_deref())
                .check()?;
            check_writable(out)?;
        }
        super::lc0::refuse_net(&self.permutation)?;
        let order = PermutationFile::read(&self.permutation)?.permutation;
        let bytes = match self.language {
            Some(language) => self.listing(language, &order)?,
            None => self.for_build(&order)?,
        };
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

    fn listing(&self, language: LanguageChoice, order: &Permutation) -> anyhow::Result<Vec<u8>> {
        let order = match self.columns {
            Some(PairingChoice::Halves) => &order.columns(Pairing::Halves),
            Some(PairingChoice::Adjacent) => &order.columns(Pairing::Adjacent),
            None => order,
        };
        let listing = Listing {
            language: language.into(),
            name: self.name.as_deref(),
            inverse: self.inverse,
        };
        Ok(listing.of(order)?)
    }

    /// The array by which an engine's build moves the neurons, alone or in its source file.
    fn for_build(&self, order: &Permutation) -> anyhow::Result<Vec<u8>> {
        let known = self.engine.as_deref().map(build_array).transpose()?;
        if let Some((_, neurons)) = &known {
            check_entries(&self.permutation, order, *neurons)?;
        }
        match (&self.applied, &known) {
            (Some(source), _) => {
                let known = known.as_ref().map(|(known, _)| known);
                Ok(applied::read(source, known, order.len())?.with_order(order))
            }
            (None, Some((known, _))) => Ok(known.listing(order).into_bytes()),
            (None, None) => {
                let text = "say what to write with --as, --for or --applied";
                Err(UsageError(text.into()).into())
            }
        }
    }
}

/// What is known of an engine's build, and its number of neurons.
fn build_array(engine: &str) -> anyhow::Result<(BuildArray, usize)> {
    let row = named(engine)?;
    let layout = row.layout()?;
    let neurons = layout.neurons();
    let known = layout.build_order.ok_or_else(|| {
        UsageError(format!(
            "--for: the build of {} moves no neurons: `ftperm apply` writes its network in the new order",
            row.engine
        ))
    })?;
    Ok((known, neurons))
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
        print(Some(language), &listing.of(order)?)?;
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

fn print(language: Option<LanguageChoice>, bytes: &[u8]) -> anyhow::Result<()> {
    language.map_or(Ok(()), refuse_terminal)?;
    console::raw(bytes)
}
