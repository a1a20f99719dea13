//! A canvas of dots smaller than cells: braille (2x4), half blocks (1x2) or ASCII (1x3).

use ratatui::style::Style;

use super::look::Glyphs;
use super::pen::Pen;
use crate::contract::Dash;

/// Dots of an area, each cell with the ink that was laid on last.
pub(super) struct Canvas {
    columns: usize,
    rows: usize,
    across: usize,
    down: usize,
    glyphs: Glyphs,
    dots: Vec<u8>,
    inks: Vec<u16>,
}

/// Lines leave the canvas no further than this many dots, so that no loop grows with the data.
const FAR: f64 = 20_000.0;

/// What one dot column of a line holds: where it is entered and left, its lowest and highest.
#[derive(Clone, Copy)]
struct Column {
    x: i32,
    first: i32,
    last: i32,
    low: i32,
    high: i32,
}

impl Canvas {
    /// A blank canvas of some cells.
    pub(super) fn new(columns: u16, rows: u16, glyphs: Glyphs) -> Self {
        let (across, down) = match glyphs {
            Glyphs::Braille => (2, 4),
            Glyphs::Blocks => (1, 2),
            Glyphs::Ascii => (1, 3),
        };
        let (columns, rows) = (usize::from(columns), usize::from(rows));
        Canvas { columns, rows, across, down, glyphs, dots: vec![0; columns * rows], inks: vec![0; columns * rows] }
    }

    /// Dots across and down.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.columns * self.across, self.rows * self.down)
    }

    /// The cell of a place in 0..1 x 0..1, `y` upwards.
    pub(super) fn cell_of(&self, x: f64, y: f64) -> Option<(u16, u16)> {
        let inside = |v: f64| (-1e-9..=1.0 + 1e-9).contains(&v);
        if !inside(x) || !inside(y) || self.dots.is_empty() {
            return None;
        }
        let (dot_x, dot_y) = self.dot_of(x, y);
        let column = (dot_x.max(0) as usize / self.across).min(self.columns - 1);
        let row = (dot_y.max(0) as usize / self.down).min(self.rows - 1);
        Some((column as u16, row as u16))
    }

    fn dot_of(&self, x: f64, y: f64) -> (i32, i32) {
        let (across, down) = self.size();
        let place = |at: f64, of: usize| (at * (of.max(1) - 1) as f64).clamp(-FAR, FAR).round() as i32;
        (place(x, across), place(1.0 - y, down))
    }

    fn dot(&mut self, x: i32, y: i32, ink: u16) {
        let (across, down) = self.size();
        if x < 0 || y < 0 || x as usize >= across || y as usize >= down {
            return;
        }
        let (x, y) = (x as usize, y as usize);
        let cell = y / self.down * self.columns + x / self.across;
        let bit = match self.glyphs {
            Glyphs::Braille => [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]][y % 4][x % 2],
            _ => 1 << (y % self.down),
        };
        self.dots[cell] |= bit;
        self.inks[cell] = ink;
    }

    /// A line through places in 0..1 x 0..1; `None` breaks it. Every dot column keeps its extremes,
    /// so that no spike is lost however many points fall on it.
    pub(super) fn line(&mut self, points: impl IntoIterator<Item = Option<(f64, f64)>>, dash: Dash, ink: u16) {
        let mut before: Option<Column> = None;
        let mut current: Option<Column> = None;
        for point in points {
            let Some((x, y)) = point else {
                self.flush(before, current, dash, ink);
                (before, current) = (None, None);
                continue;
            };
            let (x, y) = self.dot_of(x, y);
            match &mut current {
                Some(column) if column.x == x => {
                    column.last = y;
                    column.low = column.low.min(y);
                    column.high = column.high.max(y);
                }
                _ => {
                    self.flush(before, current, dash, ink);
                    before = current;
                    current = Some(Column { x, first: y, last: y, low: y, high: y });
                }
            }
        }
        self.flush(before, current, dash, ink);
    }

    /// Draws a column and what joins it to the one before.
    fn flush(&mut self, before: Option<Column>, current: Option<Column>, dash: Dash, ink: u16) {
        let Some(current) = current else { return };
        self.upright(current.x, current.low, current.high, dash, ink);
        let Some(before) = before else { return };
        let (across, _) = self.size();
        let run = f64::from(current.x - before.x);
        let height = |x: i32| {
            let share = f64::from(x - before.x) / run;
            f64::from(before.last) + f64::from(current.first - before.last) * share
        };
        let from = before.x.max(-1);
        let to = current.x.min(across as i32);
        for x in from..to {
            let (here, next) = (height(x).round() as i32, height(x + 1).round() as i32);
            // A steep step is climbed half in this column, half in the next.
            let middle = here + (next - here) / 2;
            let beyond = middle + (next - here).signum();
            if (next - here).abs() > 1 {
                self.upright(x, here.min(middle), here.max(middle), dash, ink);
                self.upright(x + 1, next.min(beyond), next.max(beyond), dash, ink);
            } else {
                self.upright(x, here, here, dash, ink);
                self.upright(x + 1, next, next, dash, ink);
            }
        }
    }

    /// Dots of one column, where the dash lets them be.
    fn upright(&mut self, x: i32, low: i32, high: i32, dash: Dash, ink: u16) {
        let fine = self.across == 2;
        let inked = match dash {
            Dash::Solid => true,
            Dash::Dashed if fine => x.rem_euclid(7) < 4,
            Dash::Dashed => x.rem_euclid(3) < 2,
            Dash::Dotted if fine => x.rem_euclid(4) < 1,
            Dash::Dotted => x.rem_euclid(3) < 1,
        };
        if inked {
            let (_, down) = self.size();
            for y in low.max(0)..=high.min(down as i32 - 1) {
                self.dot(x, y, ink);
            }
        }
    }

    /// Puts the dots on the pen's area; `style` says how an ink looks.
    pub(super) fn paint(&self, pen: &mut Pen, style: impl Fn(u16) -> Style) {
        for row in 0..self.rows {
            for column in 0..self.columns {
                let dots = self.dots[row * self.columns + column];
                if dots != 0 {
                    let ink = style(self.inks[row * self.columns + column]);
                    pen.cell(column as u16, row as u16, self.symbol(dots), ink);
                }
            }
        }
    }

    fn symbol(&self, dots: u8) -> char {
        match self.glyphs {
            Glyphs::Braille => char::from_u32(0x2800 + u32::from(dots)).unwrap_or('*'),
            Glyphs::Blocks => [' ', '▀', '▄', '█'][usize::from(dots & 3)],
            Glyphs::Ascii => [' ', '\'', '-', '/', '.', ':', '/', '|'][usize::from(dots & 7)],
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;

    use super::*;
    use crate::tui::look::Look;

    fn drawn(columns: u16, rows: u16, glyphs: Glyphs, points: &[Option<(f64, f64)>], dash: Dash) -> Vec<String> {
        let mut canvas = Canvas::new(columns, rows, glyphs);
        canvas.line(points.iter().copied(), dash, 0);
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        let area = buffer.area;
        canvas.paint(&mut Pen::new(&mut buffer, area, Look::PLAIN), |_| Style::new());
        let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol().to_owned()).collect::<String>();
        (0..rows).map(row).collect()
    }

    #[test]
    fn a_diagonal_in_every_glyph_set() {
        let diagonal = [Some((0.0, 0.0)), Some((1.0, 1.0))];
        assert_eq!(drawn(4, 2, Glyphs::Braille, &diagonal, Dash::Solid), ["  ⡠⠊", "⡠⠊  "].map(str::to_owned));
        assert_eq!(drawn(2, 1, Glyphs::Blocks, &diagonal, Dash::Solid), ["▄▀"]);
        assert_eq!(drawn(3, 1, Glyphs::Ascii, &diagonal, Dash::Solid), [".-'"]);
    }

    #[test]
    fn a_spike_survives_a_million_points_and_a_gap_stays_a_gap() {
        let points: Vec<_> = (0..1_000_000)
            .map(|i| {
                let x = f64::from(i) / 999_999.0;
                (!(0.3..0.7).contains(&x)).then_some((x, if i == 123_456 { 1.0 } else { 0.0 }))
            })
            .collect();
        let rows = drawn(10, 3, Glyphs::Blocks, &points, Dash::Solid);
        assert_eq!(rows.iter().map(|row| row.chars().nth(1)).collect::<Vec<_>>(), [Some('█'); 3]);
        assert!(rows[2].starts_with("▄█▄") && rows[2].contains(' '), "{rows:?}");
    }

    #[test]
    fn values_far_away_end_and_leave_the_canvas_clean() {
        let far = [Some((-1e300, 5e200)), Some((0.5, 0.5)), Some((f64::MAX, -1e300))];
        let rows = drawn(6, 2, Glyphs::Braille, &far, Dash::Dotted);
        assert_eq!(rows.len(), 2);
        assert!(drawn(0, 0, Glyphs::Braille, &far, Dash::Solid).is_empty());
    }
}
