//! What a trial takes, told before it starts.

use super::settings::{Condition, Evaluation};

/// Bytes of a recorded step, and of the checkpoint, scores and panels of a trial: somewhat above what a
/// trial of `quick` was measured to leave (1.4 MB).
const STEP_BYTES: u64 = 120;
const TRIAL_BYTES: u64 = 1_500_000;

/// Sets of the final evaluation, up to those that the user adds.
const SETS: f64 = 7.0;

/// Floating-point operations: training is three forward passes, evaluation one.
pub(super) fn flop(condition: &Condition, evaluation: &Evaluation) -> f64 {
    let probes = condition.steps as f64 / evaluation.every as f64;
    let evaluated = SETS * evaluation.sequences as f64 + probes * 2.0 * evaluation.probe as f64;
    let trained = 3.0 * condition.steps as f64 * condition.batch as f64;
    let forward = 2.0 * (condition.model.entry().multiply_adds)(&condition.model_shape());
    (trained + evaluated) * forward
}

/// Bytes of memory, roughly: activations of training, parameters with Adam, evaluation sets.
pub(super) fn memory(condition: &Condition, evaluation: &Evaluation) -> u64 {
    let shape = condition.model_shape();
    let positions = (condition.batch * shape.tokens) as u64;
    let activations = positions * (shape.layers * 24 * shape.width + 2 * shape.inputs) as u64;
    let weights = 4 * (shape.layers * 12 * shape.width * shape.width + shape.width * shape.inputs) as u64;
    let sets = 9 * (evaluation.sequences * shape.tokens) as u64 * (shape.inputs + condition.projection) as u64;
    4 * (activations + weights + sets)
}

/// Bytes on disk.
pub(super) const fn disk(condition: &Condition) -> u64 {
    condition.steps * STEP_BYTES + TRIAL_BYTES
}
