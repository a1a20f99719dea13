//! `ansatz preset`: check, show and begin presets.

use std::io::{self, Read};

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::contract::{Cost, short_number};
use crate::run::export::bytes;
use crate::run::{self, Changes};

/// Works with presets.
#[derive(clap::Args)]
pub(super) struct Preset {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Check a preset file and say what it would cost
    Check {
        /// The file; `-` reads standard input
        file: String,
    },
    /// Print a preset as it would run, every default filled in
    Show {
        /// SYSTEM, SYSTEM/PRESET or a .ron file
        name: String,
        /// Change a field: path.to.field=VALUE
        #[arg(long, value_name = "PATH=VALUE")]
        set: Vec<String>,
    },
    /// Print a preset to start from, with a comment on every field
    New {
        /// SYSTEM or SYSTEM/PRESET
        system: String,
    },
}

impl Job for Preset {
    const NAME: &'static str = "preset";
    const ABOUT: &'static str = "Check, show and begin presets";
    const EXAMPLES: &'static str = "  ansatz preset new gpicl > mine.ron\n  ansatz preset check mine.ron\n  \
                                    ansatz preset show gpicl/full";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        match self.what {
            What::Check { file } => check(&file, place)?,
            What::Show { name, set } => {
                let preset = run::load(place.table, &name, &Changes { set, ..Changes::default() })?;
                output::print(&preset.study.to_ron())?;
            }
            What::New { system } => new(&system, place)?,
        }
        Ok(0)
    }
}

fn check(file: &str, place: &Place) -> Result<(), Failure> {
    let preset = if file == "-" {
        let mut text = String::new();
        let read = io::stdin().lock().take(1 << 21).read_to_string(&mut text);
        read.map_err(|error| Failure::usage(format!("standard input cannot be read: {error}")))?;
        run::check(place.table, "<stdin>", &text)?
    } else {
        run::load(place.table, file, &Changes::default())?
    };
    let words = cost(&preset.study.cost());
    output::print(&format!("ok: {file} is a preset of {}: {words}\n", preset.entry.card.slug))
}

/// What a study will take, in words.
pub(super) fn cost(cost: &Cost) -> String {
    let (flop, memory, disk) = (short_number(cost.flop), bytes(cost.memory), bytes(cost.disk));
    format!("{} trials, {flop} floating-point operations, {memory} of memory a trial, {disk} on disk", cost.trials)
}

fn new(system: &str, place: &Place) -> Result<(), Failure> {
    let (slug, name) = system.split_once('/').map_or((system, None), |(slug, name)| (slug, Some(name)));
    let entry = run::entry(place.table, slug)?;
    let preset = match name {
        None => entry.presets.first(),
        Some(name) => entry.preset(name),
    };
    // A wrong name gets the message that `run` gives it.
    let Some(preset) = preset else { return Err(run::load(place.table, system, &Changes::default()).map_or_else(
        Failure::from,
        |_| Failure::failed(format!("{slug} ships no preset")),
    )) };
    output::print(preset.text)
}
