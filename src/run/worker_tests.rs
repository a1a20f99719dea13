//! The promises of a worker: exact resume, equal at any thread count, trouble stays where it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use super::*;
use crate::contract::{Status, StudyState};
use crate::run::testing::TABLE;
use crate::run::{Changes, Reader, Request, checkpoint, create, document, find, list, load, lock, remove, request};

/// A new run of the toy system.
pub(in crate::run) fn toy(root: &Path, set: &[&str]) -> Folder {
    let changes = Changes { set: set.iter().map(|s| (*s).to_owned()).collect(), ..Changes::default() };
    let preset = load(TABLE, "toy", &changes).unwrap();
    create(root, &preset, None, 1).unwrap()
}

fn options(threads: usize, dies_after: Option<i64>) -> WorkOptions {
    let checkpoint_every = if dies_after.is_some() { Duration::ZERO } else { Duration::from_millis(20) };
    WorkOptions { checkpoint_every, dies_after, ..WorkOptions::threads(threads) }
}

/// The metrics of every trial, and the verdict.
pub(in crate::run) fn bytes(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let trials = folder.manifest().unwrap().trials;
    let metrics = trials.iter().map(|t| (t.name.clone(), fs::read(folder.metrics(&t.name)).unwrap()));
    metrics.chain([("verdict".to_owned(), fs::read(folder.verdict()).unwrap())]).collect()
}

pub(in crate::run) fn state(folder: &Folder) -> StudyState {
    Reader::open(folder).unwrap().state().clone()
}

/// Waits until `ready`, a few seconds at most.
pub(in crate::run) fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !ready() {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Works as far as the options say, and waits until nobody has the lock: a process that another test
/// starts at that moment has it, too, until it is a program of its own.
fn work_and_rest(folder: &Folder, options: &WorkOptions) -> Result<Ending, RunError> {
    let ending = work(folder, TABLE, options);
    until("the lock", || lock::holder(folder).is_none());
    ending
}

/// Ends the worker of a test that failed, which would else be waited for.
struct StopLater<'a>(&'a Folder);

impl Drop for StopLater<'_> {
    fn drop(&mut self) {
        request(self.0, Request::Stop).unwrap_or_default();
    }
}

const FAULTS: &str = "faults=[Panic(4), Fail(8), Diverge(step: 14), Nan(15)]";

#[test]
fn threads_and_kills_leave_no_trace_in_the_results() {
    let place = tempfile::tempdir().unwrap();
    let set = [FAULTS, "steps=24"];
    let unbroken = toy(place.path(), &set);
    let ending = work(&unbroken, TABLE, &WorkOptions::threads(1)).unwrap();
    assert!(matches!(ending, Ending::Failed(_)));
    let expected = bytes(&unbroken);
    for threads in [2, 9] {
        let other = toy(place.path(), &set);
        work(&other, TABLE, &WorkOptions::threads(threads)).unwrap();
        assert_eq!(bytes(&other), expected);
    }
    // Killed after every second step with a checkpoint after each, and after many without any.
    for (threads, steps, checkpoint_every) in
        [(1, 2, Duration::ZERO), (2, 7, Duration::ZERO), (1, 20, Duration::from_secs(9)), (3, 1, Duration::ZERO)]
    {
        let killed = toy(place.path(), &set);
        let mut lives = 0;
        while !killed.verdict().exists() {
            lives += 1;
            let options = WorkOptions { checkpoint_every, ..options(threads, Some(steps)) };
            work(&killed, TABLE, &options).unwrap();
            assert!(lives < 100);
        }
        assert!(lives > 1);
        assert_eq!(bytes(&killed), expected, "{threads} threads, killed after {steps} steps");
    }
}

#[test]
fn a_stop_on_request_leaves_no_trace_either_and_one_worker_is_enough() {
    let place = tempfile::tempdir().unwrap();
    let set = ["nap=1000", "steps=900"];
    let unbroken = toy(place.path(), &set);
    assert_eq!(work(&unbroken, TABLE, &WorkOptions::threads(2)).unwrap().exit_code(), 0);
    let stopped = toy(place.path(), &set);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| work_and_rest(&stopped, &options(2, None)));
        let _later = StopLater(&stopped);
        until("checkpoints", || checkpoint::previous(&stopped, "plain.s0").exists());
        assert!(matches!(work(&stopped, TABLE, &options(1, None)), Err(RunError::Busy { .. })));
        assert!(matches!(remove(&stopped), Err(RunError::Busy { .. })));
        request(&stopped, Request::Stop).unwrap();
        assert_eq!(worker.join().unwrap().unwrap(), Ending::Stopped);
    });
    assert_eq!(state(&stopped).status, Status::Stopped);
    assert!(matches!(request(&stopped, Request::Stop), Err(RunError::Idle { .. })));
    work_and_rest(&stopped, &options(2, None)).unwrap();
    assert_eq!(bytes(&stopped), bytes(&unbroken));
    assert_eq!(state(&stopped).status, Status::Done);
}

#[test]
fn a_broken_checkpoint_gives_way_to_an_older_one_and_leaves_no_trace() {
    let place = tempfile::tempdir().unwrap();
    let unbroken = toy(place.path(), &[]);
    work(&unbroken, TABLE, &WorkOptions::threads(2)).unwrap();
    for damaged in [1, 2] {
        let folder = toy(place.path(), &[]);
        work_and_rest(&folder, &options(1, Some(8))).unwrap();
        let files = [folder.checkpoint("plain.s0"), checkpoint::previous(&folder, "plain.s0")];
        for path in &files[..damaged] {
            let whole = fs::read(path).unwrap();
            fs::write(path, &whole[..whole.len() - 1]).unwrap();
        }
        work_and_rest(&folder, &options(1, None)).unwrap();
        assert_eq!(bytes(&folder), bytes(&unbroken));
        let journal = state(&folder).journal;
        assert_eq!(journal.iter().filter(|(_, _, text)| text.contains("cannot be used")).count(), damaged);
    }
}

#[test]
fn a_watched_run_is_seen_running_paused_and_done() {
    let place = tempfile::tempdir().unwrap();
    let folder = toy(place.path(), &["nap=2000", "steps=3000", "seeds=1"]);
    let mut reader = Reader::open(&folder).unwrap();
    assert_eq!(reader.state().status, Status::Waiting);
    assert_eq!(document(reader.state())["state"], "stopped");
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| work_and_rest(&folder, &WorkOptions::threads(1)));
        let _later = StopLater(&folder);
        let mut see = |what: &str, ready: &dyn Fn(&StudyState) -> bool| {
            until(what, || {
                reader.watch();
                reader.refresh().unwrap();
                ready(reader.state())
            });
        };
        see("running", &|s| s.status == Status::Running && s.trials[0].rate.is_some() && s.eta.is_some());
        see("panels", &|s| !s.trials[0].panels.is_empty() && !s.panels.is_empty());
        request(&folder, Request::Pause).unwrap();
        see("paused", &|s| s.status == Status::Paused && s.trials[0].status == Status::Paused);
        let step = checkpoint::Saved::read(&folder.checkpoint("plain.s0")).unwrap().checkpoint.step;
        assert!(step < 3000);
        request(&folder, Request::Continue).unwrap();
        see("done", &|s| s.status == Status::Done);
        assert_eq!(worker.join().unwrap().unwrap(), Ending::Done(Outcome::Reproduced));
    });
    assert_eq!(reader.state(), Reader::open(&folder).unwrap().state());
    assert_eq!(reader.state().progress().step, 3000);
    assert!(!reader.refresh().unwrap());
    let document = document(reader.state());
    assert_eq!((&document["state"], &document["verdict"]["outcome"]), (&"done".into(), &"reproduced".into()));
    assert!(document["trials"][0]["metrics"]["loss"].as_f64().unwrap() < 0.9);
    // Nothing is left to do: nothing is done again.
    let before = fs::metadata(folder.verdict()).unwrap().modified().unwrap();
    assert_eq!(work_and_rest(&folder, &options(1, None)).unwrap(), Ending::Done(Outcome::Reproduced));
    assert_eq!(fs::metadata(folder.verdict()).unwrap().modified().unwrap(), before);
}

#[test]
fn a_trial_in_trouble_is_told_and_the_others_go_on() {
    let place = tempfile::tempdir().unwrap();
    let folder = toy(place.path(), &[FAULTS]);
    let ending = work_and_rest(&folder, &options(2, None)).unwrap();
    assert_eq!((ending.exit_code(), &ending), (1, &Ending::Failed(vec!["fault.s0".into(), "fault.s1".into()])));
    let state = state(&folder);
    let ends: Vec<_> = state.trials.iter().map(|t| t.result.closing.unwrap()).collect();
    use Closing::*;
    assert_eq!(ends, [Done, Done, Failed, Failed, Diverged, Diverged]);
    let notes: Vec<&str> = state.trials[2..].iter().map(|t| t.notes.last().unwrap().2.as_str()).collect();
    assert_eq!(notes[..2], ["a fault in the program: the toy broke", "no data"]);
    assert_eq!(notes[2..], ["loss was not finite at step 14", "norm was not finite at step 15"]);
    assert_eq!(state.trials[5].result.last("norm"), None);
    let diverged = toy(place.path(), &["faults=[Nan(3)]"]);
    assert_eq!(work_and_rest(&diverged, &options(1, None)).unwrap().exit_code(), 5);
    let failed = toy(place.path(), &["faults=[Panic(3)]", "seeds=1", "steps=9"]);
    work_and_rest(&failed, &options(1, None)).unwrap();
    assert_eq!(self::state(&failed).status, Status::Done);
}

#[test]
fn a_full_disk_stops_the_run_with_a_sentence() {
    let place = tempfile::tempdir().unwrap();
    let folder = toy(place.path(), &["seeds=1"]);
    std::os::unix::fs::symlink("/dev/full", folder.metrics("plain.s0")).unwrap();
    let error = work_and_rest(&folder, &options(1, None)).unwrap_err();
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().contains("the disk is full; free some space"), "{error}");
    let (_, _, last) = state(&folder).journal.last().unwrap().clone();
    assert!(last.contains("disk is full"), "{last}");
    assert_eq!(state(&folder).status, Status::Stopped);
    fs::remove_file(folder.metrics("plain.s0")).unwrap();
    let other = toy(place.path(), &["seeds=1"]);
    for folder in [&folder, &other] {
        work(folder, TABLE, &options(1, None)).unwrap();
    }
    assert_eq!(bytes(&folder), bytes(&other));
}

#[test]
fn runs_are_found_by_name_and_put_away() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path();
    assert!(find(root, None).unwrap_err().to_string().contains("there are no runs"));
    let first = toy(root, &["steps=3"]);
    let second = toy(root, &["steps=3"]);
    assert_eq!(second.name(), format!("{}-2", first.name()));
    work_and_rest(&first, &options(1, None)).unwrap();
    fs::create_dir(root.join("toy-broken")).unwrap();
    let listing = list(root);
    let seen: Vec<_> = listing.runs.iter().map(|r| (r.name.clone(), r.status, r.outcome)).collect();
    assert_eq!(
        seen,
        [(second.name(), Status::Waiting, None), (first.name(), Status::Done, Some(Outcome::Reproduced)),]
    );
    assert!(listing.skipped[0].1.contains("run.json: is not there"), "{:?}", listing.skipped);
    assert_eq!(find(root, None).unwrap(), second);
    assert_eq!(find(root, Some(&first.name())).unwrap(), first);
    assert_eq!(find(root, Some(&second.name()[..second.name().len() - 1])).unwrap(), second);
    assert_eq!(find(Path::new("/nowhere"), second.path().to_str()).unwrap(), second);
    let told = |run: &str| find(root, Some(run)).unwrap_err().to_string();
    assert!(told("toy-q").contains("could be any of `toy-quick-"), "{}", told("toy-q"));
    assert!(told(&first.name().replace("quick", "quik")).contains("did you mean `toy-quick-"));
    assert!(told("zzz").contains("it holds `toy-broken`"), "{}", told("zzz"));
    let trash = remove(&second).unwrap();
    assert!(trash.join("run.json").is_file() && !second.path().exists());
    assert_eq!(find(root, None).unwrap(), first);
}

#[test]
fn a_place_is_claimed_once() {
    let place = tempfile::tempdir().unwrap();
    let preset = || load(TABLE, "toy/full", &Changes::default()).unwrap();
    let names: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
        let start = |_| scope.spawn(|| create(place.path(), &preset(), None, 1).unwrap().name());
        let all: Vec<_> = (0..8).map(start).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(names.len(), 8);
    let out = place.path().join("a place/of mine");
    create(place.path(), &preset(), Some(&out), 1).unwrap();
    let error = create(place.path(), &preset(), Some(&out), 1).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let empty = place.path().join("empty");
    fs::create_dir(&empty).unwrap();
    work(&create(place.path(), &preset(), Some(&empty), 1).unwrap(), TABLE, &options(2, None)).unwrap();
}

#[test]
fn a_torn_line_waits_and_a_resumed_run_is_read_again() {
    let place = tempfile::tempdir().unwrap();
    let folder = toy(place.path(), &["seeds=1"]);
    let options = |dies| WorkOptions { checkpoint_every: Duration::from_secs(9), ..options(1, dies) };
    work_and_rest(&folder, &options(Some(5))).unwrap();
    let mut reader = Reader::open(&folder).unwrap();
    let points = |reader: &Reader| reader.state().trials[0].result.metrics["loss"].len();
    assert_eq!(points(&reader), 17); // of 18, the last is torn
    assert_eq!(reader.state().status, Status::Stopped);
    work_and_rest(&folder, &options(None)).unwrap();
    assert!(reader.refresh().unwrap());
    assert_eq!(points(&reader), 60);
    assert!(reader.state().trials[0].notes.is_empty());
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(reader.refresh().unwrap_err().to_string().contains("is not there"));
}
