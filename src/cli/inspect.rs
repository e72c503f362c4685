//! `ftperm inspect`

use std::path::PathBuf;

use anyhow::Context as _;
use ftperm::compute::Activation;
use ftperm::nnue::{Encoding, NetFileError, Network};
use ftperm::output::hex;
use ftperm::permutation::PermutationFile;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::common::ReadingArgs;
use super::{Global, console, inspect_checkpoint};

/// Say what a network, a permutation file or a checkpoint is, and how that was recognised
#[derive(Debug, clap::Args)]
pub struct Inspect {
    /// A network, a permutation or a trainer's checkpoint
    file: PathBuf,
    #[command(flatten)]
    reading: ReadingArgs,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Report {
    Network(Box<NetReport>),
    Permutation(PermutationReport),
}

#[derive(Serialize)]
struct NetReport {
    path: String,
    bytes: usize,
    sha256: String,
    fingerprint: String,
    era: &'static str,
    engines: &'static str,
    sizes_as_shipped: bool,
    engines_skip_zero_blocks: bool,
    version: String,
    header_hash: String,
    ft_hash: String,
    stack_hash: String,
    description: String,
    features: Vec<FeatureReport>,
    l1: usize,
    neurons: usize,
    blocks: usize,
    clamp: i16,
    shift: Option<u32>,
    stacks: usize,
    psqt_buckets: usize,
    layers: Vec<[usize; 2]>,
    tensors: Vec<TensorReport>,
    nonzero_padding: usize,
    evidence: Vec<String>,
    assumptions: Vec<String>,
    other_readings: Vec<ReadingReport>,
}

#[derive(Serialize)]
struct FeatureReport {
    name: &'static str,
    count: usize,
    hash: String,
}

#[derive(Serialize)]
struct TensorReport {
    name: &'static str,
    values: usize,
    encoding: &'static str,
}

#[derive(Serialize)]
struct ReadingReport {
    era: &'static str,
    possible: bool,
    reason: String,
}

#[derive(Serialize)]
struct PermutationReport {
    path: String,
    neurons: usize,
    l1_if_pairwise: usize,
    identity: bool,
    moved: usize,
    notes: Vec<(String, String)>,
}

impl Inspect {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        if super::serialize::is_checkpoint_file(&self.file)? {
            return inspect_checkpoint::run(&self.file, &self.reading, global);
        }
        let bytes = std::fs::read(&self.file)
            .with_context(|| format!("cannot read {}", self.file.display()))?;
        let report = if looks_like_permutation(&bytes) {
            Report::Permutation(self.permutation()?)
        } else {
            Report::Network(Box::new(self.network(&bytes)?))
        };
        if global.json {
            return console::json(&report);
        }
        match &report {
            Report::Network(it) => show_network(it),
            Report::Permutation(it) => show_permutation(it),
        }
    }

    fn network(&self, bytes: &[u8]) -> anyhow::Result<NetReport> {
        let network = Network::parse(bytes, &self.reading.options()?).map_err(|source| {
            NetFileError::Net {
                path: self.file.clone(),
                source,
            }
        })?;
        let it = &network.architecture;
        let recognition = &network.recognition;
        let (clamp, shift) = match it.activation {
            Activation::Clipped { clamp } => (clamp, None),
            Activation::Pairwise { clamp, shift } => (clamp, Some(shift)),
        };
        let number = |value: u32| format!("{value:#010X}");
        Ok(NetReport {
            path: self.file.display().to_string(),
            bytes: bytes.len(),
            sha256: hex(&Sha256::digest(bytes).into()),
            fingerprint: hex(&network.fingerprint()),
            era: recognition.era.id,
            engines: recognition.era.engines,
            sizes_as_shipped: recognition.exact,
            engines_skip_zero_blocks: recognition.era.sparse,
            version: number(it.version),
            header_hash: number(it.header_hash()),
            ft_hash: number(it.ft_hash()),
            stack_hash: number(it.stack_hash()),
            description: String::from_utf8_lossy(&network.description).into_owned(),
            features: it
                .sets
                .iter()
                .map(|set| FeatureReport {
                    name: set.name(),
                    count: set.count(),
                    hash: number(set.hash()),
                })
                .collect(),
            l1: it.l1,
            neurons: it.neurons(),
            blocks: it.ft_outputs() / 4,
            clamp,
            shift,
            stacks: it.stacks,
            psqt_buckets: it.psqt_buckets,
            layers: it
                .layer_sizes()
                .layers
                .iter()
                .map(|&(i, o)| [i, o])
                .collect(),
            tensors: it
                .layout
                .iter()
                .zip(&network.ft.encodings)
                .map(|(spec, encoding)| TensorReport {
                    name: spec.name,
                    values: it.tensor_len(spec.role),
                    encoding: match encoding {
                        Encoding::Raw => "raw",
                        Encoding::Leb128 => "leb128",
                    },
                })
                .collect(),
            nonzero_padding: network.nonzero_padding(),
            evidence: recognition.evidence.clone(),
            assumptions: recognition.assumptions.clone(),
            other_readings: recognition
                .readings
                .iter()
                .map(|reading| ReadingReport {
                    era: reading.era,
                    possible: reading.possible,
                    reason: reading.reason.clone(),
                })
                .collect(),
        })
    }

    fn permutation(&self) -> anyhow::Result<PermutationReport> {
        let file = PermutationFile::read(&self.file)?;
        let indices = file.permutation.indices();
        Ok(PermutationReport {
            path: self.file.display().to_string(),
            neurons: indices.len(),
            l1_if_pairwise: 2 * indices.len(),
            identity: file.permutation.is_identity(),
            moved: indices
                .iter()
                .enumerate()
                .filter(|&(i, &index)| i as u32 != index)
                .count(),
            notes: file.notes,
        })
    }
}

/// Permutations are .npy or text; a network has bytes below space in its first word.
fn looks_like_permutation(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x93NUMPY")
        || bytes.first().is_some_and(|&byte| {
            byte == b'#' || byte.is_ascii_digit() || byte.is_ascii_whitespace()
        }) && bytes
            .iter()
            .take(64)
            .all(|byte| byte.is_ascii() && *byte != 0)
}

fn show_network(it: &NetReport) -> anyhow::Result<()> {
    let line = |name: &str, value: String| console::result(format!("{name:<14} {value}"));
    line("network", it.path.clone())?;
    line("size", format!("{} bytes", it.bytes))?;
    line("sha256", it.sha256.clone())?;
    line("era", format!("{} ({})", it.era, it.engines))?;
    if !it.sizes_as_shipped {
        line(
            "",
            "sizes derived from the file's hashes, not those of an engine".to_string(),
        )?;
    }
    line(
        "hashes",
        format!(
            "header {}, FT {}, stack {}",
            it.header_hash, it.ft_hash, it.stack_hash
        ),
    )?;
    line("version", it.version.clone())?;
    line("description", it.description.clone())?;
    for set in &it.features {
        line(
            "features",
            format!("{} {} ({})", set.name, set.count, set.hash),
        )?;
    }
    let shift = it
        .shift
        .map_or(String::new(), |shift| format!(", products >> {shift}"));
    line(
        "FT",
        format!(
            "L1 = {}, {} neurons a perspective, {} blocks, clamp {}{shift}",
            it.l1, it.neurons, it.blocks, it.clamp
        ),
    )?;
    for tensor in &it.tensors {
        line(
            "tensor",
            format!(
                "{}: {} values, {}",
                tensor.name, tensor.values, tensor.encoding
            ),
        )?;
    }
    let layers: Vec<String> = it
        .layers
        .iter()
        .map(|[i, o]| format!("{i} -> {o}"))
        .collect();
    line(
        "layers",
        format!("{} stacks of {}", it.stacks, layers.join(", ")),
    )?;
    if it.nonzero_padding > 0 {
        line(
            "padding",
            format!(
                "{} bytes are not zero; they mean nothing and are kept",
                it.nonzero_padding
            ),
        )?;
    }
    let sparse = if it.engines_skip_zero_blocks {
        "skipped by engines"
    } else {
        "not skipped by its engines"
    };
    line("zero blocks", sparse.to_string())?;
    for evidence in &it.evidence {
        line("evidence", evidence.clone())?;
    }
    for assumption in &it.assumptions {
        line("assumed", assumption.clone())?;
    }
    for reading in &it.other_readings {
        let verdict = if reading.possible { "possible" } else { "no" };
        line(
            "other era",
            format!("{}: {verdict}, {}", reading.era, reading.reason),
        )?;
    }
    Ok(())
}

fn show_permutation(it: &PermutationReport) -> anyhow::Result<()> {
    console::result(format!("permutation    {}", it.path))?;
    console::result(format!(
        "neurons        {} (L1 = {} in pairwise networks), {} of them moved",
        it.neurons, it.l1_if_pairwise, it.moved
    ))?;
    for (key, value) in &it.notes {
        console::result(format!("{key:<14} {value}"))?;
    }
    Ok(())
}
