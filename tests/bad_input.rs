//! Bad input gets one clear message with its place, exit code 2 (4 for the disk), and leaves nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use assert_cmd::cargo::CommandCargoExt;

const QUICK: &str = include_str!("../presets/gpicl/quick.ron");

fn told(room: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::cargo_bin("ansatz").unwrap();
    command.args(arguments).current_dir(room).stdin(Stdio::null()).env_remove("ANSATZ_RUNS");
    let output = command.output().unwrap();
    assert!(output.stdout.is_empty(), "{arguments:?} wrote to standard output");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Runs a preset file and expects it to be refused before any run folder appears.
fn refused(room: &Path, preset: impl AsRef<[u8]>, parts: &[&str]) {
    fs::write(room.join("mine.ron"), preset).unwrap();
    let (code, message) = told(room, &["run", "mine.ron"]);
    assert_eq!(code, Some(2), "{message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
    assert!(message.starts_with("error: mine.ron") && !message.contains("panicked"), "{message}");
    assert!(!room.join("runs").exists(), "a run folder was left: {message}");
}

/// `quick` with one thing wrong.
fn wrong(from: &str, to: &str) -> String {
    assert!(QUICK.contains(from), "{from}");
    QUICK.replacen(from, to, 1)
}

#[test]
fn a_wrong_preset_is_told_with_line_field_and_nearest_name() {
    let room = tempfile::tempdir().unwrap();
    for (from, to, parts) in [
        ("seeds: 3,", "seeds: 3, sedes: 1,", &["mine.ron:9:15", "`sedes`", "did you mean `seeds`?"][..]),
        ("width: 64,", "widht: 64,", &["mine.ron:28:13", "`settings.common.widht`", "did you mean `width`?"]),
        ("batch: 32,", "batch: \"many\",", &["mine.ron:32:20", "`settings.common.batch`", "whole number"]),
        ("batch: 32,", "batch: -4,", &["mine.ron:32:20", "`settings.common.batch`"]),
        ("batch: 32,", "batch: 0,", &["mine.ron:32:20", "expected 1 to 4096"]),
        ("heads: 2, ", "heads: 3, ", &["mine.ron:30:20", "a divisor of the width 64: 1, 2, 4, 8, 16, 32, 64"]),
        ("3e-3", "1e999", &["mine.ron:34:28", "1e999"]),
        ("model: transformer", "model: transfomer", &["mine.ron:27:20", "did you mean `transformer`?"]),
        ("system: \"gpicl\"", "system: \"gpcil\"", &["mine.ron:4:13", "did you mean `gpicl`?"]),
        ("{\"window\": [2, 1]}", "{\"windov\": [2, 1]}", &["mine.ron:43", "did you mean `window`?"]),
        ("[\"lstm\"]", "[\"lsmt\"]", &["mine.ron:45", "did you mean `lstm`?"]),
        ("{\"width\": [16]}", "{\"width\": [15]}", &["mine.ron:44", "a divisor of the width 15"]),
        ("{\"window\": [2, 1]}", "{\"window\": [2, 2]}", &["the same condition twice"]),
    ] {
        refused(room.path(), wrong(from, to), parts);
    }
}

#[test]
fn what_is_no_preset_at_all_is_refused_quickly() {
    let room = tempfile::tempdir().unwrap();
    refused(room.path(), "", &["holds no preset"]);
    refused(room.path(), [b'(', 0xff, 0xfe], &["UTF-8"]);
    refused(room.path(), "[".repeat(100_000), &[]);
    let garbage: Vec<u8> = (0..100_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    refused(room.path(), garbage, &["larger than 1 MiB"]);
}

#[test]
fn settings_on_the_command_line_are_checked_alike() {
    let room = tempfile::tempdir().unwrap();
    for (set, part) in [
        ("common.heads=3", "a divisor of the width 64"),
        ("common.haeds=2", "did you mean `heads`?"),
        ("common", "expected path.to.field=VALUE"),
        ("common.tasks=lots", "expected a number of tasks or \"inf\""),
    ] {
        let (code, message) = told(room.path(), &["run", "gpicl/quick", "--set", set]);
        assert!(code == Some(2) && message.contains(part), "{set}: {message}");
    }
    let (code, message) = told(room.path(), &["run", "gpicl/qick"]);
    assert!(code == Some(2) && message.contains("did you mean `quick`?"), "{message}");
    assert_eq!(fs::read_dir(room.path()).unwrap().count(), 0);
}

/// An IDX file of unsigned bytes.
fn idx(extents: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, extents.len() as u8];
    extents.iter().for_each(|extent| file.extend(extent.to_be_bytes()));
    file.extend(bytes);
    file
}

#[test]
fn broken_idx_files_are_refused_by_name() {
    let room = tempfile::tempdir().unwrap();
    let images = idx(&[20, 8, 8], &[7; 20 * 64]);
    let labels = idx(&[20], &(0..20).map(|i| i % 5).collect::<Vec<u8>>());
    let write = |name: &str, bytes: &[u8]| fs::write(room.path().join(name), bytes).unwrap();
    write("images", &images);
    write("labels", &labels);
    write("short-images", &images[..500]);
    write("short-labels", &labels[..15]);
    write("wrong-magic", &[&[0, 0, 9, 3], &images[4..]].concat());
    write("cut.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2]);
    write("few-labels", &idx(&[19], &[0; 19]));
    write("huge", &idx(&[4_000_000_000, 4000, 4000], b"abc"));
    write("far-labels", &idx(&[20], &[200; 20]));
    for (images, labels, parts) in [
        ("short-images", "labels", &["short-images", "expected 1296 bytes", "found 500"][..]),
        ("images", "short-labels", &["short-labels", "expected 28 bytes"]),
        ("wrong-magic", "labels", &["wrong-magic", "magic number"]),
        ("labels", "images", &["labels: expected the magic number"]),
        ("cut.gz", "labels", &["cut.gz", "cannot be read"]),
        ("images", "few-labels", &["20 images", "19 labels"]),
        ("huge", "labels", &["huge", "4000000000"]),
        ("none", "labels", &["none cannot be read"]),
        ("images", "far-labels", &["no training row of class"]),
    ] {
        let base = format!("base: idx((name: \"mine\", images: \"{images}\", labels: \"{labels}\", train: 10)),");
        refused(room.path(), wrong("base: digits,", &base), &[parts, &["mine.ron:11"]].concat());
    }
    let evaluate = "base: digits, evaluate_on: [(name: \"x\", images: \"short-images\", labels: \"labels\")],";
    refused(room.path(), wrong("base: digits,", evaluate), &["mine.ron:11", "short-images"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_disk_trouble() {
    let room = tempfile::tempdir().unwrap();
    fs::write(room.path().join("file"), "").unwrap();
    let (code, message) = told(room.path(), &["--runs", "file", "run", "gpicl/quick"]);
    assert!(code == Some(4) && message.starts_with("error: file: cannot be written"), "{message}");
}

#[test]
fn folders_that_are_no_runs_are_told_so() {
    let room = tempfile::tempdir().unwrap();
    fs::create_dir_all(room.path().join("empty")).unwrap();
    fs::create_dir_all(room.path().join("garbled")).unwrap();
    fs::write(room.path().join("garbled/run.json"), "{ this is no manifest").unwrap();
    for folder in ["empty", "garbled", "none"] {
        for command in ["show", "snapshot", "resume", "stop"] {
            let (code, message) = told(room.path(), &[command, &format!("./{folder}")]);
            assert!(code == Some(2) && message.contains(folder), "{command} {folder}: {message}");
            assert!(!message.contains("panicked"), "{message}");
        }
    }
}

#[test]
fn without_a_terminal_the_viewer_says_what_works() {
    let room = tempfile::tempdir().unwrap();
    let (code, message) = told(room.path(), &[]);
    assert!(code == Some(2) && message.contains("`ansatz run`"), "{message}");
}
