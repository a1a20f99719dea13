//! What there is to see of the whole study.

use super::hint;
use super::settings::{Arm, Condition};
use crate::contract::{Axis, Bar, Bars, Body, Dash, Evidence, Line, Lines, Panel, Recorded, Table};
use crate::tasks::hint::Part;

/// All of them.
pub(super) fn panels(evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
    let mut panels = vec![accuracy(evidence), learning(evidence), seeds(evidence)];
    panels.extend(tests(evidence));
    panels
}

/// Test accuracy of every condition.
fn accuracy(evidence: &Evidence<'_, Condition>) -> Panel {
    let bar = |recorded: Recorded<'_, Condition>| {
        let values = recorded.values("accuracy");
        let ends = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        Bar {
            label: recorded.cell.condition.arm.name().into(),
            value: recorded.last("accuracy").unwrap_or(f64::NAN),
            interval: (values.len() > 1).then_some(ends),
            note: recorded.cell.condition.data.name(),
        }
    };
    let bars = evidence.all().map(bar).collect();
    Panel::new(
        "accuracy",
        "Exact answers to new sentences",
        "Share of test sentences answered exactly, mean and range over seeds: the symbol system, the same with a part \
         taken away, and a Transformer on the same sentences. The verdict asks that on add-jump and length all but the \
         first stay low. The symbol system is told every word's arity, as in the authors' code; the Transformer is not.",
        Body::Bars(Bars { axis: Axis::linear("share of test sentences").within(0.0, 1.0), bars }),
    )
}

/// Test accuracy along training.
fn learning(evidence: &Evidence<'_, Condition>) -> Panel {
    let line = |recorded: Recorded<'_, Condition>| {
        let series = recorded.series("accuracy");
        let end = series.last().map_or(1.0, |(step, _)| step.max(1.0));
        let dash = match recorded.cell.condition.arm {
            Arm::Nsr => Dash::Solid,
            Arm::Transformer => Dash::Dashed,
            _ => Dash::Dotted,
        };
        let points = series.into_iter().map(|(step, value)| (step / end, value)).collect();
        Line { label: recorded.cell.label.clone(), dash, points }
    };
    let (x, y) = (Axis::linear("share of training done").within(0.0, 1.0), Axis::linear("accuracy").within(0.0, 1.0));
    Panel::new(
        "learning",
        "Test accuracy along training",
        "A symbol system learns in jumps: a program that is found is right on all sentences at once.",
        Body::Lines(Lines { x, y, lines: evidence.all().map(line).collect(), marks: Vec::new() }),
    )
}

/// Every seed.
fn seeds(evidence: &Evidence<'_, Condition>) -> Panel {
    let mut rows = Vec::new();
    for recorded in evidence.all() {
        for seed in recorded.seeds {
            let of = |name: &str| seed.last(name).map_or("-".into(), |value| format!("{value:.3}"));
            let programs = seed.last("programs").map_or("-".into(), |value| format!("{value:.0}"));
            let train = if seed.last("train_accuracy").is_some() { of("train_accuracy") } else { of("deduced") };
            rows.push(vec![recorded.cell.label.clone(), seed.spec.seed.to_string(), of("accuracy"), train, programs]);
        }
    }
    let columns = ["condition", "seed", "test", "training", "programs"].map(String::from).to_vec();
    Panel::new(
        "seeds",
        "Every seed",
        "Exact answers on test and training sentences, and symbols with a program that is trusted.",
        Body::Table(Table { columns, rows }),
    )
}

/// The five tests of HINT, where there is any of it.
fn tests(evidence: &Evidence<'_, Condition>) -> Option<Panel> {
    let row = |recorded: Recorded<'_, Condition>| {
        let of = |(_, metric): &(Part, &str)| recorded.last(metric).map(|value| format!("{value:.3}"));
        let values: Vec<String> = hint::TESTS.iter().map(of).collect::<Option<_>>()?;
        Some([vec![recorded.cell.label.clone()], values].concat())
    };
    let rows: Vec<Vec<String>> = evidence.all().filter_map(row).collect();
    let names = hint::TESTS.iter().map(|(part, _)| part.name().to_owned());
    let columns = ["condition".to_owned()].into_iter().chain(names).collect();
    (!rows.is_empty()).then(|| {
        Panel::new(
            "tests",
            "The five tests of HINT",
            "Exact results, mean over seeds: on expressions that were trained on (I), new ones that are short with small \
             values (SS), longer (LS), with larger values inside (SL), and both (LL). Who learned rules rather than \
             examples is as good on all.",
            Body::Table(Table { columns, rows }),
        )
    })
}
