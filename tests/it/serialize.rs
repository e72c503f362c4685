//! Checkpoints to networks and back, byte for byte as the reference tool does it.

use ftperm::nets::checkpoint::{
    Checkpoint, Container, ConvertOptions, StateDict, network_state, safetensors, write_torch,
};
use ftperm::nets::stockfish::verify::compare_weights;
use ftperm::nets::stockfish::{FtCompression, Network, ReadOptions};
use ftperm::order::{Permutation, PermutationFile};

use crate::common::material;
use crate::common::program::Case;

/// Folder, era, features and epoch of the reference's conversions.
const TRIPLES: [(&str, &str, &str); 8] = [
    ("seed/HalfKAv2_hm_L32", "small255", "HalfKAv2_hm^"),
    ("seed/HalfKAv2_hm_L32_trained", "small255", "HalfKAv2_hm^"),
    ("seed/HalfKAv2_hm_L64", "small255", "HalfKAv2_hm^"),
    ("seed/HalfKA_L32", "halfka", "HalfKA^"),
    ("seed/HalfKAv2_L32", "halfkav2", "HalfKAv2^"),
    ("seed/Full_Threats_L32", "v10b", "Full_Threats+HalfKAv2_hm^"),
    (
        "head/Composite_L32",
        "v16",
        "Full_Threats+PP_3Wide+HalfKAv2_hm^",
    ),
    ("head/HalfKAv2_hm_L64_trained", "hm", "HalfKAv2_hm^"),
];

struct Triple {
    folder: std::path::PathBuf,
    name: &'static str,
    era: &'static str,
    features: &'static str,
}

impl Triple {
    fn file(&self, name: &str) -> Vec<u8> {
        material::gunzip(&self.folder.join(format!("{name}.gz")))
    }

    fn permuted(&self, mut network: Network) -> Vec<u8> {
        let file = PermutationFile::read(&self.folder.join("perm.npy")).unwrap();
        network.permute(&file.permutation).unwrap();
        encoded(network, FtCompression::Leb128)
    }
}

/// The triples whose files are at hand; not all were kept.
fn triples() -> Vec<Triple> {
    let Some(root) = material::shared("reference/triples") else {
        return Vec::new();
    };
    let found: Vec<Triple> = TRIPLES
        .into_iter()
        .map(|(name, era, features)| Triple {
            folder: root.join(name),
            name,
            era,
            features,
        })
        .filter(|triple| triple.folder.exists())
        .collect();
    assert!(found.len() >= 6);
    found
}

fn encoded(mut network: Network, compression: FtCompression) -> Vec<u8> {
    network.set_compression(compression);
    network.to_bytes()
}

fn same(found: &[u8], expected: &[u8], what: &str) {
    if found != expected {
        let first = found.iter().zip(expected).position(|(a, b)| a != b);
        panic!(
            "{what}: {} bytes, {} expected; first difference at {first:?}",
            found.len(),
            expected.len()
        );
    }
}

/// Converts and compares all three targets.
fn check(triple: &Triple, checkpoint: &Checkpoint, source: &str) {
    let what = |target: &str| format!("{} from {source} to {target}", triple.name);
    let (network, conversion) = checkpoint.to_network(&ConvertOptions::default()).unwrap();
    assert_eq!(network.recognition.era.id, triple.era, "{}", triple.name);
    assert_eq!(conversion.features, triple.features, "{}", triple.name);
    same(
        &encoded(network.clone(), FtCompression::None),
        &triple.file("none.nnue"),
        &what("none.nnue"),
    );
    same(
        &encoded(network.clone(), FtCompression::Leb128),
        &triple.file("leb128.nnue"),
        &what("leb128.nnue"),
    );
    let expected = triple.file("perm_leb128.nnue");
    let options = ConvertOptions {
        compat: true,
        permuted: true,
        ..ConvertOptions::default()
    };
    let (compatible, _) = checkpoint.to_network(&options).unwrap();
    same(
        &triple.permuted(compatible),
        &expected,
        &what("perm_leb128.nnue"),
    );
    if triple.era != "halfka" {
        same(
            &triple.permuted(network),
            &expected,
            &what("perm_leb128.nnue, plain conversion"),
        );
    }
}

#[test]
fn every_source_gives_the_reference_bytes() {
    for triple in triples() {
        for source in ["model.ckpt", "model.pt"] {
            let checkpoint = Checkpoint::from_bytes(triple.file(source)).unwrap();
            check(&triple, &checkpoint, source);
            let state = checkpoint.state_dict().unwrap();
            let mut bytes = Vec::new();
            safetensors::write(&state, &mut bytes).unwrap();
            let again = Checkpoint::from_bytes(bytes).unwrap();
            assert_eq!(*again.container(), Container::Safetensors);
            check(&triple, &again, "safetensors");
            let mut bytes = Vec::new();
            write_torch(&state, &mut bytes).unwrap();
            let again = Checkpoint::from_bytes(bytes).unwrap();
            assert_eq!(*again.container(), Container::StateDict);
            check(&triple, &again, "state dictionary");
        }
    }
}

#[test]
fn networks_as_sources() {
    for triple in triples() {
        for (source, compression, target) in [
            ("none.nnue", FtCompression::Leb128, "leb128.nnue"),
            ("leb128.nnue", FtCompression::None, "none.nnue"),
        ] {
            let options = ReadOptions::default();
            let network = Network::parse(&triple.file(source), &options).unwrap();
            let what = format!("{} from {source} to {target}", triple.name);
            same(
                &encoded(network.clone(), compression),
                &triple.file(target),
                &what,
            );
            if triple.era != "halfka" {
                same(
                    &triple.permuted(network),
                    &triple.file("perm_leb128.nnue"),
                    &format!("{what}, permuted"),
                );
            }
        }
    }
}

/// What differs between the reference's two ways to a permuted HalfKA^ network.
#[test]
fn the_second_addition_changes_64_unused_rows_only() {
    let Some(triple) = triples().into_iter().find(|it| it.era == "halfka") else {
        return;
    };
    let parse = |bytes: &[u8]| Network::parse(bytes, &ReadOptions::default()).unwrap();
    let plain = parse(&triple.permuted(parse(&triple.file("none.nnue"))));
    let reference = parse(&triple.file("perm_leb128.nnue"));
    let differing: Vec<usize> = (0..49216)
        .filter(|&row| plain.ft.wide[row * 32..][..32] != reference.ft.wide[row * 32..][..32])
        .collect();
    assert!(!differing.is_empty());
    assert!(differing.iter().all(|row| row % 769 == 0));
}

/// Networks to state dictionaries and back.
#[test]
fn a_network_survives_as_a_state_dictionary() {
    for triple in triples() {
        let none = triple.file("none.nnue");
        let options = ReadOptions {
            clamp: Some(255),
            ..ReadOptions::default()
        };
        let network = Network::parse(&none, &options).unwrap();
        for factorised in [false, true] {
            let state: StateDict<'_> = network_state(&network, factorised);
            let mut torch = Vec::new();
            write_torch(&state, &mut torch).unwrap();
            let mut tensors = Vec::new();
            safetensors::write(&state, &mut tensors).unwrap();
            for bytes in [torch, tensors] {
                let checkpoint = Checkpoint::from_bytes(bytes).unwrap();
                let (again, conversion) =
                    checkpoint.to_network(&ConvertOptions::default()).unwrap();
                assert!(conversion.ranges.is_empty(), "{:?}", conversion.ranges);
                let mut again = again;
                if triple.era == "halfka" && factorised {
                    // Adding row 49215 to the 64 unused rows is not undone by dividing.
                    for row in (0..49216).step_by(769) {
                        let of = row * 32..(row + 1) * 32;
                        again.ft.wide[of.clone()].copy_from_slice(&network.ft.wide[of]);
                        let of = row * 8..(row + 1) * 8;
                        again.ft.psqt[of.clone()].copy_from_slice(&network.ft.psqt[of]);
                    }
                }
                same(&encoded(again, FtCompression::None), &none, triple.name);
            }
        }
    }
}

/// A checkpoint with other names or values, as a safetensors file.
struct Patch {
    names: Vec<(String, String)>,
    values: Vec<(&'static str, usize, f32)>,
}

fn patched(triple: &Triple, patch: &Patch) -> Checkpoint {
    let source = Checkpoint::from_bytes(triple.file("model.pt")).unwrap();
    let mut bytes = Vec::new();
    safetensors::write(&source.state_dict().unwrap(), &mut bytes).unwrap();
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> =
        ::safetensors::SafeTensors::deserialize(&bytes)
            .unwrap()
            .iter()
            .map(|(name, view)| {
                (
                    name.to_string(),
                    view.shape().to_vec(),
                    view.data().to_vec(),
                )
            })
            .collect();
    for (name, at, value) in &patch.values {
        let (.., data) = tensors
            .iter_mut()
            .find(|(found, ..)| found == name)
            .unwrap();
        data[4 * at..4 * at + 4].copy_from_slice(&value.to_le_bytes());
    }
    for (name, ..) in &mut tensors {
        for (from, to) in &patch.names {
            *name = name.replace(from, to);
        }
    }
    let views = tensors.iter().map(|(name, shape, data)| {
        let view =
            ::safetensors::tensor::TensorView::new(::safetensors::Dtype::F32, shape.clone(), data);
        (name.clone(), view.unwrap())
    });
    let bytes = ::safetensors::serialize(views, None).unwrap();
    Checkpoint::from_bytes(bytes).unwrap()
}

fn find(name: &str) -> Option<Triple> {
    triples().into_iter().find(|it| it.name == name)
}

#[test]
fn values_that_do_not_fit_are_named_and_wrap_only_if_asked_to() {
    let Some(triple) = find("seed/Full_Threats_L32") else {
        return;
    };
    let values = vec![
        // A threat weight: 153 does not fit 8 bits. A piece-square weight: 51000 does not fit 16.
        ("model.input.weight", 40 * 7 + 3, 0.6),
        ("model.input.weight", 40 * (79856 + 5) + 1, 200.0),
        ("model.input.bias", 2, f32::NAN),
    ];
    let checkpoint = patched(
        &triple,
        &Patch {
            names: vec![],
            values,
        },
    );
    let error = checkpoint
        .to_network(&ConvertOptions::default())
        .unwrap_err();
    let text = error.to_string();
    for part in [
        "the network is lost, 1 of its values are infinite or no numbers",
        "feature transformer biases: 1 not finite; [2] is NaN",
        "Full_Threats weights: 1 out of range; [7, 3] is 0.6 (153 in the file's unit)",
        "HalfKAv2_hm weights: 1 out of range; [5, 1] is 2",
        "go back to an earlier one",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let options = ConvertOptions {
        compat: true,
        ..ConvertOptions::default()
    };
    let (network, conversion) = checkpoint.to_network(&options).unwrap();
    // The reference's documented examples: 153 becomes -103, what is no number becomes 0.
    assert_eq!(network.ft.narrow[32 * 7 + 3], -103);
    assert_eq!(network.ft.bias[2], 0);
    assert_eq!(
        conversion
            .ranges
            .iter()
            .map(|it| (it.out_of_range, it.not_finite))
            .fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1)),
        (2, 1)
    );
}

#[test]
fn today_nothing_wraps() {
    let Some(triple) = find("head/Composite_L32") else {
        return;
    };
    for (value, fits) in [
        (127.0 / 256.0, true),
        (-127.5 / 256.0, false),
        (-128.0 / 256.0, false),
    ] {
        let values = vec![("model.input.features.0.weight", 40 * 9 + 31, value)];
        let checkpoint = patched(
            &triple,
            &Patch {
                names: vec![],
                values,
            },
        );
        for compat in [false, true] {
            let options = ConvertOptions {
                compat,
                ..ConvertOptions::default()
            };
            let converted = checkpoint.to_network(&options);
            assert_eq!(converted.is_ok(), fits, "{value}");
            if let Err(error) = converted {
                assert!(
                    error
                        .to_string()
                        .contains("Full_Threats weights: 1 out of range; [9, 31]")
                );
            }
        }
    }
}

#[test]
fn unions_in_any_order() {
    let Some(triple) = find("head/Composite_L32") else {
        return;
    };
    let plain = Network::parse(&triple.file("none.nnue"), &ReadOptions::default()).unwrap();
    // New number of threats, pawn pairs, piece-square inputs; `None` leaves the set out.
    let orders = [
        ([Some(1), None, Some(0)], "hm+threats"),
        ([Some(0), None, Some(1)], "threats+hm"),
        ([Some(2), Some(1), Some(0)], "hm+pp+threats"),
        ([Some(0), Some(2), Some(1)], "threats+hm+pp"),
        ([None, Some(0), Some(1)], "pp+hm"),
        ([None, None, Some(0)], "hm"),
    ];
    let mut networks = vec![plain.clone()];
    for (order, era) in orders {
        let names = order
            .iter()
            .enumerate()
            .map(|(old, new)| {
                let new = new.map_or(format!("left.out.{old}"), |new: usize| {
                    format!("moved.{new}")
                });
                (format!("features.{old}."), format!("{new}."))
            })
            .chain([("moved.".to_string(), "features.".to_string())])
            .collect();
        let checkpoint = patched(
            &triple,
            &Patch {
                names,
                values: vec![],
            },
        );
        let (network, _) = checkpoint.to_network(&ConvertOptions::default()).unwrap();
        assert_eq!(network.recognition.era.id, era);
        for (old, new) in order.iter().enumerate() {
            let Some(new) = new else { continue };
            let set = network.architecture.sets[*new];
            assert_eq!(set.name(), plain.architecture.sets[old].name());
            for feature in [0, 1, 777, set.count() - 1] {
                let (a, b) = (network.row(*new, feature), plain.row(old, feature));
                assert_eq!(format!("{a:?}"), format!("{b:?}"), "{era} {old} {feature}");
            }
        }
        // And it is a network file like any other.
        let bytes = encoded(network, FtCompression::Leb128);
        let again = Network::parse(&bytes, &ReadOptions::default()).unwrap();
        assert_eq!(again.recognition.era.id, era);
        assert_eq!(again.to_bytes(), bytes);
        networks.push(again);
    }
    // The same sets in another order compute the same, with the neurons in another order, too.
    let sets = |network: &Network| {
        let mut names: Vec<&str> = network
            .architecture
            .sets
            .iter()
            .map(|it| it.name())
            .collect();
        names.sort_unstable();
        names
    };
    let mut proved = 0;
    for a in &networks {
        let neurons = a.architecture.neurons() as u32;
        let order = Permutation::new((0..neurons).rev().collect()).unwrap();
        for b in &networks {
            let mut b = b.clone();
            b.permute(&order).unwrap();
            let Ok(compared) = compare_weights(a, &mut b) else {
                assert_ne!(sets(a), sets(&b));
                continue;
            };
            assert_eq!(sets(a), sets(&b));
            assert!(compared.is_proved());
            assert_eq!(compared.permutation, order);
            proved += 1;
            *b.ft.wide.last_mut().unwrap() ^= 1;
            let compared = compare_weights(a, &mut b).unwrap();
            assert_eq!(
                compared.differences.count() + compared.differences.unread(),
                1
            );
        }
    }
    // Three orders of three sets, two of threats and squares, and two unions of one order.
    assert_eq!(proved, 3 * 3 + 2 * 2 + 1 + 1);
}

#[test]
fn older_trainers_had_other_names_and_another_unit() {
    let Some(triple) = find("seed/HalfKAv2_hm_L32_trained") else {
        return;
    };
    let names = [
        ("model.", ""),
        ("l1.factorized_linear", "l1_fact"),
        (".linear.", "."),
    ];
    let names = names.map(|(a, b)| (a.to_string(), b.to_string())).to_vec();
    let old = patched(
        &triple,
        &Patch {
            names,
            values: vec![],
        },
    );
    let (network, _) = old.to_network(&ConvertOptions::default()).unwrap();
    assert_eq!(network.recognition.era.id, "small127");
    let today = patched(
        &triple,
        &Patch {
            names: vec![],
            values: vec![],
        },
    );
    let options = ConvertOptions {
        target_era: ftperm::nets::stockfish::era("small127"),
        ..ConvertOptions::default()
    };
    let (chosen, _) = today.to_network(&options).unwrap();
    assert!(chosen.to_bytes() == network.to_bytes());
    let (other, _) = today.to_network(&ConvertOptions::default()).unwrap();
    let pairs = network.ft.wide.iter().zip(&other.ft.wide);
    let mut large = 0;
    for (&old, &new) in pairs.filter(|(_, new)| new.abs() > 20) {
        large += 1;
        assert!((f64::from(old) - f64::from(new) * 127.0 / 255.0).abs() <= 0.76);
    }
    assert!(large > 100);
    // Fully connected layers did not change.
    assert!(network.stacks == other.stacks);
}

#[test]
fn contradictions_are_refused() {
    let Some(triple) = find("head/Composite_L32") else {
        return;
    };
    let checkpoint = Checkpoint::from_bytes(triple.file("model.pt")).unwrap();
    let problem =
        |options: ConvertOptions| checkpoint.to_network(&options).unwrap_err().to_string();
    let l1 = ConvertOptions {
        l1: Some(1024),
        ..ConvertOptions::default()
    };
    assert_eq!(problem(l1), "L1 is 32 by the tensors, --l1 says 1024");
    let features = ConvertOptions {
        features: Some("HalfKAv2_hm^".to_string()),
        ..ConvertOptions::default()
    };
    assert_eq!(
        problem(features),
        "the features are Full_Threats+PP_3Wide+HalfKAv2_hm^ by the tensors, --features says HalfKAv2_hm^"
    );
    let era = ConvertOptions {
        target_era: ftperm::nets::stockfish::era("v9"),
        ..ConvertOptions::default()
    };
    assert!(problem(era).starts_with("it cannot be written as era v9: its inputs are HalfKAv2_hm"));
}

/// Whatever is cut off or changed, there is an error or a network, never a panic.
#[test]
fn damaged_files_are_survived() {
    let Some(triple) = find("seed/HalfKAv2_hm_L32") else {
        return;
    };
    let pristine = triple.file("model.pt");
    let mut random = 1u64;
    let mut next = |below: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let pickle = pristine
        .windows(8)
        .position(|it| it == b"data.pkl")
        .unwrap();
    for round in 0..150 {
        let mut bytes = pristine.clone();
        match round % 3 {
            // The pickle, the directory at the end, the length.
            0 => (0..3).for_each(|_| bytes[pickle + next(9000)] = next(256) as u8),
            1 => {
                let end = bytes.len();
                (0..2).for_each(|_| bytes[end - 1 - next(4000)] = next(256) as u8);
            }
            _ => bytes.truncate(next(pristine.len())),
        }
        if let Ok(checkpoint) = Checkpoint::from_bytes(bytes) {
            let _ = checkpoint.to_network(&ConvertOptions::default());
        }
    }
}

fn ftperm(arguments: &[&std::ffi::OsStr]) -> std::process::Output {
    Case::new("serialize").args(arguments).output()
}

/// Narrow networks too: fewer neurons than a word of the kernels has.
#[test]
fn the_command_optimizes_while_it_converts() {
    for name in ["seed/HalfKAv2_hm_L32_trained", "head/Composite_L32"] {
        let Some(triple) = find(name) else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("last.ckpt"), triple.file("model.ckpt")).unwrap();
        let data = material::own("datasets/selfplay.binpack");
        let data = format!("--ft_optimize_data={}", data.display());
        let output = ftperm(&[
            path("last.ckpt").as_os_str(),
            path("best.nnue").as_os_str(),
            "--ft_optimize".as_ref(),
            data.as_ref(),
            "--ft_optimize_count=2000".as_ref(),
        ]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.contains("same outputs in all buckets"), "{text}");
        // The same numbers in another order: more blocks are zero, as many values of each size as before.
        let read = |bytes: &[u8]| Network::parse(bytes, &ReadOptions::default()).unwrap();
        let before = read(&triple.file("leb128.nnue"));
        let after = read(&std::fs::read(path("best.nnue")).unwrap());
        assert!(before.ft.bias != after.ft.bias, "{name}");
        let sorted = |network: &Network| {
            let mut bias = network.ft.bias.clone();
            bias.sort_unstable();
            bias
        };
        assert_eq!(sorted(&before), sorted(&after), "{name}");
    }
}

#[test]
fn the_command_writes_the_reference_bytes() {
    let Some(triple) = find("seed/HalfKA_L32") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("epoch=1.ckpt");
    std::fs::write(&source, triple.file("model.ckpt")).unwrap();
    let permutation = triple.folder.join("perm.npy");
    let run = |target: &str, options: &[&str]| {
        let target = folder.path().join(target);
        let mut arguments = vec![source.as_os_str(), target.as_os_str()];
        arguments.extend(options.iter().map(std::ffi::OsStr::new));
        let output = ftperm(&arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (
            output.status.code(),
            text,
            std::fs::read(&target).unwrap_or_default(),
        )
    };
    // The spellings of both versions of serialize.py.
    let (code, text, bytes) = run("a.nnue", &["--l1=32", "--features=HalfKA^"]);
    assert_eq!(code, Some(0), "{text}");
    same(&bytes, &triple.file("leb128.nnue"), "a.nnue");
    let (code, text, bytes) = run("b.nnue", &["--ft_compression=none"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("first layer weights: 15 clamped; [2, 3, 1] is 2.522528"),
        "{text}"
    );
    same(&bytes, &triple.file("none.nnue"), "b.nnue");
    let permute = format!("--ft_perm={}", permutation.display());
    let (code, text, bytes) = run("c.nnue", &[&permute, "--compat"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("same outputs in all buckets on 500 positions"),
        "{text}"
    );
    same(&bytes, &triple.file("perm_leb128.nnue"), "c.nnue");
    // Named after its contents, which are those of a.nnue.
    let (code, ..) = run("d.nnue", &["--out-sha"]);
    assert_eq!(code, Some(0));
    let name = ftperm::files::digest::net_name(&ftperm::files::digest::sha256(
        &triple.file("leb128.nnue"),
    ));
    assert!(folder.path().join(format!("{name}.nnue")).exists());
    // What cannot be is said, and nothing is written.
    let (code, text, bytes) = run("e.nnue", &["--features=HalfKAv2_hm^"]);
    assert_eq!((code, bytes.len()), (Some(1), 0));
    assert!(
        text.contains("the features are HalfKA^ by the tensors"),
        "{text}"
    );
    for (target, options) in [
        ("f.ckpt", &[][..]),
        ("f.pt", &["--compat"]),
        ("f.nnue", &["--ft-optimize"]),
    ] {
        let (code, _, bytes) = run(target, options);
        assert_eq!((code, bytes.len()), (Some(2), 0), "{target}");
    }
}
