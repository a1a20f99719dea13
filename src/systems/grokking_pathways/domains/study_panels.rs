//! What there is to see of all trials on mixed domains.

use super::super::settings::Condition;
use super::super::times;
use crate::contract::{Axis, Body, Dash, Evidence, Line, Lines, Panel, Recorded, Table, TrialResult};
use crate::tasks::modular_domains::Domain;

/// Every panel for which something was recorded.
pub(in super::super) fn panels(evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
    let recorded: Vec<Recorded<'_, Condition>> =
        evidence.every(|c| !c.of_sums()).filter(|r| !r.seeds.is_empty()).collect();
    if recorded.is_empty() { Vec::new() } else { vec![curves(&recorded), clocks(&recorded)] }
}

fn curves(recorded: &[Recorded<'_, Condition>]) -> Panel {
    let chart = |r: &Recorded<'_, Condition>| {
        let line = |domain: Domain| Line {
            label: domain.name().into(),
            dash: Dash::Solid,
            points: r.series(&format!("test_accuracy.{}", domain.name())).into_iter().map(behind_zero).collect(),
        };
        let (x, y) = (Axis::log("training step"), Axis::linear("accuracy").within(0.0, 1.0));
        let body = Lines { x, y, lines: Domain::ALL.map(line).into(), marks: Vec::new() };
        Panel::new(crate::base::text::plain_name(&r.cell.label), r.cell.label.clone(), "", Body::Lines(body))
    };
    let says = "Accuracy on held-out questions of a decoder that learns four operations at once; mean over seeds. In \
                epochs over the training questions, and in one pass over samples most of which are of a few questions.";
    Panel::new(
        "domains",
        "Every domain in its own time",
        says,
        Body::Beside { panels: recorded.iter().map(chart).collect() },
    )
}

/// A logarithmic axis begins behind zero.
fn behind_zero((step, value): (f64, f64)) -> (f64, f64) {
    (step.max(1.0), value)
}

/// Every seed's group clock.
fn clocks(recorded: &[Recorded<'_, Condition>]) -> Panel {
    let of_seed = |label: &str, seed: &TrialResult| -> Vec<Vec<String>> {
        let (memorised, generalised) = (seed.vector("memorised_by_domain"), seed.vector("generalised_by_domain"));
        let own = seed.last("matched_own_domain");
        let row = |(i, domain): (usize, Domain)| {
            let at =
                |steps: Option<&[f64]>| steps.and_then(|steps| steps.get(i)).map_or("-".into(), |s| times::told(*s));
            let last = seed.last(&format!("test_accuracy.{}", domain.name()));
            vec![
                label.to_owned(),
                seed.spec.seed.to_string(),
                domain.name().to_owned(),
                at(memorised),
                at(generalised),
                last.map_or("-".into(), |test| format!("{test:.2}")),
                own.map_or("-".into(), |own| format!("{own:.2}")),
            ]
        };
        Domain::ALL.into_iter().enumerate().map(row).collect()
    };
    let rows = recorded.iter().flat_map(|r| r.seeds.iter().flat_map(|seed| of_seed(&r.cell.label, seed)));
    let columns = ["variant", "seed", "domain", "memorised", "generalised", "test", "groups matched within a domain"];
    let says = "The steps by which half of a domain's training questions were memorised and half of its held-out ones \
                stayed right; accuracy on those at the end; and the share of groups whose match by pathway is of their own \
                domain (0.25 by chance).";
    let body = Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() };
    Panel::new("group-clock", "Group clock of every domain", says, Body::Table(body))
}
