//! `ftperm batch` as a scheduler runs it: again and again, killed, twice at once, with jobs that fail.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ftperm::files::digest::{hex, sha256};
use ftperm::nets::stockfish::{Network, ReadOptions};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::material;
use crate::common::program::Case;

const DEFAULTS: &str = r#"
[defaults]
data = "selfplay.binpack"
count = 300
holdout = 0
effort = "quick"
backend = "cpu"
"#;

/// A folder with data, and a jobs file that begins with the defaults above.
fn folder_with(jobs: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = material::own("datasets/selfplay.binpack");
    std::fs::copy(data, folder.path().join("selfplay.binpack")).unwrap();
    write_jobs(folder.path(), jobs);
    folder
}

fn write_jobs(folder: &Path, jobs: &str) {
    std::fs::write(folder.join("jobs.toml"), format!("{DEFAULTS}{jobs}")).unwrap();
}

/// The demo network with another description: another file that computes the same.
fn write_net(path: &Path, description: &str) {
    let demo = material::own("datasets/demo.nnue");
    let mut network = Network::read(&demo, &ReadOptions::default()).unwrap();
    network.description = description.as_bytes().to_vec();
    let mut bytes = Vec::new();
    network.write(&mut bytes).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    Case::new("batch").folder(folder).args(arguments).command()
}

fn batch(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments)
        .output()
        .expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The lines of JSON of a run that ended with this code.
fn lines(output: &Output, code: i32) -> Vec<Value> {
    assert_eq!(output.status.code(), Some(code), "{}", stderr(output));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Name, status and reason of each job.
fn statuses(lines: &[Value]) -> Vec<(String, String, String)> {
    let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_string();
    let triple = |line| (text(line, "job"), text(line, "status"), text(line, "why"));
    lines.iter().map(triple).collect()
}

fn only_status(output: &Output, code: i32) -> (String, String) {
    let all = statuses(&lines(output, code));
    assert_eq!(all.len(), 1, "{all:?}");
    (all[0].1.clone(), all[0].2.clone())
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Nothing unfinished lies about, and every network is whole.
fn nothing_is_half(folder: &Path) {
    for path in files(folder) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!name.starts_with(".ftperm-"), "{name} was left behind");
        if name.ends_with(".nnue") {
            Network::read(&path, &ReadOptions::default()).unwrap();
        }
    }
}

/// A run whose messages can be waited for; killed when a test ends early.
struct Running {
    child: Child,
    messages: BufReader<std::process::ChildStderr>,
}

impl Running {
    fn start(folder: &Path, arguments: &[&str]) -> Running {
        let mut child = command(folder, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let messages = BufReader::new(child.stderr.take().unwrap());
        Running { child, messages }
    }

    /// Reads messages up to one that contains the text.
    fn wait_for(&mut self, text: &str) {
        let mut all = String::new();
        loop {
            let start = all.len();
            let read = self.messages.read_line(&mut all).unwrap();
            assert_ne!(read, 0, "`{text}` was never said:\n{all}");
            if all[start..].contains(text) {
                return;
            }
        }
    }

    /// What it printed, after it ended.
    fn output(&mut self) -> Output {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.messages.read_to_end(&mut stderr).unwrap();
        let pipe = self.child.stdout.as_mut().unwrap();
        pipe.read_to_end(&mut stdout).unwrap();
        Output {
            status: self.child.wait().unwrap(),
            stdout,
            stderr,
        }
    }

    #[cfg(unix)]
    fn signal(&self, signal: i32) {
        let id = i32::try_from(self.child.id()).unwrap();
        // SAFETY: the child was not waited for yet, so the number is still its own.
        assert_eq!(unsafe { libc::kill(id, signal) }, 0);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_job_is_skipped_until_something_changes() {
    let folder =
        folder_with("[jobs.a]\nnet = \"a.nnue\"\nout = \"out/a.nnue\"\nperm = \"out/a.txt\"");
    let path = folder.path();
    write_net(&path.join("a.nnue"), "one");
    let run = |arguments: &[&str]| {
        let arguments = [&["jobs.toml"], arguments].concat();
        only_status(&batch(path, &arguments), 0)
    };
    let done = |why: &str| ("done".to_string(), why.to_string());
    let skipped = ("skipped".to_string(), String::new());
    assert_eq!(run(&["--dry-run"]).0, "due");
    assert_eq!(files(path).len(), 3, "a dry run writes nothing");
    assert_eq!(run(&[]), done("not done before"));
    assert_eq!(run(&[]), skipped);
    assert_eq!(run(&["--rehash"]), skipped);
    assert_eq!(run(&["--force"]), done("asked to do it again"));
    // What computes has no effect on what comes out.
    write_jobs(
        path,
        "threads = 1\n[jobs.a]\nnet = \"a.nnue\"\nout = \"out/a.nnue\"\nperm = \"out/a.txt\"",
    );
    assert_eq!(run(&[]), skipped);
    // Memory has: planes that do not fit are searched in part.
    write_jobs(
        path,
        "memory = \"900M\"\n[jobs.a]\nnet = \"a.nnue\"\nout = \"out/a.nnue\"\nperm = \"out/a.txt\"",
    );
    assert_eq!(run(&[]), done("the option memory is another"));
    write_net(&path.join("a.nnue"), "two");
    assert_eq!(run(&[]), done("the input a.nnue is another"));
    assert_eq!(run(&[]), skipped);
    std::fs::remove_file(path.join("out/a.txt")).unwrap();
    assert_eq!(run(&[]), done("the output out/a.txt is missing or changed"));
    write_net(&path.join("out/a.nnue"), "three");
    let why = run(&[]).1;
    assert_eq!(why, "the output out/a.nnue is missing or changed");
    std::fs::write(path.join("out/a.job.json"), "{").unwrap();
    let why = run(&[]).1;
    assert!(why.contains("a.job.json is not a record of a job"), "{why}");
    // From elsewhere it is the same job.
    let elsewhere = tempfile::tempdir().unwrap();
    let jobs = path.join("jobs.toml");
    let again = batch(elsewhere.path(), &[jobs.to_str().unwrap()]);
    assert_eq!(only_status(&again, 0), skipped);
    // An option of the environment counts like one of the file.
    let output = command(path, &["jobs.toml"])
        .env("FTPERM_OPTIMIZE_SEED", "3")
        .output()
        .unwrap();
    assert_eq!(only_status(&output, 0), done("the option seed is another"));
}

#[test]
fn what_a_job_writes_is_what_optimize_writes() {
    let folder = folder_with("[jobs.a]\nnets = [\"*.nnue\"]\nout = \"out/{net}-{job}.nnue\"");
    write_net(&folder.path().join("b c.nnue"), "one");
    let output = batch(folder.path(), &["jobs.toml"]);
    let all = lines(&output, 0);
    assert_eq!(all[0]["job"], "a.b c");
    let expected = Case::new("optimize")
        .folder(&folder)
        .args(["--net", "b c.nnue", "--data", "selfplay.binpack"])
        .args(["--count", "300", "--holdout", "0", "--effort", "quick"])
        .args(["--backend", "cpu", "--out", "expected.nnue", "--json"])
        .ok()
        .json();
    let sha256 = &all[0]["report"]["out"]["sha256"];
    assert_eq!(sha256, &expected["out"]["sha256"]);
    let written = files(&folder.path().join("out"));
    let names: Vec<_> = written.iter().map(|it| it.file_name().unwrap()).collect();
    let is_there = |start: &str, end: &str| {
        let matches = |name: &str| name.starts_with(start) && name.ends_with(end);
        assert!(
            names.iter().any(|it| matches(it.to_str().unwrap())),
            "{names:?}"
        );
    };
    // The name of a job with a space is changed, and says so by a hash.
    is_there("b c-a.b_c-", ".nnue");
    is_there("a.b_c-", ".job.json");
    is_there("nn-", ".perm.txt");
    nothing_is_half(folder.path());
}

#[test]
fn a_job_that_fails_does_not_stop_the_others() {
    // A quotation mark cannot be in a name on Windows.
    let quote = if cfg!(windows) { "'" } else { "\\\"" };
    let folder = folder_with(&format!(
        "[jobs.missing]\nnet = \"none.nnue\"\n[jobs.text]\nnet = \"jobs.toml\"\n\
         [jobs.data]\nnet = \"a.nnue\"\ndata = \"none/*.binpack\"\n\
         [jobs.good]\nnet = \"a.nnue\"\nout-sha = \"o {quote}u\""
    ));
    write_net(&folder.path().join("a.nnue"), "");
    let output = batch(folder.path(), &["jobs.toml", "--metrics", "m.prom"]);
    let all = lines(&output, 3);
    let status = |line: &Value| line["status"].as_str().unwrap().to_string();
    let found: Vec<String> = all.iter().map(status).collect();
    assert_eq!(found, ["failed", "failed", "failed", "done"]);
    let error = |index: usize| all[index]["error"].as_str().unwrap();
    assert!(error(0).contains("none.nnue"), "{}", error(0));
    assert!(error(1).contains("no network in it"), "{}", error(1));
    assert!(error(2).contains("none/*.binpack"), "{}", error(2));
    assert!(stderr(&output).contains("1 done, 0 skipped, 3 failed: data, missing, text"));
    nothing_is_half(folder.path());

    let metrics = std::fs::read_to_string(folder.path().join("m.prom")).unwrap();
    let value = |name: &str| {
        let found = metrics.lines().find_map(|it| it.strip_prefix(name));
        let text = found.unwrap_or_else(|| panic!("{name} is not in\n{metrics}"));
        text.trim().parse::<f64>().unwrap()
    };
    assert_eq!(value("ftperm_batch_planned_jobs"), 4.0);
    assert_eq!(value("ftperm_batch_complete"), 1.0);
    assert_eq!(value("ftperm_batch_jobs{status=\"failed\"}"), 3.0);
    assert_eq!(value("ftperm_job_success{job=\"good\"}"), 1.0);
    assert_eq!(value("ftperm_job_success{job=\"text\"}"), 0.0);
    let after = all[3]["report"]["zero_block_rate"]["after"].as_f64();
    let ratio = "ftperm_job_zero_block_ratio{job=\"good\",order=\"after\",positions=\"searched\"}";
    assert_eq!(Some(value(ratio)), after);

    let one = batch(folder.path(), &["jobs.toml", "--only", "good"]);
    assert_eq!(only_status(&one, 0).0, "skipped");
    let shard = batch(folder.path(), &["jobs.toml", "--shard", "2/4"]);
    assert_eq!(statuses(&lines(&shard, 3))[0].0, "text");
}

#[test]
fn two_runs_keep_apart() {
    let folder = folder_with("[jobs.a]\nnet = \"a.nnue\"");
    write_net(&folder.path().join("a.nnue"), "");
    let lock = std::fs::File::create(folder.path().join("jobs.toml.lock")).unwrap();
    lock.lock().unwrap();
    let output = batch(folder.path(), &["jobs.toml"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(stderr(&output).contains("another run holds jobs.toml.lock"));
    assert!(output.stdout.is_empty());
    // Looking is allowed.
    assert_eq!(
        only_status(&batch(folder.path(), &["jobs.toml", "--dry-run"]), 0).0,
        "due"
    );
    drop(lock);
    assert_eq!(
        only_status(&batch(folder.path(), &["jobs.toml"]), 0).0,
        "done"
    );
}

#[test]
fn a_wrong_jobs_file_is_refused_before_anything_runs() {
    // The defaults take seven lines.
    let cases = [
        (
            "[job.a]\nnet = \"a\"",
            "jobs.toml:8: a jobs file has no table `job`; is `jobs` meant?",
        ),
        (
            "[jobs.a]\nnet = \"a\"\ncuont = 1",
            "jobs.toml:10: a job has no option `cuont`; is `count` meant?",
        ),
        (
            "[jobs.a]\nnet = \"a\"\njson = true",
            "jobs.toml:10: a job has no option `json`",
        ),
        (
            "[jobs.a]\nseed = 1",
            "jobs.toml:8: job a: a network is missing",
        ),
        (
            "[jobs.a]\nnet = \"-\"",
            "jobs.toml:8: job a: a job cannot read standard input",
        ),
        ("[jobs]\na = 1", "jobs.toml:9: a job is a table of options"),
        (
            "[jobs.a]\nnet = \"a\"\nnets = \"b\"",
            "net cannot be used with nets",
        ),
        (
            "[jobs.a]\nnet = \"a\"\ncount = \"x\"",
            "jobs.toml:10: count: invalid value 'x'",
        ),
        (
            "[jobs.a]\nnet = \"a\"\nout = \"o\"\n[jobs.b]\nnet = \"b\"\nout = \"o\"",
            "the jobs a and b both write o",
        ),
        (
            "[jobs.a]\nnet = \"a\"\nout = \"o\"\nperm = \"o\"",
            "the job a writes o twice",
        ),
        (
            "[jobs.a]\nnet = \"a.nnue\"\nout = \"./a.nnue\"",
            "jobs.toml:8: job a: net and out are the same file",
        ),
        (
            "[jobs.a]\nnet = \"a\"\nply-x1 = 8",
            "jobs.toml:8: job a: --ply-x1 to --ply-x4 must ascend",
        ),
        (
            "[jobs.a]\nnet = \"a\"\nkernel = \"avx2\"\nbackend = \"gpu\"",
            "jobs.toml:8: job a: --kernel is for the CPU",
        ),
        (
            "[jobs.a]\nnet = \"a\"\nexport = \"c\"",
            "jobs.toml:10: a job has no option `export`; is `report` meant?",
        ),
        ("[jobs.a]\nnet = [\n", "jobs.toml:"),
        ("[jobs.watch]\nnet = \"a\"", "jobs.toml:8: the name watch"),
    ];
    for (jobs, message) in cases {
        let folder = folder_with(jobs);
        let output = batch(folder.path(), &["jobs.toml"]);
        assert_eq!(output.status.code(), Some(2), "{jobs}: {}", stderr(&output));
        assert!(
            stderr(&output).contains(message),
            "{jobs}: {}",
            stderr(&output)
        );
        assert_eq!(
            files(folder.path()).len(),
            2,
            "{jobs} left something behind"
        );
    }
    // Its own outputs would be the next run's inputs.
    let folder = folder_with("[jobs.a]\nnets = [\"*.nnue\"]");
    write_net(&folder.path().join("a.nnue"), "");
    let output = batch(folder.path(), &["jobs.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("the folder that nets lists"),
        "{}",
        stderr(&output)
    );
    let folder = folder_with("[jobs.a]\nnet = \"a.nnue\"");
    let output = batch(folder.path(), &["jobs.toml", "--metrics", "none/m.prom"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    for (option, file) in [("--metrics", "jobs.toml"), ("--lock", "./jobs.toml")] {
        let output = batch(folder.path(), &["jobs.toml", option, file]);
        let expected = format!("the jobs file and {option} are the same file");
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
    }
    let folder = tempfile::tempdir().unwrap();
    // Without data a job converts, and what asks for more means nothing.
    let jobs = "[jobs.a]\nnet = \"a\"\ncount = 5\n";
    std::fs::write(folder.path().join("jobs.toml"), jobs).unwrap();
    let output = batch(folder.path(), &["jobs.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "job a: without data a network is only converted, and count means nothing";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    for (text, place) in [
        ("", "jobs.toml: no job in it"),
        ("[defaults]\ncount = 5\n", "jobs.toml: no job in it"),
        ("[jobs.a]\nnets = []\n", "jobs.toml:2: nets is empty"),
    ] {
        std::fs::write(folder.path().join("jobs.toml"), text).unwrap();
        let output = batch(folder.path(), &["jobs.toml"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(place), "{}", stderr(&output));
    }
    let settle = batch(folder.path(), &["jobs.toml", "--settle", "3"]);
    assert!(stderr(&settle).contains("--watch"), "{}", stderr(&settle));
    assert_eq!(batch(folder.path(), &[]).status.code(), Some(2));
    assert_eq!(batch(folder.path(), &["none.toml"]).status.code(), Some(1));
}

#[test]
fn a_job_that_takes_too_long_is_given_up() {
    let folder = folder_with(
        "[jobs.a]\nnet = \"a.nnue\"\ncount = 10000\neffort = \"max\"\n[jobs.b]\nnet = \"a.nnue\"\nout-sha = \"b\"",
    );
    write_net(&folder.path().join("a.nnue"), "");
    let started = Instant::now();
    let output = batch(
        folder.path(),
        &["jobs.toml", "--only", "a", "--job-timeout", "0.01"],
    );
    let all = lines(&output, 3);
    assert_eq!(all[0]["error"], "not done after 0.01 seconds");
    assert!(started.elapsed() < Duration::from_secs(30));
    nothing_is_half(folder.path());
}

/// As when the machine goes down, or a scheduler has lost its patience: SIGKILL for the run.
#[test]
fn a_run_that_was_killed_is_resumed() {
    let folder = folder_with(
        "[jobs.a]\nnet = \"a.nnue\"\n[jobs.b]\nnet = \"a.nnue\"\nout-sha = \"b\"\ncount = 10000\neffort = \"max\"",
    );
    write_net(&folder.path().join("a.nnue"), "");
    let mut first = Running::start(folder.path(), &["jobs.toml"]);
    first.wait_for("b: positions");
    first.child.kill().unwrap();
    let killed = first.output();
    let text = String::from_utf8(killed.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("\"status\":\"done\""), "{text}");
    let quick = "[jobs.a]\nnet = \"a.nnue\"\n[jobs.b]\nnet = \"a.nnue\"\nout-sha = \"b\"";
    write_jobs(folder.path(), quick);
    let second = statuses(&lines(&batch(folder.path(), &["jobs.toml"]), 0));
    assert_eq!(second[0].1, "skipped");
    assert_eq!(
        (second[1].1.as_str(), second[1].2.as_str()),
        ("done", "not done before")
    );
    nothing_is_half(folder.path());
}

/// The process of the running job.
#[cfg(target_os = "linux")]
fn job_process(run: &Child) -> i32 {
    // Any thread may have started it.
    let threads = std::fs::read_dir(format!("/proc/{}/task", run.id())).unwrap();
    let children =
        threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("children")));
    let children: String = children.map(Result::unwrap).collect();
    children.trim().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_job_ends_with_the_run_that_was_killed() {
    let folder = folder_with("[jobs.a]\nnet = \"a.nnue\"\ncount = 10000\neffort = \"max\"");
    write_net(&folder.path().join("a.nnue"), "");
    let mut run = Running::start(folder.path(), &["jobs.toml"]);
    run.wait_for("a: positions");
    let job = job_process(&run.child);
    run.child.kill().unwrap();
    run.child.wait().unwrap();
    let gone = || !Path::new(&format!("/proc/{job}")).exists();
    let until = Instant::now() + Duration::from_secs(20);
    while !gone() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(gone(), "the job outlives its run");
    assert!(!folder.path().join("a.job.json").exists());
}

/// As when memory runs out, or a graphics driver crashes.
#[cfg(target_os = "linux")]
#[test]
fn a_job_whose_process_dies_does_not_stop_the_others() {
    let folder = folder_with(
        "[jobs.a]\nnet = \"a.nnue\"\ncount = 10000\neffort = \"max\"\n[jobs.b]\nnet = \"a.nnue\"",
    );
    write_net(&folder.path().join("a.nnue"), "");
    let mut run = Running::start(folder.path(), &["jobs.toml"]);
    run.wait_for("a: positions");
    // SAFETY: the job runs for long, so the number is still its own.
    let killed = unsafe { libc::kill(job_process(&run.child), libc::SIGKILL) };
    assert_eq!(killed, 0);
    let all = lines(&run.output(), 3);
    assert_eq!(
        (&all[0]["status"], &all[1]["status"]),
        (&"failed".into(), &"done".into())
    );
    assert!(
        all[0]["error"].as_str().unwrap().contains("signal: 9"),
        "{}",
        all[0]
    );
    nothing_is_half(folder.path());
}

#[cfg(unix)]
#[test]
fn a_signal_stops_the_run_and_keeps_what_is_done() {
    let folder = folder_with(
        "[jobs.a]\nnet = \"a.nnue\"\n[jobs.b]\nnet = \"a.nnue\"\nout-sha = \"b\"\ncount = 10000\neffort = \"max\"\n\
         [jobs.c]\nnet = \"a.nnue\"\nout-sha = \"c\"",
    );
    write_net(&folder.path().join("a.nnue"), "");
    let mut run = Running::start(folder.path(), &["jobs.toml", "--metrics", "m.prom"]);
    run.wait_for("b: positions");
    run.signal(libc::SIGTERM);
    let all = lines(&run.output(), 130);
    assert_eq!(
        (&all[0]["status"], &all[1]["status"]),
        (&"done".into(), &"stopped".into())
    );
    assert_eq!(all.len(), 2);
    let metrics = std::fs::read_to_string(folder.path().join("m.prom")).unwrap();
    assert!(metrics.contains("\nftperm_batch_complete 0\n"), "{metrics}");
    assert!(!folder.path().join("b/b.job.json").exists());
    nothing_is_half(folder.path());
}

#[cfg(unix)]
#[test]
fn what_a_trainer_drops_is_handled_once_it_is_whole() {
    let folder = folder_with("[watch]\nout-sha = \"out\"");
    let incoming = folder.path().join("incoming");
    std::fs::create_dir(&incoming).unwrap();
    write_net(&folder.path().join("a"), "early");
    write_net(&folder.path().join("b"), "late");
    std::fs::copy(folder.path().join("a"), incoming.join("early.nnue")).unwrap();
    let arguments = [
        "jobs.toml",
        "--watch",
        "incoming",
        "--settle",
        "0.4",
        "--interval",
        "0.05",
    ];
    let mut run = Running::start(folder.path(), &arguments);
    run.wait_for("watch.early: done");
    // A trainer that writes slowly, and a file that is no network.
    std::fs::write(incoming.join("notes.txt"), "x").unwrap();
    let bytes = std::fs::read(folder.path().join("b")).unwrap();
    let mut file = std::fs::File::create(incoming.join("late.nnue")).unwrap();
    for part in bytes.chunks(bytes.len() / 4) {
        file.write_all(part).unwrap();
        file.flush().unwrap();
        std::thread::sleep(Duration::from_millis(150));
    }
    drop(file);
    run.wait_for("watch.late: done");
    std::fs::write(incoming.join("broken.nnue"), "not a network").unwrap();
    run.wait_for("watch.broken: failed");
    run.signal(libc::SIGINT);
    let all = statuses(&lines(&run.output(), 0));
    let names: Vec<_> = all
        .iter()
        .map(|it| (it.0.as_str(), it.1.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("watch.early", "done"),
            ("watch.late", "done"),
            ("watch.broken", "failed")
        ]
    );
    nothing_is_half(&folder.path().join("out"));
    // After a restart the finished ones are known.
    std::fs::remove_file(incoming.join("broken.nnue")).unwrap();
    let mut run = Running::start(folder.path(), &arguments);
    run.wait_for("watch.early: nothing to do");
    run.wait_for("watch.late: nothing to do");
    run.signal(libc::SIGINT);
    assert_eq!(lines(&run.output(), 0).len(), 2);
    // Networks written into the watched folder would be handled again and again.
    write_jobs(folder.path(), "[watch]\nout-sha = \"incoming\"");
    let output = batch(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("which is watched"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn checkpoints_are_networks_too() {
    let folder = folder_with("[jobs.a]\nnet = \"model.pt\"\nout = \"a.nnue\"");
    write_net(&folder.path().join("net.nnue"), "");
    let ftperm = |arguments: &[&str]| {
        let case = Case::new(arguments[0]).args(&arguments[1..]);
        case.folder(&folder).ok();
    };
    ftperm(&["serialize", "net.nnue", "model.pt"]);
    let all = lines(&batch(folder.path(), &["jobs.toml"]), 0);
    assert_eq!(all[0]["status"], "done");
    // By way of a network file it is the same.
    ftperm(&["serialize", "model.pt", "b.nnue"]);
    let perm = all[0]["report"]["perm"]["path"].as_str().unwrap();
    ftperm(&["apply", perm, "--net", "b.nnue", "--out", "c.nnue"]);
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(read("a.nnue") == read("c.nnue"));
    let net = &all[0]["report"]["net"]["sha256"];
    assert_eq!(*net, hex(&sha256(&read("b.nnue"))));
}

/// The example of docs/4-batch-use.md, as it is.
#[test]
fn the_documented_jobs_file_means_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = material::own("docs/batch/jobs.toml");
    std::fs::copy(jobs, folder.path().join("jobs.toml")).unwrap();
    for name in [
        "train/a.binpack",
        "nets/master.nnue",
        "incoming/x.nnue",
        "incoming/y.ckpt",
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    let output = batch(
        folder.path(),
        &["jobs.toml", "--dry-run", "--watch", "incoming"],
    );
    let due = |name: &str| {
        let (due, why) = ("due".to_string(), "not done before".to_string());
        (name.to_string(), due, why)
    };
    let expected = [
        "master",
        "candidates.x",
        "candidates.y.ckpt",
        "watch.x",
        "watch.y.ckpt",
    ];
    assert_eq!(statuses(&lines(&output, 0)), expected.map(due));
}
