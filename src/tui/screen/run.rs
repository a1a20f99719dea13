//! The run view: header, trials, panels, events.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use super::chrome::{level, progress, state_style, titled};
use super::{header, part};
use crate::contract::{Body, Card, Panel, StudyState, TrialState};
use crate::tui::paint::{self, View};
use crate::tui::pen::{Pen, shorten_middle};
use crate::view::{Focus, Item, Shown, Size, Stand, Told, Walk, headline, items, journal, last_error, notes, words};

/// Paints everything but the footer.
pub(super) fn paint(pen: &mut Pen, state: &StudyState, stand: &Stand, card: Option<&Card>) {
    let stand = Stand { size: (pen.width(), pen.height()), ..stand.clone() };
    let items = items(state, &stand, card);
    let grid = stand.grid(&items);
    header::paint(&mut pen.within(part(grid.header)), state);
    if grid.trials.width > 0 {
        trials(&mut pen.within(part(grid.trials)), state, &stand, card);
    }
    let empty = if state.trials.is_empty() { "No trial yet." } else { "Waiting for the first numbers." };
    panels(pen, &items, &stand, empty);
    let mut events_pen = pen.within(part(grid.events));
    events(&mut events_pen, state, &stand, card);
}

fn trials(pen: &mut Pen, state: &StudyState, stand: &Stand, card: Option<&Card>) {
    let name = state.trials.iter().find_map(|trial| headline(trial, card)).map_or(String::new(), |(name, _)| name);
    let title = format!("Trials {}", state.trials.len());
    // One column between the list and the panels.
    let gap = u16::from(Size::of(stand.size.0, stand.size.1) > Size::Numbers);
    let mut pen = pen.inset(0, 0, gap, 0);
    let mut list = titled(&mut pen, None, &title, &name, stand.focus == Focus::Trials);
    let rows = usize::from(list.height());
    let first = stand.first_row(state.trials.len(), rows);
    for (y, (at, trial)) in state.trials.iter().enumerate().skip(first).take(rows).enumerate() {
        trial_row(&mut list, y as u16, trial, card, at == stand.trial);
    }
}

/// First of a list to show so that the chosen one is seen, in the middle when the list is long.
pub(super) fn scrolled(chosen: usize, all: usize, rows: usize) -> usize {
    chosen.saturating_sub(rows / 2).min(all.saturating_sub(rows))
}

fn trial_row(pen: &mut Pen, y: u16, trial: &TrialState, card: Option<&Card>, chosen: bool) {
    const STATE: u16 = 7;
    const VALUE: u16 = 7;
    let look = pen.look;
    let width = pen.width();
    let bar = if width >= 30 { 5 + (width - 30) / 4 } else { 0 };
    let fixed = STATE + VALUE + 3 + if bar > 0 { bar + 1 } else { 0 };
    let name_room = width.saturating_sub(fixed);
    let style = if chosen { look.strong() } else { look.text() };
    let mark = if chosen { look.glyph("▸", ">") } else { " " };
    pen.text(0, y, mark, look.accent());
    pen.text(1, y, &shorten_middle(&trial.result.spec.name, usize::from(name_room), look), style);
    let x = 1 + name_room + 1;
    let state = state_style(trial.status, look);
    pen.text_within(x, y, trial.status.name(), STATE, state);
    if bar > 0 {
        progress(pen, (x + STATE + 1, y), bar, words::share(trial.progress), state);
    }
    if let Some((_, value)) = headline(trial, card) {
        pen.text_before(width, y, &words::value(value), style);
    }
}

/// Paints a page of panels; `empty` is said where there is none.
pub(super) fn panels(pen: &mut Pen, items: &[Item], stand: &Stand, empty: &str) {
    let grid = stand.grid(items);
    if grid.page() == 0 {
        return;
    }
    if items.is_empty() {
        let mut area = pen.within(part(grid.panels));
        let mut body = titled(&mut area, None, "Panels", "", stand.focus == Focus::Panels);
        let dim = body.look.dim();
        body.text(1, 1, empty, dim);
        return;
    }
    let (first, shown) = stand.page(items);
    let place = stand.place(items);
    for (at, cell) in (first..first + shown).zip(grid.cells(shown)) {
        // One column between neighbours.
        let right_edge = cell.x + cell.width == grid.panels.x + grid.panels.width;
        let mut area = pen.within(part(cell));
        let mut area = area.inset(0, 0, u16::from(!right_edge), 0);
        let focused = stand.focus == Focus::Panels && at == place;
        let pages = if at + 1 == first + shown && items.len() > shown {
            format!("{}-{} of {}", first + 1, first + shown, items.len())
        } else {
            String::new()
        };
        panel(&mut area, &items[at], at + 1, stand, focused, &pages);
    }
}

fn panel(pen: &mut Pen, item: &Item, number: usize, stand: &Stand, focused: bool, pages: &str) {
    let mut body = titled(pen, Some(number), &item.title(), pages, focused);
    let scroll = if focused && (stand.zoomed || stand.scroll > 0) { stand.scroll } else { 0 };
    let Walk { token, picture, .. } = stand.walk;
    let view = View { glance: stand.charts.glance(item), scroll, token, picture };
    match &item.shown {
        Shown::Verdict(verdict, card) => paint::verdict(&mut body, verdict, *card, scroll),
        Shown::Panel(panel) => paint::panel(&mut body, &sorted(panel, item, stand), view),
        Shown::Made(panel) => paint::panel(&mut body, &sorted(panel, item, stand), view),
    }
}

/// The panel, its table in the order that a person chose.
fn sorted<'a>(panel: &'a Panel, item: &Item, stand: &Stand) -> Cow<'a, Panel> {
    match (panel.body.table(), stand.sorted.get(&item.key)) {
        (Some(table), Some((column, rises))) => {
            Cow::Owned(Panel { body: Body::Table(table.sorted(*column, *rises)), ..panel.clone() })
        }
        _ => Cow::Borrowed(panel),
    }
}

fn events(pen: &mut Pen, state: &StudyState, stand: &Stand, card: Option<&Card>) {
    let size = Size::of(stand.size.0, stand.size.1);
    let error = last_error(state);
    if size <= Size::One {
        let mut row = 0;
        if size == Size::One {
            numbers(pen, state, stand, card);
            row = 1;
        }
        let last = error.or_else(|| journal(state).pop()).or_else(|| notes(state, stand.trial).pop());
        if let Some(told) = last {
            line(pen, row, &told);
        }
        return;
    }
    let focused = stand.focus == Focus::Events;
    let scroll = if focused { stand.scroll } else { 0 };
    let half = pen.width() / 2;
    let mut around = journal(state);
    if size == Size::Small {
        let mut all = notes(state, stand.trial);
        all.append(&mut around);
        return list(pen, "Events", all, error, scroll, focused);
    }
    let notes = notes(state, stand.trial);
    if notes.is_empty() {
        return list(pen, "Events", around, error, scroll, focused);
    }
    let rest = pen.width() - half;
    list(&mut pen.inset(0, 0, rest + 1, 0), "Events", around, error, scroll, focused);
    list(&mut pen.inset(half, 0, 0, 0), "Notes of the trials", notes, None, scroll, focused);
}

/// The newest lines of a list, the last error always among them.
fn list(pen: &mut Pen, title: &str, mut told: Vec<Told>, error: Option<Told>, scroll: usize, focused: bool) {
    let note = format!("{}", told.len());
    let mut body = titled(pen, None, title, if told.is_empty() { "" } else { &note }, focused);
    let rows = usize::from(body.height());
    told.truncate(told.len().saturating_sub(scroll).max(rows.min(told.len())));
    let mut shown = told.split_off(told.len().saturating_sub(rows));
    if let Some(error) = error
        && !shown.contains(&error)
        && rows > 0
    {
        if shown.len() == rows {
            shown.remove(0);
        }
        shown.insert(0, error);
    }
    for (y, told) in shown.iter().enumerate() {
        line(&mut body, y as u16, told);
    }
}

fn line(pen: &mut Pen, y: u16, told: &Told) {
    let look = pen.look;
    let (mark, style) = level(told.level, look);
    let x = pen.text(0, y, mark, style);
    let x = pen.text(x, y, &told.when, look.dim());
    let room = pen.width().saturating_sub(x + 1);
    pen.text_within(x + 1, y, &told.text, room, style);
}

/// The selected trial in numbers: where there is room for one panel only.
fn numbers(pen: &mut Pen, state: &StudyState, stand: &Stand, card: Option<&Card>) {
    let Some(trial) = state.trials.get(stand.trial) else { return };
    let look = pen.look;
    let x = pen.text_within(1, 0, &trial.result.spec.name, 20, look.strong());
    let x = pen.text(x + 1, 0, trial.status.name(), state_style(trial.status, look));
    let mut x = pen.text(x + 1, 0, &words::percent(words::share(trial.progress)), look.text());
    let first = headline(trial, card);
    let others = trial.result.metrics.iter().filter(|(name, _)| first.as_ref().is_none_or(|(n, _)| n != *name));
    let others = others.filter_map(|(name, series)| Some((name.clone(), series.last()?.1)));
    for (name, value) in first.iter().cloned().chain(others) {
        let text = format!("{name} {}", words::value(value));
        if usize::from(pen.width().saturating_sub(x + 2)) < text.width() {
            break;
        }
        x = pen.text(x + 2, 0, &text, look.text());
    }
}
