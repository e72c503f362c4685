//! Loading the input network.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ftperm::nnue::{ERAS, NetError, NetFileError, Network, ReadOptions, era};
use sha2::{Digest as _, Sha256};

use crate::cli::console;

/// The input network.
#[derive(Debug, clap::Args)]
pub struct NetArgs {
    /// The network to read
    #[arg(long, value_name = "FILE")]
    pub net: PathBuf,
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
    pub path: PathBuf,
    pub sha256: [u8; 32],
}

impl NetArgs {
    pub fn load(&self) -> anyhow::Result<LoadedNet> {
        load(&self.net, &self.reading)
    }
}

/// Reads a network and says what it is and what was assumed.
pub fn load(path: &Path, reading: &ReadingArgs) -> anyhow::Result<LoadedNet> {
    let options = reading.options()?;
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let parse = || Network::parse(&bytes, &options);
    let digest = || -> [u8; 32] { Sha256::digest(&bytes).into() };
    let (parsed, sha256) = rayon::join(parse, digest);
    let network = parsed.map_err(|source| NetFileError::Net {
        path: path.to_path_buf(),
        source,
    })?;
    let it = &network.recognition;
    console::say(format!(
        "network {}: {} ({}), {}, L1 = {}",
        path.display(),
        it.era.id,
        it.era.engines,
        network.architecture.feature_names(),
        network.architecture.l1
    ));
    for assumption in &it.assumptions {
        console::warn(assumption);
    }
    if !it.era.sparse {
        console::warn(format!(
            "engines of era {} do not skip zero blocks: a permutation is valid but brings nothing there",
            it.era.id
        ));
    }
    Ok(LoadedNet {
        network,
        path: path.to_path_buf(),
        sha256,
    })
}
