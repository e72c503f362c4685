//! Reports: what they hold, and the page made from them, in a real browser.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ftperm::report::{Report, page};
use serde_json::Value;

use crate::common::{material, program};

fn ftperm(folder: &Path, arguments: &[&str]) -> Output {
    let output = program::ftperm(folder, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        program::text(&output.stderr)
    );
    output
}

/// Runs `optimize` on the demo network and returns its report.
fn optimize(folder: &Path, more: &[&str]) -> Value {
    let (net, data) = (
        material::own("datasets/demo.nnue"),
        material::own("datasets/selfplay.binpack"),
    );
    let mut arguments = vec![
        "optimize",
        "--net",
        net.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
        "--count",
        "3000",
        "--effort",
        "quick",
        "--out",
        "out.nnue",
        "--perm",
        "out.perm.txt",
        "--json",
    ];
    arguments.extend(more);
    serde_json::from_slice(&ftperm(folder, &arguments).stdout).unwrap()
}

pub fn chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|file| file.is_file());
    found.or_else(|| material::missing("chromium"))
}

/// Loads a page and returns the document as it is then, and what was printed to the console.
fn load(chromium: &Path, page: &Path) -> (String, Vec<String>) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
        ])
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--window-size=500,900", "--dump-dom"])
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("Chromium starts");
    let console = String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .map(str::to_string)
        .collect();
    (String::from_utf8(output.stdout).unwrap(), console)
}

/// Loads a page as it is, and once more as wide as a phone, where nothing may stick out.
fn check_in_browser(chromium: &Path, page: &Path) {
    let text = std::fs::read_to_string(page).unwrap();
    let (document, console) = load(chromium, page);
    assert!(document.contains("Made by ftperm"), "{document}");
    assert_eq!(console, [""; 0]);

    // Chromium opens no window as narrow as a phone, so the page is made narrow in it.
    let probe = "<style>html { width: 360px }</style><script>
        const out = [...document.querySelectorAll('body *')].filter(it =>
            !it.closest('.table') && !it.closest('svg') && it.getBoundingClientRect().right > 360.5);
        if (out.length) console.error('too wide: ' + out[0].outerHTML.slice(0, 200));
        document.body.dataset.probed = 'yes';
        </script>";
    let narrow = page.with_file_name("narrow.html");
    std::fs::write(&narrow, text.replace("</body>", &format!("{probe}</body>"))).unwrap();
    let (document, console) = load(chromium, &narrow);
    assert!(document.contains("data-probed=\"yes\""), "{document}");
    assert_eq!(console, [""; 0]);
}

/// The page refers to nothing outside of it.
fn check_self_contained(page: &str) {
    let outside: Vec<&str> = page
        .split(['"', '\'', '(', ')', ' '])
        .filter(|part| part.contains("://") && *part != "http://www.w3.org/2000/svg")
        .collect();
    assert_eq!(outside, [""; 0]);
    assert!(!page.contains("<script") && !page.contains("@import"));
}

/// What those who do not see it are told: a language, a name for every picture and every column.
fn check_can_be_heard(page: &str) {
    assert!(page.contains("<html lang=\"en\">") && page.matches("<h1>").count() == 1);
    let pictures: Vec<&str> = page.split("<svg ").skip(1).collect();
    assert!(!pictures.is_empty());
    for picture in pictures {
        let (head, body) = picture.split_once('>').unwrap();
        assert!(head.contains("role=\"img\""), "{head}");
        let title = body
            .strip_prefix("<title>")
            .unwrap()
            .split_once("</title>")
            .unwrap();
        assert!(title.0.len() > 10, "{}", title.0);
    }
    assert!(!page.contains("<th scope=\"col\"></th>"));
}

#[test]
fn a_run_and_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A name that would break a page that does not escape it.
    let name = "a <b>&\"' c.html";
    let report = optimize(
        folder,
        &["--certify", "--report", "run.json", "--description", "x"],
    );
    assert_eq!(
        (&report["kind"], &report["schema"]),
        (&"optimize".into(), &1.into())
    );
    let file = std::fs::read(folder.join("run.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&file).unwrap(), report);

    // So few positions are all measured, by other code than the rates.
    let measures = &report["measures"];
    let rates = &report["zero_block_rate"];
    assert_eq!(measures["searched"]["all"]["before"], rates["before"]);
    assert_eq!(measures["searched"]["all"]["after"], rates["after"]);
    assert_eq!(
        measures["held_out"]["all"]["before"],
        rates["holdout_before"]
    );
    assert_eq!(measures["held_out"]["all"]["after"], rates["holdout_after"]);
    // The parts make the whole: buckets, and the mean number of blocks that are read.
    let number = |value: &Value| value.as_f64().unwrap();
    let all = |part: &str, when: &str| {
        let part = &measures[part];
        let buckets = part["buckets"].as_array().unwrap();
        let sum: f64 = buckets
            .iter()
            .map(|it| number(&it["positions"]) * number(&it["rate"][when]))
            .sum();
        let sides = number(&part["side_to_move"][when]) + number(&part["opponent"][when]);
        let all = number(&part["all"][when]);
        assert!((sum / number(&part["positions"]) - all).abs() < 1e-12);
        assert!((sides / 2.0 - all).abs() < 1e-12);
        (number(&part["positions"]), all)
    };
    for when in ["before", "after"] {
        let (searched, held) = (all("searched", when), all("held_out", when));
        assert_eq!(searched.0 + held.0, 3000.0);
        let rate = (searched.0 * searched.1 + held.0 * held.1) / 3000.0;
        let mean = number(&measures["nonzero_blocks"]["mean"][when]);
        assert!((mean - 32.0 * (1.0 - rate)).abs() < 1e-9, "{mean} {rate}");
        let counts = measures["nonzero_blocks"]["counts"][when]
            .as_array()
            .unwrap();
        assert_eq!(counts.iter().map(number).sum::<f64>(), 3000.0);
    }
    // The course ends where the search ended.
    let last = report["curve"]["points"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    assert_eq!(last["rate"], rates["after"]);
    let rounds = report["moves"].as_object().unwrap().values();
    assert_eq!(
        last["rounds"].as_u64().unwrap(),
        rounds.map(|it| it["rounds"].as_u64().unwrap()).sum::<u64>()
    );

    ftperm(folder, &["report", "run.json", "--out", name]);
    let page = std::fs::read_to_string(folder.join(name)).unwrap();
    check_self_contained(&page);
    check_can_be_heard(&page);
    for part in [
        "By perspective and bucket",
        "Search",
        "Neurons",
        "bucket 7",
        "half swaps",
        // As the run's last lines say it.
        "proved",
        "every weight is the input&#x27;s, in the new order; and same outputs in all buckets on",
    ] {
        assert!(page.contains(part), "{part}");
    }
    if let Some(chromium) = chromium() {
        let plain = folder.join("page.html");
        std::fs::copy(folder.join(name), &plain).unwrap();
        check_in_browser(&chromium, &plain);
        // The check itself notices errors.
        let broken = folder.join("broken.html");
        std::fs::write(
            &broken,
            page.replace("</body>", "<script>nothing()</script></body>"),
        )
        .unwrap();
        assert_eq!(load(&chromium, &broken).1.len(), 1);
    }
}

#[test]
fn without_a_report_nothing_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let report = optimize(folder.path(), &["--holdout", "0"]);
    assert_eq!(
        (&report["measures"], &report["curve"]),
        (&Value::Null, &Value::Null)
    );
    // And without held-out positions there is a page all the same.
    let at_once = optimize(folder.path(), &["--holdout", "0", "--report", "page.HTML"]);
    assert_eq!(at_once["measures"]["held_out"], Value::Null);
    let page = std::fs::read_to_string(folder.path().join("page.HTML")).unwrap();
    check_self_contained(&page);
    check_can_be_heard(&page);
    std::fs::write(folder.path().join("r.json"), report.to_string()).unwrap();
    ftperm(folder.path(), &["report", "r.json"]);
    assert!(folder.path().join("r.html").exists());
}

#[test]
fn weights_of_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let net = material::own("datasets/demo.nnue");
    let net = net.to_str().unwrap();
    ftperm(folder.path(), &["inspect", net, "--report", "w.json"]);
    ftperm(
        folder.path(),
        &["serialize", net, "copy.nnue", "--report", "w.html"],
    );
    let report: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("w.json")).unwrap()).unwrap();
    assert_eq!(
        (&report["kind"], &report["l1"]),
        (&"weights".into(), &128.into())
    );
    let tensors = report["tensors"].as_array().unwrap();
    for tensor in tensors {
        let counts = tensor["histogram"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_u64().unwrap());
        assert_eq!(
            counts.sum::<u64>(),
            tensor["values"].as_u64().unwrap(),
            "{tensor}"
        );
    }
    // HalfKAv2_hm has 22,528 features.
    assert!(tensors.iter().any(|it| it["values"] == 22_528 * 128));
    let page = std::fs::read_to_string(folder.path().join("w.html")).unwrap();
    check_self_contained(&page);
    check_can_be_heard(&page);
    assert!(page.contains("copy.nnue") && page.contains("first layer weights"));
    if let Some(chromium) = chromium() {
        check_in_browser(&chromium, &folder.path().join("w.html"));
    }
}

#[test]
fn what_is_no_report_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |text: &str, part: &str| {
        std::fs::write(folder.path().join("r.json"), text).unwrap();
        let done = program::Case::new("report").arg("r.json").folder(&folder);
        let error = done.ends_with(1).stderr;
        assert!(error.contains("r.json") && error.contains(part), "{error}");
        assert!(!folder.path().join("r.html").exists());
    };
    refused("", "not a report");
    refused("[1, 2]", "not a report");
    refused("{\"a\": 1}", "not a report");
    refused("{\"schema\": 1, \"kind\": \"optimize\"}", "missing field");
    refused("{\"schema\": 77}", "schema 77");
    let mut report = optimize(folder.path(), &["--report", "r.json"]);
    report["measures"]["searched"]["all"]["after"] = "much".into();
    refused(&report.to_string(), "much");
    report["measures"]["searched"]["all"]["after"] = 1.5.into();
    refused(&report.to_string(), "out of range");
}

/// Whatever number is changed, a report is refused or drawn.
#[test]
fn changed_reports_are_no_danger() {
    let folder = tempfile::tempdir().unwrap();
    optimize(folder.path(), &["--report", "r.json"]);
    let report: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("r.json")).unwrap()).unwrap();
    let mut paths = Vec::new();
    numbers(&report, String::new(), &mut paths);
    assert!(paths.len() > 60, "{paths:?}");
    let mut drawn = 0;
    for path in &paths {
        for value in [Value::from(0), Value::from(u64::MAX), Value::from(1e300)] {
            let mut changed = report.clone();
            *changed.pointer_mut(path).unwrap() = value;
            if let Ok(report) = Report::from_json(changed.to_string().as_bytes()) {
                // Those that are drawn take time: every fifth will do.
                if drawn % 5 == 0 {
                    page(&report).unwrap_or_else(|error| panic!("{path}: {error}"));
                }
                drawn += 1;
            }
        }
    }
    assert!(drawn > 20, "{drawn}");
}

/// JSON pointers to all numbers, of arrays to the first.
fn numbers(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(path),
        Value::Array(items) => {
            if let Some(first) = items.first() {
                numbers(first, format!("{path}/0"), found);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                numbers(value, format!("{path}/{}", name.replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

#[test]
fn lines_instead_of_bars_where_there_is_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let text = |more: &[&str]| {
        let arguments = [&["inspect", "-v"], more].concat();
        let net = material::own("datasets/demo.nnue");
        let output = ftperm(
            folder.path(),
            &[&arguments[..], &[net.to_str().unwrap()]].concat(),
        );
        String::from_utf8(output.stderr).unwrap()
    };
    let log = text(&[]);
    assert!(
        log.contains("INFO network read era=\"small127\" l1=128"),
        "{log}"
    );
    assert!(!log.contains('\u{1b}'), "{log}");
    assert!(!log.contains("DEBUG"), "{log}");
    let log = text(&["-v"]);
    assert!(log.contains("DEBUG ftperm::nets::stockfish"), "{log}");
}
