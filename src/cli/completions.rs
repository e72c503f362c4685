//! `ftperm completions` and `ftperm man`

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_complete::Shell;
use ftperm::output::write_file;

use super::{Cli, console};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
pub struct Completions {
    shell: Shell,
}

impl Completions {
    pub fn run(&self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "ftperm", &mut script);
        console::result(String::from_utf8(script)?.trim_end())
    }
}

/// Write the manual pages into a folder: one for the program, one a command
#[derive(Debug, clap::Args)]
pub struct Man {
    /// Where they go
    folder: PathBuf,
}

impl Man {
    pub fn run(&self) -> anyhow::Result<()> {
        let mut program = Cli::command();
        program.build();
        self.page(&program, "ftperm")?;
        for command in program
            .get_subcommands()
            .filter(|it| it.get_name() != "help" && !it.is_hide_set())
        {
            self.page(command, &format!("ftperm-{}", command.get_name()))?;
        }
        Ok(())
    }

    fn page(&self, command: &clap::Command, name: &str) -> anyhow::Result<()> {
        let mut page = Vec::new();
        clap_mangen::Man::new(command.clone()).render(&mut page)?;
        let path = Path::new(&self.folder).join(format!("{name}.1"));
        write_file(&path, &page)?;
        console::result(path.display().to_string())
    }
}
