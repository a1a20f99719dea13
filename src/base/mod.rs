//! What every layer may use: random streams, the thread pool, content hashes, settings read and checked, nearest names,
//! means.

pub mod checks;
pub mod hash;
pub mod interval;
pub mod numbers;
pub mod random;
pub mod reading;
pub mod text;
pub mod threads;
