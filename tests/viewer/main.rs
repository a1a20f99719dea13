//! The viewer from outside: the real program in a pseudo-terminal, driven by keys and read off a screen.
//!
//! `room` makes runs, `terminal` drives the viewer on them. A view is added to the kept screens by a row
//! of `screens::VIEWS`, a run to look at by a preset beside `small.ron`.
#![cfg(target_os = "linux")]

mod room;
mod terminal;

mod beside;
mod charts;
mod leaving;
mod live;
mod looks;
mod pages;
mod picture;
mod resizing;
mod screens;
