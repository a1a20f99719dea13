//! What there is to see of the whole study.

use super::evidence::{Found, Reached, Recorded, law, reached};
use super::panels::{self, Offsets};
use super::settings::Purpose;
use crate::contract::{Axis, Body, Dash, Line, Lines, Panel, Table, short_number};
use crate::tasks::supply::Supply;

/// Every panel for which something was recorded.
pub(super) fn panels(found: Found<'_>) -> Vec<Panel> {
    let panels = [scaling(found), compute(found), translation(found), controls(found)];
    panels.into_iter().flatten().chain([seeds(found)]).collect()
}

/// Points (n, error) of a model.
fn curve(found: Found<'_>, model: &str) -> Vec<(f64, f64)> {
    let point = |r: &Recorded<'_>| Some((r.cell.condition.distinct() as f64, r.last("test_error")?));
    found.of(Purpose::Scaling, model).iter().filter_map(point).collect()
}

/// Error against the number of images, and the exchange rate.
fn scaling(found: Found<'_>) -> Option<Panel> {
    let settings = found.settings;
    let line = |label: &str, dash, points| Line { label: label.to_owned(), dash, points };
    let own = |name: &str| [settings.mlp.as_str(), settings.cnn.as_str()].contains(&name);
    let mut lines: Vec<Line> = [&settings.mlp, &settings.cnn]
        .into_iter()
        .map(|name| line(name, Dash::Solid, curve(found, name)))
        .filter(|line| !line.points.is_empty())
        .collect();
    if lines.is_empty() {
        return None;
    }
    let others = settings.models.iter().filter(|model| !own(&model.name));
    lines.extend(others.map(|model| line(&model.name, Dash::Dashed, curve(found, &model.name))));
    lines.retain(|line| !line.points.is_empty());
    let (mlp, cnn) = (curve(found, &settings.mlp), curve(found, &settings.cnn));
    let mut note = String::new();
    if let Some((fewest, level)) = cnn.first().copied() {
        let rate = reached(&mlp, level);
        let end = match rate {
            Some(Reached::At(n)) => {
                note = format!("{} images to a CNN are worth {} to the MLP", short_number(fewest), short_number(n));
                Some(n)
            }
            Some(Reached::NotBy(n)) => {
                note = format!(
                    "the MLP is not as good as the CNN on {} images by {}",
                    short_number(fewest),
                    short_number(n)
                );
                Some(n)
            }
            None => None,
        };
        lines.extend(end.map(|n| line("exchange rate", Dash::Dotted, vec![(fewest, level), (n, level)])));
    }
    if let Some(floor) = found.evidence.find(|c| c.purpose == Purpose::Floor).and_then(|r| r.last("test_error")) {
        let ends = mlp.iter().chain(&cnn).map(|(n, _)| *n);
        let (low, high) = ends.fold((f64::INFINITY, 0.0f64), |(low, high), n| (low.min(n), high.max(n)));
        lines.push(line("floor: larger CNN, fresh", Dash::Dotted, vec![(low, floor), (high, floor)]));
    }
    let body = Lines { x: Axis::log("distinct training images"), y: Axis::log("test error"), lines, marks: Vec::new() };
    let says = "Error on pictures never trained on, after the same number of images shown; the last point never saw an \
                image twice. The gap between perceptron and CNN is what the bias is worth; the dotted line from the \
                CNN's first point to the perceptron's curve is the exchange rate: how many more images replace it.";
    Some(Panel::new("scaling", "Error against data", says, Body::Lines(body)).noting(note))
}

/// Error against compute with the fitted law.
fn compute(found: Found<'_>) -> Option<Panel> {
    let points = found.computed();
    if points.is_empty() {
        return None;
    }
    let mut widths: Vec<usize> = points.iter().map(|point| point.2).collect();
    widths.sort_unstable();
    widths.dedup();
    let of_width = |width: usize| Line {
        label: format!("width {width}"),
        dash: Dash::Solid,
        points: points.iter().filter(|point| point.2 == width).map(|point| (point.0, point.1)).collect(),
    };
    let mut lines: Vec<Line> = widths.into_iter().map(of_width).collect();
    let mut note = format!("{} cells, too few for a law", points.len());
    if let (Some(fit), Some(first), Some(last)) = (law(&points), points.first(), points.last()) {
        let steps = 40;
        let at = |i: i32| first.0 * (last.0 / first.0).powf(f64::from(i) / f64::from(steps));
        let fitted = (0..=steps).map(|i| (at(i), fit.law.at(at(i)))).collect();
        lines.push(Line { label: "law".into(), dash: Dash::Dashed, points: fitted });
        let floor = fit.law.floor;
        // A floor of nothing has no place on a logarithm.
        let shown = floor > 1e-4;
        lines.extend(shown.then(|| Line {
            label: "E_inf".into(),
            dash: Dash::Dotted,
            points: vec![(first.0, floor), (last.0, floor)],
        }));
        note =
            format!("alpha {:.2}, E_inf {floor:.3}, R^2 {:.3}, {} cells", fit.law.alpha, fit.r_squared, points.len());
    }
    let body = Lines { x: Axis::log("compute (FLOP)"), y: Axis::log("test error"), lines, marks: Vec::new() };
    let says = "Perceptrons on fresh images: error against the compute of training (three forward passes of every \
                image shown). The dashed law E = a (b + C)^-alpha + E_inf is fitted on the logarithm; points on it \
                over decades say that compute buys accuracy at a steady rate.";
    Some(Panel::new("compute", "Error against compute", says, Body::Lines(body)).noting(note))
}

/// Accuracy by offset on the fewest images: perceptron and CNN.
fn translation(found: Found<'_>) -> Option<Panel> {
    let settings = found.settings;
    let heat = |name: &str| {
        let cell = found.of(Purpose::Scaling, name).into_iter().next()?;
        let (right, tested) = (cell.curve("right_by_offset")?, cell.curve("tested_by_offset")?);
        // The canvas decides how offsets are laid out; they are a square where pictures are.
        let side = (right.len() as f64).sqrt() as usize;
        let extents = if side * side == right.len() { [side, side] } else { [1, right.len()] };
        let offsets = Offsets { extents, right, tested };
        Some(Panel::new(name, cell.cell.label.clone(), "", Body::Heat(panels::heat(&offsets, |_| String::new()))))
    };
    let panels: Vec<Panel> = [&settings.mlp, &settings.cnn].into_iter().filter_map(|name| heat(name)).collect();
    let says = "Test accuracy by how far down and across the picture lay, on the fewest images, mean over seeds. An \
                even map knows translation; spots are places that the model had to learn one by one.";
    (!panels.is_empty()).then(|| Panel::new("translation", "Accuracy by offset", says, Body::Beside { panels }))
}

/// Permuted pixels beside those in place.
fn controls(found: Found<'_>) -> Option<Panel> {
    let shown = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.3}"));
    let row = |cell: Recorded<'_>| {
        let c = &cell.cell.condition;
        let same = |plain: &Recorded<'_>| plain.cell.condition.images == c.images;
        let plain = (c.purpose == Purpose::Permuted).then(|| found.of(Purpose::Scaling, &c.model.name));
        let plain = plain.and_then(|cells| cells.into_iter().find(same)?.last("test_error"));
        let own = cell.last("test_error")?;
        let change = plain.map(|plain| own - plain);
        Some(vec![cell.cell.label.clone(), shown(plain), shown(Some(own)), shown(change)])
    };
    let wanted = |p: Purpose| matches!(p, Purpose::Permuted | Purpose::RandomLabels);
    let rows: Vec<Vec<String>> = found.evidence.every(|c| wanted(c.purpose)).filter_map(row).collect();
    let columns = ["condition", "pixels in place", "error", "change"].map(str::to_owned).to_vec();
    let says = "Controls. Permuted pixels must change nothing for the perceptron, which had no spatial bias to lose, \
                and cost the CNN dearly. With random labels every model must stay at chance.";
    (!rows.is_empty()).then(|| Panel::new("controls", "Controls", says, Body::Table(Table { columns, rows })))
}

/// Every seed of every condition.
fn seeds(found: Found<'_>) -> Panel {
    let metrics = ["test_error", "fine_tune.test_error", "calibration_error", "margin"];
    let mut rows = Vec::new();
    for r in found.evidence.all() {
        for seed in r.seeds {
            let number = |metric: &&str| seed.last(metric).map_or("-".to_owned(), |v| format!("{v:.3}"));
            let size = |metric: &str| seed.last(metric).map_or("-".to_owned(), short_number);
            let mut row = vec![r.cell.label.clone(), seed.spec.seed.to_string()];
            row.extend(metrics.iter().map(number));
            row.extend([size("best_step"), size("parameters"), size("compute")]);
            rows.push(row);
        }
    }
    let columns = ["condition", "seed", "error", "tuned", "calibration", "margin", "best step", "parameters", "FLOP"];
    let seen = match found.settings.image_limit {
        Supply::Fresh => String::new(),
        Supply::Examples(limit) => format!("no condition sees more than {limit} distinct images"),
    };
    let says = "Every trial as tested, by its best checkpoint on held-out pictures.";
    let body = Table { columns: columns.map(str::to_owned).into(), rows };
    Panel::new("seeds", "Every seed", says, Body::Table(body)).noting(seen)
}
