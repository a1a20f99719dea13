//! The fold of everything that happened in a study: what every view shows, live or from disk.

use serde::{Deserialize, Serialize};

use super::{Annotations, Closing, Event, Header, Level, Panel, Progress, TrialResult, TrialSpec, Verdict};

/// What a study or a trial is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Not begun.
    #[default]
    Waiting,
    /// A worker is on it.
    Running,
    /// A worker holds it and waits.
    Paused,
    /// A worker holds it and does not answer: its process was stopped, or its machine hangs.
    Stalled,
    /// All done.
    Done,
    /// It ended with an error; a note says which.
    Failed,
    /// No worker is on it and it is not done; `ansatz resume` goes on.
    Stopped,
}

impl Status {
    /// The word shown to people and written to files.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Waiting => "waiting",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Stalled => "stalled",
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Stopped => "stopped",
        }
    }
}

/// A metric over the steps of one trial: points (step, value).
pub type Series = Vec<(u64, f64)>;

/// Seconds of work after which a step was reached, from marks (step, seconds) in order: between two of them in
/// proportion, and behind the last at the pace before it. None without a mark.
pub fn seconds_at(times: &[(u64, f64)], step: u64) -> Option<f64> {
    let behind = times.partition_point(|mark| mark.0 < step).min(times.len().checked_sub(1)?);
    let (from, to) = (behind.checked_sub(1).map_or((0, 0.0), |at| times[at]), times[behind]);
    let pace = (to.1 - from.1) / to.0.saturating_sub(from.0).max(1) as f64;
    Some(from.1 + pace * step.saturating_sub(from.0) as f64)
}

/// One trial as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialState {
    /// What it recorded.
    pub result: TrialResult,
    /// What it is doing.
    pub status: Status,
    /// How far it is.
    pub progress: Progress,
    /// Steps a second, while it runs.
    pub rate: Option<f64>,
    /// Its own panels, as last written.
    pub panels: Vec<Panel>,
    /// Its notes: (step, level, sentence).
    pub notes: Vec<(u64, Level, String)>,
    /// How long it was worked on: marks (step, seconds), thinned; [`seconds_at`] tells what lies between.
    pub times: Series,
}

impl TrialState {
    /// A trial of which nothing is known yet.
    pub fn new(spec: TrialSpec) -> Self {
        TrialState {
            progress: Progress { step: 0, steps: spec.steps },
            result: TrialResult::new(spec),
            status: Status::Waiting,
            rate: None,
            panels: Vec::new(),
            notes: Vec::new(),
            times: Series::new(),
        }
    }

    /// Takes in one event.
    pub fn apply(&mut self, event: &Event) {
        self.result.apply(event);
        match event {
            Event::Opened { steps } => self.progress.steps = *steps,
            Event::Metric { step, .. } | Event::Vector { step, .. } => {
                self.progress.step = self.progress.step.max(*step)
            }
            Event::Turned { .. } | Event::Note { .. } => self.notes.extend(event.note()),
            Event::Closed { closing } => {
                self.status = if *closing == Closing::Done { Status::Done } else { Status::Failed };
            }
        }
    }
}

/// A whole study as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyState {
    /// Name of the run: its folder's.
    pub run: String,
    /// Name of the preset it was started from.
    pub preset: String,
    /// What the preset says.
    pub header: Header,
    /// What it is doing.
    pub status: Status,
    /// Its trials, in the order in which they start.
    pub trials: Vec<TrialState>,
    /// Panels of the whole study, as last written.
    pub panels: Vec<Panel>,
    /// The verdict, once judged.
    pub verdict: Option<Verdict>,
    /// Seconds of work left, if it can be told.
    pub eta: Option<f64>,
    /// What happened around the trials, newest last: (seconds since 1970, level, sentence).
    pub journal: Vec<(f64, Level, String)>,
    /// Tags and notes that people gave it.
    pub annotations: Annotations,
}

impl StudyState {
    /// Steps done and steps in all, over the trials.
    pub fn progress(&self) -> Progress {
        self.trials.iter().fold(Progress::default(), |sum, trial| Progress {
            step: sum.step + trial.progress.step,
            steps: sum.steps + trial.progress.steps,
        })
    }

    /// What the trials recorded.
    pub fn results(&self) -> Vec<TrialResult> {
        self.trials.iter().map(|trial| trial.result.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_lie_between_their_marks() {
        assert_eq!(seconds_at(&[], 3), None);
        let times = [(10, 2.0), (20, 6.0)];
        let found = [0, 5, 10, 15, 20, 30].map(|step| seconds_at(&times, step).unwrap());
        assert_eq!(found, [0.0, 1.0, 2.0, 4.0, 6.0, 10.0]);
        assert_eq!(seconds_at(&times[..1], 20), Some(4.0));
    }
}
