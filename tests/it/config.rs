//! Options from configuration files and the environment, as a user meets them.

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::material;
use crate::common::program::Case;

/// Runs the program in a folder, with the user's configuration folder inside, and with variables.
fn ftperm(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let case = Case::new(arguments[0])
        .args(&arguments[1..])
        .folder(folder)
        .env("HOME", folder.join("home"))
        .env("XDG_CONFIG_HOME", folder.join("home/config"));
    let set = |case: Case, &(name, value): &(&str, &str)| case.env(name, value);
    variables.iter().fold(case, set).output()
}

fn folder_with(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ftperm.toml"), config).unwrap();
    folder
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What `ftperm config` shows for an option: value and origin.
fn shown(
    folder: &Path,
    variables: &[(&str, &str)],
    words: &[&str],
    option: &str,
) -> (Value, String) {
    let arguments = [&["--json", "config"], words].concat();
    let output = ftperm(folder, variables, &arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let setting = &json["commands"][words[0]][option];
    let at = setting["at"].as_str().or(setting["from"].as_str());
    (setting["value"].clone(), at.unwrap_or_default().to_string())
}

#[test]
fn the_command_line_is_stronger_than_the_environment_and_that_than_the_file() {
    let folder = folder_with("count = 1\n\n[optimize]\ncount = 2\n");
    let path = folder.path();
    let count = |variables: &[(&str, &str)], words: &[&str]| shown(path, variables, words, "count");
    let text = |text: &str, at: &str| (Value::from(text), at.to_string());
    assert_eq!(count(&[], &["gather"]), text("1", "ftperm.toml:1"));
    assert_eq!(count(&[], &["optimize"]), text("2", "ftperm.toml:4"));
    let general = [("FTPERM_COUNT", "3")];
    assert_eq!(count(&general, &["optimize"]), text("3", "FTPERM_COUNT"));
    let both = [("FTPERM_COUNT", "3"), ("FTPERM_OPTIMIZE_COUNT", "4")];
    assert_eq!(
        count(&both, &["optimize"]),
        text("4", "FTPERM_OPTIMIZE_COUNT")
    );
    assert_eq!(count(&both, &["gather"]), text("3", "FTPERM_COUNT"));
    assert_eq!(
        count(&both, &["optimize", "--count", "5"]),
        text("5", "command line")
    );
    // The default that `--help` prints.
    assert_eq!(
        count(&both, &["optimize", "--no-config"]),
        text("50000", "default")
    );
}

#[test]
fn a_file_is_named_or_in_the_current_folder_or_the_users() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let count =
        |variables: &[(&str, &str)], words: &[&str]| shown(path, variables, words, "seed").0;
    assert_eq!(count(&[], &["optimize"]), "0");
    if cfg!(target_os = "linux") {
        std::fs::create_dir_all(path.join("home/config/ftperm")).unwrap();
        std::fs::write(path.join("home/config/ftperm/ftperm.toml"), "seed = 1").unwrap();
        assert_eq!(count(&[], &["optimize"]), "1");
    }
    std::fs::write(path.join("ftperm.toml"), "seed = 2").unwrap();
    assert_eq!(count(&[], &["optimize"]), "2");
    std::fs::write(path.join("b.toml"), "seed = 3").unwrap();
    std::fs::write(path.join("c.toml"), "seed = 4").unwrap();
    let named = [("FTPERM_CONFIG", "b.toml")];
    assert_eq!(count(&named, &["optimize"]), "3");
    assert_eq!(count(&named, &["optimize", "--config", "c.toml"]), "4");
    let missing = ftperm(path, &[], &["--config", "d.toml", "nets"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("cannot read d.toml"));
}

#[test]
fn settings_are_what_commands_run_with() {
    let demo = material::own("datasets/demo.nnue");
    let data = material::own("datasets/selfplay.binpack");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("out")).unwrap();
    let config = format!(
        "quiet = true\ncount = 300\nbackend = \"cpu\"\nseed = 9\n[optimize]\nout_sha = \"out\"\ndata = [{:?}]\n",
        data.to_str().unwrap()
    );
    std::fs::write(folder.path().join("ftperm.toml"), config).unwrap();
    let net = [("FTPERM_NET", demo.to_str().unwrap())];
    let output = ftperm(folder.path(), &net, &["optimize", "--json", "--seed", "5"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "", "the file says quiet");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["positions"], 300);
    assert_eq!(report["seed"], 5);
    // The command line's --out takes the place of the file's out-sha, which excludes it.
    let output = ftperm(folder.path(), &net, &["optimize", "--out", "here.nnue"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(folder.path().join("here.nnue").is_file());
    let switch = [net[0], ("FTPERM_QUIET", "0")];
    let output = ftperm(folder.path(), &switch, &["optimize", "--out", "here.nnue"]);
    assert!(
        stderr(&output).contains("wrote here.nnue"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn what_means_nothing_is_an_error_with_file_and_line() {
    let cases = [
        (
            "\ncout = 3",
            "ftperm.toml:2: no command has an option `cout`; is `count` meant?",
        ),
        (
            "[optimise]\ncount = 3",
            "ftperm.toml:1: there is no command `optimise`; is `optimize` meant?",
        ),
        (
            "[apply]\n\ncertify = true",
            "ftperm.toml:3: `apply` has no option `certify`",
        ),
        (
            "[optimize]\ncount = 0",
            "ftperm.toml:2: count: invalid value '0' for '--count <N>'",
        ),
        (
            "[optimize]\ncertify = 1",
            "ftperm.toml:2: certify: it is a switch, true or false",
        ),
        (
            "[optimize]\ncount = true",
            "ftperm.toml:2: count: a value is missing",
        ),
        (
            "[optimize]\ncount = [1, 2]",
            "ftperm.toml:2: count: it takes one value, not a list",
        ),
        (
            "[optimize]\neffort = \"huge\"",
            "possible values: quick, normal, max",
        ),
        (
            "[optimize]\nseed = { a = 1 }",
            "ftperm.toml:2: a string or a number is expected",
        ),
        (
            "[optimize]\nout = \"a\"\nout-sha = \"b\"",
            "cannot be used with",
        ),
        ("a = \n", "ftperm.toml:1: "),
        ("a = 1\na = 2\n", "ftperm.toml:2: "),
        ("config = \"b.toml\"", "ftperm.toml:1: "),
        (
            "[optimize]\nout_sha = \"a\"\nout-sha = \"b\"",
            "ftperm.toml:3: out-sha: set twice",
        ),
    ];
    for (config, message) in cases {
        let folder = folder_with(config);
        let output = ftperm(folder.path(), &[], &["optimize", "--data", "none.binpack"]);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{config}: {text}");
        assert!(text.contains(message), "{config}: {text}");
        assert!(!text.contains("panicked"), "{text}");
    }
    let folder = folder_with("");
    std::fs::write(folder.path().join("ftperm.toml"), b"seed = 1\n# \xff").unwrap();
    let output = ftperm(folder.path(), &[], &["nets"]);
    assert!(stderr(&output).contains("ftperm.toml:2: not UTF-8"));
}

/// What the parser does not see names the place of the setting, too.
#[test]
fn settings_that_contradict_the_command_line_are_told() {
    let folder =
        folder_with("ply-x1 = 8\n\n[export]\nname = \"fn\"\n[gather]\nkernel = \"avx2\"\n");
    for (words, place) in [
        (
            &["verify", "a", "b", "--data", "c"][..],
            "(--ply-x1 comes from ftperm.toml:1)",
        ),
        (
            &["export", "p.txt", "--as", "rust"],
            "(--name comes from ftperm.toml:4)",
        ),
        (
            &["gather", "--data", "c", "--out", "d", "--backend", "gpu"],
            "(--kernel comes from ftperm.toml:6)",
        ),
    ] {
        let output = ftperm(folder.path(), &[], words);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(place), "{text}");
    }
    // It is not this option that is wrong.
    let folder = folder_with("out = \"o.nnue\"");
    let words = ["optimize", "--data", "c", "--perm", "-"];
    let text = stderr(&ftperm(folder.path(), &[], &words));
    assert!(
        text.contains("--perm -") && !text.contains("--out"),
        "{text}"
    );
}

#[test]
fn variables_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, value: &str| ftperm(folder.path(), &[(name, value)], &["optimize"]);
    let output = run("FTPERM_CERTIFY", "maybe");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("FTPERM_CERTIFY: `maybe` is neither true nor false"));
    let output = run("FTPERM_COUNT", "many");
    assert!(stderr(&output).contains("FTPERM_COUNT: count: invalid value 'many'"));
    let nets = |name: &str| {
        let output = ftperm(folder.path(), &[(name, "x")], &["devices"]);
        stderr(&output)
    };
    assert!(nets("FTPERM_COUTN").contains("FTPERM_COUTN means nothing"));
    assert!(!nets("FTPERM_NPM_NETS").contains("means nothing"));
}

#[test]
fn the_configuration_that_is_printed_can_be_read_back() {
    let folder =
        folder_with("[optimize]\ndata = [\"a b\", \"c\\\"d\"]\ncount = 7\ncertify = true\n");
    let first = ftperm(folder.path(), &[], &["config"]);
    assert!(first.status.success(), "{}", stderr(&first));
    let text = String::from_utf8(first.stdout).unwrap();
    assert!(text.contains("ftperm.toml:3"), "{text}");
    std::fs::write(folder.path().join("ftperm.toml"), &text).unwrap();
    let data = shown(folder.path(), &[], &["optimize"], "data").0;
    assert_eq!(data, serde_json::json!(["a b", "c\"d"]));
    assert_eq!(shown(folder.path(), &[], &["optimize"], "count").0, "7");
    assert_eq!(shown(folder.path(), &[], &["optimize"], "certify").0, true);
}

#[test]
fn a_setting_that_needs_an_option_waits_for_it() {
    let demo = material::own("datasets/demo.nnue");
    let folder = folder_with("[serialize]\nft-optimize-count = 200\n");
    let net = demo.to_str().unwrap();
    let output = ftperm(folder.path(), &[], &["serialize", net, "plain.nnue"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let data = material::own("datasets/selfplay.binpack");
    let data = ["--ft-optimize-data", data.to_str().unwrap()];
    let arguments = [&["serialize", net, "best.nnue", "--ft-optimize"][..], &data].concat();
    let output = ftperm(folder.path(), &[], &arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("on 200 positions"),
        "{}",
        stderr(&output)
    );
    // What the command line lacks is still said.
    let output = ftperm(
        folder.path(),
        &[],
        &["serialize", net, "c.nnue", "--ft-optimize"],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--ft-optimize-data"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn help_and_words_that_are_no_command() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| ftperm(folder.path(), &[], words);
    let help = run(&["config", "--help"]);
    assert!(help.status.success() && stdout(&help).contains("Usage: ftperm config"));
    for words in [["find", "--help"], ["find_perm", "-h"]] {
        let output = run(&[&["config"], &words[..]].concat());
        assert_eq!(stdout(&output), stdout(&help), "{words:?}");
    }
    for (word, hint) in [("fnd", "is `find` meant?"), ("help", ""), ("batch-job", "")] {
        let output = run(&["config", word]);
        assert_eq!(output.status.code(), Some(2), "{word}");
        let text = stderr(&output);
        let expected = format!("there is no command `{word}`");
        assert!(text.contains(&expected) && text.contains(hint), "{text}");
    }
}

#[test]
fn options_of_one_name_that_mean_other_things_have_other_keys() {
    let folder = folder_with("data = \"file.binpack\"\nplanes = \"file.ftzp\"\n");
    let none = (Value::Null, "default".to_string());
    let text = |text: &str, at: &str| (Value::from(text), at.to_string());
    let data = |variables: &[(&str, &str)], words: &[&str]| {
        let (value, at) = shown(folder.path(), variables, words, "data");
        // `config` shows an option that takes several as a list where it shows all.
        let value = value
            .as_array()
            .map_or(value.clone(), |list| list[0].clone());
        (value, at)
    };
    for planes in ["find", "eval"] {
        assert_eq!(data(&[], &[planes]), text("file.ftzp", "ftperm.toml:2"));
        let positions = [("FTPERM_DATA", "x.binpack")];
        assert_eq!(
            data(&positions, &[planes]),
            text("file.ftzp", "ftperm.toml:2")
        );
        let all = [("FTPERM_PLANES", "all.ftzp")];
        assert_eq!(data(&all, &[planes]), text("all.ftzp", "FTPERM_PLANES"));
        let name = format!("FTPERM_{}_DATA", planes.to_uppercase());
        let own = [("FTPERM_PLANES", "all.ftzp"), (name.as_str(), "own.ftzp")];
        assert_eq!(data(&own, &[planes]), text("own.ftzp", &name));
    }
    assert_eq!(
        data(&[], &["optimize"]),
        text("file.binpack", "ftperm.toml:1")
    );
    let positions = [("FTPERM_DATA", "x.binpack"), ("FTPERM_PLANES", "all.ftzp")];
    assert_eq!(
        data(&positions, &["gather"]),
        text("x.binpack", "FTPERM_DATA")
    );
    // So do numbers of positions and samples, and the share and the planes that are held out.
    let others = [("FTPERM_COUNT", "7"), ("FTPERM_HOLDOUT", "0.2")];
    for option in ["count", "holdout"] {
        assert_eq!(
            shown(folder.path(), &others, &["find"], option),
            none,
            "{option}"
        );
    }
    assert_eq!(
        shown(folder.path(), &others, &["gather"], "holdout").0,
        "0.2"
    );
    let own = [
        ("FTPERM_FIND_COUNT", "7"),
        ("FTPERM_HOLDOUT_PLANES", "held.ftzp"),
    ];
    assert_eq!(shown(folder.path(), &own, &["find"], "count").0, "7");
    let held = shown(folder.path(), &own, &["find"], "holdout");
    assert_eq!(held.1, "FTPERM_HOLDOUT_PLANES");
    // A layout of networks is none of what a trainer wrote.
    let layouts = folder_with("layout = \"obsidian\"\n");
    let layout = |variables: &[(&str, &str)], command: &str| {
        shown(layouts.path(), variables, &[command], "layout")
    };
    let networks = [("FTPERM_LAYOUT", "akimbo")];
    assert_eq!(layout(&[], "serialize"), none);
    assert_eq!(layout(&networks, "serialize"), none);
    assert_eq!(layout(&[], "optimize"), text("obsidian", "ftperm.toml:1"));
    assert_eq!(
        layout(&networks, "optimize"),
        text("akimbo", "FTPERM_LAYOUT")
    );
    for name in ["FTPERM_TRAINED_LAYOUT", "FTPERM_SERIALIZE_LAYOUT"] {
        let trained = [(name, "alexandria")];
        assert_eq!(layout(&trained, "serialize"), text("alexandria", name));
    }
    // The key of all commands is none of one.
    let folder = folder_with("[find]\nplanes = \"file.ftzp\"\n");
    let output = ftperm(folder.path(), &[], &["find", "--out", "y"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "ftperm.toml:2: `find` has no option `planes`";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}

#[test]
fn data_of_all_commands_do_not_reach_planes() {
    let folder = tempfile::tempdir().unwrap();
    for (variables, arguments, expected) in [
        (
            ("FTPERM_DATA", "x"),
            &["find", "--out", "y"][..],
            "--data <FILE>...",
        ),
        (("FTPERM_PLANES", "x"), &["find", "--out", "y"], "x: "),
        (("FTPERM_FIND_DATA", "x"), &["find", "--out", "y"], "x: "),
        (("FTPERM_DATA", "x"), &["eval"], "--data <FILE>..."),
        (("FTPERM_PLANES", "x"), &["eval"], "x: "),
    ] {
        let output = ftperm(folder.path(), &[variables], arguments);
        let text = stderr(&output);
        assert!(
            text.contains(expected) && !text.contains("panicked"),
            "{variables:?}: {text}"
        );
    }
}
