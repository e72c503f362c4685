//! `ftperm verify`

use std::path::PathBuf;

use anyhow::anyhow;
use ftperm::chess::board::Board;
use ftperm::chess::random_games::random_positions;
use ftperm::nets::described::{self, Layout};
use ftperm::nets::stockfish::verify::{
    Differences, ReferenceOutputs, WeightComparison, WeightDifference, compare_weights,
};
use ftperm::report::Verified;
use serde::Serialize;

use super::bench::{BenchArgs, engine_net};
use super::common::{LoadedNet, NetSummary, PositionArgs, ReadingArgs, load_pair};
use super::layout::{self, LayoutArgs};
use super::{Global, console, lc0};

/// Prove that two networks compute the same
///
/// All weights are compared, whatever the order of the neurons, the compression and the layout of the files: if they
/// are the same, so is the function, for every position. If they are not, the first differences are named, and the raw
/// PSQT and positional outputs of all buckets are compared on positions: those of --data, or of random games. Exit code
/// 1 if a weight differs that some position may read, even if these positions do not show it. Weight files of Lc0 are
/// compared tensor by tensor, as lc0 has them after loading.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// A network
    a: PathBuf,
    /// The network that should compute the same
    b: PathBuf,
    #[command(flatten)]
    pub(super) positions: PositionArgs,
    /// Positions to compare on, where weights differ or --data is given
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Also run the bench of this engine: it must search the same number of nodes with both networks
    #[arg(long, value_name = "ENGINE")]
    engine: Option<PathBuf>,
    #[command(flatten)]
    bench: BenchArgs,
    #[command(flatten)]
    layout: LayoutArgs,
    #[command(flatten)]
    lc0: lc0::VersionArgs,
    /// For networks of Lc0, which are compared tensor by tensor: the largest difference of values that counts as equal
    #[arg(long, value_name = "X", value_parser = tolerance, help_heading = "Networks of Lc0")]
    tolerance: Option<f32>,
}

fn tolerance(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if value >= 0.0 => Ok(value),
        _ => Err("a number of 0 or more is expected".to_string()),
    }
}

#[derive(Serialize)]
struct Report {
    a: NetSummary,
    b: NetSummary,
    verified: Verified,
    /// Are they the same neurons in another order, and so equal on every position? Not known of networks of different
    /// kinds.
    same_neurons: Option<bool>,
    difference: Option<String>,
    /// Weights that differ; not known of networks of different kinds and under a layout.
    differences: Option<WeightReport>,
    /// Nodes of the engine's bench, equal for both networks.
    nodes: Option<u64>,
    version: &'static str,
}

/// How many weights differ, and which are the first.
#[derive(Serialize)]
struct WeightReport {
    count: u64,
    unreachable: u64,
    unread: u64,
    first: Vec<WeightDifference>,
}

/// Two networks, and what was found.
struct Compared {
    a: NetSummary,
    b: NetSummary,
    verified: Verified,
    same_neurons: Option<bool>,
    differences: Option<WeightReport>,
    /// What is equal, or what is not.
    outcome: Result<String, String>,
}

impl Verify {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        if lc0::holds_net(&self.a)? && lc0::holds_net(&self.b)? {
            lc0::refuse_all_but(&["--lc0-version", "--tolerance"], global)?;
            lc0::refuse_others(&[
                ("--engine", self.engine.is_some()),
                ("--layout", self.layout.layout.is_some()),
            ])?;
            let tolerance = self.tolerance.unwrap_or(0.0);
            return lc0::verify::run(&self.a, &self.b, tolerance, &self.lc0, global);
        }
        self.lc0.refuse()?;
        lc0::refuse("--tolerance", self.tolerance.is_some())?;
        let Compared {
            a,
            b,
            verified,
            same_neurons,
            differences,
            outcome,
        } = match self.layout.of(Some(self.a.as_os_str()), &self.reading)? {
            Some(layout) => self.compare_under(&layout)?,
            None => self.compare()?,
        };
        let nodes = match &self.engine {
            Some(engine) if outcome.is_ok() => {
                let nets = [
                    engine_net(self.a.as_os_str())?,
                    engine_net(self.b.as_os_str())?,
                ];
                let runs = self.bench.of(engine).same_nodes(&nets)?;
                runs.first().map(|run| run.nodes)
            }
            _ => None,
        };
        if global.json {
            console::json(&Report {
                a,
                b,
                verified,
                same_neurons,
                difference: outcome.clone().err(),
                differences,
                nodes,
                version: env!("CARGO_PKG_VERSION"),
            })?;
        }
        let equal = outcome.map_err(|difference| {
            anyhow!(
                "{} and {} differ: {difference}",
                self.a.display(),
                self.b.display()
            )
        })?;
        if !global.json {
            console::result(equal)?;
            if let Some(nodes) = nodes {
                console::result(format!("equal in the engine: {nodes} nodes"))?;
            }
        }
        Ok(())
    }

    fn compare(&self) -> anyhow::Result<Compared> {
        let (a, mut b) = load_pair(self.a.as_os_str(), self.b.as_os_str(), &self.reading)?;
        let compared = compare_weights(&a.network, &mut b.network);
        let proved = compared.as_ref().is_ok_and(WeightComparison::is_proved);
        let boards = self.boards(proved)?;
        let reference = ReferenceOutputs::new(&a.network, boards);
        let positions = reference.len();
        let evaluated = reference.compare(&b.network);
        let on_positions = match (&evaluated, positions) {
            (_, 0) => String::new(),
            (Ok(()), _) if proved => format!("; equal in all buckets on {positions} positions"),
            (Ok(()), _) => format!("\nequal in all buckets on {positions} positions"),
            (Err(difference), _) => format!("\n{difference}"),
        };
        let text = match &compared {
            Ok(compared) => {
                say_notes(compared, &a, &b);
                weights_text(compared)
            }
            Err(other) => format!("not proved: {other}"),
        };
        let text = format!("{text}{on_positions}");
        Ok(Compared {
            a: NetSummary::from(&a),
            b: NetSummary::from(&b),
            verified: Verified {
                positions,
                equal: evaluated.is_ok(),
                proved,
            },
            same_neurons: compared.as_ref().ok().map(|_| proved),
            differences: compared.ok().map(|comparison| WeightReport {
                count: comparison.differences.count(),
                unreachable: comparison.differences.unreachable(),
                unread: comparison.differences.unread(),
                first: comparison.differences.first().to_vec(),
            }),
            outcome: if proved && evaluated.is_ok() {
                Ok(text)
            } else {
                Err(text)
            },
        })
    }

    /// Positions to compare on: none if it is proved already and none were asked for.
    fn boards(&self, proved: bool) -> anyhow::Result<Vec<Board>> {
        if !self.positions.data.is_empty() {
            return Ok(self.positions.read(self.count, None)?.boards);
        }
        let count = if proved { 0 } else { self.count as usize };
        Ok(random_positions(self.positions.seed, count))
    }

    fn compare_under(&self, layout: &Layout) -> anyhow::Result<Compared> {
        let (a, _) = layout::load(layout, Some(self.a.as_os_str()))?;
        let (b, _) = layout::load(layout, Some(self.b.as_os_str()))?;
        layout::say_overflow(&a);
        let boards = if self.positions.data.is_empty() {
            random_positions(self.positions.seed, self.count as usize)
        } else {
            self.positions.read(self.count, None)?.boards
        };
        let proof = described::compare(&a, &b, &boards);
        let proved = proof.as_ref().is_ok_and(|proof| proof.same_neurons);
        Ok(Compared {
            a: NetSummary::new(&self.a, &a.sha256()),
            b: NetSummary::new(&self.b, &b.sha256()),
            verified: Verified {
                positions: boards.len(),
                equal: proof.is_ok(),
                proved,
            },
            same_neurons: Some(proved),
            differences: None,
            outcome: match proof {
                Ok(proof) if proved => Ok(described::proof_text(proof)),
                Ok(proof) => Err(described::proof_text(proof)),
                Err(difference) => Err(difference.to_string()),
            },
        })
    }
}

/// What is said beside the outcome: differences that change no evaluation.
fn say_notes(compared: &WeightComparison, a: &LoadedNet, b: &LoadedNet) {
    if let Some(era) = compared.relaid {
        console::say(format!(
            "the second network has the layout of era {era}, in which the same weights compute the same"
        ));
    }
    if a.network.description != b.network.description {
        console::say("note: the descriptions in their headers differ");
    }
    if compared.crossed_pairs > 0 {
        console::say(format!(
            "note: the two columns of {} neurons have changed places, which does not change their product",
            compared.crossed_pairs
        ));
    }
    let unread = compared.differences.unread();
    if let Some(first) = compared.differences.first_unread().first() {
        console::say(format!(
            "note: {} that no position reads {}: {first}",
            counted(unread, "value"),
            if unread == 1 { "differs" } else { "differ" }
        ));
    }
}

/// What the comparison of all weights says.
fn weights_text(compared: &WeightComparison) -> String {
    let differences = &compared.differences;
    let order = &compared.permutation;
    let moved = order
        .indices()
        .iter()
        .zip(0..)
        .filter(|(old, new)| *old != new);
    match differences.first() {
        [] if order.is_identity() => {
            "proved: the same weights, so the same function for every position".to_string()
        }
        [] => format!(
            "proved: the same function for every position: the second network is the first with its neurons permuted \
             ({} of {} at another place)",
            moved.count(),
            order.len()
        ),
        first => {
            let lines: Vec<String> = first.iter().map(|it| format!("\n  {it}")).collect();
            format!(
                "not proved: {} {} (value in the first, in the second network):{}{}{}",
                counted(differences.count(), "weight"),
                if differences.count() == 1 {
                    "differs"
                } else {
                    "differ"
                },
                lines.concat(),
                if differences.count() > first.len() as u64 {
                    "\n  ..."
                } else {
                    ""
                },
                unreachable_text(differences),
            )
        }
    }
}

/// What differences in rows of features mean that no legal position activates.
fn unreachable_text(differences: &Differences) -> String {
    let (all, unreachable) = (differences.count(), differences.unreachable());
    match unreachable {
        0 => String::new(),
        _ if unreachable == all => {
            "\nproved: equal on every legal position: no other weights differ than those of \
                                    features that no legal position activates"
                .to_string()
        }
        _ => format!(
            "\n{unreachable} of them are of features that no legal position activates, {} are not",
            all - unreachable
        ),
    }
}

fn counted(count: u64, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}
