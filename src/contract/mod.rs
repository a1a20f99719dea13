//! What systems and the bench say to each other: plain data and two traits, no files, no terminal.
//!
//! A [`System`] names the [`Cell`]s of its study, starts their [`Trial`]s and judges the [`Evidence`] into a
//! [`Verdict`]. Trials speak in [`Event`]s; one fold of events, [`StudyState`], is what is shown,
//! live or replayed from disk. [`Panel`]s are data: painters and exporters render the same values.

mod annotation;
mod axis;
mod card;
mod cell;
mod checkpoint;
mod event;
mod evidence;
mod graphs;
mod knob;
mod missing;
mod panel;
mod preset;
mod reading;
mod sankey;
mod sequence;
mod setting;
mod state;
mod study;
mod thumbnail;
mod trial;
mod verdict;

pub use crate::base::checks::{Checks, Expectation, Problem};
pub use annotation::{Annotation, Annotations};
pub use axis::{Span, short_number};
pub use card::{Card, Family, MetricCard, Paper, metric};
pub use cell::Cell;
pub use checkpoint::{Archive, Checkpoint, Tensor};
pub use event::{Closing, Event, Level};
pub use evidence::{Evidence, Recorded};
pub use graphs::{Edge, EdgeKind, Frame, Graph, Graphs, Layout, NodeState};
pub use knob::{Knob, Turn};
pub use panel::{
    Axis, Bar, Bars, Body, Dash, Heat, Image, Images, Line, Lines, Mark, Panel, Point, Scale, Scatter, Table, Token,
    Tokens,
};
pub use preset::{ABLATED, Header, PresetError, ShippedPreset, Watch, tree};
pub(crate) use preset::{presets, shipped_thumbnail};
pub use reading::{Found, Quantity, Reading};
pub use sankey::{Band, Link, Node, NodeColumn, Sankey};
pub use sequence::{Matrix, Pathways, Sequence, Track};
pub use setting::{Choice, Parts, Setting, typed};
pub use state::{Series, Status, StudyState, TrialState, seconds_at};
pub use study::{Cost, Entry, Study, System};
pub use thumbnail::thumbnail;
pub use trial::{Flow, Progress, Record, Setup, Trial, TrialError, TrialResult, TrialSpec};
pub use verdict::{Check, Outcome, SeedRow, Verdict};
