//! What there is to see of one symbol system.

use super::machine::Shown;
use super::semantics::Semantics;
use super::tree::Tree;
use super::trial::{Failure, NsrTrial};
use super::value::{Kind, Language, Value};
use crate::contract::{
    Axis, Body, Dash, Edge, EdgeKind, Frame, Graph, Graphs, Heat, Layout, Line, Lines, Mark, NodeState, Panel, Table,
};

/// States of a node.
const STATES: [&str; 4] = ["missing", "seen", "by program", "abduced"];
const MISSING: usize = 0;
const SEEN: usize = 1;
const PROGRAM: usize = 2;
const ABDUCED: usize = 3;
/// Characters of a value beside a node, and of a likelihood as a bar.
const VALUE: usize = 24;
const BAR: usize = 10;

/// All of them.
pub(super) fn panels(trial: &NsrTrial) -> Vec<Panel> {
    vec![trees(trial), symbols(trial), curves(trial), failures(trial)]
}

/// The training sentence that is explained, before and after its repair, beside the test sentence that went wrong last,
/// or the first.
fn trees(trial: &NsrTrial) -> Panel {
    let (language, meanings) = (&trial.machine.language, &trial.state.meanings);
    let mut graphs = Vec::new();
    let mut note = "arity is given, as in the authors' code; heads and meanings are learned".to_owned();
    if let Some(shown) = &trial.state.shown {
        graphs.push(training(shown, language, meanings));
        if let Some(repair) = &shown.repair {
            let value = |value: &Option<Value>| value.as_ref().map_or("missing".into(), |value| value.text(language));
            let word = &language.words[usize::from(shown.tree.symbols[repair.node])];
            let taken = |symbol: u8| format!(" taken for {}", language.words[usize::from(symbol)]);
            let taken = repair.symbol.map_or(String::new(), taken);
            let (before, after) = (value(&repair.before), value(&repair.after));
            note = format!("abduced: {word}{taken} was {before}, becomes {after}; {note}");
        }
    }
    let asked = trial.state.failures.first().map(|failure| &failure.sentence).or(trial.corpus.test.first());
    let read = asked.and_then(|sentence| trial.machine.read(&trial.symbols(sentence), &trial.parser, meanings));
    if let Some(read) = read {
        let frame = frame(&read.tree, &read.tree.values, &read.arcs, None, (language, meanings));
        graphs.push(graph("a test sentence", &read.tree, language, vec![frame]));
    }
    let steps = ["deduced", "repaired"].map(String::from).to_vec();
    Panel::new(
        "tree",
        "Grounded symbol system",
        "Words as a tree: each below its head, with its value. Brightness of an arc: the parser's probability. Missing \
         values are of words that were never seen on such inputs. Where the answer of the root was wrong, step two \
         shows the value that abduction changed so that it becomes right. Good: every value comes from a program.",
        Body::Graphs(Graphs { states: STATES.map(String::from).to_vec(), steps, graphs }),
    )
    .noting(note)
}

fn graph(label: &str, tree: &Tree, language: &Language, frames: Vec<Frame>) -> Graph {
    let nodes = tree.symbols.iter().map(|symbol| language.words[usize::from(*symbol)].clone()).collect();
    Graph { label: label.into(), directed: true, layout: Layout::Tree, nodes, frames }
}

fn training(shown: &Shown, language: &Language, meanings: &[Semantics]) -> Graph {
    let Shown { tree, repaired, repair, arcs, answer } = shown;
    let known = (language, meanings);
    let mut frames = vec![frame(tree, &tree.values, arcs, None, known)];
    frames.extend(repair.as_ref().map(|repair| frame(tree, repaired, arcs, Some(repair.node), known)));
    let label = answer.as_ref().map_or(String::new(), |answer| answer.text(language));
    graph(&format!("training, answer {}", cut(&label)), tree, language, frames)
}

fn frame(
    tree: &Tree,
    values: &[Option<Value>],
    arcs: &[f32],
    changed: Option<usize>,
    (language, meanings): (&Language, &[Semantics]),
) -> Frame {
    let node = |at: usize| {
        let state = match &values[at] {
            _ if changed == Some(at) => ABDUCED,
            None => MISSING,
            Some(_) if meanings[usize::from(tree.symbols[at])].trusted() => PROGRAM,
            Some(_) => SEEN,
        };
        let value = values[at].as_ref().map_or("?".into(), |value| cut(&value.text(language)));
        NodeState { state, value, place: None }
    };
    let edge = |at: usize| {
        let kind = if changed == Some(at) { EdgeKind::Chosen } else { EdgeKind::Plain };
        Some(Edge { from: tree.heads[at]?, to: at, weight: f64::from(arcs.get(at).copied().unwrap_or(0.0)), kind })
    };
    let count = tree.symbols.len();
    let note = if changed.is_some() { "repaired" } else { "deduced" };
    Frame {
        note: note.into(),
        marked: changed.is_some(),
        nodes: (0..count).map(node).collect(),
        edges: (0..count).filter_map(edge).collect(),
    }
}

fn cut(text: &str) -> String {
    crate::base::text::cut(text, VALUE)
}

/// What is known of every symbol.
fn symbols(trial: &NsrTrial) -> Panel {
    let language = &trial.machine.language;
    let row = |(word, meaning): (&String, &Semantics)| {
        let full = (meaning.likelihood * BAR as f64).round() as usize;
        let bar: String = (0..BAR).map(|i| if i < full { '█' } else { '░' }).collect();
        let program = meaning.program.as_ref().map_or("-".into(), |program| program.text(language));
        let state = match (meaning.solved(), meaning.trusted()) {
            (true, _) => "solved",
            (false, true) => "trusted",
            (false, false) => "as seen",
        };
        vec![
            word.clone(),
            meaning.arity.to_string(),
            meaning.cache.len().to_string(),
            format!("{bar} {:.2}", meaning.likelihood),
            program,
            state.into(),
        ]
    };
    let rows: Vec<Vec<String>> = language.words.iter().zip(&trial.state.meanings).map(row).collect();
    let solved = rows.iter().filter(|row| row[5] == "solved").count();
    let columns = ["word", "arity (given)", "inputs seen", "likelihood", "best program", "state"];
    Panel::new(
        "symbols",
        "What each symbol means",
        "The program that explains most examples of a symbol, and how far it is trusted. Above 0.5 it is called, below \
         that outputs that were seen are. From 0.95 on it is solved and stays. Only the arity is given.",
        Body::Table(Table { columns: columns.map(String::from).to_vec(), rows }),
    )
    .noting(format!("{solved} of {} solved", language.len()))
}

/// Shares by epoch.
fn curves(trial: &NsrTrial) -> Panel {
    let looks = &trial.state.looks;
    let line = |label: &str, dash: Dash, of: &dyn Fn(usize) -> f64| {
        let points = (0..looks.len()).map(|i| (looks[i].epoch as f64, of(i))).collect();
        Line { label: label.into(), dash, points }
    };
    let mut lines = vec![
        line("test", Dash::Solid, &|i| looks[i].test),
        line("deduced right", Dash::Solid, &|i| looks[i].deduced),
        line("repaired", Dash::Dashed, &|i| looks[i].repaired),
        line("no tree", Dash::Dotted, &|i| looks[i].unparsed),
        line("transitions told", Dash::Dashed, &|i| looks[i].parser.unwrap_or(f64::NAN)),
    ];
    if trial.condition.data.has_pictures() {
        lines.push(line("pictures told", Dash::Dotted, &|i| looks[i].perception.unwrap_or(f64::NAN)));
    }
    let mark = |stage: &super::settings::Stage| {
        let label = if stage.words == 0 { "all".into() } else { format!("{}w", stage.words) };
        Mark { x: stage.from as f64, label }
    };
    let marks = trial.condition.learning.curriculum.iter().map(mark).collect();
    let (x, y) = (Axis::linear("epoch"), Axis::linear("share").within(0.0, 1.0));
    Panel::new(
        "curves",
        "Deduction, abduction, test",
        "Shares of sentences by epoch: training sentences that are right by themselves, those that a single change \
         repairs, those without a tree; test sentences answered rightly; transitions of right parses that the parser \
         tells, test pictures that perception tells. Marks: from here on sentences of so many words.",
        Body::Lines(Lines { x, y, lines, marks }),
    )
}

/// The last wrong test sentences with what was answered: lists as strips, numbers as a table.
fn failures(trial: &NsrTrial) -> Panel {
    if trial.state.failures.is_empty() {
        let none = Table { columns: vec!["sentence".into()], rows: vec![vec!["none so far".into()]] };
        return Panel::new("failures", "Wrong test answers", "What the last test found wrong.", Body::Table(none));
    }
    match trial.machine.language.kind {
        Kind::Lists => wrong_lists(trial),
        Kind::Numbers => wrong_numbers(trial),
    }
}

fn wrong_numbers(trial: &NsrTrial) -> Panel {
    let language = &trial.machine.language;
    let row = |Failure { sentence, answered }: &Failure| {
        let text =
            |symbols: &[u8]| -> String { symbols.iter().map(|of| language.words[usize::from(*of)].as_str()).collect() };
        let answered = answered.as_ref().map_or("-".into(), |value| value.text(language));
        vec![text(&sentence.symbols), text(&trial.symbols(sentence)), answered, sentence.answer.text(language)]
    };
    let rows = trial.state.failures.iter().map(row).collect();
    let columns = ["expression", "seen as", "answered", "right answer"].map(String::from).to_vec();
    let says = "The last five wrong answers of the last test. A dash: no tree was found, or a value was missing or took \
                too long to count.";
    Panel::new("failures", "Wrong test answers", says, Body::Table(Table { columns, rows }))
}

/// What was answered above what is right.
fn wrong_lists(trial: &NsrTrial) -> Panel {
    let language = &trial.machine.language;
    let wrong = &trial.state.failures;
    let list = |value: Option<&Value>| match value {
        Some(Value::List(tokens)) => tokens.clone(),
        _ => Vec::new(),
    };
    let strips: Vec<(String, Vec<u8>)> = wrong
        .iter()
        .enumerate()
        .flat_map(|(i, Failure { sentence, answered })| {
            let answer = (format!("{} answered", i + 1), list(answered.as_ref()));
            [answer, (format!("{} right", i + 1), list(Some(&sentence.answer)))]
        })
        .collect();
    let longest = strips.iter().map(|(_, tokens)| tokens.len()).max().unwrap_or(0);
    let cells = strips.iter().flat_map(|(_, tokens)| (0..longest).map(|i| tokens.get(i).copied()));
    let cells: Vec<Option<u8>> = cells.collect();
    let commands = wrong.iter().enumerate().map(|(i, failure)| {
        let words = failure.sentence.symbols.iter().map(|symbol| language.words[usize::from(*symbol)].as_str());
        format!("{}: {}", i + 1, words.collect::<Vec<_>>().join(" "))
    });
    let note = commands.collect::<Vec<_>>().join("; ");
    let body = Heat {
        row_axis: "test sentence".into(),
        column_axis: "place in the answer".into(),
        rows: strips.into_iter().map(|(label, _)| label).collect(),
        columns: (1..=longest).map(|place| place.to_string()).collect(),
        values: cells.iter().map(|cell| cell.map_or(f64::NAN, f64::from)).collect(),
        letters: cells
            .iter()
            .map(|cell| cell.map_or(String::new(), |token| language.token(token).to_owned()))
            .collect(),
        range: Some((0.0, language.tokens.len().saturating_sub(1) as f64)),
        unit: "token".into(),
    };
    let says = "The last five wrong answers of the last test, each above the right one, token by token. An empty strip: no \
                tree was found, or a value was missing.";
    Panel::new("failures", "Wrong test answers", says, Body::Heat(body)).noting(note)
}
