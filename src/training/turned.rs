//! A model that sees its inputs through a fixed rotation.

use crate::engine::Var;
use crate::instruments::subject::{Forward, Model};
use crate::nn::weights::Values;
use crate::tasks::rotation::Rotation;

/// What a network sees of inputs `[rows, width]`: the same turned, or as they are.
pub fn turned<'g>(rotation: Option<&Rotation>, inputs: Var<'g>) -> Var<'g> {
    rotation.map_or(inputs, |rotation| {
        let width = rotation.width();
        inputs.matmul(inputs.graph().constant([width, width], rotation.matrix().to_vec()))
    })
}

/// A model with the rotation before it, as instruments see it: inputs are what the task draws.
#[derive(Debug)]
pub struct Turned<M> {
    /// The model.
    pub model: M,
    /// The rotation, if there is one.
    pub rotation: Option<Rotation>,
}

impl<M: Model> Model for Turned<M> {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        self.model.forward(values, turned(self.rotation.as_ref(), inputs))
    }
}
