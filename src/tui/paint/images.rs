//! Grey images side by side: half blocks of grey, or shades where there is no colour.

use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::nothing;
use crate::contract::{Image, Images};
use crate::tui::look::Look;
use crate::tui::pen::Pen;

/// Paints images from left to right, in rows; `scroll` of them left out.
pub(super) fn paint(pen: &mut Pen, data: &Images, scroll: usize) {
    let usable =
        |image: &&Image| image.width > 0 && image.height > 0 && image.pixels.len() >= image.width * image.height;
    let images: Vec<&Image> = data.images.iter().filter(usable).collect();
    if images.is_empty() {
        return nothing(pen, "no images yet");
    }
    let images = &images[scroll.min(images.len() - 1)..];
    let (mut x, mut y, mut row_height) = (0, 0, 0);
    for image in images {
        let room = (pen.width(), pen.height().saturating_sub(y + 1).max(1));
        let (width, height) = size(image, room, pen.look);
        let taken = width.max((image.label.width() as u16).min(width.max(10)));
        if x > 0 && x + taken > pen.width() {
            (x, y, row_height) = (0, y + row_height + 1, 0);
        }
        if y >= pen.height() {
            break;
        }
        one(&mut pen.inset(x, y, 0, 0), image, (width, height));
        x += taken + 2;
        row_height = row_height.max(height + 1);
    }
}

/// Cells of an image: its own pixels, or as many as fit with the same shape, enlarged by whole
/// numbers where there is much room.
fn size(image: &Image, room: (u16, u16), look: Look) -> (u16, u16) {
    // A half block is about square; a whole cell is twice as high as wide.
    let (across, down) = if look.has_halves() { (1.0, 0.5) } else { (2.0, 1.0) };
    let (wide, high) = (image.width as f64 * across, image.height as f64 * down);
    let fits = (f64::from(room.0) / wide).min(f64::from(room.1) / high);
    let scale = if fits >= 1.0 { fits.floor().min(3.0) } else { fits };
    (((wide * scale).round() as u16).max(1), ((high * scale).ceil() as u16).max(1))
}

fn one(pen: &mut Pen, image: &Image, (width, height): (u16, u16)) {
    let look = pen.look;
    let halves = look.has_halves();
    let rows = usize::from(height) * if halves { 2 } else { 1 };
    let pixel = |x: u16, row: usize| {
        let column = usize::from(x) * image.width / usize::from(width);
        let value = image.pixels[(row * image.height / rows).min(image.height - 1) * image.width + column];
        if value.is_finite() { f64::from(value) } else { 0.0 }
    };
    for y in 0..height {
        for x in 0..width {
            let row = usize::from(y);
            if halves {
                let style = Style::new().fg(look.grey(pixel(x, row * 2))).bg(look.grey(pixel(x, row * 2 + 1)));
                pen.cell(x, y, '▀', style);
            } else if look.has_ramp() {
                pen.cell(x, y, ' ', Style::new().bg(look.grey(pixel(x, row))));
            } else {
                pen.cell(x, y, look.shade(pixel(x, row)), look.text());
            }
        }
    }
    pen.text_within(0, height, &image.label, width.max(10), look.dim());
}
