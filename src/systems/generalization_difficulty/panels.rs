//! What there is to see: bits against dimension and resolution, errors against their law, the ladders of
//! learners, and the cards of data sets.

use super::dataset::NEIGHBOURS;
use super::evidence::{Ground, Ladder, median};
use super::judge::slope;
use super::ladder::{Rung, required};
use super::settings::{DataSet, Learner};
use crate::base::random::Key;
use crate::contract::{Axis, Bar, Bars, Body, Dash, Heat, Line, Lines, Mark, Panel, Table, TrialResult, short_number};
use crate::instruments::statistics::chi_square::ChiSquare;
use crate::instruments::statistics::{Bootstrap, Estimate};

/// Bins of a histogram.
const BINS: usize = 40;

/// Errors of hypotheses as a histogram, with the curve of their law over `functions` functions.
pub(super) fn errors(title: &str, errors: &[f64], law: Option<(ChiSquare, usize)>, wanted: f64) -> Option<Panel> {
    let (law, functions) = law?;
    let high = errors.iter().copied().max_by(f64::total_cmp).filter(|high| *high > 0.0)?;
    let width = high / BINS as f64;
    let mut counts = vec![0.0; BINS];
    errors.iter().for_each(|e| counts[((e / width) as usize).min(BINS - 1)] += 1.0 / (errors.len() as f64 * width));
    let bar = |(i, density): (usize, &f64)| [(width * i as f64, *density), (width * (i + 1) as f64, *density)];
    let points = counts.iter().enumerate().flat_map(bar).collect();
    let scale = functions as f64;
    let density = |i: usize| {
        let e = high * i as f64 / (2 * BINS) as f64;
        (e, (law.ln_density(scale * e)).exp() * scale)
    };
    let lines = vec![
        Line { label: format!("{} hypotheses", errors.len()), dash: Dash::Solid, points },
        Line { label: "chi-square law".into(), dash: Dash::Dashed, points: (0..=2 * BINS).map(density).collect() },
    ];
    let marks = vec![Mark { x: wanted, label: "wanted".into() }];
    let body = Lines { x: Axis::linear("test error"), y: Axis::linear("density"), lines, marks };
    let says = "Test errors of random hypotheses that pass through all training points, and the law that they must \
                follow. The wanted error lies far to the left: the bits are minus the logarithm of the area up to it.";
    let bits = -law.ln_cdf(scale * wanted) / std::f64::consts::LN_2;
    Some(Panel::new("errors", title, says, Body::Lines(body)).noting(format!("{bits:.1} bits to an error of {wanted}")))
}

/// The rungs of a ladder so far.
pub(super) fn rungs(rungs: &[Rung], wanted: f64) -> Option<Panel> {
    let points: Vec<(f64, f64)> = rungs.iter().filter_map(|r| Some((r.points as f64, r.error?))).collect();
    let (needed, reached) = required(rungs, wanted)?;
    let reference = Line {
        label: "wanted".into(),
        dash: Dash::Dotted,
        points: vec![(2.0, wanted), (rungs.last()?.points as f64, wanted)],
    };
    let lines = vec![Line { label: "test error".into(), dash: Dash::Solid, points }, reference];
    let marks = if reached { vec![Mark { x: needed, label: "required".into() }] } else { Vec::new() };
    let body = Lines { x: Axis::log("training points"), y: Axis::log("relative test error"), lines, marks };
    let says = "Test error over training sizes that double. The ladder ends where it comes down to the dotted line; the \
                tick is the number of points required. Missing rungs did not fit their training points.";
    Some(Panel::new("rungs", "Ladder of training sizes", says, Body::Lines(body)))
}

/// What there is to see of the whole study.
pub(super) fn study(ground: &Ground<'_>) -> Vec<Panel> {
    let panels = [
        scaling(ground),
        chosen(ground),
        ladders(ground, Learner::Kernel),
        ladders(ground, Learner::Network),
        over_points(ground),
        cards(ground),
        noise(ground),
    ];
    panels.into_iter().flatten().collect()
}

/// The median over replicas with its interval.
fn estimate(bits: &[f64]) -> Option<Estimate> {
    let bootstrap = Bootstrap::new(Key::new(0).purpose("panels"));
    bootstrap.over_units(bits.len(), |units| median(&units.iter().map(|unit| bits[*unit]).collect::<Vec<_>>()))
}

/// A line of medians with its ends as further lines, and the fitted line in logarithms.
fn measured(label: &str, cells: &[(f64, Vec<f64>)]) -> Vec<Line> {
    let found: Vec<(f64, Estimate)> = cells.iter().filter_map(|(x, bits)| Some((*x, estimate(bits)?))).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let line = |name: String, dash, of: fn(&Estimate) -> f64| Line {
        label: name,
        dash,
        points: found.iter().map(|(x, estimate)| (*x, of(estimate))).collect(),
    };
    vec![
        line(label.to_owned(), Dash::Solid, |e| e.value),
        line(format!("{label}, 2.5 %"), Dash::Dotted, |e| e.low),
        line(format!("{label}, 97.5 %"), Dash::Dotted, |e| e.high),
    ]
}

/// The least-squares line through medians in logarithms of y, and of x where `log_x`.
fn fitted(label: &str, cells: &[(f64, Vec<f64>)], log_x: bool) -> Option<(Line, f64)> {
    let at = |x: f64| if log_x { x.ln() } else { x };
    let points: Vec<(f64, f64)> =
        cells.iter().filter_map(|(x, bits)| Some((at(*x), median(bits).filter(|b| *b > 0.0)?.ln()))).collect();
    let slope = slope(&points)?;
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / count, y + p.1 / count));
    let line = cells.iter().map(|(at_x, _)| (*at_x, (y + slope * (at(*at_x) - x)).exp())).collect();
    Some((Line { label: format!("{label}, fit"), dash: Dash::Dashed, points: line }, slope))
}

/// Bits against m, against 2K + 1, and the latter with both axes logarithmic.
fn scaling(ground: &Ground<'_>) -> Option<Panel> {
    let over_m: Vec<(f64, Vec<f64>)> = ground.over_dimensions().into_iter().map(|(m, bits)| (m as f64, bits)).collect();
    let mut first = measured("median", &over_m);
    if first.is_empty() {
        return None;
    }
    let mut note = Vec::new();
    if let Some((line, slope)) = fitted("median", &over_m, false) {
        first.push(line);
        let expected = ((2 * ground.settings.volume.frequency + 1) as f64).ln();
        note.push(format!("slope {slope:.2} against m (ln(2K + 1) = {expected:.2})"));
    }
    let mut second = Vec::new();
    for (m, cells) in ground.over_frequencies() {
        let cells: Vec<(f64, Vec<f64>)> = cells.into_iter().map(|(k, bits)| ((2 * k + 1) as f64, bits)).collect();
        let name = format!("m = {m}");
        second.extend(measured(&name, &cells));
        if let Some((line, slope)) = fitted(&name, &cells, true) {
            second.push(line);
            note.push(format!("slope {slope:.2} against ln(2K + 1) at {name}"));
        }
    }
    let chart = |id: &str, title: &str, x: Axis, lines: Vec<Line>| {
        Panel::new(id, title, "", Body::Lines(Lines { x, y: Axis::log("bits"), lines, marks: Vec::new() }))
    };
    let panels = vec![
        chart("dimension", "Against the dimension", Axis::linear("dimension m"), first),
        chart(
            "resolution",
            "Against the resolution",
            Axis::linear("functions along a dimension, 2K + 1"),
            second.clone(),
        ),
        chart("power", "The same, both logarithmic", Axis::log("functions along a dimension, 2K + 1"), second),
    ];
    let says = "Bits of information that the data leave missing. On a logarithmic axis they are a straight line against \
                the dimension: exponential. Against the resolution they bend, and are straight only where both axes are \
                logarithmic: a power. Dotted: intervals over replicas.";
    Some(Panel::new("scaling", "What makes a task hard", says, Body::Beside { panels }).noting(note.join("; ")))
}

/// The errors of one cell against their law.
fn chosen(ground: &Ground<'_>) -> Option<Panel> {
    let volume = &ground.settings.volume;
    let middle = volume.dimensions[volume.dimensions.len() / 2];
    let recorded = ground.volume(middle, volume.frequency, volume.points)?;
    let result = recorded.seeds.iter().find(|result| result.vector("errors").is_some())?;
    let law = ChiSquare { freedom: result.last("free")?, noncentrality: result.last("noncentrality")? };
    let functions = result.last("functions")? as usize;
    let title = format!("Errors of hypotheses, {}", recorded.cell.label);
    errors(&title, result.vector("errors")?, Some((law, functions)), ground.settings.error)
}

/// Rows: tasks; columns: training points; colour: test error; beside it the exact bits.
fn ladders(ground: &Ground<'_>, learner: Learner) -> Option<Panel> {
    let ladders: Vec<Ladder> = ground.ladders(learner);
    let mut sizes: Vec<f64> = ladders.iter().flat_map(|l| l.errors.iter().map(|(points, _)| *points)).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    if sizes.is_empty() {
        return None;
    }
    let error = |ladder: &Ladder, size: f64| {
        ladder.errors.iter().find(|(points, _)| *points == size).map_or(f64::NAN, |(_, error)| error.max(1e-6).log10())
    };
    let letter = |ladder: &Ladder, size: f64| {
        let needed = median(&ladder.required).unwrap_or(f64::NAN);
        if needed <= size && needed > 0.5 * size { "*".to_owned() } else { String::new() }
    };
    let cells = || ladders.iter().flat_map(|ladder| sizes.iter().map(move |size| (ladder, *size)));
    let heat = Heat {
        row_axis: "task".into(),
        column_axis: "training points".into(),
        rows: ladders.iter().map(|ladder| ladder.label.clone()).collect(),
        columns: sizes.iter().map(|size| short_number(*size)).collect(),
        values: cells().map(|(ladder, size)| error(ladder, size)).collect(),
        letters: cells().map(|(ladder, size)| letter(ladder, size)).collect(),
        range: None,
        unit: "log10 of the relative test error".into(),
    };
    let bar = |ladder: &Ladder| Bar {
        label: ladder.label.clone(),
        value: median(&ladder.bits).unwrap_or(f64::NAN),
        interval: estimate(&ladder.bits).map(|estimate| estimate.interval()),
        note: format!("{} points", short_number(median(&ladder.required).unwrap_or(f64::NAN))),
    };
    let bars = Bars { axis: Axis::log("exact bits"), bars: ladders.iter().map(bar).collect() };
    let (id, title) = match learner {
        Learner::Kernel => ("kernel", "What a kernel requires"),
        Learner::Network => ("network", "What a network requires"),
    };
    let panels = vec![
        Panel::new(format!("{id}-errors"), "Test error", "", Body::Heat(heat)),
        Panel::new(format!("{id}-bits"), "Exact bits", "", Body::Bars(bars)),
    ];
    let says = "One row a task, one column a training size that doubles. The star is where the median learner comes down \
                to the wanted error. If the bits are a measure of difficulty, the stars move to the right as the bars grow.";
    Some(Panel::new(id, title, says, Body::Beside { panels }))
}

/// Bits over the number of training points.
fn over_points(ground: &Ground<'_>) -> Option<Panel> {
    let cells: Vec<(f64, Vec<f64>)> = ground.over_points().into_iter().map(|(n, bits)| (n as f64, bits)).collect();
    let lines = measured("median", &cells);
    let body = Lines { x: Axis::linear("training points n"), y: Axis::linear("bits"), lines, marks: Vec::new() };
    if body.lines.is_empty() {
        return None;
    }
    let more = &ground.settings.volume.more_points;
    let says = "Every training point takes one free direction away: bits fall slowly, along a line. That is why the other \
                charts are made with few points.";
    let note = format!("m = {}, K = {}", more.dimensions, more.frequency);
    Some(Panel::new("points", "Bits against training points", says, Body::Lines(body)).noting(note))
}

/// The task cards of data sets.
fn cards(ground: &Ground<'_>) -> Option<Panel> {
    let row = |(_, result): &(&DataSet, &TrialResult)| {
        let shown = |name: &str| result.last(name).map_or("-".to_owned(), short_number);
        let bits = |name: &str| {
            let found = result.last(&format!("log10_bits.{name}"));
            // Measured, but not valid: there is a resolution without bits.
            let none = result.last(&format!("resolution.{name}")).map_or("-", |_| "below 0: bound not valid");
            found.map_or(none.to_owned(), |log| format!("1e{log:.1}"))
        };
        let mut row = vec![result.spec.condition.clone(), shown("points"), shown("classes"), shown("radius")];
        row.extend(NEIGHBOURS.iter().map(|k| shown(&format!("dimension.{k}"))));
        row.extend([shown("resolution.sample"), shown("resolution.extreme"), bits("sample"), bits("extreme")]);
        for name in ["accuracy.logistic", "accuracy.network"] {
            let points = result.metrics.get(name).into_iter().flatten();
            row.push(points.map(|(n, value)| format!("{n}: {value:.2}")).collect::<Vec<_>>().join(" "));
        }
        row
    };
    let rows: Vec<Vec<String>> = ground.data().iter().map(row).collect();
    let heads = ["data", "n", "classes", "R"].into_iter().map(str::to_owned);
    let dimensions = NEIGHBOURS.iter().map(|k| format!("m (k = {k})"));
    let rest =
        ["delta", "delta, extreme", "bits", "bits, extreme", "logistic", "network"].into_iter().map(str::to_owned);
    let body = Table { columns: heads.chain(dimensions).chain(rest).collect(), rows };
    let says = "The formula's view of real data: intrinsic dimension m by several numbers of neighbours, radius R, distance \
                delta between classes, and the bits that follow, with test accuracies of two classifiers by training \
                images. Bits are of the formula, not measured: compare rows, do not read a row alone.";
    (!body.rows.is_empty()).then(|| Panel::new("cards", "Task cards", says, Body::Table(body)))
}

/// Dimension and bits of the digits as noise is added.
fn noise(ground: &Ground<'_>) -> Option<Panel> {
    let series = |name: &str| -> Vec<(f64, f64)> {
        let point = |(set, result): &(&DataSet, &TrialResult)| match set {
            DataSet::Noisy(noise) => Some((*noise, result.last(name)?)),
            _ => None,
        };
        ground.data().iter().filter_map(point).collect()
    };
    let line = |label: &str, name: &str| Line { label: label.into(), dash: Dash::Solid, points: series(name) };
    let lines = vec![line("dimension m (k = 5)", "dimension.5"), line("log10 of the bits", "log10_bits.sample")];
    let body = Lines { x: Axis::linear("noise on pixels"), y: Axis::linear(""), lines, marks: Vec::new() };
    if body.lines[0].points.len() < 2 {
        return None;
    }
    let says = "Noise spreads the digits into more dimensions, which the formula's bits are exponential in; but it also \
                moves classes apart, which lowers them. Where the second line falls, the resolution has won.";
    Some(
        Panel::new("noise", "Digits with noise", says, Body::Lines(body))
            .noting(ground.noise_warning().unwrap_or_default()),
    )
}
