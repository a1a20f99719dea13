//! Writing into a buffer without ever leaving an area.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthChar;
use unicode_width::UnicodeWidthStr;

use super::look::Look;
pub(super) use crate::base::text::{cut, wrap};
use crate::view::Area;

/// A buffer, an area of it, and how things look.
pub(super) struct Pen<'a> {
    pub(super) buffer: &'a mut Buffer,
    pub(super) area: Rect,
    pub(super) look: Look,
}

impl<'a> Pen<'a> {
    /// A pen on the part of `area` that lies inside the buffer.
    pub(super) fn new(buffer: &'a mut Buffer, area: Rect, look: Look) -> Self {
        let area = area.intersection(buffer.area);
        Pen { buffer, area, look }
    }

    /// A pen on a part of this one's area, in absolute cells.
    pub(super) fn within(&mut self, area: Rect) -> Pen<'_> {
        let area = area.intersection(self.area);
        Pen { buffer: self.buffer, area, look: self.look }
    }

    /// A pen on a part that lies `left` columns and `top` rows in.
    pub(super) fn inset(&mut self, left: u16, top: u16, right: u16, bottom: u16) -> Pen<'_> {
        let area = self.area;
        let width = area.width.saturating_sub(left.saturating_add(right));
        let height = area.height.saturating_sub(top.saturating_add(bottom));
        self.within(Rect { x: area.x.saturating_add(left), y: area.y.saturating_add(top), width, height })
    }

    /// Columns.
    pub(super) fn width(&self) -> u16 {
        self.area.width
    }

    /// Rows.
    pub(super) fn height(&self) -> u16 {
        self.area.height
    }

    /// Whether there is nothing to paint on.
    pub(super) fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Writes text from a column and row of the area; what does not fit is cut. The column behind it.
    pub(super) fn text(&mut self, x: u16, y: u16, text: &str, style: Style) -> u16 {
        if x >= self.area.width || y >= self.area.height {
            return x;
        }
        let room = usize::from(self.area.width - x);
        // What stood there lends nothing to the new text.
        let style = Style::reset().patch(style);
        let (end, _) = self.buffer.set_stringn(self.area.x + x, self.area.y + y, text, room, style);
        end - self.area.x
    }

    /// Writes text that ends before column `end`.
    pub(super) fn text_before(&mut self, end: u16, y: u16, text: &str, style: Style) {
        let width = text.width().min(usize::from(end)) as u16;
        self.text(end - width, y, &cut(text, usize::from(width)), style);
    }

    /// Writes text cut to some columns, with a mark where it was cut.
    pub(super) fn text_within(&mut self, x: u16, y: u16, text: &str, columns: u16, style: Style) -> u16 {
        let room = usize::from(columns.min(self.area.width.saturating_sub(x)));
        self.text(x, y, &shorten(text, room, self.look), style)
    }

    /// Sets one cell.
    pub(super) fn cell(&mut self, x: u16, y: u16, symbol: char, style: Style) {
        if x < self.area.width && y < self.area.height {
            let style = Style::reset().patch(style);
            self.buffer[(self.area.x + x, self.area.y + y)].set_char(symbol).set_style(style);
        }
    }

    /// Whether a cell is still blank.
    pub(super) fn is_blank(&self, x: u16, y: u16) -> bool {
        x < self.area.width && y < self.area.height && self.buffer[(self.area.x + x, self.area.y + y)].symbol() == " "
    }

    /// Changes the style of a row from a column on.
    pub(super) fn restyle(&mut self, x: u16, y: u16, width: u16, style: Style) {
        let row = Rect { x: self.area.x.saturating_add(x), y: self.area.y.saturating_add(y), width, height: 1 };
        self.buffer.set_style(row.intersection(self.area), style);
    }

    /// Blanks the area.
    pub(super) fn clear(&mut self) {
        for y in self.area.top()..self.area.bottom() {
            for x in self.area.left()..self.area.right() {
                self.buffer[(x, y)].reset();
            }
        }
    }

    /// A horizontal rule over the whole width of a row.
    pub(super) fn rule(&mut self, y: u16, style: Style) {
        let line = if self.look.glyph("─", "-") == "-" { '-' } else { '─' };
        for x in 0..self.area.width {
            self.cell(x, y, line, style);
        }
    }
}

/// The same rectangle for ratatui.
pub(super) fn rect(area: Area) -> Rect {
    Rect { x: area.x, y: area.y, width: area.width, height: area.height }
}

/// A text that fits into some columns, with a mark where it was cut.
pub(super) fn shorten(text: &str, columns: usize, look: Look) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mark = look.glyph("…", "~");
    if columns == 0 { String::new() } else { cut(text, columns - 1).trim_end().to_owned() + mark }
}

/// A text that fits into some columns, cut in its middle: beginning and end tell names of runs apart.
pub(super) fn shorten_middle(text: &str, columns: usize, look: Look) -> String {
    if text.width() <= columns || columns < 8 {
        return shorten(text, columns, look);
    }
    let end = columns / 2;
    let mut tail: Vec<char> = Vec::new();
    for c in text.chars().rev() {
        if tail.iter().chain([&c]).map(|c| c.width().unwrap_or(0)).sum::<usize>() > end {
            break;
        }
        tail.push(c);
    }
    cut(text, columns - end - 1) + look.glyph("…", "~") + &tail.iter().rev().collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pen_stays_inside() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 5, 2));
        let mut pen = Pen::new(&mut buffer, Rect::new(2, 1, 90, 90), Look::PLAIN);
        assert_eq!((pen.width(), pen.height()), (3, 1));
        pen.text(0, 0, "abcdef", Style::new());
        pen.text(9, 9, "x", Style::new());
        pen.text_before(2, 0, "xyz", Style::new());
        assert_eq!(shorten("abcdef", 4, Look::PLAIN), "abc…");
        assert_eq!(shorten_middle("scaling-mlps-quick-3d14e0", 13, Look::PLAIN), "scalin…3d14e0");
        assert_eq!(shorten_middle("日本語日本語日本語", 9, Look::PLAIN).width(), 9);
        assert_eq!(buffer, Buffer::with_lines(["     ", "  xyc"]));
    }
}
