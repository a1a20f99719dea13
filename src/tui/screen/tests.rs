//! Screens at the sizes that matter, and every screen at every size.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rayon::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::tui::guard;
use crate::tui::look::{Depth, Glyphs};
use crate::view::{Context, Field, KEYS, Key, made_up};

const SIZES: [(u16, u16); 5] = [(40, 10), (60, 15), (80, 24), (120, 40), (200, 60)];

fn text(buffer: &Buffer) -> String {
    let row = |y| {
        let cells = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    };
    (0..buffer.area.height).map(row).collect::<Vec<_>>().join("\n")
}

fn app(keys: &[Key], finished: bool, (width, height): (u16, u16)) -> App {
    let bench = made_up::FakeBench { finished, ..made_up::bench() };
    let mut app = App::home(made_up::TABLE, Box::new(bench), 2);
    app.resize(width, height);
    for key in keys {
        app.key(*key);
    }
    app
}

fn drawn(app: &App, look: Look) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, app.size.0, app.size.1));
    draw(app, &mut buffer, look);
    buffer
}

fn pictures(keys: &[Key], finished: bool, sizes: &[(u16, u16)]) -> String {
    let one = |size: &(u16, u16)| {
        let picture = text(&drawn(&app(keys, finished, *size), Look::PLAIN));
        format!("{} x {}\n{picture}", size.0, size.1)
    };
    sizes.iter().map(one).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn home() {
    insta::assert_snapshot!(pictures(&[], false, &SIZES));
}

fn asked(query: &str, size: (u16, u16)) -> String {
    let mut app = app(&[Key::Char('/')], false, size);
    app.typed(Field::new(query));
    text(&drawn(&app, Look::PLAIN))
}

#[test]
fn home_while_it_is_asked() {
    let shown = [
        asked("state:done OR state:live", (80, 24)),
        asked("state:doen", (80, 24)),
        asked("quick settings.width>=64 seed>=two", (60, 15)),
    ];
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn home_with_marks() {
    use Key::{Char, Down, Tab};
    insta::assert_snapshot!(pictures(&[Tab, Tab, Char(' '), Down, Char(' ')], false, &SIZES[1..3]));
}

#[test]
fn stops_of_the_tour() {
    use Key::{Char, Enter};
    let small = [(60, 15), (80, 24)];
    let shown = [
        pictures(&[Char('t')], false, &small),
        pictures(&[Char('t'), Char('i')], false, &small),
        pictures(&[Char('t'), Char('n'), Enter], false, &small),
        pictures(&[Char('t'), Char('n'), Enter, Char('n'), Char('2')], false, &[(120, 40)]),
    ];
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn a_live_run() {
    insta::assert_snapshot!(pictures(&[Key::Enter], false, &SIZES));
}

#[test]
fn a_judged_run() {
    insta::assert_snapshot!(pictures(&[Key::Enter], true, &SIZES[2..4]));
}

#[test]
fn pages_over_the_screens() {
    let size = [(80, 24)];
    let pages = [
        pictures(&[Key::Char('?')], false, &size),
        pictures(&[Key::Char('i')], false, &size),
        pictures(&[Key::Char('e'), Key::Down, Key::Enter], false, &size),
        pictures(&[Key::Enter, Key::Char('i')], false, &size),
        pictures(&[Key::Enter, Key::Char('x')], false, &size),
        pictures(&[Key::Enter, Key::Char(':')], false, &size),
        pictures(&[Key::Enter, Key::Char('K'), Key::Enter], false, &size),
        pictures(&[Key::Enter, Key::Char('z')], true, &size),
    ];
    insta::assert_snapshot!(pages.join("\n\n"));
}

#[test]
fn a_chart_that_is_read_closely() {
    use Key::{Char, Enter};
    let size = [(100, 30)];
    let metric = [Enter, Char('6'), Char('z')];
    let then = |keys: &[Key]| pictures(&[&metric[..], keys].concat(), true, &size);
    let shown =
        [then(&[]), then(&[Char('r'), Char('w')]), then(&[Char('c'), Char('H'), Char('H'), Char('+'), Char('+')])];
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn a_sequence_token_by_token() {
    use Key::{Char, Down, Enter, PageDown};
    let sizes = [(60, 15), (80, 24), (120, 40), (200, 60)];
    let shown = [
        pictures(&[Enter, Char('S')], false, &sizes[1..2]),
        pictures(&[Enter, Char('S'), PageDown, Char('e'), Down], false, &sizes),
        pictures(&[Enter, Char(']'), Char('S')], false, &sizes[1..2]),
    ];
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn ascii_only() {
    let look = Look { depth: Depth::None, glyphs: Glyphs::Ascii };
    let page = drawn(&app(&[Key::Enter, Key::Char('S'), Key::PageDown], false, (120, 40)), look);
    assert!(page.content().iter().all(|cell| cell.symbol().is_ascii()), "{}", text(&page));
    let buffer = drawn(&app(&[Key::Enter], false, (80, 24)), look);
    assert!(buffer.content().iter().all(|cell| cell.symbol().is_ascii()), "{}", text(&buffer));
    insta::assert_snapshot!(text(&buffer));
}

/// Every view and overlay that keys lead to.
fn places() -> Vec<Vec<Key>> {
    use Key::{Char, Down, Enter, Tab};
    let chart = [Enter, Char('6'), Char('z')];
    let with = |keys: &[Key]| [&chart[..], keys].concat();
    vec![
        vec![],
        vec![Tab],
        vec![Tab, Tab, Char(' ')],
        vec![Tab, Tab, Char('#')],
        vec![Tab, Tab, Char(' '), Down, Char(' '), Char('C')],
        vec![Tab, Tab, Char(' '), Down, Char(' '), Char('C'), Char('2'), Char('z')],
        vec![Char('/'), Char('g')],
        vec![Char('t')],
        vec![Char('t'), Char('n'), Enter],
        vec![Char('?')],
        vec![Char('i'), Down],
        vec![Char('e')],
        vec![Char('e'), Enter],
        vec![Char(':')],
        vec![Enter],
        vec![Enter, Char('z')],
        vec![Enter, Char('2'), Char('z')],
        vec![Enter, Char('i')],
        vec![Enter, Char('x')],
        vec![Enter, Key::BackTab],
        vec![Enter, Tab, Tab, Tab],
        vec![Enter, Char('?')],
        vec![Enter, Char(':')],
        vec![Enter, Char(',')],
        vec![Enter, Char('N')],
        vec![Enter, Char('K')],
        vec![Enter, Char('K'), Enter],
        vec![Enter, Char('7'), Char('z')],
        vec![Enter, Char('8'), Char('z')],
        vec![Enter, Char('S'), Char('l'), Char('e'), Down],
        vec![Enter, Char(']'), Char('S')],
        vec![Enter, Char('9'), Char('z')],
        with(&[Char('c'), Char('+'), Char('w')]),
        with(&[Char('y'), Char('+'), Char('>'), Char('r')]),
    ]
}

/// A row's glyphs fill it exactly, and none is a control character.
fn assert_fits(buffer: &Buffer) {
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            assert!(!symbol.chars().any(char::is_control), "{symbol:?} in\n{}", text(buffer));
            x += symbol.width().max(1) as u16;
        }
        assert_eq!(x, buffer.area.width, "row {y} is too wide:\n{}", text(buffer));
    }
}

/// One place at every size of the least to the usual, and at some that are far beyond.
fn at_every_size(keys: &[Key], finished: bool) {
    let looks =
        [Look { depth: Depth::True, glyphs: Glyphs::Braille }, Look { depth: Depth::Sixteen, glyphs: Glyphs::Ascii }];
    let mut app = app(keys, finished, (80, 24));
    let usual = (1..=120).flat_map(|width| (1..=40).map(move |height| (width, height)));
    for (width, height) in usual.chain([(0, 0), (300, 1), (2, 300), (160, 48), (300, 100)]) {
        app.resize(width, height);
        assert_fits(&drawn(&app, looks[usize::from((width + height) % 2)]));
        let reports = guard::reports();
        assert!(reports.is_empty(), "{keys:?} at {width}x{height}: {reports:?}");
    }
}

#[test]
fn every_view_at_every_size() {
    let places = places();
    places.par_iter().for_each(|keys| at_every_size(keys, false));
    places.par_iter().for_each(|keys| at_every_size(keys, true));
}

#[test]
fn name_state_time_and_keys_never_drop() {
    for (width, height) in [(40, 10), (45, 12), (60, 15), (80, 24), (200, 60)] {
        let shown = text(&drawn(&app(&[Key::Enter], false, (width, height)), Look::PLAIN));
        for part in ["gpicl-quick-1", "LIVE", "45%", "ETA 0:18", "? help", "q leave"] {
            assert!(shown.contains(part), "{width}x{height} without {part}:\n{shown}");
        }
    }
    let line = text(&drawn(&app(&[Key::Enter], false, (39, 9)), Look::PLAIN));
    assert!(line.starts_with("LIVE 45% ETA 0:18"), "{line}");
}

#[test]
fn the_last_error_is_on_the_screen_at_every_size() {
    for (width, height) in SIZES {
        let mut state = made_up::state(false);
        state.journal.insert(0, (990.0, crate::contract::Level::Error, "loss was not finite".into()));
        for at in 0..40 {
            state.journal.push((1020.0 + f64::from(at), crate::contract::Level::Info, "checkpoint".into()));
        }
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let stand = Stand { size: (width, height), ..Stand::default() };
        draw_run(&state, &stand, None, &mut buffer, Look::PLAIN);
        assert!(text(&buffer).contains("loss was not finite"), "{}", text(&buffer));
    }
}

#[test]
fn footer_and_help_come_from_the_key_table() {
    let wide = app(&[Key::Enter], false, (200, 60));
    let footer = text(&drawn(&wide, Look::PLAIN)).lines().last().unwrap_or_default().to_owned();
    for binding in wide.footer().iter().take(8) {
        assert!(footer.contains(binding.label), "{} not in {footer}", binding.label);
    }
    let help = text(&drawn(&app(&[Key::Char('?')], false, (120, 240)), Look::PLAIN));
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for binding in KEYS {
        assert!(help.contains(binding.help), "`{}` is not on the help page", binding.help);
    }
    assert!(Context::ALL.iter().all(|context| help.contains(context.name())));
}

#[test]
fn the_default_background_is_never_painted() {
    let look = Look { depth: Depth::True, glyphs: Glyphs::Braille };
    let buffer = drawn(&app(&[], false, (120, 40)), look);
    assert!(buffer.content().iter().all(|cell| cell.bg == ratatui::style::Color::Reset));
}
