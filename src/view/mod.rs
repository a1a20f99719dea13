//! What the viewer shows and does, without a terminal: screen state, actions and the one key table.
//!
//! [`App`] turns [`Key`]s into changes of what is shown and into calls of a [`Bench`], the few things
//! that reach outside (start a run, ask its worker to pause). Painting is the business of the terminal layer.

mod actions;
mod app;
#[cfg(test)]
mod app_tests;
mod asked;
mod bench;
mod chart;
pub mod compared;
mod comparison;
mod copy;
pub mod curves;
mod enabled;
mod folders;
mod home;
mod keys;
mod knobs;
mod layout;
#[cfg(test)]
pub(crate) mod made_up;
mod metric;
mod palette;
mod panels;
mod pointer;
pub mod query;
mod run;
mod sequence;
mod settings;
pub mod threshold;
mod tour;
pub mod words;

pub use app::{App, Effect, Message, Overlay, Watched};
pub use asked::{Checkpoints, Words, Writing};
pub use bench::{Bench, Feed, RunRow, Wish, last_judged};
pub use chart::{Charts, Glance, lines_of};
pub use comparison::{Comparison, Side};
pub use folders::{Folders, Snapshot};
pub use home::{Home, List, Offer, PresetRow};
pub use keys::{Action, Binding, Context, KEYS, Key, by_place, lookup};
pub use knobs::Knobs;
pub use layout::{Area, Grid, Size, grid};
pub use metric::{Along, headline, metric_names};
pub use palette::Palette;
pub use pointer::Pointed;
pub use run::{Focus, Item, Shown, Stand, Told, items, journal, last_error, notes};
pub use sequence::{Parts, Read, Shape, Steps, TokenAxis, Walk, parts, sequence_area, sequences, strip, token_text};
pub use settings::{Field, SettingRow, Settings};
pub use tour::{Stop, Tour};
