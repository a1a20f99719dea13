//! Rows of each task as CSV: what the table of tasks hands out.

use std::io::Write;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::base_set::Standardise;
use super::gpicl::{Config, Gpicl};
use super::tables::{Shipped, csv_error};
use super::{DataError, digits};
use crate::base::random::Key;

/// The settings of a data set: there are none.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(super) fn nothing() -> Value {
    json!({})
}

pub(super) fn digits(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let Nothing {} = read(settings)?;
    digits::write(limit, out)
}

pub(super) fn wine(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    table(Shipped::Wine, settings, limit, out)
}

pub(super) fn iris(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    table(Shipped::Iris, settings, limit, out)
}

pub(super) fn breast_cancer(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    table(Shipped::BreastCancer, settings, limit, out)
}

fn table(table: Shipped, settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let Nothing {} = read(settings)?;
    table.write(limit, out)
}

/// What can be set about a sample of GPICL's training sequences.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GpiclSettings {
    seed: u64,
    standardise: Standardise,
    config: Config,
}

pub(super) fn gpicl_settings() -> Value {
    let config = serde_json::to_value(Config::default()).expect("plain fields can be written as JSON");
    json!({ "seed": 0, "standardise": "mean_image", "config": config })
}

/// Training sequences, one a step, a position a line.
pub(super) fn gpicl(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let GpiclSettings { seed, standardise, config } = read(settings)?;
    let base = Arc::new(digits::base_set(standardise));
    let refused = |mut refusals: Vec<_>| DataError::Refused(refusals.swap_remove(0));
    let family = Gpicl::new(config, base, Key::new(seed)).map_err(refused)?;
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

fn read<T: DeserializeOwned>(settings: Value) -> Result<T, DataError> {
    serde_path_to_error::deserialize(settings).map_err(|error| DataError::Settings {
        path: error.path().to_string(),
        message: error.into_inner().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::{ALL, find};

    #[test]
    fn every_task_writes_its_rows_with_its_default_settings() {
        for entry in ALL {
            let mut out = Vec::new();
            (entry.write)((entry.settings)(), 40, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let headers = if entry.name == "digits" { 0 } else { 1 };
            assert_eq!(text.lines().count(), 40 + headers, "{}", entry.name);
            assert!(!entry.what.is_empty() && !entry.source.is_empty());
            assert_eq!(find(entry.name).map(|e| e.name), Some(entry.name));
        }
    }

    #[test]
    fn settings_are_checked() {
        let message = |name: &str, settings| {
            let write = find(name).unwrap().write;
            write(settings, 1, &mut Vec::new()).unwrap_err().to_string()
        };
        assert!(message("iris", json!({ "seed": 1 })).contains("unknown field `seed`"));
        let mut settings = gpicl_settings();
        settings["config"]["tasks"] = json!("many");
        assert!(message("gpicl", settings.clone()).starts_with("config.tasks: expected a number of tasks"));
        settings["config"]["tasks"] = json!(4);
        settings["config"]["classes"] = json!(1);
        assert!(message("gpicl", settings).starts_with("classes: expected 2 to 10"));
    }

    #[test]
    fn a_sequence_reads_as_it_was_drawn() {
        let mut out = Vec::new();
        gpicl(gpicl_settings(), 33, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let last: Vec<&str> = text.lines().last().unwrap().split(',').collect();
        assert_eq!((last[0], last[1], last.len()), ("1", "0", 4 + 16));
    }
}
