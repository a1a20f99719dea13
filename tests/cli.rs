//! The program from outside: what it prints, where, and with which exit code.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;

/// The program in a folder of its own.
fn ansatz(room: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("ansatz").unwrap();
    command.args(arguments).current_dir(room).stdin(Stdio::null());
    command.env_remove("ANSATZ_RUNS").env("TERM", "xterm-256color");
    command
}

/// Its exit code and what it printed.
fn ran(room: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = ansatz(room, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// One sentence for people: no defect, no backtrace, nothing on standard output.
fn assert_refused(arguments: &[&str], code: i32, part: &str) {
    let room = tempfile::tempdir().unwrap();
    let (found, out, err) = ran(room.path(), arguments);
    assert_eq!((found, out.as_str()), (code, ""), "{arguments:?}: {err}");
    assert!(err.starts_with("error: ") && err.contains(part), "{arguments:?}: {err}");
    assert!(!err.contains("defect") && !err.contains("backtrace"), "{err}");
    assert_eq!(std::fs::read_dir(room.path()).unwrap().count(), 0, "{arguments:?} left something behind");
}

#[test]
fn help_shows_examples_first() {
    let room = tempfile::tempdir().unwrap();
    let (code, out, err) = ran(room.path(), &["--help"]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!("help", out);
    let (code, out, _) = ran(room.path(), &["run", "--help"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!("help_run", out);
}

#[test]
fn bad_usage_is_refused_with_a_sentence() {
    assert_refused(&["rum"], 2, "'run'");
    assert_refused(&["run"], 2, "SYSTEM");
    assert_refused(&["run", "no-such-system"], 2, "no-such-system");
    assert_refused(&["run", "no-such.ron"], 2, "no-such.ron");
    assert_refused(&["run", "x", "--expect", "fame"], 2, "reproduced");
    assert_refused(&["run", "x", "--threads", "0"], 2, "1..=1024");
    assert_refused(&["step", "--count", "0"], 2, "--count");
    assert_refused(&["preset", "check", "no-such.ron"], 2, "no-such.ron");
    assert_refused(&["man", "rnu"], 2, "did you mean `run`");
}

#[test]
fn runs_that_are_not_there_are_refused() {
    for command in ["show", "watch", "pause", "step", "tag", "note", "stop", "resume", "snapshot", "diagnose"] {
        assert_refused(&[command], 2, "no runs");
    }
    assert_refused(&["show", "nothing"], 2, "nothing");
    assert_refused(&["rm", "nothing"], 2, "nothing");
    assert_refused(&["worker", "nothing"], 2, "nothing");
}

#[test]
fn the_viewer_needs_a_terminal() {
    assert_refused(&[], 2, "terminal");
}

#[test]
fn a_slip_in_a_name_is_named() {
    for entry in ansatz::systems::ALL {
        let slug = entry.card.slug;
        assert_refused(&["run", &format!("{slug}x")], 2, &format!("did you mean `{slug}`"));
        assert_refused(&["run", slug, "--set", "sed=3"], 2, "sed");
    }
    assert_refused(&["data", "irris"], 2, "did you mean `iris`");
    assert_refused(&["data", "iris", "--set", "depth=3"], 2, "depth");
}

#[test]
fn every_shipped_preset_passes_its_own_check_and_reads_back_from_its_commented_form() {
    let room = tempfile::tempdir().unwrap();
    for entry in ansatz::systems::ALL {
        for preset in entry.presets {
            let name = format!("{}/{}", entry.card.slug, preset.name);
            let (code, text, err) = ran(room.path(), &["preset", "new", &name]);
            assert_eq!((code, err.as_str()), (0, ""), "{name}");
            let takes = |line: &&str| line.trim_start().starts_with("// Takes ");
            assert!(text.lines().filter(takes).count() > 10, "{name}: {text}");
            std::fs::write(room.path().join("mine.ron"), text).unwrap();
            let (code, out, err) = ran(room.path(), &["preset", "check", "mine.ron"]);
            assert!(code == 0 && out.starts_with("ok: "), "{name}: {out}{err}");
            let (code, out, err) = ran(room.path(), &["preset", "show", &name]);
            assert!(code == 0 && out.contains(entry.card.slug), "{name}: {out}{err}");
            assert_eq!(ran(room.path(), &["preset", "show", "mine.ron"]).1, out, "{name}");
        }
    }
}

#[test]
fn settings_are_explained() {
    let room = tempfile::tempdir().unwrap();
    let (code, out, err) = ran(room.path(), &["preset", "explain", "gpicl", "common.model"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for part in ["settings.common.model = transformer", "Kind of model.", "takes transformer, lstm", "lstm: Long short"]
    {
        assert!(out.contains(part), "{out}");
    }
    let (_, table, _) = ran(room.path(), &["preset", "explain", "gpicl"]);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let row = |path: &str| words(table.lines().find(|line| line.starts_with(path)).unwrap_or_default());
    assert!(row("settings.common.batch ").contains("whole number (1 to 4096) B: sequences in a batch."), "{table}");
    assert!(row("seeds ").contains("1 to 1000 replicas"), "{table}");
    let (code, json, _) = ran(room.path(), &["preset", "explain", "gpicl", "grids[2]", "--json"]);
    let rows: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert_eq!((code, rows[0]["path"].as_str()), (0, Some("settings.grids.2")));
    let over = rows.iter().find(|row| row["path"] == "settings.grids.2.over").unwrap();
    assert!(over["takes"].as_str().unwrap().contains("width: 1 to 4096"), "{over}");
    assert_refused(&["preset", "explain", "gpicl", "common.widht"], 2, "did you mean `settings.common.width`");
}

#[test]
fn list_names_every_system() {
    let room = tempfile::tempdir().unwrap();
    let (code, out, err) = ran(room.path(), &["list", "--json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let document: Vec<Value> = serde_json::from_str(&out).unwrap();
    let slugs: Vec<&str> = document.iter().filter_map(|row| row["slug"].as_str()).collect();
    assert_eq!(slugs, ansatz::systems::ALL.iter().map(|entry| entry.card.slug).collect::<Vec<_>>());
    let (_, table, _) = ran(room.path(), &["list"]);
    assert!(table.lines().count() == slugs.len() + 2 && slugs.iter().all(|slug| table.contains(slug)), "{table}");
}

#[test]
fn data_comes_as_csv() {
    let room = tempfile::tempdir().unwrap();
    let (code, out, _) = ran(room.path(), &["data", "digits", "--limit", "3"]);
    assert_eq!((code, out.lines().count()), (0, 3));
    assert!(out.lines().all(|line| line.split(',').count() == 65), "{out}");
    let (code, out, _) = ran(room.path(), &["data", "gpicl", "--limit", "2"]);
    assert_eq!((code, out.lines().count()), (0, 3));
    let (code, out, _) = ran(room.path(), &["data"]);
    assert!(code == 0 && out.contains("wine"));
}

#[test]
fn doctor_works_without_a_terminal() {
    let room = tempfile::tempdir().unwrap();
    let (code, out, _) = ran(room.path(), &["doctor", "--json"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let state = |name: &str| findings.iter().find(|f| f["name"] == name).map(|f| f["state"].clone());
    assert_eq!((code, state("terminal"), state("runs folder")), (0, Some("warn".into()), Some("ok".into())));
    assert!(["cores", "instructions", "free disk", "durable write"].into_iter().all(|name| state(name).is_some()));
    assert_eq!(std::fs::read_dir(room.path()).unwrap().count(), 0);
}

#[test]
fn completions_and_manual_know_the_commands() {
    let room = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = ran(room.path(), &["completions", shell]);
        assert!(code == 0 && out.contains("snapshot"), "{shell}");
    }
    let (code, out, _) = ran(room.path(), &["man"]);
    assert!(code == 0 && out.contains(".TH ansatz") && out.contains("snapshot") && !out.contains("ansatz\\-worker"));
    let (code, out, _) = ran(room.path(), &["man", "run"]);
    assert!(code == 0 && out.contains("expect") && out.contains("Examples"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let room = tempfile::tempdir().unwrap();
    let mut child =
        ansatz(room.path(), &["data", "gpicl"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    assert!(line.starts_with("sequence,"));
}
