//! How a network compares with the textbook and with the compiled network, graph by graph and step by step.

use super::machine::{Example, Machine, Moment, together};
use super::network::NetworkShape;
use crate::tasks::algorithms::{Algorithm, GRID, HintKind};

/// Candidates of a node from which on a choice is one.
const CHOICE: usize = 2;

/// What was found on one graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Score {
    nodes: usize,
    /// Nodes that point rightly after the last step.
    right: usize,
    /// Steps of its trace, and those of which every hint is right.
    steps: usize,
    faithful: usize,
    /// By round and head: attention on what the compiled network attends to, by node whose pointer changes.
    attention: Vec<Vec<f64>>,
    /// Whether each of these nodes had several to choose from.
    chose: Vec<bool>,
    /// What uniform attention would put there.
    uniform: Vec<f64>,
}

impl Score {
    /// Pointers right per node.
    pub(super) fn accuracy(&self) -> f64 {
        self.right as f64 / self.nodes.max(1) as f64
    }

    /// Share of steps with all hints right.
    pub(super) fn trace(&self) -> f64 {
        self.faithful as f64 / self.steps.max(1) as f64
    }

    /// Whether answer and every step are right.
    pub(super) fn is_exact(&self) -> bool {
        self.right == self.nodes && self.faithful == self.steps
    }
}

/// Attention faithfulness over graphs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Faithfulness {
    /// Of the best head, counted over rounds.
    pub(super) head: usize,
    /// F of the best head: mean over nodes whose pointer changes.
    pub(super) best: f64,
    /// The same over nodes that had several to choose from; none without such nodes.
    pub(super) chosen: Option<f64>,
    /// U: the same for uniform attention.
    pub(super) uniform: f64,
    /// F of the best head, graph by graph; graphs without a change are left out.
    pub(super) each: Vec<f64>,
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    crate::base::numbers::mean(&values.collect::<Vec<_>>())
}

/// F over graphs; none where no pointer ever changes or nothing is compiled to compare with.
pub(super) fn faithfulness(scores: &[Score]) -> Option<Faithfulness> {
    let heads = scores.iter().map(|score| score.attention.len()).max()?;
    let of =
        |head: usize| mean(scores.iter().flat_map(|score| score.attention.get(head).into_iter().flatten().copied()));
    let by_head: Vec<f64> = (0..heads).map(of).collect::<Option<_>>()?;
    let head = (0..heads).max_by(|a, b| by_head[*a].total_cmp(&by_head[*b]).then(b.cmp(a)))?;
    let chosen = |score: &Score| {
        let pairs = score.attention.get(head).into_iter().flatten().copied().zip(score.chose.clone());
        pairs.filter(|(_, chose)| *chose).map(|(alpha, _)| alpha).collect::<Vec<_>>()
    };
    Some(Faithfulness {
        head,
        best: by_head[head],
        chosen: mean(scores.iter().flat_map(chosen)),
        uniform: mean(scores.iter().flat_map(|score| score.uniform.iter().copied()))?,
        each: scores.iter().filter_map(|score| mean(score.attention.get(head)?.iter().copied())).collect(),
    })
}

/// The largest of a row.
pub(super) fn arg_max(row: &[f32]) -> usize {
    (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// Which hints of a graph are right after a step: those of the algorithm in their order, then its pointers.
pub(super) fn right(algorithm: Algorithm, example: &Example, step: usize, moment: &Moment, graph: usize) -> Vec<bool> {
    let (n, width, truth) = (example.sample.nodes, algorithm.hint_width(), example.trace.at(step + 1));
    let said = &moment.hints[graph * n * width..][..n * width];
    let mut from = 0;
    let mut found = Vec::new();
    for hint in algorithm.hints() {
        let (at, to) = (from, from + hint.kind.width());
        from = to;
        let of = |values: &[f32], node: usize| values[node * width + at..node * width + to].to_vec();
        let each =
            |same: &dyn Fn(Vec<f32>, Vec<f32>) -> bool| (0..n).all(|node| same(of(said, node), of(&truth.hints, node)));
        found.push(match hint.kind {
            HintKind::Mask => each(&|said, truth| (said[0] > 0.5) == (truth[0] == 1.0)),
            HintKind::Scalar => each(&|said, truth| (said[0] - truth[0]).abs() < 0.5 / GRID),
            HintKind::Category(_) => each(&|said, truth| truth[arg_max(&said)] == 1.0),
            // Where nobody is meant, nothing is asked.
            HintKind::MaskOne => {
                let column = |values: &[f32]| (0..n).map(|node| of(values, node)[0]).collect::<Vec<f32>>();
                let truth = column(&truth.hints);
                !truth.contains(&1.0) || truth[arg_max(&column(said))] == 1.0
            }
        });
    }
    found.push(pointers(moment, graph, n) == truth.pointers);
    found
}

/// Where every node of a graph points.
pub(super) fn pointers(moment: &Moment, graph: usize, nodes: usize) -> Vec<usize> {
    moment.pointers[graph * nodes * nodes..][..nodes * nodes].chunks(nodes).map(arg_max).collect()
}

/// The round and head of the compiled network by which pointers change.
pub(super) fn deciding(algorithm: Algorithm) -> (usize, usize) {
    if algorithm == Algorithm::Dfs { (1, 2) } else { (0, 0) }
}

/// Attention of one round and head of a graph, `[nodes, nodes]`.
pub(super) fn attention(
    shape: NetworkShape,
    moment: &Moment,
    (round, head): (usize, usize),
    graph: usize,
    nodes: usize,
) -> &[f32] {
    &moment.attention[round][(graph * shape.heads() + head) * nodes * nodes..][..nodes * nodes]
}

/// Nodes that had to do with a node before a step: reached ones with an edge to it, in depth-first search the current
/// node alone.
fn candidates(algorithm: Algorithm, example: &Example, step: usize, node: usize) -> usize {
    let (sample, hints, width) = (&example.sample, &example.trace.at(step).hints, algorithm.hint_width());
    // Reached is the last hint of both searches from a source.
    let reached = |from: &usize| sample.edge(*from, node) != 0.0 && hints[from * width + width - 1] == 1.0;
    if algorithm == Algorithm::Dfs { 1 } else { (0..sample.nodes).filter(reached).count() }
}

/// Adds what a network attended to at a step where the compiled one did so.
fn compare(
    shape: NetworkShape,
    example: &Example,
    step: usize,
    [said, compiled]: [&Moment; 2],
    graph: usize,
    score: &mut Score,
) {
    let (n, decides) = (example.sample.nodes, deciding(shape.algorithm));
    let (before, after) = (&example.trace.at(step).pointers, &example.trace.at(step + 1).pointers);
    let right = attention(shape, compiled, decides, graph, n);
    let mask = shape.mask(&example.sample);
    score.attention.resize(shape.rounds() * shape.heads(), Vec::new());
    for node in (0..n).filter(|node| before[*node] != after[*node]) {
        let target = arg_max(&right[node * n..][..n]);
        for (i, alphas) in score.attention.iter_mut().enumerate() {
            let at = (i / shape.heads(), i % shape.heads());
            alphas.push(f64::from(attention(shape, said, at, graph, n)[node * n + target]));
        }
        let heard = mask[(decides.1 * n + node) * n..][..n].iter().sum::<f32>();
        score.uniform.push(1.0 / f64::from(heard));
        score.chose.push(candidates(shape.algorithm, example, step, node) >= CHOICE);
    }
}

/// What a network attends to when it is told: as the compiled one, every head as that which decides.
pub(super) fn forced(shape: NetworkShape, compiled: &Moment, graphs: usize, nodes: usize) -> Vec<Vec<f32>> {
    let decides = deciding(shape.algorithm);
    let of = |at: usize| attention(shape, compiled, decides, at / shape.heads(), nodes);
    let all: Vec<f32> = (0..graphs * shape.heads()).flat_map(|at| of(at).iter().copied()).collect();
    vec![all; shape.rounds()]
}

/// What a network's attention is held against.
#[derive(Debug)]
pub(super) enum Reference<'m> {
    /// Nothing: there is no compiled network.
    Nothing,
    /// Itself: it is the compiled network.
    Itself,
    /// The compiled network.
    Compiled(&'m mut Machine),
}

/// Walks a network through graphs of one size, beside the compiled one if there is one; with `force` it attends as that
/// one does. Scores in the order of the graphs.
pub(super) fn scores(
    machine: &mut Machine,
    mut reference: Reference<'_>,
    examples: &[Example],
    temperature: f32,
    force: bool,
) -> Vec<Score> {
    let shape = machine.shape;
    let mut all = Vec::with_capacity(examples.len());
    for part in together(examples) {
        let nodes = part[0].sample.nodes;
        let steps = part.iter().map(|example| example.trace.steps()).max().unwrap_or(1);
        let mut own = machine.begin(part, temperature);
        let mut other = match &reference {
            Reference::Compiled(compiled) => Some(compiled.begin(part, 1.0)),
            _ => None,
        };
        let mut scores = vec![Score { nodes, ..Score::default() }; part.len()];
        for step in 0..steps {
            let compiled = match (&mut reference, &mut other) {
                (Reference::Compiled(compiled), Some(walk)) => Some(compiled.advance(walk, None)),
                _ => None,
            };
            let given = compiled.as_ref().filter(|_| force).map(|c| forced(shape, c, part.len(), nodes));
            let moment = machine.advance(&mut own, given.as_deref());
            let held_against = compiled.as_ref().or(matches!(reference, Reference::Itself).then_some(&moment));
            for (graph, (example, score)) in part.iter().zip(&mut scores).enumerate() {
                let own_steps = example.trace.steps();
                if step >= own_steps {
                    continue;
                }
                score.steps += 1;
                let all_right = right(shape.algorithm, example, step, &moment, graph).into_iter().all(|right| right);
                score.faithful += usize::from(all_right);
                if step + 1 == own_steps {
                    let said = pointers(&moment, graph, nodes);
                    score.right = said.iter().zip(example.trace.pointers()).filter(|(a, b)| a == b).count();
                }
                if let Some(compiled) = held_against {
                    compare(shape, example, step, [&moment, compiled], graph, score);
                }
            }
        }
        all.extend(scores);
    }
    all
}

/// Mean accuracy, and mean share of steps with all hints right.
pub(super) fn means(scores: &[Score]) -> (f64, f64) {
    let of = |value: fn(&Score) -> f64| mean(scores.iter().map(value)).unwrap_or(0.0);
    (of(Score::accuracy), of(Score::trace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(heads: [&[f64]; 2], chose: &[bool], uniform: f64) -> Score {
        let attention = heads.map(<[f64]>::to_vec).to_vec();
        Score { attention, chose: chose.to_vec(), uniform: vec![uniform; chose.len()], ..Score::default() }
    }

    #[test]
    fn the_best_head_is_read_over_all_nodes() {
        let scores = [
            score([&[1.0, 0.5], &[0.2, 0.2]], &[false, true], 0.25),
            score([&[0.6], &[1.0]], &[true], 0.5),
            score([&[], &[]], &[], 0.0),
        ];
        let found = faithfulness(&scores).unwrap();
        assert_eq!((found.head, found.each.clone()), (0, vec![0.75, 0.6]));
        assert!((found.best - 0.7).abs() < 1e-12 && (found.chosen.unwrap() - 0.55).abs() < 1e-12);
        assert!((found.uniform - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(faithfulness(&scores[2..]), None);
        assert_eq!(faithfulness(&[]), None);
    }

    #[test]
    fn a_graph_is_exact_only_with_its_whole_trace() {
        let whole = Score { nodes: 4, right: 4, steps: 3, faithful: 3, ..Score::default() };
        assert!(whole.is_exact() && !Score { faithful: 2, ..whole.clone() }.is_exact());
        let off = Score { right: 3, ..whole };
        assert!(!off.is_exact());
        assert_eq!((off.accuracy(), off.trace()), (0.75, 1.0));
    }
}
