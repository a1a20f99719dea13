//! The promises of a worker: exact resume, equal at any thread count, trouble stays where it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use rustix::io::Errno;

use super::*;
use crate::contract::{Status, StudyState, Turn};
use crate::run::durable::fault::{Fault, Faults};
use crate::run::testing::TABLE;
use crate::run::{
    Changes, Reader, Request, checkpoint, create, document, find, go_back, list, load, lock, remove, replay, request,
    turn,
};

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

/// The same and every trial's last checkpoint.
pub(in crate::run) fn all_bytes(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let trials = folder.manifest().unwrap().trials;
    let last = trials.iter().map(|t| (format!("{} last", t.name), fs::read(folder.checkpoint(&t.name)).unwrap()));
    bytes(folder).into_iter().chain(last).collect()
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

/// Before the training, whenever seven steps more are done (a call of `step` takes three), and at the end.
#[test]
fn instruments_are_read_along_a_training() {
    let place = tempfile::tempdir().unwrap();
    let folder = toy(place.path(), &["steps=24", "watch.instruments=[\"none\", \"size\"]"]);
    work(&folder, TABLE, &WorkOptions::threads(1)).unwrap();
    let metrics = &state(&folder).trials[0].result.metrics;
    assert_eq!(metrics.keys().collect::<Vec<_>>(), ["loss", "size.first_value"]);
    let steps: Vec<u64> = metrics["size.first_value"].iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [0, 9, 15, 21, 24]);
    for (set, says) in [("watch.instruments=[sise]", "did you mean `size`?"), ("watch.every=0", "at least 1 step")] {
        let changes = Changes { set: vec![set.to_owned()], ..Changes::default() };
        let refused = load(TABLE, "toy", &changes).err().unwrap().to_string();
        assert!(refused.contains(says), "{refused}");
    }
}

/// What the disk refuses, at any change of the folder, ends the work with a sentence; once it takes
/// things again the run goes on and comes out the same.
#[test]
fn trouble_with_the_disk_leaves_no_trace() {
    let place = tempfile::tempdir().unwrap();
    let set = ["steps=20", "seeds=1"];
    let unbroken = toy(place.path(), &set);
    let counted = Faults::below(unbroken.path(), Fault::Never);
    work_and_rest(&unbroken, &options(1, Some(i64::MAX))).unwrap();
    let (points, expected) = (counted.passed(), all_bytes(&unbroken));
    assert!(points > 100, "{points} points");
    let errors = [Errno::NOSPC, Errno::IO, Errno::ROFS, Errno::NOENT].map(Errno::raw_os_error);
    let once = (1..=points).map(|at| Fault::RefuseOnce(at, errors[at as usize % 4]));
    let stays = (1..=points).step_by(3).map(|at| Fault::Refuse(at, errors[at as usize / 3 % 4]));
    let full = (0..9000).step_by(171).map(Fault::Room);
    let mut ended = 0;
    for fault in once.chain(stays).chain(full) {
        let folder = toy(place.path(), &set);
        let faults = Faults::below(folder.path(), fault);
        let worked = work_and_rest(&folder, &options(1, Some(i64::MAX)));
        let tripped = faults.tripped();
        drop(faults);
        if let Err(error) = worked {
            ended += 1;
            assert!(tripped && error.exit_code() == 4, "{fault:?}: {error}");
            assert!(error.to_string().contains(": "), "{error}");
        }
        work_and_rest(&folder, &options(1, None)).unwrap();
        assert_eq!(all_bytes(&folder), expected, "{fault:?}");
        fs::remove_dir_all(folder.path()).unwrap();
    }
    assert!(ended > 100, "{ended} times the work ended");
}

/// The order in which trials are taken, and on how many threads, changes no byte.
#[test]
fn the_order_of_the_trials_leaves_no_trace() {
    let place = tempfile::tempdir().unwrap();
    let set = ["steps=24", "seeds=5"];
    let plain = toy(place.path(), &set);
    work(&plain, TABLE, &WorkOptions::threads(1)).unwrap();
    for (seed, threads) in [1, 2, 3, 8].into_iter().enumerate() {
        let other = toy(place.path(), &set);
        let options = WorkOptions { shuffled: Some(seed as u64), ..WorkOptions::threads(threads) };
        work(&other, TABLE, &options).unwrap();
        assert_eq!(bytes(&other), bytes(&plain));
    }
}

/// A knob that is turned has its effect after the same step in a killed, resumed and replayed run.
#[test]
fn a_turned_knob_is_replayed() {
    let place = tempfile::tempdir().unwrap();
    let set = ["nap=2000", "steps=900"];
    let folder = toy(place.path(), &set);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| work_and_rest(&folder, &options(2, None)));
        let _later = StopLater(&folder);
        let turns = |folder: &Folder, trial: &str| {
            let path = folder.changes(trial);
            records::extent(&path).whole
        };
        until("a checkpoint", || folder.checkpoint("plain.s0").exists());
        let ask = |knob: &str, value: f64, trial: Option<&str>| {
            turn(&folder, &Turn { knob: knob.into(), value, trial: trial.map(str::to_owned) }).unwrap();
        };
        ask("rate", 0.01, None);
        until("the change", || turns(&folder, "plain.s0") > 0 && turns(&folder, "plain.s1") > 0);
        let before = turns(&folder, "plain.s1");
        ask("speed", 1.0, None);
        ask("rate", 7.0, None);
        ask("rate", 0.5, Some("plain.s9"));
        ask("rate", 0.02, Some("plain.s0"));
        fs::write(folder.control("turn-garbage.json"), "{\"knob\": 3").unwrap();
        until("the refusals", || state(&folder).journal.iter().filter(|(_, _, t)| t.contains("refused")).count() == 4);
        until("the last", || turns(&folder, "plain.s0") > before);
        assert_eq!(turns(&folder, "plain.s1"), before);
        request(&folder, Request::Stop).unwrap();
        worker.join().unwrap().unwrap();
    });
    // Killed and resumed a few times, from checkpoints before and behind the changes.
    for dies_after in [3, 40] {
        let checkpoint_every = Duration::from_secs(9);
        work_and_rest(&folder, &WorkOptions { checkpoint_every, ..options(1, Some(dies_after)) }).unwrap();
    }
    work_and_rest(&folder, &options(2, None)).unwrap();
    let told =
        |trial: usize| state(&folder).trials[trial].notes.iter().filter(|(_, _, t)| t.contains("rate is")).count();
    assert_eq!([told(0), told(1)], [2, 1]);
    let again = tempfile::tempdir().unwrap();
    assert_eq!(replay(&folder, TABLE, 1, again.path()).unwrap(), (5, vec![]));
    // Without the change it comes out different, and that is seen.
    fs::remove_file(folder.changes("plain.s1")).unwrap();
    let again = tempfile::tempdir().unwrap();
    let (_, different) = replay(&folder, TABLE, 2, again.path()).unwrap();
    assert!(different.iter().any(|d| d.file.ends_with("plain.s1/metrics.jsonl")), "{different:?}");
}

#[test]
fn a_trial_that_diverged_is_diagnosed_and_goes_back() {
    let place = tempfile::tempdir().unwrap();
    let folder = toy(place.path(), &["faults=[Diverge(step: 44)]", "seeds=1"]);
    work_and_rest(&folder, &options(1, Some(i64::MAX))).unwrap();
    let (_, _, note) = state(&folder).trials[1].notes[0].clone();
    assert_eq!(
        note,
        "loss was not finite at step 44 (batch of seed 0x0000000000000007); it comes from the toy, asked after step 42"
    );
    let before = bytes(&folder);
    assert!(go_back(&folder, Some("fault.s1"), 3).unwrap_err().to_string().contains("did you mean `fault.s0`?"));
    assert_eq!(go_back(&folder, None, 40).unwrap(), [("fault.s0".to_owned(), 39)]);
    assert!(!folder.verdict().exists());
    work_and_rest(&folder, &options(1, None)).unwrap();
    assert_eq!(bytes(&folder), before);
    assert_eq!(go_back(&folder, Some("plain.s0"), 2).unwrap(), [("plain.s0".to_owned(), 0)]);
    work_and_rest(&folder, &options(1, None)).unwrap();
    assert_eq!(bytes(&folder), before);
}

#[test]
fn a_changed_preset_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let folder = toy(place.path(), &[]);
    let text = fs::read_to_string(folder.preset()).unwrap();
    fs::write(folder.preset(), text.replace("steps: 60", "steps: 61")).unwrap();
    let error = work_and_rest(&folder, &options(1, None)).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("was changed since the run began"), "{error}");
}

#[test]
fn a_stop_on_request_leaves_no_trace_either_and_one_worker_is_enough() {
    let place = tempfile::tempdir().unwrap();
    let set = ["nap=1000", "steps=3000"];
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
    assert_eq!(ends, [Done, Failed, Done, Failed, Diverged, Diverged]);
    let faults = [1, 3, 4, 5].map(|i| &state.trials[i]);
    let notes: Vec<&str> = faults.iter().map(|t| t.notes.last().unwrap().2.as_str()).collect();
    assert_eq!(notes[..2], ["a fault in the program: the toy broke", "no data"]);
    assert_eq!(
        notes[2..],
        [
            "loss was not finite at step 14 (batch of seed 0x0000000000000007); it comes from the toy, asked after step 12",
            "norm was not finite at step 15"
        ]
    );
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
