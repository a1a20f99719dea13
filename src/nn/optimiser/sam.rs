//! Sharpness-aware minimisation: the gradient at `w + e`, where `e` of length `radius` points
//! uphill, `e = radius g / |g|` (Foret, Kleiner, Mobahi and Neyshabur 2021, equations 2 and 3);
//! adaptive with `e = radius w^2 g / |w g|` (Kwon, Kim, Park and Choi 2021).

use serde::{Deserialize, Serialize};

use crate::engine::{GradientError, Var};
use crate::nn::weights::Values;

/// Sharpness-aware gradients, to be given to [`super::Optimiser::apply`]. A step costs two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sam {
    /// How far uphill to look.
    pub radius: f32,
    /// Measures distance relative to the weights.
    pub adaptive: bool,
}

impl Default for Sam {
    fn default() -> Self {
        Sam { radius: 0.05, adaptive: false }
    }
}

impl Sam {
    /// The loss at the weights, and the gradient of each weight at the point uphill. `loss` records
    /// the loss for given weights and is called twice.
    ///
    /// # Errors
    /// When the loss cannot be differentiated.
    pub fn gradients<'g>(
        &self,
        values: &Values<'g>,
        loss: impl Fn(&Values<'g>) -> Var<'g>,
    ) -> Result<(Var<'g>, Vec<Var<'g>>), GradientError> {
        let here = loss(values);
        let graph = here.graph();
        let gradients = graph.gradient(here, values.vars())?;
        let scaled = |(w, g): (&Var<'g>, &Var<'g>)| if self.adaptive { *w * *g } else { *g };
        let lengths = values.vars().iter().zip(&gradients).map(|pair| scaled(pair).sum_squares());
        let Some(square) = lengths.reduce(|a, b| a + b) else { return Ok((here, Vec::new())) };
        // A gradient of zero has no direction: the point stays.
        let factor = graph.scalar(self.radius) / (square.sqrt() + 1e-12);
        let uphill = values.vars().iter().zip(&gradients).map(|pair| {
            let direction = if self.adaptive { *pair.0 * scaled(pair) } else { scaled(pair) };
            (*pair.0 + direction * factor).stop_gradient()
        });
        let uphill = Values::from_vars(uphill.collect());
        let gradients = graph.gradient(loss(&uphill), uphill.vars())?;
        Ok((here, gradients))
    }
}
