//! The tasks on graphs as rows of text.

use std::io::Write;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{shortest_path, sort, springs};
use crate::base::random::{Key, Stream};
use crate::tasks::{DataError, Entry, read};

const SOURCE: &str =
    "after the demos of Battaglia et al., Relational inductive biases, deep learning, and graph networks, 2018";

/// Sorting.
pub(in crate::tasks) const SORTING: Entry = Entry {
    name: "graph-sorting",
    what: "numbers on the nodes of a graph with all edges: an edge a row, and whether it goes to the next larger number",
    source: SOURCE,
    settings: || json!({ "seed": 0, "least": 4, "most": 8 }),
    write: |settings, limit, out| {
        let head = "graph,sender,receiver,sender_value,receiver_value,receiver_is_smallest,link";
        each(settings, limit, out, head, |number, sizes, stream| {
            let graph = sort::graph(&sort::list(sizes, stream));
            let row = |(i, (s, r)): (usize, &(usize, usize))| {
                let (values, first) = (&graph.node_inputs, graph.node_targets[*r]);
                format!("{number},{s},{r},{},{},{first},{}", values[*s], values[*r], graph.edge_targets[i])
            };
            graph.edges.iter().enumerate().map(row).collect()
        })
    },
};

/// Shortest paths.
pub(in crate::tasks) const SHORTEST_PATH: Entry = Entry {
    name: "graph-shortest-path",
    what: "points of the unit square, joined where they are near: a directed edge a row, and whether the path takes it",
    source: SOURCE,
    settings: || json!({ "seed": 0, "least": 8, "most": 16 }),
    write: |settings, limit, out| {
        let head = "graph,sender,receiver,sender_x,sender_y,receiver_x,receiver_y,length,start,end,on_path";
        each(settings, limit, out, head, |number, sizes, stream| {
            let map = shortest_path::Map::draw(sizes, stream);
            let (start, end) = map.ends(stream);
            let graph = map.graph(start, end);
            let row = |(i, (s, r)): (usize, &(usize, usize))| {
                let ([x, y], [to_x, to_y]) = (map.places[*s], map.places[*r]);
                let (length, on) = (graph.edge_inputs[i], graph.edge_targets[i]);
                format!("{number},{s},{r},{x},{y},{to_x},{to_y},{length},{start},{end},{on}")
            };
            graph.edges.iter().enumerate().map(row).collect()
        })
    },
};

/// Masses and springs.
pub(in crate::tasks) const MASS_SPRING: Entry = Entry {
    name: "mass-spring",
    what: "chains of masses and springs between fixed ends over 50 steps of 0.1 s: a mass at a step a row",
    source: SOURCE,
    settings: || json!({ "seed": 0, "least": 5, "most": 8 }),
    write: |settings, limit, out| {
        each(settings, limit, out, "chain,step,mass,x,y,vx,vy,fixed", |number, sizes, stream| {
            let states = springs::Springs::draw(sizes, stream).trajectory(50);
            let row = |step: usize, i: usize, mass: &springs::Mass| {
                let ([x, y], [vx, vy], fixed) = (mass.position, mass.velocity, u8::from(mass.fixed));
                format!("{number},{step},{i},{x},{y},{vx},{vy},{fixed}")
            };
            let of = |(step, state): (usize, &springs::Springs)| {
                state.masses.iter().enumerate().map(|(i, mass)| row(step, i, mass)).collect::<Vec<_>>()
            };
            states.iter().enumerate().flat_map(of).collect()
        })
    },
};

/// What can be set about a sample of graphs.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleSettings {
    seed: u64,
    least: usize,
    most: usize,
}

/// A head and at most `limit` rows of graphs of drawn sizes, as `rows` tells each.
fn each(
    settings: Value,
    limit: usize,
    out: &mut dyn Write,
    head: &str,
    rows: impl Fn(usize, &RangeInclusive<usize>, &mut Stream) -> Vec<String>,
) -> Result<(), DataError> {
    let SampleSettings { seed, least, most } = read(settings)?;
    if !(2..=64).contains(&least) || !(least..=64).contains(&most) {
        let message = format!("found {least} to {most}; expected sizes from 2 to 64");
        return Err(DataError::Settings { path: "least".into(), message });
    }
    let of = |number: usize| rows(number, &(least..=most), &mut Key::new(seed).index(number as u64).stream());
    writeln!(out, "{head}")?;
    (0..).flat_map(of).take(limit).try_for_each(|row| Ok(writeln!(out, "{row}")?))
}
