//! `ftperm completions` and `ftperm man`

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man as Page;
use clap_mangen::roff::{Roff, roman};
use ftperm::files::atomic::{FinishedFile, commit_all, create_folder, finish_file};
use serde::Serialize;

use super::{Cli, Global, console};

mod install;

/// Print a completion script for a shell, or install it
///
/// It completes commands, options, their values and file names.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// The shell that is to complete; with --install the one of $SHELL if none is named
    #[arg(required_unless_present = "install")]
    shell: Option<Shell>,
    /// Write the script where bash, zsh or fish look for those of this user, and print the file's name. A file that is
    /// not ftperm's stays as it is
    #[arg(long)]
    install: bool,
}

#[derive(Serialize)]
struct Script {
    shell: String,
    script: String,
    /// Where it was installed.
    file: Option<String>,
}

impl Completions {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let shell = match self.shell {
            Some(shell) => shell,
            None => Shell::from_env().context("$SHELL names no shell that is known: name one")?,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut program(), "ftperm", &mut script);
        let script = String::from_utf8(script)?;
        let installed = self
            .install
            .then(|| install::install(shell, &script))
            .transpose()?;
        if global.json {
            return console::json(&Script {
                shell: shell.to_string(),
                script,
                file: installed.map(|file| file.display().to_string()),
            });
        }
        match installed {
            Some(file) => console::file(&file),
            None => console::result(script.trim_end()),
        }
    }
}

/// The program with the commands and options that are for people. Scripts complete hidden ones, too.
fn program() -> clap::Command {
    let all = Cli::command();
    let commands = all.get_subcommands().filter(|it| !it.is_hide_set());
    let commands = commands.map(|command| {
        let options = command.get_arguments().filter(|arg| !arg.is_hide_set());
        let about = command.get_about().cloned().unwrap_or_default();
        // The parser keeps names for good; the program ends after this.
        let name: &'static str = command.get_name().to_string().leak();
        clap::Command::new(name).about(about).args(options)
    });
    clap::Command::new("ftperm")
        .version(env!("CARGO_PKG_VERSION"))
        .args(all.get_arguments())
        .subcommands(commands)
}

/// Write the manual pages into a folder: one for the program, one a command
#[derive(Debug, clap::Args)]
pub struct Man {
    /// Where they go; it is made if it is missing
    folder: PathBuf,
}

#[derive(Serialize)]
struct Pages {
    files: Vec<String>,
}

impl Man {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        create_folder(&self.folder)?;
        let mut program = Cli::command();
        program.build();
        let mut pages = vec![self.page(&program, "ftperm")?];
        for command in program
            .get_subcommands()
            .filter(|it| it.get_name() != "help" && !it.is_hide_set())
        {
            let name = command.get_name();
            pages.push(self.page(command, &format!("ftperm-{name}"))?);
        }
        let name_of = |page: &FinishedFile| page.target().display().to_string();
        let files: Vec<String> = pages.iter().map(name_of).collect();
        commit_all(pages)?;
        if global.json {
            return console::json(&Pages { files });
        }
        files.iter().try_for_each(console::result)
    }

    fn page(&self, command: &clap::Command, name: &str) -> anyhow::Result<FinishedFile> {
        let page = Page::new(command.clone()).title(name);
        let mut text = Vec::new();
        page.render_title(&mut text)?;
        page.render_name_section(&mut text)?;
        page.render_synopsis_section(&mut text)?;
        page.render_description_section(&mut text)?;
        page.render_options_section(&mut text)?;
        if command.has_subcommands() {
            page.render_subcommands_section(&mut text)?;
        }
        last_sections(command).to_writer(&mut text)?;
        if command.get_version().is_some() {
            page.render_version_section(&mut text)?;
        }
        let path = Path::new(&self.folder).join(format!("{name}.1"));
        Ok(finish_file(&path, &text)?)
    }
}

/// Examples, and what is the same for all commands.
fn last_sections(command: &clap::Command) -> Roff {
    let mut roff = Roff::new();
    if let Some(text) = command.get_after_help().map(ToString::to_string) {
        roff.control("SH", ["EXAMPLES"]);
        roff.control("nf", []);
        for line in text.lines().filter(|line| *line != "Examples:") {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in super::EXIT_CODES {
        roff.control("TP", []);
        roff.text([roman(code.to_string())]);
        roff.text([roman(meaning)]);
    }
    roff
}
