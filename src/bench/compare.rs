//! Networks in one engine: the same nodes, and in which time.

use super::error::EngineError;
use super::nets::EngineNet;
use super::session::{BenchRun, EngineBench};

impl EngineBench {
    /// Checks that the engine searches the same nodes with all networks as with the first one, and that it uses each;
    /// returns a run with each.
    ///
    /// Two benches a network: one with it, and one after its output weights were changed, which must change the nodes.
    ///
    /// # Errors
    /// The nodes differ, the engine ignores a network, or a run fails.
    pub fn same_nodes(&self, nets: &[EngineNet]) -> Result<Vec<BenchRun>, EngineError> {
        let runs: Vec<BenchRun> = nets
            .iter()
            .map(|net| self.run(net.path()))
            .collect::<Result<_, _>>()?;
        for (net, run) in nets.iter().zip(&runs) {
            let (base, first) = (&nets[0], &runs[0]);
            if run.nodes != first.nodes {
                return Err(EngineError::NodesDiffer {
                    base: base.name.clone(),
                    base_nodes: first.nodes,
                    test: net.name.clone(),
                    test_nodes: run.nodes,
                });
            }
        }
        for (net, run) in nets.iter().zip(&runs) {
            let altered = net.altered()?;
            // An engine that complains of the altered network, or dies of it, has looked at it.
            if let Ok(changed) = self.run(altered.path())
                && changed.nodes == run.nodes
            {
                return Err(EngineError::IgnoresNet {
                    option: self.net_option.clone(),
                    net: net.name.clone(),
                    nodes: changed.nodes,
                    bench: self.command(),
                });
            }
        }
        Ok(runs)
    }

    /// Runs the bench once with each network, and returns the runs in the order of the networks. Rounds of odd `number`
    /// go through them backwards, so that a drift of the machine's speed touches all alike: base, test, test, base, and
    /// so on. All runs must search `nodes` nodes.
    ///
    /// # Errors
    /// A run fails or searches other nodes.
    pub fn round(
        &self,
        nets: &[EngineNet],
        nodes: u64,
        number: u32,
    ) -> Result<Vec<BenchRun>, EngineError> {
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
        if number.is_multiple_of(2) {
            return nets.iter().map(run).collect();
        }
        let runs: Result<Vec<BenchRun>, EngineError> = nets.iter().rev().map(run).collect();
        runs.map(|mut runs| {
            runs.reverse();
            runs
        })
    }
}
