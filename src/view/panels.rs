//! What keys do to panels and charts, in a run and in a comparison alike.

use super::{Action, Charts, Focus, Item, Key, Stand, lines_of};
use crate::contract::Panel;

/// Lines that a page key moves in lists and texts.
pub(super) const PAGE: isize = 10;
/// Further than any list is long.
pub(super) const END: isize = 1 << 40;

/// What there is to move among.
pub(super) struct Room<'a> {
    /// The panels.
    pub(super) items: &'a [Item<'a>],
    /// Lines of the list beside them: trials, or runs.
    pub(super) rows: usize,
    /// How many metrics the chart over all trials can show.
    pub(super) metrics: usize,
    /// Steps at which the selected trial wrote notes.
    pub(super) events: &'a [f64],
}

/// Why an action on the focused panel does nothing now.
pub(super) fn obstacle(stand: &Stand, items: &[Item], action: Action) -> Option<&'static str> {
    let item = items.get(stand.place(items));
    let is_chart = item.is_some_and(|item| lines_of(item).is_some());
    let is_table = item.and_then(Item::panel).is_some_and(|panel| panel.body.table().is_some());
    match action {
        Action::Cursor if stand.charts.cursor.is_some() => None,
        action if of_chart(action) && !is_chart => Some("The focused panel is no chart of lines."),
        Action::Sort | Action::SortBack if !is_table => Some("The focused panel is no table."),
        Action::Explain | Action::Zoom | Action::Panel if items.is_empty() => Some("There is no panel yet."),
        Action::PageOn if stand.focus == Focus::Panels && stand.grid(items).page() >= items.len() => {
            Some("All panels are on the screen.")
        }
        _ => None,
    }
}

/// Whether an action is on the focused chart of lines.
const fn of_chart(action: Action) -> bool {
    matches!(
        action,
        Action::Scale
            | Action::Cursor
            | Action::CursorBack
            | Action::CursorOn
            | Action::CursorFarBack
            | Action::CursorFarOn
            | Action::EventOn
            | Action::EventBack
            | Action::Anchor
            | Action::Smooth
            | Action::Seeds
            | Action::ZoomIn
            | Action::ZoomOut
            | Action::PanBack
            | Action::PanOn
            | Action::WholeChart
    )
}

/// Does an action among panels; what there is to say about it.
pub(super) fn act(stand: &mut Stand, room: &Room, action: Action, key: Key) -> Option<String> {
    let Room { items, rows, metrics, events } = *room;
    let page = stand.grid(items).page().max(1) as isize;
    let in_grid = stand.focus == Focus::Panels && !stand.zoomed;
    match action {
        Action::Up => stand.vertical(items, rows, -1),
        Action::Down => stand.vertical(items, rows, 1),
        Action::PageBack if in_grid => stand.across(items, -page),
        Action::PageOn if in_grid => stand.across(items, page),
        Action::First if in_grid => stand.across(items, -END),
        Action::Last if in_grid => stand.across(items, END),
        Action::PageBack => stand.vertical(items, rows, -PAGE),
        Action::PageOn => stand.vertical(items, rows, PAGE),
        Action::First => stand.vertical(items, rows, -END),
        Action::Last => stand.vertical(items, rows, END),
        Action::Left => stand.across(items, -1),
        Action::Right => stand.across(items, 1),
        Action::Next => stand.turn(items, 1),
        Action::Previous => stand.turn(items, -1),
        Action::Zoom => {
            stand.focus = Focus::Panels;
            (stand.zoomed, stand.scroll) = (!stand.zoomed, 0);
        }
        Action::Panel => {
            if let Key::Char(digit) = key {
                stand.focus_panel(items, digit.to_digit(10).map_or(0, |digit| digit as usize - 1));
            }
        }
        Action::Metric => stand.turn_metric(metrics, 1),
        Action::MetricBefore => stand.turn_metric(metrics, -1),
        Action::Smooth => return Some(stand.charts.smooth()),
        Action::Seeds => return Some(stand.charts.seeds().to_owned()),
        Action::Sort | Action::SortBack => {
            let item = items.get(stand.place(items))?;
            return stand.sort(item, action == Action::Sort);
        }
        _ => {
            let item = items.get(stand.place(items))?;
            return in_chart(&mut stand.charts, item, events, action);
        }
    }
    None
}

/// What is done to the focused chart.
fn in_chart(charts: &mut Charts, item: &Item, events: &[f64], action: Action) -> Option<String> {
    match action {
        Action::Scale => return Some(charts.switch(item).unwrap_or_else(|why| why)),
        Action::ZoomIn => charts.zoom(item, true),
        Action::ZoomOut => charts.zoom(item, false),
        Action::PanBack => charts.pan(item, false),
        Action::PanOn => charts.pan(item, true),
        Action::WholeChart => charts.reset(item),
        Action::Cursor if charts.cursor.take().is_none() => charts.place_cursor(item),
        Action::CursorBack => charts.move_cursor(item, false, false),
        Action::CursorOn => charts.move_cursor(item, true, false),
        Action::CursorFarBack => charts.move_cursor(item, false, true),
        Action::CursorFarOn => charts.move_cursor(item, true, true),
        Action::EventOn => return charts.to_event(item, events, true).err().map(str::to_owned),
        Action::EventBack => return charts.to_event(item, events, false).err().map(str::to_owned),
        Action::Anchor => return Some(charts.drop_anchor().to_owned()),
        _ => {}
    }
    None
}

/// What a panel means, for a page of text.
pub(super) fn explanation(item: &Item) -> String {
    match item.panel() {
        Some(panel) => meaning(panel),
        None => "What the study says about the paper's claim. Every check was fixed, with its threshold, before the \
                 run; the controls must not show the effect. Reproduced: every check held and every control behaved. \
                 Partly: the core held, something else did not. Not reproduced: the core did not hold. Undecided: a \
                 gate failed, for example too few seeds or a base too weak to tell."
            .into(),
    }
}

/// What a panel says of itself.
pub(super) fn meaning(panel: &Panel) -> String {
    if panel.note.is_empty() { panel.says.clone() } else { format!("{}\n\n{}", panel.says, panel.note) }
}
