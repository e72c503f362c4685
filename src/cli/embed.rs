//! `ftperm embed`

use std::path::PathBuf;

use anyhow::Context as _;
use ftperm::nets::source::embed;
use serde::Serialize;

use super::common::names::name;
use super::common::{Files, NetSummary, ReadingArgs, parse};
use super::{Global, console};

/// Make a copy of this program with a network inside, for --net '<embed>'
#[derive(Debug, clap::Args)]
pub struct Embed {
    /// The network: anything that --net takes
    #[arg(value_name = "NET", value_parser = name())]
    net: std::ffi::OsString,
    /// The program to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    reading: ReadingArgs,
}

#[derive(Serialize)]
struct Report {
    net: NetSummary,
    out: String,
}

impl Embed {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let files = Files::new()
            .output("--out", Some(&self.out))
            .network("the network", Some(&self.net));
        files.check()?;
        let options = self.reading.options();
        let source = ftperm::nets::source::NetSource::parse(Some(&self.net)).load()?;
        files.network_found("the network", &source.origin).check()?;
        let bytes = source.bytes.clone();
        let loaded = parse(source, &options)?;
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        embed(&program, &bytes, &self.out)?;
        if global.json {
            let out = self.out.display().to_string();
            return console::json(&Report {
                net: NetSummary::from(&loaded),
                out,
            });
        }
        console::result(self.out.display().to_string())
    }
}
