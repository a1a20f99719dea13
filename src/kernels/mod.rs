//! Kernels: plain Rust loops over slices, compiled for every instruction set. They know no graph,
//! allocate nothing, and split work by shape alone, so the bits do not depend on the threads.

pub mod copy;
pub mod gemm;
pub mod isa;
pub mod map;
pub mod math;
pub mod optimiser;
pub mod reduce;
pub mod strided;
mod tile;
