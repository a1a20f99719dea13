//! The loop of the viewer: wait, take in keys and files, draw when something changed.

use std::io;
use std::time::{Duration, Instant};

use crossterm::clipboard::CopyToClipboard;
use ratatui::layout::Position;

use super::guard;
use super::look::Look;
use super::screen;
use super::terminal::{Terminal, give_back};
use super::waiting::{Waiting, Woken, stop_here};
use super::{input, size_of_terminal};
use crate::view::{App, Effect, Overlay};

/// How often files are read while something is live, and while nothing is.
const LIVE: Duration = Duration::from_millis(200);
const IDLE: Duration = Duration::from_millis(1500);
/// Reading files may take this share of the time at most.
const SHARE: u32 = 100;

/// For how long crossterm may look for input that is known to be there: with no time at all its
/// source for terminals does not look.
const BRIEF: Duration = Duration::from_millis(1);

/// Runs the viewer until it is left, its terminal is gone or it is told to end.
///
/// # Errors
/// When the terminal cannot be used.
pub(super) fn run(mut app: App, look: Look) -> io::Result<()> {
    let waiting = Waiting::new()?;
    let ended = until_left(&mut app, look, &waiting);
    // What fails on a terminal that is gone is no failure of the viewer.
    if waiting.wait(Duration::ZERO) == Woken::HungUp { Ok(()) } else { ended }
}

fn until_left(app: &mut App, look: Look, waiting: &Waiting) -> io::Result<()> {
    let mut terminal = Terminal::take()?;
    let mut dirty = true;
    let mut next_look = Instant::now() + LIVE;
    loop {
        let asked = waiting.asked();
        if asked.leave {
            return Ok(());
        }
        if asked.suspend {
            suspend(&mut terminal)?;
        }
        if asked.redraw {
            // Continued by someone else: the shell may have changed the terminal's mode.
            terminal.take_again()?;
        }
        dirty |= asked.suspend || asked.redraw || asked.resize;
        if dirty {
            draw(app, &mut terminal, look)?;
            dirty = false;
            guard::reports().iter().for_each(|report| app.report(report));
        }
        match waiting.wait(next_look.saturating_duration_since(Instant::now())) {
            Woken::HungUp => return Ok(()),
            Woken::Input => match take_in(app, waiting)? {
                Effect::Leave => return Ok(()),
                Effect::Suspend => {
                    suspend(&mut terminal)?;
                    dirty = true;
                }
                Effect::Redraw => {
                    terminal.forget()?;
                    dirty = true;
                }
                Effect::Copy(text) => {
                    crossterm::execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))?;
                    dirty = true;
                }
                Effect::Mouse(on) => {
                    terminal.mouse(on)?;
                    dirty = true;
                }
                Effect::None => dirty = true,
            },
            Woken::Other => {}
        }
        if Instant::now() >= next_look {
            let begun = Instant::now();
            dirty |= app.refresh();
            let pace = if app.is_live() { LIVE } else { IDLE };
            next_look = Instant::now() + pace.max(begun.elapsed() * SHARE);
        }
    }
}

fn draw(app: &mut App, terminal: &mut Terminal, look: Look) -> io::Result<()> {
    let (width, height) = size_of_terminal();
    app.resize(width, height);
    terminal.draw(|frame| {
        let area = frame.area();
        screen::draw(app, frame.buffer_mut(), look);
        if let Some((x, y)) = cursor(app, (area.width, area.height)) {
            frame.set_cursor_position(Position { x, y });
        }
    })
}

/// Where the cursor stands while text is typed.
fn cursor(app: &App, size: (u16, u16)) -> Option<(u16, u16)> {
    app.field()?;
    match (&app.overlay, &app.home) {
        (Some(Overlay::Settings(settings)), _) => Some(screen::value_cursor(size, settings)),
        (Some(Overlay::Knobs(knobs)), _) => Some(screen::knob_cursor(size, knobs)),
        (Some(Overlay::Palette(palette)), _) => Some(screen::palette_cursor(size, palette)),
        (Some(Overlay::Writing(writing)), _) => Some(screen::writing_cursor(size, writing)),
        (_, Some(home)) => Some(screen::filter_cursor(size.0, home)),
        _ => None,
    }
}

/// Takes in all input there is; the first effect that the terminal must see to ends it.
fn take_in(app: &mut App, waiting: &Waiting) -> io::Result<Effect> {
    while crossterm::event::poll(BRIEF)? {
        let effect = input::handle(app, &crossterm::event::read()?);
        if effect != Effect::None {
            return Ok(effect);
        }
        if waiting.wait(Duration::ZERO) == Woken::HungUp {
            return Ok(Effect::Leave);
        }
    }
    Ok(Effect::None)
}

fn suspend(terminal: &mut Terminal) -> io::Result<()> {
    give_back();
    stop_here()?;
    terminal.take_again()
}
