//! Instruments: what the bench measures on any trained model, and the statistics behind verdicts.

pub mod card;
pub mod cockpit;
pub mod derivatives;
pub mod hypothesis_bits;
pub mod opposing;
pub mod profile;
pub mod regime;
pub mod reliance;
pub mod robustness;
pub mod sharpness;
pub mod statistics;
pub mod subject;
