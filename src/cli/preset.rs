//! `ansatz preset`: check, show and begin presets.

use std::io::{self, Read};
use std::path::Path;

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::contract::Cost;
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
    } else if !Path::new(file).exists() {
        return Err(Failure::usage(format!("there is no file {file}")).hint("`-` reads standard input"));
    } else {
        run::load(place.table, file, &Changes::default())?
    };
    let words = cost(&preset.study.cost());
    output::print(&format!("ok: {file} is a preset of {}: {words}\n", preset.entry.card.slug))
}

/// What a study will take, in words; what its system cannot tell is left out.
pub(super) fn cost(cost: &Cost) -> String {
    let mut words = vec![if cost.trials == 1 { "1 trial".to_owned() } else { format!("{} trials", cost.trials) }];
    if cost.flop > 0.0 {
        words.push(format!("{} of arithmetic", flop(cost.flop)));
    }
    for (count, of) in [(cost.memory, "of memory a trial"), (cost.disk, "on disk")] {
        if count > 0 {
            words.push(format!("{} {of}", bytes(count)));
        }
    }
    words.join(", ")
}

/// A count of floating-point operations for people: `1.24 TFLOP`.
fn flop(count: f64) -> String {
    let units = ["", "k", "M", "G", "T", "P", "E"];
    let step = (count.max(1.0).log10() / 3.0).floor().min(6.0);
    format!("{:.2} {}FLOP", count / 1000f64.powf(step), units[step as usize])
}

fn new(system: &str, place: &Place) -> Result<(), Failure> {
    let (slug, name) = system.split_once('/').map_or((system, None), |(slug, name)| (slug, Some(name)));
    let entry = run::entry(place.table, slug)?;
    let preset = match name {
        None => entry.presets.first(),
        Some(name) => entry.preset(name),
    };
    // A wrong name gets the message that `run` gives it.
    let Some(preset) = preset else {
        return Err(run::load(place.table, system, &Changes::default())
            .map_or_else(Failure::from, |_| Failure::failed(format!("{slug} ships no preset"))));
    };
    output::print(preset.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_words() {
        let whole = Cost { trials: 18, flop: 1.24e12, memory: 3 << 20, disk: 0 };
        assert_eq!(cost(&whole), "18 trials, 1.24 TFLOP of arithmetic, 3 MiB of memory a trial");
        assert_eq!(cost(&Cost { trials: 1, ..Cost::default() }), "1 trial");
        assert_eq!(flop(5e20), "500.00 EFLOP");
    }
}
