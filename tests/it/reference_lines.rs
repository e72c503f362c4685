//! Command lines that people have for serialize.py and ftperm.py, word for word.

use std::fs;
use std::path::{Path, PathBuf};

use ftperm::files::digest::{net_name, sha256};
use ftperm::nets::stockfish::{Network, ReadOptions};
use tempfile::TempDir;

use crate::common::material;
use crate::common::program::{Case, Done};

const HEAD: &str = "--features=Full_Threats+PP_3Wide+HalfKAv2_hm^ --l1=32 --l2=32";

/// A folder with the trainer's checkpoint, and data.
struct Place {
    folder: TempDir,
    triple: PathBuf,
}

impl Place {
    fn new(triple: &str) -> Option<Place> {
        let triple = material::shared("reference/triples")?.join(triple);
        let folder = tempfile::tempdir().unwrap();
        let place = Place { folder, triple };
        for name in ["model.ckpt", "model.pt"] {
            place.put(&name.replace("model", "last"), &place.reference(name));
        }
        let data = fs::read(material::own("datasets/selfplay.binpack")).unwrap();
        place.put("fishpack32.binpack", &data);
        Some(place)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path().join(name), bytes).unwrap();
    }

    fn get(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }

    /// What the reference tool reads or writes.
    fn reference(&self, name: &str) -> Vec<u8> {
        material::gunzip(&self.triple.join(format!("{name}.gz")))
    }

    fn case(&self, line: &str) -> Case {
        let mut words = line.split_whitespace();
        let case = Case::new(words.next().unwrap()).folder(self.path());
        case.args(words)
    }

    #[track_caller]
    fn ok(&self, line: &str) -> Done {
        self.case(line).ok()
    }
}

fn network(bytes: &[u8]) -> Network {
    Network::parse(bytes, &ReadOptions::default()).unwrap()
}

/// Another order of the same neurons.
#[track_caller]
fn assert_permuted(before: &[u8], after: &[u8]) {
    let (before, after) = (network(before), network(after));
    assert!(before.ft.bias != after.ft.bias, "nothing was permuted");
    let sorted = |network: &Network| {
        let mut bias = network.ft.bias.clone();
        bias.sort_unstable();
        bias
    };
    assert_eq!(sorted(&before), sorted(&after));
    assert_eq!(before.description, after.description);
}

/// The five lines that training pipelines run, in their order.
#[test]
fn lines_of_pipelines_run_as_they_are() {
    let Some(place) = Place::new("head/Composite_L32") else {
        return;
    };
    let leb128 = place.reference("leb128.nnue");
    let options = format!("{HEAD} --ft-compression=leb128");
    place
        .ok(&format!("serialize last.ckpt from-ckpt.pt {options} -v"))
        .says("--ft-compression means nothing here");
    place.ok(&format!("serialize from-ckpt.pt again.nnue {options}"));
    assert!(place.get("again.nnue") == leb128);
    place.ok(&format!("serialize last.ckpt nonopt.nnue {options}"));
    assert!(place.get("nonopt.nnue") == leb128);
    place
        .ok(&format!(
            "serialize nonopt.nnue last.nnue --ft_optimize_data=fishpack32.binpack --device=0 {HEAD} \
             --ft-optimize-count=2000 --ft-optimize --ft-compression=leb128"
        ))
        .says("same outputs in all buckets");
    assert_permuted(&leb128, &place.get("last.nnue"));
    // In place.
    place.put("b.nnue", &leb128);
    place
        .ok(
            "serialize b.nnue b.nnue --ft_optimize --ft_optimize_data=fishpack32.binpack --ft_optimize_count=1000 \
             --features=Full_Threats+PP_3Wide+HalfKAv2_hm^ --l1=32 --device=cpu --loader_num_workers=1 -v",
        )
        .says("--loader-num-workers of serialize.py means nothing here")
        .says("as --device asks for");
    let permuted = place.get("b.nnue");
    assert_permuted(&leb128, &permuted);
    place.ok(
        "serialize b.nnue b.nnue --out-sha --features=Full_Threats+PP_3Wide+HalfKAv2_hm^ --l1=32 --device=cpu \
         --loader_num_workers=1",
    );
    assert!(place.get("b.nnue") == permuted);
    let named = format!("{}.nnue", net_name(&sha256(&permuted)));
    assert!(place.get(&named) == permuted);
}

#[test]
fn the_older_tool_has_its_bytes_too() {
    let Some(place) = Place::new("seed/HalfKAv2_hm_L32_trained") else {
        return;
    };
    fs::copy(place.triple.join("perm.npy"), place.path().join("a.perm")).unwrap();
    for source in ["last.ckpt", "last.pt"] {
        for (target, reference, options) in [
            ("a.nnue", "leb128.nnue", ""),
            ("b.nnue", "none.nnue", "--ft_compression none"),
            ("c.nnue", "perm_leb128.nnue", "--ft_perm=a.perm"),
        ] {
            place.ok(&format!(
                "serialize --no-cupy --device 1 {source} {target} --features=HalfKAv2_hm^ --l1 32 {options}"
            ));
            assert!(
                place.get(target) == place.reference(reference),
                "{source} {target}"
            );
        }
    }
}

#[test]
fn every_option_of_both_versions_is_taken() {
    let Some(place) = Place::new("head/Composite_L32") else {
        return;
    };
    let filters = "--filtered --wld-filtered --random-fen-skipping 0 --early-fen-skipping -1 \
                   --soft-early-fen-skipping 20 --simple-eval-skipping -1 --param-index 0 --pc-y0 0.0 --pc-y1 0.4 \
                   --pc-y2 1.0 --pc-y3 1.0 --pc-y4 0.75 --ply-x1 0 --ply-y1 0.1 --ply-x2 6.0 --ply-y2 0.15 \
                   --ply-x3 10.0 --ply-y3 0.25 --ply-x4 18 --ply-y4 0.75 --rank 0 --world-size 1";
    let constants = "--nnue2score 600 --weight-scale-l1 128 --weight-scale-l2 64.0 --weight-scale-l-out 128 \
                     --weight-scale-out 16 --weight-quantized-max-hidden 127 --ft-quantized-one 256 \
                     --ft-quantized-max 255 --hidden-quantized-one 128 --hidden-quantized-max 127 \
                     --inference-l0-division-factor 512 --inference-sqr-crelu-division-factor 128";
    let training = "--in-offset 270 --out-offset 270 --in-scaling 340 --out-scaling 380 --pow-exp 2.5 \
                    --qp-asymmetry -0.1 --w1 0 --w2 0.5 --tb-remap-base 4000 --tb-remap-scale 4000 \
                    --tb-remap-decay 0.85 --start-lambda 1.0 --end-lambda 0.75 --jitter-lambda-sample 0 \
                    --jitter-lambda-batch 0 --jitter-decay-lambda-batch 0 --lambda 1.0 --lambda-schedule-steps -1 \
                    --lambda-cycle-warmup-pct 0.3 --lambda-cycle-delta 0 --no-lambda-cycle-jitter \
                    --optimizer-name rangerlite --ft-weight-decay 0 --dense-weight-decay 0 \
                    --factorized-weight-decay 0 --lr 8e-4 --gamma 0.992 --one-cycle-steps 0 \
                    --one-cycle-warmup-pct 0.2 --one-cycle-start-div 25 --one-cycle-final-div 50 --pnm-active \
                    --pnm-momentum 1 --lookahead-alpha 0.5 --lookahead-steps 5 --warmup-steps 10000 \
                    --use-fake-act-quantization --no-use-fake-weight-quantization";
    let dashed =
        format!("{filters} {constants} {training} --l1 32 --l2 32 --l3 32 --loader-num-workers 4");
    for options in [dashed.clone(), underscored(&dashed)] {
        place.ok(&format!(
            "serialize last.ckpt a.nnue --no-out-sha --no-ft-optimize --ft-optimize-data fishpack32.binpack \
             --cupy --device mps {options}"
        ));
        assert!(place.get("a.nnue") == place.reference("leb128.nnue"));
        // Before the subcommand, as the tool wants it, or behind it.
        let top = format!("{constants} --l1 32 --l2 32 --l3 32 --no-cupy --device 0");
        for (top, behind) in [(top.as_str(), ""), ("", top.as_str())] {
            place.put("nn.nnue", &place.reference("none.nnue"));
            let gather = "--net=nn.nnue --data=fishpack32.binpack --count=300 --out=a.npy --features=\
                          Full_Threats+PP_3Wide+HalfKAv2_hm^ --loader-num-workers=1";
            place.ok(&format!("{top} gather {gather} {filters} {behind}"));
            place.ok(&format!(
                "{top} find_perm --data=a.npy --out=a.perm {behind}"
            ));
            let done = place.ok(&format!(
                "{top} eval_perm --data=a.npy --perm=a.perm {behind}"
            ));
            let lines: Vec<&str> = done.stdout.lines().collect();
            assert!(
                lines[0].starts_with("Combined zeros in base matrix: "),
                "{lines:?}"
            );
            assert!(
                lines[1].starts_with("Combined zeros in perm matrix: "),
                "{lines:?}"
            );
        }
    }
}

/// Names of options in the other spelling.
fn underscored(line: &str) -> String {
    let words = line
        .split_whitespace()
        .map(|word| match word.strip_prefix("--no-") {
            Some(rest) => format!("--no-{}", rest.replace('-', "_")),
            None => match word.strip_prefix("--") {
                Some(rest) => format!("--{}", rest.replace('-', "_")),
                None => word.to_string(),
            },
        });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_contradicts_the_tensors_is_refused() {
    let Some(place) = Place::new("head/Composite_L32") else {
        return;
    };
    place.put("nn.nnue", &place.reference("none.nnue"));
    for (source, option, part) in [
        (
            "last.ckpt",
            "--l1=1024",
            "L1 is 32 by the tensors, --l1 says 1024",
        ),
        (
            "last.ckpt",
            "--l2=15",
            "L2 is 32 by the tensors, --l2 says 15",
        ),
        (
            "last.pt",
            "--l3=16",
            "L3 is 32 by the tensors, --l3 says 16",
        ),
        ("nn.nnue", "--l2=15", "L2 of nn.nnue is 32, --l2 says 15"),
        ("nn.nnue", "--l3=15", "L3 of nn.nnue is 32, --l3 says 15"),
    ] {
        for target in ["a.nnue", "a.pt"] {
            let case = place.case(&format!("serialize {source} {target} {option}"));
            case.ends_with(1).says(part);
            assert!(!place.path().join(target).exists());
        }
    }
    for (line, part) in [
        (
            "serialize last.ckpt a.nnue --ft-quantized-one 255",
            "is 256 in every network",
        ),
        (
            "serialize last.ckpt a.nnue --device gpu",
            "the number of a graphics adapter",
        ),
        (
            "serialize last.ckpt a.nnue --device 0 --backend cpu",
            "cannot be used with",
        ),
    ] {
        place.case(line).ends_with(2).says(part);
        assert!(!place.path().join("a.nnue").exists());
    }
    let gather = "gather --net nn.nnue --data fishpack32.binpack --count 10 --out a.npy";
    place
        .case(&format!("--l2=15 {gather}"))
        .ends_with(1)
        .says("--l2 says 15, the network has 32");
    place.ok(gather);
    place
        .case("--l1=64 eval_perm --data a.npy")
        .ends_with(1)
        .says("--l1 says 64, the data have 32");
}

/// What fails in place leaves the network as it was.
#[test]
fn a_failure_in_place_leaves_the_network() {
    let Some(place) = Place::new("head/Composite_L32") else {
        return;
    };
    let before = place.reference("none.nnue");
    place.put("b.nnue", &before);
    place.put("bad.binpack", b"BINP");
    place.put("short.npy", b"0\n1\n");
    for options in [
        "--ft_optimize --ft_optimize_data=bad.binpack",
        "--ft_optimize --ft_optimize_data=missing.binpack",
        "--ft_perm=short.npy",
        "--l1=1024",
        "--features=HalfKP",
    ] {
        let line = format!("serialize b.nnue b.nnue --ft_compression=leb128 {options}");
        assert!(!place.case(&line).output().status.success(), "{line}");
        assert!(place.get("b.nnue") == before, "{line}");
        // Nothing unfinished either.
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 6, "{line}");
    }
}

/// The tool names a file after its contents beside what stands for a file, whether that is there or not.
#[test]
fn out_sha_goes_where_the_tool_puts_it() {
    let Some(place) = Place::new("head/Composite_L32") else {
        return;
    };
    let expected = place.reference("leb128.nnue");
    let name = format!("{}.nnue", net_name(&sha256(&expected)));
    fs::create_dir(place.path().join("in")).unwrap();
    fs::create_dir(place.path().join("sub")).unwrap();
    place.put("sub/notes", b"kept");
    for (target, folder) in [
        ("x.nnue", "."),
        ("last.ckpt", "."),
        ("sub/notes", "sub"),
        ("sub/missing.pt", "sub"),
        ("in", "in"),
    ] {
        place.ok(&format!("serialize last.ckpt {target} --out_sha"));
        let made = place.path().join(folder).join(&name);
        assert!(fs::read(&made).unwrap() == expected, "{target}");
        fs::remove_file(made).unwrap();
    }
    assert_eq!(place.get("sub/notes"), b"kept");
}

/// Under the tool's name the program is that tool.
#[cfg(unix)]
#[test]
fn links_have_the_names_and_ways_of_the_tools() {
    let Some(place) = Place::new("head/Composite_L32") else {
        return;
    };
    let done = place.ok("shims bin");
    assert_eq!(
        done.stdout.lines().collect::<Vec<_>>(),
        ["bin/serialize.py", "bin/ftperm.py"]
    );
    place.ok("shims bin");
    place.put("nn.nnue", &place.reference("none.nnue"));
    let tool = |name: &str, line: &str| {
        let case = Case::program(place.path().join("bin").join(name)).folder(place.path());
        case.args(line.split_whitespace())
    };
    tool("serialize.py", &format!("nn.nnue a.nnue {HEAD}")).ok();
    // The tool compresses what was not compressed.
    assert!(place.get("a.nnue") == place.reference("leb128.nnue"));
    tool("serialize.py", "")
        .ends_with(2)
        .says("Usage: ftperm serialize");
    assert!(tool("ftperm.py", "").ok().stdout.contains("gather"));
    let gather = "--l1 32 --no-cupy gather --data=fishpack32.binpack --net=nn.nnue --out=a.npy \
                  --random-fen-skipping 1 --no-wld-filtered --no-filtered";
    let done = tool("ftperm.py", gather)
        .ok()
        .says("captures are passed over all the same");
    assert!(
        done.stderr.contains("early ply, thinned"),
        "{}",
        done.stderr
    );
    let rows = |name: &str| fs::metadata(place.path().join(name)).unwrap().len() / 32;
    assert!(rows("a.npy") <= 1004, "the tool's count is 1000");
    tool("ftperm.py", "--l1 32 find_perm --data=a.npy --out=a.perm").ok();
    tool("ftperm.py", "eval_perm --data=a.npy --perm=a.perm").ok();
    tool("serialize.py", "nn.nnue b.nnue --ft_perm=a.perm").ok();
    assert_permuted(&place.get("nn.nnue"), &place.get("b.nnue"));
}

/// `python serialize.py`, where a link would be read as a script.
#[test]
fn scripts_start_the_program() {
    let Some(place) = Place::new("head/Composite_L32") else {
        return;
    };
    let Some(python) = material::python("sys") else {
        return;
    };
    place.ok("shims bin --python");
    let script = |name: &str, line: &str| {
        let case = Case::program(&python).folder(place.path()).arg("-u");
        case.arg(format!("bin/{name}"))
            .args(line.split_whitespace())
    };
    script("serialize.py", &format!("last.ckpt a.nnue {HEAD}")).ok();
    assert!(place.get("a.nnue") == place.reference("leb128.nnue"));
    script("serialize.py", "last.ckpt missing/a.nnue --l1=1").ends_with(1);
    assert!(script("ftperm.py", "--help").ok().stdout.contains("gather"));
    // What somebody else wrote is kept.
    place.put("bin/ftperm.py", b"import torch\n");
    place
        .case("shims bin")
        .ends_with(1)
        .says("is there already and no shim");
    assert_eq!(place.get("bin/ftperm.py"), b"import torch\n");
    place.ok("shims bin --python --force");
    script("ftperm.py", "--help").ok();
}

/// What a network is does not depend on the device that is named.
#[test]
fn devices_give_the_same_bytes() {
    let Some(place) = Place::new("head/Composite_L32") else {
        return;
    };
    let run = |device: &str| {
        let done = place.ok(&format!(
            "serialize last.ckpt a.nnue --ft_optimize --ft_optimize_data fishpack32.binpack \
             --ft_optimize_count=500 {device}"
        ));
        (place.get("a.nnue"), done.stderr)
    };
    let (expected, _) = run("");
    for (device, part) in [
        ("--device=cpu", "as --device asks for"),
        ("--no-cupy", "as --no-cupy asks for"),
        ("--no_cupy --device=0", "as --no-cupy asks for"),
        (
            "--device=cuda:99",
            "no hardware adapter was found for --device 99",
        ),
    ] {
        let (found, said) = run(device);
        assert!(found == expected, "{device}");
        assert!(said.contains(part), "{device}: {said}");
    }
}
