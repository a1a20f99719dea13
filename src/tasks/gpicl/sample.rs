//! Training sequences as CSV: what the table of tasks hands out.

use std::io::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Config, Gpicl};
use crate::base::random::Key;
use crate::tasks::base_set::Standardise;
use crate::tasks::tables::csv_error;
use crate::tasks::{DataError, Entry, digits, read};

/// What can be set about a sample of GPICL's training sequences.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    seed: u64,
    standardise: Standardise,
    config: Config,
}

/// The row of the table of tasks.
pub(in crate::tasks) const ENTRY: Entry = Entry {
    name: "gpicl",
    what: "sequences of randomly projected and relabelled digits: sequence, position, row, label, then x'",
    source: "Kirsch et al., General-Purpose In-Context Learning by Meta-Learning Transformers, 2022",
    settings: || serde_json::json!({ "seed": 0, "standardise": "mean_image", "config": Config::default() }),
    write,
};

/// Training sequences, one a step, a position a line.
fn write(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let Settings { seed, standardise, config } = read(settings)?;
    let base = Arc::new(digits::base_set(standardise));
    let family = Gpicl::new(config, base, Key::new(seed))?;
    let mut batch = family.batch(1);
    let mut writer = csv::Writer::from_writer(out);
    let names = ["sequence", "position", "row", "label"].map(str::to_owned);
    let inputs = (0..family.config().projection).map(|p| format!("x{p}"));
    writer.write_record(names.into_iter().chain(inputs)).map_err(csv_error)?;
    for line in 0..limit {
        let (sequence, position) = (line / family.config().tokens, line % family.config().tokens);
        if position == 0 {
            family.fill(sequence as u64, &mut batch);
        }
        let numbers = [sequence, position, batch.rows[position] as usize, batch.targets[position] as usize];
        let numbers = numbers.iter().map(usize::to_string);
        let query = batch.query(position).iter().map(f32::to_string);
        writer.write_record(numbers.chain(query)).map_err(csv_error)?;
    }
    Ok(writer.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_reads_as_it_was_drawn() {
        let mut out = Vec::new();
        write((ENTRY.settings)(), 33, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let last: Vec<&str> = text.lines().last().unwrap().split(',').collect();
        assert_eq!((last[0], last[1], last.len()), ("1", "0", 4 + 16));
    }
}
