//! A trained network as the instruments of the bias card see it: a function of a graph, through a fixed number of steps.

use super::machine::{Example, Machine};
use super::network::{Given, Known, Network};
use crate::base::random::Key;
use crate::engine::Var;
use crate::instruments::subject::{Examples, Forward, Model, Objective, Subject};
use crate::nn::weights::Values;
use crate::tasks::algorithms::Algorithm;

/// Graphs for instruments, of each kind.
const EXAMPLES: usize = 48;
/// Graphs that are drawn to see how many steps are usual.
const DRAWN: u64 = 64;

/// A network on graphs of one size whose traces are equally long: positions, source and edges in one row.
#[derive(Debug)]
struct Reader {
    network: Network,
    nodes: usize,
    steps: usize,
    sharpness: f32,
}

/// The subject of a machine on graphs of so many nodes.
///
/// # Errors
/// When no two traces are equally long.
pub(super) fn subject(machine: &Machine, nodes: usize, temperature: f32, key: Key) -> Result<Subject, String> {
    let draw = |purpose: &str, i: u64| {
        let key = key.purpose("instruments").purpose(purpose).index(i);
        Example::draw(machine.shape, nodes, &mut key.stream())
    };
    let lengths: Vec<usize> = (0..DRAWN).map(|i| draw("lengths", i).trace.steps()).collect();
    let count = |steps: usize| lengths.iter().filter(|other| **other == steps).count();
    let steps = lengths.iter().copied().max_by_key(|steps| (count(*steps), *steps)).ok_or("there are no graphs")?;
    let examples = |purpose: &str| {
        let all = (0..).map(|i| draw(purpose, i)).filter(|example| example.trace.steps() == steps);
        let all: Vec<Example> = all.take(EXAMPLES).collect();
        let targets = all.iter().flat_map(|example| example.trace.pointers().iter().map(|p| *p as f32)).collect();
        Examples::new(all.len(), all.iter().flat_map(row).collect(), targets).of_stream()
    };
    let seen = [examples("train"), examples("test")];
    let network = machine.learner.model.clone();
    let reader = Reader { network, nodes, steps, sharpness: 1.0 / temperature };
    let subject = machine.learner.subject(reader, Objective::CrossEntropy, seen, key);
    Ok(Subject { chance: Some(1.0 / nodes as f64), ..subject })
}

fn row(example: &Example) -> Vec<f32> {
    let sample = &example.sample;
    let source = (0..sample.nodes).map(|i| f32::from(i == sample.source));
    sample.positions.iter().copied().chain(source).chain(sample.edges.iter().copied()).collect()
}

impl Reader {
    /// What is known before the first step.
    fn beginning<'g>(&self, source: Var<'g>) -> Known<'g> {
        let (graph, graphs, n) = (source.graph(), source.shape()[0], self.nodes);
        let column =
            |of: &dyn Fn(usize) -> f32| graph.constant([graphs, n, 1], (0..graphs * n).map(|i| of(i % n)).collect());
        let (zero, one) = (column(&|_| 0.0), column(&|_| 1.0));
        let hints = match self.network.shape.algorithm {
            Algorithm::Bfs => vec![source],
            Algorithm::BellmanFord => vec![zero, source],
            Algorithm::Dfs => vec![one, zero, zero, zero],
            Algorithm::SequentialBfs => vec![source, source, column(&|node| f32::from(node == 0))],
        };
        Known { hints: graph.concat(2, &hints), pointers: self.itself(source, graphs) }
    }

    /// `[graphs, nodes, nodes]`: one where a node is itself.
    fn itself<'g>(&self, near: Var<'g>, graphs: usize) -> Var<'g> {
        let n = self.nodes;
        let own = |at: usize| f32::from(at / n % n == at % n);
        near.graph().constant([graphs, n, n], (0..graphs * n * n).map(own).collect())
    }

    fn mask<'g>(&self, edges: Var<'g>) -> Var<'g> {
        let (graph, graphs, n) = (edges.graph(), edges.shape()[0], self.nodes);
        let shape = self.network.shape;
        let itself = self.itself(edges, graphs);
        let heard = if shape.algorithm == Algorithm::Dfs { edges } else { edges.permute(&[0, 2, 1]) } + itself;
        let all = graph.constant([graphs, 1, n, n], vec![1.0; graphs * n * n]);
        let of = |head| if shape.hears_all(head) { all } else { heard.reshape([graphs, 1, n, n]) };
        graph.concat(1, &(0..shape.heads()).map(of).collect::<Vec<_>>())
    }
}

impl Model for Reader {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let (graph, graphs, n) = (inputs.graph(), inputs.shape()[0], self.nodes);
        let column = |i: usize| inputs.slice(1, i * n, n).reshape([graphs, n, 1]);
        let source = column(1);
        let edges = inputs.slice(1, 2 * n, n * n).reshape([graphs, n, n]);
        let given = Given {
            nodes: graph.concat(2, &[column(0), source]),
            edges,
            mask: self.mask(edges),
            sharpness: graph.constant([1], vec![self.sharpness]),
        };
        let (mut state, mut known) = (self.network.nothing(&given), self.beginning(source));
        let mut hidden = Vec::with_capacity(self.steps);
        let mut outputs = known.pointers;
        for step in 0..self.steps {
            let said = self.network.step(values, &given, &known, state, None);
            (state, known, outputs) = (said.state, self.network.known(&said), said.pointers);
            let width = self.network.shape.hidden;
            hidden.push((format!("nodes, step {}", step + 1), state.reshape([graphs, n * width])));
        }
        Forward { outputs, hidden }
    }
}
