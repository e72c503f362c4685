//! The command line: parse, run, turn an error into a message and an exit code.

pub mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    quieten_mesa();
    let done = cli::parse().and_then(|arguments| cli::run(&arguments));
    cli::interrupt::give_way();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the results had enough of them.
        Err(error) if cli::is_reader_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            cli::console::error(&error);
            ExitCode::from(cli::exit_code(&error))
        }
    }
}

/// Keeps a layer of Mesa from printing two lines about a missing desktop session whenever adapters are listed.
fn quieten_mesa() {
    const SWITCH: &str = "NODEVICE_SELECT";
    if cfg!(target_os = "linux")
        && std::env::var_os("XDG_RUNTIME_DIR").is_none()
        && std::env::var_os(SWITCH).is_none()
    {
        // SAFETY: this is the first statement of the program, so no other thread reads the environment.
        unsafe { std::env::set_var(SWITCH, "1") };
    }
}
