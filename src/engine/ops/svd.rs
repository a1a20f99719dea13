//! `svd`: A = U diag(s) Vt, thin; with P = U^T dU, Q = V^T dV and F_ij = 1 / (s_j^2 - s_i^2) off the
//! diagonal, dA = U ((F * (P - P^T)) S + diag(ds) + S (F * (Q - Q^T))) Vt
//! plus (dU - U P) S^-1 Vt + U S^-1 (dVt - Q^T Vt) (Townsend 2016, "Differentiating the SVD").
//!
//! As for `symmetric_eigen` the gradient through U and Vt is infinite where two singular values are
//! equal, and for matrices that are not square also where one is zero; the one through s is U diag(ds) Vt.

use super::matrix::{column, constant, each, extents, identity, row, wide, with_extents, write};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::linalg;

/// Outputs: U `[.., m, k]`, s `[.., k]`, Vt `[.., k, n]`.
#[derive(Debug)]
struct Svd;

impl Op for Svd {
    fn name(&self) -> &'static str {
        "svd"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let [a] = inputs else { return Err(ShapeError::new("svd", inputs, "one input")) };
        let (m, n) = extents(a).ok_or_else(|| ShapeError::new("svd", inputs, "matrices"))?;
        let k = m.min(n);
        Ok(vec![with_extents(a, &[m, k]), with_extents(a, &[k]), with_extents(a, &[k, n])])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [a, ..], outputs: [u, s, vt, ..], input_shapes, .. } = io;
        let (m, n) = extents(&input_shapes[0]).expect("shapes are checked when the op is recorded");
        let k = m.min(n);
        let outputs = u.chunks_exact_mut(m * k).zip(s.chunks_exact_mut(k)).zip(vt.chunks_exact_mut(k * n));
        for (a, ((u, s), vt)) in each(a, m * n).zip(outputs) {
            let (left, values, right) = match linalg::svd(m, n, &wide(a)) {
                Ok(svd) => (Ok(svd.u), Ok(svd.values), Ok(svd.v_transposed)),
                Err(error) => (Err(error), Err(error), Err(error)),
            };
            write(left, u);
            write(values, s);
            write(right, vt);
        }
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let [u, s, vt] = [0, 1, 2].map(|i| at.outputs[i]);
        let (graph, k) = (s.graph(), s.shape().last_extent());
        let (m, n) = extents(&at.inputs[0].shape()).expect("shapes are checked when the op is recorded");
        let gaps = || {
            let square = s * s;
            let off = constant(graph, k, |i, j| if i == j { 0.0 } else { 1.0 });
            off / (row(square) - column(square) + identity(graph, k))
        };
        let turned = |x: Var<'g>| (x - x.transpose()) * gaps();
        let mut inner: Vec<Var<'g>> = at.d_outputs[1].map(|ds| column(ds) * identity(graph, k)).into_iter().collect();
        let mut outer = Vec::new();
        if let Some(du) = at.d_outputs[0] {
            let p = u.transposed_matmul(du);
            inner.push(turned(p) * row(s));
            if m > k {
                outer.push(((du - u.matmul(p)) / row(s)).matmul(vt));
            }
        }
        if let Some(dvt) = at.d_outputs[2] {
            let q_transposed = dvt.matmul_transposed(vt);
            inner.push(turned(q_transposed.transpose()) * column(s));
            if n > k {
                outer.push(u.matmul((dvt - q_transposed.matmul(vt)) / column(s)));
            }
        }
        let inner = inner.into_iter().reduce(|a, b| a + b).map(|inner| u.matmul(inner).matmul(vt));
        Ok(vec![inner.into_iter().chain(outer).reduce(|a, b| a + b)])
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        let (m, n) = extents(&inputs[0]).unwrap_or_default();
        20 * (inputs[0].size() * m.min(n)) as u64
    }
}

impl<'g> Var<'g> {
    /// The thin singular value decomposition of `[.., m, n]`: U `[.., m, k]`, the `k = min(m, n)`
    /// singular values, largest first, and V transposed `[.., k, n]`. The component of largest
    /// magnitude of each column of U is positive. The gradient through U and V is infinite where two
    /// singular values are equal.
    ///
    /// # Panics
    /// If there are not two axes.
    pub fn svd(self) -> (Var<'g>, Var<'g>, Var<'g>) {
        let outputs = self.graph().apply(Svd, &[self]);
        (outputs[0], outputs[1], outputs[2])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use super::matrix::oracle;
    use ndarray::{Array1, Array2, s};
    /// By the eigenvectors of A^T A, descending: s, and V.
    fn right(a: &Array2<f64>, k: usize) -> (Array1<f64>, Array2<f64>) {
        let (w, v) = oracle::symmetric_eigen(&a.t().dot(a));
        let n = w.len();
        let w = w.slice(s![n - k..; -1]).mapv(|w| w.max(0.0).sqrt());
        (w, v.slice(s![.., n - k..; -1]).to_owned())
    }
    /// The input with its diagonal raised, so that no two singular values come near.
    fn spread<'g>(x: Var<'g>, m: usize, n: usize) -> Var<'g> {
        let values = (0..m * n).map(|ij| if ij / n == ij % n { 3.0 + 3.0 * (ij % n) as f32 } else { 0.0 });
        x + x.graph().constant([m, n], values.collect())
    }
    fn wide_spread(x: &Array) -> Array2<f64> {
        let mut x = oracle::two(x);
        x.diag_mut().iter_mut().enumerate().for_each(|(i, a)| *a += 3.0 + 3.0 * i as f64);
        x
    }
    let case = |m: usize, n: usize| {
        // Values; U f(s) Vt, which ties the signs of both sides; squares of each side.
        let expected = move |x: &[Array]| {
            let a = wide_spread(&x[0]);
            let (s, v) = right(&a, m.min(n));
            let u = a.dot(&v) / &s;
            let product = (&u * &s.mapv(f64::tanh)).dot(&v.t());
            let right = (&v * &v).t().as_standard_layout().into_owned();
            vec![s.into_dyn(), product.into_dyn(), (&u * &u).into_dyn(), right.into_dyn()]
        };
        Case::new(
            format!("{m} {n}"),
            [real([m, n])],
            move |x| {
                let (u, s, vt) = spread(x[0], m, n).svd();
                vec![s, (u * row(s.tanh())).matmul(vt), u * u, vt * vt]
            },
            expected,
        )
    };
    vec![case(1, 1), case(3, 3), case(5, 3), case(2, 4)]
}
