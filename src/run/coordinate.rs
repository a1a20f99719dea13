//! What a worker does beside its trials: requests, progress, panels of the study, the verdict.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::advance::{Bench, WATCH_SHARE};
use super::control::{Inbox, Wishes};
use super::durable::{self, Keep};
use super::error::RunError;
use super::journal;
use super::lock::Holder;
use super::progress::{StudyProgress, memory};
use super::schedule::{Command, eta};
use super::worker::{Ending, Signals};
use crate::base::text::panic_text;
use crate::contract::{Closing, Knob, Level, Panel, Progress, Status, TrialResult, Turn};

/// Time between looks at `control/`.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Time between replacements of `progress.json`.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// Time between panels of the whole study while somebody looks, at least.
const PANELS_EVERY: Duration = Duration::from_millis(500);

/// The worker's own thread.
pub(super) struct Coordinator<'a> {
    bench: &'a Bench,
    inbox: Inbox,
    me: Holder,
    pub(super) threads: usize,
    results: Vec<TrialResult>,
    wishes: Wishes,
    written: Instant,
    /// When panels of the study were last made, and what that took.
    shown: Option<Instant>,
    show_cost: Duration,
    /// Whether results came since.
    fresh: bool,
}

impl<'a> Coordinator<'a> {
    /// A coordinator of the bench's schedule; `results` are those of closed trials so far.
    pub(super) fn new(bench: &'a Bench, results: Vec<TrialResult>, inbox: Inbox, me: Holder, threads: usize) -> Self {
        for (index, result) in results.iter().enumerate().filter(|(_, r)| r.closing.is_some()) {
            let mut slot = bench.schedule.slot(index);
            slot.status = if result.closing == Some(Closing::Done) { Status::Done } else { Status::Failed };
            let step = result.metrics.values().filter_map(|points| Some(points.last()?.0)).max().unwrap_or(0);
            slot.progress = Progress { step, steps: step };
        }
        Coordinator {
            bench,
            inbox,
            me,
            threads,
            results,
            wishes: Wishes::default(),
            written: Instant::now(),
            shown: None,
            show_cost: Duration::ZERO,
            fresh: true,
        }
    }

    /// Says that there is a worker.
    pub(super) fn start(&mut self) -> Result<(), RunError> {
        self.journal(Level::Info, format!("worker started: process {}, threads: {}", self.me, self.threads))?;
        self.write_progress(Status::Running, Keep::Fleeting)
    }

    /// Looks once at everything that asks for something.
    ///
    /// # Errors
    /// [`RunError::Disk`].
    pub(super) fn look(&mut self, signals: &Signals) -> Result<(), RunError> {
        let before = self.wishes;
        let suspend = signals.suspend.load(Ordering::Relaxed);
        let steps = self.inbox.steps();
        self.wishes = self.inbox.look();
        self.wishes.checkpoint |= signals.checkpoint.swap(false, Ordering::Relaxed);
        self.wishes.pause |= suspend;
        let Wishes { pause, stop, checkpoint, watched } = self.wishes;
        let command = match (stop || signals.end.load(Ordering::Relaxed), pause) {
            (true, _) => Command::Stop,
            (false, true) => Command::Pause,
            (false, false) => Command::Run,
        };
        let orders = self.bench.schedule.orders();
        if (command, watched) != (orders.command, orders.watched) || checkpoint {
            self.bench.schedule.order(|orders| {
                (orders.command, orders.watched) = (command, watched);
                orders.checkpoint += u64::from(checkpoint);
            });
        }
        if checkpoint {
            self.journal(Level::Info, "checkpoints on request")?;
        }
        if pause != before.pause {
            self.journal(Level::Info, if pause { "paused" } else { "continued" })?;
        }
        self.pass_on_steps(steps)?;
        self.pass_on_turns()?;
        self.fold();
        if self.written.elapsed() >= PROGRESS_EVERY || pause != before.pause {
            self.write_progress(if pause { Status::Paused } else { Status::Running }, Keep::Fleeting)?;
        }
        if suspend && command == Command::Pause && self.bench.schedule.rests() {
            self.write_progress(Status::Paused, Keep::Fleeting)?;
            // The process stops here until SIGCONT.
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP).unwrap_or_default();
            signals.suspend.store(false, Ordering::Relaxed);
        }
        let every = PANELS_EVERY.max(self.show_cost * WATCH_SHARE);
        if watched && self.fresh && self.shown.is_none_or(|at| at.elapsed() >= every) {
            self.show()?;
        }
        Ok(())
    }

    /// Has single steps made that were asked for.
    fn pass_on_steps(&mut self, asked: Vec<Result<u64, String>>) -> Result<(), RunError> {
        for steps in asked {
            match steps {
                Ok(steps) => {
                    self.journal(Level::Info, format!("single steps on request: {steps}"))?;
                    self.bench.schedule.grant(steps);
                }
                Err(why) => self.journal(Level::Warning, format!("a request for single steps was refused: {why}"))?,
            }
        }
        Ok(())
    }

    /// Has the knobs turned that were asked for, or says why not.
    fn pass_on_turns(&mut self) -> Result<(), RunError> {
        for asked in self.inbox.turns() {
            match asked.and_then(|turn| self.check_turn(&turn).map(|()| turn)) {
                Ok(turn) => {
                    let of = turn.trial.as_deref().map_or_else(String::new, |trial| format!(" of {trial}"));
                    self.journal(Level::Info, format!("{}{of} is turned to {}", turn.knob, turn.value))?;
                    self.bench.schedule.turn(turn);
                }
                Err(why) => self.journal(Level::Warning, format!("a request to turn a knob was refused: {why}"))?,
            }
        }
        Ok(())
    }

    fn check_turn(&self, turn: &Turn) -> Result<(), String> {
        Knob::check(self.bench.study.knobs(), &turn.knob, turn.value)?;
        let Some(name) = &turn.trial else { return Ok(()) };
        match self.results.iter().position(|result| result.spec.name == *name) {
            Some(index) if matches!(self.bench.schedule.slot(index).status, Status::Running | Status::Paused) => Ok(()),
            Some(_) => Err(format!("{name} does not run now")),
            None => Err(format!("{name} is no trial of this run")),
        }
    }

    /// Ends the work: with the error that stopped it, at checkpoints, or with a verdict.
    ///
    /// # Errors
    /// [`RunError::Disk`], and [`RunError::Failed`] when judging fails.
    pub(super) fn finish(mut self) -> Result<Ending, RunError> {
        self.fold();
        if let Some(error) = self.bench.schedule.trouble() {
            self.write_progress(Status::Stopped, Keep::Fleeting).unwrap_or_default();
            return Err(error);
        }
        self.show()?;
        if self.results.iter().any(|result| result.closing.is_none()) {
            self.journal(Level::Info, "stopped at a checkpoint")?;
            self.write_progress(Status::Stopped, Keep::Durable)?;
            return Ok(Ending::Stopped);
        }
        let study = &self.bench.study;
        let verdict = match catch_unwind(AssertUnwindSafe(|| study.judge(&self.results))) {
            Ok(verdict) => verdict,
            Err(panic) => {
                self.write_progress(Status::Failed, Keep::Durable)?;
                let why = panic_text(&*panic);
                return Err(RunError::Failed(format!(
                    "the verdict could not be reached, a fault in the program: {why}"
                )));
            }
        };
        self.bench.folder.keep_verdict(&verdict)?;
        self.journal(Level::Info, format!("{}: {}", verdict.outcome.name(), verdict.sentence))?;
        // A study without a single whole trial has a verdict, but nobody would call it done.
        let any = self.results.iter().any(|result| result.closing == Some(Closing::Done));
        self.write_progress(if any { Status::Done } else { Status::Failed }, Keep::Durable)?;
        Ok(Ending::of(verdict.outcome, &self.results))
    }

    /// Takes in what trials recorded since.
    fn fold(&mut self) {
        for (index, result) in self.results.iter_mut().enumerate() {
            let events = std::mem::take(&mut self.bench.schedule.slot(index).events);
            self.fresh |= !events.is_empty();
            events.iter().for_each(|event| result.apply(event));
        }
    }

    /// Writes the panels of the study.
    fn show(&mut self) -> Result<(), RunError> {
        let begun = Instant::now();
        let panels = catch_unwind(AssertUnwindSafe(|| self.bench.study.panels(&self.results)));
        let panels: Vec<Panel> = match panels {
            Ok(panels) => panels,
            Err(panic) => {
                let why = panic_text(&*panic);
                self.journal(Level::Warning, format!("no panels of the study, a fault in the program: {why}"))?;
                Vec::new()
            }
        };
        durable::write_json(&self.bench.folder.panels(), &panels, Keep::Fleeting)?;
        (self.shown, self.show_cost, self.fresh) = (Some(Instant::now()), begun.elapsed(), false);
        Ok(())
    }

    fn write_progress(&mut self, status: Status, keep: Keep) -> Result<(), RunError> {
        let trials = self.bench.schedule.progress(self.results.iter().map(|result| &result.spec));
        let runners = self.bench.schedule.split(self.threads).0;
        let sum = |of: fn(&super::progress::TrialProgress) -> u64| trials.iter().map(of).sum();
        let progress = StudyProgress {
            worker: self.me.clone(),
            status,
            eta: eta(&trials, runners).filter(|_| status == Status::Running),
            memory: memory(),
            threads: self.threads,
            total: Progress { step: sum(|t| t.step), steps: sum(|t| t.steps) },
            trials,
        };
        self.written = Instant::now();
        durable::write_json(&self.bench.folder.progress(), &progress, keep)
    }

    fn journal(&self, level: Level, text: impl Into<String>) -> Result<(), RunError> {
        journal::add(&self.bench.folder, level, text)
    }
}
