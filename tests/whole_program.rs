//! Whole runs of the real binary: from preset to verdict, through kills, stops and closed terminals.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use assert_cmd::cargo::CommandCargoExt;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Settings that shrink `gpicl/quick` to about a second.
const SMALL: [&str; 10] = [
    "--set",
    "common.steps=4",
    "--set",
    "common.batch=2",
    "--set",
    "evaluation.sequences=4",
    "--set",
    "evaluation.probe=2",
    "--set",
    "evaluation.every=2",
];

struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        Room(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("ansatz").unwrap();
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_remove("ANSATZ_RUNS").env("TERM", "xterm-256color");
        command
    }

    /// Exit code, standard output, standard error.
    fn ran(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// A small run into a folder, with further arguments; its one JSON document.
    fn run(&self, folder: &str, more: &[&str]) -> Value {
        let arguments = [&["run", "gpicl/quick", "--out", folder, "--seeds", "1", "--json"][..], &SMALL, more].concat();
        let (code, out, err) = self.ran(&arguments);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).expect("exactly one JSON document")
    }

    fn document(&self, folder: &str) -> Value {
        let (code, out, err) = self.ran(&["show", folder, "--json"]);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).expect("exactly one JSON document")
    }

    fn steps(&self, folder: &str) -> u64 {
        self.document(folder)["step"].as_u64().unwrap()
    }

    /// Bytes of metrics of all trials.
    fn metrics(&self, folder: &str) -> u64 {
        let trials = fs::read_dir(self.path(folder).join("trials")).unwrap();
        trials.map(|trial| fs::metadata(trial.unwrap().path().join("metrics.jsonl")).map_or(0, |m| m.len())).sum()
    }

    /// The worker's process, from the lock that it holds.
    fn worker(&self, folder: &str) -> Option<Pid> {
        let folder = ansatz::run::Folder::open(&self.path(folder)).ok()?;
        let holder = ansatz::run::holder(&folder)?;
        Pid::from_raw(i32::try_from(holder.pid).ok()?)
    }
}

/// Waits for something that is to happen; a minute is far beyond any machine's need.
fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} never happened");
        sleep(Duration::from_millis(20));
    }
}

/// Every file that must not depend on threads, kills or the clock.
fn results(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut trials: Vec<PathBuf> = fs::read_dir(folder.join("trials")).unwrap().map(|e| e.unwrap().path()).collect();
    trials.sort();
    let mut files: Vec<PathBuf> = trials.iter().map(|trial| trial.join("metrics.jsonl")).collect();
    files.extend([folder.join("verdict.json"), folder.join("preset.ron")]);
    files.into_iter().map(|f| (f.strip_prefix(folder).unwrap().to_owned(), fs::read(&f).unwrap())).collect()
}

fn assert_same(first: &Path, second: &Path) {
    let (first, second) = (results(first), results(second));
    assert_eq!(first.len(), second.len());
    for ((name, a), (_, b)) in first.iter().zip(&second) {
        assert!(!a.is_empty() && a == b, "{} differs", name.display());
    }
}

#[test]
fn a_run_ends_with_one_document_that_show_repeats() {
    let room = Room::new();
    let document = room.run("small", &[]);
    assert_eq!((&document["system"], &document["state"]), (&"gpicl".into(), &"done".into()));
    let trials = document["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 7);
    for trial in trials {
        for field in ["name", "condition", "seed", "state", "metrics"] {
            assert!(!trial[field].is_null(), "a trial lacks {field}");
        }
    }
    for field in ["outcome", "statistic", "threshold", "controls", "seeds", "sentence", "effect", "interval"] {
        assert!(document["verdict"].get(field).is_some(), "the verdict lacks {field}");
    }
    assert_eq!(document["verdict"]["outcome"], "undecided", "one seed decides nothing");
    assert_eq!(room.document("small"), document);
}

#[test]
fn a_bias_card_is_made_kept_and_compared() {
    let room = Room::new();
    room.run("small", &[]);
    let (code, out, err) = room.ran(&["diagnose", "small", "--trial", "K-4.s0", "--json"]);
    assert_eq!(code, 0, "{err}");
    let card: Value = serde_json::from_str(&out).expect("exactly one JSON document");
    assert_eq!((&card["trial"], &card["condition"]), (&"K-4.s0".into(), &"K = 4".into()));
    let readings = card["readings"].as_array().unwrap();
    let measured = readings.iter().filter(|reading| reading["found"]["outcome"] == "measured");
    assert!(measured.clone().count() >= 6, "{out}");
    for reading in measured {
        for quantity in reading["found"]["quantities"].as_array().unwrap() {
            assert!(quantity["value"].is_number(), "{quantity}");
        }
    }
    // It stands in the run from now on, and every view shows it.
    let folder = ansatz::run::Folder::open(&room.path("small")).unwrap();
    let state = ansatz::run::Reader::open(&folder).unwrap().state().clone();
    let trial = state.trials.iter().find(|trial| trial.result.spec.name == "K-4.s0").unwrap();
    assert!(trial.panels.iter().any(|panel| panel.id == "bias-card"));
    let (code, out, err) = room.ran(&["compare", "--card", "small:K-4.s0", "small:lstm.s0"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("A  small, K-4.s0") && out.contains("B  small, lstm.s0") && out.contains("differs"), "{out}");
    let (code, _, err) = room.ran(&["diagnose", "small", "--trial", "K-5.s0"]);
    assert_eq!((code, err.contains("did you mean `K-4.s0`?")), (2, true), "{err}");
    let (code, out, err) = room.ran(&["compare", "small", "small"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("Settings that differ\nnone"), "{out}");
}

#[test]
fn tags_and_notes_come_and_go_without_a_worker() {
    let room = Room::new();
    let document = room.run("small", &[]);
    assert_eq!((&document["tags"], &document["notes"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    let before = results(&room.path("small"));
    assert_eq!(room.ran(&["tag", "small", "paper-fig-2", "draft"]).1, "paper-fig-2\ndraft\n");
    assert_eq!(room.ran(&["tag", "small", "final", "two words"]).0, 2);
    let (code, out, _) = room.ran(&["tag", "small", "--remove", "draft", "--json"]);
    assert_eq!((code, serde_json::from_str::<Value>(&out).unwrap()), (0, serde_json::json!(["paper-fig-2"])));
    let (code, _, err) = room.ran(&["tag", "small", "--remove", "paper-fig-3"]);
    assert!(code == 2 && err.contains("did you mean `paper-fig-2`?"), "{err}");
    let (code, out, err) = room.ran(&["note", "small", "The plateau ends early."]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let (code, out, _) = room.ran(&["note", "small"]);
    assert!(code == 0 && out.ends_with(" UTC  The plateau ends early.\n"), "{out}");
    let (_, out, _) = room.ran(&["show", "small"]);
    assert!(out.contains("\nTags: paper-fig-2\n") && out.contains("The plateau ends early."), "{out}");
    assert_eq!(room.document("small")["notes"][0]["text"], "The plateau ends early.");
    assert_eq!(room.ran(&["snapshot", "small", "--out", "shot"]).0, 0);
    let report = fs::read_to_string(room.path("shot/report.md")).unwrap();
    assert!(report.contains("paper-fig-2") && report.contains("The plateau ends early."), "{report}");
    assert_eq!(results(&room.path("small")), before);
}

#[test]
fn expecting_another_verdict_is_exit_code_three() {
    let room = Room::new();
    let arguments = [&["run", "gpicl/quick", "--seeds", "1", "--expect", "reproduced"][..], &SMALL].concat();
    let (code, _, err) = room.ran(&arguments);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("undecided"), "{err}");
    let (code, out, _) = room.ran(&["list"]);
    assert_eq!(code, 0);
    assert!(out.contains("undecided"), "the last verdict is listed: {out}");
}

#[test]
fn threads_change_no_byte() {
    let room = Room::new();
    room.run("one", &["--threads", "1"]);
    room.run("two", &["--threads", "2"]);
    assert_same(&room.path("one"), &room.path("two"));
}

#[test]
fn a_worker_killed_three_times_leaves_the_same_bytes() {
    let room = Room::new();
    let long = ["--set", "common.steps=60", "--threads", "2"];
    room.run("whole", &long);
    let arguments =
        [&["run", "gpicl/quick", "--out", "killed", "--seeds", "1", "--detach"][..], &SMALL, &long].concat();
    let (code, _, err) = room.ran(&arguments);
    assert_eq!(code, 0, "{err}");
    for part in [40, 150, 280] {
        until("progress", || room.steps("killed") >= part || room.worker("killed").is_none());
        let worker = room.worker("killed").expect("the run is long enough to be killed");
        kill_process(worker, Signal::KILL).unwrap();
        until("the end of the worker", || room.worker("killed").is_none());
        assert_eq!(room.document("killed")["state"], "stopped");
        let (code, _, err) = room.ran(&["resume", "killed", "--detach"]);
        assert_eq!(code, 0, "{err}");
    }
    until("the verdict", || room.document("killed")["state"] == "done");
    assert_same(&room.path("whole"), &room.path("killed"));
}

#[test]
fn a_run_pauses_stops_and_goes_on() {
    let room = Room::new();
    let long = ["--set", "common.steps=40", "--threads", "2"];
    room.run("whole", &long);
    let arguments =
        [&["run", "gpicl/quick", "--out", "halted", "--seeds", "1", "--detach"][..], &SMALL, &long].concat();
    assert_eq!(room.ran(&arguments).0, 0);
    assert_eq!(room.ran(&["pause", "halted"]).0, 0);
    until("the pause", || room.document("halted")["state"] == "paused");
    let (before, at) = (room.steps("halted"), room.metrics("halted"));
    assert_eq!(room.ran(&["step", "halted", "--count", "3"]).0, 0);
    until("the steps", || room.steps("halted") > before && room.metrics("halted") > at);
    sleep(Duration::from_millis(300));
    let (after, state) = (room.steps("halted"), room.document("halted")["state"].clone());
    sleep(Duration::from_millis(300));
    assert_eq!((room.steps("halted"), &state), (after, &"paused".into()), "it waits again");
    let (code, _, err) = room.ran(&["rm", "halted"]);
    assert_ne!(code, 0, "a live run is not put away");
    assert!(err.contains("halted"), "{err}");
    assert_eq!(room.ran(&["resume", "halted", "--detach"]).0, 0);
    until("going on", || room.document("halted")["state"] != "paused");
    let (code, _, err) = room.ran(&["stop", "halted"]);
    assert_eq!(code, 0, "{err}");
    until("the stop", || room.worker("halted").is_none());
    let (code, _, err) = room.ran(&["resume", "halted", "--json"]);
    assert_eq!(code, 0, "{err}");
    assert_same(&room.path("whole"), &room.path("halted"));
    assert_eq!(room.ran(&["rm", "halted"]).0, 0);
    assert!(!room.path("halted").exists());
}

#[test]
fn a_snapshot_is_whole_and_its_preset_reproduces_the_run() {
    let room = Room::new();
    room.run("first", &[]);
    let (code, _, err) = room.ran(&["snapshot", "first", "--out", "shot"]);
    assert_eq!(code, 0, "{err}");
    for file in [
        "report.md",
        "metrics.csv",
        "vectors.csv",
        "preset.ron",
        "screen.txt",
        "screen.ansi",
        "screen.svg",
        "verdict.json",
    ] {
        assert!(fs::metadata(room.path("shot").join(file)).unwrap().len() > 0, "{file}");
    }
    for panel in ["panels/learning.svg", "panels/regimes.csv", "panels/K-inf.s0/inside.svg"] {
        assert!(room.path("shot").join(panel).is_file(), "{panel}");
    }
    let (code, _, err) = room.ran(&["snapshot", "first", "--out", "shot"]);
    assert_eq!(code, 2, "an existing folder is not written over: {err}");
    let (code, _, err) = room.ran(&["run", "shot/preset.ron", "--out", "again", "--json"]);
    assert_eq!(code, 0, "{err}");
    assert_same(&room.path("first"), &room.path("again"));
}

#[test]
fn a_run_outlives_its_terminal() {
    let room = Room::new();
    let size = portable_pty::PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pair = portable_pty::native_pty_system().openpty(size).unwrap();
    let program = room.command(&[]).get_program().to_owned();
    let mut command = portable_pty::CommandBuilder::new(program);
    let more = ["--set", "common.steps=100"];
    command.args([&["run", "gpicl/quick", "--out", "left", "--seeds", "1"][..], &SMALL, &more].concat());
    command.cwd(room.0.path());
    command.env("TERM", "xterm-256color");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    until("the worker", || room.path("left").exists() && room.worker("left").is_some());
    let before = room.steps("left");
    drop(pair.master);
    child.wait().unwrap();
    assert!(room.worker("left").is_some(), "the worker went with its terminal");
    until("progress without a terminal", || room.steps("left") > before);
    until("the verdict", || room.document("left")["state"] == "done");
}

#[test]
fn an_interrupt_stops_at_a_checkpoint() {
    let room = Room::new();
    let more = ["--set", "common.steps=2000"];
    let arguments = [&["run", "gpicl/quick", "--out", "cut", "--seeds", "1"][..], &SMALL, &more].concat();
    let mut child = room.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("progress", || room.path("cut").exists() && room.worker("cut").is_some() && room.steps("cut") > 2);
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let code = child.wait().unwrap().code();
    assert_eq!(code, Some(1), "a run that was stopped is not done");
    assert_eq!(room.document("cut")["state"], "stopped");
    assert!(room.path("cut").join("trials/K-inf.s0/checkpoint.safetensors").is_file());
}
