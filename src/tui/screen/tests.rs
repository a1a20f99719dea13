//! Screens at the sizes that matter, and every screen at every size.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::tui::look::{Depth, Glyphs};
use crate::view::{Key, made_up};

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

#[test]
fn look_at_them() {
    for size in [(60, 15), (80, 24), (120, 40), (200, 60)] {
        println!("{}", text(&drawn(&app(&[], false, size), Look::PLAIN)));
        println!("{}", "=".repeat(size.0 as usize));
        println!("{}", text(&drawn(&app(&[Key::Enter], false, size), Look::PLAIN)));
        println!("{}", "=".repeat(size.0 as usize));
    }
    println!("{}", text(&drawn(&app(&[Key::Enter], true, (120, 40)), Look::PLAIN)));
    println!("{}", text(&drawn(&app(&[Key::Enter], true, (40, 10)), Look::PLAIN)));
    let ascii = Look { depth: Depth::None, glyphs: Glyphs::Ascii };
    println!("{}", text(&drawn(&app(&[Key::Enter], false, (80, 24)), ascii)));
}
