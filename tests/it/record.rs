//! `ftperm record` with a real engine, and with engines whose every word is known.

use std::collections::BTreeSet;
use std::path::Path;

use ftperm::chess::board::Board;
use ftperm::positions::{self, Filters, Options};

use crate::common::material;
use crate::common::program::{Case, Done};

fn record(engine: &Path, out: &Path) -> Case {
    Case::new("record")
        .option("--engine", engine)
        .option("--out", out)
}

/// Debian's engine, which is asked for 300 positions.
fn stockfish(engine: &Path, out: &Path) -> Case {
    record(engine, out)
        .data("selfplay")
        .args(["--count", "300", "--nodes", "500"])
}

#[test]
fn the_same_positions_from_any_number_of_processes() {
    let Some(engine) = material::stockfish() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.epd");
    let recorded = |more: &[&str]| {
        stockfish(&engine, &out).args(more).ok();
        std::fs::read_to_string(&out).unwrap()
    };
    let text = recorded(&["--processes", "1"]);
    assert!(text == recorded(&["--processes", "1"]));
    assert!(text == recorded(&["--processes", "2"]));
    assert!(text == recorded(&[]));
    assert!(text != recorded(&["--seed", "1"]));
    assert_eq!(text.lines().count(), 300);
    for line in text.lines() {
        let board: Board = line.parse().unwrap();
        assert!(!board.in_check(), "{line}");
        assert_eq!(Board::from_chess(&board.to_chess().unwrap()), Ok(board));
    }
    let distinct: BTreeSet<&str> = text.lines().collect();
    assert!(distinct.len() > 250, "{}", distinct.len());
    // As other commands read it.
    let read = positions::read(&[(&out).into()], &Options::default()).unwrap();
    let fens: Vec<String> = read.boards.iter().map(Board::fen).collect();
    recorded(&["--processes", "2"]);
    assert_eq!(fens.len(), 300);
    // They are not those of the data.
    let data = material::own("datasets/selfplay.binpack");
    let options = Options {
        filters: Filters::checks_only(),
        ..Options::default()
    };
    let data = positions::read(&[data.into()], &options).unwrap();
    let known: BTreeSet<String> = data.boards.iter().map(Board::fen).collect();
    let new = fens.iter().filter(|fen| !known.contains(*fen)).count();
    assert!(new > 200, "{new}");
}

#[test]
fn what_it_says() {
    let Some(engine) = material::stockfish() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.epd");
    let done = stockfish(&engine, &out)
        .args(["--json", "--multipv", "9999"])
        .ok()
        .says("300 positions of ")
        .says(" searches by Stockfish 15.1: ");
    let json = done.json();
    assert_eq!(json["positions"], 300);
    assert_eq!(json["name"], "Stockfish 15.1");
    // As many as it offers.
    assert_eq!(json["multipv"], 500);
    let roots = json["roots"].as_u64().unwrap();
    let nodes = json["nodes"].as_u64().unwrap();
    assert!((500 * roots..1500 * roots).contains(&nodes), "{json}");
    assert!(json["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(json["out"], out.to_str().unwrap());
}

/// The data are as many positions, of which each root gives what it has.
#[test]
fn fewer_positions_than_asked_for_are_told() {
    let Some(engine) = material::stockfish() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.epd");
    let data = folder.path().join("data.fens");
    let mated = "7k/6Q1/6K1/8/8/8/8/8 b - - 0 1";
    std::fs::write(&data, format!("{MIDDLE}\n{mated}\n")).unwrap();
    let done = record(&engine, &out)
        .option("--data", &data)
        .args(["--count", "5000", "--nodes", "300"])
        .ok()
        .says(" positions of 1 searches by Stockfish 15.1")
        .says("warning: only ")
        .says(" of 5000 positions recorded");
    assert_eq!(done.stderr.matches("warning").count(), 1, "{}", done.stderr);
    let lines = std::fs::read_to_string(&out).unwrap().lines().count();
    assert!((8..1000).contains(&lines), "{lines}");
}

const START: &str = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
const MIDDLE: &str = "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1";

#[cfg(unix)]
mod scripted {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    const GREETING: &str = "echo 'id name Fake 1'; echo uciok";

    /// An engine that does this at `uci`, at `ucinewgame` and at `go`, and writes down what it is told; `$fen` is what
    /// it searches.
    fn engine_of(greeting: &str, new_game: &str, go: &str) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let engine = folder.path().join("engine");
        let script = format!(
            "#!/bin/sh\ncd $(dirname $0)\nwhile read -r line; do echo \"$line\" >> told\ncase \"$line\" in\n\
             uci) {greeting};;\nisready) echo readyok;;\nucinewgame) {new_game};;\n\
             'position fen '*) fen=\"${{line#position fen }}\";;\ngo*) {go};;\nquit) exit 0;;\nesac; done\n"
        );
        std::fs::write(&engine, script).unwrap();
        std::fs::set_permissions(&engine, std::fs::Permissions::from_mode(0o755)).unwrap();
        (folder, engine)
    }

    fn case(folder: &TempDir, engine: &Path, roots: &[&str]) -> Case {
        let data = folder.path().join("roots.fens");
        std::fs::write(&data, roots.join("\n")).unwrap();
        record(engine, &folder.path().join("out.epd")).option("--data", data)
    }

    /// What an engine leads to that does this at `go`, and what was said.
    fn recorded(go: &str, roots: &[&str], more: &[&str]) -> (Vec<String>, Done) {
        let (folder, engine) = engine_of(GREETING, "", go);
        let done = case(&folder, &engine, roots).args(more).ok();
        let text = std::fs::read_to_string(folder.path().join("out.epd")).unwrap();
        (text.lines().map(str::to_string).collect(), done)
    }

    fn sorted(mut lines: Vec<String>) -> Vec<String> {
        lines.sort();
        lines
    }

    /// 1 e4 e5 2 Nf3, 1 d4 Nf6 and, as the engine's own move, 1 Nc3.
    const AFTER_START: [&str; 6] = [
        "rnbqkb1r/pppppppp/5n2/8/3P4/8/PPP1PPPP/RNBQKBNR w KQkq - 1 2",
        "rnbqkbnr/pppp1ppp/8/4p3/4P3/5N2/PPPP1PPP/RNBQKB1R b KQkq - 1 2",
        "rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2",
        "rnbqkbnr/pppppppp/8/8/3P4/8/PPP1PPPP/RNBQKBNR b KQkq - 0 1",
        "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1",
        "rnbqkbnr/pppppppp/8/8/8/2N5/PPPPPPPP/R1BQKBNR b KQkq - 1 1",
    ];
    const LINES: &str = "echo 'info depth 1 nodes 20 pv e2e4 e7e5';\
        echo 'info depth 2 multipv 2 nodes 30 pv d2d4 g8f6 0000 e2e4';\
        echo 'info depth 2 multipv 1 nodes 57 score cp 3 pv e2e4 e7e5 g1f3';\
        echo 'info depth 3 nodes 60 score cp 9 lowerbound pv g2g4';\
        echo 'info string pv h2h4'; echo rubbish; echo 'bestmove b1c3'";

    #[test]
    fn known_lines_lead_to_known_positions() {
        let (lines, done) = recorded(LINES, &[START], &["--count", "40", "--json"]);
        assert_eq!(sorted(lines), AFTER_START);
        let json = done.json();
        assert_eq!(json["nodes"], 60);
        assert_eq!(json["roots"], 1);
        assert!(json["multipv"].is_null());
        // A smaller number of them are some of them, by the seed.
        let few = |seed: &str| {
            let more = ["--count", "2", "--per-root", "2", "--seed", seed];
            recorded(LINES, &[START], &more).0
        };
        let draws: BTreeSet<Vec<String>> = (0..10).map(|seed| few(&seed.to_string())).collect();
        assert!(draws.len() > 3, "{draws:?}");
        for two in &draws {
            assert!(two.len() == 2 && two[0] != two[1]);
            assert!(two.iter().all(|fen| AFTER_START.contains(&fen.as_str())));
        }
    }

    /// 1 0-0 0-0-0, twice the same, and 1 Qxf6 Nc4 2 Qxe7+, of which the last is in check.
    #[test]
    fn castling_in_both_notations_and_checks() {
        let go = "echo 'info depth 1 pv e1g1 e8c8'; echo 'info depth 2 pv e1h1 e8a8';\
            echo 'info depth 3 pv f3f6 b6c4 f6e7'; echo 'bestmove (none)'";
        let (lines, _) = recorded(go, &[MIDDLE], &["--count", "40"]);
        let expected = [
            "2kr3r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R4RK1 w - - 2 2",
            "r3k2r/p1ppqpb1/b3pQp1/3PN3/1pn1P3/2N4p/PPPBBPPP/R3K2R w KQkq - 1 2",
            "r3k2r/p1ppqpb1/bn2pQp1/3PN3/1p2P3/2N4p/PPPBBPPP/R3K2R b KQkq - 0 1",
            "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R4RK1 b kq - 1 1",
        ];
        assert_eq!(sorted(lines), expected);
    }

    #[test]
    fn positions_that_an_engine_tells() {
        let go = "echo '8/8/8/4k3/8/8/4P3/4K3 w - - 4 33'; echo '8/8/8/4k3/8/8/4P3/4K3 w - - 6 34';\
            echo 'info string 8/8/8/3k4/8/8/4P3/4K3 b - -'; echo '8/8/8/4k3/8/8/8/4RK2 b - - 0 1';\
            echo '8/8/8/8/8/8/8/8 w - - 0 1'; echo 'info depth 1 pv e2e4'; echo 'bestmove e2e4'";
        let (lines, _) = recorded(go, &[START], &["--count", "40"]);
        // The same position with other clocks is the same; one is in check, one is none.
        let expected = [
            "8/8/8/3k4/8/8/4P3/4K3 b - - 0 1",
            "8/8/8/4k3/8/8/4P3/4K3 w - - 4 33",
            "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1",
        ];
        assert_eq!(sorted(lines), expected);
    }

    /// The first engine is slow.
    #[test]
    fn roots_keep_their_order() {
        let roots = [
            "4k3/8/8/8/8/8/8/K7 w - - 0 1",
            "4k3/8/8/8/8/8/8/1K6 w - - 0 1",
            "4k3/8/8/8/8/8/8/2K5 w - - 0 1",
            "4k3/8/8/8/8/8/8/3K4 w - - 0 1",
        ];
        let go = "case \"$fen\" in */K7*) sleep 1; echo 'info pv a1a2';; */1K6*) echo 'info pv b1b2';;\
            */2K5*) echo 'info pv c1c2';; *) echo 'info pv d1d2';; esac; echo 'bestmove 0000'";
        let more = ["--count", "4", "--per-root", "1", "--processes", "3"];
        let (lines, _) = recorded(go, &roots, &more);
        let expected =
            ["K7", "1K6", "2K5", "3K4"].map(|rank| format!("4k3/8/8/8/8/8/{rank}/8 b - - 1 1"));
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_an_engine_is_told() {
        let greeting = "echo 'option name threads type spin default 8 min 1 max 8';\
            echo 'option name MultiPV type spin default 1 min 1 max 2';\
            echo 'option name Skill Level type spin default 1 min 1 max 20'; echo uciok";
        let (folder, engine) = engine_of(greeting, "", LINES);
        case(&folder, &engine, &[START])
            .args(["--count", "6", "--nodes", "77", "--option", "Skill Level=3"])
            .ok();
        let told = std::fs::read_to_string(folder.path().join("told")).unwrap();
        // The first process only says what it is.
        let (_, told) = told.split_once("quit\n").unwrap();
        let expected = format!(
            "uci\nsetoption name Threads value 1\nisready\nsetoption name MultiPV value 2\nisready\n\
             setoption name Skill Level value 3\nisready\nucinewgame\nisready\nposition fen {START}\n\
             go nodes 77\nquit\n"
        );
        assert_eq!(told, expected);
    }

    /// An engine that fails: the message has the parts and the engine's name, and nothing is written or runs on.
    fn fails(greeting: &str, new_game: &str, go: &str, parts: &[&str]) {
        let (folder, engine) = engine_of(greeting, new_game, go);
        let done = case(&folder, &engine, &[START, MIDDLE])
            .args(["--timeout", "1", "--count", "10", "--processes", "2"])
            .ends_with(1);
        let error = done.stderr.lines().find(|line| line.starts_with("error: "));
        let error = error.unwrap_or_else(|| panic!("{}", done.stderr));
        for part in parts.iter().chain(&[engine.to_str().unwrap()]) {
            assert!(error.contains(part), "`{part}` is not in {error}");
        }
        assert!(error.len() < 2000, "{error}");
        assert!(!folder.path().join("out.epd").exists());
        let names = std::fs::read_dir(folder.path()).unwrap();
        let names: BTreeSet<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        let expected = ["engine", "roots.fens", "told"].map(Into::into);
        assert!(names.is_subset(&BTreeSet::from(expected)), "{names:?}");
    }

    #[test]
    fn engines_that_fail_get_a_clear_error() {
        fails(
            GREETING,
            "",
            "sleep 30",
            &["did not answer `go nodes ", "1 seconds", START],
        );
        fails("sleep 30", "", "", &["did not answer `uci`"]);
        fails(
            GREETING,
            "sleep 30",
            "",
            &["did not answer `ucinewgame`", START],
        );
        fails(
            GREETING,
            "",
            "echo broken; exit 3",
            &["ended", "3", "broken", START],
        );
        fails("exit 0", "", "", &["ended", "`uci`"]);
        fails(GREETING, "", "exec yes", &["did not answer `go nodes "]);
        fails(
            GREETING,
            "",
            "exec cat /dev/zero",
            &["did not answer `go nodes "],
        );
        fails("exec head -c 3000000 /dev/urandom", "", "", &["`uci`"]);
        let endless = "while :; do echo 'info pv e2e4 e7e5'; done";
        fails(GREETING, "", endless, &["did not answer `go nodes "]);
        let unknown = "echo 'Unknown command: go'";
        fails(
            GREETING,
            "",
            unknown,
            &["refused `go nodes ", "Unknown command"],
        );
        fails(
            GREETING,
            "",
            "echo 'bestmove 0000'",
            &["told nothing", "2 searches"],
        );
    }

    #[test]
    fn engines_that_lie_get_a_clear_error() {
        for (line, word) in [
            ("info depth 1 pv e2e4 e2e4", "e2e4"),
            ("info depth 1 pv e2e5", "e2e5"),
            ("info depth 1 pv e2e4 Nf6", "Nf6"),
            ("info depth 1 pv e1c1", "e1c1"),
            ("info depth 1 pv e2e4 e7e8q", "e7e8q"),
            ("bestmove a1a1", "a1a1"),
            ("bestmove e2e4 ponder e2e4", "e2e4"),
        ] {
            let go = format!("echo '{line}'; echo 'bestmove e2e4'");
            let word = format!("printed `{word}` where a legal move is expected");
            fails(GREETING, "", &go, &[&word, line, START]);
        }
        // A word without an end, of which the line keeps no whole move.
        let long = "printf 'info pv e2e4 '; head -c 100000 /dev/zero | tr '\\0' x; echo; echo 'bestmove e2e4'";
        let (lines, _) = recorded(long, &[START], &["--count", "9"]);
        assert_eq!(lines, [AFTER_START[4]]);
    }

    #[test]
    fn options_that_make_no_sense() {
        let (folder, engine) = engine_of(GREETING, "", LINES);
        let case = |more: &[&str]| case(&folder, &engine, &[START]).args(more);
        case(&["--option", "Contempt=3"])
            .ends_with(1)
            .says("has no option `Contempt`");
        case(&["--option", "Contempt"]).ends_with(2);
        case(&["--nodes", "0"]).ends_with(2);
        case(&["--processes", "0"]).ends_with(2);
        let told = std::fs::read_to_string(folder.path().join("told")).unwrap();
        assert_eq!(told, "uci\n");
        record(Path::new("no-such-engine"), &folder.path().join("o.epd"))
            .data("selfplay")
            .ends_with(1)
            .says("error: cannot start the engine no-such-engine: ");
    }
}
