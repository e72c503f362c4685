//! What people see, kept in `tests/snapshots/`: the help of every command, and how the commands of the README end.
//! CONTRIBUTING.md says how the files are renewed. `[..]` in them stands for anything within a line, such as a time.

use std::collections::BTreeSet;
use std::path::Path;

use crate::common::material;
use crate::common::program::{Case, Done};

/// The text is that of a file in `tests/snapshots/`.
#[track_caller]
fn is_as_kept(text: &str, file: &str) {
    let path = material::own("tests/snapshots").join(file);
    let kept = snapbox::Data::read_from(&path, None);
    let assert = snapbox::Assert::new().action_env(snapbox::assert::DEFAULT_ACTION_ENV);
    assert.eq(text, kept);
}

#[test]
fn help_of_every_command() {
    let all = Case::new("--help").ok().stdout;
    is_as_kept(&all, "help/ftperm.txt");
    let list = all.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names: BTreeSet<&str> = list
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() >= 18, "{names:?}");
    for name in &names {
        let help = Case::new(name).arg("--help").ok().stdout;
        is_as_kept(&help, &format!("help/{name}.txt"));
    }
    // Nothing is kept of commands that are gone.
    for entry in std::fs::read_dir(material::own("tests/snapshots/help")).unwrap() {
        let name = entry.unwrap().path().with_extension("");
        let name = name.file_name().unwrap().to_str().unwrap();
        assert!(name == "ftperm" || names.contains(name), "{name}");
    }
}

/// What is printed to stdout, and the last lines said to people.
fn closing(done: &Done) -> String {
    let last = |text: &str, count: usize| {
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    };
    format!(
        "{}\n---\n{}\n",
        last(&done.stdout, 6),
        last(&done.stderr, 4)
    )
}

/// The steps of the README's table, in an order in which each finds what it needs.
#[test]
fn closing_lines_of_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for (own, name) in [
        ("demo.nnue", "nn.nnue"),
        ("selfplay.binpack", "train.binpack"),
    ] {
        let own = material::own("datasets").join(own);
        std::fs::copy(own, folder.path().join(name)).unwrap();
    }
    let positions = "--data train.binpack --count 2000 --backend cpu --kernel portable --threads 2";
    let found = "--effort quick --backend cpu --kernel portable --threads 2";
    for (name, words) in [
        (
            "gather",
            format!("--net nn.nnue {positions} --out a.planes"),
        ),
        ("find", format!("--data a.planes {found} --out p.txt")),
        ("eval", "--data a.planes --perm p.txt".into()),
        ("apply", "p.txt --net nn.nnue --out new.nnue".into()),
        ("export", "p.txt --as rust".into()),
        (
            "verify",
            "nn.nnue new.nnue --data train.binpack --count 500".into(),
        ),
        ("serialize", "nn.nnue model.pt".into()),
        ("inspect", "new.nnue".into()),
        (
            "trace",
            "--net nn.nnue --fen 8/8/8/4k3/8/8/4P3/4K3_w_-_-_0_1".into(),
        ),
        (
            "optimize",
            format!(
                "--net nn.nnue {positions} --effort quick --out o.nnue --perm o.txt --report r.json"
            ),
        ),
        ("report", "r.json".into()),
    ] {
        let words = words.split(' ').map(|word| word.replace('_', " "));
        let done = Case::new(name).args(words).folder(&folder).ok();
        is_as_kept(&closing(&done), &format!("closing/{name}.txt"));
    }
}

/// The first command of the README, as it stands there, ends with the lines that stand there.
#[test]
fn the_readme_says_how_its_first_command_ends() {
    let readme = std::fs::read_to_string(material::own("README.md")).unwrap();
    let command = readme
        .lines()
        .find_map(|line| line.strip_prefix("    cargo run --release -- "))
        .unwrap();
    let (_, rest) = readme
        .split_once("The first command ends like this:\n\n")
        .unwrap();
    let lines = rest.lines().map_while(|line| line.strip_prefix("    "));
    let folder = tempfile::tempdir().unwrap();
    copy_datasets(folder.path());
    let (name, arguments) = command.split_once(' ').unwrap();
    let run = Case::new(name).args(arguments.split(' '));
    let said = run.folder(&folder).ok().stderr;
    let mut rest = said.as_str();
    for line in lines {
        let at = rest.find(&format!("{line}\n"));
        let at = at.unwrap_or_else(|| panic!("not said, or not in this order: {line}\n{said}"));
        rest = &rest[at + line.len()..];
    }
}

fn copy_datasets(folder: &Path) {
    let to = folder.join("datasets");
    std::fs::create_dir(&to).unwrap();
    for name in ["demo.nnue", "selfplay.binpack"] {
        let from = material::own("datasets").join(name);
        std::fs::copy(from, to.join(name)).unwrap();
    }
}
