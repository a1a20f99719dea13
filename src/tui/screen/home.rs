//! The home screen: systems by family, the selected one's presets and cost, the runs.

use unicode_width::UnicodeWidthStr;

use super::chrome::{state_style, titled};
use super::run::scrolled;
use crate::contract::{Entry, Status};
use crate::tui::paint::verdict_style;
use crate::tui::pen::{Pen, wrap};
use crate::view::{Home, List, PresetRow, RunRow, Size, words};

/// Paints everything but the footer.
pub(super) fn paint(pen: &mut Pen, home: &Home, cores: usize) {
    head(pen, home);
    let size = Size::of(pen.width(), pen.height());
    let mut body = pen.inset(0, 2, 0, 1);
    if size < Size::Small {
        return narrow(&mut body, home, cores);
    }
    let width = body.width();
    let left = match size {
        Size::Small => 32,
        Size::Medium => 52,
        _ => width * 2 / 5,
    };
    systems(&mut body.inset(0, 0, width - left + 1, 0), home);
    let mut right = body.inset(left, 0, 0, 0);
    let used = claim(&mut right, home);
    let mut right = right.inset(0, used, 0, 0);
    let used = presets(&mut right, home, cores);
    runs(&mut right.inset(0, used, 0, 0), home);
}

/// One column: the list in focus, and the cost of what would start.
fn narrow(pen: &mut Pen, home: &Home, cores: usize) {
    match home.list {
        List::Systems => systems(pen, home),
        List::Presets => _ = presets(pen, home, cores),
        List::Runs => runs(pen, home),
    }
}

fn head(pen: &mut Pen, home: &Home) {
    let look = pen.look;
    let (systems, runs, live) = home.counts();
    let x = pen.text(1, 0, "Ansatz", look.accent());
    let text = format!("{systems} system{}, {runs} run{}, {live} live", words::plural(systems), words::plural(runs));
    let x = pen.text(x + 2, 0, &text, look.text());
    if home.filtering || !home.filter.text.is_empty() {
        let (column, shown) = filter_place(pen.width(), home);
        pen.text(column, 0, &shown, if home.filtering { look.accent() } else { look.warning() });
    } else {
        let motto = "assumptions on the bench: what a learner brings before the data speak";
        if usize::from(pen.width().saturating_sub(x + 4)) > motto.width() {
            pen.text_before(pen.width() - 1, 0, motto, look.dim());
        }
    }
}

fn filter_place(width: u16, home: &Home) -> (u16, String) {
    let shown = format!("filter: {}", home.filter.text);
    let column = width.saturating_sub((shown.width() as u16 + 2).max(30)).max(1);
    (column, shown)
}

/// Where the cursor stands while a filter is typed.
pub(in crate::tui) fn filter_cursor(width: u16, home: &Home) -> (u16, u16) {
    let before: String = home.filter.text.chars().take(home.filter.cursor).collect();
    let (column, _) = filter_place(width, home);
    (column.saturating_add(8 + before.width() as u16).min(width.saturating_sub(1)), 0)
}

enum Row {
    Family(&'static str),
    System(usize, &'static Entry),
}

fn systems(pen: &mut Pen, home: &Home) {
    let shown = home.shown();
    let note = if home.filter.text.is_empty() { String::new() } else { format!("{} match", shown.len()) };
    let mut list = titled(pen, None, "Systems", &note, home.list == List::Systems);
    let look = list.look;
    let mut rows = Vec::new();
    let mut family = None;
    for (at, entry) in shown.iter().enumerate() {
        if family != Some(entry.card.family) {
            family = Some(entry.card.family);
            rows.push(Row::Family(entry.card.family.name()));
        }
        rows.push(Row::System(at, entry));
    }
    if rows.is_empty() {
        list.text(1, 0, "Nothing passes the filter.", look.dim());
    }
    let chosen = rows.iter().position(|row| matches!(row, Row::System(at, _) if *at == home.system)).unwrap_or(0);
    let height = usize::from(list.height());
    let slugs = shown.iter().map(|entry| entry.card.slug.len()).max().unwrap_or(0);
    for (y, row) in rows.iter().skip(scrolled(chosen, rows.len(), height)).take(height).enumerate() {
        let y = y as u16;
        match row {
            Row::Family(name) => _ = list.text(1, y, name, look.dim()),
            Row::System(at, entry) => {
                let selected = *at == home.system;
                let x = list.text(0, y, if selected { look.glyph("▸", ">") } else { " " }, look.accent());
                let x = list.text(x, y, &format!("{:>2}  ", entry.card.number), look.dim());
                let style = if selected { look.strong() } else { look.text() };
                let room = list.width().saturating_sub(x);
                list.text_within(x, y, entry.card.slug, room, style);
                let title = x + slugs as u16 + 2;
                if list.width() > title + 12 {
                    let room = list.width() - title;
                    list.text_within(title, y, entry.card.title, room, look.dim());
                }
                if selected && home.list == List::Systems {
                    let width = list.width();
                    list.restyle(0, y, width, look.selected());
                }
            }
        }
    }
}

/// The selected system in words; rows used.
fn claim(pen: &mut Pen, home: &Home) -> u16 {
    let Some(entry) = home.selected() else { return 0 };
    let card = entry.card;
    let look = pen.look;
    let pen_is_tall = pen.height() >= 36;
    let mut body = titled(pen, None, &format!("{} {}", card.number, card.title), "", false);
    let width = body.width();
    let mut y = 0;
    for line in wrap(card.sentence, usize::from(width.saturating_sub(1))).iter().take(5) {
        body.text(0, y, line, look.text());
        y += 1;
    }
    if pen_is_tall {
        for (at, claim) in card.claims.iter().enumerate() {
            for (row, line) in wrap(claim, usize::from(width.saturating_sub(4))).iter().enumerate() {
                let lead = if row == 0 { format!("{}. ", at + 1) } else { String::new() };
                body.text(0, y, &lead, look.dim());
                body.text(3, y, line, look.dim());
                y += 1;
            }
        }
    }
    let paper = format!("{}, {}, {}", card.paper.title, card.paper.authors, card.paper.year);
    body.text_within(0, y, &paper, width, look.dim());
    y + 3
}

/// The presets of the selected system, and what the selected one takes; rows used.
fn presets(pen: &mut Pen, home: &Home, cores: usize) -> u16 {
    let mut list = titled(pen, None, "Presets", "e edits, Enter starts", home.list == List::Presets);
    let look = list.look;
    let width = list.width();
    let names = home.presets().iter().map(|preset| preset.name.len()).max().unwrap_or(0) as u16;
    let mut y = 0;
    for (at, preset) in home.presets().iter().enumerate() {
        let selected = at == home.preset;
        list.text(0, y, if selected { look.glyph("▸", ">") } else { " " }, look.accent());
        list.text(2, y, preset.name, if selected { look.strong() } else { look.text() });
        let about = match &preset.offer {
            Ok(offer) => offer.about.as_str(),
            Err(error) => error.as_str(),
        };
        let style = if preset.offer.is_ok() { look.text() } else { look.bad() };
        let room = width.saturating_sub(names + 4);
        list.text_within(names + 4, y, about, room, style);
        if selected && home.list == List::Presets {
            list.restyle(0, y, width, look.selected());
        }
        y += 1;
    }
    if let Some(PresetRow { offer: Ok(offer), .. }) = home.presets().get(home.preset) {
        let [trials, time, memory, disk] = words::cost(&offer.cost, cores);
        let text = format!("{trials}, {time}, {memory}, {disk}; an estimate");
        for line in wrap(&text, usize::from(width.saturating_sub(2))) {
            list.text(2, y, &line, look.dim());
            y += 1;
        }
    }
    y + 2
}

fn runs(pen: &mut Pen, home: &Home) {
    let runs = home.runs();
    let mut list = titled(pen, None, "Runs", "newest first", home.list == List::Runs);
    let look = list.look;
    if runs.is_empty() {
        let text = match home.counts().1 {
            0 => "None yet. Enter on a preset starts one.",
            _ => "No run passes the filter.",
        };
        list.text(1, 0, text, look.dim());
    }
    let height = usize::from(list.height());
    let names = runs.iter().map(|run| run.name.width()).max().unwrap_or(0) as u16;
    let names = names.min(list.width() / 2);
    for (y, (at, run)) in runs.iter().enumerate().skip(scrolled(home.run, runs.len(), height)).take(height).enumerate()
    {
        run_row(&mut list, y as u16, run, names, at == home.run, home.list == List::Runs);
    }
}

fn run_row(pen: &mut Pen, y: u16, run: &RunRow, names: u16, selected: bool, focused: bool) {
    let look = pen.look;
    pen.text(0, y, if selected { look.glyph("▸", ">") } else { " " }, look.accent());
    let style = if selected { look.strong() } else { look.text() };
    pen.text_within(2, y, &run.name, names, style);
    let x = names + 4;
    pen.text(x, y, words::state(run.status), state_style(run.status, look));
    let x = x + 9;
    match run.outcome {
        Some(outcome) => _ = pen.text(x, y, words::outcome(outcome), verdict_style(outcome, look)),
        None if run.status != Status::Done => {
            pen.text(x, y, &words::percent(words::share(run.progress)), look.text());
        }
        None => {}
    }
    let preset = format!("{}/{}", run.system, run.preset);
    if pen.width() > x + 20 + preset.width() as u16 {
        pen.text_before(pen.width() - 1, y, &preset, look.dim());
    }
    if selected && focused {
        let width = pen.width();
        pen.restyle(0, y, width, look.selected());
    }
}
