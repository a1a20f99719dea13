//! The page of a sequence or of graphs: header, title, and what is stepped through at one of its tokens or steps.

use super::chrome::titled;
use super::header;
use crate::contract::StudyState;
use crate::tui::paint;
use crate::tui::pen::{Pen, rect, wrap};
use crate::view::{Stand, Steps, sequence_area, sequences};

/// Text is set no wider than this.
const MEASURE: u16 = 96;

/// Paints everything but the footer; `systems` are those whose trials show something to step through.
pub(super) fn paint(pen: &mut Pen, state: &StudyState, stand: &Stand, systems: &str) {
    let area = sequence_area(pen.width(), pen.height());
    let height = pen.height();
    header::paint(&mut pen.inset(0, 0, 0, height.saturating_sub(2)), state);
    let trial = state.trials.get(stand.trial);
    let all = trial.map_or_else(Vec::new, sequences);
    let name = trial.map_or("", |trial| trial.result.spec.name.as_str());
    let (place, count) = (stand.walk.place(&all), all.len());
    let title = all.get(place).map_or("Step by step", |(panel, _)| panel.title.as_str());
    let note = if count > 1 { format!("{name}, {} of {count}", place + 1) } else { name.to_owned() };
    let below = height.saturating_sub(area.y);
    _ = titled(&mut pen.inset(0, area.y.saturating_sub(1), 0, below), None, title, &note, true);
    let mut body = pen.within(rect(area));
    match all.get(place) {
        Some((_, Steps::Sequence(sequence))) => {
            paint::sequence(&mut body, sequence, stand.walk.token, stand.walk.picture);
        }
        Some((_, Steps::Graphs(graphs))) => paint::graphs(&mut body, graphs, stand.walk.token),
        None => nothing(&mut body, state, name, systems),
    }
}

/// Why there is nothing to step through, and where there is something.
fn nothing(pen: &mut Pen, state: &StudyState, name: &str, systems: &str) {
    let others = state.trials.iter().filter(|trial| !sequences(trial).is_empty());
    let others: Vec<&str> = others.map(|trial| trial.result.spec.name.as_str()).collect();
    let mut text = match name {
        "" => "There is no trial yet.".to_owned(),
        name => format!("The trial {name} shows nothing to step through."),
    };
    text += &match others.as_slice() {
        [] => " No trial of this run does now.".to_owned(),
        [one] => format!(" In this run {one} does."),
        [first, .., last] if others.len() > 8 => {
            format!(" In this run {} trials do, from {first} to {last}.", others.len())
        }
        some => format!(" In this run these do: {}.", some.join(", ")),
    };
    if !systems.is_empty() {
        text += &format!(" Systems whose trials do: {systems}. The keys ] and [ go to other trials.");
    }
    let columns = pen.width().saturating_sub(2).clamp(1, MEASURE);
    let style = pen.look.text();
    for (y, line) in wrap(&text, usize::from(columns)).iter().enumerate() {
        pen.text(1, y as u16 + u16::from(pen.height() > 6), line, style);
    }
}
