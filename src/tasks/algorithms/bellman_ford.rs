//! Shortest paths from a source (Bellman-Ford), all edges relaxed in a step.

use super::{Sample, State};

pub(super) fn states(sample: &Sample) -> Vec<State> {
    let n = sample.nodes;
    let mut distance = vec![0.0f32; n];
    let mut mask: Vec<bool> = (0..n).map(|i| i == sample.source).collect();
    let mut pointers: Vec<usize> = (0..n).collect();
    let mut states = Vec::new();
    loop {
        let (prev_distance, prev_mask) = (distance.clone(), mask.clone());
        let hints = (0..n).flat_map(|i| [distance[i], f32::from(mask[i])]).collect();
        states.push(State { pointers: pointers.clone(), hints });
        for u in (0..n).filter(|u| prev_mask[*u]) {
            for v in (0..n).filter(|v| sample.edge(u, *v) != 0.0) {
                let through = prev_distance[u] + sample.edge(u, v);
                if !mask[v] || through < distance[v] {
                    distance[v] = through;
                    pointers[v] = u;
                }
                mask[v] = true;
            }
        }
        if distance == prev_distance {
            return states;
        }
    }
}
