//! Which trial runs where: a queue of trials over threads, and the orders that reach them.

#[cfg(test)]
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::RunError;
use super::progress::TrialProgress;
use crate::contract::{Event, Progress, Status, TrialSpec, Turn};

/// What runners are to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Command {
    /// Go on.
    #[default]
    Run,
    /// Write checkpoints and wait.
    Pause,
    /// Write checkpoints and end.
    Stop,
    /// End at once and write nothing, as if killed.
    #[cfg(test)]
    Die,
}

/// The orders of the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Orders {
    pub(super) command: Command,
    /// Counts the requests for checkpoints.
    pub(super) checkpoint: u64,
    /// Whether somebody looks.
    pub(super) watched: bool,
}

/// What the worker knows of a trial.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) status: Status,
    pub(super) progress: Progress,
    pub(super) rate: Option<f64>,
    /// Events that the coordinator has not folded yet.
    pub(super) events: Vec<Event>,
}

/// Who works on what, and what is to be done.
#[derive(Debug, Default)]
struct Desk {
    orders: Orders,
    /// Calls of `step` that are to be made although the order is to pause.
    steps: u64,
    /// How much of the queue was taken.
    taken: usize,
    /// Trials that were taken and not left yet, in the order of the queue.
    in_work: Vec<usize>,
}

/// What runners and their coordinator share.
#[derive(Debug)]
pub(super) struct Schedule {
    queue: Vec<usize>,
    desk: Mutex<Desk>,
    changed: Condvar,
    /// Knobs to turn, in the order of the requests.
    turns: Mutex<Vec<Turn>>,
    slots: Vec<Mutex<Slot>>,
    trouble: Mutex<Option<RunError>>,
    #[cfg(test)]
    pub(super) steps_to_live: std::sync::atomic::AtomicI64,
}

/// A panic elsewhere leaves plain data behind: it is used as it is.
fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Schedule {
    /// A schedule of `trials` trials, of which those in `queue` are to run, in that order.
    pub(super) fn new(trials: usize, queue: Vec<usize>) -> Self {
        Schedule {
            queue,
            desk: Mutex::default(),
            changed: Condvar::new(),
            turns: Mutex::default(),
            slots: (0..trials).map(|_| Mutex::default()).collect(),
            trouble: Mutex::new(None),
            #[cfg(test)]
            steps_to_live: i64::MAX.into(),
        }
    }

    /// How many trials run at once on `threads` threads, and how many threads each has.
    pub(super) fn split(&self, threads: usize) -> (usize, usize) {
        let threads = threads.max(1);
        let runners = self.queue.len().min(threads);
        (runners, threads.checked_div(runners).unwrap_or(1))
    }

    /// The next trial, unless none is left or the order is to end. During a pause it is handed out for a
    /// single step, if no trial in work can take that.
    pub(super) fn take(&self) -> Option<usize> {
        let mut desk = open(&self.desk);
        loop {
            let next = *self.queue.get(desk.taken)?;
            match desk.orders.command {
                Command::Run => {}
                Command::Pause if desk.steps > 0 && desk.in_work.is_empty() => {}
                Command::Pause => {
                    desk = self.rest(desk);
                    continue;
                }
                _ => return None,
            }
            desk.taken += 1;
            desk.in_work.push(next);
            return Some(next);
        }
    }

    /// Gives a trial back that was taken: it is over, or the order is to end.
    pub(super) fn leave(&self, index: usize) {
        open(&self.desk).in_work.retain(|taken| *taken != index);
        self.changed.notify_all();
    }

    /// The orders of the moment.
    pub(super) fn orders(&self) -> Orders {
        open(&self.desk).orders
    }

    /// Gives new orders; a stop is never taken back.
    pub(super) fn order(&self, new: impl FnOnce(&mut Orders)) {
        let mut desk = open(&self.desk);
        let before = desk.orders.command;
        new(&mut desk.orders);
        if !matches!(before, Command::Run | Command::Pause) {
            desk.orders.command = before;
        }
        if desk.orders.command != Command::Pause {
            desk.steps = 0;
        }
        self.changed.notify_all();
    }

    /// Has a paused run make so many more calls of `step`. One that is not paused makes them anyway.
    pub(super) fn grant(&self, steps: u64) {
        let mut desk = open(&self.desk);
        if desk.orders.command == Command::Pause {
            desk.steps = desk.steps.saturating_add(steps);
        }
        self.changed.notify_all();
    }

    /// Whether a trial is to make a call of `step` although the run is paused; then that one is used up. It
    /// is the first in work that makes them, so that single steps come out the same at any number of threads.
    pub(super) fn takes_step(&self, index: usize) -> bool {
        let mut desk = open(&self.desk);
        let due = desk.orders.command == Command::Pause && desk.in_work.first() == Some(&index);
        let taken = due && desk.steps > 0;
        desk.steps -= u64::from(taken);
        taken
    }

    /// Has a knob turned in the trials that run and are meant.
    pub(super) fn turn(&self, turn: Turn) {
        open(&self.turns).push(turn);
    }

    /// How many knobs were to be turned so far.
    pub(super) fn turns_so_far(&self) -> usize {
        open(&self.turns).len()
    }

    /// Knobs to turn in a trial that were asked for since the first `seen` requests.
    pub(super) fn turns(&self, trial: &str, seen: &mut usize) -> Vec<Turn> {
        let all = open(&self.turns);
        let new = all[*seen..].iter().filter(|turn| turn.trial.as_deref().is_none_or(|name| name == trial));
        *seen = all.len();
        new.cloned().collect()
    }

    /// Waits for new orders, a tenth of a second at most.
    pub(super) fn wait(&self) {
        drop(self.rest(open(&self.desk)));
    }

    fn rest<'d>(&self, desk: MutexGuard<'d, Desk>) -> MutexGuard<'d, Desk> {
        self.changed.wait_timeout(desk, Duration::from_millis(100)).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether no trial is in a step: each that began stands at a checkpoint.
    pub(super) fn rests(&self) -> bool {
        (0..self.slots.len()).all(|index| self.slot(index).status != Status::Running)
    }

    /// The slot of a trial.
    pub(super) fn slot(&self, index: usize) -> MutexGuard<'_, Slot> {
        open(&self.slots[index])
    }

    /// Ends everything because of an error; the first one counts.
    pub(super) fn fail(&self, error: RunError) {
        open(&self.trouble).get_or_insert(error);
        self.order(|orders| orders.command = Command::Stop);
    }

    /// The error that ended everything, if one did.
    pub(super) fn trouble(&self) -> Option<RunError> {
        open(&self.trouble).take()
    }

    /// Counts a step towards the simulated kill of a test; true once that is due.
    #[cfg(test)]
    pub(super) fn dies(&self) -> bool {
        let due = self.steps_to_live.fetch_sub(1, Ordering::Relaxed) <= 0;
        if due {
            self.order(|orders| orders.command = Command::Die);
        }
        due
    }

    /// The trials as `progress.json` has them.
    pub(super) fn progress<'s>(&self, specs: impl Iterator<Item = &'s TrialSpec>) -> Vec<TrialProgress> {
        let row = |(i, spec): (usize, &TrialSpec)| {
            let slot = self.slot(i);
            let Progress { step, steps } = slot.progress;
            // One that waits has not told its steps yet; its plan has.
            let steps = if steps == 0 { spec.steps } else { steps };
            TrialProgress {
                name: spec.name.clone(),
                status: slot.status,
                step,
                steps,
                rate: slot.rate,
                flop: spec.flop,
            }
        };
        specs.enumerate().map(row).collect()
    }
}

/// Seconds of work left on `runners` runners, once any trial has a rate. Trials are weighed by their
/// operations, or by their steps where nobody knows those.
pub(super) fn eta(rows: &[TrialProgress], runners: usize) -> Option<f64> {
    let weighed = rows.iter().all(|row| row.flop > 0.0);
    let work = |row: &TrialProgress| if weighed { row.flop } else { row.steps as f64 };
    let share = |row: &TrialProgress, steps: f64| steps / row.steps.max(1) as f64;
    let speed = |row: &TrialProgress| row.rate.filter(|rate| *rate > 0.0).map(|rate| work(row) * share(row, rate));
    let speeds: Vec<f64> = rows.iter().filter_map(speed).collect();
    if speeds.is_empty() {
        return None;
    }
    let usual = speeds.iter().sum::<f64>() / speeds.len() as f64;
    let open = rows.iter().filter(|row| !matches!(row.status, Status::Done | Status::Failed));
    let left = |row: &TrialProgress| {
        let steps = row.steps.saturating_sub(row.step) as f64;
        work(row) * share(row, steps) / speed(row).unwrap_or(usual)
    };
    let (sum, longest) = open.map(left).fold((0.0, 0.0), |(sum, longest): (f64, f64), x| (sum + x, longest.max(x)));
    Some((sum / runners.max(1) as f64).max(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_go_to_trials_first() {
        let schedule = Schedule::new(3, vec![0, 2]);
        assert_eq!([1, 2, 5].map(|threads| schedule.split(threads)), [(1, 1), (2, 1), (2, 2)]);
        assert_eq!([schedule.take(), schedule.take(), schedule.take()], [Some(0), Some(2), None]);
        schedule.order(|orders| orders.command = Command::Stop);
        schedule.order(|orders| orders.command = Command::Run);
        assert_eq!(schedule.orders().command, Command::Stop);
    }

    #[test]
    fn single_steps_go_to_the_first_trial_in_work() {
        let schedule = Schedule::new(3, vec![2, 0, 1]);
        schedule.grant(5);
        assert_eq!(schedule.take(), Some(2));
        schedule.order(|orders| orders.command = Command::Pause);
        assert!(!schedule.takes_step(2), "a step that was granted to a running schedule is not kept");
        schedule.grant(1);
        schedule.grant(1);
        assert!(!schedule.takes_step(0) && schedule.takes_step(2) && schedule.takes_step(2) && !schedule.takes_step(2));
        // One that is over makes room for the next.
        schedule.leave(2);
        schedule.grant(2);
        assert_eq!(schedule.take(), Some(0));
        assert!(schedule.takes_step(0));
        schedule.order(|orders| orders.command = Command::Run);
        assert_eq!(schedule.take(), Some(1));
        schedule.order(|orders| orders.command = Command::Pause);
        assert!(!schedule.takes_step(0), "going on uses up what was left");
        // Nothing is left to take, so nobody waits for it.
        assert_eq!(schedule.take(), None);
    }

    #[test]
    fn time_left_counts_what_waits() {
        let row = |status, step, rate| TrialProgress { name: String::new(), status, step, steps: 100, rate, flop: 0.0 };
        let rows = [row(Status::Done, 100, None), row(Status::Running, 50, Some(10.0)), row(Status::Waiting, 0, None)];
        assert_eq!(eta(&rows, 1), Some(15.0));
        assert_eq!(eta(&rows, 2), Some(10.0));
        assert_eq!(eta(&rows[2..], 2), None);
        // Ten times the operations in as many steps take ten times as long.
        let weighed = [5.0, 5.0, 50.0].into_iter().zip(&rows).map(|(flop, row)| TrialProgress { flop, ..row.clone() });
        assert_eq!(eta(&weighed.collect::<Vec<_>>(), 1), Some(5.0 + 100.0));
    }
}
