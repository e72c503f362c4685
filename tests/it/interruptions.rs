//! What is left when the program is told to end while an engine runs: nothing.
#![cfg(unix)]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine that starts a program of its own, writes down both ids, and then does as the last line says.
fn engine(folder: &Path, at_bench: &str) -> PathBuf {
    let path = folder.join("engine.sh");
    let script = format!(
        "#!/bin/sh\n\
         sleep 1000 <&- >&- 2>&- &\n\
         echo $! $$ > ids\n\
         while read line; do\n\
         case $line in\n\
         uci) echo 'option name EvalFile type string default x'; echo uciok;;\n\
         isready) echo readyok;;\n\
         bench*|go*) {at_bench};;\n\
         quit) exit;;\n\
         esac\n\
         done\n"
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Waits for something.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The ids that the engine wrote down.
fn ids(folder: &Path) -> Vec<i32> {
    let text = fs::read_to_string(folder.join("ids")).unwrap_or_default();
    text.split_whitespace()
        .map(|id| id.parse().unwrap())
        .collect()
}

fn is_running(id: i32) -> bool {
    // A process that nobody has waited for yet does not run.
    let state = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = state
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

fn temporary_networks(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("ftperm-")).count()
}

/// Begins a bench of a compressed network, which the engine gets as a temporary file.
fn bench(folder: &Path, command: &mut Command) -> Child {
    let net = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/demo.nnue")).unwrap();
    let file = fs::File::create(folder.join("net.gz")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::none());
    gzip.write_all(&net).unwrap();
    gzip.finish().unwrap();
    command
        .args([
            "bench",
            "--engine",
            "./engine.sh",
            "--base",
            "net.gz",
            "--test",
            "net.gz",
        ])
        .current_dir(folder)
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn signals_end_the_engine_and_what_it_started() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        engine(folder, "sleep 1000");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ftperm"));
        // Whoever runs the tests may have it ignored.
        // SAFETY: the call may be made between fork and exec.
        unsafe {
            command.pre_exec(move || {
                libc::signal(signal, libc::SIG_DFL);
                Ok(())
            });
        }
        let mut child = bench(folder, &mut command);
        until("started", || ids(folder).len() == 2);
        let ids = ids(folder);
        assert!(ids.iter().all(|&id| is_running(id)));
        assert_eq!(temporary_networks(folder), 2);
        // SAFETY: only numbers are handed over.
        unsafe { libc::kill(child.id() as i32, signal) };
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{signal}");
        until("ended", || !ids.iter().any(|&id| is_running(id)));
        assert_eq!(temporary_networks(folder), 0, "{signal}");
    }
}

/// What was recorded until then is not written.
#[test]
fn a_signal_ends_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    engine(folder, "echo searching > state; sleep 1000");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/selfplay.binpack");
    let mut child = Command::new(env!("CARGO_BIN_EXE_ftperm"))
        .args(["record", "--engine", "./engine.sh", "--out", "o.epd"])
        .args(["--count", "9", "--processes", "1", "--data"])
        .arg(data)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("searching", || folder.join("state").exists());
    let ids = ids(folder);
    assert!(ids.iter().all(|&id| is_running(id)));
    // SAFETY: only numbers are handed over.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
    assert_eq!(child.wait().unwrap().code(), Some(130));
    until("ended", || !ids.iter().any(|&id| is_running(id)));
    let names = fs::read_dir(folder).unwrap().flatten();
    assert_eq!(names.count(), 3, "the engine, its ids and its state");
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_program_takes_its_engine_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    engine(folder, "sleep 1000");
    let mut child = bench(folder, &mut Command::new(env!("CARGO_BIN_EXE_ftperm")));
    until("started", || ids(folder).len() == 2);
    child.kill().unwrap();
    child.wait().unwrap();
    let engine = ids(folder)[1];
    until("ended", || !is_running(engine));
    let started_by_it = ids(folder)[0];
    // Nobody is left to end it but this test.
    // SAFETY: only numbers are handed over.
    unsafe { libc::kill(started_by_it, libc::SIGKILL) };
}

#[test]
fn an_engine_that_ends_by_itself_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    engine(folder, "exit 3");
    let mut child = bench(folder, &mut Command::new(env!("CARGO_BIN_EXE_ftperm")));
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let ids = ids(folder);
    assert_eq!(ids.len(), 2);
    until("ended", || !ids.iter().any(|&id| is_running(id)));
    assert_eq!(temporary_networks(folder), 0);
}

#[test]
fn a_hang_up_that_was_to_be_ignored_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    engine(folder, "sleep 1000");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftperm"));
    // As nohup does.
    // SAFETY: the call may be made between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            Ok(())
        });
    }
    let mut child = bench(folder, &mut command);
    until("started", || ids(folder).len() == 2);
    // SAFETY: only numbers are handed over.
    unsafe { libc::kill(child.id() as i32, libc::SIGHUP) };
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none());
    // SAFETY: as above.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
