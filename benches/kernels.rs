//! Kernels.
fn main() { divan::main(); }
