//! What a command is: a row of the table, made from a type with arguments.

use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::{ArgMatches, Args, Command};

use super::failure::Failure;
use super::snapshot;
use crate::contract::Entry;
use crate::run::Folder;
use crate::tui::Wanted;
use crate::view::Folders;

/// Where commands work.
pub(super) struct Place {
    /// Folder of the runs.
    pub(super) runs: PathBuf,
    /// Whether that folder was named on the command line, so that the next one must name it too.
    pub(super) chosen: bool,
    /// Colours and glyphs asked for.
    pub(super) wanted: Wanted,
    /// Whether only lines of words are wanted.
    pub(super) plain: bool,
    /// The systems.
    pub(super) table: &'static [Entry],
}

/// Threads for a worker that nobody gave a number.
pub(super) fn every_core() -> usize {
    available_parallelism().map_or(1, usize::from)
}

impl Place {
    /// Whether a run is found by its name alone.
    fn holds(&self, folder: &Folder) -> bool {
        self.runs.join(folder.name()).canonicalize().ok() == folder.path().canonicalize().ok()
    }

    /// The bench that the viewer stands on.
    pub(super) fn folders(&self) -> Folders {
        let table = self.table;
        let snapshot = move |folder: &Folder| snapshot::write(folder, table, None).map_err(Failure::into_message);
        Folders { systems: table, root: self.runs.clone(), threads: every_core(), snapshot: Box::new(snapshot) }
    }

    /// What a script calls a run: its name, or its folder where it lies elsewhere.
    pub(super) fn name(&self, folder: &Folder) -> String {
        if self.holds(folder) { folder.name() } else { folder.path().display().to_string() }
    }

    /// What the next command may call a run, without further options.
    pub(super) fn handle(&self, folder: &Folder) -> String {
        if self.chosen { folder.path().display().to_string() } else { self.name(folder) }
    }
}

/// A command: its arguments and what it does.
pub(super) trait Job: Args {
    /// The word.
    const NAME: &'static str;
    /// What it is for, in a line.
    const ABOUT: &'static str;
    /// Command lines, one a line, each with a comment two spaces behind it.
    const EXAMPLES: &'static str;
    /// Whether it is for the program itself only.
    const HIDDEN: bool = false;

    /// Does it and gives the exit code.
    fn start(self, place: &Place) -> Result<u8, Failure>;
}

/// A row of the table of commands.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) examples: &'static str,
    pub(super) hidden: bool,
    about: &'static str,
    arguments: fn(Command) -> Command,
    /// Does it and gives the exit code.
    pub(super) start: fn(&ArgMatches, &Place) -> Result<u8, Failure>,
}

impl Row {
    /// The row of a command.
    pub(super) const fn of<J: Job>() -> Self {
        Row {
            name: J::NAME,
            about: J::ABOUT,
            examples: J::EXAMPLES,
            hidden: J::HIDDEN,
            arguments: J::augment_args,
            start: start::<J>,
        }
    }

    /// The command as clap sees it.
    pub(super) fn command(&self) -> Command {
        let command = (self.arguments)(Command::new(self.name)).about(self.about).hide(self.hidden);
        if self.examples.is_empty() { command } else { command.before_help(format!("Examples:\n{}", self.examples)) }
    }
}

fn start<J: Job>(matches: &ArgMatches, place: &Place) -> Result<u8, Failure> {
    J::from_arg_matches(matches).map_err(|error| Failure::usage(error.to_string()))?.start(place)
}
