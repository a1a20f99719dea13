//! The command line: one word a job, one file a command, one row a command in [`COMMANDS`].

mod asking;
mod failure;
mod job;
mod output;
mod progress;

mod bench;
mod checkpoint;
mod compare;
mod completions;
mod data;
mod diagnose;
mod doctor;
mod list;
mod man;
mod note;
mod pause;
mod preset;
mod remove;
mod replay;
mod results;
mod resume;
mod run;
mod runs;
mod set;
mod show;
mod snapshot;
mod step;
mod stop;
mod tag;
mod tour;
mod wait;
mod watch;
mod worker;

use std::ffi::OsString;
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, Command, value_parser};

use self::failure::Failure;
use self::job::{Place, Row};
use crate::base::text::panic_text;
use crate::systems;
use crate::tui::{self, Depth, Glyphs, Wanted};

/// Every command, in the order in which help lists them.
const COMMANDS: &[Row] = &[
    Row::of::<tour::Tour>(),
    Row::of::<list::List>(),
    Row::of::<runs::Runs>(),
    Row::of::<run::Run>(),
    Row::of::<watch::Watch>(),
    Row::of::<show::Show>(),
    Row::of::<diagnose::Diagnose>(),
    Row::of::<compare::Compare>(),
    Row::of::<results::Results>(),
    Row::of::<tag::Tag>(),
    Row::of::<note::Note>(),
    Row::of::<pause::Pause>(),
    Row::of::<step::Step>(),
    Row::of::<stop::Stop>(),
    Row::of::<checkpoint::Checkpoint>(),
    Row::of::<set::Set>(),
    Row::of::<resume::Resume>(),
    Row::of::<replay::Replay>(),
    Row::of::<snapshot::Snapshot>(),
    Row::of::<remove::Remove>(),
    Row::of::<preset::Preset>(),
    Row::of::<data::Data>(),
    Row::of::<bench::Bench>(),
    Row::of::<doctor::Doctor>(),
    Row::of::<completions::Completions>(),
    Row::of::<man::Man>(),
    Row::of::<worker::Worker>(),
];

const EXAMPLES: &str = "  ansatz                          open the bench: pick a system, press Enter
  ansatz tour                     be shown around on a real run
  ansatz list                     what there is to study
  ansatz run gpicl                run a study and wait for its verdict
  ansatz run gpicl/full --detach  start one and leave it to itself
  ansatz watch                    look at the newest run
  ansatz show --json              its results for a script";

const EPILOGUE: &str = "\
RUN is a folder, the name of a run, or a unique beginning of it; without one, the newest.

Exit codes: 0 done, 1 failed, 2 bad usage or input, 3 the verdict contradicts --expect, 4 disk trouble, 5 diverged.";

/// Runs the program.
pub fn main() -> ExitCode {
    // A defect ends in one sentence: a backtrace helps nobody who did not write the program.
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(|| "an unknown place".into(), ToString::to_string);
        let words = panic_text(info.payload());
        output::tell(&format!("error: a defect in ansatz itself, at {place}: {words}"));
    }));
    let code = panic::catch_unwind(|| start(std::env::args_os())).unwrap_or(1);
    ExitCode::from(code)
}

/// Does what the arguments say and gives the exit code.
fn start(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            // Nothing can be said where the stream for it is closed.
            error.print().unwrap_or_default();
            return if error.use_stderr() { 2 } else { 0 };
        }
    };
    let runs = matches.get_one::<PathBuf>("runs").cloned().unwrap_or_else(|| "runs".into());
    let chosen = matches.value_source("runs") == Some(ValueSource::CommandLine);
    let wanted = Wanted { depth: matches.get_one("color").copied(), glyphs: matches.get_one("glyphs").copied() };
    let place = Place { runs, chosen, wanted, plain: matches.get_flag("plain"), table: systems::ALL };
    let result = match matches.subcommand() {
        Some((name, matches)) => match COMMANDS.iter().find(|row| row.name == name) {
            Some(row) => (row.start)(matches, &place),
            None => Err(Failure::usage(format!("there is no command `{name}`"))),
        },
        None => bench(&place),
    };
    result.unwrap_or_else(|failure| failure.report())
}

/// `ansatz` alone.
fn bench(place: &Place) -> Result<u8, Failure> {
    if place.plain {
        return list::plainly(place);
    }
    tui::open(place.folders(), tui::look(place.wanted))?;
    Ok(0)
}

/// The whole command line as clap sees it.
fn command() -> Command {
    let runs = Arg::new("runs")
        .long("runs")
        .value_name("DIR")
        .help("Folder of the runs")
        .env("ANSATZ_RUNS")
        .hide_env_values(true)
        .default_value("runs")
        .value_parser(value_parser!(PathBuf))
        .action(ArgAction::Set)
        .global(true);
    let color = Arg::new("color")
        .long("color")
        .value_name("DEPTH")
        .help("Colours of the viewer: none, 16, 256 or truecolor; from the terminal otherwise")
        .env("ANSATZ_COLOR")
        .hide_env_values(true)
        .value_parser(str::parse::<Depth>);
    let glyphs = Arg::new("glyphs")
        .long("glyphs")
        .value_name("SET")
        .help("Glyphs of its charts: braille, blocks or ascii; from the terminal otherwise")
        .env("ANSATZ_GLYPHS")
        .hide_env_values(true)
        .value_parser(str::parse::<Glyphs>);
    let plain = Arg::new("plain")
        .long("plain")
        .help("Lines of words alone, for screen readers and logs: no viewer, no bars, one line an event")
        .env("ANSATZ_PLAIN")
        .hide_env_values(true)
        .action(ArgAction::SetTrue)
        .global(true);
    let root = Command::new("ansatz")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A terminal lab bench for inductive bias and learning to learn")
        .before_help(format!("Examples:\n{EXAMPLES}"))
        .after_help(EPILOGUE)
        .disable_help_subcommand(true)
        .args([runs, color, glyphs, plain]);
    COMMANDS.iter().fold(root, |root, row| root.subcommand(row.command()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_makes_a_command_line() {
        command().debug_assert();
        let mut names: Vec<&str> = COMMANDS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COMMANDS.len());
    }

    #[test]
    fn every_command_has_an_example_that_parses() {
        for row in COMMANDS.iter().filter(|row| !row.hidden) {
            let examples: Vec<&str> = row.examples.lines().collect();
            assert!(!examples.is_empty(), "{}", row.name);
            for example in examples {
                // Up to the comment, the pipe or the file.
                let ends = ["  ", " | ", " > "].into_iter().filter_map(|end| example.trim().find(end));
                let words = &example.trim()[..ends.min().unwrap_or(example.trim().len())];
                let parsed = command().try_get_matches_from(words.split_whitespace());
                let parsed = parsed.unwrap_or_else(|error| panic!("{example}: {error}"));
                assert_eq!(parsed.subcommand_name(), Some(row.name), "{example}");
            }
        }
    }
}
