//! The layouts inside the program, on networks of their engines' formats: what the engines themselves and a second
//! implementation compute, and the written files weight by weight.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ftperm::chess::board::{Board, Color};
use ftperm::files::digest::{hex, sha256};
use ftperm::nets::described::{BUILT_IN, Block, BuiltIn, Outputs, RawNet, fitting, outputs};
use serde_json::Value;

use crate::common::material;
use crate::common::program::Case;

/// Python with the packages that tests/fetch-python.sh fetched.
fn python() -> Command {
    let python = std::env::var_os("FTPERM_PYTHON").unwrap_or("/usr/bin/python3".into());
    let packages = match std::env::var_os("FTPERM_PYTHON_PACKAGES") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).join("../python"),
    };
    let mut command = Command::new(python);
    command.env("PYTHONPATH", packages);
    command
}

/// Can it run what makes the networks?
fn python_works() -> Option<()> {
    let has = python()
        .args(["-c", "import numpy, chess, zstandard, tomllib"])
        .output()
        .is_ok_and(|output| output.status.success());
    if has {
        Some(())
    } else {
        material::missing(
            "Python 3.11 with numpy, chess and zstandard (tests/fetch-python.sh fetches them into target/python)",
        )
    }
}

/// What makes networks, and a folder for them.
struct Workshop {
    generators: PathBuf,
    folder: tempfile::TempDir,
}

impl Workshop {
    fn open() -> Option<Workshop> {
        python_works()?;
        Some(Workshop {
            generators: material::shared("engines/gen")?,
            folder: tempfile::tempdir().unwrap(),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[track_caller]
    fn run(&self, arguments: &[&Path]) -> String {
        let output = python()
            .arg(material::own("tests/engines.py"))
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A network of seeded random numbers.
    fn make(&self, engine: &str, seed: &str) -> PathBuf {
        let path = self.path("net");
        let words = ["make".as_ref(), self.generators.as_path()];
        self.run(&[&words[..], &[engine.as_ref(), seed.as_ref(), &path]].concat());
        path
    }

    /// What the second implementation computes for positions: values, and outputs of both perspectives.
    fn evaluate(&self, engine: &str, net: &Path, fens: &Path) -> Vec<Value> {
        let words = ["evaluate".as_ref(), self.generators.as_path()];
        let printed = self.run(&[&words[..], &[engine.as_ref(), net, fens]].concat());
        printed
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// `trace` shows the inputs and the zero outputs that the engine recorded, and compares with its outputs.
    fn traces(
        &self,
        name: &str,
        net: &Path,
        fens: &Path,
        positions: &[Value],
        computed: &[Vec<Outputs>],
    ) {
        let mut dump: Vec<u8> = computed
            .iter()
            .flatten()
            .flat_map(|outputs| {
                integers(outputs)
                    .iter()
                    .map(|&output| output.min(255) as u8)
            })
            .collect();
        let dump_file = self.path("recorded.u8");
        let trace = |dump: &[u8]| {
            std::fs::write(&dump_file, dump).unwrap();
            Case::new("trace")
                .args(["--layout", name, "--json"])
                .option("--net", net)
                .option("--fens", fens)
                .option("--activations", &dump_file)
        };
        let done = trace(&dump).ok();
        let agreed = format!(
            "the same outputs are zero in all {} rows",
            2 * positions.len()
        );
        assert!(done.stderr.contains(&agreed), "{}", done.stderr);
        let lines = done
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let lines: Vec<Value> = lines.collect();
        assert_eq!(lines.len(), positions.len());
        for (line, position) in lines.iter().zip(positions) {
            let board: Board = position["fen"].as_str().unwrap().parse().unwrap();
            let sides = match board.side_to_move() {
                Color::White => [("w", "stm"), ("b", "other")],
                Color::Black => [("b", "stm"), ("w", "other")],
            };
            for (side, recorded) in sides {
                for (kind, features) in line[side].as_object().unwrap() {
                    let mut found: Vec<u64> = serde_json::from_value(features.clone()).unwrap();
                    found.sort_unstable();
                    assert_eq!(
                        position[recorded][kind],
                        serde_json::json!(found),
                        "{name} {kind}"
                    );
                }
            }
            let zeros =
                ["stm", "other"].map(|side| position[side]["zero_outputs"].as_u64().unwrap());
            assert_eq!(line["ft_zero"], zeros[0] + zeros[1]);
        }
        // One output more is zero, of the opponent's perspective of the third position.
        let neurons = integers(&computed[0][0]).len();
        let first = 5 * neurons;
        let place = (0..neurons).find(|at| dump[first + at] != 0).unwrap();
        dump[first + place] = 0;
        let difference =
            format!("output {place} of the opponent is not zero here and zero in the file");
        trace(&dump).ends_with(1).says(&difference);
        dump.truncate(neurons);
        trace(&dump).ends_with(1).says("has 1 rows of outputs, but");
    }

    /// Permutes a network as a user would; the result and the order were compared with it by other code.
    fn optimize(&self, name: &str, net: &Path, fens: &Path) -> (PathBuf, Vec<usize>) {
        let (out, perm) = (self.path("out"), self.path("perm.txt"));
        let done = Case::new("optimize")
            .args(["--layout", name, "--holdout", "0", "--effort", "quick"])
            .args(["--backend", "cpu", "--force"])
            .option("--net", net)
            .option("--data", fens)
            .option("--out", &out)
            .option("--perm", &perm)
            .ok();
        let proved = "verified under the layout: the same neurons in another order";
        assert!(done.stderr.contains(proved), "{}", done.stderr);
        assert!(!done.stderr.contains("no role"), "{}", done.stderr);
        let nothing = "expected effect: none in engines with networks of this layout";
        assert_eq!(
            done.stderr.contains(nothing),
            DENSE.contains(&name),
            "{}",
            done.stderr
        );
        let layout = material::own(&format!("layouts/{name}.toml"));
        self.run(&["compare".as_ref(), &layout, net, &out, &perm]);
        let order = std::fs::read_to_string(&perm).unwrap();
        let order = order.lines().filter(|line| !line.starts_with('#'));
        (out, order.map(|line| line.parse().unwrap()).collect())
    }
}

fn read(name: &str, net: &Path) -> RawNet {
    let layout = BuiltIn::find(name).unwrap().layout().unwrap();
    RawNet::read(net, &layout).unwrap()
}

fn boards(fens: &Path) -> Vec<Board> {
    let text = std::fs::read_to_string(fens).unwrap();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|fen| fen.parse().unwrap()).collect()
}

fn integers(outputs: &Outputs) -> &[i64] {
    match outputs {
        Outputs::Integers(outputs) => outputs,
        Outputs::Floats(_) => panic!("integers"),
    }
}

/// The one layout that a file fits.
fn only_fit(net: &Path) -> &'static str {
    let found = fitting(net).unwrap();
    let names: Vec<&str> = found.iter().map(|it| it.row.name).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    names[0]
}

/// Neurons, inputs and bytes of a file, as the engines' sources have them.
#[test]
fn layouts_describe_what_they_say() {
    let expected: BTreeMap<&str, (usize, usize, usize)> = [
        ("akimbo", (1024, 4 * 768, 6_297_664)),
        ("alexandria", (768, 16 * 768, 37_983_776)),
        ("berserk", (1024, 16 * 768, 25_201_924)),
        ("bullet-multilayer", (512, 7680, 15_880_768)),
        ("bullet-output-buckets", (640, 768, 1_004_864)),
        ("bullet-simple", (1024, 768, 1_579_072)),
        ("cinder", (512, 16 * 768 + 59808 + 4560, 91_248_192)),
        ("halogen", (384, 8 * 768 + 79856, 70_999_872)),
        ("hobbes", (384, 16 * 768 + 60144, 65_200_192)),
        ("horsie", (1024, 14 * 768, 44_325_440)),
        ("integral", (768, 12 * 768, 28_530_240)),
        ("minke", (640, 16 * 768, 31_659_072)),
        ("obsidian", (768, 13 * 768, 30_905_920)),
        ("pawnocchio", (384, 16 * 768 + 59808 + 4560, 68_444_224)),
        ("plentychess", (512, 12 * 768 + 59808 + 4560, 84_956_704)),
        ("raphael", (512, 16 * 704, 23_220_800)),
        ("reckless", (384, 7680 + 66864, 63_266_880)),
        ("stormphrax", (512, 16 * 704 + 59808 + 4560, 89_382_016)),
        ("tarnished", (896, 16 * 768, 44_308_512)),
        ("viridithas", (512, 16 * 704 + 59808 + 4560, 89_315_360)),
    ]
    .into();
    let names: Vec<&str> = BUILT_IN.iter().map(|row| row.name).collect();
    assert_eq!(names, expected.keys().copied().collect::<Vec<_>>());
    for row in BUILT_IN {
        let layout = row.layout().unwrap();
        let found = (layout.neurons(), layout.input().features(), layout.bytes());
        assert_eq!(found, expected[row.name], "{}", row.name);
        assert!(layout.unmarked().is_empty(), "{}", row.name);
        assert!(row.text.contains(row.version) || row.name.starts_with("bullet"));
    }
}

/// Engines that multiply all blocks, zero or not.
const DENSE: [&str; 4] = [
    "akimbo",
    "bullet-output-buckets",
    "bullet-simple",
    "tarnished",
];

#[test]
fn layouts_say_who_skips_blocks() {
    let dense = BUILT_IN
        .iter()
        .filter(|row| !row.layout().unwrap().sparse());
    let dense: Vec<&str> = dense.map(|row| row.name).collect();
    assert_eq!(dense, DENSE);
}

/// Buckets by the formulas in the engines' sources.
#[test]
fn output_buckets_are_those_of_the_engines() {
    let formula = |name: &str| -> Option<fn(usize) -> usize> {
        Some(match name {
            "alexandria" => |pieces| ((63 - pieces) * (32 - pieces) / 225).min(7),
            "cinder" => |pieces| (pieces - 1) / 4,
            "reckless" => |pieces| match pieces {
                ..=8 => 0,
                9..=12 => 1,
                13..=16 => 2,
                17..=19 => 3,
                20..=22 => 4,
                23..=25 => 5,
                26..=28 => 6,
                _ => 7,
            },
            "akimbo" | "berserk" | "bullet-simple" => return None,
            _ => |pieces| (pieces - 2) / 4,
        })
    };
    // Two kings, and knights on four ranks.
    let board = |pieces: usize| -> Board {
        let mut ranks = vec![String::new(); 4];
        for knight in 0..pieces - 2 {
            ranks[knight / 8].push('N');
        }
        let ranks: Vec<String> = ranks
            .into_iter()
            .map(|rank| match 8 - rank.len() {
                0 => rank,
                empty => format!("{rank}{empty}"),
            })
            .collect();
        format!("4k3/8/{}/8/4K3 w - - 0 1", ranks.join("/"))
            .parse()
            .unwrap()
    };
    for row in BUILT_IN {
        let layout = row.layout().unwrap();
        let buckets = layout.output_buckets();
        assert_eq!(
            buckets.is_some(),
            formula(row.name).is_some(),
            "{}",
            row.name
        );
        if let (Some(buckets), Some(formula)) = (buckets, formula(row.name)) {
            assert_eq!(buckets.count(), 8);
            for pieces in 2..=32 {
                assert_eq!(
                    buckets.of(&board(pieces)),
                    formula(pieces),
                    "{} {pieces}",
                    row.name
                );
            }
        }
    }
}

/// docs/5-other-engines.md has a row for each.
#[test]
fn the_page_lists_them() {
    let page = std::fs::read_to_string(material::own("docs/5-other-engines.md")).unwrap();
    for row in BUILT_IN {
        let layout = row.layout().unwrap();
        let begin = format!("| {} | `{}` | ", row.engine, row.name);
        let line = page.lines().find(|line| line.starts_with(&begin));
        let neurons = format!("| {} |", layout.neurons());
        assert!(line.unwrap().contains(&neurons), "{}", row.name);
    }
}

/// Values of the engines of engines-rust.md: active inputs, zero outputs and the outputs themselves.
fn as_the_engine_recorded(engine: &str) {
    let Some(workshop) = Workshop::open() else {
        return;
    };
    let Some(vectors) = material::shared(&format!("engines/vectors/{engine}.json")) else {
        return;
    };
    let vectors: Value = serde_json::from_slice(&std::fs::read(vectors).unwrap()).unwrap();
    let path = workshop.make(engine, &vectors["net"]["seed"].to_string());
    let net = read(engine, &path);
    if hex(&sha256(net.bytes())) != vectors["net"]["sha256_unpacked"] {
        material::missing::<()>("numpy 2.4.6, with which the network was recorded");
        return;
    }
    assert_eq!(only_fit(&path), engine);
    let positions = vectors["positions"].as_array().unwrap();
    let fens: Vec<&str> = positions
        .iter()
        .map(|it| it["fen"].as_str().unwrap())
        .collect();
    let fen_file = workshop.path("positions.fen");
    std::fs::write(&fen_file, fens.join("\n")).unwrap();
    let boards = boards(&fen_file);
    let computed = outputs(&net, &boards);
    let input = net.layout().input();
    for ((board, position), computed) in boards.iter().zip(positions).zip(&computed) {
        let us = board.side_to_move();
        let sides = [(us, "stm"), (us.opponent(), "other")];
        for ((side, name), computed) in sides.into_iter().zip(computed) {
            let expected = &position[name];
            let mut features = Vec::new();
            input.append_active(board, side, &mut features);
            let mut first = 0;
            for (block, name) in [
                (Block::PieceSquare, "piece_square"),
                (Block::Threats, "threats"),
                (Block::PawnPairs, "pawn_pairs"),
            ] {
                let end = first + input.block(block) as u32;
                let inside = features.iter().filter(|&&it| first <= it && it < end);
                let mut found: Vec<u32> = inside.map(|it| it - first).collect();
                found.sort_unstable();
                first = end;
                if let Some(expected) = expected[name].as_array() {
                    let expected: Vec<u32> = expected
                        .iter()
                        .map(|it| it.as_u64().unwrap() as u32)
                        .collect();
                    assert_eq!(found, expected, "{engine}: {}", board.fen());
                } else {
                    assert!(found.is_empty(), "{engine}");
                }
            }
            let computed = integers(computed);
            let zeros = computed.iter().filter(|&&it| it == 0).count();
            assert_eq!(expected["zero_outputs"], zeros, "{engine}");
            let bytes: Vec<u8> = computed.iter().map(|&it| it as u8).collect();
            if let Some(digest) = expected["outputs_sha256"].as_str() {
                assert_eq!(hex(&sha256(&bytes)), digest, "{engine}: {}", board.fen());
            }
        }
    }
    workshop.traces(engine, &path, &fen_file, positions, &computed);
    let (out, order) = workshop.optimize(engine, &path, &fen_file);
    let permuted = outputs(&read(engine, &out), &boards);
    for (before, after) in computed.iter().flatten().zip(permuted.iter().flatten()) {
        let (before, after) = (integers(before), integers(after));
        assert!(order.iter().zip(after).all(|(&at, it)| before[at] == *it));
    }
}

/// What an engine computed with a network of seeded random numbers, and with the same in another order.
fn recorded_by(engine: &str) -> Option<PathBuf> {
    let here = material::own(&format!("tests/engines/{engine}.json"));
    if here.exists() {
        Some(here)
    } else {
        material::shared(&format!("engines/vectors/{engine}.json"))
    }
}

/// The engines of engines-cpp.md: outputs and values of a second implementation, before and after, and what the engine
/// said where its words are the network's.
fn as_a_second_implementation(engine: &str, recorded: Option<fn(&Board, i64) -> i64>) {
    let (Some(workshop), Some(fens)) = (
        Workshop::open(),
        material::shared("engines/vectors/fens_cpp.txt"),
    ) else {
        return;
    };
    let vectors = match recorded {
        None => None,
        Some(_) => match recorded_by(engine) {
            None => return,
            Some(path) => Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()),
        },
    };
    let vectors: Value = vectors.unwrap_or_default();
    let path = workshop.make(engine, vectors["seed"].as_str().unwrap_or("1"));
    assert_eq!(only_fit(&path), engine);
    let boards = boards(&fens);
    let before = workshop.evaluate(engine, &path, &fens);
    if let Some(said) = recorded {
        for (at, position) in vectors["positions"].as_array().unwrap().iter().enumerate() {
            let value = before[at]["value"].as_f64().unwrap() as i64;
            assert_eq!(said(&boards[at], value), position["eval"], "{engine} {at}");
        }
    }
    let agree = |net: &Path, reference: &[Value]| {
        for (computed, reference) in outputs(&read(engine, net), &boards).iter().zip(reference) {
            let computed: Vec<&[i64]> = computed.iter().map(integers).collect();
            assert!(
                reference["outputs"] == serde_json::json!(computed),
                "{engine}"
            );
        }
    };
    agree(&path, &before);
    let (out, _) = workshop.optimize(engine, &path, &fens);
    let after = workshop.evaluate(engine, &out, &fens);
    agree(&out, &after);
    for (before, after) in before.iter().zip(&after) {
        let (before, after) = (&before["value"], &after["value"]);
        let difference = before.as_f64().unwrap() - after.as_f64().unwrap();
        assert!(difference.abs() < 1e-6, "{engine}: {before} {after}");
    }
}

/// Berserk's `eval` is from White's view, in hundredths of a pawn, which it takes to be 158.
fn berserks_view(board: &Board, value: i64) -> i64 {
    from_white(board, value * 100 / 158)
}

/// The `eval` of Obsidian and Reckless is from White's view.
fn from_white(board: &Board, value: i64) -> i64 {
    if board.side_to_move() == Color::White {
        value
    } else {
        -value
    }
}

/// Viridithas' `raweval` is 0 in check.
fn not_in_check(board: &Board, value: i64) -> i64 {
    if board.in_check() { 0 } else { value }
}

/// What `eval` says of the zero blocks of a seeded network, on every seventh of the first positions of a search.
fn zero_blocks(engine: &str, seed: &str) -> Option<String> {
    let workshop = Workshop::open()?;
    let positions = material::gunzip(&material::shared("data/search-positions.fens.gz")?);
    let lines = positions.split_inclusive(|&byte| byte == b'\n');
    let chosen: Vec<u8> = lines.step_by(7).take(2048).flatten().copied().collect();
    let (fens, planes) = (workshop.path("positions.fens"), workshop.path("planes"));
    std::fs::write(&fens, chosen).unwrap();
    Case::new("gather")
        .args(["--layout", engine, "--backend", "cpu"])
        .option("--net", workshop.make(engine, seed))
        .option("--data", &fens)
        .option("--out", &planes)
        .ok();
    Some(Case::new("eval").option("--data", &planes).ok().stdout)
}

/// Builds that measure counted so many blocks that are not zero in 2048 positions of two perspectives.
fn counts_as_many_zero_blocks(engine: &str, seed: &str, not_zero: u32, neurons: u32) {
    if let Some(said) = zero_blocks(engine, seed) {
        let blocks = 4096 * (neurons / 4);
        let zero = 100.0 * f64::from(blocks - not_zero) / f64::from(blocks);
        let expected = format!("Combined zeros in base matrix: {zero:.6}");
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn raphael_counts_as_many_zero_blocks() {
    counts_as_many_zero_blocks("raphael", "17", 199_095, 512);
}

#[test]
fn horsie_counts_as_many_zero_blocks() {
    counts_as_many_zero_blocks("horsie", "15", 516_471, 1024);
}

/// Halogen's build that measures, without its own order, said "Average block NNZ: 37.768%".
#[test]
fn halogen_counts_as_many_zero_blocks() {
    if let Some(said) = zero_blocks("halogen", "1") {
        let start = "Combined zeros in base matrix: ";
        let line = said.lines().find_map(|line| line.strip_prefix(start));
        let zero: f64 = line.unwrap().parse().unwrap();
        assert_eq!(format!("{:.3}", 100.0 - zero), "37.768");
    }
}

macro_rules! engines {
    ($($test:ident $call:expr;)*) => { $(#[test] fn $test() { $call })* };
}

engines! {
    akimbo as_the_engine_recorded("akimbo");
    akimbo_on_other_positions as_a_second_implementation("akimbo", Some(|_, value| value));
    alexandria as_a_second_implementation("alexandria", Some(|_, value| value));
    berserk as_a_second_implementation("berserk", Some(berserks_view));
    cinder as_the_engine_recorded("cinder");
    halogen as_a_second_implementation("halogen", Some(|_, value| value));
    hobbes as_the_engine_recorded("hobbes");
    hobbes_on_other_positions as_a_second_implementation("hobbes", Some(|_, value| value));
    horsie as_a_second_implementation("horsie", Some(|_, value| value));
    integral as_a_second_implementation("integral", Some(|_, value| value));
    minke as_a_second_implementation("minke", Some(|_, value| value));
    obsidian as_a_second_implementation("obsidian", Some(from_white));
    plentychess as_a_second_implementation("plentychess", Some(|_, value| value));
    raphael as_a_second_implementation("raphael", None);
    reckless as_the_engine_recorded("reckless");
    reckless_on_other_positions as_a_second_implementation("reckless", Some(from_white));
    stormphrax as_a_second_implementation("stormphrax", Some(|_, value| value));
    tarnished as_a_second_implementation("tarnished", Some(|_, value| value));
    viridithas as_the_engine_recorded("viridithas");
    viridithas_on_other_positions as_a_second_implementation("viridithas", Some(not_in_check));
}
