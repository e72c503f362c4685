//! Where the permuted network goes.

use std::path::{Path, PathBuf};

use ftperm::files::atomic;
use ftperm::files::digest::hex;
use ftperm::nets::deliver::Target;
use ftperm::nets::stockfish::{Encoding, FtCompression, Network};
use ftperm::report::NetSummary;

use super::LoadedNet;
use crate::cli::{UsageError, console};

/// The output network.
#[derive(Debug, clap::Args)]
pub struct OutArgs {
    /// Write the network to this file
    #[arg(long, value_name = "FILE", conflicts_with = "out_sha")]
    pub out: Option<PathBuf>,
    /// Write it as nn-<first 12 digits of its SHA-256>.nnue into this folder, which is made if it is
    /// missing [default: the current one]
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = ".")]
    pub out_sha: Option<PathBuf>,
    /// How the feature transformer is stored
    #[arg(long, value_name = "HOW", value_enum, default_value = "keep")]
    pub ft_compression: Compression,
    /// Replace the description in the network's header
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}

/// The feature transformer's compression.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Compression {
    /// Each tensor as in the input
    Keep,
    /// Raw
    None,
    /// LEB128
    Leb128,
}

impl OutArgs {
    /// Checks that the target can be written, before long work.
    pub fn target(&self) -> anyhow::Result<Target> {
        let target = match (&self.out, &self.out_sha) {
            (Some(file), _) if file.is_dir() => {
                return Err(UsageError(format!(
                    "--out {} is a folder; to name the network by its contents say --out-sha {0}",
                    file.display()
                ))
                .into());
            }
            (Some(file), _) => Target::File(file.clone()),
            (None, folder) => Target::Named(
                folder
                    .clone()
                    .unwrap_or_else(|| Path::new(".").to_path_buf()),
            ),
        };
        match &target {
            Target::File(file) => atomic::check_writable(file)?,
            Target::Named(folder) => {
                if !folder.exists() {
                    atomic::create_folder(folder)?;
                }
                atomic::check_writable(&folder.join("nn.nnue"))?;
            }
        }
        Ok(target)
    }

    /// Does it ask for what only files of Stockfish's format have?
    pub fn is_for_nnue_only(&self) -> bool {
        self.description.is_some() || !matches!(self.ft_compression, Compression::Keep)
    }

    /// Applies compression and description.
    pub fn dress(&self, network: &mut Network) {
        store(
            network,
            match self.ft_compression {
                Compression::Keep => FtCompression::Keep,
                Compression::None => FtCompression::None,
                Compression::Leb128 => FtCompression::Leb128,
            },
        );
        if let Some(description) = &self.description {
            network.description = description.clone().into_bytes();
        }
    }
}

/// What the network's engines read.
pub fn usual_compression(network: &Network) -> FtCompression {
    match network.usual_encoding() {
        Encoding::Raw => FtCompression::None,
        Encoding::Leb128 => FtCompression::Leb128,
    }
}

/// Chooses how the network is stored. What its engines do not read is written only if it was asked for.
pub fn store(network: &mut Network, compression: FtCompression) {
    network.set_compression(compression);
    let other = match network.usual_encoding() {
        Encoding::Raw => "LEB128",
        Encoding::Leb128 => "raw tensors",
    };
    let unreadable = network.unreadable_tensors();
    if unreadable.is_empty() {
        return;
    }
    let engines = format!("{} do not read {other}", network.recognition.era.engines);
    let names = unreadable.join(", ");
    if compression == FtCompression::Keep {
        network.make_readable();
        console::say(format!("{engines}; written as they read it: {names}"));
    } else {
        console::warn(format!("{engines}; so asked for, yet: {names}"));
    }
}

impl From<&LoadedNet> for NetSummary {
    fn from(loaded: &LoadedNet) -> NetSummary {
        NetSummary {
            path: loaded.origin.to_string(),
            sha256: hex(&loaded.sha256),
        }
    }
}
