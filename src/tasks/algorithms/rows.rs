//! The algorithms as rows of text: a node at a state a row.

use std::io::Write;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Algorithm, Sample, dfs};
use crate::base::random::Key;
use crate::tasks::{DataError, Entry, read};

const SOURCE: &str = "after the CLRS algorithmic reasoning benchmark, Velickovic et al. 2022";
/// Columns of every table before those of an algorithm.
const HEAD: &str = "graph,state,node,position,is_source,edges,pi";

const fn entry(
    name: &'static str,
    what: &'static str,
    write: fn(Value, usize, &mut dyn Write) -> Result<(), DataError>,
) -> Entry {
    Entry { name, what, source: SOURCE, settings: || json!({ "seed": 0, "nodes": 8 }), write }
}

/// Breadth-first search.
pub(in crate::tasks) const BFS: Entry = entry(
    "graph-bfs",
    "states of breadth-first search on random graphs: a node at a state a row",
    |set, limit, out| traces(Algorithm::Bfs, set, limit, out),
);

/// Shortest paths.
pub(in crate::tasks) const BELLMAN_FORD: Entry = entry(
    "graph-bellman-ford",
    "states of Bellman-Ford on random weighted graphs: a node at a state a row",
    |set, limit, out| traces(Algorithm::BellmanFord, set, limit, out),
);

/// Breadth-first search, a node a step.
pub(in crate::tasks) const SEQUENTIAL_BFS: Entry = entry(
    "graph-sequential-bfs",
    "states of breadth-first search that takes one node a step: a node at a state a row",
    |set, limit, out| traces(Algorithm::SequentialBfs, set, limit, out),
);

/// Depth-first search with every hint of CLRS.
pub(in crate::tasks) const DFS: Entry = entry(
    "graph-dfs",
    "all 3n hint states of depth-first search on random directed graphs: a node at a state a row",
    |settings, limit, out| {
        let rows = |number: usize, sample: &Sample| {
            let of = |(at, state): (usize, dfs::FullState)| {
                let row = |node: usize| {
                    let start = begins(number, at, sample, node, state.pi[node]);
                    let dfs::FullState { color, d, f, s_prev, s, u, v, s_last, time, .. } = &state;
                    let (color, d, f, below) = (color[node], d[node], f[node], s_prev[node]);
                    format!("{start},{color},{d:.2},{f:.2},{below},{s},{u},{v},{s_last},{time:.2}")
                };
                (0..sample.nodes).map(row).collect::<Vec<_>>()
            };
            dfs::full_trace(sample).into_iter().enumerate().flat_map(of).collect()
        };
        each(Algorithm::Dfs, settings, limit, out, "color,d,f,s_prev,s,u,v,s_last,time", rows)
    },
);

/// What can be set about a sample of graphs.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleSettings {
    seed: u64,
    nodes: usize,
}

/// The first columns of a row.
fn begins(number: usize, state: usize, sample: &Sample, node: usize, pointer: usize) -> String {
    let edges = (0..sample.nodes).filter(|to| sample.edge(node, *to) != 0.0);
    let edges: Vec<String> = edges.map(|to| format!("{to}:{}", sample.edge(node, to))).collect();
    let (position, source) = (sample.positions[node], u8::from(node == sample.source));
    format!("{number},{state},{node},{position},{source},{},{pointer}", edges.join(" "))
}

fn traces(algorithm: Algorithm, settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let names: Vec<&str> = algorithm.hints().iter().map(|hint| hint.name).collect();
    let width = algorithm.hint_width();
    let rows = |number: usize, sample: &Sample| {
        let of = |(at, state): (usize, super::State)| {
            let row = |node: usize| {
                let hints: Vec<String> = state.hints[node * width..][..width].iter().map(f32::to_string).collect();
                format!("{},{}", begins(number, at, sample, node, state.pointers[node]), hints.join(","))
            };
            (0..sample.nodes).map(row).collect::<Vec<_>>()
        };
        algorithm.trace(sample).states.into_iter().enumerate().flat_map(of).collect()
    };
    each(algorithm, settings, limit, out, &names.join(","), rows)
}

/// A head and at most `limit` rows of graphs, as `rows` tells each.
fn each(
    algorithm: Algorithm,
    settings: Value,
    limit: usize,
    out: &mut dyn Write,
    head: &str,
    rows: impl Fn(usize, &Sample) -> Vec<String>,
) -> Result<(), DataError> {
    let SampleSettings { seed, nodes } = read(settings)?;
    if !(2..=64).contains(&nodes) {
        return Err(DataError::Settings { path: "nodes".into(), message: format!("found {nodes}; expected 2 to 64") });
    }
    let of = |number: usize| {
        rows(number, &Sample::draw(algorithm, nodes, &mut Key::new(seed).index(number as u64).stream()))
    };
    writeln!(out, "{HEAD},{head}")?;
    (0..).flat_map(of).take(limit).try_for_each(|row| Ok(writeln!(out, "{row}")?))
}
