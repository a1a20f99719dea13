//! Depth-first search from node 0 on over all roots: every hint of CLRS, and the moves of its current node.

use super::{Sample, State};

const WHITE: usize = 0;
const GRAY: usize = 1;
const BLACK: usize = 2;

/// What CLRS tells at one of its 3n hint states.
#[derive(Clone, Debug, PartialEq)]
pub struct FullState {
    /// Parent of every node.
    pub pi: Vec<usize>,
    /// 0 white, 1 gray, 2 black.
    pub color: Vec<usize>,
    /// Discovery times.
    pub d: Vec<f64>,
    /// Finish times.
    pub f: Vec<f64>,
    /// The node below each on the stack.
    pub s_prev: Vec<usize>,
    /// The root.
    pub s: usize,
    /// The node that is looked at.
    pub u: usize,
    /// The neighbour that was looked at last.
    pub v: usize,
    /// The top of the stack.
    pub s_last: usize,
    /// The clock.
    pub time: f64,
}

/// The search as CLRS has it, with all of its hints: 3n states.
pub fn full_trace(sample: &Sample) -> Vec<FullState> {
    let n = sample.nodes;
    let mut now = FullState {
        pi: (0..n).collect(),
        color: vec![WHITE; n],
        d: vec![0.0; n],
        f: vec![0.0; n],
        s_prev: (0..n).collect(),
        s: 0,
        u: 0,
        v: 0,
        s_last: 0,
        time: 0.0,
    };
    let mut states = Vec::with_capacity(3 * n);
    for s in 0..n {
        if now.color[s] == WHITE {
            now = FullState { s, u: s, v: s, s_last: s, ..now };
            states.push(now.clone());
            visit(sample, &mut now, &mut states);
        }
    }
    states
}

/// One tree, from its root until the stack is empty.
fn visit(sample: &Sample, now: &mut FullState, states: &mut Vec<FullState>) {
    loop {
        let u = now.u;
        if now.color[u] == WHITE || now.d[u] == 0.0 {
            now.time += 0.01;
            now.d[u] = now.time;
            now.color[u] = GRAY;
            states.push(now.clone());
        }
        now.v = (0..sample.nodes).find(|v| is_white(sample, now, *v)).unwrap_or(sample.nodes - 1);
        if is_white(sample, now, now.v) {
            let v = now.v;
            now.pi[v] = u;
            now.color[v] = GRAY;
            now.s_prev[v] = now.s_last;
            now.s_last = v;
            states.push(now.clone());
        }
        if now.s_last == u {
            now.color[u] = BLACK;
            now.time += 0.01;
            now.f[u] = now.time;
            states.push(now.clone());
            if now.s_prev[u] == u {
                return;
            }
            let last = now.s_last;
            now.s_last = std::mem::replace(&mut now.s_prev[last], last);
        }
        now.u = now.s_last;
    }
}

fn is_white(sample: &Sample, now: &FullState, v: usize) -> bool {
    sample.edge(now.u, v) != 0.0 && now.color[v] == WHITE
}

/// The moves of the current node, with colours, that node and parents as hints: it enters its lowest white out-neighbour,
/// else turns black and goes back to its parent, or on to the lowest white node of all.
pub(super) fn states(sample: &Sample) -> Vec<State> {
    let n = sample.nodes;
    let mut color = vec![WHITE; n];
    let mut pointers: Vec<usize> = (0..n).collect();
    let mut current = None;
    let mut states = vec![state(&color, current, &pointers)];
    loop {
        let next = current.and_then(|u| (0..n).find(|v| sample.edge(u, *v) != 0.0 && color[*v] == WHITE));
        if let (Some(u), Some(v)) = (current, next) {
            pointers[v] = u;
            color[v] = GRAY;
            current = Some(v);
        } else {
            let parent = current.map(|u| pointers[u]).filter(|parent| Some(*parent) != current);
            if let Some(u) = current {
                color[u] = BLACK;
            }
            current = parent.or_else(|| (0..n).find(|v| color[*v] == WHITE));
            if let Some(v) = current {
                color[v] = GRAY;
            }
        }
        states.push(state(&color, current, &pointers));
        if current.is_none() {
            return states;
        }
    }
}

fn state(color: &[usize], current: Option<usize>, pointers: &[usize]) -> State {
    let of = |node: usize| {
        let colors = [WHITE, GRAY, BLACK].map(|class| f32::from(color[node] == class));
        colors.into_iter().chain([f32::from(current == Some(node))])
    };
    State { pointers: pointers.to_vec(), hints: (0..color.len()).flat_map(of).collect() }
}

#[cfg(test)]
mod tests {
    use super::super::Algorithm;
    use super::*;
    use crate::base::random::Key;

    fn draw(nodes: usize, i: u64) -> Sample {
        Sample::draw(Algorithm::Dfs, nodes, &mut Key::new(5).index(i).stream())
    }

    #[test]
    fn clrs_has_three_hints_a_node() {
        for nodes in [4, 8, 16, 64] {
            for i in 0..10 {
                assert_eq!(full_trace(&draw(nodes, i)).len(), 3 * nodes);
            }
        }
    }

    #[test]
    fn moves_are_states_of_clrs_in_their_order() {
        for i in 0..200 {
            let sample = draw(3 + i as usize % 9, i);
            let mut full = full_trace(&sample).into_iter();
            let moves = states(&sample);
            for state in &moves[..moves.len() - 1] {
                let colors: Vec<usize> =
                    state.hints.chunks(4).map(|hints| hints.iter().position(|c| *c == 1.0).unwrap()).collect();
                let found = full.find(|full| full.color == colors && full.pi == state.pointers);
                assert!(found.is_some(), "{sample:?}");
            }
            let last = full_trace(&sample).pop().unwrap();
            let end = moves.last().unwrap();
            assert_eq!(last.pi, end.pointers);
            assert!(end.hints.chunks(4).all(|hints| hints == [0.0, 0.0, 1.0, 0.0]), "all black, nobody current");
        }
    }
}
