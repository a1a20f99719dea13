//! `edge_messages`: agg_i = sum_j A_ij relu(relu(P_i + Q_j) W + b) on dense graphs, the messages of a
//! graph network whose edge function has one hidden layer (Gilmer et al. 2017; Battaglia et al. 2018).
//! The backward is fused and has no second derivative; [`Var::edge_messages_composed`] has one.

use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::edge_messages::{self as kernel, EdgeGradients, EdgeInputs, EdgeShape};

/// Inputs: P, Q `[B, N, H]`, A `[B, N, N]`, W `[H, M]`, b `[M]`. Outputs: the sums `[B, N, M]`, and which
/// messages are positive, for the backward.
#[derive(Clone, Copy, Debug)]
struct EdgeMessages {
    skip_absent: bool,
}

/// Inputs: those of the messages, which are positive, the gradient by the sums. Outputs: the gradients
/// by P, Q, W, b, and by A where it is wanted.
#[derive(Clone, Copy, Debug)]
struct EdgeMessagesBackward {
    skip_absent: bool,
    by_edges: bool,
}

fn edge_shape(inputs: &[&Shape], skip_absent: bool) -> Option<EdgeShape> {
    let [receivers, senders, edges, weight, bias, ..] = inputs else { return None };
    let ([graphs, nodes, hidden], [rows, outputs]) = (&receivers[..], &weight[..]) else { return None };
    let fits = receivers == senders
        && edges[..] == [*graphs, *nodes, *nodes]
        && rows == hidden
        && bias[..] == [*outputs]
        && *hidden > 0
        && *outputs > 0;
    let (graphs, nodes, hidden, outputs) = (*graphs, *nodes, *hidden, *outputs);
    fits.then_some(EdgeShape { graphs, nodes, hidden, outputs, skip_absent })
}

fn check(op: &'static str, inputs: &[&Shape], count: usize, skip_absent: bool) -> Result<EdgeShape, ShapeError> {
    let shape = edge_shape(inputs, skip_absent).filter(|_| inputs.len() == count);
    shape.ok_or_else(|| {
        ShapeError::new(op, inputs, "receivers and senders [B, N, H], edges [B, N, N], weight [H, M], bias [M]")
    })
}

fn checked(inputs: &[Shape], skip_absent: bool) -> EdgeShape {
    let inputs: [&Shape; 5] = std::array::from_fn(|i| &inputs[i]);
    edge_shape(&inputs, skip_absent).expect("shapes are checked when the op is recorded")
}

/// Operations of one product over all edges.
fn product(shape: &EdgeShape) -> u64 {
    2 * (shape.graphs * shape.nodes * shape.nodes * shape.hidden * shape.outputs) as u64
}

impl Op for EdgeMessages {
    fn name(&self) -> &'static str {
        "edge_messages"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let shape = check(self.name(), inputs, 5, self.skip_absent)?;
        let EdgeShape { graphs, nodes, outputs, .. } = shape;
        Ok(vec![[graphs, nodes, outputs].into(), [graphs, nodes, shape.words(), outputs].into()])
    }

    fn run(&self, io: Io<'_>) {
        let shape = checked(io.input_shapes, self.skip_absent);
        let Io { inputs: [receivers, senders, edges, weight, bias, ..], outputs: [out, slopes, ..], .. } = io;
        let inputs = EdgeInputs { receivers, senders, edges, weight, bias };
        kernel::edge_messages(io.pool, shape, inputs, out, slopes, io.scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::edge_messages_scratch(checked(inputs, self.skip_absent))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        product(&checked(inputs, self.skip_absent))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        if at.d_outputs[1].is_some() {
            return Err(GradientError::NoRule {
                op: "edge_messages",
                why: "its slopes are kept for the backward pass alone",
            });
        }
        let mut inputs = at.inputs.to_vec();
        inputs.extend([at.outputs[1], at.d_output()]);
        let op = EdgeMessagesBackward { skip_absent: self.skip_absent, by_edges: at.wanted[2] };
        let by = inputs[0].graph().apply(op, &inputs);
        Ok(vec![Some(by[0]), Some(by[1]), by.get(4).copied(), Some(by[2]), Some(by[3])])
    }
}

impl Op for EdgeMessagesBackward {
    fn name(&self) -> &'static str {
        "edge_messages_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        check(self.name(), inputs, 7, self.skip_absent)?;
        let by = [0, 1, 3, 4, 2].map(|i| inputs[i].clone());
        Ok(by[..if self.by_edges { 5 } else { 4 }].to_vec())
    }

    fn run(&self, io: Io<'_>) {
        let shape = checked(io.input_shapes, self.skip_absent);
        let [receivers, senders, edges, weight, bias, slopes, d_out, ..] = io.inputs;
        let inputs = EdgeInputs { receivers, senders, edges, weight, bias };
        let [receivers, senders, weight, bias, edges, ..] = io.outputs;
        let gradients = EdgeGradients { receivers, senders, edges, weight, bias };
        kernel::edge_messages_backward(io.pool, shape, inputs, slopes, d_out, gradients, io.scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::edge_messages_backward_scratch(checked(inputs, self.skip_absent))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        let products = if self.by_edges { 3 } else { 2 };
        products * product(&checked(inputs, self.skip_absent))
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::fused("edge_messages_backward"))
    }
}

impl<'g> Var<'g> {
    /// What every node receives on dense graphs, `[B, N, M]`: `sum_j A_ij relu(relu(P_i + Q_j) W + b)`,
    /// P being `self`, the receivers' share `[B, N, H]`, Q the `senders`' share, A the weights of the
    /// `edges` `[B, N, N]` to i (row) from j (column): zeros and ones, their mean, or attention.
    ///
    /// With `skip_absent`, edges of weight zero are left out instead of multiplied by zero: the same
    /// sums (unless a message is not finite), at a cost by the edges that exist. The gradient by `edges`
    /// is that of the formula either way, also where an edge is absent; wanting it costs one product
    /// over all edges more.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn edge_messages(
        self,
        senders: Var<'g>,
        edges: Var<'g>,
        weight: Var<'g>,
        bias: Var<'g>,
        skip_absent: bool,
    ) -> Var<'g> {
        self.graph().apply(EdgeMessages { skip_absent }, &[self, senders, edges, weight, bias])[0]
    }

    /// [`Var::edge_messages`] from ordinary ops, which differentiate again; it makes tensors over all
    /// edges.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn edge_messages_composed(self, senders: Var<'g>, edges: Var<'g>, weight: Var<'g>, bias: Var<'g>) -> Var<'g> {
        let (shape, pairs) = (self.shape(), edges.shape());
        let (graphs, nodes, hidden) = (shape[0], shape[1], shape[2]);
        let hidden_layer =
            (self.reshape([graphs, nodes, 1, hidden]) + senders.reshape([graphs, 1, nodes, hidden])).relu();
        let messages = (hidden_layer.matmul(weight) + bias).relu();
        (messages * edges.reshape([pairs[0], pairs[1], pairs[2], 1])).sum_axes(&[2])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, Input, index, real};
    fn oracle(x: &[Array]) -> Array {
        let [p, q, edges, weight, bias] = x else { panic!("five inputs") };
        let (nodes, hidden) = (p.shape()[1], p.shape()[2]);
        Array::from_shape_fn(vec![p.shape()[0], nodes, bias.len()], |at| {
            let (graph, i, c) = (at[0], at[1], at[2]);
            let message = |j: usize| {
                let e = |h: usize| (p[[graph, i, h]] + q[[graph, j, h]]).max(0.0);
                (bias[c] + (0..hidden).map(|h| e(h) * weight[[h, c]]).sum::<f64>()).max(0.0)
            };
            (0..nodes).map(|j| edges[[graph, i, j]] * message(j)).sum()
        })
    }
    let inputs = |[graphs, nodes, hidden, outputs]: [usize; 4], edges: Input| {
        let node = || real([graphs, nodes, hidden]);
        [node(), node(), edges, real([hidden, outputs]), real([outputs])]
    };
    let fused = |label: &str, size: [usize; 4], edges: Input, skip_absent: bool| {
        Case::one(
            format!("{label} {size:?}"),
            inputs(size, edges),
            move |x| x[0].edge_messages(x[1], x[2], x[3], x[4], skip_absent),
            oracle,
        )
        .once()
    };
    let weighted = |size: [usize; 4]| fused("weighted", size, real([size[0], size[1], size[1]]), false);
    let masked = |size: [usize; 4], skip| fused("masked", size, index([size[0], size[1], size[1]], 0, 2), skip);
    let composed = Case::one(
        "composed",
        inputs([2, 3, 4, 2], real([2, 3, 3])),
        |x| x[0].edge_messages_composed(x[1], x[2], x[3], x[4]),
        oracle,
    );
    vec![
        weighted([1, 1, 1, 1]),
        weighted([3, 5, 7, 4]),
        masked([10, 3, 5, 17], false),
        masked([10, 3, 5, 17], true),
        masked([2, 18, 3, 2], true),
        fused("weighted, skipping", [2, 3, 4, 5], real([2, 3, 3]), true),
        composed,
    ]
}
