//! Training images as CSV: what the table of tasks hands out.

use std::io::Write;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{Config, Part, ScatteredDigits};
use crate::base::random::Key;
use crate::tasks::base_set::Standardise;
use crate::tasks::{DataError, Entry, digits, read};

/// The row of the table of tasks.
pub(in crate::tasks) const ENTRY: Entry = Entry {
    name: "scattered-digits",
    what: "digits at random places of a canvas, among fragments of others and noise: pixels, then the class",
    source: "after Bachmann, Anagnostidis, Hofmann, Scaling MLPs, 2023; digits as in `digits`",
    settings: || serde_json::json!({ "seed": 0, "config": Config::default() }),
    write,
};

/// The first `limit` training images as CSV: class, offset, then pixels as on paper.
fn write(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        seed: u64,
        config: Config,
    }
    let Settings { seed, config } = read(settings)?;
    let base = Arc::new(digits::base_set(Standardise::MeanImage));
    let task = ScatteredDigits::new(config, base, Key::new(seed))?;
    let names: Vec<String> = (0..task.pixels()).map(|i| format!("x{i}")).collect();
    writeln!(out, "class,down,across,{}", names.join(","))?;
    for index in 0..limit as u64 {
        let drawn = task.shown(Part::Train, index);
        let pixels: Vec<String> = task.canvas(Part::Train, index).iter().map(f32::to_string).collect();
        writeln!(out, "{},{},{},{}", drawn.class, drawn.offset[0], drawn.offset[1], pixels.join(","))?;
    }
    Ok(())
}
