//! Reverse-mode differentiation: the backward pass as ordinary nodes of the same graph.

use super::graph::Source;
use super::{Backward, Graph, Var};

/// Why a graph has no gradient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GradientError {
    /// A fused op has no rule.
    #[error("{op} has no gradient: {why}")]
    NoRule {
        /// Name of the op.
        op: &'static str,
        /// What to use instead, or why not.
        why: &'static str,
    },
    /// Only a number can be differentiated.
    #[error("only a single number can be differentiated, not a value of shape {0}")]
    NotScalar(String),
}

impl GradientError {
    /// The refusal of a fused backward op.
    pub const fn fused(op: &'static str) -> Self {
        GradientError::NoRule { op, why: "the fused backward pass has no second derivative" }
    }
}

impl Graph {
    /// The gradients of the number `y` by each of `by`; zeros where it does not depend on them.
    ///
    /// # Errors
    /// When `y` is no single number, or an op on the way has no gradient rule.
    pub fn gradient<'g>(&'g self, y: Var<'g>, by: &[Var<'g>]) -> Result<Vec<Var<'g>>, GradientError> {
        if y.shape().size() != 1 {
            return Err(GradientError::NotScalar(y.shape().to_string()));
        }
        let one = self.constant(y.shape(), vec![1.0]);
        self.gradient_from(y, one, by)
    }

    /// The gradients of `sum(y * dy)` by each of `by`: a vector-Jacobian product.
    ///
    /// # Errors
    /// When an op on the way has no gradient rule.
    pub fn gradient_from<'g>(&'g self, y: Var<'g>, dy: Var<'g>, by: &[Var<'g>]) -> Result<Vec<Var<'g>>, GradientError> {
        let values = self.recorded.borrow().values.len();
        let depends = self.dependents(by, values);
        let mut gradients: Vec<Option<Var<'g>>> = vec![None; values];
        gradients[y.id] = Some(dy);
        for index in (0..self.nodes_before(y)).rev() {
            let node = self.recorded.borrow().nodes[index].clone();
            if !node.outputs.iter().any(|&id| gradients[id].is_some() && depends[id]) {
                continue;
            }
            let vars = |ids: &[usize]| ids.iter().map(|&id| Var { graph: self, id }).collect::<Vec<_>>();
            let d_outputs: Vec<_> = node.outputs.iter().map(|&id| gradients[id]).collect();
            let wanted: Vec<_> = node.inputs.iter().map(|&id| depends[id]).collect();
            let (inputs, outputs) = (vars(&node.inputs), vars(&node.outputs));
            let at = Backward { inputs: &inputs, outputs: &outputs, d_outputs: &d_outputs, wanted: &wanted };
            for (input, gradient) in node.inputs.iter().zip(node.op.gradient(&at)?) {
                let Some(gradient) = gradient.filter(|_| depends[*input]) else { continue };
                debug_assert_eq!(gradient.shape(), at.inputs[0].graph.recorded.borrow().values[*input].shape);
                gradients[*input] = Some(match gradients[*input] {
                    Some(so_far) => so_far + gradient,
                    None => gradient,
                });
            }
        }
        Ok(by.iter().map(|v| gradients[v.id].unwrap_or_else(|| v.zeros_like())).collect())
    }

    /// How many nodes come before or make `y`.
    fn nodes_before(&self, y: Var<'_>) -> usize {
        match self.recorded.borrow().values[y.id].source {
            Source::Node(node) => node + 1,
            Source::Slot(_) | Source::Constant(_) => 0,
        }
    }

    /// Which of the first `values` values depend on any of `by`.
    fn dependents(&self, by: &[Var<'_>], values: usize) -> Vec<bool> {
        let mut depends = vec![false; values];
        for var in by {
            depends[var.id] = true;
        }
        for node in &self.recorded.borrow().nodes {
            if node.inputs.iter().any(|&id| depends[id]) {
                node.outputs.iter().for_each(|&id| depends[id] = true);
            }
        }
        depends
    }
}
