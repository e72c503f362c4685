//! The program under test: one way to start it, and what is asked of what it printed.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::material;

/// One run of the program, to be described and then started. Nothing of the user's own counts: no configuration file,
/// no variable `FTPERM_*`, no terminal.
pub struct Case {
    command: Command,
    stdin: Option<Vec<u8>>,
}

impl Case {
    /// A subcommand, or an option of the program itself.
    pub fn new(first: impl AsRef<OsStr>) -> Case {
        Case::program(env!("CARGO_BIN_EXE_ftperm")).arg(first)
    }

    /// Another file than the one that was built: a copy with a network inside, or a shell that starts it.
    pub fn program(program: impl AsRef<OsStr>) -> Case {
        let mut command = Command::new(program);
        let own = |name: &OsStr| name.to_string_lossy().starts_with("FTPERM_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| own(name)) {
            command.env_remove(name);
        }
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("home");
        command.env("XDG_CONFIG_HOME", home.join("config"));
        command.env("HOME", home).stdin(Stdio::null());
        Case {
            command,
            stdin: None,
        }
    }

    /// The current folder of the run; by default this repository.
    pub fn folder(mut self, folder: impl AsRef<Path>) -> Case {
        self.command.current_dir(folder);
        self
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Case {
        self.command.arg(argument);
        self
    }

    pub fn args<T: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = T>) -> Case {
        self.command.args(arguments);
        self
    }

    /// An option and a file, whatever bytes its name has.
    pub fn option(self, name: &str, file: impl AsRef<OsStr>) -> Case {
        self.arg(name).arg(file)
    }

    /// `--net` and a network of this repository, by its name in `datasets/`.
    pub fn net(self, name: &str) -> Case {
        self.option("--net", material::own(&format!("datasets/{name}.nnue")))
    }

    /// `--data` and positions of this repository, by their name in `datasets/`.
    pub fn data(self, name: &str) -> Case {
        self.option("--data", material::own(&format!("datasets/{name}.binpack")))
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Case {
        self.command.env(name, value);
        self
    }

    /// What the program reads from its standard input, which is empty otherwise.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Case {
        self.stdin = Some(bytes.into());
        self
    }

    /// To be started in another way: with pipes of one's own, or to be killed.
    pub fn command(self) -> Command {
        assert!(self.stdin.is_none(), "the bytes would not be written");
        self.command
    }

    /// Runs it, however it ends.
    pub fn output(mut self) -> Output {
        let Some(bytes) = self.stdin.take() else {
            return self.command.output().expect("the program starts");
        };
        self.command.stdin(Stdio::piped());
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        let writer = std::thread::spawn(move || {
            // A program that needs no more of it ends earlier.
            let _ = stdin.write_all(&bytes);
        });
        let output = child.wait_with_output().expect("the program ends");
        writer.join().expect("it only writes");
        output
    }

    /// Runs it; it must end with 0.
    #[track_caller]
    pub fn ok(self) -> Done {
        self.ends_with(0)
    }

    /// Runs it; it must end with this code.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Done {
        let started = format!("{:?}", self.command);
        let output = self.output();
        let done = Done {
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        };
        assert_eq!(
            output.status.code(),
            Some(code),
            "{started}: {}",
            done.stderr
        );
        done
    }
}

/// What a run printed.
pub struct Done {
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// Something is said to people.
    #[track_caller]
    pub fn says(self, part: &str) -> Done {
        assert!(
            self.stderr.contains(part),
            "`{part}` is not in:\n{}",
            self.stderr
        );
        self
    }

    /// The last line said to people.
    #[track_caller]
    pub fn last_line(self, line: &str) -> Done {
        assert_eq!(self.stderr.lines().last(), Some(line), "{}", self.stderr);
        self
    }

    /// The result, which is JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("{error}:\n{}", self.stdout))
    }
}

/// Runs it in a folder, however it ends.
pub fn ftperm<T: AsRef<OsStr>>(folder: &Path, arguments: &[T]) -> Output {
    let program = Case::program(env!("CARGO_BIN_EXE_ftperm"));
    program.folder(folder).args(arguments).output()
}

/// What it printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
