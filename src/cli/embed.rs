//! `ftperm embed`

use std::path::{Path, PathBuf};

use ftperm::nets::source::{NetSource, embed};
use serde::Serialize;

use super::common::names::name;
use super::common::{Files, NetSummary, ReadingArgs, parse};
use super::{Global, UsageError, console, lc0, program};

/// Make a copy of this program with a network inside, for --net '<embed>'
#[derive(Debug, clap::Args)]
pub struct Embed {
    /// The network: anything that --net takes
    #[arg(value_name = "NET", value_parser = name())]
    net: std::ffi::OsString,
    /// The program to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Put a network of Lc0 into a copy of this lc0, for its --weights='<built in>'
    #[arg(long, value_name = "LC0")]
    into: Option<PathBuf>,
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
        let net = Path::new(&self.net);
        if let Some(into) = &self.into {
            if !lc0::is_net(net)? {
                lc0::refuse("--into", true)?;
            }
            lc0::refuse_others(&[
                ("--era", self.reading.era.is_some()),
                ("--clamp", self.reading.clamp.is_some()),
            ])?;
            return lc0::embedding::run(net, into, &self.out, global);
        }
        if lc0::is_net(net)? {
            let text = "a network of Lc0 goes into lc0: --into says into which";
            return Err(UsageError(text.into()).into());
        }
        let files = Files::new()
            .output("--out", Some(&self.out))
            .network("the network", Some(&self.net));
        files.check()?;
        let options = self.reading.options();
        let source = NetSource::parse(Some(&self.net));
        let source = match options.era {
            Some(_) => source.load_any_version()?,
            None => source.load()?,
        };
        files.network_found("the network", &source.origin).check()?;
        let bytes = source.bytes.clone();
        let loaded = parse(source, &options)?;
        let program = program::own_file()?;
        embed(&program, &bytes, options.era, &self.out)?;
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
