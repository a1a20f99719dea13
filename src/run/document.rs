//! The one JSON document of a run: what `ansatz show --json` prints.

use serde_json::{Map, Value, json};

use crate::contract::{Status, StudyState, TrialState};

/// The document of a run. It holds at least `system`, `preset`, `state`
/// (`running|paused|done|failed|stopped`), `trials` (name, condition, seed, state, final metrics),
/// `verdict` (null until judged), and what people said: `tags` and `notes`.
pub fn document(state: &StudyState) -> Value {
    let progress = state.progress();
    let notes = state.annotations.notes.iter().map(|(time, text)| json!({ "time": time, "text": text }));
    json!({
        "run": state.run,
        "system": state.header.system,
        "preset": state.preset,
        "about": state.header.about,
        "seed": state.header.seed,
        "seeds": state.header.seeds,
        // A run that no worker has begun is one that `ansatz resume` starts, as a stopped one.
        "state": if state.status == Status::Waiting { Status::Stopped.name() } else { state.status.name() },
        "step": progress.step,
        "steps": progress.steps,
        "eta_seconds": state.eta,
        "trials": state.trials.iter().map(trial).collect::<Vec<_>>(),
        "verdict": state.verdict,
        "tags": state.annotations.tags,
        "notes": notes.collect::<Vec<_>>(),
    })
}

fn trial(trial: &TrialState) -> Value {
    let spec = &trial.result.spec;
    let last = |(name, points): (&String, &Vec<(u64, f64)>)| Some((name.clone(), json!(points.last()?.1)));
    let metrics: Map<String, Value> = trial.result.metrics.iter().filter_map(last).collect();
    let notes = trial.notes.iter().map(|(step, level, text)| json!({ "step": step, "level": level, "text": text }));
    json!({
        "name": spec.name,
        "condition": spec.condition,
        "seed": spec.seed,
        "axes": spec.axes,
        "state": trial.status.name(),
        "closing": trial.result.closing,
        "step": trial.progress.step,
        "steps": trial.progress.steps,
        "metrics": metrics,
        "notes": notes.collect::<Vec<_>>(),
    })
}
