//! The zero planes of every backend against what real engines computed.

use ftperm::chess::board::Board;
use ftperm::compute::Backend;
use ftperm::compute::cpu::{CpuBackend, InstructionSet};
use ftperm::compute::gpu::{AdapterSelector, GpuBackend, list_adapters};
use ftperm::nets::model::SampleOrder;
use ftperm::nets::stockfish::Network;
use ftperm::planes::ZeroPlanes;
use ftperm::run::gather::gather;
use serde::Deserialize;

use crate::common::{material, vectors};

#[derive(Deserialize)]
struct Line {
    i: usize,
    fen: String,
    ft_zero: usize,
    ft_zero4: usize,
    ft_hex: Option<String>,
}

/// Every instruction set of this machine, and the first graphics adapter, software or not.
fn backends() -> Vec<Box<dyn Backend>> {
    let mut backends: Vec<Box<dyn Backend>> = InstructionSet::ALL
        .into_iter()
        .filter(|set| set.is_supported())
        .map(|set| -> Box<dyn Backend> {
            Box::new(CpuBackend::with_instruction_set(None, set).unwrap())
        })
        .collect();
    if list_adapters().is_empty() {
        material::missing::<()>("a graphics adapter, e.g. of mesa-vulkan-drivers,");
    } else {
        backends.push(Box::new(
            GpuBackend::new(&AdapterSelector::Index(0)).unwrap(),
        ));
    }
    backends
}

fn planes(
    network: &Network,
    boards: &[Board],
    backend: &dyn Backend,
    order: SampleOrder,
) -> ZeroPlanes {
    gather(network, backend, boards, order, |_| {}).unwrap()
}

fn check(name: &str) {
    let Some((network, lines, file)) = vectors::load::<Line>(name) else {
        return;
    };
    let boards: Vec<Board> = lines.iter().map(|line| line.fen.parse().unwrap()).collect();
    let mut sorted = None;
    for backend in backends() {
        let found = planes(&network, &boards, backend.as_ref(), SampleOrder::Positions);
        let name = format!("{file} on {}", backend.adapter());
        for (number, line) in lines.iter().enumerate() {
            // Samples 2k and 2k + 1 are the two halves of position k's bytes.
            let zeros: Vec<bool> = [2 * number, 2 * number + 1]
                .into_iter()
                .flat_map(|sample| (0..found.neurons()).map(move |neuron| (neuron, sample)))
                .map(|(neuron, sample)| found.get(neuron, sample))
                .collect();
            let bytes = zeros.iter().filter(|&&zero| zero).count();
            let blocks = zeros
                .as_chunks::<4>()
                .0
                .iter()
                .filter(|&&block| block == [true; 4]);
            assert_eq!(
                (bytes, blocks.count()),
                (line.ft_zero, line.ft_zero4),
                "{name} {}",
                line.i
            );
            if let Some(hex) = &line.ft_hex {
                let bytes = hex.as_bytes().as_chunks::<2>().0;
                let expected: Vec<bool> = bytes.iter().map(|byte| byte == b"00").collect();
                assert_eq!(zeros, expected, "{name} {}", line.i);
            }
        }
        // In king order every backend gives the same planes, and the counts stay.
        let found_sorted = planes(&network, &boards, backend.as_ref(), SampleOrder::KingPlaces);
        assert_eq!(found_sorted.zero_counts(), found.zero_counts(), "{name}");
        let first = sorted.get_or_insert_with(|| found_sorted.clone());
        assert!(*first == found_sorted, "{name}");
    }
}

vectors::test_each_network!(check);
