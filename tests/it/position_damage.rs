//! Damage near the start of a file, texts from other systems, and how long it takes to get past damage.

use std::io::Cursor;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ftperm::positions::{
    Filters, Options, Positions, PositionsError, read, read_stream, recognise,
};

fn case(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn options(skip_damaged: bool) -> Options {
    Options {
        skip_damaged,
        filters: Filters {
            checks: false,
            ..Filters::checks_only()
        },
        ..Options::default()
    }
}

fn read_case(name: &str, skip_damaged: bool) -> Result<Positions, PositionsError> {
    read(&[case(name).into()], &options(skip_damaged))
}

fn read_bytes(bytes: &[u8], skip_damaged: bool) -> Result<Positions, PositionsError> {
    let stream = Box::new(Cursor::new(bytes.to_vec()));
    read_stream("test", stream, &options(skip_damaged))
}

#[test]
fn early_damage_does_not_hide_the_format() {
    for (name, place, format, left) in [
        ("null-record-among-first-64.bin", 400, "packed sfen", 200),
        ("first-line-bad.fens", 0, "FEN or EPD list", 2),
    ] {
        let error = read_case(name, false).unwrap_err().to_string();
        assert!(error.contains(&format!("at byte {place}: ")), "{error}");
        assert!(
            error.contains(&format!("was taken for {format}")),
            "{error}"
        );
        let taken = read_case(name, true).unwrap();
        assert_eq!((taken.len(), taken.statistics.damaged), (left, 1), "{name}");
        assert_eq!(taken.statistics.damage[0].offset, place);
    }
}

/// An entry without a move, the same in three formats.
#[test]
fn entries_without_a_move_are_read_alike() {
    let [plain, bin, binpack] = ["plain", "bin", "binpack"]
        .map(|format| read_case(&format!("null-move.{format}"), false).unwrap());
    assert_eq!(plain.len(), 2);
    // The records of 40 bytes have a move number of their own, which this file's writer left at 1.
    let placements = |found: &Positions| -> Vec<String> {
        let fens = found.boards.iter().map(|board| board.fen());
        fens.map(|fen| fen[..fen.rfind(' ').unwrap()].to_owned())
            .collect()
    };
    assert_eq!(placements(&plain), placements(&bin));
    assert_eq!(plain.boards, binpack.boards);
    assert_eq!(plain.games, binpack.games);
    assert_eq!(plain.games, bin.games);
}

#[test]
fn texts_from_anywhere() {
    for (name, lines) in [("bom.fens", 2), ("bom-in-the-middle.fens", 4)] {
        assert_eq!(read_case(name, false).unwrap().len(), lines, "{name}");
    }
    // Its last line is cut off.
    let text = std::fs::read(case("cr-only.fens")).unwrap();
    let whole = text.iter().rposition(|&byte| byte == b'\r').unwrap() + 1;
    assert_eq!(read_bytes(&text[..whole], false).unwrap().len(), 6);
    let error = read_case("cr-only.fens", false).unwrap_err().to_string();
    assert!(error.contains(&format!("at byte {whole}: ")), "{error}");

    let plain = std::fs::read_to_string(case("null-move.plain")).unwrap();
    for line_end in ["\r", "\r\n"] {
        let other = plain.replace('\n', line_end);
        assert_eq!(read_bytes(other.as_bytes(), false).unwrap().len(), 2);
    }
    for mark in ["\u{feff}", ""] {
        let text = format!("{mark}{plain}");
        let units = || text.encode_utf16();
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        for bytes in [little, big] {
            let error = read_bytes(&bytes, true).unwrap_err();
            assert!(matches!(error, PositionsError::Utf16 { .. }), "{error}");
        }
    }
}

#[test]
fn a_line_without_end_is_damage() {
    let fen = "4k3/8/8/8/8/8/8/4K3 w - - 0 1\n";
    for (junk, format) in [(70_000, "line"), (3 << 20, "line")] {
        let mut bytes = fen.as_bytes().repeat(3);
        let place = bytes.len();
        bytes.extend(std::iter::repeat_n(b'x', junk));
        bytes.push(b'\n');
        bytes.extend(fen.as_bytes());
        let error = read_bytes(&bytes, false).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("test: at byte {place}: ")),
            "{error}"
        );
        assert!(error.contains(format) && error.len() < 500, "{error}");
        let taken = read_bytes(&bytes, true).unwrap();
        assert_eq!((taken.len(), taken.statistics.damaged), (4, 1));
    }
}

/// Chunk headers that each claim more than there is: as many damaged chunks, in time in proportion to their number.
#[test]
fn getting_past_damage_takes_linear_time() {
    const HEADERS: usize = 1 << 17;
    let bytes = b"BINP\xf8\xff\x3f\x06".repeat(HEADERS);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let started = Instant::now();
    for outcome in [
        read_bytes(&bytes, true),
        read(&[file.path().into()], &options(true)),
    ] {
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(&format!("damaged: {HEADERS}")), "{error}");
    }
    // It took minutes when every header made the rest of the file be read.
    assert!(started.elapsed() < Duration::from_secs(30));
    assert_eq!(recognise(file.path()).unwrap().unwrap().format, "binpack");
}

/// `trace --fens` reads the same texts, and never more of a line than a line may have.
#[test]
fn trace_reads_lists_line_by_line() {
    let net = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("datasets/demo.nnue");
    let trace = |list: &std::path::Path| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_ftperm"));
        program.args(["trace", "--json", "--net"]).arg(&net);
        program.arg("--fens").arg(list).output().unwrap()
    };
    for (name, lines) in [
        ("bom.fens", 2),
        ("bom-in-the-middle.fens", 4),
        ("cr-only.fens", 6),
    ] {
        let output = trace(&case(name));
        let found = output.stdout.iter().filter(|&&byte| byte == b'\n');
        assert_eq!(found.count(), lines, "{name}");
        let message = String::from_utf8(output.stderr).unwrap();
        let is_cut = name == "cr-only.fens";
        assert_eq!(message.contains("line 7: "), is_cut, "{message}");
        assert_eq!(output.status.success(), !is_cut);
    }
    if cfg!(unix) {
        let output = trace("/dev/zero".as_ref());
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains("/dev/zero: line 1 has more than 65536 bytes"));
        assert!(message.len() < 1500, "{message}");
    }
}
