//! `optimiser_step`: one step of a rule that treats every number by itself (SGD, Adam, Lion, signs,
//! RMSProp, Adagrad), as an update of the stored weight and its state.

use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, op::Gradients};
use crate::kernels::optimiser;

pub use crate::kernels::optimiser::Rule;

/// Inputs: gradient, factor on the gradient, learning rate, steps done before this one.
/// Updates: the weight and the state that the rule names, all of the gradient's shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimiserStep {
    /// How a gradient becomes a step.
    pub rule: Rule,
    /// Factor on the learning rate.
    pub learning_rate: f32,
    /// L2 penalty, as part of the gradient.
    pub coupled_decay: f32,
    /// Decay apart from the gradient, times the learning rate.
    pub decoupled_decay: f32,
    /// Bound on the magnitude of each number of the gradient; may be infinite.
    pub largest: f32,
}

impl Op for OptimiserStep {
    fn name(&self) -> &'static str {
        self.rule.name()
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [gradient, rest @ ..] if rest.len() == 3 && rest.iter().all(|x| x.size() == 1) => {
                Ok(vec![(*gradient).clone(); 1 + self.rule.states().len()])
            }
            _ => Err(ShapeError::new(self.name(), inputs, "a gradient and three numbers")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [g, factor, learning_rate, steps, ..], outputs: [p, a, b, c, ..], pool, .. } = io;
        let step = optimiser::Step {
            gradient_scale: factor[0],
            largest: self.largest,
            learning_rate: learning_rate[0] * self.learning_rate,
            coupled_decay: self.coupled_decay,
            decoupled_decay: self.decoupled_decay,
            count: steps[0] as u32 + 1,
        };
        optimiser::step(pool, self.rule, &step, p, [a, b, c], g);
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::NoRule { op: self.name(), why: "write the inner step with graph ops to differentiate it" })
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        self.rule.flop() * inputs[0].size() as u64
    }
}
