//! What every layer may use: random streams, the thread pool, content hashes, checks of settings, nearest names,
//! means.

pub mod checks;
pub mod hash;
pub mod interval;
pub mod numbers;
pub mod random;
pub mod text;
pub mod threads;
