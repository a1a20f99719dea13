//! `distance`: how alike rows are, made of other ops: squared Euclidean distances
//! |a|^2 + |b|^2 - 2 a b of all pairs, cosines a b / (|a| |b|) of pairs and of all pairs.

use super::matrix::{column, row};
use crate::engine::Var;

impl<'g> Var<'g> {
    /// Squared Euclidean distances `[.., n, m]` of each of these rows `[.., n, width]` from each of
    /// `other` `[.., m, width]`. What rounding leaves below zero is zero, with a gradient of zero.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn squared_distances(self, other: Var<'g>) -> Var<'g> {
        let last = self.shape().len() - 1;
        let squares = |x: Var<'g>| (x * x).sum_axes(&[last]);
        let product = self.matmul_transposed(other);
        (product * -2.0 + column(squares(self)) + row(squares(other))).relu()
    }

    /// The cosine of the angle between each row and the same row of `other`, over the last axis. The
    /// product of both lengths counts as at least `epsilon` (1e-8 is usual), so that zeros give 0.
    ///
    /// # Panics
    /// If the shapes differ.
    pub fn cosine_similarity(self, other: Var<'g>, epsilon: f32) -> Var<'g> {
        assert_eq!(self.shape(), other.shape(), "cosine_similarity: the shapes differ");
        let last = self.shape().len() - 1;
        let sum = |x: Var<'g>| x.sum_axes(&[last]);
        let squares = sum(self * self) * sum(other * other);
        let floor = epsilon * epsilon;
        sum(self * other) / ((squares - floor).relu() + floor).sqrt()
    }

    /// Cosines `[.., n, m]` of each of these rows `[.., n, width]` with each of `other`
    /// `[.., m, width]`; `epsilon` as for [`Var::cosine_similarity`].
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn cosine_similarities(self, other: Var<'g>, epsilon: f32) -> Var<'g> {
        let last = self.shape().len() - 1;
        let squares = |x: Var<'g>| (x * x).sum_axes(&[last]);
        let both = column(squares(self)) * row(squares(other));
        let floor = epsilon * epsilon;
        self.matmul_transposed(other) / ((both - floor).relu() + floor).sqrt()
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use super::matrix::oracle;
    use ndarray::{Array2, ArrayView1};
    fn pairs(x: &[Array], f: fn(ArrayView1<'_, f64>, ArrayView1<'_, f64>) -> f64) -> Array {
        oracle::batched(x, |x| {
            Array2::from_shape_fn((x[0].nrows(), x[1].nrows()), |(i, j)| f(x[0].row(i), x[1].row(j)))
        })
    }
    fn cosine(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
        a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
    }
    fn distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
        (&a - &b).mapv(|x| x * x).sum()
    }
    vec![
        Case::one("distances", [real([5, 3]), real([7, 3])], |x| x[0].squared_distances(x[1]), |x| pairs(x, distance)),
        Case::one(
            "distances in a batch",
            [real([2, 3, 4]), real([2, 2, 4])],
            |x| x[0].squared_distances(x[1]),
            |x| pairs(x, distance),
        ),
        Case::one(
            "cosines",
            [real([5, 3]), real([4, 3])],
            |x| x[0].cosine_similarities(x[1], 1e-8),
            |x| pairs(x, cosine),
        ),
        Case::one(
            "cosines of pairs",
            [real([2, 3, 5]), real([2, 3, 5])],
            |x| x[0].cosine_similarity(x[1], 1e-8),
            |x| {
                let axis = ndarray::Axis(2);
                let dots = x[0].lanes(axis).into_iter().zip(x[1].lanes(axis)).map(|(a, b)| cosine(a, b));
                Array::from_shape_vec(vec![2, 3], dots.collect()).expect("a cosine a row")
            },
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::base::threads::Pool;
    use crate::engine::Store;
    use crate::engine::{Executor, Graph};

    #[test]
    fn a_row_of_zeros_has_no_angle() {
        let mut store = Store::new();
        let graph = Graph::new();
        let x = graph.constant([2, 2], vec![0.0, 0.0, 3.0, 4.0]);
        let outputs =
            [graph.output("", x.cosine_similarity(x, 1e-8)), graph.output("", x.cosine_similarities(x, 1e-8))];
        let mut executor = Executor::new(graph.plan().into(), Pool::serial());
        executor.run(&mut store);
        let [pairs, all] = outputs.map(|output| executor.output(output, &store));
        assert_eq!(pairs, [0.0, 1.0]);
        assert_eq!(all, [0.0, 0.0, 0.0, 1.0]);
    }
}
