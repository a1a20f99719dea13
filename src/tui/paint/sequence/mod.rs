//! A sequence token by token: the tokens, tracks over them, matrices at the cursor, ways through experts.
//!
//! The same painter serves a panel of the grid and a whole page: what has no room drops, the tokens last.

mod matrix;
mod pathways;
mod strip;
mod tracks;

use super::nothing;
use super::sankey;
use crate::contract::{Matrix, Pathways, Sequence};
use crate::tui::pen::{Pen, rect};
use crate::view::{Area, Parts, Shape, TokenAxis, parts};

/// Paints a sequence with the cursor on a token; `picture` says which matrix or layer comes first.
pub(in crate::tui) fn paint(pen: &mut Pen, data: &Sequence, token: usize, picture: usize) {
    if data.tokens.is_empty() {
        return nothing(pen, "no tokens yet");
    }
    let token = token.min(data.tokens.len() - 1);
    let parts = parts(pen.width(), pen.height(), Shape::of(data));
    let axis = TokenAxis::new(pen.width(), data.tokens.len());
    strip::paint(&mut part(pen, parts.strip), data, token, &parts);
    for (track, area) in data.tracks.iter().zip(&parts.tracks) {
        tracks::paint(&mut part(pen, *area), track, &axis, token);
    }
    let hidden = data.tracks.len() - parts.tracks.len();
    tracks::ticks(&mut part(pen, parts.ticks), data, &axis, token, hidden);
    if let Some(ways) = &data.pathways {
        pathways::paint(&mut part(pen, parts.strips), ways, &axis, token, picture);
    }
    pictures(&mut part(pen, parts.pictures), data, token, picture, &parts);
}

/// A part of the area.
fn part<'p>(pen: &'p mut Pen, area: Area) -> Pen<'p> {
    let moved = Area { x: pen.area.x.saturating_add(area.x), y: pen.area.y.saturating_add(area.y), ..area };
    pen.within(rect(moved))
}

/// Matrices from the chosen one on, and the flow through the experts, side by side.
fn pictures(pen: &mut Pen, data: &Sequence, token: usize, picture: usize, parts: &Parts) {
    if pen.is_empty() {
        return;
    }
    let ways = data.pathways.as_ref().filter(|ways| ways.tokens() > 0);
    let flow_width = match ways {
        None => 0,
        Some(_) if data.matrices.is_empty() => pen.width().min(100),
        Some(_) if pen.width() >= 50 => (pen.width() / 2).min(72),
        Some(_) => 0,
    };
    let width = pen.width();
    if let Some(ways) = ways.filter(|_| flow_width > 0) {
        flow(&mut pen.inset(width - flow_width, 0, 0, 0), ways, token, parts.strips.height == 0);
    }
    let mut room = pen.inset(0, 0, if flow_width > 0 { flow_width + 2 } else { 0 }, 0);
    // Each gets its part of the room, but no less than a column a value.
    let share = (room.width() + 2) / (data.matrices.len().max(1) as u16);
    let wanted = |one: &Matrix| {
        let least = u16::try_from(one.columns.saturating_add(1)).unwrap_or(u16::MAX);
        matrix::width(one, share.saturating_sub(2).max(least).min(room.width()), room.height(), room.look)
    };
    let widths: Vec<u16> = data.matrices.iter().map(wanted).collect();
    let chosen = picture.min(data.matrices.len().saturating_sub(1));
    let all: u16 = widths.iter().fold(0, |sum, width| sum.saturating_add(width + 2));
    let first = if all <= room.width().saturating_add(2) { 0 } else { chosen };
    let mut x = 0;
    for (at, one) in data.matrices.iter().enumerate().skip(first) {
        let free = room.width().saturating_sub(x);
        if free == 0 || (at > first && free < widths[at]) {
            let (left, dim) = (data.matrices.len() - at, room.look.dim());
            let end = room.width();
            room.text_before(end, 0, &format!(" +{left}"), dim);
            break;
        }
        let wide = widths[at].min(free);
        let mut area = room.inset(x, 0, free - wide, 0);
        matrix::paint(&mut area, one, token, data.matrices.len() > 1 && at == chosen);
        x += wide + 2;
    }
}

/// The tokens so far on their way through the layers, the way of this one marked.
fn flow(pen: &mut Pen, ways: &Pathways, token: usize, alone: bool) {
    if pen.height() >= 4 || alone {
        let (width, strong) = (pen.width(), pen.look.strong());
        pen.text_within(0, 0, "Ways of the tokens so far; the last is marked", width, strong);
    }
    let top = u16::from(pen.height() >= 4 || alone);
    let sofar = ways.flow(0..=token, |expert| super::letter(expert).to_string());
    let mut marked = Vec::new();
    for layer in 0..ways.layers.saturating_sub(1) {
        for (from, _) in ways.of(token, layer) {
            marked.extend(ways.of(token, layer + 1).map(|(to, _)| (layer, from, to)));
        }
    }
    sankey::paint(&mut pen.inset(0, top, 0, 0), &sofar, &marked);
}
