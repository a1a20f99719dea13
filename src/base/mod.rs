//! What every layer may use: random streams, the thread pool, content hashes, nearest names.

pub mod hash;
pub mod random;
pub mod text;
pub mod threads;
