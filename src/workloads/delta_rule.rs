//! W8: a delta-rule memory, S += beta (v - S k) k^T, read as S q, with a head on every token.

use super::training::{Maker, Training};
use crate::engine::Var;

const BATCH: usize = 16;
const TOKENS: usize = 128;
const INPUTS: usize = 74;
const WIDTH: usize = 128;
const HEADS: usize = 4;
const CLASSES: usize = 10;

/// See [`super::Workload::flop`].
pub(super) fn flop() -> u64 {
    let (rows, head) = (BATCH * TOKENS, WIDTH / HEADS);
    let first = rows * INPUTS * WIDTH;
    let full = rows * (3 * WIDTH * WIDTH + WIDTH * HEADS + WIDTH * CLASSES + 3 * HEADS * head * head);
    2 * (3 * full + 2 * first) as u64
}

/// Every head's part of the last axis divided by `sqrt(sum of squares + 1e-6)`.
fn unit(x: Var<'_>) -> Var<'_> {
    let by_head = x.reshape([BATCH, TOKENS, HEADS, WIDTH / HEADS]);
    (by_head / ((by_head * by_head).sum_keeping(&[3]) + 1e-6).sqrt()).reshape([BATCH, TOKENS, WIDTH])
}

/// The training step.
pub(super) fn build() -> Training {
    let mut maker = Maker::new(8);
    let embedding = maker.linear("embedding", INPUTS, WIDTH);
    let query_key_value = maker.matrix("query_key_value.weight", WIDTH, 3 * WIDTH);
    let beta = maker.linear("beta", WIDTH, HEADS);
    let head = maker.linear("head", WIDTH, CLASSES);
    let tokens = maker.inputs([BATCH, TOKENS, INPUTS]);
    let targets = maker.indices("targets", 1, [BATCH, TOKENS], CLASSES);
    maker.train(targets, |scope| {
        let z = scope.linear(scope.read(tokens), embedding);
        let joined = z.matmul(scope.read(query_key_value));
        let [q, k, v] = [0, 1, 2].map(|i| joined.slice(2, i * WIDTH, WIDTH));
        let beta = scope.linear(z, beta).sigmoid();
        scope.linear(unit(q).delta_rule(unit(k), v, beta, HEADS), head)
    })
}
