//! Runs: presets become folders, workers advance them, readers watch them. Knows no system by name.
//!
//! A run is a folder. A worker process advances it; any number of [`Reader`]s watch it; neither
//! needs the other. What each file of the folder is for stands in [`Folder`].

mod advance;
mod annotations;
mod back;
mod bias_card;
mod checkpoint;
mod control;
mod coordinate;
mod digest;
mod document;
pub mod durable;
mod error;
pub mod export;
mod find;
mod folder;
mod journal;
mod lock;
mod opening;
pub mod presets;
mod progress;
mod reader;
mod recorder;
mod replay;
mod schedule;
mod space;
mod spawn;
#[cfg(test)]
mod testing;
mod times;
mod turns;
#[cfg(test)]
mod viewer_tests;
mod worker;

pub use annotations::{annotate, annotations};
pub use back::{checkpoints, go_back};
pub use bias_card::{BiasCard, bias_card, kept_card};
pub use checkpoint::Saved;
pub use control::{Request, request, turn};
pub use document::document;
pub use error::{DiskTrouble, RunError};
pub use find::{Listing, Summary, find, list, remove, summary};
pub use folder::{Folder, Manifest, create};
pub use journal::report;
pub use lock::{Holder, holder};
pub use presets::{Changes, Complaint, Preset, PresetFailure, check, entry, load, template};
pub use progress::{StudyProgress, TrialProgress};
pub use reader::{Reader, study_panels};
pub use replay::{Difference, replay};
pub use space::{free_space, nearest_folder};
pub use spawn::{Spawned, spawn_diagnose, spawn_worker};
pub use worker::{Ending, WorkOptions, work};
