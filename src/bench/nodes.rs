//! The line in which an engine reports its bench.

/// The nodes of a whole bench, if this line reports them.
///
/// Accepted, in upper or lower case: Stockfish's `Nodes searched  : 9982` (`src/benchmark.cpp` and `uci.cpp` of every
/// version), OpenBench's `9982 nodes 322000 nps`, and `Bench: 9982`. `info` lines tell the nodes of one position and
/// are not accepted.
pub(super) fn bench_nodes(line: &str) -> Option<u64> {
    let line = line.to_ascii_lowercase();
    let words: Vec<&str> = line
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    match words.as_slice() {
        ["info", ..] => None,
        ["nodes", "searched", nodes]
        | ["total", "nodes", nodes]
        | ["total", "nodes", "searched", nodes]
        | ["bench", nodes] => nodes.parse().ok(),
        _ => {
            let nps = words.contains(&"nps");
            let at = words.iter().position(|&word| word == "nodes")?;
            let number = |at: usize| words.get(at)?.parse().ok();
            let before = at.checked_sub(1).and_then(number);
            before.or_else(|| number(at + 1)).filter(|_| nps)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_and_nothing_else() {
        for (line, nodes) in [
            ("Nodes searched  : 9982", Some(9982)),
            ("Nodes searched: 9982", Some(9982)),
            ("9982 nodes 322000 nps", Some(9982)),
            ("Bench: 9982", Some(9982)),
            ("Nodes: 9982 NPS: 322000", Some(9982)),
            ("Nodes/second    : 322000", None),
            ("info depth 1 nodes 20 nps 4000 time 5", None),
            ("Nodes searched  : 99999999999999999999", None),
            ("Nodes searched  : many", None),
            ("nodes nps", None),
            ("", None),
        ] {
            assert_eq!(bench_nodes(line), nodes, "{line}");
        }
    }
}
