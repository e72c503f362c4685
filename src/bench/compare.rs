//! Two networks in one engine: the same nodes, and in which time.

use super::error::EngineError;
use super::nets::EngineNet;
use super::session::{BenchRun, EngineBench};

/// A pair of runs, one with each network.
#[derive(Clone, Debug)]
pub struct Pair {
    pub base: BenchRun,
    pub test: BenchRun,
}

impl EngineBench {
    /// Checks that the engine searches the same nodes with both networks and that it uses both; returns the nodes.
    ///
    /// Four benches: one with each network, and one with each after its output weights were changed, which must change
    /// the nodes.
    ///
    /// # Errors
    /// The nodes differ, the engine ignores a network, or a run fails.
    pub fn same_nodes(&self, base: &EngineNet, test: &EngineNet) -> Result<Pair, EngineError> {
        let pair = Pair {
            base: self.run(base.path())?,
            test: self.run(test.path())?,
        };
        if pair.base.nodes != pair.test.nodes {
            return Err(EngineError::NodesDiffer {
                base: base.name.clone(),
                base_nodes: pair.base.nodes,
                test: test.name.clone(),
                test_nodes: pair.test.nodes,
            });
        }
        for net in [base, test] {
            let altered = net.altered()?;
            // An engine that complains of the altered network, or dies of it, has looked at it.
            if let Ok(run) = self.run(altered.path())
                && run.nodes == pair.base.nodes
            {
                return Err(EngineError::IgnoresNet {
                    option: self.net_option.clone(),
                    net: net.name.clone(),
                    nodes: run.nodes,
                    bench: self.command(),
                });
            }
        }
        Ok(pair)
    }

    /// Runs the bench `pairs` times with each network, in the order base, test, test, base, and so on, so that a drift
    /// of the machine's speed touches both alike. All runs must search `nodes` nodes.
    ///
    /// # Errors
    /// A run fails or searches other nodes.
    pub fn alternate(
        &self,
        base: &EngineNet,
        test: &EngineNet,
        nodes: u64,
        pairs: u32,
        mut progress: impl FnMut(u32),
    ) -> Result<Vec<Pair>, EngineError> {
        let run = |net: &EngineNet| {
            let run = self.run(net.path())?;
            if run.nodes == nodes {
                return Ok(run);
            }
            Err(EngineError::NotRepeatable {
                bench: self.command(),
                net: net.name.clone(),
                first: nodes,
                second: run.nodes,
            })
        };
        (0..pairs)
            .map(|number| {
                let pair = if number % 2 == 0 {
                    let base = run(base)?;
                    let test = run(test)?;
                    Pair { base, test }
                } else {
                    let test = run(test)?;
                    let base = run(base)?;
                    Pair { base, test }
                };
                progress(number + 1);
                Ok(pair)
            })
            .collect()
    }
}
