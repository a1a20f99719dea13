//! What every layer may use: random streams, the thread pool, content hashes, nearest names, means.

pub mod hash;
pub mod interval;
pub mod numbers;
pub mod random;
pub mod text;
pub mod threads;
