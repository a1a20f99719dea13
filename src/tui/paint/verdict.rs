//! The verdict: sentence, checks and controls with their numbers, and every seed.

use super::strip;
use crate::contract::{Card, Check, Outcome, Verdict};
use crate::tui::look::Look;
use crate::tui::pen::{Pen, wrap};
use crate::view::words;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

/// Paints a verdict, `scroll` lines left out at the top.
pub(in crate::tui) fn paint(pen: &mut Pen, verdict: &Verdict, card: Option<&Card>, scroll: usize) {
    let rows = rows(verdict, card, usize::from(pen.width()), pen.height() < 20, pen.look);
    let room = usize::from(pen.height());
    let first = scroll.min(rows.len().saturating_sub(room));
    let hidden = rows.len().saturating_sub(first + room);
    let look = pen.look;
    let more = if hidden > 0 { format!("{hidden} more {}", look.glyph("↓", "v")) } else { String::new() };
    let width = pen.width();
    for (y, row) in rows.iter().skip(first).take(room).enumerate() {
        let taken = if y + 1 == room && hidden > 0 { more.width() as u16 + 1 } else { 0 };
        let mut x = row.indent;
        if let Some((check, style)) = row.strip {
            strip::paint(pen, (x, y as u16), row.columns, check, style);
            x += row.columns + 2;
        }
        pen.text_within(x, y as u16, &row.text, width.saturating_sub(x + taken), row.style);
        pen.text_within(0, y as u16, &row.lead, row.indent.saturating_sub(1), row.style);
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

/// A line of a verdict: words in front, a strip perhaps, and words behind it.
struct Row<'a> {
    lead: String,
    indent: u16,
    strip: Option<(&'a Check, Style)>,
    columns: u16,
    text: String,
    style: Style,
}

impl Row<'_> {
    fn text(indent: u16, text: String, style: Style) -> Self {
        Row { lead: String::new(), indent, strip: None, columns: 0, text, style }
    }
}

/// The answer first, then why it is not more, each check in a line with its strip, what each check says, what was
/// changed against the paper, then every seed. `dense` leaves out the air between the parts.
fn rows<'a>(verdict: &'a Verdict, card: Option<&Card>, width: usize, dense: bool, look: Look) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    let headline = numbers(&verdict.statistic, verdict.effect, verdict.interval, &verdict.threshold);
    say(&mut rows, &headline, width, style(verdict.outcome, look));
    say(&mut rows, &verdict.sentence, width, look.text());
    if let Some(card) = card.filter(|_| !dense) {
        say(&mut rows, &format!("The claim: {}", card.sentence), width, look.dim());
    }
    let columns = Columns::of(verdict, width, look);
    for (head, checks) in groups(verdict) {
        heading(&mut rows, head, dense, look);
        checks.iter().for_each(|check| line(&mut rows, check, (width, &columns), dense, look));
    }
    why(&mut rows, verdict, width, dense, look);
    for (head, checks) in groups(verdict) {
        heading(&mut rows, &format!("What the {} say", head.to_lowercase()), dense, look);
        for check in checks {
            say(&mut rows, &format!("{}: {} ({})", check.id, check.says, check.statistic), width, look.text());
        }
    }
    if let Some(card) = card {
        heading(&mut rows, "Against the paper", dense, look);
        for (head, text) in [("Kept", card.kept), ("Smaller", card.shrunk), ("Replaced", card.substituted)] {
            say(&mut rows, &format!("{head}: {text}"), width, look.text());
        }
    }
    if !verdict.seeds.is_empty() {
        heading(&mut rows, "Every seed", dense, look);
        seeds(&mut rows, verdict, width, look);
    }
    rows
}

/// Where words, strips and numbers of checks stand, the same for every check of a verdict.
struct Columns {
    /// Before the strip.
    lead: u16,
    /// Of the strip.
    strip: u16,
}

impl Columns {
    fn of(verdict: &Verdict, width: usize, look: Look) -> Self {
        let checks = || groups(verdict).flat_map(|(_, checks)| checks);
        let leads = checks().map(|check| mark(check, look).0.width() + 1).filter(|lead| *lead <= width / 3);
        let behind = checks().map(|check| check_numbers(check).width()).filter(|behind| *behind < width / 2);
        let (lead, behind) = (leads.max().unwrap_or(0), behind.max().unwrap_or(0));
        let strip = width.saturating_sub(lead + behind + 2).min(40);
        Columns { lead: lead as u16, strip: strip as u16 }
    }
}

fn check_numbers(check: &Check) -> String {
    numbers("", check.effect, check.interval, &check.threshold).trim_start().to_owned()
}

/// A check: its word, its strip, its numbers; in two lines where one is too short.
fn line<'a>(rows: &mut Vec<Row<'a>>, check: &'a Check, (width, columns): (usize, &Columns), dense: bool, look: Look) {
    let ((lead, style), text) = (mark(check, look), check_numbers(check));
    let strip = check.effect.is_some_and(f64::is_finite).then_some((check, style));
    let fits = usize::from(columns.lead + columns.strip + 2) + text.width() <= width;
    if strip.is_some() && columns.strip >= strip::LEAST && fits && lead.width() < usize::from(columns.lead) {
        return rows.push(Row { lead, indent: columns.lead, strip, columns: columns.strip, text, style });
    }
    say(rows, &format!("{lead} {text}"), width, style);
    let columns = width.saturating_sub(4).min(40) as u16;
    if strip.is_some() && !dense && columns >= strip::LEAST {
        rows.push(Row { lead: String::new(), indent: 2, strip, columns, text: String::new(), style });
    }
}

/// What failed, in words, where something did.
fn why(rows: &mut Vec<Row>, verdict: &Verdict, width: usize, dense: bool, look: Look) {
    let failed: Vec<&Check> = verdict.checks.iter().chain(&verdict.controls).filter(|check| !check.passed).collect();
    if failed.is_empty() {
        return;
    }
    heading(rows, &format!("Why it is {}", words::outcome(verdict.outcome)), dense, look);
    for check in failed {
        let found = check.effect.map_or("could not be measured".into(), words::value);
        let text =
            format!("{}: {}. It was {found}; wanted {}.", check.id, check.says.trim_end_matches('.'), check.threshold);
        say(rows, &text, width, look.bad());
    }
}

fn groups(verdict: &Verdict) -> impl Iterator<Item = (&'static str, &[Check])> {
    let both = [("Checks", verdict.checks.as_slice()), ("Controls", verdict.controls.as_slice())];
    both.into_iter().filter(|(_, checks)| !checks.is_empty())
}

fn say(rows: &mut Vec<Row>, text: &str, width: usize, style: Style) {
    for (at, line) in wrap(text, width.saturating_sub(2).max(1)).into_iter().enumerate() {
        rows.push(Row::text(if at == 0 { 0 } else { 2 }, line, style));
    }
}

fn heading(rows: &mut Vec<Row>, text: &str, dense: bool, look: Look) {
    if !dense {
        rows.push(Row::text(0, String::new(), look.text()));
    }
    rows.push(Row::text(0, text.to_owned(), look.dim()));
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
            rows.push(Row::text(0, text, look.text()));
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
