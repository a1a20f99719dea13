//! Instruments: what the bench measures on any trained model, and the statistics behind verdicts.

pub mod card;
pub mod cockpit;
pub mod derivatives;
pub mod difficulty;
pub mod hypothesis_bits;
pub mod matching;
pub mod opposing;
pub mod pathways;
pub mod power_law;
pub mod profile;
pub mod regime;
pub mod reliance;
pub mod representation;
pub mod robustness;
pub mod sharpness;
pub mod spectrum;
pub mod statistics;
pub mod subject;
