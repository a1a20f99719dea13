//! Small boxes over a screen: commands by name, the knobs of a run, its checkpoints, words about it.

use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::pages::boxed;
use super::run::scrolled;
use crate::contract::{Annotations, short_number};
use crate::tui::pen::Pen;
use crate::view::{App, Checkpoints, Knobs, Palette, Words, Writing};

/// Columns of such a list, where there is room.
const COLUMNS: u16 = 92;
/// Rows of it.
const ROWS: u16 = 16;

/// A line of a list: what is in front, what it says, how that looks.
type Row = (String, String, Style);

/// Paints the commands of a view; those that do nothing now say why.
pub(super) fn palette(pen: &mut Pen, app: &App, palette: &Palette) {
    let shown = palette.shown();
    let look = pen.look;
    let row = |binding: &&crate::view::Binding| match app.why_not(binding) {
        Some(why) => (binding.keys_text(), why, look.dim()),
        None => (binding.keys_text(), binding.help.to_owned(), look.text()),
    };
    let rows: Vec<Row> = shown.iter().map(row).collect();
    let title = format!("Commands  {} of them", rows.len());
    let mut body = boxed(pen, COLUMNS, ROWS, &title);
    body.text(0, 0, &format!(": {}", palette.field.text), look.accent());
    list(&mut body.inset(0, 1, 0, 0), &rows, palette.selected);
}

/// Paints the knobs of a run, one being typed perhaps.
pub(super) fn knobs(pen: &mut Pen, knobs: &Knobs) {
    let look = pen.look;
    let row = |knob: &crate::contract::Knob| {
        let (least, most) = knob.range;
        (
            knob.name.to_owned(),
            format!("{} ({} to {})", knob.about, short_number(least), short_number(most)),
            look.text(),
        )
    };
    let rows: Vec<Row> = knobs.knobs.iter().map(row).collect();
    let mut body = boxed(pen, COLUMNS, rows.len() as u16 + 2, "Knobs  for every trial that runs");
    list(&mut body.inset(0, 0, 0, 2), &rows, knobs.selected);
    let last = body.height().saturating_sub(2);
    if let (Some(typing), Some(knob)) = (&knobs.typing, knobs.knobs.get(knobs.selected)) {
        body.text(0, last, &format!("{} = {}", knob.name, typing.text), look.accent());
    }
    if let Some(error) = &knobs.error {
        body.text(0, last + 1, error, look.bad());
    }
}

/// Paints the checkpoints that a trial can go back to.
pub(super) fn checkpoints(pen: &mut Pen, checkpoints: &Checkpoints) {
    let text = pen.look.text();
    let row = |step: &u64| match step {
        0 => ("step 0".to_owned(), "its beginning".to_owned(), text),
        step => (format!("step {step}"), "a checkpoint; what came behind it is made again".to_owned(), text),
    };
    let rows: Vec<Row> = checkpoints.steps.iter().map(row).collect();
    let title = format!("Take {} back to", checkpoints.trial);
    let mut body = boxed(pen, COLUMNS, (rows.len() as u16).min(ROWS), &title);
    list(&mut body, &rows, checkpoints.selected);
}

/// Paints words about a run that are being typed, under those that were said before.
pub(super) fn writing(pen: &mut Pen, writing: &Writing) {
    let look = pen.look;
    let (title, before) = said(writing);
    let mut body = boxed(pen, COLUMNS, before.len() as u16 + 2, title);
    for (y, line) in before.iter().enumerate() {
        let width = body.width();
        body.text_within(0, y as u16, line, width, look.dim());
    }
    let y = before.len() as u16;
    body.text(0, y, &writing.field.text, look.accent());
    if let Some(error) = &writing.error {
        let width = body.width();
        body.text_within(0, y + 1, error, width, look.bad());
    }
}

/// The title of such a box, and what was said before: of the notes the last few.
fn said(writing: &Writing) -> (&'static str, Vec<String>) {
    let Annotations { tags, notes } = &writing.before;
    match writing.words {
        Words::Tag if tags.is_empty() => ("A tag for this run", Vec::new()),
        Words::Tag => ("A tag for this run, or one to take off", vec![format!("#{}", tags.join(" #"))]),
        Words::Note => {
            let last = notes.iter().skip(notes.len().saturating_sub(4));
            ("A note about this run", last.map(|(_, text)| text.clone()).collect())
        }
    }
}

fn list(pen: &mut Pen, rows: &[Row], selected: usize) {
    let look = pen.look;
    let front = rows.iter().map(|(front, ..)| front.width()).max().unwrap_or(0).min(24) as u16;
    let height = usize::from(pen.height());
    let first = scrolled(selected, rows.len(), height);
    for (y, (at, (name, says, style))) in rows.iter().enumerate().skip(first).take(height).enumerate() {
        let y = y as u16;
        pen.text(0, y, if at == selected { look.glyph("▸", ">") } else { " " }, look.accent());
        pen.text_within(2, y, name, front, look.strong());
        let room = pen.width().saturating_sub(front + 4);
        pen.text_within(front + 4, y, says, room, *style);
        if at == selected {
            let width = pen.width();
            pen.restyle(0, y, width, look.selected());
        }
    }
}

/// Where the cursor stands while a command's name is typed.
pub(in crate::tui) fn palette_cursor(size: (u16, u16), palette: &Palette) -> (u16, u16) {
    cursor(size, (COLUMNS, ROWS), 0, 2, &palette.field)
}

/// Where the cursor stands while a knob's value is typed.
pub(in crate::tui) fn knob_cursor(size: (u16, u16), knobs: &Knobs) -> (u16, u16) {
    let rows = knobs.knobs.len() as u16;
    let name = knobs.knobs.get(knobs.selected).map_or(0, |knob| knob.name.width() as u16);
    let field = knobs.typing.clone().unwrap_or_default();
    cursor(size, (COLUMNS, rows + 2), rows, name + 3, &field)
}

/// Where the cursor stands while a note or a tag is typed.
pub(in crate::tui) fn writing_cursor(size: (u16, u16), writing: &Writing) -> (u16, u16) {
    let rows = said(writing).1.len() as u16;
    cursor(size, (COLUMNS, rows + 2), rows, 0, &writing.field)
}

/// The place of a typed character in a box in the middle.
fn cursor(
    (width, height): (u16, u16),
    (columns, rows): (u16, u16),
    row: u16,
    column: u16,
    field: &crate::view::Field,
) -> (u16, u16) {
    let inside: Rect = super::pages::middle((width, height), columns, rows);
    let before: String = field.text.chars().take(field.cursor).collect();
    let x = inside.x.saturating_add(2 + column + before.width() as u16);
    let y = inside.y.saturating_add(1 + row);
    (x.min(width.saturating_sub(1)), y.min(height.saturating_sub(1)))
}
