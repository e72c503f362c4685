//! Networks of other engines, made of what their trainers wrote.

use std::path::Path;

use ftperm::chess::random_games::random_positions;
use ftperm::files::atomic::{FinishedFile, check_writable, commit_all};
use ftperm::nets::deliver::{Target, write_described, write_permuted};
use ftperm::nets::described::{Quantised, RawNet};
use ftperm::nets::model::Model as _;
use ftperm::order::PermutationFile;

use super::{Report, Serialize, VERIFIED_POSITIONS};
use crate::cli::common::{Files, NetSummary, check_entries};
use crate::cli::{Global, UsageError, console, layout};

/// Options that mean something here.
const KNOWN: [&str; 3] = ["--layout", "--out-sha", "--ft-perm"];

impl Serialize {
    pub(super) fn run_trained(&self, layout: &Path, global: &Global) -> anyhow::Result<()> {
        let mut given = global.given.iter();
        if let Some(option) = given.find(|option| !KNOWN.contains(&option.as_str())) {
            let text = format!("{option} does not go with --layout");
            return Err(UsageError(text).into());
        }
        let target = Some(self.target.as_path()).filter(|_| !self.out_sha);
        Files::new()
            .output("TARGET", target)
            .input("SOURCE", Some(Path::new(&self.source)))
            .input("--layout", layout::file(layout))
            .input("--ft-perm", self.ft_perm.as_deref())
            .check()?;
        let target = if self.out_sha {
            self.named()?
        } else {
            check_writable(&self.target)?;
            Target::File(self.target.clone())
        };
        let layout = layout::read(layout)?.layout;
        layout::say_notes(&layout);
        let Quantised {
            net,
            limited,
            source,
        } = layout.quantise(Path::new(&self.source))?;
        console::say(format!("{}: {source}, {}", self.source_name(), layout.name));
        if limited > 0 {
            console::warn(format!(
                "{limited} weights are larger than the engine's file holds or its tool lets them be: they became the \
                 largest that are allowed"
            ));
        }
        layout::say_overflow(&net);
        let (finished, proof) = self.write_made(net, &target)?;
        let report = Report {
            l1: Some(layout.columns()),
            permuted: self.ft_perm.is_some(),
            clamped: limited,
            ..Report::new(
                self.source_name(),
                NetSummary::new(finished.target(), &finished.sha256()),
            )
        };
        commit_all(vec![finished])?;
        console::say(proof);
        console::say(format!("wrote {}", report.out.path));
        if global.json {
            console::json(&report)
        } else {
            console::result(&report.out.path)
        }
    }

    /// Writes it in the order of --ft-perm, or in the one that the trainer's neurons have; and what was proved.
    fn write_made(&self, net: RawNet, target: &Target) -> anyhow::Result<(FinishedFile, String)> {
        let Some(file) = &self.ft_perm else {
            let text = "read back: every byte is as it was to be written";
            return Ok((write_described(&net, target)?, text.into()));
        };
        let permutation = PermutationFile::read(file)?.permutation;
        check_entries(file, &permutation, net.shape().neurons)?;
        let boards = random_positions(1, VERIFIED_POSITIONS);
        let proved = write_permuted(Box::new(net), &permutation, target, boards, &|| {})?;
        Ok((proved.file, proved.proof))
    }
}
