//! `ftperm embed --into lc0`

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use ftperm::files::atomic::{OutputFile, io_error};
use ftperm::files::digest::{hex, sha256};
use ftperm::nets::lc0::{Lc0File, embed, embedded};
use serde::Serialize;

use super::super::common::Files;
use crate::cli::{Global, console};

#[derive(Serialize)]
struct Report {
    net: String,
    /// SHA-256 of the network as it is in the program.
    net_sha256: String,
    /// The program had another network before.
    replaced: bool,
    out: String,
}

/// Writes a copy of the program `into` with the network inside.
pub fn run(net: &Path, into: &Path, out: &Path, global: &Global) -> anyhow::Result<()> {
    Files::new()
        .output("--out", Some(out))
        .input("--into", Some(into))
        .input("the network", Some(net))
        .check()?;
    let bytes = std::fs::read(net).with_context(|| net.display().to_string())?;
    // Only a network that lc0 can read goes in.
    Lc0File::open(net)?.net()?;
    let program = std::fs::read(into).with_context(|| into.display().to_string())?;
    let named = || into.display().to_string();
    let replaced = embedded(&program).with_context(named)?.is_some();
    let with = embed(&program, &bytes).with_context(named)?;
    let inside = embedded(&with)?.context("the network is not found again")?;
    Lc0File::read(inside)?.net()?;
    let net_sha256 = hex(&sha256(inside));
    let permissions = std::fs::metadata(into).with_context(named)?.permissions();
    let mut file = OutputFile::create(out)?;
    file.write_all(&with)
        .and_then(|()| file.set_permissions(permissions))
        .map_err(|source| io_error(out, source))?;
    file.commit()?;
    if global.json {
        return console::json(&Report {
            net: net.display().to_string(),
            net_sha256,
            replaced,
            out: out.display().to_string(),
        });
    }
    if replaced {
        console::say("the network that was inside before is replaced");
    }
    console::say("lc0 uses it with --weights='<built in>'");
    console::file(out)
}
