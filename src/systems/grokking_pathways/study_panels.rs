//! What there is to see of the whole study.

use super::judge::{Followed, follow};
use super::settings::Condition;
use super::{domains, leads};
use crate::contract::{Axis, Body, Dash, Evidence, Line, Lines, Panel, Recorded, Table, short_number};

/// Every panel for which something was recorded.
pub(super) fn panels(evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
    let recorded: Vec<Recorded<'_, Condition>> =
        evidence.every(|c| c.of_sums()).filter(|r| !r.seeds.is_empty()).collect();
    let domains = domains::study_panels::panels(evidence);
    if recorded.is_empty() {
        return domains;
    }
    let accuracy = curves(
        ("generalisation", "Accuracy on held-out pairs", "accuracy"),
        "Mean over seeds. The judged condition memorises early and generalises late; without weight decay, and without \
         a rule, it must stay down.",
        &recorded,
        "test_accuracy",
    );
    let distance = curves(
        ("distance", "Distance between pathways", "share"),
        "Mean over seeds of D on training samples. The paper: it falls while the model generalises.",
        &recorded,
        "distance",
    );
    let sharing = curves(
        ("sharing", "Same answer / all", "ratio"),
        "Mean over seeds: distance within samples of one answer, over that of all. Below 1 they share experts, which load \
         cannot explain.",
        &recorded,
        "same_answer",
    );
    [vec![accuracy, distance, sharing], leads::panels(&recorded), vec![table(&recorded)], domains].concat()
}

fn curves(
    (id, title, unit): (&str, &str, &str),
    says: &str,
    recorded: &[Recorded<'_, Condition>],
    metric: &str,
) -> Panel {
    let line = |r: &Recorded<'_, Condition>| {
        let dash = if r.cell.condition == Condition::Main { Dash::Solid } else { Dash::Dashed };
        let points = r.series(metric).into_iter().map(|(step, value)| (step.max(1.0), value)).collect();
        Line { label: r.cell.label.clone(), dash, points }
    };
    let lines = recorded.iter().map(line).collect();
    let body = Lines { x: Axis::log("training step"), y: Axis::linear(unit), lines, marks: Vec::new() };
    Panel::new(id, title, says, Body::Lines(body))
}

/// Every seed in numbers.
fn table(recorded: &[Recorded<'_, Condition>]) -> Panel {
    let told = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), short_number);
    let row = |label: &str, seed: u64, found: &Followed| {
        vec![
            label.to_owned(),
            seed.to_string(),
            found.memorised.map_or_else(|| "-".into(), |step| step.to_string()),
            found.generalised.map_or_else(|| "-".into(), |step| step.to_string()),
            told(found.final_test),
            told(found.with_distance),
            told(found.with_same_answer),
            told(found.with_same_difference),
            told(found.with_consistency),
            told(found.with_loss),
            told(found.distance_given_load),
            told(found.drop_of_distance),
            told(found.change_of_sharing),
        ]
    };
    let rows = recorded.iter().flat_map(|r| {
        let of_seed = |result: &&crate::contract::TrialResult| row(&r.cell.label, result.spec.seed, &follow(result));
        r.seeds.iter().map(of_seed).collect::<Vec<_>>()
    });
    let columns = [
        "condition",
        "seed",
        "memorised at",
        "generalises at",
        "test",
        "rho D",
        "rho same answer",
        "rho same difference",
        "rho C",
        "rho loss",
        "rho D given load",
        "fall of D",
        "change of same answer",
    ];
    let body = Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() };
    let says = "Rank correlations with test accuracy over the looks from memorisation to the end, all smoothed over three \
                looks; what D has beyond expert load; and how far D and the same-answer ratio moved over that window.";
    Panel::new("seeds", "Every seed", says, Body::Table(body))
}
