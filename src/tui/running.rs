//! The loop of the viewer: wait, take in keys and files, draw when something changed.

use std::io;
use std::time::{Duration, Instant};

use crossterm::clipboard::CopyToClipboard;
use ratatui::layout::Position;

use super::guard;
use super::idle::Idle;
use super::input;
use super::look::Look;
use super::screen;
use super::terminal::{Terminal, give_back};
use super::waiting::{Waiting, Woken, stop_here};
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
    let mut idle = Idle::from_environment();
    let mut dirty = true;
    // Size of a frame that nobody was told of yet.
    let mut untold = None;
    // Whether crossterm may hold keys that came with one that the terminal had to see to first.
    let mut unread = false;
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
        if asked.resize {
            // Several changes may have come as one, and what a smaller one cut off is gone.
            terminal.forget()?;
        }
        dirty |= asked.suspend || asked.redraw || asked.resize;
        if dirty {
            let size = draw(app, &mut terminal, look)?;
            untold = size.filter(|_| idle.is_wanted());
            dirty = false;
            guard::reports().iter().for_each(|report| app.report(report));
        }
        let patience = match unread || untold.is_some() {
            true => Duration::ZERO,
            false => next_look.saturating_duration_since(Instant::now()),
        };
        match waiting.wait(patience) {
            Woken::HungUp => return Ok(()),
            Woken::Other if !unread => {
                if let Some(size) = untold.take() {
                    idle.say(size)?;
                    continue;
                }
            }
            Woken::Input | Woken::Other => {
                let effect = take_in(app, waiting, &mut idle)?;
                unread = effect != Effect::None;
                dirty = true;
                match effect {
                    Effect::Leave => return Ok(()),
                    Effect::Suspend => suspend(&mut terminal)?,
                    Effect::Redraw => terminal.forget()?,
                    Effect::Copy(text) => {
                        crossterm::execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))?;
                    }
                    Effect::Mouse(on) => terminal.mouse(on)?,
                    Effect::None => {}
                }
            }
        }
        if Instant::now() >= next_look {
            let begun = Instant::now();
            dirty |= app.refresh();
            let pace = if app.is_live() { LIVE } else { IDLE };
            next_look = Instant::now() + pace.max(begun.elapsed() * SHARE);
        }
    }
}

/// Draws a frame; the size it was drawn for, unless the terminal has none.
fn draw(app: &mut App, terminal: &mut Terminal, look: Look) -> io::Result<Option<(u16, u16)>> {
    let mut drawn = None;
    terminal.draw(|frame| {
        let size = (frame.area().width, frame.area().height);
        app.resize(size.0, size.1);
        screen::draw(app, frame.buffer_mut(), look);
        if let Some((x, y)) = cursor(app, size) {
            frame.set_cursor_position(Position { x, y });
        }
        drawn = Some(size);
    })?;
    Ok(drawn)
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
fn take_in(app: &mut App, waiting: &Waiting, idle: &mut Idle) -> io::Result<Effect> {
    while crossterm::event::poll(BRIEF)? {
        let event = crossterm::event::read()?;
        let effect = input::handle(app, &event);
        idle.count(&event);
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
