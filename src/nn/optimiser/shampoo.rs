//! Shampoo: a preconditioner for each side of a matrix, `L += G G^T`, `R += G^T G`,
//! `W -= learning_rate L^(-1/4) G R^(-1/4)` (Gupta, Koren and Singer 2018, algorithm 1), roots on a
//! schedule and the length of a step grafted from another method (Anil et al. 2020).
//!
//! A vector has one side and the power -1/2; of more than two axes all but the first are one side.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Group;
use super::method::{Stepping, Update, states_of};
use crate::engine::ops::optimiser_step::Rule;
use crate::engine::{Shape, Var};

/// Where the length of a step comes from; the direction is Shampoo's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grafting {
    /// Shampoo's own.
    #[default]
    None,
    /// The gradient.
    Sgd,
    /// Adagrad's step.
    Adagrad {
        /// Added to the root of the sum of squares.
        epsilon: f32,
    },
    /// RMSProp's step.
    RmsProp {
        /// Decay of the mean square.
        decay: f32,
        /// Added to the root of the mean square.
        epsilon: f32,
    },
}

/// Shampoo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Shampoo {
    /// Decay of the preconditioners, which are then means; 1 adds up, as the paper does.
    pub beta: f32,
    /// Added to a preconditioner, in units of its largest eigenvalue.
    pub epsilon: f32,
    /// Steps from one computation of the roots to the next; the first step has one.
    pub every: u32,
    /// Decay of the velocity along preconditioned gradients; 0 keeps none.
    pub momentum: f32,
    /// Where the length of a step comes from.
    pub grafting: Grafting,
    /// Keeps only the diagonals of all preconditioners: the ablation of the matrices.
    pub diagonal: bool,
    /// Sides longer than this are diagonal.
    pub largest: usize,
}

impl Default for Shampoo {
    fn default() -> Self {
        Shampoo {
            beta: 1.0,
            epsilon: 1e-6,
            every: 1,
            momentum: 0.0,
            grafting: Grafting::None,
            diagonal: false,
            largest: 1024,
        }
    }
}

/// Which side of the gradient a preconditioner multiplies.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

/// Rows and columns of the gradient as a matrix; a vector is one row.
fn extents(shape: &Shape) -> [usize; 2] {
    match shape[..] {
        [] => [1, 1],
        [n] => [1, n],
        [rows, ref rest @ ..] => [rows, rest.iter().product()],
    }
}

impl Shampoo {
    fn full(&self, extent: usize) -> bool {
        !self.diagonal && extent <= self.largest
    }

    /// The sides of a weight, with their extents.
    fn sides(&self, shape: &Shape) -> Vec<(Side, usize)> {
        let [rows, columns] = extents(shape);
        let left = (shape.len() > 1).then_some((Side::Left, rows));
        left.into_iter().chain([(Side::Right, columns)]).collect()
    }

    fn momentum_rule(&self) -> Rule {
        Rule::Sgd { momentum: self.momentum, nesterov: false }
    }

    /// The gradient preconditioned on one side, and how many states that took.
    fn precondition<'g>(
        &self,
        at: &Update<'g, '_>,
        g: Var<'g>,
        so_far: Var<'g>,
        side: Side,
        i: usize,
    ) -> (Var<'g>, usize) {
        let extent = g.shape()[if side == Side::Left { 0 } else { 1 }];
        let power = if at.gradient.shape().len() > 1 { 4 } else { 2 };
        let added = match (self.full(extent), side) {
            (true, Side::Left) => g.matmul_transposed(g),
            (true, Side::Right) => g.transposed_matmul(g),
            (false, Side::Left) => (g * g).sum_keeping(&[1]).reshape([extent]),
            (false, Side::Right) => (g * g).sum_keeping(&[0]).reshape([extent]),
        };
        let sum = if self.beta < 1.0 { at.read(i) * self.beta + added * (1.0 - self.beta) } else { at.read(i) + added };
        at.assign(i, sum);
        if !self.full(extent) {
            let root = sum.inverse_root_diagonal(power, self.epsilon);
            let root = if side == Side::Left { root.reshape([extent, 1]) } else { root };
            return (so_far * root, 1);
        }
        let root = sum.inverse_root(power, self.epsilon, at.read(i + 1), at.steps, self.every);
        at.assign(i + 1, root);
        (if side == Side::Left { root.matmul(so_far) } else { so_far.matmul(root) }, 2)
    }

    /// The direction as long as the step of the method that is grafted; `i` is its state.
    fn graft<'g>(&self, at: &Update<'g, '_>, g: Var<'g>, direction: Var<'g>, i: usize) -> Var<'g> {
        let step = match self.grafting {
            Grafting::None => return direction,
            Grafting::Sgd => g,
            Grafting::Adagrad { epsilon } => {
                let squares = at.read(i).reshape(g.shape()) + g * g;
                at.assign(i, squares.reshape(at.gradient.shape()));
                g / (squares.sqrt() + epsilon)
            }
            Grafting::RmsProp { decay, epsilon } => {
                let squares = at.read(i).reshape(g.shape()) * decay + g * g * (1.0 - decay);
                at.assign(i, squares.reshape(at.gradient.shape()));
                g / (squares.sqrt() + epsilon)
            }
        };
        // A direction of zero stays zero.
        direction * (step.sum_squares() / (direction.sum_squares() + f32::MIN_POSITIVE)).sqrt()
    }
}

impl Stepping for Shampoo {
    fn states(&self, _: &Group, shape: &Shape) -> Vec<(&'static str, Shape)> {
        let mut states = Vec::new();
        for (side, extent) in self.sides(shape) {
            let (sum, root) = match side {
                Side::Left => ("left", "left_root"),
                Side::Right => ("right", "right_root"),
            };
            if self.full(extent) {
                states.extend([(sum, [extent, extent].into()), (root, [extent, extent].into())]);
            } else {
                states.push((sum, [extent].into()));
            }
        }
        if matches!(self.grafting, Grafting::Adagrad { .. } | Grafting::RmsProp { .. }) {
            states.push(("second", shape.clone()));
        }
        states.extend(states_of(self.momentum_rule(), shape));
        states
    }

    fn update(&self, at: &Update<'_, '_>) {
        let shape = at.gradient.shape();
        let g = at.prepared().reshape(extents(&shape));
        let (mut direction, mut states) = (g, 0);
        for (side, _) in self.sides(&shape) {
            let (preconditioned, taken) = self.precondition(at, g, direction, side, states);
            direction = preconditioned;
            states += taken;
        }
        let direction = self.graft(at, g, direction, states).reshape(shape);
        let velocity = at.state.len() - self.momentum_rule().states().len();
        at.step_along(direction, self.momentum_rule(), &at.state[velocity..]);
    }
}
