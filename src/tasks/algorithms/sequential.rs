//! Breadth-first search with one node a step: the outer loop of CLRS, unrolled over three rounds.

use super::bfs::{self, relax};
use super::{Sample, State};

/// Rounds over all nodes.
pub(super) const ROUNDS: usize = 3;

/// Whether three rounds are enough.
pub(super) fn is_covered(sample: &Sample) -> bool {
    bfs::states(sample).len() <= ROUNDS + 1
}

pub(super) fn states(sample: &Sample) -> Vec<State> {
    let n = sample.nodes;
    let mut reach: Vec<bool> = (0..n).map(|i| i == sample.source).collect();
    let mut before = reach.clone();
    let mut pointers: Vec<usize> = (0..n).collect();
    let state = |step: usize, reach: &[bool], before: &[bool], pointers: &[usize]| {
        let of = |node: usize| [reach[node], before[node], node == step % n].map(f32::from);
        State { pointers: pointers.to_vec(), hints: (0..n).flat_map(of).collect() }
    };
    let mut states = vec![state(0, &reach, &before, &pointers)];
    for step in 0..ROUNDS * n {
        if before[step % n] {
            relax(sample, step % n, &mut reach, &mut pointers);
        }
        if (step + 1) % n == 0 {
            before.clone_from(&reach);
        }
        states.push(state(step + 1, &reach, &before, &pointers));
    }
    states
}
