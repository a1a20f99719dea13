//! `ansatz preset`: check, show, explain and begin presets.

use std::io::{self, Read};
use std::path::Path;

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::base::text::{cut, nearest, wrap};
use crate::contract::{Cost, Setting};
use crate::run::export::{aligned, bytes};
use crate::run::{self, Changes};
use unicode_width::UnicodeWidthStr;

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
    /// Say of every setting what it is, what it takes and what it is set to
    Explain {
        /// SYSTEM, SYSTEM/PRESET or a .ron file
        name: String,
        /// One setting, with its parts: path.to.field
        field: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a preset to start from, with a comment on every field
    New {
        /// SYSTEM or SYSTEM/PRESET
        system: String,
    },
}

impl Job for Preset {
    const NAME: &'static str = "preset";
    const ABOUT: &'static str = "Check, show, explain and begin presets";
    const EXAMPLES: &'static str = "  ansatz preset new gpicl > mine.ron\n  ansatz preset check mine.ron\n  \
                                    ansatz preset show gpicl/full\n  \
                                    ansatz preset explain gpicl common.window";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        match self.what {
            What::Check { file } => check(&file, place)?,
            What::Show { name, set } => {
                let preset = run::load(place.table, &name, &Changes { set, ..Changes::default() })?;
                output::print(&preset.study.to_ron())?;
            }
            What::Explain { name, field, json } => explain(&name, field.as_deref(), json, place)?,
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
    // Only presets that ship: a file that already exists needs no other to start from.
    run::entry(place.table, system.split('/').next().unwrap_or(system))?;
    let preset = run::load(place.table, system, &Changes::default())?;
    let name = format!("{}/{}", preset.entry.card.slug, preset.name);
    output::print(&run::template(preset.study.as_ref(), &name))
}

fn explain(name: &str, field: Option<&str>, json: bool, place: &Place) -> Result<(), Failure> {
    let preset = run::load(place.table, name, &Changes::default())?;
    let settings = asked(preset.study.settings(), field)?;
    if json {
        let rows = settings.iter().map(|setting| {
            let mut row = serde_json::to_value(setting).unwrap_or_default();
            row["takes"] = setting.takes().into();
            row
        });
        return output::print_json(&rows.collect());
    }
    match settings.as_slice() {
        [setting] => output::print(&paragraph(setting, output::width())),
        settings => {
            let row = |s: &Setting| vec![s.path.clone(), short(&s.brief()), short(&s.takes()), s.about.clone()];
            let rows: Vec<Vec<String>> = settings.iter().map(row).collect();
            output::print_table(&aligned(&["path", "value", "takes", "about"], &rows))
        }
    }
}

/// What fits into a column of a table; a single setting is told in full.
fn short(text: &str) -> String {
    const COLUMNS: usize = 40;
    if text.width() <= COLUMNS { text.to_owned() } else { cut(text, COLUMNS - 1) + "…" }
}

/// The settings that are meant: all, or one with its parts; its path may begin below `settings`.
fn asked(settings: Vec<Setting>, field: Option<&str>) -> Result<Vec<Setting>, Failure> {
    let Some(field) = field else { return Ok(settings) };
    let field = field.replace('[', ".").replace(']', "");
    let whole = [field.clone(), format!("settings.{field}")];
    let meant = |setting: &&Setting| whole.iter().any(|path| setting.path == *path || setting.is_in(path));
    let found: Vec<Setting> = settings.iter().filter(meant).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let failure = Failure::usage(format!("there is no setting `{field}`"));
    let last = field.rsplit('.').next().unwrap_or_default();
    let near = nearest(&whole[1], settings.iter().map(|setting| setting.path.as_str()))
        .or_else(|| nearest(last, settings.iter().map(Setting::name)))
        .and_then(|near| settings.iter().find(|setting| setting.path == near || setting.name() == near));
    Err(match near {
        Some(near) => failure.hint(format!("did you mean `{}`?", near.path)),
        None => failure.hint("without FIELD all are listed"),
    })
}

/// One setting in full.
fn paragraph(setting: &Setting, columns: usize) -> String {
    let mut lines = vec![format!("{} = {}", setting.path, setting.brief())];
    lines.extend(wrap(&setting.about, columns.saturating_sub(2)).into_iter().map(|line| format!("  {line}")));
    let takes = wrap(&format!("takes {}", setting.takes()), columns.saturating_sub(2));
    lines.extend(takes.into_iter().map(|line| format!("  {line}")));
    for choice in setting.choices.iter().filter(|choice| !choice.about.is_empty()) {
        let told = wrap(&format!("{}: {}", choice.name, choice.about), columns.saturating_sub(4));
        lines.extend(told.into_iter().map(|line| format!("    {line}")));
    }
    lines.join("\n") + "\n"
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
