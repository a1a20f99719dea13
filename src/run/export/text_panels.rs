//! Panels as plain text: tables of numbers, small curves in block letters, wrapped to a width.

use unicode_width::UnicodeWidthStr;

use super::clean;
use super::numbers::shown;
use super::text::aligned;
use crate::contract::{
    Bars, Body, EdgeKind, Graphs, Heat, Image, Lines, Panel, Sankey, Scale, Scatter, Sequence, Span, Token,
};

/// Rows of a long list that are printed; the CSV has the others.
const MOST: usize = 40;

/// Cells and pixels from dark to bright; blank is left for what is not known.
const SHADES: [&str; 10] = ["..", ",,", "::", "--", "==", "++", "**", "##", "%%", "@@"];

/// A panel as plain text for a terminal `width` columns wide. Tables may be wider.
pub fn panel_text(panel: &Panel, width: usize) -> String {
    let width = width.max(40);
    let title = clean(&panel.title);
    let mut text = format!("{title}\n{}\n", "=".repeat(title.width()));
    for sentence in [&panel.note, &panel.says] {
        text += &wrapped(sentence, width);
    }
    text += &match &panel.body {
        Body::Lines(lines) => of_lines(lines, width),
        Body::Heat(heat) => of_heat(heat, width),
        Body::Bars(bars) => of_bars(bars, width),
        Body::Scatter(scatter) => of_scatter(scatter),
        Body::Table(table) => {
            let heads: Vec<&str> = table.columns.iter().map(String::as_str).collect();
            aligned(&heads, &table.rows)
        }
        Body::Images(images) => images.images.iter().map(of_image).collect(),
        Body::Tokens(tokens) => of_tokens(&tokens.tokens, width),
        Body::Sequence(sequence) => of_sequence(sequence, width),
        Body::Graphs(graphs) => of_graphs(graphs, width),
        Body::Sankey(sankey) => of_sankey(sankey),
        Body::Beside { panels } => panels.iter().map(|panel| format!("\n{}", panel_text(panel, width))).collect(),
    };
    text
}

/// Text wrapped at words; nothing at all when it is empty.
fn wrapped(text: &str, width: usize) -> String {
    let mut rows: Vec<String> = Vec::new();
    for word in clean(text).split_whitespace() {
        match rows.last_mut() {
            Some(row) if row.width() + 1 + word.width() <= width => *row += &format!(" {word}"),
            _ => rows.push(word.to_owned()),
        }
    }
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// Values as block letters between the ends of a span; a space where one is missing.
fn spark(values: impl Iterator<Item = f64>, span: Span) -> String {
    let blocks: Vec<char> = "▁▂▃▄▅▆▇█".chars().collect();
    let block = |share: f64| blocks[((share.clamp(0.0, 1.0) * blocks.len() as f64) as usize).min(blocks.len() - 1)];
    values.map(|value| span.position(value).map_or(' ', block)).collect()
}

fn of_lines(lines: &Lines, width: usize) -> String {
    let span = lines.y.span(lines.lines.iter().flat_map(|line| line.points.iter().map(|p| p.1)));
    let cells = (width / 3).clamp(12, 40);
    let rows: Vec<Vec<String>> = lines
        .lines
        .iter()
        .map(|line| {
            let (count, finite) = (line.points.len(), || line.points.iter().map(|p| p.1).filter(|y| y.is_finite()));
            let (low, high) = (finite().fold(f64::NAN, f64::min), finite().fold(f64::NAN, f64::max));
            let picks = (0..cells.min(count)).map(|i| (i * 2 + 1) * count / (2 * cells.min(count)));
            let curve = spark(picks.map(|i| line.points[i].1), span);
            let ends = [finite().next(), finite().next_back()].map(|y| shown(y.unwrap_or(f64::NAN)));
            vec![line.label.clone(), curve, ends[0].clone(), ends[1].clone(), shown(low), shown(high)]
        })
        .collect();
    let scale = match lines.y.scale {
        Scale::Linear => String::new(),
        scale => format!(", {}", scale.name()),
    };
    let curve = format!("{} {}..{}{scale}", lines.y.label, shown(span.low), shown(span.high));
    let mut text = aligned(&["line", &curve, "first", "last", "lowest", "highest"], &rows);
    let xs = || lines.lines.iter().flat_map(|line| line.points.iter().map(|p| p.0)).filter(|x| x.is_finite());
    let (first, last) = (xs().fold(f64::NAN, f64::min), xs().fold(f64::NAN, f64::max));
    if first.is_finite() {
        text += &format!("x: {} {} to {}\n", clean(&lines.x.label), shown(first), shown(last));
    }
    for mark in &lines.marks {
        text += &format!("mark at {}: {}\n", shown(mark.x), clean(&mark.label));
    }
    text
}

/// Numbers where they fit, else one shade a cell.
fn of_heat(heat: &Heat, width: usize) -> String {
    let corner = format!("{} \\ {}", heat.row_axis, heat.column_axis);
    let heads: Vec<&str> = [corner.as_str()].into_iter().chain(heat.columns.iter().map(String::as_str)).collect();
    let cell = |index: usize| {
        let value = shown(heat.values.get(index).copied().unwrap_or(f64::NAN));
        heat.letters.get(index).map_or_else(|| value.clone(), |letter| format!("{letter} {value}").trim().into())
    };
    let columns = heat.columns.len();
    let row = |(r, name): (usize, &String)| {
        [name.clone()].into_iter().chain((0..columns).map(|c| cell(r * columns + c))).collect()
    };
    let rows: Vec<Vec<String>> = heat.rows.iter().enumerate().map(row).collect();
    let unit = if heat.unit.is_empty() { String::new() } else { format!("values: {}\n", clean(&heat.unit)) };
    let table = aligned(&heads, &rows);
    if table.lines().all(|line| line.width() <= width) { table + &unit } else { shades(heat, &corner) + &unit }
}

/// A matrix in shades, two letters a cell, each row under its name.
fn shades(heat: &Heat, corner: &str) -> String {
    let fold = |(low, high): (f64, f64), v: &f64| (low.min(*v), high.max(*v));
    let ends = || heat.values.iter().filter(|v| v.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), fold);
    let (low, high) = heat.range.unwrap_or_else(ends);
    let cell = |index: usize| match heat.values.get(index).copied().filter(|v| v.is_finite()) {
        Some(value) => SHADES[(((value - low) / (high - low).max(1e-300)).clamp(0.0, 1.0) * 9.0).round() as usize],
        None => "  ",
    };
    let columns = heat.columns.len();
    let row = |(r, name): (usize, &String)| {
        vec![name.clone(), (0..columns).map(|c| cell(r * columns + c)).collect::<String>()]
    };
    let ends = match (heat.columns.first(), heat.columns.last()) {
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => String::new(),
    };
    let rows: Vec<Vec<String>> = heat.rows.iter().enumerate().map(row).collect();
    aligned(&[corner, &ends], &rows)
        + &format!(
            "from \"{}\" = {} to \"{}\" = {}; blank is not known\n",
            SHADES[0],
            shown(low),
            SHADES[9],
            shown(high)
        )
}

fn of_bars(bars: &Bars, width: usize) -> String {
    let ends = bars.bars.iter().filter_map(|bar| bar.interval).flat_map(|(low, high)| [low, high]);
    let span = bars.axis.span(bars.bars.iter().map(|bar| bar.value).chain(ends).chain([0.0]));
    let room = (width / 3).clamp(10, 40) as f64;
    let row = |bar: &crate::contract::Bar| {
        let place = |value: f64| (span.position(value).unwrap_or(0.0).clamp(0.0, 1.0) * room).round() as usize;
        let (from, to) = (place(0.0), place(bar.value));
        let (from, to) = if bar.value.is_finite() { (from.min(to), from.max(to)) } else { (0, 0) };
        let length = " ".repeat(from) + &"█".repeat(to - from);
        let interval = bar.interval.map_or(String::new(), |(low, high)| format!("[{}, {}]", shown(low), shown(high)));
        vec![bar.label.clone(), length, shown(bar.value), interval, bar.note.clone()]
    };
    let axis = format!("{} {}..{}", bars.axis.label, shown(span.low), shown(span.high));
    aligned(&["", &axis, "value", "interval", ""], &bars.bars.iter().map(row).collect::<Vec<_>>())
}

fn of_scatter(scatter: &Scatter) -> String {
    let rows: Vec<Vec<String>> = scatter
        .points
        .iter()
        .take(MOST)
        .map(|point| vec![point.group.clone(), point.label.clone(), shown(point.x), shown(point.y)])
        .collect();
    let mut text = aligned(&["group", "point", &scatter.x.label, &scatter.y.label], &rows);
    if scatter.points.len() > MOST {
        text += &format!("and {} more points\n", scatter.points.len() - MOST);
    }
    text
}

/// An image in letters from dark to bright, two a pixel; only its size when it is large.
fn of_image(image: &Image) -> String {
    let mut text = format!("{} ({}x{})\n", clean(&image.label), image.width, image.height);
    if image.width == 0 || image.width > 32 || image.height > 32 {
        return text;
    }
    for row in image.pixels.chunks(image.width).take(image.height) {
        for value in row {
            let share = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
            text += SHADES[(share * 9.0).round() as usize];
        }
        text.push('\n');
    }
    text
}

fn of_tokens(tokens: &[Token], width: usize) -> String {
    let token = |token: &Token| {
        let weight = if token.weight.is_finite() { shown(token.weight) } else { String::new() };
        let about: Vec<&str> = [weight.as_str(), token.note.as_str()].into_iter().filter(|s| !s.is_empty()).collect();
        let name = token.text.trim().replace(char::is_whitespace, "_");
        let name = if name.is_empty() { "_".to_owned() } else { name };
        if about.is_empty() { name } else { format!("{name}({})", about.join(",").replace(' ', "_")) }
    };
    wrapped(&tokens.iter().map(token).collect::<Vec<_>>().join(" "), width)
}

/// Tokens, tracks, matrices behind the last token, and pathways.
fn of_sequence(sequence: &Sequence, width: usize) -> String {
    let mut text = of_tokens(&sequence.tokens, width);
    for track in &sequence.tracks {
        // Notes stand with the tokens already.
        text += &format!("\n{}", of_lines(&Lines { marks: Vec::new(), ..sequence.chart(track) }, width));
    }
    let last = sequence.tokens.len().saturating_sub(1);
    for map in sequence.matrices.iter().filter_map(|matrix| matrix.heat(last, &sequence.tokens)) {
        text += &format!("\n{}", of_heat(&map, width));
    }
    text + &sequence.pathway_map().map_or_else(String::new, |map| format!("\n{}", of_heat(&map, width)))
}

/// The links, the heaviest of every column first.
fn of_sankey(sankey: &Sankey) -> String {
    let mut rows = Vec::new();
    for (at, column) in sankey.columns.iter().enumerate() {
        let next = sankey.columns.get(at + 1).map_or(&[][..], |column| &column.nodes);
        let total = sankey.total(at);
        for link in sankey.leaving(at) {
            let (from, to) = (column.nodes[link.from].label.clone(), next[link.to].label.clone());
            rows.push(vec![column.label.clone(), from, to, shown(link.weight), shown(link.weight / total)]);
        }
    }
    let more = rows.len().saturating_sub(MOST);
    rows.truncate(MOST);
    let mut text = aligned(&["", "from", "to", "flows", "share"], &rows);
    if more > 0 {
        text += &format!("and {more} more links\n");
    }
    text
}

/// The last step: how every node stands, and the edges that it is about.
fn of_graphs(graphs: &Graphs, width: usize) -> String {
    let Some(step) = graphs.len().checked_sub(1) else { return "no step yet\n".to_owned() };
    let mut text = format!("step {} of {}", step + 1, step + 1);
    text += &graphs.steps.get(step).map_or_else(String::new, |name| format!(": {}", clean(name)));
    text.push('\n');
    for graph in &graphs.graphs {
        let Some(frame) = graph.frame(step) else { continue };
        let note = if frame.note.is_empty() { String::new() } else { format!(" ({})", frame.note) };
        text += &wrapped(&format!("{}{note}", graph.label), width);
        let mut rows = Vec::new();
        for (at, (name, node)) in graph.nodes.iter().zip(&frame.nodes).enumerate() {
            let state = graphs.states.get(node.state).cloned().unwrap_or_default();
            let said = frame.edges.iter().filter(|edge| edge.from == at && edge.kind != EdgeKind::Plain);
            let said = said.filter_map(|edge| Some(format!("{} {}", edge.kind.name(), graph.nodes.get(edge.to)?)));
            rows.push(vec![name.clone(), state, node.value.clone(), said.collect::<Vec<_>>().join(", ")]);
        }
        let more = rows.len().saturating_sub(MOST);
        rows.truncate(MOST);
        text += &aligned(&["node", "state", "value", "edges"], &rows);
        if more > 0 {
            text += &format!("and {more} more nodes\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::export::samples;

    fn sample(id: &str) -> String {
        panel_text(samples::panels().iter().find(|panel| panel.id == id).unwrap(), 80)
    }

    #[test]
    fn every_kind_shows_its_values_and_no_control_code() {
        for (id, part) in [
            ("curves", "seen tasks"),
            ("map", "L 0.800"),
            ("attention", "::::--==@@"),
            ("gains", "[0.180, 0.330]"),
            ("state", "DeltaNet"),
            ("sets", "0.90"),
            ("digits", "@@"),
            ("strip", "sat(0.500,wrong)"),
            ("pair", "Plateau race"),
            ("memory", "<b>(fault)"),
            ("flow", "layer 1"),
            ("trace", "chosen c"),
        ] {
            let text = sample(id);
            assert!(text.contains(part), "{id} lacks {part}:\n{text}");
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{id}");
        }
        for panel in samples::empty_panels() {
            panel_text(&panel, 0);
        }
    }

    #[test]
    fn a_curve_rises_in_blocks_and_gaps_stay_gaps() {
        let span = Span { scale: Scale::Linear, low: 0.0, high: 1.0 };
        assert_eq!(spark([0.0, 0.5, f64::NAN, 1.0].into_iter(), span), "▁▅ █");
    }
}
