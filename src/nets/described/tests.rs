mod language;

use proptest::prelude::*;

use super::compare::compare_ordered;
use super::ft::{Ft, Outputs};
use super::net::Unpacked;
use super::*;
use crate::chess::board::{Board, Color};
use crate::chess::random_games::random_positions;
use crate::compute::cpu::CpuBackend;
use crate::nets::model::SampleOrder;
use crate::order::Permutation;
use crate::run::gather::gather;

/// A layout of a bias, weights and a first layer, with this activation and these tensors' types and shapes.
fn text(input: &str, activation: &str, tensors: &[(&str, &str, &str, &str)]) -> String {
    let mut text =
        format!("format = 1\nname = \"test\"\n[input]\n{input}\n[activation]\n{activation}\n");
    for (role, element, shape, neuron) in tensors {
        text.push_str(&format!(
            "[[tensor]]\nname = \"{role}\"\nrole = \"{role}\"\ntype = \"{element}\"\n\
             shape = {shape}\nneuron = {neuron}\n"
        ));
    }
    text
}

/// A small one, of eight neurons without pairs and one row of the first layer.
fn small(input: &str, activation: &str) -> String {
    let tensors = [
        ("ft_weights", "i16", "[768, 8]", "1"),
        ("ft_bias", "i16", "[8]", "0"),
        ("l1_weights", "i8", "[16]", "0"),
    ];
    text(input, activation, &tensors)
}

/// A layout with pieces on squares as its inputs, and three rows of the first layer.
fn layout(activation: &str, weights: &str, columns: usize) -> Layout {
    let pair = activation.contains("pairwise");
    let inputs = if pair { columns } else { 2 * columns };
    let tensors = [
        ("ft_weights", weights, format!("[768, {columns}]"), "1"),
        (
            "ft_bias",
            if weights == "f32" { "f32" } else { "i16" },
            format!("[{columns}]"),
            "0",
        ),
        ("l1_weights", "i8", format!("[3, {inputs}]"), "1"),
    ];
    let tensors = tensors
        .each_ref()
        .map(|(a, b, c, d)| (*a, *b, c.as_str(), *d));
    Layout::parse(&text("", activation, &tensors)).unwrap()
}

/// Numbers that look random: a linear congruence modulo 2^64.
fn noise(seed: u64) -> impl FnMut() -> i32 {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as i32 - (1 << 23)
    }
}

/// A file of this layout with weights of some size.
fn net(layout: &Layout, seed: u64) -> RawNet {
    let mut noise = noise(seed);
    let mut file = Vec::new();
    for tensor in layout.tensors() {
        for _ in 0..tensor.len() {
            match tensor.element {
                ElementType::U8 | ElementType::I8 => file.push(noise() as u8),
                ElementType::I16 => file.extend(((noise() % 60) as i16).to_le_bytes()),
                ElementType::I32 => file.extend((noise() % 60).to_le_bytes()),
                ElementType::F32 => file.extend((noise() as f32 / 1e7).to_le_bytes()),
            }
        }
    }
    RawNet::parse(file, layout).unwrap()
}

fn features(layout: &Layout, fen: &str, perspective: Color) -> Vec<u32> {
    let board: Board = fen.parse().unwrap();
    let mut list = Vec::new();
    layout.input().append_active(&board, perspective, &mut list);
    list.sort_unstable();
    list
}

#[test]
fn inputs_by_hand() {
    let of_features = |features: usize, input: &str| {
        let shape = format!("[{features}, 8]");
        Layout::parse(&small(input, "kind = \"clipped\"").replace("[768, 8]", &shape)).unwrap()
    };
    let fen = "4k3/8/8/8/8/8/4P3/6K1 w - - 0 1";
    let plain = layout("kind = \"clipped\"", "i16", 4);
    // White: own pawn on e2 = 12, own king on g1 = 6, the other king on e8 = 60.
    assert_eq!(
        features(&plain, fen, Color::White),
        [12, 5 * 64 + 6, 11 * 64 + 60]
    );
    // Black sees ranks flipped: its king on e1, the pawn on e7, the other king on g8.
    assert_eq!(
        features(&plain, fen, Color::Black),
        [5 * 64 + 4, 6 * 64 + 52, 11 * 64 + 62]
    );

    let buckets: Vec<String> = (0..32).map(|it| (it / 16).to_string()).collect();
    let input = format!("mirror = \"abcd\"\nking_buckets = [{}]", buckets.join(","));
    let mirrored = of_features(1536, &input);
    // The king on g1 is mirrored to b1, so the pawn is on d2 and the other king on d8.
    assert_eq!(
        features(&mirrored, fen, Color::White),
        [11, 5 * 64 + 1, 11 * 64 + 59]
    );
    // A king on the fifth rank is in bucket 1.
    let fen = "4k3/8/8/1K6/8/8/8/8 w - - 0 1";
    assert_eq!(
        features(&mirrored, fen, Color::White),
        [768 + 5 * 64 + 33, 768 + 11 * 64 + 60]
    );

    let input = "planes = \"PpNnBbRrQqK\"\nfirst_square = \"a8\"\nmirror = \"efgh\"";
    let merged = of_features(704, input);
    // Mirrored to g5, which is square 30 from a8 (rank 5 is the fourth row); e8 becomes d8 = 3.
    assert_eq!(features(&merged, fen, Color::White), [640 + 3, 640 + 30]);
}

#[test]
fn outputs_by_hand() {
    // One feature matters: the own king on a1 is row 5 * 64. Columns 0 to 3 get -5, 7, 20, 300 there.
    let outputs = |activation: &str| {
        let layout = layout(activation, "i16", 8);
        let mut file = vec![0u8; net(&layout, 1).bytes().len()];
        for (column, value) in [-5i16, 7, 20, 300].into_iter().enumerate() {
            let at = 2 * (8 * 5 * 64 + column);
            file[at..at + 2].copy_from_slice(&value.to_le_bytes());
            // The other halves of pairs j and j + 4.
            let at = at + 8;
            file[at..at + 2].copy_from_slice(&9i16.to_le_bytes());
        }
        match Ft::new(&RawNet::parse(file, &layout).unwrap()).outputs(&[320]) {
            Outputs::Integers(outputs) => outputs,
            Outputs::Floats(outputs) => panic!("{outputs:?}"),
        }
    };
    assert_eq!(
        outputs("kind = \"clipped\"\nclamp = 127")[..4],
        [0, 7, 20, 127]
    );
    assert_eq!(
        outputs("kind = \"clipped\"\nclamp = 255\nshift = 3")[..4],
        [0, 0, 2, 31]
    );
    assert_eq!(
        outputs("kind = \"squared\"\nclamp = 255\nshift = 8")[..4],
        [0, 0, 1, 254]
    );
    assert_eq!(
        outputs("kind = \"pairwise\"\nclamp = 255\nshift = 6"),
        [0, 0, 2, 35]
    );
    // Pairs 2j and 2j + 1: (-5, 7), (20, 300), (9, 9), (9, 9).
    let adjacent = outputs("kind = \"pairwise\"\nclamp = 255\npairs = \"adjacent\"");
    assert_eq!(adjacent, [0, 20 * 255, 81, 81]);
}

#[test]
fn kernels_and_plain_code_agree() {
    let boards = random_positions(5, 50);
    let backend = CpuBackend::new(Some(1)).unwrap();
    for activation in [
        "kind = \"clipped\"\nclamp = 127",
        "kind = \"clipped\"\nclamp = 255\nshift = 5",
        "kind = \"squared\"\nclamp = 255",
        "kind = \"squared\"\nclamp = 181\nshift = 9",
        "kind = \"pairwise\"\nclamp = 255\nshift = 9",
        "kind = \"pairwise\"\nclamp = 127\nshift = 7\npairs = \"adjacent\"",
    ] {
        for weights in ["i16", "i8"] {
            let layout = layout(activation, weights, 128);
            let net = net(&layout, 3);
            let ft = Ft::new(&net);
            assert!(ft.kernel_rows().is_some());
            let found = gather(&net, &backend, &boards, SampleOrder::Positions, |_| ()).unwrap();
            let mut zeros = 0;
            for (number, board) in boards.iter().enumerate() {
                let us = board.side_to_move();
                for (side, perspective) in [us, us.opponent()].into_iter().enumerate() {
                    let mut list = Vec::new();
                    layout.input().append_active(board, perspective, &mut list);
                    let Outputs::Integers(outputs) = ft.outputs(&list) else {
                        panic!("integers");
                    };
                    for (neuron, &output) in outputs.iter().enumerate() {
                        zeros += usize::from(output == 0);
                        assert_eq!(
                            found.get(neuron, 2 * number + side),
                            output == 0,
                            "{activation}"
                        );
                    }
                }
            }
            assert!(zeros > 100, "{activation}: {zeros}");
        }
    }
}

#[test]
fn what_the_kernels_do_not_know_is_left_to_plain_code() {
    let boards = random_positions(5, 40);
    let backend = CpuBackend::new(Some(1)).unwrap();
    for (activation, weights) in [
        ("kind = \"pairwise\"\nclamp = 1000\nshift = 9", "i16"),
        ("kind = \"clipped\"\nclamp = 1000\nshift = 2", "i16"),
        ("kind = \"clipped\"", "i32"),
        ("kind = \"pairwise\"\nclamp = 1.0", "f32"),
    ] {
        let layout = layout(activation, weights, 8);
        let net = net(&layout, 3);
        assert!(Ft::new(&net).kernel_rows().is_none(), "{activation}");
        let found = gather(&net, &backend, &boards, SampleOrder::Positions, |_| ()).unwrap();
        let zeros: u64 = found.zero_counts().iter().sum();
        assert!(
            zeros > 0 && zeros < 80 * layout.neurons() as u64,
            "{activation}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_order_computes_the_same(
        order in Just((0..16u32).collect::<Vec<_>>()).prop_shuffle(),
        kind in 0..4usize,
        weights in prop::sample::select(vec!["i8", "i16", "i32", "f32"]),
    ) {
        let (activation, columns) = [
            ("kind = \"clipped\"\nclamp = 127", 16),
            ("kind = \"squared\"\nclamp = 255", 16),
            ("kind = \"pairwise\"\nclamp = 255", 32),
            ("kind = \"pairwise\"\nclamp = 255\npairs = \"adjacent\"", 32),
        ][kind];
        let layout = layout(activation, weights, columns);
        let net = net(&layout, 9);
        let order = Permutation::new(order).unwrap();
        let permuted = net.permuted(&order).unwrap();
        let boards = random_positions(2, 6);
        compare_ordered(net.unpacked(), permuted.unpacked(), &order).unwrap();
        let proof = compare(&net, &permuted, &boards).unwrap();
        prop_assert_eq!(proof, Proof { positions: 6, same_neurons: true });
        let back = permuted.permuted(&order.inverse()).unwrap();
        prop_assert_eq!(back.bytes(), net.bytes());
        if !order.is_identity() {
            let identity = Permutation::identity(16);
            let wrong = compare_ordered(net.unpacked(), permuted.unpacked(), &identity);
            let is_neuron = matches!(wrong, Err(LayoutDifference::Neuron { .. }));
            prop_assert!(is_neuron);
        }
    }

    #[test]
    fn random_layouts_never_panic(text in "[a-z0-9=\\[\\]\n\" ]{0,200}") {
        let _ = Layout::parse(&text);
        let _ = Layout::parse(&format!("format = 1\n{text}"));
    }
}

#[test]
fn changes_are_found() {
    let layout = layout("kind = \"clipped\"\nclamp = 127", "i16", 8);
    let original = net(&layout, 4);
    let boards = random_positions(2, 20);
    let changed = |offset: usize| {
        let mut bytes = original.bytes().to_vec();
        bytes[offset] ^= 1;
        compare(&original, &RawNet::parse(bytes, &layout).unwrap(), &boards)
    };
    // The first layer's first weight.
    let first = 2 * (768 * 8 + 8);
    assert!(matches!(
        changed(first),
        Err(LayoutDifference::Sum { row: 0, .. })
    ));
    // A pawn on a1 is on no board: the file is another one, though no position shows it.
    let proof = changed(0).unwrap();
    assert!(!proof.same_neurons);
}

/// Columns of a pair have no order; whatever else differs is told with its neuron.
#[test]
fn a_neuron_that_is_another_is_named() {
    let layout = layout("kind = \"pairwise\"\nclamp = 255", "i16", 16);
    let net = net(&layout, 4);
    let order = Permutation::new(vec![3, 1, 7, 0, 2, 6, 4, 5]).unwrap();
    let moved = net.permuted(&order).unwrap();
    let compared = |bytes: &[u8]| {
        let moved = Unpacked {
            layout: &layout,
            bytes,
        };
        compare_ordered(net.unpacked(), moved, &order)
    };
    // Column 2 and column 10 change places, in each of 768 rows and in the biases.
    let mut swapped = moved.bytes().to_vec();
    for row in 0..769 {
        for byte in 0..2 {
            swapped.swap(2 * (16 * row + 2) + byte, 2 * (16 * row + 10) + byte);
        }
    }
    assert!(swapped != moved.bytes());
    assert_eq!(compared(&swapped), Ok(()));
    let first_layer = 2 * 16 * 769;
    for (offset, neuron) in [
        (0, 0),
        (2 * (16 * 700 + 13) + 1, 5),
        (2 * (16 * 768 + 6), 6),
        (first_layer + 16 + 4, 4),
        (first_layer + 2 * 16 + 15, 7),
    ] {
        let mut changed = moved.bytes().to_vec();
        changed[offset] ^= 1;
        let old = order.indices()[neuron];
        let expected = Err(LayoutDifference::Neuron { neuron, old });
        assert_eq!(compared(&changed), expected);
    }
}

/// Four products of 127 and 64 fit into 16 bits, whatever the order.
#[test]
fn large_weights_of_a_first_layer_may_overflow() {
    let overflow = |weights: [i8; 16], added: &str| {
        let activation =
            "kind = \"clipped\"\nclamp = 127\n[first_layer]\nadded = ".to_string() + added;
        let layout = Layout::parse(&small("", &activation)).unwrap();
        let mut file = vec![0; 2 * 768 * 8 + 2 * 8];
        file.extend(weights.map(|weight| weight as u8));
        RawNet::parse(file, &layout).unwrap().overflow()
    };
    let mut weights = [64; 16];
    assert_eq!(overflow(weights, "4"), None);
    // 127 * (66 + 3 * 64) = 32766 fits, 127 * (67 + 3 * 64) = 32893 does not.
    weights[3] = 66;
    assert_eq!(overflow(weights, "4"), None);
    weights[3] = 67;
    assert_eq!(overflow(weights, "4").unwrap().sum, 32893);
    assert_eq!(overflow(weights, "2"), None);
    weights[7..10].fill(-100);
    assert_eq!(overflow(weights, "4").unwrap().sum, -38100);
    let wrong = small("", "kind = \"clipped\"\n[first_layer]\nadded = 0");
    let said = Layout::parse(&wrong).unwrap_err().to_string();
    assert_eq!(
        said,
        "first_layer: added is 0, the number of products is 1 to 32"
    );
}

#[test]
fn what_is_wrong_is_said() {
    let good = small;
    let clipped = "kind = \"clipped\"";
    let mut wrong: Vec<String> = Vec::new();
    let problem = |text: &str| Layout::parse(text).unwrap_err().to_string();
    assert!(Layout::parse(&good("", clipped)).is_ok());
    for (text, part) in [
        ("format = 2".to_string(), "line 1"),
        (
            good("", clipped).replace("format = 1", "format = 2"),
            "format 2 is not known",
        ),
        (
            good("", "kind = \"clipped\"\nclmp = 3"),
            "line 7: unknown field `clmp`",
        ),
        (good("", "kind = \"relu6\""), "unknown variant `relu6`"),
        (
            good("", "kind = \"clipped\"\nclamp = 0"),
            "[activation]: clamp",
        ),
        (
            good("", "kind = \"clipped\"\npairs = \"halves\""),
            "[activation]: pairs",
        ),
        (
            good("", "kind = \"clipped\"\naccumulator = \"f32\""),
            "[activation]: the accumulator",
        ),
        (good("perspectives = 3", clipped), "[input]: perspectives"),
        (good("planes = \"PNBRQKpnbrq\"", clipped), "704"),
        (good("planes = \"PNBRQ\"", clipped), "leaves a piece out"),
        (good("planes = \"PPNBRQK\"", clipped), "`P` does not fit"),
        (good("king_buckets = [0, 1]", clipped), "64 entries"),
        (
            good(
                "mirror = \"abcd\"\nking_buckets = [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,2]",
                clipped,
            ),
            "1 is not in it",
        ),
        (
            good("", clipped).replace("[768, 8]", "[767, 8]"),
            "have 767 features, [input] describes 768",
        ),
        (
            good("", clipped).replace("[16]", "[12]"),
            "tensor l1_weights: its neuron axes have 12",
        ),
        (
            good("", clipped).replace("[8]", "[4]"),
            "tensor ft_bias: it has 4 accumulator columns",
        ),
        (good("", clipped).replace("[16]", "[0]"), "at least 1 place"),
        (
            good("", clipped).replace("[16]", "[4000000000, 4000000000, 4000000000]"),
            "more than",
        ),
        (
            good("", clipped).replace("[16]", "[1, 1, 1, 1, 1, 1, 1, 1, 16]"),
            "its shape has 9 axes",
        ),
        (
            good("", clipped).replace("neuron = 1", "neuron = 2"),
            "an axis that its shape does not have",
        ),
        (
            good("", clipped).replace("neuron = 1", "neuron = [1, 1]"),
            "an axis twice",
        ),
        (
            good("", clipped).replace("neuron = 1", ""),
            "its role wants `neuron`",
        ),
        (
            good("", clipped).replace("role = \"l1_weights\"", ""),
            "give it a role",
        ),
        (
            good("", clipped).replace("\"i8\"", "\"u8\""),
            "weights are signed",
        ),
        (
            good("", clipped)
                .replace("[768, 8]", "[768, 6]")
                .replace("[8]", "[6]")
                .replace("[16]", "[12]"),
            "blocks of four",
        ),
        (
            good("", clipped).replace("[input]", "[file]\nheader = 2\nmagic = \"NET\"\n[input]"),
            "magic of 3 bytes",
        ),
        (
            good("", clipped).replace("[input]", "[file]\npad_to = 0\n[input]"),
            "pad_to",
        ),
    ] {
        let found = problem(&text);
        if !found.contains(part) {
            wrong.push(format!("`{part}` is not in: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn wrong_files_are_refused() {
    let text = small("", "kind = \"clipped\"\nclamp = 127");
    let layout = Layout::parse(&text).unwrap();
    let file = net(&layout, 4).bytes().to_vec();
    let problem =
        |file: Vec<u8>, layout: &Layout| RawNet::parse(file, layout).unwrap_err().to_string();
    let short = problem(file[1..].to_vec(), &layout);
    let len = file.len();
    assert_eq!(
        short,
        format!("the layout describes {len} bytes, the file has {}", len - 1)
    );
    let packed = zstd::encode_all(&file[..], 1).unwrap();
    assert!(problem(packed.clone(), &layout).contains("compression = \"zstd\""));
    let zstd =
        Layout::parse(&text.replace("[input]", "[file]\ncompression = \"zstd\"\n[input]")).unwrap();
    assert_eq!(RawNet::parse(packed.clone(), &zstd).unwrap().bytes(), file);
    assert!(problem(file.clone(), &zstd).contains("does not begin as zstd"));
    assert!(problem(packed[..packed.len() - 9].to_vec(), &zstd).contains("damaged zstd"));
    let bomb = zstd::encode_all(&vec![0u8; 1 << 22][..], 1).unwrap();
    assert!(problem(bomb, &zstd).ends_with("or more"));
    let header = text.replace("[input]", "[file]\nheader = 4\nmagic = \"NETS\"\n[input]");
    let header = Layout::parse(&header).unwrap();
    let other = [b"NETZ", &file[..]].concat();
    assert_eq!(
        problem(other, &header),
        "the header does not begin with \"NETS\""
    );
}
