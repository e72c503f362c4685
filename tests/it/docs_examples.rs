//! The examples of README.md and docs/: every command that a page shows is run as it stands there.
#![cfg(unix)]

use crate::common::material;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Lines that are not run, by what they contain, and why.
const NOT_RUN: [(&str, &str); 16] = [
    ("net89.bin", "needs a network of Obsidian"),
    ("raw.bin", "needs floats of a trainer: tests/it/trained.rs"),
    (
        "optimiser_state/",
        "needs floats of a trainer: tests/it/trained.rs",
    ),
    ("viridithas.nnue.zst", "needs a network of Viridithas"),
    ("cargo ", "builds the program"),
    ("New-Item ", "PowerShell"),
    ("$PROFILE", "PowerShell"),
    ("ftperm bench ", "needs an engine"),
    ("--engine ", "needs an engine"),
    ("--bench-engine ", "needs an engine"),
    ("positions.epd", "needs what an engine recorded"),
    ("/path/to/stockfish", "needs an engine"),
    ("--backend gpu", "needs a graphics adapter"),
    ("--watch ", "runs until it is stopped"),
    ("recorded.u8", "needs what an engine wrote down"),
    ("| jq ", "jq need not be there"),
];

/// What the examples of all pages find in their folder.
const SETTING: &str = "\
seq 0 63 > identity.txt
ftperm apply identity.txt --net nn.nnue --ft-compression none --out quantised.bin
ftperm optimize --net nn.nnue --data train.binpack --count 2000 --effort quick --out best.nnue --perm best.perm.txt
cp best.nnue permuted.nnue
ftperm serialize nn.nnue state.pt
mv state.pt last.ckpt
cp last.ckpt old.pt
mkdir -p .cargo/bin
ln -s \"$(command -v ftperm)\" .cargo/bin/ftperm";

/// README.md and the pages of docs/, with their names.
fn pages() -> Vec<(String, String)> {
    let mut paths = vec![material::own("README.md")];
    let docs = fs::read_dir(material::own("docs")).unwrap();
    paths.extend(docs.map(|entry| entry.unwrap().path()));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let page = |path: PathBuf| {
        (
            path.display().to_string(),
            fs::read_to_string(&path).unwrap(),
        )
    };
    paths.into_iter().map(page).collect()
}

fn page(name: &str) -> String {
    fs::read_to_string(material::own(name)).unwrap()
}

/// The indented blocks of a page, without their indentation.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in page.lines() {
        let last = blocks.last_mut().unwrap();
        match line.strip_prefix("    ") {
            Some(code) => *last += &format!("{code}\n"),
            None if line.trim().is_empty() && !last.is_empty() => *last += "\n",
            None if !last.is_empty() => blocks.push(String::new()),
            None => {}
        }
    }
    blocks
}

/// The commands of a block that calls the program, as a shell runs them; nothing of other blocks.
fn commands(block: &str) -> String {
    if !block.lines().any(|line| line.starts_with("ftperm ")) {
        return String::new();
    }
    let whole_lines = block.replace("\\\n", " ");
    let run = |line: &&str| !NOT_RUN.iter().any(|(what, _)| line.contains(what));
    let lines: Vec<&str> = whole_lines.lines().filter(run).collect();
    lines.join("\n")
}

/// Runs a script of bash in a folder that is its home, too.
fn shell(folder: &Path, script: &str, variables: &[(&str, &str)]) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_ftperm"));
    let mut path = OsString::from(program.parent().unwrap());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new("bash");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FTPERM_") {
            command.env_remove(name);
        }
    }
    command
        .args(["-e", "-c", script])
        .current_dir(folder)
        .env("PATH", path)
        .env("HOME", folder)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_DATA_HOME")
        .env_remove("BASH_COMPLETION_USER_DIR")
        .envs(variables.iter().copied());
    command.output().expect("bash starts")
}

/// The same where it has to succeed.
fn run(folder: &Path, script: &str, variables: &[(&str, &str)]) -> String {
    let output = shell(folder, script, variables);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{messages}");
    messages.into_owned()
}

/// A folder with the files that the pages name.
fn setting() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| {
        let to = folder.path().join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(material::own(from), to).unwrap();
    };
    let nets = [
        "datasets/demo.nnue",
        "nn.nnue",
        "big.nnue",
        "nn-ad9b42354671.nnue",
    ];
    for name in nets
        .into_iter()
        .chain(["nets/master.nnue", "incoming/x.nnue"])
    {
        copy("datasets/demo.nnue", name);
    }
    let data = ["datasets/selfplay.binpack", "train.binpack", "train.data"];
    for name in data.into_iter().chain(["small.binpack", "train/a.binpack"]) {
        copy("datasets/selfplay.binpack", name);
    }
    copy("docs/batch/jobs.toml", "jobs.toml");
    copy("layouts/demo-raw.toml", "layouts/demo-raw.toml");
    copy("layouts/demo-raw.toml", "net.toml");
    // Outputs of 512 neurons in 64 samples, about half of them zero.
    let outputs: Vec<u8> = (0..512 * 64_u32)
        .map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8)
        .map(|byte| byte.saturating_sub(128))
        .collect();
    fs::write(folder.path().join("dump.u8"), outputs).unwrap();
    run(folder.path(), SETTING, &[]);
    folder
}

#[test]
fn every_example_of_the_pages_runs() {
    let mut run_commands = 0;
    for (name, text) in pages() {
        let scripts: Vec<String> = blocks(&text).iter().map(|block| commands(block)).collect();
        if scripts.iter().all(|script| script.trim().is_empty()) {
            continue;
        }
        let folder = setting();
        for script in scripts.iter().filter(|script| !script.trim().is_empty()) {
            let output = shell(folder.path(), script, &[]);
            let messages = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}:\n{script}\n{messages}");
            run_commands += script
                .lines()
                .filter(|line| line.starts_with("ftperm "))
                .count();
        }
    }
    // Else the pages changed their form and nothing was found in them.
    assert!(run_commands >= 25, "{run_commands}");
}

/// README.md and the quick start show what the first command prints.
#[test]
fn the_first_run_ends_as_the_pages_show() {
    let folder = setting();
    let first = "ftperm optimize --net datasets/demo.nnue --data datasets/selfplay.binpack";
    let messages = run(folder.path(), first, &[]);
    for name in ["README.md", "docs/1-quick-start.md"] {
        let page = page(name);
        let shown: Vec<String> = blocks(&page)
            .into_iter()
            .filter(|block| block.starts_with("blocks that engines skip:"))
            .collect();
        assert_eq!(shown.len(), 1, "{name}");
        for line in shown[0].lines().filter(|line| !line.is_empty()) {
            assert!(messages.contains(line), "{name}: {line}\n{messages}");
        }
    }
}

/// The pages show scripts as the files have them.
#[test]
fn scripts_in_the_pages_are_the_files() {
    for (name, file) in [
        ("docs/large-data.md", "gather.sbatch"),
        ("docs/large-data.md", "find.sbatch"),
        ("docs/4-batch-use.md", "jobs.sbatch"),
    ] {
        let script = page(&format!("docs/batch/{file}"));
        let shown = blocks(&page(name));
        assert!(
            shown.iter().any(|block| block.trim() == script.trim()),
            "{name}: {file}"
        );
    }
    let crontab = page("docs/batch/crontab");
    let line = crontab.lines().last().unwrap();
    assert!(page("docs/4-batch-use.md").contains(line));
}

/// Links between the pages and to files of the repository.
#[test]
fn links_of_the_pages_lead_to_files() {
    for (name, text) in pages() {
        let folder = Path::new(&name).parent().unwrap();
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next());
        for target in targets.filter(|target| !target.is_empty() && !target.starts_with("http")) {
            assert!(folder.join(target).exists(), "{name}: {target}");
        }
    }
}

/// Shards by two tasks, and the search on them, with the variables that Slurm sets.
#[test]
fn the_slurm_scripts_for_many_positions_run() {
    let folder = setting();
    let here = folder.path();
    let gather = page("docs/batch/gather.sbatch");
    for task in ["1", "2"] {
        run(here, &gather, &slurm(task));
    }
    // A task that is queued again keeps its shard.
    let again = run(here, &gather, &slurm("2"));
    assert!(again.contains("is there already"), "{again}");
    run(here, &page("docs/batch/find.sbatch"), &slurm("1"));
    let order = fs::read_to_string(here.join("perm.txt")).unwrap();
    assert_eq!(
        order.lines().filter(|line| !line.starts_with('#')).count(),
        64
    );
    assert!(!here.join("search.state").exists());
}

/// Two tasks share the jobs of the documented file.
#[test]
fn the_slurm_script_for_many_networks_runs() {
    let folder = setting();
    let here = folder.path();
    for task in ["1", "2"] {
        run(here, &page("docs/batch/jobs.sbatch"), &slurm(task));
        assert!(here.join(format!("ftperm-{task}.prom")).exists());
    }
    assert!(here.join("reports/master.json").exists());
    assert!(here.join("reports/x.json").exists());
}

fn slurm(task: &str) -> [(&str, &str); 4] {
    [
        ("SLURM_ARRAY_TASK_ID", task),
        ("SLURM_ARRAY_TASK_COUNT", "2"),
        ("SLURM_CPUS_PER_TASK", "1"),
        ("SLURM_MEM_PER_NODE", "1024"),
    ]
}

/// cron and systemd find the program where `cargo install` puts it, and work in `~/nets`.
#[test]
fn the_lines_of_cron_and_systemd_run() {
    let crontab = page("docs/batch/crontab");
    let five_fields = |line: &str| line.splitn(6, ' ').nth(5).map(str::to_string);
    let cron = five_fields(crontab.lines().last().unwrap()).unwrap();
    let service = page("docs/batch/ftperm-batch.service");
    let start = service
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .unwrap();
    let start = format!("cd ~/nets && {}", start.replace("%h", "~"));
    for script in [cron, start] {
        let folder = setting();
        let jobs = "[jobs.a]\nnet = \"master.nnue\"\ndata = [\"../train.binpack\"]\ncount = 2000\nout-sha = \"done\"\n";
        fs::write(folder.path().join("nets/jobs.toml"), jobs).unwrap();
        run(folder.path(), &script, &[]);
        assert!(folder.path().join("nets/ftperm.prom").exists(), "{script}");
        assert!(folder.path().join("nets/done").is_dir(), "{script}");
    }
}
