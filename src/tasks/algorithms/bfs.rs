//! Breadth-first search, a layer a step.

use super::{Sample, State};

pub(super) fn states(sample: &Sample) -> Vec<State> {
    let n = sample.nodes;
    let mut reach: Vec<bool> = (0..n).map(|i| i == sample.source).collect();
    let mut pointers: Vec<usize> = (0..n).collect();
    let mut states = Vec::new();
    loop {
        let before = reach.clone();
        states.push(State { pointers: pointers.clone(), hints: reach.iter().map(|r| f32::from(*r)).collect() });
        for i in (0..n).filter(|i| before[*i]) {
            relax(sample, i, &mut reach, &mut pointers);
        }
        if reach == before {
            return states;
        }
    }
}

/// Reaches the neighbours of a node that was reached; the first node that reaches another stays its pointer.
pub(super) fn relax(sample: &Sample, i: usize, reach: &mut [bool], pointers: &mut [usize]) {
    for j in (0..sample.nodes).filter(|j| sample.edge(i, *j) > 0.0) {
        if pointers[j] == j && j != sample.source {
            pointers[j] = i;
        }
        reach[j] = true;
    }
}
