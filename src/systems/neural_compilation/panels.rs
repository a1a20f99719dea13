//! What there is to see of one trial: traces stepped through, attention side by side, where the first error enters.

use super::exact::Found;
use super::machine::{Example, Machine, Moment};
use super::score::{attention, deciding, forced, pointers, right};
use super::trial::{Look, TrainedTrial};
use crate::contract::{
    Axis, Bar, Bars, Body, Dash, Edge, EdgeKind, Frame, Graph, Graphs, Heat, Layout, Line, Lines, NodeState, Panel,
    Table,
};
use crate::tasks::algorithms::Algorithm;

/// Attention from which on an edge is drawn.
const SEEN: f64 = 0.05;

/// Every panel of a trained network.
pub(super) fn panels(trial: &mut TrainedTrial, looks: &[Look]) -> Vec<Panel> {
    let example = trial.tests[0][0].clone();
    let compiled = trial.compiled.as_mut().map(|compiled| walk(compiled, &example, 1.0, None));
    let temperature = trial.temperature();
    let given = compiled.as_deref().filter(|_| trial.settings.is_forced(trial.algorithm));
    let trained = walk(&mut trial.machine, &example, temperature, given);
    let mut panels = vec![learning(trial, looks)];
    if let Some(compiled) = &compiled {
        panels.push(twins(&trial.machine, &example, compiled, &trained));
        panels.extend(side_by_side(&trial.machine, &example, compiled, &trained));
    } else {
        panels.push(runs_of(&trial.machine, &example, &trained, "runs"));
    }
    panels.push(strip(&trial.machine, &example, &trained));
    panels
}

/// What a network says of one graph at every step of its trace.
fn walk(machine: &mut Machine, example: &Example, temperature: f32, given: Option<&[Moment]>) -> Vec<Moment> {
    let mut walk = machine.begin(std::slice::from_ref(example), temperature);
    let shape = machine.shape;
    let mut step = |step: usize| {
        let given = given.map(|given| forced(shape, &given[step], 1, example.sample.nodes));
        machine.advance(&mut walk, given.as_deref())
    };
    (0..example.trace.steps()).map(&mut step).collect()
}

fn learning(trial: &TrainedTrial, looks: &[Look]) -> Panel {
    let line = |label: &str, dash: Dash, of: &dyn Fn(&Look) -> Option<f64>| Line {
        label: label.into(),
        dash,
        points: looks.iter().filter_map(|look| Some((look.step as f64, of(look)?))).collect(),
    };
    let lines = vec![
        line("accuracy", Dash::Solid, &|look| Some(look.accuracy)),
        line("attention as compiled (F)", Dash::Solid, &|look| look.faithful),
        line("steps with all hints right", Dash::Dashed, &|look| Some(look.trace)),
    ];
    let y = Axis::linear("share").within(0.0, 1.0);
    Panel::new(
        "learning",
        "Right answers, and the way to them",
        "Pointers that are right per node, steps of which every hint is right, and how much of its best head's attention \
         lies where the compiled network looks, on nodes whose pointer changes. Accuracy that rises while F stays is an \
         answer that is found in another way.",
        Body::Lines(Lines { x: Axis::linear("training step"), y, lines, marks: Vec::new() }),
    )
    .noting(format!("{} on {} test graphs of {} nodes", trial.algorithm.name(), trial.tests[0].len(), trial.settings.inside))
}

/// What states of nodes are called.
fn states(algorithm: Algorithm) -> Vec<String> {
    let names: &[&str] = match algorithm {
        Algorithm::Dfs => &["white", "gray", "black", "current"],
        Algorithm::SequentialBfs => &["unreached", "reached", "its turn"],
        _ => &["unreached", "reached"],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The state of a node from its hints, numbers or probabilities.
fn state(algorithm: Algorithm, hints: &[f32]) -> usize {
    let holds = |i: usize| hints[i] > 0.5;
    match algorithm {
        Algorithm::Dfs if holds(3) => 3,
        Algorithm::Dfs => super::score::arg_max(&hints[..3]),
        Algorithm::SequentialBfs if holds(2) => 2,
        Algorithm::BellmanFord => usize::from(holds(1)),
        _ => usize::from(holds(0)),
    }
}

/// A step of a network: nodes by their states, the edges of the graph, pointers, and what else is attended to.
fn frame(algorithm: Algorithm, example: &Example, step: usize, moment: &Moment, looked: Option<&[f32]>) -> Frame {
    let (n, width) = (example.sample.nodes, algorithm.hint_width());
    let hints = |node: usize| &moment.hints[node * width..][..width];
    let node = |node: usize| {
        let distance = || format!("{:.2}", hints(node)[0]);
        let value = if algorithm == Algorithm::BellmanFord { distance() } else { String::new() };
        NodeState { state: state(algorithm, hints(node)), value, place: None }
    };
    let (said, truth) = (pointers(moment, 0, n), &example.trace.at(step + 1).pointers);
    let mut edges = Vec::new();
    for (from, to) in (0..n * n).map(|at| (at / n, at % n)).filter(|(from, to)| from != to) {
        let alpha = looked.map_or(0.0, |looked| f64::from(looked[to * n + from]));
        let kind = if said[to] == from {
            if truth[to] == from { EdgeKind::Chosen } else { EdgeKind::Wrong }
        } else if truth[to] == from {
            EdgeKind::Reference
        } else {
            EdgeKind::Plain
        };
        if kind != EdgeKind::Plain || alpha > SEEN || example.sample.edge(from, to) != 0.0 {
            edges.push(Edge { from, to, weight: alpha, kind });
        }
    }
    let wrong = said.iter().zip(truth).filter(|(a, b)| a != b).count();
    let all = right(algorithm, example, step, moment, 0).into_iter().all(|right| right);
    let note = if all { "every hint is right".into() } else { format!("{wrong} of {n} pointers wrong") };
    Frame { note, marked: !all, nodes: (0..n).map(node).collect(), edges }
}

fn drawn(label: &str, example: &Example, frames: Vec<Frame>) -> Graph {
    let nodes = (0..example.sample.nodes).map(|node| node.to_string()).collect();
    Graph { label: label.into(), directed: true, layout: Layout::Circle, nodes, frames }
}

/// Compiled left, trained right.
fn twins(machine: &Machine, example: &Example, compiled: &[Moment], trained: &[Moment]) -> Panel {
    let (shape, n) = (machine.shape, example.sample.nodes);
    let head = head(machine, example, compiled, trained);
    let of = |label: &str, moments: &[Moment], at: (usize, usize)| {
        let frame = |(step, moment): (usize, &Moment)| {
            frame(shape.algorithm, example, step, moment, Some(attention(shape, moment, at, 0, n)))
        };
        drawn(label, example, moments.iter().enumerate().map(frame).collect())
    };
    let graphs = Graphs {
        states: states(shape.algorithm),
        steps: Vec::new(),
        graphs: vec![of("compiled", compiled, deciding(shape.algorithm)), of("trained", trained, head)],
    };
    Panel::new(
        "twins",
        "Compiled and trained, step by step",
        "The same graph through both networks. Chosen edges are pointers, from the node that is pointed at; strong edges \
         are attended to, in the trained network by the head that is nearest to the compiled one. Wrong pointers and those \
         that are missing are marked.",
        Body::Graphs(graphs),
    )
}

/// The round and head of the trained network whose attention is nearest to the compiled one on this graph.
fn head(machine: &Machine, example: &Example, compiled: &[Moment], trained: &[Moment]) -> (usize, usize) {
    let (shape, n) = (machine.shape, example.sample.nodes);
    let overlap = |at: (usize, usize)| -> f64 {
        let of = |(compiled, trained): (&Moment, &Moment)| {
            overlaps(
                attention(shape, compiled, deciding(shape.algorithm), 0, n),
                attention(shape, trained, at, 0, n),
                n,
            )
            .iter()
            .sum::<f64>()
        };
        compiled.iter().zip(trained).map(of).sum()
    };
    let all = (0..shape.rounds()).flat_map(|round| (0..shape.heads()).map(move |head| (round, head)));
    all.max_by(|a, b| overlap(*a).total_cmp(&overlap(*b))).unwrap_or((0, 0))
}

/// Row by row, what two attentions have in common: the sum of the smaller of both.
fn overlaps(a: &[f32], b: &[f32], nodes: usize) -> Vec<f64> {
    let row = |(a, b): (&[f32], &[f32])| a.iter().zip(b).map(|(a, b)| f64::from(a.min(*b))).sum();
    a.chunks(nodes).zip(b.chunks(nodes)).map(row).collect()
}

/// Both attentions at the step at which most pointers change, with what they share.
fn side_by_side(machine: &Machine, example: &Example, compiled: &[Moment], trained: &[Moment]) -> Option<Panel> {
    let (shape, n) = (machine.shape, example.sample.nodes);
    let changes = |step: &usize| {
        let (before, after) = (&example.trace.at(*step).pointers, &example.trace.at(step + 1).pointers);
        before.iter().zip(after).filter(|(a, b)| a != b).count()
    };
    let step = (0..compiled.len()).rev().max_by_key(changes)?;
    let names: Vec<String> = (0..n).map(|node| node.to_string()).collect();
    let heat = |id: &str, title: String, values: &[f32]| {
        let heat = Heat {
            row_axis: "receiver".into(),
            column_axis: "sender".into(),
            rows: names.clone(),
            columns: names.clone(),
            values: values.iter().map(|value| f64::from(*value)).collect(),
            letters: Vec::new(),
            range: Some((0.0, 1.0)),
            unit: "attention".into(),
        };
        Panel::new(id, title, "Each row sums to one.", Body::Heat(heat))
    };
    let at = head(machine, example, compiled, trained);
    let right = attention(shape, &compiled[step], deciding(shape.algorithm), 0, n);
    let own = attention(shape, &trained[step], at, 0, n);
    let bar = |(label, value): (&String, f64)| Bar { label: label.clone(), value, ..Bar::default() };
    let bars = names.iter().zip(overlaps(right, own, n)).map(bar).collect();
    let overlap = Bars { axis: Axis::linear("overlap").within(0.0, 1.0), bars };
    let panels = vec![
        heat("attention-compiled", "compiled".into(), right),
        heat("attention-trained", format!("trained, round {} head {}", at.0 + 1, at.1 + 1), own),
        Panel::new("attention-overlap", "in common", "The sum of the smaller of both, by row.", Body::Bars(overlap)),
    ];
    Some(
        Panel::new(
            "attention",
            "Who attends to whom",
            "Attention of the compiled network and of the trained network's nearest head at one step, receiver by row, and \
             what each row has in common: 1 where both look alike.",
            Body::Beside { panels },
        )
        .noting(format!("step {} of {}", step + 1, compiled.len())),
    )
}

/// What is right at every step, hint by hint.
fn strip(machine: &Machine, example: &Example, trained: &[Moment]) -> Panel {
    let algorithm = machine.shape.algorithm;
    let columns: Vec<Vec<bool>> =
        trained.iter().enumerate().map(|(step, moment)| right(algorithm, example, step, moment, 0)).collect();
    let rows: Vec<String> = algorithm.hints().iter().map(|hint| hint.name).chain(["pi"]).map(str::to_owned).collect();
    let first = columns.iter().position(|column| column.contains(&false));
    let cells = || (0..rows.len()).flat_map(|row| columns.iter().enumerate().map(move |(step, c)| (step, c[row])));
    let letter = |(step, right): (usize, bool)| match right {
        true => "",
        false if Some(step) == first => "!",
        false => "x",
    };
    let heat = Heat {
        row_axis: "hint".into(),
        column_axis: "step".into(),
        columns: (1..=columns.len()).map(|step| step.to_string()).collect(),
        values: cells().map(|(_, right)| f64::from(u8::from(right))).collect(),
        letters: cells().map(|cell| letter(cell).to_owned()).collect(),
        range: Some((0.0, 1.0)),
        unit: "right".into(),
        rows,
    };
    let note = first.map_or_else(|| "no error".into(), |step| format!("the first error enters at step {}", step + 1));
    Panel::new(
        "trace",
        "The trace, hint by hint",
        "Whether all nodes of one test graph are right, by hint and step, while the network reads its own hints. `!` marks \
         where the first error enters.",
        Body::Heat(heat),
    )
    .noting(note)
}

/// One network through its steps.
fn runs_of(machine: &Machine, example: &Example, moments: &[Moment], id: &str) -> Panel {
    let algorithm = machine.shape.algorithm;
    let (shape, n) = (machine.shape, example.sample.nodes);
    let frame = |(step, moment): (usize, &Moment)| {
        frame(algorithm, example, step, moment, Some(attention(shape, moment, deciding(algorithm), 0, n)))
    };
    let frames: Vec<Frame> = moments.iter().enumerate().map(frame).collect();
    let graphs =
        Graphs { states: states(algorithm), steps: Vec::new(), graphs: vec![drawn(algorithm.name(), example, frames)] };
    Panel::new(
        id,
        format!("{}, step by step", algorithm.name()),
        "One graph through the network. Chosen edges are pointers, from the node that is pointed at; strong edges are \
         attended to. Wrong pointers and those that are missing are marked.",
        Body::Graphs(graphs),
    )
}

/// The same, walked through anew.
pub(super) fn runs(machine: &mut Machine, example: &Example, id: &str) -> Panel {
    let moments = walk(machine, example, 1.0, None);
    runs_of(machine, example, &moments, id)
}

/// How compiled networks did so far.
pub(super) fn exact(found: &[Found]) -> Panel {
    let row = |found: &Found| {
        let faithful = found.faithful.map_or_else(|| "-".into(), |faithful| format!("{faithful:.3}"));
        let exact = format!("{} of {}", found.exact, found.graphs);
        vec![found.algorithm.clone(), found.nodes.to_string(), exact, format!("{:.3}", found.accuracy), faithful]
    };
    let columns = ["algorithm", "nodes", "exact", "accuracy", "F"].map(str::to_owned).to_vec();
    Panel::new(
        "exact",
        "Compiled networks against the textbook",
        "Random graphs of which the answer and every hint at every step are those of the textbook's algorithm. Anything but \
         all of them is an error of the compiler.",
        Body::Table(Table { columns, rows: found.iter().map(row).collect() }),
    )
}
