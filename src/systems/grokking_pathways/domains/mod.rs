//! Mixed domains: a decoder with mixtures of experts in its blocks on `op a b =`, where every operation has its own
//! share of training questions, so that domains generalise at different times; in epochs, or in one pass over samples
//! with a long tail.

mod groups;
mod model;
mod panels;
pub mod settings;
pub(super) mod study_panels;
pub(super) mod trial;
