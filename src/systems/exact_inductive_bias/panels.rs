//! What there is to see: distributions of losses, bits against dimension and against the wanted loss, the
//! networks of a batch, and the table of architectures.

use super::data::Variant;
use super::evidence::{Split, splits, torus};
use super::measure::Space;
use super::settings::{Condition, Settings};
use crate::base::random::Key;
use crate::contract::{Axis, Bar, Bars, Body, Dash, Evidence, Heat, Line, Lines, Mark, Panel, Table, short_number};
use crate::instruments::hypothesis_bits::interval;
use crate::instruments::statistics::sample::sample_quantile;
use crate::instruments::statistics::{Bootstrap, mean};

/// The name under which a trial with one space records it.
pub(super) const SPACE: &str = "space";
/// Bins of a histogram, and points of a fitted curve.
const BINS: usize = 40;
/// Epochs that the panel of networks shows at most.
const COLUMNS: usize = 60;

/// Histograms on a logarithmic axis with their fitted curves, and the wanted loss.
pub(super) fn distribution(spaces: &[(String, &Space)], target: Option<f64>) -> Panel {
    let mut lines = Vec::new();
    for (name, space) in spaces {
        lines.push(Line { label: name.clone(), dash: Dash::Solid, points: histogram(&space.losses) });
        let (low, high) = (space.mean - 6.0 * space.sd, space.mean + 6.0 * space.sd);
        let (low, high) = (low.max(0.1 * space.mean).ln(), high.ln());
        let at = |i: usize| (low + (high - low) * i as f64 / (2 * BINS) as f64).exp();
        let points = (0..=2 * BINS).map(|i| (at(i), space.density(at(i)))).collect();
        lines.push(Line { label: format!("{name}, fit"), dash: Dash::Dashed, points });
    }
    let marks = target.map(|x| Mark { x, label: "wanted".into() }).into_iter().collect();
    let body = Lines { x: Axis::log("test error"), y: Axis::linear("density of its logarithm"), lines, marks };
    let says = "How the test errors of hypotheses that all fit the training data are distributed; dashed, the law \
                fitted to them. The farther left of a distribution the wanted error lies, the more bits of \
                inductive bias it takes to reach it from there.";
    Panel::new("distribution", "Losses of hypotheses", says, Body::Lines(body))
}

/// Density of the logarithm, as steps between evenly spaced edges.
fn histogram(losses: &[f64]) -> Vec<(f64, f64)> {
    let logs: Vec<f64> = losses.iter().map(|x| x.ln()).collect();
    let fold = |(low, high): (f64, f64), x: &f64| (low.min(*x), high.max(*x));
    let (low, high) = logs.iter().fold((f64::INFINITY, f64::NEG_INFINITY), fold);
    if low >= high {
        return Vec::new();
    }
    // Fewer bins for fewer losses: about the root of their number.
    let bins = ((logs.len() as f64).sqrt().ceil() as usize).clamp(4, BINS);
    let width = (high - low) / bins as f64;
    let mut counts = vec![0.0; bins];
    logs.iter().for_each(|x| counts[(((x - low) / width) as usize).min(bins - 1)] += 1.0);
    let point = |(i, count): (usize, f64)| {
        let density = count / (logs.len() as f64 * width);
        [((low + width * i as f64).exp(), density), ((low + width * (i + 1) as f64).exp(), density)]
    };
    counts.into_iter().enumerate().flat_map(point).collect()
}

/// The networks of a batch: test error over epochs, marked where each came to fit.
pub(super) fn nets(history: &[Vec<f32>], fitted: &[Option<u64>], losses: &[f64]) -> Option<Panel> {
    let nets = history.first()?.len();
    let every = history.len().div_ceil(COLUMNS);
    let columns: Vec<usize> = (0..history.len()).step_by(every).collect();
    let cell = |net: usize| columns.iter().map(move |epoch| f64::from(history[*epoch][net]).max(1e-9).log10());
    let letter = |net: usize| {
        let at = fitted[net].map(|epoch| (epoch as usize - 1) / every);
        (0..columns.len()).map(move |column| if at == Some(column) { "*".to_owned() } else { String::new() })
    };
    let heat = Heat {
        row_axis: "network".into(),
        column_axis: "epoch".into(),
        rows: (1..=nets).map(|net| net.to_string()).collect(),
        columns: columns.iter().map(|epoch| (epoch + 1).to_string()).collect(),
        values: (0..nets).flat_map(cell).collect(),
        letters: (0..nets).flat_map(letter).collect(),
        range: None,
        unit: "log10 of the test error".into(),
    };
    let says = "One row a network, one column an epoch. The star is where a network first fits the training set: \
                there it becomes a hypothesis, and the colour under the star is the loss that counts.";
    let wanted = sample_quantile(losses, 0.1).map_or(String::new(), |q| format!(", 10 % of them below {q:.4}"));
    let note = format!("{} of {nets} networks fit{wanted}", losses.len());
    Some(Panel::new("networks", "Networks in training", says, Body::Heat(heat)).noting(note))
}

/// What there is to see of the whole study.
pub(super) fn study(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
    let splits = splits(settings, evidence);
    let panels = [
        splits.first().and_then(two_spaces),
        splits.first().and_then(against_target),
        against_dimension(settings, evidence),
        kernels(&splits),
        architectures(&splits),
    ];
    panels.into_iter().flatten().collect()
}

/// The best kernel space and the networks of the first split.
fn two_spaces(split: &Split) -> Option<Panel> {
    let (name, kernel, bits) = split.best_kernel(|space| split.fitted(space))?;
    let mut spaces = vec![(name.to_owned(), kernel), ("trained networks".to_owned(), &split.networks)];
    spaces.extend(split.permuted.as_ref().map(|space| ("permuted labels".to_owned(), space)));
    let networks = split.fitted(&split.networks);
    let warning = kernel.bits(split.target).warning().map_or(String::new(), |warning| format!(", {warning}"));
    let note = format!("to reach {:.4}: networks {networks:.1} bits, {name} {bits:.1} bits{warning}", split.target);
    Some(Panel { id: "spaces".into(), ..distribution(&spaces, Some(split.target)) }.noting(note))
}

/// Bits of every space as the wanted loss moves.
fn against_target(split: &Split) -> Option<Panel> {
    let highest = split.kernels.iter().map(|(_, space)| space.mean).max_by(f64::total_cmp)?;
    let (low, high) = ((0.5 * split.target).ln(), highest.ln());
    let at = |i: usize| (low + (high - low) * i as f64 / BINS as f64).exp();
    let curve =
        |bits: &dyn Fn(f64) -> f64| (0..=BINS).map(|i| (at(i), bits(at(i)))).filter(|p| p.1.is_finite()).collect();
    let mut lines: Vec<Line> = Vec::new();
    let networks = [("trained networks".to_owned(), &split.networks)];
    let permuted = split.permuted.iter().map(|space| ("permuted labels".to_owned(), space));
    let kernels = split.kernels.iter().map(|(name, space)| (name.clone(), space));
    for (label, space) in networks.into_iter().chain(permuted).chain(kernels) {
        lines.push(Line { label: label.clone(), dash: Dash::Solid, points: curve(&|x| space.bits(x).bits) });
        if space.law.is_some() {
            let points = curve(&|x| space.exact_bits(x).unwrap_or(f64::NAN));
            lines.push(Line { label: format!("{label}, exact"), dash: Dash::Dotted, points });
        }
    }
    let marks = vec![Mark { x: split.target, label: "wanted".into() }];
    let body = Lines { x: Axis::log("wanted test error"), y: Axis::log("bits"), lines, marks };
    let says = "Bits that each space needs to reach a wanted test error: move along the axis to move the mark. Dotted, \
                the exact law of a kernel space; where it leaves the line of its fit, the tail model is wrong.";
    Some(Panel::new("target", "Bits against the wanted error", says, Body::Lines(body)))
}

/// Bits against the dimension of the torus.
fn against_dimension(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Option<Panel> {
    let target = settings.torus.target;
    type Read<'r> = &'r dyn Fn(&Space) -> Option<f64>;
    let line = |label: String, dash, sigma: f64, variant, read: Read<'_>| {
        let at = |d: &usize| {
            let bits: Vec<f64> = torus(evidence, sigma, *d, variant).iter().filter_map(read).collect();
            Some((*d as f64, mean(&bits)?))
        };
        let points: Vec<(f64, f64)> = settings.torus.dimensions.iter().filter_map(at).collect();
        (!points.is_empty()).then_some(Line { label, dash, points })
    };
    let (fitted, exact) = (|space: &Space| Some(space.bits(target).bits), |space: &Space| space.exact_bits(target));
    let mut lines = Vec::new();
    for sigma in &settings.torus.sigmas {
        lines.extend(line(format!("sigma {sigma}"), Dash::Solid, *sigma, Variant::Full, &fitted));
        lines.extend(line(format!("sigma {sigma}, exact"), Dash::Dashed, *sigma, Variant::Full, &exact));
        lines.extend(line(format!("sigma {sigma}, x_1 only"), Dash::Dotted, *sigma, Variant::FirstOnly, &fitted));
        lines.extend(line(format!("sigma {sigma}, inputs cut"), Dash::Dotted, *sigma, Variant::Cut, &fitted));
    }
    let lines = Lines { x: Axis::linear("dimension d"), y: Axis::linear("bits"), lines, marks: Vec::new() };
    let bars = bars(settings, evidence);
    if bars.is_empty() {
        return None;
    }
    let panels = vec![
        Panel::new("means", "Means over draws", "", Body::Lines(lines)),
        Panel::new("intervals", "With intervals", "", Body::Bars(Bars { axis: Axis::linear("bits"), bars })),
    ];
    let says = "Bits to reach the wanted error from the data alone, by the dimension of the inputs. Dotted, the \
                controls: a target of x_1 alone rises too, as it is the space that grows; with the other inputs cut away \
                it must stay flat.";
    let note = format!("error {target}, {} training points", settings.torus.train);
    Some(Panel::new("dimension", "Bits against dimension", says, Body::Beside { panels }).noting(note))
}

fn bars(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Bar> {
    let bootstrap = Bootstrap::new(Key::new(0).purpose("panels"));
    let mut bars = Vec::new();
    for sigma in &settings.torus.sigmas {
        for d in &settings.torus.dimensions {
            let spaces = torus(evidence, *sigma, *d, Variant::Full);
            let groups: Vec<[f64; 1]> = spaces.iter().map(|s| [s.bits(settings.torus.target).bits]).collect();
            let Some(estimate) = bootstrap.mean(&groups) else { continue };
            let farthest =
                spaces.iter().map(|s| s.bits(settings.torus.target)).max_by(|a, b| a.bits.total_cmp(&b.bits));
            bars.push(Bar {
                label: format!("d = {d}, sigma {sigma}"),
                value: estimate.value,
                interval: Some(estimate.interval()),
                note: farthest.and_then(|bits| bits.warning()).unwrap_or_default(),
            });
        }
    }
    bars
}

/// What a table says of a space at a wanted loss.
fn row(split: &Split, name: &str, space: &Space) -> Vec<String> {
    let bits = space.bits(split.target);
    let exact = space.exact_bits(split.target);
    let range = interval(&space.refits, split.target);
    let or = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    vec![
        name.to_owned(),
        split.seed.to_string(),
        format!("{:.4}", space.mean),
        format!("{:.1}", bits.bits),
        or(range.map(|(low, high)| format!("{low:.1} to {high:.1}"))),
        or(exact.map(|exact| format!("{exact:.1}"))),
        or(exact.filter(|exact| *exact > 0.0).map(|exact| format!("{:.2}", bits.bits / exact))),
        format!("{:.1}", bits.sankaran),
        short_number(bits.extrapolation),
        bits.warning().unwrap_or_default(),
    ]
}

fn table(id: &str, title: &str, says: &str, rows: Vec<Vec<String>>) -> Option<Panel> {
    let columns = ["space", "split", "mean error", "bits", "95 %", "exact", "fit/exact", "Sankaran", "sd away", "note"];
    let body = Table { columns: columns.map(str::to_owned).into(), rows };
    (!body.rows.is_empty()).then(|| Panel::new(id, title, says, Body::Table(body)))
}

/// Every space of leg B on every split.
fn kernels(splits: &[Split]) -> Option<Panel> {
    let of = |split: &Split| {
        let networks = [row(split, "trained networks", &split.networks)];
        let permuted = split.permuted.iter().map(|space| row(split, "permuted labels", space));
        let kernels = split.kernels.iter().map(|(name, space)| row(split, name, space));
        networks.into_iter().chain(permuted).chain(kernels).collect::<Vec<_>>()
    };
    let says = "Bits to reach the error that a tenth of the trained networks reaches, the same for all spaces of a \
                split. `exact` is the law of a kernel space; `fit/exact` below 1 means that the three-parameter tail is \
                too thick far out. Beyond 4 sd the number comes from the tail model.";
    table("kernels", "Kernel spaces and networks", says, splits.iter().flat_map(of).collect())
}

/// Leg C.
fn architectures(splits: &[Split]) -> Option<Panel> {
    let of = |split: &Split| split.shown.iter().map(|(name, space)| row(split, name, space)).collect::<Vec<_>>();
    let says = "Further networks on the same splits and the same wanted error; they decide nothing. Fewer bits mean that \
                more of what the task needs is already in the architecture. A trial's own panel has its histogram.";
    table("architectures", "Architectures", says, splits.iter().flat_map(of).collect())
}
