//! `ansatz data`: a task's data in its field's own format.

use std::io::{self, Write};

use serde_json::Value;

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::base::text::nearest;
use crate::run::export::aligned;
use crate::tasks::{self, DataError};

/// Prints data.
#[derive(clap::Args)]
pub(super) struct Data {
    /// The task; without it the tasks are listed
    task: Option<String>,
    /// Change a setting of the task: NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", requires = "task")]
    set: Vec<String>,
    /// A split of the data, where the task has some: the same as --set split=NAME
    #[arg(long, value_name = "NAME", requires = "task")]
    split: Option<String>,
    /// Rows at most
    #[arg(long, value_name = "N", requires = "task")]
    limit: Option<usize>,
}

impl Job for Data {
    const NAME: &'static str = "data";
    const ABOUT: &'static str = "Print a task's data in its field's format";
    const EXAMPLES: &'static str = "  ansatz data                     the tasks there are\n  ansatz data iris\n  \
                                    ansatz data gpicl --limit 100\n  ansatz data scan --split length --set part=test";

    fn start(self, _: &Place) -> Result<u8, Failure> {
        let Some(name) = &self.task else { return list() };
        let Some(task) = tasks::find(name) else { return Err(unknown(name)) };
        let split = self.split.iter().map(|name| format!("split={name}"));
        let settings = split.chain(self.set).try_fold((task.settings)(), |settings, set| change(settings, &set))?;
        let mut out = io::BufWriter::new(io::stdout().lock());
        let written = (task.write)(settings, self.limit.unwrap_or(usize::MAX), &mut out);
        match written.and_then(|()| Ok(out.flush()?)) {
            Ok(()) => Ok(0),
            Err(DataError::Write(error)) => Err(Failure::output(&error)),
            Err(error) => Err(Failure::usage(error.to_string())),
        }
    }
}

fn list() -> Result<u8, Failure> {
    let row = |task: &tasks::Entry| [task.name, task.what, task.source].map(String::from).to_vec();
    let rows: Vec<Vec<String>> = tasks::ALL.iter().map(row).collect();
    output::print_table(&aligned(&["task", "what", "source"], &rows))?;
    Ok(0)
}

fn unknown(name: &str) -> Failure {
    let names = || tasks::ALL.iter().map(|task| task.name);
    let known = names().collect::<Vec<_>>().join(", ");
    let failure = Failure::usage(format!("there is no task `{name}`; there are {known}"));
    match nearest(name, names()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure,
    }
}

/// The settings with one `--set`; what its value may be the task itself checks.
fn change(mut settings: Value, change: &str) -> Result<Value, Failure> {
    let refuse = |says: String| Failure::usage(format!("--set {change}: {says}"));
    let (name, text) = change.split_once('=').ok_or_else(|| refuse("expected NAME=VALUE".into()))?;
    let known: Vec<String> = settings.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    let Some(field) = settings.get_mut(name) else {
        let near = nearest(name, known.iter().map(String::as_str)).map(|near| format!("; did you mean `{near}`?"));
        let near = near.unwrap_or_else(|| match known.is_empty() {
            true => "; this task has none".into(),
            false => format!("; there are {}", known.join(", ")),
        });
        return Err(refuse(format!("there is no setting `{name}`{near}")));
    };
    *field = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_change_by_name_only() {
        let settings = json!({ "classes": 5, "format": "paired" });
        let changed = change(settings.clone(), "classes=3").unwrap();
        let changed = change(changed, "format=shifted").unwrap();
        assert_eq!(changed, json!({ "classes": 3, "format": "shifted" }));
        for wrong in ["clases=3", "classes", "=", "x=1"] {
            assert_eq!(change(settings.clone(), wrong).unwrap_err().report(), 2, "{wrong}");
        }
    }
}
