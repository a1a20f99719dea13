//! `clip_scale`: y = min(1, limit / sqrt x) for the sum x of all squared gradients: the factor that
//! brings the global norm down to a limit (Pascanu, Mikolov and Bengio 2013). Not to be
//! differentiated: it belongs to the optimiser.

use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, Var, op::Gradients};

#[derive(Debug)]
struct ClipScale {
    limit: f32,
}

impl Op for ClipScale {
    fn name(&self) -> &'static str {
        "clip_scale"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x] if x.size() == 1 => Ok(vec![(*x).clone()]),
            _ => Err(ShapeError::new("clip_scale", inputs, "one number")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], .. } = io;
        let norm = x[0].sqrt();
        y[0] = if norm > self.limit { self.limit / norm } else { 1.0 };
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::NoRule { op: "clip_scale", why: "it belongs to the optimiser" })
    }
}

impl<'g> Var<'g> {
    /// The factor that brings a norm, given as its square, down to `limit`.
    ///
    /// # Panics
    /// If this is not one number.
    pub fn clip_scale(self, limit: f32) -> Var<'g> {
        self.graph().apply_one(ClipScale { limit }, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::within;
    let case = |limit: f32| {
        let oracle = move |x: f64| (f64::from(limit) / x.sqrt()).min(1.0);
        let inputs = [within([1], 0.5, 4.0)];
        Case::one(format!("{limit}"), inputs, move |x| x[0].clip_scale(limit), move |x| x[0].mapv(oracle)).no_gradient()
    };
    vec![case(0.5), case(10.0)]
}
