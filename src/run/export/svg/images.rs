//! Grey images in reading order with their captions.

use super::draw::{Anchor, GRID, INK, Part, fitted, hex, nothing, rectangle, text};
use crate::contract::{Image, Images};

/// Pixels across the longer side of an image.
const SIDE: f64 = 112.0;

/// Paints images.
pub(super) fn paint(images: &Images, width: f64) -> Part {
    if images.images.is_empty() {
        return nothing(width);
    }
    let across = ((width + 14.0) / (SIDE + 14.0)).floor().max(1.0) as usize;
    let mut part = Part::new(0.0);
    for (index, image) in images.images.iter().enumerate() {
        let (column, row) = ((index % across) as f64, (index / across) as f64);
        part.put(one(image), column * (SIDE + 14.0), row * (SIDE + 26.0));
    }
    part
}

/// One image; neighbours of the same grey share a rectangle.
fn one(image: &Image) -> Part {
    let mut part = Part::new(SIDE);
    part.height = SIDE + 18.0;
    let dot = SIDE / image.width.max(image.height).max(1) as f64;
    for (row, pixels) in image.pixels.chunks(image.width.max(1)).take(image.height).enumerate() {
        let mut column = 0;
        for run in pixels.chunk_by(|a, b| level(*a) == level(*b)) {
            let grey = level(run[0]);
            let (x, y) = (dot * column as f64, dot * row as f64);
            let square = rectangle(x, y, dot * run.len() as f64, dot, &hex(grey, grey, grey));
            part.add(square.set("shape-rendering", "crispEdges"));
            column += run.len();
        }
    }
    let (wide, high) = (dot * image.width as f64, dot * image.height as f64);
    part.add(rectangle(0.0, 0.0, wide, high, "none").set("stroke", GRID));
    part.add(text(&fitted(&image.label, 11.0, SIDE), SIDE / 2.0, SIDE + 14.0, 11.0, Anchor::Middle, INK));
    part
}

/// Grey level 0..255 of a value in 0..1; what is missing is dark.
fn level(value: f32) -> f64 {
    if value.is_finite() { (f64::from(value).clamp(0.0, 1.0) * 255.0).round() } else { 0.0 }
}
