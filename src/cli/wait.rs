//! Waiting for a run: progress while it goes, Ctrl-C, and what its end means for the exit code.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::failure::Failure;
use super::job::Place;
use super::progress::Progress;
use super::{output, show};
use crate::contract::{Level, Outcome, Status, StudyState};
use crate::run::export::verdict_text;
use crate::run::{self, Ending, Folder, Reader, Request, Spawned};

/// How often the run is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long a worker may take to appear.
const START: Duration = Duration::from_secs(20);

/// What to do once the run goes.
#[derive(clap::Args)]
pub(super) struct Waiting {
    /// Return at once, print the run's name and leave it to itself
    #[arg(long)]
    detach: bool,
    /// Print one JSON document at the end
    #[arg(long)]
    json: bool,
    /// Exit with 3 unless this is the verdict
    #[arg(long, value_name = "OUTCOME", conflicts_with = "detach")]
    #[arg(value_parser = ["reproduced", "partly", "not-reproduced"])]
    expect: Option<String>,
}

impl Waiting {
    /// Waits for a run, unless told not to. `worker` is its process where this one started it.
    pub(super) fn follow(&self, folder: &Folder, worker: Option<Spawned>, place: &Place) -> Result<u8, Failure> {
        let name = place.handle(folder);
        if self.detach {
            if self.json {
                output::print_json(&json!({ "run": folder.name(), "folder": folder.path() }))?;
            } else {
                output::print(&format!("{}\n", place.name(folder)))?;
            }
            return Ok(0);
        }
        let mut watch = Watch::open(folder, worker, &name, place.plain)?;
        watch.until_end()?;
        let state = watch.reader.state();
        if self.json {
            show::print(state, place, true)?;
        } else if let Some(verdict) = &state.verdict {
            output::print(&verdict_text(verdict))?;
            output::tell(&format!(
                "\n`ansatz show {name}` prints the panels too, `ansatz watch {name}` opens the viewer"
            ));
        }
        watch.exit_code(&name, self.expect.as_deref())
    }
}

/// Tells what happens in a run until no worker is on it, then its verdict. Leaving it does nothing to the run.
pub(super) fn tell(folder: &Folder) -> Result<u8, Failure> {
    let mut reader = Reader::open(folder)?;
    let mut progress = Progress::in_words(reader.state());
    while matches!(reader.state().status, Status::Running | Status::Paused | Status::Waiting | Status::Stalled) {
        progress.show(reader.state());
        std::thread::sleep(LOOK);
        reader.refresh()?;
    }
    progress.show(reader.state());
    let state = reader.state();
    match &state.verdict {
        Some(verdict) => output::print(&verdict_text(verdict))?,
        None => output::print(&format!("{}: {}, not judged\n", state.run, state.status.name()))?,
    }
    Ok(0)
}

struct Watch {
    reader: Reader,
    progress: Progress,
    worker: Option<Spawned>,
    interrupted: Arc<AtomicBool>,
    name: String,
}

impl Watch {
    fn open(folder: &Folder, worker: Option<Spawned>, name: &str, plain: bool) -> Result<Self, Failure> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted)).map_err(Failure::failed)?;
        }
        let reader = Reader::open(folder)?;
        let progress = if plain { Progress::in_words(reader.state()) } else { Progress::new(reader.state()) };
        Ok(Watch { reader, progress, worker, interrupted, name: name.to_owned() })
    }

    /// Follows the run until no worker is on it.
    fn until_end(&mut self) -> Result<(), Failure> {
        let (begun, mut seen, mut stopping) = (Instant::now(), false, false);
        loop {
            let ended = self.worker_ended();
            self.reader.refresh()?;
            self.progress.show(self.reader.state());
            let held = self.reader.worker().is_some();
            seen |= held;
            if !held && (seen || ended || begun.elapsed() > START) {
                break;
            }
            if self.interrupted.swap(false, Ordering::Relaxed) {
                if stopping {
                    self.progress.finish();
                    return Err(Failure::failed(format!("left {}; it goes on stopping by itself", self.name)));
                }
                stopping = true;
                self.progress.say("stopping at a checkpoint; Ctrl-C again leaves at once");
                self.ask_to_stop()?;
            }
            std::thread::sleep(LOOK);
        }
        // Its last words came before its lock went.
        self.reader.refresh()?;
        self.progress.show(self.reader.state());
        self.progress.finish();
        self.await_code();
        Ok(())
    }

    fn ask_to_stop(&self) -> Result<(), Failure> {
        match run::request(self.reader.folder(), Request::Stop) {
            // It ended by itself in the meantime.
            Err(run::RunError::Idle { .. }) => Ok(()),
            asked => Ok(asked?),
        }
    }

    /// The worker's own exit code, once it ended by itself; none for one that we did not start.
    fn code(&self) -> Option<i32> {
        self.worker.as_ref()?.ended()?
    }

    fn worker_ended(&self) -> bool {
        self.worker.as_ref().is_some_and(|worker| worker.ended().is_some())
    }

    /// The lock goes a moment before the process: its exit code is worth that moment.
    fn await_code(&self) {
        let begun = Instant::now();
        while self.worker.is_some() && !self.worker_ended() && begun.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn exit_code(&self, name: &str, expect: Option<&str>) -> Result<u8, Failure> {
        let state = self.reader.state();
        if let Some(verdict) = state.verdict.as_ref().filter(|_| matches!(state.status, Status::Done | Status::Failed))
        {
            let code = Ending::of(verdict.outcome, &state.results()).exit_code();
            return if code == 0 { expected(verdict.outcome, expect) } else { Err(broken_trials(state, name, code)) };
        }
        let go_on = format!("`ansatz resume {name}` goes on from the last checkpoint");
        let last_words = state.journal.last().filter(|(_, level, _)| *level == Level::Error);
        match (self.code(), last_words) {
            (Some(0), _) => Err(Failure::failed(format!("{name} was stopped")).hint(go_on)),
            (None, None) if self.was_asked() => Err(Failure::failed(format!("{name} was stopped")).hint(go_on)),
            (None, None) => Err(Failure::failed(format!("the worker of {name} died (was it killed?)")).hint(go_on)),
            // What the worker said last was told when it said it.
            (code, Some(_)) => Err(Failure::failed(format!("{name} is not done")).hint(go_on).code(exit(code))),
            (code, None) => {
                let log = self.reader.folder().log();
                let words = format!("the worker of {name} failed; {} may say why", log.display());
                Err(Failure::failed(words).hint(go_on).code(exit(code)))
            }
        }
    }

    /// Whether the worker itself wrote that it stops; a killed one wrote nothing.
    fn was_asked(&self) -> bool {
        self.reader.progress().is_some_and(|progress| progress.status == Status::Stopped)
    }
}

/// The exit code of a worker as one of ours.
fn exit(code: Option<i32>) -> u8 {
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Exit code 3 where the verdict is not the expected one.
fn expected(outcome: Outcome, expect: Option<&str>) -> Result<u8, Failure> {
    match expect {
        Some(word) if word != outcome.name() => {
            Err(Failure::failed(format!("the verdict is {}, expected was {word}", outcome.name())).code(3))
        }
        _ => Ok(0),
    }
}

fn broken_trials(state: &StudyState, name: &str, code: u8) -> Failure {
    let broken = state.trials.iter().filter(|trial| trial.status == Status::Failed);
    let names: Vec<&str> = broken.map(|trial| trial.result.spec.name.as_str()).collect();
    let word = if code == 5 { "diverged" } else { "failed" };
    let failure =
        Failure::failed(format!("{} of {} trials {word}: {}", names.len(), state.trials.len(), names.join(", ")));
    failure.hint(format!("`ansatz show {name}` says where and why")).code(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_verdict_contradicts() {
        assert_eq!(expected(Outcome::Partly, None).map_err(|f| f.report()), Ok(0));
        assert_eq!(expected(Outcome::Partly, Some("partly")).map_err(|f| f.report()), Ok(0));
        for outcome in [Outcome::Undecided, Outcome::NotReproduced] {
            assert_eq!(expected(outcome, Some("reproduced")).map_err(|f| f.report()), Err(3));
        }
    }
}
