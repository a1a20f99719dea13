//! Whole screens: what the viewer's state looks like at any size.

mod chrome;
mod compare;
mod header;
mod home;
mod lists;
mod pages;
mod run;
mod sequence;
mod settings;
#[cfg(test)]
mod tests;
mod tour;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::look::Look;
use super::pen::Pen;
use crate::contract::{Card, StudyState};
use crate::view::{App, Message, Overlay, Size, Stand};

pub(super) use home::filter_cursor;
pub(super) use lists::{knob_cursor, palette_cursor, writing_cursor};
pub(super) use settings::value_cursor;

/// Paints the viewer onto a buffer.
pub(super) fn draw(app: &App, buffer: &mut Buffer, look: Look) {
    let area = buffer.area;
    let mut pen = Pen::new(buffer, area, look);
    match Size::of(area.width, area.height) {
        Size::Nothing => return,
        Size::Line => return line(app, &mut pen),
        _ => {}
    }
    match (&app.overlay, &app.run, &app.home) {
        (Some(Overlay::Help(here, scroll)), ..) => pages::help(&mut pen, here, *scroll),
        (Some(Overlay::Card(card, scroll)), ..) => pages::card(&mut pen, card, *scroll),
        (Some(Overlay::Settings(settings)), ..) => settings::paint(&mut pen, settings, app.cores),
        _ if app.comparison.is_some() => {
            app.comparison.iter().for_each(|comparison| compare::paint(&mut pen, comparison));
        }
        (_, Some(run), _) if run.stand.walk.open => {
            sequence::paint(&mut pen, run.feed.state(), &run.stand, &app.with_sequences());
        }
        (_, Some(run), _) => run::paint(&mut pen, run.feed.state(), &run.stand, run.card),
        (_, None, Some(home)) => home::paint(&mut pen, home, app.cores),
        (_, None, None) => {}
    }
    match &app.overlay {
        Some(Overlay::Explain(title, text, scroll)) => pages::explain(&mut pen, title, text, *scroll),
        Some(Overlay::ConfirmStop) => pages::confirm_stop(&mut pen),
        Some(Overlay::Palette(palette)) => lists::palette(&mut pen, app, palette),
        Some(Overlay::Knobs(knobs)) => lists::knobs(&mut pen, knobs),
        Some(Overlay::Checkpoints(checkpoints)) => lists::checkpoints(&mut pen, checkpoints),
        Some(Overlay::Writing(writing)) => lists::writing(&mut pen, writing),
        _ => {}
    }
    tour::paint(&mut pen, app);
    let fault = app.home.as_ref().filter(|_| app.run.is_none()).and_then(|home| home::fault(area.width, home));
    let keys: Vec<(String, &str)> = app.footer().iter().map(|b| (chrome::key_name(b), b.label)).collect();
    chrome::footer(&mut pen, &keys, app.message.as_ref().or(fault.as_ref()));
}

/// Below the least size: one line that still says how it stands.
fn line(app: &App, pen: &mut Pen) {
    match (&app.run, &app.home) {
        (Some(run), _) => header::line(pen, run.feed.state()),
        (None, Some(home)) => {
            let (systems, runs, live) = home.counts();
            let text = format!("Ansatz {systems} systems {runs} runs {live} live (needs 40x10)");
            let style = pen.look.text();
            pen.text(0, 0, &text, style);
        }
        (None, None) => {}
    }
}

/// Paints the run view of a state onto a buffer, with the keys of a still picture left out.
pub(super) fn draw_run(state: &StudyState, stand: &Stand, card: Option<&Card>, buffer: &mut Buffer, look: Look) {
    let area = buffer.area;
    let mut pen = Pen::new(buffer, area, look);
    match Size::of(area.width, area.height) {
        Size::Nothing => {}
        Size::Line => header::line(&mut pen, state),
        _ => {
            run::paint(&mut pen, state, stand, card);
            let about = Message { text: state.header.about.clone(), is_error: false };
            chrome::footer(&mut pen, &[], Some(&about));
        }
    }
}

/// The area of a part that was laid out in cells of the whole screen.
fn part(area: crate::view::Area) -> Rect {
    super::pen::rect(area)
}
