//! Which experts the tokens go to: a row a layer, a letter a token.

use crate::contract::Pathways;
use crate::tui::paint::letter;
use crate::tui::pen::Pen;
use crate::view::{TokenAxis, words};

/// Paints the strips, from the chosen layer on where there is no room for all.
pub(super) fn paint(pen: &mut Pen, ways: &Pathways, axis: &TokenAxis, cursor: usize, chosen: usize) {
    let rows = usize::from(pen.height());
    let all = ways.layers.saturating_mul(ways.chosen);
    if rows == 0 || all == 0 {
        return;
    }
    let chosen = chosen.min(ways.layers - 1);
    let first = (chosen * ways.chosen).min(all.saturating_sub(rows));
    for (y, place) in (first..all).take(rows).enumerate() {
        row(pen, y as u16, ways, (place / ways.chosen, place % ways.chosen, chosen), axis, cursor);
    }
}

fn row(
    pen: &mut Pen,
    y: u16,
    ways: &Pathways,
    (layer, rank, chosen): (usize, usize, usize),
    axis: &TokenAxis,
    cursor: usize,
) {
    let look = pen.look;
    let visit = |token: usize| ways.of(token, layer).nth(rank);
    let name = if rank == 0 { format!("layer {}", layer + 1) } else { String::new() };
    let style = if layer == chosen && ways.layers > 1 { look.accent() } else { look.text() };
    let room = axis.left.saturating_sub(1);
    let x = pen.text_within(0, y, &name, room, style);
    if let Some((expert, weight)) = visit(cursor).filter(|_| axis.left > 0) {
        let weight = if weight.is_finite() { format!(" {}", words::value(weight)) } else { String::new() };
        let text = format!("{}{weight}", letter(expert));
        if x + text.len() as u16 + 1 < axis.left {
            pen.text_before(room, y, &text, look.series(expert));
        }
    }
    let mut plot = pen.inset(axis.left, y, 0, 0);
    let tokens = ways.tokens();
    let window = if axis.is_whole() { 0 } else { axis.first(cursor) };
    for token in (window..tokens).take(usize::from(plot.width())) {
        let column = if axis.is_whole() { axis.column(token) } else { (token - window) as u16 };
        let Some((expert, _)) = visit(token) else { continue };
        let style = look.series(expert);
        for x in column..column + axis.cell() {
            // The letter, then a rule of its colour: bands are seen from afar.
            let symbol = if x == column {
                letter(expert)
            } else if look.glyph("─", "-") == "-" {
                '-'
            } else {
                '─'
            };
            plot.cell(x, 0, symbol, style);
        }
        if token == cursor {
            plot.restyle(column, 0, axis.cell(), look.selected());
        }
    }
}
