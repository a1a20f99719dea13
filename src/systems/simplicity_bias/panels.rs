//! What there is to see: of a trial, and of the whole study.

use super::data::{BLOCKS_OF_DOMINO, Data, DataSet};
use super::judge::judged;
use super::settings::Condition;
use super::trial::Look;
use crate::contract::{
    Axis, Bar, Bars, Body, Dash, Evidence, Heat, Image, Images, Line, Lines, Panel, Recorded, Table, TrialResult,
};
use crate::instruments::reliance::Scores;

/// Bins of a histogram.
const BINS: usize = 24;
/// Cells of a side of the decision plane, and test points whose other coordinates it averages over.
const CELLS: usize = 21;
const OTHERS: usize = 8;

/// What AUC loses by each block.
pub(super) fn reliance(condition: &str, names: &[String], drops: &[f64]) -> Panel {
    let bar = |(name, value): (&String, &f64)| Bar { label: name.clone(), value: *value, ..Bar::default() };
    let bars = names.iter().zip(drops).map(bar).collect();
    Panel::new(
        "reliance",
        format!("What {condition} relies on"),
        "One row a coordinate (or block), the simplest first: how much AUC is lost when it alone is shuffled among the \
         test points. 0.5 means that the network knows nothing else; a row of zeros is a coordinate that it is blind \
         to, though each alone tells the label.",
        Body::Bars(Bars { axis: Axis::linear("loss of AUC").within(0.0, 0.55), bars }),
    )
}

/// Scores of positive points under the three ways of randomising.
pub(super) fn histograms(found: &Scores, positive: &[bool]) -> Panel {
    let of = |scores: &[f32]| -> Vec<f64> {
        scores.iter().zip(positive).filter(|(_, positive)| **positive).map(|(s, _)| f64::from(*s)).collect()
    };
    let sets = [
        ("as they are", Dash::Solid, of(&found.standard)),
        ("S randomised", Dash::Dashed, of(&found.block)),
        ("all but S randomised", Dash::Dotted, of(&found.complement)),
    ];
    let ends = sets.iter().flat_map(|set| &set.2).fold((0.0f64, 0.0f64), |(a, b), x| (a.min(*x), b.max(*x)));
    let step = ((ends.1 - ends.0) / BINS as f64).max(1e-6);
    let line = |(label, dash, values): (&str, Dash, Vec<f64>)| {
        let mut counts = [0.0; BINS];
        values.iter().for_each(|x| counts[(((x - ends.0) / step) as usize).min(BINS - 1)] += 1.0);
        let share = |(i, count): (usize, &f64)| (ends.0 + (i as f64 + 0.5) * step, count / values.len().max(1) as f64);
        Line { label: label.into(), dash, points: counts.iter().enumerate().map(share).collect() }
    };
    Panel::new(
        "logits",
        "Scores of positive points",
        "How large the logit of label 1 minus that of label 0 is on points of label 1. If shuffling S moves half of \
         the mass below zero while shuffling all else leaves the curve where it is, the score depends on S alone.",
        Body::Lines(Lines {
            x: Axis::linear("logit 1 - logit 0"),
            y: Axis::linear("share of positive points"),
            lines: sets.into_iter().map(line).collect(),
            marks: Vec::new(),
        }),
    )
}

/// The predicted class over coordinates 0 and 1; the other coordinates are those of a few test points.
pub(super) fn plane(data: &Data, mut score: impl FnMut(&[f32]) -> Vec<f32>) -> Panel {
    let at = |i: usize| -1.0 + 2.0 * i as f32 / (CELLS - 1) as f32;
    let others = data.positive.len().min(OTHERS);
    let mut rows = Vec::with_capacity(CELLS * CELLS * others * data.width);
    for cell in 0..CELLS * CELLS {
        for row in data.test.x.chunks(data.width).take(others) {
            rows.extend([at(cell % CELLS), at(CELLS - 1 - cell / CELLS)]);
            rows.extend_from_slice(&row[2..]);
        }
    }
    let scores = score(&rows);
    let share = |part: &[f32]| part.iter().filter(|s| **s > 0.0).count() as f64 / part.len() as f64;
    let values: Vec<f64> = scores.chunks(others.max(1)).map(share).collect();
    let mut letters = vec![String::new(); CELLS * CELLS];
    let place = |x: f32| (((x + 1.0) / 2.0 * (CELLS - 1) as f32).round() as usize).min(CELLS - 1);
    for (row, positive) in data.test.x.chunks(data.width).zip(&data.positive).take(120) {
        letters[(CELLS - 1 - place(row[1])) * CELLS + place(row[0])] = if *positive { "+" } else { "-" }.into();
    }
    let label = |i: usize| format!("{:.1}", at(i));
    Panel::new(
        "plane",
        format!("Decisions over {} and {}", data.blocks[0].name, data.blocks[1].name),
        "Colour: how often the network says label 1 when two coordinates are set to this place and the others are \
         those of test points. Letters: test points of label 1 (+) and 0 (-). A single vertical edge means that only \
         the horizontal coordinate counts; bands across would be the slabs.",
        Body::Heat(Heat {
            row_axis: data.blocks[1].name.clone(),
            column_axis: data.blocks[0].name.clone(),
            rows: (0..CELLS).rev().map(label).collect(),
            columns: (0..CELLS).map(label).collect(),
            values,
            letters,
            range: Some((0.0, 1.0)),
            unit: "share of label 1".into(),
        }),
    )
}

/// Test dominoes, and one whose lower image is of the other label.
pub(super) fn dominoes(data: &Data) -> Panel {
    let image = |upper: usize, lower: usize| {
        let row = |i: usize| &data.test.x[i * data.width..][..data.width];
        let pixels = [&row(upper)[..data.width / 2], &row(lower)[data.width / 2..]].concat();
        let (low, high) = pixels.iter().fold((f32::MAX, f32::MIN), |(a, b), x| (a.min(*x), b.max(*x)));
        let pixels = pixels.iter().map(|x| (x - low) / (high - low).max(1e-6)).collect();
        let says = |i: usize| u8::from(data.positive[i]);
        let label = format!("upper says {}, lower {}", says(upper), says(lower));
        Image { label, width: 8, height: 8 * BLOCKS_OF_DOMINO, pixels }
    };
    let other = data.positive.iter().position(|p| *p != data.positive[0]);
    let mut images: Vec<Image> = (0..data.positive.len().min(3)).map(|i| image(i, i)).collect();
    images.extend(other.map(|other| image(0, other)));
    Panel::new(
        "dominoes",
        "Dominoes",
        "Two digits above each other that tell the same label: 0 or 1 above; below one of 2, 4, 6, 7 (label 0) or of \
         3, 5, 8, 9 (label 1). The last one is as randomised: its halves disagree, and the label that the network \
         gives it shows which half it looks at.",
        Body::Images(Images { images }),
    )
}

/// Accuracy and reliance over training.
pub(super) fn timeline(looks: &[Look]) -> Panel {
    let line = |label: &str, dash: Dash, of: &dyn Fn(&Look) -> f64| Line {
        label: label.into(),
        dash,
        points: looks.iter().map(|look| (look.step as f64, of(look))).collect(),
    };
    let lines = vec![
        line("test accuracy", Dash::Solid, &|look| look.test_accuracy),
        line("training accuracy", Dash::Solid, &|look| look.train_accuracy),
        line("AUC, S randomised", Dash::Dashed, &|look| look.simple.unwrap_or(f64::NAN)),
        line("AUC, all but S randomised", Dash::Dashed, &|look| look.rest.unwrap_or(f64::NAN)),
    ];
    Panel::new(
        "timeline",
        "While it learns",
        "A long flat part at 0.5 is no failure on slabs: nothing shows until a coordinate is found, then all jumps at \
         once. The curve with all but S randomised goes with the test accuracy when only S is used.",
        Body::Lines(Lines {
            x: Axis::linear("training step"),
            y: Axis::linear("accuracy, AUC").within(0.4, 1.0),
            lines,
            marks: Vec::new(),
        }),
    )
}

/// The panels of the study.
pub(super) fn study(evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
    let mut shown = vec![overview(evidence), table(evidence)];
    shown.extend(judged(evidence, DataSet::Ms57).map(|recorded| plateau(recorded)));
    shown
}

/// The three AUCs of every condition as a heat map.
fn overview(evidence: &Evidence<'_, Condition>) -> Panel {
    let parts = ["auc_standard", "auc_simple_randomised", "auc_rest_randomised"];
    let row = |r: Recorded<'_, Condition>| parts.map(|part| r.last(part).unwrap_or(f64::NAN));
    Panel::new(
        "overview",
        "Three AUCs of every condition",
        "Mean over seeds. Dark in the middle column and bright in the last: the simplest block is all that the network \
         uses. The control with noise in its place must show the reverse. Bright, dark or between in both: several \
         blocks are used.",
        Body::Heat(Heat {
            row_axis: "condition".into(),
            column_axis: "randomised".into(),
            rows: evidence.all().map(|r| r.cell.label.clone()).collect(),
            columns: ["nothing", "S, the simplest", "all but S"].map(String::from).to_vec(),
            values: evidence.all().flat_map(row).collect(),
            letters: Vec::new(),
            range: Some((0.5, 1.0)),
            unit: "AUC".into(),
        }),
    )
}

/// Every seed in numbers.
fn table(evidence: &Evidence<'_, Condition>) -> Panel {
    let metrics = [
        ("steps", "steps"),
        ("training", "train_accuracy"),
        ("test", "accuracy_standard"),
        ("test, S rand.", "accuracy_simple_randomised"),
        ("test, Sc rand.", "accuracy_rest_randomised"),
        ("A_S", "auc_simple_randomised"),
        ("A_Sc", "auc_rest_randomised"),
        ("most used", "most_relied_on"),
    ];
    let mut rows = Vec::new();
    for recorded in evidence.all() {
        for seed in recorded.seeds {
            let mut row = vec![recorded.cell.label.clone(), seed.spec.seed.to_string()];
            row.extend(metrics.map(|(name, metric)| {
                let digits = if ["steps", "most_relied_on"].contains(&metric) { 0 } else { 3 };
                let _ = name;
                seed.last(metric).map_or_else(|| "-".into(), |value| format!("{value:.digits$}"))
            }));
            rows.push(row);
        }
    }
    let columns = ["condition", "seed"].into_iter().chain(metrics.map(|(name, _)| name)).map(String::from).collect();
    Panel::new(
        "seeds",
        "Every seed",
        "Accuracies and AUCs at the end. On noisy LMS-7 the noisy coordinate alone allows 0.95; training accuracy \
         above test accuracy is what was memorised instead of learning the clean slabs.",
        Body::Table(Table { columns, rows }),
    )
}

/// The plateau of MS-(5,7), seed by seed.
fn plateau(recorded: Recorded<'_, Condition>) -> Panel {
    let line = |seed: &&TrialResult, metric: &str, dash: Dash| {
        let points = seed.metrics.get(metric)?.iter().map(|(step, value)| (*step as f64, *value)).collect();
        Some(Line { label: format!("{} seed {}", metric.replace('_', " "), seed.spec.seed), dash, points })
    };
    let mut lines: Vec<Line> =
        recorded.seeds.iter().filter_map(|seed| line(seed, "test_accuracy", Dash::Solid)).collect();
    lines.extend(recorded.seeds.iter().filter_map(|seed| line(seed, "train_accuracy", Dash::Dotted)));
    Panel::new(
        "plateau",
        format!("The plateau of {}", recorded.cell.label),
        "Accuracy by training step. Test accuracy stays at chance for thousands of steps, while the training accuracy \
         creeps up by memorising; then the one 5-slab coordinate is found and both jump to 1.",
        Body::Lines(Lines {
            x: Axis::linear("training step"),
            y: Axis::linear("accuracy").within(0.4, 1.0),
            lines,
            marks: Vec::new(),
        }),
    )
}
