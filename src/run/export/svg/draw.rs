//! The small parts of every picture: text, colours, glyphs, and parts put together.

use svg::node::element::{Circle, Group, Path, Rectangle, Text};
use unicode_width::UnicodeWidthStr;

use crate::run::export::clean;

/// Colour of text.
pub(super) const INK: &str = "#1f1f1f";
/// Colour of notes, axes and captions.
pub(super) const MUTED: &str = "#5f5f5f";
/// Colour of grid lines.
pub(super) const GRID: &str = "#e3e3e3";
/// Colour of a cell without a value.
pub(super) const MISSING: &str = "#efefef";

/// The colours of Okabe and Ito (2008) that stand out on white; told apart by people with any kind
/// of colour vision.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

/// Colour of the `index`-th line or group.
pub(super) fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}

/// The viridis ramp at ten places (van der Walt and Smith 2015): even steps of lightness, so that
/// it also reads in grey.
const RAMP: [[u8; 3]; 10] = [
    [68, 1, 84],
    [72, 40, 120],
    [62, 73, 137],
    [49, 104, 142],
    [38, 130, 142],
    [31, 158, 137],
    [53, 183, 121],
    [110, 206, 88],
    [181, 222, 43],
    [253, 231, 37],
];

/// Values of both signs: blue below zero, orange above, white at zero.
const TWO_SIDED: [[u8; 3]; 5] = [[0, 68, 136], [86, 180, 233], [250, 250, 250], [230, 159, 0], [140, 60, 0]];

/// Colour of a share in 0..1 of the ramp, and of text on it.
pub(super) fn ramp(share: f64) -> (String, &'static str) {
    mixed(&RAMP, share)
}

/// The same of the ramp for values of both signs; zero is at 0.5.
pub(super) fn two_sided(share: f64) -> (String, &'static str) {
    mixed(&TWO_SIDED, share)
}

fn mixed(ramp: &[[u8; 3]], share: f64) -> (String, &'static str) {
    let at = share.clamp(0.0, 1.0) * (ramp.len() - 1) as f64;
    let low = (at as usize).min(ramp.len() - 2);
    let (below, above) = (ramp[low], ramp[low + 1]);
    let mix = |c: usize| f64::from(below[c]) + (f64::from(above[c]) - f64::from(below[c])) * (at - low as f64);
    let [r, g, b] = [mix(0), mix(1), mix(2)];
    let light = 0.299 * r + 0.587 * g + 0.114 * b > 140.0;
    (hex(r, g, b), if light { INK } else { "#ffffff" })
}

/// A colour from its parts in 0..255.
pub(super) fn hex(r: f64, g: f64, b: f64) -> String {
    format!("#{:02x}{:02x}{:02x}", r.round() as u8, g.round() as u8, b.round() as u8)
}

/// A coordinate to a hundredth of a pixel: short, and the same on every machine.
pub(super) fn px(value: f64) -> f64 {
    (value * 100.0).round() / 100.0 + 0.0
}

/// A painted part and the room it takes, its corner at (0, 0).
pub(super) struct Part {
    group: Group,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Part {
    /// Nothing yet, at least this wide.
    pub(super) fn new(width: f64) -> Self {
        Part { group: Group::new(), width, height: 0.0 }
    }

    /// Adds something that lies inside the part.
    pub(super) fn add(&mut self, node: impl Into<Box<dyn svg::Node>>) {
        svg::Node::append(&mut self.group, node);
    }

    /// Adds a part with its corner at (x, y) and grows to hold it.
    pub(super) fn put(&mut self, part: Part, x: f64, y: f64) {
        if part.width > 0.0 && part.height > 0.0 {
            self.width = self.width.max(x + part.width);
            self.height = self.height.max(y + part.height);
            self.add(part.at(x, y));
        }
    }

    /// Adds a part below everything so far.
    pub(super) fn stack(&mut self, part: Part, gap: f64) {
        let gap = if self.height > 0.0 { gap } else { 0.0 };
        self.put(part, 0.0, self.height + gap);
    }

    /// The drawing, moved to (x, y).
    pub(super) fn at(self, x: f64, y: f64) -> Group {
        if x == 0.0 && y == 0.0 {
            return self.group;
        }
        self.group.set("transform", format!("translate({} {})", px(x), px(y)))
    }
}

/// Where a text stands to its point.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// One line of text; (x, y) is on its baseline.
pub(super) fn text(content: &str, x: f64, y: f64, size: f64, anchor: Anchor, fill: &str) -> Text {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    Text::new(clean(content))
        .set("x", px(x))
        .set("y", px(y))
        .set("font-size", size)
        .set("text-anchor", anchor)
        .set("fill", fill)
}

/// About how wide a text is; rather too wide than too narrow.
pub(super) fn text_width(content: &str, size: f64) -> f64 {
    content.width() as f64 * size * 0.58
}

/// The text, cut with an ellipsis where it would be wider than `room`.
pub(super) fn fitted(content: &str, size: f64, room: f64) -> String {
    let content = clean(content);
    if text_width(&content, size) <= room {
        return content;
    }
    let mut kept = String::new();
    for c in content.chars() {
        kept.push(c);
        if text_width(&kept, size) > room - size {
            kept.pop();
            break;
        }
    }
    kept.trim_end().to_owned() + "…"
}

/// Text wrapped at words; no part at all when it is empty.
pub(super) fn paragraph(content: &str, size: f64, fill: &str, weight: &str, width: f64) -> Part {
    let mut rows: Vec<String> = Vec::new();
    for word in clean(content).split_whitespace() {
        match rows.last_mut() {
            Some(row) if text_width(row, size) + text_width(word, size) + size * 0.3 <= width => {
                row.push(' ');
                row.push_str(word);
            }
            _ => rows.push(word.to_owned()),
        }
    }
    let mut part = Part::new(0.0);
    for (i, row) in rows.iter().enumerate() {
        let y = size * (1.0 + 1.35 * i as f64);
        part.add(text(row, 0.0, y, size, Anchor::Start, fill).set("font-weight", weight));
        part.width = part.width.max(text_width(row, size).min(width));
        part.height = y + size * 0.3;
    }
    part
}

/// The words that stand where there is nothing to draw yet.
pub(super) fn nothing(width: f64) -> Part {
    let mut part = Part::new(width);
    part.height = 60.0;
    part.add(rectangle(0.0, 0.0, width, 60.0, MISSING));
    part.add(text("no data yet", width / 2.0, 34.0, 12.0, Anchor::Middle, MUTED));
    part
}

/// A filled rectangle.
pub(super) fn rectangle(x: f64, y: f64, width: f64, height: f64, fill: &str) -> Rectangle {
    let (width, height) = (px(width.max(0.0)), px(height.max(0.0)));
    Rectangle::new().set("x", px(x)).set("y", px(y)).set("width", width).set("height", height).set("fill", fill)
}

/// A straight stroke.
pub(super) fn stroke(from: (f64, f64), to: (f64, f64), colour: &str, width: f64) -> Path {
    let course = format!("M{} {}L{} {}", px(from.0), px(from.1), px(to.0), px(to.1));
    Path::new().set("d", course).set("stroke", colour).set("stroke-width", width).set("fill", "none")
}

/// The glyph of the `index`-th line or group, so that nothing hangs on colour alone.
pub(super) fn glyph(index: usize, x: f64, y: f64, size: f64) -> Box<dyn svg::Node> {
    let (fill, edge) = (colour(index), "#ffffff");
    let shape =
        |course: String| Path::new().set("d", course).set("fill", fill).set("stroke", edge).set("stroke-width", 0.8);
    let r = size;
    let move_to = |dx: f64, dy: f64| format!("M{} {}", px(x + dx), px(y + dy));
    match index % 6 {
        0 => Circle::new()
            .set("cx", px(x))
            .set("cy", px(y))
            .set("r", r)
            .set("fill", fill)
            .set("stroke", edge)
            .set("stroke-width", 0.8)
            .into(),
        1 => shape(format!("{}h{d}v{d}h-{d}z", move_to(-0.9 * r, -0.9 * r), d = px(1.8 * r))).into(),
        2 => shape(format!("{}l{} {}h-{}z", move_to(0.0, -1.2 * r), px(1.15 * r), px(2.1 * r), px(2.3 * r))).into(),
        3 => shape(format!("{}l{d} {d}l-{d} {d}l-{d} -{d}z", move_to(0.0, -1.3 * r), d = px(1.3 * r))).into(),
        4 => shape(format!("{}l{} -{}h-{}z", move_to(0.0, 1.2 * r), px(1.15 * r), px(2.1 * r), px(2.3 * r))).into(),
        _ => {
            let course = format!("{}l{d} {d}m0 -{d}l-{d} {d}", move_to(-r, -r), d = px(2.0 * r));
            Path::new().set("d", course).set("fill", "none").set("stroke", fill).set("stroke-width", 2).into()
        }
    }
}

/// One entry of a legend: its name and how its sample is drawn into a box 26 x 14.
pub(super) struct Key<'a> {
    pub(super) label: &'a str,
    pub(super) sample: Group,
}

/// Entries in reading order, wrapped.
pub(super) fn legend(keys: Vec<Key<'_>>, width: f64) -> Part {
    let mut part = Part::new(0.0);
    let (mut x, mut y) = (0.0, 0.0);
    for key in keys {
        let label = fitted(key.label, 12.0, width - 40.0);
        let room = 32.0 + text_width(&label, 12.0) + 14.0;
        if x > 0.0 && x + room > width {
            (x, y) = (0.0, y + 18.0);
        }
        part.add(key.sample.set("transform", format!("translate({} {})", px(x), px(y))));
        part.add(text(&label, x + 32.0, y + 11.0, 12.0, Anchor::Start, INK));
        x += room;
        part.width = part.width.max(x.min(width));
        part.height = y + 16.0;
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_to_its_room() {
        assert_eq!(fitted("short", 12.0, 100.0), "short");
        let cut = fitted("a rather long label for a bar", 12.0, 100.0);
        assert!(cut.ends_with('…') && text_width(&cut, 12.0) <= 100.0);
    }

    #[test]
    fn the_ramp_ends_where_viridis_ends() {
        assert_eq!((ramp(0.0).0, ramp(1.0).0, ramp(2.0).0), ("#440154".into(), "#fde725".into(), "#fde725".into()));
        assert_eq!((ramp(0.0).1, ramp(1.0).1), ("#ffffff", INK));
    }

    #[test]
    fn words_wrap_and_nothing_takes_no_room() {
        assert_eq!(paragraph("", 12.0, INK, "400", 100.0).height, 0.0);
        let (one, two) = (paragraph("one", 12.0, INK, "400", 60.0), paragraph("one two three", 12.0, INK, "400", 60.0));
        assert!(two.height > one.height && two.width <= 60.0);
    }
}
