//! Blocks of edges: which edges go through the matrix product together, and the loops over them.

use super::EdgeShape;
use crate::kernels::isa::kernel;
use crate::kernels::lanes::{LANES, load, store, sum};

/// The most edges of a block: rows of E and M that stay in L2 beside the weights.
pub(super) const ROWS: usize = 192;
/// Senders whose slopes share a word: what a float counts exactly, with room to spare.
pub(super) const GROUP: usize = 16;

/// Edges of one receiver from senders of one group, neighbours in a block.
#[derive(Clone, Copy, Default)]
struct Segment {
    /// Row of the receiver among all nodes of the part.
    receiver: usize,
    /// Row of the first node of its graph.
    graph: usize,
    /// The word of slopes.
    word: usize,
    /// First row of the block.
    first: usize,
    /// Rows.
    count: usize,
}

/// The edges of a block, by receiver, then by sender.
pub(super) struct Block {
    segments: [Segment; ROWS],
    filled: usize,
    /// Senders by their number in the graph.
    senders: [usize; ROWS],
    rows: usize,
}

impl Block {
    pub(super) fn new() -> Block {
        Block { segments: [Segment::default(); ROWS], filled: 0, senders: [0; ROWS], rows: 0 }
    }

    /// How many edges it holds.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Takes edges from word `word` of a part of `graphs` graphs on; the word after, none at the end.
    pub(super) fn fill(&mut self, shape: &EdgeShape, graphs: usize, edges: &[f32], word: usize) -> Option<usize> {
        let (nodes, words) = (shape.nodes, shape.words());
        let end = graphs * nodes * words;
        (self.filled, self.rows) = (0, 0);
        let mut word = word;
        while word < end && self.rows + GROUP <= ROWS {
            let (receiver, first) = (word / words, self.rows);
            let edges = &edges[receiver * nodes..][..nodes];
            let from = word % words * GROUP;
            for (sender, &edge) in edges.iter().enumerate().skip(from).take(GROUP) {
                self.senders[self.rows] = sender;
                // No branch: whether an edge is there is noise.
                self.rows += usize::from(!shape.skip_absent || edge != 0.0);
            }
            if self.rows > first {
                let graph = receiver / nodes * nodes;
                self.segments[self.filled] = Segment { receiver, graph, word, first, count: self.rows - first };
                self.filled += 1;
            }
            word += 1;
        }
        (word < end).then_some(word)
    }

    fn segments(&self) -> &[Segment] {
        &self.segments[..self.filled]
    }

    /// The senders of a segment and their rows of the block.
    #[inline(always)]
    fn edges(&self, segment: &Segment) -> impl Iterator<Item = (usize, usize)> + '_ {
        let senders = &self.senders[segment.first..][..segment.count];
        senders.iter().copied().zip(segment.first..)
    }
}

/// Row `i` of a matrix.
#[inline(always)]
fn row(x: &[f32], i: usize, width: usize) -> &[f32] {
    &x[i * width..][..width]
}

/// Row `i` of a matrix, to write.
#[inline(always)]
fn row_mut(x: &mut [f32], i: usize, width: usize) -> &mut [f32] {
    &mut x[i * width..][..width]
}

/// `max(x, 0)`; NaN stays NaN.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

kernel! {
    /// `e = relu(P_i + Q_j)` for every edge.
    pub(super) fn expand<A>(block: &Block, hidden: usize, receivers: &[f32], senders: &[f32], e: &mut [f32]) {
        for segment in block.segments() {
            let p = row(receivers, segment.receiver, hidden);
            for (sender, at) in block.edges(segment) {
                let q = row(senders, segment.graph + sender, hidden);
                for ((e, p), q) in row_mut(e, at, hidden).iter_mut().zip(p).zip(q) {
                    *e = relu(p + q);
                }
            }
        }
    }
}

kernel! {
    /// `agg_i += A_ij relu(m + b)` for every edge, and where `m + b` is positive.
    pub(super) fn aggregate<A>(
        block: &Block,
        shape: &EdgeShape,
        edges: &[f32],
        bias: &[f32],
        m: &[f32],
        out: &mut [f32],
        slopes: &mut [f32],
    ) {
        let width = shape.outputs;
        for segment in block.segments() {
            let edges = row(edges, segment.receiver, shape.nodes);
            let out = row_mut(out, segment.receiver, width);
            let slopes = row_mut(slopes, segment.word, width);
            for first in (0..width).step_by(LANES) {
                let bias = load::<LANES>(&bias[first..], 0.0);
                let mut total = load::<LANES>(&out[first..], 0.0);
                let mut positive = [0i32; LANES];
                for (sender, at) in block.edges(segment) {
                    let (edge, bit) = (edges[sender], 1i32 << (sender % GROUP));
                    let m = load::<LANES>(&row(m, at, width)[first..], 0.0);
                    for j in 0..LANES {
                        let x = m[j] + bias[j];
                        positive[j] |= if x > 0.0 { bit } else { 0 };
                        total[j] = A::mul_add(edge, relu(x), total[j]);
                    }
                }
                store(&total, &mut out[first..]);
                store(&positive.map(|word| word as f32), &mut slopes[first..]);
            }
        }
    }
}

kernel! {
    /// `dA_ij = relu(m + b) . d_agg_i` for every edge.
    pub(super) fn edge_gradient<A>(
        block: &Block,
        shape: &EdgeShape,
        bias: &[f32],
        m: &[f32],
        d_out: &[f32],
        d_edges: &mut [f32],
    ) {
        let width = shape.outputs;
        for segment in block.segments() {
            let d_out = row(d_out, segment.receiver, width);
            let d_edges = row_mut(d_edges, segment.receiver, shape.nodes);
            for (sender, at) in block.edges(segment) {
                let m = row(m, at, width);
                let mut total = [0.0; LANES];
                for first in (0..width).step_by(LANES) {
                    let (m, bias) = (load::<LANES>(&m[first..], 0.0), load::<LANES>(&bias[first..], 0.0));
                    let d_out = load::<LANES>(&d_out[first..], 0.0);
                    for j in 0..LANES {
                        total[j] = A::mul_add(relu(m[j] + bias[j]), d_out[j], total[j]);
                    }
                }
                d_edges[sender] = sum(total);
            }
        }
    }
}

kernel! {
    /// `dm = A_ij d_agg_i` where the slope is 1, for every edge; adds it to the bias' gradient.
    pub(super) fn spread<A>(
        block: &Block,
        shape: &EdgeShape,
        edges: &[f32],
        slopes: &[f32],
        d_out: &[f32],
        dm: &mut [f32],
        d_bias: &mut [f32],
    ) {
        let width = shape.outputs;
        for segment in block.segments() {
            let edges = row(edges, segment.receiver, shape.nodes);
            let d_out = row(d_out, segment.receiver, width);
            let slopes = row(slopes, segment.word, width);
            for first in (0..width).step_by(LANES) {
                let d_out = load::<LANES>(&d_out[first..], 0.0);
                let positive = load::<LANES>(&slopes[first..], 0.0).map(|word| word as i32);
                let mut total = load::<LANES>(&d_bias[first..], 0.0);
                for (sender, at) in block.edges(segment) {
                    let (edge, bit) = (edges[sender], 1i32 << (sender % GROUP));
                    let mut d = [0.0; LANES];
                    for j in 0..LANES {
                        d[j] = if positive[j] & bit != 0 { edge * d_out[j] } else { 0.0 };
                        total[j] += d[j];
                    }
                    store(&d, &mut row_mut(dm, at, width)[first..]);
                }
                store(&total, &mut d_bias[first..]);
            }
        }
    }
}

kernel! {
    /// `dP_i += de` and `dQ_j += de` where `e` is positive, for every edge.
    pub(super) fn collect<A>(
        block: &Block,
        hidden: usize,
        e: &[f32],
        de: &[f32],
        d_receivers: &mut [f32],
        d_senders: &mut [f32],
    ) {
        for segment in block.segments() {
            let d_receiver = row_mut(d_receivers, segment.receiver, hidden);
            for first in (0..hidden).step_by(LANES) {
                let mut total = load::<LANES>(&d_receiver[first..], 0.0);
                for (sender, at) in block.edges(segment) {
                    let e = load::<LANES>(&row(e, at, hidden)[first..], 0.0);
                    let de = load::<LANES>(&row(de, at, hidden)[first..], 0.0);
                    let d_sender = &mut row_mut(d_senders, segment.graph + sender, hidden)[first..];
                    let mut sent = load::<LANES>(d_sender, 0.0);
                    for j in 0..LANES {
                        let d = if e[j] > 0.0 { de[j] } else { 0.0 };
                        total[j] += d;
                        sent[j] += d;
                    }
                    store(&sent, d_sender);
                }
                store(&total, &mut d_receiver[first..]);
            }
        }
    }
}
