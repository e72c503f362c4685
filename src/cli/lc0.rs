//! Weight files of Lc0 in the commands that take networks.

pub mod discovery;
pub mod embedding;
pub mod inspect;
mod page;
pub mod serialize;
mod text;
pub mod verify;

use std::path::Path;

use anyhow::Context as _;
use ftperm::nets::lc0::{Lc0File, Version, embedded, is_weights_file};

use super::{Global, UsageError};

/// Which lc0 is asked about.
#[derive(Clone, Debug, clap::Args)]
pub struct VersionArgs {
    /// For networks of Lc0: the version of lc0 whose rules and arithmetic hold [default: 0.33.0]
    #[arg(long, value_name = "VERSION", help_heading = "Networks of Lc0")]
    pub lc0_version: Option<Version>,
}

impl VersionArgs {
    pub fn version(&self) -> Version {
        self.lc0_version.unwrap_or_default()
    }

    /// For files that are something else.
    pub fn refuse(&self) -> anyhow::Result<()> {
        refuse("--lc0-version", self.lc0_version.is_some())
    }
}

/// An option that only networks of Lc0 have.
pub fn refuse(option: &str, given: bool) -> anyhow::Result<()> {
    if given {
        return Err(UsageError(format!("{option} is for networks of Lc0 (.pb.gz)")).into());
    }
    Ok(())
}

/// Options that networks of Lc0 do not have.
pub fn refuse_others(options: &[(&str, bool)]) -> anyhow::Result<()> {
    match options.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(UsageError(format!("{option} is not for networks of Lc0")).into()),
        None => Ok(()),
    }
}

/// Options of the command line that do nothing for networks of Lc0; `known` are those that do. What is set elsewhere
/// for other files has nothing to say here.
pub fn refuse_all_but(known: &[&str], global: &Global) -> anyhow::Result<()> {
    let mut given = global.given.iter().map(String::as_str);
    let other = given.find(|option| !known.contains(option));
    other.map_or(Ok(()), |option| refuse_others(&[(option, true)]))
}

/// Is it a weight file of Lc0?
pub fn is_net(path: &Path) -> anyhow::Result<bool> {
    is_weights_file(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Is it a weight file of Lc0, or lc0 with one inside?
pub fn holds_net(path: &Path) -> anyhow::Result<bool> {
    Ok(is_net(path)? || embedded_net(path)?.is_some())
}

/// Ends commands that look for zeros, or need a network of the other kind.
pub fn refuse_net(path: &Path) -> anyhow::Result<()> {
    if !is_net(path)? {
        return Ok(());
    }
    anyhow::bail!(
        "{} is a weight file of Lc0, whose backends skip no zeros, so there is no order of neurons to find or apply; \
         `ftperm inspect` tells about it, `serialize` converts it, `verify` compares two",
        path.display()
    )
}

/// The network inside lc0's program file.
pub fn embedded_net(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    if !ends_in_mark(path) {
        return Ok(None);
    }
    let named = || path.display().to_string();
    let program = std::fs::read(path).with_context(named)?;
    let net = embedded(&program).with_context(named)?;
    Ok(net.map(<[u8]>::to_vec))
}

/// Does a file end as a program with a network inside does? Looks at four bytes.
fn ends_in_mark(path: &Path) -> bool {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let end = || -> std::io::Result<[u8; 4]> {
        let mut file = std::fs::File::open(path)?;
        file.seek(SeekFrom::End(-4))?;
        let mut end = [0; 4];
        file.read_exact(&mut end)?;
        Ok(end)
    };
    path.is_file() && end().is_ok_and(|end| end == *b"Lc0!")
}

/// A network inside a program, or a file of its own.
pub fn open(path: &Path) -> anyhow::Result<Lc0File> {
    Ok(match embedded_net(path)? {
        Some(net) => Lc0File::read_inside(path, &net)?,
        None => Lc0File::open(path)?,
    })
}
