//! One trial, from wherever it is to its end or to the next stop.

use std::time::{Duration, Instant};

use super::checkpoint::{self, Saved};
use super::durable::records::{self, Extent, Records};
use super::durable::{self, Keep};
use super::error::RunError;
use super::folder::{Folder, Manifest};
use super::journal;
use super::opening::{Opening, guarded};
use super::recorder::Recorder;
use super::schedule::{Command, Schedule};
use super::times::Times;
use super::turns::{Turned, Turns, count_turns};
use crate::base::threads::Pool;
use crate::contract::{
    Closing, Event, Flow, Found, Level, Progress, Record, Status, Study, Trial, TrialError, TrialSpec, Watch,
};

/// Wall time between flushes of the metrics.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// Wall time between panels while somebody looks, at least.
const PANELS_EVERY: Duration = Duration::from_millis(330);
/// Writing checkpoints may cost one part in this many.
const SAVE_SHARE: u32 = 20;
/// Being watched may cost one part in this many.
pub(super) const WATCH_SHARE: u32 = 60;

/// What all trials of a study share.
pub(super) struct Bench {
    pub(super) folder: Folder,
    pub(super) study: Box<dyn Study>,
    pub(super) manifest: Manifest,
    pub(super) schedule: Schedule,
    /// Wall time between checkpoints of a trial, at least.
    pub(super) checkpoint_every: Duration,
}

/// Why a trial is over before its last step.
struct Broken {
    closing: Closing,
    why: String,
    /// The step at which it did, where the trial knows.
    step: Option<u64>,
    /// Whether the step that failed can be taken again to see where it came from.
    traceable: bool,
}

impl Broken {
    fn failed(why: String) -> Self {
        Broken { closing: Closing::Failed, why, step: None, traceable: false }
    }
}

impl From<TrialError> for Broken {
    fn from(error: TrialError) -> Self {
        let step = if let TrialError::Diverged { step, .. } = error { Some(step) } else { None };
        Broken { closing: error.closing(), why: error.to_string(), step, traceable: step.is_some() }
    }
}

/// What ends the work on a trial early.
enum End {
    /// The trial's own trouble: written down, the others go on.
    Trial(Broken),
    /// Trouble with the run: everything stops.
    Run(RunError),
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        End::Trial(broken)
    }
}

impl From<RunError> for End {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Disk(_) => End::Run(error),
            other => End::Trial(Broken::failed(other.to_string())),
        }
    }
}

/// A trial in work.
struct Running<'a> {
    bench: &'a Bench,
    index: usize,
    trial: Box<dyn Trial>,
    record: Recorder,
    pool: &'a Pool,
    finished: bool,
    turns: Turns,
    times: Times,
    /// Step of the newest checkpoint.
    saved_step: u64,
    /// Steps done before the last call of `step`.
    before: u64,
    pace: Pace,
}

/// When what was last done, by the monotonic clock.
struct Pace {
    flushed: Instant,
    flushed_step: u64,
    rate: Option<f64>,
    saved: Instant,
    save_cost: Duration,
    /// Requests for checkpoints that were answered.
    answered: u64,
    /// When panels were last written, and after which step.
    shown: Option<(Instant, u64)>,
    show_cost: Duration,
}

impl Bench {
    fn spec(&self, index: usize) -> &TrialSpec {
        &self.manifest.trials[index]
    }

    /// Advances a trial until it ends or the orders say so.
    ///
    /// # Errors
    /// When the disk does not take what must be kept; what a trial does wrong is written down and
    /// ends that trial only.
    pub(super) fn advance(&self, index: usize, pool: &Pool) -> Result<(), RunError> {
        let mut record = Recorder::default();
        let (mut reached, mut before) = (Progress::default(), 0);
        let ended = match self.begin(index, pool, &mut record) {
            Ok(mut running) => {
                let mut ended = running.go_on();
                if let Err(End::Trial(_)) = &ended
                    && let Err(error) = running.times.end(running.record.latest)
                {
                    ended = Err(End::Run(error));
                }
                (reached, before) = (running.trial.progress(), running.before);
                record = running.record;
                ended
            }
            Err(end) => Err(end),
        };
        match ended {
            Ok(()) => Ok(()),
            Err(End::Run(error)) => Err(error),
            Err(End::Trial(mut broken)) => {
                if broken.traceable
                    && let Some(cause) = self.diagnose(index, pool, before)
                {
                    broken.why = format!("{}; it comes from {cause}", broken.why);
                }
                self.close_broken(index, record, reached, broken)
            }
        }
    }

    /// Starts a trial, from its newest checkpoint that can be used.
    fn begin<'a>(&'a self, index: usize, pool: &'a Pool, record: &mut Recorder) -> Result<Running<'a>, End> {
        let name = &self.spec(index).name;
        let mut turns = Turns::open(&self.folder, name)?;
        turns.seen = self.schedule.turns_so_far();
        let (found, wrong) = checkpoint::newest(&self.folder, name, |saved| {
            let (trial, events) = self.opening(index, pool).restore(saved)?;
            Ok((trial, events, saved.metrics, saved.finished))
        });
        for reason in wrong {
            journal::add(&self.folder, Level::Warning, reason)?;
        }
        let keep = found.as_ref().map_or(0, |(_, _, metrics, _)| *metrics);
        self.tell_what_is_cut(name, keep)?;
        record.file = Some(Records::open(&self.folder.metrics(name), keep)?);
        let fresh = found.is_none();
        let (trial, finished) = match found {
            Some((trial, events, _, finished)) => {
                turns.done = count_turns(&events);
                events.into_iter().for_each(|event| record.take(event));
                (trial, finished)
            }
            None => {
                let trial = self.opening(index, pool).start().map_err(Broken::from)?;
                record.write(Event::Opened { steps: trial.progress().steps });
                (trial, false)
            }
        };
        let pace = Pace::new(trial.progress().step, self.schedule.orders().checkpoint);
        let record = std::mem::take(record);
        let times = Times::open(&self.folder, name, record.latest)?;
        let (step, bench) = (trial.progress().step, self);
        let mut running =
            Running { bench, index, trial, record, pool, finished, turns, times, saved_step: step, before: step, pace };
        if fresh {
            running.read_instruments()?;
        }
        running.publish(Status::Running);
        Ok(running)
    }

    fn opening<'a>(&'a self, index: usize, pool: &'a Pool) -> Opening<'a> {
        let Bench { folder, study, manifest, .. } = self;
        Opening { folder, manifest, study: study.as_ref(), spec: self.spec(index), pool }
    }

    /// Says what stands behind the checkpoint from which a trial goes on: it is done again.
    fn tell_what_is_cut(&self, trial: &str, keep: u64) -> Result<(), RunError> {
        let Extent { whole, torn } = records::extent(&self.folder.metrics(trial));
        let behind = (whole + torn).saturating_sub(keep);
        if behind == 0 {
            return Ok(());
        }
        let unfinished = if torn > 0 { ", the last of them unfinished" } else { "" };
        let text = format!(
            "{trial} goes on from its checkpoint; {behind} bytes of metrics behind it are made again{unfinished}"
        );
        journal::add(&self.folder, Level::Info, text)
    }

    /// Where a trial that diverged in the step after `step` steps did so: another one goes from the
    /// newest checkpoint to before that step, and then watches every value.
    fn diagnose(&self, index: usize, pool: &Pool, step: u64) -> Option<String> {
        let (name, opening) = (&self.spec(index).name, self.opening(index, pool));
        let mut turns = Turns::open(&self.folder, name).ok()?;
        let (found, _) = checkpoint::newest(&self.folder, name, |saved| {
            let (trial, events) = opening.restore(saved)?;
            Ok((trial, count_turns(&events)))
        });
        let (mut trial, done) = found.map_or_else(|| Some((opening.start().ok()?, 0)), Some)?;
        turns.done = done;
        guarded(|| {
            let mut unrecorded: Vec<Event> = Vec::new();
            loop {
                let here = trial.progress().step;
                while let Some(turned) = turns.due(here) {
                    trial.turn(&turned.knob, turned.value)?;
                }
                if here >= step {
                    return Ok(pool.enter(|| trial.trace_divergence()));
                }
                pool.enter(|| trial.step(&mut unrecorded))?;
            }
        })
        .ok()?
    }

    /// Writes down how a trial broke.
    fn close_broken(&self, index: usize, mut record: Recorder, at: Progress, broken: Broken) -> Result<(), RunError> {
        let Broken { closing, why, step, .. } = broken;
        // Where the charts end or, if the trial counts its steps as they do, at the very step behind that.
        let step = step.filter(|step| (record.latest..=at.steps).contains(step)).unwrap_or(record.latest);
        journal::add(&self.folder, Level::Error, format!("{} ended early: {why}", self.spec(index).name))?;
        record.write(Event::Note { step, level: Level::Error, text: why });
        record.write(Event::Closed { closing });
        record.sync()?;
        let mut slot = self.schedule.slot(index);
        (slot.status, slot.progress, slot.rate) = (Status::Failed, at, None);
        slot.events.append(&mut record.fresh);
        Ok(())
    }
}

impl Running<'_> {
    /// Steps until the end or until the orders say so.
    fn go_on(&mut self) -> Result<(), End> {
        while !self.finished {
            if !self.obey()? {
                return Ok(());
            }
            self.turn()?;
            self.before = self.trial.progress().step;
            let (trial, record) = (&mut self.trial, &mut self.record);
            let flow = guarded(|| self.pool.enter(|| trial.step(record)));
            #[cfg(test)]
            if self.bench.schedule.dies() {
                self.record.file.take().unwrap().tear();
                return Ok(());
            }
            if let Some((step, what)) = self.record.broken.take() {
                let diverged = TrialError::Diverged { step, what, seed: None };
                return Err(Broken { traceable: false, ..diverged.into() }.into());
            }
            self.finished = flow.map_err(Broken::from)? == Flow::Done;
            self.read_instruments()?;
            self.keep_up()?;
        }
        self.end()
    }

    /// Does what the orders say; false when that is to end, true when a step is to be made.
    fn obey(&mut self) -> Result<bool, End> {
        let schedule = &self.bench.schedule;
        let mut orders = schedule.orders();
        if orders.command == Command::Pause && !schedule.takes_step(self.index) {
            self.save()?;
            self.times.rest();
            while orders.command == Command::Pause && !schedule.takes_step(self.index) {
                if orders.watched && self.pace.shown.is_none_or(|(_, step)| step != self.trial.progress().step) {
                    self.show()?;
                }
                self.publish(Status::Paused);
                schedule.wait();
                orders = schedule.orders();
            }
            self.times.go_on();
            self.pace = Pace { shown: self.pace.shown, ..Pace::new(self.trial.progress().step, self.pace.answered) };
            self.publish(Status::Running);
        }
        if orders.command == Command::Stop {
            self.save()?;
            self.show()?;
            self.times.end(self.record.latest)?;
            self.publish(Status::Stopped);
        } else if orders.command == Command::Run && orders.checkpoint != self.pace.answered {
            self.pace.answered = orders.checkpoint;
            self.save()?;
        }
        Ok(matches!(orders.command, Command::Run | Command::Pause))
    }

    /// Turns the knobs that were asked for: on the disk before they have any effect.
    fn turn(&mut self) -> Result<(), End> {
        let asked = self.bench.schedule.turns(&self.name(), &mut self.turns.seen);
        let step = self.trial.progress().step;
        for turn in asked {
            self.turns.add(Turned { step, knob: turn.knob, value: turn.value })?;
        }
        while let Some(Turned { knob, value, .. }) = self.turns.due(step) {
            guarded(|| self.trial.turn(&knob, value)).map_err(Broken::from)?;
            self.record.write(Event::Turned { step, knob, value });
        }
        Ok(())
    }

    /// Reads the instruments that the preset wants along the training: before it, after every so many steps, and
    /// at its end. What they measure are metrics `INSTRUMENT.QUANTITY`, spaces as underscores.
    fn read_instruments(&mut self) -> Result<(), End> {
        let Watch { every, instruments } = &self.bench.manifest.header.watch;
        let now = self.trial.progress().step;
        if instruments.is_empty() || !(now == 0 || self.finished || now / every > self.before / every) {
            return Ok(());
        }
        let names: Vec<&str> = instruments.iter().map(String::as_str).collect();
        let trial = &mut self.trial;
        // A trial without a model at this step has nothing to read, and no reading is no fault.
        let readings =
            guarded(|| Ok(self.pool.enter(|| trial.readings(&names, &mut |_, _, _| ())))).map_err(Broken::from)?;
        for reading in readings.unwrap_or_default() {
            let Found::Measured { quantities, .. } = reading.found else { continue };
            for quantity in quantities {
                let name = format!("{}.{}", reading.instrument, quantity.name).replace(", ", ".").replace(' ', "_");
                self.record.event(Event::Metric { step: now, name, value: quantity.value });
            }
        }
        Ok(())
    }

    /// Flushes, saves and shows when it is time.
    fn keep_up(&mut self) -> Result<(), End> {
        self.times.keep_up(self.record.latest)?;
        let pace = &self.pace;
        if pace.flushed.elapsed() >= FLUSH_EVERY {
            self.record.flush()?;
            self.measure();
            self.publish(Status::Running);
        }
        // Zero means after every step, whatever it costs.
        let every = self.bench.checkpoint_every;
        let every = if every.is_zero() { every } else { every.max(self.pace.save_cost * SAVE_SHARE) };
        if self.pace.saved.elapsed() >= every {
            self.save()?;
        }
        let every = PANELS_EVERY.max(self.pace.show_cost * WATCH_SHARE);
        let due = self.pace.shown.is_none_or(|(at, _)| at.elapsed() >= every);
        if due && self.bench.schedule.orders().watched {
            self.show()?;
        }
        Ok(())
    }

    /// Steps a second, as a slow mean over flushes.
    fn measure(&mut self) {
        let step = self.trial.progress().step;
        let now = step.saturating_sub(self.pace.flushed_step) as f64 / self.pace.flushed.elapsed().as_secs_f64();
        self.pace.rate = Some(self.pace.rate.map_or(now, |rate| 0.8 * rate + 0.2 * now));
        (self.pace.flushed, self.pace.flushed_step) = (Instant::now(), step);
    }

    /// Writes a checkpoint; the metrics that it counts on are on the disk before it.
    fn save(&mut self) -> Result<(), End> {
        let begun = Instant::now();
        let checkpoint = guarded(|| Ok(self.trial.save())).map_err(Broken::from)?;
        self.record.sync()?;
        let saved = Saved {
            checkpoint,
            metrics: self.record.length(),
            finished: self.finished,
            preset: self.bench.manifest.hash.clone(),
        };
        let now = self.trial.progress();
        checkpoint::write(&self.bench.folder, &self.name(), &saved, self.saved_step, now)?;
        self.saved_step = now.step;
        if let Some(file) = &self.record.file {
            let (length, last) = (file.len(), file.last());
            self.record.digest.write(&self.bench.folder.digest(&self.name()), length, last)?;
        }
        (self.pace.saved, self.pace.save_cost) = (Instant::now(), begun.elapsed());
        Ok(())
    }

    /// Writes what there is to see.
    fn show(&mut self) -> Result<(), End> {
        let begun = Instant::now();
        let panels = guarded(|| Ok(self.pool.enter(|| self.trial.panels()))).map_err(Broken::from)?;
        let path = self.bench.folder.trial(&self.name(), "panels.json");
        durable::write_json(&path, &panels, Keep::Fleeting)?;
        self.pace.shown = Some((Instant::now(), self.trial.progress().step));
        self.pace.show_cost = begun.elapsed();
        Ok(())
    }

    /// Ends a trial that did all its steps. A kill on the way leaves a checkpoint that says so.
    fn end(&mut self) -> Result<(), End> {
        self.save()?;
        self.show()?;
        self.times.end(self.record.latest)?;
        self.record.write(Event::Closed { closing: Closing::Done });
        self.record.sync()?;
        checkpoint::forget_kept(&self.bench.folder, &self.name())?;
        self.publish(Status::Done);
        Ok(())
    }

    /// Tells the coordinator.
    fn publish(&mut self, status: Status) {
        let mut slot = self.bench.schedule.slot(self.index);
        slot.status = status;
        slot.progress = self.trial.progress();
        slot.rate = self.pace.rate.filter(|_| status == Status::Running);
        slot.events.append(&mut self.record.fresh);
    }

    fn name(&self) -> String {
        self.bench.spec(self.index).name.clone()
    }
}

impl Pace {
    fn new(step: u64, answered: u64) -> Self {
        Pace {
            flushed: Instant::now(),
            flushed_step: step,
            rate: None,
            saved: Instant::now(),
            save_cost: Duration::ZERO,
            answered,
            shown: None,
            show_cost: Duration::ZERO,
        }
    }
}
