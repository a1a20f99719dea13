//! The mouse, for those who turn it on: a click focuses, the wheel moves what it is over.

use super::sequence::{sequence_area, token_at};
use super::{App, Area, Effect, Focus, Home, Item, Key, Stand, lines_of, sequences};

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointed {
    /// The left button was pressed.
    Click,
    /// The wheel was turned away from the person.
    WheelUp,
    /// The wheel was turned towards the person.
    WheelDown,
}

impl Area {
    pub(super) fn holds(&self, (x, y): (u16, u16)) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }
}

impl App {
    /// Does what the mouse means at a column and row.
    pub fn pointed(&mut self, pointed: Pointed, at: (u16, u16)) -> Effect {
        let wheel = match pointed {
            Pointed::WheelUp => Some(Key::Up),
            Pointed::WheelDown => Some(Key::Down),
            Pointed::Click => None,
        };
        if self.overlay.is_some() {
            return wheel.map_or(Effect::None, |key| self.key(key));
        }
        if let Some(comparison) = &mut self.comparison {
            let (items, rows) = (comparison.items(), comparison.sides.len());
            among_panels(&mut comparison.stand, &items, (rows, 2), pointed, at);
        } else if self.run.as_ref().is_some_and(|run| run.stand.walk.open) {
            return self.on_the_page(pointed, at);
        } else if let Some(run) = &mut self.run {
            let rows = run.feed.state().trials.len();
            let items = super::items(run.feed.state(), &run.stand, run.card);
            among_panels(&mut run.stand, &items, (rows, 1), pointed, at);
        } else if self.home.as_ref().is_some_and(|home: &Home| !home.filtering) {
            return wheel.map_or(Effect::None, |key| self.key(key));
        }
        Effect::None
    }
}

impl App {
    /// On the page of a sequence a click picks the token, the wheel steps.
    fn on_the_page(&mut self, pointed: Pointed, (x, y): (u16, u16)) -> Effect {
        match pointed {
            Pointed::WheelUp => return self.key(Key::Left),
            Pointed::WheelDown => return self.key(Key::Right),
            Pointed::Click => {}
        }
        let Some(run) = &mut self.run else { return Effect::None };
        let page = sequence_area(self.size.0, self.size.1);
        let all = run.feed.state().trials.get(run.stand.trial).map_or_else(Vec::new, sequences);
        let read = all.get(run.stand.walk.place(&all));
        let (Some((_, sequence)), true) = (read, page.holds((x, y))) else { return Effect::None };
        let picked = token_at(sequence, (page.width, page.height), run.stand.walk.token(sequence), (x, y - page.y));
        run.stand.walk.token = picked.unwrap_or(run.stand.walk.token);
        Effect::None
    }
}

/// `rows` lines of the list beside the panels, each so many rows of the screen high.
fn among_panels(stand: &mut Stand, items: &[Item], rows: (usize, u16), pointed: Pointed, at: (u16, u16)) {
    let grid = stand.grid(items);
    if grid.trials.holds(at) {
        return in_list(stand, grid.trials, rows, pointed, at.1);
    }
    let (first, shown) = stand.page(items);
    let Some(place) = grid.cells(shown).iter().position(|cell| cell.holds(at)) else { return };
    let Some(item) = items.get(first + place) else { return };
    stand.focus_panel(items, first + place);
    match (pointed, lines_of(item).is_some()) {
        (Pointed::Click, _) => {}
        (Pointed::WheelUp, true) => stand.charts.zoom(item, true),
        (Pointed::WheelDown, true) => stand.charts.zoom(item, false),
        (Pointed::WheelUp, false) => stand.scroll = stand.scroll.saturating_sub(1),
        (Pointed::WheelDown, false) => stand.scroll += 1,
    }
}

fn in_list(stand: &mut Stand, list: Area, (rows, high): (usize, u16), pointed: Pointed, y: u16) {
    stand.focus = Focus::Trials;
    match pointed {
        Pointed::WheelUp => stand.select(rows, -1),
        Pointed::WheelDown => stand.select(rows, 1),
        Pointed::Click => {
            // One row of title; the list scrolls so that the selected line is seen.
            let room = usize::from(list.height.saturating_sub(1) / high);
            let first = stand.first_row(rows, room);
            let line = first + usize::from(y.saturating_sub(list.y + 1) / high);
            if y > list.y && line < rows {
                stand.trial = line;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{self, TABLE};
    use super::*;

    #[test]
    fn clicks_focus_and_the_wheel_moves_what_it_is_over() {
        let mut app = App::home(TABLE, Box::new(made_up::bench()), 2);
        app.resize(120, 40);
        assert_eq!(app.key(Key::Char('M')), Effect::Mouse(true));
        app.key(Key::Enter);
        app.pointed(Pointed::Click, (3, 5));
        let stand = |app: &App| app.run.as_ref().unwrap().stand.clone();
        assert_eq!((stand(&app).focus, stand(&app).trial), (Focus::Trials, 2));
        app.pointed(Pointed::WheelUp, (3, 5));
        assert_eq!(stand(&app).trial, 1);
        app.pointed(Pointed::Click, (100, 4));
        assert_eq!((stand(&app).focus, stand(&app).panel.as_str()), (Focus::Panels, "study/regimes"));
        app.pointed(Pointed::WheelUp, (40, 4));
        assert_eq!(stand(&app).panel, "study/in-context");
        assert_eq!(stand(&app).charts.windows.len(), 1, "the wheel zooms a chart");
        app.key(Key::Char('?'));
        app.pointed(Pointed::WheelDown, (5, 5));
        assert!(matches!(app.overlay, Some(super::super::Overlay::Help(_, 1))));
        for at in [(0, 0), (500, 500), (60, 39)] {
            app.key(Key::Esc);
            app.pointed(Pointed::Click, at);
        }
        assert_eq!(app.key(Key::Char('M')), Effect::Mouse(false));
    }
}
