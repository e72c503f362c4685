//! Loading the input network.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use ftperm::nnue::{ERAS, NetError, NetFileError, Network, ReadOptions, era};
use ftperm::source::{LoadedBytes, NetSource, Origin};

use crate::cli::console;

/// The input network.
#[derive(Debug, clap::Args)]
pub struct NetArgs {
    /// The network: a file (also .gz, .zst, .xz), a folder, an engine (ENGINE#2 for its second network), - for stdin,
    /// '<embed>'; without it the usual places are searched (`ftperm nets` lists them)
    #[arg(long, value_name = "NET")]
    pub net: Option<OsString>,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// What the user knows about a network that its file does not say.
#[derive(Debug, clap::Args)]
pub struct ReadingArgs {
    /// Read the network as this era instead of recognising it (`ftperm inspect` lists them)
    #[arg(long, value_name = "ERA")]
    pub era: Option<String>,
    /// Clamp of the activations, 127 or 255, which no file says
    #[arg(long, value_name = "127|255")]
    pub clamp: Option<i16>,
}

impl ReadingArgs {
    pub fn options(&self) -> Result<ReadOptions, NetError> {
        let find = |id: &String| {
            let known = || ERAS.iter().map(|era| era.id).collect::<Vec<_>>().join(", ");
            era(id).ok_or_else(|| NetError::NoSuchEra(id.clone(), known()))
        };
        Ok(ReadOptions {
            era: self.era.as_ref().map(find).transpose()?,
            clamp: self.clamp,
        })
    }
}

/// A network and what it was read from.
#[derive(Debug)]
pub struct LoadedNet {
    pub network: Network,
    /// Where it came from, for people.
    pub origin: Origin,
    pub sha256: [u8; 32],
}

impl NetArgs {
    pub fn load(&self) -> anyhow::Result<LoadedNet> {
        load(self.net.as_deref(), &self.reading)
    }
}

/// Reads a network and says what it is and what was assumed.
pub fn load(net: Option<&OsStr>, reading: &ReadingArgs) -> anyhow::Result<LoadedNet> {
    // Options are checked before anything is read.
    let options = reading.options()?;
    parse(NetSource::parse(net).load()?, &options)
}

/// As [`load`], of bytes that are already there.
pub fn parse(loaded: LoadedBytes, options: &ReadOptions) -> anyhow::Result<LoadedNet> {
    let (parsed, sha256) = rayon::join(
        || Network::parse(&loaded.bytes, options),
        || loaded.sha256(),
    );
    let origin = loaded.origin;
    let network = parsed.map_err(|source| NetFileError::Net {
        path: PathBuf::from(origin.to_string()),
        source,
    })?;
    let it = &network.recognition;
    console::say(format!(
        "network {origin}: {} ({}), {}, L1 = {}",
        it.era.id,
        it.era.engines,
        network.architecture.feature_names(),
        network.architecture.l1
    ));
    if let Some(why) = &origin.why {
        console::say(format!("taken: {why}"));
    }
    for assumption in &it.assumptions {
        console::say(format!("assumed: {assumption}"));
    }
    if !it.era.sparse {
        console::say(format!(
            "note: engines of era {} do not skip zero blocks; a permutation is valid but brings nothing there",
            it.era.id
        ));
    }
    Ok(LoadedNet {
        network,
        origin,
        sha256,
    })
}
