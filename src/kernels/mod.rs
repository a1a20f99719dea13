//! Kernels: plain Rust loops over slices, compiled for every instruction set. They know no graph,
//! allocate nothing, and split work by shape alone, so the bits do not depend on the threads.

pub mod attention;
#[cfg(test)]
pub(crate) mod check;
pub mod copy;
pub mod delta_rule;
pub mod gemm;
pub mod gru;
pub mod isa;
pub(crate) mod lanes;
pub mod layer_norm;
pub mod linear_attention;
pub mod lstm;
pub mod map;
pub mod math;
pub mod matrix_memory;
pub mod optimiser;
pub mod recurrence;
pub mod reduce;
pub mod softmax;
pub(crate) mod split;
pub mod strided;
mod tile;
