//! Panels and metrics as CSV, in long form: one value a row.

use csv::Writer;

use super::file_name;
use super::numbers::exact;
use crate::contract::{
    Bars, Body, Graphs, Heat, Images, Lines, Matrix, Panel, Sankey, Scatter, Sequence, StudyState, Table, Token,
};

/// Rows on their way to a CSV text.
struct Rows(Writer<Vec<u8>>);

impl Rows {
    fn new(heads: &[&str]) -> Self {
        let mut rows = Rows(csv::WriterBuilder::new().flexible(true).from_writer(Vec::new()));
        rows.add(heads);
        rows
    }

    fn add<T: AsRef<[u8]>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.0.write_record(cells).expect("memory takes every row, and rows may differ in length");
    }

    fn text(self) -> String {
        let bytes = self.0.into_inner().expect("memory takes every row");
        String::from_utf8(bytes).expect("only text was written")
    }
}

/// The data of a panel: (stem of the file's name, CSV text). One file, but one for each panel of a
/// `Beside` and one more for the marks of lines.
///
/// Columns: lines `line,x,y`; heat `row,column,value,letter`; bars `label,value,low,high,note`;
/// scatter `group,label,x,y`; a table its own; images `image,row,column,value`; tokens
/// `position,text,weight,note`; a sequence its tokens, and files for its tracks `track,position,value`,
/// matrices `matrix,position,row,column,value` and pathways `position,layer,rank,expert,weight`; what flows
/// `column,from,to,weight` and its nodes `column,node,load`; graphs `graph,step,from,to,weight,kind` and their nodes
/// `graph,step,node,state,value,x,y`. A missing value is an empty cell.
pub fn panel_csvs(panel: &Panel) -> Vec<(String, String)> {
    let stem = file_name(&panel.id);
    let text = match &panel.body {
        Body::Lines(lines) => {
            let mut files = vec![(stem.clone(), of_lines(lines))];
            if !lines.marks.is_empty() {
                files.push((format!("{stem}.marks"), of_marks(lines)));
            }
            return files;
        }
        Body::Beside { panels } => {
            let inner = panels.iter().flat_map(panel_csvs);
            return inner.map(|(name, text)| (format!("{stem}.{name}"), text)).collect();
        }
        Body::Heat(heat) => of_heat(heat),
        Body::Bars(bars) => of_bars(bars),
        Body::Scatter(scatter) => of_scatter(scatter),
        Body::Table(table) => of_table(table),
        Body::Images(images) => of_images(images),
        Body::Tokens(tokens) => of_tokens(&tokens.tokens),
        Body::Sequence(sequence) => return of_sequence(&stem, sequence),
        Body::Graphs(graphs) => {
            return vec![(stem.clone(), of_edges(graphs)), (format!("{stem}.nodes"), of_graph_nodes(graphs))];
        }
        Body::Sankey(sankey) => {
            return vec![(stem.clone(), of_links(sankey)), (format!("{stem}.nodes"), of_nodes(sankey))];
        }
    };
    vec![(stem, text)]
}

fn of_lines(lines: &Lines) -> String {
    let mut rows = Rows::new(&["line", "x", "y"]);
    for line in &lines.lines {
        for (x, y) in &line.points {
            rows.add([&line.label, &exact(*x), &exact(*y)]);
        }
    }
    rows.text()
}

fn of_marks(lines: &Lines) -> String {
    let mut rows = Rows::new(&["x", "label"]);
    for mark in &lines.marks {
        rows.add([&exact(mark.x), &mark.label]);
    }
    rows.text()
}

fn of_heat(heat: &Heat) -> String {
    let mut rows = Rows::new(&["row", "column", "value", "letter"]);
    for (r, row) in heat.rows.iter().enumerate() {
        for (c, column) in heat.columns.iter().enumerate() {
            let index = r * heat.columns.len() + c;
            let value = heat.values.get(index).copied().unwrap_or(f64::NAN);
            let letter = heat.letters.get(index).map_or("", String::as_str);
            rows.add([row, column, exact(value).as_str(), letter]);
        }
    }
    rows.text()
}

fn of_bars(bars: &Bars) -> String {
    let mut rows = Rows::new(&["label", "value", "low", "high", "note"]);
    for bar in &bars.bars {
        let (low, high) = bar.interval.unwrap_or((f64::NAN, f64::NAN));
        rows.add([&bar.label, &exact(bar.value), &exact(low), &exact(high), &bar.note]);
    }
    rows.text()
}

fn of_scatter(scatter: &Scatter) -> String {
    let mut rows = Rows::new(&["group", "label", "x", "y"]);
    for point in &scatter.points {
        rows.add([&point.group, &point.label, &exact(point.x), &exact(point.y)]);
    }
    rows.text()
}

fn of_table(table: &Table) -> String {
    let heads: Vec<&str> = table.columns.iter().map(String::as_str).collect();
    let mut rows = Rows::new(&heads);
    for row in &table.rows {
        rows.add(row);
    }
    rows.text()
}

fn of_images(images: &Images) -> String {
    let mut rows = Rows::new(&["image", "row", "column", "value"]);
    for image in &images.images {
        for (i, value) in image.pixels.iter().enumerate() {
            let (row, column) = (i / image.width.max(1), i % image.width.max(1));
            // The shortest text of the f32 itself: widened to f64 it would show digits it never had.
            let value = if value.is_finite() { value.to_string() } else { String::new() };
            rows.add([&image.label, &row.to_string(), &column.to_string(), &value]);
        }
    }
    rows.text()
}

fn of_tokens(tokens: &[Token]) -> String {
    let mut rows = Rows::new(&["position", "text", "weight", "note"]);
    for (i, token) in tokens.iter().enumerate() {
        rows.add([&i.to_string(), &token.text, &exact(token.weight), &token.note]);
    }
    rows.text()
}

/// The parts that a sequence has: tokens as such, then `tracks`, `matrices` and `pathways`.
fn of_sequence(stem: &str, sequence: &Sequence) -> Vec<(String, String)> {
    let mut files = vec![(stem.to_owned(), of_tokens(&sequence.tokens))];
    if !sequence.tracks.is_empty() {
        let mut rows = Rows::new(&["track", "position", "value"]);
        for track in &sequence.tracks {
            for (at, value) in track.values.iter().enumerate() {
                rows.add([&track.label, &at.to_string(), &exact(*value)]);
            }
        }
        files.push((format!("{stem}.tracks"), rows.text()));
    }
    if !sequence.matrices.is_empty() {
        let mut rows = Rows::new(&["matrix", "position", "row", "column", "value"]);
        sequence.matrices.iter().for_each(|matrix| add_frames(&mut rows, matrix));
        files.push((format!("{stem}.matrices"), rows.text()));
    }
    if let Some(pathways) = &sequence.pathways {
        let mut rows = Rows::new(&["position", "layer", "rank", "expert", "weight"]);
        for (at, layer) in (0..pathways.tokens()).flat_map(|at| (0..pathways.layers).map(move |layer| (at, layer))) {
            for (rank, (expert, weight)) in pathways.of(at, layer).enumerate() {
                let numbers = [at, layer, rank, expert].map(|number| number.to_string());
                rows.add(numbers.into_iter().chain([exact(weight)]));
            }
        }
        files.push((format!("{stem}.pathways"), rows.text()));
    }
    files
}

/// Every value of every frame; the position is empty where one frame stands for all tokens.
fn add_frames(rows: &mut Rows, matrix: &Matrix) {
    for at in 0..matrix.frames.len() {
        let position = if matrix.frames.len() == 1 { String::new() } else { at.to_string() };
        for (i, value) in matrix.frame(at).unwrap_or_default().iter().enumerate() {
            let (row, column) = ((i / matrix.columns).to_string(), (i % matrix.columns).to_string());
            let value = if value.is_finite() { value.to_string() } else { String::new() };
            rows.add([&matrix.label, &position, &row, &column, &value]);
        }
    }
}

fn of_links(sankey: &Sankey) -> String {
    let mut rows = Rows::new(&["column", "from", "to", "weight"]);
    for (at, column) in sankey.columns.iter().enumerate() {
        let next = sankey.columns.get(at + 1).map_or(&[][..], |column| &column.nodes);
        for link in sankey.leaving(at) {
            let (from, to) = (&column.nodes[link.from].label, &next[link.to].label);
            rows.add([&column.label, from, to, &exact(link.weight)]);
        }
    }
    rows.text()
}

fn of_nodes(sankey: &Sankey) -> String {
    let mut rows = Rows::new(&["column", "node", "load"]);
    for column in &sankey.columns {
        column.nodes.iter().for_each(|node| rows.add([&column.label, &node.label, &exact(node.load)]));
    }
    rows.text()
}

fn of_edges(graphs: &Graphs) -> String {
    let mut rows = Rows::new(&["graph", "step", "from", "to", "weight", "kind"]);
    for graph in &graphs.graphs {
        let name = |node: usize| graph.nodes.get(node).map_or("", String::as_str);
        for (step, frame) in graph.frames.iter().enumerate() {
            for edge in &frame.edges {
                let (step, weight) = (step.to_string(), exact(edge.weight));
                rows.add([&graph.label, &step, name(edge.from), name(edge.to), &weight, edge.kind.name()]);
            }
        }
    }
    rows.text()
}

fn of_graph_nodes(graphs: &Graphs) -> String {
    let mut rows = Rows::new(&["graph", "step", "node", "state", "value", "x", "y"]);
    for graph in &graphs.graphs {
        for (step, frame) in graph.frames.iter().enumerate() {
            for (name, node) in graph.nodes.iter().zip(&frame.nodes) {
                let (x, y) = node.place.map_or((String::new(), String::new()), |(x, y)| (exact(x), exact(y)));
                let state = graphs.states.get(node.state).map_or("", String::as_str);
                rows.add([&graph.label, &step.to_string(), name, state, &node.value, &x, &y]);
            }
        }
    }
    rows.text()
}

/// Every metric of every trial: `trial,condition,seed,step,name,value`; names in order, points as
/// recorded.
pub fn metrics_csv(state: &StudyState) -> String {
    let mut rows = Rows::new(&["trial", "condition", "seed", "step", "name", "value"]);
    for trial in &state.trials {
        let spec = &trial.result.spec;
        for (name, points) in &trial.result.metrics {
            for (step, value) in points {
                let (seed, step) = (spec.seed.to_string(), step.to_string());
                rows.add([&spec.name, &spec.condition, &seed, &step, name, &exact(*value)]);
            }
        }
    }
    rows.text()
}

/// The last values of every vector of every trial: `trial,condition,seed,step,name,index,value`.
pub fn vectors_csv(state: &StudyState) -> String {
    let mut rows = Rows::new(&["trial", "condition", "seed", "step", "name", "index", "value"]);
    for trial in &state.trials {
        let spec = &trial.result.spec;
        for (name, (step, values)) in &trial.result.vectors {
            for (index, value) in values.iter().enumerate() {
                let [seed, step, index] = [spec.seed, *step, index as u64].map(|n| n.to_string());
                rows.add([&spec.name, &spec.condition, &seed, &step, name, &index, &exact(*value)]);
            }
        }
    }
    rows.text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::export::samples;

    /// Reads a CSV text back: its head and its rows.
    fn read(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let list = |record: &csv::StringRecord| record.iter().map(String::from).collect();
        let heads = list(reader.headers().unwrap());
        (heads, reader.records().map(|record| list(&record.unwrap())).collect())
    }

    fn sample(id: &str) -> Vec<(String, String)> {
        panel_csvs(samples::panels().iter().find(|panel| panel.id == id).unwrap())
    }

    #[test]
    fn lines_are_long_and_a_missing_value_is_empty() {
        let files = sample("curves");
        assert_eq!(files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["curves", "curves.marks"]);
        let (heads, rows) = read(&files[0].1);
        assert_eq!((heads.join(","), rows.len()), ("line,x,y".into(), 402));
        assert_eq!(rows[100], ["seen tasks", "100", ""]);
        assert_eq!(rows[1][2].parse::<f64>().unwrap(), 0.5 + 0.4 * (1.0f64 / 30.0).sin());
    }

    #[test]
    fn every_kind_reads_back_with_its_values() {
        let row = |id: &str, index: usize| read(&sample(id)[0].1).1.swap_remove(index);
        assert_eq!(row("map", 3), ["16", "inf", "0.8", "L"]);
        assert_eq!(row("map", 4), ["64", "4", "", ""]);
        assert_eq!(row("gains", 1), ["breast cancer", "0.21", "0.1", "0.3", "censored"]);
        assert_eq!(row("state", 0), ["Transformer", "", "10", "0.2"]);
        assert_eq!(row("sets", 0), ["wine", "0.90", "learns | well"]);
        assert_eq!(row("digits", 9), ["3", "1", "1", "0"]);
        assert_eq!(row("strip", 2)[1], "\n");
        let part = |at: usize, index: usize| read(&sample("memory")[at].1).1.swap_remove(index);
        assert_eq!(sample("memory").len(), 4);
        assert_eq!(part(0, 1), ["1", "<b>", "", "fault"]);
        assert_eq!(part(1, 1), ["error", "1", "0.75"]);
        assert_eq!(
            (part(2, 7), part(2, 12)[..2].join(",")),
            (["M", "1", "0", "1", "-0.5"].map(String::from).to_vec(), "attention,".into())
        );
        assert_eq!(part(3, 3), ["1", "1", "0", "2", "0.5"]);
        assert_eq!(row("flow", 0), ["layer 1", "0", "1", "2"]);
        assert_eq!(row("trace", 2), ["G", "0", "c", "a", "1", "wrong"]);
        assert_eq!(read(&sample("trace")[1].1).1[1], ["G", "0", "<b>", "shut", "<1>", "1", "1"]);
        assert_eq!(
            sample("pair").iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["pair.digits", "pair.race"]
        );
    }

    #[test]
    fn metrics_hold_every_point_of_every_trial() {
        let (heads, rows) = read(&metrics_csv(&samples::study()));
        assert_eq!(heads.join(","), "trial,condition,seed,step,name,value");
        assert_eq!(rows.len(), 8);
        assert_eq!(rows[1], ["Kinf.s0", "K = inf", "0", "20", "unseen.last", "0.79"]);
        let (_, rows) = read(&vectors_csv(&samples::study()));
        assert_eq!(rows[3], ["Kinf.s1", "K = inf", "1", "20", "by position", "1", "0.75"]);
    }
}
