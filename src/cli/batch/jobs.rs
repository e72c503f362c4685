//! The jobs file: tables of options of `optimize`, turned into jobs.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::builder::ValueParser;
use clap::{Arg, Command, CommandFactory as _, Parser as _};
use ftperm::batch::is_network_name;
use ftperm::files::digest::{hex, sha256};
use ftperm::files::quote::excerpt;
use ftperm::nets::checkpoint::Checkpoint;
use ftperm::nets::source::NetSource;
use ftperm::positions;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::cli::common::Files;
use crate::cli::config::file::{Toml, in_order, read_text};
use crate::cli::config::layers::stack;
use crate::cli::config::options::{find, message, options, setting};
use crate::cli::config::setting::{Origin, Setting, Value};
use crate::cli::{Cli, UsageError};

/// Options that name what comes out.
const OUTPUTS: [&str; 4] = ["out", "out-sha", "perm", "report"];
/// Options that no job has: a job prints its report, and its outputs are its own.
const NOT_FOR_JOBS: [&str; 3] = ["export", "inverse", "force"];
/// Options that change how long a job takes, but not what comes out.
const WITHOUT_EFFECT: [&str; 4] = ["backend", "adapter", "kernel", "threads"];
/// Options of jobs without data, which only convert, beside those without effect.
const CONVERTING: [&str; 8] = [
    "net",
    "out",
    "out-sha",
    "report",
    "description",
    "ft-compression",
    "era",
    "clamp",
];
/// The key for a job for each of many networks.
const NETS: &str = "nets";

/// The command that does a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobCommand {
    Optimize,
    Serialize,
}

impl JobCommand {
    pub fn name(self) -> &'static str {
        match self {
            JobCommand::Optimize => "optimize",
            JobCommand::Serialize => "serialize",
        }
    }
}

/// One network and its options.
#[derive(Clone, Debug)]
pub struct Job {
    pub name: String,
    /// Without data the network is only converted.
    pub command: JobCommand,
    /// The job's part of a command line of that command.
    pub words: Vec<OsString>,
    /// The options that decide what comes out.
    pub options: BTreeMap<String, Vec<String>>,
    /// Relative paths are relative to this folder.
    pub base: PathBuf,
    pub net: OsString,
    pub data: Vec<OsString>,
    /// Other files that go in.
    pub inputs: Vec<PathBuf>,
    /// The network's name, unless it is made from its contents.
    pub out: Option<PathBuf>,
    /// The network's folder.
    pub folder: PathBuf,
    pub perm: Option<PathBuf>,
    pub report: Option<PathBuf>,
    /// Why it cannot be done.
    pub problem: Option<String>,
}

impl Job {
    /// The network's file: `ENGINE#2` is in the file `ENGINE`.
    pub fn net_file(&self) -> PathBuf {
        let net = self.base.join(&self.net);
        match NetSource::parse(Some(net.as_os_str())) {
            NetSource::File { path, .. } => path,
            _ => net,
        }
    }

    /// The data, by names that hold in the current folder.
    pub fn data_at_base(&self) -> Vec<OsString> {
        let at_base = |data: &OsString| self.base.join(data).into_os_string();
        self.data.iter().map(at_base).collect()
    }

    /// All files that are there to be read. Data that cannot be listed are an error when the job runs.
    pub fn input_files(&self) -> Vec<PathBuf> {
        let mut files = positions::files(&self.data_at_base()).unwrap_or_default();
        files.push(self.net_file());
        files.extend(self.inputs.iter().cloned());
        files
    }

    /// The record beside the output.
    pub fn record_path(&self) -> PathBuf {
        self.folder
            .join(format!("{}.job.json", safe_name(&self.name)))
    }

    /// What the temporary names of the job's files begin with; no other job's do.
    pub fn temporary_prefix(&self) -> String {
        let record = std::path::absolute(self.record_path()).unwrap_or(self.record_path());
        let digest = sha256(record.as_os_str().as_encoded_bytes());
        format!(".ftperm-job-{}-", hex(&digest[..8]))
    }

    /// Is none of the files written one that is read?
    fn check_files(&self) -> Result<(), String> {
        let net = Files::new().input("net", Some(&self.net_file()));
        let files = self.input_files();
        let files = files
            .iter()
            .fold(net, |files, input| files.input("an input", Some(input)));
        for (option, output) in [
            ("out", &self.out),
            ("perm", &self.perm),
            ("report", &self.report),
        ] {
            let files = files.clone().output(option, output.as_deref());
            files.check().map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Files whose names are known before the job runs.
    pub fn named_outputs(&self) -> impl Iterator<Item = &PathBuf> {
        self.out.iter().chain(&self.perm).chain(&self.report)
    }

    /// The folders that files go to, each once.
    pub fn output_folders(&self) -> Vec<PathBuf> {
        let parent = |file: &PathBuf| folder_of(file).to_path_buf();
        let mut folders: Vec<PathBuf> = self.named_outputs().map(parent).collect();
        folders.push(self.folder.clone());
        folders.sort();
        folders.dedup();
        folders
    }
}

/// A name as part of a file name.
fn safe_name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let safe: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    if safe == name {
        safe
    } else {
        // Two names that look alike now are still different files.
        format!("{safe}-{}", hex(&sha256(name.as_bytes())[..4]))
    }
}

/// A folder in which networks arrive.
#[derive(Debug)]
pub struct Watched {
    pub folder: PathBuf,
    /// Where the networks go that jobs make of them; what is in there does not arrive.
    pub outputs: PathBuf,
}

fn into_watched(job: &Job) -> anyhow::Error {
    UsageError(format!(
        "networks would be written into {}, which is watched: choose another folder with out-sha",
        job.folder.display()
    ))
    .into()
}

/// A table of a jobs file.
#[derive(Debug)]
struct Table {
    name: String,
    origin: Origin,
    settings: Vec<Setting>,
    nets: Option<Vec<OsString>>,
}

/// What jobs are made of: tables of options, and what is set for `optimize` elsewhere.
pub struct Plan {
    optimize: Command,
    base: PathBuf,
    tables: Vec<Table>,
    defaults: Vec<Setting>,
    watch: Vec<Setting>,
    /// Environment and configuration file.
    below: Vec<Vec<Setting>>,
}

impl Plan {
    /// Without a jobs file: the options come from the environment and the configuration file.
    pub fn empty(below: Vec<Vec<Setting>>) -> Plan {
        Plan {
            optimize: optimize_command(),
            base: PathBuf::new(),
            tables: Vec::new(),
            defaults: Vec::new(),
            watch: Vec::new(),
            below,
        }
    }

    /// Reads a jobs file.
    ///
    /// # Errors
    /// It cannot be read, or something in it means nothing; the message names file and line.
    pub fn read(path: &Path, below: Vec<Vec<Setting>>) -> anyhow::Result<Plan> {
        Ok(Plan::parse(path, &read_text(path)?, below)?)
    }

    /// As [`read`](Self::read), of the text of the file.
    ///
    /// # Errors
    /// Something in it means nothing; the message names file and line.
    pub fn parse(path: &Path, text: &str, below: Vec<Vec<Setting>>) -> Result<Plan, UsageError> {
        let toml = Toml::new(path, text);
        let mut plan = Plan::empty(below);
        plan.base = path.parent().map(Path::to_path_buf).unwrap_or_default();
        for (key, value) in in_order(toml.parse()?.get_ref()) {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            let known = ["defaults", "jobs", "watch"];
            let DeValue::Table(table) = value.get_ref() else {
                return Err(toml.error(
                    at,
                    format!(
                        "`{}` stands outside the tables [defaults], [jobs.NAME] and [watch]",
                        excerpt(name.as_bytes())
                    ),
                ));
            };
            match name {
                "defaults" => plan.defaults = plan.settings(&toml, table)?,
                "watch" => plan.watch = plan.settings(&toml, table)?,
                "jobs" => {
                    for (name, job) in in_order(table) {
                        let table = plan.table(&toml, name, job)?;
                        plan.tables.push(table);
                    }
                }
                other => {
                    let known = known.into_iter();
                    return Err(toml.unknown(at, "a jobs file has no table", other, known));
                }
            }
        }
        Ok(plan)
    }

    fn table(
        &self,
        toml: &Toml<'_>,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        job: &Spanned<DeValue<'_>>,
    ) -> Result<Table, UsageError> {
        let at = name.span().start;
        let DeValue::Table(table) = job.get_ref() else {
            return Err(toml.error(at, "a job is a table of options, [jobs.NAME]"));
        };
        if name.get_ref() == "watch" {
            let why = "the name watch is that of the jobs of --watch; choose another";
            return Err(toml.error(at, why));
        }
        let mut nets = None;
        if let Some((key, value)) = table.get_key_value(NETS) {
            nets = match toml.value(value)? {
                Value::Values(values) if values.is_empty() => {
                    return Err(toml.error(
                        key.span().start,
                        "nets is empty: files, folders and patterns are expected",
                    ));
                }
                Value::Values(values) => Some(values),
                Value::Flag(_) => {
                    return Err(
                        toml.error(key.span().start, "nets is a list of files and patterns")
                    );
                }
            };
            if let Some((key, _)) = table.get_key_value("net") {
                return Err(toml.error(key.span().start, "net cannot be used with nets"));
            }
        }
        Ok(Table {
            name: name.get_ref().to_string(),
            origin: toml.origin(at),
            settings: self.settings(toml, table)?,
            nets,
        })
    }

    /// The options in a table; `nets` is none.
    fn settings(&self, toml: &Toml<'_>, table: &DeTable<'_>) -> Result<Vec<Setting>, UsageError> {
        let mut settings: Vec<Setting> = Vec::new();
        for (key, value) in in_order(table) {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            if name == NETS {
                continue;
            }
            let is_for_jobs = |long: &&str| !NOT_FOR_JOBS.contains(long);
            let names = options(&self.optimize).filter_map(Arg::get_long);
            let names = names.filter(is_for_jobs);
            let arg = find(&self.optimize, name)
                .filter(|arg| arg.get_long().is_some_and(|long| is_for_jobs(&long)))
                .ok_or_else(|| toml.unknown(at, "a job has no option", name, names))?;
            toml.push(
                &mut settings,
                setting(arg, toml.value(value)?, toml.origin(at))?,
                at,
            )?;
        }
        Ok(settings)
    }

    /// Has it no job, not even one for networks that are still to come?
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The jobs of the file, in its order.
    ///
    /// # Errors
    /// A job's options contradict each other or lack something, or two jobs write the same file.
    pub fn jobs(&self) -> anyhow::Result<Vec<Job>> {
        let mut jobs: Vec<Job> = Vec::new();
        for table in &self.tables {
            let Some(nets) = &table.nets else {
                let layers = [&table.settings, &self.defaults];
                jobs.push(self.job(table.name.clone(), None, &table.origin, &layers)?);
                continue;
            };
            for (net, listed) in self.expand(nets, &table.origin)? {
                let name = format!("{}.{}", table.name, short_name(&net));
                let layers = [&table.settings, &self.defaults];
                let job = self.job(name, Some(&net), &table.origin, &layers)?;
                if listed && same_folder(&job.folder, folder_of(&self.base.join(&net))) {
                    return Err(UsageError(format!(
                        "{}: job {}: networks would be written into the folder that nets lists: \
                         choose another folder with out-sha",
                        table.origin, job.name
                    ))
                    .into());
                }
                jobs.push(job);
            }
        }
        let mut owners = Owners::default();
        for job in &jobs {
            owners.claim(job).map_err(UsageError)?;
        }
        Ok(jobs)
    }

    /// What is to be known of a folder in which networks will arrive.
    ///
    /// # Errors
    /// The options for them contradict each other or lack something, or the outputs would arrive too.
    pub fn watched(&self, folder: PathBuf) -> anyhow::Result<Watched> {
        // Wrong options are told now, not when the first network comes.
        let job = self.arrival(&folder, &folder.join("network.nnue"))?;
        if same_folder(&job.folder, &folder) {
            return Err(into_watched(&job));
        }
        Ok(Watched {
            outputs: job.folder,
            folder,
        })
    }

    /// The job for a network that arrived in a folder, or somewhere below it.
    ///
    /// # Errors
    /// Its options contradict each other or lack something, or its output would arrive too.
    pub fn arrived(&self, watched: &Watched, net: &Path) -> anyhow::Result<Job> {
        let job = self.arrival(&watched.folder, net)?;
        if is_below(&job.folder, &watched.folder) && !is_below(&job.folder, &watched.outputs) {
            return Err(into_watched(&job));
        }
        Ok(job)
    }

    fn arrival(&self, watched: &Path, net: &Path) -> Result<Job, UsageError> {
        // Each folder of a trainer's may have a `last.ckpt`.
        let inside = folder_of(net)
            .strip_prefix(watched)
            .unwrap_or(Path::new(""));
        let inside = inside.iter().map(|folder| format!("{}/", folder.display()));
        let name = format!("watch.{}{}", inside.collect::<String>(), short_name(net));
        let origin = Origin::CommandLine;
        self.job(name, Some(net), &origin, &[&self.watch, &self.defaults])
    }

    /// Files and patterns as the names of files, sorted, each once, and whether a pattern or a folder listed it. A file
    /// that is named and missing stays: its job fails and says so.
    fn expand(
        &self,
        nets: &[OsString],
        origin: &Origin,
    ) -> Result<Vec<(PathBuf, bool)>, UsageError> {
        let mut files = BTreeMap::new();
        for net in nets {
            let path = self.base.join(net);
            let pattern = net.to_str().filter(|it| it.contains(['*', '?', '[']));
            if path.is_dir() {
                for entry in std::fs::read_dir(&path).into_iter().flatten().flatten() {
                    let file = Path::new(net).join(entry.file_name());
                    if is_network_name(&file) {
                        files.insert(file, true);
                    }
                }
            } else if let Some(pattern) = pattern.filter(|_| !path.exists()) {
                let base = glob::Pattern::escape(&self.base.to_string_lossy());
                let whole = Path::new(&base).join(pattern);
                let found = glob::glob(&whole.to_string_lossy())
                    .map_err(|error| UsageError(format!("{origin}: {pattern}: {}", error.msg)))?;
                for file in found.filter_map(Result::ok).filter(|it| it.is_file()) {
                    let file = file.strip_prefix(&self.base).unwrap_or(&file);
                    files.insert(file.to_path_buf(), true);
                }
            } else {
                files.entry(PathBuf::from(net)).or_insert(false);
            }
        }
        Ok(files.into_iter().collect())
    }

    /// A job from its layers of options, the strongest first, which is its own.
    fn job(
        &self,
        name: String,
        net: Option<&Path>,
        origin: &Origin,
        layers: &[&Vec<Setting>],
    ) -> Result<Job, UsageError> {
        let wrong = |why: &str| UsageError(format!("{origin}: job {name}: {why}"));
        let mut settings = self.stacked(net, origin, layers)?;
        let net = settings
            .iter()
            .find(|it| it.option == "net")
            .and_then(|it| path_of(&it.value))
            .ok_or_else(|| wrong("a network is missing, net or nets"))?;
        let outputs = settings
            .iter_mut()
            .filter(|setting| OUTPUTS.contains(&setting.option.as_str()));
        let filled = Filling::new(&name, self.base.join(&net)).fill(outputs);
        settings.sort_by(|a, b| a.option.cmp(&b.option));
        let own = layers.first().map_or(&[][..], |own| own.as_slice());
        let command = command_for(&mut settings, own).map_err(|why| wrong(&why))?;
        let words = words(command, &settings);
        check_words(command, &words).map_err(|why| wrong(&why))?;

        let value = |option: &str| {
            settings
                .iter()
                .find(|it| it.option == option)
                .and_then(|it| path_of(&it.value))
        };
        let values = |option: &str| match settings.iter().find(|it| it.option == option) {
            Some(Setting {
                value: Value::Values(values),
                ..
            }) => values.clone(),
            _ => Vec::new(),
        };
        let at = |path: PathBuf| self.base.join(path);
        let out = value("out").map(at);
        let folder = match &out {
            Some(file) => folder_of(file).to_path_buf(),
            None => at(value("out-sha").unwrap_or_else(|| PathBuf::from("."))),
        };
        let net = value("net")
            .map(PathBuf::into_os_string)
            .unwrap_or_default();
        let data = values("data");
        if net == "-" || data.iter().any(|it| it == "-") {
            return Err(wrong("a job cannot read standard input"));
        }
        if net.as_encoded_bytes().starts_with(b"<") {
            return Err(wrong("a job needs a network's file"));
        }
        let other_input = |setting: &&Setting| {
            !OUTPUTS.contains(&setting.option.as_str())
                && find(&self.optimize, &setting.option)
                    .is_some_and(|arg| takes_path(arg.get_value_parser()))
        };
        let inputs = settings.iter().filter(other_input);
        let inputs = inputs.filter_map(|it| path_of(&it.value)).map(at).collect();
        let decisive = settings
            .iter()
            .filter(|it| !WITHOUT_EFFECT.contains(&it.option.as_str()));
        let job = Job {
            command,
            options: decisive.map(recorded).collect(),
            base: self.base.clone(),
            data,
            inputs,
            folder,
            perm: value("perm").map(at),
            report: value("report").map(at),
            problem: filled.err(),
            out,
            net,
            words,
            name: name.clone(),
        };
        job.check_files().map_err(|why| wrong(&why))?;
        Ok(job)
    }

    /// All settings of a job: its layers, the strongest first, and what stands below them.
    fn stacked(
        &self,
        net: Option<&Path>,
        origin: &Origin,
        layers: &[&Vec<Setting>],
    ) -> Result<Vec<Setting>, UsageError> {
        let one = |option: &str, value: OsString| Setting {
            option: option.to_string(),
            value: Value::Values(vec![value]),
            origin: origin.clone(),
        };
        let mut stacked: Vec<Vec<Setting>> = Vec::new();
        stacked.extend(net.map(|net| vec![one("net", net.into())]));
        stacked.extend(layers.iter().map(|layer| (*layer).clone()));
        stacked.extend(self.below.iter().cloned());
        let mut settings = stack(&self.optimize, &[], &stacked)?;
        settings.retain(|setting| !NOT_FOR_JOBS.contains(&setting.option.as_str()));
        let names_output =
            |setting: &Setting| ["out", "out-sha"].contains(&setting.option.as_str());
        if !settings.iter().any(names_output) {
            settings.push(one("out-sha", ".".into()));
        }
        Ok(settings)
    }
}

/// With data a network is optimised. Without, it is only converted, and only what means something then is kept. All of
/// `own`, the settings of the job itself, must mean something.
fn command_for(settings: &mut Vec<Setting>, own: &[Setting]) -> Result<JobCommand, String> {
    if settings.iter().any(|setting| setting.option == "data") {
        return Ok(JobCommand::Optimize);
    }
    if let Some(setting) = own.iter().find(|setting| !converts(setting)) {
        let option = &setting.option;
        return Err(format!(
            "without data a network is only converted, and {option} means nothing"
        ));
    }
    settings.retain(converts);
    Ok(JobCommand::Serialize)
}

/// The command without the options that all commands share.
fn optimize_command() -> Command {
    Cli::command()
        .find_subcommand("optimize")
        .expect("the program has this command")
        .clone()
}

/// Is the option's value a path? Those of `net` and `data` may be more, and are handled by name.
fn takes_path(parser: &ValueParser) -> bool {
    parser.type_id() == std::any::TypeId::of::<PathBuf>()
}

fn path_of(value: &Value) -> Option<PathBuf> {
    match value {
        Value::Values(values) => values.first().map(PathBuf::from),
        // An option whose value may be left out stands for the current folder.
        Value::Flag(_) => None,
    }
}

/// The folder that a file is in.
fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Are they one folder, however they are named? A folder that is still to be made is no other.
fn same_folder(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// Is a folder that may still have to be made the same as another, or somewhere in it?
fn is_below(folder: &Path, other: &Path) -> bool {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or(path.to_path_buf());
    let (folder, other) = (absolute(folder), absolute(other));
    let other = other.canonicalize().unwrap_or(other);
    // Of what is there the true name counts.
    let there = folder.ancestors().find_map(|part| {
        let rest = folder.strip_prefix(part).ok()?;
        Some(part.canonicalize().ok()?.join(rest))
    });
    there.unwrap_or(folder).starts_with(other)
}

/// A network's name in the names of jobs and files.
fn short_name(net: &Path) -> String {
    let name = net.file_name().unwrap_or(OsStr::new("")).to_string_lossy();
    name.strip_suffix(".nnue").unwrap_or(&name).to_string()
}

/// Does the option mean something where a network is only converted?
fn converts(setting: &Setting) -> bool {
    let option = setting.option.as_str();
    CONVERTING.contains(&option) || WITHOUT_EFFECT.contains(&option)
}

/// A job's options as words of the command line of its command.
fn words(command: JobCommand, settings: &[Setting]) -> Vec<OsString> {
    if command == JobCommand::Optimize {
        return settings.iter().flat_map(Setting::words).collect();
    }
    let keep = Value::Values(vec!["keep".into()]);
    let mut words = Vec::new();
    let mut files = [OsString::new(), OsString::from(".")];
    for setting in settings {
        let path = || path_of(&setting.value).map(PathBuf::into_os_string);
        match setting.option.as_str() {
            "net" => files[0] = path().unwrap_or_default(),
            "out" => files[1] = path().unwrap_or_default(),
            "out-sha" => {
                words.push("--out-sha".into());
                files[1] = path().unwrap_or(".".into());
            }
            // What `serialize` does by itself, with networks.
            "ft-compression" if setting.value == keep => {}
            _ => words.extend(setting.words()),
        }
    }
    words.push("--".into());
    words.extend(files);
    words
}

/// What stands for the marks in the names of a job's outputs.
struct Filling {
    job: String,
    net: String,
    file: PathBuf,
}

impl Filling {
    const EPOCH: &'static str = "{epoch}";

    /// Of this job, for the network in this file.
    fn new(job: &str, file: PathBuf) -> Filling {
        let (job, net) = (safe_name(job), short_name(&file));
        Filling { job, net, file }
    }

    /// Puts the names of job and network, and the epoch, into the names of outputs.
    ///
    /// # Errors
    /// The epoch is asked for, and the file tells none.
    fn fill<'s>(&self, outputs: impl Iterator<Item = &'s mut Setting>) -> Result<(), String> {
        let mut missing = Ok(());
        for output in outputs {
            let Value::Values(values) = &mut output.value else {
                continue;
            };
            for value in values {
                let Some(text) = value.to_str() else { continue };
                let mut text = text.replace("{job}", &self.job).replace("{net}", &self.net);
                if text.contains(Filling::EPOCH) {
                    match self.epoch() {
                        Ok(epoch) => text = text.replace(Filling::EPOCH, &epoch.to_string()),
                        Err(why) => missing = Err(format!("no epoch for {text}: {why}")),
                    }
                }
                *value = text.into();
            }
        }
        missing
    }

    fn epoch(&self) -> Result<i64, String> {
        let checkpoint = Checkpoint::open(&self.file).map_err(|error| error.to_string())?;
        let epoch = checkpoint.progress().epoch;
        epoch.ok_or_else(|| format!("{} does not tell its epoch", self.file.display()))
    }
}

/// As it is kept in the record.
fn recorded(setting: &Setting) -> (String, Vec<String>) {
    let values = match &setting.value {
        Value::Flag(on) => vec![on.to_string()],
        Value::Values(values) => values
            .iter()
            .map(|it| it.to_string_lossy().into_owned())
            .collect(),
    };
    (setting.option.clone(), values)
}

/// Would the command take them?
fn check_words(command: JobCommand, words: &[OsString]) -> Result<(), String> {
    let head = ["ftperm", command.name()].map(OsString::from);
    let parsed = Cli::try_parse_from(head.iter().chain(words));
    let parsed = parsed.map_err(|error| message(&error))?;
    parsed.check().map_err(|error| error.to_string())
}

/// Which job writes which file: two that write one would undo each other's work for ever.
#[derive(Debug, Default)]
pub struct Owners(BTreeMap<PathBuf, Owner>);

/// A job by its name and its network.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    job: String,
    net: PathBuf,
}

impl Owners {
    /// Gives a job the files that it writes.
    ///
    /// # Errors
    /// Another job writes one of them, or the job writes one twice; what is wrong.
    pub fn claim(&mut self, job: &Job) -> Result<(), String> {
        if job.problem.is_some() {
            // It writes nothing.
            return Ok(());
        }
        let owner = Owner {
            job: job.name.clone(),
            net: job.net_file(),
        };
        let mut own: Vec<PathBuf> = job.named_outputs().cloned().collect();
        own.push(job.record_path());
        for (index, file) in own.iter().enumerate() {
            let other = self.0.get(file).filter(|other| **other != owner);
            let (name, shown) = (&job.name, file.display());
            match other {
                Some(other) if other.job != job.name => {
                    let other = &other.job;
                    return Err(format!("the jobs {other} and {name} both write {shown}"));
                }
                None if !own[..index].contains(file) => {}
                _ => return Err(format!("the job {name} writes {shown} twice")),
            }
        }
        let owned = own.into_iter().map(|file| (file, owner.clone()));
        self.0.extend(owned);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever adds an option that takes a path says here what it is: inputs are hashed, outputs are not.
    #[test]
    fn every_path_of_optimize_is_an_input_or_an_output() {
        let command = optimize_command();
        let inputs = ["start", "layout", "applied", "bench-engine"];
        for path in options(&command)
            .filter(|arg| takes_path(arg.get_value_parser()))
            .filter_map(Arg::get_long)
        {
            let known = inputs.contains(&path) || OUTPUTS.contains(&path);
            assert!(known, "--{path}: does a job read it or write it?");
        }
        for output in OUTPUTS {
            assert!(find(&command, output).is_some(), "{output}");
        }
    }

    #[test]
    fn names_of_files_stay_different() {
        assert_eq!(safe_name("a-b_c.1"), "a-b_c.1");
        assert_ne!(safe_name("a/b"), safe_name("a\\b"));
        assert!(!safe_name("../x y").contains(['/', ' ']));
    }
}
