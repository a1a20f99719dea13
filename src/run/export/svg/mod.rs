//! A panel as an SVG picture: the same panel gives the same bytes.
//!
//! Painters return [`Part`]s; a panel is a stack of title, note, body and caption, and a
//! `Beside` is a row of panels. Nothing needs an id, so that parts can be put together freely.

mod bars;
mod draw;
mod frame;
mod graphs;
mod heat;
mod images;
mod lines;
mod sankey;
mod scatter;
mod sequence;
mod table;
mod tokens;

use svg::Document;
use svg::node::element::{Description, Rectangle, Title};

use self::draw::{INK, MUTED, Part, paragraph};
use crate::contract::{Body, Panel};
use crate::run::export::clean;

/// Width of the body of a panel that stands alone, in pixels.
const WIDTH: f64 = 720.0;
/// Width of the body of a panel beside others.
const NARROW: f64 = 420.0;
/// White around the picture.
const MARGIN: f64 = 16.0;

/// A panel as a whole SVG document.
pub fn panel_svg(panel: &Panel) -> String {
    let part = paint(panel, WIDTH);
    let (width, height) = ((part.width + 2.0 * MARGIN).ceil(), (part.height + 2.0 * MARGIN).ceil());
    let paper = Rectangle::new().set("width", "100%").set("height", "100%").set("fill", "#ffffff");
    let document = Document::new()
        .set("viewBox", (0, 0, width, height))
        .set("width", width)
        .set("height", height)
        .set("role", "img")
        .set("font-family", "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif")
        .add(Title::new(clean(&panel.title)))
        .add(Description::new().add(svg::node::Text::new(clean(&panel.says))))
        .add(paper)
        .add(part.at(MARGIN, MARGIN));
    format!("{document}\n")
}

/// Title, note, body and caption, one under the other.
fn paint(panel: &Panel, width: f64) -> Part {
    let body = match &panel.body {
        Body::Lines(lines) => lines::paint(lines, width),
        Body::Heat(heat) => heat::paint(heat, width),
        Body::Bars(bars) => bars::paint(bars, width),
        Body::Scatter(scatter) => scatter::paint(scatter, width),
        Body::Table(table) => table::paint(table),
        Body::Images(images) => images::paint(images, width),
        Body::Tokens(tokens) => tokens::paint(&tokens.tokens, width),
        Body::Sequence(sequence) => sequence::paint(sequence, width),
        Body::Graphs(graphs) => graphs::paint(graphs, width),
        Body::Sankey(sankey) => sankey::paint(sankey, width),
        Body::Beside { panels } => beside(panels),
    };
    let width = width.min(body.width.max(320.0)).max(body.width);
    let mut part = Part::new(width);
    part.stack(paragraph(&panel.title, 16.0, INK, "600", width), 0.0);
    part.stack(paragraph(&panel.note, 12.0, MUTED, "400", width), 3.0);
    part.stack(body, 10.0);
    part.stack(paragraph(&panel.says, 11.0, MUTED, "400", width), 10.0);
    part
}

/// Panels in a row.
fn beside(panels: &[Panel]) -> Part {
    let mut row = Part::new(0.0);
    for panel in panels {
        let left = if row.width > 0.0 { row.width + 28.0 } else { 0.0 };
        row.put(paint(panel, NARROW), left, 0.0);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::export::samples;
    use svg::node::element::tag::Type;
    use svg::parser::Event;

    /// Reads the picture back; panics unless every tag closes in order. Gives texts and tag names.
    fn parse(picture: &str) -> (Vec<String>, Vec<String>) {
        let (mut open, mut texts, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for event in svg::read(picture).unwrap() {
            match event {
                Event::Error(error) => panic!("{error}\n{picture}"),
                Event::Tag(name, Type::Start, _) => {
                    open.push(name.to_owned());
                    names.push(name.to_owned());
                }
                Event::Tag(name, Type::End, _) => assert_eq!(open.pop().as_deref(), Some(name)),
                Event::Tag(name, Type::Empty, attributes) => {
                    names.push(name.to_owned());
                    for (key, value) in &attributes {
                        assert!(!value.contains("NaN") && !value.contains("inf"), "{name} {key}={value}");
                    }
                }
                Event::Text(text) => texts.push(text.to_owned()),
                _ => {}
            }
        }
        assert!(open.is_empty(), "left open: {open:?}");
        (texts, names)
    }

    #[test]
    fn every_kind_is_well_formed_and_deterministic() {
        for panel in samples::panels() {
            let picture = panel_svg(&panel);
            assert_eq!(picture, panel_svg(&panel.clone()), "{}", panel.id);
            let (texts, names) = parse(&picture);
            assert!(texts.iter().any(|text| text == &panel.title), "{}: no title", panel.id);
            assert!(names.len() > 10, "{}: nothing drawn", panel.id);
        }
    }

    #[test]
    fn every_kind_survives_having_no_data() {
        for panel in samples::empty_panels() {
            parse(&panel_svg(&panel));
        }
    }

    #[test]
    fn texts_are_escaped() {
        let mut panel = samples::panels().remove(0);
        panel.title = "<script>&\"'\u{7}".into();
        let picture = panel_svg(&panel);
        assert!(
            picture.contains("&lt;script&gt;&amp;\"'") && !picture.contains("<script>") && !picture.contains('\u{7}')
        );
        parse(&picture);
    }

    #[test]
    fn a_missing_value_breaks_the_line() {
        let panel = samples::panels().into_iter().find(|panel| panel.id == "curves").unwrap();
        let mut whole = panel.clone();
        let Body::Lines(lines) = &mut whole.body else { panic!("the sample has lines") };
        for line in &mut lines.lines {
            line.points.retain(|(_, y)| y.is_finite());
        }
        let moves = |picture: &str| {
            let paths = picture.lines().filter(|line| line.contains("stroke-linejoin"));
            paths.map(|line| line.matches('M').count()).sum::<usize>()
        };
        assert_eq!(moves(&panel_svg(&panel)), moves(&panel_svg(&whole)) + 1);
    }
}
