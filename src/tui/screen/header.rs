//! The two rows that never drop: which run, how it stands, how far, how long still, the verdict.

use unicode_width::UnicodeWidthStr;

use super::chrome::{progress, state_style};
use crate::contract::{Status, StudyState, short_number};
use crate::tui::paint::verdict_style;
use crate::tui::pen::Pen;
use crate::view::words;

/// Steps a second over all running trials.
fn rate(state: &StudyState) -> Option<f64> {
    let rates: Vec<f64> = state.trials.iter().filter_map(|trial| trial.rate).collect();
    (!rates.is_empty()).then(|| rates.iter().sum())
}

/// Time left in words.
fn left(state: &StudyState) -> String {
    match (state.status, state.eta) {
        (Status::Running, Some(eta)) => format!("ETA {}", words::clock(eta)),
        (Status::Running | Status::Waiting, None) => "ETA -".into(),
        _ => String::new(),
    }
}

/// Paints both rows.
pub(super) fn paint(pen: &mut Pen, state: &StudyState) {
    let look = pen.look;
    let width = pen.width();
    let word = words::state(state.status);
    let verdict = state.verdict.as_ref().map(|v| (words::outcome(v.outcome), verdict_style(v.outcome, look)));
    let right = verdict.map_or(0, |(text, _)| text.width() as u16 + 2);
    let name_room = width.saturating_sub(right + word.len() as u16 + 5);
    let x = pen.text_within(1, 0, &state.run, name_room, look.strong());
    let x = pen.text(x + 2, 0, word, state_style(state.status, look));
    let tags: String = state.annotations.tags.iter().map(|tag| format!("  #{tag}")).collect();
    let about = format!("{}/{}  seed {}{tags}", state.header.system, state.preset, state.header.seed);
    let room = width.saturating_sub(x + right + 3);
    pen.text_within(x + 3, 0, &about, room, look.dim());
    if let Some((text, style)) = verdict {
        pen.text_before(width.saturating_sub(1), 0, text, style);
    }
    numbers(pen, state);
}

fn numbers(pen: &mut Pen, state: &StudyState) {
    let look = pen.look;
    let done = state.progress();
    let share = words::share(done);
    let columns = (pen.width() / 3).clamp(8, 48);
    progress(pen, (1, 1), columns, share, state_style(state.status, look));
    let finished = state.trials.iter().filter(|trial| trial.status == Status::Done).count();
    let mut parts = vec![words::percent(share), left(state)];
    parts.extend(rate(state).map(|rate| format!("{} steps/s", short_number(rate))));
    parts.push(format!("{finished}/{} trials", state.trials.len()));
    parts.push(match state.status {
        // What ends early never makes the steps that were planned.
        Status::Done => format!("{} steps", done.step),
        _ => format!("step {}/{}", done.step, done.steps),
    });
    let mut x = columns + 3;
    for (at, part) in parts.iter().filter(|part| !part.is_empty()).enumerate() {
        if usize::from(pen.width().saturating_sub(x)) < part.width() {
            break;
        }
        x = pen.text(x, 1, part, if at < 2 { look.strong() } else { look.text() }) + 2;
    }
}

/// How a run stands, in one row.
pub(super) fn line(pen: &mut Pen, state: &StudyState) {
    let share = words::percent(words::share(state.progress()));
    let verdict = state.verdict.as_ref().map_or("", |verdict| words::outcome(verdict.outcome));
    let parts = [words::state(state.status), &share, &left(state), verdict, &state.run, "(needs 40x10)"];
    let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let style = state_style(state.status, pen.look);
    pen.text(0, 0, &text, style);
}
