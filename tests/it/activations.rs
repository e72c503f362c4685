//! `find --activations`: outputs that an engine recorded.

use crate::common::program::{Case, ftperm, text};

/// Sixteen outputs. In sample s those of one remainder modulo 4 are zero together, and only those.
fn dump(samples: usize) -> Vec<u8> {
    (0..samples)
        .flat_map(|sample| (0..16).map(move |output| if output % 4 == sample % 4 { 0 } else { 77 }))
        .collect()
}

/// The outputs that are zero together must stand in one block.
fn assert_found(order: &str) {
    let order: Vec<u32> = order
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.parse().unwrap())
        .collect();
    assert_eq!(order.len(), 16);
    for block in order.chunks_exact(4) {
        assert!(block.iter().all(|it| it % 4 == block[0] % 4), "{order:?}");
    }
}

#[test]
fn bytes_of_an_engine() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dump.u8"), dump(500)).unwrap();
    let arguments = [
        "find",
        "--activations",
        "dump.u8",
        "--neurons",
        "16",
        "--backend",
        "cpu",
    ];
    let output = ftperm(
        folder.path(),
        &[&arguments[..], &["--out", "perm.txt"]].concat(),
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("500 samples of 16 outputs; 25.00 % are zero"));
    assert!(text(&output.stderr).contains("0.0000 % before, 25.0000 % after"));
    assert_found(&std::fs::read_to_string(folder.path().join("perm.txt")).unwrap());

    // The same, pasted from stdout, and nothing else is on stdout.
    let output = ftperm(
        folder.path(),
        &[&arguments[..], &["--export", "text"]].concat(),
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_found(&text(&output.stdout));
    let output = ftperm(
        folder.path(),
        &[&arguments[..], &["--export", "rust"]].concat(),
    );
    assert!(text(&output.stdout).contains("pub static FTPERM_ORDER: [u16; 16] = ["));
}

#[test]
fn a_stream_and_truth_values() {
    let folder = tempfile::tempdir().unwrap();
    let header = "{'descr': '|b1', 'fortran_order': False, 'shape': (100, 2, 16), }";
    let mut matrix = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    matrix.extend(format!("{header:<117}\n").bytes());
    matrix.extend(dump(200).iter().map(|&value| u8::from(value == 0)));
    std::fs::write(folder.path().join("zero.npy"), &matrix).unwrap();
    let done = Case::new("find")
        .args(["--activations", "-", "--neurons", "16"])
        .args(["--export", "text"])
        .stdin(std::fs::read(folder.path().join("zero.npy")).unwrap())
        .folder(&folder)
        .ok();
    let said = done.stderr.as_str();
    assert!(
        said.contains("200 samples of 16 truth values, true where the output is zero; 25.00 %")
    );
    assert_found(&done.stdout);
}

/// A pipe that does not end: half of the memory is for what is read, and the error says what to do.
#[test]
fn memory_is_not_exhausted() {
    let folder = tempfile::tempdir().unwrap();
    let find = |from: &str, memory: &str| {
        Case::new("find")
            .args(["--activations", from, "--neurons", "16"])
            .args(["--export", "text", "--memory", memory])
            .folder(&folder)
    };
    // 16 outputs of 64 samples take 128 bytes.
    let fits = (512 << 10) / 128 * 64;
    find("-", "1M")
        .stdin(dump(fits + 1000))
        .ends_with(1)
        .says("-: more than 262144 samples do not fit in the 524288 bytes")
        .says("take fewer (--count 262144), or allow more (--memory)");
    std::fs::write(folder.path().join("dump.u8"), dump(fits + 1000)).unwrap();
    find("dump.u8", "1M")
        .ends_with(1)
        .says("dump.u8: more than 262144 samples do not fit");
    find("dump.u8", "100M").args(["--time-limit", "1"]).ok();
}

#[test]
fn what_is_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dump.u8"), dump(10)).unwrap();
    std::fs::write(folder.path().join("bits.u8"), [0, 1, 1, 0]).unwrap();
    std::fs::write(folder.path().join("some.perm.txt"), "0\n1\n2\n3\n").unwrap();
    let find = |arguments: &[&str]| {
        let output = ftperm(
            folder.path(),
            &[&["find", "--out", "perm.txt", "--activations"], arguments].concat(),
        );
        assert!(!folder.path().join("perm.txt").exists());
        (output.status.code(), text(&output.stderr))
    };
    for (arguments, code, part) in [
        (
            &["dump.u8"][..],
            1,
            "dump.u8: the number of outputs per perspective must be said (--neurons)",
        ),
        (
            &["dump.u8", "--neurons", "12"],
            1,
            "dump.u8: it ends after 4 bytes of sample 13",
        ),
        (
            &["dump.u8", "--neurons", "10"],
            1,
            "10 neurons do not make blocks of four",
        ),
        (
            &["bits.u8", "--neurons", "4"],
            1,
            "Say --values outputs, zero or active",
        ),
        (&["nothing.u8", "--neurons", "4"], 1, "nothing.u8"),
        (
            &["dump.u8", "--neurons", "16", "--data", "x.npy"],
            2,
            "cannot be used with",
        ),
        (
            &["dump.u8", "--neurons", "16", "--export", "c", "--json"],
            2,
            "both want stdout",
        ),
    ] {
        let (found, said) = find(arguments);
        assert_eq!(found, Some(code), "{said}");
        assert!(said.contains(part), "{said}");
    }
}
