//! Derivatives of derivatives and derivatives along a direction, made of [`Graph::gradient_from`].

use super::{GradientError, Graph, Var};

impl Graph {
    /// The second derivative of the number `loss` by `by`, times `direction` (one value for each of
    /// `by`, of its shape): `H v = d/dw (dloss/dw . v)`, exact, by differentiating the gradient
    /// (Pearlmutter 1994). About four times the cost of the loss.
    ///
    /// # Errors
    /// When `loss` is no single number, or an op on the way has no second derivative.
    ///
    /// # Panics
    /// If there is not one direction for each of `by`.
    pub fn hessian_vector_product<'g>(
        &'g self,
        loss: Var<'g>,
        by: &[Var<'g>],
        direction: &[Var<'g>],
    ) -> Result<Vec<Var<'g>>, GradientError> {
        let gradient = self.gradient(loss, by)?;
        self.gradient(self.inner_product(&gradient, direction), by)
    }

    /// The derivative of `y` along `direction`, one value for each of `by`: `J v`, of the shape of
    /// `y`. By two reverse passes: `u -> J^T u` is linear, and its own transpose is `J`
    /// (Townsend 2017, "A new trick for calculating Jacobian vector products").
    ///
    /// # Errors
    /// When an op on the way has no gradient, or a fused backward pass that has none.
    ///
    /// # Panics
    /// If there is not one direction for each of `by`.
    pub fn jacobian_vector_product<'g>(
        &'g self,
        y: Var<'g>,
        by: &[Var<'g>],
        direction: &[Var<'g>],
    ) -> Result<Var<'g>, GradientError> {
        // Any cotangent serves: what is linear in it has the same derivative everywhere.
        let cotangent = y.zeros_like();
        let products = self.gradient_from(y, cotangent, by)?;
        let along = self.inner_product(&products, direction);
        Ok(self.gradient(along, &[cotangent])?[0])
    }

    /// The sum of the products of two lists of values.
    fn inner_product<'g>(&'g self, a: &[Var<'g>], b: &[Var<'g>]) -> Var<'g> {
        assert_eq!(a.len(), b.len(), "one direction for each value");
        let terms = a.iter().zip(b).map(|(a, b)| {
            assert_eq!(a.shape(), b.shape(), "a direction has the shape of its value");
            (*a * *b).sum()
        });
        terms.reduce(|a, b| a + b).unwrap_or_else(|| self.scalar(0.0))
    }
}
