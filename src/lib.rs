#![doc = include_str!("../ARCHITECTURE.md")]

pub mod base;
pub mod cli;
pub mod contract;
pub mod engine;
pub mod instruments;
pub mod kernels;
pub mod nn;
pub mod run;
pub mod systems;
pub mod tasks;
pub mod training;
pub mod tui;
pub mod view;
pub mod workloads;
