//! Pictures of networks: their numbers against numpy and engines, and pages in a real browser.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::program::Case;
use crate::common::{material, program};
use crate::report::chromium;

fn ftperm(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = program::ftperm(folder, arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {text}");
    output.stdout
}

fn picture(folder: &Path, net: &str, arguments: &[&str]) -> Value {
    let all = [&["picture", net][..], arguments, &["--json"]].concat();
    serde_json::from_slice(&ftperm(folder, &all)).unwrap()
}

/// The numbers of pictures of a network of HalfKAv2_hm against those that numpy finds in its file.
fn check_with_numpy(net: &Path, sizes: [&str; 3], pictures: &[&[&str]], expected: &str) {
    let Some(python) = material::python("numpy") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (number, what) in pictures.iter().enumerate() {
        let words = [&["--what"][..], what].concat();
        let found = picture(folder.path(), net.to_str().unwrap(), &words);
        let file = folder.path().join(format!("{number}.json"));
        std::fs::write(&file, found.to_string()).unwrap();
        files.push(file);
    }
    let script = material::own("tests/numbers_of_pictures.py");
    let output = Command::new(python)
        .arg(script)
        .arg(net)
        .args(sizes)
        .args(&files)
        .output()
        .unwrap();
    let (out, error) = (program::text(&output.stdout), program::text(&output.stderr));
    assert!(output.status.success(), "{error}");
    assert_eq!(out.trim_end(), expected);
}

#[test]
fn numbers_are_those_of_numpy() {
    check_with_numpy(
        &material::own("datasets/demo.nnue"),
        ["128", "16", "32"],
        &[
            &["inputs"],
            &["inputs", "--neurons", "0-7,60", "--king", "g2"],
            &["psqt"],
            &["psqt", "--bucket", "5", "--king", "e8"],
            &["layers"],
            &["histograms"],
        ],
        "equal: inputs 128, inputs 18, psqt 8, psqt 1, layers 8, histograms 9",
    );
    if let Some(net) = material::stockfish_net() {
        check_with_numpy(
            &net,
            ["1024", "16", "32"],
            &[
                &["inputs", "--neurons", "0,7,100-103,511"],
                &["psqt", "--king", "h4"],
            ],
            "equal: inputs 14, psqt 8",
        );
    }
}

/// Engines took down how many outputs of theirs are zero in each position.
#[test]
fn zeros_are_those_of_engines() {
    let (Some((net, vectors)), folder) =
        (material::with_vectors("demo"), tempfile::tempdir().unwrap())
    else {
        return;
    };
    let text = std::fs::read_to_string(vectors).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let fens: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["fen"].as_str())
        .collect();
    assert!(fens.len() > 50, "{}", fens.len());
    std::fs::write(folder.path().join("p.fens"), fens.join("\n")).unwrap();
    let data = ["--what", "zeros", "--no-filter", "--data", "p.fens"];
    let found = picture(folder.path(), net.to_str().unwrap(), &data);
    let zeros = &found["zeros"];
    let sum = |values: &Value| -> u64 {
        let values = values.as_array().unwrap();
        values.iter().map(|value| value.as_u64().unwrap()).sum()
    };
    let buckets = zeros["buckets"].as_array().unwrap();
    // Positions in check are no training data.
    let taken: Vec<&Value> = lines
        .iter()
        .filter(|line| line["fen"].as_str().is_some_and(|fen| !in_check(fen)))
        .collect();
    assert_eq!(zeros["positions"].as_u64().unwrap() as usize, taken.len());
    for (counts, expected) in [("neurons", "ft_zero"), ("blocks", "ft_zero4")] {
        let counted: u64 = buckets.iter().map(|bucket| sum(&bucket[counts])).sum();
        let engine: u64 = taken
            .iter()
            .map(|line| line[expected].as_u64().unwrap())
            .sum();
        assert_eq!(counted, engine, "{counts}");
    }
}

fn in_check(fen: &str) -> bool {
    use shakmaty::Position as _;
    let fen: shakmaty::fen::Fen = fen.parse().unwrap();
    let position = fen.into_position::<shakmaty::Chess>(shakmaty::CastlingMode::Chess960);
    let position = position
        .or_else(shakmaty::PositionError::ignore_too_much_material)
        .or_else(shakmaty::PositionError::ignore_impossible_check);
    position.unwrap().is_check()
}

/// What stands in a configuration file for all commands is used where it means something, and no reason to refuse.
#[test]
fn settings_for_all_commands_are_no_options_of_every_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| material::own(name).to_str().unwrap().to_string();
    let (net, data) = (
        path("datasets/demo.nnue"),
        path("datasets/selfplay.binpack"),
    );
    let settings = format!("data = [{data:?}]\ncount = 300\nbucket = 1\nsort = \"zero-rate\"\n");
    std::fs::write(folder.path().join("ftperm.toml"), settings).unwrap();
    let run = |words: &[&str]| Case::new(words[0]).args(&words[1..]).folder(folder.path());
    for words in [
        &["picture", &net, "--what", "layers", "--out", "l.svg"][..],
        &[
            "picture",
            &net,
            "--what",
            "inputs",
            "--neurons",
            "0-3",
            "--out",
            "i.svg",
        ],
        &[
            "picture",
            &net,
            &net,
            "--what",
            "histograms",
            "--out",
            "h.svg",
        ],
        &[
            "picture",
            &net,
            &net,
            "--what",
            "difference",
            "--neurons",
            "0-3",
            "--out",
            "d.svg",
        ],
        &["inspect", &net],
        &["inspect", &net, "--report", "weights.json"],
    ] {
        run(words).ok();
    }
    // On the command line they would do nothing.
    let layers = ["picture", &net, "--what", "layers", "--out", "l.svg"];
    for (option, value) in [
        ("--data", data.as_str()),
        ("--sort", "norm"),
        ("--perm", "p"),
    ] {
        let words = [&layers[..], &[option, value]].concat();
        run(&words)
            .ends_with(2)
            .says("means nothing to --what layers");
    }
    let json = ["inspect", &net, "--report", "weights.json", "--data", &data];
    run(&json).ends_with(2).says("--data is for pages");
    std::fs::remove_file(folder.path().join("ftperm.toml")).unwrap();
    let page = ["inspect", &net, "--report", "p.html", "--perm", "p"];
    run(&page)
        .ends_with(2)
        .says("zeros, which are counted on positions");
}

#[test]
fn svg_and_png_of_every_picture() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (net, data) = (
        material::own("datasets/demo.nnue"),
        material::own("datasets/selfplay.binpack"),
    );
    let (net, data) = (net.to_str().unwrap(), data.to_str().unwrap());
    let order: Vec<String> = (0..64).rev().map(|neuron| neuron.to_string()).collect();
    std::fs::write(folder.join("order.txt"), order.join("\n")).unwrap();
    ftperm(
        folder,
        &["apply", "order.txt", "--net", net, "--out", "b.nnue"],
    );
    let measured = ["--data", data, "--count", "300", "--perm", "order.txt"];
    for (what, nets, more) in [
        ("inputs", &[net][..], &["--neurons", "3"][..]),
        ("layers", &[net], &["--bucket", "7"]),
        ("histograms", &[net, "b.nnue"], &[]),
        ("psqt", &[net], &["--bucket", "0"]),
        ("difference", &[net, "b.nnue"], &["--neurons", "0-7"]),
        ("zeros", &[net], &measured),
        ("co-zeros", &[net], &measured),
    ] {
        // Small and large drawings in both forms, the others in one.
        let endings = match what {
            "inputs" => &["svg", "png"][..],
            "layers" | "psqt" => &["svg"],
            _ => &["png"],
        };
        for ending in endings {
            let out = format!("{what}.{ending}");
            let words = [&["picture"], nets, &["--what", what, "--out", &out], more].concat();
            let found = ftperm(folder, &[&words[..], &["--json"]].concat());
            check_order(&serde_json::from_slice(&found).unwrap());
            let bytes = std::fs::read(folder.join(&out)).unwrap();
            if *ending == "png" {
                let decoded = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info();
                let info = decoded.unwrap().info().size();
                assert!(info.0 > 200 && info.1 > 100, "{out}: {info:?}");
            } else {
                let text = String::from_utf8(bytes).unwrap();
                assert!(
                    text.contains("role=\"img\"") && text.contains("<title>"),
                    "{out}"
                );
            }
        }
    }
}

/// The order of the test above is reversed: differences find it again, and blocks are the reversed blocks.
fn check_order(found: &Value) {
    let difference = &found["difference"];
    if difference.is_object() {
        assert_eq!(
            (&difference["same"], &difference["moved"]),
            (&true.into(), &64.into())
        );
        assert_eq!(difference["neurons"][0]["second"], 63);
    }
    let buckets = found["zeros"]["buckets"].as_array();
    for bucket in buckets.into_iter().flatten() {
        let mut after = bucket["blocks_after"].as_array().unwrap().clone();
        after.reverse();
        assert_eq!(&Value::from(after), &bucket["blocks"]);
    }
}

#[test]
fn what_cannot_be_drawn_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let net = material::own("datasets/demo.nnue");
    let net = net.to_str().unwrap();
    for (arguments, code, part) in [
        (&["--what", "inputs"][..], 2, "--out FILE"),
        (&["--what", "inputs", "--out", "x.gif"], 2, ".svg or .png"),
        (&["--what", "zeros", "--out", "x.svg"], 2, "--data FILE"),
        (&["--what", "difference", "--json"], 2, "two networks"),
        (&["--what", "layers", "--king", "e1", "--json"], 2, "--king"),
        (
            &["--what", "psqt", "--king", "a1", "--json"],
            1,
            "files e to h",
        ),
        (&["--what", "layers", "--bucket", "8", "--json"], 1, "has 8"),
        (
            &["--what", "inputs", "--neurons", "64", "--json"],
            1,
            "has 64",
        ),
        (
            &["--what", "inputs", "--neurons", "5-4", "--json"],
            2,
            "0,3,8-15",
        ),
    ] {
        let case = program::Case::new("picture").arg(net).args(arguments);
        let error = case.folder(&folder).ends_with(code).stderr;
        assert!(error.contains(part), "{arguments:?}: {error}");
    }
    let several = program::Case::new("inspect")
        .args([net, net])
        .folder(&folder);
    let error = several.ends_with(2).stderr;
    assert!(error.contains("--report FILE.html"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Loads a page that is as wide as a phone, opens all sections, and returns what was printed to the console.
fn open_all(chromium: &Path, page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let probe = "<style>html { width: 390px }</style><script>
        document.getElementById('open-all').click();
        const wait = setInterval(() => {
          const views = [...document.querySelectorAll('[data-view]')];
          if (document.body.dataset.drawn !== 'yes' || !views.every(view => view.querySelector('canvas'))) return;
          clearInterval(wait);
          const out = [...document.querySelectorAll('body *')].filter(it =>
            !it.closest('.table') && !it.closest('svg') && it.getBoundingClientRect().right > 390.5);
          if (out.length) console.error('too wide: ' + out[0].outerHTML.slice(0, 200));
          for (const canvas of document.querySelectorAll('canvas')) {
            const { width, height } = canvas;
            const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, width, height).data.buffer);
            if (pixels.every(pixel => pixel === pixels[0])) console.error('empty: ' + canvas.ariaLabel);
          }
          document.body.dataset.probed = views.length;
        }, 50);
        </script>";
    let probed = page.with_file_name("probed.html");
    std::fs::write(&probed, text.replace("</body>", &format!("{probe}</body>"))).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=20000"])
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--window-size=500,900", "--dump-dom"])
        .arg(format!("file://{}", probed.display()))
        .output()
        .expect("Chromium starts");
    let document = String::from_utf8_lossy(&output.stdout);
    assert!(document.contains("data-drawn=\"yes\""));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(document.contains("data-probed"), "{errors}");
    let console = errors.lines().filter(|line| line.contains("CONSOLE"));
    console.map(str::to_string).collect()
}

/// The page refers to nothing outside of it.
fn check_self_contained(page: &str) {
    let outside: Vec<&str> = page
        .split(['"', '\'', '(', ')', ' '])
        .filter(|part| part.contains("://") && *part != "http://www.w3.org/2000/svg")
        .collect();
    assert_eq!(outside, [""; 0]);
    assert!(
        !page.contains("src=") && !page.contains("@import") && !page.contains("<link rel=\"style")
    );
}

#[test]
fn the_page_of_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let (net, data) = (
        material::own("datasets/demo.nnue"),
        material::own("datasets/selfplay.binpack"),
    );
    let (net, data) = (net.to_str().unwrap(), data.to_str().unwrap());
    let order: Vec<String> = (0..64).rev().map(|neuron| neuron.to_string()).collect();
    std::fs::write(folder.path().join("order.txt"), order.join("\n")).unwrap();
    let words = ["inspect", net, "--report", "page.html", "--data", data];
    let more = ["--count", "500", "--perm", "order.txt"];
    ftperm(folder.path(), &[&words[..], &more].concat());
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.len() < 15_000_000, "{}", page.len());
    check_self_contained(&page);
    for part in [
        "Input weights",
        "Bucket 7",
        "PSQT",
        "Zero rates",
        "Zero together",
        "Histograms",
    ] {
        assert!(page.contains(part), "{part}");
    }
    if let Some(chromium) = chromium() {
        assert_eq!(
            open_all(&chromium, &folder.path().join("page.html")),
            [""; 0]
        );
    }
}

#[test]
fn the_page_of_two_networks() {
    let folder = tempfile::tempdir().unwrap();
    let net = material::own("datasets/demo.nnue");
    let net = net.to_str().unwrap();
    // Another network of the same kind, and its own neurons in another order.
    let init = ["init", "HalfKAv2_hm", "a.pt", "--l1", "64", "--seed", "5"];
    ftperm(
        folder.path(),
        &[&init[..], &["--inputs", "january"]].concat(),
    );
    let init = ["init", "HalfKAv2_hm", "b.pt", "--l1", "64", "--seed", "6"];
    ftperm(
        folder.path(),
        &[&init[..], &["--inputs", "january"]].concat(),
    );
    let words = ["inspect", "a.pt", "b.pt", "--report", "page.html", "--json"];
    let found: Value = serde_json::from_slice(&ftperm(folder.path(), &words)).unwrap();
    assert_eq!(found["difference"]["same"], false);
    // They have nothing in common but what is equal by chance.
    assert_eq!(found["difference"]["moved"], 0);
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    check_self_contained(&page);
    assert!(page.contains("Difference") && page.contains("a row a network"));
    if let Some(chromium) = chromium() {
        assert_eq!(
            open_all(&chromium, &folder.path().join("page.html")),
            [""; 0]
        );
    }
    // Of different kinds: histograms alone, and why.
    ftperm(
        folder.path(),
        &["inspect", net, "a.pt", "--report", "other.html"],
    );
    let page = std::fs::read_to_string(folder.path().join("other.html")).unwrap();
    assert!(page.contains("not compared weight by weight") && page.contains("L1: 128 and 64"));
}
