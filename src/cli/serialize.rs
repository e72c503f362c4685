//! `ftperm serialize`

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ftperm::chess::random_games::random_positions;
use ftperm::compute::choice::Work;
use ftperm::files::atomic::{
    FinishedFile, OutputFile, check_writable, commit_all, create_folder, io_error,
};
use ftperm::nets::checkpoint::{
    self, Checkpoint, Container, Conversion, ConvertOptions, StateDict, known_features,
    network_state, safetensors, same_features, statistics, write_torch,
};
use ftperm::nets::deliver::{DeliverError, Target, write_compared, write_permuted};
use ftperm::nets::stockfish::verify::ReferenceOutputs;
use ftperm::nets::stockfish::{Era, FtCompression, Network};
use ftperm::order::{Permutation, PermutationFile};
use ftperm::positions::{self, Positions};
use ftperm::report::WeightsReport;
use ftperm::run::{Job, Watch};
use ftperm::search::Control;

use super::common::names::name;
use super::common::{
    BackendArgs, FILTERS, Files, FilterArgs, NetSummary, ReadingArgs, known_era, load, store,
    usual_compression,
};
use super::progress::{RunProgress, read_positions};
use super::reference::{OfSerialize, Options};
use super::report::finish_report;
use super::{Global, UsageError, console, lc0};

mod trained;

/// Positions of random games on which a permuted network is compared with the one before.
const VERIFIED_POSITIONS: usize = 500;

/// Turn a trainer's checkpoint into a network, or a network into a state dictionary
///
/// SOURCE is a .ckpt or .pt of nnue-pytorch, a state dictionary, a .safetensors or a network of any era; what it is,
/// its feature sets and its sizes are recognised from its contents. TARGET is a .nnue, a .safetensors or a .pt (a
/// state dictionary). Networks come out byte for byte as from serialize.py of the version that wrote the checkpoint.
/// A weight file of Lc0 becomes a .safetensors, or a .pb.gz in another encoding or format. With --layout SOURCE is what
/// the trainer of another engine wrote, and TARGET that engine's network.
#[derive(Debug, clap::Args)]
pub struct Serialize {
    /// The checkpoint or network to read; for networks all that --net of other commands takes
    #[arg(value_parser = name())]
    source: OsString,
    /// The file to write, or with --out-sha the folder
    target: PathBuf,
    /// Write a network named nn-<first 12 digits of its SHA-256>.nnue (with --layout .bin) into the folder TARGET, or
    /// into the folder that TARGET is in if it is a file or its name ends in .nnue; a missing folder is made
    // Elsewhere --out-sha has a value.
    #[arg(id = "named_by_sha", long = "out-sha", alias = "out_sha")]
    out_sha: bool,
    /// Undoes --out-sha.
    #[arg(long, hide = true, overrides_with = "named_by_sha")]
    no_out_sha: bool,
    /// Description in the network's header [default: that of the source network, else the reference tool's]; for
    /// networks of Lc0 the text about the training
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How the network's feature transformer is stored [default: as in a source network, else leb128; raw where the
    /// era's engines read nothing else]
    #[arg(long, alias = "ft_compression", value_name = "HOW", value_enum)]
    ft_compression: Option<Compression>,
    /// Permute the network with this permutation, text or .npy
    #[arg(
        long,
        alias = "ft_perm",
        value_name = "PERM",
        conflicts_with = "ft_optimize"
    )]
    ft_perm: Option<PathBuf>,
    /// Search a good permutation and permute the network with it; needs --ft-optimize-data
    #[arg(long, alias = "ft_optimize", requires = "ft_optimize_data")]
    ft_optimize: bool,
    /// Undoes --ft-optimize.
    #[arg(long, hide = true, overrides_with = "ft_optimize")]
    no_ft_optimize: bool,
    /// Training data to search on
    #[arg(long, alias = "ft_optimize_data", value_name = "FILE", num_args = 1.., value_parser = name())]
    ft_optimize_data: Vec<OsString>,
    /// Positions to search on
    #[arg(
        long,
        alias = "ft_optimize_count",
        value_name = "N",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    ft_optimize_count: u64,
    /// L1 that the source must have; it is recognised anyway
    #[arg(long, value_name = "N")]
    l1: Option<usize>,
    /// L2 that the source must have: rows of the first layer, without one that only skips
    #[arg(long, value_name = "N")]
    l2: Option<usize>,
    /// L3 that the source must have: rows of the second layer
    #[arg(long, value_name = "N")]
    l3: Option<usize>,
    /// Feature sets that the source must have; for a network of before 2026 that becomes a state dictionary a `^`
    /// asks for the factorised form, with zeros in the shared rows
    #[arg(long, value_name = "NAMES")]
    features: Option<String>,
    /// Write a checkpoint as this era instead of the recognised one; a network only as an era that computes the same
    /// from the same weights in another layout (v10a and v10b, v13a and v13b)
    #[arg(long, value_name = "ERA", value_parser = known_era)]
    target_era: Option<&'static Era>,
    /// Set the rows of features that no legal position activates to zero: the file compresses better, and the network
    /// computes the same on every legal position
    #[arg(long)]
    zero_unreachable: bool,
    /// Write the weights into a copy of this .pt or .ckpt, which the trainer itself wrote, to go on training from:
    /// all else is kept as it is there. TARGET is a .pt or .ckpt
    #[arg(long, value_name = "FILE")]
    like: Option<PathBuf>,
    /// Let values that do not fit wrap around where the reference tool of that version does
    #[arg(long)]
    compat: bool,
    /// Print range and histogram of every tensor that is written
    #[arg(long)]
    histograms: bool,
    /// Write ranges and histograms of the weights: a page with pictures if the name ends in .html, else JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Make the network of another engine of its trainer's floats (bullet: raw.bin, or optimiser_state/weights.bin):
    /// the name of a layout that says how (`ftperm layouts` lists all, and `ftperm layouts NAME` shows one: those that
    /// say it have a table `[trained]`), or a TOML file (docs/5-other-engines.md)
    // Elsewhere --layout is that of a network.
    #[arg(id = "trained_layout", long = "layout", value_name = "NAME|FILE")]
    layout: Option<PathBuf>,
    /// Which positions --ft-optimize takes
    #[command(flatten)]
    pub(super) filters: FilterArgs,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    pub(super) backend: BackendArgs,
    #[command(flatten)]
    lc0: lc0::serialize::Lc0Args,
    #[command(flatten)]
    pub(super) reference: Options<OfSerialize>,
}

/// The feature transformer's compression.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Compression {
    /// Raw
    None,
    /// LEB128
    Leb128,
}

/// What TARGET is.
#[derive(Debug)]
enum Output {
    Network(Target),
    Safetensors,
    Torch,
    /// A copy of this file.
    Like(PathBuf),
}

/// What SOURCE is.
enum Source {
    Checkpoint(Box<Checkpoint>),
    Network(Box<Network>),
}

#[derive(serde::Serialize)]
struct Report {
    source: String,
    out: NetSummary,
    era: Option<&'static str>,
    features: Option<String>,
    l1: Option<usize>,
    permuted: bool,
    clamped: usize,
    out_of_range: usize,
    zeroed_rows: Option<usize>,
    version: &'static str,
    /// For --report.
    #[serde(skip)]
    weights: Option<WeightsReport>,
}

impl Report {
    /// Of a file that nothing is known of yet.
    fn new(source: String, out: NetSummary) -> Report {
        Report {
            source,
            out,
            era: None,
            features: None,
            l1: None,
            permuted: false,
            clamped: 0,
            out_of_range: 0,
            zeroed_rows: None,
            version: env!("CARGO_PKG_VERSION"),
            weights: None,
        }
    }
}

impl Serialize {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        if let Some(layout) = &self.layout {
            return self.run_trained(layout, global);
        }
        let source = Path::new(&self.source);
        if lc0::holds_net(source)? {
            return self.run_lc0(source, global);
        }
        self.lc0.refuse()?;
        self.say_unused(global);
        if let Some(features) = &self.features {
            known_features(features).map_err(UsageError)?;
        }
        let files = self.files();
        files.check()?;
        let output = self.output()?;
        if let Some(file) = &self.report {
            check_writable(file)?;
        }
        let source = self.read(&files)?;
        let nothing = NetSummary {
            path: String::new(),
            sha256: String::new(),
        };
        let mut report = Report {
            permuted: matches!(output, Output::Network(_))
                && (self.ft_perm.is_some() || self.ft_optimize),
            ..Report::new(self.source_name(), nothing)
        };
        let finished = match output {
            Output::Network(target) => {
                // What comes from a network must compute the same at the end.
                let reference = match &source {
                    Source::Network(network) => Some(reference_of(network)),
                    Source::Checkpoint(_) => None,
                };
                let mut network = self.network(source, &mut report)?;
                if self.zero_unreachable {
                    report.zeroed_rows = Some(zero_unreachable(&mut network)?);
                }
                self.write_network(network, reference, &target)?
            }
            Output::Safetensors => self.write_state(source, safetensors::write)?,
            Output::Torch => self.write_state(source, write_torch)?,
            Output::Like(template) => self.write_like(&source, &template)?,
        };
        report.out = NetSummary::new(finished.target(), &finished.sha256());
        let mut finished = vec![finished];
        if let (Some(file), Some(mut weights)) = (&self.report, report.weights.take()) {
            weights.out = Some(report.out.clone());
            let weights = ftperm::report::Report::Weights(Box::new(weights));
            finished.push(finish_report(file, &weights)?);
        }
        commit_all(finished)?;
        console::say(format!("wrote {}", report.out.path));
        if global.json {
            console::json(&report)
        } else {
            console::result(&report.out.path)
        }
    }

    /// What is read and written, by the options that name it.
    fn files(&self) -> Files {
        let target = Some(self.target.as_path()).filter(|_| !self.out_sha);
        let is_state = target.is_some_and(|target| {
            has_ending(target, &STATE_ENDINGS)
                || (self.like.is_some() && has_ending(target, &["ckpt"]))
        });
        let files = Files::new();
        let files = if is_state {
            files.output("TARGET", target)
        } else {
            files.network_output("TARGET", target)
        };
        files
            .output("--report", self.report.as_deref())
            .network("SOURCE", Some(&self.source))
            .input("--ft-perm", self.ft_perm.as_deref())
            .input("--like", self.like.as_deref())
            .data("--ft-optimize-data", &self.ft_optimize_data)
    }

    /// The checkpoint or the network.
    fn read(&self, files: &Files) -> anyhow::Result<Source> {
        Ok(if is_checkpoint_file(Path::new(&self.source))? {
            if self.reading.era.is_some() {
                let text =
                    "--era is for networks; --target-era says as what a checkpoint is written";
                return Err(UsageError(text.into()).into());
            }
            let checkpoint = Checkpoint::open(Path::new(&self.source))?;
            console::say(format!(
                "checkpoint {}: {}, {} tensors",
                self.source_name(),
                checkpoint.container(),
                checkpoint.tensors().len()
            ));
            Source::Checkpoint(Box::new(checkpoint))
        } else {
            let loaded = load(Some(&self.source), &self.reading)?;
            files
                .clone()
                .network_found("SOURCE", &loaded.origin)
                .check()?;
            let network = loaded.network;
            self.check_network(&network)?;
            Source::Network(Box::new(network))
        })
    }

    fn run_lc0(&self, source: &Path, global: &Global) -> anyhow::Result<()> {
        lc0::refuse_all_but(lc0::serialize::Lc0Args::KNOWN, global)?;
        lc0::refuse_others(&[
            ("--out-sha", self.out_sha),
            ("--ft-compression", self.ft_compression.is_some()),
            ("--ft-perm", self.ft_perm.is_some()),
            ("--ft-optimize", self.ft_optimize),
            ("--like", self.like.is_some()),
            ("--l1", self.l1.is_some()),
            ("--features", self.features.is_some()),
            ("--target-era", self.target_era.is_some()),
            ("--compat", self.compat),
            ("--zero-unreachable", self.zero_unreachable),
            ("--histograms", self.histograms),
            ("--report", self.report.is_some()),
            ("--era", self.reading.era.is_some()),
            ("--clamp", self.reading.clamp.is_some()),
        ])?;
        let description = self.description.as_deref();
        self.lc0.run(source, &self.target, description, global)
    }

    /// What a checkpoint must be.
    fn expectations(&self) -> ConvertOptions {
        ConvertOptions {
            clamp: self.reading.clamp,
            l1: self.l1,
            l2: self.l2,
            l3: self.l3,
            features: self.features.clone(),
            ..ConvertOptions::default()
        }
    }

    fn source_name(&self) -> String {
        self.source.to_string_lossy().into_owned()
    }

    /// What TARGET asks for; options that mean nothing there are refused.
    fn output(&self) -> anyhow::Result<Output> {
        let target = &self.target;
        let takes_template = !self.out_sha && has_ending(target, &["pt", "pth", "ckpt"]);
        if self.like.is_some() && !takes_template {
            let text = "--like is for targets whose names end in .pt or .ckpt";
            return Err(UsageError(text.into()).into());
        }
        if self.out_sha {
            return Ok(Output::Network(self.named()?));
        }
        let output = if let Some(template) = &self.like {
            Output::Like(template.clone())
        } else if has_ending(target, &["nnue"]) {
            Output::Network(Target::File(target.clone()))
        } else if has_ending(target, &["safetensors"]) {
            Output::Safetensors
        } else if has_ending(target, &STATE_ENDINGS) {
            Output::Torch
        } else {
            return Err(UsageError(format!(
                "{}: the target's name ends in .nnue, .safetensors or .pt, or --out-sha names a network",
                target.display()
            ))
            .into());
        };
        let only_networks = [
            ("--target-era", self.target_era.is_some()),
            ("--histograms", self.histograms),
            ("--report", self.report.is_some()),
            ("--compat", self.compat),
            ("--zero-unreachable", self.zero_unreachable),
        ];
        if !matches!(output, Output::Network(_))
            && let Some((option, _)) = only_networks.iter().find(|(_, given)| *given)
        {
            return Err(UsageError(format!(
                "{option} is for .nnue targets; a state dictionary holds the weights as they are"
            ))
            .into());
        }
        check_writable(target)?;
        Ok(output)
    }

    /// The folder that --out-sha means; it is there afterwards.
    fn named(&self) -> anyhow::Result<Target> {
        let target = &self.target;
        let names_file = target.is_file() || has_ending(target, &FILE_ENDINGS);
        let folder = match target.parent() {
            Some(parent) if !target.is_dir() && names_file => parent.to_path_buf(),
            _ => target.clone(),
        };
        if folder != Path::new("") && !folder.exists() {
            create_folder(&folder)?;
        }
        check_writable(&folder.join("nn.nnue"))?;
        Ok(Target::Named(folder))
    }

    fn check_network(&self, network: &Network) -> anyhow::Result<()> {
        let architecture = &network.architecture;
        let sizes = [
            ("L1", architecture.l1, self.l1),
            ("L2", architecture.l2(), self.l2),
            ("L3", architecture.l3(), self.l3),
        ];
        for (name, found, wanted) in sizes {
            if let Some(wanted) = wanted.filter(|&wanted| wanted != found) {
                anyhow::bail!(
                    "{name} of {} is {found}, --{} says {wanted}",
                    self.source_name(),
                    name.to_lowercase()
                );
            }
        }
        if let Some(features) = &self.features
            && !same_features(features, architecture)
        {
            anyhow::bail!(
                "the features of {} are {}, --features says {features}",
                self.source_name(),
                architecture.feature_names()
            );
        }
        if self.compat {
            return Err(UsageError(
                "--compat is for checkpoints; a network's integers are kept as they are".into(),
            )
            .into());
        }
        Ok(())
    }

    /// Says which options decide nothing: serialize.py passes over them too.
    fn say_unused(&self, global: &Global) {
        let is_network = self.out_sha || has_ending(&self.target, &["nnue"]);
        if !is_network && self.ft_compression.is_some() {
            tracing::info!(
                "--ft-compression means nothing here: a state dictionary is not compressed"
            );
        }
        let of_networks = [
            ("--ft-perm", self.ft_perm.is_some()),
            ("--ft-optimize", self.ft_optimize),
            ("--description", self.description.is_some()),
        ];
        for (option, _) in of_networks
            .iter()
            .filter(|(_, given)| *given && !is_network)
        {
            console::warn(format!(
                "{option} is passed over: it is for .nnue targets, and a state dictionary holds the weights as they \
                 are"
            ));
        }
        if self.ft_optimize {
            return;
        }
        let command = <Self as clap::Args>::augment_args(clap::Command::new("serialize"));
        let of_positions = |option: &&String| {
            let named = |arg: &clap::Arg| arg.get_long() == option.strip_prefix("--");
            let is_filter = |arg: &clap::Arg| named(arg) && arg.get_help_heading() == Some(FILTERS);
            option.starts_with("--ft-optimize-") || command.get_arguments().any(is_filter)
        };
        for option in global.given.iter().filter(of_positions) {
            console::warn(format!("{option} is passed over without --ft-optimize"));
        }
    }

    /// The network to be written, before it is permuted.
    fn network(&self, source: Source, report: &mut Report) -> anyhow::Result<Network> {
        let network = match source {
            Source::Network(mut network) => {
                if let Some(description) = &self.description {
                    network.description = description.clone().into_bytes();
                }
                if let Some(target) = self.target_era {
                    self.relayout(&mut network, target)?;
                }
                report.features = Some(network.architecture.feature_names());
                if self.report.is_some() {
                    let source = self.source_name();
                    report.weights = Some(WeightsReport::new(&network, source, &[]));
                }
                *network
            }
            Source::Checkpoint(checkpoint) => {
                let options = ConvertOptions {
                    target_era: self.target_era,
                    compat: self.compat,
                    permuted: self.ft_perm.is_some() || self.ft_optimize,
                    description: self.description.clone().map(String::into_bytes),
                    ..self.expectations()
                };
                let (mut network, conversion) = checkpoint
                    .to_network(&options)
                    .with_context(|| self.source_name())?;
                describe(&network, &conversion);
                if !conversion.noted_encodings {
                    network.set_compression(usual_compression(&network));
                }
                report.clamped = conversion.ranges.iter().map(|it| it.clamped).sum();
                report.out_of_range = conversion.ranges.iter().map(|it| it.out_of_range).sum();
                if self.report.is_some() {
                    let progress = checkpoint.progress();
                    let source = self.source_name();
                    report.weights = Some(WeightsReport {
                        epoch: progress.epoch,
                        global_step: progress.global_step,
                        ..WeightsReport::new(&network, source, &conversion.ranges)
                    });
                }
                report.features = Some(conversion.features);
                network
            }
        };
        report.era = Some(network.recognition.era.id);
        report.l1 = Some(network.architecture.l1);
        if self.histograms {
            for tensor in statistics(&network) {
                console::say(tensor.to_string().trim_end());
            }
        }
        Ok(network)
    }

    fn relayout(&self, network: &mut Network, target: &'static Era) -> anyhow::Result<()> {
        let before = network.recognition.era.id;
        let changed = network
            .relayout(target)
            .with_context(|| self.source_name())?;
        console::say(format!("{before} becomes {}", target.id));
        if changed > 0 {
            console::warn(format!(
                "{changed} threat weights do not fit 8 bits; what engines use of them is kept"
            ));
        }
        Ok(())
    }

    /// Permutes if asked to, writes and checks. `reference` is of the network that was read, if it was one.
    fn write_network(
        &self,
        mut network: Network,
        reference: Option<ReferenceOutputs>,
        target: &Target,
    ) -> anyhow::Result<FinishedFile> {
        store(
            &mut network,
            match self.ft_compression {
                Some(Compression::None) => FtCompression::None,
                Some(Compression::Leb128) => FtCompression::Leb128,
                None => FtCompression::Keep,
            },
        );
        let permutation = self.permutation(&network)?;
        // What was read may have been brought into another layout.
        if let Some(reference) = &reference {
            let compared = reference.compare(&network);
            compared.map_err(|difference| DeliverError::Differs(difference.into()))?;
        }
        if let Some(permutation) = &permutation {
            let file = self.ft_perm.iter().map(|path| path.display().to_string());
            network
                .permuted(permutation)
                .with_context(|| file.collect::<String>())?;
            let boards = random_positions(1, VERIFIED_POSITIONS);
            let proved = write_permuted(Box::new(network), permutation, target, boards, &|| {})?;
            console::say(proved.proof);
            return Ok(proved.file);
        }
        // The file holds the bytes of the network in memory.
        let finished = write_compared(&network, target)?;
        if let Some(reference) = reference {
            console::say(format!(
                "proved: every byte is as it was to be written; same outputs in all buckets on {} positions",
                reference.len()
            ));
        }
        Ok(finished)
    }

    fn permutation(&self, network: &Network) -> anyhow::Result<Option<Permutation>> {
        if let Some(file) = &self.ft_perm {
            return Ok(Some(PermutationFile::read(file)?.permutation));
        }
        if !self.ft_optimize {
            return Ok(None);
        }
        let options = positions::Options {
            filters: self.filters.filters()?,
            sampling: positions::Sampling {
                count: Some(self.ft_optimize_count),
                ..positions::Sampling::default()
            },
            ..positions::Options::default()
        };
        let taken = read_positions(&self.ft_optimize_data, &options)?;
        if taken.statistics.missing() > 0 {
            console::warn(format!(
                "only {} of {} positions found",
                taken.statistics.taken, self.ft_optimize_count
            ));
        }
        let samples = 2 * taken.boards.len() as u64;
        let backend = self.backend.open(&Work {
            evaluation: (network.architecture.l1, samples),
            search: (network.architecture.neurons(), samples),
            searches: 1.0,
        })?;
        let count = taken.len();
        let job = Job::of_parts(network, taken.boards, Positions::default());
        let progress = RunProgress::new(count, network.architecture.neurons());
        let mut searched = |step: &_| progress.searched(step);
        let mut watch = Watch {
            search: Control {
                progress: Some(&mut searched),
                ..Control::default()
            },
            evaluated: Some(&|positions| progress.evaluated(positions)),
        };
        let found = job.run(backend.as_ref(), &mut watch)?;
        progress.end();
        console::say(format!(
            "blocks that engines skip: {:.2} % before, {:.2} % after, on {} positions",
            100.0 * found.before.fraction(),
            100.0 * found.after.fraction(),
            count
        ));
        Ok(Some(found.search.permutation))
    }

    /// The weights in a copy of a file of the trainer's, which is read back before it gets its name.
    fn write_like(&self, source: &Source, template: &Path) -> anyhow::Result<FinishedFile> {
        let name = || template.display().to_string();
        let like = Checkpoint::open(template)?;
        let state = match source {
            Source::Checkpoint(checkpoint) => self.state_of(checkpoint)?,
            Source::Network(network) => {
                let factorised = network_state(network, true);
                if like.has_places(&factorised).is_ok() {
                    factorised
                } else {
                    network_state(network, false)
                }
            }
        };
        // Before anything is written, and with the name of the file that does not fit.
        like.has_places(&state).with_context(name)?;
        let mut file = OutputFile::create(&self.target)?;
        like.write_like(&state, &mut file).with_context(name)?;
        file.flush()
            .map_err(|source| io_error(&self.target, source))?;
        let file = file.finish()?;
        let written = Checkpoint::open(file.temporary_path())?;
        written.holds(&state).with_context(name)?;
        if let Source::Network(network) = source {
            let again = written.to_network(&ConvertOptions::default());
            let (again, _) = again.context("what was written is not the network")?;
            if again.to_bytes() != network.to_bytes() {
                anyhow::bail!("what was written would not become the same network again");
            }
            console::say("proved: converted back, it is the same network, byte for byte");
        }
        console::say(format!(
            "all but the weights is as in {}",
            template.display()
        ));
        say_of_template(&like, &state);
        Ok(file)
    }

    /// A checkpoint's tensors, if they are the expected ones.
    fn state_of<'a>(&self, checkpoint: &'a Checkpoint) -> anyhow::Result<StateDict<'a>> {
        let mut state = checkpoint.state_dict()?;
        // The sizes say whether it is a network at all, and whether it is the expected one.
        let options = self.expectations();
        let expected = [self.l1, self.l2, self.l3].iter().any(Option::is_some);
        if expected || self.features.is_some() || options.clamp.is_some() {
            let recognised = checkpoint.recognise(&options);
            let recognised = recognised.with_context(|| self.source_name())?;
            if options.clamp.is_some() {
                state.provenance = Some(recognised);
            }
        }
        Ok(state)
    }

    fn write_state(
        &self,
        source: Source,
        write: impl FnOnce(&StateDict<'_>, &mut OutputFile) -> std::io::Result<()>,
    ) -> anyhow::Result<FinishedFile> {
        let factorised = self.features.as_deref().is_some_and(|it| it.contains('^'));
        let state = match &source {
            Source::Checkpoint(checkpoint) => self.state_of(checkpoint)?,
            Source::Network(network) => network_state(network, factorised),
        };
        let mut file = OutputFile::create(&self.target)?;
        write(&state, &mut file)
            .and_then(|()| file.flush())
            .map_err(|source| io_error(&self.target, source))?;
        Ok(file.finish()?)
    }
}

/// Zeroes the rows, and proves that nothing else changed. Returns how many were not zero.
fn zero_unreachable(network: &mut Network) -> anyhow::Result<usize> {
    let before = network.reachable_digest();
    let zeroed = network.zero_unreachable();
    let left: usize = network
        .unreachable_rows()
        .iter()
        .map(|rows| rows.not_zero)
        .sum();
    anyhow::ensure!(
        network.reachable_digest() == before && left == 0,
        "rows that legal positions activate were changed; this is a fault of ftperm"
    );
    console::say(format!(
        "proved: {zeroed} rows set to zero, each of a feature that no legal position activates by the rules of chess, \
         and no other weight changed: equal on every legal position"
    ));
    Ok(zeroed)
}

/// Endings of state dictionaries.
pub const STATE_ENDINGS: [&str; 3] = ["safetensors", "pt", "pth"];

/// Endings of what stands for its folder with --out-sha, whether it is there or not.
const FILE_ENDINGS: [&str; 5] = ["nnue", "pt", "pth", "ckpt", "safetensors"];

/// Does the name end in one of these, in whatever case?
pub fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().unwrap_or_default();
    endings
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known))
}

/// Is it a checkpoint, perhaps compressed?
pub fn is_checkpoint_file(path: &Path) -> anyhow::Result<bool> {
    checkpoint::is_checkpoint_file(path).with_context(|| format!("cannot read {}", path.display()))
}

fn reference_of(network: &Network) -> ReferenceOutputs {
    ReferenceOutputs::new(network, random_positions(1, VERIFIED_POSITIONS))
}

/// What people should know who go on training from a copy of this file.
fn say_of_template(like: &Checkpoint, state: &StateDict<'_>) {
    if matches!(
        like.container(),
        Container::Lightning { .. } | Container::Checkpoint
    ) {
        console::warn(
            "the optimizer's state is the template's as well, and does not belong to these weights: to go on from \
             them alone, take a .pt of the trainer for --like",
        );
    }
    let template = like.recognise(&ConvertOptions::default()).ok();
    if let (Some(template), Some(put)) = (template, &state.provenance)
        && template.clamp != put.clamp
    {
        console::warn(format!(
            "one is {} in the weights and {} in the template: a trainer that expects the latter writes another network",
            put.clamp, template.clamp
        ));
    }
}

/// What was recognised and what did not fit.
pub fn describe(network: &Network, conversion: &Conversion) {
    let recognition = &network.recognition;
    let sizes = &network.architecture;
    console::say(format!(
        "recognised {}, L1 = {}, L2 = {}, L3 = {}: written {}",
        conversion.features,
        sizes.l1,
        sizes.l2(),
        sizes.l3(),
        if recognition.exact {
            format!("as era {}", recognition.title())
        } else {
            recognition.title()
        }
    ));
    for assumption in &recognition.assumptions {
        console::warn(assumption);
    }
    for range in &conversion.ranges {
        console::warn(range.to_string());
    }
}
