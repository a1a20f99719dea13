//! A screen that stays: as text or as a picture, for snapshots, reports and pages.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::look::{Depth, Glyphs, Look};
use super::{picture, screen};
use crate::contract::{Card, StudyState};
use crate::view::Stand;

/// The run view of a state as text of `size` (columns, rows): plain, or in colour as ANSI sequences.
/// Lines carry no trailing blanks when plain; each ends with a newline.
pub fn screen_text(state: &StudyState, card: Option<&Card>, size: (u16, u16), ansi: bool) -> String {
    let buffer = painted(state, card, size, if ansi { Depth::True } else { Depth::None });
    let mut text = String::new();
    for y in 0..size.1 {
        let mut row = String::new();
        let mut style = String::new();
        let mut skip = 0;
        for x in 0..size.0 {
            let cell = &buffer[(x, y)];
            if skip > 0 {
                skip -= 1; // covered by the wide glyph before it
                continue;
            }
            skip = unicode_width::UnicodeWidthStr::width(cell.symbol()).saturating_sub(1);
            let wanted = if ansi { sequence(cell) } else { String::new() };
            if wanted != style {
                row.push_str(&wanted);
                style = wanted;
            }
            row.push_str(cell.symbol());
        }
        text.push_str(if ansi { &row } else { row.trim_end() });
        text.push_str(if ansi { "\x1b[0m\n" } else { "\n" });
    }
    text
}

/// The run view of a state as an SVG picture of a dark terminal of `size` (columns, rows).
pub fn screen_svg(state: &StudyState, card: Option<&Card>, size: (u16, u16)) -> String {
    picture::svg(&painted(state, card, size, Depth::True), &format!("{} in Ansatz", state.run))
}

fn painted(state: &StudyState, card: Option<&Card>, size: (u16, u16), depth: Depth) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    let stand = Stand { size, ..Stand::default() };
    screen::draw_run(state, &stand, card, &mut buffer, Look { depth, glyphs: Glyphs::Braille });
    buffer
}

/// The ANSI sequence that sets a cell's style from nothing.
fn sequence(cell: &Cell) -> String {
    let mut codes = vec!["0".to_owned()];
    let marks = [(Modifier::BOLD, "1"), (Modifier::DIM, "2"), (Modifier::UNDERLINED, "4"), (Modifier::REVERSED, "7")];
    codes.extend(marks.iter().filter(|(mark, _)| cell.modifier.contains(*mark)).map(|(_, code)| (*code).to_owned()));
    for (colour, lead) in [(cell.fg, 38), (cell.bg, 48)] {
        if let Color::Rgb(r, g, b) = colour {
            codes.push(format!("{lead};2;{r};{g};{b}"));
        }
    }
    format!("\x1b[{}m", codes.join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::made_up;

    #[test]
    fn plain_and_coloured_text_say_the_same() {
        let state = made_up::state(true);
        let card = Some(made_up::TABLE[0].card);
        let plain = screen_text(&state, card, (100, 30), false);
        let ansi = screen_text(&state, card, (100, 30), true);
        assert_eq!(plain.lines().count(), 30);
        assert!(!plain.contains('\x1b') && ansi.contains("\x1b[0;1"));
        let sized = |n| std::num::NonZero::new(n).unwrap();
        let mut parser = vt100::Parser::new(sized(30), sized(101), 0);
        parser.process(ansi.replace('\n', "\r\n").trim_end().as_bytes());
        let shown = parser.screen().contents();
        assert!(shown.contains("Verdict: reproduced") && plain.contains("Verdict: reproduced"), "{shown}");
        let picture = screen_svg(&state, card, (100, 30));
        assert!(picture.contains("Verdict: reproduced") && picture.contains(&state.run), "{picture}");
    }

    #[test]
    fn any_size_can_be_asked_for() {
        let state = made_up::state(false);
        assert_eq!(screen_text(&state, None, (0, 0), false), "");
        assert!(screen_text(&state, None, (30, 5), false).starts_with("LIVE 45%"));
        assert!(screen_svg(&state, None, (0, 0)).starts_with("<svg"));
    }

    #[test]
    #[ignore = "prints how long a frame of a very long run takes"]
    fn frames_of_a_long_run() {
        let mut state = made_up::state(false);
        // As many points as a digest keeps of ten million, for each metric of each trial.
        let series: Vec<(u64, f64)> = (0..5_000).map(|i| (2_000 * i, (i as f64 * 0.01).sin())).collect();
        for trial in &mut state.trials {
            trial.result.metrics.values_mut().for_each(|points| points.clone_from(&series));
        }
        for size in [(80, 24), (120, 40), (200, 60)] {
            let begun = std::time::Instant::now();
            (0..50).for_each(|_| drop(screen_text(&state, Some(made_up::TABLE[0].card), size, true)));
            println!("{size:?}: {:?} a frame", begun.elapsed() / 50);
        }
    }
}
