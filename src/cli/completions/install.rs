//! `ftperm completions --install`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap_complete::Shell;
use directories::BaseDirs;
use ftperm::files::atomic::{create_folder, write_file};

use super::super::{UsageError, console};

/// Writes the script where this user's shell looks for it, and returns the file.
pub fn install(shell: Shell, script: &str) -> anyhow::Result<PathBuf> {
    let home = BaseDirs::new().context("there is no home folder")?;
    let Some(file) = file_for(shell, home.home_dir(), &|name| {
        std::env::var_os(name).map(PathBuf::from)
    }) else {
        let text = format!(
            "--install knows bash, zsh and fish; print the script of {shell} and see its manual"
        );
        return Err(UsageError(text).into());
    };
    if !may_be_written(&file, script)? {
        bail!(
            "{} is not a completion script of ftperm: it stays as it is",
            file.display()
        );
    }
    let folder = file.parent().unwrap_or(&file);
    create_folder(folder)?;
    write_file(&file, script.as_bytes())?;
    match shell {
        Shell::Zsh => console::say(format!(
            "zsh looks there if ~/.zshrc says, before any compinit: fpath=({} $fpath); autoload -Uz compinit; compinit",
            folder.display()
        )),
        Shell::Bash => {
            console::say("new shells complete `ftperm` if the package bash-completion is there")
        }
        _ => console::say("new shells complete `ftperm`"),
    }
    Ok(file)
}

/// Where a shell looks for completions of one user: the variables and folders of the shells' manuals. `None` for shells
/// without such a folder.
fn file_for(
    shell: Shell,
    home: &Path,
    variable: &dyn Fn(&str) -> Option<PathBuf>,
) -> Option<PathBuf> {
    // Relative ones are to be ignored (XDG Base Directory Specification).
    let folder = |name: &str, else_in: &str| {
        let set = variable(name).filter(|folder| folder.is_absolute());
        set.unwrap_or_else(|| home.join(else_in))
    };
    match shell {
        Shell::Bash => {
            let data = || folder("XDG_DATA_HOME", ".local/share").join("bash-completion");
            let own = variable("BASH_COMPLETION_USER_DIR").filter(|folder| folder.is_absolute());
            Some(own.unwrap_or_else(data).join("completions").join("ftperm"))
        }
        Shell::Zsh => Some(folder("ZDOTDIR", "").join(".zfunc").join("_ftperm")),
        Shell::Fish => {
            let config = folder("XDG_CONFIG_HOME", ".config").join("fish");
            Some(config.join("completions").join("ftperm.fish"))
        }
        _ => None,
    }
}

/// Largest file that is looked at, in bytes; a script has some hundred thousand.
const MAX_BYTES: u64 = 4 << 20;

/// Is nothing there yet, or a script that a version of ftperm wrote? The first line is the same in all of a shell.
fn may_be_written(file: &Path, script: &str) -> anyhow::Result<bool> {
    let cannot = || format!("cannot read {}", file.display());
    match std::fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // A link to nothing is somebody's, too.
            return Ok(file.symlink_metadata().is_err());
        }
        Ok(there) if !there.is_file() || there.len() > MAX_BYTES => return Ok(false),
        there => there.with_context(cannot)?,
    };
    let there = std::fs::read(file).with_context(cannot)?;
    let there = String::from_utf8_lossy(&there);
    Ok(there.lines().next() == script.lines().next() && there.contains("_ftperm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_the_shells_manuals() {
        let file = |shell, name: &'static str, value: &'static str| {
            let variable = move |asked: &str| (asked == name).then(|| PathBuf::from(value));
            file_for(shell, Path::new("/home/u"), &variable)
        };
        for (shell, name, value, expected) in [
            (
                Shell::Bash,
                "",
                "",
                "/home/u/.local/share/bash-completion/completions/ftperm",
            ),
            (
                Shell::Bash,
                "XDG_DATA_HOME",
                "/d",
                "/d/bash-completion/completions/ftperm",
            ),
            (
                Shell::Bash,
                "BASH_COMPLETION_USER_DIR",
                "/b",
                "/b/completions/ftperm",
            ),
            (
                Shell::Bash,
                "XDG_DATA_HOME",
                "d",
                "/home/u/.local/share/bash-completion/completions/ftperm",
            ),
            (Shell::Zsh, "", "", "/home/u/.zfunc/_ftperm"),
            (Shell::Zsh, "ZDOTDIR", "/z", "/z/.zfunc/_ftperm"),
            (
                Shell::Fish,
                "",
                "",
                "/home/u/.config/fish/completions/ftperm.fish",
            ),
            (
                Shell::Fish,
                "XDG_CONFIG_HOME",
                "/c",
                "/c/fish/completions/ftperm.fish",
            ),
        ] {
            assert_eq!(
                file(shell, name, value),
                Some(PathBuf::from(expected)),
                "{shell} {name}"
            );
        }
        assert_eq!(file(Shell::PowerShell, "", ""), None);
    }
}
