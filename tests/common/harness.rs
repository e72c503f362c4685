//! Runs tests and prints as `cargo test` does it, with one thing more: a test that finds its material missing is
//! counted as ignored, and what is missing stands beside its name.

use std::cell::RefCell;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// A function marked with `#[test]`.
pub struct Test {
    /// With its module's path.
    pub name: &'static str,
    /// Panics if the test fails.
    pub run: fn(),
}

inventory::collect!(Test);

thread_local! {
    /// What the test of this thread found missing.
    static MISSING: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Notes that something is not on this machine, so the test that runs in this thread is not a whole one.
pub fn note_missing(what: &str) {
    MISSING.with_borrow_mut(|all| {
        if !all.iter().any(|one| one == what) {
            all.push(what.to_owned());
        }
    });
}

/// The tests of this program, in alphabetical order.
pub fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut tests: Vec<&'static Test> = inventory::iter::<Test>.into_iter().collect();
    tests.sort_by_key(|test| test.name);
    let trials = tests.into_iter().map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(test: &'static Test) -> Trial {
    // As `cargo test` names them: without the program's own name.
    let name = test
        .name
        .split_once("::")
        .map_or(test.name, |(_, rest)| rest);
    Trial::ignorable_test(name, move || run(name, test.run))
}

/// In a thread of its own, which has the test's name, so that a panic's message tells it.
fn run(name: &str, test: fn()) -> Result<Completion, Failed> {
    let whole = move || {
        test();
        MISSING.take()
    };
    let thread = std::thread::Builder::new().name(name.to_owned());
    match thread.spawn(whole).expect("a thread").join() {
        Ok(missing) if missing.is_empty() => Ok(Completion::Completed),
        Ok(missing) => Ok(Completion::ignored_with(format!(
            "missing: {}",
            missing.join(", ")
        ))),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
