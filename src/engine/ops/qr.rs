//! `qr`: A = Q R, thin, R upper with a positive diagonal; with M = R dR^T - dQ^T Q and C its lower
//! triangle mirrored to the upper one, dA = (dQ + Q C) R^-T (Walter and Lehmann 2010), for matrices
//! of full rank and at least as many rows as columns.

use super::matrix::{constant, each, extents, wide, with_extents, write};
use super::triangular_solve::Triangle;
use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::linalg;

/// Outputs: Q `[.., m, k]`, R `[.., k, n]`.
#[derive(Debug)]
struct Qr;

impl Op for Qr {
    fn name(&self) -> &'static str {
        "qr"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let [a] = inputs else { return Err(ShapeError::new("qr", inputs, "one input")) };
        let (m, n) = extents(a).ok_or_else(|| ShapeError::new("qr", inputs, "matrices"))?;
        let k = m.min(n);
        Ok(vec![with_extents(a, &[m, k]), with_extents(a, &[k, n])])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [a, ..], outputs: [q, r, ..], input_shapes, .. } = io;
        let (m, n) = extents(&input_shapes[0]).expect("shapes are checked when the op is recorded");
        let k = m.min(n);
        for (a, (q, r)) in each(a, m * n).zip(q.chunks_exact_mut(m * k).zip(r.chunks_exact_mut(k * n))) {
            let (left, right) = match linalg::qr(m, n, &wide(a)) {
                Ok(qr) => (Ok(qr.q), Ok(qr.r)),
                Err(error) => (Err(error), Err(error)),
            };
            write(left, q);
            write(right, r);
        }
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (q, r) = (at.outputs[0], at.outputs[1]);
        let (k, n) = extents(&r.shape()).expect("shapes are checked when the op is recorded");
        if k < n {
            return Err(GradientError::NoRule { op: "qr", why: "the matrix has more columns than rows" });
        }
        let (dq, dr) = (at.d_output_or_zero(0), at.d_output_or_zero(1));
        let below = constant(q.graph(), n, |i, j| if i > j { 1.0 } else { 0.0 });
        let from_diagonal = constant(q.graph(), n, |i, j| if i >= j { 1.0 } else { 0.0 });
        let m = r.matmul_transposed(dr) - dq.transposed_matmul(q);
        let mirrored = m * from_diagonal + (m * below).transpose();
        let y = dq + q.matmul(mirrored);
        Ok(vec![Some(r.triangular_solve(y.transpose(), Triangle::Upper, false).transpose())])
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        let (m, n) = extents(&inputs[0]).unwrap_or_default();
        4 * (inputs[0].size() * m.min(n)) as u64
    }
}

impl<'g> Var<'g> {
    /// The thin QR decomposition of `[.., m, n]`: Q `[.., m, k]` with orthonormal columns and R
    /// `[.., k, n]`, upper triangular with a positive diagonal, `k = min(m, n)`.
    ///
    /// # Panics
    /// If there are not two axes.
    pub fn qr(self) -> (Var<'g>, Var<'g>) {
        let outputs = self.graph().apply(Qr, &[self]);
        (outputs[0], outputs[1])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use super::matrix::oracle;
    use ndarray::Array2;
    /// Gram and Schmidt, modified.
    fn gram_schmidt(a: &Array2<f64>) -> (Array2<f64>, Array2<f64>) {
        let (m, n) = a.dim();
        let k = m.min(n);
        let mut q = a.slice(ndarray::s![.., ..k]).to_owned();
        for j in 0..k {
            for i in 0..j {
                let along = q.column(i).dot(&q.column(j));
                let moved = &q.column(j) - &(&q.column(i) * along);
                q.column_mut(j).assign(&moved);
            }
            let length = q.column(j).dot(&q.column(j)).sqrt();
            q.column_mut(j).mapv_inplace(|x| x / length);
        }
        let r = q.t().dot(a);
        (q, r)
    }
    let case = |m: usize, n: usize| {
        let eye = move |i: usize| if i / n == i % n { 3.0 } else { 0.0 };
        let expected = move |x: &[Array]| {
            let eye = Array2::from_shape_fn((m, n), |(i, j)| eye(i * n + j));
            let (q, r) = gram_schmidt(&(oracle::two(&x[0]) + eye));
            vec![q.into_dyn(), r.into_dyn()]
        };
        Case::new(
            format!("{m} {n}"),
            [real([m, n])],
            move |x| {
                let eye = x[0].graph().constant([m, n], (0..m * n).map(eye).map(|x| x as f32).collect());
                let (q, r) = (x[0] + eye).qr();
                vec![q, r]
            },
            expected,
        )
    };
    vec![case(1, 1), case(4, 4), case(7, 3), case(2, 5).no_gradient()]
}
