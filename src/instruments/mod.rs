//! Instruments: what the bench measures on any trained model, and the statistics behind verdicts.

pub mod card;
pub mod profile;
pub mod statistics;
pub mod subject;
