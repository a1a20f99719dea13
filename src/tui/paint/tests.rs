//! Every painter on every area, with every kind of bad data; and what the good data look like.

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::contract::*;
use crate::tui::look::{Depth, Glyphs, Look};
use crate::view::made_up;

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1e3..1e3,
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(0.0),
        1 => Just(1e300),
        1 => Just(-1e-300),
        1 => any::<f64>(),
    ]
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z]{1,12}", Just("日本語 é".to_owned()), Just("a\nb\t\u{7}".to_owned())]
}

fn axis() -> impl Strategy<Value = Axis> {
    let range = prop_oneof![Just(None), (number(), number()).prop_map(Some)];
    let scale = proptest::sample::select(&Scale::ALL[..]);
    (word(), scale, range).prop_map(|(label, scale, range)| Axis { label, scale, range })
}

fn several<T: std::fmt::Debug>(one: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    prop::collection::vec(one, 0..6)
}

fn lines() -> impl Strategy<Value = Body> {
    let dash = prop_oneof![Just(Dash::Solid), Just(Dash::Dashed), Just(Dash::Dotted)];
    let points = prop::collection::vec((number(), number()), 0..30);
    let line = (word(), dash, points).prop_map(|(label, dash, points)| Line { label, dash, points });
    let mark = (number(), word()).prop_map(|(x, label)| Mark { x, label });
    let all = (axis(), axis(), several(line), several(mark));
    all.prop_map(|(x, y, lines, marks)| Body::Lines(Lines { x, y, lines, marks }))
}

fn heat() -> impl Strategy<Value = Body> {
    let range = prop_oneof![Just(None), (number(), number()).prop_map(Some)];
    let values = prop::collection::vec(number(), 0..60);
    let all = (several(word()), several(word()), values, several(word()), range, word());
    all.prop_map(|(rows, columns, values, letters, range, unit)| {
        let (row_axis, column_axis) = (unit.clone(), unit.clone());
        Body::Heat(Heat { row_axis, column_axis, rows, columns, values, letters, range, unit })
    })
}

fn other() -> impl Strategy<Value = Body> {
    let interval = prop_oneof![Just(None), (number(), number()).prop_map(Some)];
    let bar = (word(), number(), interval, word());
    let bar = bar.prop_map(|(label, value, interval, note)| Bar { label, value, interval, note });
    let bars = (axis(), several(bar)).prop_map(|(axis, bars)| Body::Bars(Bars { axis, bars }));
    let point = (number(), number(), word(), word());
    let point = point.prop_map(|(x, y, group, label)| Point { x, y, group, label });
    let scatter = (axis(), axis(), several(point));
    let scatter = scatter.prop_map(|(x, y, points)| Body::Scatter(Scatter { x, y, points }));
    let table = (several(word()), several(several(word())));
    let table = table.prop_map(|(columns, rows)| Body::Table(Table { columns, rows }));
    let pixels = prop::collection::vec(any::<f32>(), 0..70);
    let image = (word(), 0_usize..20, 0_usize..20, pixels);
    let image = image.prop_map(|(label, width, height, pixels)| Image { label, width, height, pixels });
    let images = several(image).prop_map(|images| Body::Images(Images { images }));
    let token = (word(), number(), word()).prop_map(|(text, weight, note)| Token { text, weight, note });
    let tokens = several(token).prop_map(|tokens| Body::Tokens(Tokens { tokens }));
    prop_oneof![bars, scatter, table, images, tokens, sequence(), sankey(), graphs()]
}

/// Sequences whose parts fit together, or not.
fn sequence() -> impl Strategy<Value = Body> {
    let token = (word(), number(), word()).prop_map(|(text, weight, note)| Token { text, weight, note });
    let scale = proptest::sample::select(&Scale::ALL[..]);
    let track = (word(), word(), scale, prop::collection::vec(number(), 0..40));
    let track = track.prop_map(|(label, unit, scale, values)| Track { label, unit, scale, values });
    let range = prop_oneof![Just(None), (number(), number()).prop_map(Some)];
    let frame = (0_usize..5, 0_usize..9).prop_flat_map(|(rows, columns)| {
        let frame = prop::collection::vec(any::<f32>(), rows * columns);
        (Just((rows, columns)), prop::collection::vec(frame, 0..4))
    });
    let matrix = (word(), frame, range, any::<bool>(), 0_usize..2).prop_map(|(label, frame, range, by_token, off)| {
        let ((rows, columns), frames) = frame;
        let (row_axis, column_axis) = (label.clone(), label.clone());
        Matrix { label, row_axis, column_axis, rows: rows + off, columns, frames, range, by_token }
    });
    let visits = (prop::collection::vec(0_usize..7, 0..90), prop::collection::vec(number(), 0..90));
    let pathways = (0_usize..6, 0_usize..5, 0_usize..3, visits).prop_map(|(experts, layers, chosen, visits)| {
        let (visits, weights) = visits;
        Pathways { experts, layers, chosen, visits, weights }
    });
    let tokens = prop::collection::vec(token, 0..70);
    let all = (tokens, several(track), several(matrix), prop::option::of(pathways));
    all.prop_map(|(tokens, tracks, matrices, pathways)| Body::Sequence(Sequence { tokens, tracks, matrices, pathways }))
}

fn sankey() -> impl Strategy<Value = Body> {
    let node = (word(), number()).prop_map(|(label, load)| Node { label, load });
    let column = (word(), several(node)).prop_map(|(label, nodes)| NodeColumn { label, nodes });
    let link = (0_usize..6, 0_usize..6, 0_usize..6, number());
    let link = link.prop_map(|(column, from, to, weight)| Link { column, from, to, weight });
    let all = (several(column), prop::collection::vec(link, 0..20));
    all.prop_map(|(columns, links)| Body::Sankey(Sankey { columns, links }))
}

/// Graphs whose parts fit together, or not.
fn graphs() -> impl Strategy<Value = Body> {
    let place = prop::option::of((number(), number()));
    let node = (0_usize..9, word(), place).prop_map(|(state, value, place)| NodeState { state, value, place });
    let kinds = vec![EdgeKind::Plain, EdgeKind::Chosen, EdgeKind::Wrong, EdgeKind::Reference];
    let edge = (0_usize..7, 0_usize..7, number(), proptest::sample::select(kinds));
    let edge = edge.prop_map(|(from, to, weight, kind)| Edge { from, to, weight, kind });
    let frame = (word(), any::<bool>(), several(node), several(edge));
    let frame = frame.prop_map(|(note, marked, nodes, edges)| Frame { note, marked, nodes, edges });
    let layout = proptest::sample::select(vec![Layout::Circle, Layout::Placed, Layout::Tree]);
    let graph = (word(), any::<bool>(), layout, several(word()), several(frame));
    let graph =
        graph.prop_map(|(label, directed, layout, nodes, frames)| Graph { label, directed, layout, nodes, frames });
    let all = (several(word()), several(word()), several(graph));
    all.prop_map(|(states, steps, graphs)| Body::Graphs(Graphs { states, steps, graphs }))
}

fn any_body() -> impl Strategy<Value = Body> {
    let flat = prop_oneof![lines(), heat(), other()];
    flat.prop_recursive(2, 8, 3, |inner| {
        let panel = (word(), inner).prop_map(|(title, body)| Panel::new("id", title, "", body));
        prop::collection::vec(panel, 0..4).prop_map(|panels| Body::Beside { panels })
    })
}

fn looks() -> impl Strategy<Value = Look> {
    let depth = prop_oneof![Just(Depth::None), Just(Depth::Sixteen), Just(Depth::Indexed), Just(Depth::True)];
    let glyphs = prop_oneof![Just(Glyphs::Ascii), Just(Glyphs::Blocks), Just(Glyphs::Braille)];
    (depth, glyphs).prop_map(|(depth, glyphs)| Look { depth, glyphs })
}

fn glances() -> impl Strategy<Value = Glance> {
    let stretch = (number(), number()).prop_map(|(low, high)| (low.min(high), low.max(high)));
    let window = prop::option::of(stretch.prop_filter("a stretch has a length", |(low, high)| low < high));
    let smoothing = prop_oneof![Just(0.0), Just(0.9)];
    let scale = prop::option::of(proptest::sample::select(&Scale::ALL[..]));
    let places = || prop::option::of(number());
    let all = (scale, window, smoothing, any::<bool>(), places(), places());
    all.prop_map(|(scale, window, smoothing, raw, cursor, anchor)| Glance {
        scale,
        window,
        smoothing,
        raw,
        cursor,
        anchor,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_panel_fits_any_area(
        body in any_body(),
        look in looks(),
        area in (0_u16..40, 0_u16..20, 0_u16..300, 0_u16..100),
        glance in glances(),
        scroll in 0_usize..20,
        at in (0_usize..80, 0_usize..9),
    ) {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
        buffer.set_style(buffer.area, ratatui::style::Style::new());
        let area = Rect::new(area.0, area.1, area.2, area.3);
        let shown = Panel::new("id", "title", "says", body).noting("note");
        panel(&mut Pen::new(&mut buffer, area, look), &shown, View { glance, scroll, token: at.0, picture: at.1 });
        for y in 0..40 {
            for x in 0..120 {
                if !area.contains((x, y).into()) {
                    prop_assert_eq!(buffer[(x, y)].symbol(), " ", "painted outside at {}, {}", x, y);
                }
            }
        }
        if look.depth == Depth::None {
            let plain = |cell: &ratatui::buffer::Cell| {
                use ratatui::style::Color::Reset;
                cell.fg == Reset && cell.bg == Reset
            };
            prop_assert!(buffer.content().iter().all(plain), "colour where there is none");
        }
        if look.glyphs == Glyphs::Ascii {
            let foreign = buffer.content().iter().find(|cell| !cell.symbol().is_ascii());
            let ours = |symbol: &str| "日本語é".contains(symbol);
            prop_assert!(foreign.is_none_or(|cell| ours(cell.symbol())), "{:?}", foreign);
        }
    }
}

fn painted(shown: &Panel, width: u16, height: u16, look: Look) -> String {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    let area = buffer.area;
    panel(&mut Pen::new(&mut buffer, area, look), shown, View::default());
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn panels_of_every_kind() {
    let mut all = made_up::study_panels();
    all.extend(made_up::trial_panels());
    all.extend(made_up::sequence_panels().into_iter().skip(1));
    let pictures: Vec<String> =
        all.iter().map(|one| format!("{}\n{}", one.title, painted(one, 60, 14, Look::PLAIN))).collect();
    insta::assert_snapshot!(pictures.join("\n\n"));
}

#[test]
fn a_sequence_shows_more_where_there_is_room() {
    let shown = &made_up::sequence_panels()[0];
    let small = painted(shown, 40, 8, Look::PLAIN);
    assert!(small.contains("[k3]"), "{small}");
    let large = painted(shown, 160, 50, Look::PLAIN);
    for part in ["[k3]", "token 1 of 40", "write gate", "memory, head 2", "+1", "layer 3", "f fault", "Ways of"] {
        assert!(large.contains(part), "{part} is not in\n{large}");
    }
}

#[test]
fn a_thousand_lines_are_drawn_and_counted() {
    let line = |i: usize| Line {
        label: format!("run {i}"),
        dash: Dash::Solid,
        points: (0..100).map(|x| (f64::from(x), (i * x as usize % 97) as f64)).collect(),
    };
    let data = Lines { lines: (0..2000).map(line).collect(), ..Lines::default() };
    let text = painted(&Panel::new("a", "A", "", Body::Lines(data)), 80, 20, Look::PLAIN);
    assert!(text.lines().next().is_some_and(|legend| legend.contains("run 0")), "{text}");
    assert!(text.contains(" +19"), "{text}");
}

#[test]
fn the_axis_of_a_live_chart_grows_in_jumps() {
    let frame = |steps: usize| {
        let points = (0..steps).map(|x| (x as f64, 1.0 + 0.001 * x as f64)).collect();
        let line = Line { label: "loss".into(), dash: Dash::Solid, points };
        let data = Lines { lines: vec![line], ..Lines::default() };
        let text = painted(&Panel::new("a", "A", "", Body::Lines(data)), 60, 12, Look::PLAIN);
        text.lines().last().unwrap_or_default().to_owned()
    };
    let frames: std::collections::BTreeSet<String> = (100..200).map(frame).collect();
    assert!(frames.len() <= 6, "{frames:?}");
}
