//! `cross_entropy`: loss = -ln softmax(logits)[target] a row, zero where the target is -1;
//! d logits = (softmax(logits) - onehot(target)) d loss, fused.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::softmax;

#[derive(Debug)]
struct CrossEntropy;

/// Gradient by the logits, from logits, targets and the gradient by the losses.
#[derive(Debug)]
struct CrossEntropyBackward;

fn check(op: &'static str, inputs: &[&Shape], count: usize) -> Result<(), ShapeError> {
    let fits = |logits: &Shape, rest: &[&Shape]| {
        !logits.is_empty() && rest.iter().all(|shape| shape[..] == logits[..logits.len() - 1])
    };
    match inputs {
        [logits, rest @ ..] if inputs.len() == count && fits(logits, rest) => Ok(()),
        _ => Err(ShapeError::new(op, inputs, "logits [.., classes] and one number a row")),
    }
}

impl Op for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        check("cross_entropy", inputs, 2)?;
        Ok(vec![inputs[1].clone()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [logits, targets, ..], outputs: [loss, ..], input_shapes, pool, .. } = io;
        softmax::cross_entropy(pool, input_shapes[0].last_extent(), logits, targets, loss);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (logits, targets) = (at.inputs[0], at.inputs[1]);
        let d_logits = logits.graph().apply_one(CrossEntropyBackward, &[logits, targets, at.d_output()]);
        Ok(vec![Some(d_logits), None])
    }
}

impl Op for CrossEntropyBackward {
    fn name(&self) -> &'static str {
        "cross_entropy_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        check("cross_entropy_backward", inputs, 3)?;
        Ok(vec![inputs[0].clone()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [logits, targets, d_loss, ..], outputs: [d_logits, ..], input_shapes, pool, .. } = io;
        softmax::cross_entropy_backward(pool, input_shapes[0].last_extent(), logits, targets, d_loss, d_logits);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (logits, targets, d_loss, by) = (at.inputs[0], at.inputs[1], at.inputs[2], at.d_output());
        let graph = logits.graph();
        let rows = targets.shape();
        let last = logits.shape().len() - 1;
        let column = |x: Var<'g>| {
            let mut extents = rows.to_vec();
            extents.push(1);
            x.reshape(extents)
        };
        // By the logits: the softmax rule for by * d_loss, on the rows that count.
        let counted = (targets + 0.5).step();
        let p = logits.softmax();
        let weighted = by * column(d_loss * counted) * p;
        let d_logits = weighted - p * weighted.sum_keeping(&[last]);
        // By d_loss: what it multiplies.
        let ones = graph.constant(rows.clone(), vec![1.0; rows.size()]);
        let slope = graph.apply_one(CrossEntropyBackward, &[logits, targets, ones]);
        Ok(vec![Some(d_logits), None, Some((by * slope).sum_axes(&[last]))])
    }
}

impl<'g> Var<'g> {
    /// The cross-entropy of each row of logits `[.., classes]` with its target: a class index as a
    /// number, or -1 for a row that does not count. In nats.
    ///
    /// # Panics
    /// If there is not one target a row.
    pub fn cross_entropy(self, targets: Var<'g>) -> Var<'g> {
        self.graph().apply_one(CrossEntropy, &[self, targets])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    use ndarray::Axis;
    fn oracle(x: &[Array]) -> Array {
        let classes = Axis(x[0].ndim() - 1);
        let losses = x[0].lanes(classes).into_iter().zip(&x[1]).map(|(row, target)| {
            if *target < 0.0 { 0.0 } else { row.mapv(f64::exp).sum().ln() - row[*target as usize] }
        });
        Array::from_shape_vec(x[1].raw_dim(), losses.collect()).expect("a loss a row")
    }
    let case = |rows: &'static [usize], classes: usize, low: i32| {
        let mut logits = rows.to_vec();
        logits.push(classes);
        let inputs = [real(logits), index(rows, low, classes as i32)];
        Case::one(format!("{rows:?} {classes} {low}"), inputs, |x| x[0].cross_entropy(x[1]), oracle)
    };
    vec![case(&[7], 5, 0), case(&[2, 5], 3, -1), case(&[3], 1, 0), case(&[11], 19, -1)]
}
