//! The network of a command that works on any model: Stockfish's format, a checkpoint, or another engine's under a
//! layout.

use std::path::PathBuf;

use ftperm::files::digest::hex;
use ftperm::nets::described::{Layout, RawNet};
use ftperm::nets::model::ModelFile;
use ftperm::nets::source::Origin;
use ftperm::nets::stockfish::Network;
use ftperm::order::BuildOrder;
use ftperm::report::NetSummary;

use super::{LoadedNet, NetArgs, OutArgs, WeightArgs};
use crate::cli::layout::{self, LayoutArgs};
use crate::cli::{UsageError, console};

/// A network that was read.
#[derive(Clone, Debug)]
pub enum AnyNetwork {
    Stockfish(Network),
    Described(RawNet),
}

/// A network and what it was read from.
#[derive(Debug)]
pub struct LoadedModel {
    pub network: AnyNetwork,
    pub origin: Origin,
    pub sha256: [u8; 32],
    /// Size of its file.
    file_bytes: u64,
}

impl From<LoadedNet> for LoadedModel {
    fn from(loaded: LoadedNet) -> LoadedModel {
        LoadedModel {
            network: AnyNetwork::Stockfish(loaded.network),
            origin: loaded.origin,
            sha256: loaded.sha256,
            file_bytes: loaded.file_bytes,
        }
    }
}

impl From<(RawNet, PathBuf)> for LoadedModel {
    fn from((network, path): (RawNet, PathBuf)) -> LoadedModel {
        LoadedModel {
            sha256: network.sha256(),
            file_bytes: network.bytes().len() as u64,
            network: AnyNetwork::Described(network),
            origin: Origin {
                path: Some(path),
                parts: 1,
                ..Origin::default()
            },
        }
    }
}

impl LoadedModel {
    /// A network that was made of something else than a file of its own.
    pub fn of(network: Network, sha256: [u8; 32]) -> LoadedModel {
        LoadedModel {
            network: AnyNetwork::Stockfish(network),
            origin: Origin::default(),
            sha256,
            file_bytes: 0,
        }
    }

    /// Reads the network that the options name.
    pub fn load(net: &NetArgs, layout: &LayoutArgs) -> anyhow::Result<LoadedModel> {
        Ok(match layout.of(net.net.as_deref(), &net.reading)? {
            Some(layout) => layout::load(&layout, net.net.as_deref())?.into(),
            None => net.load()?.into(),
        })
    }

    pub fn model(&self) -> &dyn ModelFile {
        match &self.network {
            AnyNetwork::Stockfish(network) => network,
            AnyNetwork::Described(network) => network,
        }
    }

    /// The network as the engine has it, whose build moves the neurons once more.
    pub fn in_engine(&self, build: &BuildOrder) -> anyhow::Result<Box<dyn ModelFile>> {
        let mut model: Box<dyn ModelFile> = match &self.network {
            AnyNetwork::Stockfish(network) => Box::new(network.clone()),
            AnyNetwork::Described(network) => Box::new(network.clone()),
        };
        let moved = model.permute(build.permutation());
        moved.map_err(anyhow::Error::from_boxed)?;
        Ok(model)
    }

    /// What another engine's file is.
    pub fn layout(&self) -> Option<&Layout> {
        match &self.network {
            AnyNetwork::Stockfish(_) => None,
            AnyNetwork::Described(network) => Some(network.layout()),
        }
    }

    /// The network to write, with the compression and the description that were asked for.
    pub fn into_written(self, out: &OutArgs) -> Box<dyn ModelFile> {
        match self.network {
            AnyNetwork::Stockfish(mut network) => {
                out.dress(&mut network);
                Box::new(network)
            }
            AnyNetwork::Described(network) => Box::new(network),
        }
    }

    /// What reports call its kind.
    pub fn kind(&self) -> String {
        match &self.network {
            AnyNetwork::Stockfish(network) => network.recognition.era.id.to_string(),
            AnyNetwork::Described(network) => format!("layout: {}", network.layout().name),
        }
    }

    /// Do engines skip all-zero blocks of it?
    pub fn sparse(&self) -> bool {
        match &self.network {
            AnyNetwork::Stockfish(network) => network.recognition.era.sparse,
            AnyNetwork::Described(network) => network.layout().sparse(),
        }
    }

    /// Memory that is taken beside the network while it is read and while what was written is checked.
    pub fn delivery_bytes(&self) -> u64 {
        let bytes = self.model().demand().bytes;
        match &self.network {
            // The file's bytes; compressed they are hardly more than the weights.
            AnyNetwork::Stockfish(_) => bytes.max(self.file_bytes),
            // What was written, and the weights of one of both as numbers.
            AnyNetwork::Described(_) => 2 * bytes,
        }
    }

    /// Digest of the weights, whatever the file is compressed with and says of itself.
    pub fn weights_sha256(&self) -> [u8; 32] {
        match &self.network {
            AnyNetwork::Stockfish(network) => network.weights_sha256(),
            AnyNetwork::Described(network) => network.unpacked_sha256(),
        }
    }

    pub fn summary(&self) -> NetSummary {
        NetSummary {
            path: self.origin.to_string(),
            sha256: hex(&self.sha256),
        }
    }

    /// What only files of Stockfish's format have cannot be asked for of others.
    pub fn check_output(&self, out: &OutArgs) -> anyhow::Result<()> {
        if matches!(self.network, AnyNetwork::Described(_)) && out.is_for_nnue_only() {
            let text = "--ft-compression and --description are for .nnue files, not for --layout";
            return Err(UsageError(text.into()).into());
        }
        Ok(())
    }

    /// Says so if an order may change what the engine computes.
    pub fn say_overflow(&self) {
        if let AnyNetwork::Described(network) = &self.network {
            layout::say_overflow(network);
        }
    }

    /// Says what --weight goes by, where the network does not.
    pub fn say_buckets(&self, weight: &WeightArgs) {
        if weight.weight.is_some() && self.model().buckets().is_none() {
            console::say(
                "note: the layout does not say how its engine chooses output buckets: --weight goes by the game phase, \
                 (pieces - 1) / 4",
            );
        }
    }
}
