//! How much fits: size classes of the terminal and the grid of panels. Geometry only.

/// What a terminal of some size can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// No cell at all.
    Nothing,
    /// Less than 40x10: one status line.
    Line,
    /// 40x10: numbers, no chart.
    Numbers,
    /// 60x15: one panel and numbers.
    One,
    /// 80x24: trials and a few panels.
    Small,
    /// 120x40: trials, events and a grid of panels.
    Medium,
    /// 160x48: everything.
    Large,
}

impl Size {
    /// The class of a terminal.
    pub fn of(width: u16, height: u16) -> Self {
        match (width, height) {
            (0, _) | (_, 0) => Size::Nothing,
            (160.., 48..) => Size::Large,
            (120.., 40..) => Size::Medium,
            (80.., 24..) => Size::Small,
            (60.., 15..) => Size::One,
            (40.., 10..) => Size::Numbers,
            _ => Size::Line,
        }
    }
}

/// A rectangle of cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// Left column.
    pub x: u16,
    /// Top row.
    pub y: u16,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// Where the parts of the run view lie. Header and footer are outside `body`'s parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    /// Name, state, progress: the top two rows.
    pub header: Area,
    /// The trials; empty when there is no room.
    pub trials: Area,
    /// The panels.
    pub panels: Area,
    /// Events and notes, newest last; at least one row from 60x15 on.
    pub events: Area,
    /// Keys: the last row.
    pub footer: Area,
    /// Columns of panels.
    pub columns: usize,
    /// Rows of panels.
    pub rows: usize,
}

/// Least width and height of a panel in a grid, border included.
const PANEL: (u16, u16) = (38, 9);
/// Most panels at once.
const MOST: usize = 9;

/// Lays out the run view for `panels` panels; with `zoomed`, one panel takes the whole body.
pub fn grid(width: u16, height: u16, panels: usize, zoomed: bool) -> Grid {
    let size = Size::of(width, height);
    if size < Size::Numbers {
        return Grid { header: Area { x: 0, y: 0, width, height: height.min(1) }, ..Grid::default() };
    }
    let header = Area { x: 0, y: 0, width, height: 2 };
    let footer = Area { x: 0, y: height - 1, width, height: 1 };
    let events_rows = match size {
        Size::Large => 7,
        Size::Medium => 6,
        Size::Small => 3,
        Size::One => 2,
        _ => 1,
    };
    let events = Area { x: 0, y: height - 1 - events_rows, width, height: events_rows };
    let body = Area { x: 0, y: 2, width, height: events.y - 2 };
    let trials_width = match size {
        Size::Large => 38,
        Size::Medium => 34,
        Size::Small => 26,
        Size::Numbers => width,
        _ => 0,
    };
    let trials_width = if zoomed && size > Size::Numbers { 0 } else { trials_width };
    let trials = Area { width: trials_width, ..body };
    let area = Area { x: trials_width, width: width - trials_width, ..body };
    let (columns, rows) = match size {
        Size::Numbers => (0, 0),
        Size::One => (1, 1),
        _ if zoomed => (1, 1),
        _ => shape(area, panels),
    };
    Grid { header, trials, panels: area, events, footer, columns, rows }
}

/// Columns and rows for some panels: no smaller than a panel can be, no more than there are panels,
/// near the shape of a chart.
fn shape(area: Area, panels: usize) -> (usize, usize) {
    let most_columns = usize::from(area.width / PANEL.0).clamp(1, 4);
    let most_rows = usize::from(area.height / PANEL.1).clamp(1, 4);
    let wanted = panels.clamp(1, MOST);
    let mut best = (1, 1);
    for columns in 1..=most_columns {
        let rows = wanted.div_ceil(columns).min(most_rows).min(MOST / columns).max(1);
        let shown = |(c, r): (usize, usize)| (c * r).min(wanted);
        // Charts twice as wide as high in cells look square; wider is better than higher.
        let strain = |(c, r): (usize, usize)| {
            let shape = f64::from(area.width) / c as f64 / (f64::from(area.height) / r as f64);
            (shape / 3.2).ln().abs()
        };
        let candidate = (columns, rows);
        let better =
            shown(candidate) > shown(best) || (shown(candidate) == shown(best) && strain(candidate) < strain(best));
        if better {
            best = candidate;
        }
    }
    best
}

impl Grid {
    /// Panels on one page.
    pub fn page(&self) -> usize {
        self.columns * self.rows
    }

    /// Where the panels of a page lie, row by row; the last row stretches over the whole width.
    pub fn cells(&self, shown: usize) -> Vec<Area> {
        let shown = shown.min(self.page());
        if shown == 0 {
            return Vec::new();
        }
        let rows = shown.div_ceil(self.columns);
        let mut cells = Vec::with_capacity(shown);
        for row in 0..rows {
            let (y, height) = part(self.panels.y, self.panels.height, row, rows);
            let across = self.columns.min(shown - row * self.columns);
            for column in 0..across {
                let (x, width) = part(self.panels.x, self.panels.width, column, across);
                cells.push(Area { x, y, width, height });
            }
        }
        cells
    }
}

/// The `at`-th of `of` nearly equal parts of a stretch: start and length.
fn part(start: u16, length: u16, at: usize, of: usize) -> (u16, u16) {
    let edge = |i: usize| (usize::from(length) * i / of) as u16;
    (start + edge(at), edge(at + 1) - edge(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_tile_the_body_at_every_size() {
        for (width, height) in [(60, 15), (80, 24), (120, 40), (160, 48), (200, 60), (300, 100), (61, 99)] {
            for panels in 1..12 {
                let grid = grid(width, height, panels, false);
                let cells = grid.cells(panels);
                let covered: u32 = cells.iter().map(|c| u32::from(c.width) * u32::from(c.height)).sum();
                let area = grid.panels;
                assert_eq!(covered, u32::from(area.width) * u32::from(area.height), "{width}x{height}, {panels}");
                assert!(cells.iter().all(|c| c.x + c.width <= width && c.y + c.height <= grid.events.y));
            }
        }
    }

    #[test]
    fn more_room_shows_more_panels() {
        let shown = [(60, 15), (80, 24), (120, 40), (200, 60)].map(|(w, h)| grid(w, h, 9, false).page());
        assert_eq!(shown, [1, 2, 6, 9]);
        assert_eq!(grid(40, 10, 9, false).page(), 0);
    }

    #[test]
    fn header_and_footer_never_drop() {
        for width in 40..90 {
            for height in 10..30 {
                let grid = grid(width, height, 5, false);
                assert!(grid.header.height == 2 && grid.footer.height == 1 && grid.events.height >= 1);
            }
        }
    }
}
