//! `expert_matmul`: y_s = x_s W_e for rows sorted by expert, with a count of rows an expert (Shazeer et
//! al. 2017); dx_s = dy_s W_e^T, dW_e = sum x_s^T dy_s (`expert_outer`). The two are closed under
//! differentiation.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::experts as kernel;

/// Inputs: x `[S, k]`, weights `[E, k, m]` (or `[E, m, k]`), counts `[E]`. Output: `[S, m]`.
#[derive(Clone, Copy, Debug)]
struct ExpertMatMul {
    transposed: bool,
}

/// Inputs: a `[S, k]`, b `[S, m]`, counts `[E]`. Output: `[E, k, m]`.
#[derive(Clone, Copy, Debug)]
struct ExpertOuter;

impl Op for ExpertMatMul {
    fn name(&self) -> &'static str {
        if self.transposed { "expert_matmul_t" } else { "expert_matmul" }
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let found = match inputs {
            [x, weights, counts] if x.len() == 2 && weights.len() == 3 && counts[..] == weights[..1] => {
                let (k, m) = if self.transposed { (weights[2], weights[1]) } else { (weights[1], weights[2]) };
                (x[1] == k).then(|| vec![[x[0], m].into()])
            }
            _ => None,
        };
        let expected = "x [rows, k], weights [experts, k, m] and counts [experts]";
        found.ok_or_else(|| ShapeError::new(self.name(), inputs, expected))
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, weights, counts, ..], outputs: [y, ..], input_shapes, output_shapes, pool, .. } = io;
        let extents = (input_shapes[0][1], output_shapes[0][1]);
        kernel::expert_matmul(pool, extents, self.transposed, x, weights, counts, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (x, weights, counts, dy) = (at.inputs[0], at.inputs[1], at.inputs[2], at.d_output());
        let graph = x.graph();
        let back = ExpertMatMul { transposed: !self.transposed };
        let dx = || graph.apply_one(back, &[dy, weights, counts]);
        let sides = if self.transposed { [dy, x, counts] } else { [x, dy, counts] };
        let dw = || graph.apply_one(ExpertOuter, &sides);
        Ok(vec![at.wanted[0].then(dx), at.wanted[1].then(dw), None])
    }

    fn flop(&self, inputs: &[Shape], outputs: &[Shape]) -> u64 {
        2 * inputs[0].size() as u64 * outputs[0][1] as u64
    }
}

impl Op for ExpertOuter {
    fn name(&self) -> &'static str {
        "expert_outer"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [a, b, counts] if a.len() == 2 && b.len() == 2 && counts.len() == 1 && a[0] == b[0] => {
                Ok(vec![[counts[0], a[1], b[1]].into()])
            }
            _ => Err(ShapeError::new("expert_outer", inputs, "a [rows, k], b [rows, m] and counts [experts]")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [a, b, counts, ..], outputs: [w, ..], output_shapes, pool, .. } = io;
        kernel::expert_outer(pool, (output_shapes[0][1], output_shapes[0][2]), a, b, counts, w);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (a, b, counts, dw) = (at.inputs[0], at.inputs[1], at.inputs[2], at.d_output());
        let product = |x: Var<'g>, transposed| x.graph().apply_one(ExpertMatMul { transposed }, &[x, dw, counts]);
        Ok(vec![at.wanted[0].then(|| product(b, true)), at.wanted[1].then(|| product(a, false)), None])
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        2 * inputs[0].size() as u64 * inputs[1][1] as u64
    }
}

impl<'g> Var<'g> {
    /// These rows `[S, k]`, sorted by expert, each times its expert's matrix of `weights` `[E, k, m]`:
    /// `[S, m]`. `counts` `[E]` says how many rows every expert has; rows behind them give zeros.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn expert_matmul(self, weights: Var<'g>, counts: Var<'g>) -> Var<'g> {
        self.graph().apply_one(ExpertMatMul { transposed: false }, &[self, weights, counts])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    fn oracle(x: &[Array]) -> Array {
        let (rows, m) = (x[0].shape()[0], x[1].shape()[2]);
        let mut y = Array::zeros(vec![rows, m]);
        let owners = x[2].iter().enumerate().flat_map(|(e, &count)| std::iter::repeat_n(e, count as usize));
        for (s, e) in owners.enumerate() {
            for (i, j) in ndarray::indices((x[0].shape()[1], m)) {
                y[[s, j]] += x[0][[s, i]] * x[1][[e, i, j]];
            }
        }
        &y * &y
    }
    let case = |[rows, k, m, experts]: [usize; 4]| {
        // At most two rows an expert: rows are left over.
        let inputs = [real([rows, k]), real([experts, k, m]), index([experts], 0, 3)];
        Case::one(
            format!("{rows} {k} {m} {experts}"),
            inputs,
            |x| {
                let y = x[0].expert_matmul(x[1], x[2]);
                y * y
            },
            oracle,
        )
    };
    vec![case([9, 3, 5, 4]), case([2, 1, 1, 1]), case([7, 5, 2, 3])]
}
