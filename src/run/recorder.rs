//! What a trial says, on its way to its file, its digest and the coordinator.

use super::digest::Digest;
use super::durable::records::Records;
use super::error::RunError;
use crate::contract::{Event, Record};

/// What a trial says, on its way to its file and to the coordinator.
#[derive(Default)]
pub(super) struct Recorder {
    /// Its file, once the trial has begun.
    pub(super) file: Option<Records>,
    /// Events for the coordinator.
    pub(super) fresh: Vec<Event>,
    /// What a viewer shows of them.
    pub(super) digest: Digest,
    /// Step of the newest number: how far charts go.
    pub(super) latest: u64,
    /// The first value that was not finite; everything behind it is dropped.
    pub(super) broken: Option<(u64, String)>,
}

impl Recorder {
    /// Takes in an event of the worker's own.
    pub(super) fn write(&mut self, event: Event) {
        let push = |file: &mut Records| file.push(&event).expect("an event is plain data with string keys");
        self.file.iter_mut().for_each(push);
        self.take(event);
    }

    /// Takes in an event that is in the file already.
    pub(super) fn take(&mut self, event: Event) {
        self.latest = self.latest.max(event.measured().unwrap_or(0));
        self.digest.apply(&event);
        self.fresh.push(event);
    }

    /// Hands what was written to the system.
    pub(super) fn flush(&mut self) -> Result<(), RunError> {
        self.file.as_mut().map_or(Ok(()), Records::flush)
    }

    /// Puts what was written on the disk.
    pub(super) fn sync(&mut self) -> Result<(), RunError> {
        self.file.as_mut().map_or(Ok(()), Records::sync)
    }

    /// Bytes written.
    pub(super) fn length(&self) -> u64 {
        self.file.as_ref().map_or(0, Records::len)
    }
}

impl Record for Recorder {
    fn event(&mut self, event: Event) {
        if self.broken.is_some() {
            return;
        }
        match &event {
            Event::Metric { step, name, value } if !value.is_finite() => self.broken = Some((*step, name.clone())),
            Event::Vector { step, name, values } if values.iter().any(|v| !v.is_finite()) => {
                self.broken = Some((*step, name.clone()));
            }
            // How a trial begins and ends, and what was asked of it, is the worker's to say.
            Event::Opened { .. } | Event::Turned { .. } | Event::Closed { .. } => {}
            _ => self.write(event),
        }
    }
}
