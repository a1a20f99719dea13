//! The engine: written by running, run by a plan.
//!
//! Rust code records nodes in a [`Graph`]; [`Graph::gradient`] appends the backward pass as more
//! nodes of the same graph, so a gradient differentiates again; updates of stored values come last.
//! [`Graph::plan`] then drops dead nodes and lays all lifetimes into one arena. A training step is
//! [`Executor::run`]: a replay that neither allocates nor hashes.

mod derivatives;
mod executor;
mod fuse;
mod gradient;
mod graph;
mod op;
pub mod ops;
mod plan;
mod profile;
mod shape;
mod store;
#[cfg(test)]
mod tests;

pub use executor::{Executor, NotFinite};
pub use gradient::GradientError;
pub use graph::{Graph, Output, Var};
pub use op::{Backward, Follow, Gradients, Io, MAX_INPUTS, MAX_OUTPUTS, Op, Pointwise, ShapeError};
pub use plan::Plan;
pub use profile::{Cost, Profile};
pub use shape::Shape;
pub use store::{Slot, Store};
