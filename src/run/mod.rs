//! run

pub mod export;
