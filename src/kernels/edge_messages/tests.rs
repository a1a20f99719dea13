//! Messages along edges against plain loops in f64, on every instruction set.

use super::*;
use crate::kernels::check::{assert_close, assert_same_at_any_threads, differences, dot, noise, on_every_set, wide};

/// Receivers, senders, edges, weight, bias.
type Given = [Vec<f32>; 5];

fn given(shape: EdgeShape) -> Given {
    let EdgeShape { graphs, nodes, hidden, outputs, .. } = shape;
    let lens = [graphs * nodes * hidden, graphs * nodes * hidden, graphs * nodes * nodes, hidden * outputs, outputs];
    let mut given: Given = std::array::from_fn(|i| noise(70 + i as u64, lens[i]));
    // Two edges of five are absent.
    given[2].iter_mut().enumerate().filter(|(i, _)| i * 7 % 5 < 2).for_each(|(_, edge)| *edge = 0.0);
    given
}

fn inputs(given: &Given) -> EdgeInputs<'_> {
    let [receivers, senders, edges, weight, bias] = given;
    EdgeInputs { receivers, senders, edges, weight, bias }
}

fn forward(pool: &Pool, shape: EdgeShape, given: &Given) -> [Vec<f32>; 2] {
    let mut out = vec![f32::NAN; shape.graphs * shape.nodes * shape.outputs];
    let mut slopes = vec![f32::NAN; edge_slopes(shape)];
    let mut scratch = vec![f32::NAN; edge_messages_scratch(shape)];
    edge_messages(pool, shape, inputs(given), &mut out, &mut slopes, &mut scratch);
    [out, slopes]
}

fn backward(pool: &Pool, shape: EdgeShape, given: &Given, d_out: &[f32], by_edges: bool) -> Given {
    let [_, slopes] = forward(pool, shape, given);
    let mut got: Given = std::array::from_fn(|i| vec![f32::NAN; if i == 2 && !by_edges { 0 } else { given[i].len() }]);
    let [receivers, senders, edges, weight, bias] = &mut got;
    let gradients = EdgeGradients { receivers, senders, edges, weight, bias };
    let mut scratch = vec![f32::NAN; edge_messages_backward_scratch(shape)];
    edge_messages_backward(pool, shape, inputs(given), &slopes, d_out, gradients, &mut scratch);
    got
}

fn oracle(shape: EdgeShape, given: &[Vec<f64>]) -> Vec<f64> {
    let [p, q, edges, weight, bias] = given else { panic!("five inputs") };
    let EdgeShape { graphs, nodes, hidden, outputs, .. } = shape;
    let mut out = vec![0.0; graphs * nodes * outputs];
    for i in 0..graphs * nodes {
        for j in 0..nodes {
            let sender = i / nodes * nodes + j;
            let e: Vec<f64> = (0..hidden).map(|h| (p[i * hidden + h] + q[sender * hidden + h]).max(0.0)).collect();
            for c in 0..outputs {
                let m: f64 = bias[c] + (0..hidden).map(|h| e[h] * weight[h * outputs + c]).sum::<f64>();
                out[i * outputs + c] += edges[i * nodes + j] * m.max(0.0);
            }
        }
    }
    out
}

fn shape([graphs, nodes, hidden, outputs]: [usize; 4], skip_absent: bool) -> EdgeShape {
    EdgeShape { graphs, nodes, hidden, outputs, skip_absent }
}

#[test]
fn messages_meet_plain_loops() {
    for size in [[1, 1, 1, 1], [3, 5, 7, 9], [9, 16, 16, 32], [2, 33, 20, 17], [1, 200, 3, 5], [17, 4, 40, 33]] {
        for skip_absent in [false, true] {
            let shape = shape(size, skip_absent);
            let given = given(shape);
            let want = oracle(shape, &given.each_ref().map(|x| wide(x)));
            on_every_set(|pool| assert_close("messages", &forward(pool, shape, &given)[0], &want, 2e-5));
        }
    }
}

#[test]
fn gradients_meet_central_differences() {
    for size in [[1, 1, 1, 1], [2, 3, 5, 4], [10, 2, 3, 17], [1, 18, 4, 3]] {
        for (skip_absent, by_edges) in [(false, true), (true, true), (true, false)] {
            let shape = shape(size, skip_absent);
            let given = given(shape);
            let d_out = noise(79, shape.graphs * shape.nodes * shape.outputs);
            let (exact, seed) = (given.each_ref().map(|x| wide(x)), wide(&d_out));
            let want: Vec<_> = (0..5).map(|i| differences(&exact, i, |x| dot(&oracle(shape, x), &seed))).collect();
            on_every_set(|pool| {
                let got = backward(pool, shape, &given, &d_out, by_edges);
                for (i, (got, want)) in got.iter().zip(&want).enumerate().filter(|(i, _)| by_edges || *i != 2) {
                    assert_close(&format!("{shape:?} gradient {i}"), got, want, 1e-4);
                }
            });
        }
    }
}

#[test]
fn threads_do_not_change_the_bits() {
    for skip_absent in [false, true] {
        let shape = shape([19, 17, 24, 20], skip_absent);
        let given = given(shape);
        let d_out = noise(80, shape.graphs * shape.nodes * shape.outputs);
        assert_same_at_any_threads(|pool| {
            let mut all = forward(pool, shape, &given).to_vec();
            all.extend(backward(pool, shape, &given, &d_out, true));
            all
        });
    }
}

#[test]
fn graphs_without_edges_or_nodes_pass() {
    let shape = shape([3, 4, 5, 6], true);
    let mut given = given(shape);
    given[2].fill(0.0);
    let d_out = noise(81, 3 * 4 * 6);
    let pool = Pool::serial();
    assert!(forward(&pool, shape, &given)[0].iter().all(|x| *x == 0.0));
    assert!(backward(&pool, shape, &given, &d_out, false).iter().flatten().all(|x| *x == 0.0));
    let none = EdgeShape { graphs: 2, nodes: 0, ..shape };
    let given = [vec![], vec![], vec![], given[3].clone(), given[4].clone()];
    assert!(forward(&pool, none, &given)[0].is_empty());
    assert!(backward(&pool, none, &given, &[], false)[3].iter().all(|x| *x == 0.0));
}
