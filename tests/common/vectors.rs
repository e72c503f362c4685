//! Tests of every network of which it is known what an engine computes with it.

use ftperm::nets::source::NetSource;
use ftperm::nets::stockfish::{Network, ReadOptions};
use serde::de::DeserializeOwned;

use super::material;

/// A network, which may be inside an engine, and the lines that this one printed; and their file's name.
pub fn load<T: DeserializeOwned>(name: &str) -> Option<(Network, Vec<T>, String)> {
    let (net, path) = material::with_vectors(name)?;
    let loaded = NetSource::parse(Some(net.as_os_str()))
        .load()
        .expect("a network");
    let network = Network::parse(&loaded.bytes, &ReadOptions::default()).expect("a network");
    let text = std::fs::read_to_string(&path).expect("vectors");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of vectors"))
        .collect();
    Some((network, lines, path.display().to_string()))
}

/// One test for each network, which calls this function with its name.
macro_rules! test_each_network {
    ($check:path) => {
        #[test]
        fn demo_network() {
            $check("demo");
        }

        #[test]
        fn stockfish_14() {
            $check("nn-76a8a7ffb820");
        }

        #[test]
        fn stockfish_14_1() {
            $check("nn-13406b1dcbe0");
        }

        #[test]
        fn stockfish_15_1() {
            $check("nn-ad9b42354671");
        }

        #[test]
        fn stockfish_17_1_big() {
            $check("nn-1c0000000000");
        }

        #[test]
        fn stockfish_17_1_small() {
            $check("nn-37f18f62d772");
        }

        #[test]
        fn stockfish_17_1_lite() {
            $check("nn-9067e33176e8");
        }

        #[test]
        fn stockfish_18_big() {
            $check("nn-c288c895ea92");
        }

        #[test]
        fn stockfish_19_with_threats_and_pawn_pairs() {
            $check("nn-1a298aa575a0");
        }

        #[test]
        fn stockfish_19_lite() {
            $check("nn-61e7af4bb97d");
        }
    };
}
pub(crate) use test_each_network;
