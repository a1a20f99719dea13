//! The settings of a preset: a list, and a pane with what there is to know about the selected one.

use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::chrome::titled;
use super::run::scrolled;
use crate::contract::{Parts, Setting};
use crate::tui::look::Look;
use crate::tui::pen::{Pen, wrap};
use crate::view::{SettingRow, Settings, words};

/// From so many columns on the pane stands beside the list.
const BESIDE: u16 = 110;
/// Columns of a pane beside the list at most: longer lines are hard to read.
const WIDEST: u16 = 76;

/// A line of the pane.
type Line = (String, Style);

/// Where things stand, from the corner of the screen.
struct Plan {
    list: Rect,
    pane: Rect,
    /// Columns of names with what is in front of them.
    names: u16,
    /// The first row of the list.
    first: usize,
}

impl Plan {
    fn of((width, height): (u16, u16), settings: &Settings) -> Self {
        // Title and cost above, keys below.
        let rows = height.saturating_sub(3);
        let whole = Rect { x: 0, y: 2, width, height: rows };
        let (list, pane) = if width >= BESIDE {
            let pane = (width * 2 / 5).min(WIDEST);
            let list = Rect { width: width - pane - 3, y: 3, height: rows.saturating_sub(1), ..whole };
            (list, Rect { x: width - pane - 1, width: pane, ..list })
        } else {
            let pane = (rows / 3).clamp(2, 9).min(rows);
            let list = Rect { height: rows - pane, ..whole };
            (list, Rect { x: 1, y: list.bottom(), width: width.saturating_sub(2), height: pane })
        };
        let names = settings.rows.iter().map(|row| front(row) + name(row).width()).max().unwrap_or(0) as u16;
        let first = scrolled(settings.selected, settings.rows.len(), usize::from(list.height));
        Plan { list, pane, names: names.min(list.width * 3 / 5), first }
    }
}

/// Columns in front of a name.
fn front(row: &SettingRow) -> usize {
    2 + 2 * row.setting.depth()
}

/// A name with its mark.
fn name(row: &SettingRow) -> String {
    format!("{}{}", row.setting.name(), if row.live { " *" } else { "" })
}

/// The settings of a preset, one being typed perhaps.
pub(super) fn paint(pen: &mut Pen, settings: &Settings, cores: usize) {
    let (look, size) = (pen.look, (pen.width(), pen.height()));
    let plan = Plan::of(size, settings);
    let title = format!("Settings of {}", settings.preset);
    let mut body = titled(pen, None, &title, &format!("{} changed", settings.set.len()), true);
    let [trials, time, memory, disk] = words::cost(&settings.cost, cores);
    let cost = format!("{trials}, {time}, {memory}, {disk}; an estimate");
    body.text_within(1, 0, &cost, size.0.saturating_sub(2), look.dim());
    let mut list = pen.within(plan.list);
    for (y, at) in (plan.first..settings.rows.len()).take(usize::from(plan.list.height)).enumerate() {
        let selected = at == settings.selected;
        let typed = settings.typing.as_ref().filter(|_| selected).map(|field| field.text.as_str());
        row(&mut list, y as u16, &settings.rows[at], plan.names, selected, typed);
    }
    pane(pen, &plan, settings);
}

fn row(pen: &mut Pen, y: u16, row: &SettingRow, names: u16, selected: bool, typed: Option<&str>) {
    let look = pen.look;
    let (front, group) = (front(row) as u16, row.setting.parts == Parts::Only);
    pen.text(0, y, if selected { look.glyph("▸", ">") } else { " " }, look.accent());
    let style = if selected || group { look.strong() } else { look.text() };
    pen.text_within(front, y, &name(row), names.saturating_sub(front).max(1), style);
    let room = pen.width().saturating_sub(names + 2);
    match typed {
        Some(text) => _ = pen.text(names + 2, y, text, look.accent()),
        None if row.changed && !group => {
            let text = format!("{}  (changed)", row.setting.brief());
            pen.text_within(names + 2, y, &text, room, look.warning());
        }
        None => _ = pen.text_within(names + 2, y, &row.setting.brief(), room, look.text()),
    }
    if selected && typed.is_none() {
        let width = pen.width();
        pen.restyle(0, y, width, look.selected());
    }
}

fn pane(pen: &mut Pen, plan: &Plan, settings: &Settings) {
    let look = pen.look;
    let Some(row) = settings.row() else { return };
    let mut area = pen.within(plan.pane);
    let mut rows = area.height();
    let mut top = 0;
    if rows > 3 {
        area.rule(0, look.rule());
        area.text_within(1, 0, &format!(" {} ", row.setting.path), plan.pane.width.saturating_sub(2), look.strong());
        (top, rows) = (1, rows - 1);
    }
    let lines = lines(settings, row, usize::from(plan.pane.width), usize::from(rows), look);
    for (y, (text, style)) in lines.iter().take(usize::from(rows)).enumerate() {
        area.text(0, top + y as u16, text, *style);
    }
}

/// What there is to know, the most needed first: what is wrong, what it is, what it takes, what it was.
fn lines(settings: &Settings, row: &SettingRow, columns: usize, rows: usize, look: Look) -> Vec<Line> {
    let styled = |text: &str, style: Style| wrap(text, columns).into_iter().map(move |line| (line, style));
    let wrong: Vec<Line> = settings.error.iter().flat_map(|error| styled(error, look.bad())).collect();
    let mut facts = Vec::new();
    let takes = row.setting.takes();
    if !takes.is_empty() {
        facts.extend(styled(&format!("Takes {takes}"), look.text()));
    }
    if row.changed {
        let shipped = row.shipped.as_ref().map_or("Not in the shipped preset".into(), |old| format!("Shipped: {old}"));
        facts.extend(styled(&shipped, look.warning()));
    }
    if row.live {
        facts.extend(styled("* Can be turned while a run runs: K there", look.dim()));
    }
    let mut about: Vec<Line> = styled(&row.setting.about, look.text()).filter(|(line, _)| !line.is_empty()).collect();
    // Where room is short, what it takes is said rather than all of what it is.
    about.truncate(rows.saturating_sub(wrong.len() + facts.len()).max(1));
    let more = choices(&row.setting, columns, look).into_iter().chain(around(settings, row, columns, look));
    wrong.into_iter().chain(about).chain(facts).chain(more).collect()
}

/// The names to choose from and what they mean.
fn choices(setting: &Setting, columns: usize, look: Look) -> Vec<Line> {
    let mut lines = Vec::new();
    for choice in setting.choices.iter().filter(|choice| !choice.about.is_empty()) {
        let chosen = setting.chosen() == Some(choice);
        let mark = if chosen { look.glyph("▸", ">") } else { " " };
        let style = if chosen { look.text() } else { look.dim() };
        let told = wrap(&format!("{}: {}", choice.name, choice.about), columns.saturating_sub(2));
        let lined = told.into_iter().enumerate();
        lines.extend(lined.map(|(at, line)| (format!("{} {line}", if at == 0 { mark } else { " " }), style)));
    }
    lines
}

/// What the structs are that a setting is in, and what they take as a whole.
fn around(settings: &Settings, row: &SettingRow, columns: usize, look: Look) -> Vec<Line> {
    let said = settings.around(row).filter(|group| group.depth() > 0).map(|group| {
        let takes = group.takes();
        let gap = if takes.is_empty() { "" } else { " Takes " };
        format!("{}: {}{gap}{takes}", group.name(), group.about)
    });
    said.flat_map(|text| wrap(&text, columns)).map(|line| (line, look.dim())).collect()
}

/// Where the cursor stands while a value is typed.
pub(in crate::tui) fn value_cursor((width, height): (u16, u16), settings: &Settings) -> (u16, u16) {
    let plan = Plan::of((width, height), settings);
    let row = settings.selected.saturating_sub(plan.first) as u16;
    let before: String = settings.typing.iter().flat_map(|field| field.text.chars().take(field.cursor)).collect();
    let column = plan.names.saturating_add(2 + before.width() as u16);
    (column.min(width.saturating_sub(1)), (plan.list.y + row).min(height.saturating_sub(1)))
}
