//! The frame of a chart: axes, ticks, grid, and the mapping from values to pixels.

use svg::node::element::SVG;

use super::draw::{Anchor, GRID, INK, MUTED, Part, fitted, px, rectangle, stroke, text, text_width};
use crate::contract::{Span, short_number};

/// How far strokes and glyphs may stick out of the plot.
const BLEED: f64 = 6.0;

/// The plot rectangle of a chart with two axes; coordinates are those of the part.
pub(super) struct Frame {
    pub(super) x: Span,
    pub(super) y: Span,
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Frame {
    /// A frame in a part `width` wide, leaving room for the labels of the y axis.
    pub(super) fn new(x: Span, y: Span, width: f64, height: f64) -> Self {
        let widest = y.ticks(6).into_iter().map(|t| text_width(&short_number(t), 11.0)).fold(0.0, f64::max);
        let left = widest + 32.0;
        Frame { x, y, left, top: 16.0, width: (width - left - 14.0).max(60.0), height }
    }

    /// Where a point lies inside [`Frame::inside`]; none if it has no place on the axes.
    pub(super) fn place(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        // Far outside is as good as outside, and keeps coordinates short.
        let near = |share: f64| share.clamp(-10.0, 11.0);
        Some((near(self.x.position(x)?) * self.width, (1.0 - near(self.y.position(y)?)) * self.height))
    }

    /// Grid, ticks and labels.
    pub(super) fn paint(&self, x_label: &str, y_label: &str) -> Part {
        let mut part = Part::new(self.left + self.width + 14.0);
        part.height = self.top + self.height + 40.0;
        let (bottom, right) = (self.top + self.height, self.left + self.width);
        part.add(rectangle(self.left, self.top, self.width, self.height, "#ffffff").set("stroke", GRID));
        for tick in self.y.ticks(6) {
            let Some(share) = self.y.position(tick) else { continue };
            let y = bottom - share * self.height;
            part.add(stroke((self.left, y), (right, y), GRID, 1.0));
            part.add(text(&short_number(tick), self.left - 6.0, y + 4.0, 11.0, Anchor::End, MUTED));
        }
        for tick in self.x.ticks(if self.width < 400.0 { 5 } else { 8 }) {
            let Some(share) = self.x.position(tick) else { continue };
            let x = self.left + share * self.width;
            part.add(stroke((x, self.top), (x, bottom), GRID, 1.0));
            part.add(text(&short_number(tick), x, bottom + 15.0, 11.0, Anchor::Middle, MUTED));
        }
        part.add(stroke((self.left, bottom), (right, bottom), MUTED, 1.0));
        part.add(stroke((self.left, self.top), (self.left, bottom), MUTED, 1.0));
        let label = fitted(x_label, 12.0, self.width);
        part.add(text(&label, self.left + self.width / 2.0, bottom + 33.0, 12.0, Anchor::Middle, INK));
        let label = fitted(y_label, 12.0, self.height + 20.0);
        let turn = format!("translate(11 {}) rotate(-90)", px(self.top + self.height / 2.0));
        part.add(text(&label, 0.0, 0.0, 12.0, Anchor::Middle, INK).set("transform", turn));
        part
    }

    /// An empty drawing over the plot: what leaves the plot is cut off.
    pub(super) fn inside(&self) -> SVG {
        let (width, height) = (px(self.width + 2.0 * BLEED), px(self.height + 2.0 * BLEED));
        SVG::new()
            .set("x", px(self.left - BLEED))
            .set("y", px(self.top - BLEED))
            .set("width", width)
            .set("height", height)
            .set("viewBox", (-BLEED, -BLEED, width, height))
    }
}
