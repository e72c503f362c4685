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

/// The checkpoint's tensors bit for bit, and a network's under the names and with the shapes that the trainer's model
/// has.
#[test]
fn load_state_dict_accepts_what_is_written() {
    let (Some(python), Some(triples)) = (
        material::python("torch"),
        material::shared("reference/triples"),
    ) else {
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
