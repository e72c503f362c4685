//! `ftperm apply`

use std::path::{Path, PathBuf};

use anyhow::bail;
use ftperm::chess::random_games::random_positions;
use ftperm::files::digest::hex;
use ftperm::nets::deliver::write_permuted;
use ftperm::nets::source::SearchPlaces;
use ftperm::order::{NET_SHA256, PermutationFile, WEIGHTS_SHA256};
use serde::Serialize;

use super::common::{
    AppliedArgs, Files, LoadedModel, NetArgs, NetSummary, OutArgs, check_entries, parse,
};
use super::layout::{self, LayoutArgs};
use super::{Global, console};

/// Positions of random games on which the result is verified.
const VERIFIED_POSITIONS: usize = 500;

/// Permute a network with a known permutation
///
/// Without --net the network is looked for whose SHA-256 the permutation file records (`ftperm nets` lists where);
/// networks of other engines in the working folder.
/// The result is read back, and every weight of it compared with the input's; then both are evaluated in all buckets
/// on positions of random games.
#[derive(Debug, clap::Args)]
pub struct Apply {
    /// The permutation: text with one neuron number a line, or the .npy of ftperm.py
    #[arg(value_name = "PERM")]
    permutation: PathBuf,
    #[command(flatten)]
    net: NetArgs,
    #[command(flatten)]
    out: OutArgs,
    /// Apply the inverse: undo the permutation
    #[arg(long)]
    inverse: bool,
    #[command(flatten)]
    layout: LayoutArgs,
    /// PERM is an order of the neurons as the engine has them, for example one found on outputs that it recorded
    #[command(flatten)]
    applied: AppliedArgs,
}

#[derive(Serialize)]
struct Report {
    net: NetSummary,
    out: NetSummary,
    era: String,
    neurons: usize,
    verified: ftperm::report::Verified,
    version: &'static str,
}

impl Apply {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        super::lc0::refuse_net(&self.permutation)?;
        let file = PermutationFile::read(&self.permutation)?;
        let files = Files::new()
            .network_output("--out", self.out.out.as_deref())
            .input("the permutation", Some(&self.permutation))
            .input("--layout", self.layout.file())
            .input("--applied", self.applied.applied.as_deref());
        let net = self.net.net.as_deref();
        let files = match &self.layout.layout {
            Some(_) => files.layout_network("--net", net),
            None => files.network("--net", net),
        };
        files.check()?;
        let target = self.out.target()?;
        let loaded = self.load(&file)?;
        loaded.check_output(&self.out)?;
        loaded.say_overflow();
        files.network_found("--net", &loaded.origin).check()?;
        let (net, era) = (loaded.summary(), loaded.kind());
        if !self.inverse {
            self.say_other_network(&file, &loaded);
        }
        let permutation = if self.inverse {
            file.permutation.inverse()
        } else {
            file.permutation
        };
        let neurons = loaded.model().shape().neurons;
        check_entries(&self.permutation, &permutation, neurons)?;
        let permutation = match self.applied.order(&loaded)? {
            Some(build) => build.in_file(&permutation),
            None => permutation,
        };
        let network = loaded.into_written(&self.out);
        let boards = random_positions(1, VERIFIED_POSITIONS);
        let proved = write_permuted(network, &permutation, &target, boards, &|| {})?;
        let finished = proved.file;
        let report = Report {
            net,
            out: NetSummary::new(finished.target(), &finished.sha256()),
            era,
            neurons,
            verified: ftperm::report::Verified {
                positions: proved.positions,
                equal: true,
                proved: true,
            },
            version: env!("CARGO_PKG_VERSION"),
        };
        let out = finished.target().to_path_buf();
        finished.commit()?;
        console::say(proved.proof);
        if global.json {
            console::json(&report)
        } else {
            console::file(&out)
        }
    }

    /// Says so if this is not the file that the permutation was made for: the same weights in another one, or others.
    fn say_other_network(&self, file: &PermutationFile, loaded: &LoadedModel) {
        let found = hex(&loaded.sha256);
        let Some(recorded) = file.note(NET_SHA256).filter(|it| *it != found) else {
            return;
        };
        let same = |weights| weights == hex(&loaded.weights_sha256());
        if file.note(WEIGHTS_SHA256).is_some_and(same) {
            console::say(
                "these are the weights that the permutation was made for, in another file",
            );
        } else {
            console::warn(format!(
                "{} was made for a network with sha256 {recorded}, this one has {found}; it is valid here, but how \
                 good it is nobody knows",
                self.permutation.display()
            ));
        }
    }

    /// The network that was named, or the one that the permutation was made for.
    fn load(&self, file: &PermutationFile) -> anyhow::Result<LoadedModel> {
        if self.layout.layout.is_some() {
            return LoadedModel::load(&self.net, &self.layout);
        }
        let recorded = file.note(NET_SHA256).and_then(parse_sha256);
        match recorded.filter(|_| self.net.net.is_none() && !self.inverse) {
            None => LoadedModel::load(&self.net, &self.layout),
            Some(sha256) => {
                let options = self.net.reading.options();
                match SearchPlaces::of_process().find_by_sha256(&sha256) {
                    Ok(found) => Ok(parse(found, &options)?.into()),
                    Err(error) => match layout::of_sha256(&sha256) {
                        Some(path) => self.load_described(&path),
                        None => Err(error.into()),
                    },
                }
            }
        }
    }

    /// The network of another engine in this file.
    fn load_described(&self, path: &Path) -> anyhow::Result<LoadedModel> {
        let net = Some(path.as_os_str());
        match self.layout.of(net, &self.net.reading)? {
            Some(layout) => Ok(layout::load(&layout, net)?.into()),
            None => bail!("{}: its layout is not recognised", path.display()),
        }
    }
}

fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    let (digits, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |digits: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let bytes: Vec<u8> = digits.iter().map(byte).collect::<Option<_>>()?;
    bytes.try_into().ok().filter(|_| rest.is_empty())
}
