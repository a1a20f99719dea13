//! What there is to see of one trial.

use serde::{Deserialize, Serialize};

use super::learner::StageLearner;
use crate::contract::{Axis, Body, Dash, Heat, Image, Images, Line, Lines, Panel};
use crate::instruments::subject::best;
use crate::tasks::scattered_digits::{Drawn, Part, ScatteredDigits};
use crate::tasks::supply::Supply;

/// Units of the first layer that are shown, and images of the test.
const UNITS: usize = 12;
const SHOWN: u64 = 8;
/// Data sets up to this size are searched for offsets that they lack; larger ones have them all.
const COUNTED: u64 = 1 << 13;

/// What a trial keeps for its panels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Training loss by step.
    pub(super) losses: Vec<(u64, f64)>,
    /// Error on held-out images by step.
    pub(super) errors: Vec<(u64, f64)>,
    /// The last test, by where the picture lay.
    pub(super) offsets: Option<Offsets>,
}

/// Test answers by offset, row by row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Offsets {
    /// Offsets down and across.
    pub(super) extents: [usize; 2],
    /// Right answers.
    pub(super) right: Vec<f64>,
    /// All answers.
    pub(super) tested: Vec<f64>,
}

/// Sorts answers by offset.
pub(super) fn by_offset(task: &ScatteredDigits, shown: &[Drawn], right: &[f64]) -> Offsets {
    let extents = task.offsets();
    let count = extents[0] * extents[1];
    let mut offsets = Offsets { extents, right: vec![0.0; count], tested: vec![0.0; count] };
    for (drawn, right) in shown.iter().zip(right) {
        let at = place(task, drawn);
        offsets.right[at] += right;
        offsets.tested[at] += 1.0;
    }
    offsets
}

/// Number of a picture's offset; the only one where pictures are not scattered.
fn place(task: &ScatteredDigits, drawn: &Drawn) -> usize {
    let [down, across] = task.offsets();
    if down * across == 1 { 0 } else { drawn.offset[0] * across + drawn.offset[1] }
}

/// Every panel of a trial.
pub(super) fn panels(label: &str, stage: &mut StageLearner, seen: &Seen) -> Vec<Panel> {
    let mut shown = vec![learning(label, seen), first_layer(stage)];
    shown.extend(seen.offsets.as_ref().map(|offsets| translation(&stage.task, stage.stage.images, offsets)));
    shown.push(answers(stage));
    shown
}

/// Loss and error over training.
fn learning(label: &str, seen: &Seen) -> Panel {
    let points = |points: &[(u64, f64)]| points.iter().map(|(step, y)| (*step as f64, *y)).collect();
    let line = |label: &str, dash, of: &[(u64, f64)]| Line { label: label.into(), dash, points: points(of) };
    let x = || Axis::linear("training step");
    let loss = Lines {
        x: x(),
        y: Axis::linear("training loss (nats)"),
        lines: vec![line("loss", Dash::Solid, &seen.losses)],
        marks: Vec::new(),
    };
    let error = Lines {
        x: x(),
        y: Axis::linear("error on held-out pictures").within(0.0, 1.0),
        lines: vec![line("error", Dash::Solid, &seen.errors)],
        marks: Vec::new(),
    };
    let panels = vec![
        Panel::new("loss", "Training loss", "", Body::Lines(loss)),
        Panel::new("error", "Held-out error", "", Body::Lines(error)),
    ];
    let says = "Left: the loss with smoothed labels, which cannot reach 0. Right: the error on images of pictures that \
                are neither trained on nor tested; the checkpoint with the least is tested. A loss that falls while \
                the error stays is memorising.";
    Panel::new("learning", format!("Learning, {label}"), says, Body::Beside { panels })
}

/// The weights of the first layer as images.
fn first_layer(stage: &StageLearner) -> Panel {
    let store = &stage.learner.store;
    let kind = stage.stage.kind;
    let path = kind.paths().0;
    // The models name their first layer so.
    let slot = store.find(path).unwrap_or_else(|| unreachable!("{path} is a weight of every such model"));
    let (values, units) = (store.values(slot), store.shape(slot).last_extent());
    let side = if kind.is_convolutional() { 3 } else { stage.stage.task.canvas };
    let filter = |unit: usize| values.iter().skip(unit).step_by(units).copied().collect::<Vec<f32>>();
    let back = stage.task.permutation().filter(|_| !kind.is_convolutional());
    let mut images = Vec::new();
    for unit in 0..UNITS.min(units) {
        let weights = filter(unit);
        if let Some(to) = back {
            let home = to.iter().map(|to| weights[*to as usize]).collect();
            images.push(image(format!("unit {unit}, pixels back in place"), side, home));
        }
        images.push(image(format!("unit {unit}"), side, weights));
    }
    let says = "Weights of the first layer, an image a unit: grey is 0, bright and dark are positive and negative. With \
                data, a perceptron's noise becomes local blobs and strokes: it learns the locality that a \
                convolution (3x3 kernels) has by construction.";
    Panel::new("first-layer", "First-layer weights", says, Body::Images(Images { images }))
}

/// Weights with 0 in the middle of the range.
fn image(label: String, side: usize, weights: Vec<f32>) -> Image {
    let most = weights.iter().fold(f32::MIN_POSITIVE, |most, w| most.max(w.abs()));
    let pixels = weights.iter().map(|w| 0.5 + 0.5 * w / most).collect();
    Image { label, width: side, height: side, pixels }
}

/// Accuracy by where the picture lay.
fn translation(task: &ScatteredDigits, images: Supply, offsets: &Offsets) -> Panel {
    let mut met = vec![1u64; offsets.right.len()];
    if let Supply::Examples(count) = images
        && count <= COUNTED
    {
        met.fill(0);
        (0..count).for_each(|i| met[place(task, &task.shown(Part::Train, i))] += 1);
    }
    let heat = heat(offsets, |at| if met[at] == 0 { "-".into() } else { String::new() });
    let says = "Test accuracy by how far down and across the picture lay. Even colour: it knows translation. A dash: no \
                training image had this offset.";
    Panel::new("translation", "Accuracy by offset", says, Body::Heat(heat))
}

/// A heat map over offsets.
pub(super) fn heat(offsets: &Offsets, letter: impl Fn(usize) -> String) -> Heat {
    let [down, across] = offsets.extents;
    let accuracy = |(right, tested): (&f64, &f64)| if *tested > 0.0 { right / tested } else { f64::NAN };
    Heat {
        row_axis: "down".into(),
        column_axis: "across".into(),
        rows: (0..down).map(|i| i.to_string()).collect(),
        columns: (0..across).map(|i| i.to_string()).collect(),
        values: offsets.right.iter().zip(&offsets.tested).map(accuracy).collect(),
        letters: (0..down * across).map(letter).collect(),
        range: Some((0.0, 1.0)),
        unit: "accuracy".into(),
    }
}

/// Images of the test with what the model says.
fn answers(stage: &mut StageLearner) -> Panel {
    let (inputs, targets) = stage.images(Part::Test, 0..SHOWN);
    let logits = stage.logits(&inputs);
    let side = stage.stage.task.canvas;
    let answer = |(i, row): (usize, &[f32])| {
        let said = best(row);
        let pixels = stage.task.canvas(Part::Test, i as u64).iter().map(|x| x.clamp(0.0, 1.0)).collect();
        let label = if said == targets[i] { format!("{said}, right") } else { format!("{said}, is {}", targets[i]) };
        Image { label, width: side, height: side, pixels }
    };
    let images = logits.chunks_exact(stage.stage.classes).enumerate().map(answer).collect();
    let says = "Test images as on paper (pixels in place even where the model sees them permuted), with what the model \
                answers now.";
    Panel::new("answers", "What it sees and says", says, Body::Images(Images { images }))
}
