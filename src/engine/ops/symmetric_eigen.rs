//! `symmetric_eigen`: A = V diag(w) V^T of symmetric matrices;
//! dA = V (diag(dw) + F * (V^T dV)) V^T, F_ij = 1 / (w_j - w_i) off the diagonal (Giles 2008, 3.1).
//! Where two eigenvalues are equal their vectors are no function of A: F is infinite there and so is
//! the gradient through the vectors. The gradient through the values alone has no F and is finite
//! (of equal values it is one of many).

use super::matrix::{column, constant, each, identity, is_square, row, symmetric, wide};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::linalg;

/// Outputs: values `[.., n]`, vectors `[.., n, n]`.
#[derive(Debug)]
struct SymmetricEigen;

impl Op for SymmetricEigen {
    fn name(&self) -> &'static str {
        "symmetric_eigen"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [a] if is_square(a) => Ok(vec![a[..a.len() - 1].into(), (*a).clone()]),
            _ => Err(ShapeError::new("symmetric_eigen", inputs, "square matrices")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [a, ..], outputs: [values, vectors, ..], input_shapes, .. } = io;
        let n = input_shapes[0].last_extent();
        let items = each(a, n * n).zip(values.chunks_exact_mut(n)).zip(vectors.chunks_exact_mut(n * n));
        for ((a, values), vectors) in items {
            let (w, v) = match linalg::symmetric_eigen(n, &wide(a)) {
                Ok(eigen) => (Ok(eigen.values), Ok(eigen.vectors)),
                Err(error) => (Err(error), Err(error)),
            };
            super::matrix::write(w, values);
            super::matrix::write(v, vectors);
        }
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (w, v) = (at.outputs[0], at.outputs[1]);
        let (graph, n) = (w.graph(), w.shape().last_extent());
        let through_values = at.d_outputs[0].map(|dw| column(dw) * identity(graph, n));
        let through_vectors = at.d_outputs[1].map(|dv| {
            let off = constant(graph, n, |i, j| if i == j { 0.0 } else { 1.0 });
            // The identity keeps the diagonal, which `off` takes out, from dividing by zero.
            let gaps = row(w) - column(w) + identity(graph, n);
            v.transposed_matmul(dv) * off / gaps
        });
        let inner = through_values.into_iter().chain(through_vectors).reduce(|a, b| a + b);
        Ok(vec![inner.map(|inner| symmetric(v.matmul(inner).matmul_transposed(v)))])
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        10 * (inputs[0].size() * inputs[0].last_extent()) as u64
    }
}

impl<'g> Var<'g> {
    /// Eigenvalues `[.., n]`, ascending, and eigenvectors `[.., n, n]`, one a column, of symmetric
    /// matrices `[.., n, n]`; only their lower triangles are read. The component of largest magnitude
    /// of each vector is positive. The gradient through the vectors is infinite where two
    /// eigenvalues are equal.
    ///
    /// # Panics
    /// If the last two axes differ.
    pub fn symmetric_eigen(self) -> (Var<'g>, Var<'g>) {
        let outputs = self.graph().apply(SymmetricEigen, &[self]);
        (outputs[0], outputs[1])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use super::matrix::oracle;
    // X + X^T with a diagonal that keeps the eigenvalues apart.
    fn spread<'g>(x: Var<'g>) -> Var<'g> {
        let n = x.shape().last_extent();
        symmetric(x) + constant(x.graph(), n, |i, j| if i == j { 3.0 * i as f32 } else { 0.0 })
    }
    fn eigen(x: &Array) -> (ndarray::Array1<f64>, ndarray::Array2<f64>) {
        let x = oracle::two(x);
        let mut a = (&x + &x.t()) * 0.5;
        a.diag_mut().iter_mut().enumerate().for_each(|(i, a)| *a += 3.0 * i as f64);
        oracle::symmetric_eigen(&a)
    }
    let case = |n: usize| {
        // Squares of the vectors, and a product of two of them, know nothing of signs.
        let expected = |x: &[Array]| {
            let (w, v) = eigen(&x[0]);
            let product = (&v * &w.mapv(f64::tanh)).dot(&v.t());
            vec![w.into_dyn(), (&v * &v).into_dyn(), product.into_dyn()]
        };
        Case::new(
            format!("{n}"),
            [real([n, n])],
            |x| {
                let (w, v) = spread(x[0]).symmetric_eigen();
                vec![w, v * v, (v * row(w.tanh())).matmul_transposed(v)]
            },
            expected,
        )
    };
    let batch = Case::one(
        "values of a batch",
        [real([2, 3, 3])],
        |x| spread(x[0]).symmetric_eigen().0,
        |x| {
            let rows: Vec<_> = x[0].outer_iter().map(|x| eigen(&x.to_owned()).0).collect();
            ndarray::stack(ndarray::Axis(0), &rows.iter().map(|w| w.view()).collect::<Vec<_>>())
                .expect("equal lengths")
                .into_dyn()
        },
    );
    vec![case(1), case(3), case(5), batch]
}
