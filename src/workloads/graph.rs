//! W7: message passing on dense graphs, 8 rounds with the same weights and a head on every node. Each
//! round: e_ij = relu(h_i W_i + b_1 + h_j W_j); m_ij = relu(e_ij W_2 + b_2); agg_i = sum_j A_ij m_ij / 16;
//! h += relu([h, agg] W_3 + b_3) W_4 + b_4.

use super::training::{Maker, Training};

const GRAPHS: usize = 32;
const NODES: usize = 16;
const INPUTS: usize = 16;
const WIDTH: usize = 64;
const ROUNDS: usize = 8;
const CLASSES: usize = 10;

/// See [`super::Workload::flop`]: every edge, there or not.
pub(super) fn flop() -> u64 {
    let nodes = GRAPHS * NODES;
    let first = nodes * INPUTS * WIDTH;
    let edges = nodes * NODES * (WIDTH * WIDTH + WIDTH);
    let full = ROUNDS * (nodes * WIDTH * WIDTH * 5 + edges) + nodes * WIDTH * CLASSES;
    2 * (3 * full + 2 * first) as u64
}

/// The training step; with `skip_absent`, without the messages of edges that are absent.
pub(super) fn build(skip_absent: bool) -> Training {
    let mut maker = Maker::new(7);
    let embedding = maker.linear("embedding", INPUTS, WIDTH);
    let receivers = maker.matrix("receivers.weight", WIDTH, WIDTH);
    let senders = maker.matrix("senders.weight", WIDTH, WIDTH);
    let hidden = maker.vector("hidden.bias", WIDTH, 0.0);
    let message = maker.linear("message", WIDTH, WIDTH);
    let update_in = maker.linear("update_in", 2 * WIDTH, WIDTH);
    let update_out = maker.linear("update_out", WIDTH, WIDTH);
    let head = maker.linear("head", WIDTH, CLASSES);
    let nodes = maker.inputs([GRAPHS, NODES, INPUTS]);
    let targets = maker.indices("targets", 1, [GRAPHS, NODES], CLASSES);
    let edges = maker.indices("edges", 2, [GRAPHS, NODES, NODES], 2);
    maker.train(targets, |scope| {
        let edges = scope.read(edges) * (1.0 / NODES as f32);
        let (weight, bias) = (scope.read(message.0), scope.read(message.1));
        let mut h = scope.linear(scope.read(nodes), embedding);
        for _ in 0..ROUNDS {
            let (p, q) = (scope.linear(h, (receivers, hidden)), h.matmul(scope.read(senders)));
            let received = p.edge_messages(q, edges, weight, bias, skip_absent);
            let joined = h.graph().concat(2, &[h, received]);
            h = h + scope.linear(scope.linear(joined, update_in).relu(), update_out);
        }
        scope.linear(h, head)
    })
}
