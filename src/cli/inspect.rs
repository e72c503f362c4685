//! `ftperm inspect`

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ftperm::files::atomic::check_writable;
use ftperm::files::digest::{hex, sha256};
use ftperm::files::reading::first_bytes;
use ftperm::nets::model::Activation;
use ftperm::nets::source::{Engine, NetSource};
use ftperm::nets::stockfish::{Encoding, NetFileError, Network};
use ftperm::order::PermutationFile;
use ftperm::planes::PlaneSource as _;
use ftperm::planes::record::Record;
use ftperm::planes::{self, StoredPlanes};
use ftperm::positions::{self, Filters, Reason, Recognised, Sampling};
use ftperm::report::WeightsReport;
use serde::Serialize;

use super::common::names::name;
use super::common::zeros::ZeroArgs;
use super::common::{Files, ReadingArgs};
use super::layout::LayoutArgs;
use super::progress::watch_positions;
use super::report::is_page;
use super::{
    Global, UsageError, console, inspect_checkpoint, inspect_layout, inspect_pictures,
    inspect_size, lc0,
};

/// Say what a file is, and how that was recognised: a network, an engine with networks inside, a permutation,
/// training data, zero planes, a trainer's checkpoint, or a weight file of Lc0
#[derive(Debug, clap::Args)]
pub struct Inspect {
    /// The file; for networks all that --net takes. Several networks are compared in the page of --report
    #[arg(value_name = "FILE", required = true, num_args = 1.., value_parser = name())]
    files: Vec<OsString>,
    /// Write the networks inside an engine into this folder, as nn-<sha12>.nnue
    #[arg(long, value_name = "DIR")]
    extract: Option<PathBuf>,
    /// Write about the weights of a network or checkpoint: a page with pictures of all of them if the name ends in
    /// .html, else ranges and histograms as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Show what each tensor of a network costs in bytes, raw and compressed, and how many rows belong to features that
    /// no legal position activates
    #[arg(long, conflicts_with_all = ["extract", "report", "layout", "lc0_version"])]
    size: bool,
    #[command(flatten)]
    pub(super) zeros: ZeroArgs,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    layout: LayoutArgs,
    #[command(flatten)]
    lc0: lc0::VersionArgs,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Report {
    Network(Box<NetReport>),
    Permutation(PermutationReport),
    Engine(EngineReport),
    Positions(PositionsReport),
    Planes(PlanesReport),
}

#[derive(Serialize)]
struct PlanesReport {
    path: String,
    neurons: usize,
    samples: usize,
    /// Empty if the file does not tell buckets.
    buckets: Vec<PlanesBucket>,
    record: Option<Record>,
}

#[derive(Serialize)]
struct PlanesBucket {
    bucket: usize,
    samples: usize,
}

#[derive(Serialize)]
struct EngineReport {
    path: String,
    nets: Vec<EngineNetReport>,
}

#[derive(Serialize)]
struct EngineNetReport {
    number: usize,
    offset: u64,
    address: Option<u64>,
    bytes: usize,
    sha256: String,
    era: Option<&'static str>,
    #[serde(skip)]
    title: Option<String>,
    problem: Option<String>,
    extracted: Option<String>,
}

#[derive(Serialize)]
struct PositionsReport {
    path: String,
    format: &'static str,
    compressed: bool,
    /// Size of the file as it is.
    bytes: u64,
    /// Entries looked at; at most [`LOOKED_AT`] passing ones are read.
    read: u64,
    complete: bool,
    /// Entries in the file, if it tells without being read to its end; an estimate by its size.
    estimated: Option<u64>,
    /// The first position that is not in check.
    first: String,
    /// If the format tells them.
    games: Option<u64>,
    passed: u64,
    skipped: std::collections::BTreeMap<&'static str, u64>,
}

/// Passing positions of training data that are looked at.
const LOOKED_AT: u64 = 1_000_000;

#[derive(Serialize)]
struct NetReport {
    path: String,
    bytes: usize,
    sha256: String,
    fingerprint: String,
    era: &'static str,
    /// Eras that are the same at these sizes: nothing tells them apart.
    eras_alike: Vec<&'static str>,
    engines: Option<&'static str>,
    #[serde(skip)]
    title: String,
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
    clamp_assumed: bool,
    shift: Option<u32>,
    stacks: usize,
    psqt_buckets: usize,
    layers: Vec<[usize; 2]>,
    tensors: Vec<TensorReport>,
    /// Tensors whose LEB128 is not in its shortest form.
    longer_leb128: Vec<&'static str>,
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
    /// The first file, of several networks or of one.
    fn file(&self) -> &OsString {
        &self.files[0]
    }

    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        if self.files.len() > 1 {
            return self.run_several(global);
        }
        if !self.report.as_deref().is_some_and(is_page) {
            for option in ["--data", "--perm"] {
                if global.given(option) {
                    let text = format!(
                        "{option} is for pages: a --report that ends in .html; ftperm picture --what zeros --json \
                         has the numbers"
                    );
                    return Err(UsageError(text).into());
                }
            }
        }
        self.zeros.check(global)?;
        if self.size {
            return inspect_size::run(self.file(), &self.reading, global);
        }
        let path = Path::new(self.file());
        if let Some(done) = self.run_lc0(path, global) {
            return done;
        }
        if let Some(file) = &self.report {
            let files = Files::new()
                .output("--report", Some(file))
                .network("the file", Some(self.file()));
            self.zeros.inputs(files).check()?;
            check_writable(file)?;
        }
        if self.extract.is_none() && super::serialize::is_checkpoint_file(path)? {
            return inspect_checkpoint::run(
                path,
                &self.reading,
                self.report.as_deref(),
                &self.zeros,
                global,
            );
        }
        if self.run_layout(path, global)? {
            return Ok(());
        }
        let report = self.report()?;
        if self.report.is_some() && !matches!(report, Report::Network(_)) {
            let text = "--report is for networks and checkpoints; --extract gets networks out of an engine";
            return Err(UsageError(text.into()).into());
        }
        if global.json {
            return console::json(&report);
        }
        match &report {
            Report::Network(report) => show_network(report, global.verbose),
            Report::Permutation(report) => show_permutation(report),
            Report::Engine(report) => show_engine(report),
            Report::Positions(report) => show_positions(report),
            Report::Planes(report) => show_planes(report),
        }
    }

    /// A page of several networks.
    fn run_several(&self, global: &Global) -> anyhow::Result<()> {
        for (option, given) in [
            ("--size", self.size),
            ("--extract", self.extract.is_some()),
            ("--layout", self.layout.layout.is_some()),
            ("--data", global.given("--data")),
            ("--perm", global.given("--perm")),
        ] {
            if given {
                return Err(UsageError(format!("{option} is for one file")).into());
            }
        }
        self.lc0.refuse()?;
        inspect_pictures::several(&self.files, self.report.as_deref(), &self.reading, global)
    }

    /// Under the layout that is given, or the one that the file fits; is there one?
    fn run_layout(&self, path: &Path, global: &Global) -> anyhow::Result<bool> {
        if self.layout.layout.is_none()
            && (self.extract.is_some() || self.no_network(path)?.is_some())
        {
            return Ok(false);
        }
        let Some(chosen) = self.layout.choose(Some(self.file()), &self.reading)? else {
            return Ok(false);
        };
        if self.extract.is_some() || self.report.is_some() {
            let text =
                "--extract is for engines and --report for networks of Stockfish, not for --layout";
            return Err(UsageError(text.into()).into());
        }
        inspect_layout::run(path, &chosen, global)?;
        Ok(true)
    }

    /// If it is a weight file of Lc0, or lc0 with a network inside.
    fn run_lc0(&self, path: &Path, global: &Global) -> Option<anyhow::Result<()>> {
        let run = || {
            let net = lc0::is_net(path)?;
            if !net && lc0::embedded_net(path)?.is_none() {
                self.lc0.refuse()?;
                return Ok(false);
            }
            lc0::refuse_others(&[
                ("--era", self.reading.era.is_some()),
                ("--clamp", self.reading.clamp.is_some()),
                ("--extract", net && self.extract.is_some()),
            ])?;
            let extract = self.extract.as_deref();
            lc0::inspect::run(path, extract, self.report.as_deref(), &self.lc0, global)?;
            Ok(true)
        };
        match run() {
            Ok(false) => None,
            Ok(true) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        }
    }

    fn report(&self) -> anyhow::Result<Report> {
        let path = Path::new(self.file());
        if let Some(other) = self.no_network(path)? {
            let reading = &self.reading;
            if reading.era.is_some() || reading.clamp.is_some() || self.extract.is_some() {
                let text = "--era, --clamp and --extract are for networks and engines";
                return Err(UsageError(text.into()).into());
            }
            return Ok(other);
        }
        let source = NetSource::parse(Some(self.file()));
        let loaded = match self.reading.era {
            Some(_) => source.load_any_version()?,
            None => source.load()?,
        };
        // A number after the file's name asks for one network of an engine.
        if loaded.origin.inside.is_some() && path.exists() {
            return Ok(Report::Engine(self.engine(path)?));
        }
        if self.extract.is_some() {
            return Err(UsageError("--extract is for engines".into()).into());
        }
        let path = match NetSource::parse(Some(self.file())) {
            NetSource::File { .. } if !path.is_dir() => path.display().to_string(),
            _ => loaded.origin.to_string(),
        };
        Ok(Report::Network(Box::new(
            self.network(path, &loaded.bytes)?,
        )))
    }

    /// What a file is that holds no network.
    fn no_network(&self, path: &Path) -> anyhow::Result<Option<Report>> {
        let begin = beginning(path);
        if begin.is_empty() {
            return Ok(None);
        }
        // Before permutations: a list of FENs may begin with a digit.
        if let Ok(Some(recognised)) = positions::recognise(path) {
            return Ok(Some(Report::Positions(self.positions(recognised)?)));
        }
        Ok(if looks_like_permutation(&begin) {
            Some(Report::Permutation(self.permutation()?))
        } else if begin.starts_with(planes::MAGIC) {
            Some(Report::Planes(planes(path)?))
        } else {
            None
        })
    }

    fn engine(&self, path: &Path) -> anyhow::Result<EngineReport> {
        let engine = Engine::open(path)?;
        let written = match &self.extract {
            Some(folder) => engine.extract(folder)?,
            None => Vec::new(),
        };
        let options = self.reading.options();
        let nets = engine.nets().iter().map(|net| {
            let bytes = engine.bytes(net);
            let digest = sha256(bytes);
            let parsed = Network::parse(bytes, &options);
            EngineNetReport {
                number: net.number,
                offset: net.offset,
                address: net.address,
                bytes: net.len,
                sha256: hex(&digest),
                era: parsed
                    .as_ref()
                    .ok()
                    .map(|network| network.recognition.era.id),
                title: parsed
                    .as_ref()
                    .ok()
                    .map(|network| network.recognition.title()),
                problem: parsed.err().map(|error| error.to_string()),
                extracted: written
                    .iter()
                    .find(|it| it.sha256 == digest)
                    .map(|it| it.path.display().to_string()),
            }
        });
        Ok(EngineReport {
            path: path.display().to_string(),
            nets: nets.collect(),
        })
    }

    fn positions(&self, recognised: Recognised) -> anyhow::Result<PositionsReport> {
        let options = |filters, count| positions::Options {
            filters,
            sampling: Sampling {
                count: Some(count),
                ..Sampling::default()
            },
            ..positions::Options::default()
        };
        let files = std::slice::from_ref(self.file());
        let first = positions::read(files, &options(Filters::checks_only(), 1))?;
        let mut seen = (0, 0);
        let found = watch_positions(files, &options(Filters::default(), LOOKED_AT), |progress| {
            seen = (progress.bytes, progress.read);
            ControlFlow::Continue(())
        })?
        .statistics;
        let complete = found.taken < LOOKED_AT;
        let bytes = std::fs::metadata(self.file())?.len();
        // How much a compressed file holds is known at its end only.
        let estimated = (!complete && !recognised.compressed && seen.0 > 0)
            .then(|| (u128::from(seen.1) * u128::from(bytes) / u128::from(seen.0)) as u64);
        let reasons = Reason::ALL
            .iter()
            .filter(|&&reason| found.skipped(reason) > 0);
        Ok(PositionsReport {
            path: Path::new(self.file()).display().to_string(),
            format: recognised.format,
            compressed: recognised.compressed,
            bytes,
            read: found.read,
            complete,
            estimated,
            first: first.boards[0].fen(),
            games: (found.groups == 0).then_some(found.games),
            passed: found.passed(),
            skipped: reasons
                .map(|&reason| (reason.name(), found.skipped(reason)))
                .collect(),
        })
    }

    fn network(&self, path: String, bytes: &[u8]) -> anyhow::Result<NetReport> {
        let network =
            Network::parse(bytes, &self.reading.options()).map_err(|source| NetFileError::Net {
                path: PathBuf::from(self.file()),
                source,
            })?;
        if let Some(file) = &self.report {
            let source = Path::new(self.file()).display().to_string();
            let weights = WeightsReport::new(&network, source, &[]);
            inspect_pictures::write(file, &network, weights, &self.zeros)?;
        }
        let architecture = &network.architecture;
        let recognition = &network.recognition;
        let (clamp, shift) = match architecture.activation {
            Activation::Clipped { clamp } => (clamp, None),
            Activation::Pairwise { clamp, shift } => (clamp, Some(shift)),
        };
        let number = |value: u32| format!("{value:#010X}");
        let numbers = network.numbers();
        Ok(NetReport {
            path,
            bytes: bytes.len(),
            sha256: hex(&sha256(bytes)),
            fingerprint: hex(&network.fingerprint()),
            era: recognition.era.id,
            eras_alike: recognition.alike.iter().map(|era| era.id).collect(),
            engines: recognition.exact.then_some(recognition.era.engines),
            title: recognition.title(),
            sizes_as_shipped: recognition.exact,
            engines_skip_zero_blocks: recognition.sparse(),
            version: number(numbers.version),
            header_hash: number(numbers.header_hash),
            ft_hash: number(numbers.ft_hash),
            stack_hash: number(numbers.stack_hashes[0]),
            description: String::from_utf8_lossy(&network.description).into_owned(),
            features: architecture
                .sets
                .iter()
                .map(|set| FeatureReport {
                    name: set.name(),
                    count: set.count(),
                    hash: number(set.hash()),
                })
                .collect(),
            l1: architecture.l1,
            neurons: architecture.neurons(),
            blocks: architecture.ft_outputs() / 4,
            clamp,
            clamp_assumed: recognition.clamp_assumed,
            shift,
            stacks: architecture.stacks,
            psqt_buckets: architecture.psqt_buckets,
            layers: architecture
                .layer_sizes()
                .layers
                .iter()
                .map(|&(i, o)| [i, o])
                .collect(),
            tensors: architecture
                .layout
                .iter()
                .zip(&network.ft.encodings)
                .map(|(spec, encoding)| TensorReport {
                    name: spec.name,
                    values: architecture.tensor_len(spec.role),
                    encoding: match encoding {
                        Encoding::Raw => "raw",
                        Encoding::Leb128 => "leb128",
                    },
                })
                .collect(),
            longer_leb128: network.longer_leb128.clone(),
            nonzero_padding: network.nonzero_padding().count(),
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
        let file = PermutationFile::read(Path::new(self.file()))?;
        let indices = file.permutation.indices();
        Ok(PermutationReport {
            path: Path::new(self.file()).display().to_string(),
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

/// The first bytes of a file, unpacked; none if it cannot be read, which is reported when it is read in earnest.
fn beginning(path: &Path) -> Vec<u8> {
    first_bytes(path, 512, true).map_or(Vec::new(), |(bytes, _)| bytes)
}

/// Permutations are .npy, or text whose first line is a number; comments may stand in front. Networks have zeros there.
fn looks_like_permutation(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"\x93NUMPY") {
        return true;
    }
    let first = bytes
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .find(|line| !line.is_empty() && !line.starts_with(b"#"));
    !bytes.is_empty() && !bytes.contains(&0) && first.is_none_or(|line| line[0].is_ascii_digit())
}

fn show_network(report: &NetReport, verbose: u8) -> anyhow::Result<()> {
    let line = |name: &str, value: String| console::result(format!("{name:<14} {value}"));
    line("network", report.path.clone())?;
    line("size", format!("{} bytes", report.bytes))?;
    line("sha256", report.sha256.clone())?;
    line("era", report.title.clone())?;
    line(
        "hashes",
        format!(
            "header {}, FT {}, stack {}",
            report.header_hash, report.ft_hash, report.stack_hash
        ),
    )?;
    line("version", report.version.clone())?;
    line("description", report.description.clone())?;
    for set in &report.features {
        line(
            "features",
            format!("{} {} ({})", set.name, set.count, set.hash),
        )?;
    }
    let shift = report
        .shift
        .map_or(String::new(), |shift| format!(", products >> {shift}"));
    line(
        "FT",
        format!(
            "L1 = {}, {} neurons a perspective, {} blocks, clamp {}{shift}",
            report.l1, report.neurons, report.blocks, report.clamp
        ),
    )?;
    for tensor in &report.tensors {
        line(
            "tensor",
            format!(
                "{}: {} values, {}",
                tensor.name, tensor.values, tensor.encoding
            ),
        )?;
    }
    let layers: Vec<String> = report
        .layers
        .iter()
        .map(|[i, o]| format!("{i} -> {o}"))
        .collect();
    line(
        "layers",
        format!("{} stacks of {}", report.stacks, layers.join(", ")),
    )?;
    if !report.longer_leb128.is_empty() {
        line(
            "leb128",
            format!(
                "not in its shortest form in {}; written anew, the file is smaller",
                report.longer_leb128.join(", ")
            ),
        )?;
    }
    if report.nonzero_padding > 0 {
        line(
            "padding",
            format!(
                "{} bytes are not zero; they mean nothing and are kept",
                report.nonzero_padding
            ),
        )?;
    }
    let sparse = if report.engines_skip_zero_blocks {
        "skipped by engines"
    } else if report
        .engines
        .is_some_and(|engines| !engines.starts_with("none"))
    {
        "not skipped by its engines"
    } else {
        "no release evaluates such networks"
    };
    line("zero blocks", sparse.to_string())?;
    for evidence in &report.evidence {
        line("evidence", evidence.clone())?;
    }
    for assumption in &report.assumptions {
        line("assumed", assumption.clone())?;
    }
    let shown = |reading: &&ReadingReport| reading.possible || verbose > 0;
    for reading in report.other_readings.iter().filter(shown) {
        let verdict = if reading.possible { "possible" } else { "no" };
        line(
            "other era",
            format!("{}: {verdict}, {}", reading.era, reading.reason),
        )?;
    }
    Ok(())
}

fn show_permutation(report: &PermutationReport) -> anyhow::Result<()> {
    console::result(format!("permutation    {}", report.path))?;
    console::result(format!(
        "neurons        {} (L1 = {} in pairwise networks), {} of them moved",
        report.neurons, report.l1_if_pairwise, report.moved
    ))?;
    for (key, value) in &report.notes {
        console::result(format!("{key:<14} {value}"))?;
    }
    Ok(())
}

fn show_engine(report: &EngineReport) -> anyhow::Result<()> {
    console::result(format!("engine         {}", report.path))?;
    for net in &report.nets {
        let what = match (&net.title, &net.problem) {
            (Some(title), _) => title.clone(),
            (None, Some(problem)) => problem.clone(),
            (None, None) => String::new(),
        };
        console::result(format!(
            "network #{}     {} bytes at offset {}, {what}, sha256 {}",
            net.number, net.bytes, net.offset, net.sha256
        ))?;
        if let Some(path) = &net.extracted {
            console::result(format!("               written to {path}"))?;
        }
    }
    Ok(())
}

fn planes(path: &Path) -> anyhow::Result<PlanesReport> {
    let stored = StoredPlanes::open(path)?;
    Ok(PlanesReport {
        path: path.display().to_string(),
        neurons: stored.neurons(),
        samples: stored.samples(),
        buckets: stored
            .groups()
            .iter()
            .filter_map(|group| {
                Some(PlanesBucket {
                    bucket: group.bucket()?,
                    samples: group.samples(),
                })
            })
            .collect(),
        record: stored.record().cloned(),
    })
}

fn show_planes(report: &PlanesReport) -> anyhow::Result<()> {
    console::result(format!("zero planes    {}", report.path))?;
    console::result(format!("neurons        {}", report.neurons))?;
    console::result(format!("samples        {}", report.samples))?;
    for PlanesBucket { bucket, samples } in &report.buckets {
        console::result(format!("  in bucket {bucket}  {samples}"))?;
    }
    let Some(record) = &report.record else {
        return console::result("made of        (the file does not say it)");
    };
    console::result(format!("network        {}", record.net_sha256))?;
    for file in &record.data {
        let bytes = file
            .bytes
            .map_or(String::new(), |bytes| format!(", {bytes} bytes"));
        console::result(format!("data           {}{bytes}", file.name))?;
    }
    if let Some(shard) = record.shard {
        console::result(format!("shard          {shard}"))?;
    }
    if let Some(count) = record.count {
        console::result(format!("count          {count}"))?;
    }
    console::result(format!("positions      {}", record.kind()))?;
    console::result(format!("seed           {}", record.seed))?;
    console::result(format!("selection      {}", record.selection))
}

fn show_positions(report: &PositionsReport) -> anyhow::Result<()> {
    console::result(format!("training data  {}", report.path))?;
    let compressed = if report.compressed {
        ", compressed"
    } else {
        ""
    };
    console::result(format!("format         {}{compressed}", report.format))?;
    console::result(format!("size           {} bytes", report.bytes))?;
    let end = match report.estimated {
        _ if report.complete => String::new(),
        Some(all) => format!(" of about {all} (the rest was not looked at)"),
        None => " (the rest was not looked at)".to_string(),
    };
    console::result(format!("read           {} positions{end}", report.read))?;
    console::result(format!("first          {}", report.first))?;
    let games = report.games;
    let games = games.map_or(String::new(), |games| format!(" from {games} games"));
    console::result(format!("pass           {}{games}", report.passed))?;
    for (reason, count) in &report.skipped {
        console::result(format!("skipped        {count} {reason}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_begin_with_a_number() {
        for text in ["0\n1\n", "# net\n\n 12\n", "#", "\n\n3 4", "\u{93}NUMPY"] {
            let bytes: Vec<u8> = text.chars().map(|c| c as u8).collect();
            assert!(looks_like_permutation(&bytes), "{text:?}");
        }
        for text in [
            "",
            "#!/usr/bin/env node\nvar a;\n",
            "# Title\n\n* one\n",
            "{}",
            "0\0",
        ] {
            assert!(!looks_like_permutation(text.as_bytes()), "{text:?}");
        }
    }
}
