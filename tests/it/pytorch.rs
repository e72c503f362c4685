//! PyTorch itself loads the state dictionaries that `ftperm serialize` writes.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::material;
use crate::common::program::Case;

fn unpacked(folder: &Path, source: &Path, name: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(source.join(format!("{name}.gz"))).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut bytes)
        .unwrap();
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn serialize(source: &Path, target: &Path, options: &[&str]) {
    Case::new("serialize")
        .args([source, target])
        .args(options)
        .ok();
}

/// A Python that has PyTorch, and the reference tool's checkpoints with the networks that they became.
pub fn torch_and_triples() -> Option<(std::ffi::OsString, std::path::PathBuf)> {
    let python = material::python("torch")?;
    Some((python, material::shared("reference/triples")?))
}

/// The checkpoint's tensors bit for bit, and a network's under the names and with the shapes that the trainer's model
/// has.
#[test]
fn load_state_dict_accepts_what_is_written() {
    let Some((python, triples)) = torch_and_triples() else {
        return;
    };
    for (triple, features) in [
        ("seed/HalfKAv2_hm_L32_trained", "HalfKAv2_hm^"),
        ("head/Composite_L32", "Full_Threats+PP_3Wide+HalfKAv2_hm^"),
    ] {
        let source = triples.join(triple);
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let checkpoint = unpacked(folder, &source, "model.ckpt");
        let network = unpacked(folder, &source, "leb128.nnue");
        let mut arguments = vec![checkpoint.clone().into_os_string()];
        for format in ["pt", "safetensors"] {
            for (from, name, how) in [
                (&checkpoint, "ckpt", "=exact"),
                (&network, "nnue", "=names"),
            ] {
                let target = folder.join(format!("from-{name}.{format}"));
                serialize(from, &target, &["--features", features]);
                arguments.push([target.as_os_str(), OsStr::new(how)].into_iter().collect());
            }
        }
        let output = Command::new(&python)
            .arg(material::own("tests/load_state_dict.py"))
            .args(&arguments)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{triple}: {text}");
        let lines = String::from_utf8_lossy(&output.stdout);
        assert_eq!(lines.lines().count(), 4, "{lines}");
    }
}

/// A trainer's own files with other weights: PyTorch makes of them what it makes of the templates, and ftperm the
/// network that was put in.
#[test]
fn weights_take_the_place_of_those_of_a_template() {
    let Some((python, triples)) = torch_and_triples() else {
        return;
    };
    for (triple, features) in [
        ("head/Composite_L32", "Full_Threats+PP_3Wide+HalfKAv2_hm^"),
        ("seed/HalfKAv2_hm_L32_trained", "HalfKAv2_hm^"),
    ] {
        let source = triples.join(triple);
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        // The same neurons in another order, and named otherwise.
        let network = folder.join("other.nnue");
        unpacked(folder, &source, "perm_leb128.nnue");
        serialize(
            &folder.join("perm_leb128.nnue"),
            &network,
            &["--description", "another"],
        );
        let state = folder.join("state.pt");
        serialize(&network, &state, &["--features", features]);
        for name in ["model.pt", "model.ckpt"] {
            let template = unpacked(folder, &source, name);
            let copy = folder.join(format!("new-{name}"));
            let like = template.to_str().unwrap();
            serialize(&network, &copy, &["--like", like]);
            let again = folder.join("again.nnue");
            serialize(&copy, &again, &[]);
            let read = |path: &Path| std::fs::read(path).unwrap();
            assert!(read(&again) == read(&network), "{triple} {name}");
            // The template's own weights give the template's tensors again.
            let same = folder.join(format!("same-{name}"));
            serialize(&template, &same, &["--like", like]);
            serialize(&same, &again, &[]);
            let expected = unpacked(folder, &source, "leb128.nnue");
            assert!(read(&again) == read(&expected), "{triple} {name}");
            let output = Command::new(&python)
                .arg(material::own("tests/load_like.py"))
                .args([&template, &copy, &state])
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{triple} {name}: {text}");
            assert_eq!(members(&template), members(&copy), "{triple} {name}");
        }
    }
}

/// Names of an archive's members, and the bytes of those that hold no tensor; without ftperm's own.
fn members(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut found = Vec::new();
    for number in 0..archive.len() {
        let mut member = archive.by_index(number).unwrap();
        let name = member.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        if !name.contains("/data/") {
            member.read_to_end(&mut bytes).unwrap();
        }
        if !name.ends_with("ftperm.json") {
            found.push((name, bytes));
        }
    }
    found
}

#[test]
fn templates_that_do_not_fit_are_refused() {
    let Some(triples) = material::shared("reference/triples") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let today = unpacked(folder, &triples.join("head/Composite_L32"), "model.pt");
    let refused = |source: &Path, template: &Path, target: &str, code: i32, part: &str| {
        let target = folder.join(target);
        let case = Case::new("serialize").args([source, &target]);
        let done = case.option("--like", template).ends_with(code);
        done.says(part);
        assert!(!target.exists());
    };
    let net = material::own("datasets/demo.nnue");
    refused(
        &net,
        &today,
        "a.pt",
        1,
        "another version of the trainer wrote it",
    );
    refused(&today, &today, "a.nnue", 2, "--like is for targets");
    refused(&today, &net, "a.pt", 1, "neither a PyTorch file");
    let tensors = folder.join("a.safetensors");
    serialize(&today, &tensors, &[]);
    refused(&today, &tensors, "a.pt", 1, "only what torch.save wrote");
    let older = triples.join("seed/HalfKAv2_hm_L32");
    let older = unpacked(folder, &older, "model.ckpt");
    refused(
        &net,
        &older,
        "b.ckpt",
        1,
        "has shape [23296, 40], the new weights have",
    );
    // A template is an input.
    let case = Case::new("serialize").args([&today, &older]);
    case.option("--like", &older)
        .ends_with(2)
        .says("are the same file");
    // What fits, but not in every way.
    let [state, wide] = ["state.pt", "wide.pt"].map(|name| folder.join(name));
    serialize(&net, &state, &[]);
    serialize(&net, &wide, &["--clamp", "255"]);
    let put = |template: &Path| {
        let case = Case::new("serialize").args([&net, &folder.join("c.pt")]);
        case.option("--like", template).ok()
    };
    assert!(!put(&state).stderr.contains("warning"));
    put(&wide).says("one is 127 in the weights and 255 in the template");
    let case = Case::new("serialize").args([&older, &folder.join("c.ckpt")]);
    let copy = folder.join("copy.ckpt");
    std::fs::copy(&older, &copy).unwrap();
    case.option("--like", &copy)
        .ok()
        .says("the optimizer's state is the template's");
    // Damage anywhere, also in what would only be copied.
    let mut bytes = std::fs::read(&older).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&copy, bytes).unwrap();
    refused(&older, &copy, "d.ckpt", 1, "is damaged: its CRC-32 is");
}
