//! Loading the input network.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ftperm::checkpoint::{Checkpoint, ConvertOptions};
use ftperm::digest::sha256;
use ftperm::nnue::{ERAS, Era, FtCompression, NetFileError, Network, ReadOptions, era};
use ftperm::source::{LoadedBytes, NetSource, Origin};

use super::names::name;
use crate::cli::serialize::{describe, is_checkpoint_file};
use crate::cli::{UsageError, console, lc0};

/// The input network.
#[derive(Debug, clap::Args)]
pub struct NetArgs {
    /// The network: a file (also .gz, .zst, .xz), a trainer's checkpoint, a folder, an engine (ENGINE#2 for its second
    /// network), - for stdin, '<embed>'; without it the usual places are searched (`ftperm nets` lists them)
    #[arg(long, value_name = "NET", value_parser = name())]
    pub net: Option<OsString>,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// What the user knows about a network that its file does not say.
#[derive(Debug, clap::Args)]
pub struct ReadingArgs {
    /// Read the network as this era instead of recognising it (`ftperm inspect` lists them)
    #[arg(long, value_name = "ERA", value_parser = known_era)]
    pub era: Option<&'static Era>,
    /// Clamp of the activations, 127 or 255, which no file says
    #[arg(long, value_name = "127|255", value_parser = clamp)]
    pub clamp: Option<i16>,
}

impl ReadingArgs {
    pub fn options(&self) -> ReadOptions {
        ReadOptions {
            era: self.era,
            clamp: self.clamp,
        }
    }
}

/// Parses the name of an era.
pub fn known_era(id: &str) -> Result<&'static Era, String> {
    era(id).ok_or_else(|| {
        let known: Vec<&str> = ERAS.iter().map(|era| era.id).collect();
        format!("there is no such era; known are {}", known.join(", "))
    })
}

fn clamp(text: &str) -> Result<i16, String> {
    match text {
        "127" => Ok(127),
        "255" => Ok(255),
        _ => Err("only 127 and 255 are known".to_string()),
    }
}

/// A network and what it was read from.
#[derive(Debug)]
pub struct LoadedNet {
    pub network: Network,
    /// Where it came from, for people.
    pub origin: Origin,
    pub sha256: [u8; 32],
    /// Size of its file.
    pub file_bytes: u64,
}

impl NetArgs {
    pub fn load(&self) -> anyhow::Result<LoadedNet> {
        load(self.net.as_deref(), &self.reading)
    }
}

/// Reads a network and says what it is and what was assumed.
pub fn load(net: Option<&OsStr>, reading: &ReadingArgs) -> anyhow::Result<LoadedNet> {
    let options = reading.options();
    let source = NetSource::parse(net);
    if let NetSource::File { path, .. } = &source {
        lc0::refuse_net(path)?;
    }
    match &source {
        NetSource::File { path, number: None } if is_checkpoint_file(path)? => {
            convert(path, &options)
        }
        _ => parse(source.load()?, &options),
    }
}

/// The network that `serialize` writes for a checkpoint. More is known of it than its file would say.
fn convert(path: &Path, options: &ReadOptions) -> anyhow::Result<LoadedNet> {
    if options.clamp.is_some() {
        let text = "--clamp is for networks; a checkpoint's era (--era) says it";
        return Err(UsageError(text.into()).into());
    }
    let context = || path.display().to_string();
    let checkpoint = Checkpoint::open(path)?;
    let options = ConvertOptions {
        target_era: options.era,
        ..ConvertOptions::default()
    };
    let (mut network, conversion) = checkpoint.to_network(&options).with_context(context)?;
    console::say(format!("checkpoint {}", path.display()));
    describe(&network, &conversion);
    network.set_compression(FtCompression::Leb128);
    let mut bytes = Vec::new();
    network.write(&mut bytes).with_context(context)?;
    Ok(LoadedNet {
        network,
        origin: Origin {
            path: Some(path.to_path_buf()),
            parts: 1,
            ..Origin::default()
        },
        sha256: sha256(&bytes),
        file_bytes: bytes.len() as u64,
    })
}

/// As [`load`], of bytes that are already there.
pub fn parse(loaded: LoadedBytes, options: &ReadOptions) -> anyhow::Result<LoadedNet> {
    let (parsed, sha256) = rayon::join(
        || Network::parse(&loaded.bytes, options),
        || loaded.sha256(),
    );
    let file_bytes = loaded.bytes.len() as u64;
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
    if !network.longer_leb128.is_empty() {
        console::warn(format!(
            "LEB128 values of {} are longer than they need be; written, they are as short as can be: the same values \
             in a smaller file",
            network.longer_leb128.join(", ")
        ));
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
        file_bytes,
    })
}
