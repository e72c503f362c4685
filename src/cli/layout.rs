//! What the commands share that work on networks of other engines.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use ftperm::chess::board::Board;
use ftperm::files::atomic::FinishedFile;
use ftperm::nets::deliver::Target;
use ftperm::nets::described::{Layout, Proof, RawNet, write_checked};
use ftperm::order::Permutation;

use super::{UsageError, console};

/// A network of another engine.
#[derive(Debug, clap::Args)]
pub struct LayoutArgs {
    /// The network is of another engine, and this TOML file describes it (docs/5-other-engines.md, layouts/)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["era", "clamp"])]
    pub layout: Option<PathBuf>,
}

/// Reads a layout and a network that has it.
pub fn load(layout: &Path, net: Option<&OsStr>) -> anyhow::Result<(RawNet, PathBuf)> {
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

/// Writes a network with its neurons reordered and checks it; a name made from the contents keeps the extension.
pub fn deliver(
    net: &RawNet,
    path: &Path,
    permutation: &Permutation,
    target: &Target,
    boards: &[Board],
) -> anyhow::Result<(FinishedFile, Proof)> {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or("bin");
    Ok(write_checked(net, permutation, target, extension, boards)?)
}

/// What was proved, for people.
pub fn proof_text(proof: Proof) -> String {
    let sums = format!(
        "all sums of the first layer are equal on {} positions, and all that no order touches is equal byte by byte",
        proof.positions
    );
    if proof.same_neurons {
        format!("the same neurons in another order; {sums}")
    } else {
        format!("not the same neurons, but {sums}")
    }
}

/// The same as a line at the end of a run.
pub fn proof_line(proof: Proof) -> String {
    format!("verified under the layout: {}", proof_text(proof))
}
