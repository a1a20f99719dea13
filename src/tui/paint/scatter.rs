//! Scatters: one letter and colour a group.

use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use super::{axes, groups, letter, nothing};
use crate::contract::Scatter;
use crate::tui::pen::Pen;

/// Paints points in a plane.
pub(super) fn paint(pen: &mut Pen, data: &Scatter) {
    if !data.points.iter().any(|point| point.x.is_finite() && point.y.is_finite()) {
        return nothing(pen, "no points yet");
    }
    let (labels, places) = groups(data.points.iter().map(|point| point.group.as_str()));
    let x = data.x.span(data.points.iter().map(|point| point.x));
    let y = data.y.span(data.points.iter().map(|point| point.y));
    let look = pen.look;
    let mut top = 0;
    if pen.height() >= 4 {
        let mut column = pen.text(0, 0, &data.y.label, look.dim());
        column += if column > 0 { 2 } else { 0 };
        for (place, label) in labels.iter().enumerate() {
            if column > 0 && usize::from(column) + label.width() + 2 > usize::from(pen.width()) {
                let rest = format!("+{}", labels.len() - place);
                pen.text_before(pen.width(), 0, &rest, look.dim());
                break;
            }
            let style = look.series(place).add_modifier(Modifier::BOLD);
            let next = pen.text(column, 0, &letter(place).to_string(), style);
            column = pen.text(next + 1, 0, label, look.text()) + 2;
        }
        top = 1;
    }
    let mut pen = pen.inset(0, top, 0, 0);
    let plot = axes::paint(&mut pen, (&x, &data.x.label), &y);
    let mut pen = pen.within(plot);
    let (right, bottom) = (f64::from(pen.width().max(1) - 1), f64::from(pen.height().max(1) - 1));
    for (point, place) in data.points.iter().zip(&places) {
        let at = x.position(point.x).zip(y.position(point.y));
        let inside = |at: &(f64, f64)| (0.0..=1.0).contains(&at.0) && (0.0..=1.0).contains(&at.1);
        if let Some((across, up)) = at.filter(inside) {
            let (column, row) = ((across * right).round() as u16, ((1.0 - up) * bottom).round() as u16);
            pen.cell(column, row, letter(*place), look.series(*place).add_modifier(Modifier::BOLD));
        }
    }
}
