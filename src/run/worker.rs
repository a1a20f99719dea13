//! The worker: advances every trial of a run, answers requests, judges at the end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
#[cfg(test)]
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGUSR1};

use super::advance::Bench;
use super::control::Inbox;
use super::coordinate::{Coordinator, LOOK_EVERY};
use super::durable::{self, records};
use super::error::RunError;
use super::folder::{Folder, Manifest};
use super::journal;
use super::lock::Lock;
#[cfg(test)]
use super::schedule::Command;
use super::schedule::Schedule;
use crate::base::threads::Pool;
use crate::contract::{Closing, Entry, Event, Level, Outcome, TrialResult, Verdict};

/// How a worker is to work.
#[derive(Clone, Debug)]
pub struct WorkOptions {
    /// Threads to use; the results do not depend on it.
    pub threads: usize,
    /// Whether the process is all the worker's: then it leaves the terminal's session, ignores a
    /// hang-up, and stops at a checkpoint on SIGTERM and SIGINT.
    pub own_session: bool,
    /// Wall time between checkpoints of a trial, at least; more where writing one takes long. Zero
    /// means after every step.
    pub checkpoint_every: Duration,
    /// Takes the trials in an order of this seed.
    #[cfg(test)]
    pub(super) shuffled: Option<u64>,
    /// Calls of `step` after which it ends as if killed.
    #[cfg(test)]
    pub(super) dies_after: Option<i64>,
}

impl WorkOptions {
    /// A worker inside the calling process.
    pub fn threads(threads: usize) -> Self {
        WorkOptions {
            threads,
            own_session: false,
            checkpoint_every: Duration::from_secs(5),
            #[cfg(test)]
            shuffled: None,
            #[cfg(test)]
            dies_after: None,
        }
    }
}

/// How the work on a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// Every trial did all its steps, and the study is judged.
    Done(Outcome),
    /// Stopped at checkpoints; it can be resumed.
    Stopped,
    /// Judged, but these trials failed.
    Failed(Vec<String>),
    /// Judged, but in these trials a value was not finite.
    Diverged(Vec<String>),
}

impl Ending {
    /// The program's exit code: 0 done or stopped, 1 failed, 5 diverged.
    pub fn exit_code(&self) -> u8 {
        match self {
            Ending::Done(_) | Ending::Stopped => 0,
            Ending::Failed(_) => 1,
            Ending::Diverged(_) => 5,
        }
    }

    /// How a judged study ended, from what its trials recorded.
    pub fn of(outcome: Outcome, results: &[TrialResult]) -> Self {
        let closed = |closing| results.iter().filter(move |r| r.closing == Some(closing)).map(|r| r.spec.name.clone());
        let failed: Vec<String> = closed(Closing::Failed).collect();
        let diverged: Vec<String> = closed(Closing::Diverged).collect();
        match (failed.is_empty(), diverged.is_empty()) {
            (true, true) => Ending::Done(outcome),
            (true, false) => Ending::Diverged(diverged),
            (false, _) => Ending::Failed(failed),
        }
    }
}

/// Advances a run from wherever it is until it is done or asked to stop.
///
/// # Errors
/// [`RunError::Busy`] when another worker has it; [`RunError::Disk`] when the disk does not take what
/// must be kept; the run can then be resumed from its last checkpoints.
pub fn work(folder: &Folder, table: &'static [Entry], options: &WorkOptions) -> Result<Ending, RunError> {
    let signals = if options.own_session { leave_terminal()? } else { Signals::default() };
    let lock = Lock::take(folder)?;
    let worked = work_held(folder, table, options, &lock, &signals);
    if let Err(error) = &worked {
        // On a full disk this may fail as well; then worker.log has the sentence.
        journal::add(folder, Level::Error, format!("the worker ended: {error}")).unwrap_or_default();
    }
    worked
}

/// What signals asked of the worker.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// SIGTERM, SIGINT: end at a checkpoint.
    pub(super) end: Arc<AtomicBool>,
    /// SIGUSR1: write checkpoints now, as batch systems ask before they take the machine away.
    pub(super) checkpoint: Arc<AtomicBool>,
    /// SIGTSTP: write checkpoints, then stop until SIGCONT.
    pub(super) suspend: Arc<AtomicBool>,
}

/// Makes the process independent of the terminal it was started from.
fn leave_terminal() -> Result<Signals, RunError> {
    // Fails when it leads a session already: then there is nothing to leave.
    rustix::process::setsid().ok();
    let signals = Signals::default();
    let ignored = Arc::default();
    let flags = [
        (SIGTERM, &signals.end),
        (SIGINT, &signals.end),
        (SIGUSR1, &signals.checkpoint),
        (SIGTSTP, &signals.suspend),
        (SIGHUP, &ignored),
    ];
    for (signal, flag) in flags {
        let registered = signal_hook::flag::register(signal, Arc::clone(flag));
        registered.map_err(|e| RunError::Failed(format!("signals cannot be handled: {e}")))?;
    }
    Ok(signals)
}

fn work_held(
    folder: &Folder,
    table: &'static [Entry],
    options: &WorkOptions,
    lock: &Lock,
    signals: &Signals,
) -> Result<Ending, RunError> {
    let inbox = Inbox::open(folder);
    let manifest = folder.manifest()?;
    folder.check_preset(&manifest)?;
    let study = folder.study(table)?;
    mend(folder, &manifest)?;
    let mut results: Vec<TrialResult> = manifest.trials.iter().cloned().map(TrialResult::new).collect();
    let mut queue = Vec::new();
    for (index, result) in results.iter_mut().enumerate() {
        if !read_closed(folder, result) {
            queue.push(index);
        }
    }
    if queue.is_empty()
        && let Ok(verdict) = records::read_one::<Verdict>(&folder.verdict())
    {
        return Ok(Ending::of(verdict.outcome, &results));
    }
    #[cfg(test)]
    if let Some(seed) = options.shuffled {
        queue.sort_by_key(|index| crate::base::random::Key::new(seed).index(*index as u64).number());
    }
    let schedule = Schedule::new(results.len(), queue);
    #[cfg(test)]
    schedule.steps_to_live.store(options.dies_after.unwrap_or(i64::MAX), Ordering::Relaxed);
    let checkpoint_every = options.checkpoint_every;
    let bench = Bench { folder: folder.clone(), study, manifest, schedule, checkpoint_every };
    let mut coordinator = Coordinator::new(&bench, results, inbox, lock.holder.clone(), options.threads.max(1));
    run_trials(&bench, &mut coordinator, signals)?;
    #[cfg(test)]
    if bench.schedule.orders().command == Command::Die {
        return Ok(Ending::Stopped);
    }
    coordinator.finish()
}

/// Puts in order what a worker that was killed left unfinished.
fn mend(folder: &Folder, manifest: &Manifest) -> Result<(), RunError> {
    journal::mend(folder)?;
    durable::sweep(folder.path());
    manifest.trials.iter().for_each(|trial| durable::sweep(&folder.trial(&trial.name, "")));
    Ok(())
}

/// What a closed trial recorded; false, and nothing, if it is not closed.
fn read_closed(folder: &Folder, result: &mut TrialResult) -> bool {
    let path = folder.metrics(&result.spec.name);
    let Ok(events) = records::read(&path, records::extent(&path).whole) else { return false };
    let closed = matches!(events.last(), Some(Event::Closed { .. }));
    if closed {
        events.iter().for_each(|event| result.apply(event));
    }
    closed
}

/// Runs the queue on all threads, coordinated until every runner has ended.
fn run_trials(bench: &Bench, coordinator: &mut Coordinator<'_>, signals: &Signals) -> Result<(), RunError> {
    let (runners, threads) = bench.schedule.split(coordinator.threads);
    if runners == 0 {
        return Ok(());
    }
    coordinator.start()?;
    std::thread::scope(|scope| {
        let (alive, ended) = channel::<()>();
        for _ in 0..runners {
            let alive = alive.clone();
            scope.spawn(move || {
                let pool = Pool::new(threads);
                while let Some(index) = bench.schedule.take() {
                    if let Err(error) = bench.advance(index, &pool) {
                        bench.schedule.fail(error);
                    }
                    bench.schedule.leave(index);
                }
                drop(alive);
            });
        }
        drop(alive);
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(LOOK_EVERY) {
            if let Err(error) = coordinator.look(signals) {
                bench.schedule.fail(error);
            }
        }
    });
    Ok(())
}

#[cfg(test)]
#[path = "worker_tests.rs"]
pub(super) mod tests;
