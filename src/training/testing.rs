//! What the tests of every system do: run a trial through the contract and keep what it recorded.

use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Closing, Event, Flow, Setup, Study, Trial, TrialResult, TrialSpec};

/// The set-up of a test on so many threads.
pub(crate) fn setup(threads: usize) -> Setup {
    Setup { key: Key::new(3), pool: Pool::new(threads) }
}

/// Steps a trial to its end.
pub(crate) fn finish(trial: &mut dyn Trial, events: &mut Vec<Event>) {
    while trial.step(events).unwrap() == Flow::More {}
}

/// What a trial records from start to end.
pub(crate) fn run(study: &dyn Study, spec: &TrialSpec, threads: usize) -> Vec<Event> {
    let mut events = Vec::new();
    finish(study.start(spec, &setup(threads)).unwrap().as_mut(), &mut events);
    events
}

/// The same as the judge sees it.
pub(crate) fn result(spec: &TrialSpec, events: &[Event]) -> TrialResult {
    let mut result = TrialResult::new(spec.clone());
    events.iter().for_each(|event| result.apply(event));
    result.closing = Some(Closing::Done);
    result
}
