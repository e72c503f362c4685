//! Files that have no end, lie about what they hold, or are compressed: an error in bounded memory, or they are read.
#![cfg(unix)]

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::common::program::{ftperm, text};

/// Address space in KiB that the program may take in these tests.
const MEMORY: &str = "3000000";

/// Seconds that no error takes.
const PATIENCE: &str = "120";

/// Runs the program with little memory and time.
fn limited(folder: &Path, arguments: &[&str]) -> Output {
    limited_to(MEMORY, folder, arguments)
}

/// As [`limited`], with so many KiB of address space.
fn limited_to(memory: &str, folder: &Path, arguments: &[&str]) -> Output {
    Command::new("sh")
        .args([
            "-c",
            r#"ulimit -v "$0"; exec timeout -k 5 "$@""#,
            memory,
            PATIENCE,
        ])
        .arg(env!("CARGO_BIN_EXE_ftperm"))
        .args(arguments)
        .env("RAYON_NUM_THREADS", "2")
        .current_dir(folder)
        .output()
        .unwrap()
}

/// It must fail with an error that is a message: no signal, no panic, no novel.
fn fails(folder: &Path, arguments: &[&str]) -> String {
    let output = limited(folder, arguments);
    let message = text(&output.stderr);
    let code = output.status.code();
    assert!(
        matches!(code, Some(1 | 2)),
        "{arguments:?}: {:?} {message}",
        output.status
    );
    assert!(!message.contains("panicked"), "{arguments:?}: {message}");
    assert!(
        message.len() < 2000,
        "{arguments:?}: {} bytes",
        message.len()
    );
    let controls = message
        .chars()
        .filter(|c| c.is_control() && *c != '\n')
        .count();
    assert_eq!(controls, 0, "{arguments:?}: {message:?}");
    message
}

fn own(name: &str) -> String {
    format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn net() -> String {
    own("datasets/demo.nnue")
}

/// A zip archive as `torch.save` lays it out.
fn archive(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut archive = ZipWriter::new(&mut bytes);
    for (name, contents) in members {
        let options = SimpleFileOptions::default().compression_method(method);
        archive.start_file(*name, options).unwrap();
        archive.write_all(contents).unwrap();
    }
    archive.finish().unwrap();
    bytes.into_inner()
}

/// A pickled dictionary of 1000 tensors that share a shape of 100,000 sizes, each by a reference of two bytes.
fn shared_shape() -> Vec<u8> {
    let mut pickle = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nq\x020(X\x07\0\0\0storage\
        ctorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQq\x030("
        .to_vec();
    pickle.extend(b"K\x01".repeat(100_000));
    pickle.extend(b"tq\x010}(");
    for number in 0..1000 {
        let name = format!("t{number}");
        pickle.extend([b'X', name.len() as u8, 0, 0, 0]);
        pickle.extend(name.bytes());
        pickle.extend(b"h\x02(h\x03K\0h\x01h\x01tR");
    }
    pickle.extend(b"u.");
    pickle
}

#[test]
fn a_short_pickle_takes_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let write = |name: &str, pickle: &[u8]| {
        let members = [
            ("archive/data.pkl", pickle),
            ("archive/data/0", &[0; 16][..]),
        ];
        fs::write(at(name), archive(&members, CompressionMethod::Stored)).unwrap();
    };
    write("shape.ckpt", &shared_shape());
    let error = fails(folder.path(), &["inspect", "shape.ckpt"]);
    assert!(error.contains("it has 100000 dimensions"), "{error}");
    // A name of 90 KB that 17,000 globals share.
    let case = own("tests/data/pickle-stack-global-175k.ckpt");
    let error = fails(folder.path(), &["inspect", &case]);
    assert!(error.contains("neither a state dictionary"), "{error}");
    // Marks, values on the stack, values that are stored.
    for (name, instruction) in [("marks", &b"("[..]), ("stack", b"2"), ("memo", b"\x94")] {
        write(
            "many.ckpt",
            &[b"\x80\x04N", instruction.repeat(1_100_000).as_slice(), b"."].concat(),
        );
        let error = fails(folder.path(), &["inspect", "many.ckpt"]);
        assert!(
            error.contains("more than 1048576 values"),
            "{name}: {error}"
        );
    }
    write(
        "nodes.ckpt",
        &[b"\x80\x04".as_slice(), &b"N0".repeat(1_100_000), b"."].concat(),
    );
    let error = fails(folder.path(), &["inspect", "nodes.ckpt"]);
    assert!(error.contains("more than 1048576 values"), "{error}");
}

/// Every option that names a file, with `FILE` where it goes.
const READERS: [&[&str]; 27] = [
    &["inspect", "FILE"],
    &["optimize", "--net", "FILE", "--data", "DATA"],
    &["optimize", "--net", "NET", "--data", "FILE"],
    &[
        "optimize", "--layout", "FILE", "--net", "NET", "--data", "DATA",
    ],
    &[
        "gather",
        "--checkpoint",
        "FILE",
        "--data",
        "DATA",
        "--out",
        "p",
    ],
    &["gather", "--net", "FILE", "--data", "DATA", "--out", "p"],
    &["gather", "--net", "NET", "--data", "FILE", "--out", "p"],
    &[
        "find",
        "--activations",
        "FILE",
        "--neurons",
        "8",
        "--values",
        "zero",
        "--out",
        "perm",
    ],
    &["find", "--data", "FILE", "--out", "perm"],
    &[
        "find",
        "--data",
        "PLANES",
        "--checkpoint",
        "FILE",
        "--out",
        "perm",
    ],
    &[
        "find", "--data", "PLANES", "--start", "FILE", "--out", "perm",
    ],
    &["eval", "--data", "FILE"],
    &["eval", "--data", "PLANES", "--perm", "FILE"],
    &["apply", "FILE", "--net", "NET", "--out", "o.nnue"],
    &["apply", "PERM", "--net", "FILE", "--out", "o.nnue"],
    &["export", "FILE", "--as", "rust"],
    &["verify", "FILE", "NET", "--data", "DATA"],
    &["verify", "NET", "FILE", "--data", "DATA"],
    &["serialize", "FILE", "o.nnue"],
    &["serialize", "NET", "o.nnue", "--ft-perm", "FILE"],
    &[
        "trace",
        "--net",
        "FILE",
        "--fen",
        "4k3/8/8/8/8/8/8/4K3 w - - 0 1",
    ],
    &["batch", "FILE"],
    &["--config", "FILE", "devices"],
    &["report", "FILE"],
    &["embed", "FILE", "--out", "program"],
    &[
        "bench", "--engine", "FILE", "--base", "NET", "--test", "NET",
    ],
    &[
        "record", "--engine", "FILE", "--data", "DATA", "--out", "o.epd",
    ],
];

/// Text holds no network, so it need not be in memory, whatever it unpacks to.
#[test]
fn text_is_not_read_into_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("line.zst")).unwrap();
    let mut line = zstd::Encoder::new(file, 1).unwrap();
    for _ in 0..600 {
        line.write_all(&[b'a'; 1 << 20]).unwrap();
    }
    line.finish().unwrap();
    let output = limited_to("550000", folder.path(), &["inspect", "line.zst"]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    let expected = "line.zst: no network in it, it is a text file";
    assert!(message.contains(expected), "{message}");
}

/// Nor is anything else without the beginning of a network.
#[test]
fn files_of_unknown_kinds_are_not_read_into_memory() {
    let folder = tempfile::tempdir().unwrap();
    for (begin, kind) in [
        (&b"\x01\x02\x03"[..], "a file of unknown kind"),
        (b"line\n", "a file of unknown kind"),
        (b"\x7FELF", "an ELF executable or library"),
        (b"BINP\x00\x00\x00\x06", "the chunk is damaged"),
        (b"BINP\x00\x00\x00\x10", "the chunk claims 268435456 bytes"),
    ] {
        // Zeros follow, which take no room on the disk.
        let mut file = File::create(folder.path().join("large")).unwrap();
        file.write_all(begin).unwrap();
        file.set_len(600 << 20).unwrap();
        let output = limited_to("550000", folder.path(), &["inspect", "large"]);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(kind), "{message}");
    }
}

/// `apply` without a network looks at the files of the working folder, and nobody writes into this pipe.
#[test]
fn a_pipe_in_the_working_folder_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = CString::new(folder.path().join("pipe").to_str().unwrap()).unwrap();
    // SAFETY: the name is a string that ends.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    let digest = "5a".repeat(32);
    let order = format!("# net sha256: {digest}\n0\n1\n2\n3\n");
    fs::write(folder.path().join("order.txt"), order).unwrap();
    let output = limited(folder.path(), &["apply", "order.txt", "--out", "o.nnue"]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains(&digest), "{message}");
}

#[test]
fn what_has_no_end_is_empty_or_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("empty"), b"").unwrap();
    fs::create_dir(at("folder")).unwrap();
    let fifo = CString::new(at("pipe").to_str().unwrap()).unwrap();
    // SAFETY: the name is a string that ends.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    // Opened for both, so that whoever opens it to read need not wait.
    let mut pipe = OpenOptions::new()
        .read(true)
        .write(true)
        .open(at("pipe"))
        .unwrap();
    std::thread::spawn(move || while pipe.write_all(&[0; 4096]).is_ok() {});
    let data = own("datasets/selfplay.binpack");
    let gather = [
        "gather",
        "--net",
        &net(),
        "--data",
        &data,
        "--count",
        "64",
        "--out",
        "planes",
    ];
    assert!(ftperm(folder.path(), &gather).status.success());
    let find = [
        "find", "--data", "planes", "--out", "perm.txt", "--effort", "quick",
    ];
    let found = ftperm(folder.path(), &find);
    assert!(found.status.success(), "{}", text(&found.stderr));
    for file in ["/dev/zero", "empty", "folder", "pipe"] {
        for reader in READERS {
            let arguments: Vec<String> = reader
                .iter()
                .map(|word| match *word {
                    "FILE" => file.to_string(),
                    "NET" => net(),
                    "DATA" => data.clone(),
                    "PLANES" => "planes".to_string(),
                    "PERM" => "perm.txt".to_string(),
                    word => word.to_string(),
                })
                .collect();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            // An empty configuration sets nothing, and an empty state is what a crash leaves: the search begins anew.
            // Recorded outputs from a pipe are read for as long as memory lasts: they have no other end.
            let sound = [
                "--config empty",
                "find --data planes --checkpoint empty",
                "find --activations pipe",
            ];
            let words = arguments.join(" ");
            if !sound.iter().any(|sound| words.starts_with(sound)) {
                fails(folder.path(), &arguments);
            }
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
    xz.write_all(bytes).unwrap();
    xz.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Deflated by other hands than ours: Python's `zipfile` is what repacks archives.
fn deflated(folder: &Path, from: &str, to: &str) -> bool {
    let script = "import sys, zipfile\n\
        a = zipfile.ZipFile(sys.argv[1])\n\
        b = zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED)\n\
        [b.writestr(n, a.read(n)) for n in a.namelist()]\n\
        b.close()";
    let python = Command::new("python3")
        .args(["-c", script, from, to])
        .current_dir(folder)
        .status();
    python.is_ok_and(|status| status.success())
}

#[test]
fn anything_may_be_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = |arguments: &[&str]| {
        let output = ftperm(folder.path(), arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    };
    let data = own("datasets/selfplay.binpack");
    run(&["serialize", &net(), "a.pt"]);
    run(&["serialize", &net(), "a.safetensors"]);
    run(&[
        "gather",
        "--net",
        &net(),
        "--data",
        &data,
        "--count",
        "64",
        "--out",
        "a.planes",
    ]);
    run(&[
        "gather",
        "--net",
        &net(),
        "--data",
        &data,
        "--count",
        "64",
        "--out",
        "a.npy",
    ]);
    run(&[
        "find", "--data", "a.planes", "--out", "a.txt", "--effort", "quick",
    ]);
    run(&["export", "a.txt", "--as", "npy", "--out", "perm.npy"]);
    type Pack = fn(&[u8]) -> Vec<u8>;
    let packers: [(&str, Pack); 3] = [("gz", gzip), ("zst", zstd), ("xz", xz)];
    let pack = |name: &str, suffix: &str, pack: Pack| {
        let packed = pack(&fs::read(at(name)).unwrap());
        let name = format!("{name}.{suffix}");
        fs::write(at(&name), packed).unwrap();
        name
    };
    let rate = run(&["eval", "--data", "a.planes", "--perm", "a.txt"]);
    let plain = |name: &str| {
        run(&["serialize", name, "plain.nnue", "--target-era", "v5"]);
        fs::read(at("plain.nnue")).unwrap()
    };
    for (suffix, packer) in packers {
        for checkpoint in ["a.pt", "a.safetensors"] {
            let packed = pack(checkpoint, suffix, packer);
            assert!(plain(checkpoint) == plain(&packed), "{packed}");
        }
        let planes = pack("a.planes", suffix, packer);
        let perm = pack("a.txt", suffix, packer);
        let npy = pack("perm.npy", suffix, packer);
        let matrix = pack("a.npy", suffix, packer);
        for (data, perm) in [(&planes, &perm), (&planes, &npy)] {
            assert_eq!(run(&["eval", "--data", data, "--perm", perm]), rate);
        }
        assert_eq!(
            run(&["eval", "--data", &matrix, "--perm", &perm]),
            run(&["eval", "--data", "a.npy", "--perm", "a.txt"])
        );
        run(&[
            "find",
            "--activations",
            &matrix,
            "--neurons",
            "64",
            "--effort",
            "quick",
            "--out",
            "b.txt",
        ]);
        // Cut, it is damaged; nobody takes the part for the whole.
        for name in [&planes, &perm, &npy, &matrix, "a.pt.gz"] {
            let bytes = fs::read(at(name)).unwrap();
            fs::write(at("cut"), &bytes[..bytes.len() * 2 / 3]).unwrap();
            fails(folder.path(), &["inspect", "cut"]);
        }
    }
    // Archives: of a network, of a checkpoint, and the checkpoint itself packed anew.
    for name in ["a.pt", "a.safetensors"] {
        let bytes = fs::read(at(name)).unwrap();
        fs::write(
            at("one.zip"),
            archive(&[(name, &bytes)], CompressionMethod::Stored),
        )
        .unwrap();
        assert!(plain(name) == plain("one.zip"), "{name}");
    }
    let bytes = fs::read(net()).unwrap();
    let members: [(&str, &[u8]); 2] = [("d/README", b"read me"), ("d/demo.nnue", &bytes)];
    fs::write(at("net.zip"), archive(&members, CompressionMethod::Stored)).unwrap();
    run(&["serialize", "net.zip", "stored.nnue"]);
    assert!(fs::read(at("stored.nnue")).unwrap() == bytes);
    if deflated(folder.path(), "net.zip", "net-deflated.zip") {
        run(&["serialize", "net-deflated.zip", "from-zip.nnue"]);
        assert!(fs::read(at("from-zip.nnue")).unwrap() == bytes);
        assert!(deflated(folder.path(), "a.pt", "deflated.pt"));
        assert!(
            fs::metadata(at("deflated.pt")).unwrap().len()
                < fs::metadata(at("a.pt")).unwrap().len()
        );
        assert!(plain("a.pt") == plain("deflated.pt"));
    }
    let several: [(&str, &[u8]); 2] = [("a.txt", b"1"), ("b.txt", b"2")];
    fs::write(
        at("several.zip"),
        archive(&several, CompressionMethod::Stored),
    )
    .unwrap();
    let error = fails(folder.path(), &["serialize", "several.zip", "o.nnue"]);
    assert!(
        error.contains("a zip archive of 2 files (a.txt, b.txt)"),
        "{error}"
    );
}

#[test]
fn gzip_with_zeros_behind_it_and_wide_zstd_windows_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let read = |arguments: &[&str]| {
        let output = limited(folder.path(), arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    };
    for name in ["gz-zero-padding.binpack.gz", "zstd-long28.binpack.zst"] {
        let told = read(&["inspect", &own(&format!("tests/data/{name}"))]);
        assert!(told.contains("binpack, compressed"), "{name}: {told}");
    }
}

#[test]
fn damaged_members_and_bombs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let done = ftperm(folder.path(), &["serialize", &net(), "a.pt"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    // A bit of a weight, far from names and sizes.
    let mut bytes = fs::read(at("a.pt")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(at("bit.pt"), bytes).unwrap();
    let error = fails(folder.path(), &["serialize", "bit.pt", "bit.nnue"]);
    assert!(error.contains("CRC-32"), "{error}");
    assert!(!at("bit.nnue").exists());
    // 6 GB of zeros in 6 MB.
    let file = File::create(at("bomb.gz")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    (0..6000).for_each(|_| gzip.write_all(&zeros).unwrap());
    gzip.finish().unwrap();
    for arguments in [
        &["inspect", "bomb.gz"][..],
        &["apply", "bomb.gz", "--net", &net(), "--out", "o.nnue"],
        &["serialize", "bomb.gz", "o.nnue"],
        &["report", "bomb.gz"],
    ] {
        fails(folder.path(), arguments);
    }
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let evil = "\u{1b}]0;title\u{7}\u{9b}31m\u{202e}";
    let perm = format!("# note: {evil}\n0\n{evil}{}\n", "9".repeat(100_000));
    fs::write(at("perm.txt"), perm).unwrap();
    let error = fails(folder.path(), &["inspect", "perm.txt"]);
    assert!(
        error.contains(r"`\u{1b}]0;title\u{7}\u{9b}31m\u{202e}999"),
        "{error}"
    );
    fs::write(at("ok.txt"), format!("# note: {evil}\n0\n1\n2\n3\n")).unwrap();
    let shown = ftperm(folder.path(), &["inspect", "ok.txt"]);
    assert!(shown.status.success());
    let shown = text(&shown.stdout);
    assert!(
        shown.contains(r"\u{1b}]0;title\u{7}\u{9b}31m\u{202e}"),
        "{shown}"
    );
    let json = text(&ftperm(folder.path(), &["--json", "inspect", "ok.txt"]).stdout);
    assert!(
        json.contains(r"\u001b]0;title\u0007\u009b31m\u202e"),
        "{json}"
    );
    let toml = format!("\"{}\" = 1\n", "long".repeat(100_000));
    fs::write(at("ftperm.toml"), toml).unwrap();
    fails(folder.path(), &["devices"]);
    fs::write(at("evil.toml"), "\"a\\u001Bb\" = 1\n").unwrap();
    let error = fails(folder.path(), &["--config", "evil.toml", "devices"]);
    assert!(error.contains(r"a\u{1b}b"), "{error}");
}
