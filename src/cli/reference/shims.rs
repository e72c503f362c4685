//! `ftperm shims`: this program under the names of the reference tools.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ftperm::files::atomic::{create_folder, write_file};
use serde::Serialize;

use super::words::Name;
use crate::cli::{Global, console};

/// Put this program into a folder under the names of the reference tools
///
/// Under the name serialize.py the program is `ftperm serialize`, under the name ftperm.py it has the commands gather,
/// find_perm and eval_perm, with what those tools do by default. On Unix both are links to this program. With --python,
/// and on Windows, both are small Python scripts that start it: `python serialize.py` runs these, but no links.
#[derive(Debug, clap::Args)]
pub struct Shims {
    /// Where they go; it is made if it is missing
    folder: PathBuf,
    /// Write Python scripts instead of links
    #[arg(long)]
    python: bool,
    /// Replace what has these names already
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Report {
    files: Vec<String>,
    /// link or python
    kind: &'static str,
    program: String,
}

/// By which scripts of ours are known.
const MARK: &str = "# Written by `ftperm shims`.";

impl Shims {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let program = program.canonicalize().unwrap_or(program);
        let paths =
            [Name::Serialize, Name::Ftperm].map(|name| (name, self.folder.join(name.file())));
        create_folder(&self.folder)?;
        for (_, path) in &paths {
            if !self.force && !may_be_replaced(path) {
                bail!(
                    "{} is there already and no shim; --force replaces it",
                    path.display()
                );
            }
        }
        let links = cfg!(unix) && !self.python;
        for (name, path) in &paths {
            if links {
                link(&program, path).with_context(|| format!("cannot write {}", path.display()))?;
            } else {
                // What is there may be a link to this program.
                remove_link(path).with_context(|| format!("cannot write {}", path.display()))?;
                write_file(path, script(&program, *name)?.as_bytes())?;
                make_executable(path)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        let files = paths.map(|(_, path)| path.display().to_string());
        if global.json {
            return console::json(&Report {
                files: files.into(),
                kind: if links { "link" } else { "python" },
                program: program.display().to_string(),
            });
        }
        files.iter().try_for_each(console::result)
    }
}

/// Is there nothing, or something that this command made: a link to a program of this name, or a script?
fn may_be_replaced(path: &Path) -> bool {
    if let Ok(program) = path.read_link() {
        return program.file_stem().is_some_and(|stem| stem == "ftperm");
    }
    if path.symlink_metadata().is_err() {
        return true;
    }
    let is_short = path
        .metadata()
        .is_ok_and(|found| found.is_file() && found.len() < 1 << 16);
    is_short && std::fs::read_to_string(path).is_ok_and(|text| text.lines().nth(1) == Some(MARK))
}

#[cfg(unix)]
fn link(program: &Path, path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    std::os::unix::fs::symlink(program, &temporary)?;
    std::fs::rename(&temporary, path).inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Removes a link, and nothing else.
fn remove_link(path: &Path) -> io::Result<()> {
    match path.read_link() {
        Ok(_) => std::fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Starts the program under the tool's name; Windows has no exec that waits.
fn script(program: &Path, name: Name) -> anyhow::Result<String> {
    let program = program
        .to_str()
        .context("this program's own path is no Unicode, a script cannot name it")?;
    // JSON's escapes are Python's.
    let (program, name) = (serde_json::to_string(program)?, name.file());
    Ok(format!(
        "#!/usr/bin/env python3\n{MARK}\nimport os\nimport subprocess\nimport sys\n\nprogram = {program}\n\
         words = [\"{name}\", *sys.argv[1:]]\nif os.name == \"nt\":\n    \
         sys.exit(subprocess.run(words, executable=program).returncode)\nos.execv(program, words)\n"
    ))
}
