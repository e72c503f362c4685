//! The same positions in every format, compressed or not.

use std::ffi::OsString;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::OnceLock;

use ftperm::chess::board::Board;
use ftperm::positions::{
    Filters, Options, Part, PartBy, Positions, PositionsError, Reason, Recognised, read,
    read_stream, recognise,
};
use proptest::prelude::*;
use sfbinpack::TrainingDataEntry;
use sfbinpack::chess::castling_rights::CastlingRights;
use sfbinpack::chess::color::Color;
use sfbinpack::chess::coords::Square;
use sfbinpack::chess::r#move::MoveType;
use sfbinpack::chess::piecetype::PieceType;

fn binpack() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        std::fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/datasets/selfplay.binpack"
        ))
        .unwrap()
    })
}

/// Some thousand entries: whole games, and enough for several blocks of the larger formats.
fn entries() -> &'static [TrainingDataEntry] {
    static ENTRIES: OnceLock<Vec<TrainingDataEntry>> = OnceLock::new();
    ENTRIES.get_or_init(|| sfbinpack::parse_chunk(&binpack()[8..]))
}

fn as_binpack(entries: &[TrainingDataEntry]) -> Vec<u8> {
    let mut writer = sfbinpack::CompressedTrainingDataEntryWriter::new_in_memory().unwrap();
    for entry in entries {
        writer.write_entry(entry).unwrap();
    }
    writer.into_bytes().unwrap()
}

fn as_fens(entries: &[TrainingDataEntry]) -> Vec<u8> {
    let mut text = String::from("# positions\n\n");
    for entry in entries {
        text += &format!("{}\r\n", entry.pos.fen().unwrap());
    }
    text.into_bytes()
}

fn as_plain(entries: &[TrainingDataEntry]) -> Vec<u8> {
    let mut text = String::new();
    for entry in entries {
        text += &format!(
            "fen {}\nmove {}\nscore {}\nply {}\nresult {}\ne\n",
            entry.pos.fen().unwrap(),
            entry.mv.as_uci(),
            entry.score,
            entry.ply,
            entry.result
        );
    }
    text.into_bytes()
}

/// Writes bits, the lowest of a byte first.
struct Bits {
    bytes: [u8; 32],
    next: usize,
}

impl Bits {
    fn put(&mut self, value: u32, count: usize) {
        for bit in 0..count {
            self.bytes[self.next / 8] |= ((value >> bit & 1) as u8) << (self.next % 8);
            self.next += 1;
        }
    }
}

/// As Stockfish's `SfenPacker::pack` does it, and its `PackedSfenValue`.
fn as_packed_sfens(entries: &[TrainingDataEntry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let pos = &entry.pos;
        let mut bits = Bits {
            bytes: [0; 32],
            next: 0,
        };
        bits.put(pos.side_to_move() as u32, 1);
        bits.put(pos.king_sq(Color::White).index(), 6);
        bits.put(pos.king_sq(Color::Black).index(), 6);
        for rank in (0..8).rev() {
            for file in 0..8 {
                let piece = pos.piece_at(Square::new(8 * rank + file));
                let code = match piece.piece_type() {
                    PieceType::King => continue,
                    PieceType::None => {
                        bits.put(0, 1);
                        continue;
                    }
                    PieceType::Pawn => 0b0001,
                    PieceType::Knight => 0b0011,
                    PieceType::Bishop => 0b0101,
                    PieceType::Rook => 0b0111,
                    PieceType::Queen => 0b1001,
                };
                bits.put(code, 4);
                bits.put(piece.color() as u32, 1);
            }
        }
        for right in [
            CastlingRights::WHITE_KING_SIDE,
            CastlingRights::WHITE_QUEEN_SIDE,
            CastlingRights::BLACK_KING_SIDE,
            CastlingRights::BLACK_QUEEN_SIDE,
        ] {
            bits.put(pos.castling_rights().contains(right).into(), 1);
        }
        if pos.ep_square() == Square::NONE {
            bits.put(0, 1);
        } else {
            bits.put(1, 1);
            bits.put(pos.ep_square().index(), 6);
        }
        let rule50 = u32::from(pos.rule50_counter());
        let move_number = 1 + u32::from(entry.ply) / 2;
        bits.put(rule50, 6);
        bits.put(move_number, 8);
        bits.put(move_number >> 8, 8);
        bits.put(rule50 >> 6, 1);
        let flag: u16 = match entry.mv.mtype() {
            MoveType::Normal => 0,
            MoveType::Promotion => 1,
            MoveType::EnPassant => 2,
            MoveType::Castle => 3,
        };
        let promotion = match entry.mv.promoted_piece().piece_type() {
            PieceType::None => 0,
            kind => u16::from(kind.ordinal()) - 1,
        };
        let packed = (entry.mv.to().index() | entry.mv.from().index() << 6) as u16;
        out.extend(bits.bytes);
        out.extend(entry.score.to_le_bytes());
        out.extend((packed | promotion << 12 | flag << 14).to_le_bytes());
        out.extend(entry.ply.to_le_bytes());
        out.extend([entry.result as i8 as u8, 0xff]);
    }
    out
}

fn as_bullet(entries: &[TrainingDataEntry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let pos = &entry.pos;
        let bitboards = [
            pos.pieces_bb(Color::White).bits(),
            pos.pieces_bb(Color::Black).bits(),
            pos.pieces_bb_type(PieceType::Pawn).bits(),
            pos.pieces_bb_type(PieceType::Knight).bits(),
            pos.pieces_bb_type(PieceType::Bishop).bits(),
            pos.pieces_bb_type(PieceType::Rook).bits(),
            pos.pieces_bb_type(PieceType::Queen).bits(),
            pos.pieces_bb_type(PieceType::King).bits(),
        ];
        let sign = if pos.side_to_move() == Color::White {
            1
        } else {
            -1
        };
        let result = f32::from(entry.result * sign + 1) / 2.0;
        let side = pos.side_to_move() as usize;
        let board = bulletformat::ChessBoard::from_raw(bitboards, side, entry.score * sign, result);
        let board = board.unwrap();
        out.extend(
            <bulletformat::ChessBoard as bulletformat::BulletFormat>::as_bytes_slice(&[board]),
        );
    }
    out
}

fn as_viri(entries: &[TrainingDataEntry]) -> Vec<u8> {
    use viriformat::chess::board::{Board as ViriBoard, DrawType, GameOutcome, WinType};
    use viriformat::chess::chessmove::{Move, MoveFlags};
    use viriformat::chess::piece::PieceType as ViriKind;
    use viriformat::chess::types::Square as ViriSquare;
    let square = |square: Square| ViriSquare::new(square.index() as u8).unwrap();
    let mut out = Vec::new();
    for game in entries.chunk_by(|before, after| before.is_continuation(after)) {
        let first = &game[0];
        let mut board = ViriBoard::new();
        board
            .set_from_fen(&first.pos.fen().unwrap(), false)
            .unwrap();
        let mut viri = viriformat::dataformat::Game::new(&board);
        let white = |entry: &TrainingDataEntry| {
            if entry.pos.side_to_move() == Color::White {
                1
            } else {
                -1
            }
        };
        viri.set_outcome(match first.result * white(first) {
            1 => GameOutcome::WhiteWin(WinType::Mate),
            0 => GameOutcome::Draw(DrawType::Repetition),
            _ => GameOutcome::BlackWin(WinType::Mate),
        });
        for entry in game {
            let (from, to) = (square(entry.mv.from()), square(entry.mv.to()));
            let played = match entry.mv.mtype() {
                MoveType::Normal => Move::new(from, to),
                MoveType::EnPassant => Move::new_with_flags(from, to, MoveFlags::EnPassant),
                MoveType::Castle => Move::new_with_flags(from, to, MoveFlags::Castle),
                MoveType::Promotion => {
                    let kind = entry.mv.promoted_piece().piece_type().ordinal();
                    Move::new_with_promo(from, to, ViriKind::new(kind).unwrap())
                }
            };
            viri.add_move(played, entry.score * white(entry));
        }
        viri.serialise_into(&mut out).unwrap();
    }
    out
}

fn as_pgn(entries: &[TrainingDataEntry]) -> Vec<u8> {
    use shakmaty::fen::Fen;
    use shakmaty::san::SanPlus;
    use shakmaty::uci::UciMove;
    use shakmaty::{CastlingMode, Chess};
    let mut text = String::new();
    for (number, game) in entries
        .chunk_by(|before, after| before.is_continuation(after))
        .enumerate()
    {
        let first = &game[0];
        let fen = first.pos.fen().unwrap();
        let white = first.pos.side_to_move() == Color::White;
        let result = match first.result * if white { 1 } else { -1 } {
            1 => "1-0",
            0 => "1/2-1/2",
            _ => "0-1",
        };
        text += &format!(
            "[Event \"game {number}\"]\r\n[Result \"{result}\"]\r\n[FEN \"{fen}\"]\r\n\r\n"
        );
        let setup: Fen = fen.parse().unwrap();
        let mut position: Chess = setup.into_position(CastlingMode::Standard).unwrap();
        for (place, entry) in game.iter().enumerate() {
            let uci: UciMove = entry.mv.as_uci().parse().unwrap();
            let played = uci.to_move(&position).unwrap();
            let written = SanPlus::from_move_and_play_unchecked(&mut position, played);
            let (sign, size) = if entry.score < 0 {
                ("-", -entry.score)
            } else {
                ("+", entry.score)
            };
            text += &format!(
                "{written} {{{sign}{}.{:02}/8 0.1s}} ",
                size / 100,
                size % 100
            );
            if place % 4 == 0 {
                text += "(e4 e5 {+1.00/2}) $3\r\n";
            }
        }
        text += &format!("{result}\r\n\r\n");
    }
    text.into_bytes()
}

fn read_bytes(bytes: Vec<u8>, options: &Options) -> Result<Positions, PositionsError> {
    read_stream("test", Box::new(Cursor::new(bytes)), options)
}

fn everything() -> Options {
    Options {
        filters: Filters {
            checks: false,
            ..Filters::checks_only()
        },
        ..Options::default()
    }
}

#[test]
fn formats_with_moves_agree_with_the_binpack() {
    for entries in [entries(), &entries()[..1], &entries()[..777]] {
        for options in [everything(), Options::default()] {
            let expected = read_bytes(as_binpack(entries), &options).unwrap();
            for (name, bytes) in [
                ("plain", as_plain(entries)),
                ("packed sfen", as_packed_sfens(entries)),
                ("viriformat", as_viri(entries)),
                ("PGN", as_pgn(entries)),
            ] {
                let found = read_bytes(bytes, &options).unwrap();
                assert_eq!(found.boards, expected.boards, "{name}");
                assert_eq!(found.games, expected.games, "{name}");
                assert_eq!(found.statistics, expected.statistics, "{name}");
            }
        }
    }
}

#[test]
fn fen_lists_agree_with_the_binpack() {
    let quiet = Options {
        filters: Filters::checks_only(),
        ..Options::default()
    };
    let expected = read_bytes(as_binpack(entries()), &quiet).unwrap();
    let found = read_bytes(as_fens(entries()), &quiet).unwrap();
    assert_eq!(found.boards, expected.boards);
    assert_eq!(found.statistics.skipped(Reason::Check), 5_053);
    // Without moves, the end of one game and the start of the next are told apart by the move numbers, and neighbours
    // are put together to groups of 256 positions and more. No game is cut.
    let groups = found.games.chunk_by(|a, b| a == b).map(<[u32]>::len);
    let groups: Vec<_> = groups.collect();
    assert_eq!(groups.len() as u64, found.statistics.groups);
    assert!(groups.iter().all(|group| (256..1024).contains(group)));
    let both = expected.games.iter().zip(&found.games);
    let pairs: std::collections::BTreeSet<_> = both.collect();
    assert_eq!(pairs.len() as u64, expected.statistics.games);
}

#[test]
fn bullet_sees_the_side_to_move_as_white() {
    let expected = read_bytes(as_binpack(entries()), &everything()).unwrap();
    let found = read_bytes(as_bullet(entries()), &everything()).unwrap();
    assert_eq!(found.boards.len(), expected.boards.len());
    assert_eq!(found.statistics.groups, found.statistics.games);
    assert_no_game_is_cut(&found, 256);
    for (found, expected) in found.boards.iter().zip(&expected.boards) {
        let flip = expected.side_to_move() as u8;
        let mut pieces: Vec<(u8, u8)> = expected
            .pieces()
            .map(|(square, code)| (square ^ (56 * flip), code ^ flip))
            .collect();
        pieces.sort_unstable();
        assert!(found.pieces().eq(pieces));
        assert_eq!(found.in_check(), expected.in_check());
    }
}

#[test]
fn compressed_files_are_read_alike() {
    let expected = read_bytes(binpack().to_vec(), &Options::default()).unwrap();
    for bytes in [binpack().to_vec(), as_plain(entries())] {
        for (name, compressed) in compressed(&bytes) {
            let found = read_bytes(compressed.clone(), &Options::default()).unwrap();
            assert_eq!(found.boards, expected.boards, "{name}");
            // Two streams one after the other are the two contents one after the other.
            let twice = read_bytes(compressed.repeat(2), &Options::default()).unwrap();
            assert_eq!(twice.boards.len(), 2 * expected.boards.len(), "{name}");
            for end in [compressed.len() / 2, compressed.len() - 1, 20] {
                let cut = read_bytes(compressed[..end].to_vec(), &Options::default());
                let error = cut.unwrap_err().to_string();
                assert!(error.starts_with("test: at byte "), "{name}: {error}");
                assert!(
                    error.contains("of the decompressed data: "),
                    "{name}: {error}"
                );
            }
        }
    }
}

fn compressed(bytes: &[u8]) -> [(&'static str, Vec<u8>); 3] {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(bytes).unwrap();
    let zstd = zstd::encode_all(bytes, 1).unwrap();
    [
        ("gzip", gzip.finish().unwrap()),
        ("zstd", zstd),
        ("xz", xz.finish().unwrap()),
    ]
}

#[test]
fn formats_are_told_without_reading_on() {
    let folder = tempfile::tempdir().unwrap();
    let recognised = |bytes: &[u8]| {
        let path = folder.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        recognise(&path).unwrap()
    };
    for (format, bytes) in [
        ("binpack", binpack().to_vec()),
        ("plain", as_plain(entries())),
        ("FEN or EPD list", as_fens(entries())),
        ("bulletformat", as_bullet(entries())),
        ("viriformat", as_viri(entries())),
        ("PGN", as_pgn(entries())),
        (
            "packed sfen (.bin of 40-byte records)",
            as_packed_sfens(entries()),
        ),
    ] {
        let mut expected = Recognised {
            format,
            compressed: false,
        };
        assert_eq!(recognised(&bytes), Some(expected));
        expected.compressed = true;
        for (_, bytes) in compressed(&bytes) {
            assert_eq!(recognised(&bytes), Some(expected));
        }
    }
    let net = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/demo.nnue")).unwrap();
    let program = std::fs::read(env!("CARGO_BIN_EXE_ftperm")).unwrap();
    let others: [&[u8]; 4] = [&net, &program, b"", b"0\n1\n2\n3\n"];
    for bytes in others {
        assert_eq!(recognised(bytes), None);
    }
}

#[test]
fn directories_and_patterns() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(directory.path().join(name), bytes).unwrap();
    };
    let parts: Vec<&[TrainingDataEntry]> = entries().chunks(20_000).collect();
    write("b.plain.gz", &compressed(&as_plain(parts[1]))[0].1);
    write("a.binpack", &as_binpack(parts[0]));
    write("c.bin", &as_packed_sfens(parts[2]));
    write("d.fens", &as_fens(parts[3]));
    write("README.md", b"nothing to read here");
    let read = |inputs: &[&Path]| {
        let inputs: Vec<OsString> = inputs.iter().map(|&input| input.into()).collect();
        read(&inputs, &everything())
    };
    let expected = read_bytes(binpack().to_vec(), &everything()).unwrap();
    assert_eq!(read(&[directory.path()]).unwrap().boards, expected.boards);
    let path = |name: &str| directory.path().join(name);
    let mixed = read(&[&path("[ab].*"), &path("c.bin"), &path("d*")]).unwrap();
    assert_eq!(mixed.boards, expected.boards);
    let error = read(&[&path("*.epd")]).unwrap_err().to_string();
    assert!(error.ends_with("*.epd: no such file"), "{error}");
    let error = read(&[&path("a.binpack"), &path("README.md")]).unwrap_err();
    assert!(
        matches!(error, PositionsError::UnknownFormat { .. }),
        "{error}"
    );
    let empty = tempfile::tempdir().unwrap();
    let error = read(&[empty.path()]).unwrap_err().to_string();
    assert!(error.contains("no file in this directory"), "{error}");
}

#[test]
fn damaged_records_are_named_or_skipped() {
    let entries = &entries()[..500];
    let mut sfens = as_packed_sfens(entries);
    sfens[40 * 100..40 * 101].fill(0xff);
    let mut plain = as_plain(entries);
    let wrong = plain
        .windows(4)
        .position(|window| window == b"\nply")
        .unwrap();
    plain[wrong + 5] = b'?';
    let mut fens = as_fens(entries);
    fens.extend(b"hello there\n");
    let last = fens.len() - b"hello there\n".len();
    let mut bullet = as_bullet(entries);
    bullet[32 * 300 + 27] ^= 1;
    let truncated = as_bullet(entries)[..32 * 499 + 7].to_vec();
    for (bytes, offset, rest) in [
        (sfens, 4_000, 499),
        (plain, 0, 499),
        (fens, last, 500),
        (bullet, 9_600, 499),
        (truncated, 32 * 499, 499),
    ] {
        let error = read_bytes(bytes.clone(), &everything())
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("test: at byte {offset}: ")),
            "{error}"
        );
        let options = Options {
            skip_damaged: true,
            ..everything()
        };
        let found = read_bytes(bytes, &options).unwrap();
        assert_eq!(found.boards.len(), rest, "{error}");
        assert_eq!(found.statistics.damaged, 1);
        assert_eq!(found.statistics.damage[0].offset, offset as u64);
    }
}

#[test]
fn an_illegal_move_ends_its_game_only() {
    let mut bytes = as_viri(&entries()[..500]);
    // The third move of the first game: from h1 to h1.
    bytes[32 + 8..32 + 10].copy_from_slice(&(7u16 | 7 << 6).to_le_bytes());
    let error = read_bytes(bytes.clone(), &everything()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("test: at byte 0: move 2 of the game: h1h1 is no legal move"));
    assert!(text.contains("was taken for viriformat"), "{text}");
    let sound = as_viri(&entries()[..500]);
    let both = [sound.clone(), bytes].concat();
    let error = read_bytes(both.clone(), &everything())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("test: at byte {}: ", sound.len())),
        "{error}"
    );
    assert!(
        error.contains("move 2 of the game: h1h1 is no legal move"),
        "{error}"
    );
    let options = Options {
        skip_damaged: true,
        ..everything()
    };
    let found = read_bytes(both, &options).unwrap();
    let first_game = entries()
        .windows(2)
        .position(|w| !w[0].is_continuation(&w[1]))
        .unwrap()
        + 1;
    assert_eq!(found.boards.len(), 1_000 - first_game + 2);
    assert_eq!(found.statistics.damaged, 1);
}

#[test]
fn an_illegal_move_of_a_pgn_is_named() {
    let text = String::from_utf8(as_pgn(&entries()[..500])).unwrap();
    let second = 1 + text[1..].find("[Event").unwrap();
    let damaged = format!("{text}[Event \"x\"]\n\n1. e4 e5 2. Ke3 *\n");
    let error = read_bytes(damaged.clone().into_bytes(), &everything()).unwrap_err();
    let expected = format!("test: at byte {}: 2. Ke3: ", text.len());
    assert!(error.to_string().starts_with(&expected), "{error}");
    let options = Options {
        skip_damaged: true,
        ..everything()
    };
    let found = read_bytes(damaged.into_bytes(), &options).unwrap();
    assert_eq!((found.boards.len(), found.statistics.damaged), (500, 1));
    // The tags of the first game are gone: what follows was played from another position.
    let cut = format!(
        "[Event \"x\"]\n\n{}",
        &text[text.find("\r\n\r\n").unwrap()..]
    );
    let found = read_bytes(cut.into_bytes(), &options).unwrap();
    assert_eq!(found.statistics.damaged, 1);
    let rest = text[second..].to_owned();
    assert_eq!(
        found.boards,
        read_bytes(rest.into_bytes(), &options).unwrap().boards
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_damage_is_survived(
        format in 0..9usize,
        start in 0..59_000usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let entries = &entries()[start..start + 60];
        let mut bytes = match format {
            0 => as_fens(entries),
            1 => as_plain(entries),
            2 => as_packed_sfens(entries),
            3 => as_bullet(entries),
            4 => as_viri(entries),
            5 => as_pgn(entries),
            kind => compressed(&as_binpack(entries))[kind - 6].1.clone(),
        };
        for (place, value) in &changes {
            *place.get_mut(&mut bytes) = *value;
        }
        bytes.truncate(1 + cut.index(bytes.len()));
        for skip_damaged in [false, true] {
            let options = Options { skip_damaged, ..everything() };
            match read_bytes(bytes.clone(), &options) {
                Ok(_) | Err(PositionsError::NothingTaken { .. }) => {}
                Err(error) => {
                    let text = error.to_string();
                    prop_assert!(text.starts_with("test: at byte "), "{}", text);
                }
            }
        }
    }
}

/// RFC 8878, 3.1.1.1.2: exponent 18 (the upper five bits) and mantissa 1 are a window of (1 + 1/8) * 2^28 bytes.
#[test]
fn a_wide_zstd_window_is_refused_with_its_place() {
    let [_, (_, mut bytes), _] = compressed(&as_binpack(&entries()[..60]));
    bytes.splice(4.., [0x00, 18 << 3 | 1].into_iter().chain([0; 40]));
    let error = read_bytes(bytes, &everything()).unwrap_err().to_string();
    assert_eq!(
        error,
        "test: at byte 0: it needs a window of 288 MiB in memory, at most 256 are given; pack it with --long=28 or less"
    );
}

/// Records, and the FEN that a reader by other people (a Python one, on top of python-chess) makes of the first 32
/// bytes of each. The moves of the first five are the words that the data tools of Fairy-Stockfish write for e2e4,
/// e1g1, e5d6 en passant, a7a8n and a7a8q.
const OUTSIDE: [(&str, &str); 7] = [
    (
        "08fece9aebbc31c618638c000000002184104208679454c679400000000000002a001c0341010100",
        "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
    ),
    (
        "08fe820b000000000070c0794000000000000000000000000000000000000000000007c101000000",
        "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1",
    ),
    (
        "081e0000801800000000802b100000000000000000000000000000000000000000002b8903000000",
        "4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 1",
    ),
    (
        "081e100000000000000000040000000000000000000000000000000000000000f9ff384c0400ff00",
        "4k3/P7/8/8/8/8/8/4K3 w - - 0 1",
    ),
    (
        "081e100000000000000000040000000000000000000000000000000000000000007d387c07000100",
        "4k3/P7/8/8/8/8/8/4K3 w - - 0 1",
    ),
    (
        "09feaa991b2335c6c81427c408080a8412062118420887c449c50100000000008fff9a080d00ff00",
        "r1bqk2r/pp2bppp/2n1pn2/2pp4/3P1B2/2PBPN2/PP1N1PPP/R2QK2R b Kq - 5 7",
    ),
    (
        "b91600407411c5304401331000001c00234b40000000000000000000000000000000640b57020000",
        "8/8/1p1r1k2/p1pPN1p1/P3KnP1/1P6/8/3R4 b - - 99 300",
    ),
];

/// The first five in the text form, as the same tools write it (their castling is e1g1 there), one without optional
/// keys.
const OUTSIDE_PLAIN: &str = "fen rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1
move e2e4
score 42
ply 321
result 1
e
fen r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1
move e1g1
e
fen 4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 1
move e5d6
score 0
ply 3
result 0
e
fen 4k3/P7/8/8/8/8/8/4K3 w - - 0 1
move a7a8n
score -7
ply 4
result -1
e
fen 4k3/P7/8/8/8/8/8/4K3 w - - 0 1
move a7a8q
score 32000
ply 7
result 1
e
";

#[test]
fn records_as_others_read_them() {
    let bytes = |hex: &str| -> Vec<u8> {
        let digits = hex.as_bytes().as_chunks::<2>().0;
        let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        digits.iter().map(|pair| byte(pair).unwrap()).collect()
    };
    let records: Vec<u8> = OUTSIDE.iter().flat_map(|(hex, _)| bytes(hex)).collect();
    let found = read_bytes(records.clone(), &everything()).unwrap();
    let fens: Vec<String> = found.boards.iter().map(Board::fen).collect();
    assert_eq!(fens, OUTSIDE.map(|(_, fen)| fen));
    // Only the last move captures, the king the knight: castling is not the king's capture of its rook, and the
    // reference loader does not count en passant.
    for (data, captures) in [(records, 1), (OUTSIDE_PLAIN.as_bytes().to_vec(), 0)] {
        let found = read_bytes(data, &Options::default()).unwrap();
        assert_eq!(found.statistics.skipped(Reason::Capture), captures);
    }
    let plain = read_bytes(OUTSIDE_PLAIN.as_bytes().to_vec(), &everything()).unwrap();
    let fens: Vec<String> = plain.boards.iter().map(Board::fen).collect();
    assert_eq!(fens[..], OUTSIDE.map(|(_, fen)| fen)[..5]);
}

/// A position by hand: the start position as `SfenPacker` writes it.
#[test]
fn the_start_position_packed_by_hand() {
    let mut bits = Bits {
        bytes: [0; 32],
        next: 0,
    };
    bits.put(0, 1); // White to move
    bits.put(4, 6); // white king on e1
    bits.put(60, 6); // black king on e8
    // Colour in the fifth bit, behind the code.
    let codes = |bits: &mut Bits, codes: &[u32], color: u32| {
        for code in codes {
            bits.put(code | color << 4, 5);
        }
    };
    codes(&mut bits, &[7, 3, 5, 9, 5, 3, 7], 1); // a8 to h8 without the king
    codes(&mut bits, &[1; 8], 1);
    bits.put(0, 32);
    codes(&mut bits, &[1; 8], 0);
    codes(&mut bits, &[7, 3, 5, 9, 5, 3, 7], 0);
    bits.put(0b1111, 4);
    bits.put(0, 1); // no en passant
    bits.put(0, 6);
    bits.put(1, 16);
    bits.put(0, 1);
    let mut record = bits.bytes.to_vec();
    record.extend([30, 0]); // score
    record.extend((12 << 6 | 28u16).to_le_bytes()); // e2e4
    record.extend([0, 0, 1, 0xff]);
    let found = read_bytes(record, &Options::default()).unwrap();
    let start: Board = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"
        .parse()
        .unwrap();
    assert_eq!(found.boards, [start]);
}

/// The first record of a file is damaged: the format is named, and the others are read.
#[test]
fn damage_at_the_start_does_not_hide_the_format() {
    let few = &entries()[..600];
    let games = few.chunk_by(|before, after| before.is_continuation(after));
    let first_game = games.clone().next().unwrap().len();
    for (format, mut bytes, damage, lost) in [
        ("bulletformat", as_bullet(few), 0..32, 1),
        ("packed sfen", as_packed_sfens(few), 0..40, 1),
        ("viriformat", as_viri(few), 8..24, first_game),
        ("plain", as_plain(few), 0..4, 1),
        ("binpack", as_binpack(few), 0..1, 600),
    ] {
        bytes[damage].fill(b'x');
        let error = read_bytes(bytes.clone(), &everything()).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("test: at byte 0: "), "{text}");
        assert!(text.contains(&format!("was taken for {format}")), "{text}");
        let skipping = Options {
            skip_damaged: true,
            ..everything()
        };
        match read_bytes(bytes, &skipping) {
            Ok(taken) => {
                assert_eq!(taken.len(), 600 - lost, "{format}");
                assert_eq!(taken.statistics.damaged, 1, "{format}");
            }
            Err(error) => {
                assert_eq!(lost, 600, "{format}: {error}");
                assert!(error.to_string().contains("damaged: 1"), "{error}");
            }
        }
    }
}

/// Entries in an order that has nothing to do with their games.
fn shuffled(entries: &[TrainingDataEntry]) -> Vec<TrainingDataEntry> {
    // A prime that does not divide their number: every entry comes once.
    let step = 7919;
    assert_ne!(entries.len() % step, 0);
    let places = (0..entries.len()).map(|at| at * step % entries.len());
    places.map(|at| entries[at]).collect()
}

fn whole_games() -> u64 {
    let games = entries().chunk_by(|before, after| before.is_continuation(after));
    games.count() as u64
}

/// Where plies are missing or all the same, groups of neighbours stand for games.
#[test]
fn plies_that_tell_no_games() {
    let mut same = entries().to_vec();
    same.iter_mut().for_each(|entry| entry.ply = 0);
    let plain = String::from_utf8(as_plain(entries())).unwrap();
    let lines = plain.lines().filter(|line| !line.starts_with("ply "));
    let without: String = lines.map(|line| format!("{line}\n")).collect();
    for bytes in [
        as_packed_sfens(&same),
        as_plain(&same),
        without.into_bytes(),
    ] {
        let found = read_bytes(bytes, &everything()).unwrap();
        let statistics = &found.statistics;
        assert_eq!(statistics.untold_by_plies, statistics.taken);
        assert_eq!(statistics.unrelated, 0);
        assert_eq!(statistics.groups, statistics.games);
        assert_no_game_is_cut(&found, 64);
    }
    let told = read_bytes(as_packed_sfens(entries()), &everything()).unwrap();
    let statistics = &told.statistics;
    assert_eq!((statistics.groups, statistics.games), (0, whole_games()));
    assert_eq!((statistics.untold_by_plies, statistics.unrelated), (0, 0));
}

/// Seven games without plies, of 400, 400, 62, 400, 376, 337 and 25 positions, the last not played out: whole games
/// are kept together, and those of less than 64 positions go with a neighbour.
#[test]
fn boards_tell_games() {
    let data = std::fs::read("tests/data/ply0-as-c-chess-cli.bin").unwrap();
    let found = read_bytes(data, &everything()).unwrap();
    let groups = found.games.chunk_by(|a, b| a == b).map(<[u32]>::len);
    assert_eq!(groups.collect::<Vec<_>>(), [400, 400, 462, 376, 362]);
    assert_eq!(found.statistics.groups, 5);
    // Parts for many machines cut no game either.
    let data = std::fs::read("tests/data/ply0-as-c-chess-cli.bin").unwrap();
    let parts = [0, 1].map(|number| {
        let by = PartBy::Games;
        let part = Some(Part { number, of: 2, by });
        let options = Options {
            part,
            ..everything()
        };
        read_bytes(data.clone(), &options).unwrap().len()
    });
    assert_eq!(parts, [400 + 462 + 337, 400 + 376 + 25]);
}

/// All groups have so many positions, and each game, as the plies of the binpack tell them, is in a single one.
fn assert_no_game_is_cut(found: &Positions, least: usize) {
    let expected = read_bytes(as_binpack(entries()), &everything()).unwrap();
    assert_eq!(expected.len(), found.len());
    let both = expected.games.iter().zip(&found.games);
    let pairs: std::collections::BTreeSet<_> = both.collect();
    assert_eq!(pairs.len() as u64, expected.statistics.games);
    for group in found.games.chunk_by(|a, b| a == b) {
        assert!(group.len() >= least, "{}", group.len());
    }
}

/// Positions may have been left out of the data: what is left of a game is still one game.
#[test]
fn games_with_gaps_are_not_cut() {
    // Two of three entries.
    let kept = entries().iter().enumerate();
    let kept: Vec<_> = kept
        .filter(|(at, _)| at % 3 != 0)
        .map(|(_, entry)| *entry)
        .collect();
    let found = read_bytes(as_packed_sfens(&kept), &everything()).unwrap();
    let statistics = &found.statistics;
    assert_eq!((statistics.untold_by_plies, statistics.unrelated), (0, 0));
    // Hardly ever does a game seem to go on in the next.
    let expected = whole_games();
    assert!(
        (expected * 97 / 100..=expected).contains(&statistics.games),
        "{statistics:?}"
    );
}

/// Shuffled data are seen to be shuffled, in every format, and whole data are not.
#[test]
fn shuffled_data_are_seen() {
    let mixed = shuffled(entries());
    type Writer = fn(&[TrainingDataEntry]) -> Vec<u8>;
    let formats: [Writer; 4] = [as_packed_sfens, as_plain, as_bullet, as_fens];
    for format in formats {
        let found = read_bytes(format(&mixed), &everything()).unwrap();
        let statistics = &found.statistics;
        // The last block is too small to tell.
        assert!(
            statistics.unrelated * 100 >= statistics.taken * 95,
            "{statistics:?}"
        );
        assert_eq!(statistics.groups, statistics.games);
        let found = read_bytes(format(entries()), &everything()).unwrap();
        assert_eq!(found.statistics.unrelated, 0);
    }
}

/// Parts of the data are judged as the whole is.
#[test]
fn parts_judge_plies_as_the_whole_does() {
    let mut same = entries().to_vec();
    same.iter_mut().for_each(|entry| entry.ply = 0);
    for (entries, tells) in [(same.as_slice(), false), (entries(), true)] {
        for by in [PartBy::Blocks, PartBy::Games] {
            for number in 0..2 {
                let options = Options {
                    part: Some(Part { number, of: 2, by }),
                    ..everything()
                };
                let found = read_bytes(as_packed_sfens(entries), &options).unwrap();
                let statistics = &found.statistics;
                let untold = if tells { 0 } else { statistics.taken };
                assert_eq!(statistics.untold_by_plies, untold);
                assert_eq!(statistics.groups == 0, tells);
            }
        }
    }
}
