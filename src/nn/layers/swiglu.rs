//! The gated feed-forward half of a block: W_down (silu(W_gate x) * W_up x) (Shazeer 2020).

use super::{Linear, Spread};
use crate::engine::Var;
use crate::nn::weights::{Builder, Values};

/// Three linear maps without bias.
#[derive(Clone, Debug)]
pub struct SwiGlu {
    gate: Linear,
    up: Linear,
    down: Linear,
}

impl SwiGlu {
    /// The last map begins smaller by `output_scale`.
    pub fn new(b: &mut Builder<'_>, width: usize, hidden: usize, spread: Spread, output_scale: f32) -> Self {
        b.within("feed_forward", |b| SwiGlu {
            gate: Linear::new(b, "gate", width, hidden, spread.scale(width)),
            up: Linear::new(b, "up", width, hidden, spread.scale(width)),
            down: Linear::new(b, "down", hidden, width, output_scale * spread.scale(hidden)),
        })
    }

    /// `[.., width]`, kept.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        let gate = self.gate.forward(values, x).silu();
        self.down.forward(values, gate * self.up.forward(values, x))
    }
}
