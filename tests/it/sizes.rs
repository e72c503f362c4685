//! Networks of all sizes, and of numbers that no engine has: what is read, and that it is written as it was.

use crate::common::material;

use crate::common::program::{Case, ftperm, text};
use ftperm::chess::random_games::random_positions;
use ftperm::nets::checkpoint::{Checkpoint, ConvertOptions};
use ftperm::nets::stockfish::inference::evaluate;
use ftperm::nets::stockfish::verify::ReferenceOutputs;
use ftperm::nets::stockfish::{
    Architecture, ERAS, FtCompression, Network, ReadOptions, StackVariant, TensorRole, era,
};
use ftperm::order::Permutation;
use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A raw network file of an architecture, by the description of the format and not by the program's own writer.
fn sample(architecture: &Architecture, random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in [architecture.version, architecture.header_hash(), 3] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(b"any");
    bytes.extend(architecture.ft_hash().to_le_bytes());
    for spec in architecture.layout {
        for _ in 0..architecture.tensor_len(spec.role) {
            let value = random.next_u32() as i32;
            match spec.role {
                TensorRole::Narrow(..) => bytes.push(value as u8),
                TensorRole::Bias | TensorRole::Wide(..) => {
                    bytes.extend(((value >> 24) as i16).to_le_bytes());
                }
                TensorRole::Psqt(..) => bytes.extend((value >> 16).to_le_bytes()),
            }
        }
    }
    for _ in 0..architecture.stacks {
        bytes.extend(architecture.stack_hash().to_le_bytes());
        for (number, (inputs, outputs)) in architecture.layer_sizes().layers.into_iter().enumerate()
        {
            for _ in 0..outputs {
                bytes.extend((random.next_u32() as i32 >> 18).to_le_bytes());
            }
            let padded = inputs.div_ceil(32) * 32;
            for _ in 0..outputs {
                let start = bytes.len();
                bytes.resize(start + padded, 0);
                random.fill_bytes(&mut bytes[start..start + inputs]);
                // A weight in the last column: that is what tells SFNNv5 from SFNNv4.
                if number == 1 {
                    bytes[start + inputs - 1] = 1;
                }
            }
        }
    }
    bytes
}

fn shuffled(neurons: usize, random: &mut ChaCha8Rng) -> Permutation {
    let mut indices: Vec<u32> = (0..neurons as u32).collect();
    indices.shuffle(random);
    Permutation::new(indices).unwrap()
}

/// Every kind of layers, sizes from the least to some beyond any engine's, one to sixteen stacks.
#[test]
fn all_sizes_are_read_permuted_and_written() {
    let kinds = ["v1", "v2", "v4", "v5", "v14.1", "lite768", "hm", "pp"];
    let mut random = ChaCha8Rng::seed_from_u64(8);
    for round in 0..24 {
        let era = era(kinds[round % kinds.len()]).unwrap();
        let stacks = if era.architecture.psqt_buckets == 0 {
            1
        } else {
            [8, 1, 2, 3, 5, 16][random.random_range(0..6)]
        };
        let architecture = Architecture {
            l1: 8 * random.random_range(1..8),
            outputs0: random.random_range(2..70),
            outputs1: random.random_range(1..70),
            stacks,
            psqt_buckets: era.architecture.psqt_buckets.min(stacks),
            ..era.architecture
        };
        let architecture = Architecture {
            psqt_buckets: if architecture.psqt_buckets == 0 {
                0
            } else {
                stacks
            },
            ..architecture
        };
        let what = format!(
            "{} L1 {} layers {} {} stacks {stacks}",
            era.id, architecture.l1, architecture.outputs0, architecture.outputs1
        );
        let bytes = sample(&architecture, &mut random);
        let mut network = Network::parse(&bytes, &ReadOptions::default())
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let found = network.architecture;
        assert_eq!(
            (found.l1, found.outputs0, found.outputs1, found.stacks),
            (
                architecture.l1,
                architecture.outputs0,
                architecture.outputs1,
                stacks
            ),
            "{what}"
        );
        if architecture.stack != StackVariant::Skip {
            assert_eq!(found.stack, architecture.stack, "{what}");
        }
        assert!(network.to_bytes() == bytes, "{what}");
        // Where one hash stands alone, several sizes may have it: then the end of the file must tell.
        if stacks > 1 {
            let extent = Network::extent(&[&bytes[..], &[7; 99]].concat());
            assert_eq!(extent, Some(bytes.len()), "{what}");
        }
        let reference = ReferenceOutputs::new(&network, random_positions(1, 20));
        let order = shuffled(found.neurons(), &mut random);
        network.permute(&order).unwrap();
        reference.compare_permuted(&network, &order).unwrap();
        // LEB128 too, where numbers of columns are not to be told by lengths.
        network.set_compression(FtCompression::Leb128);
        let compressed = network.to_bytes();
        let options = ReadOptions {
            era: None,
            clamp: None,
        };
        let again = Network::parse(&compressed, &options).unwrap();
        assert!(
            again.ft == network.ft && again.stacks == network.stacks,
            "{what}"
        );
        assert!(
            Network::parse(&compressed[..compressed.len() - 1], &options).is_err(),
            "{what}"
        );
    }
}

/// One bucket of a network with eight looks like a network of seven, but for its PSQT.
#[test]
fn a_network_without_its_last_stack_is_no_network() {
    let architecture = Architecture {
        l1: 32,
        ..era("small127").unwrap().architecture
    };
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let bytes = sample(&architecture, &mut random);
    let cut = &bytes[..bytes.len() - architecture.layer_sizes().stack_bytes()];
    assert!(Network::parse(cut, &ReadOptions::default()).is_err());
    assert_eq!(Network::extent(cut), None);
}

#[test]
fn steps_of_the_number_of_pieces() {
    let architecture = Architecture {
        l1: 32,
        stacks: 4,
        psqt_buckets: 4,
        ..era("hm").unwrap().architecture
    };
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let network =
        Network::parse(&sample(&architecture, &mut random), &ReadOptions::default()).unwrap();
    assert!(network.recognition.assumptions[0].contains("4 equal steps"));
    let start = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"
        .parse()
        .unwrap();
    assert_eq!(evaluate(&network, &start).bucket, 3);
    let kings = "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1".parse().unwrap();
    assert_eq!(evaluate(&network, &kings).bucket, 0);
}

/// The reference tool's own network of L2 = 8 and L3 = 16, and the checkpoint it was made of.
#[test]
fn l3_of_16() {
    let (Some(net), Some(checkpoint)) = (
        material::shared("cases/L3-16.nnue"),
        material::shared("cases/L3-16.ckpt"),
    ) else {
        return;
    };
    let expected = std::fs::read(&net).unwrap();
    let network = Network::parse(&expected, &ReadOptions::default()).unwrap();
    let architecture = network.architecture;
    assert_eq!(
        (
            architecture.l1,
            architecture.l2(),
            architecture.l3(),
            architecture.stacks
        ),
        (32, 8, 16, 8)
    );
    assert!(network.to_bytes() == expected);
    let checkpoint = Checkpoint::open(&checkpoint).unwrap();
    let (mut converted, _) = checkpoint.to_network(&ConvertOptions::default()).unwrap();
    converted.set_compression(FtCompression::Leb128);
    assert!(converted.to_bytes() == expected);
}

#[test]
fn the_commands_take_l3_of_16() {
    let (Some(net), Some(checkpoint)) = (
        material::shared("cases/L3-16.nnue"),
        material::shared("cases/L3-16.ckpt"),
    ) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = |arguments: &[&str], code: i32| {
        let output = ftperm(folder, arguments);
        let all = text(&output.stderr) + &text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {all}");
        all
    };
    let (net, checkpoint) = (net.to_str().unwrap(), checkpoint.to_str().unwrap());
    run(&["serialize", checkpoint, "made.nnue"], 0);
    assert!(std::fs::read(folder.join("made.nnue")).unwrap() == std::fs::read(net).unwrap());
    let data = material::own("datasets/selfplay.binpack");
    let data = data.to_str().unwrap();
    run(
        &["verify", checkpoint, net, "--data", data, "--count", "100"],
        0,
    );
    for (source, out) in [(net, "a.nnue"), (checkpoint, "b.nnue")] {
        let arguments = [
            "optimize", "--net", source, "--data", data, "--count", "500", "--out", out,
        ];
        run(&arguments, 0);
    }
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(read("a.nnue") == read("b.nnue"));
    let said = run(
        &["serialize", checkpoint, "c.nnue", "--l2", "8", "--l3", "32"],
        1,
    );
    assert!(
        said.contains("L3 is 16 by the tensors, --l3 says 32"),
        "{said}"
    );
    let said = run(&["serialize", net, "c.nnue", "--l2", "15"], 1);
    assert!(
        said.contains("L2 of ") && said.contains("is 8, --l2 says 15"),
        "{said}"
    );
    let said = run(
        &["serialize", net, "c.nnue", "--features", "HalfKAv2hm^"],
        2,
    );
    assert!(said.contains("is HalfKAv2_hm meant?"), "{said}");
}

/// A fork's network: an era's tensors under a version and hashes of its own.
#[test]
fn an_era_that_is_asked_for_is_taken_whatever_the_numbers() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for (id, l1) in [("v5", 64), ("v1", 256), ("v16", 32), ("small255", 128)] {
        let era = era(id).unwrap();
        let architecture = Architecture {
            l1,
            ..era.architecture
        };
        let own = sample(&architecture, &mut random);
        let mut fork = own.clone();
        // Version, header hash, and the feature transformer's hash behind a description of three bytes.
        for at in [0, 4, 15] {
            fork[at..at + 4].copy_from_slice(&0x1234_5678_u32.to_le_bytes());
        }
        assert!(Network::parse(&fork, &ReadOptions::default()).is_err());
        let options = ReadOptions {
            era: Some(era),
            clamp: None,
        };
        let mut network = Network::parse(&fork, &options).unwrap();
        let found = network.architecture;
        assert!(found.same_as(&architecture), "{id}");
        let said = network.recognition.assumptions.join("; ");
        assert!(
            said.contains(&format!(
                "of era {id}, as was asked for: version 0x12345678"
            )),
            "{said}"
        );
        assert!(
            network.to_bytes() == fork,
            "{id}: the fork's numbers are kept"
        );
        let order = shuffled(found.neurons(), &mut random);
        network.permute(&order).unwrap();
        network.permute(&order.inverse()).unwrap();
        assert!(network.to_bytes() == fork, "{id}");
        // Another era's tensors do not fill the file.
        let other = ReadOptions {
            era: Some(if id == "v1" { &ERAS[3] } else { &ERAS[0] }),
            clamp: None,
        };
        assert!(Network::parse(&fork, &other).is_err(), "{id}");
    }
}

/// Whichever of its numbers are its own: every command that reads networks names the option with which a fork's is
/// read.
#[test]
fn era_is_named_where_a_fork_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let own = std::fs::read(material::own("datasets/demo.nnue")).unwrap();
    let description = u32::from_le_bytes(own[8..12].try_into().unwrap()) as usize;
    let forks = [
        ("unknown version", vec![(0, 0x1234_5678)]),
        ("later version", vec![(0, 0x7AF3_4444)]),
        ("header hash", vec![(4, 0x1234_5678)]),
        (
            "features",
            vec![(4, 0x1234_5678), (12 + description, 0x9999)],
        ),
    ];
    let data = material::own("datasets/selfplay.binpack");
    let data = data.to_str().unwrap();
    let order: String = (0..64).rev().map(|neuron| format!("{neuron}\n")).collect();
    std::fs::write(folder.path().join("order.txt"), order).unwrap();
    let commands: [&[&str]; 8] = [
        &["inspect", "fork"],
        &[
            "trace",
            "--net",
            "fork",
            "--fen",
            "8/8/4k3/8/8/4K3/4P3/8 w - - 0 1",
        ],
        &[
            "gather", "--net", "fork", "--data", data, "--count", "100", "--out", "p.ftzp",
        ],
        &["apply", "order.txt", "--net", "fork", "--out", "o.nnue"],
        &["verify", "fork", "fork"],
        &["serialize", "fork", "o.pt"],
        &["embed", "fork", "--out", "program"],
        &[
            "optimize", "--net", "fork", "--data", data, "--count", "100", "--out", "o.nnue",
        ],
    ];
    for (what, numbers) in forks {
        let mut fork = own.clone();
        for (at, number) in numbers {
            fork[at..at + 4].copy_from_slice(&u32::to_le_bytes(number));
        }
        std::fs::write(folder.path().join("fork"), fork).unwrap();
        for command in commands {
            let run = || Case::new(command[0]).args(&command[1..]).folder(&folder);
            let refused = run().ends_with(1);
            let said = refused.stderr.as_str();
            assert!(said.contains("--era"), "{what}, {command:?}: {said}");
        }
        for command in &commands[..7] {
            let run = Case::new(command[0]).args(&command[1..]).folder(&folder);
            run.args(["--era", "small127"]).ok();
        }
        for made in ["p.ftzp", "o.nnue", "o.pt", "program"] {
            std::fs::remove_file(folder.path().join(made)).unwrap();
        }
    }
}
