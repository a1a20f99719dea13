//! Messages along the edges of dense graphs: `e_ij = relu(P_i + Q_j)`, `m_ij = relu(e_ij W + b)`,
//! `agg_i = sum_j A_ij m_ij` (Gilmer et al. 2017; Battaglia et al. 2018 with a sum).
//!
//! The edges go through the product by blocks that stay in L2; no tensor over all edges is made. The
//! forward keeps one bit a message, whether it is positive; the backward computes `e` again. Graphs are
//! split over the threads in parts that the shape fixes; each part sums its own weight gradient.

mod block;
#[cfg(test)]
mod tests;

use super::gemm::{Batch, Gemm, gemm};
use super::split::split;
use crate::base::threads::Pool;
use block::{Block, GROUP, ROWS, aggregate, collect, edge_gradient, expand, spread};

/// The most parts that graphs are gathered into. Each has a weight gradient of its own.
const PARTS: usize = 8;

/// The shape of messages along edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeShape {
    /// Graphs.
    pub graphs: usize,
    /// Nodes of a graph.
    pub nodes: usize,
    /// Width of `P`, `Q` and `e`.
    pub hidden: usize,
    /// Width of the messages.
    pub outputs: usize,
    /// Leave out edges whose weight is zero instead of multiplying by it.
    pub skip_absent: bool,
}

impl EdgeShape {
    /// Words that hold the slopes of one receiver's messages at one output.
    pub fn words(&self) -> usize {
        self.nodes.div_ceil(GROUP)
    }

    /// Graphs of a part.
    fn part(&self) -> usize {
        self.graphs.div_ceil(PARTS).max(1)
    }

    fn parts(&self) -> usize {
        if self.nodes == 0 { 0 } else { self.graphs.div_ceil(self.part()) }
    }

    /// Graphs of part `part`.
    fn graphs_of(&self, part: usize) -> usize {
        self.part().min(self.graphs - part * self.part())
    }

    /// Part `part` of a tensor that has `width` numbers a graph.
    fn part_of<'a>(&self, x: &'a [f32], part: usize, width: usize) -> &'a [f32] {
        &x[part * self.part() * width..][..self.graphs_of(part) * width]
    }
}

/// What both directions read.
#[derive(Clone, Copy, Debug)]
pub struct EdgeInputs<'a> {
    /// P: the receivers' share of the hidden layer, with its bias, `[B, N, H]`.
    pub receivers: &'a [f32],
    /// Q: the senders' share, `[B, N, H]`.
    pub senders: &'a [f32],
    /// A: the weight of the edge to i (row) from j (column), `[B, N, N]`.
    pub edges: &'a [f32],
    /// W, `[H, M]`.
    pub weight: &'a [f32],
    /// b, `[M]`.
    pub bias: &'a [f32],
}

/// Where the gradients go; they are overwritten.
#[derive(Debug)]
pub struct EdgeGradients<'a> {
    /// By P, `[B, N, H]`.
    pub receivers: &'a mut [f32],
    /// By Q, `[B, N, H]`.
    pub senders: &'a mut [f32],
    /// By A, `[B, N, N]`; empty when it is not wanted.
    pub edges: &'a mut [f32],
    /// By W, `[H, M]`.
    pub weight: &'a mut [f32],
    /// By b, `[M]`.
    pub bias: &'a mut [f32],
}

/// The inputs of one part.
fn inputs_of<'a>(shape: &EdgeShape, inputs: EdgeInputs<'a>, part: usize) -> EdgeInputs<'a> {
    EdgeInputs {
        receivers: shape.part_of(inputs.receivers, part, shape.nodes * shape.hidden),
        senders: shape.part_of(inputs.senders, part, shape.nodes * shape.hidden),
        edges: shape.part_of(inputs.edges, part, shape.nodes * shape.nodes),
        ..inputs
    }
}

/// Floats of slopes, `[B, N, words, M]`.
pub fn edge_slopes(shape: EdgeShape) -> usize {
    shape.graphs * shape.nodes * shape.words() * shape.outputs
}

/// Scratch of [`edge_messages`], in floats.
pub fn edge_messages_scratch(shape: EdgeShape) -> usize {
    shape.parts() * ROWS * (shape.hidden + shape.outputs)
}

/// The weighted sums of messages `out`, `[B, N, M]`, and for the backward `slopes`, [`edge_slopes`].
/// `scratch`: [`edge_messages_scratch`].
pub fn edge_messages(
    pool: &Pool,
    shape: EdgeShape,
    inputs: EdgeInputs<'_>,
    out: &mut [f32],
    slopes: &mut [f32],
    scratch: &mut [f32],
) {
    let EdgeShape { nodes, hidden, outputs, .. } = shape;
    let each = shape.part() * nodes * outputs;
    let written = [(out, each), (slopes, each * shape.words()), (scratch, ROWS * (hidden + outputs))];
    split(pool, shape.parts(), written, |part, [out, slopes, scratch]| {
        let inputs = inputs_of(&shape, inputs, part);
        let (e, m) = scratch.split_at_mut(ROWS * hidden);
        out.fill(0.0);
        slopes.fill(0.0);
        each_block(&shape, shape.graphs_of(part), inputs.edges, |block| {
            expand(block, hidden, inputs.receivers, inputs.senders, e);
            let product = Gemm::dense(block.rows(), outputs, hidden);
            gemm(&Pool::serial(), &product, &Batch::ONE, e, inputs.weight, m);
            aggregate(block, &shape, inputs.edges, inputs.bias, m, out, slopes);
        });
    });
}

/// Calls `body` with the edges of a part, block by block.
fn each_block(shape: &EdgeShape, graphs: usize, edges: &[f32], mut body: impl FnMut(&Block)) {
    let (mut block, mut next) = (Block::new(), Some(0));
    while let Some(word) = next {
        next = block.fill(shape, graphs, edges, word);
        if block.rows() > 0 {
            body(&block);
        }
    }
}

/// Floats of the gradients by weight and bias that a part sums.
fn weight_floats(shape: &EdgeShape) -> usize {
    (shape.hidden + 1) * shape.outputs
}

/// Scratch of [`edge_messages_backward`], in floats.
pub fn edge_messages_backward_scratch(shape: EdgeShape) -> usize {
    let block = ROWS * (2 * shape.hidden + shape.outputs);
    shape.hidden * shape.outputs + shape.parts() * (block + weight_floats(&shape))
}

/// The gradients of [`edge_messages`] from its `slopes` and the gradient `d_out`, `[B, N, M]`.
/// The gradient by A wants every message again, absent edges' too. `scratch`:
/// [`edge_messages_backward_scratch`].
pub fn edge_messages_backward(
    pool: &Pool,
    shape: EdgeShape,
    inputs: EdgeInputs<'_>,
    slopes: &[f32],
    d_out: &[f32],
    gradients: EdgeGradients<'_>,
    scratch: &mut [f32],
) {
    let EdgeShape { nodes, hidden, outputs, skip_absent, .. } = shape;
    let by_edges = !gradients.edges.is_empty();
    let shape = EdgeShape { skip_absent: skip_absent && !by_edges, ..shape };
    let (transposed, scratch) = scratch.split_at_mut(hidden * outputs);
    transpose(inputs.weight, outputs, transposed);
    let (sums, scratch) = scratch.split_at_mut(shape.parts() * weight_floats(&shape));
    let each = shape.part() * nodes;
    let written = [
        (gradients.receivers, each * hidden),
        (gradients.senders, each * hidden),
        (gradients.edges, if by_edges { each * nodes } else { 0 }),
        (&mut *sums, weight_floats(&shape)),
        (scratch, ROWS * (2 * hidden + outputs)),
    ];
    let transposed = &*transposed;
    split(pool, shape.parts(), written, |part, [receivers, senders, edges, sums, scratch]| {
        let (weight, bias) = sums.split_at_mut(hidden * outputs);
        let gradients = EdgeGradients { receivers, senders, edges, weight, bias };
        let inputs = inputs_of(&shape, inputs, part);
        let slopes = shape.part_of(slopes, part, nodes * shape.words() * outputs);
        let d_out = shape.part_of(d_out, part, nodes * outputs);
        let graphs = shape.graphs_of(part);
        backward_part(&shape, graphs, inputs, transposed, slopes, d_out, gradients, scratch);
    });
    gradients.weight.fill(0.0);
    gradients.bias.fill(0.0);
    for part in sums.chunks(weight_floats(&shape).max(1)) {
        let (weight, bias) = part.split_at(hidden * outputs);
        for (total, x) in gradients.weight.iter_mut().zip(weight).chain(gradients.bias.iter_mut().zip(bias)) {
            *total += x;
        }
    }
}

/// `x`, rows of `columns`, with rows and columns exchanged.
fn transpose(x: &[f32], columns: usize, to: &mut [f32]) {
    let rows = x.len() / columns.max(1);
    for (j, to) in to.chunks_mut(rows.max(1)).enumerate() {
        for (to, x) in to.iter_mut().zip(x[j..].iter().step_by(columns)) {
            *to = *x;
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn backward_part(
    shape: &EdgeShape,
    graphs: usize,
    inputs: EdgeInputs<'_>,
    transposed: &[f32],
    slopes: &[f32],
    d_out: &[f32],
    gradients: EdgeGradients<'_>,
    scratch: &mut [f32],
) {
    let (hidden, outputs) = (shape.hidden, shape.outputs);
    let EdgeGradients { receivers, senders, edges, weight, bias } = gradients;
    let (e, scratch) = scratch.split_at_mut(ROWS * hidden);
    let (de, dm) = scratch.split_at_mut(ROWS * hidden);
    for sums in [&mut *receivers, &mut *senders, &mut *weight, &mut *bias] {
        sums.fill(0.0);
    }
    each_block(shape, graphs, inputs.edges, |block| {
        let multiply = |product: Gemm, a: &[f32], b: &[f32], c: &mut [f32]| {
            gemm(&Pool::serial(), &product, &Batch::ONE, a, b, c);
        };
        let rows = block.rows();
        expand(block, hidden, inputs.receivers, inputs.senders, e);
        if !edges.is_empty() {
            multiply(Gemm::dense(rows, outputs, hidden), e, inputs.weight, dm);
            edge_gradient(block, shape, inputs.bias, dm, d_out, edges);
        }
        spread(block, shape, inputs.edges, slopes, d_out, dm, bias);
        multiply(Gemm::dense(hidden, outputs, rows).transpose_a().accumulating(), e, dm, weight);
        multiply(Gemm::dense(rows, hidden, outputs), dm, transposed, de);
        collect(block, hidden, e, de, receivers, senders);
    });
}
