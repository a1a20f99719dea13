//! Every reader of what may come from others, on generated input: damaged files, garbage, nesting,
//! numbers out of any range. None panics, none takes much memory.
//!
//! `READER_CASES=1000000 cargo test --release --test readers -- --nocapture` is the long way, which
//! also prints the slowest input of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ansatz::base::random::{Key, Stream};
use ansatz::contract::{Annotation, Checkpoint, Tensor};
use ansatz::run::{Changes, Folder, Reader, Saved, WorkOptions, annotate, check, create, load, work};
use ansatz::systems;
use ansatz::tasks::base_set::Standardise;
use ansatz::tasks::{idx, tables};
use rand::RngExt;
use rustix::time::{ClockId, clock_gettime};

/// Inputs for each reader.
fn cases() -> u64 {
    std::env::var("READER_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

/// A damaged copy of a good file, or garbage.
fn damaged(good: &[u8], random: &mut Stream) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..random.random_range(1..4) {
        damage(&mut bytes, random);
    }
    bytes
}

fn damage(bytes: &mut Vec<u8>, random: &mut Stream) {
    const PIECES: [&[u8]; 14] = [
        b"1e999",
        b"-1",
        b"NaN",
        b"null",
        b"99999999999999999999999",
        b"\"",
        b"{",
        b"}",
        b"]",
        b"\n",
        b"\xff\xfe",
        b"\0",
        b"18446744073709551615",
        b"\xef\xbb\xbf",
    ];
    let mut place = |len: usize| random.random_range(0..=len);
    let (at, other) = (place(bytes.len()), place(bytes.len()));
    let (from, to) = (at.min(other), at.max(other));
    match random.random_range(0..9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(from..to.min(from + 64))),
        3 => {
            let copy = bytes[from..to.min(from + 4096)].to_vec();
            bytes.splice(at..at, copy);
        }
        4 | 5 => {
            let piece = PIECES[random.random_range(0..PIECES.len())];
            bytes.splice(from..to.min(from + random.random_range(0..8)), piece.iter().copied());
        }
        6 => {
            let bracket = [b"[", b"{", b"("][random.random_range(0..3)];
            bytes.splice(at..at, bracket.repeat(random.random_range(1..3000)));
        }
        7 => *bytes = (0..random.random_range(0..300)).map(|_| random.random()).collect(),
        _ => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = random.random()),
    }
}

/// Gives a reader its inputs; prints the slowest in the long way.
fn try_all(name: &str, good: &[u8], mut read: impl FnMut(&[u8])) {
    let mut slowest = (Duration::ZERO, 0);
    for case in 0..cases() {
        let bytes = damaged(good, &mut Key::new(9).purpose(name).index(case).stream());
        let begun = worked();
        read(&bytes);
        slowest = slowest.max((worked() - begun, case));
    }
    println!("{name}: {} inputs, the slowest took {:?} of work (case {})", cases(), slowest.0, slowest.1);
}

/// What this thread has worked so far; others that want the processor do not count.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The most memory that this process ever had, if the system tells.
fn peak_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// A finished run of a few steps.
fn finished_run(root: &Path) -> Folder {
    let set =
        ["common.steps=2", "common.batch=2", "evaluation.sequences=2", "evaluation.probe=2", "evaluation.every=1"];
    let small = Changes { set: set.map(str::to_owned).to_vec(), seeds: Some(1), seed: None };
    let preset = load(systems::ALL, "gpicl/ablated", &small).unwrap();
    let folder = create(root, &preset, None, 1).unwrap();
    for said in [Annotation::Tag("final".into()), Annotation::Note("It ends early.".into())] {
        annotate(&folder, said).unwrap();
    }
    work(&folder, systems::ALL, &WorkOptions::threads(2)).unwrap();
    folder
}

#[test]
fn no_reader_panics_or_swells() {
    let before = peak_memory();
    let quick = systems::find("gpicl").unwrap().preset("quick").unwrap().text;
    try_all("preset", quick.as_bytes(), |bytes| {
        if let Ok(text) = std::str::from_utf8(bytes) {
            let _ = check(systems::ALL, "preset.ron", text);
        }
    });
    try_all("checkpoint", &checkpoint(), |bytes| {
        // What passes for the checkpoint is the checkpoint; blanks of its header may be other blanks.
        if let Ok(saved) = Saved::from_bytes(bytes) {
            assert!(saved.to_bytes().unwrap() == checkpoint());
        }
    });
    let table = b"a,b,label\n1,2.5,x\n3,4,y\n0.25,-1,x\n";
    try_all("table", table, |bytes| _ = tables::parse("table.csv", bytes));
    let place = tempfile::tempdir().unwrap();
    let [images, labels] = ["images", "labels"].map(|name| place.path().join(name));
    fs::write(&labels, idx_file(&[20], &[0, 1, 2, 1].repeat(5))).unwrap();
    let files = idx::Files { name: "set".into(), images, labels, pool: false, limit: None, train: 0 };
    try_all("idx", &idx_file(&[20, 4, 4], &[7; 320]), |bytes| {
        fs::write(&files.images, bytes).unwrap();
        let _ = idx::read(&files, Standardise::default());
    });
    let swelled = before.zip(peak_memory()).map_or(0, |(before, after)| after - before);
    assert!(swelled < 256 << 20, "{swelled} bytes");
}

fn idx_file(extents: &[u32], values: &[u8]) -> Vec<u8> {
    let head = [0, 0, 8, extents.len() as u8].into_iter();
    head.chain(extents.iter().flat_map(|extent| extent.to_be_bytes())).chain(values.iter().copied()).collect()
}

fn checkpoint() -> Vec<u8> {
    let tensor = |name: &str, len: usize| Tensor { name: name.into(), shape: vec![len], values: vec![0.5; len] };
    let fields = BTreeMap::from([("examined".to_owned(), "3".to_owned())]);
    let checkpoint = Checkpoint { step: 5, tensors: vec![tensor("b", 7), tensor("a.weight", 3)], fields };
    Saved { checkpoint, metrics: 10, finished: false, preset: "hash".into() }.to_bytes().unwrap()
}

/// Every file of a run, damaged: readers refuse it or say what is wrong.
#[test]
fn no_file_of_a_run_breaks_its_readers() {
    let place = tempfile::tempdir().unwrap();
    let folder = finished_run(place.path());
    let first = folder.manifest().unwrap().trials.remove(0).name;
    // The files of one trial stand for those of all.
    let of_others =
        |path: &PathBuf| path.starts_with(folder.path().join("trials")) && !path.to_string_lossy().contains(&first);
    for path in files(folder.path()).into_iter().filter(|path| !of_others(path)) {
        let name = path.strip_prefix(folder.path()).unwrap().display().to_string();
        let good = fs::read(&path).unwrap();
        let mut reader = Reader::open(&folder).unwrap();
        try_all(&name, &good, |bytes| {
            fs::write(&path, bytes).unwrap();
            let _ = Reader::open(&folder);
            let _ = reader.refresh();
            let _ = ansatz::run::list(place.path());
        });
        fs::write(&path, &good).unwrap();
    }
    Reader::open(&folder).unwrap();
}

/// A worker brings a run back to what it was wherever its preset and manifest are whole.
#[test]
fn a_worker_mends_what_can_be_mended() {
    let place = tempfile::tempdir().unwrap();
    let folder = finished_run(place.path());
    let whole: BTreeMap<PathBuf, Vec<u8>> =
        files(folder.path()).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    let results = |path: &Path| ["metrics.jsonl", "verdict.json"].iter().any(|name| path.ends_with(name));
    for case in 0..cases() / 50 {
        let mut random = Key::new(11).index(case).stream();
        for (path, good) in
            whole.iter().filter(|(path, _)| !path.ends_with("run.json") && !path.ends_with("preset.ron"))
        {
            if random.random_bool(0.4) {
                fs::write(path, damaged(good, &mut random)).unwrap();
            }
        }
        work(&folder, systems::ALL, &WorkOptions::threads(1)).unwrap();
        for (path, good) in whole.iter().filter(|(path, _)| results(path)) {
            assert!(fs::read(path).unwrap() == *good, "case {case}: {}", path.display());
        }
    }
}

/// The files of a run that are read.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.retain(|path| !["lock", "worker.log"].iter().any(|name| path.ends_with(name)));
    found.sort();
    found
}
