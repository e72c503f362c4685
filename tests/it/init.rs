//! `ftperm init`: the state dictionaries with which trainers begin.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::material;
use crate::common::program::Case;
use crate::pytorch;

fn init(folder: &Path, names: &str, file: &str, options: &[&str]) -> PathBuf {
    let target = folder.join(file);
    Case::new("init").arg(names).arg(&target).args(options).ok();
    target
}

/// A tensor's shape and values.
fn tensor(bytes: &[u8], name: &str) -> (Vec<usize>, Vec<f32>) {
    let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let view = file.tensor(name).unwrap();
    let values = view.data().as_chunks::<4>().0.iter();
    let values = values.map(|bytes| f32::from_le_bytes(*bytes)).collect();
    (view.shape().to_vec(), values)
}

/// 126, 781, 825, 1276 and 2538 by 600, as PyTorch multiplies them in single precision.
const PIECE_VALUES: [u32; 5] = [
    1_045_891_646,
    1_067_883_780,
    1_068_498_944,
    1_074_273_103,
    1_082_612_777,
];

#[test]
fn what_the_trainer_sets_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--l1", "16", "--inputs", "january"];
    let file = init(folder.path(), "HalfKAv2_hm^", "a.safetensors", &options);
    let bytes = std::fs::read(&file).unwrap();
    let (shape, weights) = tensor(&bytes, "model.input.weight");
    assert_eq!(shape, [23296, 24]);
    let sigma = (1.0f32 / 23296.0).sqrt();
    let mut sum = 0.0f64;
    for (row, values) in weights.chunks_exact(24).enumerate() {
        if row >= 22528 {
            assert!(values.iter().all(|&value| value == 0.0), "{row}");
            continue;
        }
        assert!(values[..16].iter().all(|value| value.abs() <= sigma));
        sum += values[..16]
            .iter()
            .map(|&value| f64::from(value))
            .sum::<f64>();
        // Own pawns, the opponent's, own knights and so on; then kings, which have no value.
        let plane = row % 704 / 64;
        let value = PIECE_VALUES
            .get(plane / 2)
            .map_or(0.0, |&bits| f32::from_bits(bits));
        let expected = if plane % 2 == 0 { value } else { -value };
        assert_eq!(values[16..], [expected; 8], "{row}");
    }
    // 360448 values, each of variance sigma^2 / 3: five standard deviations.
    let deviation = (360_448.0f64 / 3.0).sqrt() * f64::from(sigma);
    assert!(sum.abs() < 5.0 * deviation, "{sum}");
    let (shape, bias) = tensor(&bytes, "model.input.bias");
    assert_eq!(shape, [24]);
    assert_eq!(bias[16..], [0.0; 8]);
    assert!(
        bias[..16]
            .iter()
            .all(|value| value.abs() <= sigma && *value != 0.0)
    );
    for (name, inputs, outputs) in [("l1", 16, 16), ("l2", 30, 32), ("output", 32, 1)] {
        let (shape, weights) = tensor(&bytes, &format!("model.layer_stacks.{name}.linear.weight"));
        assert_eq!(shape, [8 * outputs, inputs]);
        let limit = (1.0 / inputs as f32).sqrt();
        assert!(weights.iter().all(|value| value.abs() <= limit));
        let stacks: Vec<&[f32]> = weights.chunks_exact(inputs * outputs).collect();
        assert!(stacks.iter().all(|stack| *stack == stacks[0]));
        let (_, bias) = tensor(&bytes, &format!("model.layer_stacks.{name}.linear.bias"));
        assert_eq!(bias.len(), 8 * outputs);
        assert_eq!(bias.iter().all(|&value| value == 0.0), name == "output");
    }
    let (shape, shared) = tensor(&bytes, "model.layer_stacks.l1.factorized_linear.weight");
    assert_eq!(shape, [16, 16]);
    assert!(shared.iter().all(|&value| value == 0.0));
}

#[test]
fn kings_apart_in_today_s_model() {
    let folder = tempfile::tempdir().unwrap();
    let file = init(
        folder.path(),
        "PP_3Wide+HalfKAv2_hm^",
        "a.safetensors",
        &["--l1", "8"],
    );
    let bytes = std::fs::read(&file).unwrap();
    let (shape, pairs) = tensor(&bytes, "model.input.features.0.weight");
    assert_eq!(shape, [4560, 16]);
    assert!(pairs.chunks_exact(16).all(|row| row[8..] == [0.0; 8]));
    let (shape, weights) = tensor(&bytes, "model.input.features.1.weight");
    assert_eq!(shape, [24576, 16]);
    for (row, values) in weights.chunks_exact(16).enumerate() {
        let plane = row % 768 / 64;
        let value = PIECE_VALUES
            .get(plane / 2)
            .map_or(0.0, |&bits| f32::from_bits(bits));
        let expected = if plane % 2 == 0 { value } else { -value };
        assert_eq!(values[8..], [expected; 8], "{row}");
        assert!(values[..8].iter().any(|&value| value != 0.0));
    }
    let (shape, shared) = tensor(&bytes, "model.input.features.1.virtual_weight");
    assert_eq!(shape, [768, 16]);
    assert!(shared.iter().all(|&value| value == 0.0));
}

#[test]
fn the_seed_says_all() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |file: &str, seed: &str| {
        let options = ["--l1", "8", "--seed", seed];
        std::fs::read(init(folder.path(), "PP_3Wide", file, &options)).unwrap()
    };
    let first = bytes("a.pt", "7");
    assert!(first == bytes("b.pt", "7"));
    assert!(first != bytes("c.pt", "8"));
}

/// The trainer's model takes the dictionary, and the network made of it is read.
#[test]
fn trainers_load_it_and_it_becomes_a_network() {
    let Some((python, triples)) = pytorch::torch_and_triples() else {
        return;
    };
    for (triple, names, inputs, features) in [
        (
            "seed/HalfKAv2_hm_L32",
            "HalfKAv2_hm^",
            "january",
            "HalfKAv2_hm",
        ),
        ("seed/HalfKA_L32", "HalfKA^", "january", "HalfKA"),
        ("seed/HalfKAv2_L32", "HalfKAv2^", "january", "HalfKAv2"),
        (
            "seed/Full_Threats_L32",
            "Full_Threats^",
            "january",
            "Full_Threats+HalfKAv2_hm",
        ),
        (
            "head/Composite_L32",
            "Full_Threats+PP_3Wide+HalfKAv2_hm^",
            "today",
            "Full_Threats+PP_3Wide+HalfKAv2_hm",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let checkpoint = folder.join("model.ckpt");
        let packed = triples.join(triple).join("model.ckpt.gz");
        std::fs::write(&checkpoint, material::gunzip(&packed)).unwrap();
        let options = ["--l1", "32", "--inputs", inputs];
        let start = init(folder, names, "start.pt", &options);
        let other = init(folder, names, "start.safetensors", &options);
        let mut arguments = vec![checkpoint.into_os_string()];
        for file in [&start, &other] {
            let mut argument = file.clone().into_os_string();
            argument.push("=names");
            arguments.push(argument);
        }
        let output = Command::new(&python)
            .arg(material::own("tests/load_state_dict.py"))
            .args(&arguments)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{triple}: {text}");
        let network = folder.join("start.nnue");
        Case::new("serialize")
            .args([&start, &network])
            .args(["--features", names])
            .ok();
        let report = Case::new("inspect").arg(&network).arg("--json").ok().json();
        assert_eq!(report["kind"], "network");
        let sets = report["features"].as_array().unwrap().iter();
        let sets: Vec<&str> = sets.map(|set| set["name"].as_str().unwrap()).collect();
        assert_eq!(sets.join("+"), features);
        assert_eq!(report["l1"], 32);
    }
}

#[test]
fn what_no_trainer_has_is_refused() {
    let refused = |arguments: &[&str], text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let case = Case::new("init").folder(folder.path()).args(arguments);
        case.ends_with(2).says(text);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    };
    refused(
        &["HalfKP", "a.pt", "--l1", "32"],
        "no trainer begins with HalfKP: it has no piece values",
    );
    refused(&["HalfKA", "a.pt", "--l1", "30"], "L1 is a multiple of 8");
    refused(
        &["HalfKA", "a.pt", "--l1", "32", "--l2", "0"],
        "L2 is 1 to 1023, not 0",
    );
    refused(
        &["HalfKA", "a.nnue", "--l1", "32"],
        "ends in .safetensors or .pt",
    );
    refused(
        &["HalfKAv2_mh", "a.pt", "--l1", "32"],
        "is HalfKAv2_hm meant?",
    );
    refused(
        &["HalfKP", "a.pt", "--l1", "32", "--inputs", "today"],
        "today's trainer has no HalfKP",
    );
}

/// Two blocks of one set have as many rows as another set: that is said.
#[test]
fn unions_of_january_are_not_taken_for_another_set() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--l1", "8", "--inputs", "january"];
    let twice = init(folder.path(), "HalfKAv2_hm+HalfKAv2_hm", "a.pt", &options);
    let network = folder.path().join("a.nnue");
    let serialize = |file: &Path| Case::new("serialize").args([file, &network]);
    let text = "the 45056 rows are HalfKAv2; the union HalfKAv2_hm+HalfKAv2_hm of January's trainer has as many";
    serialize(&twice).ok().says(text);
    Case::new("inspect").arg(&twice).ok();
    std::fs::remove_file(&network).unwrap();
    serialize(&twice)
        .args(["--features", "HalfKAv2_hm+HalfKAv2_hm"])
        .ends_with(1)
        .says("a union of the trainer until January 2026");
    let union = init(folder.path(), "HalfKA+HalfKAv2^", "b.pt", &options);
    serialize(&union)
        .ends_with(1)
        .says("so many rows has the union HalfKA+HalfKAv2^ or HalfKA^+HalfKAv2");
    assert!(!network.exists());
    // A set alone, of whose rows no two sets make as many, is taken without a word.
    let single = init(folder.path(), "HalfKAv2_hm", "c.pt", &options);
    let done = serialize(&single).ok();
    assert!(!done.stderr.contains("union"), "{}", done.stderr);
}
