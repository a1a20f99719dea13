//! W6: one LSTM layer with a head on every step.

use super::training::{Maker, Training};

const BATCH: usize = 32;
const TOKENS: usize = 100;
const INPUTS: usize = 74;
const HIDDEN: usize = 256;
const CLASSES: usize = 10;

/// See [`super::Workload::flop`].
pub(super) fn flop() -> u64 {
    let rows = BATCH * TOKENS;
    let first = rows * INPUTS * 4 * HIDDEN;
    let full = rows * (4 * HIDDEN * HIDDEN + HIDDEN * CLASSES);
    2 * (3 * full + 2 * first) as u64
}

/// The training step. Gates in the order input, forget, candidate, output.
pub(super) fn build() -> Training {
    let mut maker = Maker::new(6);
    let input = maker.weight("input.weight", [INPUTS, 4 * HIDDEN], HIDDEN);
    let recurrent = maker.matrix("recurrent.weight", HIDDEN, 4 * HIDDEN);
    let bias = maker.vector("bias", 4 * HIDDEN, 0.0);
    let head = maker.linear("head", HIDDEN, CLASSES);
    let tokens = maker.inputs([BATCH, TOKENS, INPUTS]);
    let targets = maker.indices("targets", 1, [BATCH, TOKENS], CLASSES);
    maker.train(targets, |scope| {
        let gates = scope.linear(scope.read(tokens), (input, bias));
        scope.linear(gates.lstm(scope.read(recurrent)), head)
    })
}
