//! The verdict: sentence, checks and controls with their numbers, and every seed.

use crate::contract::{Check, Outcome, Verdict};
use crate::tui::look::Look;
use crate::tui::pen::{Pen, wrap};
use crate::view::words;
use ratatui::style::Style;

/// Paints a verdict, `scroll` lines left out at the top.
pub(in crate::tui) fn paint(pen: &mut Pen, verdict: &Verdict, scroll: usize) {
    let lines = lines(verdict, usize::from(pen.width()), pen.look);
    let room = usize::from(pen.height());
    let first = scroll.min(lines.len().saturating_sub(room));
    for (y, (indent, text, style)) in lines.iter().skip(first).take(room).enumerate() {
        pen.text(*indent, y as u16, text, *style);
    }
    let hidden = lines.len().saturating_sub(first + room);
    if hidden > 0 && pen.width() > 30 {
        let (end, last, look) = (pen.width(), pen.height().saturating_sub(1), pen.look);
        let text = format!(" {hidden} more lines {}", look.glyph("↓", "v"));
        pen.text_before(end, last, &text, look.dim());
    }
}

/// The style of an outcome.
pub(in crate::tui) fn style(outcome: Outcome, look: Look) -> Style {
    match outcome {
        Outcome::Reproduced => look.good().patch(look.strong()),
        Outcome::Partly | Outcome::Undecided => look.warning().patch(look.strong()),
        Outcome::NotReproduced => look.bad(),
    }
}

type Row = (u16, String, Style);

fn lines(verdict: &Verdict, width: usize, look: Look) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    rows.extend(wrap(&verdict.sentence, width).into_iter().map(|line| (0, line, look.text())));
    let headline = numbers(&verdict.statistic, verdict.effect, verdict.interval, &verdict.threshold);
    rows.extend(wrap(&headline, width).into_iter().map(|line| (0, line, style(verdict.outcome, look))));
    for (head, checks) in [("Checks", &verdict.checks), ("Controls: must not show the effect", &verdict.controls)] {
        if !checks.is_empty() {
            rows.push((0, String::new(), look.text()));
            rows.push((0, head.to_owned(), look.dim()));
        }
        for check in checks {
            check_rows(&mut rows, check, width, look);
        }
    }
    if !verdict.seeds.is_empty() {
        rows.push((0, String::new(), look.text()));
        rows.push((0, "Every seed".to_owned(), look.dim()));
        let names = verdict.seeds.iter().map(|seed| seed.condition.chars().count()).max().unwrap_or(0);
        for seed in &verdict.seeds {
            let values: Vec<String> =
                seed.values.iter().map(|(name, value)| format!("{name} {}", words::value(*value))).collect();
            let text = format!("{:<names$}  seed {:<3} {}", seed.condition, seed.seed, values.join("  "));
            rows.extend(wrap_at(&text, width).into_iter().map(|line| (0, line, look.text())));
        }
    }
    rows
}

/// Keeps the columns of a line that fits; else breaks it between words.
fn wrap_at(text: &str, width: usize) -> Vec<String> {
    if text.chars().count() <= width { vec![text.to_owned()] } else { wrap(text, width) }
}

fn check_rows(rows: &mut Vec<Row>, check: &Check, width: usize, look: Look) {
    let (mark, style) = match check.passed {
        true => (look.glyph("✓", "+"), look.good()),
        false => (look.glyph("✗", "!"), look.bad()),
    };
    let word = if check.passed { "holds" } else { "fails" };
    let head = format!("{mark} {} {word}", check.id);
    let indent = head.chars().count() + 2;
    let room = width.saturating_sub(indent);
    if room < 24 {
        rows.push((0, head, style));
        rows.extend(wrap(&check.says, width.saturating_sub(2)).into_iter().map(|line| (2, line, look.text())));
    } else {
        for (at, line) in wrap(&check.says, room).into_iter().enumerate() {
            let lead = if at == 0 { format!("{head}: ") } else { " ".repeat(indent) };
            rows.push((0, lead + &line, if at == 0 { style } else { look.text() }));
        }
    }
    let numbers = numbers(&check.statistic, check.effect, check.interval, &check.threshold);
    rows.extend(wrap(&numbers, width.saturating_sub(2)).into_iter().map(|line| (2, line, look.dim())));
}

/// `statistic 0.588 [0.541, 0.629]; wanted >= 0.30`.
fn numbers(statistic: &str, effect: Option<f64>, interval: Option<(f64, f64)>, threshold: &str) -> String {
    let effect = effect.map_or("could not be measured".into(), words::value);
    let interval = interval
        .map_or(String::new(), |(low, high)| format!(" [{}, {}]", words::value(low), words::value(high)));
    let wanted = if threshold.is_empty() { String::new() } else { format!("; wanted {threshold}") };
    format!("{statistic} {effect}{interval}{wanted}")
}
