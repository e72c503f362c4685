//! Networks of other engines: the shipped layouts on synthetic networks, checked by plain engines of their own.

use std::path::PathBuf;

use crate::common::material;
use crate::common::program::{Case as Run, ftperm, text};
use ftperm::chess::random_games::random_positions;

/// Numbers that look random.
fn noise(seed: u64) -> impl FnMut() -> i32 {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as i32 - (1 << 23)
    }
}

/// Pieces of a FEN: (square with a1 = 0, piece 0 to 5, is it White's), and whether White is to move.
fn parse_fen(fen: &str) -> (Vec<(usize, usize, bool)>, bool) {
    let mut fields = fen.split(' ');
    let mut pieces = Vec::new();
    for (row, line) in fields.next().unwrap().split('/').enumerate() {
        let mut file = 0;
        for letter in line.chars() {
            if let Some(empty) = letter.to_digit(10) {
                file += empty as usize;
            } else {
                let kind = "pnbrqk".find(letter.to_ascii_lowercase()).unwrap();
                pieces.push((8 * (7 - row) + file, kind, letter.is_ascii_uppercase()));
                file += 1;
            }
        }
    }
    (pieces, fields.next().unwrap() == "w")
}

fn i16_at(bytes: &[u8], index: usize) -> i64 {
    i64::from(i16::from_le_bytes([bytes[2 * index], bytes[2 * index + 1]]))
}

/// What an engine computes for a position: the outputs of each perspective, and what it makes of them.
struct Evaluated {
    outputs: Vec<Vec<i64>>,
    sums: Vec<i64>,
}

fn zero_blocks(all: &[Evaluated]) -> (usize, usize) {
    let blocks = || {
        all.iter()
            .flat_map(|it| it.outputs.iter().flat_map(|it| it.chunks(4)))
    };
    (
        blocks()
            .filter(|block| block.iter().all(|&it| it == 0))
            .count(),
        blocks().count(),
    )
}

/// The engine of layouts/bullet-simple.toml with 128 instead of 1024 neurons.
fn simple(bytes: &[u8], fen: &str) -> Evaluated {
    const N: usize = 128;
    let (pieces, white) = parse_fen(fen);
    let mut outputs = Vec::new();
    for us in [white, !white] {
        let mut sums: Vec<i64> = (0..N).map(|c| i16_at(bytes, 768 * N + c)).collect();
        for &(square, kind, is_white) in &pieces {
            let input = if is_white == us { 0 } else { 384 }
                + 64 * kind
                + if us { square } else { square ^ 56 };
            for (c, sum) in sums.iter_mut().enumerate() {
                *sum += i16_at(bytes, input * N + c);
            }
        }
        outputs.push(
            sums.iter()
                .map(|&it| it.clamp(0, 255).pow(2))
                .collect::<Vec<_>>(),
        );
    }
    let weight = |c: usize| i16_at(bytes, 768 * N + N + c);
    let sum: i64 = outputs
        .concat()
        .iter()
        .enumerate()
        .map(|(c, it)| it * weight(c))
        .sum();
    Evaluated {
        outputs,
        sums: vec![sum + weight(2 * N)],
    }
}

/// The engine of layouts/bullet-multilayer.toml with 128 instead of 1024 columns, up to the first layer.
fn multilayer(bytes: &[u8], fen: &str) -> Evaluated {
    const N: usize = 128;
    const BUCKETS: [usize; 32] = [
        0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8, 8, 9, 9, 9, 9, 9, 9,
        9, 9,
    ];
    let (pieces, white) = parse_fen(fen);
    let mut outputs = Vec::new();
    for us in [white, !white] {
        let orient = |square: usize| if us { square } else { square ^ 56 };
        let king = pieces.iter().find(|it| it.1 == 5 && it.2 == us).unwrap();
        let king = orient(king.0);
        let flip = if king % 8 > 3 { 7 } else { 0 };
        let bucket = BUCKETS[king / 8 * 4 + (king ^ flip) % 8];
        let mut sums: Vec<i64> = (0..N).map(|c| i16_at(bytes, 7680 * N + c)).collect();
        for &(square, kind, is_white) in &pieces {
            let input = 768 * bucket
                + if is_white == us { 0 } else { 384 }
                + 64 * kind
                + (orient(square) ^ flip);
            for (c, sum) in sums.iter_mut().enumerate() {
                *sum += i16_at(bytes, input * N + c);
            }
        }
        let clamped: Vec<i64> = sums.iter().map(|it| it.clamp(&0, &255)).copied().collect();
        outputs.push(
            (0..N / 2)
                .map(|j| (clamped[j] * clamped[j + N / 2]) >> 9)
                .collect::<Vec<_>>(),
        );
    }
    let first = 2 * (7680 * N + N);
    let all = outputs.concat();
    let row = |row: usize| -> i64 {
        let weights = &bytes[first + row * N..][..N];
        all.iter()
            .zip(weights)
            .map(|(it, &weight)| it * i64::from(weight as i8))
            .sum()
    };
    Evaluated {
        outputs,
        sums: (0..128).map(row).collect(),
    }
}

/// The engine of layouts/clipped-header-zstd.toml, up to the first layer; bytes are unpacked.
fn clipped(bytes: &[u8], fen: &str) -> Evaluated {
    let (pieces, white) = parse_fen(fen);
    let orient = |square: usize| if white { square } else { square ^ 56 };
    let king = pieces.iter().find(|it| it.1 == 5 && it.2 == white).unwrap();
    let flip = if orient(king.0) % 8 <= 3 { 7 } else { 0 };
    let bias = &bytes[32..];
    let weights = &bytes[32 + 512..];
    let mut sums: Vec<i64> = (0..256).map(|c| i16_at(bias, c)).collect();
    for &(square, kind, is_white) in &pieces {
        let plane = if kind == 5 {
            10
        } else {
            2 * kind + usize::from(is_white != white)
        };
        let input = 64 * plane + (orient(square) ^ flip ^ 56);
        for (c, sum) in sums.iter_mut().enumerate() {
            *sum += i64::from(weights[704 * c + input] as i8);
        }
    }
    let outputs: Vec<i64> = sums.iter().map(|it| *it.clamp(&0, &127)).collect();
    let first = &weights[256 * 704..];
    let row = |row: usize| -> i64 {
        let weight = |c: usize| i64::from(first[(c / 4 * 32 + row) * 4 + c % 4] as i8);
        outputs
            .iter()
            .enumerate()
            .map(|(c, it)| it * weight(c))
            .sum()
    };
    Evaluated {
        sums: (0..32).map(row).collect(),
        outputs: vec![outputs],
    }
}

/// `(layout file, what to replace in it, values of i16 weights before i8 and other bytes, engine)`.
struct Case {
    layout: &'static str,
    smaller: &'static [(&'static str, &'static str)],
    /// 16-bit weights (with their size), then bytes.
    file: fn() -> Vec<u8>,
    engine: fn(&[u8], &str) -> Evaluated,
    packed: bool,
}

fn shorts(count: usize, size: i32, noise: &mut impl FnMut() -> i32) -> Vec<u8> {
    (0..count)
        .flat_map(|_| ((noise() % size) as i16).to_le_bytes())
        .collect()
}

fn bytes(count: usize, noise: &mut impl FnMut() -> i32) -> Vec<u8> {
    (0..count).map(|_| (noise() >> 5) as u8).collect()
}

/// What bullet appends.
fn pad(mut file: Vec<u8>) -> Vec<u8> {
    let missing = file.len().next_multiple_of(64) - file.len();
    file.extend(b"bullet".iter().cycle().take(missing));
    file
}

const CASES: [Case; 3] = [
    Case {
        layout: "bullet-simple.toml",
        smaller: &[("1024]", "128]"), ("[2048]", "[256]")],
        file: || {
            let mut noise = noise(1);
            pad(shorts(768 * 128 + 128 + 256 + 1, 40, &mut noise))
        },
        engine: simple,
        packed: false,
    },
    Case {
        layout: "bullet-multilayer.toml",
        smaller: &[("1024]", "128]")],
        file: || {
            let mut noise = noise(2);
            let mut file = shorts(7680 * 128 + 128, 70, &mut noise);
            // The first layer; then floats, which may be any bytes.
            file.extend(bytes(
                128 * 128 + 4 * (128 + 4096 + 256 + 256 + 8),
                &mut noise,
            ));
            pad(file)
        },
        engine: multilayer,
        packed: false,
    },
    Case {
        layout: "clipped-header-zstd.toml",
        smaller: &[],
        file: || {
            let mut noise = noise(3);
            let mut file = b"CNET".to_vec();
            file.extend(bytes(28, &mut noise));
            file.extend(shorts(256, 300, &mut noise));
            file.extend((0..256 * 704).map(|_| (noise() % 40) as u8));
            file.extend(bytes(64 * 32 * 4 + 260 + 8, &mut noise));
            file
        },
        engine: clipped,
        packed: true,
    },
];

struct Material {
    folder: tempfile::TempDir,
    fens: Vec<String>,
    net: Vec<u8>,
}

impl Case {
    /// A network of this shape, its layout and some positions in a folder.
    fn material(&self) -> Material {
        let folder = tempfile::tempdir().unwrap();
        let mut layout =
            std::fs::read_to_string(material::own("layouts").join(self.layout)).unwrap();
        for (from, to) in self.smaller {
            assert!(layout.contains(from), "{from}");
            layout = layout.replace(from, to);
        }
        std::fs::write(folder.path().join("net.toml"), layout).unwrap();
        let net = (self.file)();
        let stored = if self.packed {
            zstd::encode_all(&net[..], 3).unwrap()
        } else {
            net.clone()
        };
        std::fs::write(folder.path().join("net.bin"), stored).unwrap();
        let fens: Vec<String> = random_positions(6, 80).iter().map(|it| it.fen()).collect();
        std::fs::write(folder.path().join("positions.fen"), fens.join("\n")).unwrap();
        Material { folder, fens, net }
    }

    fn unpacked(&self, path: PathBuf) -> Vec<u8> {
        let file = std::fs::read(path).unwrap();
        if self.packed {
            zstd::decode_all(&file[..]).unwrap()
        } else {
            file
        }
    }

    fn evaluate(&self, net: &[u8], fens: &[String]) -> Vec<Evaluated> {
        fens.iter().map(|fen| (self.engine)(net, fen)).collect()
    }
}

#[test]
fn the_shipped_layouts_describe_what_they_say() {
    for entry in std::fs::read_dir(material::own("layouts")).unwrap() {
        let path = entry.unwrap().path();
        let layout = ftperm::nets::described::Layout::read(&path).unwrap();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if ftperm::nets::described::BuiltIn::find(stem).is_some() {
            // tests/it/engines.rs
            continue;
        }
        let expected = match path.file_name().unwrap().to_str().unwrap() {
            "clipped-header-zstd.toml" => (256, 704),
            "demo-raw.toml" => (64, 22528),
            other => panic!("{other} is not tested"),
        };
        assert_eq!((layout.neurons(), layout.input().features()), expected);
    }
}

#[test]
fn optimize_apply_and_verify() {
    for case in &CASES {
        let Material { folder, fens, net } = case.material();
        let folder = folder.path();
        let common = ["--layout", "net.toml", "--data", "positions.fen"];
        let output = ftperm(
            folder,
            &[
                &[
                    "optimize", "--net", "net.bin", "--out", "out.bin", "--perm", "perm.txt",
                    "--json",
                ][..],
                &["--holdout", "0", "--backend", "cpu", "--effort", "quick"],
                &["--report", "run.html"],
                &common,
            ]
            .concat(),
        );
        let said = text(&output.stderr);
        assert!(output.status.success(), "{}: {said}", case.layout);
        assert!(
            said.contains("verified under the layout: the same neurons in another order"),
            "{said}"
        );
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();

        // The engine computes the same with both, and counts the blocks that the report says.
        let permuted = case.unpacked(folder.join("out.bin"));
        let (before, after) = (case.evaluate(&net, &fens), case.evaluate(&permuted, &fens));
        let measured = &report["measures"];
        let opponent = &measured["searched"]["opponent"];
        assert_eq!(opponent.is_null(), before[0].outputs.len() == 1);
        assert!(
            before.iter().zip(&after).all(|(a, b)| a.sums == b.sums),
            "{}",
            case.layout
        );
        assert!(before.iter().any(|it| it.sums.iter().any(|&sum| sum != 0)));
        for (evaluated, name) in [(&before, "before"), (&after, "after")] {
            let (zero, all) = zero_blocks(evaluated);
            let rate = report["zero_block_rate"][name].as_f64().unwrap();
            assert!(
                (rate - zero as f64 / all as f64).abs() < 1e-12,
                "{}: {zero} of {all}, {rate}",
                case.layout
            );
            let read = measured["nonzero_blocks"]["mean"][name].as_f64().unwrap();
            assert!((read - (all - zero) as f64 / fens.len() as f64).abs() < 1e-9);
        }
        assert!(
            zero_blocks(&after).0 > zero_blocks(&before).0,
            "{}",
            case.layout
        );

        // The permutation file alone gives the same file again, and back.
        let apply = |arguments: &[&str]| {
            let all = [&["apply", "perm.txt", "--layout", "net.toml"], arguments].concat();
            let output = ftperm(folder, &all);
            assert!(output.status.success(), "{}", text(&output.stderr));
        };
        apply(&["--net", "net.bin", "--out", "again.bin"]);
        apply(&["--net", "out.bin", "--out", "back.bin", "--inverse"]);
        assert_eq!(
            std::fs::read(folder.join("again.bin")).unwrap(),
            std::fs::read(folder.join("out.bin")).unwrap()
        );
        assert_eq!(case.unpacked(folder.join("back.bin")), net);

        let verify = |b: &str| ftperm(folder, &[&["verify", "net.bin", b][..], &common].concat());
        let output = verify("out.bin");
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).starts_with("the same neurons in another order; "));
        // A weight of a pawn on a white pawn's square e2 changed.
        let mut damaged = permuted.clone();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        let stored = if case.packed {
            zstd::encode_all(&damaged[..], 3).unwrap()
        } else {
            damaged
        };
        std::fs::write(folder.join("damaged.bin"), stored).unwrap();
        let output = verify("damaged.bin");
        assert_eq!(output.status.code(), Some(1));
        assert!(
            text(&output.stderr).contains(&format!("they differ at byte {last}, in the footer")),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_network_of_stockfish_under_a_layout_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let identity: String = (0..64).map(|it| format!("{it}\n")).collect();
    std::fs::write(folder.join("identity.txt"), identity).unwrap();
    let own = |path: &str| material::own(path).to_str().unwrap().to_string();
    let (demo, layout, data) = (
        own("datasets/demo.nnue"),
        own("layouts/demo-raw.toml"),
        own("datasets/selfplay.binpack"),
    );
    let run = |arguments: &[&str]| {
        let output = ftperm(folder, arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        output.stdout
    };
    let raw = ["--ft-compression", "none"];
    run(&[
        &["apply", "identity.txt", "--net", &demo, "--out", "raw.nnue"][..],
        &raw,
    ]
    .concat());
    let optimize = |arguments: &[&str]| -> serde_json::Value {
        let common = [
            "optimize",
            "--data",
            &data,
            "--count",
            "3000",
            "--backend",
            "cpu",
            "--json",
            "--report",
            "run.html",
        ];
        serde_json::from_slice(&run(&[&common[..], arguments].concat())).unwrap()
    };
    let known = optimize(&[&["--net", "raw.nnue", "--out", "known.nnue"][..], &raw].concat());
    let described = optimize(&[
        "--net",
        "raw.nnue",
        "--out",
        "described.nnue",
        "--layout",
        &layout,
    ]);
    for part in [
        "zero_rate",
        "zero_block_rate",
        "holdout_by_positions",
        "buckets",
        "samples",
        "blocks",
        "moves",
        "curve",
        "measures",
    ] {
        assert!(!known[part].is_null(), "{part}");
        assert_eq!(known[part], described[part], "{part}");
    }
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(read("known.nnue") == read("described.nnue"));

    // Weights by game phase, planes for other machines, and the warning of a permutation of another network.
    let weighed = ["--weight", "0=0,7=2", "--net", "raw.nnue", "--out"];
    let known = optimize(&[&weighed[..], &["known.nnue"], &raw].concat());
    let described = optimize(&[&weighed[..], &["described.nnue", "--layout", &layout]].concat());
    for part in ["weighted_zero_block_rate", "buckets", "moves"] {
        assert!(!known[part].is_null(), "{part}");
        assert_eq!(known[part], described[part], "{part}");
    }
    assert!(read("known.nnue") == read("described.nnue"));
    let gather = [
        "gather", "--net", "raw.nnue", "--data", &data, "--count", "2000", "--out",
    ];
    run(&[&gather[..], &["known.ftzp"]].concat());
    run(&[&gather[..], &["described.ftzp", "--layout", &layout]].concat());
    // The samples may stand in another order.
    let [known, described] = ["known.ftzp", "described.ftzp"].map(|planes| {
        let found = run(&["find", "--data", planes, "--out", "found.txt", "--json"]);
        let mut found: serde_json::Value = serde_json::from_slice(&found).unwrap();
        found["peak_rss_bytes"].take();
        (
            found,
            std::fs::read_to_string(folder.join("found.txt")).unwrap(),
        )
    });
    assert_eq!(known, described);
    let apply = ["apply", "found.txt", "--layout", &layout, "--net"];
    let own_net = ftperm(
        folder,
        &[&apply[..], &["raw.nnue", "--out", "a.nnue"]].concat(),
    );
    let other_net = ftperm(
        folder,
        &[&apply[..], &["known.nnue", "--out", "b.nnue"]].concat(),
    );
    let warned = |output: &std::process::Output| text(&output.stderr).contains("was made for");
    assert!(own_net.status.success() && !warned(&own_net));
    assert!(other_net.status.success() && warned(&other_net));
}

/// A network whose feature transformer is stored in lane order is noticed, where its weights show it.
#[test]
fn lane_orders_are_noticed() {
    use ftperm::nets::described::{LANE_ORDERS, lane_order_suspicion};
    let Some(path) = material::shared("nets/nn-1a298aa575a0.nnue") else {
        return;
    };
    let net = ftperm::nets::stockfish::Network::read(&path, &Default::default()).unwrap();
    let boards = random_positions(3, 300);
    let planes = ftperm::planes::matrix::gather(
        &net,
        &boards,
        ftperm::planes::matrix::ZeroRule::Floor,
        |_| {},
    );
    let neurons = planes.neurons();
    let zeros: Vec<f64> = planes.zero_counts().iter().map(|&it| it as f64).collect();
    let mut sizes = vec![0.0; neurons];
    for first in net.stacks.iter().map(|stack| &stack.layers[0]) {
        for row in first.weights.chunks_exact(first.padded_inputs) {
            for (input, &weight) in row[..first.inputs].iter().enumerate() {
                sizes[input % neurons] += f64::from(weight).abs();
            }
        }
    }
    assert_eq!(lane_order_suspicion(&zeros, &sizes), None);
    for order in LANE_ORDERS {
        let mut stored = vec![0.0; neurons];
        for (input, &zeros) in zeros.iter().enumerate() {
            stored[order.column(input)] = zeros;
        }
        assert_eq!(lane_order_suspicion(&stored, &sizes), Some(order));
    }
}

#[test]
fn what_is_wrong_is_said() {
    let Material { folder, .. } = CASES[0].material();
    let folder = folder.path();
    std::fs::write(folder.join("bad.toml"), "format = 1\nname = 3\n").unwrap();
    std::fs::write(folder.join("short.bin"), [0; 100]).unwrap();
    std::fs::write(folder.join("four.txt"), "0\n1\n2\n3\n").unwrap();
    let optimize = ["optimize", "--data", "positions.fen", "--out", "out.bin"];
    for (arguments, code, part) in [
        (
            &["--layout", "bad.toml", "--net", "net.bin"][..],
            1,
            "bad.toml: line 2: invalid type",
        ),
        (
            &["--layout", "none.toml", "--net", "net.bin"],
            1,
            "none.toml",
        ),
        (
            &["--layout", "net.toml", "--net", "short.bin"],
            1,
            "short.bin: the layout describes 197440 bytes, the file has 100",
        ),
        (&["--layout", "net.toml"], 2, "name it with --net"),
        (
            &[
                "--layout",
                "net.toml",
                "--net",
                "net.bin",
                "--description",
                "x",
            ],
            2,
            "not for --layout",
        ),
        (
            &["--layout", "net.toml", "--net", "net.bin", "--clamp", "127"],
            2,
            "cannot be used with",
        ),
    ] {
        let output = ftperm(folder, &[&optimize[..], arguments].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(part), "`{part}` is not in: {said}");
        assert!(!folder.join("out.bin").exists());
    }
    for arguments in [
        &["apply", "four.txt", "--out", "out.bin"][..],
        &[&optimize[..], &["--start", "four.txt"]].concat(),
    ] {
        let net = ["--layout", "net.toml", "--net", "net.bin"];
        let output = ftperm(folder, &[arguments, &net].concat());
        let said = text(&output.stderr);
        let part = "four.txt: the permutation has 4 entries, the network needs 128";
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

#[test]
fn layouts_are_listed_and_printed() {
    let listed = Run::new("layouts").ok().stdout;
    let header = "name                   engine                    inputs";
    assert!(listed.starts_with(header), "{listed}");
    let row = listed.lines().find(|line| line.starts_with("obsidian"));
    let words: Vec<&str> = row.unwrap().split_whitespace().collect();
    let expected = [
        "obsidian", "Obsidian", "768x13", "mirrored", "768", "30905920", "44239cc",
    ];
    assert_eq!(words, expected);
    let json = Run::new("layouts").arg("--json").ok().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rows = json["layouts"].as_array().unwrap();
    assert_eq!(rows.len() + 1, listed.lines().count());

    let file = std::fs::read_to_string(material::own("layouts/obsidian.toml")).unwrap();
    assert_eq!(Run::new("layouts").arg("obsidian").ok().stdout, file);
    let one = Run::new("layouts").args(["Obsidian", "--json"]).ok().stdout;
    let one: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!((&one["toml"], &one["neurons"]), (&file.into(), &768.into()));
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    let nearest =
        "no layout has the name obsidan, the nearest is obsidian; `ftperm layouts` lists them";
    let said = Run::new("layouts").arg("obsidan").ends_with(2).stderr;
    assert!(said.contains(nearest), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let run = |layout: &str| {
        let case = Run::new("optimize").folder(folder.path());
        case.args(["--layout", layout, "--net", "net.bin", "--data", "none.fen"])
    };
    let said = run("obsidan").ends_with(2).stderr;
    assert!(said.contains(nearest), "{said}");
    let said = run("zzz").ends_with(2).stderr;
    assert!(said.contains("no layout has the name zzz; "), "{said}");
    // Paths are files: with a slash, with this end, or because they are there.
    for path in ["./obsidian", "obsidan.toml"] {
        let said = run(path).ends_with(1).stderr;
        assert!(said.contains("No such file"), "{said}");
    }
    std::fs::write(folder.path().join("obsidian"), "format = 7").unwrap();
    let said = run("obsidian").ends_with(1).stderr;
    assert!(said.contains("obsidian: line 1"), "{said}");
}

/// A network of bullet's simplest example is taken without --layout; what looks like one only by its length is not.
#[test]
fn a_network_that_fits_one_layout_needs_no_option() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut noise = noise(11);
    let net = pad(shorts(768 * 1024 + 1024 + 2048 + 1, 40, &mut noise));
    std::fs::write(path("net.bin"), &net).unwrap();
    let fens: Vec<String> = random_positions(6, 30).iter().map(|it| it.fen()).collect();
    std::fs::write(path("positions.fen"), fens.join("\n")).unwrap();
    let recognised = "net.bin is recognised as a network of bullet, simplest example (--layout bullet-simple) by its \
                      length of 1579072 bytes, biases of -39 to 39, bullet's padding; no other layout fits";
    let ftperm = |command: &str, arguments: &[&str]| {
        Run::new(command).folder(folder.path()).args(arguments).ok()
    };
    let common = [
        "--data",
        "positions.fen",
        "--holdout",
        "0",
        "--effort",
        "quick",
        "--force",
    ];
    let optimize = |out: &str, more: &[&str]| {
        let named = ["--net", "net.bin", "--out", out, "--perm", "perm.txt"];
        ftperm("optimize", &[&named[..], &common, more].concat()).stderr
    };
    let said = optimize("out.bin", &[]);
    assert!(said.contains(recognised), "{said}");
    let said = optimize("named.bin", &["--layout", "bullet-simple"]);
    assert!(!said.contains("recognised"), "{said}");
    let out = std::fs::read(path("out.bin")).unwrap();
    assert!(out == std::fs::read(path("named.bin")).unwrap() && out != net);

    let said = ftperm(
        "apply",
        &["perm.txt", "--net", "net.bin", "--out", "again.bin"],
    )
    .stderr;
    assert!(said.contains(recognised), "{said}");
    assert!(out == std::fs::read(path("again.bin")).unwrap());
    let done = ftperm("verify", &["net.bin", "out.bin"]);
    assert!(done.stderr.contains(recognised), "{}", done.stderr);
    assert!(done.stdout.starts_with("the same neurons in another order"));

    let done = ftperm("inspect", &["net.bin"]);
    assert!(done.stderr.contains(recognised), "{}", done.stderr);
    assert!(
        done.stdout.starts_with("network       bullet simple, "),
        "{}",
        done.stdout
    );
    let done = ftperm(
        "inspect",
        &["net.bin", "--layout", "bullet-simple", "--json"],
    );
    let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(
        (&json["kind"], &json["neurons"]),
        (&"described".into(), &1024.into())
    );

    // Biases as no trained network has them.
    let mut other = net.clone();
    let bias = 2 * 768 * 1024;
    other[bias..bias + 2].copy_from_slice(&i16::MAX.to_le_bytes());
    std::fs::write(path("other.bin"), &other).unwrap();
    let case = Run::new("optimize").folder(folder.path()).args(common);
    let said = case
        .args(["--net", "other.bin", "--out", "x.bin"])
        .ends_with(1)
        .stderr;
    assert!(said.contains("no network in it"), "{said}");
}

/// As networks of Stockfish, and found by the digest that the order was made for.
#[test]
fn another_engines_network_is_permuted_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let read = |name: &str| std::fs::read(path(name)).unwrap();
    let net = pad(shorts(768 * 1024 + 1024 + 2048 + 1, 40, &mut noise(12)));
    std::fs::write(path("net.bin"), &net).unwrap();
    let fens: Vec<String> = random_positions(6, 30).iter().map(|it| it.fen()).collect();
    std::fs::write(path("positions.fen"), fens.join("\n")).unwrap();
    let run = |line: &str| {
        Run::new(line.split(' ').next().unwrap())
            .folder(folder.path())
            .args(line.split(' ').skip(1))
    };
    let data = "--data positions.fen --holdout 0 --effort quick --force";
    run(&format!(
        "optimize --net net.bin --out out.bin --perm perm.txt {data}"
    ))
    .ok();
    let out = read("out.bin");
    assert!(out != net);
    let layout = " --layout bullet-simple";
    for (at, layout) in ["", layout, "", layout].into_iter().enumerate() {
        std::fs::write(path("in-place.bin"), &net).unwrap();
        run(&match at {
            0 | 1 => format!("apply perm.txt --net in-place.bin --out in-place.bin{layout}"),
            _ => format!("optimize --net in-place.bin --out in-place.bin {data}{layout}"),
        })
        .ok();
        assert!(read("in-place.bin") == out, "{at}");
    }
    // The only file with that digest is net.bin.
    let said = run("apply perm.txt --out found.bin").ok().stderr;
    assert!(said.contains("net.bin is recognised"), "{said}");
    assert!(read("found.bin") == out);
    let same = "are the same file, net.bin, which would be overwritten";
    let refused = |line: &str, part: &str| run(line).ends_with(2).says(part);
    refused(
        &format!("optimize --net net.bin --perm net.bin {data}"),
        same,
    );
    std::fs::write(path("other.bin"), &net[64..]).unwrap();
    refused(
        "apply perm.txt --net other.bin --out other.bin",
        "are the same file, other.bin",
    );
    std::fs::remove_file(path("net.bin")).unwrap();
    let missing = run("apply perm.txt --out found.bin").ends_with(1);
    missing.says("no network with SHA-256");
    assert!(read("found.bin") == out);
}

/// Without a role the weights of columns stay where they are, and nobody would see that the network is broken.
#[test]
fn a_tensor_that_was_forgotten_is_warned_of() {
    let Material { folder, .. } = CASES[1].material();
    let folder = folder.path();
    let text = std::fs::read_to_string(folder.join("net.toml")).unwrap();
    let text = text.replacen("shape = [8, 32, 16]", "shape = [8, 4, 128]", 1);
    let run = |text: &str| {
        std::fs::write(folder.join("net.toml"), text).unwrap();
        let case = Run::new("inspect").folder(folder);
        case.args(["net.bin", "--layout", "net.toml"]).ok().stderr
    };
    let said = run(&text);
    let part = "warning: the layout gives tensor l2w no role, but it has an axis of as many places as there are";
    assert!(said.contains(part), "{said}");
    let said = run(&text.replacen("name = \"l2w\"", "name = \"l2w\"\nrole = \"other\"", 1));
    assert!(!said.contains("warning"), "{said}");
}
