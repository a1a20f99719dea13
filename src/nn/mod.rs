//! Layers, initialisers, optimisers and the models built from them.
//!
//! Weights are values addressed by stable path names; a model's `forward` takes them as an argument,
//! so the same code serves plain weights, weights after inner steps and generated weights.

pub mod layers;
pub mod optimiser;
pub mod schedule;
pub mod weights;
pub mod zoo;
