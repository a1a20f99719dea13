//! Why a command could not do its job: one sentence, perhaps a hint, and the exit code.

use std::io;

use super::output;
use crate::run::export::SnapshotError;
use crate::run::{PresetFailure, RunError};
use crate::tui::NoTerminal;

/// An error on its way to a person.
#[derive(Debug)]
pub(super) struct Failure {
    code: u8,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// Bad usage or input.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Failure { code: 2, message: message.into(), hint: None }
    }

    /// It went wrong.
    pub(super) fn failed(message: impl ToString) -> Self {
        Failure { code: 1, message: message.to_string(), hint: None }
    }

    /// The disk does not take it.
    pub(super) fn disk(message: impl ToString) -> Self {
        Failure { code: 4, message: message.to_string(), hint: None }
    }

    /// The same with another exit code.
    pub(super) fn code(self, code: u8) -> Self {
        Failure { code, ..self }
    }

    /// The same with what to do about it.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Failure { hint: Some(hint.into()), ..self }
    }

    /// Standard output does not take the text. A reader that has seen enough is no error.
    pub(super) fn output(error: &io::Error) -> Self {
        // The writer of CSV wraps what the stream said.
        let csv = error.get_ref().and_then(|inner| inner.downcast_ref::<csv::Error>());
        let kind = match csv.map(csv::Error::kind) {
            Some(csv::ErrorKind::Io(inner)) => inner.kind(),
            _ => error.kind(),
        };
        if kind == io::ErrorKind::BrokenPipe {
            return Failure { code: 0, message: String::new(), hint: None };
        }
        Failure::disk(format!("standard output cannot be written: {error}"))
    }

    /// The sentence alone.
    pub(super) fn into_message(self) -> String {
        self.message
    }

    /// Tells the person and gives the exit code.
    pub(super) fn report(&self) -> u8 {
        if !self.message.is_empty() {
            output::tell(&format!("error: {}", self.message.trim_start_matches("error: ").trim_end()));
        }
        if let Some(hint) = &self.hint {
            output::tell(&format!("hint: {hint}"));
        }
        self.code
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Failure { code: error.exit_code(), message: error.to_string(), hint: None }
    }
}

impl From<Box<PresetFailure>> for Failure {
    fn from(failure: Box<PresetFailure>) -> Self {
        RunError::from(failure).into()
    }
}

/// The viewer's errors: without a terminal it is the usage that is wrong.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        if error.is::<NoTerminal>() { Failure::usage(error.to_string()) } else { Failure::failed(format!("{error:#}")) }
    }
}

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Exists(_) => Failure::usage(error.to_string()).hint("`--out DIR` names another folder"),
            SnapshotError::Write { .. } => Failure::disk(error),
        }
    }
}
