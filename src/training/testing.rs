//! What the tests of every system do: run its trials through the contract, and hold what every trial promises.
//!
//! A system's tests call [`contract`] on one trial of each kind; what is its own, it tests itself.

use serde_json::Value;

use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{
    Cell, Checkpoint, Checks, Closing, Entry, Event, Evidence, Flow, Found, Outcome, Problem, Reading, Study, System,
    Trial, TrialResult, TrialSpec, Verdict,
};

/// A shipped preset.
pub(crate) fn preset<S: System>(name: &str) -> Box<dyn Study> {
    let entry = Entry::of::<S>();
    (entry.open)(entry.preset(name).unwrap().text).unwrap()
}

/// A shipped preset with something changed.
pub(crate) fn changed<S: System>(name: &str, change: impl FnOnce(&mut Value)) -> Box<dyn Study> {
    let mut value = preset::<S>(name).to_json();
    change(&mut value);
    (Entry::of::<S>().open_json)(value).unwrap()
}

/// The settings of a study.
pub(crate) fn settings_of<S: System>(study: &dyn Study) -> S::Settings {
    serde_json::from_value(study.to_json()["settings"].clone()).unwrap()
}

/// What of settings cannot be used.
pub(crate) fn problems<S: System>(settings: &S::Settings) -> Vec<Problem> {
    let mut checks = Checks::new();
    S::check(settings, &mut checks);
    checks.problems()
}

/// The trials of settings, cell by cell.
pub(crate) fn trials<S: System>(settings: &S::Settings, seeds: u64) -> Vec<TrialSpec> {
    let of = |cell: Cell<S::Condition>| cell.replicas.clone().map(move |seed| cell.spec(seed));
    S::cells(settings, seeds).into_iter().flat_map(of).collect()
}

/// The verdict on made-up results.
pub(crate) fn judged<S: System>(settings: &S::Settings, results: &[TrialResult]) -> Verdict {
    S::judge(settings, &Evidence::new(S::cells(settings, 8), results), Key::new(1).purpose("judge"))
}

/// Steps a trial to its end.
pub(crate) fn finish(trial: &mut dyn Trial, events: &mut Vec<Event>) {
    while trial.step(events).unwrap() == Flow::More {}
}

/// What a trial records from start to end.
pub(crate) fn run(study: &dyn Study, spec: &TrialSpec, threads: usize) -> Vec<Event> {
    let mut events = Vec::new();
    finish(study.start(spec, &Pool::new(threads)).unwrap().as_mut(), &mut events);
    events
}

/// The same as the judge sees it.
pub(crate) fn result(spec: &TrialSpec, events: &[Event]) -> TrialResult {
    let mut result = TrialResult::new(spec.clone());
    events.iter().for_each(|event| result.apply(event));
    result.closing = Some(Closing::Done);
    result
}

/// What all trials of a study record, from which it is judged: in a few steps nothing is reproduced, and what the page
/// of results is to show of it is there. The results, and the names of the study's panels.
pub(crate) fn to_its_verdict(study: &dyn Study) -> (Vec<TrialResult>, Outcome, Vec<String>) {
    let results: Vec<TrialResult> = study.trials().iter().map(|spec| result(spec, &run(study, spec, 1))).collect();
    let verdict = study.judge(&results);
    assert_ne!(verdict.outcome, Outcome::Reproduced, "{}", verdict.sentence);
    let panels: Vec<String> = study.panels(&results).into_iter().map(|panel| panel.id).collect();
    let pictures = study.pictures();
    let shown = pictures.is_empty() || pictures.iter().any(|id| panels.iter().any(|panel| panel == id));
    assert!(shown, "none of {pictures:?} in {panels:?}");
    (results, verdict.outcome, panels)
}

/// What an `ablated` preset takes away, and that it changes nothing else of `quick`.
pub(crate) fn takes_away_only<S: System>(change: impl FnOnce(&mut Value)) {
    let (mut quick, ablated) = (preset::<S>("quick").to_json(), preset::<S>("ablated").to_json());
    assert_ne!(quick["settings"], ablated["settings"]);
    change(&mut quick["settings"]);
    quick["about"] = ablated["about"].clone();
    assert_eq!(quick, ablated);
}

/// Presets that are `quick` with one text replaced are refused with some words.
pub(crate) fn refused<S: System>(changes: &[(&str, &str, &str)]) {
    let entry = Entry::of::<S>();
    let quick = entry.preset("quick").unwrap().text;
    for (from, to, told) in changes {
        assert!(quick.contains(from), "{from}");
        let error = (entry.open)(&quick.replacen(from, to, 1)).err().unwrap_or_else(|| panic!("{to} was taken"));
        assert!(format!("{error:?}").contains(told), "{to}: {error:?}");
    }
}

/// What every trial promises: the same events at any number of threads, resumed after every step, and while it
/// is watched and read. The trial at its end.
pub(crate) fn contract(study: &dyn Study, spec: &TrialSpec) -> Ended {
    let serial = run(study, spec, 1);
    for threads in [2, 3] {
        assert_eq!(serial, run(study, spec, threads), "{} on {threads} threads", spec.name);
    }
    resumed(study, spec, &serial);
    watched(study, spec, &serial)
}

/// A trial at its end.
pub(crate) struct Ended {
    /// Names of its panels.
    pub(crate) panels: Vec<String>,
    /// Calls of `step` that it took.
    pub(crate) steps: usize,
    /// Why instruments cannot read it, if they cannot.
    pub(crate) unread: Option<String>,
}

/// The names of the instruments that measure something on a trial at its end.
pub(crate) fn measured(study: &dyn Study, spec: &TrialSpec) -> Vec<String> {
    let mut trial = study.start(spec, &Pool::new(2)).unwrap();
    finish(trial.as_mut(), &mut Vec::new());
    let readings = trial.readings(study.instruments(), &mut |_, _, _| ()).unwrap();
    assert_eq!(readings.len(), study.instruments().len());
    let numbers =
        |reading: &Reading| matches!(reading.found, Found::Measured { .. }).then(|| reading.instrument.clone());
    readings.iter().filter_map(numbers).collect()
}

/// Before every step the trial is saved and another goes on from there: what a checkpoint loses is lost for good.
fn resumed(study: &dyn Study, spec: &TrialSpec, unbroken: &[Event]) {
    let mut events = Vec::new();
    let mut saved: Option<Checkpoint> = None;
    for at in 0.. {
        let mut trial = study.start(spec, &Pool::serial()).unwrap();
        if let Some(saved) = &saved {
            trial.restore(saved).unwrap();
            assert_eq!(trial.save(), *saved, "{} after {at} steps", spec.name);
        }
        let flow = trial.step(&mut events).unwrap();
        assert!(unbroken.starts_with(&events), "{} goes another way after it was resumed at step {at}", spec.name);
        if flow == Flow::Done {
            break;
        }
        saved = Some(trial.save());
    }
    assert_eq!(events, unbroken, "{}", spec.name);
    let nothing = study.start(spec, &Pool::serial()).unwrap().restore(&Checkpoint::default());
    assert!(nothing.is_err(), "{} takes an empty checkpoint", spec.name);
}

/// Looks at the panels and reads two quick instruments after every step, and once more when the end was restored.
fn watched(study: &dyn Study, spec: &TrialSpec, unwatched: &[Event]) -> Ended {
    const QUICK: [&str; 2] = ["fit", "geometry"];
    let read = |trial: &mut dyn Trial| trial.readings(&QUICK, &mut |_, _, _| ());
    let (mut events, mut steps) = (Vec::new(), 0);
    let mut trial = study.start(spec, &Pool::serial()).unwrap();
    loop {
        let flow = trial.step(&mut events).unwrap();
        steps += 1;
        trial.panels();
        // Instruments make plans anew: a few times is enough.
        let _ = (steps < 4).then(|| read(trial.as_mut()));
        if flow == Flow::Done {
            break;
        }
    }
    assert_eq!(events, unwatched, "{} watched", spec.name);
    let readings = read(trial.as_mut());
    let mut restored = study.start(spec, &Pool::serial()).unwrap();
    restored.restore(&trial.save()).unwrap();
    assert_eq!(read(restored.as_mut()), readings, "{} restored at its end", spec.name);
    let panels = trial.panels().into_iter().map(|panel| panel.id).collect();
    Ended { panels, steps, unread: readings.err() }
}
