//! A buffer of cells as an SVG picture that looks like a terminal, whatever font is there.
//!
//! Text stands in runs of one style, each stretched to its columns. Braille and block elements are
//! shapes: few fonts have both, and none as wide as its letters on every machine.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use svg::node::element::{Group, Path, Rectangle, Text, Title};
use svg::{Document, Node};
use unicode_width::UnicodeWidthStr;

use crate::run::export::clean;

/// Width and height of a cell, size of the letters, and from its top to their baseline: pixels.
const CELL: (f64, f64) = (8.4, 17.0);
const LETTERS: f64 = 14.0;
const BASELINE: f64 = 13.0;
/// Around the screen.
const MARGIN: f64 = 12.0;
/// Colours of a dark terminal: its ground, its letters, and letters that are dim without a colour.
const GROUND: &str = "#15171c";
const INK: &str = "#d7dae0";
const DIM: &str = "#8a8a8a";
const FONTS: &str = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace";
/// Radius of a dot of braille.
const DOT: f64 = 1.05;

/// Colours and weight of a cell as they are drawn.
#[derive(Clone, PartialEq)]
struct Ink {
    letters: String,
    ground: Option<String>,
    bold: bool,
}

/// Cells of a row that are drawn as one thing: first column, columns, symbols.
struct Run<'a> {
    x: u16,
    columns: u16,
    symbols: Vec<&'a str>,
    ink: Ink,
}

/// The cells of a buffer as a picture called `title`.
pub(super) fn svg(buffer: &Buffer, title: &str) -> String {
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (width, height) = (px(columns * CELL.0 + 2.0 * MARGIN), px(rows * CELL.1 + 2.0 * MARGIN));
    let ground = rectangle((0.0, 0.0), (width, height), GROUND).set("rx", 6);
    let mut screen = Group::new()
        .set("transform", format!("translate({MARGIN} {MARGIN})"))
        .set("font-family", FONTS)
        .set("font-size", LETTERS)
        .set("fill", INK);
    for y in 0..buffer.area.height {
        row(buffer, y, &mut screen);
    }
    Document::new()
        .set("viewBox", (0.0, 0.0, width, height))
        .set("width", width)
        .set("height", height)
        .add(Title::new(clean(title)))
        .add(ground)
        .add(screen)
        .to_string()
        + "\n"
}

fn row(buffer: &Buffer, y: u16, screen: &mut Group) {
    let runs = runs(buffer, y);
    let top = f64::from(y) * CELL.1;
    // Grounds first: a letter may lean out of its cell.
    for run in &runs {
        if let Some(ground) = &run.ink.ground {
            let size = (f64::from(run.columns) * CELL.0, CELL.1);
            screen.append(rectangle((f64::from(run.x) * CELL.0, top), size, ground));
        }
    }
    for run in &runs {
        shapes(run, top, screen);
        letters(run, top, screen);
    }
}

/// A row in runs of one style.
fn runs(buffer: &Buffer, y: u16) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut x = 0;
    while x < buffer.area.width {
        let cell = &buffer[(x, y)];
        let columns = cell.symbol().width().max(1) as u16;
        let ink = ink(cell);
        match runs.last_mut() {
            Some(run) if run.ink == ink => {
                run.symbols.push(cell.symbol());
                run.columns += columns;
            }
            _ => runs.push(Run { x, columns, symbols: vec![cell.symbol()], ink }),
        }
        x = x.saturating_add(columns);
    }
    runs
}

fn ink(cell: &Cell) -> Ink {
    let dim = cell.modifier.contains(Modifier::DIM);
    let letters = colour(cell.fg).unwrap_or_else(|| if dim { DIM.into() } else { INK.into() });
    let ground = colour(cell.bg);
    let bold = cell.modifier.contains(Modifier::BOLD);
    match cell.modifier.contains(Modifier::REVERSED) {
        true => Ink { letters: ground.unwrap_or_else(|| GROUND.into()), ground: Some(letters), bold },
        false => Ink { letters, ground, bold },
    }
}

/// A colour of 24 bits; the look of pictures has no others.
fn colour(colour: Color) -> Option<String> {
    match colour {
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        _ => None,
    }
}

/// The letters of a run: words together while single blanks part them.
fn letters(run: &Run<'_>, top: f64, screen: &mut Group) {
    let mut words = String::new();
    let (mut first, mut behind, mut x) = (run.x, run.x, run.x);
    let mut place = |words: &mut String, first: u16, behind: u16| {
        if words.is_empty() {
            return;
        }
        let length = px(f64::from(behind - first) * CELL.0);
        let mut text = Text::new(clean(&std::mem::take(words)))
            .set("x", px(f64::from(first) * CELL.0))
            .set("y", px(top + BASELINE))
            .set("textLength", length)
            .set("lengthAdjust", "spacingAndGlyphs");
        if run.ink.letters != INK {
            text = text.set("fill", run.ink.letters.as_str());
        }
        screen.append(if run.ink.bold { text.set("font-weight", "bold") } else { text });
    };
    for symbol in &run.symbols {
        let columns = symbol.width().max(1) as u16;
        if !symbol.trim().is_empty() && !is_shape(symbol) {
            if x > behind + 1 || words.is_empty() {
                place(&mut words, first, behind);
                first = x;
            } else if x > behind {
                words.push(' ');
            }
            words.push_str(symbol);
            behind = x + columns;
        } else if is_shape(symbol) {
            place(&mut words, first, behind);
        }
        x += columns;
    }
    place(&mut words, first, behind);
}

/// Whether a symbol is drawn as a shape.
fn is_shape(symbol: &str) -> bool {
    symbol.chars().next().is_some_and(|c| dots(c).is_some() || block(c).is_some())
}

/// Braille and blocks of a run, one path each.
fn shapes(run: &Run<'_>, top: f64, screen: &mut Group) {
    let (mut dotted, mut filled) = (String::new(), String::new());
    let mut x = run.x;
    for symbol in &run.symbols {
        let left = f64::from(x) * CELL.0;
        let c = symbol.chars().next().unwrap_or(' ');
        for (column, row) in dots(c).unwrap_or_default() {
            let (cx, cy) = (left + CELL.0 * (0.25 + 0.5 * column), top + CELL.1 * (0.125 + 0.25 * row));
            _ = write!(dotted, "M{} {}h0", px(cx), px(cy));
        }
        if let Some((low, high)) = block(c) {
            let (upper, tall) = (top + low * CELL.1, (high - low) * CELL.1);
            _ = write!(filled, "M{} {}h{}v{}h-{}z", px(left), px(upper), CELL.0, px(tall), CELL.0);
        }
        x += symbol.width().max(1) as u16;
    }
    let ink = run.ink.letters.as_str();
    if !dotted.is_empty() {
        let path = Path::new().set("d", dotted).set("stroke", ink).set("stroke-width", 2.0 * DOT);
        screen.append(path.set("stroke-linecap", "round"));
    }
    if !filled.is_empty() {
        screen.append(Path::new().set("d", filled).set("fill", ink).set("shape-rendering", "crispEdges"));
    }
}

/// Columns (0 or 1) and rows (0 to 3) of the dots of a braille pattern.
fn dots(c: char) -> Option<Vec<(f64, f64)>> {
    const PLACES: [(f64, f64); 8] =
        [(0.0, 0.0), (0.0, 1.0), (0.0, 2.0), (1.0, 0.0), (1.0, 1.0), (1.0, 2.0), (0.0, 3.0), (1.0, 3.0)];
    let bits = u32::from(c).checked_sub(0x2800).filter(|bits| *bits < 256)?;
    Some((0..8).filter(|bit| bits >> bit & 1 == 1).map(|bit| PLACES[bit]).collect())
}

/// From where to where a block element fills its cell, as shares of the height from the top.
fn block(c: char) -> Option<(f64, f64)> {
    match c {
        '▀' => Some((0.0, 0.5)),
        '▁'..='█' => Some((1.0 - f64::from(u32::from(c) - u32::from('▁') + 1) / 8.0, 1.0)),
        _ => None,
    }
}

fn rectangle((x, y): (f64, f64), (width, height): (f64, f64), fill: &str) -> Rectangle {
    let shape = Rectangle::new().set("x", px(x)).set("y", px(y)).set("width", px(width)).set("height", px(height));
    shape.set("fill", fill)
}

/// A coordinate to a hundredth of a pixel: short, and the same on every machine.
fn px(value: f64) -> f64 {
    (value * 100.0).round() / 100.0 + 0.0
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn drawn(text: &str, style: Style) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(0, 0, text, style);
        svg(&buffer, "a < b")
    }

    #[test]
    fn words_stand_in_their_columns_and_say_what_they_said() {
        let picture = drawn("ab c   <d>", Style::new().add_modifier(Modifier::BOLD));
        assert!(picture.contains("<title>") && picture.contains("a &lt; b"), "{picture}");
        assert!(picture.contains("textLength=\"33.6\"") && picture.contains("ab c\n</text>"), "{picture}");
        assert!(picture.contains("x=\"58.8\"") && picture.contains("&lt;d&gt;"), "{picture}");
        assert_eq!(picture.matches("font-weight=\"bold\"").count(), 2);
    }

    #[test]
    fn braille_and_blocks_are_shapes_and_reverse_turns_colours_round() {
        let picture = drawn("⠁⣀▀", Style::new().fg(Color::Rgb(1, 2, 3)));
        assert!(picture.contains("M2.1 2.13h0M10.5 14.88h0M14.7 14.88h0") && !picture.contains("<text"), "{picture}");
        assert!(picture.contains("M16.8 0h8.4v8.5h-8.4z") && picture.contains("stroke=\"#010203\""), "{picture}");
        assert_eq!((block('█'), block('▁')), (Some((0.0, 1.0)), Some((0.875, 1.0))));
        let reversed = drawn("x", Style::new().add_modifier(Modifier::REVERSED));
        assert!(reversed.contains(&format!("fill=\"{INK}\"")) && reversed.contains(&format!("fill=\"{GROUND}\"")));
    }
}
