//! `dropout`: y = x / (1 - rate) where a mask keeps an element, else 0 (Srivastava et al. 2014); dx is
//! the same of dy. The mask is a function of (seed, step, element), see the kernel: nothing is
//! stored, and a replayed or resumed step draws the same one.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::dropout;

/// Inputs: x, step (one number).
#[derive(Clone, Copy, Debug)]
struct Dropout {
    rate: f32,
    seed: u64,
}

impl Op for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x, step] if step.size() == 1 => Ok(vec![(*x).clone()]),
            _ => Err(ShapeError::new("dropout", inputs, "x and one number, the step")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, step, ..], outputs: [y, ..], pool, .. } = io;
        dropout::dropout(pool, self.rate, self.seed, step[0], x, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.inputs[0].graph().apply_one(*self, &[at.d_output(), at.inputs[1]])), None])
    }
}

impl<'g> Var<'g> {
    /// Drops each element with the probability `rate` and scales the others so that the mean stays.
    /// `seed` must be another one at every place of a model (and in every trial), as from
    /// `base::random::Key::number`; `step` is one number that changes with every training step, a
    /// stored value that the caller sets: a whole number up to 2^24. In a graph for evaluation leave
    /// it out.
    ///
    /// # Panics
    /// If `rate` is not in `0..1`, or `step` not one number.
    pub fn dropout(self, rate: f32, seed: u64, step: Var<'g>) -> Var<'g> {
        assert!((0.0..1.0).contains(&rate), "dropout: the rate {rate} is not in 0..1");
        if rate == 0.0 { self } else { self.graph().apply_one(Dropout { rate, seed }, &[self, step]) }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    let case = |rate: f32, step: &'static [usize]| {
        let oracle = move |x: &[Array]| {
            // The kernel's own tests hold the mask; here every gradient must use the same one.
            let (ones, mut mask) = ([1.0; 35], [0.0; 35]);
            let step = x[1].iter().map(|step| *step as f32).sum();
            dropout::dropout(&crate::base::threads::Pool::serial(), rate, 11, step, &ones, &mut mask);
            let mask = Array::from_shape_vec(vec![5, 7], mask.iter().map(|m| f64::from(*m)).collect());
            let y = &x[0] * &mask.expect("35 numbers");
            &y * &y
        };
        let inputs = [real([5, 7]), index(step, 0, 1000)];
        Case::one(format!("{rate} {step:?}"), inputs, move |x| x[0].dropout(rate, 11, x[1]).square(), oracle)
    };
    vec![case(0.3, &[]), case(0.8, &[1]), case(0.0, &[])]
}
