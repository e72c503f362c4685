//! Runs of engines with networks, in turns, and what they tell.

use ftperm::bench::{BenchRun, Counts, EngineBench, EngineNet, SpeedRatio, median};
use ftperm::report::bench::{Comparison, Medians, Ratio};

use crate::cli::console;

/// What is to be measured.
pub struct Contest {
    pub engines: Vec<EngineBench>,
    /// The first is what the others are compared with.
    pub nets: Vec<EngineNet>,
    /// With each network.
    pub runs: u32,
    /// In percent, as [`Comparison`] has them.
    pub precision: f64,
    pub difference: f64,
}

/// An engine, the first run with the first network, and its rounds.
struct Measured<'a> {
    engine: &'a EngineBench,
    first: BenchRun,
    /// A round, and in it a run with each network.
    rounds: Vec<Vec<BenchRun>>,
}

impl Contest {
    /// Checks that all networks lead to the same nodes, then runs all in turns: rounds are spread over the engines, so
    /// that a drift of the machine's speed touches all alike. `go_on` is asked before every round.
    pub fn run(&self, go_on: impl Fn() -> anyhow::Result<()>) -> anyhow::Result<Vec<Comparison>> {
        let mut measured = Vec::new();
        for engine in &self.engines {
            go_on()?;
            let runs = engine.same_nodes(&self.nets)?;
            let Some(first) = runs.into_iter().next() else {
                continue;
            };
            let both = match self.nets.len() {
                2 => "both networks".to_string(),
                count => format!("all {count} networks"),
            };
            let name = engine.engine.display();
            let of = if self.engines.len() > 1 {
                format!(" in {name}")
            } else {
                String::new()
            };
            console::say(format!("{} nodes with {both}{of}", first.nodes));
            let rounds = Vec::new();
            measured.push(Measured {
                engine,
                first,
                rounds,
            });
        }
        for number in 0..self.runs {
            for one in &mut measured {
                go_on()?;
                let round = one.engine.round(&self.nets, one.first.nodes, number)?;
                one.rounds.push(round);
            }
            let what = if self.nets.len() == 2 {
                "pair"
            } else {
                "round"
            };
            console::say(format!("{what} {} of {}", number + 1, self.runs));
        }
        let mut comparisons = Vec::new();
        for one in &measured {
            for test in 1..self.nets.len() {
                comparisons.push(self.compare(one, test)?);
            }
        }
        Ok(comparisons)
    }

    /// Network number `test` with the first one.
    fn compare(&self, measured: &Measured, test: usize) -> anyhow::Result<Comparison> {
        let pairs = Pairs {
            pairs: measured
                .rounds
                .iter()
                .map(|round| (&round[0], &round[test]))
                .collect(),
            nodes: measured.first.nodes,
            precision: self.precision / 100.0,
            difference: self.difference / 100.0,
        };
        let no_cpu = pairs.first_error(|run| &run.cpu_seconds);
        let cpu = match no_cpu {
            Some(_) => None,
            None => {
                Some(pairs.ratio(|run| run.cpu_seconds.as_ref().map_or(0.0, |&seconds| seconds))?)
            }
        };
        let no_counters = pairs.first_error(|run| &run.counts);
        let counted = |of: fn(&Counts) -> f64| {
            let count = |run: &BenchRun| run.counts.as_ref().map_or(0.0, of);
            no_counters.is_none().then(|| pairs.medians(count))
        };
        Ok(Comparison {
            engine: measured.engine.engine.display().to_string(),
            name: measured.first.name.clone(),
            bench: measured.engine.command(),
            base: self.nets[0].name.clone(),
            test: self.nets[test].name.clone(),
            runs: self.runs,
            nodes: measured.first.nodes,
            precision_percent: self.precision,
            difference_percent: self.difference,
            clock: pairs.ratio(|run| run.seconds)?,
            cpu,
            no_cpu,
            instructions: counted(|counts| counts.instructions),
            cycles: counted(|counts| counts.cycles),
            no_counters,
        })
    }
}

/// Runs with two networks.
struct Pairs<'a> {
    pairs: Vec<(&'a BenchRun, &'a BenchRun)>,
    nodes: u64,
    /// Shares.
    precision: f64,
    difference: f64,
}

impl Pairs<'_> {
    fn medians(&self, of: impl Fn(&BenchRun) -> f64) -> Medians {
        let base = median(&self.pairs.iter().map(|pair| of(pair.0)).collect::<Vec<_>>());
        let test = median(&self.pairs.iter().map(|pair| of(pair.1)).collect::<Vec<_>>());
        Medians {
            base,
            test,
            ratio: test / base,
        }
    }

    /// Of times.
    fn ratio(&self, of: impl Fn(&BenchRun) -> f64) -> anyhow::Result<Ratio> {
        let times: Vec<(f64, f64)> = self
            .pairs
            .iter()
            .map(|(base, test)| (of(base), of(test)))
            .collect();
        let ratio = SpeedRatio::of_pairs(&times)?;
        let seconds = self.medians(of);
        let nodes = self.nodes as f64;
        Ok(Ratio {
            base_median_seconds: seconds.base,
            test_median_seconds: seconds.test,
            base_nodes_per_second: nodes / seconds.base,
            test_nodes_per_second: nodes / seconds.test,
            ratio: ratio.ratio,
            ratio_low: ratio.low,
            ratio_high: ratio.high,
            runs_needed: ratio.pairs_needed(self.precision),
            runs_to_tell: ratio.pairs_to_tell(self.difference),
        })
    }

    /// Why a run has no figure of this kind, if one has none.
    fn first_error<T>(&self, of: impl Fn(&BenchRun) -> &Result<T, String>) -> Option<String> {
        let runs = self.pairs.iter().flat_map(|(base, test)| [*base, *test]);
        runs.filter_map(|run| of(run).as_ref().err().cloned())
            .next()
    }
}
