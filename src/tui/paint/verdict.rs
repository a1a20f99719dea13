//! The verdict: sentence, checks and controls with their numbers, and every seed.

use crate::contract::{Check, Outcome, Verdict};
use crate::tui::look::Look;
use crate::tui::pen::{Pen, wrap};
use crate::view::words;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

/// Paints a verdict, `scroll` lines left out at the top.
pub(in crate::tui) fn paint(pen: &mut Pen, verdict: &Verdict, scroll: usize) {
    let lines = lines(verdict, usize::from(pen.width()), pen.height() < 20, pen.look);
    let room = usize::from(pen.height());
    let first = scroll.min(lines.len().saturating_sub(room));
    let hidden = lines.len().saturating_sub(first + room);
    let look = pen.look;
    let more = if hidden > 0 { format!("{hidden} more {}", look.glyph("↓", "v")) } else { String::new() };
    let width = pen.width();
    for (y, (indent, text, style)) in lines.iter().skip(first).take(room).enumerate() {
        let taken = if y + 1 == room && hidden > 0 { more.width() as u16 + 1 } else { 0 };
        pen.text_within(*indent, y as u16, text, width.saturating_sub(indent + taken), *style);
    }
    pen.text_before(width, (room as u16).saturating_sub(1), &more, look.dim());
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

/// The answer first, then each check in a line, then what each check says, then every seed. `dense`
/// leaves out the air between the parts.
fn lines(verdict: &Verdict, width: usize, dense: bool, look: Look) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let headline = numbers(&verdict.statistic, verdict.effect, verdict.interval, &verdict.threshold);
    say(&mut rows, &headline, width, style(verdict.outcome, look));
    say(&mut rows, &verdict.sentence, width, look.text());
    for (head, checks) in groups(verdict) {
        heading(&mut rows, head, dense, look);
        for check in checks {
            let (mark, style) = mark(check, look);
            let numbers = numbers("", check.effect, check.interval, &check.threshold);
            say(&mut rows, &format!("{mark}{numbers}"), width, style);
        }
    }
    for (head, checks) in groups(verdict) {
        heading(&mut rows, &format!("What the {} say", head.to_lowercase()), dense, look);
        for check in checks {
            let text = format!("{}: {} ({})", check.id, check.says, check.statistic);
            say(&mut rows, &text, width, look.text());
        }
    }
    if !verdict.seeds.is_empty() {
        heading(&mut rows, "Every seed", dense, look);
        seeds(&mut rows, verdict, width, look);
    }
    rows
}

fn groups(verdict: &Verdict) -> impl Iterator<Item = (&'static str, &[Check])> {
    let both = [("Checks", verdict.checks.as_slice()), ("Controls", verdict.controls.as_slice())];
    both.into_iter().filter(|(_, checks)| !checks.is_empty())
}

fn say(rows: &mut Vec<Row>, text: &str, width: usize, style: Style) {
    for (at, line) in wrap(text, width.saturating_sub(2).max(1)).into_iter().enumerate() {
        rows.push((if at == 0 { 0 } else { 2 }, line, style));
    }
}

fn heading(rows: &mut Vec<Row>, text: &str, dense: bool, look: Look) {
    if !dense {
        rows.push((0, String::new(), look.text()));
    }
    rows.push((0, text.to_owned(), look.dim()));
}

fn mark(check: &Check, look: Look) -> (String, Style) {
    match check.passed {
        true => (format!("{} {} holds", look.glyph("✓", "+"), check.id), look.good()),
        false => (format!("{} {} fails", look.glyph("✗", "!"), check.id), look.bad()),
    }
}

fn seeds(rows: &mut Vec<Row>, verdict: &Verdict, width: usize, look: Look) {
    let names = verdict.seeds.iter().map(|seed| seed.condition.width()).max().unwrap_or(0);
    for seed in &verdict.seeds {
        let values: Vec<String> =
            seed.values.iter().map(|(name, value)| format!("{name} {}", words::value(*value))).collect();
        let gap = " ".repeat(names - seed.condition.width());
        let text = format!("{}{gap}  seed {:<3} {}", seed.condition, seed.seed, values.join("  "));
        if text.width() <= width {
            rows.push((0, text, look.text()));
        } else {
            say(rows, &text, width, look.text());
        }
    }
}

/// `statistic 0.588 [0.541, 0.629]; wanted >= 0.30`.
fn numbers(statistic: &str, effect: Option<f64>, interval: Option<(f64, f64)>, threshold: &str) -> String {
    let effect = effect.map_or("could not be measured".into(), words::value);
    let interval =
        interval.map_or(String::new(), |(low, high)| format!(" [{}, {}]", words::value(low), words::value(high)));
    let wanted = if threshold.is_empty() { String::new() } else { format!("; wanted {threshold}") };
    format!("{statistic} {effect}{interval}{wanted}")
}
