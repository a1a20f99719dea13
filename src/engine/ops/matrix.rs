//! What the ops of linear algebra share: batches of matrices in f64, masks, transposes.

use crate::engine::{Graph, Shape, Var};
use crate::kernels::linalg::LinalgError;

/// Whether the last two axes are the same, and not empty.
pub(super) fn is_square(shape: &Shape) -> bool {
    matches!(shape[..], [.., m, n] if m == n && n > 0)
}

/// The last two extents.
pub(super) fn extents(shape: &Shape) -> Option<(usize, usize)> {
    match shape[..] {
        [.., m, n] if m > 0 && n > 0 => Some((m, n)),
        _ => None,
    }
}

/// The shape with its last two extents replaced.
pub(super) fn with_extents(shape: &Shape, last: &[usize]) -> Shape {
    [&shape[..shape.len() - 2], last].concat().into()
}

/// The matrices of a batch, `len` numbers each.
pub(super) fn each(x: &[f32], len: usize) -> std::slice::ChunksExact<'_, f32> {
    x.chunks_exact(len)
}

/// The same numbers in f64.
pub(super) fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// A result as f32; one that does not exist is NaN everywhere, so that a loss shows it.
pub(super) fn write(result: Result<Vec<f64>, LinalgError>, y: &mut [f32]) {
    match result {
        Ok(values) => y.iter_mut().zip(values).for_each(|(y, x)| *y = x as f32),
        Err(_) => y.fill(f32::NAN),
    }
}

/// The constant matrix `[n, n]` of `value(row, column)`.
pub(super) fn constant(graph: &Graph, n: usize, value: impl Fn(usize, usize) -> f32) -> Var<'_> {
    graph.constant([n, n], (0..n * n).map(|ij| value(ij / n, ij % n)).collect())
}

/// The identity.
pub(super) fn identity(graph: &Graph, n: usize) -> Var<'_> {
    constant(graph, n, |i, j| if i == j { 1.0 } else { 0.0 })
}

impl<'g> Var<'g> {
    /// The last two axes exchanged.
    ///
    /// # Panics
    /// If there are not two.
    pub fn transpose(self) -> Var<'g> {
        let mut axes: Vec<usize> = (0..self.shape().len()).collect();
        let [.., a, b] = &mut axes[..] else { panic!("transpose: {} is no matrix", self.shape()) };
        std::mem::swap(a, b);
        self.permute(&axes)
    }

    /// The diagonals of square matrices `[.., n, n]`, as `[.., n]`.
    ///
    /// # Panics
    /// If the last two axes differ.
    pub fn diagonal(self) -> Var<'g> {
        let shape = self.shape();
        assert!(is_square(&shape), "diagonal: {shape} is not square");
        (self * identity(self.graph(), shape.last_extent())).sum_axes(&[shape.len() - 1])
    }
}

/// `x` as one column: `[.., n]` to `[.., n, 1]`.
pub(super) fn column(x: Var<'_>) -> Var<'_> {
    let extents = [&x.shape()[..], &[1]].concat();
    x.reshape(extents)
}

/// `x` as one row: `[.., n]` to `[.., 1, n]`.
pub(super) fn row(x: Var<'_>) -> Var<'_> {
    let shape = x.shape();
    let n = shape.last_extent();
    x.reshape(with_extents(&[&shape[..], &[1]].concat().into(), &[1, n]))
}

/// Half of a matrix and its transpose: the gradient of an op that takes symmetric matrices.
pub(super) fn symmetric(x: Var<'_>) -> Var<'_> {
    (x + x.transpose()) * 0.5
}

/// `X X^T + I` for a square X.
#[cfg(test)]
pub(super) fn positive(x: Var<'_>) -> Var<'_> {
    x.matmul_transposed(x) + identity(x.graph(), x.shape().last_extent())
}

/// Plain f64 algorithms for the oracles, none of them the ones of the kernels.
#[cfg(test)]
pub(super) mod oracle {
    use super::super::case::Array;
    use ndarray::{Array1, Array2, Axis, Ix2};

    pub(in super::super) fn two(x: &Array) -> Array2<f64> {
        x.clone().into_dimensionality::<Ix2>().expect("a matrix")
    }

    /// Every matrix of a batch (or the only one) through `f`, stacked again.
    pub(in super::super) fn batched(x: &[Array], f: impl Fn(&[Array2<f64>]) -> Array2<f64>) -> Array {
        if x[0].ndim() == 2 {
            return f(&x.iter().map(two).collect::<Vec<_>>()).into_dyn();
        }
        let items = (0..x[0].len_of(Axis(0))).map(|i| {
            let item = x.iter().map(|x| two(&x.index_axis(Axis(0), i).to_owned()));
            f(&item.collect::<Vec<_>>())
        });
        let items: Vec<Array2<f64>> = items.collect();
        let views: Vec<_> = items.iter().map(|x| x.view()).collect();
        ndarray::stack(Axis(0), &views).expect("equal shapes").into_dyn()
    }

    pub(in super::super) fn identity(n: usize) -> Array2<f64> {
        Array2::eye(n)
    }

    pub(in super::super) fn positive(x: &Array2<f64>) -> Array2<f64> {
        x.dot(&x.t()) + identity(x.nrows())
    }

    /// Column by column (Cholesky and Banachiewicz).
    pub(in super::super) fn cholesky(a: &Array2<f64>) -> Array2<f64> {
        let n = a.nrows();
        let mut l = Array2::zeros((n, n));
        for j in 0..n {
            for i in j..n {
                let sum: f64 = (0..j).map(|k| l[[i, k]] * l[[j, k]]).sum();
                l[[i, j]] = if i == j { (a[[i, i]] - sum).sqrt() } else { (a[[i, j]] - sum) / l[[j, j]] };
            }
        }
        l
    }

    /// Gauss and Jordan with row pivots: A^-1 B, and ln |det A|.
    pub(in super::super) fn solve(a: &Array2<f64>, b: &Array2<f64>) -> (Array2<f64>, f64) {
        let (mut a, mut b, n) = (a.clone(), b.clone(), a.nrows());
        let mut log = 0.0;
        for k in 0..n {
            let pivot = (k..n).max_by(|i, j| a[[*i, k]].abs().total_cmp(&a[[*j, k]].abs())).expect("rows are left");
            (0..n).for_each(|j| a.swap([k, j], [pivot, j]));
            (0..b.ncols()).for_each(|j| b.swap([k, j], [pivot, j]));
            log += a[[k, k]].abs().ln();
            for i in (0..n).filter(|i| *i != k) {
                let factor = a[[i, k]] / a[[k, k]];
                (0..n).for_each(|j| a[[i, j]] -= factor * a[[k, j]]);
                (0..b.ncols()).for_each(|j| b[[i, j]] -= factor * b[[k, j]]);
            }
        }
        let diagonal = a.diag().to_owned().insert_axis(Axis(1));
        (b / &diagonal, log)
    }

    /// Cyclic Jacobi rotations: eigenvalues ascending and their vectors as columns.
    pub(in super::super) fn symmetric_eigen(a: &Array2<f64>) -> (Array1<f64>, Array2<f64>) {
        let n = a.nrows();
        let (mut a, mut v) = (a.clone(), identity(n));
        for _ in 0..30 {
            for p in 0..n {
                for q in p + 1..n {
                    if a[[p, q]].abs() < 1e-300 {
                        continue;
                    }
                    let theta = 0.5 * (2.0 * a[[p, q]]).atan2(a[[q, q]] - a[[p, p]]);
                    let (s, c) = theta.sin_cos();
                    let mut turn = identity(n);
                    (turn[[p, p]], turn[[q, q]], turn[[p, q]], turn[[q, p]]) = (c, c, s, -s);
                    a = turn.t().dot(&a).dot(&turn);
                    v = v.dot(&turn);
                }
            }
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|i, j| a[[*i, *i]].total_cmp(&a[[*j, *j]]));
        (order.iter().map(|i| a[[*i, *i]]).collect(), v.select(Axis(1), &order))
    }
}
