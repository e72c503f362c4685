//! Threats, rounding, LEB128, compressed parts, padding, flags and recognition, on small networks.

use super::*;
use crate::nets::described::built_in::BuiltIn;
use crate::nets::described::recognise::fitting_among;
use crate::nets::model::ModelFile as _;

const THREATS: &str = "mirror = \"abcd\"\npawn_pairs = true\n\
    threats = { P = \"NR\", N = \"PNBRQ\", B = \"PNBR\", R = \"PNBR\", Q = \"PNBRQ\" }";

/// A layout with threats and pawn pairs in one tensor of bytes in front of the pieces' weights.
fn threatened(activation: &str, columns: usize) -> Layout {
    let tensor = |name: &str, element: &str, shape: &str, neuron: usize, more: &str| {
        let role = if name.starts_with("ft_w") {
            "ft_weights"
        } else {
            name
        };
        format!(
            "[[tensor]]\nname = \"{name}\"\nrole = \"{role}\"\ntype = \"{element}\"\nshape = {shape}\n\
             neuron = {neuron}\n{more}"
        )
    };
    let text = format!(
        "format = 1\nname = \"test\"\n[input]\n{THREATS}\n[activation]\n{activation}\n{}{}{}{}",
        tensor(
            "ft_weights of others",
            "i8",
            &format!("[64368, {columns}]"),
            1,
            "inputs = [\"pawn_pairs\", \"threats\"]\n"
        ),
        tensor("ft_weights", "i16", &format!("[768, {columns}]"), 1, ""),
        tensor("ft_bias", "i16", &format!("[{columns}]"), 0, ""),
        tensor("l1_weights", "i8", &format!("[3, {columns}]"), 1, ""),
    );
    Layout::parse(&text).unwrap()
}

#[test]
fn kernels_and_plain_code_agree_with_threats_and_rounding() {
    let boards = random_positions(7, 12);
    let backend = CpuBackend::new(Some(1)).unwrap();
    let plain = "kind = \"pairwise\"\nclamp = 11\nshift = 7";
    let mut zeros = Vec::new();
    for activation in [plain.to_string(), format!("{plain}\nrounded = true")] {
        let layout = threatened(&activation, 16);
        let net = net(&layout, 3);
        assert!(Ft::new(&net).kernel_rows().is_some());
        let found = gather(&net, &backend, &boards, SampleOrder::Positions, |_| ()).unwrap();
        let computed = outputs(&net, &boards);
        for (sample, outputs) in computed.iter().flatten().enumerate() {
            let Outputs::Integers(outputs) = outputs else {
                panic!("integers");
            };
            for (neuron, &output) in outputs.iter().enumerate() {
                assert_eq!(found.get(neuron, sample), output == 0, "{activation}");
            }
        }
        zeros.push(found.zero_counts().iter().sum::<u64>());
    }
    // Rounding makes some products 1 that were 0.
    assert!(zeros[0] > zeros[1] && zeros[1] > 0, "{zeros:?}");
}

#[test]
fn threats_move_with_their_columns() {
    let layout = threatened("kind = \"pairwise\"\nclamp = 255\nshift = 9", 8);
    let net = net(&layout, 5);
    let order = Permutation::new(vec![2, 0, 3, 1]).unwrap();
    let permuted = net.permuted(&order).unwrap();
    let boards = random_positions(4, 6);
    compare_ordered(net.unpacked(), permuted.unpacked(), &order).unwrap();
    let proof = compare(&net, &permuted, &boards).unwrap();
    assert!(proof.same_neurons);
    let (old, new) = (outputs(&net, &boards), outputs(&permuted, &boards));
    for (old, new) in old.iter().flatten().zip(new.iter().flatten()) {
        let (Outputs::Integers(old), Outputs::Integers(new)) = (old, new) else {
            panic!("integers");
        };
        assert_eq!(*new, [old[2], old[0], old[3], old[1]]);
    }
    // A threat's weight counts: its row is before the pieces' in the file, the neuron of its column is another then.
    let mut bytes = net.bytes().to_vec();
    bytes[8 * 5000] ^= 1;
    let changed = RawNet::parse(bytes, &layout).unwrap();
    let proof = compare(&net, &changed, &boards);
    assert!(!proof.is_ok_and(|proof| proof.same_neurons));
}

#[test]
fn rounded_outputs_by_hand() {
    let layout = layout(
        "kind = \"pairwise\"\nclamp = 127\nshift = 7\nrounded = true",
        "i16",
        8,
    );
    let mut file = vec![0u8; layout.bytes()];
    // The bias: columns 0 to 3 are 7, 8, 127, 1, their partners 9, 8, 127, 100.
    for (column, value) in [7i16, 8, 127, 1, 9, 8, 127, 100].into_iter().enumerate() {
        let at = 2 * (768 * 8 + column);
        file[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    let board: Board = "4k3/8/8/8/8/8/8/4K3 w - - 0 1".parse().unwrap();
    let found = outputs(&RawNet::parse(file, &layout).unwrap(), &[board]);
    // 63, 64, 16129 and 100, plus 64, by 128.
    assert_eq!(found[0][0], Outputs::Integers(vec![0, 1, 126, 1]));
}

/// A small network's text with this in [file] and these tensors at its beginning.
fn stored(file: &str, first: &str) -> String {
    small("", "kind = \"clipped\"\nclamp = 127")
        .replacen("[input]", &format!("[file]\n{file}\n[input]"), 1)
        .replacen("[[tensor]]", &format!("{first}\n[[tensor]]"), 1)
}

fn written(net: &RawNet) -> Vec<u8> {
    let mut file = Vec::new();
    net.write(&mut file).unwrap();
    file
}

#[test]
fn values_in_leb128_are_read_and_written() {
    let text = stored(
        "encoding = \"leb128\"\nheader = 3\nmagic = \"LEB\"\nfooter = 2",
        "",
    );
    let layout = Layout::parse(&text).unwrap();
    let plain = net(
        &Layout::parse(&small("", "kind = \"clipped\"\nclamp = 127")).unwrap(),
        4,
    );
    // By hand: numbers of one and of two bytes.
    let mut file = b"LEB".to_vec();
    for tensor in plain.layout().tensors() {
        for index in 0..tensor.len() {
            let value = tensor.integer(plain.bytes(), index);
            if (-64..64).contains(&value) {
                file.push(value as u8 & 0x7F);
            } else {
                file.extend([value as u8 | 0x80, (value >> 7) as u8 & 0x7F]);
            }
        }
    }
    let end = file.len();
    file.extend([250, 251]);
    let net = RawNet::parse(file.clone(), &layout).unwrap();
    assert_eq!(net.bytes()[3..layout.bytes() - 2], *plain.bytes());
    assert_eq!(written(&net), file);
    let order = Permutation::new((0..8).rev().collect()).unwrap();
    let permuted = written(&net.permuted(&order).unwrap());
    assert!(permuted != file);
    let back = RawNet::parse(permuted, &layout)
        .unwrap()
        .permuted(&order)
        .unwrap();
    assert_eq!(written(&back), file);

    let problem = |file: &[u8]| {
        RawNet::parse(file.to_vec(), &layout)
            .unwrap_err()
            .to_string()
    };
    assert!(problem(&file[..100]).contains("the layout describes"));
    assert!(problem(&file[..end]).contains("0 bytes follow and 2 are described"));
    let mut damaged = file.clone();
    damaged[3..9].fill(0x80);
    assert_eq!(
        problem(&damaged),
        "value 0 of tensor ft_weights at byte 3: it has more than 5 bytes"
    );
    damaged[3..6].copy_from_slice(&[0x80, 0x80, 0x02]);
    assert!(problem(&damaged).contains("does not fit the tensor's type"));
}

#[test]
fn longer_leb128_than_need_be_is_read_too() {
    let layout = Layout::parse(&stored("encoding = \"leb128\"", "")).unwrap();
    let plain = net(
        &Layout::parse(&small("", "kind = \"clipped\"\nclamp = 127")).unwrap(),
        4,
    );
    let shortest = written(&RawNet::of_unpacked(plain.bytes().to_vec(), &layout));
    // The first value of one byte again with a second one that adds nothing, and with three.
    assert_eq!(shortest[0] & 0x80, 0);
    let sign = if shortest[0] & 0x40 == 0 { 0 } else { 0x7F };
    for more in [&[sign][..], &[sign | 0x80, sign | 0x80, sign]] {
        let longer = [&[shortest[0] | 0x80], more, &shortest[1..]].concat();
        let net = RawNet::parse(longer, &layout).unwrap();
        assert_eq!(net.bytes(), plain.bytes());
        assert_eq!(written(&net), shortest);
    }
}

#[test]
fn a_file_is_written_as_it_was_stored() {
    let text = stored(
        "compression = \"either\"\nplain = 4\nheader = 4\nmagic = \"NETS\"\npad_to = 64\npadding = \"optional\"",
        "",
    );
    let layout = Layout::parse(&text).unwrap();
    let tensors = net(
        &Layout::parse(&small("", "kind = \"clipped\"\nclamp = 127")).unwrap(),
        4,
    );
    let short = [b"NETS", tensors.bytes()].concat();
    let mut long = short.clone();
    long.resize(short.len().next_multiple_of(64), 0);
    assert_eq!(
        (layout.bytes(), long.len() > short.len()),
        (long.len(), true)
    );
    for file in [&short, &long] {
        let net = RawNet::parse(file.clone(), &layout).unwrap();
        assert_eq!(written(&net), *file);
        let packed = [&file[..4], &zstd::encode_all(&file[4..], 1).unwrap()].concat();
        let order = Permutation::new((0..8).map(|at| (at + 3) % 8).collect()).unwrap();
        let unpacked = net.unpacked_sha256();
        assert_eq!(unpacked, crate::files::digest::sha256(net.bytes()));
        let moved = written(&net.permuted(&order).unwrap());
        net.compare_file(&moved, &order).unwrap();
        assert!(net.compare_file(&moved, &order.inverse()).is_err());
        let net = RawNet::parse(packed, &layout).unwrap();
        let again = written(&net);
        net.compare_file(&written(&net.permuted(&order).unwrap()), &order)
            .unwrap();
        assert!(again.starts_with(b"NETS\x28\xB5\x2F\xFD"));
        assert_eq!(zstd::decode_all(&again[4..]).unwrap(), file[4..]);
    }
    let middle = &long[..short.len() + 1];
    assert!(RawNet::parse(middle.to_vec(), &layout).is_err());
}

#[test]
fn expected_values_are_checked_and_flags_set() {
    let number = |name: &str, more: &str| {
        format!("[[tensor]]\nname = \"{name}\"\ntype = \"u8\"\nshape = [1]\n{more}\n")
    };
    let first = number("lanes", "expect = 0")
        + &number("sorted", "role = \"flag\"\nexpect = [0, 1]\nset = 1");
    let layout = Layout::parse(&stored("", &first)).unwrap();
    let tensors = net(
        &Layout::parse(&small("", "kind = \"clipped\"\nclamp = 127")).unwrap(),
        4,
    );
    let file = |flags: [u8; 2]| [&flags, tensors.bytes()].concat();
    let order = Permutation::new((0..8).rev().collect()).unwrap();
    for flag in [0, 1] {
        let net = RawNet::parse(file([0, flag]), &layout).unwrap();
        let permuted = net.permuted(&order).unwrap();
        assert_eq!(permuted.bytes()[..2], [0, 1]);
        compare_ordered(net.unpacked(), permuted.unpacked(), &order).unwrap();
        assert!(compare(&net, &permuted, &[]).unwrap().same_neurons);
    }
    let problem = |flags| RawNet::parse(file(flags), &layout).unwrap_err().to_string();
    assert_eq!(
        problem([2, 0]),
        "lanes is 2 at byte 0, the layout expects 0"
    );
    assert_eq!(
        problem([0, 7]),
        "sorted is 7 at byte 1, the layout expects 0 or 1"
    );
}

#[test]
fn tensors_that_were_forgotten_are_noticed() {
    let other = |shape: &str, role: &str| {
        format!("[[tensor]]\nname = \"more\"\n{role}type = \"i8\"\nshape = {shape}\n")
    };
    for (shape, role, noticed) in [
        ("[5, 8]", "", true),
        ("[16, 5]", "", true),
        ("[5, 9]", "", false),
        ("[5, 8]", "role = \"other\"\n", false),
    ] {
        let layout = Layout::parse(&stored("", &other(shape, role))).unwrap();
        assert_eq!(layout.unmarked() == ["more"], noticed, "{shape} {role}");
    }
}

#[test]
fn what_is_wrong_in_the_language_is_said() {
    let problem = |text: &str| Layout::parse(text).unwrap_err().to_string();
    let tensor =
        |more: &str| format!("[[tensor]]\nname = \"n\"\ntype = \"u8\"\nshape = [1]\n{more}\n");
    let input = |input: &str| small(input, "kind = \"clipped\"");
    for (text, part) in [
        (input("threats = { P = \"NX\" }"), "`X` does not fit"),
        (input("threats = { P = \"NN\" }"), "`N` does not fit"),
        (input("threats = { P = \"n\" }"), "`n` does not fit"),
        (input("threats = {}"), "no threat at all"),
        (input("threats = { A = \"N\" }"), "line"),
        (
            input("pawn_pairs = true"),
            "have 0 features of pawn_pairs, [input] describes 4560",
        ),
        (
            input("pawn_pairs = true\nfirst_square = \"a8\""),
            "count squares from a1",
        ),
        (
            input("pawn_pairs = true").replacen(
                "neuron = 1",
                "neuron = 1\ninputs = [\"piece_square\", \"pawn_pairs\"]",
                1,
            ),
            "it has 768 inputs, [input] describes 5328",
        ),
        (
            input("").replacen(
                "neuron = 1",
                "neuron = 1\ninputs = [\"piece_square\", \"piece_square\"]",
                1,
            ),
            "a kind of them twice",
        ),
        (
            input("").replacen("neuron = 0", "neuron = 0\ninputs = \"threats\"", 1),
            "goes with the role ft_weights",
        ),
        (
            small("", "kind = \"clipped\"\nrounded = true"),
            "rounded goes with a shift",
        ),
        (
            stored("pad_to = 8\nencoding = \"leb128\"", ""),
            "pad_to is for",
        ),
        (
            stored("plain = 8\nencoding = \"leb128\"", ""),
            "no more than the header",
        ),
        (
            stored("padding = \"optional\"", ""),
            "padding goes with pad_to",
        ),
        (stored("plain = 100000000", ""), "cannot be plain"),
        (
            small(
                "",
                "kind = \"clipped\"\n[output_buckets]\nby_pieces = [0, 1]",
            ),
            "by_pieces has 2 entries",
        ),
        (
            small(
                "",
                &format!(
                    "kind = \"clipped\"\n[output_buckets]\nby_pieces = {:?}",
                    [8; 31]
                ),
            ),
            "bucket 8 is not one of 0 to 7",
        ),
        (stored("", &tensor("role = \"flag\"")), "go together"),
        (stored("", &tensor("set = 3")), "go together"),
        (
            stored("", &tensor("expect = 256")),
            "does not hold the value 256",
        ),
        (
            stored("", &tensor("role = \"flag\"\nexpect = 1\nset = 2")),
            "is not among those expected",
        ),
        (stored("", &tensor("becomes = \"i8\"")), "becomes goes with"),
    ] {
        let found = problem(&text);
        assert!(found.contains(part), "`{part}` is not in: {found}");
    }
}

/// Two rows whose layouts describe files of one length.
static ALIKE: [BuiltIn; 2] = [
    BuiltIn {
        name: "a",
        engine: "A",
        version: "1",
        text: SMALL,
    },
    BuiltIn {
        name: "b",
        engine: "B",
        version: "2",
        text: SMALL,
    },
];

const SMALL: &str = "format = 1
name = \"small\"
[file]
pad_to = 64
[input]
[activation]
kind = \"clipped\"
[[tensor]]
name = \"w\"
role = \"ft_weights\"
type = \"i16\"
shape = [768, 8]
neuron = 1
[[tensor]]
name = \"b\"
role = \"ft_bias\"
type = \"i16\"
shape = [8]
neuron = 0
[[tensor]]
name = \"l1\"
role = \"l1_weights\"
type = \"i8\"
shape = [16]
neuron = 0
[[tensor]]
name = \"l1b\"
type = \"f32\"
shape = [1]
";

#[test]
fn what_fits_is_recognised_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net");
    let fitting = |rows: &'static [BuiltIn], bytes: &[u8]| -> Vec<String> {
        std::fs::write(&path, bytes).unwrap();
        let found = fitting_among(rows, &path).unwrap();
        found
            .iter()
            .map(|it| format!("{}: {}", it.row.name, it.evidence_text()))
            .collect()
    };
    let layout = ALIKE[0].layout().unwrap();
    let mut good = vec![0u8; layout.bytes()];
    let bias = 2 * 768 * 8;
    good[bias..bias + 4].copy_from_slice(&[5, 0, 0xFE, 0xFF]);
    let float = bias + 16 + 16;
    good[float..float + 4].copy_from_slice(&0.5f32.to_le_bytes());
    let words =
        "its length of 12352 bytes, biases of -2 to 5, floats that are weights, zero padding";
    assert_eq!(fitting(&ALIKE[..1], &good), [format!("a: {words}")]);
    // Never a guess: both are told.
    assert_eq!(fitting(&ALIKE, &good).len(), 2);
    let with = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        fitting(&ALIKE[..1], &file)
    };
    let end = good.len();
    let bullet: Vec<u8> = b"bullet"
        .iter()
        .copied()
        .cycle()
        .take(end - float - 4)
        .collect();
    assert!(with(float + 4, &bullet)[0].ends_with("bullet's padding"));
    assert!(with(end - 1, &[1]).is_empty());
    assert!(with(bias, &i16::MAX.to_le_bytes()).is_empty());
    assert!(with(bias, &[0; 16]).is_empty());
    assert!(with(float, &f32::NAN.to_le_bytes()).is_empty());
    assert!(with(float, &1e9f32.to_le_bytes()).is_empty());
    // A network of Stockfish by its first bytes, whatever else it may be.
    assert!(with(0, &0x7AF3_2F20u32.to_le_bytes()).is_empty());
    assert!(fitting(&ALIKE[..1], &good[1..]).is_empty());
    assert!(fitting(&ALIKE[..1], &[good.clone(), vec![0]].concat()).is_empty());
}
