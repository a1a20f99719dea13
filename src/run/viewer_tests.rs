//! What viewers ask of runs and see of them: single steps, going back, hours of work.

use std::time::{Duration, Instant};

use super::testing::TABLE;
use super::worker::tests::{bytes, state, toy, until};
use super::*;
use crate::contract::{Status, StudyState, TrialState};

const PLAIN: &str = "plain.s0";

/// Works on a run in the background while `watch` looks, and ends the worker whatever comes of it.
fn worked(folder: &Folder, options: &WorkOptions, watch: impl FnOnce()) -> Ending {
    struct StopLater<'a>(&'a Folder);
    impl Drop for StopLater<'_> {
        fn drop(&mut self) {
            request(self.0, Request::Stop).unwrap_or_default();
        }
    }
    let ending = std::thread::scope(|scope| {
        let worker = scope.spawn(|| work(folder, TABLE, options).unwrap());
        let later = StopLater(folder);
        until("the worker", || lock::holder(folder).is_some());
        watch();
        drop(later);
        worker.join().unwrap()
    });
    until("the lock", || lock::holder(folder).is_none());
    ending
}

/// Steps of the trials as their metrics have them, once every one of them rests.
fn at_rest(folder: &Folder, steps: impl Fn(&[u64]) -> bool) -> Vec<u64> {
    let mut at = Vec::new();
    let rests = |state: &StudyState| {
        let rests = |trial: &TrialState| trial.status != Status::Running;
        state.status == Status::Paused && state.trials.iter().all(rests)
    };
    until("its rest", || {
        let state = state(folder);
        at = state
            .trials
            .iter()
            .map(|trial| trial.result.metrics.get("loss").map_or(0, |l| l.last().unwrap().0))
            .collect();
        rests(&state) && steps(&at)
    });
    at
}

#[test]
fn single_steps_are_counted_and_leave_no_trace() {
    let place = tempfile::tempdir().unwrap();
    let set = ["nap=1000", "steps=1500"];
    let unbroken = toy(place.path(), &set);
    work(&unbroken, TABLE, &WorkOptions::threads(2)).unwrap();
    let folder = toy(place.path(), &set);
    worked(&folder, &WorkOptions::threads(2), || {
        until("both trials", || state(&folder).trials.iter().all(|trial| trial.result.metrics.contains_key("loss")));
        // A running run pauses for its steps.
        request(&folder, Request::Step(1)).unwrap();
        let first = at_rest(&folder, |_| true);
        for count in [1, 1, 5] {
            request(&folder, Request::Step(count)).unwrap();
        }
        // A call of the toy's `step` is three of its steps; the first step asked for may have come before the look.
        let second = at_rest(&folder, |at| at[0] >= first[0] + 21);
        std::thread::sleep(Duration::from_millis(250));
        let third = at_rest(&folder, |_| true);
        assert!(third[0] == second[0] && [21, 24].contains(&(second[0] - first[0])), "{first:?} {second:?} {third:?}");
        assert_eq!((first[1], second[1]), (second[1], third[1]), "the other trial waits");
        let saved = Saved::read(&folder.checkpoint(PLAIN)).unwrap();
        assert_eq!(saved.checkpoint.step, third[0], "it waits at a checkpoint");
        assert!(matches!(go_back(&folder, Some(PLAIN), 0), Err(RunError::Busy { .. })));
        let told = |state: &StudyState| state.journal.iter().filter(|(_, _, t)| t.starts_with("single steps")).count();
        assert_eq!(told(&state(&folder)), 4);
        request(&folder, Request::Continue).unwrap();
        until("the end", || state(&folder).status == Status::Done);
    });
    assert_eq!(bytes(&folder), bytes(&unbroken));
}

#[test]
fn single_steps_lead_from_trial_to_trial_and_to_the_verdict() {
    let place = tempfile::tempdir().unwrap();
    let set = ["nap=60000", "steps=12", "faults=[Panic(4)]"];
    let unbroken = toy(place.path(), &set);
    work(&unbroken, TABLE, &WorkOptions::threads(1)).unwrap();
    for threads in [1, 3] {
        let folder = toy(place.path(), &set);
        worked(&folder, &WorkOptions::threads(threads), || {
            request(&folder, Request::Pause).unwrap();
            at_rest(&folder, |_| true);
            // Two trials of four calls each, and one that breaks in its second.
            for _ in 0..10 {
                request(&folder, Request::Step(1)).unwrap();
            }
            until("the verdict", || folder.verdict().exists());
        });
        assert_eq!(bytes(&folder), bytes(&unbroken), "{threads} threads");
    }
}

#[test]
fn a_trial_goes_back_to_a_checkpoint_of_the_list() {
    let place = tempfile::tempdir().unwrap();
    let folder = toy(place.path(), &["steps=96", "seeds=1"]);
    assert_eq!(checkpoints(&folder, PLAIN).unwrap(), [0]);
    let options = |dies| WorkOptions { checkpoint_every: Duration::ZERO, dies_after: dies, ..WorkOptions::threads(1) };
    work(&folder, TABLE, &options(Some(20))).unwrap();
    until("the lock", || lock::holder(&folder).is_none());
    assert_eq!(checkpoints(&folder, PLAIN).unwrap(), [60, 48, 36, 24, 12, 0]);
    assert!(checkpoints(&folder, "plain.s7").unwrap_err().to_string().contains("did you mean"));
    assert_eq!(go_back(&folder, Some(PLAIN), 36).unwrap(), [(PLAIN.to_owned(), 36)]);
    assert_eq!(checkpoints(&folder, PLAIN).unwrap(), [36, 24, 12, 0]);
    // Who watches a judged run sees that its verdict went with the step back.
    work(&folder, TABLE, &options(None)).unwrap();
    until("the lock", || lock::holder(&folder).is_none());
    let mut reader = Reader::open(&folder).unwrap();
    assert!(reader.state().verdict.is_some());
    go_back(&folder, Some(PLAIN), 0).unwrap();
    work(&folder, TABLE, &options(Some(4))).unwrap();
    until("the news", || reader.refresh().unwrap());
    assert_eq!((reader.state().verdict.clone(), reader.state().status), (None, Status::Stopped));
}

#[test]
fn hours_of_work_outlive_kills_and_go_back_with_the_trial() {
    let place = tempfile::tempdir().unwrap();
    let folder = toy(place.path(), &["nap=4000", "steps=1500", "seeds=1"]);
    let begun = Instant::now();
    // Some 1.6 seconds, killed; then the rest.
    work(&folder, TABLE, &WorkOptions { dies_after: Some(400), ..WorkOptions::threads(1) }).unwrap();
    until("the lock", || lock::holder(&folder).is_none());
    let times = state(&folder).trials[0].times.clone();
    assert!(!times.is_empty() && times.last().unwrap().0 < 1200, "{times:?}");
    let mut reader = Reader::open(&folder).unwrap();
    work(&folder, TABLE, &WorkOptions::threads(1)).unwrap();
    until("the lock", || lock::holder(&folder).is_none());
    let wall = begun.elapsed().as_secs_f64();
    reader.refresh().unwrap();
    let whole = reader.state().trials[0].times.clone();
    assert_eq!(whole, state(&folder).trials[0].times);
    assert!(whole.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{whole:?}");
    let (step, seconds) = *whole.last().unwrap();
    assert!(step == 1500 && seconds > 1.2 && seconds <= wall, "{whole:?} in {wall} s");
    // The metrics know nothing of it, and a step back takes the marks behind it along.
    let metrics = std::fs::read_to_string(folder.metrics(PLAIN)).unwrap();
    assert!(!metrics.contains("seconds"));
    go_back(&folder, Some(PLAIN), 0).unwrap();
    assert_eq!(state(&folder).trials[0].times, []);
}

#[test]
fn a_divergence_is_a_note_at_its_step() {
    let place = tempfile::tempdir().unwrap();
    let folder = toy(place.path(), &["faults=[Diverge(step: 14), Nan(13), Fail(8)]", "seeds=1", "steps=24"]);
    work(&folder, TABLE, &WorkOptions::threads(1)).unwrap();
    let state = state(&folder);
    let last = |at: usize| state.trials[at].notes.last().unwrap();
    // In the order of the replicas: one plain trial, then the three.
    assert_eq!([1, 2, 3].map(|at| last(at).0), [14, 13, 8], "{:?}", state.trials[2].notes);
    assert!(last(2).2.starts_with("norm was not finite at step 13"));
}
