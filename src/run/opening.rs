//! A trial of a run, at its beginning or as a checkpoint has it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::checkpoint::Saved;
use super::durable::records;
use super::folder::{Folder, Manifest};
use super::turns::repeat;
use crate::base::text::panic_text;
use crate::base::threads::Pool;
use crate::contract::{Event, Study, Trial, TrialError, TrialSpec};

/// Which trial of which run, and with how many threads.
pub(super) struct Opening<'a> {
    pub(super) folder: &'a Folder,
    pub(super) manifest: &'a Manifest,
    pub(super) study: &'a dyn Study,
    pub(super) spec: &'a TrialSpec,
    pub(super) pool: &'a Pool,
}

impl Opening<'_> {
    /// The trial at its beginning.
    pub(super) fn start(&self) -> Result<Box<dyn Trial>, TrialError> {
        guarded(|| self.pool.enter(|| self.study.start(self.spec, self.pool)))
    }

    /// The trial as a checkpoint has it, with its knobs as they were turned, and what it recorded until then.
    ///
    /// # Errors
    /// Why the checkpoint cannot be used.
    pub(super) fn restore(&self, saved: &Saved) -> Result<(Box<dyn Trial>, Vec<Event>), String> {
        if saved.preset != self.manifest.hash {
            return Err("it belongs to another preset".into());
        }
        let path = self.folder.metrics(&self.spec.name);
        let events: Vec<Event> = records::read(&path, saved.metrics).map_err(|e| format!("metrics.jsonl {e}"))?;
        let mut trial = self.start().map_err(|error| error.to_string())?;
        let restored = guarded(|| {
            trial.restore(&saved.checkpoint)?;
            repeat(&events, &mut *trial)
        });
        restored.map_err(|error| error.to_string())?;
        Ok((trial, events))
    }
}

/// Calls what belongs to a system; a panic there ends the trial, not the program.
pub(super) fn guarded<T>(call: impl FnOnce() -> Result<T, TrialError>) -> Result<T, TrialError> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|panic| Err(TrialError::Data(format!("a fault in the program: {}", panic_text(&*panic)))))
}
