//! `ftperm batch-job` and `batch-serialize`: how `batch` calls this program for one job.

use std::io::Read as _;

use anyhow::Context as _;

use super::optimize::Optimize;
use super::serialize::Serialize;
use super::{Global, console, interrupt};

/// `optimize`, for as long as standard input is open
#[derive(Debug, clap::Args)]
pub struct BatchJob {
    /// What names of unfinished files begin with, so that they are found if this process is killed.
    #[arg(long, value_name = "PREFIX")]
    temporary_prefix: String,
    #[command(flatten)]
    pub(super) optimize: Optimize,
}

/// `serialize`, for as long as standard input is open
#[derive(Debug, clap::Args)]
pub struct BatchSerialize {
    /// As that of `batch-job`.
    #[arg(long, value_name = "PREFIX")]
    temporary_prefix: String,
    #[command(flatten)]
    pub(super) serialize: Serialize,
}

impl BatchJob {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        begin(&self.temporary_prefix)?;
        self.optimize.run(global)
    }
}

impl BatchSerialize {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        begin(&self.temporary_prefix)?;
        self.serialize.run(global)
    }
}

fn begin(temporary_prefix: &str) -> anyhow::Result<()> {
    ftperm::files::atomic::set_temporary_prefix(temporary_prefix);
    let end_when_told = || {
        // Whoever holds the other end never writes.
        let _ = std::io::stdin().read(&mut [0]);
        console::say("told to end");
        interrupt::end();
    };
    std::thread::Builder::new()
        .spawn(end_when_told)
        .context("cannot start a thread")?;
    Ok(())
}
