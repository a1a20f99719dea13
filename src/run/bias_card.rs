//! The bias card of a trial: its model, from its newest checkpoint, before every instrument.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::checkpoint;
use super::durable::{Keep, write_json};
use super::error::RunError;
use super::export::shown;
use super::folder::{Folder, Manifest};
use super::opening::{Opening, guarded};
use crate::base::text::nearest;
use crate::base::threads::Pool;
use crate::contract::{Body, Entry, Found, Panel, Reading, Table, Trial, TrialSpec};

/// What every instrument says about the model of one trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BiasCard {
    /// Slug of the system.
    pub system: String,
    /// Name of the run.
    pub run: String,
    /// Name of the trial.
    pub trial: String,
    /// Its condition.
    pub condition: String,
    /// Steps that the model was trained for, as the trial counts them.
    pub step: u64,
    /// The readings, in the order of the instruments.
    pub readings: Vec<Reading>,
}

/// Makes the card of a trial and keeps it in the run's folder: of the trial with the given name, or of
/// the first that has a model. `told` hears of each instrument: how many are done, of how many, which
/// comes next.
///
/// # Errors
/// [`RunError::Usage`] when there is no such trial, it has no checkpoint yet, or no model;
/// [`RunError::Disk`] when the card cannot be kept.
pub fn bias_card(
    folder: &Folder,
    table: &'static [Entry],
    trial: Option<&str>,
    threads: usize,
    told: &mut dyn FnMut(usize, usize, &str),
) -> Result<BiasCard, RunError> {
    let (manifest, study) = (folder.manifest()?, folder.study(table)?);
    folder.check_preset(&manifest)?;
    let pool = Pool::new(threads);
    let mut why = None;
    for spec in chosen(folder, &manifest, trial)? {
        let opening = Opening { folder, manifest: &manifest, study: study.as_ref(), spec, pool: &pool };
        let made = trained(&opening).and_then(|mut trial| {
            let read = guarded(|| Ok(trial.readings(study.instruments(), told)));
            Ok((read.map_err(|error| error.to_string())??, trial.progress().step))
        });
        match made {
            Ok((readings, step)) => {
                let card = BiasCard {
                    system: manifest.header.system.clone(),
                    run: folder.name(),
                    trial: spec.name.clone(),
                    condition: spec.condition.clone(),
                    step,
                    readings,
                };
                write_json(&kept(folder, &spec.name), &card, Keep::Durable)?;
                return Ok(card);
            }
            Err(reason) => why = why.or(Some(format!("{}: {reason}", spec.name))),
        }
    }
    let why = why.unwrap_or_else(|| "the run has no trials".into());
    Err(RunError::Usage(format!("there is no bias card: {why}")))
}

/// The card that was made of a trial last, if there is one that can be read.
pub fn kept_card(folder: &Folder, trial: &str) -> Option<BiasCard> {
    serde_json::from_slice(&std::fs::read(kept(folder, trial)).ok()?).ok()
}

/// A card as panels: every number in one table, then the pictures of its instruments.
pub(super) fn panels(card: &BiasCard) -> Vec<Panel> {
    let mut rows = Vec::new();
    let mut pictures = Vec::new();
    for reading in &card.readings {
        match &reading.found {
            Found::Measured { quantities, panel, .. } => {
                for (i, q) in quantities.iter().enumerate() {
                    let name = if i == 0 { reading.instrument.clone() } else { String::new() };
                    let (low, high) = q.interval.map_or((String::new(), String::new()), |(l, h)| (shown(l), shown(h)));
                    rows.push(vec![name, q.name.clone(), shown(q.value), low, high, q.unit.clone()]);
                }
                pictures
                    .extend(panel.iter().map(|panel| Panel { id: format!("card-{}", panel.id), ..(**panel).clone() }));
            }
            Found::Refused { why } => {
                let mut row = vec![reading.instrument.clone(), format!("not defined: {why}")];
                row.resize(6, String::new());
                rows.push(row);
            }
        }
    }
    let columns = ["instrument", "quantity", "value", "low", "high", "unit"].map(String::from).to_vec();
    let says = "What this model assumed and what training made of it: every instrument that is defined on it. `low` \
                and `high` are 95 % intervals. `ansatz diagnose` prints what each number means.";
    let table = Panel::new("bias-card", "Bias card", says, Body::Table(Table { columns, rows }));
    let mut panels = vec![table.noting(format!("step {} of {}", card.step, card.trial))];
    panels.append(&mut pictures);
    panels
}

/// Where a trial's card is kept.
pub(super) fn kept(folder: &Folder, trial: &str) -> PathBuf {
    folder.trial(trial, "card.json")
}

fn chosen<'m>(folder: &Folder, manifest: &'m Manifest, trial: Option<&str>) -> Result<Vec<&'m TrialSpec>, RunError> {
    let Some(wanted) = trial else {
        let begun = |spec: &&TrialSpec| folder.checkpoint(&spec.name).exists();
        let with: Vec<&TrialSpec> = manifest.trials.iter().filter(begun).collect();
        let none = || RunError::Usage(format!("no trial of {} has a checkpoint yet", folder.name()));
        return if with.is_empty() { Err(none()) } else { Ok(with) };
    };
    match manifest.trials.iter().find(|spec| spec.name == wanted) {
        Some(spec) => Ok(vec![spec]),
        None => {
            let near = nearest(wanted, manifest.trials.iter().map(|spec| spec.name.as_str()));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            Err(RunError::Usage(format!("{} has no trial `{wanted}`{near}", folder.name())))
        }
    }
}

/// The trial as its newest checkpoint has it.
fn trained(opening: &Opening<'_>) -> Result<Box<dyn Trial>, String> {
    let (found, wrong) = checkpoint::newest(opening.folder, &opening.spec.name, |saved| opening.restore(saved));
    let why = || wrong.into_iter().next().unwrap_or_else(|| "it has no checkpoint yet".into());
    found.map(|(trial, _)| trial).ok_or_else(why)
}
