//! `ftperm gather`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ftperm::chess::board::Board;
use ftperm::compute::Backend;
use ftperm::compute::choice::Work;
use ftperm::files::atomic::{OutputFile, check_writable, io_error};
use ftperm::files::digest::{hex, sha256};
use ftperm::files::reading::is_blank;
use ftperm::nets::checkpoint::{Checkpoint, ConvertOptions, known_features, same_features};
use ftperm::nets::model::{FtSource, Model, SampleOrder, Shape};
use ftperm::nets::stockfish::Network;
use ftperm::order::is_npy;
use ftperm::planes::matrix::{self, ZeroRule};
use ftperm::planes::record::{DataFile, Record, Shard};
use ftperm::planes::{PlanesWriter, StoredGroup, StoredPlanes, ZeroPlanes};
use ftperm::positions::bucket_weights::BUCKETS;
use ftperm::positions::{self, Part, Positions};
use ftperm::run::gather::Evaluator;
use serde::Serialize;

use super::common::numbers::share;
use super::common::{
    AnyNetwork, BackendArgs, Files, LoadedModel, MemoryArgs, NetArgs, POSITION, PositionArgs,
    PositionsKind, but_written, warn_of_games,
};
use super::layout::LayoutArgs;
use super::progress::RunProgress;
use super::reference::{OfGather, Options};
use super::{Global, UsageError, console};

mod shards;

use shards::ShardArgs;

/// Compute which feature transformer outputs are zero, for `find` and `eval`
///
/// Writes a planes file, or, where the name ends in .npy, the activation matrix of ftperm.py. A planes file says what
/// it was made of: network, data, filters, seed, shard.
#[derive(Debug, clap::Args)]
pub struct Gather {
    #[command(flatten)]
    net: NetArgs,
    /// Take the network from this checkpoint
    #[arg(long, value_name = "FILE", conflicts_with_all = ["net", "layout"])]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    layout: LayoutArgs,
    #[command(flatten)]
    pub(super) positions: PositionArgs,
    /// Positions to take, of all shards together [default: 50000, and with shards all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Take the positions as they are, or walk from each to one as engines meet them in their search, as `optimize`
    /// does
    #[arg(
        long = "positions",
        value_name = "KIND",
        value_enum,
        default_value = "data"
    )]
    positions_kind: PositionsKind,
    /// Share of the positions, by whole games, for a file of their own, holdout-planes.ftzp: `find --holdout` tells the
    /// rates on it, and does not search on it
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share, allow_negative_numbers = true)]
    holdout: f64,
    /// Seed of the choice of what is held out
    #[arg(long, value_name = "N", default_value_t = 0)]
    holdout_seed: u64,
    /// The file to write; shard 2 of 8 of planes.ftzp becomes planes.0002-of-0008.ftzp
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    shards: ShardArgs,
    /// Keep files that are there already, if they were made of the same things
    #[arg(long)]
    resume: bool,
    /// When an output counts as zero: floor as engines do, round as ftperm.py did until May 2026
    #[arg(long, value_name = "RULE", value_enum, default_value = "floor")]
    zero_rule: ZeroRuleChoice,
    /// Feature sets that the network must have; they are recognised without it
    #[arg(long, value_name = "NAMES")]
    features: Option<String>,
    /// Accumulator width that the network must have; it is recognised without it
    #[arg(long, value_name = "N")]
    l1: Option<usize>,
    /// L2 that the network must have: rows of the first layer, without one that only skips
    #[arg(long, value_name = "N")]
    l2: Option<usize>,
    /// L3 that the network must have: rows of the second layer
    #[arg(long, value_name = "N")]
    l3: Option<usize>,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    pub(super) backend: BackendArgs,
    #[command(flatten)]
    pub(super) reference: Options<OfGather>,
}

/// When an output counts as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ZeroRuleChoice {
    Floor,
    Round,
}

#[derive(Serialize)]
struct Report {
    positions: usize,
    samples: usize,
    neurons: usize,
    out: String,
    files: Vec<FileReport>,
    version: &'static str,
}

#[derive(Serialize)]
struct FileReport {
    path: String,
    positions: usize,
    samples: usize,
    shard: Option<Shard>,
    /// Are these the held-out positions?
    holdout: bool,
    /// Was it there already?
    kept: bool,
}

/// What decides which positions are taken, in the record.
#[derive(Serialize)]
struct Selection<'a> {
    filters: &'a positions::Filters,
    sample_rate: f64,
    skip: u64,
    skip_damaged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    holdout: Option<Holdout>,
}

/// Which side of a hold-out positions are on.
#[derive(Clone, Copy, Serialize)]
struct Holdout {
    share: f64,
    seed: u64,
    held_out: bool,
}

/// A file to write: all positions of a shard or of the whole, those to search on, or those held out.
struct Side {
    path: PathBuf,
    record: Record,
    holdout: Option<Holdout>,
}

impl Side {
    fn is_held_out(&self) -> bool {
        self.holdout.is_some_and(|holdout| holdout.held_out)
    }
}

impl Gather {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        self.check_options()?;
        let shards = self.shards.list(self.count)?;
        let mut named = Files::new()
            .network("--net", self.net.net.as_deref())
            .input("--checkpoint", self.checkpoint.as_deref())
            .input("--layout", self.layout.file())
            .data("--data", &self.positions.data);
        for path in shards.iter().flat_map(|shard| self.paths_of(*shard)) {
            named = named.output("--out", Some(&path));
        }
        named.check()?;
        let bases = self.paths_of(None);
        bases.iter().try_for_each(|path| check_writable(path))?;
        let loaded = self.load()?;
        named.network_found("--net", &loaded.origin).check()?;
        let model = loaded.model();
        let shape = model.shape();
        self.check(&loaded.network, shape)?;
        let neurons = shape.neurons;
        let inputs = positions::input_files(&self.positions.data)?;
        if shards.len() > 1 && inputs.iter().any(|file| file.bytes.is_none()) {
            let text = "standard input cannot be read once for every shard: name files";
            return Err(UsageError(text.into()).into());
        }
        let source = model.ft_source();
        let backend = self.backend(shape)?;
        let mut evaluation = self.evaluation(&loaded, source.as_ref(), backend.as_deref())?;
        let room = self.memory.beside_network(neurons)?;
        // A board and its game, in a vector that grows; of a matrix its samples of a bit a neuron, too.
        let of_planes = if is_npy(&self.out) {
            (shape.perspectives * neurons) as u64 / 8
        } else {
            0
        };
        let most = room / (2 * POSITION + of_planes);
        let mut files: Vec<FileReport> = Vec::new();
        let mut gather = |shard: Option<Shard>, files: &mut Vec<FileReport>| {
            let sides = self.sides(loaded.sha256, &inputs, shard)?;
            let kept = sides.iter().map(|side| self.kept(side, shape));
            let kept: Vec<Option<FileReport>> = kept.collect::<anyhow::Result<_>>()?;
            if kept.iter().all(Option::is_some) {
                files.extend(kept.into_iter().flatten());
                return Ok(());
            }
            let count = self.shards.count(self.count, shard);
            let mut options = self.positions.options(count, self.backend.threads)?;
            options.part = shard.map(|shard| Part {
                number: shard.number - 1,
                of: shard.of,
                by: positions::part_by(&inputs, shard.of),
            });
            let taken = self.positions.read_within(&options, most, ADVICE)?;
            for (side, boards) in sides.iter().zip(self.divide(taken)) {
                let left = room.saturating_sub(POSITION * boards.len() as u64);
                let progress = RunProgress::new(boards.len(), neurons);
                let planes_of = |boards: &[Board]| evaluation.planes(boards, &progress);
                files.push(side.write(boards, model, left, planes_of)?);
            }
            anyhow::Ok(())
        };
        for shard in shards {
            if let Err(error) = gather(shard, &mut files) {
                let Some(last) = files.last() else {
                    return Err(error);
                };
                let written = format!(
                    "already written: all up to {}; --resume keeps it",
                    last.path
                );
                return Err(but_written(error, &written));
            }
        }
        let report = Report {
            positions: files.iter().map(|it| it.positions).sum(),
            samples: files.iter().map(|it| it.samples).sum(),
            neurons,
            out: self.out.display().to_string(),
            files,
            version: env!("CARGO_PKG_VERSION"),
        };
        if global.json {
            return console::json(&report);
        }
        report
            .files
            .iter()
            .try_for_each(|it| console::result(&it.path))
    }

    fn check_options(&self) -> anyhow::Result<()> {
        let wrong = |text: &str| Err(UsageError(text.into()).into());
        if let Some(features) = &self.features {
            known_features(features).map_err(UsageError)?;
        }
        let matrix = is_npy(&self.out);
        if self.zero_rule == ZeroRuleChoice::Round && !matrix {
            return wrong("--zero-rule round is for matrices: give --out a name that ends in .npy");
        }
        if self.resume && self.positions.data.iter().any(|it| it == "-") {
            return wrong(
                "--resume cannot tell whether standard input is what it was: name files, or leave it out",
            );
        }
        if matrix && (self.resume || self.shards.is_some()) {
            return wrong(
                "a matrix (.npy) does not say what it was made of: shards and --resume are for planes files",
            );
        }
        Ok(())
    }

    /// The files of a shard, or those of all.
    fn paths_of(&self, shard: Option<Shard>) -> Vec<PathBuf> {
        let held_out = (self.holdout > 0.0).then(|| holdout_path(&self.out));
        let bases = std::iter::once(self.out.clone()).chain(held_out);
        bases
            .map(|base| shard.map_or_else(|| base.clone(), |shard| shards::path(&base, shard)))
            .collect()
    }

    /// The files of a shard: of one, or of what is searched on and of what is held out.
    fn sides(
        &self,
        net_sha256: [u8; 32],
        inputs: &[positions::InputFile],
        shard: Option<Shard>,
    ) -> anyhow::Result<Vec<Side>> {
        let held_out: &[Option<bool>] = if self.holdout > 0.0 {
            &[Some(false), Some(true)]
        } else {
            &[None]
        };
        let side = |&held_out: &Option<bool>| {
            let holdout = held_out.map(|held_out| Holdout {
                share: self.holdout,
                seed: self.holdout_seed,
                held_out,
            });
            let base = if held_out == Some(true) {
                holdout_path(&self.out)
            } else {
                self.out.clone()
            };
            Ok(Side {
                path: shard.map_or(base.clone(), |shard| shards::path(&base, shard)),
                record: Record {
                    count: self.shards.count(self.count, shard),
                    shard,
                    ..self.record(net_sha256, inputs, holdout)?
                },
                holdout,
            })
        };
        held_out.iter().map(side).collect()
    }

    /// Positions for each of the sides, as they are walked to.
    fn divide(&self, taken: Positions) -> Vec<Vec<Board>> {
        let walk = |boards, seed| self.positions_kind.of(boards, seed);
        let seed = self.positions.seed;
        if self.holdout == 0.0 {
            return vec![walk(taken.boards, seed)];
        }
        warn_of_games(&taken.statistics);
        let (training, held_out) = taken.split_holdout(self.holdout, self.holdout_seed);
        vec![
            walk(training.boards, seed),
            walk(held_out.boards, self.holdout_seed),
        ]
    }

    /// The network that the options name.
    fn load(&self) -> anyhow::Result<LoadedModel> {
        let Some(path) = &self.checkpoint else {
            return LoadedModel::load(&self.net, &self.layout);
        };
        let checkpoint = Checkpoint::open(path)?;
        let (network, _) = checkpoint.to_network(&ConvertOptions::default())?;
        let sha256 = sha256(&network.to_bytes());
        Ok(LoadedModel::of(network, sha256))
    }

    /// Does the network have what the caller says it has?
    fn check(&self, network: &AnyNetwork, shape: Shape) -> anyhow::Result<()> {
        if let Some(l1) = self.l1.filter(|&l1| l1 != shape.columns) {
            bail!("--l1 says {l1}, the network has {}", shape.columns);
        }
        let AnyNetwork::Stockfish(network) = network else {
            let others = [self.l2, self.l3].iter().any(Option::is_some);
            if others || self.features.is_some() || self.zero_rule == ZeroRuleChoice::Round {
                let text = "--l2, --l3, --features and --zero-rule are for networks of Stockfish, not for --layout";
                return Err(UsageError(text.into()).into());
            }
            return Ok(());
        };
        let architecture = &network.architecture;
        let layers = [
            ("l2", self.l2, architecture.l2()),
            ("l3", self.l3, architecture.l3()),
        ];
        for (name, said, found) in layers {
            if let Some(said) = said.filter(|&said| said != found) {
                bail!("--{name} says {said}, the network has {found}");
            }
        }
        if let Some(names) = &self.features
            && !same_features(names, architecture)
        {
            bail!(
                "--features says {names}, the network has {}",
                architecture.feature_names()
            );
        }
        Ok(())
    }

    /// What evaluates, unless plain code does.
    fn backend(&self, shape: Shape) -> anyhow::Result<Option<Box<dyn Backend>>> {
        if self.zero_rule == ZeroRuleChoice::Round {
            return Ok(None);
        }
        // Shards without a count take all that there are.
        let all = if self.shards.is_some() {
            u64::from(u32::MAX)
        } else {
            50_000
        };
        let positions = self.count.unwrap_or(all);
        let backend = self.backend.open(&Work {
            evaluation: (shape.columns, shape.perspectives as u64 * positions),
            ..Work::default()
        })?;
        Ok(Some(backend))
    }

    fn evaluation<'n>(
        &self,
        loaded: &'n LoadedModel,
        source: &'n dyn FtSource,
        backend: Option<&'n dyn Backend>,
    ) -> anyhow::Result<Evaluation<'n>> {
        match (&loaded.network, backend) {
            (AnyNetwork::Stockfish(network), None) => {
                Ok(Evaluation::Plain(network, ZeroRule::Round))
            }
            (_, Some(backend)) => Ok(Evaluation::Evaluator {
                evaluator: Evaluator::new(loaded.model().shape(), source, backend)?,
                // A matrix keeps the order of the positions; for counting any order will do.
                order: if is_npy(&self.out) {
                    SampleOrder::Positions
                } else {
                    SampleOrder::KingPlaces
                },
            }),
            (AnyNetwork::Described(_), None) => bail!("there is nothing to evaluate with"),
        }
    }

    /// What all shards have in common.
    fn record(
        &self,
        net_sha256: [u8; 32],
        inputs: &[positions::InputFile],
        holdout: Option<Holdout>,
    ) -> anyhow::Result<Record> {
        let selection = Selection {
            filters: &self.positions.filters.filters()?,
            sample_rate: self.positions.sample_rate,
            skip: self.positions.skip,
            skip_damaged: self.positions.skip_damaged,
            holdout,
        };
        Ok(Record {
            net_sha256: hex(&net_sha256),
            data: inputs
                .iter()
                .map(|file| DataFile {
                    name: file.name.clone(),
                    bytes: file.bytes,
                })
                .collect(),
            selection: serde_json::to_string(&selection)?,
            seed: self.positions.seed,
            walk: self.positions_kind.walk(),
            count: None,
            shard: None,
        })
    }

    /// The file of an earlier run, if it is to be kept.
    fn kept(&self, side: &Side, shape: Shape) -> anyhow::Result<Option<FileReport>> {
        let Side { path, record, .. } = side;
        if !self.resume || !path.exists() {
            return Ok(None);
        }
        let advice = "remove it or leave out --resume";
        let checked = StoredPlanes::open(path).and_then(|stored| {
            stored.groups().iter().try_for_each(StoredGroup::check)?;
            Ok(stored)
        });
        let stored = match checked {
            Err(error) if error.problem.is_damage() || is_blank(path) => {
                console::warn(format!("{error}; it is made again"));
                return Ok(None);
            }
            checked => checked.with_context(|| format!("cannot resume; {advice}"))?,
        };
        let Some(found) = stored.record() else {
            bail!(
                "{} does not say what it was made of; {advice}",
                path.display()
            );
        };
        if let Some(difference) = found.difference(record) {
            bail!("{} is of {difference}; {advice}", path.display());
        }
        console::say(format!("{} is there already", path.display()));
        Ok(Some(FileReport {
            path: path.display().to_string(),
            positions: stored.samples() / shape.perspectives,
            samples: stored.samples(),
            shard: record.shard,
            holdout: side.is_held_out(),
            kept: true,
        }))
    }
}

/// What to do where positions or planes do not fit in memory.
const ADVICE: &str = "take more shards, fewer positions with --count, or allow more with --memory";

/// Where held-out positions go. A pattern for the shards of `out`, such as `planes.*.ftzp`, does not match it.
fn holdout_path(out: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from("holdout-");
    name.push(out.file_name().unwrap_or_default());
    out.with_file_name(name)
}

impl Side {
    /// Makes the planes of positions and writes them, in `left` bytes of memory.
    fn write(
        &self,
        boards: Vec<Board>,
        model: &dyn Model,
        left: u64,
        mut planes_of: impl FnMut(&[Board]) -> anyhow::Result<ZeroPlanes>,
    ) -> anyhow::Result<FileReport> {
        let path = &self.path;
        let positions = boards.len();
        if boards.is_empty() {
            console::warn(format!("no positions for {}", path.display()));
        }
        if is_npy(path) {
            write_matrix(&planes_of(&boards)?, path)?;
        } else {
            let boards = BoardsByBucket::new(boards, model);
            let neurons = model.shape().neurons;
            if ZeroPlanes::bytes_for(neurons, boards.most_samples() as u64) > left {
                bail!(
                    "the planes of {positions} positions do not fit in the memory that is left: {ADVICE}"
                );
            }
            boards.write(model, &self.record, path, planes_of)?;
        }
        Ok(FileReport {
            path: path.display().to_string(),
            positions,
            samples: model.shape().perspectives * positions,
            shard: self.record.shard,
            holdout: self.is_held_out(),
            kept: false,
        })
    }
}

fn write_matrix(planes: &ZeroPlanes, path: &Path) -> anyhow::Result<()> {
    let mut out = OutputFile::create(path)?;
    matrix::write(planes, &mut out).map_err(|source| io_error(path, source))?;
    Ok(out.commit()?)
}

/// Positions whose planes are made and written one bucket after the other: memory holds the planes of one.
struct BoardsByBucket {
    /// Sorted by bucket.
    boards: Vec<Board>,
    samples: [usize; BUCKETS],
}

impl BoardsByBucket {
    fn new(mut boards: Vec<Board>, model: &dyn Model) -> BoardsByBucket {
        boards.sort_by_key(|board| model.bucket(board));
        let perspectives = model.shape().perspectives;
        let mut samples = [0; BUCKETS];
        for board in &boards {
            samples[model.bucket(board)] += perspectives;
        }
        BoardsByBucket { boards, samples }
    }

    /// Of any bucket.
    fn most_samples(&self) -> usize {
        self.samples.into_iter().fold(0, usize::max)
    }

    fn write(
        &self,
        model: &dyn Model,
        record: &Record,
        path: &Path,
        mut planes_of: impl FnMut(&[Board]) -> anyhow::Result<ZeroPlanes>,
    ) -> anyhow::Result<()> {
        let failed = |source| io_error(path, source);
        let out = OutputFile::create(path)?;
        let mut out =
            PlanesWriter::new(out, model.shape().neurons, &self.samples, record).map_err(failed)?;
        for boards in self
            .boards
            .chunk_by(|a, b| model.bucket(a) == model.bucket(b))
        {
            out.add(&planes_of(boards)?).map_err(failed)?;
        }
        Ok(out.finish().map_err(failed)?.commit()?)
    }
}

/// How positions become planes.
enum Evaluation<'n> {
    /// Plain code, for the other rule.
    Plain(&'n Network, ZeroRule),
    Evaluator {
        evaluator: Evaluator<'n>,
        order: SampleOrder,
    },
}

impl Evaluation<'_> {
    fn planes(&mut self, boards: &[Board], progress: &RunProgress) -> anyhow::Result<ZeroPlanes> {
        let evaluated = |positions| progress.evaluated(positions);
        Ok(match self {
            Evaluation::Plain(network, rule) => matrix::gather(network, boards, *rule, evaluated),
            Evaluation::Evaluator { evaluator, order } => {
                evaluator.planes(boards, *order, evaluated)?
            }
        })
    }
}
