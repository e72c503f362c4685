//! What the commands share that work on networks of other engines.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use ftperm::nets::described::{Layout, RawNet};

use super::{UsageError, console};

/// A network of another engine.
#[derive(Debug, clap::Args)]
pub struct LayoutArgs {
    /// The network is of another engine, and this TOML file describes it (docs/5-other-engines.md, layouts/)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["era", "clamp"])]
    pub layout: Option<PathBuf>,
}

/// Reads a layout and a network that has it.
pub fn load_under(layout: &Path, net: Option<&OsStr>) -> anyhow::Result<(RawNet, PathBuf)> {
    load_as(&Layout::read(layout)?, net)
}

/// Reads a network that has this layout, and says what it is.
pub fn load_as(layout: &Layout, net: Option<&OsStr>) -> anyhow::Result<(RawNet, PathBuf)> {
    let Some(net) = net else {
        let text = "--layout describes a file: name it with --net";
        return Err(UsageError(text.into()).into());
    };
    let path = PathBuf::from(net);
    let net = RawNet::read(&path, layout)?;
    let input = layout.input();
    console::say(format!(
        "network {}: {}, {} neurons per perspective, {} inputs in {} king bucket{}",
        path.display(),
        layout.name,
        layout.neurons(),
        input.features(),
        input.buckets(),
        if input.buckets() == 1 { "" } else { "s" }
    ));
    if !layout.has_byte_layer() {
        console::say(
            "note: the first layer's weights are not i8, so engines have no blocks of four bytes to skip there; \
             a permutation is valid but brings nothing",
        );
    }
    Ok((net, path))
}
