//! The traps of `docs/notes/eras.md`, section 16: one test each where a program can fall into them.
//! The number is the trap's.

use ftperm::chess::board::Board;
use ftperm::chess::random_games::random_positions;
use ftperm::nets::model::Activation;
use ftperm::nets::stockfish::features::{
    ActiveFeatures, FULL_THREATS_59808, FULL_THREATS_60144, FULL_THREATS_60720, FULL_THREATS_66864,
    FULL_THREATS_79856, FeatureSet, HALF_KA_V2, HALF_KA_V2_HM, HALF_KP,
};
use ftperm::nets::stockfish::inference::evaluate;
use ftperm::nets::stockfish::verify::ReferenceOutputs;
use ftperm::nets::stockfish::{
    Architecture, DenseLayer, Encoding, FeatureTransformer, LayerStack, NetError, Network,
    ReadOptions, Store, TensorRole, era,
};
use ftperm::order::Permutation;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::common::material;
use crate::common::program::Case;

/// A random network of an era, at this width and in this encoding, as a file.
fn random_net(id: &str, l1: usize, encoding: Encoding) -> Vec<u8> {
    let era = era(id).unwrap();
    let architecture = Architecture {
        l1,
        ..era.architecture
    };
    let mut random = ChaCha8Rng::seed_from_u64(l1 as u64);
    let mut i16s =
        |len: usize| -> Vec<i16> { (0..len).map(|_| random.random_range(-60..=60)).collect() };
    let (mut bias, mut wide, mut narrow, mut psqt) = (vec![], vec![], vec![], vec![]);
    for spec in architecture.layout {
        let values = i16s(architecture.tensor_len(spec.role));
        match spec.role {
            TensorRole::Bias => bias = values,
            TensorRole::Wide(..) => wide.extend(values),
            TensorRole::Narrow(..) => narrow.extend(values.iter().map(|&it| it as i8)),
            TensorRole::Psqt(..) => psqt.extend(values.iter().map(|&it| i32::from(it))),
        }
    }
    let layer = |(inputs, outputs): (usize, usize), random: &mut ChaCha8Rng| {
        let padded_inputs = inputs.div_ceil(32) * 32;
        let mut weights = vec![0i8; outputs * padded_inputs];
        for row in weights.chunks_exact_mut(padded_inputs) {
            row[..inputs].fill_with(|| random.random_range(-30..=30));
        }
        let bias = (0..outputs)
            .map(|_| random.random_range(-5000..=5000))
            .collect();
        DenseLayer {
            inputs,
            padded_inputs,
            bias,
            weights,
        }
    };
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let stacks = (0..architecture.stacks)
        .map(|_| LayerStack {
            layers: architecture
                .layer_sizes()
                .layers
                .map(|size| layer(size, &mut random)),
        })
        .collect();
    let encodings = architecture
        .layout
        .iter()
        .map(|spec| match spec.role {
            TensorRole::Narrow(..) => Encoding::Raw,
            _ => encoding,
        })
        .collect();
    let ft = FeatureTransformer {
        bias,
        wide,
        narrow,
        psqt,
        encodings,
    };
    // Any network of the right kind lends its recognition; it is not written.
    let demo = std::fs::read(material::own("datasets/demo.nnue")).unwrap();
    let recognition = Network::parse(&demo, &ReadOptions::default())
        .unwrap()
        .recognition;
    Network {
        architecture,
        recognition,
        description: b"random".to_vec(),
        ft,
        stacks,
        longer_leb128: Vec::new(),
    }
    .to_bytes()
}

fn parse(bytes: &[u8]) -> Network {
    Network::parse(bytes, &ReadOptions::default()).unwrap()
}

fn recognised(id: &str, l1: usize, encoding: Encoding) -> &'static str {
    parse(&random_net(id, l1, encoding)).recognition.era.id
}

fn active(set: &dyn FeatureSet, fen: &str) -> ActiveFeatures {
    let mut lists = ActiveFeatures::default();
    set.append_active(&fen.parse().unwrap(), &mut lists);
    lists.iter_mut().for_each(|list| list.sort_unstable());
    lists
}

const KINGS_AND_PAWN: &str = "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1";

#[test]
fn t1_v4_and_v5_differ_in_nothing_but_second_layer_columns() {
    let (v4, v5) = (
        random_net("v4", 1024, Encoding::Raw),
        random_net("v5", 1024, Encoding::Raw),
    );
    assert_eq!((v4.len(), &v4[..12]), (v5.len(), &v5[..12]));
    assert_eq!(parse(&v4).recognition.era.id, "v4");
    assert_eq!(parse(&v5).recognition.era.id, "v5");
}

#[test]
fn t2_v14_1_and_v15_differ_in_the_length_of_stacks_only() {
    assert_eq!(recognised("v14.1", 64, Encoding::Leb128), "v14.1");
    assert_eq!(recognised("v15", 64, Encoding::Leb128), "v15");
}

#[test]
fn t3_one_hash_names_four_threat_sets() {
    for set in [
        &FULL_THREATS_79856,
        &FULL_THREATS_66864,
        &FULL_THREATS_60144,
        &FULL_THREATS_60720,
    ] {
        assert_eq!(set.hash(), 0x8F23_4CB8);
    }
    for id in ["v10a", "v10b", "v11", "v12"] {
        for encoding in [Encoding::Raw, Encoding::Leb128] {
            assert_eq!(recognised(id, 64, encoding), id);
        }
    }
}

#[test]
fn t4_the_old_feature_hash_covers_the_first_set_only() {
    let (old, new) = (
        era("v13a").unwrap().architecture,
        era("v13b").unwrap().architecture,
    );
    assert_eq!(old.ft_hash(), 0x8F23_44B8);
    assert_eq!(new.ft_hash(), 0x6165_DDC9);
}

#[test]
fn t5_the_clamp_is_not_in_the_file() {
    let unknown = random_net("small127", 128, Encoding::Leb128);
    let read = |options: &ReadOptions| Network::parse(&unknown, options);
    assert!(matches!(
        read(&ReadOptions::default()),
        Err(NetError::ClampUnknown { l1: 128 })
    ));
    for (clamp, id, shift) in [(127, "small127", 7), (255, "small255", 9)] {
        let network = read(&ReadOptions {
            clamp: Some(clamp),
            era: None,
        })
        .unwrap();
        assert_eq!(network.recognition.era.id, id);
        assert_eq!(
            network.architecture.activation,
            Activation::Pairwise { clamp, shift }
        );
    }
    // Wider ones are taken for 127, and that is said.
    let wide = parse(&random_net("v5", 1024, Encoding::Raw));
    assert_eq!(wide.recognition.assumptions.len(), 1);
}

/// What is left of a network is read as the whole one would be.
#[test]
fn cut_networks_are_named_as_whole_ones() {
    for (id, l1, named) in [
        ("small127", 128, "small127"),
        ("v5", 256, "v5"),
        ("v5", 1024, "v5"),
    ] {
        for encoding in [Encoding::Raw, Encoding::Leb128] {
            let bytes = random_net(id, l1, encoding);
            for len in [bytes.len() - 1, bytes.len() / 2] {
                let error = Network::parse(&bytes[..len], &ReadOptions::default()).unwrap_err();
                let error = error.to_string();
                assert!(
                    error.contains(&format!("read as {named})")),
                    "{l1} {len}: {error}"
                );
            }
        }
    }
}

fn outputs(network: &Network) -> Vec<ftperm::nets::stockfish::inference::Evaluation> {
    let boards = ftperm::chess::random_games::random_positions(3, 40);
    boards
        .iter()
        .map(|board| ftperm::nets::stockfish::inference::evaluate(network, board))
        .collect()
}

#[test]
fn t18_both_layouts_of_v10_hold_the_same_network() {
    for encoding in [Encoding::Raw, Encoding::Leb128] {
        let mut network = parse(&random_net("v10a", 64, encoding));
        let wide = network.to_bytes();
        let expected = outputs(&network);
        assert_eq!(network.relayout(era("v10b").unwrap()), Ok(0));
        let narrow = network.to_bytes();
        // As the network of the other era that has the same values.
        assert_eq!(recognised_bytes(&narrow), "v10b");
        assert!(narrow != wide);
        let mut network = parse(&narrow);
        assert!(outputs(&network) == expected);
        assert_eq!(network.relayout(era("v10a").unwrap()), Ok(0));
        assert!(network.to_bytes() == wide);
    }
}

#[test]
fn wide_threats_lose_what_the_engine_never_used() {
    let mut network = parse(&random_net("v10a", 64, Encoding::Raw));
    network.ft.wide[5] = 300;
    let expected = outputs(&network);
    assert_eq!(network.relayout(era("v10b").unwrap()), Ok(1));
    assert_eq!(network.ft.narrow[5], 44);
    assert!(outputs(&network) == expected);
}

#[test]
fn both_hashes_of_v13_stand_for_the_same_network() {
    let mut network = parse(&random_net("v13a", 64, Encoding::Leb128));
    let old = network.to_bytes();
    let ids: Vec<&str> = network.other_layouts().iter().map(|era| era.id).collect();
    assert_eq!(ids, ["v13b"]);
    network.relayout(era("v13b").unwrap()).unwrap();
    let new = network.to_bytes();
    let changed: Vec<usize> = (0..old.len()).filter(|&at| old[at] != new[at]).collect();
    // Nothing but the header's hash and the feature transformer's.
    assert!(changed.len() <= 8 && changed[0] == 4, "{changed:?}");
    assert_eq!(recognised_bytes(&new), "v13b");
    for other in ["v10a", "v14", "small127", "v2"] {
        let error = network
            .relayout(era(other).unwrap())
            .unwrap_err()
            .to_string();
        assert!(error.contains("it can be written as v13a"), "{error}");
    }
}

#[test]
fn serialize_changes_the_layout() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old.nnue", "new.nnue"].map(|name| folder.path().join(name));
    std::fs::write(&old, random_net("v10a", 64, Encoding::Leb128)).unwrap();
    let run = |era: &str| {
        let output = Case::new("serialize")
            .args([&old, &new])
            .args(["--target-era", era])
            .output();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), text)
    };
    let (code, text) = run("v16");
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("old.nnue") && text.contains("it can be written as v10b"),
        "{text}"
    );
    assert!(!new.exists());
    let (code, text) = run("v10b");
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("same outputs in all buckets on 500 positions"),
        "{text}"
    );
    assert_eq!(recognised_bytes(&std::fs::read(&new).unwrap()), "v10b");
}

fn recognised_bytes(bytes: &[u8]) -> &'static str {
    parse(bytes).recognition.era.id
}

#[test]
fn t6_threats_mirror_to_the_other_wing_than_pieces() {
    // The king stands on e1: pieces are not mirrored, threats are.
    let pieces = active(&HALF_KA_V2_HM, KINGS_AND_PAWN);
    let king_bucket = 31;
    assert!(
        pieces[0].contains(&(704 * king_bucket + 12)),
        "the pawn on e2, seen on e2"
    );
    let threats = active(&FULL_THREATS_59808, "4k3/8/8/8/8/5n2/4P3/4K3 w - - 0 1");
    // Own pawn e2 takes the knight f3: seen from d2 to c3. Pawns attack 84 pairs from ranks 2 to 7, each rank 14;
    // on rank 2 the pairs before d2's first are 1 + 2 + 2, and c3 comes before e3. Victims are own N, own R, then the
    // opponent's N.
    assert_eq!(threats[0][0], 2 * 84 + 5);
}

#[test]
fn t7_halfkp_rotates_and_later_sets_flip() {
    // For Black the own king e8 becomes d1 by rotation, e1 by a flip.
    let rotated = active(&HALF_KP, KINGS_AND_PAWN);
    assert_eq!(rotated[1], [641 * 3 + 1 + 64 + (63 - 12)]);
    let flipped = active(&HALF_KA_V2, KINGS_AND_PAWN);
    assert!(flipped[1].contains(&(704 * 4 + 64 + (12 ^ 56))));
}

#[test]
fn t8_halfkp_has_a_slot_that_is_never_active() {
    for board in random_positions(3, 300) {
        let lists = active(&HALF_KP, &board.fen());
        assert!(lists.iter().flatten().all(|feature| feature % 641 != 0));
    }
}

#[test]
fn t9_both_kings_share_plane_10_and_the_own_king_is_active() {
    let lists = active(&HALF_KA_V2, "4k3/8/8/8/8/8/8/4K3 w - - 0 1");
    assert_eq!(lists[0], [704 * 4 + 640 + 4, 704 * 4 + 640 + 60]);
    assert!(
        active(&HALF_KP, "4k3/8/8/8/8/8/8/4K3 w - - 0 1")
            .iter()
            .all(Vec::is_empty)
    );
}

#[test]
fn t10_mutual_attacks_count_once_and_protecting_pawns_always() {
    let count = |fen: &str| active(&FULL_THREATS_60144, fen).map(|list| list.len());
    // Two knights that attack each other, of one colour and of two.
    assert_eq!(count("4k3/8/8/8/4N3/2N5/8/4K3 w - - 0 1"), [1, 1]);
    assert_eq!(count("4k3/8/8/8/4n3/2N5/8/4K3 w - - 0 1"), [1, 1]);
    // Pawns that attack each other count once, a pawn that protects another always.
    assert_eq!(count("4k3/8/8/3p4/4P3/8/8/4K3 w - - 0 1"), [1, 1]);
    assert_eq!(count("4k3/8/8/8/4P3/3P4/8/4K3 w - - 0 1"), [1, 1]);
}

#[test]
fn t11_slider_squares_are_numbered_on_the_empty_board() {
    // Rook a1, own king e1 (mirrored to d1, so the rook is on h1), own knight b1 (g1): h1's empty-board attacks are
    // a1 to g1 and h2 to h8, so g1 is number 6 although the rest of the rank is blocked.
    let lists = active(&FULL_THREATS_60144, "4k3/8/8/8/8/8/8/RN2K3 w - - 0 1");
    let rook_base = 8344;
    // Slot 1 (knight) of own victims; rook pairs are 896 in all, 14 a square, h1 is square 7.
    assert!(
        lists[0].contains(&(rook_base + 896 + 7 * 14 + 6)),
        "{lists:?}"
    );
}

#[test]
fn t12_the_skip_term_wraps_in_32_bits() {
    // A first-layer bias of 230,976 on the skip row: times 9600 it exceeds 32 bits.
    let mut network = parse(&random_net("v5", 64, Encoding::Raw));
    let board: Board = KINGS_AND_PAWN.parse().unwrap();
    for stack in &mut network.stacks {
        let layer = &mut stack.layers[0];
        let skip = layer.bias.len() - 1;
        layer.weights[skip * layer.padded_inputs..].fill(0);
        layer.bias[skip] = 0;
    }
    let without = evaluate(&network, &board).positional;
    for stack in &mut network.stacks {
        stack.layers[0].bias[15] = 230_976;
    }
    let with = evaluate(&network, &board).positional;
    let wrapped = (230_976i64 * 9600 - (1 << 32)) / 8128;
    for (with, without) in with.iter().zip(without) {
        assert_eq!(i64::from(with - without), wrapped);
    }
}

#[test]
fn t16_second_layer_widths() {
    let width = |id: &str| {
        let [_, (inputs, _), (last, _)] = era(id).unwrap().architecture.layer_sizes().layers;
        (inputs, last)
    };
    assert_eq!(width("v1"), (32, 32));
    assert_eq!(width("v2"), (16, 32));
    assert_eq!(width("v3"), (8, 32));
    assert_eq!(width("v4"), (15, 32));
    assert_eq!(width("v9"), (30, 32));
    assert_eq!(width("v14.1"), (62, 32));
    assert_eq!(width("v16"), (64, 128));
}

#[test]
fn t17_t19_one_psqt_block_or_one_a_set_threats_first() {
    let psqt_tensors = |id: &str| {
        let layout = era(id).unwrap().architecture.layout.iter();
        layout
            .filter(|spec| matches!(spec.role, TensorRole::Psqt(..)))
            .count()
    };
    assert_eq!(
        ["v10a", "v10b", "v14", "v14.1", "v16"].map(psqt_tensors),
        [1, 1, 1, 2, 3]
    );
    let v10 = era("v10b").unwrap().architecture;
    assert_eq!(
        v10.sets.iter().map(|set| set.count()).collect::<Vec<_>>(),
        [79856, 22528]
    );
}

#[test]
fn t18_wide_threats_stay_wide_and_are_narrowed_only_for_evaluation() {
    let mut network = parse(&random_net("v10a", 64, Encoding::Leb128));
    assert_eq!(network.architecture.rows_of(0), (Store::Wide, 0));
    network.ft.wide[0] = 300;
    let bytes = network.to_bytes();
    let again = parse(&bytes);
    assert_eq!(again.ft.wide[0], 300);
    assert!(again.to_bytes() == bytes);
    assert_eq!(again.ft_rows().weights().wide[0], 300 - 256);
}

#[test]
fn t20_t21_a_permutation_moves_everything_that_it_must() {
    let order: Vec<u32> = (0..32).map(|i| (i * 5 + 3) % 32).collect();
    for id in [
        "v1", "v2", "v3", "v4", "v5", "v10a", "v10b", "v13a", "v14.1", "v15", "v16", "lite768",
    ] {
        let mut network = parse(&random_net(id, 64, Encoding::Raw));
        let plain = matches!(network.architecture.activation, Activation::Clipped { .. });
        let order: Vec<u32> = if plain {
            (0..64).map(|i| (i * 5 + 3) % 64).collect()
        } else {
            order.clone()
        };
        let permutation = Permutation::new(order).unwrap();
        let reference = ReferenceOutputs::new(&network, random_positions(5, 60));
        network.permute(&permutation).unwrap();
        assert_eq!(
            reference.compare_permuted(&network, &permutation),
            Ok(()),
            "{id}"
        );
    }
}

#[test]
fn t22_any_bytes_are_a_description() {
    let mut network = parse(&random_net("v5", 64, Encoding::Raw));
    network.description = (0..=255).collect();
    let bytes = network.to_bytes();
    assert_eq!(parse(&bytes).description, network.description);
}

#[test]
fn t24_t25_every_tensor_keeps_its_own_encoding() {
    for encoding in [Encoding::Raw, Encoding::Leb128] {
        let bytes = random_net("v6", 64, encoding);
        let mut network = parse(&bytes);
        assert!(network.ft.encodings.iter().all(|&it| it == encoding));
        assert!(network.to_bytes() == bytes);
        network.ft.encodings[1] = Encoding::Leb128;
        network.ft.encodings[2] = Encoding::Raw;
        let mixed = network.to_bytes();
        assert!(parse(&mixed).to_bytes() == mixed);
    }
}

#[test]
fn t27_buckets_count_all_pieces() {
    let bucket = |fen: &str| fen.parse::<Board>().unwrap().bucket();
    assert_eq!(bucket("4k3/8/8/8/8/8/8/4K3 w - - 0 1"), 0);
    assert_eq!(bucket("4k3/8/8/8/8/8/PPP5/4K3 w - - 0 1"), 1);
    assert_eq!(
        bucket("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"),
        7
    );
}

#[test]
fn t30_positions_in_check_are_never_taken() {
    use ftperm::positions::{Filters, Options, read};
    let data = material::own("datasets/selfplay.binpack").into_os_string();
    for filters in [
        Filters::default(),
        Filters::checks_only(),
        Filters::reference(),
    ] {
        let options = Options {
            filters,
            ..Options::default()
        };
        let taken = read(std::slice::from_ref(&data), &options).unwrap();
        assert!(taken.boards.iter().all(|board| !board.in_check()));
    }
}

#[test]
fn t32_output_bytes_stay_below_128() {
    for id in ["v3", "v5", "v16"] {
        let mut network = parse(&random_net(id, 64, Encoding::Raw));
        network.ft.bias.fill(i16::MAX - 4000);
        let found = evaluate(&network, &KINGS_AND_PAWN.parse().unwrap());
        assert!(
            found.ft_bytes.iter().all(|byte| (126..=127).contains(byte)),
            "{id}"
        );
    }
}

#[test]
fn t35_t36_more_threats_than_an_engine_has_room_for() {
    // Nine queens a side; the reference material counts 131 threats of a perspective here.
    let Some(vectors) = material::shared("vectors/nn-c288c895ea92.jsonl") else {
        return;
    };
    let text = std::fs::read_to_string(vectors).unwrap();
    let most = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| {
            let lists = active(&FULL_THREATS_79856, line["fen"].as_str().unwrap());
            for (side, list) in ["w", "b"].iter().zip(&lists) {
                let expected: Vec<u32> =
                    serde_json::from_value(line[side]["threat"].clone()).unwrap();
                assert_eq!(*list, expected);
            }
            lists[0].len().max(lists[1].len())
        })
        .max();
    assert!(most > Some(100), "{most:?}");
}

#[test]
fn t37_the_stack_hash_holds_twice_the_width_in_every_era() {
    for id in ["v3", "v5"] {
        let architecture = era(id).unwrap().architecture;
        assert_eq!(architecture.l1, 1024);
        assert_eq!(
            architecture.header_hash(),
            architecture.ft_hash() ^ architecture.stack_hash()
        );
    }
    assert_eq!(era("v3").unwrap().architecture.ft_outputs(), 2048);
    assert_eq!(era("v5").unwrap().architecture.ft_outputs(), 1024);
}

#[test]
fn t38_the_feature_transformer_hash_is_checked() {
    let mut bytes = random_net("v16", 64, Encoding::Raw);
    let at = 12 + b"random".len();
    bytes[at] ^= 16;
    assert!(Network::parse(&bytes, &ReadOptions::default()).is_err());
}
