//! A run folder of which one file (by the first byte) is anything.
#![no_main]

use std::sync::OnceLock;

use ansatz::run::{Changes, Folder, Reader, create, load};
use ansatz::systems;

const FILES: [&str; 9] = [
    "run.json",
    "journal.jsonl",
    "progress.json",
    "panels.json",
    "notes.jsonl",
    "verdict.json",
    "trials/K-inf.s0/metrics.jsonl",
    "trials/K-inf.s0/panels.json",
    "trials/K-inf.s0/times.jsonl",
];

static RUN: OnceLock<(tempfile::TempDir, Folder)> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (_, folder) = RUN.get_or_init(|| {
        let place = tempfile::tempdir().unwrap();
        let preset = load(systems::ALL, "gpicl/quick", &Changes::default()).unwrap();
        let folder = create(place.path(), &preset, None, 1).unwrap();
        (place, folder)
    });
    let Some((which, bytes)) = bytes.split_first() else { return };
    let path = folder.path().join(FILES[usize::from(*which) % FILES.len()]);
    let before = std::fs::read(&path).ok();
    std::fs::write(&path, bytes).unwrap();
    let _ = Reader::open(folder);
    match before {
        Some(before) => std::fs::write(&path, before).unwrap(),
        None => std::fs::remove_file(&path).unwrap(),
    }
});
