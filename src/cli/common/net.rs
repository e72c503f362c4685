//! Loading the input network.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ftperm::files::digest::sha256;
use ftperm::nets::checkpoint::{Checkpoint, ConvertOptions};
use ftperm::nets::model::Activation;
use ftperm::nets::source::{LoadedBytes, NetSource, Origin};
use ftperm::nets::stockfish::{ERAS, Era, NetError, NetFileError, Network, ReadOptions, era};

use super::names::name;
use super::out::usual_compression;
use crate::cli::serialize::{describe, is_checkpoint_file};
use crate::cli::{console, lc0};

/// The input network.
#[derive(Debug, clap::Args)]
pub struct NetArgs {
    /// The network: a file (also .gz, .zst, .xz), a trainer's checkpoint, a folder, an engine (ENGINE#2 for its second
    /// network), - for stdin, '<embed>' for the one in this program; without it, or with '<autodiscover>', the usual
    /// places are searched (`ftperm nets` lists them)
    #[arg(long, value_name = "NET", value_parser = name())]
    pub net: Option<OsString>,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// What the user knows about a network that its file does not say.
#[derive(Debug, clap::Args)]
pub struct ReadingArgs {
    /// Read the network as this era instead of recognising it, even if its version or hashes are others (`ftperm
    /// inspect -v` lists eras)
    #[arg(long, value_name = "ERA", value_parser = known_era)]
    pub era: Option<&'static Era>,
    /// Clamp of the activations, 127 or 255, which neither networks nor checkpoints say
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
    /// Was it made of a trainer's checkpoint?
    pub checkpoint: bool,
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
        _ => {
            let loaded = match options.era {
                Some(_) => source.load_any_version()?,
                None => source.load()?,
            };
            parse(loaded, &options)
        }
    }
}

/// Reads two files that should be the same network. Where only one says which clamp its network has, the other is read
/// with that one too.
pub fn load_pair(
    a: &OsStr,
    b: &OsStr,
    reading: &ReadingArgs,
) -> anyhow::Result<(LoadedNet, LoadedNet)> {
    let with_clamp_of = |unsaid: &OsStr, other: &LoadedNet| {
        let Activation::Pairwise { clamp, .. } = other.network.architecture.activation else {
            return load(Some(unsaid), reading);
        };
        console::say(format!(
            "{} does not say its clamp: read with {clamp}, as {}",
            unsaid.display(),
            other.origin
        ));
        let clamp = Some(clamp);
        let era = reading.era;
        load(Some(unsaid), &ReadingArgs { era, clamp })
    };
    let (mut first, mut second) = match (load(Some(a), reading), load(Some(b), reading)) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(error), Ok(second)) if is_unsaid(&error) => (with_clamp_of(a, &second)?, second),
        (Ok(first), Err(error)) if is_unsaid(&error) => {
            let second = with_clamp_of(b, &first)?;
            (first, second)
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    let assumed = |it: &LoadedNet| it.network.recognition.clamp_assumed;
    // A checkpoint's trainer is known better than a network's.
    let second_yields = !second.checkpoint && (!assumed(&first) || first.checkpoint);
    let (teacher, pupil) = if second_yields {
        (&first, &mut second)
    } else {
        (&second, &mut first)
    };
    // The weights of a checkpoint were already scaled as its clamp wants it.
    if !pupil.checkpoint && pupil.network.adopt_clamp(&teacher.network) {
        console::say(format!(
            "{} does not say its clamp: read as {}",
            pupil.origin, teacher.origin
        ));
    }
    Ok((first, second))
}

/// Does a network's file leave open which clamp it has?
fn is_unsaid(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(NetFileError::Net {
            source: NetError::ClampUnknown { .. },
            ..
        })
    )
}

/// The network that `serialize` writes for a checkpoint. More is known of it than its file would say.
fn convert(path: &Path, options: &ReadOptions) -> anyhow::Result<LoadedNet> {
    let context = || path.display().to_string();
    let checkpoint = Checkpoint::open(path)?;
    let options = ConvertOptions {
        target_era: options.era,
        clamp: options.clamp,
        ..ConvertOptions::default()
    };
    let (mut network, conversion) = checkpoint.to_network(&options).with_context(context)?;
    console::say(format!("checkpoint {}", path.display()));
    describe(&network, &conversion);
    if !conversion.noted_encodings {
        network.set_compression(usual_compression(&network));
    }
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
        checkpoint: true,
    })
}

/// An engine in which a network was found says which clamp it has, where its file does not: all Stockfish releases up
/// to 18 clamp networks of piece-square inputs at 127.
fn settle_by_engine(network: &mut Network, origin: &Origin) {
    let Some(engine) = &origin.engine else {
        return;
    };
    console::say(format!("found in {engine}"));
    if engine.major.is_some_and(|major| major <= 18)
        && network.recognition.clamp_assumed
        && network.set_clamp(127).is_ok()
    {
        let recognition = &mut network.recognition;
        recognition.clamp_assumed = false;
        recognition
            .assumptions
            .retain(|it| !it.starts_with("activations are clamped"));
        let evidence = format!("clamp 127: it was found in {engine}");
        recognition.evidence.push(evidence);
    }
}

/// As [`load`], of bytes that are already there.
pub fn parse(loaded: LoadedBytes, options: &ReadOptions) -> anyhow::Result<LoadedNet> {
    let (parsed, sha256) = rayon::join(
        || Network::parse(&loaded.bytes, options),
        || loaded.sha256(),
    );
    let file_bytes = loaded.bytes.len() as u64;
    let origin = loaded.origin;
    let mut network = parsed.map_err(|source| NetFileError::Net {
        path: PathBuf::from(origin.to_string()),
        source,
    })?;
    settle_by_engine(&mut network, &origin);
    let recognition = &network.recognition;
    console::say(format!(
        "network {origin}: {}, {}, L1 = {}",
        recognition.title(),
        network.architecture.feature_names(),
        network.architecture.l1
    ));
    if let Some(why) = &origin.why {
        console::say(format!("taken: {why}"));
    }
    for assumption in &recognition.assumptions {
        console::say(format!("assumed: {assumption}"));
    }
    if !network.longer_leb128.is_empty() {
        console::warn(format!(
            "LEB128 values of {} are longer than they need be; written, they are as short as can be: the same values \
             in a smaller file",
            network.longer_leb128.join(", ")
        ));
    }
    if !recognition.sparse() {
        let engines_read = recognition.exact && !recognition.era.engines.starts_with("none");
        console::say(if engines_read {
            format!(
                "note: engines of era {} do not skip zero blocks; a permutation is valid but brings nothing there",
                recognition.era.id
            )
        } else {
            "note: no release evaluates such networks; a permutation helps in engines that skip zero blocks".to_string()
        });
    }
    Ok(LoadedNet {
        network,
        origin,
        sha256,
        file_bytes,
        checkpoint: false,
    })
}
