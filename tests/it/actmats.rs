//! Activation matrices: bit for bit those of the reference tool.

use ftperm::chess::board::Board;
use ftperm::compute::cpu::CpuBackend;
use ftperm::nets::model::SampleOrder;
use ftperm::nets::stockfish::{Network, ReadOptions};
use ftperm::order::PermutationFile;
use ftperm::planes::ZeroPlanes;
use ftperm::planes::matrix::{self, ZeroRule, zero_block_percentage};

use crate::common::material;

/// Matrix, folder of its network, rule.
const MATRICES: [(&str, &str, ZeroRule); 6] = [
    (
        "seed_HalfKAv2_hm_L32",
        "seed/HalfKAv2_hm_L32",
        ZeroRule::Round,
    ),
    (
        "seed_HalfKAv2_hm_L32_trained",
        "seed/HalfKAv2_hm_L32_trained",
        ZeroRule::Round,
    ),
    ("seed_HalfKA_L32", "seed/HalfKA_L32", ZeroRule::Round),
    ("seed_HalfKAv2_L32", "seed/HalfKAv2_L32", ZeroRule::Round),
    (
        "seed_Full_Threats_L32",
        "seed/Full_Threats_L32",
        ZeroRule::Round,
    ),
    ("head_Composite_L32", "head/Composite_L32", ZeroRule::Floor),
];

fn boards() -> Option<Vec<Board>> {
    let path = material::shared("reference/actmats/fens2000.txt")?;
    let text = std::fs::read_to_string(path).unwrap();
    Some(text.lines().map(|fen| fen.parse().unwrap()).collect())
}

fn matrix(name: &str) -> Option<(Vec<u8>, ZeroPlanes)> {
    let path = material::shared(&format!("reference/actmats/{name}.actmat.npy.gz"))?;
    let bytes = material::gunzip(&path);
    let planes = matrix::parse(&mut bytes.as_slice(), bytes.len() as u64).unwrap();
    Some((bytes, planes))
}

/// The clamp is that of the version whose tool made the matrix, whatever the network was trained for.
fn network(bytes: &[u8]) -> Network {
    let options = ReadOptions {
        clamp: Some(255),
        ..ReadOptions::default()
    };
    Network::parse(bytes, &options).unwrap()
}

fn compare(name: &str, network: &Network, boards: &[Board], rule: ZeroRule) {
    let Some((bytes, expected)) = matrix(name) else {
        return;
    };
    let found = matrix::gather(network, boards, rule, |_| {});
    let differing = (0..expected.neurons())
        .flat_map(|neuron| found.plane(neuron).iter().zip(expected.plane(neuron)))
        .map(|(a, b)| (a ^ b).count_ones())
        .sum::<u32>();
    assert_eq!(differing, 0, "{name}");
    assert_eq!(found, expected, "{name}");
    let mut written = Vec::new();
    matrix::write(&found, &mut written).unwrap();
    assert!(written == bytes, "{name}: the file differs");
}

#[test]
fn every_matrix_is_the_reference_matrix() {
    let Some(boards) = boards() else { return };
    for (name, folder, rule) in MATRICES {
        let Some(path) = material::shared(&format!("reference/triples/{folder}/none.nnue.gz"))
        else {
            continue;
        };
        compare(name, &network(&material::gunzip(&path)), &boards, rule);
    }
}

#[test]
fn the_matrix_of_a_wide_network() {
    let (Some(boards), Some(path)) = (boards(), material::stockfish_net()) else {
        return;
    };
    let mut network = network(&std::fs::read(path).unwrap());
    compare("seed_sf15_L1024", &network, &boards, ZeroRule::Round);
    // The other matrix is that of the same feature transformer with all numbers doubled, under today's rule.
    for value in network.ft.bias.iter_mut().chain(&mut network.ft.wide) {
        *value *= 2;
    }
    compare(
        "head_hm_1024_from_sf15x2",
        &network,
        &boards,
        ZeroRule::Floor,
    );
    // And the compute backend says the same.
    let backend = CpuBackend::new(None).unwrap();
    let order = SampleOrder::Positions;
    let planes = ftperm::run::gather::gather(&network, &backend, &boards, order, |_| {}).unwrap();
    let Some((_, expected)) = matrix("head_hm_1024_from_sf15x2") else {
        return;
    };
    assert_eq!(planes, expected);
}

/// Matrix, permutation, and what the reference tool printed before and after it (`docs/notes/baseline.md`).
#[test]
fn percentages_are_those_that_the_reference_printed() {
    let printed = [
        (
            "seed_sf15_L1024",
            "seed_sf15_L1024",
            "52.932422",
            "65.819531",
        ),
        (
            "seed_sf15_L1024_10094pos",
            "seed_sf15_L1024_10000pos",
            "53.061611",
            "65.747714",
        ),
    ];
    for (name, permutation, before, after) in printed {
        let Some((_, planes)) = matrix(name) else {
            continue;
        };
        let Some(path) = material::shared(&format!("reference/perms/{permutation}.perm.npy"))
        else {
            continue;
        };
        let permutation = PermutationFile::read(&path).unwrap().permutation;
        let base = zero_block_percentage(&planes, None).unwrap();
        let permuted = zero_block_percentage(&planes, Some(&permutation)).unwrap();
        assert_eq!(
            (format!("{base:.6}"), format!("{permuted:.6}")),
            (before.to_string(), after.to_string())
        );
    }
}

/// Every permutation that the reference found is no worse than the order it began with.
#[test]
fn found_permutations_fit_their_matrices() {
    for (name, ..) in MATRICES {
        let Some((_, planes)) = matrix(name) else {
            continue;
        };
        let Some(path) = material::shared(&format!("reference/perms/{name}.perm.npy")) else {
            continue;
        };
        let permutation = PermutationFile::read(&path).unwrap().permutation;
        let base = zero_block_percentage(&planes, None).unwrap();
        let permuted = zero_block_percentage(&planes, Some(&permutation)).unwrap();
        assert!(permuted >= base, "{name}: {base} to {permuted}");
    }
}
