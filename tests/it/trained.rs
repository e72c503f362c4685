//! `serialize --layout`: networks of other engines, made of what their trainers wrote. The digests are those of files
//! that numpy made of the same floats by the steps of the trainers and of the engines' own tools; values by hand stand
//! as numbers.

use std::path::Path;

use ftperm::files::digest::{hex, sha256};
use ftperm::nets::described::Layout;

use crate::common::material;
use crate::common::program::{Case as Run, Done};

/// Floats from -2^(23 - bits) on. Every sixteenth is a multiple of 2^(17 - bits), so that some products are halves.
fn floats(count: usize, bits: i32) -> Vec<u8> {
    let value = |at: usize| {
        let mixed = ((at as u64 * 2_654_435_761) as u32) >> 8;
        let mixed = if at.is_multiple_of(16) {
            mixed & !0x1_FFFF
        } else {
            mixed
        };
        (f64::from(mixed) - f64::from(1 << 23)) * 2f64.powi(-bits)
    };
    (0..count)
        .flat_map(|at| (value(at) as f32).to_le_bytes())
        .collect()
}

/// A folder with a layout of the program in which a network is smaller: 16 columns.
fn folder(layout: &str, smaller: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = material::own("layouts").join(format!("{layout}.toml"));
    let mut text = std::fs::read_to_string(path).unwrap();
    for (from, to) in smaller {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    std::fs::write(folder.path().join("net.toml"), text).unwrap();
    folder
}

fn serialize(folder: &Path, words: &str) -> Run {
    let case = Run::new("serialize").folder(folder);
    case.args(words.split(' ')).args(["--layout", "net.toml"])
}

/// As bullet writes weights.bin: sorted by their names.
fn named(tensors: &[(&str, usize)], values: &[u8]) -> Vec<u8> {
    let mut at = 0;
    let mut parts: Vec<(&str, Vec<u8>)> = Vec::new();
    for (name, len) in tensors {
        let mut part = format!("{name}\n").into_bytes();
        part.extend((*len as u64).to_le_bytes());
        part.extend(&values[at..at + 4 * len]);
        at += 4 * len;
        parts.push((name, part));
    }
    assert_eq!(at, values.len());
    parts.sort();
    parts.into_iter().flat_map(|(_, part)| part).collect()
}

fn digest(folder: &Path, name: &str) -> String {
    hex(&sha256(&std::fs::read(folder.join(name)).unwrap()))
}

/// So many floats as raw.bin make a network of this digest.
fn made_of_floats(folder: &Path, count: usize, expected: &str) -> Done {
    std::fs::write(folder.join("raw.bin"), floats(count, 23)).unwrap();
    let done = serialize(folder, "raw.bin net.bin").ok();
    assert_eq!(digest(folder, "net.bin"), expected);
    done
}

/// The tensors of a network of several layers, eight output buckets and so many king buckets.
fn layered(king_buckets: usize) -> [(&'static str, usize); 9] {
    [
        ("l0f", 768 * 16),
        ("l0w", king_buckets * 768 * 16),
        ("l0b", 16),
        ("l1w", 16 * 128),
        ("l1b", 128),
        ("l2w", 16 * 256),
        ("l2b", 256),
        ("l3w", 256),
        ("l3b", 8),
    ]
}

const SIMPLE: [(&str, usize); 4] = [("l0w", 768 * 16), ("l0b", 16), ("l1w", 32), ("l1b", 1)];

#[test]
fn bullets_simplest_network() {
    let folder = folder("bullet-simple", &[("1024", "16"), ("2048", "32")]);
    let folder = folder.path();
    let raw = floats(768 * 16 + 16 + 32 + 1, 23);
    std::fs::write(folder.join("raw.bin"), &raw).unwrap();
    std::fs::write(folder.join("weights.bin"), named(&SIMPLE, &raw)).unwrap();
    let expected = "4c5402adcb005c983a41e6a94a07a7c60ec1cfbdbf549eebbbad4183380c0d98";
    let done = serialize(folder, "raw.bin net.bin --json").ok();
    assert_eq!(digest(folder, "net.bin"), expected);
    assert_eq!(done.json()["out"]["sha256"], expected);
    assert_eq!(done.json()["clamped"], 0);
    serialize(folder, "weights.bin named.bin").ok();
    assert_eq!(digest(folder, "named.bin"), expected);
    // Compressed, as all that is read may be.
    let packed = zstd::encode_all(&raw[..], 1).unwrap();
    std::fs::write(folder.join("raw.bin.zst"), packed).unwrap();
    serialize(folder, "raw.bin.zst unpacked.bin").ok();
    assert_eq!(digest(folder, "unpacked.bin"), expected);
    let done = serialize(folder, "raw.bin . --out-sha").ok();
    assert_eq!(done.stdout.trim(), "./nn-4c5402adcb00.bin");

    // The same order given at once and afterwards.
    let order: String = (0..16)
        .map(|at| format!("{}\n", (at * 5 + 3) % 16))
        .collect();
    std::fs::write(folder.join("perm.txt"), order).unwrap();
    serialize(folder, "raw.bin a.bin --ft-perm perm.txt").ok();
    Run::new("apply")
        .folder(folder)
        .args(["perm.txt", "--net", "net.bin", "--out", "b.bin"])
        .args(["--layout", "net.toml"])
        .ok();
    assert_eq!(digest(folder, "a.bin"), digest(folder, "b.bin"));
    assert_ne!(digest(folder, "a.bin"), expected);
}

/// Halves are rounded away from zero, and the product is that of doubles: 0.69999999 * 255 is 178.4999970, and in
/// floats 178.5.
#[test]
fn values_by_hand() {
    let folder = folder("bullet-simple", &[("1024", "16"), ("2048", "32")]);
    let folder = folder.path();
    let mut raw = vec![0; 4 * (768 * 16 + 16 + 32 + 1)];
    let mut set = |at: usize, value: f32| {
        raw[4 * at..4 * at + 4].copy_from_slice(&value.to_le_bytes());
    };
    let tie = f32::from_bits(0x3f33_3333);
    set(0, tie);
    set(1, -1.25);
    for (at, value) in [0.007_812_5, -0.007_812_5, 0.023_437_5, 0.007, -1.5]
        .into_iter()
        .enumerate()
    {
        set(768 * 16 + 16 + at, value);
    }
    set(768 * 16 + 16 + 32, -2.0);
    std::fs::write(folder.join("raw.bin"), &raw).unwrap();
    serialize(folder, "raw.bin net.bin").ok();
    let short = |file: &[u8], at: usize| i16::from_le_bytes([file[2 * at], file[2 * at + 1]]);
    let file = std::fs::read(folder.join("net.bin")).unwrap();
    // -1.25 * 255 is -318.75.
    assert_eq!([0, 1, 2].map(|at| short(&file, at)), [178, -319, 0]);
    let first = 768 * 16 + 16;
    assert_eq!(
        [0, 1, 2, 3, 4, 32].map(|at| short(&file, first + at)),
        [1, -1, 2, 0, -96, -32640]
    );
    assert_eq!(&file[2 * (first + 33)..][..9], b"bulletbul");

    // In floats, as the layouts without `products` say.
    let layout = std::fs::read_to_string(folder.join("net.toml")).unwrap();
    let layout = layout.replace("products = \"f64\"\n", "");
    std::fs::write(folder.join("net.toml"), layout).unwrap();
    serialize(folder, "raw.bin floats.bin").ok();
    let file = std::fs::read(folder.join("floats.bin")).unwrap();
    assert_eq!(short(&file, 0), 179);
}

#[test]
fn bullets_network_with_output_buckets() {
    let folder = folder("bullet-output-buckets", &[("640", "16"), ("1280", "32")]);
    made_of_floats(
        folder.path(),
        768 * 16 + 16 + 256 + 8,
        "4f1116dd1e681f69fce974bf81423c961f1f6f70bfd32d5728eed1ec6385eecb",
    );
}

/// The factoriser is only in weights.bin.
#[test]
fn bullets_network_with_several_layers() {
    let folder = folder("bullet-multilayer", &[("1024", "16")]);
    let folder = folder.path();
    let tensors = layered(10);
    let values = floats(tensors.iter().map(|(_, len)| len).sum(), 24);
    std::fs::write(folder.join("raw.bin"), &values[4 * 768 * 16..]).unwrap();
    std::fs::write(folder.join("weights.bin"), named(&tensors, &values)).unwrap();
    serialize(folder, "weights.bin net.bin").ok();
    assert_eq!(
        digest(folder, "net.bin"),
        "c0ba97757fcb40a6db99e38d5c161834d4ad16d76d1bbe4c3432498d6b140846"
    );
    serialize(folder, "raw.bin other.bin")
        .ends_with(1)
        .says("the file has no l0f, which is added to other weights: give the trainer's file");
    assert!(!folder.join("other.bin").exists());
}

#[test]
fn alexandrias_network() {
    let folder = folder("alexandria", &[("1536", "16")]);
    let count = 17 * 768 * 16 + 16 + 16 * 128 + 128 + 32 * 256 + 256 + 256 + 8;
    made_of_floats(
        folder.path(),
        count,
        "85cfd0e55ba4e820fcc86138c68d7ee2fc62a645413c5bb750273f585ece3976",
    );
}

/// Tarnished rounds as Alexandria does. The digest is that of what its own `quantise_raw` wrote, built with an L1_SIZE
/// of 16.
#[test]
fn tarnisheds_network() {
    let folder = folder("tarnished", &[("1792", "16")]);
    let count = 17 * 768 * 16 + 16 + 16 * 128 + 128 + 32 * 256 + 256 + 256 + 8;
    made_of_floats(
        folder.path(),
        count,
        "85cfd0e55ba4e820fcc86138c68d7ee2fc62a645413c5bb750273f585ece3976",
    );
}

/// Weights and factoriser are rounded each by itself, threats and pairs saturate, and the file is in LEB128.
#[test]
fn plentychess_network() {
    let folder = folder("plentychess", &[("1024", "16")]);
    let inputs = 13 * 768 + 59808 + 4560;
    let count = inputs * 16 + 16 + 16 * 128 + 128 + 32 * 256 + 256 + 512 + 8;
    let done = made_of_floats(
        folder.path(),
        count,
        "a30d1b3cf64cb159d9aaa94549a2a3a220d2ecdb76558f8ba5629f3a44252d5a",
    );
    assert!(
        done.stderr.contains("weights are larger"),
        "{}",
        done.stderr
    );
}

/// Kings share a plane, weights are limited, the later layers have factorisers, and the file is in zstd.
#[test]
fn viridithas_network() {
    let folder = folder("viridithas", &[("1024", "16")]);
    let folder = folder.path();
    let first = (64368 + 17 * 768) * 16 + 16 + 16 * 256 + 256;
    let later = 32 * 512 + 32 * 64 + 512 + 64 + 256 + 32 + 8 + 1;
    std::fs::write(folder.join("raw.bin"), floats(first + later, 23)).unwrap();
    let done = serialize(folder, "raw.bin net.nnue.zst --json").ok();
    let file = std::fs::read(folder.join("net.nnue.zst")).unwrap();
    let unpacked = zstd::decode_all(&file[..]).unwrap();
    assert_eq!(
        hex(&sha256(&unpacked)),
        "913c3e18137d600d17574f97efc833d949721b8f21d0d2493ce08851e74eebee"
    );
    assert_eq!(done.json()["clamped"], LIMITED_OF_VIRIDITHAS);

    // As other commands say it: the layout's note, and that weights beyond 64 may overflow in 16 bits.
    let large = "weights so large that 4 products";
    assert!(
        done.stderr
            .contains("note: Viridithas moves the neurons once more")
    );
    assert!(!done.stderr.contains(large), "{}", done.stderr);
    let text = std::fs::read_to_string(folder.join("net.toml")).unwrap();
    let (before, larger) = (
        "from = \"l1_weights\", limit = 1.98, scale = 64",
        "from = \"l1_weights\", limit = 1.98, scale = 120",
    );
    assert!(text.contains(before));
    std::fs::write(folder.join("net.toml"), text.replace(before, larger)).unwrap();
    let done = serialize(folder, "raw.bin large.nnue.zst").ok();
    assert!(done.stderr.contains(large), "{}", done.stderr);
}

/// As numpy counts them.
const LIMITED_OF_VIRIDITHAS: u64 = 513_073;

/// Weights are divided before they are scaled, the first layer is stored in blocks of four, and flags follow.
#[test]
fn raphaels_network() {
    let folder = folder("raphael", &[("1024", "16"), ("[8, 256", "[8, 4")]);
    let folder = folder.path();
    let tensors = layered(16);
    let values = floats(tensors.iter().map(|(_, len)| len).sum(), 24);
    std::fs::write(folder.join("weights.bin"), named(&tensors, &values)).unwrap();
    serialize(folder, "weights.bin net.nnue").ok();
    assert_eq!(
        digest(folder, "net.nnue"),
        "358ee0543f1050c84159f13a7cead2fb608570ed59cc03d2d46c37770157a573"
    );
}

/// Nothing is written where the result would not be the trainer's network.
#[test]
fn what_is_no_such_file_is_refused() {
    let folder = folder("bullet-simple", &[("1024", "16"), ("2048", "32")]);
    let folder = folder.path();
    let raw = floats(768 * 16 + 16 + 32 + 1, 23);
    let refused = |bytes: &[u8], part: &str| {
        std::fs::write(folder.join("raw.bin"), bytes).unwrap();
        let done: Done = serialize(folder, "raw.bin net.bin").ends_with(1);
        assert!(done.stderr.contains(part), "{}", done.stderr);
        assert!(!folder.join("net.bin").exists());
    };
    let with = |at: usize, value: f32| {
        let mut raw = raw.clone();
        raw[4 * at..4 * at + 4].copy_from_slice(&value.to_le_bytes());
        raw
    };
    let lengths =
        "raw.bin: the trainer's tensors have 49348 bytes, 49396 with their names, the file has ";
    refused(&raw[4..], &format!("{lengths}49344"));
    refused(&[&raw[..], &[0]].concat(), &format!("{lengths}49349"));
    refused(b"", &format!("{lengths}0"));
    serialize(folder, ". net.bin")
        .ends_with(1)
        .says(".: it is no file but a folder");
    refused(
        &with(12288 + 5, f32::NAN),
        "raw.bin: value 5 of l0b, at byte 49172, is NaN",
    );
    refused(
        &with(7, f32::NEG_INFINITY),
        "value 7 of l0w, at byte 28, is -inf",
    );
    // 128.5 * 255 is 32767.5, and 512 * 64 is 32768.
    refused(
        &with(3, 128.5),
        "value 3 of l0w would be 128.5, which times 255 is more than i16 holds",
    );
    refused(
        &with(12288 + 16 + 2, 512.0),
        "value 2 of l1w would be 512, which times 64 is more than i16 holds",
    );
    refused(
        &with(12288 + 16 + 32, 2.01),
        "value 0 of l1b would be 2.009999990463257, which times 16320 is more than i16 holds",
    );
    let named = named(&SIMPLE, &raw);
    let damaged = |at: usize, byte: u8| {
        let mut named = named.clone();
        named[at] = byte;
        named
    };
    // l0b stands first: its name, and how many values it has.
    refused(&damaged(2, b'x'), "at byte 0 is the name of another tensor");
    refused(&damaged(2, b'w'), "at byte 0 is a tensor of another length");
    refused(&damaged(10, 1), "at byte 0 is a tensor of another length");
    refused(
        &damaged(76 + 1, b'1'),
        "at byte 76 is a tensor of another length",
    );
}

/// The last tensor is made as `made` says of l1b and l1p, whose values are given; what is said of it.
fn refused_sum(made: &str, values: [f32; 2]) -> String {
    let before = "type = \"i16\"\nshape = [1]\ntrained = { from = \"l1b\", scale = 16320 }";
    let smaller = [
        ("1024", "16"),
        ("2048", "32"),
        (before, made),
        ("\"l1b\"]", "\"l1b\", { name = \"l1p\", shape = [1] }]"),
    ];
    let folder = folder("bullet-simple", &smaller);
    let folder = folder.path();
    let mut raw = floats(768 * 16 + 16 + 32, 23);
    raw.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    std::fs::write(folder.join("raw.bin"), raw).unwrap();
    let done = serialize(folder, "raw.bin net.bin").ends_with(1);
    assert!(!folder.join("net.bin").exists());
    done.stderr
}

/// Of sums that floats do not hold, and of summands that are rounded by themselves.
#[test]
fn sums_that_do_not_fit_are_refused() {
    let float =
        |how: &str| format!("type = \"f32\"\nshape = [1]\ntrained = {{ from = \"l1b\", {how} }}");
    // 2^127 and 2^127 are 2^128; four times that is 2^129.
    let large = 2f32.powi(127);
    for (how, values, value) in [
        ("plus = \"l1p\"", [large, large], 2f64.powi(128)),
        ("plus = \"l1p\"", [-large, -large], -2f64.powi(128)),
        ("divisor = 0.25", [large, 0.0], 2f64.powi(129)),
    ] {
        let said = refused_sum(&float(how), values);
        let part = format!("value 0 of l1b would be {value}, which times 1 is more than f32 holds");
        assert!(said.contains(&part), "{said}");
    }
    let apart = "type = \"i16\"\nshape = [1]\ntrained = { from = \"l1b\", plus = \"l1p\", scale = 2, rounded = \
                 \"apart\" }";
    for (values, value) in [([10.0, 20000.0], "20000"), ([-20000.0, 10000.0], "-20000")] {
        let said = refused_sum(apart, values);
        let part = format!("value 0 of l1b would be {value}, which times 2 is more than i16 holds");
        assert!(said.contains(&part), "{said}");
    }
}

#[test]
fn what_does_not_go_with_it_is_refused() {
    let folder = folder("bullet-simple", &[("1024", "16"), ("2048", "32")]);
    let folder = folder.path();
    let raw = floats(768 * 16 + 16 + 32 + 1, 23);
    std::fs::write(folder.join("raw.bin"), raw).unwrap();
    let usage = |words: &str, part: &str| serialize(folder, words).ends_with(2).says(part);
    usage(
        "raw.bin net.bin --compat",
        "--compat does not go with --layout",
    );
    usage("raw.bin net.bin --l1 16", "--l1 does not go with --layout");
    usage("raw.bin raw.bin", "are the same file, raw.bin");
    let named = |layout: &str| {
        let case = Run::new("serialize").folder(folder);
        case.args(["raw.bin", "net.bin", "--layout", layout])
    };
    named("obsidian")
        .ends_with(1)
        .says("the layout does not say how its file is made of what the trainer writes");
    named("alexandra")
        .ends_with(2)
        .says("the nearest is alexandria");
    assert!(!folder.join("net.bin").exists());
}

/// A layout that cannot be is refused with the place.
#[test]
fn layouts_that_cannot_be() {
    let text =
        std::fs::read_to_string(material::own("layouts").join("bullet-simple.toml")).unwrap();
    let error = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Layout::parse(&text.replace(from, to))
            .unwrap_err()
            .to_string()
    };
    for (from, to, part) in [
        (
            "[\"l0w\",",
            "[{ name = \"l0w\", shape = [1024, 768] },",
            "tensor l0w: l0w of [trained] has the shape [1024, 768], which its axes in the order [0, 1] do not make",
        ),
        (
            "from = \"l0w\", scale = 255",
            "from = \"l0w\", axes = [0, 0], scale = 255",
            "in the order [0, 0] do not make [768, 1024]",
        ),
        (
            "from = \"l0w\", scale = 255",
            "from = \"l9w\", scale = 255",
            "tensor l0w: [trained] has no tensor l9w",
        ),
        (
            "from = \"l0w\", scale = 255",
            "from = \"l0w\"",
            "tensor l0w: integers have a scale, and floats have none",
        ),
        (
            "from = \"l0w\", scale = 255",
            "from = \"l0w\", scale = -1.0",
            "tensor l0w: divisor, limit and scale are above 0",
        ),
        (
            "from = \"l0w\", scale = 255",
            "from = \"l0w\", plus = \"l0b\", scale = 255",
            "tensor l0w: l0b cannot be added to l0w",
        ),
        (
            "from = \"l0w\", scale = 255",
            "from = \"l0w\", kings = \"merged\", scale = 255",
            "[input]: kings = \"merged\" is for planes without k",
        ),
        (
            "trained = { from = \"l1b\", scale = 16320 }",
            "",
            "[trained]: l1b wants a shape, since no tensor is made of it",
        ),
        (
            "\"l1b\"]",
            "{ name = \"l1b\", shape = [999999999, 999999999] }]",
            "[trained]: it describes more than",
        ),
        (
            "\"l1b\"]",
            "\"l1b\", \"l0b\"]",
            "[trained]: l0b is there twice",
        ),
        (
            "\"l1b\"]",
            "\"l1b\", \"l2b\"]",
            "[trained]: l2b wants a shape",
        ),
        (
            "[[tensor]]\nname = \"l1b\"",
            "[[tensor]]\nname = \"x\"\ntype = \"i16\"\nshape = [1]\n\n[[tensor]]\nname = \"l1b\"",
            "tensor x: [trained] wants `trained`, what it is made of, or `expect`",
        ),
        (
            "pad_to = 64 ",
            "header = 8 #",
            "[trained]: a file with a header or footer",
        ),
        (
            "pad_to = 64 ",
            "#",
            "[trained]: padding goes with pad_to of [file]",
        ),
        (
            "from = \"l0w\", scale = 255",
            "from = \"l0w\", axes = [0, 2], scale = 255",
            "tensor l0w: axes of `trained` has 2, axes count from 0 and there are 2",
        ),
        (
            "from = \"l0w\", scale = 255",
            "from = \"l0w\", scale = 255, rounded = \"apart\"",
            "tensor l0w: rounded = \"apart\" goes with plus",
        ),
        (
            "from = \"l0w\", scale = 255",
            "from = \"l0w\", scale = 255, saturates = \"i16\"",
            "tensor l0w: saturates is a type that holds more than the tensor's",
        ),
        (
            "from = \"l0b\", scale = 255",
            "from = \"l0b\", scale = 255, kings = \"merged\"",
            "tensor l0b: kings goes with the role ft_weights",
        ),
    ] {
        let said = error(from, to);
        assert!(said.contains(part), "{said}");
    }
}
