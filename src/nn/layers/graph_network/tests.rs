//! The block by hand, under relabelling, and against its own special cases.

use std::sync::Arc;

use super::*;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::{Executor, Graph, Store};
use crate::nn::weights::{Builder, Weights};
use rand::RngExt;

/// Edges (sender, receiver) of two graphs with three and two nodes; node 3 receives nothing.
const EDGES: [(usize, usize); 7] = [(0, 1), (1, 2), (0, 2), (2, 2), (2, 0), (3, 4), (4, 4)];
const NODE_GRAPHS: [usize; 5] = [0, 0, 0, 1, 1];
const WIDTH: usize = 3;

/// A block with its weights.
struct Built {
    block: GraphBlock,
    weights: Weights,
    store: Store,
}

/// What a block is run on.
#[derive(Clone)]
struct Case {
    edges: Vec<(usize, usize)>,
    edge_values: Vec<f32>,
    node_values: Vec<f32>,
    global_values: Vec<f32>,
    node_graphs: Vec<usize>,
}

fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut stream = Key::new(seed).stream();
    (0..count).map(|_| stream.random_range(-1.0..1.0)).collect()
}

fn case() -> Case {
    Case {
        edges: EDGES.to_vec(),
        edge_values: noise(1, EDGES.len() * WIDTH),
        node_values: noise(2, 5 * WIDTH),
        global_values: noise(3, 2 * WIDTH),
        node_graphs: NODE_GRAPHS.to_vec(),
    }
}

fn build(kind: GraphKind, reduce: Reduce, layers: usize) -> Built {
    let mut store = Store::new();
    let mut builder = Builder::new(&mut store, Key::new(9));
    let shape = BlockShape { kind, reduce, parts: vec![Widths::all(WIDTH)], width: WIDTH, layers };
    let block = GraphBlock::new(&mut builder, &shape);
    let weights = builder.finish();
    Built { block, weights, store }
}

fn numbers<'g>(graph: &'g Graph, values: impl Iterator<Item = usize>) -> Var<'g> {
    // An entry of padding stands behind all others, so that nothing is ever without rows.
    let values: Vec<f32> = values.map(|x| x as f32).chain([-1.0]).collect();
    graph.constant([values.len()], values)
}

fn padded<'g>(graph: &'g Graph, values: &[f32], width: usize) -> Var<'g> {
    let values = [values, &vec![0.0; width][..]].concat();
    graph.constant([values.len() / width, width], values)
}

/// The sum of squares of the first rows.
fn own(x: Var<'_>, rows: usize) -> Var<'_> {
    x.slice(0, 0, rows).sum_squares()
}

impl Built {
    /// Edges, nodes and globals behind the block, without padding, and the gradient of the sum of their squares by
    /// what came in on the nodes.
    fn run(&mut self, case: &Case) -> [Vec<f32>; 4] {
        let graph = Graph::new();
        let values = self.weights.read(&graph, &self.store);
        let graphs = case.node_graphs.iter().max().map_or(1, |last| last + 1);
        let of_edge = case.edges.iter().map(|(_, receiver)| case.node_graphs[*receiver]);
        let wiring = Wiring {
            receivers: numbers(&graph, case.edges.iter().map(|edge| edge.1)),
            senders: numbers(&graph, case.edges.iter().map(|edge| edge.0)),
            edge_graphs: numbers(&graph, of_edge),
            node_graphs: numbers(&graph, case.node_graphs.iter().copied()),
            graphs,
        };
        let width = case.global_values.len() / graphs;
        let given = Attributes {
            edges: padded(&graph, &case.edge_values, width),
            nodes: padded(&graph, &case.node_values, width),
            globals: graph.constant([graphs, width], case.global_values.clone()),
        };
        let after = self.block.forward(&values, &wiring, &self.block.prepare(&values, &[]), &given);
        // Padding is no part of what is asked.
        let nodes = own(after.nodes, case.node_graphs.len());
        let loss = nodes + after.globals.sum_squares();
        let loss = if case.edges.is_empty() { loss } else { loss + own(after.edges, case.edges.len()) };
        let gradient = graph.gradient(loss, &[given.nodes]).unwrap()[0];
        let outputs = [after.edges, after.nodes, after.globals, gradient].map(|x| graph.output("", x));
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
        executor.run(&mut self.store);
        let [mut edges, mut nodes, globals, mut gradient] = outputs.map(|x| executor.output(x, &self.store));
        let columns = nodes.len() / (case.node_graphs.len() + 1);
        edges.truncate(case.edges.len() * columns);
        nodes.truncate(case.node_graphs.len() * columns);
        gradient.truncate(case.node_values.len());
        [edges, nodes, globals, gradient]
    }

    fn set(&mut self, name: &str, value: &[f32]) {
        let slot = self.store.find(name).unwrap_or_else(|| panic!("no weight {name}"));
        self.store.values_mut(slot).copy_from_slice(value);
    }

    /// The sum of squares of all that comes out.
    fn loss(&mut self, case: &Case) -> f64 {
        let [edges, nodes, globals, _] = self.run(case);
        [edges, nodes, globals].iter().flatten().map(|x| f64::from(*x).powi(2)).sum()
    }
}

#[track_caller]
fn near(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance), "{a:?} {b:?}");
}

#[test]
fn a_block_by_hand() {
    let mut store = Store::new();
    let mut builder = Builder::new(&mut store, Key::new(1));
    let parts = vec![Widths::all(1)];
    let shape = BlockShape { kind: GraphKind::Full, reduce: Reduce::Sum, parts, width: 1, layers: 0 };
    let block = GraphBlock::new(&mut builder, &shape);
    let weights = builder.finish();
    let mut built = Built { block, weights, store };
    for name in ["edges.edges.0", "edges.receivers.0", "edges.globals.0", "nodes.received.0", "nodes.nodes.0"] {
        built.set(name, &[1.0]);
    }
    for name in ["nodes.globals.0", "globals.of_edges.0", "globals.of_nodes.0", "globals.globals.0"] {
        built.set(name, &[1.0]);
    }
    built.set("edges.senders.0", &[2.0]);
    ["edges.bias", "nodes.bias", "globals.bias"].iter().for_each(|name| built.set(name, &[0.0]));
    let case = Case {
        edges: vec![(0, 1), (1, 2), (0, 2)],
        edge_values: vec![0.5, 1.0, 2.0],
        node_values: vec![1.0, 2.0, 3.0],
        global_values: vec![1.0],
        node_graphs: vec![0; 3],
    };
    let [edges, nodes, globals, _] = built.run(&case);
    assert_eq!((&edges[..], &nodes[..], &globals[..]), (&[5.5, 9.0, 8.0][..], &[2.0, 8.5, 21.0][..], &[55.0][..]));
}

#[test]
fn outputs_follow_any_numbers_of_nodes_and_any_order_of_edges() {
    // New node i is what order[i] was; graphs stay together.
    let (order, edge_order) = ([2, 0, 1, 4, 3], [6, 2, 0, 5, 1, 4, 3]);
    let rows = |values: &[f32], order: &[usize]| -> Vec<f32> {
        order.iter().flat_map(|i| values[i * WIDTH..][..WIDTH].to_vec()).collect()
    };
    let now = |old: usize| order.iter().position(|i| *i == old).unwrap();
    let plain = case();
    let relabelled = Case {
        edges: edge_order.iter().map(|e| (now(EDGES[*e].0), now(EDGES[*e].1))).collect(),
        edge_values: rows(&plain.edge_values, &edge_order),
        node_values: rows(&plain.node_values, &order),
        ..plain.clone()
    };
    for kind in GraphKind::ALL {
        for reduce in [Reduce::Sum, Reduce::Mean, Reduce::Max, Reduce::Nothing] {
            let mut built = build(kind, reduce, 2);
            let ([edges, nodes, globals, _], other) = (built.run(&plain), built.run(&relabelled));
            near(&other[0], &rows(&edges, &edge_order), 1e-4);
            near(&other[1], &rows(&nodes, &order), 1e-4);
            near(&other[2], &globals, 1e-4);
        }
    }
}

#[test]
fn a_union_is_its_graphs_one_at_a_time() {
    let whole = case();
    let single = |graph: usize, edges: std::ops::Range<usize>, nodes: std::ops::Range<usize>| Case {
        edges: whole.edges[edges.clone()].iter().map(|(s, r)| (s - nodes.start, r - nodes.start)).collect(),
        edge_values: whole.edge_values[edges.start * WIDTH..edges.end * WIDTH].to_vec(),
        node_values: whole.node_values[nodes.start * WIDTH..nodes.end * WIDTH].to_vec(),
        global_values: whole.global_values[graph * WIDTH..][..WIDTH].to_vec(),
        node_graphs: vec![0; nodes.len()],
    };
    for kind in GraphKind::ALL {
        for reduce in Reduce::ALL {
            let mut built = build(kind, reduce, 2);
            let together = built.run(&whole);
            let alone = [single(0, 0..5, 0..3), single(1, 5..7, 3..5)].map(|case| built.run(&case));
            for (i, together) in together.iter().enumerate() {
                near(together, &[&alone[0][i][..], &alone[1][i][..]].concat(), 1e-5);
            }
        }
    }
}

#[test]
fn an_interaction_network_is_the_block_without_the_graph() {
    let mut full = build(GraphKind::Full, Reduce::Sum, 2);
    // Weights of one path begin alike, but those of more inputs are smaller: all that both have are set alike.
    let mut interaction = build(GraphKind::Interaction, Reduce::Sum, 2);
    for slot in interaction.weights.slots().to_vec() {
        let (name, values) = (interaction.store.name(slot).to_owned(), interaction.store.values(slot).to_vec());
        full.set(&name, &values);
    }
    full.set("edges.globals.0", &[0.0; WIDTH * WIDTH]);
    full.set("nodes.globals.0", &[0.0; WIDTH * WIDTH]);
    let (whole, part) = (full.run(&case()), interaction.run(&case()));
    near(&whole[0], &part[0], 1e-6);
    near(&whole[1], &part[1], 1e-6);
    assert_eq!(part[2], case().global_values, "the graph passes through");
    assert_ne!(whole[2], part[2]);
}

#[test]
fn deep_sets_hear_of_no_edge() {
    let mut built = build(GraphKind::DeepSets, Reduce::Sum, 2);
    let (whole, none) = (case(), Case { edges: Vec::new(), edge_values: Vec::new(), ..case() });
    let other = Case { edges: EDGES.iter().map(|(s, r)| (*r, *s)).rev().collect(), ..case() };
    let [_, nodes, globals, _] = built.run(&whole);
    for case in [none, other] {
        let found = built.run(&case);
        assert_eq!((&found[1], &found[2]), (&nodes, &globals));
    }
}

#[test]
fn what_receives_nothing_receives_zero_and_a_graph_without_edges_passes() {
    let none = Case { edges: Vec::new(), edge_values: Vec::new(), ..case() };
    for kind in GraphKind::ALL {
        for reduce in Reduce::ALL {
            let (mut built, mut deaf) = (build(kind, reduce, 2), build(kind, Reduce::Nothing, 2));
            let (found, unheard) = (built.run(&none), deaf.run(&none));
            assert!(found.iter().flatten().all(|x| x.is_finite()), "{kind:?} {reduce:?}");
            near(&found[1], &unheard[1], 1e-6);
        }
    }
}

#[test]
fn sums_means_and_maxima_meet_their_definitions_in_the_block() {
    // Linear, and the nodes are what they receive: the sum over edges to node 2 of graph 0.
    let case = case();
    let reduced = |reduce: Reduce| {
        let mut built = build(GraphKind::Interaction, reduce, 0);
        let one: Vec<f32> = (0..9).map(|i| f32::from(u8::from(i % 4 == 0))).collect();
        built.set("edges.edges.0", &one);
        for name in ["edges.receivers.0", "edges.senders.0", "nodes.nodes.0"] {
            built.set(name, &[0.0; 9]);
        }
        built.set("nodes.received.0", &one);
        ["edges.bias", "nodes.bias"].iter().for_each(|name| built.set(name, &[0.0; 3]));
        built.run(&case)[1][2 * WIDTH..][..WIDTH].to_vec()
    };
    let heard: Vec<&[f32]> = [1, 2, 3].iter().map(|e| &case.edge_values[e * WIDTH..][..WIDTH]).collect();
    let column = |c: usize| heard.iter().map(move |row| row[c]);
    let sums: Vec<f32> = (0..WIDTH).map(|c| column(c).sum()).collect();
    near(&reduced(Reduce::Sum), &sums, 1e-6);
    near(&reduced(Reduce::Mean), &sums.iter().map(|x| x / 3.0).collect::<Vec<_>>(), 1e-6);
    near(&reduced(Reduce::Max), &(0..WIDTH).map(|c| column(c).fold(f32::MIN, f32::max)).collect::<Vec<_>>(), 0.0);
    assert_eq!(reduced(Reduce::Nothing), [0.0; 3]);
}

#[test]
fn gradients_meet_differences_for_every_reduction_and_variant() {
    for (kind, reduce) in Reduce::ALL
        .map(|reduce| (GraphKind::Full, reduce))
        .into_iter()
        .chain(GraphKind::ALL.map(|kind| (kind, Reduce::Sum)))
    {
        // Linear functions: far from the bends of a relu; the step is so small that nothing else becomes the largest.
        let mut built = build(kind, reduce, 0);
        let gradient = built.run(&case())[3].clone();
        for (i, found) in gradient.iter().enumerate() {
            let mut at = |step: f32| {
                let mut moved = case();
                moved.node_values[i] += step;
                built.loss(&moved)
            };
            let wanted = (at(1e-3) - at(-1e-3)) / 2e-3;
            assert!(
                (f64::from(*found) - wanted).abs() < 2e-2 * wanted.abs().max(1.0),
                "{kind:?} {reduce:?} {found} {wanted}"
            );
        }
    }
}
