//! Kernels: plain Rust loops over slices, compiled for every instruction set. They know no graph,
//! allocate nothing, and split work by shape alone, so the bits do not depend on the threads.

pub mod along;
pub mod attention;
pub mod binary;
#[cfg(test)]
pub(crate) mod check;
pub mod convolution;
pub mod copy;
pub mod curve;
pub mod delta_rule;
pub mod dropout;
pub mod edge_messages;
pub mod experts;
pub mod gemm;
pub mod gru;
pub(crate) mod index;
pub mod isa;
pub(crate) mod lanes;
pub mod layer_norm;
pub mod limits;
pub mod linalg;
pub mod linear_attention;
pub mod lstm;
pub mod map;
pub mod masked_attention;
pub mod math;
pub mod matrix_memory;
pub mod memory;
pub mod optimiser;
pub mod pooling;
pub mod recurrence;
pub mod reduce;
pub mod rms_norm;
pub mod rotary;
pub mod rows;
pub mod select;
pub mod softmax;
pub(crate) mod split;
pub mod strided;
mod tile;
