//! Token embedding, and the same table as a head.

use crate::engine::Var;
use crate::nn::weights::{Builder, Init, Values, Weight};

/// A table with a row a token.
#[derive(Clone, Debug)]
pub struct Embedding {
    table: Weight,
}

impl Embedding {
    /// `name.weight` `[rows, width]`, normal with this standard deviation.
    pub fn new(b: &mut Builder<'_>, name: &str, rows: usize, width: usize, deviation: f32) -> Self {
        Embedding { table: b.within(name, |b| b.weight("weight", [rows, width], Init::Normal(deviation))) }
    }

    /// Indices `[..]` to rows `[.., width]`; -1 reads zeros.
    pub fn forward<'g>(&self, values: &Values<'g>, indices: Var<'g>) -> Var<'g> {
        values[self.table].gather_rows(indices)
    }

    /// Weights over the rows `[.., rows]` to what they mix `[.., width]`: one-hot weights read a row. For whoever needs
    /// a gradient with respect to what is read.
    pub fn mixed<'g>(&self, values: &Values<'g>, weights: Var<'g>) -> Var<'g> {
        let shape = weights.shape();
        let table = values[self.table];
        let flat = weights.reshape([shape.rows(), shape.last_extent()]).matmul(table);
        flat.reshape(shape.with_last(table.shape()[1]))
    }

    /// `[.., width]` to a logit a row `[.., rows]`: the products with all rows, a tied head.
    pub fn logits<'g>(&self, values: &Values<'g>, h: Var<'g>) -> Var<'g> {
        let shape = h.shape();
        let table = values[self.table];
        let flat = h.reshape([shape.rows(), shape.last_extent()]).matmul_transposed(table);
        flat.reshape(shape.with_last(table.shape()[0]))
    }
}
