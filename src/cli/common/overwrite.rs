//! Keeps outputs from replacing one another, and what was read.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ftperm::files::atomic;
use ftperm::nets::described::fitting;
use ftperm::nets::source::{NetSource, Origin};
use ftperm::nets::stockfish::VERSIONS;
use ftperm::positions;

use crate::cli::UsageError;

/// The configuration file that this process reads.
static CONFIGURATION: OnceLock<PathBuf> = OnceLock::new();

/// Makes a file an input of whatever is run.
pub fn read_configuration(file: &Path) {
    CONFIGURATION.get_or_init(|| file.to_path_buf());
}

/// What a file is to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Input,
    /// A network that is read, as a file of its own: it may be permuted or written anew in place.
    Network,
    /// What is named as a network, and may be one of another engine.
    PossibleNetwork,
    Output,
    /// A network that is written.
    NetworkOutput,
}

/// Files by the options that name them.
#[derive(Clone, Debug, Default)]
pub struct Files {
    outputs: Vec<(&'static str, Role, PathBuf)>,
    inputs: Vec<(&'static str, Role, PathBuf)>,
    /// An option that is given `-`.
    to_stdout: Option<&'static str>,
    /// Training data that are named twice.
    twice: Option<(&'static str, PathBuf)>,
}

impl Files {
    pub fn new() -> Files {
        let configuration = CONFIGURATION.get().map(PathBuf::as_path);
        Files::default().input("the configuration file", configuration)
    }

    /// A file that will be written.
    pub fn output(self, option: &'static str, file: Option<&Path>) -> Files {
        self.written(option, Role::Output, file)
    }

    /// A network that will be written: it may take the place of the network that it is made of.
    pub fn network_output(self, option: &'static str, file: Option<&Path>) -> Files {
        self.written(option, Role::NetworkOutput, file)
    }

    fn written(mut self, option: &'static str, role: Role, file: Option<&Path>) -> Files {
        let to_stdout = file.filter(|file| *file == Path::new("-"));
        self.to_stdout = self.to_stdout.or(to_stdout.map(|_| option));
        self.outputs
            .extend(file.map(|file| (option, role, file.to_path_buf())));
        self
    }

    /// A file that is read and must still be there afterwards.
    pub fn input(mut self, option: &'static str, file: Option<&Path>) -> Files {
        self.inputs
            .extend(file.map(|file| (option, Role::Input, file.to_path_buf())));
        self
    }

    /// What is given for a network. Only a network's own file may be written anew, of Stockfish or of an engine that it
    /// is recognised to be of: a checkpoint, an engine or a compressed file would become something else.
    pub fn network(self, option: &'static str, net: Option<&OsStr>) -> Files {
        match net.map(|net| NetSource::parse(Some(net))) {
            Some(NetSource::File { path, .. }) => self.network_file(option, Some(&path)),
            _ => self,
        }
    }

    /// As [`network`](Self::network), once it is known where the network comes from.
    pub fn network_found(self, option: &'static str, origin: &Origin) -> Files {
        let path = origin.path.as_deref();
        let is_known = |(of, role, file): &(&str, Role, PathBuf)| {
            let is_network = matches!(role, Role::Network | Role::PossibleNetwork);
            *of == option && is_network && Some(file.as_path()) == path
        };
        if self.inputs.iter().any(is_known) {
            return self;
        }
        self.network_file(option, path)
    }

    fn network_file(mut self, option: &'static str, file: Option<&Path>) -> Files {
        self.inputs.extend(file.map(|file| {
            let role = if is_network(file) {
                Role::Network
            } else {
                Role::PossibleNetwork
            };
            (option, role, file.to_path_buf())
        }));
        self
    }

    /// A network of another engine: whatever its bytes are, it may be permuted in place.
    pub fn layout_network(mut self, option: &'static str, net: Option<&OsStr>) -> Files {
        self.inputs
            .extend(net.map(|net| (option, Role::Network, PathBuf::from(net))));
        self
    }

    /// Training data: files, folders, patterns. What cannot be listed is an error when it is read.
    pub fn data(mut self, option: &'static str, data: &[OsString]) -> Files {
        let mut seen = BTreeSet::new();
        for file in positions::files(data).unwrap_or_default() {
            if !seen.insert(name_of(&file)) {
                self.twice = Some((option, file.clone()));
            }
            self.inputs.push((option, Role::Input, file));
        }
        self
    }

    /// # Errors
    /// An output is also another output or an input, or named as stdout is elsewhere; or data are named twice, so that
    /// the same games would be searched on and held out.
    pub fn check(&self) -> Result<(), UsageError> {
        if let Some(option) = self.to_stdout {
            return Err(UsageError(format!(
                "{option} - would not write to stdout, which is for results, but a file named -: say ./- for that"
            )));
        }
        if let Some((option, file)) = &self.twice {
            return Err(UsageError(format!(
                "{option} names {} twice: its games would count twice, in held-out positions, too",
                file.display()
            )));
        }
        let mut known: BTreeMap<Identity, Vec<(&str, Role)>> = BTreeMap::new();
        for (option, role, file) in self.inputs.iter().chain(&self.outputs) {
            let identities = Identity::all(file);
            let is_output = matches!(role, Role::Output | Role::NetworkOutput);
            let others = identities
                .iter()
                .filter_map(|identity| known.get(identity))
                .flatten();
            // Once, although a file is the same by its name and by its number.
            let recognised = LazyCell::new(|| is_recognised(file));
            let in_place = |other: Role| match (*role, other) {
                (Role::NetworkOutput, Role::Network) => true,
                (Role::NetworkOutput, Role::PossibleNetwork) => *recognised,
                _ => false,
            };
            let other = others.into_iter().find(|(_, other)| !in_place(*other));
            if let Some((other, _)) = other.filter(|_| is_output) {
                return Err(UsageError(format!(
                    "{other} and {option} are the same file, {}, which would be overwritten",
                    file.display()
                )));
            }
            for identity in identities {
                known.entry(identity).or_default().push((*option, *role));
            }
        }
        Ok(())
    }
}

/// What two names of one file have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    /// One name for a file, whether it is there already or not.
    Name(PathBuf),
    /// Device and number, the same for all hard links.
    #[cfg(unix)]
    Inode(u64, u64),
}

impl Identity {
    fn all(file: &Path) -> Vec<Identity> {
        let mut all = vec![Identity::Name(name_of(file))];
        #[cfg(unix)]
        if let Ok(found) = std::fs::metadata(file)
            && found.is_file()
        {
            use std::os::unix::fs::MetadataExt as _;
            all.push(Identity::Inode(found.dev(), found.ino()));
        }
        all
    }
}

/// The one name of a file: without links and detours, and where systems do not tell cases apart, in lower case.
fn name_of(file: &Path) -> PathBuf {
    let in_folder = || {
        let file = atomic::end_of_links(file);
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        Some(folder.canonicalize().ok()?.join(file.file_name()?))
    };
    let whole = file.canonicalize().ok().or_else(in_folder);
    let whole = whole.unwrap_or_else(|| file.to_path_buf());
    if cfg!(any(windows, target_os = "macos")) {
        whole.to_string_lossy().to_lowercase().into()
    } else {
        whole
    }
}

/// Does it begin as networks of Stockfish do?
fn is_network(file: &Path) -> bool {
    let mut version = [0; 4];
    let mut read = || File::open(file).and_then(|mut file| file.read_exact(&mut version));
    file.is_file() && read().is_ok() && VERSIONS.contains(&u32::from_le_bytes(version))
}

/// Does it fit one layout, and no other?
fn is_recognised(file: &Path) -> bool {
    fitting(file).is_ok_and(|found| found.len() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_by_two_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        std::fs::write(at("data"), "x").unwrap();
        let check = |out: &str, perm: &str| {
            Files::new()
                .output("--out", Some(&at(out)))
                .output("--perm", Some(&at(perm)))
                .output("--report", None)
                .data("--data", &[at("data").into()])
                .check()
        };
        assert!(check("a", "b").is_ok());
        let text = check("a", "sub/../a").unwrap_err().to_string();
        assert!(
            text.starts_with("--out and --perm are the same file"),
            "{text}"
        );
        let text = check("a", "sub/../data").unwrap_err().to_string();
        assert!(text.starts_with("--data and --perm are"), "{text}");
        let twice = [at("data"), at("sub/../data")].map(Into::into);
        let text = Files::new().data("--data", &twice).check();
        let text = text.unwrap_err().to_string();
        assert!(
            text.starts_with("--data names") && text.contains("twice"),
            "{text}"
        );
        let output = |name: &'static str| Files::new().output("--out", Some(Path::new(name)));
        let text = output("-").check().unwrap_err().to_string();
        assert!(text.starts_with("--out - would not write"), "{text}");
        assert!(output("./-").check().is_ok());
        #[cfg(unix)]
        {
            std::fs::hard_link(at("data"), at("hard")).unwrap();
            std::os::unix::fs::symlink("data", at("soft")).unwrap();
            std::os::unix::fs::symlink("new", at("dangling")).unwrap();
            assert!(check("a", "hard").is_err());
            assert!(check("soft", "b").is_err());
            assert!(check("new", "dangling").is_err());
        }
    }

    #[test]
    fn only_networks_are_replaced_by_what_is_made_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("net"), VERSIONS[0].to_le_bytes()).unwrap();
        std::fs::write(at("checkpoint"), "PK\x03\x04").unwrap();
        let in_place = |name: &str| {
            Files::new()
                .network("--net", Some(at(name).as_os_str()))
                .network_output("--out", Some(&at(name)))
                .check()
        };
        assert!(in_place("net").is_ok());
        assert!(in_place("checkpoint").is_err());
        let two = Files::new()
            .network("--net", Some(at("net").as_os_str()))
            .input("--layout", Some(&at("net")))
            .network_output("--out", Some(&at("net")));
        assert!(two.check().is_err());
        let other = Files::new()
            .network("--net", Some(at("net").as_os_str()))
            .output("--report", Some(&at("net")));
        assert!(other.check().is_err());
    }
}
